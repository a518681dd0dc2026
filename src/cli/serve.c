/* `inferd serve`: the server. */
#include "base/log.h"
#include "base/own.h"
#include "cli/command.h"
#include "cli/dtype.h"
#include "cli/paths.h"
#include "gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>

struct serve_args {
    const char *data, *rate_limit;
    option_list listen, allow_hosts;
    int64_t idle_ms, budget, load_ms, drain_ms, max_body, queue_limit, threads, ready_fd;
    bool no_auth, require_token, access_log;
    int log_level, precision;
};

static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

static const option rows[] = {
    OPTION_TEXT(struct serve_args, data, "data", "DIR", NULL,
                "where state and models are kept (default: ~/.local/share/inferd)"),
    OPTION_LIST(struct serve_args, listen, "listen", "ADDRESS",
                "ADDR:PORT, port 0 for any, or unix:PATH (default: 127.0.0.1:8080)"),
    OPTION_LIST(struct serve_args, allow_hosts, "allow-host", "NAME",
                "another name by which clients may call this server, which then asks for tokens"),
    OPTION_FLAG(struct serve_args, no_auth, "no-auth", "ask nobody for a token"),
    OPTION_FLAG(struct serve_args, require_token, "require-token",
                "ask for a token on loopback too"),
    OPTION_TEXT(struct serve_args, rate_limit, "rate-limit", "N/TIME", NULL,
                "requests of one token, or of one address without, such as 600/min"),
    OPTION_BYTES(struct serve_args, budget, "memory-budget", NULL,
                 "memory of all loaded models (default: 80 % of what this process may use)"),
    OPTION_DURATION(struct serve_args, idle_ms, "idle-timeout", "15m",
                    "unload a model that nobody has asked for so long"),
    OPTION_DURATION(struct serve_args, load_ms, "load-timeout", "60s",
                    "how long a request waits for its model"),
    OPTION_DURATION(struct serve_args, drain_ms, "drain-timeout", "30s",
                    "time for running requests when the server is told to stop"),
    OPTION_INT(struct serve_args, queue_limit, "queue-limit", "N", "1024", 1, 1000000,
               "requests of one model, waiting and running; further ones get 429"),
    OPTION_BYTES(struct serve_args, max_body, "max-body", "64M", "largest request body"),
    OPTION_INT(struct serve_args, threads, "threads", "N", "0", 0, 1024,
               "threads of each worker (0: as many as there are CPUs)"),
    OPTION_DTYPE(struct serve_args, precision),
    OPTION_FLAG(struct serve_args, access_log, "access-log", "log a line for every request"),
    OPTION_CHOICE(struct serve_args, log_level, "log-level", log_levels, "info",
                  "least important lines to log"),
    OPTION_INT(struct serve_args, ready_fd, "ready-fd", "N", "-1", -1, 1000000,
               "descriptor that gets a line of JSON when the server is ready"),
    OPTION_END,
};

static void copy_list(const option_list *from, const char **to, int *n)
{
    for (int i = 0; i < from->n && i < GATEWAY_LISTENERS; i++)
        to[(*n)++] = from->items[i];
}

static bool make_options(const struct serve_args *a, gateway_options *o, error *e)
{
    if (a->listen.n > GATEWAY_LISTENERS || a->allow_hosts.n > GATEWAY_LISTENERS)
        return fail(e, ERR_BAD_REQUEST, "--listen and --allow-host may be given %d times each",
                    GATEWAY_LISTENERS);
    if (a->no_auth && a->require_token)
        return fail(e, ERR_BAD_REQUEST, "--no-auth and --require-token contradict each other");
    copy_list(&a->listen, o->listen, &o->n_listen);
    copy_list(&a->allow_hosts, o->allow_hosts, &o->n_allow_hosts);
    if (o->n_listen == 0)
        o->listen[o->n_listen++] = "127.0.0.1:8080";
    return !a->rate_limit || rate_parse(a->rate_limit, &o->rate_limit, e) ||
           fail_in(e, "--rate-limit");
}

static int run(int argc, char **argv)
{
    struct serve_args a;
    error e = {0};
    int n;
    gateway_options o = {0};
    if (!options_parse(rows, argc, argv, &a, &n, &e) || !make_options(&a, &o, &e))
        return command_misused("serve", &e);
    if (n > 0) {
        fail(&e, ERR_BAD_REQUEST, "takes no arguments, found '%s'", argv[1]);
        return command_misused("serve", &e);
    }
    own_mem char *data = data_dir(a.data);
    char threads[24];
    snprintf(threads, sizeof threads, "%lld", (long long)a.threads);
    const char *const worker[] = {"/proc/self/exe", "worker",      "--threads",
                                  threads,          "--log-level", log_levels[a.log_level]};
    for (size_t i = 0; i < sizeof worker / sizeof *worker; i++)
        o.worker[i] = worker[i];
    o.precision = (enum precision)a.precision;
    o.data_dir = data;
    o.no_auth = a.no_auth;
    o.require_token = a.require_token;
    o.access_log = a.access_log;
    o.budget_bytes = a.budget >= 0 ? a.budget : gateway_default_budget();
    o.idle_ms = a.idle_ms;
    o.load_timeout_ms = a.load_ms;
    o.drain_ms = a.drain_ms;
    o.max_body_bytes = a.max_body;
    o.queue_limit = (int)a.queue_limit;
    o.ready_fd = (int)a.ready_fd;
    log_setup((enum log_level)a.log_level, "gateway");
    return gateway_run(&o, &e) ? 0 : command_fail("serve", &e);
}

extern const struct command command_serve;
const struct command command_serve = {
    .name = "serve",
    .summary = "serve the models of this machine: pages, Inference API, hub",
    .usage = "usage: inferd serve [OPTIONS]\n\n"
             "Serves web pages, the Inference API, OpenAI's embeddings and the hub's routes for "
             "all models of\nthis machine. Models are loaded when somebody asks for them and "
             "unloaded when nobody does.\nSIGTERM drains and ends it.\n",
    .options = rows,
    .run = run,
};
