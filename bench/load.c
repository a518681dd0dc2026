/* A small HTTP/1.1 load generator: N kept-alive connections, one epoll loop, one thread.
 *
 * usage: load -t HOST:PORT|unix:PATH -p /path [-b BODIES] [-c CONNECTIONS] [-s SECONDS]
 *             [-n REQUESTS] [-H 'Name: value']... [-i]
 *
 * BODIES holds one JSON body per line; connections take them in turn, each waiting for its reply
 * before it asks again. Without -b the requests are GET. Stops after SECONDS (default 5) or
 * REQUESTS, whichever comes first, and prints one line of JSON: requests and bytes, failures,
 * requests per second, latency percentiles in microseconds and the CPU time used here (on few
 * cores this program competes with the server).
 *
 * -i: idle connections instead. Opens all, makes one request on each, prints {"idle": N}, waits
 * for the end of standard input, makes one more request on each and prints the usual line, so that
 * "failed" tells how many did not survive.
 *
 * Replies need a Content-Length; a chunked reply counts as failed. It is a benchmark's tool, built
 * by the script that runs it:  cc -O2 -std=c17 -D_GNU_SOURCE -o load load.c
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 16384, EVENTS_MAX = 256, HEADERS_MAX = 4096 };

struct request {
    char *bytes;
    size_t size;
};

struct connection {
    int fd;
    bool busy;
    bool closing; /* the server said Connection: close */
    int status;
    size_t request;   /* which of load.requests */
    size_t sent;      /* bytes of it written */
    size_t head_size; /* bytes in head */
    uint64_t start_ns;
    uint64_t body_left;
    bool in_body;
    char *head; /* [HEAD_MAX] */
};

struct load {
    struct sockaddr_storage address;
    socklen_t address_size;
    struct request *requests;
    size_t n_requests;
    size_t next_request;
    struct connection *connections;
    int n_connections;
    int epoll;
    uint64_t started, limit; /* requests sent so far, and how many may be sent */
    uint64_t end_ns;
    uint32_t *latency_us;
    size_t n_latencies, room_latencies;
    uint64_t failed, refused /* status is not 200 */, bytes;
    int n_busy;
};

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void *grow(void *old, size_t count, size_t size)
{
    void *fresh = reallocarray(old, count, size);
    if (!fresh)
        die("out of memory");
    return fresh;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void load_resolve(struct load *l, const char *target)
{
    if (strncmp(target, "unix:", 5) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)&l->address;
        un->sun_family = AF_UNIX;
        if (strlen(target + 5) >= sizeof un->sun_path) {
            errno = ENAMETOOLONG;
            die(target);
        }
        strcpy(un->sun_path, target + 5);
        l->address_size = sizeof *un;
        return;
    }
    char host[256];
    const char *colon = strrchr(target, ':');
    if (!colon || (size_t)(colon - target) >= sizeof host) {
        errno = EINVAL;
        die(target);
    }
    memcpy(host, target, (size_t)(colon - target));
    host[colon - target] = 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        die(target);
    }
    memcpy(&l->address, found->ai_addr, found->ai_addrlen);
    l->address_size = found->ai_addrlen;
    freeaddrinfo(found);
}

static void load_add_request(struct load *l, const char *path, const char *headers,
                             const char *body, size_t body_size)
{
    l->requests = grow(l->requests, l->n_requests + 1, sizeof *l->requests);
    char head[HEADERS_MAX + 2048];
    int n = body ? snprintf(head, sizeof head,
                            "POST %s HTTP/1.1\r\nHost: localhost\r\n%s"
                            "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                            path, headers, body_size)
                 : snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path,
                            headers);
    if (n < 0 || (size_t)n >= sizeof head) {
        errno = E2BIG;
        die("request head");
    }
    struct request *r = &l->requests[l->n_requests++];
    r->size = (size_t)n + body_size;
    r->bytes = grow(NULL, r->size, 1);
    memcpy(r->bytes, head, (size_t)n);
    if (body)
        memcpy(r->bytes + n, body, body_size);
}

static void load_read_bodies(struct load *l, const char *file, const char *path,
                             const char *headers)
{
    FILE *f = fopen(file, "r");
    if (!f)
        die(file);
    char *line = NULL;
    size_t room = 0;
    for (ssize_t n; (n = getline(&line, &room, f)) > 0;) {
        if (line[n - 1] == '\n')
            n--;
        if (n > 0)
            load_add_request(l, path, headers, line, (size_t)n);
    }
    free(line);
    fclose(f);
    if (l->n_requests == 0) {
        errno = ENODATA;
        die(file);
    }
}

static void connection_open(struct load *l, struct connection *c)
{
    c->fd = socket(l->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        die("socket");
    if (connect(c->fd, (struct sockaddr *)&l->address, l->address_size) != 0)
        die("connect");
    if (l->address.ss_family != AF_UNIX)
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event want = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &want) != 0)
        die("epoll_ctl");
    c->closing = false;
}

