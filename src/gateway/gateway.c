/* Start: lock the data folder, open the state, listen, say so. End: SIGTERM -> the server drains
 * (held and running requests are answered) -> the pool ends its workers -> the loop stops. */
#include "gateway/gateway.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/own.h"
#include "gateway/markdown.h"
#include "gateway/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { SOCKET_PATH_ROOM = 90 }; /* of a folder for unix sockets: paths end at 107 bytes */

/* --- for the pool --- */

static int64_t idle_ms_of(const char *id, void *arg)
{
    gateway *g = arg;
    return store_setting_number(g->store, str_of(id), "idle-timeout-ms", g->options->idle_ms);
}

static const char *dtype_of(const char *id, void *arg)
{
    gateway *g = arg;
    int64_t own = store_setting_number(g->store, str_of(id), "dtype", -1);
    return precision_names[own >= 0 && own < N_PRECISIONS ? own : (int)g->options->precision];
}

static bool is_current(const char *id, const char *folder, void *arg)
{
    gateway *g = arg;
    const local_model *m = library_find(g->library, str_of(id), NULL);
    return m && strcmp(m->hub.folder, folder) == 0;
}

/* --- start --- */

/* One server for one data folder: two would end each other's workers' sockets. */
static int lock_data(const char *data_dir, error *e)
{
    own_mem char *path = path_join(data_dir, "lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        fail_errno(e, ERR_IO, "cannot open '%s'", path);
    } else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        fail(e, ERR_CONFLICT, "another server is using the data folder '%s'", data_dir);
        close(fd);
        fd = -1;
    }
    return fd;
}

/* A folder for sockets that only this user can enter; its path must be short. */
static char *make_run_dir(const char *data_dir, error *e)
{
    char *path = path_join(data_dir, "run");
    if (strlen(path) <= SOCKET_PATH_ROOM) {
        if (file_remove_tree(path, e) && file_make_dirs(path, e))
            return path;
        free(path);
        return NULL;
    }
    free(path);
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    bool usable = runtime && *runtime == '/' && strlen(runtime) <= SOCKET_PATH_ROOM - 14;
    path = xprintf("%s/inferd-XXXXXX", usable ? runtime : "/tmp");
    if (mkdtemp(path))
        return path;
    fail_errno(e, ERR_IO, "cannot create the folder '%s'", path);
    free(path);
    return NULL;
}

static bool is_local(const gateway_options *o)
{
    bool local = true;
    for (int i = 0; i < o->n_listen; i++)
        local = local && address_is_local(o->listen[i]);
    return local;
}

/* Another name than loopback's is for people elsewhere, who come through a proxy on this machine.
 */
static bool serves_others(const gateway_options *o)
{
    return !is_local(o) || o->n_allow_hosts > 0;
}

