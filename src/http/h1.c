/* The strict HTTP/1.1 parser: one pass over a complete head, a table of characters, and the framing
 * rules of RFC 9112 section 6. */
#include "http/h1.h"

#include "http/h1_chars.h"

#include <string.h>

static bool bad(h1_error *e, int status, const char *what)
{
    *e = (h1_error){status, what};
    return false;
}

size_t h1_blank(str bytes)
{
    size_t n = 0;
    while (n < 16 && n + 1 < bytes.n && bytes.p[n] == '\r' && bytes.p[n + 1] == '\n')
        n += 2;
    return n;
}

size_t h1_head_end(str bytes, size_t *seen)
{
    size_t from = *seen > 3 ? *seen - 3 : 0;
    const char *found =
        from < bytes.n ? memmem(bytes.p + from, bytes.n - from, "\r\n\r\n", 4) : NULL;
    *seen = bytes.n;
    return found ? (size_t)(found - bytes.p) + 4 : 0;
}

bool h1_head_possible(str bytes, size_t from)
{
    if (bytes.n > 0 && bytes.p[0] != '\r' && !h1_is_token_char(bytes.p[0]))
        return false;
    for (size_t i = from; i < bytes.n; i++)
        if (bytes.p[i] == '\0' || (bytes.p[i] == '\n' && (i == 0 || bytes.p[i - 1] != '\r')))
            return false;
    return true;
}

bool h1_equal_fold(str a, str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (h1_lower(a.p[i]) != h1_lower(b.p[i]))
            return false;
    return true;
}

/* Next item of a comma separated list, without blanks; false at the end. */
static bool next_item(str *list, str *item)
{
    while (list->n > 0) {
        const char *comma = memchr(list->p, ',', list->n);
        str piece = {list->p, comma ? (size_t)(comma - list->p) : list->n};
        *list = str_skip(*list, comma ? piece.n + 1 : piece.n);
        *item = h1_trim(piece);
        if (item->n > 0)
            return true;
    }
    return false;
}

bool h1_has_token(str value, str token)
{
    str item;
    while (next_item(&value, &item))
        if (h1_equal_fold(item, token))
            return true;
    return false;
}

str h1_find(const h1_head *head, const char *name)
{
    str wanted = str_of(name);
    for (int i = 0; i < head->n_headers; i++)
        if (h1_equal_fold(head->headers[i].name, wanted))
            return head->headers[i].value;
    return (str){NULL, 0};
}

bool h1_is_hop_by_hop(const h1_head *head, str name)
{
    static const str fixed[] = {
        STR("connection"), STR("keep-alive"), STR("proxy-connection"),  STR("te"),
        STR("trailer"),    STR("upgrade"),    STR("transfer-encoding"),
    };
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (h1_equal_fold(name, fixed[i]))
            return true;
    for (int i = 0; i < head->n_headers; i++)
        if (h1_equal_fold(head->headers[i].name, STR("connection")) &&
            h1_has_token(head->headers[i].value, name))
            return true;
    return false;
}

/* "Name: value" without its line end. */
static bool parse_header(str line, h1_header *out, h1_error *e)
{
    size_t n = 0;
    while (n < line.n && h1_is_token_char(line.p[n]))
        n++;
    if (n < line.n && (line.p[n] == ' ' || line.p[n] == '\t'))
        return bad(e, 400, n == 0 ? "folded header line" : "blank in or behind a header name");
    if (n == 0 || n == line.n || line.p[n] != ':')
        return bad(e, 400, "header line without a valid name and a colon");
    str value = h1_trim(str_skip(line, n + 1));
    for (size_t i = 0; i < value.n; i++)
        if (h1_is_control(value.p[i]))
            return bad(e, 400, "control character in a header value");
    *out = (h1_header){{line.p, n}, value};
    return true;
}

/* All header lines behind the first line; `lines` ends with the empty line. */
static bool parse_headers(str lines, h1_head *out, h1_error *e)
{
    out->n_headers = 0;
    while (lines.n > 2) {
        const char *cr = memchr(lines.p, '\r', lines.n);
        size_t n = (size_t)(cr - lines.p);
        if (cr[1] != '\n')
            return bad(e, 400, "bare carriage return in the head");
        if (out->n_headers == H1_MAX_HEADERS)
            return bad(e, 431, "more than 100 headers");
        if (!parse_header((str){lines.p, n}, &out->headers[out->n_headers], e))
            return false;
        out->n_headers++;
        lines = str_skip(lines, n + 2);
    }
    return true;
}

static bool parse_length(str value, uint64_t *out)
{
    uint64_t n = 0;
    if (value.n == 0 || value.n > 18) /* 18 digits cannot overflow and are an exabyte */
        return false;
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(value.p[i] - '0');
    }
    *out = n;
    return true;
}

/* What the headers say about the connection and the body, before the rules for requests and
 * replies. */
struct framing_headers {
    bool has_length, chunked, close, keep_alive, upgrade_token;
    int n_hosts;
    str host;
};