static void connection_close(struct connection *c)
{
    close(c->fd);
    c->fd = -1;
}

/* True unless the connection broke. */
static bool connection_write(struct load *l, struct connection *c)
{
    struct request *r = &l->requests[c->request];
    while (c->sent < r->size) {
        ssize_t n = send(c->fd, r->bytes + c->sent, r->size - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n < 0)
            break;
        c->sent += (size_t)n;
    }
    struct epoll_event want = {.events = c->sent < r->size ? EPOLLIN | EPOLLOUT : EPOLLIN,
                               .data.ptr = c};
    if (r->size > 65536 && epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &want) != 0)
        die("epoll_ctl");
    return true;
}

static void connection_fail(struct load *l, struct connection *c)
{
    l->failed++;
    if (c->busy)
        l->n_busy--;
    c->busy = false;
    connection_close(c);
}

static void connection_start(struct load *l, struct connection *c)
{
    if (l->started >= l->limit || now_ns() >= l->end_ns)
        return;
    if (c->fd < 0 || c->closing) {
        if (c->fd >= 0)
            connection_close(c);
        connection_open(l, c);
    }
    l->started++;
    l->n_busy++;
    c->busy = true;
    c->request = l->next_request++ % l->n_requests;
    c->sent = c->head_size = 0;
    c->in_body = false;
    c->start_ns = now_ns();
    if (!connection_write(l, c))
        connection_fail(l, c);
}

static void connection_done(struct load *l, struct connection *c)
{
    if (l->n_latencies == l->room_latencies) {
        l->room_latencies = l->room_latencies ? 2 * l->room_latencies : 65536;
        l->latency_us = grow(l->latency_us, l->room_latencies, sizeof *l->latency_us);
    }
    l->latency_us[l->n_latencies++] = (uint32_t)((now_ns() - c->start_ns) / 1000);
    if (c->status != 200 && l->refused++ == 0)
        fprintf(stderr, "load: first reply that is not 200:\n%.*s\n", (int)c->head_size, c->head);
    c->busy = false;
    l->n_busy--;
}

/* Reads the finished head: status, body length. False when the reply cannot be followed. */
static bool connection_parse_head(struct connection *c, const char *end)
{
    if (sscanf(c->head, "HTTP/1.1 %d", &c->status) != 1)
        return false;
    bool sized = false;
    for (char *line = strstr(c->head, "\r\n"); line && line < end;
         line = strstr(line + 2, "\r\n")) {
        unsigned long long size;
        if (strncasecmp(line + 2, "content-length:", 15) == 0)
            sized = sscanf(line + 17, "%llu", &size) == 1;
        else if (strncasecmp(line + 2, "connection: close", 17) == 0)
            c->closing = true;
        if (sized && !c->in_body) {
            c->body_left = size;
            c->in_body = true;
        }
    }
    return sized;
}

/* Takes n bytes that lie behind head_size in c->head. False when the reply cannot be followed. */
static bool connection_take(struct load *l, struct connection *c, size_t n)
{
    l->bytes += n;
    if (!c->in_body) {
        c->head_size += n;
        c->head[c->head_size] = 0;
        char *end = strstr(c->head, "\r\n\r\n");
        if (!end)
            return c->head_size < HEAD_MAX - 1;
        if (!connection_parse_head(c, end))
            return false;
        n = c->head_size - (size_t)(end + 4 - c->head);
    }
    if (n > c->body_left)
        return false;
    c->body_left -= n;
    if (c->body_left == 0)
        connection_done(l, c);
    return true;
}

/* Reads what is there and, when a reply is complete and again is set, asks for the next. */
static void connection_read(struct load *l, struct connection *c, bool again)
{
    static char skipped[1 << 18];
    while (c->busy) {
        char *to = c->in_body ? skipped : c->head + c->head_size;
        size_t room = c->in_body ? sizeof skipped : HEAD_MAX - 1 - c->head_size;
        ssize_t n = recv(c->fd, to, room, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0 || !connection_take(l, c, (size_t)n)) {
            connection_fail(l, c);
            break;
        }
        if ((size_t)n < room && c->busy)
            return;
    }
    if (again)
        connection_start(l, c);
}

