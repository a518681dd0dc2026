/* Downloads from two small servers: redirects and who sees the token, ranges, headers, broken and
 * endless replies, cancelling. */
#include "unit.h"

#include "base/buf.h"
#include "base/memory.h"
#include "base/own.h"
#include "http/download.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

/* A server that answers each connection with the next of its replies, and keeps the requests. */
struct server {
    int listener, port;
    const char *replies[16]; /* NULL after the last */
    char requests[16][2048];
    int n_requests;
    pthread_t thread;
};

static void *serve(void *arg)
{
    struct server *s = arg;
    for (int i = 0; s->replies[i]; i++) {
        own_fd int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        char *to = s->requests[i];
        size_t n = 0;
        ssize_t got;
        while (n < sizeof s->requests[i] - 1 && !strstr(to, "\r\n\r\n") &&
               (got = read(fd, to + n, sizeof s->requests[i] - 1 - n)) > 0)
            n += (size_t)got;
        s->n_requests = i + 1;
        const char *reply = s->replies[i];
        if (send(fd, reply, strlen(reply), MSG_NOSIGNAL) < 0)
            return NULL;
        if (strstr(reply, "X-Hang: 1"))
            while (read(fd, to, 1) > 0)
                ;
    }
    return NULL;
}

static void server_listen(struct server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    socklen_t n = sizeof address;
    *s = (struct server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, n), 0);
    assert_int_equal(listen(s->listener, 16), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &n), 0);
    s->port = ntohs(address.sin_port);
}

static void server_start(struct server *s)
{
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
}

struct taken {
    buf body;
    int n_heads;
    bool refuse;
};

static bool on_head(void *arg, const download_reply *reply, error *e)
{
    struct taken *t = arg;
    t->n_heads++;
    return (reply->status == 200 || reply->status == 206) && !t->refuse ? true
                                                                        : fail(e, ERR_IO, "no");
}

static bool on_body(void *arg, str piece, error *e)
{
    (void)e;
    struct taken *t = arg;
    buf_str(&t->body, piece);
    return true;
}

static bool get(int port, const char *token, int64_t offset, struct taken *t, download_reply *reply,
                error *e)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/file", port);
    if (!t->body.max)
        t->body = buf_new(1000);
    download *d = download_new(NULL, e);
    if (!d)
        fail_msg("%s\n", e->message);
    download_request request = {.url = url,
                                .token = token,
                                .offset = offset,
                                .on_head = on_head,
                                .on_body = on_body,
                                .arg = t};
    bool good = download_get(d, &request, reply, e);
    download_free(d);
    return good;
}

static void a_range_with_its_headers(void **state)
{
    (void)state;
    struct server s;
    server_listen(&s);
    s.replies[0] = "HTTP/1.1 206 Partial\r\ncontent-range: bytes 7-10/11\r\nContent-Length: 4\r\n"
                   "LINK: <http://a/p>; rel=\"prev\", <http://a/n?x=1>; rel=\"next\"\r\n"
                   "Connection: close\r\n\r\nabcd";
    server_start(&s);
    struct taken t = {0};
    download_reply reply;
    error e = {0};
    if (!get(s.port, NULL, 7, &t, &reply, &e))
        fail_msg("%s\n", e.message);
    server_end(&s);
    assert_int_equal(reply.status, 206);
    assert_int_equal(reply.first_byte, 7);
    assert_int_equal(reply.length, 4);
    assert_int_equal(reply.retry_after_ms, -1);
    assert_string_equal(reply.next, "http://a/n?x=1");
    assert_string_equal(buf_text(&t.body), "abcd");
    assert_int_equal(t.n_heads, 1);
    assert_non_null(strstr(s.requests[0], "Range: bytes=7-\r\n"));
    assert_non_null(strstr(s.requests[0], "Accept-Encoding: identity\r\n"));
    assert_null(strstr(s.requests[0], "Authorization"));
    buf_release(&t.body);
}

