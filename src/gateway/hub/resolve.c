/* GET and HEAD /{id}/resolve/{revision}/{path}: the files themselves; /{id}/raw/...: as git has
 * them, a pointer in place of a large one. */
#include "base/file.h"
#include "base/own.h"
#include "gateway/handlers.h"
#include "gateway/hub/request.h"
#include "http/static.h"

#include <stdlib.h>
#include <string.h>

/* Types that a browser may show as what they are. Anything else that could run (HTML, scripts) is
 * shown as text; the policy forbids the rest to load or run anything. */
static const char *safe_type(const char *path)
{
    static const char *const shown[] = {"image/png",
                                        "image/jpeg",
                                        "image/gif",
                                        "image/webp",
                                        "image/svg+xml",
                                        "application/json",
                                        "application/octet-stream"};
    const char *type = http_type_of(path);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (strncmp(type, shown[i], strlen(shown[i])) == 0)
            return type;
    return "text/plain; charset=utf-8";
}

static void reply_pointer(http_request *req, const repo_file *file)
{
    char text[REPO_POINTER_BYTES];
    repo_file_pointer(file, text);
    http_reply_text(req, 200, "text/plain; charset=utf-8", text);
}

static void resolve(http_request *req, gateway *g, str id, str revision, str path, bool raw)
{
    hub_target target;
    if (!hub_find(req, g, id, revision, &target))
        return;
    const char *name = arena_copy(http_arena(req), path.p, path.n);
    const char *folder = target.model->hub.folder;
    repo_file file;
    http_header(req, "X-Repo-Commit", target.model->hub.commit);
    if (!name || strlen(name) != path.n || !repo_file_stat(folder, name, &file)) {
        hub_error(req, 404, "EntryNotFound", "Entry not found");
        hub_target_release(&target);
        return;
    }
    if (str_is(http_method(req), "GET") && str_is(path, "config.json"))
        store_count(g->store, str_of(target.model->hub.id), "downloads", 1, NULL);
    http_header(req, "Content-Security-Policy", "default-src 'none'; sandbox");
    if (raw && repo_file_is_lfs(&file)) {
        reply_pointer(req, &file);
        free(file.path);
        hub_target_release(&target);
        return;
    }
    const char *slash = strrchr(name, '/');
    const char *base = slash ? slash + 1 : name;
    own_mem char *whole = path_join(folder, name);
    const char *etag = arena_printf(http_arena(req), "\"%s\"", file.etag);
    if (repo_file_is_lfs(&file)) {
        http_header(req, "X-Linked-ETag", etag);
        http_headerf(req, "X-Linked-Size", "%lld", (long long)file.size);
    }
    bool download = http_query_value(req, "download").p != NULL;
    http_reply_file(req, &(http_file){.path = whole,
                                      .type = safe_type(name),
                                      .etag = etag,
                                      .download_name = download ? base : NULL});
    free(file.path);
    hub_target_release(&target);
}

/* "/{owner}/{name}/VERB/{revision}/{path...}". */
static void resolve_owned(http_request *req, gateway *g, bool raw)
{
    str owner = http_capture(req, 0), name = http_capture(req, 1);
    const char *id =
        arena_printf(http_arena(req), "%.*s/%.*s", (int)owner.n, owner.p, (int)name.n, name.p);
    resolve(req, g, str_of(id), http_capture(req, 2), http_capture(req, 3), raw);
}

void get_resolve(http_request *req, gateway *g)
{
    resolve_owned(req, g, false);
}

void get_raw(http_request *req, gateway *g)
{
    resolve_owned(req, g, true);
}

void get_resolve_short(http_request *req, gateway *g)
{
    resolve(req, g, http_capture(req, 0), http_capture(req, 1), http_capture(req, 2), false);
}

void get_raw_short(http_request *req, gateway *g)
{
    resolve(req, g, http_capture(req, 0), http_capture(req, 1), http_capture(req, 2), true);
}
