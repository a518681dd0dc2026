/* libcurl behind one blocking function. Redirects are followed here, not by libcurl, so that the
 * token provably stays with the origin it was meant for. */
#include "http/download.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"

#define CURL_DISABLE_TYPECHECK /* the checks expand to calls of the functions we only load */
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <strings.h>
#include <time.h>

enum {
    CONNECT_MS = 20000,
    STALL_S = 60,               /* without a byte: the connection counts as lost */
    RECEIVE_BYTES = 256 << 10,  /* libcurl's buffer */
    MAX_ERROR_BODY = 64 << 10,  /* of a refusal, for its message */
    MAX_DROPPED_BODY = 1 << 20, /* of redirects */
    WAIT_SLICE_MS = 50
};

/* The functions of libcurl that are used. */
#define CURL_FUNCTIONS                                                                             \
    X(curl_global_init)                                                                            \
    X(curl_easy_init)                                                                              \
    X(curl_easy_setopt)                                                                            \
    X(curl_easy_perform)                                                                           \
    X(curl_easy_getinfo)                                                                           \
    X(curl_easy_reset)                                                                             \
    X(curl_easy_cleanup)                                                                           \
    X(curl_easy_strerror)                                                                          \
    X(curl_slist_append)                                                                           \
    X(curl_slist_free_all)                                                                         \
    X(curl_url)                                                                                    \
    X(curl_url_set)                                                                                \
    X(curl_url_get)                                                                                \
    X(curl_url_cleanup)                                                                            \
    X(curl_free)

static struct {
#define X(name) __typeof__(name) *name;
    CURL_FUNCTIONS
#undef X
    error failed; /* why it could not be loaded */
} lib;

static pthread_once_t lib_once = PTHREAD_ONCE_INIT;

static void lib_load(void)
{
    void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        handle = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        fail(&lib.failed, ERR_UNAVAILABLE,
             "downloads need the library 'libcurl.so.4' (Debian package 'libcurl4'): %s",
             dlerror());
        return;
    }
