#include "gateway/library.h"

#include "base/clock.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/repo.h"

#include <libgen.h>
#include <sys/stat.h>

enum { TRUST_MS = 1000, MAX_ID = 200 };

struct entry {
    local_model model;
    char *ref_path; /* refs/main of the model */
    int64_t checked_ms;
    ino_t ref_inode;
    struct timespec ref_time;
};

struct library {
    hub_cache cache;
    map entries; /* id -> struct entry; keys are the models' ids */
};

library *library_new(const char *data_dir)
{
    library *l = xcalloc(1, sizeof *l);
    hub_cache_init(&l->cache, data_dir);
    map_init(&l->entries, 0);
    return l;
}

void local_model_release(local_model *m)
{
    if (!m)
        return;
    hub_model_release(&m->hub);
    json_decref(m->info);
    *m = (local_model){0};
}

static void entry_free(struct entry *e)
{
    local_model_release(&e->model);
    free(e->ref_path);
    free(e);
}

void library_free(library *l)
{
    if (!l)
        return;
    size_t at = 0;
    for (struct map_slot *slot; (slot = map_next(&l->entries, &at));)
        entry_free(slot->value.pointer);
    map_release(&l->entries);
    hub_cache_release(&l->cache);
    free(l);
}

static void stamp(const struct entry *e, ino_t *inode, struct timespec *time)
{
    struct stat ref;
    bool there = stat(e->ref_path, &ref) == 0;
    *inode = there ? ref.st_ino : 0;
    *time = there ? ref.st_mtim : (struct timespec){0};
}

static bool is_fresh(const struct entry *e)
{
    if (clock_ms() - e->checked_ms >= TRUST_MS)
        return false;
    ino_t inode;
    struct timespec time;
    stamp(e, &inode, &time);
    return inode == e->ref_inode && time.tv_sec == e->ref_time.tv_sec &&
           time.tv_nsec == e->ref_time.tv_nsec && access(e->model.hub.folder, F_OK) == 0;
}

static void note_check(struct entry *e)
{
    e->checked_ms = clock_ms();
    stamp(e, &e->ref_inode, &e->ref_time);
}

/* <model folder>/refs/main from <model folder>/snapshots/<commit>. */
static char *ref_path_of(const char *folder)
{
    own_mem char *copy = xstrdup(folder);
    return xprintf("%s/refs/main", dirname(dirname(copy)));
}

static struct entry *entry_new(library *l, hub_model *found)
{
    struct entry *e = xcalloc(1, sizeof *e);
    e->model.hub = *found;
    e->model.weight_bytes = repo_weight_bytes(found->folder);
    e->ref_path = ref_path_of(found->folder);
    map_add(&l->entries, str_of(e->model.hub.id))->value.pointer = e;
    return e;
}

static bool find(library *l, str id, const char *revision, hub_model *out, error *e)
{
    error cause = {0};
    if (hub_id_valid(id) && hub_cache_find(&l->cache, id, revision, out, &cause))
        return true;
    if (cause.kind != ERR_NONE && cause.kind != ERR_NOT_FOUND && cause.kind != ERR_INVALID)
        return fail(e, cause.kind, "%s", cause.message);
    return fail(e, ERR_NOT_FOUND, "Model %.*s does not exist", (int)(id.n < MAX_ID ? id.n : MAX_ID),
                id.p ? id.p : "");
}

local_model *library_find(library *l, str id, error *e)
{
    struct entry *known = map_get(&l->entries, id);
    if (known && is_fresh(known))
        return &known->model;
    hub_model found;
    bool there = find(l, id, NULL, &found, e);
    if (known && there && strcmp(known->model.hub.folder, found.folder) == 0) {
        hub_model_release(&found);
    } else {
        if (known) {
            map_remove(&l->entries, id);
            entry_free(known);
        }
        if (!there)
            return NULL;
        known = entry_new(l, &found);
    }
    note_check(known);
    return &known->model;
}

bool library_find_revision(library *l, str id, const char *revision, local_model *out, error *e)
{
    hub_model found;
    if (!find(l, id, revision, &found, e))
        return false;
    *out = (local_model){.hub = found, .weight_bytes = repo_weight_bytes(found.folder)};
    return true;
}

void library_list(library *l, hub_models *out)
{
    hub_cache_list(&l->cache, out);
}
