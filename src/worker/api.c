/* The way of a request: content type -> body -> batcher -> headers -> reply. A client that leaves
 * cancels its job; the reply is written on the loop's thread. */
#include "base/memory.h"
#include "http/h1.h"
#include "worker/state.h"
#include "worker/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const task task_sentence_similarity;

#define X(method, path, task, style) {method, path, task, style},
static const struct api_row rows[] = {
#include "worker/routes.h"
};
#undef X

enum { N_ROWS = sizeof rows / sizeof *rows };

struct bound_route {
    struct worker *worker;
    const struct api_row *row;
};

struct waiting { /* a request whose job runs; in the request's arena */
    http_request *request;
    struct worker *worker;
    const struct api_row *row;
    const task *task;
    bool named; /* by the route */
    enum task_client client;
    job *job;
};

enum api_style worker_style(str path)
{
    if (str_starts(path, STR("/v1/")))
        return STYLE_OPENAI;
    for (int i = 0; i < N_ROWS; i++)
        if (str_is(path, rows[i].path))
            return rows[i].style;
    return STYLE_HF;
}

/* The names that text-embeddings-inference gives to its errors. */
static const char *tei_error_type(int status, const char *code)
{
    switch (status) {
    case 400:
        return strcmp(code, "empty") == 0 ? "Empty" : "Validation";
    case 429:
        return "Overloaded";
    case 503:
        return "Unhealthy";
    default:
        return status < 500 ? "Validation" : "Backend";
    }
}

void worker_write_error(http_request *req, int status, const char *code, const char *message,
                        void *app)
{
    (void)app;
    json_t *root;
    enum api_style style = worker_style(http_path(req));
    if (style == STYLE_OPENAI)
        root = json_pack("{s:{s:s, s:s, s:n, s:s}}", "error", "message", message, "type",
                         status < 500 ? "invalid_request_error" : "server_error", "param", "code",
                         code);
    else if (style == STYLE_TEI)
        root =
            json_pack("{s:s, s:s}", "error", message, "error_type", tei_error_type(status, code));
    else
        root = json_pack("{s:s}", "error", message);
    if (!root) /* the message is not valid UTF-8 */
        root = json_pack("{s:s}", "error", code);
    char *text = json_dumps(root, JSON_COMPACT);
    if (status == 429 || status == 503)
        http_header(req, "Retry-After", "1");
    http_reply_text(req, status, "application/json", text ? text : "{}");
    free(text);
    json_decref(root);
}

/* curl -d sends application/x-www-form-urlencoded with JSON in it, and some clients send no type at
 * all. */
static bool is_json_type(str type)
{
    static const char *const allowed[] = {"application/json", "application/x-www-form-urlencoded",
                                          "application/octet-stream", "text/plain", "text/json"};
    size_t n = 0;
    while (n < type.n && type.p[n] != ';' && type.p[n] != ' ')
        n++;
    type.n = n;
    if (n == 0 || str_ends(type, STR("+json")))
        return true;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (h1_equal_fold(type, str_of(allowed[i])))
            return true;
    return false;
}

static void add_timing(http_request *req, enum api_style style, const job_result *r)
{
    int64_t inference = r->compute_us, total = r->queue_us + r->tokenize_us + inference;
    http_header(req, "x-compute-type", "cpu");
    if (style == STYLE_HF) {
        http_headerf(req, "x-compute-time", "%.6f", (double)total / 1e6);
        return;
    }
    http_headerf(req, "x-compute-time", "%lld", (long long)(total + 500) / 1000);
    http_headerf(req, "x-total-time", "%lld", (long long)(total + 500) / 1000);
    http_headerf(req, "x-tokenization-time", "%lld", (long long)(r->tokenize_us + 500) / 1000);
    http_headerf(req, "x-queue-time", "%lld", (long long)(r->queue_us + 500) / 1000);
    http_headerf(req, "x-inference-time", "%lld", (long long)(inference + 500) / 1000);
}

