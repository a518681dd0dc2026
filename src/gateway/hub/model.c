/* GET /api/models/{id}, .../revision/{rev}, .../tree/{rev}[/{path}], .../card. Parts are cut from
 * the path as it was sent and decoded one by one, so that "refs%2Fpr%2F1" is one revision. */
#include "base/hash.h"
#include "base/memory.h"
#include "base/own.h"
#include "gateway/handlers.h"
#include "gateway/hub/card.h"
#include "gateway/hub/view.h"
#include "http/h1.h"

#include <string.h>

enum { MAX_PARTS = 64, TREE_PAGE = 1000 };

struct parts {
    str items[MAX_PARTS]; /* decoded */
    int n;
};

static bool split(http_request *req, struct parts *out)
{
    str rest = str_skip(http_path(req), strlen("/api/models/"));
    out->n = 0;
    while (rest.n) {
        const char *slash = memchr(rest.p, '/', rest.n);
        str part = {rest.p, slash ? (size_t)(slash - rest.p) : rest.n};
        rest = str_skip(rest, part.n + 1);
        char *to = arena_try(http_arena(req), part.n + 1, 1);
        long n = to && out->n < MAX_PARTS ? h1_percent_decode(part, false, to) : -1;
        if (n < 0)
            return false;
        out->items[out->n++] = (str){to, (size_t)n};
    }
    return out->n > 0;
}

static bool is_verb(str part)
{
    return str_is(part, "revision") || str_is(part, "tree") || str_is(part, "card");
}

/* Parts from..to joined by slashes. */
static str join(http_request *req, const struct parts *p, int from)
{
    const char *text = "";
    for (int i = from; i < p->n && text; i++)
        text = arena_printf(http_arena(req), "%s%s%.*s", text, i > from ? "/" : "",
                            (int)p->items[i].n, p->items[i].p);
    return str_of(text);
}

static void reply_info(http_request *req, gateway *g, str id, str revision)
{
    hub_target target;
    own_json json_t *names = NULL;
    if (!view_expand(req, &names) || !hub_find(req, g, id, revision, &target))
        return;
    bool blobs = hub_query_is_true(req, "blobs");
    reply_json(req, 200, view_model(g, target.model, names, blobs));
    hub_target_release(&target);
}

/* --- tree --- */

static json_t *tree_file(const repo_file *f)
{
    json_t *out = json_pack("{s:s,s:s,s:I,s:s}", "type", "file", "oid", f->etag, "size",
                            (json_int_t)f->size, "path", f->path);
    if (out && repo_file_is_lfs(f))
        json_object_set_new(out, "lfs", repo_file_lfs(f, "oid"));
    return out;
}

static json_t *tree_folder(str path)
{
    char oid[SHA256_HEX];
    sha256_hex(path, oid);
    return json_pack("{s:s,s:s%,s:i,s:s%}", "type", "directory", "oid", oid, (size_t)40, "size", 0,
                     "path", path.p, path.n);
}

/* Folders on the way from `at` (a length) to a file that were not listed before. */
static void add_folders(json_t *out, const char *path, size_t at, bool recursive, json_t *seen)
{
    for (const char *slash = strchr(path + at, '/'); slash; slash = strchr(slash + 1, '/')) {
        own_mem char *folder = xprintf("%.*s", (int)(slash - path), path);
        if (!json_object_get(seen, folder)) {
            json_object_set_new(seen, folder, json_true());
            json_t *entry = tree_folder(str_of(folder));
            if (entry)
                json_array_append_new(out, entry);
        }
        if (!recursive)
            break;
    }
}

static json_t *make_tree(const repo_files *files, str below, bool recursive)
{
    json_t *out = json_array();
    own_json json_t *seen = json_object();
    for (int i = 0; i < files->n; i++) {
        const char *path = files->items[i].path;
        size_t at = below.n ? below.n + 1 : 0;
        if (below.n && (strncmp(path, below.p, below.n) != 0 || path[below.n] != '/'))
            continue;
        add_folders(out, path, at, recursive, seen);
        json_t *entry = recursive || !strchr(path + at, '/') ? tree_file(&files->items[i]) : NULL;
        if (entry)
            json_array_append_new(out, entry);
    }
    return out;
}

/* One page of the entries, with a Link to the next. */
static json_t *page_of(http_request *req, json_t *all)
{
    str cursor = http_query_value(req, "cursor");
    size_t from = cursor.n ? strtoul(cursor.p, NULL, 10) : 0, n = json_array_size(all);
    json_t *out = json_array();
    for (size_t i = from; i < n && i < from + TREE_PAGE; i++)
        json_array_append(out, json_array_get(all, i));
    if (from + TREE_PAGE < n) {
        str path = http_path(req);
        http_headerf(req, "Link", "<%s%.*s?recursive=%s&cursor=%zu>; rel=\"next\"",
                     request_origin(req), (int)path.n, path.p,
                     hub_query_is_true(req, "recursive") ? "true" : "false", from + TREE_PAGE);
    }
    json_decref(all);
    return out;
}

static void reply_tree(http_request *req, gateway *g, str id, str revision, str below)
{
    hub_target target;
    if (!hub_find(req, g, id, revision, &target))
        return;
    repo_files files;
    repo_files_list(target.model->hub.folder, &files);
    http_header(req, "X-Repo-Commit", target.model->hub.commit);
    json_t *all = make_tree(&files, below, hub_query_is_true(req, "recursive"));
    if (below.n && json_array_size(all) == 0) {
        json_decref(all);
        hub_error(req, 404, "EntryNotFound", "%.*s does not exist on \"%.*s\"", (int)below.n,
                  below.p, (int)revision.n, revision.p);
    } else {
        reply_json(req, 200, page_of(req, all));
    }
    repo_files_release(&files);
    hub_target_release(&target);
}

void get_model_part(http_request *req, gateway *g)
{
    struct parts p;
    if (!split(req, &p)) {
        http_error(req, 400, "the path is malformed");
        return;
    }
    int verb = p.n > 2 && is_verb(p.items[2]) ? 2 : p.n > 2 && is_verb(p.items[1]) ? 1 : p.n;
    if (verb > 2) {
        http_error(req, 404, "there is no such route");
        return;
    }
    str id = p.items[0];
    if (verb == 2)
        id = str_of(arena_printf(http_arena(req), "%.*s/%.*s", (int)id.n, id.p, (int)p.items[1].n,
                                 p.items[1].p));
    str revision = verb + 1 < p.n ? p.items[verb + 1] : (str){0};
    if (verb == p.n)
        reply_info(req, g, id, STR("main"));
    else if (str_is(p.items[verb], "revision") && p.n == verb + 2)
        reply_info(req, g, id, revision);
    else if (str_is(p.items[verb], "tree") && p.n >= verb + 2)
        reply_tree(req, g, id, revision, join(req, &p, verb + 2));
    else if (str_is(p.items[verb], "card") && p.n == verb + 1)
        reply_card(req, g, id);
    else
        http_error(req, 404, "there is no such route");
}