static bool read_header(const h1_header *h, h1_head *out, struct framing_headers *f, h1_error *e)
{
    str name = h->name;
    if (h1_equal_fold(name, STR("content-length"))) {
        if (f->has_length)
            return bad(e, 400, "more than one Content-Length");
        if (!parse_length(h->value, &out->length))
            return bad(e, 400, "invalid Content-Length");
        f->has_length = true;
    } else if (h1_equal_fold(name, STR("transfer-encoding"))) {
        if (f->chunked)
            return bad(e, 400, "more than one Transfer-Encoding");
        if (!h1_equal_fold(h->value, STR("chunked")))
            return bad(e, 501, "a Transfer-Encoding other than 'chunked'");
        f->chunked = true;
    } else if (h1_equal_fold(name, STR("connection"))) {
        f->close |= h1_has_token(h->value, STR("close"));
        f->keep_alive |= h1_has_token(h->value, STR("keep-alive"));
        f->upgrade_token |= h1_has_token(h->value, STR("upgrade"));
    } else if (h1_equal_fold(name, STR("host"))) {
        f->n_hosts++;
        f->host = h->value;
    }
    return true;
}

static bool read_headers(h1_head *out, struct framing_headers *f, h1_error *e)
{
    *f = (struct framing_headers){0};
    out->length = 0;
    for (int i = 0; i < out->n_headers; i++)
        if (!read_header(&out->headers[i], out, f, e))
            return false;
    if (f->chunked && f->has_length)
        return bad(e, 400, "both Content-Length and Transfer-Encoding");
    if (f->chunked && out->minor == 0)
        return bad(e, 400, "Transfer-Encoding in HTTP/1.0");
    out->keep_alive = out->minor == 0 ? f->keep_alive && !f->close : !f->close;
    out->upgrade = f->upgrade_token && out->minor == 1 && h1_find(out, "upgrade").n > 0;
    return true;
}

/* "HTTP/1.0" or "HTTP/1.1". */
static bool parse_version(str text, h1_head *out, h1_error *e)
{
    if (text.n != 8 || memcmp(text.p, "HTTP/", 5) != 0 || text.p[6] != '.')
        return bad(e, 400, "malformed HTTP version");
    if (text.p[5] != '1' || text.p[7] < '0' || text.p[7] > '9')
        return bad(e, 505, "HTTP version other than 1.0 and 1.1");
    out->minor = text.p[7] != '0';
    return true;
}

static bool is_host(str host)
{
    for (size_t i = 0; i < host.n; i++)
        if (!h1_is_host_char(host.p[i]))
            return false;
    return true;
}

/* A path part that is "." or ".." (also behind an escaped slash) or holds a NUL would leave the
 * tree that routes promise. */
static bool check_path(str path, h1_error *e)
{
    int n = 0, dots = 0; /* bytes and dots of the current part */
    for (size_t i = 0; i <= path.n; i++) {
        int c = i < path.n ? (unsigned char)path.p[i] : '/';
        if (c == '%') {
            c = i + 2 < path.n ? h1_hex_pair(path.p + i + 1) : -1;
            if (c <= 0)
                return bad(e, 400, "malformed percent escape or NUL in the path");
            i += 2;
        }
        if (c != '/') {
            n++;
            dots += c == '.';
            continue;
        }
        if (n == dots && (n == 1 || n == 2))
            return bad(e, 400, "'.' or '..' as a part of the path");
        n = dots = 0;
    }
    return true;
}

/* Splits an origin-form or absolute-form target; "*" and authority-form are for OPTIONS, CONNECT.
 */
static bool parse_target(h1_head *out, h1_error *e)
{
    str t = out->target;
    out->host = out->query = (str){NULL, 0};
    for (size_t i = 0; i < t.n; i++)
        if (!h1_is_target_char(t.p[i]))
            return bad(e, 400, "invalid character in the request target");
    if (str_is(t, "*") && str_is(out->method, "OPTIONS")) {
        out->path = t;
        return true;
    }
    if (str_is(out->method, "CONNECT"))
        return bad(e, 501, "CONNECT is not supported");
    bool absolute = t.n > 0 && t.p[0] != '/';
    if (absolute) {
        size_t scheme = t.n > 7 && h1_equal_fold((str){t.p, 7}, STR("http://"))    ? 7
                        : t.n > 8 && h1_equal_fold((str){t.p, 8}, STR("https://")) ? 8
                                                                                   : 0;
        if (!scheme)
            return bad(e, 400, "request target is neither a path nor an http address");
        t = str_skip(t, scheme);
        size_t n = 0;
        while (n < t.n && t.p[n] != '/' && t.p[n] != '?')
            n++;
        out->host = (str){t.p, n};
        t = str_skip(t, n);
        if (n == 0 || !is_host(out->host))
            return bad(e, 400, "invalid host in the request target");
    }
    const char *mark = t.n ? memchr(t.p, '?', t.n) : NULL;
    out->path = (str){t.p, mark ? (size_t)(mark - t.p) : t.n};
    if (mark)
        out->query = str_skip(t, out->path.n + 1);
    if (out->path.n == 0)
        out->path = STR("/");
    return check_path(out->path, e);
}

