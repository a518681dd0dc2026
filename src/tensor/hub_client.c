/* Listing: GET /api/models/ID/revision/REVISION gives the commit, GET /api/models/ID/tree/COMMIT
 * its files page by page. Everything the hub says is bounded. */
#include "tensor/hub_client.h"
#include "base/buf.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/snapshot.h"

#include <strings.h>

enum {
    MAX_REPLY_BYTES = 32 << 20,
    MAX_PARSED_BYTES = 64 << 20,
    MAX_PAGES = 1000,
    MAX_TOKEN_BYTES = 4096,
};

static const char default_endpoint[] = "https://huggingface.co";

/* The environment. */

static const char *setting(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static bool set_endpoint(hub_client *c, error *e)
{
    const char *endpoint = setting("HF_ENDPOINT");
    if (!endpoint)
        endpoint = default_endpoint;
    size_t n = strlen(endpoint);
    while (n && endpoint[n - 1] == '/')
        n--;
    bool web =
        strncasecmp(endpoint, "http://", 7) == 0 || strncasecmp(endpoint, "https://", 8) == 0;
    if (!web || n <= 8 || strpbrk(endpoint, " \t\r\n?#"))
        return fail(e, ERR_BAD_REQUEST, "HF_ENDPOINT is '%.300s', expected an address like '%s'",
                    endpoint, default_endpoint);
    c->endpoint = xprintf("%.*s", (int)n, endpoint);
    return true;
}

/* In new memory; NULL when no home is known. */
static char *token_path(void)
{
    const char *path = setting("HF_TOKEN_PATH"), *home = setting("HF_HOME");
    if (path)
        return xstrdup(path);
    if (home)
        return path_join(home, "token");
    if ((home = setting("XDG_CACHE_HOME")))
        return path_join(home, "huggingface/token");
    if ((home = setting("HOME")))
        return path_join(home, ".cache/huggingface/token");
    return NULL;
}

static bool set_token(hub_client *c, error *e)
{
    own_buf buf text = buf_new(MAX_TOKEN_BYTES);
    const char *given = setting("HF_TOKEN");
    if (!given)
        given = setting("HUGGING_FACE_HUB_TOKEN");
    own_mem char *path = given ? NULL : token_path();
    if (given)
        buf_puts(&text, given);
    else if (path && file_exists(path) && !file_read(path, MAX_TOKEN_BYTES, &text, e))
        return false;
    str token = buf_view(&text);
    while (token.n && strchr(" \t\r\n", token.p[0]))
        token = str_skip(token, 1);
    while (token.n && strchr(" \t\r\n", token.p[token.n - 1]))
        token.n--;
    bool good = !text.full;
    for (size_t i = 0; i < token.n; i++)
        good = good && token.p[i] > ' ' && token.p[i] < 0x7f;
    if (!good)
        return fail(e, ERR_BAD_REQUEST, "the token of %s is not one line of letters and digits",
                    given ? "HF_TOKEN" : path);
    c->token = token.n ? xprintf("%.*s", (int)token.n, token.p) : NULL;
    return true;
}

bool hub_client_init(hub_client *c, error *e)
{
    hub_client made = {0};
    const char *offline = setting("HF_HUB_OFFLINE");
    if (offline && (strcmp(offline, "1") == 0 || strcasecmp(offline, "true") == 0 ||
                    strcasecmp(offline, "yes") == 0 || strcasecmp(offline, "on") == 0))
        return fail(e, ERR_UNAVAILABLE, "HF_HUB_OFFLINE is set, so the hub is not asked");
    if (!set_endpoint(&made, e) || !set_token(&made, e)) {
        hub_client_release(&made);
        return false;
    }
    *c = made;
    return true;
}

void hub_client_release(hub_client *c)
{
    if (!c)
        return;
    free(c->endpoint);
    free(c->token);
    *c = (hub_client){0};
}

/* Requests. */

/* Percent-encodes what is not unreserved; '/' as well unless it separates. */
static void put_encoded(buf *out, const char *text, bool keep_slashes)
{
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c) || (c == '/' && keep_slashes);
        if (plain)
            buf_byte(out, *p);
        else
            buf_printf(out, "%%%02X", c);
    }
}

char *hub_client_file_url(const hub_client *c, const char *id, const char *commit, const char *path)
{
    own_buf buf url = buf_new(strlen(c->endpoint) + strlen(id) + 3 * strlen(path) + 100);
    buf_printf(&url, "%s/%s/resolve/%s/", c->endpoint, id, commit);
    put_encoded(&url, path, true);
    return xstrdup(buf_text(&url));
}

