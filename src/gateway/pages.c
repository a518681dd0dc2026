/* The web pages: files of web/, embedded in the program. */
#include "gateway/handlers.h"
#include "gateway/web.h"
#include "http/static.h"

#include <string.h>

/* No script or style in the pages themselves, nothing from other hosts: a hole in what renders a
 * model card is then no way to run something. */
static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'";

void page_headers(http_request *req)
{
    http_header(req, "Content-Security-Policy", policy);
    http_header(req, "Referrer-Policy", "same-origin");
}

static const struct web_file *find_file(str path)
{
    for (const struct web_file *file = web_files; file->path; file++)
        if (str_is(path, file->path))
            return file;
    return NULL;
}

static void reply_file(http_request *req, str path)
{
    const struct web_file *file = find_file(path);
    if (!file) {
        http_error(req, 404, "there is no page '%.*s'", (int)path.n, path.p);
        return;
    }
    page_headers(req);
    const char *etag = arena_printf(http_arena(req), "\"%s\"", file->tag);
    http_reply_embedded(req, http_type_of(file->path), (str){file->data, file->size}, etag,
                        "no-cache");
}

void get_index_page(http_request *req, gateway *g)
{
    (void)g;
    reply_file(req, STR("index.html"));
}

/* /{name} and /{owner}/{name}: the same shell for every model; its script reads the address. */
void get_model_page(http_request *req, gateway *g)
{
    str path = str_skip(http_path(req), 1);
    str name = http_capture(req, 0);
    const char *id;
    if (memchr(path.p, '/', path.n)) {
        str second = http_capture(req, 1);
        id = arena_printf(http_arena(req), "%.*s/%.*s", (int)name.n, name.p, (int)second.n,
                          second.p);
    } else {
        id = arena_printf(http_arena(req), "%.*s", (int)name.n, name.p);
    }
    error e = {0};
    if (library_find(g->library, str_of(id), &e))
        reply_file(req, STR("model.html"));
    else
        http_fail(req, &e);
}

void get_asset(http_request *req, gateway *g)
{
    (void)g;
    reply_file(req, http_capture(req, 0));
}
