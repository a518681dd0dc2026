/* `inferd remove`: takes a model out of the server's store. */
#include "base/cache_dir.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"
#include "cli/command.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "gateway/store.h"
#include "tensor/hub_cache.h"
#include "tensor/repo.h"
#include "tensor/snapshot.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct remove_args {
    const char *data;
    bool yes;
};

static const option rows[] = {
    OPTION_TEXT(struct remove_args, data, "data", "DIR", NULL,
                "data folder of the server (default: ~/.local/share/inferd)"),
    OPTION_FLAG(struct remove_args, yes, "yes", "do not ask"),
    OPTION_END,
};

static bool confirm(const char *id, const char *folder)
{
    char answer[16], size[32];
    if (!isatty(STDIN_FILENO))
        return true;
    own_mem char *blobs = path_join(folder, "blobs");
    progress_bytes(size, sizeof size, (double)repo_total_bytes(blobs));
    fprintf(stderr, "Remove '%s' with all its files (%s)? [y/N] ", id, size);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* What was prepared from the model's snapshots: it is found by their paths. */
static void remove_prepared(const char *folder)
{
    own_mem char *snapshots = path_join(folder, "snapshots");
    DIR *dir = opendir(snapshots);
    for (struct dirent *item; dir && (item = readdir(dir));) {
        own_mem char *path = path_join(snapshots, item->d_name);
        if (item->d_name[0] != '.')
            cache_dir_remove(path);
    }
    if (dir)
        closedir(dir);
}

/* Out of sight in one step, then the files; the model's lock keeps downloads of it away. */
static bool remove_folder(const char *hub, const char *id, const char *folder, error *e)
{
    snapshot *lock = snapshot_open(hub, id, e);
    if (!lock)
        return false;
    own_mem char *hidden = xprintf("%s/.removed-%d", hub, (int)getpid());
    bool ok = rename(folder, hidden) == 0 || fail_errno(e, ERR_IO, "cannot remove '%s'", folder);
    snapshot_close(lock);
    return ok && file_remove_tree(hidden, e);
}

static bool forget(const char *data, const char *id, error *e)
{
    own_mem char *path = path_join(data, "inferd.db");
    store *s = store_open(path, e);
    bool ok = s && store_forget_model(s, str_of(id), e);
    store_close(s);
    return ok;
}

/* Only the store of the server: caches of other programs are theirs. */
static bool check(const char *data, const char *id, const char *folder, error *e)
{
    hub_cache cache;
    hub_model found;
    if (file_is_dir(folder))
        return true;
    hub_cache_init(&cache, data);
    bool elsewhere = hub_cache_find(&cache, str_of(id), NULL, &found, e);
    hub_cache_release(&cache);
    if (!elsewhere)
        return false;
    fail(e, ERR_FORBIDDEN,
         "'%s' is not in the store of the server but in a cache that other programs share: '%s'",
         id, found.folder);
    hub_model_release(&found);
    return false;
}

static int run(int argc, char **argv)
{
    struct remove_args a;
    error e = {0};
    int n;
    if (options_parse(rows, argc, argv, &a, &n, &e) && n != 1)
        fail(&e, ERR_BAD_REQUEST, "expected OWNER/NAME");
    if (e.kind == ERR_NONE && !hub_id_valid(str_of(argv[1])))
        fail(&e, ERR_BAD_REQUEST, "'%s' is not the id of a model", argv[1]);
    if (e.kind != ERR_NONE)
        return command_misused("remove", &e);
    own_mem char *data = data_dir(a.data);
    own_mem char *hub = path_join(data, "hub");
    own_mem char *name = hub_id_folder(str_of(argv[1]));
    own_mem char *folder = path_join(hub, name);
    if (!check(data, argv[1], folder, &e))
        return command_fail("remove", &e);
    if (!a.yes && !confirm(argv[1], folder)) {
        fprintf(stderr, "Nothing was removed.\n");
        return 1;
    }
    remove_prepared(folder);
    bool ok = remove_folder(hub, argv[1], folder, &e) && forget(data, argv[1], &e);
    return ok ? 0 : command_fail("remove", &e);
}

extern const struct command command_remove;
const struct command command_remove = {
    .name = "remove",
    .summary = "take a model out of the server's store",
    .usage = "usage: inferd remove [--yes] OWNER/NAME\n\n"
             "Deletes a model with all its files, settings and counters from the store of the "
             "server. A running\nserver unloads it. Asks first on a terminal.\n",
    .options = rows,
    .run = run,
};
