/* The HTTP/1.1 parser: what is accepted, what is refused (the smuggling table), and that it does
 * not matter how the bytes are cut. */
#include "http/h1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define H "Host: x\r\n"

static bool parse(const char *text, h1_head *head, h1_error *e)
{
    size_t seen = 0;
    str all = str_of(text);
    size_t n = h1_head_end(all, &seen);
    assert_int_not_equal(n, 0);
    return h1_parse_request((str){text, n}, head, e);
}

static void assert_str(str found, const char *expected)
{
    char text[256];
    assert_true(found.n < sizeof text);
    if (found.n)
        memcpy(text, found.p, found.n);
    text[found.n] = '\0';
    assert_string_equal(text, expected);
}

static void test_good_requests(void **state)
{
    (void)state;
    h1_head head;
    h1_error e;
    assert_true(parse("POST /a/b?c=d&e HTTP/1.1\r\nHost: h:80\r\ncontent-length: 12\r\n"
                      "X-Empty:\r\nX-Blank:  \t v w \t\r\nConnection: close, x\r\n\r\n",
                      &head, &e));
    assert_str(head.method, "POST");
    assert_str(head.path, "/a/b");
    assert_str(head.query, "c=d&e");
    assert_str(head.host, "h:80");
    assert_int_equal(head.framing, H1_LENGTH);
    assert_int_equal(head.length, 12);
    assert_false(head.keep_alive);
    assert_str(h1_find(&head, "x-empty"), "");
    assert_non_null(h1_find(&head, "x-empty").p);
    assert_str(h1_find(&head, "x-blank"), "v w");
    assert_null(h1_find(&head, "x-none").p);
    assert_true(h1_is_hop_by_hop(&head, STR("X")));
    assert_true(h1_is_hop_by_hop(&head, STR("TE")));
    assert_false(h1_is_hop_by_hop(&head, STR("x-empty")));

    assert_true(parse("GET / HTTP/1.0\r\n\r\n", &head, &e));
    assert_false(head.keep_alive);
    assert_true(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &head, &e));
    assert_true(head.keep_alive);
    assert_true(parse("GET http://User.example:1/x?y HTTP/1.1\r\n" H "\r\n", &head, &e));
    assert_str(head.host, "User.example:1");
    assert_str(head.path, "/x");
    assert_true(parse("GET https://a?q HTTP/1.1\r\n" H "\r\n", &head, &e));
    assert_str(head.path, "/");
    assert_str(head.query, "q");
    assert_true(parse("PUT /x HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n"
                      "Expect: 100-Continue\r\n\r\n",
                      &head, &e));
    assert_int_equal(head.framing, H1_CHUNKED);
    assert_true(head.expect_continue);
    assert_true(parse("GET /w HTTP/1.1\r\n" H "Connection: keep-alive, Upgrade\r\n"
                      "Upgrade: websocket\r\n\r\n",
                      &head, &e));
    assert_true(head.upgrade);
    assert_true(parse("GET / HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n", &head, &e));
    assert_int_equal(head.framing, H1_NO_BODY);
    assert_true(parse("OPTIONS * HTTP/1.1\r\n" H "\r\n", &head, &e));
    assert_true(parse("GET /a%2Fb/%C3%A4/..a/...?../ HTTP/1.1\r\n" H "\r\n", &head, &e));
}

