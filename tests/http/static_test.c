/* Embedded files and files on disk: tags, ranges, large ones. */
#include "harness.h"

#include "http/static.h"

static struct harness h;
static char path[64], reply[100000];
static const char content[] = "0123456789abcdef";
enum { LARGE = 3 * 1024 * 1024 + 17 };

static void embedded(http_request *req, void *app)
{
    (void)app;
    http_reply_embedded(req, "text/css", (str){content, 16}, "\"tag\"", "no-cache");
}

static void on_disk(http_request *req, void *app)
{
    (void)app;
    http_reply_file(req, &(http_file){.path = path, .type = "text/plain", .etag = "\"e\""});
}

static void large(http_request *req, void *app)
{
    (void)app;
    http_reply_file(req, &(http_file){.path = path, .download_name = "a\"b.bin"});
}

static void missing(http_request *req, void *app)
{
    (void)app;
    http_reply_file(req, &(http_file){.path = "/nonexistent"});
}

static void folder(http_request *req, void *app)
{
    (void)app;
    http_reply_file(req, &(http_file){.path = "/tmp"});
}

static void write_file(size_t n, bool pattern)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < n; i++)
        fputc(pattern ? (int)((i * 7 + i / 1000) & 0xFF) : content[i], f);
    fclose(f);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/http_static_test.%d", getpid());
    write_file(16, false);
    harness_open(&h, &(http_server_options){0});
    http_route(h.server, "GET", "/embedded", embedded, NULL);
    http_route(h.server, "GET", "/file", on_disk, NULL);
    http_route(h.server, "GET", "/large", large, NULL);
    http_route(h.server, "GET", "/missing", missing, NULL);
    http_route(h.server, "GET", "/folder", folder, NULL);
    harness_start(&h);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    harness_close(&h);
    unlink(path);
    return 0;
}

static char *get(const char *target, const char *headers)
{
    char text[500];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", target,
             headers);
    return client_ask(h.port, text, reply, sizeof reply);
}

static void test_embedded(void **state)
{
    (void)state;
    get("/embedded", "");
    assert_has(reply, "HTTP/1.1 200 ");
    assert_has(reply, "ETag: \"tag\"\r\n");
    assert_has(reply, "Cache-Control: no-cache\r\n");
    assert_has(reply, "\r\n\r\n0123456789abcdef<closed>");
    static const char *const same[] = {"\"tag\"", "\"x\", \"tag\"", "W/\"tag\"", "*"};
    for (int i = 0; i < 4; i++) {
        char header[60];
        snprintf(header, sizeof header, "If-None-Match: %s\r\n", same[i]);
        get("/embedded", header);
        assert_has(reply, "HTTP/1.1 304 ");
        assert_has(reply, "ETag: \"tag\"\r\n");
        assert_has(reply, "\r\n\r\n<closed>");
    }
    get("/embedded", "If-None-Match: \"other\"\r\n");
    assert_has(reply, "HTTP/1.1 200 ");
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *headers, *status, *has;
    } rows[] = {
        {"", "200", "Accept-Ranges: bytes\r\n"},
        {"", "200", "\r\n\r\n0123456789abcdef<closed>"},
        {"Range: bytes=0-3\r\n", "206", "Content-Range: bytes 0-3/16\r\n"},
        {"Range: bytes=0-3\r\n", "206", "\r\n\r\n0123<closed>"},
        {"Range: bytes=10-\r\n", "206", "\r\n\r\nabcdef<closed>"},
        {"Range: bytes=-2\r\n", "206", "\r\n\r\nef<closed>"},
        {"Range: bytes=-99\r\n", "206", "Content-Range: bytes 0-15/16\r\n"},
        {"Range: bytes=8-99\r\n", "206", "Content-Range: bytes 8-15/16\r\n"},
        {"Range: bytes=16-\r\n", "416", "Content-Range: bytes */16\r\n"},
        {"Range: bytes=-0\r\n", "416", "Content-Range: bytes */16\r\n"},
        {"Range: bytes=3-1\r\n", "200", "Content-Length: 16\r\n"},
        {"Range: bytes=0-1,4-5\r\n", "200", "Content-Length: 16\r\n"},
        {"Range: lines=0-1\r\n", "200", "Content-Length: 16\r\n"},
        {"Range: bytes=-\r\n", "200", "Content-Length: 16\r\n"},
        {"Range: bytes=0-3\r\nIf-Range: \"e\"\r\n", "206", "\r\n\r\n0123<closed>"},
        {"Range: bytes=0-3\r\nIf-Range: \"f\"\r\n", "200", "Content-Length: 16\r\n"},
        {"If-None-Match: \"e\"\r\n", "304", "\r\n\r\n<closed>"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char status[40];
        snprintf(status, sizeof status, "HTTP/1.1 %s ", rows[i].status);
        get("/file", rows[i].headers);
        assert_has(reply, status);
        assert_has(reply, rows[i].has);
    }
    client_ask(h.port, "HEAD /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", reply,
               sizeof reply);
    assert_has(reply, "Content-Length: 16\r\n");
    assert_has(reply, "\r\n\r\n<closed>");
}

static void test_large(void **state)
{
    (void)state;
    write_file(LARGE, true);
    int fd = client_open(h.port);
    client_send(fd, "GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client_read(fd, "\r\n\r\n", reply, sizeof reply);
    assert_has(reply, "Content-Disposition: attachment; filename=\"a_b.bin\"\r\n");
    assert_has(reply, "Content-Type: application/octet-stream\r\n");
    assert_has(reply, "ETag: \"");
    size_t got = 0;
    ssize_t n;
    static unsigned char piece[30000];
    while ((n = recv(fd, piece, sizeof piece, 0)) > 0)
        for (ssize_t i = 0; i < n; i++, got++)
            if (piece[i] != (unsigned char)(got * 7 + got / 1000))
                fail_text("byte %zu differs", got);
    assert_int_equal(got, LARGE);
    close(fd);
    fd = client_open(h.port); /* one that leaves in the middle */
    client_send(fd, "GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    client_read(fd, "\r\n\r\n", reply, sizeof reply);
    close(fd);
    write_file(0, false);
    get("/large", "");
    assert_has(reply, "Content-Length: 0\r\nConnection: close\r\n\r\n<closed>");
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    get("/missing", "");
    assert_has(reply, "HTTP/1.1 404 ");
    get("/folder", "");
    assert_has(reply, "HTTP/1.1 404 ");
    assert_string_equal(http_type_of("a/b.HTML"), "text/html; charset=utf-8");
    assert_string_equal(http_type_of("a.js/b"), "application/octet-stream");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_embedded),
        TEST(test_ranges),
        TEST(test_large),
        TEST(test_what_is_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
