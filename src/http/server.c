/* Listeners, accepting, counting, draining. Connections are in http/conn.c. */
#include "http/server.h"

#include "base/memory.h"
#include "http/conn.h"
#include "http/upstream.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    ACCEPTS_PER_TURN = 64,
    ACCEPT_AGAIN_MS = 100, /* after file descriptors ran out */
    MAX_HEAD_OUT = 32 * 1024,
};

static void on_accept_again(void *arg);
static void on_drain_deadline(void *arg);
static void on_drained(void *arg);

static int preset(int value, int otherwise)
{
    return value ? value : otherwise;
}

http_server *http_server_new(loop *l, const http_server_options *options)
{
    http_server *s = xcalloc(1, sizeof *s);
    const http_limits *given = &options->limits;
    s->l = l;
    s->options = *options;
    s->limits = (http_limits){
        .max_connections = preset(given->max_connections, 20000),
        .head_ms = preset(given->head_ms, 10000),
        .idle_ms = preset(given->idle_ms, 75000),
        .body_ms = preset(given->body_ms, 30000),
        .body_min_bytes = preset(given->body_min_bytes, 4096),
        .write_ms = preset(given->write_ms, 60000),
        .linger_ms = preset(given->linger_ms, 2000),
        .arena_bytes = given->arena_bytes ? given->arena_bytes : 64 << 20,
    };
    s->routes = router_new();
    s->accepting = true;
    s->accept_again = timer_new(l, on_accept_again, s);
    s->drain_deadline = timer_new(l, on_drain_deadline, s);
    later_init(&s->drained, l, on_drained, s);
    s->head = buf_new(MAX_HEAD_OUT);
    return s;
}

static void close_listener(struct listener *p)
{
    event_del(&p->event);
    close(p->fd);
    if (p->unix_path)
        unlink(p->unix_path);
    free(p->unix_path);
    free(p);
}

static void close_listeners(http_server *s)
{
    while (s->listeners) {
        struct listener *p = s->listeners;
        s->listeners = p->next;
        close_listener(p);
    }
}

void http_server_free(http_server *s)
{
    if (!s)
        return;
    close_listeners(s);
    timer_stop(s->drain_deadline);
    for (conn *c = s->conns, *next; c; c = next) {
        assert(!c->busy);
        next = c->next;
        conn_cut(c);
    }
    upstream_pool_free(s->upstreams);
    later_clear(&s->drained);
    timer_free(s->drain_deadline);
    timer_free(s->accept_again);
    router_free(s->routes);
    buf_release(&s->head);
    free(s);
}

/* --- accepting --- */

static void set_accepting(http_server *s, bool accepting)
{
    if (s->accepting == accepting)
        return;
    s->accepting = accepting;
    for (struct listener *p = s->listeners; p; p = p->next) {
        if (accepting)
            event_add(&p->event, NULL);
        else
            event_del(&p->event);
    }
}

static void on_accept_again(void *arg)
{
    http_server *s = arg;
    set_accepting(s, s->counts.connections < s->limits.max_connections);
}

/* One connection. False: no more for now. */
static bool accept_one(struct listener *p)
{
    http_server *s = p->server;
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    if (s->counts.connections >= s->limits.max_connections) {
        set_accepting(s, false); /* server_conn_closed() goes on */
        return false;
    }
    int fd = accept4(p->fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (exhausted) { /* the listener stays readable: without a pause the loop would spin */
            set_accepting(s, false);
            timer_start(s->accept_again, ACCEPT_AGAIN_MS);
        }
        return errno == EINTR || errno == ECONNABORTED;
    }
    s->counts.connections++;
    s->counts.accepted++;
    conn_open(s, fd, &peer);
    return true;
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(arg); i++)
        ;
}

void server_conn_closed(http_server *s)
{
    s->counts.connections--;
    if (!s->accepting && !timer_is_running(s->accept_again))
        set_accepting(s, true);
}

struct upstream_pool *server_upstreams(http_server *s)
{
    if (!s->upstreams)
        s->upstreams = upstream_pool_new();
    return s->upstreams;
}

void server_worked(http_server *s)
{
    if (s->draining && s->n_working == 0 && s->drain_done)
        later_set(&s->drained);
}

/* --- listening --- */