static void the_token_stays_with_its_origin(void **state)
{
    (void)state;
    struct server hub, cdn;
    char near[200], far[200], back[200];
    server_listen(&hub);
    server_listen(&cdn);
    snprintf(
        near, sizeof near,
        "HTTP/1.1 307 T\r\nLocation: /near\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxyz");
    snprintf(far, sizeof far,
             "HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:%d/far\r\nContent-Length: 0\r\n"
             "Connection: close\r\n\r\n",
             cdn.port);
    snprintf(back, sizeof back,
             "HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:%d/back\r\nContent-Length: 0\r\n"
             "Connection: close\r\n\r\n",
             hub.port);
    hub.replies[0] = near;
    hub.replies[1] = far;
    cdn.replies[0] = back;
    hub.replies[2] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    server_start(&hub);
    server_start(&cdn);
    struct taken t = {0};
    download_reply reply;
    error e = {0};
    if (!get(hub.port, "hf_secret", 0, &t, &reply, &e))
        fail_msg("%s\n", e.message);
    server_end(&hub);
    server_end(&cdn);
    assert_string_equal(buf_text(&t.body), "ok");
    assert_non_null(strstr(hub.requests[0], "Authorization: Bearer hf_secret\r\n"));
    assert_non_null(strstr(hub.requests[1], "Authorization: Bearer hf_secret\r\n"));
    assert_null(strstr(cdn.requests[0], "hf_secret"));
    assert_null(strstr(hub.requests[2], "hf_secret")); /* sent there by another origin */
    assert_int_equal(hub.n_requests, 3);
    buf_release(&t.body);
}

