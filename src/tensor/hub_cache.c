/* Walks the cache's folders; every name found on disk is checked before it becomes part of a path.
 */
#include "tensor/hub_cache.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/repo.h"

#include <dirent.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    PART_LENGTH = 96,   /* of an owner or a name */
    COMMIT_LENGTH = 64, /* the hub's are 40 hex digits */
    SHORT_COMMIT = 7,
    REF_BYTES = 256,
    REF_DEPTH = 8,
    MAX_REFS = 1000,
    MODULES_BYTES = 1 << 20,
};

static const char FOLDER_START[] = "models--";

static bool plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool part_valid(str part)
{
    if (part.n == 0 || part.n > PART_LENGTH || str_ends(part, STR(".git")))
        return false;
    for (size_t i = 0; i < part.n; i++) {
        char c = part.p[i];
        bool mark = c == '-' || c == '.';
        if (!plain(c) || (mark && (i == 0 || i == part.n - 1)) || (mark && part.p[i - 1] == c))
            return false;
    }
    return true;
}

bool hub_id_valid(str id)
{
    const char *slash = id.n ? memchr(id.p, '/', id.n) : NULL;
    if (!slash)
        return part_valid(id);
    size_t owner = (size_t)(slash - id.p);
    return part_valid((str){id.p, owner}) && part_valid(str_skip(id, owner + 1));
}

char *hub_id_folder(str id)
{
    const char *slash = memchr(id.p, '/', id.n);
    int owner = slash ? (int)(slash - id.p) : (int)id.n;
    str name = str_skip(id, (size_t)owner + 1);
    return xprintf("%s%.*s%s%.*s", FOLDER_START, owner, id.p, slash ? "--" : "", (int)name.n,
                   name.p);
}

/* The id of a cache folder, NULL when it is none of ours. */
static char *folder_id(const char *folder)
{
    str rest = str_of(folder);
    if (!str_starts(rest, STR("models--")))
        return NULL;
    rest = str_skip(rest, sizeof FOLDER_START - 1);
    const char *cut = memmem(rest.p, rest.n, "--", 2);
    char *id = cut ? xprintf("%.*s/%s", (int)(cut - rest.p), rest.p, cut + 2) : xstrdup(rest.p);
    if (hub_id_valid(str_of(id)))
        return id;
    free(id);
    return NULL;
}

static bool commit_valid(str commit)
{
    if (commit.n == 0 || commit.n > COMMIT_LENGTH || commit.p[0] == '.')
        return false;
    for (size_t i = 0; i < commit.n; i++)
        if (!plain(commit.p[i]))
            return false;
    return true;
}

static void add_root(hub_cache *c, char *path)
{
    for (int i = 0; i < c->n_roots; i++)
        if (strcmp(c->roots[i], path) == 0) {
            free(path);
            return;
        }
    c->roots[c->n_roots++] = path;
}

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

void hub_cache_init(hub_cache *c, const char *data_dir)
{
    *c = (hub_cache){0};
    if (data_dir)
        add_root(c, path_join(data_dir, "hub"));
    const char *hub = setting("HF_HUB_CACHE");
    if (!hub)
        hub = setting("HUGGINGFACE_HUB_CACHE");
    if (hub)
        add_root(c, xstrdup(hub));
    else if (setting("HF_HOME"))
        add_root(c, path_join(setting("HF_HOME"), "hub"));
    else if (setting("XDG_CACHE_HOME"))
        add_root(c, path_join(setting("XDG_CACHE_HOME"), "huggingface/hub"));
    else if (setting("HOME"))
        add_root(c, path_join(setting("HOME"), ".cache/huggingface/hub"));
}

void hub_cache_release(hub_cache *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->n_roots; i++)
        free(c->roots[i]);
    *c = (hub_cache){0};
}

void hub_model_release(hub_model *m)
{
    if (!m)
        return;
    free(m->id);
    free(m->folder);
    free(m->commit);
    *m = (hub_model){0};
}

static bool has_file(const char *folder, const char *name)
{
    own_mem char *path = path_join(folder, name);
    return file_size(path) >= 0;
}