static void add_usage(http_request *req, const struct worker *w, const call_usage *u)
{
    http_headerf(req, "x-compute-characters", "%lld", (long long)u->characters);
    http_headerf(req, "x-compute-tokens", "%lld", (long long)u->tokens);
    http_headerf(req, "x-input-tokens", "%lld", (long long)u->tokens_given);
    if (u->n_truncated > 0)
        http_headerf(req, "x-truncated-inputs", "%d", u->n_truncated);
    if (u->warning) /* a topic in front: clients of the hub show each once */
        http_headerf(req, "x-hf-warning", "%s; %s", w->pipeline.task->name, u->warning);
    if (*w->pipeline.commit)
        http_header(req, "x-sha", w->pipeline.commit);
}

static void answer(job_result *r, void *arg)
{
    struct waiting *wait = arg;
    http_request *req = wait->request;
    wait->job = NULL;
    if (r->error.kind != ERR_NONE) {
        http_fail(req, &r->error);
        return;
    }
    add_timing(req, wait->row->style, r);
    add_usage(req, wait->worker, &r->usage);
    http_reply_buf(req, 200, "application/json", &r->reply);
}

static void client_left(void *arg)
{
    struct waiting *wait = arg;
    job_cancel(wait->job);
}

static void submit(http_request *req, str body, void *arg)
{
    struct waiting *wait = arg;
    error e = {0};
    wait->job = batcher_submit(wait->worker->batcher, wait->task, wait->named, wait->client, body,
                               answer, wait, &e);
    if (!wait->job)
        http_fail(req, &e);
    else
        http_on_gone(req, client_left, wait);
}

/* "unknown/None; hf_hub/0.25.2; python/3.11", "@huggingface/inference/4.13.30 ..." */
static enum task_client client_of(const http_request *req)
{
    str agent = http_request_header(req, "user-agent");
    for (str at = agent; at.n; at = str_skip(at, 1)) {
        if (str_starts(at, STR("hf_hub/0.")))
            return CLIENT_OLD_PYTHON;
        if (str_starts(at, STR("@huggingface/inference")))
            return CLIENT_JAVASCRIPT;
    }
    return CLIENT_ANY;
}

/* The task of a route: its own, the one that the path names, or the model's. NULL when this model
 * cannot do it. */
static const task *task_of(const http_request *req, const struct bound_route *route, error *e)
{
    const pipeline *p = &route->worker->pipeline;
    if (route->row->task)
        return pipeline_check(p, route->row->task, e) ? route->row->task : NULL;
    if (strstr(route->row->path, "{task}"))
        return pipeline_task(p, http_capture(req, 0), e);
    return p->task;
}

static void handle(http_request *req, void *app)
{
    const struct bound_route *route = app;
    struct worker *w = route->worker;
    error e = {0};
    str type = http_request_header(req, "content-type");
    str coding = http_request_header(req, "content-encoding");
    if (!is_json_type(type) || (coding.n && !h1_equal_fold(coding, STR("identity")))) {
        http_error(req, 415,
                   "the request body is '%.*s', expected 'application/json' without compression",
                   (int)(coding.n ? coding.n : type.n), coding.n ? coding.p : type.p);
        return;
    }
    const task *t = task_of(req, route, &e);
    bool named = route->row->task || strstr(route->row->path, "{task}");
    if (!t) {
        http_fail(req, &e);
        return;
    }
    struct waiting *wait = arena_alloc(http_arena(req), sizeof *wait);
    *wait = (struct waiting){req, w, route->row, t, named, client_of(req), NULL};
    http_read_all(req, (size_t)w->options->max_body, submit, wait);
}

void worker_add_api(struct worker *w)
{
    w->routes = xcalloc(N_ROWS, sizeof *w->routes);
    for (int i = 0; i < N_ROWS; i++) {
        w->routes[i] = (struct bound_route){w, &rows[i]};
        http_route(w->server, rows[i].method, rows[i].path, handle, &w->routes[i]);
    }
}
