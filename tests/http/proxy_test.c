/* The proxy and the client against a server on a unix socket and against peers that misbehave. */
#include "harness.h"

#include "http/client.h"
#include "http/proxy.h"

static struct harness h; /* the front; its loop also runs `back` */
static http_server *back;
static char back_address[80], bad_address[80], bad_path[64];
static atomic_int back_gone, failures, done_complete, done_broken, finished, last_status;
static char last_failure[1000];
static atomic_int last_sent, last_body_taken;
static char reply[400000];
static bool keeps; /* connections to the server behind */
static atomic_int accepted, counted;

/* --- the server behind --- */

static void ping(http_request *req, void *app)
{
    (void)app;
    http_header(req, "X-Back", "1");
    http_header(req, "X-Over", "back");
    http_reply_text(req, 200, "text/plain", "pong");
}

/* What arrived, as text. */
static void show(http_request *req, void *app)
{
    (void)app;
    own_buf buf text = buf_new(100000);
    str name, value, target = http_target(req);
    buf_printf(&text, "%.*s\n", (int)target.n, target.p);
    for (int i = 0; http_request_header_at(req, i, &name, &value); i++)
        buf_printf(&text, "%.*s=%.*s\n", (int)name.n, name.p, (int)value.n, value.p);
    http_reply_buf(req, 200, "text/plain", &text);
}

static enum http_flow echo_bytes(http_request *req, str bytes, void *arg)
{
    (void)arg;
    return http_send(req, bytes.p, bytes.n);
}

static void echo_end(http_request *req, void *arg)
{
    (void)arg;
    http_end(req);
}

static void resume(void *arg)
{
    http_body_resume(arg);
}

static void echo(http_request *req, void *app)
{
    static const http_sink sink = {echo_bytes, echo_end};
    http_on_room(req, resume, req);
    http_begin(req, 200, "application/octet-stream");
    http_read_stream(req, UINT64_MAX, &sink, app);
}

static void count_gone(void *arg)
{
    (void)arg;
    atomic_fetch_add(&back_gone, 1);
}

static void keep(http_request *req, void *app)
{
    (void)app;
    http_on_gone(req, count_gone, NULL);
}

static void keep_streaming(http_request *req, void *app)
{
    (void)app;
    http_on_gone(req, count_gone, NULL);
    http_sse_begin(req);
    http_sse_send(req, NULL, "first", 5);
}

static void die_within(http_request *req, void *app)
{
    (void)app;
    http_begin_sized(req, 200, "text/plain", 1000);
    http_send(req, "half", 4);
    http_abort(req);
}

static atomic_int n_sent;
static void send_more(void *arg)
{
    static char piece[50000];
    while (http_send(arg, piece, sizeof piece) == HTTP_ROOM)
        atomic_fetch_add(&n_sent, 1);
}

static void flood(http_request *req, void *app)
{
    (void)app;
    http_on_gone(req, count_gone, NULL);
    http_on_room(req, send_more, req);
    http_begin(req, 200, "text/plain");
    send_more(req);
}

static void refuse(http_request *req, void *app)
{
    (void)app;
    http_error(req, 413, "I do not want it");
}

/* --- the proxy in front --- */

static void on_failed(http_request *req, const http_proxy_failure *failure, void *arg)
{
    (void)arg;
    snprintf(last_failure, sizeof last_failure, "%s", failure->error.message);
    last_sent = failure->sent;
    last_body_taken = failure->body_taken;
    atomic_fetch_add(&failures, 1);
    http_fail(req, &failure->error);
}

static void on_done(bool complete, void *arg)
{
    (void)arg;
    atomic_fetch_add(complete ? &done_complete : &done_broken, 1);
}

static void on_head(http_request *req, const h1_head *head, void *arg)
{
    (void)arg;
    http_headerf(req, "X-Saw", "%d", head->status);
}

static http_proxy_options options_for(const char *address)
{
    static const http_pair headers[] = {
        {"X-Added", "by\r\nproxy"}, {"X-Removed", NULL}, {NULL, NULL}};
    return (http_proxy_options){
        .address = address,
        .headers = headers,
        .connect_ms = 300,
        .keeps = keeps,
        .head = on_head,
        .failed = on_failed,
        .done = on_done,
    };
}

