/* Files: conditional requests, one range, segments read as the client takes them. */
#include "http/static.h"

#include "base/memory.h"
#include "base/own.h"
#include "http/h1.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SEGMENT = 256 * 1024 };

const char *http_type_of(const char *path)
{
    static const struct {
        const char *suffix, *type;
    } rows[] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".md", "text/markdown; charset=utf-8"},
        {".txt", "text/plain; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".webp", "image/webp"},
        {".gif", "image/gif"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".wasm", "application/wasm"},
        {".wav", "audio/wav"},
        {".mp3", "audio/mpeg"},
        {".flac", "audio/flac"},
        {".mp4", "video/mp4"},
    };
    str name = str_of(path);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        str suffix = str_of(rows[i].suffix);
        if (name.n > suffix.n && h1_equal_fold(str_skip(name, name.n - suffix.n), suffix))
            return rows[i].type;
    }
    return "application/octet-stream";
}

/* Weak comparison of If-None-Match with our tag (RFC 9110 section 13.1.2). */
static bool is_unchanged(const http_request *req, const char *etag)
{
    str value = http_request_header(req, "if-none-match");
    if (str_is(value, "*") || h1_has_token(value, str_of(etag)))
        return true;
    char weak[160];
    int n = snprintf(weak, sizeof weak, "W/%s", etag);
    return n < (int)sizeof weak && h1_has_token(value, str_of(weak));
}

void http_reply_embedded(http_request *req, const char *type, str bytes, const char *etag,
                         const char *cache_control)
{
    http_header(req, "ETag", etag);
    http_header(req, "Cache-Control", cache_control);
    if (is_unchanged(req, etag))
        http_reply(req, 304, NULL, NULL, 0);
    else
        http_reply_constant(req, 200, type, bytes);
}

/* --- ranges --- */

enum range_result { RANGE_NONE, RANGE_GOOD, RANGE_UNSATISFIABLE };

static bool take_number(str *text, uint64_t *out)
{
    size_t n = 0;
    uint64_t value = 0;
    for (; n < text->n && n < 18 && text->p[n] >= '0' && text->p[n] <= '9'; n++)
        value = value * 10 + (uint64_t)(text->p[n] - '0');
    *text = str_skip(*text, n);
    *out = value;
    return n > 0;
}

/* "bytes=first-last", "bytes=first-", "bytes=-n": anything else, and several, is no range. */
static enum range_result parse_range(str text, uint64_t size, uint64_t *first, uint64_t *end)
{
    uint64_t a, b;
    if (text.n < 6 || !h1_equal_fold((str){text.p, 6}, STR("bytes=")))
        return RANGE_NONE;
    text = str_skip(text, 6);
    bool has_first = take_number(&text, &a);
    if (text.n == 0 || text.p[0] != '-')
        return RANGE_NONE;
    text = str_skip(text, 1);
    bool has_last = take_number(&text, &b);
    if (text.n > 0 || (!has_first && !has_last) || (has_first && has_last && b < a))
        return RANGE_NONE;
    if (!has_first) {
        *first = b < size ? size - b : 0;
        *end = size;
        return b == 0 || size == 0 ? RANGE_UNSATISFIABLE : RANGE_GOOD;
    }
    *first = a;
    *end = has_last && b < size ? b + 1 : size;
    return a < size ? RANGE_GOOD : RANGE_UNSATISFIABLE;
}

static enum range_result wanted_range(const http_request *req, const char *etag, uint64_t size,
                                      uint64_t *first, uint64_t *end)
{
    str range = http_request_header(req, "range");
    str condition = http_request_header(req, "if-range");
    *first = 0;
    *end = size;
    if (range.n == 0 || (condition.n > 0 && !str_is(condition, etag)))
        return RANGE_NONE;
    return parse_range(range, size, first, end);
}

/* --- sending --- */

struct sending {
    http_request *req;
    int fd;
    uint64_t at, end;
};

static void stop(void *arg)
{
    struct sending *f = arg;
    close(f->fd);
    free(f);
}

/* One segment a turn, so that a large file does not keep the loop from others. */
static void send_segment(void *arg)
{
    struct sending *f = arg;
    http_request *req = f->req;
    uint64_t left = f->end - f->at;
    size_t n = left < SEGMENT ? (size_t)left : SEGMENT;
    char *segment = xmalloc(SEGMENT);
    ssize_t got = n > 0 ? pread(f->fd, segment, n, (off_t)f->at) : 0;
    if (got > 0)
        http_send(req, segment, (size_t)got);
    free(segment);
    f->at += got > 0 ? (uint64_t)got : 0;
    if (f->at == f->end) {
        http_end(req);
        stop(f);
    } else if (got == 0 || (got < 0 && errno != EINTR)) { /* 0: the file has become shorter */
        http_abort(req);
        stop(f);
    } else {
        http_ask_room(req);
    }
}

static void send_file(http_request *req, int fd, uint64_t first, uint64_t end)
{
    struct sending *f = xmalloc(sizeof *f);
    *f = (struct sending){req, fd, first, end};
    http_on_gone(req, stop, f);
    http_on_room(req, send_segment, f);
    send_segment(f);
}

static void set_headers(http_request *req, const http_file *file, const char *etag)
{
    http_header(req, "ETag", etag);
    http_header(req, "Accept-Ranges", "bytes");
    if (!file->download_name)
        return;
    char name[256];
    size_t n = 0;
    for (const char *p = file->download_name; *p && n < sizeof name - 1; p++)
        name[n++] = *p == '"' || *p == '\\' ? '_' : *p;
    name[n] = '\0';
    http_headerf(req, "Content-Disposition", "attachment; filename=\"%s\"", name);
}

void http_reply_file(http_request *req, const http_file *file)
{
    own_fd int fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        http_error(req, 404, "no such file");
        return;
    }
    char made[80];
    snprintf(made, sizeof made, "\"%llx-%llx-%llx%09lx\"", (unsigned long long)info.st_ino,
             (unsigned long long)info.st_size, (unsigned long long)info.st_mtim.tv_sec,
             (unsigned long)info.st_mtim.tv_nsec);
    const char *etag = file->etag ? file->etag : made;
    uint64_t size = (uint64_t)info.st_size, first, end;
    set_headers(req, file, etag);
    if (is_unchanged(req, etag)) {
        http_reply(req, 304, NULL, NULL, 0);
        return;
    }
    enum range_result range = wanted_range(req, etag, size, &first, &end);
    if (range == RANGE_UNSATISFIABLE) {
        http_headerf(req, "Content-Range", "bytes */%llu", (unsigned long long)size);
        http_error(req, 416, "the range lies outside of the file, which has %llu bytes",
                   (unsigned long long)size);
        return;
    }
    if (range == RANGE_GOOD)
        http_headerf(req, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)first,
                     (unsigned long long)end - 1, (unsigned long long)size);
    http_begin_sized(req, range == RANGE_GOOD ? 206 : 200,
                     file->type ? file->type : http_type_of(file->path), end - first);
    if (str_is(http_method(req), "HEAD") || first == end) {
        http_end(req);
        return;
    }
    send_file(req, fd, first, end);
    fd = -1; /* send_file() closes it */
}
