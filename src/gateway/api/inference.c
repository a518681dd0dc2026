/* POST /models/{id} and its relatives: finds the model and the worker's path in what is behind the
 * prefix.
 *
 *     ID                        the model's own task          -> /
 *     ID/pipeline/TASK          another task of it            -> /pipeline/TASK
 *     ID/WORKER PATH            what a model server offers    -> the same path
 *
 * An id has one or two parts, so "a/embed" may be a model or a path of model "a": what exists
 * decides, the longer id first. */
#include "gateway/api/call.h"

#include "gateway/handlers.h"
#include "tasks/task.h"

#include <string.h>

struct worker_path {
    const char *method, *path;
};

static const struct worker_path worker_paths[] = {
    {"POST", "/v1/embeddings"}, {"GET", "/v1/models"},  {"POST", "/embeddings"},
    {"POST", "/embed"},         {"POST", "/embed_all"}, {"POST", "/similarity"},
    {"POST", "/tokenize"},      {"POST", "/decode"},    {"GET", "/info"},
    {"POST", "/embed_sparse"},  {"POST", "/predict"},   {"POST", "/rerank"},
    {"POST", "/v1/rerank"},     {"POST", "/v2/rerank"},
};

enum { N_WORKER_PATHS = sizeof worker_paths / sizeof *worker_paths };

/* What stands behind the first n parts of a path, "" when nothing; p == NULL with fewer parts. */
static str behind_parts(str path, int n)
{
    size_t at = 0;
    while (n-- > 0) {
        if (at >= path.n)
            return (str){0};
        const char *slash = memchr(path.p + at + 1, '/', path.n - at - 1);
        at = slash ? (size_t)(slash - path.p) : path.n;
    }
    return (str){path.p + at, path.n - at};
}

/* Cuts "a/b/embed" into the id of a model that exists and the rest ("/embed"). */
static local_model *cut(gateway *g, str path, str *id, str *rest, error *e)
{
    local_model *found = NULL;
    for (int n = 2; n >= 1 && !found; n--) {
        str tail = behind_parts(path, n);
        if (!tail.p)
            continue;
        *rest = tail;
        *id = (str){path.p, path.n - tail.n};
        error cause = {0};
        found = library_find(g->library, *id, &cause);
        if (!found && e->kind == ERR_NONE)
            *e = cause;
    }
    return found;
}

static bool is_pipeline(str rest, str *name)
{
    if (!str_starts(rest, STR("/pipeline/")))
        return false;
    *name = str_skip(rest, 10);
    return name->n > 0 && !memchr(name->p, '/', name->n);
}

static void call_task(http_request *req, gateway *g, local_model *found, str name)
{
    if (!task_find(name)) {
        http_error(req, 404, "there is no task '%.*s' on this server", (int)name.n, name.p);
        return;
    }
    const char *target = arena_printf(http_arena(req), "/pipeline/%.*s", (int)name.n, name.p);
    call_model(req, g, found, target, NULL);
}

static void refuse_method(http_request *req, const char *allow)
{
    http_header(req, "Allow", allow);
    str method = http_method(req);
    http_error(req, 405, "method %.*s is not allowed here, only %s", (int)method.n, method.p,
               allow);
}

/* A path below a model that its worker answers. */
static void call_path(http_request *req, gateway *g, local_model *found, str rest)
{
    str method = http_method(req);
    for (int i = 0; i < N_WORKER_PATHS; i++) {
        const struct worker_path *w = &worker_paths[i];
        if (!str_is(rest, w->path))
            continue;
        bool allowed =
            str_is(method, w->method) || (str_is(method, "HEAD") && strcmp(w->method, "GET") == 0);
        if (allowed)
            call_model(req, g, found, w->path, NULL);
        else
            refuse_method(req, strcmp(w->method, "GET") == 0 ? "GET, HEAD" : w->method);
        return;
    }
    http_error(req, 404, "model '%s' has no route '%.*s'", found->hub.id, (int)rest.n, rest.p);
}

void post_model(http_request *req, gateway *g)
{
    str id, rest, name;
    error e = {0};
    local_model *found = cut(g, http_capture(req, 0), &id, &rest, &e);
    if (!found)
        reply_no_model(req, g, http_capture(req, 0), &e);
    else if (rest.n == 0)
        call_model(req, g, found, "/", NULL);
    else if (is_pipeline(rest, &name))
        call_task(req, g, found, name);
    else
        call_path(req, g, found, rest);
}

/* A client of an endpoint asks whether it is healthy: it is when the model could be loaded, and
 * asking must not load it. */
static void reply_health(http_request *req, gateway *g, const local_model *found)
{
    pool_status status;
    pool_get_status(g->pool, found->hub.id, &status);
    if (status.loadable || status.state == POOL_READY)
        http_reply(req, 200, NULL, NULL, 0);
    else
        http_fail(req, &status.failure);
}

void get_model(http_request *req, gateway *g)
{
    str id, rest, name;
    error e = {0};
    local_model *found = cut(g, http_capture(req, 0), &id, &rest, &e);
    if (!found)
        reply_no_model(req, g, http_capture(req, 0), &e);
    else if (rest.n == 0)
        reply_status(req, g, id);
    else if (str_is(rest, "/health"))
        reply_health(req, g, found);
    else if (is_pipeline(rest, &name))
        refuse_method(req, "POST");
    else
        call_path(req, g, found, rest);
}

void post_pipeline(http_request *req, gateway *g)
{
    error e = {0};
    local_model *found = library_find(g->library, http_capture(req, 1), &e);
    if (found)
        call_task(req, g, found, http_capture(req, 0));
    else
        reply_no_model(req, g, http_capture(req, 1), &e);
}