static void redirects_end(void **state)
{
    (void)state;
    struct server s;
    server_listen(&s);
    for (int i = 0; i < 15; i++)
        s.replies[i] = "HTTP/1.1 302 F\r\nLocation: /again\r\nContent-Length: 0\r\n"
                       "Connection: close\r\n\r\n";
    server_start(&s);
    struct taken t = {0};
    download_reply reply;
    error e = {0};
    assert_false(get(s.port, NULL, 0, &t, &reply, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    server_end(&s);
    assert_int_equal(s.n_requests, DOWNLOAD_MAX_REDIRECTS + 1);
    assert_int_equal(t.n_heads, 0);
    buf_release(&t.body);
}

static void only_web_addresses(void **state)
{
    (void)state;
    static const char *const places[] = {"file:///etc/passwd", "ftp://127.0.0.1/x",
                                         "gopher://127.0.0.1:1/x"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        struct server s;
        char text[200];
        server_listen(&s);
        snprintf(text, sizeof text, "HTTP/1.1 302 F\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                 places[i]);
        s.replies[0] = text;
        server_start(&s);
        struct taken t = {0};
        download_reply reply;
        error e = {0};
        assert_false(get(s.port, NULL, 0, &t, &reply, &e));
        assert_int_equal(e.kind, ERR_INVALID);
        server_end(&s);
        assert_int_equal(t.body.n, 0);
        buf_release(&t.body);
    }
}

static void refusals_are_not_content(void **state)
{
    (void)state;
    static const struct {
        const char *reply, *message, *code;
        int status, retry_after_ms;
    } cases[] = {
        {"HTTP/1.1 404 N\r\nX-Error-Code: RepoNotFound\r\nX-Error-Message: no\x1b repo\r\n"
         "Content-Length: 2\r\n\r\n{}",
         "no? repo", "RepoNotFound", 404, -1},
        {"HTTP/1.1 429 T\r\nRetry-After: 7\r\nContent-Length: 16\r\n\r\n{\"error\":\"slow\"}",
         "slow", "", 429, 7000},
        {"HTTP/1.1 429 T\r\nratelimit: \"api\";r=0;t=55\r\nContent-Length: 0\r\n\r\n", "", "", 429,
         55000},
        {"HTTP/1.1 503 T\r\nRetry-After: Wed, 21 Oct 2026\r\nContent-Length: 3\r\n\r\n<a>", "", "",
         503, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct server s;
        server_listen(&s);
        s.replies[0] = cases[i].reply;
        server_start(&s);
        struct taken t = {0};
        download_reply reply;
        error e = {0};
        if (!get(s.port, NULL, 0, &t, &reply, &e))
            fail_msg("%s\n", e.message);
        server_end(&s);
        assert_int_equal(t.n_heads, 0);
        assert_int_equal(t.body.n, 0);
        assert_int_equal(reply.status, cases[i].status);
        assert_string_equal(reply.error_message, cases[i].message);
        assert_string_equal(reply.error_code, cases[i].code);
        assert_int_equal(reply.retry_after_ms, cases[i].retry_after_ms);
        buf_release(&t.body);
    }
}

static void broken_conversations(void **state)
{
    (void)state;
    static const char *const replies[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", "", "rubbish\r\n"};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct server s;
        server_listen(&s);
        s.replies[0] = replies[i];
        server_start(&s);
        struct taken t = {0};
        download_reply reply;
        error e = {0};
        if (get(s.port, NULL, 0, &t, &reply, &e))
            fail_msg("reply %zu passed\n", i);
        server_end(&s);
        if (i < 2)
            assert_string_equal(buf_text(&t.body), "short");
        if (i < 3)
            assert_int_equal(e.kind, ERR_BAD_GATEWAY);
        buf_release(&t.body);
    }
    struct server closed;
    server_listen(&closed);
    close(closed.listener);
    struct taken t = {0};
    download_reply reply;
    error e = {0};
    assert_false(get(closed.port, NULL, 0, &t, &reply, &e));
    assert_int_equal(e.kind, ERR_UNAVAILABLE);
    buf_release(&t.body);
}

static void a_callback_ends_the_transfer(void **state)
{
    (void)state;
    struct server s;
    server_listen(&s);
    s.replies[0] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    s.replies[1] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    server_start(&s);
    for (int i = 0; i < 2; i++) { /* with a body, and without */
        struct taken t = {.refuse = true};
        download_reply reply;
        error e = {0};
        assert_false(get(s.port, NULL, 0, &t, &reply, &e));
        assert_string_equal(e.message, "no");
        assert_int_equal(t.n_heads, 1);
        assert_int_equal(t.body.n, 0);
        buf_release(&t.body);
    }
    server_end(&s);
}

static atomic_bool cancelled;

static void *cancel_soon(void *arg)
{
    (void)arg;
    usleep(200000);
    atomic_store(&cancelled, true);
    return NULL;
}

static void cancelling_a_silent_server(void **state)
{
    (void)state;
    struct server s;
    char url[64];
    pthread_t canceller;
    server_listen(&s);
    s.replies[0] = "HTTP/1.1 200 OK\r\nX-Hang: 1\r\nContent-Length: 100\r\n\r\npart";
    server_start(&s);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", s.port);
    struct taken t = {.body = buf_new(1000)};
    error e = {0};
    download *d = download_new(&cancelled, &e);
    download_reply reply;
    download_request request = {.url = url, .on_head = on_head, .on_body = on_body, .arg = &t};
    assert_int_equal(pthread_create(&canceller, NULL, cancel_soon, NULL), 0);
    assert_false(download_get(d, &request, &reply, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    error waiting = {0};
    assert_false(download_wait(d, 1, NULL, &waiting));
    assert_int_equal(waiting.kind, ERR_CANCELLED);
    pthread_join(canceller, NULL);
    download_free(d);
    server_end(&s);
    buf_release(&t.body);
}

static void retrying(void **state)
{
    (void)state;
    error e = {0};
    download *d = download_new(NULL, &e);
    download_reply now = {.retry_after_ms = 0}, late = {.retry_after_ms = 3600000};
    assert_true(download_wait(d, 1, &now, &e));
    assert_true(download_wait(d, DOWNLOAD_MAX_FAILURES, &now, &e));
    assert_false(download_wait(d, DOWNLOAD_MAX_FAILURES + 1, &now, &e));
    assert_false(download_wait(d, 1, &late, &e));
    assert_int_equal(e.kind, ERR_NONE);
    assert_true(download_status_may_pass(503) && download_status_may_pass(429));
    assert_false(download_status_may_pass(404) || download_status_may_pass(403));
    download_free(d);
}

static void origins(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        {"https://h/a", "https://H:443/b?c", true},
        {"http://h", "http://h:80/", true},
        {"http://h", "https://h", false},
        {"http://h:80", "http://h:81", false},
        {"http://h", "http://h.evil", false},
        {"http://h", "http://h@evil/", false},
        {"http://h", "//h/", false},
        {"http://h", "", false},
    };
    error e = {0};
    download *d = download_new(NULL, &e);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (download_same_origin(d, cases[i].a, cases[i].b) != cases[i].same)
            fail_msg("'%s' and '%s'\n", cases[i].a, cases[i].b);
    download_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_range_with_its_headers),
        cmocka_unit_test(the_token_stays_with_its_origin),
        cmocka_unit_test(redirects_end),
        cmocka_unit_test(only_web_addresses),
        cmocka_unit_test(refusals_are_not_content),
        cmocka_unit_test(broken_conversations),
        cmocka_unit_test(a_callback_ends_the_transfer),
        cmocka_unit_test(cancelling_a_silent_server),
        cmocka_unit_test(retrying),
        cmocka_unit_test(origins),
    };
    setenv("no_proxy", "127.0.0.1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
