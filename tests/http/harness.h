/* A server on a thread of its own and blocking clients, for the tests of this folder. */
#pragma once

#include "base/clock.h"
#include "base/memory.h"
#include "http/request.h"
#include "http/server.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#undef fail /* it is base/error.h's here; fail_msg() cannot be used then */
#define fail_text(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Memory is only judged where no sanitizer adds its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif

struct harness {
    loop *l;
    http_server *server;
    int port;
    pthread_t thread;
    void (*tear_down)(struct harness *h); /* on the loop's thread, before the server is freed */
};

static inline void *harness_run(void *arg)
{
    loop_run(((struct harness *)arg)->l);
    return NULL;
}

/* A server on 127.0.0.1; add routes, then harness_start(). */
static inline void harness_open(struct harness *h, const http_server_options *options)
{
    error e = {0};
    *h = (struct harness){.l = loop_new(&e)};
    assert_non_null(h->l);
    h->server = http_server_new(h->l, options);
    if (!http_listen(h->server, "127.0.0.1:0", &e))
        fail_text("%s", e.message);
    h->port = http_server_port(h->server, 0);
}

static inline void harness_start(struct harness *h)
{
    pthread_create(&h->thread, NULL, harness_run, h);
}

static inline void harness_end(void *arg)
{
    struct harness *h = arg;
    if (h->tear_down)
        h->tear_down(h);
    http_server_free(h->server);
    loop_stop(h->l);
}

static inline void harness_close(struct harness *h)
{
    loop_post(h->l, harness_end, h);
    pthread_join(h->thread, NULL);
    loop_free(h->l);
}

/* A blocking client that gives up a read after 5 s. */
static inline int client_set_up(int fd)
{
    struct timeval wait = {5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    return fd;
}

static inline int client_open(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return client_set_up(fd);
}

static inline int client_open_unix(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return client_set_up(fd);
}

static inline void client_send(int fd, const char *text)
{
    size_t n = strlen(text);
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
}

/* Reads until the text is there, the peer closes (adds "<closed>"), resets ("<reset>"), or 5 s pass
 * ("<timeout>"). `until` NULL: until one of the latter. */
static inline char *client_read(int fd, const char *until, char *out, size_t size)
{
    size_t n = 0;
    out[0] = '\0';
    for (;;) {
        if (until && strstr(out, until))
            return out;
        if (n + 16 >= size)
            fail_text("reply larger than %zu bytes", size);
        ssize_t got = recv(fd, out + n, until ? 1 : size - n - 16, 0);
        if (got <= 0) {
            strcpy(out + n, got == 0 ? "<closed>" : errno == ECONNRESET ? "<reset>" : "<timeout>");
            return out;
        }
        n += (size_t)got;
        out[n] = '\0';
    }
}

/* One request on a connection of its own; the reply as it came, until the server closes. */
static inline char *client_ask(int port, const char *request, char *out, size_t size)
{
    int fd = client_open(port);
    client_send(fd, request);
    client_read(fd, NULL, out, size);
    close(fd);
    return out;
}

static inline void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_text("expected \"%s\" in:\n%s", part, text);
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_text("did not expect \"%s\" in:\n%s", part, text);
}

/* Waits up to 5 s for a counter that the server's thread changes. */
static inline void wait_for(atomic_int *counter, int value)
{
    for (int i = 0; i < 5000 && atomic_load(counter) != value; i++)
        usleep(1000);
    assert_int_equal(atomic_load(counter), value);
}

static inline int64_t rss_bytes(void)
{
    long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &pages, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return (int64_t)resident * sysconf(_SC_PAGESIZE);
}
