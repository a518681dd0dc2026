/* Replies from files: embedded ones with an ETag, and ones on disk with ranges. */
#pragma once

#include "http/request.h"

/* Answers with bytes that outlive the server. etag: quoted, as it goes over the wire ("\"abc\"");
 * a matching If-None-Match is answered 304. cache_control: NULL for none. */
void http_reply_embedded(http_request *req, const char *type, str bytes, const char *etag,
                         const char *cache_control);

typedef struct http_file {
    const char *path;
    const char *type;          /* NULL: by the suffix of the path */
    const char *etag;          /* quoted; NULL: made of size, inode and modification time */
    const char *download_name; /* Content-Disposition: attachment; NULL: none */
} http_file;

/* Answers with a regular file: 200, 206 for one range, 304, 416; 404 when it is not there. Honours
 * If-None-Match, If-Range and HEAD. Memory stays flat: 256 KiB segments, sent as the client reads.
 * A file that shrinks meanwhile cuts the connection. */
void http_reply_file(http_request *req, const http_file *file);

/* Content type by the suffix of a path; application/octet-stream for unknown ones. */
const char *http_type_of(const char *path);
