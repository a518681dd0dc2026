/* The server over real sockets: replies, keep-alive, bodies, cancellation, deadlines, drain. */
#include "harness.h"

static struct harness h;
static atomic_int gone, finished, last_status, done;
static http_request *kept;
static char reply[200000];

static void ping(http_request *req, void *app)
{
    (void)app;
    http_reply_text(req, 200, "text/plain", "pong");
}

static void echo_body(http_request *req, str body, void *arg)
{
    (void)arg;
    http_reply(req, 200, "application/octet-stream", body.p, body.n);
}

static void echo(http_request *req, void *app)
{
    http_read_all(req, 100000, echo_body, app);
}

static void show(http_request *req, void *app)
{
    (void)app;
    str a = http_capture(req, 0), b = http_capture(req, 1);
    str q = http_query_value(req, "q");
    own_buf buf text = buf_new(1000);
    buf_printf(&text, "[%.*s][%.*s][%.*s]", (int)a.n, a.p, (int)b.n, b.p, (int)q.n, q.p);
    http_header(req, "X-Evil", "a\r\nSet-Cookie: b");
    http_header(req, "X-Twice", "first");
    http_header(req, "x-twice", "second");
    http_reply_buf(req, 200, "text/plain", &text);
}

static void count_gone(void *arg)
{
    (void)arg;
    atomic_fetch_add(&gone, 1);
    kept = NULL;
}

static void keep(http_request *req, void *app)
{
    (void)app;
    kept = req;
    http_on_gone(req, count_gone, NULL);
}

static void answer_kept(void *arg)
{
    (void)arg;
    http_reply_text(kept, 200, "text/plain", "at last");
    kept = NULL;
}

static void keep_briefly(http_request *req, void *app)
{
    (void)app;
    kept = req;
    loop_post(h.l, answer_kept, NULL);
}

static void stream(http_request *req, void *app)
{
    (void)app;
    http_sse_begin(req);
    http_sse_send(req, "token", "one\ntwo", 7);
    http_sse_send(req, NULL, "[DONE]", 6);
    http_end(req);
}