static void pass(http_request *req, void *app)
{
    http_proxy_options options = options_for(app);
    char target[100];
    str rest = http_capture(req, 0);
    snprintf(target, sizeof target, "/%.*s?from=front", (int)rest.n, rest.p);
    options.target = target;
    options.reply_ms = 500;
    http_header(req, "X-Over", "front");
    http_proxy(req, &options);
}

static void pass_read(http_request *req, str body, void *arg)
{
    http_proxy_options options = options_for(arg);
    options.target = "/echo";
    http_proxy_body(req, body, &options);
}

static void buffered(http_request *req, void *app)
{
    http_read_all(req, 50 << 20, pass_read, app);
}

/* Held for a while with its body unread, as while a model loads. */
struct held {
    timer *t;
    http_request *req;
    char *address;
};

static void release_held(void *arg)
{
    struct held *held = arg;
    http_proxy_options options = options_for(held->address);
    options.target = "/echo";
    http_proxy(held->req, &options);
    timer_free(held->t);
    free(held);
}

static void hold(http_request *req, void *app)
{
    struct held *held = xcalloc(1, sizeof *held);
    held->req = req;
    held->address = app;
    held->t = timer_new(h.l, release_held, held);
    timer_start(held->t, 100);
}

/* First to where nobody is, then, from the failure, to the server. */
static void on_first_failed(http_request *req, const http_proxy_failure *failure, void *arg)
{
    (void)arg;
    last_sent = failure->sent;
    last_body_taken = failure->body_taken;
    atomic_fetch_add(&failures, 1);
    http_proxy_options options = options_for(back_address);
    options.target = "/echo";
    http_proxy(req, &options);
}

static void retry(http_request *req, void *app)
{
    http_proxy_options options = options_for(app);
    options.failed = on_first_failed;
    http_proxy(req, &options);
}

static void on_finished(http_request *req, const http_summary *summary, void *app)
{
    (void)req;
    (void)app;
    atomic_store(&last_status, summary->status);
    atomic_fetch_add(&finished, 1);
}

static void free_back(struct harness *front)
{
    (void)front;
    http_server_free(back);
}

static int set_up(void **state)
{
    (void)state;
    error e = {0};
    back_gone = failures = done_complete = done_broken = finished = last_status = n_sent = 0;
    harness_open(&h, &(http_server_options){.finished = on_finished});
    h.tear_down = free_back;
    back = http_server_new(h.l, &(http_server_options){0});
    snprintf(back_address, sizeof back_address, "unix:/tmp/http_proxy_test.%d", getpid());
    snprintf(bad_path, sizeof bad_path, "/tmp/http_proxy_test.%d.bad", getpid());
    snprintf(bad_address, sizeof bad_address, "unix:%s", bad_path);
    unlink(bad_path);
    assert_true(http_listen(back, back_address, &e));
    static const http_route_row rows[] = {
        {"GET", "/ping", ping},      {"GET", "/show", show},   {"POST", "/show", show},
        {"POST", "/echo", echo},     {"GET", "/keep", keep},   {"POST", "/keep", keep},
        {"GET", "/die", die_within}, {"GET", "/flood", flood}, {"GET", "/sse", keep_streaming},
        {"POST", "/refuse", refuse}, {NULL, NULL, NULL},
    };
    http_routes(back, rows, NULL);
    http_route(h.server, "GET", "/back/{path...}", pass, back_address);
    http_route(h.server, "POST", "/back/{path...}", pass, back_address);
    http_route(h.server, "POST", "/buffered", buffered, back_address);
    http_route(h.server, "POST", "/hold", hold, back_address);
    http_route(h.server, "POST", "/retry", retry, bad_address);
    http_route(h.server, "GET", "/bad/{path...}", pass, bad_address);
    http_route(h.server, "POST", "/bad/{path...}", pass, bad_address);
    harness_start(&h);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_close(&h);
    return 0;
}

static char *ask(const char *request)
{
    return client_ask(h.port, request, reply, sizeof reply);
}

