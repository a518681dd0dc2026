/* What is behind /api/models/{id}: the rows of `verbs`, and without one the model's document. Parts
 * are cut from the path as it was sent and decoded one by one, so that "refs%2Fpr%2F1" is one
 * revision. */
#include "base/own.h"
#include "gateway/handlers.h"
#include "gateway/hub/card.h"
#include "gateway/hub/history.h"
#include "gateway/hub/tree.h"
#include "gateway/hub/view.h"
#include "http/h1.h"

#include <string.h>

enum { MAX_PARTS = 64 };

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

/* Parts from..to (without it) joined by slashes. */
static str join(http_request *req, const struct parts *p, int from, int to)
{
    const char *text = "";
    for (int i = from; i < to && text; i++)
        text = arena_printf(http_arena(req), "%s%s%.*s", text, i > from ? "/" : "",
                            (int)p->items[i].n, p->items[i].p);
    return str_of(text);
}

static void reply_info(http_request *req, gateway *g, str id, str revision, str below)
{
    (void)below;
    hub_target target;
    own_json json_t *names = NULL;
    if (!view_expand(req, &names) || !hub_find(req, g, id, revision, &target))
        return;
    bool blobs = hub_query_is_true(req, "blobs");
    json_t *out = view_model(g, target.model, names, blobs);
    if (hub_query_is_true(req, "securityStatus")) /* nothing here looks for malware */
        json_object_set_new(out, "securityRepoStatus",
                            json_pack("{s:b,s:[]}", "scansDone", 0, "filesWithIssues"));
    reply_json(req, 200, out);
    hub_target_release(&target);
}

static void reply_rendered(http_request *req, gateway *g, str id, str revision, str below)
{
    (void)revision, (void)below;
    reply_card(req, g, id);
}

/* Whether there is such a model; else it is answered. */
static bool is_here(http_request *req, gateway *g, str id)
{
    hub_target target;
    if (!hub_find(req, g, id, STR("main"), &target))
        return false;
    hub_target_release(&target);
    return true;
}

/* What is here may be read by who came this far; nothing is written over HTTP. */
static void reply_auth(http_request *req, gateway *g, str id, str revision, str below)
{
    (void)below;
    if (!is_here(req, g, id))
        return;
    if (revision.n == 0)
        http_reply_text(req, 200, "text/plain", "OK");
    else if (str_is(revision, "write"))
        hub_error(req, 403, "Forbidden",
                  "models are put on this server by 'inferd add' and 'inferd pull' only");
    else
        http_error(req, 404, "there is no such route");
}

static void reply_likers(http_request *req, gateway *g, str id, str revision, str below)
{
    (void)revision, (void)below;
    if (!is_here(req, g, id))
        return;
    reply_json(req, 200, json_array());
}

static void reply_discussions(http_request *req, gateway *g, str id, str revision, str below)
{
    (void)revision, (void)below;
    if (!is_here(req, g, id))
        return;
    reply_json(req, 200, json_pack("{s:[],s:i,s:i}", "discussions", "count", 0, "start", 0));
}

/* --- which of them --- */

/* {id}/NAME[/{revision}[/{below...}]]: how many parts may follow NAME. */
static const struct verb {
    const char *method, *name;
    int n_least, n_most;
    void (*reply)(http_request *req, gateway *g, str id, str revision, str below);
} verbs[] = {
    {"GET", "revision", 1, 1, reply_info},           {"GET", "tree", 1, MAX_PARTS, reply_tree},
    {"POST", "paths-info", 1, 1, reply_paths},       {"GET", "refs", 0, 0, reply_refs},
    {"GET", "commits", 1, 1, reply_commits},         {"GET", "card", 0, 0, reply_rendered},
    {"GET", "auth-check", 0, 1, reply_auth},         {"GET", "likers", 0, 0, reply_likers},
    {"GET", "discussions", 0, 0, reply_discussions},
};

static const struct verb *verb_at(const struct parts *p, int at)
{
    int n_behind = p->n - at - 1;
    for (size_t i = 0; n_behind >= 0 && i < sizeof verbs / sizeof *verbs; i++)
        if (str_is(p->items[at], verbs[i].name) && n_behind >= verbs[i].n_least &&
            n_behind <= verbs[i].n_most)
            return &verbs[i];
    return NULL;
}

/* The id has two parts, or one: "a/refs" is a model, unless there is none of that name. */
static const struct verb *find_verb(http_request *req, gateway *g, const struct parts *p, int *at)
{
    const struct verb *found = verb_at(p, *at = 2);
    if (found)
        return found;
    found = verb_at(p, *at = 1);
    if (found && p->n == 2 && library_find(g->library, join(req, p, 0, 2), NULL))
        found = NULL;
    if (!found)
        *at = p->n;
    return found;
}

static void answer(http_request *req, gateway *g, const char *method)
{
    struct parts p;
    if (!split(req, &p)) {
        http_error(req, 400, "the path is malformed");
        return;
    }
    int at;
    const struct verb *verb = find_verb(req, g, &p, &at);
    if (at > 2 || (!verb && strcmp(method, "GET") != 0)) {
        http_error(req, 404, "there is no such route");
    } else if (verb && strcmp(verb->method, method) != 0) {
        http_header(req, "Allow", verb->method);
        http_error(req, 405, "method %s is not allowed here, only %s", method, verb->method);
    } else if (verb) {
        str revision = at + 1 < p.n ? p.items[at + 1] : (str){0};
        verb->reply(req, g, join(req, &p, 0, at), revision, join(req, &p, at + 2, p.n));
    } else {
        reply_info(req, g, join(req, &p, 0, at), STR("main"), (str){0});
    }
}

void get_model_part(http_request *req, gateway *g)
{
    answer(req, g, "GET");
}

void post_model_part(http_request *req, gateway *g)
{
    answer(req, g, "POST");
}

/* --- what is no model --- */

void get_no_repos(http_request *req, gateway *g)
{
    (void)g;
    reply_json(req, 200, json_array());
}

void get_no_repo(http_request *req, gateway *g)
{
    (void)g;
    hub_error(req, 404, "RepoNotFound", "Repository not found: this server has models only");
}