bool hub_is_model(const char *folder)
{
    if (has_file(folder, "config.json"))
        return true;
    if (!has_file(folder, "modules.json"))
        return false;
    own_mem char *path = path_join(folder, "modules.json");
    own_json json_t *modules = json_parse_file(path, MODULES_BYTES, NULL);
    const char *first = json_string_value(json_object_get(json_array_get(modules, 0), "path"));
    if (!first || *first == '/' || strstr(first, ".."))
        return false;
    own_mem char *inner = *first ? path_join(folder, first) : xstrdup(folder);
    return has_file(inner, "config.json") || has_file(inner, "router_config.json");
}

static bool usable(const char *snapshot)
{
    return file_is_dir(snapshot) && hub_is_model(snapshot);
}

static int64_t modified_ms(const char *path)
{
    struct stat info;
    if (stat(path, &info) < 0)
        return 0;
    return (int64_t)info.st_mtim.tv_sec * 1000 + info.st_mtim.tv_nsec / 1000000;
}

/* The commit that refs/<revision> holds, in new memory, or NULL. */
static char *read_ref(const char *model_folder, const char *revision)
{
    own_mem char *path = xprintf("%s/refs/%s", model_folder, revision);
    own_buf buf text = buf_new(REF_BYTES);
    if (!file_exists(path) || !file_read(path, REF_BYTES, &text, NULL))
        return NULL;
    str commit = buf_view(&text);
    while (commit.n && (commit.p[commit.n - 1] == '\n' || commit.p[commit.n - 1] == '\r' ||
                        commit.p[commit.n - 1] == ' '))
        commit.n--;
    return commit_valid(commit) ? xprintf("%.*s", (int)commit.n, commit.p) : NULL;
}

/* Among the usable snapshots whose name starts with `start`: the one that changed last, or NULL. A
 * start that is not empty must fit one snapshot only. */
static char *pick_snapshot(const char *model_folder, const char *start)
{
    own_mem char *snapshots = path_join(model_folder, "snapshots");
    char *best = NULL;
    int n_found = 0;
    int64_t best_ms = 0;
    DIR *dir = opendir(snapshots);
    for (struct dirent *item; dir && (item = readdir(dir));) {
        if (!commit_valid(str_of(item->d_name)) || !str_starts(str_of(item->d_name), str_of(start)))
            continue;
        own_mem char *path = path_join(snapshots, item->d_name);
        if (!usable(path))
            continue;
        int64_t ms = modified_ms(path);
        n_found++;
        if (best && (ms < best_ms || (ms == best_ms && strcmp(item->d_name, best) < 0)))
            continue;
        free(best);
        best = xstrdup(item->d_name);
        best_ms = ms;
    }
    if (dir)
        closedir(dir);
    if (*start && n_found > 1) {
        free(best);
        best = NULL;
    }
    return best;
}

/* The commit a revision stands for; NULL when its snapshot is not here. */
static char *resolve(const char *model_folder, const char *revision)
{
    char *commit = read_ref(model_folder, revision ? revision : "main");
    if (commit) {
        own_mem char *path = xprintf("%s/snapshots/%s", model_folder, commit);
        if (usable(path))
            return commit;
        free(commit);
    }
    if (!revision)
        return pick_snapshot(model_folder, "");
    return strlen(revision) >= SHORT_COMMIT && commit_valid(str_of(revision))
               ? pick_snapshot(model_folder, revision)
               : NULL;
}

static bool find_in(const char *root, str id, const char *revision, hub_model *out)
{
    own_mem char *name = hub_id_folder(id);
    own_mem char *folder = path_join(root, name);
    char *commit = resolve(folder, revision);
    if (!commit)
        return false;
    char *snapshot = xprintf("%s/snapshots/%s", folder, commit);
    *out = (hub_model){.id = xprintf("%.*s", (int)id.n, id.p),
                       .folder = snapshot,
                       .commit = commit,
                       .size_bytes = repo_total_bytes(snapshot),
                       .modified_unix_ms = modified_ms(snapshot)};
    return true;
}

