/* `inferd add`: puts a model folder into the store of the server. */
#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"
#include "cli/command.h"
#include "cli/paths.h"
#include "gateway/hub/info.h"
#include "tensor/hub_cache.h"
#include "tensor/repo.h"
#include "tensor/snapshot.h"

#include <stdio.h>
#include <string.h>

struct add_args {
    const char *data;
};

static const option rows[] = {
    OPTION_TEXT(struct add_args, data, "data", "DIR", NULL,
                "data folder of the server (default: ~/.local/share/inferd)"),
    OPTION_END,
};

/* Hidden files are the traces of other programs (.git, .cache), not of the model. */
static bool is_hidden(const char *path)
{
    return path[0] == '.' || strstr(path, "/.") != NULL;
}

static bool is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* A folder that came from elsewhere could hold a link to anything this user may read, and the
 * server would show it to everybody. The links of a cache lead to the blobs beside `snapshots`. */
static bool check_source(const char *folder, const char *source, error *e)
{
    own_mem char *root = realpath(folder, NULL);
    own_mem char *real = realpath(source, NULL);
    if (!root || !real)
        return fail_errno(e, ERR_IO, "cannot open '%s'", source);
    str above = {root, (size_t)(strrchr(root, '/') - root)};
    own_mem char *up = xprintf("%s/../../blobs", root);
    own_mem char *blobs = str_ends(above, STR("/snapshots")) ? realpath(up, NULL) : NULL;
    return is_below(real, root) || (blobs && is_below(real, blobs)) ||
           fail(e, ERR_FORBIDDEN, "'%s' is a link to '%s', expected files inside of the folder",
                source, real);
}

static bool add_files(snapshot *s, const char *folder, int *n_added, error *e)
{
    repo_files files;
    repo_files_list(folder, &files);
    own_mem char *odd = files.odd ? path_join(folder, files.odd) : NULL;
    bool ok = !odd || is_hidden(files.odd) || file_check(odd, e);
    for (int i = 0; ok && i < files.n; i++) {
        if (is_hidden(files.items[i].path))
            continue;
        own_mem char *source = path_join(folder, files.items[i].path);
        ok =
            check_source(folder, source, e) && snapshot_add_file(s, files.items[i].path, source, e);
        *n_added += ok;
    }
    repo_files_release(&files);
    return ok;
}

static bool check_folder(const char *folder, error *e)
{
    repo r = {0};
    if (!repo_open(&r, folder, e))
        return false;
    bool inside = !repo_has(&r, "config.json") && hub_is_model(folder);
    json_t *config = repo_json(&r, inside ? "modules.json" : "config.json", e);
    repo_release(&r);
    json_decref(config);
    return config || fail_in(e, "'%s' is not a model folder", folder);
}

static bool add(const char *data, const char *folder, const char *id, error *e)
{
    own_mem char *hub = path_join(data, "hub");
    char commit[SNAPSHOT_COMMIT];
    int n_added = 0;
    if (!check_folder(folder, e) || !file_make_dirs(hub, e))
        return false;
    snapshot *s = snapshot_open(hub, id, e);
    if (!s)
        return false;
    bool ok = add_files(s, folder, &n_added, e);
    if (ok) {
        snapshot_content_id(s, commit);
        ok = snapshot_publish(s, commit, "main", e);
    }
    if (ok) {
        own_mem char *path = snapshot_path(s, commit);
        printf("%s: %d files, commit %.7s, in %s\n", id, n_added, commit, path);
    }
    snapshot_close(s);
    return ok;
}

static int run(int argc, char **argv)
{
    struct add_args a;
    error e = {0};
    int n;
    if (options_parse(rows, argc, argv, &a, &n, &e) && n != 2)
        fail(&e, ERR_BAD_REQUEST, "expected FOLDER and OWNER/NAME");
    if (e.kind != ERR_NONE)
        return command_misused("add", &e);
    own_mem char *data = data_dir(a.data);
    return add(data, argv[1], argv[2], &e) ? 0 : command_fail("add", &e);
}

extern const struct command command_add;
const struct command command_add = {
    .name = "add",
    .summary = "put a local model folder into the server's store",
    .usage = "usage: inferd add FOLDER OWNER/NAME\n\n"
             "Copies the files of a model folder (config.json, weights, tokenizer, README.md) into "
             "the store of\nthe server, sharing disk blocks where the file system can. A running "
             "server sees the model at once;\na model of that name is replaced.\n",
    .options = rows,
    .run = run,
};