bool hub_client_refused(const hub_client *c, const char *id, const char *revision,
                        const download_reply *reply, error *e)
{
    const char *code = reply->error_code, *said = reply->error_message;
    int status = reply->status;
    if (strcmp(code, "GatedRepo") == 0)
        return fail(e, ERR_FORBIDDEN,
                    "the model '%s' is gated: accept its conditions at %s/%s and set HF_TOKEN to a "
                    "token that may read it%s",
                    id, c->endpoint, id, c->token ? " (the present one may not)" : "");
    if (strcmp(code, "RevisionNotFound") == 0)
        return fail(e, ERR_NOT_FOUND, "the model '%s' has no revision '%s'", id, revision);
    if (strcmp(code, "EntryNotFound") == 0)
        return fail(e, ERR_NOT_FOUND, "the model '%s' does not have this file at '%s'", id,
                    revision);
    if (strcmp(code, "RepoNotFound") == 0 || status == 404 || (status == 401 && !c->token))
        return fail(e, ERR_NOT_FOUND, "there is no model '%s' at %s, or it is private%s", id,
                    c->endpoint,
                    c->token ? " and the token may not read it"
                             : " (HF_TOKEN gives access to private models)");
    if (status == 401)
        return fail(e, ERR_UNAUTHORIZED, "%s does not accept the token of HF_TOKEN%s%s",
                    c->endpoint, *said ? ": " : "", said);
    return fail(e, status == 403 ? ERR_FORBIDDEN : ERR_BAD_GATEWAY,
                "%s refuses the model '%s' with status %d%s%s", c->endpoint, id, status,
                *said ? ": " : "", said);
}

static bool on_text(void *arg, str piece, error *e)
{
    buf *text = arg;
    buf_str(text, piece);
    return !text->full ||
           fail(e, ERR_INVALID, "the hub's reply has more than %d bytes", MAX_REPLY_BYTES);
}

/* Gets a document of the API, trying again what may pass. A hub that was never reached is tried
 * twice only: a wrong address or a missing network does not get better. */
static bool get_text(const hub_client *c, download *d, const char *url, buf *text,
                     download_reply *reply, error *e)
{
    for (int failures = 0;;) {
        error broken = {0};
        download_request request = {.url = url, .token = c->token, .on_body = on_text, .arg = text};
        buf_clear(text);
        bool whole = download_get(d, &request, reply, &broken);
        if (whole && !download_status_may_pass(reply->status))
            return true;
        bool may_pass = whole || broken.kind == ERR_UNAVAILABLE || broken.kind == ERR_BAD_GATEWAY;
        bool unreached = !whole && broken.kind == ERR_UNAVAILABLE;
        failures++;
        if (may_pass && !(unreached && failures > 1)) {
            if (download_wait(d, failures, whole ? reply : NULL, e))
                continue;
            if (e && e->kind == ERR_CANCELLED)
                return false;
        }
        if (whole)
            return true; /* the caller says what the status means */
        if (broken.kind == ERR_CANCELLED)
            return fail(e, broken.kind, "%s", broken.message);
        return fail(e, broken.kind, "cannot ask the hub at %s (HF_ENDPOINT names another): %s",
                    c->endpoint, broken.message);
    }
}

static json_t *get_json(const hub_client *c, download *d, const char *id, const char *revision,
                        const char *url, download_reply *reply, error *e)
{
    own_buf buf text = buf_new(MAX_REPLY_BYTES);
    if (!get_text(c, d, url, &text, reply, e))
        return NULL;
    if (reply->status != 200) {
        hub_client_refused(c, id, revision, reply, e);
        return NULL;
    }
    json_t *json = json_parse(buf_view(&text), "the hub's reply", JSON_MAX_DEPTH, e);
    if (!json)
        fail_in(e, "%s does not answer as a hub", c->endpoint);
    return json;
}

/* Listing. */

struct lfs_item {
    str oid;
    double size;
};

struct tree_item {
    str type, path, oid;
    double size;
    struct lfs_item lfs;
};

enum { MAX_TEXT = 4096 };

#define FIELD_SIZE(owner)                                                                          \
    FIELD_NUMBER(owner, size, "size", 0, 0, 9007199254740992.0, "bytes of the content")

static const field lfs_fields[] = {
    FIELD_STRING(struct lfs_item, oid, "oid", NULL, 0, "SHA-256 of the content"),
    FIELD_SIZE(struct lfs_item), FIELD_END};

static const field tree_fields[] = {
    FIELD_STRING(struct tree_item, type, "type", NULL, FIELD_REQUIRED, "'file' or 'directory'"),
    FIELD_STRING(struct tree_item, path, "path", NULL, FIELD_REQUIRED, "path in the model"),
    FIELD_STRING(struct tree_item, oid, "oid", NULL, FIELD_REQUIRED, "git's id"),
    FIELD_SIZE(struct tree_item),
    FIELD_OBJECT(struct tree_item, lfs, "lfs", lfs_fields, 0, "of large files"),
    FIELD_END};

