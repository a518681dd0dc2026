/* What the routes of a worker share. */
#pragma once

#include "http/request.h"
#include "worker/batcher.h"
#include "worker/worker.h"

struct worker {
    const worker_options *options;
    pipeline pipeline;
    team *threads;
    loop *loop;
    http_server *server;
    batcher *batcher;
    int64_t started_unix_ms;
    struct bound_route *routes; /* rows of api.h bound to this worker */
};

/* How replies and errors of a route look. */
enum api_style {
    STYLE_HF,     /* seconds in x-compute-time; {"error":"..."} */
    STYLE_TEI,    /* milliseconds; {"error":"...","error_type":"Validation"} */
    STYLE_OPENAI, /* milliseconds; {"error":{"message","type","param","code"}} */
};

/* A route that runs a task. */
struct api_row {
    const char *method, *path;
    const task *task; /* NULL: the path's {task}, else the model's own */
    enum api_style style;
};

/* The kernels that products in a precision are made by: "avx512", "vnni", "scalar". */
const char *worker_products(const char *precision);

/* Adds the rows of routes.h, and the informational routes (info.c). */
void worker_add_api(struct worker *w);
void worker_add_info(struct worker *w);

/* The style of errors for a path; the server's error writer. */
enum api_style worker_style(str path);
void worker_write_error(http_request *req, int status, const char *code, const char *message,
                        void *app);
