/* Outbound HTTP(S): blocking GETs for threads outside the loop (the command line), through libcurl.
 *
 * libcurl is loaded when the first `download` is made and never linked: its thirty libraries would
 * cost every start of a worker milliseconds. It brings proxies (https_proxy, no_proxy), IPv6 and
 * TLS; SSL_CERT_FILE or CURL_CA_BUNDLE name other certificates than the system's.
 *
 * One `download` is one keep-alive connection owner and belongs to one thread at a time. Retrying
 * is the caller's loop, with download_wait() between the tries. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdatomic.h>
#include <stdint.h>

typedef struct download download;

enum {
    DOWNLOAD_MAX_REDIRECTS = 10,
    DOWNLOAD_MAX_FAILURES = 5,        /* in a row, then download_wait() gives up */
    DOWNLOAD_LONGEST_WAIT_MS = 300000 /* a server that asks for more is not waited for */
};

/* The head of the reply that ends the redirects. Texts are cut to their size. */
typedef struct download_reply {
    int status;
    int64_t length;         /* of the body (not of the whole content), as announced; -1: not said */
    int64_t first_byte;     /* of the body in the whole content: from Content-Range, else 0 */
    int64_t retry_after_ms; /* -1: not given */
    char error_code[64];    /* X-Error-Code */
    char error_message[300]; /* X-Error-Message, else "error" of a JSON body; "" when neither */
    char next[4096];         /* URL of `Link: <URL>; rel="next"`; "" when not given */
} download_reply;

typedef struct download_request {
    const char *url;   /* http:// or https:// */
    const char *token; /* sent as Bearer to the origin of `url` and to no other; NULL: none */
    int64_t offset;    /* > 0: ask for the content from this byte on */

    /* Called in this order for a status of 200 or 206 (all other bodies are dropped): once with the
     * head, then with the body piece by piece. false ends the transfer with the error recorded. */
    bool (*on_head)(void *arg, const download_reply *reply, error *e); /* may be NULL */
    bool (*on_body)(void *arg, str piece, error *e);
    void *arg;
} download_request;

/* cancelled: when it turns true, all waiting and transferring ends within a second; kept, not
 * copied; may be NULL. NULL: ERR_UNAVAILABLE (no libcurl on this machine), ERR_INTERNAL. */
download *download_new(const atomic_bool *cancelled, error *e);
void download_free(download *d);

/* Gets one URL, following redirects. True when a whole reply arrived, whatever its status. Fails
 * with the error of a callback or
 *   ERR_UNAVAILABLE  no connection: name, address or proxy          (may pass)
 *   ERR_BAD_GATEWAY  the connection broke or stalled for 60 s       (may pass)
 *   ERR_FORBIDDEN    the certificate is not trusted
 *   ERR_INVALID      the URL, or a redirect too many or away from https
 *   ERR_CANCELLED */
bool download_get(download *d, const download_request *request, download_reply *reply, error *e);

/* Whether another try may help against this status: 408, 429, 500, 502, 503, 504. */
bool download_status_may_pass(int status);

/* Waits before the next try: as long as the server asked (reply->retry_after_ms), else 1 s, doubled
 * with every failure up to 8 s. failures: in a row, this one included. reply: NULL when none came.
 * False, with nothing recorded in `e`, when one should give up; ERR_CANCELLED. */
bool download_wait(download *d, int failures, const download_reply *reply, error *e);

/* Whether two URLs have the same scheme, host and port. */
bool download_same_origin(download *d, const char *a, const char *b);
