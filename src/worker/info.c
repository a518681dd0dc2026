/* What a worker tells about itself: health, description, counters. None of these waits for the
 * engine. */
#include "base/json.h"
#include "worker/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reply_json(http_request *req, json_t *value)
{
    buf text = buf_new(1 << 20);
    json_put(&text, value);
    json_decref(value);
    http_reply_buf(req, 200, "application/json", &text);
    buf_release(&text);
}

/* Ready means: the model is loaded, which is so for as long as the socket is open. */
static void health(http_request *req, void *app)
{
    const struct worker *w = app;
    if (http_server_is_draining(w->server))
        http_error(req, 503, "the worker is shutting down");
    else
        http_reply(req, 200, NULL, NULL, 0);
}

static void live(http_request *req, void *app)
{
    (void)app;
    http_reply_text(req, 200, "text/plain", "ok\n");
}

/* {"id2label": {"0": name}, "label2id": {name: 0}} */
static json_t *label_maps(const model_info *m)
{
    json_t *names = json_object(), *ids = json_object();
    for (int i = 0; i < m->n_labels; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        json_object_set_new(names, id, json_string(m->labels[i]));
        json_object_set_new(ids, m->labels[i], json_integer(i));
    }
    return json_pack("{s:o, s:o}", "id2label", names, "label2id", ids);
}

/* What text-embeddings-inference calls the kind of a model, for its clients. */
static json_t *model_kind(const model_info *m)
{
    if (m->head == HEAD_LABELS)
        return json_pack("{s:o}", m->n_labels == 1 ? "reranker" : "classifier", label_maps(m));
    return json_pack("{s:{s:s}}", "embedding", "pooling",
                     m->head == HEAD_MASKED_LM ? "splade" : m->pooling);
}

/* Names that text-embeddings-inference's clients know. */
static const char *dtype_of(const model_info *m)
{
    return strcmp(m->precision, "bf16") == 0   ? "bfloat16"
           : strcmp(m->precision, "int8") == 0 ? "int8"
                                               : "float32";
}

/* text-embeddings-inference's GET /info. */
static void info(http_request *req, void *app)
{
    const struct worker *w = app;
    const model_info *m = w->pipeline.info;
    json_t *root = json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:s, s:i, s:i, s:i, s:n, s:i, s:b, s:i, s:s, s:n, s:n}",
        "model_id", w->pipeline.id, "model_sha", w->pipeline.commit, "model_dtype", dtype_of(m),
        "model_type", model_kind(m), "served_model_name", w->pipeline.id, "model_pipeline_tag",
        w->pipeline.task->name, "max_concurrent_requests", w->options->max_waiting,
        "max_input_length", w->pipeline.max_tokens, "max_batch_tokens", 16384, "max_batch_requests",
        "max_client_batch_size", 10000, "auto_truncate", 1, "tokenization_workers", 1, "version",
        INFERD_VERSION, "sha", "docker_label");
    json_t *names = json_array();
    for (int i = 0; tasks[i]; i++)
        if (pipeline_offers(&w->pipeline, tasks[i]))
            json_array_append_new(names, json_string(tasks[i]->name));
    json_object_set_new(root, "tasks", names);
    json_object_set_new(root, "architecture", json_string(m->model_type));
    json_object_set_new(root, "embedding_dimension", json_integer(m->width));
    json_object_set_new(root, "kernels", json_string(worker_products(m->precision)));
    json_object_set_new(root, "parameters", json_integer(m->parameters));
    reply_json(req, root);
}

static json_t *model_object(const struct worker *w)
{
    return json_pack("{s:s, s:s, s:I, s:s}", "id", w->pipeline.id, "object", "model", "created",
                     (json_int_t)(w->started_unix_ms / 1000), "owned_by", "inferd");
}

static void list_models(http_request *req, void *app)
{
    reply_json(req, json_pack("{s:s, s:[o]}", "object", "list", "data", model_object(app)));
}

/* A worker serves one model, whatever name it is asked for by. */
static void show_model(http_request *req, void *app)
{
    reply_json(req, model_object(app));
}

static void put_counter(buf *out, const char *name, const char *type, const char *help,
                        double value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name, value);
}

static void metrics(http_request *req, void *app)
{
    const struct worker *w = app;
    batcher_counts c = batcher_count(w->batcher);
    buf out = buf_new(1 << 16);
    put_counter(&out, "inferd_worker_requests_waiting", "gauge", "Requests queued or running.",
                c.waiting);
    put_counter(&out, "inferd_worker_requests_total", "counter", "Requests answered.",
                (double)c.done);
    put_counter(&out, "inferd_worker_requests_failed_total", "counter", "Requests that failed.",
                (double)c.failed);
    put_counter(&out, "inferd_worker_requests_cancelled_total", "counter",
                "Requests whose client left before the reply.", (double)c.cancelled);
    put_counter(&out, "inferd_worker_tokens_total", "counter", "Tokens computed.",
                (double)c.tokens);
    put_counter(&out, "inferd_worker_batches_total", "counter", "Batches computed.",
                (double)c.batches);
    put_counter(&out, "inferd_worker_busy_seconds_total", "counter", "Time spent computing.",
                (double)c.busy_us / 1e6);
    put_counter(&out, "inferd_worker_load_seconds", "gauge", "Time that loading the model took.",
                (double)w->pipeline.load_us / 1e6);
    put_counter(&out, "inferd_worker_mapped_bytes", "gauge", "Weights mapped from files.",
                (double)w->pipeline.info->mapped_bytes);
    put_counter(&out, "inferd_worker_converted_bytes", "gauge",
                "Private memory of converted weights.", (double)w->pipeline.info->converted_bytes);
    http_reply_buf(req, 200, "text/plain; version=0.0.4", &out);
    buf_release(&out);
}

static const http_route_row rows[] = {
    {"GET", "/", health},
    {"GET", "/health", health},
    {"GET", "/ping", health},
    {"GET", "/livez", live},
    {"GET", "/readyz", health},
    {"GET", "/info", info},
    {"GET", "/metrics", metrics},
    {"GET", "/v1/models", list_models},
    {"GET", "/v1/models/{id...}", show_model},
    {0},
};

void worker_add_info(struct worker *w)
{
    http_routes(w->server, rows, w);
}