/* Every one is refused with its status. */
static const struct {
    int status;
    const char *text;
} bad_requests[] = {
    /* lines */
    {400, "GET / HTTP/1.1\nHost: x\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: x\r\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H " folded: x\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "\tfolded\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n Host: x\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost : x\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "A B: c\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "no colon\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H ": no name\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "A\x01: b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "A: b\x01\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "A: b\x7f\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H "A\xe4: b\r\n\r\n"},
    /* request line */
    {400, "GET  / HTTP/1.1\r\n" H "\r\n"},
    {400, "GET / HTTP/1.1 \r\n" H "\r\n"},
    {400, "GET /a b HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /\r\n" H "\r\n"},
    {400, " GET / HTTP/1.1\r\n" H "\r\n"},
    {400, "GET / http/1.1\r\n" H "\r\n"},
    {400, "GET / HTTP/11\r\n" H "\r\n"},
    {505, "GET / HTTP/2.0\r\n" H "\r\n"},
    {400, "G@T / HTTP/1.1\r\n" H "\r\n"},
    {400, "GET x HTTP/1.1\r\n" H "\r\n"},
    {400, "GET * HTTP/1.1\r\n" H "\r\n"},
    {400, "GET ftp://x/ HTTP/1.1\r\n" H "\r\n"},
    {400, "GET http:///x HTTP/1.1\r\n" H "\r\n"},
    {400, "GET http://a@b\"/x HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a#b HTTP/1.1\r\n" H "\r\n"},
    {501, "CONNECT x:443 HTTP/1.1\r\n" H "\r\n"},
    /* path */
    {400, "GET /../a HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a/.. HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a/./b HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /%2e%2E/a HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a%2F..%2Fb HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a%00 HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a%4 HTTP/1.1\r\n" H "\r\n"},
    {400, "GET /a%zz HTTP/1.1\r\n" H "\r\n"},
    /* host */
    {400, "GET / HTTP/1.1\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n" H H "\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    /* framing: the smuggling table */
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 1, 1\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 0x1\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 1 1\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length:\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: identity\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding:\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked;\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
          "Transfer-Encoding: chunked\r\n\r\n"},
    {400, "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n"},
    {417, "POST / HTTP/1.1\r\n" H "Expect: tea\r\nContent-Length: 1\r\n\r\n"},
};

static void test_bad_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_requests / sizeof *bad_requests; i++) {
        h1_head head;
        h1_error e = {0};
        if (parse(bad_requests[i].text, &head, &e) || e.status != bad_requests[i].status)
            fail_msg("'%s' gave %d (%s), expected %d", bad_requests[i].text, e.status,
                     e.what ? e.what : "accepted", bad_requests[i].status);
    }
}

static void test_nul_byte(void **state)
{
    (void)state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n";
    h1_head head;
    h1_error e = {0};
    assert_false(h1_parse_request((str){text, sizeof text - 1}, &head, &e));
    assert_int_equal(e.status, 400);
    assert_false(h1_head_possible((str){text, sizeof text - 1}, 0));
}

static void test_header_limit(void **state)
{
    (void)state;
    char text[4000] = "GET / HTTP/1.1\r\n" H;
    h1_head head;
    h1_error e = {0};
    for (int i = 1; i < H1_MAX_HEADERS; i++)
        strcat(text, "A: b\r\n");
    size_t n = strlen(text);
    strcat(text, "\r\n");
    assert_true(parse(text, &head, &e));
    assert_int_equal(head.n_headers, H1_MAX_HEADERS);
    strcpy(text + n, "A: b\r\n\r\n");
    assert_false(parse(text, &head, &e));
    assert_int_equal(e.status, 431);
}

static void test_head_end_at_every_split(void **state)
{
    (void)state;
    const char *text = "GET / HTTP/1.1\r\n" H "\r\nrest\r\n\r\n";
    size_t whole = strlen("GET / HTTP/1.1\r\n" H "\r\n");
    for (size_t step = 1; step < 8; step++) {
        size_t seen = 0, n = 0, have = 0;
        while (n == 0) {
            have += step;
            assert_true(have < whole + step);
            assert_true(h1_head_possible((str){text, have}, seen));
            n = h1_head_end((str){text, have}, &seen);
        }
        assert_int_equal(n, whole);
    }
    assert_int_equal(h1_blank(STR("\r\n\r\nGET")), 4);
    assert_int_equal(h1_blank(STR("\r")), 0);
    assert_false(h1_head_possible(STR("\x16\x03"), 0));
    assert_false(h1_head_possible(STR("GET / HTTP/1.1\nHost"), 10));
}

static void test_replies(void **state)
{
    (void)state;
    static const struct {
        const char *text, *method;
        int status; /* 0: refused */
        enum h1_framing framing;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "GET", 200, H1_LENGTH},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", 200, H1_NO_BODY},
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "GET", 200, H1_NO_BODY},
        {"HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n", "GET", 200, H1_CHUNKED},
        {"HTTP/1.0 404 Not Found\r\n\r\n", "GET", 404, H1_UNTIL_CLOSE},
        {"HTTP/1.1 204 x\r\n\r\n", "GET", 204, H1_NO_BODY},
        {"HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n", "GET", 304, H1_NO_BODY},
        {"HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n", "GET", 101, H1_NO_BODY},
        {"HTTP/1.1 20 x\r\n\r\n", "GET", 0, 0},
        {"HTTP/1.1 2000 x\r\n\r\n", "GET", 0, 0},
        {"HTTP/1.1 099 x\r\n\r\n", "GET", 0, 0},
        {"HTTP/3.1 200 x\r\n\r\n", "GET", 0, 0},
        {"HTTP/1.1 200 x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "GET", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        h1_head head;
        h1_error e;
        bool good = h1_parse_reply(str_of(rows[i].text), str_of(rows[i].method), &head, &e);
        if (good != (rows[i].status != 0) ||
            (good && (head.status != rows[i].status || head.framing != rows[i].framing)))
            fail_msg("row %zu: '%s'", i, rows[i].text);
    }
}

