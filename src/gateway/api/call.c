/* Main path: call_model -> pool_lease -> on_ready -> http_proxy -> on_done. A worker that refuses
 * the connection is dying: as nothing was sent, the request is tried again until the pool has seen
 * the end of the process and starts another. */
#include "gateway/api/call.h"

#include "base/log.h"
#include "base/memory.h"
#include "http/h1.h"
#include "http/proxy.h"

#include <stdlib.h>

enum { RETRY_MS = 5, MOST_TRIES = 400 };

struct call {
    http_request *req;
    gateway *gateway;
    lease lease;
    char *id, *folder, *commit, *target;
    int64_t weight_bytes;
    str body;
    bool has_body;
    int n_tries;
    timer *retry; /* NULL before the first retry */
};

static void call_free(struct call *c)
{
    lease_release(&c->lease);
    timer_free(c->retry);
    free(c->id);
    free(c->folder);
    free(c->commit);
    free(c->target);
    free(c);
}

static void on_gone(void *arg)
{
    call_free(arg);
}

static void on_head(http_request *req, const h1_head *head, void *arg)
{
    (void)head;
    const struct call *c = arg;
    http_header(req, "x-sha", c->commit);
}

static void on_done(bool complete, void *arg)
{
    struct call *c = arg;
    if (!complete)
        log_debug("model '%s': a reply was cut short", c->id);
    call_free(c);
}

static void take_lease(void *arg);

static void try_again(struct call *c)
{
    http_on_gone(c->req, on_gone, c);
    if (!c->retry)
        c->retry = timer_new(c->gateway->loop, take_lease, c);
    timer_start(c->retry, RETRY_MS);
}

/* What the proxy says, in words about the model. */
static void on_proxy_failed(http_request *req, const http_proxy_failure *failure, void *arg)
{
    struct call *c = arg;
    lease_release(&c->lease);
    if (!failure->sent && !failure->body_taken && failure->error.kind == ERR_UNAVAILABLE &&
        ++c->n_tries < MOST_TRIES) {
        try_again(c);
        return;
    }
    int status = failure->error.kind == ERR_UNAVAILABLE ? 503 : error_status(failure->error.kind);
    if (status == 503)
        http_header(req, "Retry-After", "1");
    if (failure->error.kind == ERR_BAD_GATEWAY)
        http_error(req, status, "the worker of model '%s' ended while it worked on this request",
                   c->id);
    else
        http_error(req, status, "the worker of model '%s' cannot be asked: %s", c->id,
                   failure->error.message);
    call_free(c);
}

static void on_ready(lease *l)
{
    struct call *c = (struct call *)((char *)l - offsetof(struct call, lease));
    static const http_pair headers[] = {{"Authorization", NULL}, {"Cookie", NULL}, {NULL, NULL}};
    http_proxy_options options = {
        .address = lease_address(l),
        .target = c->target,
        .headers = headers,
        .keeps = true,
        .max_body = (uint64_t)c->gateway->options->max_body_bytes,
        .head = on_head,
        .failed = on_proxy_failed,
        .done = on_done,
        .arg = c,
    };
    http_header(c->req, "X-Request-Id", visit_of(c->req)->id);
    if (c->has_body)
        http_proxy_body(c->req, c->body, &options);
    else
        http_proxy(c->req, &options);
}

static void on_lease_failed(lease *l, const pool_failure *failure)
{
    struct call *c = (struct call *)((char *)l - offsetof(struct call, lease));
    if (failure->retry_after_s > 0)
        http_headerf(c->req, "Retry-After", "%d", failure->retry_after_s);
    visit_of(c->req)->estimated_s = failure->estimated_s;
    http_fail(c->req, &failure->error);
    call_free(c);
}

static void take_lease(void *arg)
{
    struct call *c = arg;
    c->lease = (lease){.ready = on_ready, .failed = on_lease_failed};
    pool_lease(c->gateway->pool, &c->lease, c->id, c->folder, c->weight_bytes);
}

/* "X-Load-Model: 0", the header of dont_load_model. */
static bool may_load(const http_request *req)
{
    str wish = http_request_header(req, "x-load-model");
    return !str_is(wish, "0") && !h1_equal_fold(wish, STR("false"));
}

static bool is_loaded(const gateway *g, const char *id)
{
    pool_status status;
    pool_get_status(g->pool, id, &status);
    return status.state == POOL_READY;
}

void call_model(http_request *req, gateway *g, local_model *model, const char *target,
                const str *body)
{
    if (!may_load(req) && !is_loaded(g, model->hub.id)) {
        http_error(req, 503, "model '%s' is not loaded and the header X-Load-Model says not to",
                   model->hub.id);
        return;
    }
    int64_t announced = http_body_length(req);
    if (!body && announced > g->options->max_body_bytes) {
        http_error(req, 413, "the body has %lld bytes, this server takes at most %lld",
                   (long long)announced, (long long)g->options->max_body_bytes);
        return;
    }
    struct call *c = xcalloc(1, sizeof *c);
    *c = (struct call){.req = req, .gateway = g, .weight_bytes = model->weight_bytes};
    c->id = xstrdup(model->hub.id);
    c->folder = xstrdup(model->hub.folder);
    c->commit = xstrdup(model->hub.commit);
    c->target = xstrdup(target);
    if (body) {
        c->body = *body;
        c->has_body = true;
    }
    http_on_gone(req, on_gone, c);
    take_lease(c);
}

void reply_no_model(http_request *req, gateway *g, str id, const error *e)
{
    char *text = arena_copy(http_arena(req), id.p, id.n);
    if (text)
        pool_retire(g->pool, text);
    if (e->kind == ERR_NOT_FOUND) {
        visit_of(req)->error_code = "model_not_found";
        http_header(req, "X-Error-Code", "RepoNotFound");
        http_header(req, "X-Error-Message", "Repository not found");
    }
    http_fail(req, e);
}