static void on_event(struct load *l, struct epoll_event *e, bool again)
{
    struct connection *c = e->data.ptr;
    if (c->fd < 0)
        return;
    if (!c->busy) { /* closed, or spoken to, while idle */
        connection_fail(l, c);
        return;
    }
    if ((e->events & EPOLLOUT) && !connection_write(l, c)) {
        connection_fail(l, c);
        return;
    }
    if (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        connection_read(l, c, again);
}

/* Lets every connection ask once, or again and again until the limit, and waits for the replies. */
static void load_run(struct load *l, bool again)
{
    for (int i = 0; i < l->n_connections; i++)
        connection_start(l, &l->connections[i]);
    struct epoll_event events[EVENTS_MAX];
    while (l->n_busy > 0) {
        int n = epoll_wait(l->epoll, events, EVENTS_MAX, 600000); /* large models take minutes */
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ETIMEDOUT : errno;
            die("no reply");
        }
        for (int i = 0; i < n; i++)
            on_event(l, &events[i], again);
    }
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t percentile(const struct load *l, double share)
{
    if (l->n_latencies == 0)
        return 0;
    size_t i = (size_t)(share * (double)l->n_latencies);
    return l->latency_us[i < l->n_latencies ? i : l->n_latencies - 1];
}

static void load_report(struct load *l, double seconds)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 1e-6 * (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
    if (l->n_latencies)
        qsort(l->latency_us, l->n_latencies, sizeof *l->latency_us, by_value);
    printf("{\"requests\": %zu, \"failed\": %" PRIu64 ", \"not_200\": %" PRIu64
           ", \"bytes\": %" PRIu64 ", \"seconds\": %.3f, \"requests_per_s\": %.1f, \"p50_us\": %u, "
           "\"p95_us\": %u, \"p99_us\": %u, \"max_us\": %u, \"cpu_s\": %.3f}\n",
           l->n_latencies, l->failed, l->refused, l->bytes, seconds,
           (double)l->n_latencies / seconds, percentile(l, 0.5), percentile(l, 0.95),
           percentile(l, 0.99), percentile(l, 1), cpu);
}

/* One request on each connection, silence until standard input ends, one more on each. */
static void load_idle(struct load *l)
{
    load_run(l, false);
    printf("{\"idle\": %d}\n", l->n_connections - (int)l->failed);
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    l->n_latencies = 0;
    uint64_t start = now_ns();
    for (int i = 0; i < l->n_connections; i++) {
        struct connection *c = &l->connections[i];
        char byte; /* a connection that the server has closed must not be opened anew */
        if (c->fd >= 0 && recv(c->fd, &byte, 1, MSG_PEEK) == 0)
            connection_fail(l, c);
        if (c->fd >= 0)
            connection_start(l, c);
        while (c->fd >= 0 && c->busy) {
            struct epoll_event e;
            if (epoll_wait(l->epoll, &e, 1, 10000) <= 0)
                die("no reply");
            on_event(l, &e, false);
        }
    }
    load_report(l, 1e-9 * (double)(now_ns() - start));
}

/* What the command line says. */
struct arguments {
    const char *path, *bodies, *target;
    char headers[HEADERS_MAX];
    double seconds;
    bool idle;
};

static bool read_arguments(int argc, char **argv, struct arguments *a, struct load *l)
{
    for (int o; (o = getopt(argc, argv, "t:p:b:c:s:n:H:i")) != -1;) {
        size_t used = strlen(a->headers);
        switch (o) {
        case 't':
            a->target = optarg;
            break;
        case 'p':
            a->path = optarg;
            break;
        case 'b':
            a->bodies = optarg;
            break;
        case 'c':
            l->n_connections = atoi(optarg);
            break;
        case 's':
            a->seconds = atof(optarg);
            break;
        case 'n':
            l->limit = strtoull(optarg, NULL, 10);
            break;
        case 'H':
            snprintf(a->headers + used, sizeof a->headers - used, "%s\r\n", optarg);
            break;
        case 'i':
            a->idle = true;
            break;
        default:
            return false;
        }
    }
    return a->target && l->n_connections >= 1;
}

int main(int argc, char **argv)
{
    struct load l = {.n_connections = 1, .limit = UINT64_MAX};
    struct arguments a = {.path = "/", .seconds = 5};
    if (!read_arguments(argc, argv, &a, &l)) {
        fprintf(stderr, "usage: load -t HOST:PORT|unix:PATH -p /path [-b BODIES] [-c CONNECTIONS] "
                        "[-s SECONDS] [-n REQUESTS] [-H 'Name: value']... [-i]\n");
        return 2;
    }
    load_resolve(&l, a.target);
    if (a.bodies)
        load_read_bodies(&l, a.bodies, a.path, a.headers);
    else
        load_add_request(&l, a.path, a.headers, NULL, 0);
    l.epoll = epoll_create1(EPOLL_CLOEXEC);
    l.connections = grow(NULL, (size_t)l.n_connections, sizeof *l.connections);
    for (int i = 0; i < l.n_connections; i++) {
        struct connection *c = &l.connections[i];
        *c = (struct connection){.fd = -1, .head = grow(NULL, HEAD_MAX, 1)};
        connection_open(&l, c);
    }
    uint64_t start = now_ns();
    l.end_ns = a.idle ? UINT64_MAX : start + (uint64_t)(a.seconds * 1e9);
    if (a.idle) {
        load_idle(&l);
    } else {
        load_run(&l, true);
        load_report(&l, 1e-9 * (double)(now_ns() - start));
    }
    return l.failed || l.refused ? 1 : 0;
}