/* Sends as fast as the client reads, for ever. */
static atomic_int n_sent;
static void send_more(void *arg)
{
    static char piece[60000];
    http_request *req = arg;
    while (http_send(req, piece, sizeof piece) == HTTP_ROOM)
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

static void broken(http_request *req, void *app)
{
    (void)app;
    http_begin(req, 200, "text/plain");
    http_send(req, "half", 4);
    http_abort(req);
}

static void fails(http_request *req, void *app)
{
    (void)app;
    error e = {0};
    fail(&e, ERR_INVALID, "'inputs' must have \"text\"");
    http_fail(req, &e);
}

static bool before(http_request *req, void *app)
{
    (void)app;
    if (!str_is(http_request_header(req, "x-forbidden"), "yes"))
        return true;
    http_error(req, 403, "not you");
    return false;
}

static void on_head(http_request *req, int status, void *app)
{
    (void)app;
    http_headerf(req, "X-Status", "%d", status);
}

static void on_finished(http_request *req, const http_summary *summary, void *app)
{
    (void)req;
    (void)app;
    atomic_store(&last_status, summary->status);
    atomic_fetch_add(&finished, 1);
}

static const http_route_row rows[] = {
    {"GET", "/ping", ping},     {"POST", "/echo", echo},    {"GET", "/a/{x}/{rest...}", show},
    {"GET", "/keep", keep},     {"POST", "/keep", keep},    {"GET", "/briefly", keep_briefly},
    {"GET", "/stream", stream}, {"GET", "/flood", flood},   {"GET", "/broken", broken},
    {"POST", "/fails", fails},  {"POST", "/refuses", ping}, {NULL, NULL, NULL},
};

static int set_up(void **state)
{
    (void)state;
    gone = finished = last_status = done = n_sent = 0;
    kept = NULL;
    harness_open(&h, &(http_server_options){
                         .limits = {.head_ms = 200,
                                    .idle_ms = 400,
                                    .body_ms = 200,
                                    .body_min_bytes = 10,
                                    .write_ms = 300,
                                    .linger_ms = 300},
                         .before = before,
                         .head = on_head,
                         .finished = on_finished,
                     });
    http_routes(h.server, rows, NULL);
    harness_start(&h);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_close(&h);
    return 0;
}

#define GET(path)       "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define GET_CLOSE(path) "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static char *ask(const char *request)
{
    return client_ask(h.port, request, reply, sizeof reply);
}

static void test_replies(void **state)
{
    (void)state;
    ask(GET_CLOSE("/ping"));
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    assert_has(reply, "Content-Type: text/plain\r\n");
    assert_has(reply, "Content-Length: 4\r\nConnection: close\r\n\r\npong<closed>");
    assert_has(reply, "X-Status: 200\r\n");
    ask("GET /ping HTTP/1.0\r\n\r\n");
    assert_has(reply, "\r\n\r\npong<closed>");
    ask("HEAD /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_has(reply, "Content-Length: 4\r\nConnection: close\r\n\r\n<closed>");
    ask(GET_CLOSE("/nothing"));
    assert_has(reply, "HTTP/1.1 404 Not Found\r\n");
    assert_has(reply, "{\"error\":\"no such path\"}<closed>");
    ask("DELETE /keep HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_has(reply, "HTTP/1.1 405 ");
    assert_has(reply, "Allow: GET, HEAD, POST, OPTIONS\r\n");
    ask("OPTIONS /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_has(reply, "HTTP/1.1 204 ");
    assert_has(reply, "Allow: POST, OPTIONS\r\n");
    ask("GET /ping HTTP/1.1\r\nHost: x\r\nX-Forbidden: yes\r\nConnection: close\r\n\r\n");
    assert_has(reply, "HTTP/1.1 403 ");
    assert_has(reply, "{\"error\":\"not you\"}");
    ask("POST /fails HTTP/1.0\r\n\r\n");
    assert_has(reply, "HTTP/1.1 422 ");
    assert_has(reply, "{\"error\":\"'inputs' must have \\\"text\\\"\"}");
}

static void test_captures_and_headers(void **state)
{
    (void)state;
    ask(GET_CLOSE("/a/b%2Fc/d%20e/f?x=1&q=%C3%A4+b&q=2"));
    assert_has(reply, "[b/c][d e/f][\xC3\xA4 b]");
    assert_has(reply, "X-Evil: a  Set-Cookie: b\r\n");
    assert_has(reply, "x-twice: second\r\n");
    assert_lacks(reply, "first");
    ask("GET http://host.example/a/b/c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_has(reply, "[b][c][]");
    ask(GET_CLOSE("/a/../ping"));
    assert_has(reply, "HTTP/1.1 400 ");
    ask(GET_CLOSE("/a/b%00/c"));
    assert_has(reply, "HTTP/1.1 400 ");
}

static void test_keep_alive_and_pipelining(void **state)
{
    (void)state;
    int fd = client_open(h.port);
    for (int i = 0; i < 3; i++) {
        client_send(fd, GET("/ping"));
        client_read(fd, "pong", reply, sizeof reply);
        assert_lacks(reply, "Connection");
    }
    client_send(fd,
                GET("/ping") "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" GET(
                    "/briefly") GET("/stream") GET_CLOSE("/ping"));
    client_read(fd, NULL, reply, sizeof reply);
    close(fd);
    const char *p = strstr(reply, "pong");
    assert_non_null(p);
    assert_non_null(p = strstr(p, "\r\n\r\nabcHTTP/1.1 200 OK"));
    assert_non_null(p = strstr(p, "at lastHTTP/1.1"));
    assert_non_null(p = strstr(p, "event: token\ndata: one\ndata: two\n\n"));
    assert_non_null(p = strstr(p, "data: [DONE]\n\n\r\n0\r\n\r\nHTTP/1.1 200 OK"));
    assert_non_null(strstr(p, "pong<closed>"));
    wait_for(&finished, 8);
}

static void test_bodies(void **state)
{
    (void)state;
    ask("POST /echo HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello");
    assert_has(reply, "\r\n\r\nhello<closed>");
    ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        "3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n");
    assert_has(reply, "\r\n\r\nabcde<closed>");
    ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3x\r\n");
    assert_has(reply, "HTTP/1.1 400 ");
    assert_has(reply, "malformed chunked body");

    int fd = client_open(h.port); /* byte by byte, faster than the least rate */
    const char *text = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\nhello\r\n0\r\n\r\n";
    for (const char *p = text; *p; p++)
        assert_int_equal(send(fd, p, 1, 0), 1);
    client_read(fd, "hello", reply, sizeof reply);
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                    "Expect: 100-continue\r\n\r\n");
    client_read(fd, "HTTP/1.1 100 Continue\r\n\r\n", reply, sizeof reply);
    assert_has(reply, "100 Continue");
    client_send(fd, "ok");
    client_read(fd, "\r\n\r\nok", reply, sizeof reply);
    assert_has(reply, "HTTP/1.1 200 OK");
    close(fd);
}

static void test_large_body_is_refused(void **state)
{
    (void)state;
    int fd = client_open(h.port);
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n");
    static char piece[40000];
    for (int i = 0; i < 10; i++) /* the client writes it all before it reads */
        send(fd, piece, sizeof piece, MSG_NOSIGNAL);
    client_read(fd, NULL, reply, sizeof reply);
    close(fd);
    assert_has(reply, "HTTP/1.1 413 ");
    assert_has(reply, "the request body is larger than 100000 bytes");
    assert_has(reply, "<closed>");

    fd = client_open(h.port); /* chunked: found out on the way */
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "40000\r\n");
    for (int i = 0; i < 5; i++)
        send(fd, piece, sizeof piece, MSG_NOSIGNAL);
    client_read(fd, NULL, reply, sizeof reply);
    close(fd);
    assert_has(reply, "HTTP/1.1 413 ");
    /* 100-continue is not sent for a body that is refused */
    ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\nExpect: 100-continue\r\n\r\n");
    assert_has(reply, "HTTP/1.1 413 ");
    assert_lacks(reply, "100 Continue");
}

static void test_unread_body(void **state)
{
    (void)state;
    int fd = client_open(h.port); /* a small one is dropped and the connection kept */
    client_send(fd, "POST /refuses HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc");
    client_read(fd, "pong", reply, sizeof reply);
    assert_lacks(reply, "Connection: close");
    client_send(fd, "de" GET_CLOSE("/ping"));
    client_read(fd, NULL, reply, sizeof reply);
    assert_has(reply, "pong<closed>");
    close(fd);
    fd = client_open(h.port); /* a large one ends it */
    client_send(fd, "POST /refuses HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000\r\n\r\nabc");
    client_read(fd, NULL, reply, sizeof reply);
    assert_has(reply, "Connection: close");
    assert_has(reply, "pong<closed>");
    close(fd);
}

static void test_malformed_heads(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "GET /ping HTTP/1.1\r\n\r\n",
        "GET /ping HTTP/1.1\nHost: x\n\n",
        "GET /ping HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET /ping HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\x16\x03\x01\x02",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ask(bad[i]);
        assert_has(reply, "HTTP/1.1 400 Bad Request\r\n");
        assert_has(reply, "Connection: close\r\n");
        assert_has(reply, "<closed>");
    }
    static char large[20000];
    strcpy(large, "GET /ping HTTP/1.1\r\nHost: x\r\nX: ");
    memset(large + strlen(large), 'a', sizeof large - 100);
    ask(large);
    assert_has(reply, "HTTP/1.1 431 ");
}

static void test_cancel_while_computing(void **state)
{
    (void)state;
    int fd = client_open(h.port); /* plain close */
    client_send(fd, GET("/keep"));
    usleep(20000);
    assert_int_equal(gone, 0);
    close(fd);
    wait_for(&gone, 1);
    wait_for(&finished, 1);
    assert_int_equal(last_status, 499);

    fd = client_open(h.port); /* reset, with the body unread, so that nothing is being read */
    client_send(fd, "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    usleep(20000);
    struct linger reset = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    wait_for(&gone, 2);

    fd = client_open(h.port); /* behind a pipelined request */
    client_send(fd, GET("/keep") GET("/ping"));
    usleep(20000);
    close(fd);
    wait_for(&gone, 3);
    fd = client_open(h.port); /* within its body */
    client_send(fd, "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    close(fd);
    wait_for(&finished, 4);
    assert_int_equal(last_status, 499);
}

static void test_waiting_has_no_deadline(void **state)
{
    (void)state;
    int fd = client_open(h.port);
    client_send(fd, "POST /keep HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    usleep(900000); /* more than all deadlines */
    assert_int_equal(gone, 0);
    loop_post(h.l, answer_kept, NULL);
    client_read(fd, "at last", reply, sizeof reply);
    assert_has(reply, "200 OK");
    close(fd);
}

static void test_deadlines(void **state)
{
    (void)state;
    int64_t start = clock_ms();
    ask("GET /ping HT");
    assert_has(reply, "HTTP/1.1 408 ");
    assert_true(clock_ms() - start >= 180);
    start = clock_ms();
    ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    assert_has(reply, "HTTP/1.1 408 ");
    assert_true(clock_ms() - start >= 180);
    start = clock_ms();
    ask(GET("/ping")); /* then idle */
    assert_has(reply, "pong<closed>");
    assert_true(clock_ms() - start >= 380);
    start = clock_ms();
    ask("");
    assert_string_equal(reply, "<closed>");
    assert_true(clock_ms() - start >= 380);
}

static void test_slow_reader(void **state)
{
    (void)state;
    int fd = client_open(h.port);
    client_send(fd, GET("/flood"));
    wait_for(&gone, 1);                     /* cut by the deadline of writing */
    assert_true(n_sent * 60000 < 16 << 20); /* what kernel and high-water mark hold */
    close(fd);
    n_sent = 0;
    fd = client_open(h.port); /* one that reads gets on, without a limit */
    client_send(fd, GET("/flood"));
    bool answered = false;
    static char piece[65536];
    for (int64_t got = 0; got < 64 << 20;) {
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        assert_true(n > 0);
        got += n;
        if (got > 8 << 20 && !answered) { /* others get their turn meanwhile */
            ask(GET_CLOSE("/ping"));
            assert_has(reply, "pong<closed>");
            answered = true;
        }
    }
    close(fd);
    wait_for(&gone, 2);
}

static void test_abort_is_no_end(void **state)
{
    (void)state;
    ask(GET("/broken"));
    assert_lacks(reply, "0\r\n\r\n");
    assert_true(strstr(reply, "<reset>") || strstr(reply, "<closed>"));
    wait_for(&finished, 1);
    assert_int_equal(last_status, 0);
}

static void test_unix_socket(void **state)
{
    (void)state;
    char path[64], address[80];
    snprintf(path, sizeof path, "/tmp/http_server_test.%d", getpid());
    snprintf(address, sizeof address, "unix:%s", path);
    struct harness u;
    harness_open(&u, &(http_server_options){0});
    error e = {0};
    /* a stale socket file */
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strcpy(to.sun_path, path);
    assert_int_equal(bind(stale, (struct sockaddr *)&to, sizeof to), 0);
    close(stale);
    assert_true(http_listen(u.server, address, &e));
    assert_false(http_listen(u.server, address, &e)); /* alive */
    assert_has(e.message, "another process does");
    http_routes(u.server, rows, NULL);
    harness_start(&u);
    int fd = client_open_unix(path);
    client_send(fd, GET_CLOSE("/ping"));
    client_read(fd, NULL, reply, sizeof reply);
    assert_has(reply, "pong<closed>");
    close(fd);
    harness_close(&u);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void test_idle_connections(void **state)
{
    (void)state;
    enum { N = 400 };
    static int fds[N];
    struct harness many;
    harness_open(&many, &(http_server_options){0});
    http_routes(many.server, rows, NULL);
    harness_start(&many);
    int64_t start = 0;
    for (int i = 0; i < N; i++) {
        fds[i] = client_open(many.port);
        client_send(fds[i], GET("/ping"));
        client_read(fds[i], "pong", reply, sizeof reply);
        if (i == N / 10)
            start = rss_bytes();
    }
    int64_t each = (rss_bytes() - start) / (N - N / 10);
    print_message("%lld bytes for an idle connection\n", (long long)each);
#ifndef SANITIZED
    assert_true(each < 8000);
#endif
    for (int i = 0; i < N; i++) {
        client_send(fds[i], GET("/ping"));
        client_read(fds[i], "pong", reply, sizeof reply);
        close(fds[i]);
    }
    harness_close(&many);
}

static void test_connection_cap(void **state)
{
    (void)state;
    struct harness few;
    harness_open(&few, &(http_server_options){.limits = {.max_connections = 2}});
    http_routes(few.server, rows, NULL);
    harness_start(&few);
    int a = client_open(few.port), b = client_open(few.port), c = client_open(few.port);
    client_send(a, GET("/ping"));
    client_read(a, "pong", reply, sizeof reply);
    client_send(b, GET("/ping"));
    client_read(b, "pong", reply, sizeof reply);
    client_send(c, GET("/ping"));
    struct pollfd waits = {c, POLLIN, 0};
    assert_int_equal(poll(&waits, 1, 100), 0);
    close(a);
    client_read(c, "pong", reply, sizeof reply);
    assert_has(reply, "pong");
    close(b);
    close(c);
    harness_close(&few);
}

static void on_drained(void *arg)
{
    (void)arg;
    atomic_store(&done, 1);
}

static void drain(void *arg)
{
    http_server_drain(h.server, *(int *)arg, on_drained, NULL);
}

static void test_drain(void **state)
{
    (void)state;
    int idle = client_open(h.port), busy = client_open(h.port);
    client_send(idle, GET("/ping"));
    client_read(idle, "pong", reply, sizeof reply);
    client_send(busy, GET("/keep"));
    usleep(20000);
    int deadline_ms = 60000;
    loop_post(h.l, drain, &deadline_ms);
    client_read(idle, NULL, reply, sizeof reply);
    assert_string_equal(reply, "<closed>");
    assert_int_equal(done, 0);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)h.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_not_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    close(fd);
    loop_post(h.l, answer_kept, NULL);
    client_read(busy, NULL, reply, sizeof reply);
    assert_has(reply, "Connection: close\r\n");
    assert_has(reply, "at last<closed>");
    wait_for(&done, 1);
    close(idle);
    close(busy);
}

static void test_drain_deadline(void **state)
{
    (void)state;
    int busy = client_open(h.port);
    client_send(busy, GET("/keep"));
    usleep(20000);
    int deadline_ms = 100;
    loop_post(h.l, drain, &deadline_ms);
    wait_for(&done, 1);
    assert_int_equal(gone, 1);
    close(busy);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_replies),
        TEST(test_captures_and_headers),
        TEST(test_keep_alive_and_pipelining),
        TEST(test_bodies),
        TEST(test_large_body_is_refused),
        TEST(test_unread_body),
        TEST(test_malformed_heads),
        TEST(test_cancel_while_computing),
        TEST(test_waiting_has_no_deadline),
        TEST(test_deadlines),
        TEST(test_slow_reader),
        TEST(test_abort_is_no_end),
        TEST(test_unix_socket),
        TEST(test_idle_connections),
        TEST(test_connection_cap),
        TEST(test_drain),
        TEST(test_drain_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
