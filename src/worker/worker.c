/* Start: load, listen, say so on the ready fd, run the loop. Stop: a signal drains the server; when
 * its last request is over the loop ends. A worker that was started by a gateway ends when that
 * does. */
#include "worker/worker.h"
#include "base/cache_dir.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/own.h"
#include "http/h1.h"
#include "kernels/kernels.h"
#include "worker/sandbox.h"
#include "worker/state.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Routes that may be asked without the API key: what orchestrators probe. */
static bool is_open_path(str path)
{
    static const char *const paths[] = {"/health", "/ping", "/livez", "/readyz"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (str_is(path, paths[i]))
            return true;
    return false;
}

static bool check_key(http_request *req, void *app)
{
    const struct worker *w = app;
    str given = http_request_header(req, "authorization");
    if (!w->options->api_key || is_open_path(http_path(req)))
        return true;
    bool bearer = given.n > 7 && h1_equal_fold((str){given.p, 7}, STR("bearer "));
    if (bearer && equal_constant_time(str_skip(given, 7), str_of(w->options->api_key)))
        return true;
    http_header(req, "WWW-Authenticate", "Bearer");
    http_error(req, 401, "Invalid credentials in Authorization header");
    return false;
}

static void tell(int fd, json_t *line)
{
    own_json json_t *owned = line;
    own_mem char *text = json_dumps(owned, JSON_COMPACT);
    if (fd < 0 || !text)
        return;
    if (dprintf(fd, "%s\n", text) < 0)
        log_warn("nobody reads the ready line");
    close(fd);
}

static void tell_ready(const struct worker *w)
{
    json_t *names = json_array();
    for (int i = 0; tasks[i]; i++)
        if (pipeline_offers(&w->pipeline, tasks[i]))
            json_array_append_new(names, json_string(tasks[i]->name));
    const model_info *m = w->pipeline.info;
    tell(w->options->ready_fd,
         json_pack("{s:b, s:s, s:o, s:I, s:I, s:f}", "ready", 1, "task", w->pipeline.task->name,
                   "tasks", names, "mapped_bytes", (json_int_t)m->mapped_bytes, "private_bytes",
                   (json_int_t)m->converted_bytes, "load_ms", (double)w->pipeline.load_us / 1e3));
}

const char *worker_products(const char *precision)
{
    return kernels_variant(precision_family(precision));
}

/* A precision below f32 is asked for to be fast. */
static void tell_what_is_lacking(const char *precision)
{
    const char *lacks = kernels_lacking(precision_family(precision));
    if (lacks)
        log_warn(PRECISION_LACKS, precision, lacks, worker_products(precision));
}

static void stop_loop(void *arg)
{
    struct worker *w = arg;
    loop_stop(w->loop);
}

static void on_signal(void *arg)
{
    struct worker *w = arg;
    if (http_server_is_draining(w->server)) {
        loop_stop(w->loop); /* a second signal does not wait */
        return;
    }
    log_info("stopping: %d requests are running", http_server_count(w->server).requests);
    http_server_drain(w->server, w->options->drain_ms, stop_loop, w);
}

/* A worker must not outlive the gateway that started it, which reads the other end of the ready
 * fd: one that was gone before the signal was asked for has closed it. */
static void follow_parent(const worker_options *o)
{
    struct pollfd reader = {.fd = o->ready_fd};
    if (o->ready_fd < 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (poll(&reader, 1, 0) > 0 && (reader.revents & POLLERR))
        raise(SIGTERM);
}

static void enter_sandbox(const worker_options *o)
{
    own_mem char *cache = cache_dir_of(o->folder);
    bool local = strncmp(o->listen, "unix:", 5) == 0;
    sandbox_enter(&(sandbox_paths){.cache = cache, .socket = local ? o->listen + 5 : NULL});
}

static bool start(struct worker *w, error *e)
{
    const worker_options *o = w->options;
    http_server_options server = {
        .app = w, .before = check_key, .error_writer = worker_write_error};
    if (!kernels_init(e))
        return false;
    if (!o->no_sandbox)
        enter_sandbox(o);
    w->threads = team_new(o->n_threads, e);
    w->loop = w->threads ? loop_new(e) : NULL;
    const model_options options = {.precision = o->precision, .keeps = true};
    if (!w->loop ||
        !pipeline_open_as(&w->pipeline, o->folder, o->id, o->task, &options, w->threads, e))
        return false;
    w->batcher = batcher_new(&w->pipeline, w->loop, o->max_waiting, e);
    if (!w->batcher)
        return false;
    w->server = http_server_new(w->loop, &server);
    worker_add_api(w);
    worker_add_info(w);
    loop_on_signal(w->loop, SIGTERM, on_signal, w);
    loop_on_signal(w->loop, SIGINT, on_signal, w);
    if (!http_listen(w->server, o->listen, e))
        return false;
    if (!o->no_sandbox)
        sandbox_seal();
    return true;
}

/* Requests first, then their jobs, then what the jobs used. */
static void release(struct worker *w)
{
    http_server_free(w->server);
    batcher_free(w->batcher);
    loop_free(w->loop);
    pipeline_close(&w->pipeline);
    team_free(w->threads);
    free(w->routes);
}

bool worker_run(const worker_options *o, error *e)
{
    struct worker w = {.options = o, .started_unix_ms = clock_unix_ms()};
    follow_parent(o);
    prctl(PR_SET_NAME, "inferd-worker");
    bool ok = start(&w, e);
    if (ok) {
        log_info("'%s' is loaded in %.1f ms: %s, %s, %d threads, kernels '%s', sandbox %s, "
                 "listening on %s",
                 w.pipeline.id, (double)w.pipeline.load_us / 1e3, w.pipeline.task->name,
                 w.pipeline.info->precision, team_size(w.threads), kernels_level(), sandbox_state(),
                 o->listen);
        tell_what_is_lacking(w.pipeline.info->precision);
        tell_ready(&w);
        loop_run(w.loop);
    } else {
        tell(o->ready_fd, json_pack("{s:b, s:i, s:s}", "ready", 0, "status", error_status(e->kind),
                                    "error", e->message));
    }
    release(&w);
    return ok;
}
