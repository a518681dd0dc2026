/* Probes, metrics, and what the pages want to know of the server. Nothing here wakes a model. */
#include "gateway/handlers.h"

#include <stdio.h>
#include <unistd.h>

void get_livez(http_request *req, gateway *g)
{
    (void)g;
    http_reply_text(req, 200, "text/plain; charset=utf-8", "ok\n");
}

void get_readyz(http_request *req, gateway *g)
{
    if (g->stopping)
        http_error(req, 503, "the server is shutting down");
    else
        http_reply_text(req, 200, "text/plain; charset=utf-8", "ok\n");
}

static double resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%*s %ld", &pages) != 1)
            pages = 0;
        fclose(f);
    }
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void gauge(gateway *g, const char *name, const char *help, double value)
{
    series_set(metrics_get(g->metrics, METRIC_GAUGE, name, help, NULL), value);
}

void get_metrics(http_request *req, gateway *g)
{
    http_server_counts counts = http_server_count(g->server);
    gauge(g, "inferd_connections", "open client connections", counts.connections);
    gauge(g, "inferd_requests_running", "requests being answered, this one included",
          counts.requests);
    gauge(g, "inferd_models_loaded", "worker processes that exist", pool_n_loaded(g->pool));
    gauge(g, "inferd_memory_budget_bytes", "memory that workers may take",
          (double)pool_budget(g->pool));
    gauge(g, "inferd_memory_used_bytes", "memory that is counted for workers",
          (double)pool_used(g->pool));
    gauge(g, "process_resident_memory_bytes", "resident memory of the gateway", resident_bytes());
    gauge(g, "process_start_time_seconds", "start of the gateway, in seconds since 1970",
          (double)g->started_unix_ms / 1e3);
    buf text = buf_new(64 << 20);
    metrics_write(g->metrics, &text);
    http_reply_buf(req, 200, "text/plain; version=0.0.4; charset=utf-8", &text);
}

void get_server(http_request *req, gateway *g)
{
    reply_json(req, 200,
               json_pack("{s:s,s:b,s:{s:I,s:I}}", "version", INFERD_VERSION, "auth_required",
                         g->auth_required, "memory", "budget", (json_int_t)pool_budget(g->pool),
                         "used", (json_int_t)pool_used(g->pool)));
}