#define GET(path)       "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_CLOSE(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void test_heads(void **state)
{
    (void)state;
    ask(GET_CLOSE("/back/ping"));
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    assert_has(reply, "X-Back: 1\r\n");
    assert_has(reply, "X-Over: front\r\n");
    assert_lacks(reply, "X-Over: back");
    assert_has(reply, "X-Saw: 200\r\n");
    assert_has(reply, "Content-Length: 4\r\nConnection: close\r\n\r\npong<closed>");
    ask("HEAD /back/ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_has(reply, "Content-Length: 4\r\nConnection: close\r\n\r\n<closed>");
    ask("GET /back/show HTTP/1.1\r\nHost: front.example\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
        "X-Removed: 1\r\nX-Kept: 1\r\nTE: trailers\r\n\r\n");
    assert_has(reply, "/show?from=front\n");
    assert_has(reply, "Host=front.example\n");
    assert_has(reply, "X-Kept=1\n");
    assert_has(reply, "X-Added=by  proxy\n");
    assert_has(reply, "X-Forwarded-For=127.0.0.1\n");
    assert_has(reply, "X-Forwarded-Host=front.example\n");
    assert_lacks(reply, "X-Hop");
    assert_lacks(reply, "TE=");
    assert_lacks(reply, "X-Removed");
    ask(GET_CLOSE("/back/nothing"));
    assert_has(reply, "HTTP/1.1 404 ");
    wait_for(&done_complete, 4);
    assert_int_equal(done_broken + failures, 0);
}

static void test_bodies(void **state)
{
    (void)state;
    int fd = client_open(h.port);
    for (int i = 0; i < 2; i++) {
        client_send(fd, "POST /back/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
        client_read(fd, "0\r\n\r\n", reply, sizeof reply);
        assert_has(reply, "\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        client_send(fd, "POST /back/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
        client_read(fd, "0\r\n\r\n", reply, sizeof reply);
        assert_has(reply, "ab");
        assert_has(reply, "cde");
        client_send(fd, "POST /buffered HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n");
        client_read(fd, "0\r\n\r\n", reply, sizeof reply);
        assert_has(reply, "5\r\nabcde\r\n");
        client_send(fd, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                        "Expect: 100-continue\r\n\r\n");
        client_read(fd, "\r\n\r\n", reply, sizeof reply);
        assert_has(reply, "100 Continue");
        client_send(fd, "held");
        client_read(fd, "0\r\n\r\n", reply, sizeof reply);
        assert_has(reply, "4\r\nheld\r\n");
    }
    close(fd);
    ask("POST /back/show HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc");
    assert_has(reply, "Content-Length=3\n");
    assert_has(reply, "Connection: close\r\n");
}

static void *send_large(void *arg)
{
    static char piece[1 << 16];
    int fd = *(int *)arg;
    for (int i = 0; i < 512; i++) {
        memset(piece, i, sizeof piece);
        for (size_t n = 0; n < sizeof piece;) {
            ssize_t sent = send(fd, piece + n, sizeof piece - n, MSG_NOSIGNAL);
            if (sent <= 0)
                return NULL;
            n += (size_t)sent;
        }
    }
    return NULL;
}

/* 32 MB through both directions at once, byte for byte, in little memory. */
static void test_large_echo(void **state)
{
    (void)state;
    static const char *const paths[] = {"/back/echo", "/buffered", "/hold"};
    for (int k = 0; k < 3; k++) {
        int64_t before = rss_bytes();
        int fd = client_open(h.port);
        char head[200];
        snprintf(head, sizeof head, "POST %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n", paths[k],
                 512 << 16);
        client_send(fd, head);
        pthread_t thread;
        pthread_create(&thread, NULL, send_large, &fd);
        client_read(fd, "\r\n\r\n", reply, sizeof reply);
        assert_has(reply, "200 OK");
        static unsigned char piece[65536];
        int64_t got = 0;
        ssize_t n;
        while ((n = recv(fd, piece, sizeof piece, 0)) > 0)
            for (ssize_t i = 0; i < n; i++, got++)
                if (piece[i] != (unsigned char)(got >> 16))
                    fail_text("byte %lld is %d", (long long)got, piece[i]);
        assert_int_equal(got, 512 << 16);
        pthread_join(thread, NULL);
        close(fd);
#ifndef SANITIZED
        if (k != 1)
            assert_true(rss_bytes() - before < 16 << 20);
#else
        (void)before;
#endif
    }
}

static void test_cancel(void **state)
{
    (void)state;
    static const char *const requests[] = {
        GET("/back/keep"),
        "POST /back/keep HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        "POST /back/keep HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nhello",
    };
    for (int i = 0; i < 3; i++) {
        int fd = client_open(h.port);
        client_send(fd, requests[i]);
        usleep(20000);
        assert_int_equal(back_gone, i);
        close(fd);
        wait_for(&back_gone, i + 1);
        wait_for(&done_broken, i + 1);
    }
    int fd = client_open(h.port);
    client_send(fd, GET("/back/sse"));
    client_read(fd, "first", reply, sizeof reply);
    close(fd);
    wait_for(&back_gone, 4);
    wait_for(&finished, 4);
    assert_int_equal(last_status, 499);
}

static void test_slow_reader(void **state)
{
    (void)state;
    int fd = client_open(h.port);
    client_send(fd, GET("/back/flood"));
    usleep(200000);
    int sent = n_sent;
    assert_true(sent > 0 && sent * 50000 < 24 << 20);
    usleep(50000);
    assert_int_equal(n_sent, sent); /* the producer waits */
    static char piece[65536];
    for (int64_t got = 0; got < 64 << 20;) {
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        assert_true(n > 0);
        got += n;
    }
    close(fd);
    wait_for(&back_gone, 1);
}

/* --- peers that misbehave --- */

static int bad_listen(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strcpy(to.sun_path, bad_path);
    unlink(bad_path);
    assert_int_equal(bind(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

/* Accepts one connection, reads what comes first, answers with the text, closes. */
static void bad_answer(int listener, const char *text)
{
    int fd = accept(listener, NULL, NULL);
    char bytes[10000];
    assert_true(recv(fd, bytes, sizeof bytes, 0) > 0);
    client_send(fd, text);
    close(fd);
}

static void test_dead_upstream(void **state)
{
    (void)state;
    ask(GET_CLOSE("/bad/x")); /* nobody there */
    assert_has(reply, "HTTP/1.1 503 ");
    assert_has(last_failure, "cannot connect to 'unix:");
    assert_false(last_sent);
    static const struct {
        const char *answer, *reply, *message;
    } rows[] = {
        {"", "HTTP/1.1 502 ", "before it replied"},
        {"HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 502 ", "before it replied"},
        {"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "HTTP/1.1 502 ", "bare line feed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 200 ", NULL},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf", "HTTP/1.1 200 ", NULL},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4x", NULL, NULL},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
         "\r\n\r\nok", NULL},
        {"HTTP/1.0 200 OK\r\n\r\nuntil close", "until close\r\n0\r\n\r\n", NULL},
    };
    int listener = bad_listen();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = client_open(h.port);
        client_send(fd, GET_CLOSE("/bad/x"));
        bad_answer(listener, rows[i].answer);
        client_read(fd, NULL, reply, sizeof reply);
        close(fd);
        if (rows[i].reply)
            assert_has(reply, rows[i].reply);
        if (rows[i].message)
            assert_has(last_failure, rows[i].message);
        if (i >= 3 && i <= 5)
            assert_lacks(reply, "0\r\n\r\n");
    }
    close(listener);
    wait_for(&failures, 4);
    wait_for(&done_broken, 3);
    wait_for(&done_complete, 2);
    assert_true(last_sent);
    ask(GET_CLOSE("/back/die"));
    assert_has(reply, "half");
    wait_for(&done_broken, 4);
}

static void test_timeouts(void **state)
{
    (void)state;
    int listener = bad_listen(); /* takes connections, never answers */
    ask(GET_CLOSE("/bad/x"));
    assert_has(reply, "HTTP/1.1 504 ");
    int fill[16], n = 0; /* now its backlog is full */
    for (; n < 16; n++) {
        fill[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        strcpy(to.sun_path, bad_path);
        if (connect(fill[n], (struct sockaddr *)&to, sizeof to) != 0) {
            close(fill[n]);
            break;
        }
    }
    assert_true(n < 16);
    int64_t start = clock_ms();
    ask(GET_CLOSE("/bad/x"));
    assert_has(reply, "HTTP/1.1 503 ");
    assert_has(last_failure, "it takes no connection");
    assert_true(clock_ms() - start >= 280);
    while (n > 0)
        close(fill[--n]);
    close(listener);
}

static void test_retry(void **state)
{
    (void)state;
    int fd = client_open(h.port);
    client_send(fd, "POST /retry HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    client_read(fd, "0\r\n\r\n", reply, sizeof reply);
    close(fd);
    assert_has(reply, "5\r\nhello\r\n");
    assert_int_equal(failures, 1);
    assert_false(last_body_taken);
    assert_false(last_sent);
}

/* The upstream answers without reading a body that is large. */
static void test_early_refusal(void **state)
{
    (void)state;
    int fd = client_open(h.port);
    client_send(fd, "POST /back/refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n");
    static char piece[60000];
    for (int i = 0; i < 5; i++)
        send(fd, piece, sizeof piece, MSG_NOSIGNAL);
    client_read(fd, NULL, reply, sizeof reply);
    close(fd);
    assert_has(reply, "HTTP/1.1 413 ");
    assert_has(reply, "I do not want it");
}

static void count_accepted(void *arg)
{
    (void)arg;
    accepted = (int)http_server_count(back).accepted;
    atomic_fetch_add(&counted, 1);
}

static void assert_accepted(int n)
{
    int before = counted;
    loop_post(h.l, count_accepted, NULL);
    wait_for(&counted, before + 1);
    assert_int_equal(accepted, n);
}

/* A connection to the server behind serves one request after the other; not one that was cancelled,
 * or whose request was answered before all of it was read. */
static void test_kept(void **state)
{
    (void)state;
    int fd = client_open(h.port), other;
    for (int i = 0; i < 3; i++) {
        client_send(fd, GET("/back/ping"));
        client_read(fd, "pong", reply, sizeof reply);
        client_send(fd, "POST /back/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
        client_read(fd, "0\r\n\r\n", reply, sizeof reply);
        assert_has(reply, "5\r\nhello\r\n");
        wait_for(&done_complete, 2 * i + 2);
    }
    assert_accepted(keeps ? 1 : 6);
    if (keeps) {
        other = client_open(h.port);
        client_send(other, GET("/back/keep"));
        usleep(20000);
        client_send(fd, GET("/back/ping"));
        client_read(fd, "pong", reply, sizeof reply);
        assert_accepted(2);
        close(other);
        wait_for(&back_gone, 1);
        wait_for(&done_broken, 1);
        for (int i = 0; i < 2; i++) {
            client_send(fd, GET("/back/ping"));
            client_read(fd, "pong", reply, sizeof reply);
        }
        assert_accepted(2);
        client_send(fd, "POST /back/refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
        client_read(fd, "I do not want it", reply, sizeof reply);
        ask(GET_CLOSE("/back/ping"));
        assert_has(reply, "pong");
        assert_accepted(3);
    }
    close(fd);
}

/* The server behind closes a connection that is kept, or leaves one open that is not to be used
 * again. */
static void test_kept_in_vain(void **state)
{
    (void)state;
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok and more",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore",
    };
    enum { N = 2 * sizeof answers / sizeof *answers };
    int listener = client_set_up(bad_listen()), open[N];
    for (int i = 0; i < N; i++) {
        int fd = client_open(h.port);
        char bytes[10000];
        client_send(fd, GET_CLOSE("/bad/x"));
        open[i] = accept(listener, NULL, NULL);
        assert_true(open[i] >= 0 && recv(open[i], bytes, sizeof bytes, 0) > 0);
        client_send(open[i], answers[i / 2]);
        client_read(fd, NULL, reply, sizeof reply);
        close(fd);
        assert_has(reply, i < 6 ? "\r\n\r\nok<closed>" : "\r\n\r\n<closed>");
        if (i < 2)
            close(open[i]);
    }
    for (int i = 2; i < N; i++)
        close(open[i]);
    close(listener);
    assert_int_equal(failures, 0);
}

static void test_tunnel(void **state)
{
    (void)state;
    int listener = bad_listen();
    int fd = client_open(h.port);
    client_send(fd, "GET /bad/socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                    "Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\nearly");
    int peer = client_set_up(accept(listener, NULL, NULL));
    client_read(peer, "\r\n\r\n", reply, sizeof reply);
    assert_has(reply, "Connection: upgrade\r\n");
    assert_has(reply, "Upgrade: websocket\r\n");
    assert_has(reply, "Sec-WebSocket-Key: k\r\n");
    client_send(peer, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                      "Upgrade: websocket\r\nSec-WebSocket-Accept: a\r\n\r\nbehind");
    client_read(fd, "behind", reply, sizeof reply);
    assert_has(reply, "HTTP/1.1 101 ");
    assert_has(reply, "Upgrade: websocket\r\n");
    assert_has(reply, "Sec-WebSocket-Accept: a\r\n");
    assert_lacks(reply, "chunked");
    client_read(peer, "early", reply, sizeof reply);
    assert_string_equal(reply, "early");
    for (int i = 0; i < 3; i++) {
        client_send(fd, "to");
        client_read(peer, "to", reply, sizeof reply);
        client_send(peer, "fro");
        client_read(fd, "fro", reply, sizeof reply);
        assert_string_equal(reply, "fro");
    }
    close(fd);
    client_read(peer, NULL, reply, sizeof reply);
    assert_string_equal(reply, "<closed>");
    close(peer);
    close(listener);
    wait_for(&done_broken, 1);
}

/* --- the client --- */

struct result {
    atomic_int called;
    int status;
    char text[2000];
    http_call_options options;
    bool cancel;
};

static void on_answer(const http_answer *answer, const error *e, void *arg)
{
    struct result *r = arg;
    r->status = answer ? answer->status : -(int)e->kind;
    if (answer)
        snprintf(r->text, sizeof r->text, "%.*s", (int)answer->body.n, answer->body.p);
    else
        snprintf(r->text, sizeof r->text, "%s", e->message);
    atomic_fetch_add(&r->called, 1);
}

static void start_call(void *arg)
{
    struct result *r = arg;
    http_call *call = http_call_start(h.l, &r->options, on_answer, r);
    if (r->cancel)
        http_call_cancel(call);
}

static void call(struct result *r)
{
    loop_post(h.l, start_call, r);
    wait_for(&r->called, 1);
}

static void test_client(void **state)
{
    (void)state;
    struct result ok = {.options = {.address = back_address, .target = "/ping"}};
    call(&ok);
    assert_int_equal(ok.status, 200);
    assert_string_equal(ok.text, "pong");
    struct result post = {.options = {.address = back_address,
                                      .method = "POST",
                                      .target = "/echo",
                                      .content_type = "text/plain",
                                      .body = STR("hello")}};
    call(&post);
    assert_string_equal(post.text, "hello");
    struct result large = {.options = {.address = back_address,
                                       .method = "POST",
                                       .target = "/echo",
                                       .max_bytes = 3,
                                       .body = STR("hello")}};
    call(&large);
    assert_int_equal(large.status, -ERR_BAD_GATEWAY);
    char address[40];
    snprintf(address, sizeof address, "127.0.0.1:%d", h.port);
    struct result tcp = {.options = {.address = address, .target = "/back/ping"}};
    call(&tcp);
    assert_string_equal(tcp.text, "pong");
    struct result nobody = {.options = {.address = bad_address, .target = "/"}};
    call(&nobody);
    assert_int_equal(nobody.status, -ERR_UNAVAILABLE);
    struct result refused = {.options = {.address = "127.0.0.1:1", .target = "/"}};
    call(&refused);
    assert_int_equal(refused.status, -ERR_UNAVAILABLE);
    struct result wrong = {.options = {.address = "nonsense", .target = "/"}};
    call(&wrong);
    assert_has(wrong.text, "address 'nonsense'");
    struct result slow = {
        .options = {.address = back_address, .target = "/keep", .timeout_ms = 100}};
    call(&slow);
    assert_int_equal(slow.status, -ERR_TIMEOUT);
    wait_for(&back_gone, 1);
    struct result cancelled = {.options = {.address = back_address, .target = "/ping"},
                               .cancel = true};
    loop_post(h.l, start_call, &cancelled);
    usleep(50000);
    assert_int_equal(cancelled.called, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_heads),        TEST(test_bodies),      TEST(test_large_echo),
        TEST(test_cancel),       TEST(test_slow_reader), TEST(test_dead_upstream),
        TEST(test_timeouts),     TEST(test_retry),       TEST(test_early_refusal),
        TEST(test_tunnel),       TEST(test_client),      TEST(test_kept),
        TEST(test_kept_in_vain),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    keeps = true;
    failed += cmocka_run_group_tests_name("kept connections", tests, NULL, NULL);
    unlink(bad_path);
    return failed;
}