/* First line of the head and the rest; a bare line feed anywhere is refused here. */
static bool split_first_line(str bytes, str *line, str *rest, h1_error *e)
{
    const char *p = bytes.p;
    const char *end = bytes.p + bytes.n;
    while ((p = memchr(p, '\n', (size_t)(end - p)))) {
        if (p == bytes.p || p[-1] != '\r')
            return bad(e, 400, "bare line feed in the head");
        p++;
    }
    const char *cr = memchr(bytes.p, '\r', bytes.n);
    if (cr[1] != '\n')
        return bad(e, 400, "bare carriage return in the head");
    *line = (str){bytes.p, (size_t)(cr - bytes.p)};
    *rest = str_skip(bytes, line->n + 2);
    return true;
}

static bool parse_request_line(str line, h1_head *out, h1_error *e)
{
    size_t n = 0;
    while (n < line.n && h1_is_token_char(line.p[n]))
        n++;
    if (n == 0 || n == line.n || line.p[n] != ' ')
        return bad(e, 400, "malformed request line");
    out->method = (str){line.p, n};
    line = str_skip(line, n + 1);
    const char *space = line.n ? memchr(line.p, ' ', line.n) : NULL;
    if (!space || space == line.p)
        return bad(e, 400, "malformed request line");
    out->target = (str){line.p, (size_t)(space - line.p)};
    return parse_version(str_skip(line, out->target.n + 1), out, e) && parse_target(out, e);
}

bool h1_parse_request(str bytes, h1_head *out, h1_error *e)
{
    str line, lines;
    struct framing_headers f;
    if (bytes.n < 4)
        return bad(e, 400, "head too short");
    if (!split_first_line(bytes, &line, &lines, e) || !parse_request_line(line, out, e) ||
        !parse_headers(lines, out, e) || !read_headers(out, &f, e))
        return false;
    if (f.n_hosts > 1 || (f.n_hosts == 0 && out->minor == 1))
        return bad(e, 400, f.n_hosts ? "more than one Host header" : "missing Host header");
    if (!is_host(f.host))
        return bad(e, 400, "invalid Host header");
    if (out->host.n == 0)
        out->host = f.host;
    out->status = 0;
    out->framing = f.chunked ? H1_CHUNKED : out->length > 0 ? H1_LENGTH : H1_NO_BODY;
    str expect = h1_find(out, "expect");
    out->expect_continue = false;
    if (expect.n > 0 && out->minor == 1) {
        if (!h1_equal_fold(expect, STR("100-continue")))
            return bad(e, 417, "an Expect other than '100-continue'");
        out->expect_continue = out->framing != H1_NO_BODY;
    }
    return true;
}

/* "HTTP/1.1 200 OK": the reason may be empty, and with it its space. */
static bool parse_status_line(str line, h1_head *out, h1_error *e)
{
    const char *p = line.p;
    if (line.n < 12 || p[8] != ' ')
        return bad(e, 400, "malformed status line");
    if (!parse_version((str){p, 8}, out, e))
        return false;
    for (int i = 9; i < 12; i++)
        if (p[i] < '0' || p[i] > '9')
            return bad(e, 400, "malformed status");
    out->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
    if (out->status < 100 || out->status > 599 || (line.n > 12 && p[12] != ' '))
        return bad(e, 400, "malformed status");
    return true;
}

bool h1_parse_reply(str bytes, str method, h1_head *out, h1_error *e)
{
    str line, lines;
    struct framing_headers f;
    if (bytes.n < 4)
        return bad(e, 400, "head too short");
    if (!split_first_line(bytes, &line, &lines, e) || !parse_status_line(line, out, e) ||
        !parse_headers(lines, out, e) || !read_headers(out, &f, e))
        return false;
    out->method = out->target = out->path = out->query = out->host = (str){NULL, 0};
    out->expect_continue = false;
    bool none =
        out->status < 200 || out->status == 204 || out->status == 304 || str_is(method, "HEAD");
    out->framing = none                          ? H1_NO_BODY
                   : f.chunked                   ? H1_CHUNKED
                   : f.has_length && out->length ? H1_LENGTH
                   : f.has_length                ? H1_NO_BODY
                                                 : H1_UNTIL_CLOSE;
    if (out->framing == H1_UNTIL_CLOSE)
        out->keep_alive = false;
    return true;
}

long h1_percent_decode(str text, bool plus, char *out)
{
    long n = 0;
    for (size_t i = 0; i < text.n; i++) {
        int c = (unsigned char)text.p[i];
        if (c == '%') {
            c = i + 2 < text.n ? h1_hex_pair(text.p + i + 1) : -1;
            if (c <= 0)
                return -1;
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        out[n++] = (char)c;
    }
    return n;
}