static bool add_listener(http_server *s, int fd, const char *unix_path)
{
    struct listener *p = xcalloc(1, sizeof *p);
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    getsockname(fd, (struct sockaddr *)&address, &size);
    p->server = s;
    p->fd = fd;
    p->port = address.ss_family == AF_INET || address.ss_family == AF_INET6
                  ? ntohs(((struct sockaddr_in *)&address)->sin_port)
                  : 0;
    p->unix_path = unix_path ? xstrdup(unix_path) : NULL;
    event_assign(&p->event, loop_base(s->l), fd, EV_READ | EV_PERSIST, on_acceptable, p);
    struct listener **end = &s->listeners;
    while (*end)
        end = &(*end)->next;
    *end = p;
    if (s->accepting)
        event_add(&p->event, NULL);
    return true;
}

/* A socket file that nobody listens on any more is removed; a live one is an error. */
static bool clear_stale(const char *path, const sock_address *address, error *e)
{
    struct stat info;
    if (lstat(path, &info) != 0)
        return true;
    if (!S_ISSOCK(info.st_mode))
        return fail(e, ERR_IO, "cannot listen on '%s': it exists and is not a socket", path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool live = probe >= 0 &&
                (connect(probe, (const struct sockaddr *)&address->storage, address->size) == 0 ||
                 errno == EAGAIN);
    if (probe >= 0)
        close(probe);
    if (live)
        return fail(e, ERR_IO, "cannot listen on '%s': another process does", path);
    unlink(path);
    return true;
}

static int make_listener(const char *text, const sock_address *address, error *e)
{
    const struct sockaddr *to = (const struct sockaddr *)&address->storage;
    bool is_unix = to->sa_family == AF_UNIX;
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0) {
        fail_errno(e, ERR_INTERNAL, "cannot make a socket");
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    mode_t mask = is_unix ? umask(0177) : 0; /* 0600 from the start, not after a moment */
    bool bound = bind(fd, to, address->size) == 0;
    int saved = errno;
    if (is_unix)
        umask(mask);
    errno = saved;
    if (!bound || listen(fd, BACKLOG) != 0) {
        fail_errno(e, ERR_INTERNAL, "cannot listen on '%s'", text);
        close(fd);
        return -1;
    }
    return fd;
}

bool http_listen(http_server *s, const char *address, error *e)
{
    sock_address parsed;
    if (!sock_parse_address(address, &parsed, e))
        return false;
    const char *unix_path = parsed.storage.ss_family == AF_UNIX ? address + 5 : NULL;
    if (unix_path && !clear_stale(unix_path, &parsed, e))
        return false;
    int fd = make_listener(address, &parsed, e);
    return fd >= 0 && add_listener(s, fd, unix_path);
}

bool http_listen_fd(http_server *s, int fd, error *e)
{
    int listening = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || !listening)
        return fail(e, ERR_INTERNAL, "descriptor %d is not a listening socket", fd);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return add_listener(s, fd, NULL);
}

int http_server_port(const http_server *s, int n)
{
    const struct listener *p = s->listeners;
    while (p && n-- > 0)
        p = p->next;
    return p ? p->port : 0;
}

/* --- routes and counts --- */

void http_route(http_server *s, const char *method, const char *pattern, http_handler *handler,
                void *app)
{
    router_add(s->routes, method, pattern, handler, app);
}

void http_routes(http_server *s, const http_route_row *rows, void *app)
{
    for (; rows->method; rows++)
        http_route(s, rows->method, rows->pattern, rows->handler, app);
}

http_server_counts http_server_count(const http_server *s)
{
    return s->counts;
}

/* --- draining --- */

static void on_drained(void *arg)
{
    http_server *s = arg;
    loop_fn *done = s->drain_done;
    s->drain_done = NULL;
    timer_stop(s->drain_deadline);
    done(s->drain_arg);
}

static void on_drain_deadline(void *arg)
{
    http_server *s = arg;
    for (conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        conn_cut(c);
    }
    server_worked(s);
}

void http_server_drain(http_server *s, int64_t deadline_ms, loop_fn *done, void *arg)
{
    assert(!s->draining);
    for (struct listener *p = s->listeners; p; p = p->next)
        while (accept_one(p)) /* those in the kernel's queue would hang or be reset */
            ;
    s->draining = true;
    s->drain_done = done;
    s->drain_arg = arg;
    timer_stop(s->accept_again);
    close_listeners(s);
    for (conn *c = s->conns; c; c = c->next)
        conn_touch(c);
    timer_start(s->drain_deadline, deadline_ms);
    server_worked(s);
}

bool http_server_is_draining(const http_server *s)
{
    return s->draining;
}
