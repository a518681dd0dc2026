/* Refs and commits, as far as the cache knows them. */
#include "gateway/hub/history.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/own.h"

#include <string.h>

/* --- refs --- */

/* The lists of a reply, by the start of the ref's name. The last takes the rest: the cache does not
 * tell tags from branches. */
static const struct {
    const char *start, *list, *ref_start;
} kinds[] = {
    {"refs/pr/", "pullRequests", "refs/pr/"}, {"refs/convert/", "converts", "refs/convert/"},
    {"refs/tags/", "tags", "refs/tags/"},     {"refs/heads/", "branches", "refs/heads/"},
    {"", "branches", "refs/heads/"},
};

static void add_ref(json_t *out, const char *name, const char *commit)
{
    size_t kind = 0;
    while (!str_starts(str_of(name), str_of(kinds[kind].start)))
        kind++;
    const char *rest = name + strlen(kinds[kind].start);
    own_mem char *ref = xprintf("%s%s", kinds[kind].ref_start, rest);
    json_t *item = json_pack("{s:s,s:s,s:s}", "name", rest, "ref", ref, "targetCommit", commit);
    if (item) /* a name that is not UTF-8 is left out */
        json_array_append_new(json_object_get(out, kinds[kind].list), item);
}

void reply_refs(http_request *req, gateway *g, str id, str revision, str below)
{
    (void)below;
    hub_target target;
    if (!hub_find(req, g, id, revision, &target))
        return;
    hub_refs refs;
    hub_cache_refs(&target.model->hub, &refs);
    json_t *out =
        json_pack("{s:[],s:[],s:[],s:[]}", "branches", "tags", "converts", "pullRequests");
    bool has_main = false;
    for (int i = 0; i < refs.n; i++)
        has_main = has_main || strcmp(refs.items[i].name, "main") == 0;
    if (!has_main) /* what a request without a revision gets */
        add_ref(out, "main", target.model->hub.commit);
    for (int i = 0; i < refs.n; i++)
        add_ref(out, refs.items[i].name, refs.items[i].commit);
    if (!hub_query_is_true(req, "include_prs"))
        json_object_del(out, "pullRequests");
    hub_refs_release(&refs);
    hub_target_release(&target);
    reply_json(req, 200, out);
}

/* --- commits --- */

json_t *commit_entry(const local_model *m)
{
    char date[25];
    clock_iso(m->hub.modified_unix_ms, date);
    own_mem char *title = xprintf("Snapshot %.8s", m->hub.commit);
    return json_pack("{s:s,s:s,s:s}", "id", m->hub.commit, "title", title, "date", date);
}

void reply_commits(http_request *req, gateway *g, str id, str revision, str below)
{
    (void)below;
    hub_target target;
    if (!hub_find(req, g, id, revision, &target))
        return;
    json_t *commit = commit_entry(target.model);
    json_object_set_new(commit, "message", json_string(""));
    json_object_set_new(commit, "authors", json_array());
    str name, value;
    for (size_t at = 0; hub_query_next(req, &at, &name, &value);)
        if (str_is(name, "expand") && str_is(value, "formatted"))
            json_object_set_new(
                commit, "formatted",
                json_pack("{s:O,s:s}", "title", json_object_get(commit, "title"), "message", ""));
    http_header(req, "X-Total-Count", "1");
    bool first = hub_query_number(req, "p", 0, 1) == 0;
    hub_target_release(&target);
    if (!first) {
        json_decref(commit);
        commit = NULL;
    }
    reply_json(req, 200, commit ? json_pack("[o]", commit) : json_array());
}
