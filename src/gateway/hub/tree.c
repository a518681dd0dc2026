/* Files and folders of a revision: all below a folder, or those of a list of paths. */
#include "gateway/hub/tree.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "gateway/hub/history.h"

#include <string.h>

enum { TREE_PAGE = 1000, PATHS_BODY = 4 << 20, MAX_PATHS = 10000 };

/* commit: added as the last that changed the entry; NULL: not asked for. */
static json_t *tree_file(const repo_file *f, json_t *commit)
{
    json_t *out = json_pack("{s:s,s:s,s:I,s:s}", "type", "file", "oid", f->etag, "size",
                            (json_int_t)f->size, "path", f->path);
    if (out && repo_file_is_lfs(f))
        json_object_set_new(out, "lfs", repo_file_lfs(f, "oid"));
    if (out && commit)
        json_object_set(out, "lastCommit", commit);
    return out;
}

static json_t *tree_folder(str path, json_t *commit)
{
    char oid[SHA256_HEX];
    sha256_hex(path, oid);
    json_t *out = json_pack("{s:s,s:s%,s:i,s:s%}", "type", "directory", "oid", oid, (size_t)40,
                            "size", 0, "path", path.p, path.n);
    if (out && commit)
        json_object_set(out, "lastCommit", commit);
    return out;
}

/* Folders on the way from `at` (a length) to a file that were not listed before. */
static void add_folders(json_t *out, const char *path, size_t at, bool recursive, json_t *seen,
                        json_t *commit)
{
    for (const char *slash = strchr(path + at, '/'); slash; slash = strchr(slash + 1, '/')) {
        own_mem char *folder = xprintf("%.*s", (int)(slash - path), path);
        if (!json_object_get(seen, folder)) {
            json_object_set_new(seen, folder, json_true());
            json_t *entry = tree_folder(str_of(folder), commit);
            if (entry)
                json_array_append_new(out, entry);
        }
        if (!recursive)
            break;
    }
}

static json_t *make_tree(const repo_files *files, str below, bool recursive, json_t *commit)
{
    json_t *out = json_array();
    own_json json_t *seen = json_object();
    for (int i = 0; i < files->n; i++) {
        const char *path = files->items[i].path;
        size_t at = below.n ? below.n + 1 : 0;
        if (below.n && (strncmp(path, below.p, below.n) != 0 || path[below.n] != '/'))
            continue;
        add_folders(out, path, at, recursive, seen, commit);
        json_t *entry =
            recursive || !strchr(path + at, '/') ? tree_file(&files->items[i], commit) : NULL;
        if (entry)
            json_array_append_new(out, entry);
    }
    return out;
}

/* One page of the entries, with a Link to the next. */
static json_t *page_of(http_request *req, json_t *all)
{
    long n = (long)json_array_size(all), from = hub_query_number(req, "cursor", 0, n);
    long limit = hub_query_number(req, "limit", TREE_PAGE, TREE_PAGE);
    json_t *out = json_array();
    for (long i = from; i < n && i < from + limit; i++)
        json_array_append(out, json_array_get(all, (size_t)i));
    if (limit > 0 && from + limit < n)
        hub_link_next(req, from + limit);
    json_decref(all);
    return out;
}

void reply_tree(http_request *req, gateway *g, str id, str revision, str below)
{
    hub_target target;
    if (!hub_find(req, g, id, revision, &target))
        return;
    repo_files files;
    repo_files_list(target.model->hub.folder, &files);
    http_header(req, "X-Repo-Commit", target.model->hub.commit);
    own_json json_t *commit = hub_query_is_true(req, "expand") ? commit_entry(target.model) : NULL;
    json_t *all = make_tree(&files, below, hub_query_is_true(req, "recursive"), commit);
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

/* --- paths-info --- */

struct asked {
    gateway *gateway;
    str id, revision;
};

/* What is not there is left out, as the hub does. */
static void add_path(json_t *out, const hub_target *target, str path, json_t *commit)
{
    own_mem char *name = xprintf("%.*s", (int)path.n, path.p ? path.p : "");
    const char *folder = target->model->hub.folder;
    repo_file file;
    json_t *entry = NULL;
    if (strlen(name) != path.n || !path_is_safe(path))
        return;
    own_mem char *whole = path_join(folder, name);
    if (repo_file_stat(folder, name, &file)) {
        entry = tree_file(&file, commit);
        free(file.path);
    } else if (file_is_dir(whole)) {
        entry = tree_folder(path, commit);
    }
    if (entry)
        json_array_append_new(out, entry);
}

/* {"paths": [...], "expand": bool}: @huggingface/hub. NULL after a 400. */
static json_t *paths_of_json(http_request *req, str body, bool *expand)
{
    error e = {0};
    own_json json_t *document = json_parse(body, "body", 8, &e);
    json_t *paths = json_object_get(document, "paths"), *path;
    size_t i;
    bool ok = json_is_array(paths) && json_array_size(paths) <= MAX_PATHS;
    json_array_foreach (paths, i, path) {
        ok = ok && json_is_string(path);
    }
    if (!ok) {
        http_error(req, 400, "%s%s'paths' must be an array of at most %d texts", e.message,
                   *e.message ? ": " : "", MAX_PATHS);
        return NULL;
    }
    *expand = json_is_true(json_object_get(document, "expand"));
    return json_incref(paths);
}

/* paths=a&paths=b&expand=False: huggingface_hub. NULL after a 400. */
static json_t *paths_of_form(http_request *req, str body, bool *expand)
{
    json_t *paths = json_array();
    str name, value;
    for (size_t at = 0; hub_pairs_next(req, body, &at, &name, &value);) {
        if (str_is(name, "expand"))
            *expand = hub_is_true(value);
        if (!str_is(name, "paths"))
            continue;
        if (json_array_size(paths) == MAX_PATHS) {
            json_decref(paths);
            http_error(req, 400, "there are more than %d 'paths'", MAX_PATHS);
            return NULL;
        }
        json_array_append_new(paths, json_stringn(value.p, value.n));
    }
    return paths;
}

static void on_paths(http_request *req, str body, void *arg)
{
    const struct asked *a = arg;
    bool expand = false;
    bool is_json = str_starts(http_request_header(req, "Content-Type"), STR("application/json"));
    own_json json_t *paths =
        is_json ? paths_of_json(req, body, &expand) : paths_of_form(req, body, &expand);
    hub_target target;
    if (!paths || !hub_find(req, a->gateway, a->id, a->revision, &target))
        return;
    own_json json_t *commit = expand ? commit_entry(target.model) : NULL;
    json_t *out = json_array(), *path;
    size_t i;
    json_array_foreach (paths, i, path) {
        add_path(out, &target, (str){json_string_value(path), json_string_length(path)}, commit);
    }
    http_header(req, "X-Repo-Commit", target.model->hub.commit);
    hub_target_release(&target);
    reply_json(req, 200, out);
}

void reply_paths(http_request *req, gateway *g, str id, str revision, str below)
{
    (void)below;
    struct asked *a = arena_try(http_arena(req), sizeof *a, _Alignof(struct asked));
    if (!a) {
        http_error(req, 503, "no memory for the request");
        return;
    }
    *a = (struct asked){.gateway = g, .id = id, .revision = revision};
    http_read_all(req, PATHS_BODY, on_paths, a);
}