struct info {
    str sha;
};

static const field info_fields[] = {
    FIELD_STRING(struct info, sha, "sha", NULL, FIELD_REQUIRED, "the commit"), FIELD_END};

static bool add_file(hub_revision *r, const struct tree_item *item, error *e)
{
    bool lfs = item->lfs.oid.p != NULL;
    str etag = lfs ? item->lfs.oid : item->oid;
    if (item->path.n > MAX_TEXT || memchr(item->path.p, '\0', item->path.n) ||
        etag.n >= sizeof r->files->etag)
        return fail(e, ERR_INVALID, "a file name or id in the hub's list is too long or holds NUL");
    if (r->n_files == SNAPSHOT_MAX_FILES)
        return fail(e, ERR_INVALID, "the model has more than %d files", SNAPSHOT_MAX_FILES);
    if (r->n_files == r->capacity) {
        r->capacity = r->capacity ? 2 * r->capacity : 64;
        r->files = xrealloc(r->files, (size_t)r->capacity * sizeof *r->files);
    }
    hub_file *file = &r->files[r->n_files++];
    *file = (hub_file){.path = xprintf("%.*s", (int)item->path.n, item->path.p),
                       .size_bytes = (int64_t)(lfs ? item->lfs.size : item->size)};
    memcpy(file->etag, etag.p, etag.n);
    return true;
}

static bool add_page(hub_revision *r, const json_t *page, error *e)
{
    if (!json_is_array(page))
        return fail(e, ERR_INVALID, "the hub's list of files is %s, expected an array",
                    json_kind(page));
    arena *a = arena_new(MAX_PARSED_BYTES);
    bool good = true;
    size_t i;
    const json_t *value;
    json_array_foreach (page, i, value) {
        struct tree_item item;
        arena_reset(a);
        good = fields_parse(tree_fields, value, "", &item, a, e) &&
               (!str_is(item.type, "file") || add_file(r, &item, e));
        if (!good)
            break;
    }
    arena_free(a);
    return good || fail_in(e, "cannot read the hub's list of files");
}

static bool find_commit(const hub_client *c, download *d, const char *id, const char *revision,
                        hub_revision *r, error *e)
{
    own_buf buf url = buf_new(8192);
    buf_printf(&url, "%s/api/models/%s/revision/", c->endpoint, id);
    put_encoded(&url, revision, false);
    download_reply reply;
    own_json json_t *info = get_json(c, d, id, revision, buf_text(&url), &reply, e);
    if (!info)
        return false;
    struct info parsed;
    arena *a = arena_new(MAX_PARSED_BYTES);
    bool good = fields_parse(info_fields, info, "", &parsed, a, e) &&
                (parsed.sha.n == sizeof r->commit - 1 ||
                 fail(e, ERR_INVALID, "the commit has %zu characters, expected %zu", parsed.sha.n,
                      sizeof r->commit - 1));
    if (good)
        memcpy(r->commit, parsed.sha.p, parsed.sha.n);
    arena_free(a);
    if (good && !str_is_hex(str_of(r->commit), sizeof r->commit - 1))
        good = fail(e, ERR_INVALID, "the commit is not 40 hex digits");
    return good || fail_in(e, "cannot read what the hub says about '%s'", id);
}

static bool find_files(const hub_client *c, download *d, const char *id, const char *revision,
                       hub_revision *r, error *e)
{
    own_mem char *url =
        xprintf("%s/api/models/%s/tree/%s?recursive=true", c->endpoint, id, r->commit);
    for (int page = 0; page < MAX_PAGES; page++) {
        download_reply reply;
        own_json json_t *list = get_json(c, d, id, revision, url, &reply, e);
        if (!list || !add_page(r, list, e))
            return false;
        if (!reply.next[0])
            return true;
        if (!download_same_origin(d, c->endpoint, reply.next))
            return fail(e, ERR_INVALID, "the hub's next page is on another server, '%.200s'",
                        reply.next);
        free(url);
        url = xstrdup(reply.next);
    }
    return fail(e, ERR_INVALID, "the hub's list of files has more than %d pages", MAX_PAGES);
}

bool hub_client_list(const hub_client *c, download *d, const char *id, const char *revision,
                     hub_revision *out, error *e)
{
    hub_revision made = {0};
    if (!find_commit(c, d, id, revision, &made, e) || !find_files(c, d, id, revision, &made, e)) {
        hub_revision_release(&made);
        return false;
    }
    *out = made;
    return true;
}

void hub_revision_release(hub_revision *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n_files; i++)
        free(r->files[i].path);
    free(r->files);
    *r = (hub_revision){0};
}