bool hub_cache_find(const hub_cache *c, str id, const char *revision, hub_model *out, error *e)
{
    if (!hub_id_valid(id))
        return fail(e, ERR_INVALID, "'%.*s' is not a model id, expected 'owner/name' or 'name'",
                    (int)(id.n < 200 ? id.n : 200), id.p ? id.p : "");
    if (revision && !path_is_safe(str_of(revision)))
        return fail(e, ERR_INVALID, "'%.200s' is not a revision", revision);
    for (int i = 0; i < c->n_roots; i++)
        if (find_in(c->roots[i], id, revision, out))
            return true;
    own_buf buf roots = buf_new(600);
    for (int i = 0; i < c->n_roots; i++)
        buf_printf(&roots, "%s'%s'", i ? " and " : "", c->roots[i]);
    return fail(e, ERR_NOT_FOUND, "model '%.*s'%s%.100s is not in %s", (int)id.n, id.p,
                revision ? " at revision " : "", revision ? revision : "", buf_text(&roots));
}

static int by_id(const void *left, const void *right)
{
    const hub_model *a = left, *b = right;
    return strcmp(a->id, b->id);
}

static bool is_listed(const hub_models *l, const char *id)
{
    for (int i = 0; i < l->n; i++)
        if (strcmp(l->items[i].id, id) == 0)
            return true;
    return false;
}

static void list_root(const char *root, hub_models *l)
{
    DIR *dir = opendir(root);
    for (struct dirent *item; dir && (item = readdir(dir));) {
        own_mem char *id = folder_id(item->d_name);
        hub_model found;
        if (!id || is_listed(l, id) || !find_in(root, str_of(id), NULL, &found))
            continue;
        l->items = xrealloc(l->items, ((size_t)l->n + 1) * sizeof *l->items);
        l->items[l->n++] = found;
    }
    if (dir)
        closedir(dir);
}

void hub_cache_list(const hub_cache *c, hub_models *out)
{
    *out = (hub_models){0};
    for (int i = 0; i < c->n_roots; i++)
        list_root(c->roots[i], out);
    if (out->n)
        qsort(out->items, (size_t)out->n, sizeof *out->items, by_id);
}

void hub_models_release(hub_models *l)
{
    if (!l)
        return;
    for (int i = 0; i < l->n; i++)
        hub_model_release(&l->items[i]);
    free(l->items);
    *l = (hub_models){0};
}

/* --- refs --- */

/* refs/`below`..., deepest "refs/pr/1" and "team/topic/x". */
static void list_refs(const char *model_folder, const char *below, int depth, hub_refs *l)
{
    own_mem char *folder = xprintf("%s/refs/%s", model_folder, below);
    DIR *dir = depth < REF_DEPTH ? opendir(folder) : NULL;
    for (struct dirent *item; dir && (item = readdir(dir)) && l->n < MAX_REFS;) {
        if (item->d_name[0] == '.')
            continue;
        own_mem char *name = *below ? path_join(below, item->d_name) : xstrdup(item->d_name);
        own_mem char *path = xprintf("%s/refs/%s", model_folder, name);
        if (file_is_dir(path)) {
            list_refs(model_folder, name, depth + 1, l);
            continue;
        }
        char *commit = read_ref(model_folder, name);
        own_mem char *snapshot = commit ? xprintf("%s/snapshots/%s", model_folder, commit) : NULL;
        if (!snapshot || !usable(snapshot)) {
            free(commit);
            continue;
        }
        l->items = xrealloc(l->items, ((size_t)l->n + 1) * sizeof *l->items);
        l->items[l->n++] = (hub_ref){.name = xstrdup(name), .commit = commit};
    }
    if (dir)
        closedir(dir);
}

static int by_name(const void *left, const void *right)
{
    const hub_ref *a = left, *b = right;
    return strcmp(a->name, b->name);
}

void hub_cache_refs(const hub_model *m, hub_refs *out)
{
    *out = (hub_refs){0};
    own_mem char *copy = xstrdup(m->folder);
    list_refs(dirname(dirname(copy)), "", 0, out);
    if (out->n)
        qsort(out->items, (size_t)out->n, sizeof *out->items, by_name);
}

void hub_refs_release(hub_refs *l)
{
    if (!l)
        return;
    for (int i = 0; i < l->n; i++) {
        free(l->items[i].name);
        free(l->items[i].commit);
    }
    free(l->items);
    *l = (hub_refs){0};
}
