/* The HTTP/1.1 parser on any bytes: as a request with its body, and as a reply. Whatever it accepts
 * must keep the promises that the rest of the server builds on, at every way of cutting the bytes.
 */
#include "http/h1.h"
#include "http/router.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool is_inside(str view, str bytes)
{
    return view.n == 0 || (view.p >= bytes.p && view.p + view.n <= bytes.p + bytes.n);
}

/* Decodes the body in pieces of `step` bytes; returns a sum of what came out and where it ended. */
static uint64_t decode(str body, size_t step)
{
    h1_chunks chunks = {0};
    uint64_t sum = 1469598103934665603u;
    for (size_t from = 0; from < body.n; from += step) {
        str piece = {body.p + from, body.n - from < step ? body.n - from : step};
        size_t at = 0;
        str out;
        do {
            enum h1_result result = h1_chunks_next(&chunks, piece, &at, &out);
            require(at <= piece.n && is_inside(out, piece));
            if (result != H1_MORE)
                return sum * 31 + (result == H1_DONE ? from + at : UINT64_MAX);
            for (size_t i = 0; i < out.n; i++)
                sum = (sum ^ (uint8_t)out.p[i]) * 1099511628211u;
        } while (out.n > 0);
        require(at == piece.n);
    }
    return sum;
}

static void check_request(const h1_head *head, str bytes)
{
    require(head->method.n > 0 && head->path.n > 0 && head->n_headers <= H1_MAX_HEADERS);
    require(head->path.p[0] == '/' || str_is(head->path, "*"));
    require(head->framing != H1_CHUNKED || !h1_find(head, "content-length").p);
    for (int i = 0; i < head->n_headers; i++) {
        str name = head->headers[i].name, value = head->headers[i].value;
        require(is_inside(name, bytes) && is_inside(value, bytes) && name.n > 0);
        for (size_t k = 0; k < value.n; k++)
            require(value.p[k] != '\r' && value.p[k] != '\n' && value.p[k] != '\0');
    }
    char *decoded = malloc(head->path.n + 1);
    router_path path;
    router_split(head->path, decoded, &path);
    for (int i = 0; i < path.n_parts; i++)
        require(!str_is(path.parts[i], "..") && !memchr(path.parts[i].p, 0, path.parts[i].n));
    free(decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static h1_head head;
    str all = {(const char *)data, size};
    h1_error e = {0};
    size_t seen = 0, whole = 0;
    all = str_skip(all, h1_blank(all));
    size_t end = h1_head_end(all, &whole);
    for (size_t n = 1; end && n < end; n += 1 + n / 8)
        require(h1_head_end((str){all.p, n}, &seen) == 0);
    if (!end)
        return 0;
    require(h1_head_end((str){all.p, end}, &seen) == end);
    str bytes = {all.p, end}, body = str_skip(all, end);
    if (h1_parse_request(bytes, &head, &e)) {
        check_request(&head, bytes);
        require(h1_head_possible(bytes, 0));
    } else {
        require(e.status >= 400 && e.what);
    }
    if (h1_parse_reply(bytes, STR("GET"), &head, &e))
        require(head.status >= 100 && head.status <= 599);
    uint64_t sum = decode(body, body.n + 1);
    require(decode(body, 1) == sum && decode(body, 3) == sum);
    return 0;
}