static bool set_up_access(gateway *g, error *e)
{
    const gateway_options *o = g->options;
    g->auth_required = !o->no_auth && (o->require_token || serves_others(o));
    g->hosts.any_address = !is_local(o);
    for (int i = 0; i < o->n_allow_hosts; i++)
        g->hosts.names[g->hosts.n_names++] = o->allow_hosts[i];
    if (g->auth_required && store_token_count(g->store) == 0)
        return fail(e, ERR_UNAUTHORIZED,
                    "this server would ask for tokens and there are none: make one with `inferd "
                    "token create`, listen on 127.0.0.1 only and without --allow-host, or say "
                    "--no-auth to let everybody in");
    return true;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool make_parts(gateway *g, error *e)
{
    const gateway_options *o = g->options;
    own_mem char *path = path_join(o->data_dir, "inferd.db");
    g->store = store_open(path, e);
    if (!g->store || !set_up_access(g, e))
        return false;
    g->run_dir = make_run_dir(o->data_dir, e);
    g->loop = g->run_dir ? loop_new(e) : NULL;
    if (!g->loop)
        return false;
    g->library = library_new(o->data_dir);
    g->metrics = metrics_new();
    g->limits = limits_new(o->rate_limit);
    g->pool = pool_new(&(pool_options){
        .loop = g->loop,
        .metrics = g->metrics,
        .command = o->worker,
        .run_dir = g->run_dir,
        .budget_bytes = o->budget_bytes,
        .load_timeout_ms = o->load_timeout_ms,
        .queue_limit = o->queue_limit,
        .idle_ms = idle_ms_of,
        .dtype = dtype_of,
        .is_current = is_current,
        .arg = g,
    });
    g->server = http_server_new(g->loop, &(http_server_options){
                                             .app = g,
                                             .before = hook_before,
                                             .head = hook_head,
                                             .error_writer = hook_error,
                                             .finished = hook_finished,
                                         });
    routes_add(g);
    for (int i = 0; i < o->n_listen; i++)
        if (!http_listen(g->server, o->listen[i], e))
            return false;
    return true;
}

/* --- telling that it is ready --- */

static char *url_of(const gateway *g, int listener)
{
    const char *address = g->options->listen[listener];
    if (strncmp(address, "unix:", 5) == 0)
        return xstrdup(address);
    const char *colon = strrchr(address, ':');
    int length = colon ? (int)(colon - address) : (int)strlen(address);
    return xprintf("http://%.*s:%d", length, address, http_server_port(g->server, listener));
}

static bool announce(const gateway *g, error *e)
{
    for (int i = 0; i < g->options->n_listen; i++) {
        own_mem char *url = url_of(g, i);
        printf("inferd " INFERD_VERSION " serves on %s\n", url);
        if (i == 0 && g->options->ready_fd >= 0) {
            own_mem char *line = xprintf("{\"url\":\"%s\",\"pid\":%d}\n", url, (int)getpid());
            ssize_t n = write(g->options->ready_fd, line, strlen(line));
            close(g->options->ready_fd);
            if (n != (ssize_t)strlen(line))
                return fail_errno(e, ERR_IO, "cannot write to descriptor %d", g->options->ready_fd);
        }
    }
    fflush(stdout);
    if (g->options->no_auth && serves_others(g->options))
        log_warn("everybody who reaches this server may use it (--no-auth)");
    return true;
}

/* --- end --- */

static void on_workers_ended(void *arg)
{
    gateway *g = arg;
    loop_stop(g->loop);
}

static void on_drained(void *arg)
{
    gateway *g = arg;
    pool_shutdown(g->pool, on_workers_ended, g);
}

static void on_stop(void *arg)
{
    gateway *g = arg;
    if (g->stopping) {
        log_warn("told to stop twice: ending at once");
        _exit(130);
    }
    g->stopping = true;
    log_info("stopping: %d requests are running", http_server_count(g->server).requests);
    http_server_drain(g->server, g->options->drain_ms, on_drained, g);
}

static void release(gateway *g)
{
    http_server_free(g->server);
    pool_free(g->pool);
    limits_free(g->limits);
    metrics_free(g->metrics);
    library_free(g->library);
    if (g->loop)
        loop_free(g->loop);
    store_close(g->store);
    if (g->run_dir)
        file_remove_tree(g->run_dir, NULL);
    free(g->run_dir);
}

bool gateway_run(const gateway_options *options, error *e)
{
    gateway g = {.options = options, .started_unix_ms = clock_unix_ms()};
    if (!file_make_dirs(options->data_dir, e))
        return false;
    own_fd int lock = lock_data(options->data_dir, e);
    if (lock < 0)
        return false;
    raise_descriptor_limit();
    markdown_start();
    bool ok = make_parts(&g, e) && announce(&g, e);
    if (ok) {
        loop_on_signal(g.loop, SIGTERM, on_stop, &g);
        loop_on_signal(g.loop, SIGINT, on_stop, &g);
        loop_run(g.loop);
        log_info("stopped");
    }
    release(&g);
    return ok;
}
