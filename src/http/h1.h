/* HTTP/1.1 messages as bytes: strict parsing of heads and chunked bodies, no I/O, no allocation.
 *
 * Strict, because a proxy that reads a message differently from the server behind it lets requests
 * be smuggled: lines end with CR LF only; no obsolete line folding, no space before the colon, no
 * control characters; Content-Length once, digits only, never beside Transfer-Encoding;
 * Transfer-Encoding is "chunked" and nothing else, and HTTP/1.1 only (RFC 9112). */
#pragma once

#include "base/str.h"

#include <stdint.h>

enum {
    H1_MAX_HEAD = 16 * 1024, /* bytes of a head with its empty line */
    H1_MAX_HEADERS = 100,
    H1_MAX_CHUNK_LINE = 1024,  /* bytes of a chunk-size line */
    H1_MAX_TRAILER = 8 * 1024, /* bytes of a trailer section, which is dropped */
};

typedef struct h1_header {
    str name, value; /* as sent, value without the blanks around it */
} h1_header;

enum h1_framing {
    H1_NO_BODY,
    H1_LENGTH, /* `length` bytes */
    H1_CHUNKED,
    H1_UNTIL_CLOSE, /* replies only */
};

/* A parsed head. All views point into the bytes that were parsed. */
typedef struct h1_head {
    str method, target;    /* requests: as sent */
    str path, query, host; /* requests: origin form; host from an absolute target or Host */
    int status;            /* replies */
    int minor;             /* HTTP/1.<minor>: 0 or 1 */
    bool keep_alive;       /* the connection may be used again */
    bool expect_continue;  /* requests */
    bool upgrade;          /* "Connection: upgrade" with an Upgrade header */
    enum h1_framing framing;
    uint64_t length; /* H1_LENGTH */
    int n_headers;
    h1_header headers[H1_MAX_HEADERS];
} h1_head;

enum h1_result {
    H1_MORE = 0, /* incomplete: come again with more bytes */
    H1_DONE = 1,
    H1_BAD = -1,
};

/* Why a head is refused. */
typedef struct h1_error {
    int status;       /* 400, 414, 417, 431, 501, 505 */
    const char *what; /* "bare line feed in the head" */
} h1_error;

/* Length of the head at the start of the bytes, with its empty line, or 0 when it is not complete.
 * *seen remembers how far the search got (start with 0), so that the search over all calls is
 * linear. Empty lines before a request line are skipped by h1_blank(). */
size_t h1_head_end(str bytes, size_t *seen);

/* Whether an incomplete request head can still become a valid one: lets a server refuse foreign
 * protocols and bare line feeds at once. Looks at the bytes from `from` on. */
bool h1_head_possible(str bytes, size_t from);

/* Number of bytes of empty lines (CR LF) in front of a request, at most 8 of them. */
size_t h1_blank(str bytes);

/* Parse a complete head (exactly the bytes that h1_head_end() counted). On failure `out` is
 * unusable and *e is set. */
bool h1_parse_request(str bytes, h1_head *out, h1_error *e);

/* method: of the request that is answered ("HEAD" and 2xx to CONNECT have no body). */
bool h1_parse_reply(str bytes, str method, h1_head *out, h1_error *e);

/* First header of that name, any case; p == NULL when absent. */
str h1_find(const h1_head *head, const char *name);

bool h1_equal_fold(str a, str b); /* ASCII letters in any case */

/* Whether a comma separated header value has that token, any case. */
bool h1_has_token(str value, str token);

/* Whether a header is about one connection only: the fixed ones, and those named in the head's
 * Connection headers. */
bool h1_is_hop_by_hop(const h1_head *head, str name);

/* Decoder of a chunked body. Zero is its start. */
typedef struct h1_chunks {
    int state;
    uint64_t left; /* of the current chunk's data */
    uint32_t line; /* bytes of the current line, or of the trailer section */
} h1_chunks;

/* Reads from *at on, until it has data, the end, or no more bytes. H1_DONE: the body is complete,
 * *at is behind it. H1_MORE with data->n > 0: body bytes (a view); call again. H1_MORE with data->n
 * == 0: all bytes used. H1_BAD: malformed. */
enum h1_result h1_chunks_next(h1_chunks *c, str bytes, size_t *at, str *data);

/* Percent-decodes one path part or query value in place-compatible memory: out has room for
 * text.n bytes. plus: '+' is a space. Returns the length, -1 for a malformed escape or a NUL. */
long h1_percent_decode(str text, bool plus, char *out);
