/* What happens to every request: its id, the check of the Host header, CORS, the form of errors,
 * counting and the access log. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "gateway/state.h"
#include "gateway/web.h"

#include <ctype.h>
#include <inttypes.h>

static const char exposed_headers[] =
    "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,"
    "Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,x-compute-type,x-compute-time,"
    "x-compute-characters,x-compute-tokens,x-input-tokens,x-truncated-inputs,x-sha,Retry-After,"
    "ratelimit,ratelimit-policy";

/* An id that the client sent is kept when it is harmless in logs and headers. */
static bool take_request_id(visit *v, str id)
{
    if (id.n == 0 || id.n > REQUEST_ID_MAX)
        return false;
    for (size_t i = 0; i < id.n; i++)
        if (!isalnum((unsigned char)id.p[i]) && !memchr("-_.:=;/+", id.p[i], 8))
            return false;
    memcpy(v->id, id.p, id.n);
    v->id[id.n] = '\0';
    return true;
}

static void make_request_id(visit *v)
{
    uint64_t number;
    random_bytes(&number, sizeof number);
    snprintf(v->id, sizeof v->id, "%016" PRIx64, number);
}

static void answer_preflight(http_request *req)
{
    str wanted = http_request_header(req, "Access-Control-Request-Headers");
    http_header(req, "Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
    if (wanted.p)
        http_headerf(req, "Access-Control-Allow-Headers", "%.*s", (int)wanted.n, wanted.p);
    http_header(req, "Access-Control-Max-Age", "86400");
    http_reply(req, 204, NULL, NULL, 0);
}

bool hook_before(http_request *req, void *app)
{
    gateway *g = app;
    visit *v = arena_alloc(http_arena(req), sizeof *v);
    http_set_user(req, v);
    if (!take_request_id(v, http_request_header(req, "X-Request-Id")) &&
        !take_request_id(v, http_request_header(req, "X-Amzn-Trace-Id")))
        make_request_id(v);
    str host = http_host(req);
    if (host.n && strcmp(http_peer(req), "unix") != 0 && !host_allowed(&g->hosts, host)) {
        http_error(req, 421,
                   "this server does not answer as '%.*s'; `inferd serve --allow-host %.*s` makes "
                   "it do so",
                   (int)host.n, host.p, (int)host.n, host.p);
        return false;
    }
    if (str_is(http_method(req), "OPTIONS") &&
        http_request_header(req, "Access-Control-Request-Method").p) {
        answer_preflight(req);
        return false;
    }
    return true;
}

void hook_head(http_request *req, int status, void *app)
{
    (void)status;
    (void)app;
    const visit *v = visit_of(req);
    if (!v)
        return;
    http_header(req, "X-Request-Id", v->id);
    http_header(req, "X-Content-Type-Options", "nosniff");
    if (http_request_header(req, "Origin").p) {
        http_header(req, "Access-Control-Allow-Origin", "*");
        http_header(req, "Access-Control-Expose-Headers", exposed_headers);
    }
}

/* --- errors --- */

static bool is_openai(str path)
{
    return str_starts(path, STR("/v1/")) || (path.n && memmem(path.p, path.n, "/v1/", 4) != NULL) ||
           str_ends(path, STR("/embeddings"));
}

static bool is_page(const http_request *req)
{
    str accept = http_request_header(req, "Accept"), path = http_path(req);
    static const char *const others[] = {"/api/", "/models/", "/v1/", "/assets/", "/status/"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_starts(path, str_of(others[i])))
            return false;
    return str_is(http_method(req), "GET") && accept.p &&
           memmem(accept.p, accept.n, "text/html", 9);
}

static const char *openai_type(int status)
{
    if (status == 401)
        return "authentication_error";
    if (status == 403)
        return "permission_error";
    if (status == 429)
        return "rate_limit_error";
    return status >= 500 ? "server_error" : "invalid_request_error";
}

static json_t *error_text(const char *message)
{
    json_t *text = json_string(message);
    return text ? text : json_string("the error text was not valid UTF-8");
}

void hook_error(http_request *req, int status, const char *code, const char *message, void *app)
{
    (void)app;
    const visit *v = visit_of(req);
    if (v && status == 404 && is_page(req)) {
        for (const struct web_file *file = web_files; file->path; file++)
            if (strcmp(file->path, "404.html") == 0) {
                page_headers(req);
                http_reply_constant(req, 404, "text/html; charset=utf-8",
                                    (str){file->data, file->size});
                return;
            }
    }
    json_t *body;
    if (v && is_openai(http_path(req)))
        body =
            json_pack("{s:{s:o,s:s,s:n,s:s}}", "error", "message", error_text(message), "type",
                      openai_type(status), "param", "code", v->error_code ? v->error_code : code);
    else
        body = json_pack("{s:o}", "error", error_text(message));
    if (v && v->estimated_s > 0)
        json_object_set_new(body, "estimated_time", json_real(v->estimated_s));
    reply_json(req, status, body);
}

void reply_json(http_request *req, int status, json_t *document)
{
    buf text = buf_new(256 << 20);
    json_put(&text, document);
    json_decref(document);
    http_reply_buf(req, status, "application/json", &text);
}

const char *request_origin(http_request *req)
{
    str proto = http_request_header(req, "X-Forwarded-Proto");
    str host = http_host(req);
    bool https = str_is(proto, "https");
    const char *text = arena_printf(http_arena(req), "%s://%.*s", https ? "https" : "http",
                                    (int)host.n, host.n ? host.p : "");
    return text ? text : "";
}

/* --- afterwards --- */

void hook_finished(http_request *req, const http_summary *summary, void *app)
{
    gateway *g = app;
    const visit *v = visit_of(req);
    const char *pattern = v && v->route ? v->route->pattern : "none";
    char status[8];
    snprintf(status, sizeof status, "%d", summary->status);
    series_add(metrics_get(g->metrics, METRIC_COUNTER, "inferd_requests_total",
                           "requests answered, by route and status", "route,status", pattern,
                           status),
               1);
    series_observe(metrics_get(g->metrics, METRIC_SECONDS, "inferd_request_seconds",
                               "from the first byte of a request to the last of its reply", "route",
                               pattern),
                   summary->duration_us);
    if (!g->options->access_log)
        return;
    str method = http_method(req), path = http_path(req);
    log_info("%s %.*s %.*s %d %" PRIu64 " B %" PRId64 " us id=%s token=%s", http_peer(req),
             (int)method.n, method.n ? method.p : "", (int)path.n, path.n ? path.p : "",
             summary->status, summary->bytes_out, summary->duration_us, v ? v->id : "-",
             v && *v->caller ? v->caller : "-");
}
