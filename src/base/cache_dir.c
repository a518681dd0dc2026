#include "base/cache_dir.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/own.h"

#include <stdlib.h>

char *cache_dir(void)
{
    const char *own = getenv("INFERD_CACHE"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    char *folder = own && *own            ? xstrdup(own)
                   : xdg && *xdg == '/'   ? xprintf("%s/inferd", xdg)
                   : home && *home == '/' ? xprintf("%s/.cache/inferd", home)
                                          : NULL;
    error ignored = {0};
    if (folder && file_make_dirs(folder, &ignored))
        return folder;
    free(folder);
    return NULL;
}

/* Without making it. */
static char *place_of(const char *model_folder)
{
    char hash[SHA256_HEX];
    own_mem char *root = cache_dir();
    own_mem char *path = realpath(model_folder, NULL);
    if (!root || !path)
        return NULL;
    sha256_hex(str_of(path), hash);
    return xprintf("%s/models/%.32s", root, hash);
}

char *cache_dir_of(const char *model_folder)
{
    error ignored = {0};
    char *folder = place_of(model_folder);
    if (folder && file_make_dirs(folder, &ignored))
        return folder;
    free(folder);
    return NULL;
}

void cache_dir_remove(const char *model_folder)
{
    error ignored = {0};
    own_mem char *folder = place_of(model_folder);
    if (folder)
        file_remove_tree(folder, &ignored);
}