#define X(name)                                                                                    \
    *(void **)&lib.name = dlsym(handle, #name);                                                    \
    if (!lib.name)                                                                                 \
        fail(&lib.failed, ERR_UNAVAILABLE, "the library 'libcurl.so.4' has no '%s'", #name);
    CURL_FUNCTIONS
#undef X
    if (!lib.failed.kind && lib.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        fail(&lib.failed, ERR_INTERNAL, "libcurl cannot start");
}

struct download {
    CURL *curl;
    const atomic_bool *cancelled;
    const download_request *request; /* of the transfer that runs */
    download_reply *reply;
    error *e;
    bool head_told; /* on_head was called */
    buf refusal;    /* body of a status that is not 200 or 206 */
    size_t dropped; /* bytes of it that were not kept */
    char detail[CURL_ERROR_SIZE];
};

download *download_new(const atomic_bool *cancelled, error *e)
{
    pthread_once(&lib_once, lib_load);
    if (lib.failed.kind) {
        fail(e, lib.failed.kind, "%s", lib.failed.message);
        return NULL;
    }
    download *d = xcalloc(1, sizeof *d);
    d->cancelled = cancelled;
    d->refusal = buf_new(MAX_ERROR_BODY);
    d->curl = lib.curl_easy_init();
    if (d->curl)
        return d;
    fail(e, ERR_INTERNAL, "libcurl cannot make a handle");
    download_free(d);
    return NULL;
}

void download_free(download *d)
{
    if (!d)
        return;
    if (d->curl)
        lib.curl_easy_cleanup(d->curl);
    buf_release(&d->refusal);
    free(d);
}

static bool is_cancelled(const download *d)
{
    return d->cancelled && atomic_load(d->cancelled);
}

/* Reading the head. */

/* The value when the line is this header, else p == NULL. */
static str header_value(str line, const char *name)
{
    size_t n = strlen(name);
    if (line.n <= n || line.p[n] != ':' || strncasecmp(line.p, name, n) != 0)
        return (str){0};
    str value = str_skip(line, n + 1);
    while (value.n && (value.p[0] == ' ' || value.p[0] == '\t'))
        value = str_skip(value, 1);
    while (value.n && strchr(" \t\r\n", value.p[value.n - 1]))
        value.n--;
    return value;
}

/* Copies printable text, cut to the room. */
static void keep_text(char *out, size_t room, str text)
{
    size_t n = text.n < room - 1 ? text.n : room - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f ? '?' : text.p[i];
    out[n] = '\0';
}

/* Digits at the start of the text, at most 18 of them; -1 when there are none. */
static int64_t leading_number(str text)
{
    int64_t value = -1;
    for (size_t i = 0; i < text.n && i < 18 && text.p[i] >= '0' && text.p[i] <= '9'; i++)
        value = (value < 0 ? 0 : value * 10) + (text.p[i] - '0');
    return value;
}

/* <URL>; rel="next" among the links of one Link header. */
static void keep_next(download_reply *reply, str value)
{
    while (value.n) {
        const char *open = memchr(value.p, '<', value.n);
        const char *close = open ? memchr(open, '>', value.n - (size_t)(open - value.p)) : NULL;
        if (!close)
            return;
        str url = {open + 1, (size_t)(close - open - 1)};
        value = str_skip(value, (size_t)(close + 1 - value.p));
        const char *end = memchr(value.p, '<', value.n);
        str parameters = {value.p, end ? (size_t)(end - value.p) : value.n};
        bool is_next = memmem(parameters.p, parameters.n, "rel=\"next\"", 10) ||
                       memmem(parameters.p, parameters.n, "rel=next", 8);
        if (is_next && url.n < sizeof reply->next)
            keep_text(reply->next, sizeof reply->next, url);
    }
}

static void reply_reset(download_reply *reply)
{
    *reply = (download_reply){.length = -1, .retry_after_ms = -1};
}

static int64_t seconds_to_ms(int64_t seconds)
{
    return seconds < 0 || seconds > 1000000 ? -1 : seconds * 1000;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
    download *d = arg;
    str line = {bytes, size * n}, value;
    if (str_starts(line, STR("HTTP/"))) { /* interim replies and proxies have heads of their own */
        reply_reset(d->reply);
        return line.n;
    }
    if ((value = header_value(line, "x-error-code")).p)
        keep_text(d->reply->error_code, sizeof d->reply->error_code, value);
    else if ((value = header_value(line, "x-error-message")).p)
        keep_text(d->reply->error_message, sizeof d->reply->error_message, value);
    else if ((value = header_value(line, "link")).p)
        keep_next(d->reply, value);
    else if ((value = header_value(line, "content-range")).p && str_starts(value, STR("bytes ")))
        d->reply->first_byte = leading_number(str_skip(value, 6));
    else if ((value = header_value(line, "retry-after")).p)
        d->reply->retry_after_ms = seconds_to_ms(leading_number(value));
    else if ((value = header_value(line, "ratelimit")).p && d->reply->retry_after_ms < 0) {
        const char *at = memmem(value.p, value.n, ";t=", 3); /* "api";r=0;t=55: seconds left */
        if (at)
            d->reply->retry_after_ms =
                seconds_to_ms(leading_number(str_skip(value, (size_t)(at + 3 - value.p))));
    }
    return line.n;
}

/* Reading the body. */

static int status_of(const download *d)
{
    long status = 0;
    lib.curl_easy_getinfo(d->curl, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

static bool is_content(int status)
{
    return status == 200 || status == 206;
}

static int64_t length_of(const download *d)
{
    curl_off_t length = -1;
    lib.curl_easy_getinfo(d->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return length;
}

static bool tell_head(download *d)
{
    if (d->head_told)
        return true;
    d->head_told = true;
    d->reply->status = status_of(d);
    d->reply->length = length_of(d);
    const download_request *request = d->request;
    return !request->on_head || request->on_head(request->arg, d->reply, d->e);
}

static size_t on_piece(char *bytes, size_t size, size_t n, void *arg)
{
    download *d = arg;
    str piece = {bytes, size * n};
    if (is_content(status_of(d)))
        return tell_head(d) && d->request->on_body(d->request->arg, piece, d->e)
                   ? piece.n
                   : CURL_WRITEFUNC_ERROR;
    buf_str(&d->refusal, piece);
    d->dropped += piece.n;
    return d->dropped <= MAX_DROPPED_BODY ? piece.n : CURL_WRITEFUNC_ERROR;
}

static int on_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    return is_cancelled(arg);
}

/* One request, without redirects. */

static void set_up(download *d, const char *url, struct curl_slist *headers)
{
    CURL *c = d->curl;
    lib.curl_easy_reset(c); /* keeps the connections */
    lib.curl_easy_setopt(c, CURLOPT_URL, url);
    lib.curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    lib.curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    lib.curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    lib.curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    lib.curl_easy_setopt(c, CURLOPT_USERAGENT, "inferd/" INFERD_VERSION);
    lib.curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    lib.curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    lib.curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
    lib.curl_easy_setopt(c, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    lib.curl_easy_setopt(c, CURLOPT_ERRORBUFFER, d->detail);
    lib.curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    lib.curl_easy_setopt(c, CURLOPT_HEADERDATA, d);
    lib.curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_piece);
    lib.curl_easy_setopt(c, CURLOPT_WRITEDATA, d);
    lib.curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    lib.curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    lib.curl_easy_setopt(c, CURLOPT_XFERINFODATA, d);
    const char *certificates = getenv("CURL_CA_BUNDLE");
    if (!certificates || !*certificates)
        certificates = getenv("SSL_CERT_FILE");
    if (certificates && *certificates)
        lib.curl_easy_setopt(c, CURLOPT_CAINFO, certificates);
    if (d->request->offset > 0) {
        char range[32];
        snprintf(range, sizeof range, "%lld-", (long long)d->request->offset);
        lib.curl_easy_setopt(c, CURLOPT_RANGE, range);
    }
}

static bool fail_curl(download *d, CURLcode code, error *e)
{
    const char *why = *d->detail ? d->detail : lib.curl_easy_strerror(code);
    if (is_cancelled(d))
        return fail(e, ERR_CANCELLED, "cancelled");
    switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return fail(e, ERR_UNAVAILABLE, "no connection: %s", why);
    case CURLE_OPERATION_TIMEDOUT: {
        double connected_s = 0;
        lib.curl_easy_getinfo(d->curl, CURLINFO_CONNECT_TIME, &connected_s);
        return connected_s > 0 ? fail(e, ERR_BAD_GATEWAY, "the connection stalled: %s", why)
                               : fail(e, ERR_UNAVAILABLE, "no connection: %s", why);
    }
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return fail(e, ERR_FORBIDDEN, "the server's certificate is not trusted: %s", why);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return fail(e, ERR_INVALID, "the URL is not good: %s", why);
    default:
        return fail(e, ERR_BAD_GATEWAY, "the connection broke: %s", why);
    }
}

static struct curl_slist *request_headers(const char *token)
{
    struct curl_slist *headers = lib.curl_slist_append(NULL, "Accept-Encoding: identity");
    if (!token)
        return headers;
    own_mem char *line = xprintf("Authorization: Bearer %s", token);
    return lib.curl_slist_append(headers, line);
}

static bool get_once(download *d, const char *url, const char *token, error *e)
{
    struct curl_slist *headers = request_headers(token);
    error inner = {0};
    d->e = &inner;
    d->head_told = false;
    d->dropped = 0;
    d->detail[0] = '\0';
    buf_clear(&d->refusal);
    reply_reset(d->reply);
    set_up(d, url, headers);
    CURLcode code = lib.curl_easy_perform(d->curl);
    lib.curl_slist_free_all(headers);
    d->reply->status = status_of(d);
    d->reply->length = length_of(d);
    if (code == CURLE_OK && is_content(d->reply->status))
        tell_head(d); /* an empty body */
    if (inner.kind)
        return fail(e, inner.kind, "%s", inner.message);
    return code == CURLE_OK || fail_curl(d, code, e);
}

/* Redirects. */

static bool origin_of(const char *url, char *out, size_t room)
{
    CURLU *parts = lib.curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool good = parts && lib.curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                lib.curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                lib.curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                lib.curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                snprintf(out, room, "%s://%s:%s", scheme, host, port) < (int)room;
    lib.curl_free(scheme);
    lib.curl_free(host);
    lib.curl_free(port);
    lib.curl_url_cleanup(parts);
    return good;
}

bool download_same_origin(download *d, const char *a, const char *b)
{
    (void)d; /* proves that the library is loaded */
    char first[600], second[600];
    return origin_of(a, first, sizeof first) && origin_of(b, second, sizeof second) &&
           strcasecmp(first, second) == 0;
}

/* A message from {"error": "text"} when no header gave one. */
static void keep_refusal(download *d)
{
    if (d->reply->error_message[0] || d->refusal.full || d->refusal.n == 0)
        return;
    own_json json_t *body = json_parse(buf_view(&d->refusal), "reply", JSON_MAX_DEPTH, NULL);
    const json_t *text = json_object_get(body, "error");
    if (json_is_string(text))
        keep_text(d->reply->error_message, sizeof d->reply->error_message, json_str(text));
}

bool download_get(download *d, const download_request *request, download_reply *reply, error *e)
{
    own_mem char *url = xstrdup(request->url);
    const char *token = request->token;
    d->request = request;
    d->reply = reply;
    for (int hop = 0;; hop++) {
        if (is_cancelled(d))
            return fail(e, ERR_CANCELLED, "cancelled");
        if (!get_once(d, url, token, e))
            return false;
        const char *next = NULL;
        lib.curl_easy_getinfo(d->curl, CURLINFO_REDIRECT_URL, &next);
        if (!next) {
            keep_refusal(d);
            return true;
        }
        if (hop == DOWNLOAD_MAX_REDIRECTS)
            return fail(e, ERR_INVALID, "more than %d redirects", DOWNLOAD_MAX_REDIRECTS);
        if (strncasecmp(url, "https:", 6) == 0 && strncasecmp(next, "https:", 6) != 0)
            return fail(e, ERR_INVALID, "a redirect leads away from https");
        if (!download_same_origin(d, url, next))
            token = NULL; /* and never again, whatever the other origin redirects to */
        char *copy = xstrdup(next);
        free(url);
        url = copy;
    }
}

/* Retrying. */

bool download_status_may_pass(int status)
{
    return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

bool download_wait(download *d, int failures, const download_reply *reply, error *e)
{
    if (failures > DOWNLOAD_MAX_FAILURES)
        return false;
    int64_t wait_ms = failures <= 1 ? 1000 : failures >= 4 ? 8000 : 1000 << (failures - 1);
    if (reply && reply->retry_after_ms >= 0)
        wait_ms = reply->retry_after_ms;
    if (wait_ms > DOWNLOAD_LONGEST_WAIT_MS)
        return false;
    for (int64_t left = wait_ms; left > 0; left -= WAIT_SLICE_MS) {
        if (is_cancelled(d))
            return fail(e, ERR_CANCELLED, "cancelled");
        struct timespec slice = {.tv_nsec = WAIT_SLICE_MS * 1000000L};
        nanosleep(&slice, NULL);
    }
    return true;
}
