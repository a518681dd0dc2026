/* The table of routes, and the gate in front of every handler: tokens and rates. */
#include "base/clock.h"
#include "base/memory.h"
#include "gateway/handlers.h"

#define X(method, pattern, handler, access) {method, pattern, handler, access},
static const route routes[] = {
#include "gateway/routes.h"
};
#undef X

enum { N_ROUTES = sizeof routes / sizeof *routes };

/* What http_route() hands to enter(). Lives as long as the process. */
struct gate {
    gateway *gateway;
    const route *route;
};

static void refuse(http_request *req, const char *message)
{
    http_header(req, "WWW-Authenticate", "Bearer");
    http_header(req, "X-Error-Message", message);
    visit_of(req)->error_code = "invalid_api_key";
    http_error(req, 401, "%s", message);
}

/* A page of another site that a browser shows may reach this server too: what it asks is not what
 * its user wants, so it needs a token even where others do not. */
static bool is_foreign_page(const http_request *req)
{
    str origin = http_request_header(req, "Origin");
    return origin.p && !origin_is_own(origin, http_host(req));
}

/* Where nobody has to name himself, a token that this server does not know (one for the hosted hub,
 * say, which clients take from the environment) is as good as none. */
static bool authorise(http_request *req, gateway *g)
{
    if (g->options->no_auth)
        return true;
    bool needed = g->auth_required || is_foreign_page(req);
    str token = bearer_token(http_request_header(req, "Authorization"));
    store_token found;
    if (token.p && store_token_find(g->store, token, &found)) {
        memcpy(visit_of(req)->caller, found.name, sizeof found.name);
        return true;
    }
    if (!needed)
        return true;
    refuse(req, token.p ? "Invalid credentials in Authorization header"
                : g->auth_required
                    ? "this server asks for a token: send 'Authorization: Bearer hf_...' "
                      "with one made by 'inferd token create'"
                    : "a page of another site needs a token: send 'Authorization: "
                      "Bearer hf_...' with one made by 'inferd token create'");
    return false;
}

/* Peer address without its port, so that every connection of a machine counts together. */
static str peer_address(const http_request *req)
{
    str peer = str_of(http_peer(req));
    const char *colon = memrchr(peer.p, ':', peer.n);
    return colon ? (str){peer.p, (size_t)(colon - peer.p)} : peer;
}

static bool take_rate(http_request *req, gateway *g)
{
    rate r = g->options->rate_limit;
    if (r.n == 0)
        return true;
    const visit *v = visit_of(req);
    str key = *v->caller ? str_of(v->caller) : peer_address(req);
    limits_verdict verdict = limits_take(g->limits, key, clock_ms());
    http_headerf(req, "ratelimit", "\"api\";r=%lld;t=%lld", (long long)verdict.remaining,
                 (long long)verdict.reset_s);
    http_headerf(req, "ratelimit-policy", "\"fixed window\";\"api\";q=%lld;w=%lld", (long long)r.n,
                 (long long)(r.window_ms / 1000));
    if (verdict.allowed)
        return true;
    http_headerf(req, "Retry-After", "%lld", (long long)verdict.reset_s);
    http_error(req, 429, "too many requests: at most %lld in %lld s, try again in %lld s",
               (long long)r.n, (long long)(r.window_ms / 1000), (long long)verdict.reset_s);
    return false;
}

static void enter(http_request *req, void *app)
{
    const struct gate *gate = app;
    visit_of(req)->route = gate->route;
    if (gate->route->access != ACCESS_PUBLIC && !authorise(req, gate->gateway))
        return;
    if (gate->route->access == ACCESS_RATED && !take_rate(req, gate->gateway))
        return;
    gate->route->handler(req, gate->gateway);
}

void routes_add(gateway *g)
{
    static struct gate gates[N_ROUTES];
    for (int i = 0; i < N_ROUTES; i++) {
        gates[i] = (struct gate){g, &routes[i]};
        http_route(g->server, routes[i].method, routes[i].pattern, enter, &gates[i]);
    }
}