/* Decodes a body given in pieces of `step` bytes; -1: malformed, -2: incomplete, else bytes used.
 */
static long decode(str bytes, size_t step, char *out, size_t *n_out)
{
    h1_chunks c = {0};
    *n_out = 0;
    for (size_t from = 0; from < bytes.n; from += step) {
        str piece = {bytes.p + from, bytes.n - from < step ? bytes.n - from : step};
        size_t at = 0;
        str data;
        do {
            enum h1_result result = h1_chunks_next(&c, piece, &at, &data);
            if (result == H1_BAD)
                return -1;
            if (result == H1_DONE)
                return (long)(from + at);
            if (data.n > 0)
                memcpy(out + *n_out, data.p, data.n);
            *n_out += data.n;
        } while (data.n > 0);
        assert_int_equal(at, piece.n);
    }
    return -2;
}

static void test_chunks_at_every_split(void **state)
{
    (void)state;
    str body =
        STR("5\r\nhello\r\n00A;x=\"y\"\r\n0123456789\r\n1\r\n\n\r\n0\r\nT: a\r\nU: b\r\n\r\nGET");
    for (size_t step = 1; step <= body.n; step++) {
        char out[100];
        size_t n;
        assert_int_equal(decode(body, step, out, &n), body.n - 3);
        assert_int_equal(n, 16);
        assert_memory_equal(out, "hello0123456789\n", 16);
    }
}

static void test_bad_chunks(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "\r\n",
        "x\r\n",
        "5\nhello",
        "5 \r\nhello\r\n",
        " 5\r\nhello\r\n",
        "-5\r\nhello",
        "+5\r\nhello",
        "0x5\r\nhello",
        "5\r\nhello\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\r",
        "5\rhello",
        "5;a\x01\r\n",
        "5;a\n",
        "0\r\n: x\r\n\r\n",
        "0\r\n\n",
        "0\r\nA: b\n\r\n",
        "0\r\n A: b\r\n",
        "100000000000000000\r\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t step = 1; step < 4; step++) {
            char out[100];
            size_t n;
            long expected = strcmp(rows[i], "5\r\nhello\r") == 0 ? -2 : -1;
            if (decode(str_of(rows[i]), step, out, &n) != expected)
                fail_msg("chunks '%s' in steps of %zu were not refused", rows[i], step);
        }
    static char line[H1_MAX_CHUNK_LINE + 10] = "5;";
    memset(line + 2, 'a', sizeof line - 3);
    char out[100];
    size_t n;
    assert_int_equal(decode(str_of(line), 7, out, &n), -1);
}

static void test_percent_decode(void **state)
{
    (void)state;
    char out[32];
    assert_int_equal(h1_percent_decode(STR("a%20b+c%2f"), false, out), 6);
    assert_memory_equal(out, "a b+c/", 6);
    assert_int_equal(h1_percent_decode(STR("a+b"), true, out), 3);
    assert_memory_equal(out, "a b", 3);
    assert_int_equal(h1_percent_decode(STR("%00"), true, out), -1);
    assert_int_equal(h1_percent_decode(STR("%2"), true, out), -1);
    assert_int_equal(h1_percent_decode(STR("%g0"), true, out), -1);
    assert_true(h1_has_token(STR("a, Close ,b"), STR("close")));
    assert_false(h1_has_token(STR("closed"), STR("close")));
    assert_false(h1_has_token(STR(",, ,"), STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_nul_byte),
        cmocka_unit_test(test_header_limit),
        cmocka_unit_test(test_head_end_at_every_split),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_chunks_at_every_split),
        cmocka_unit_test(test_bad_chunks),
        cmocka_unit_test(test_percent_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
