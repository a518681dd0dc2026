#include "base/cache_dir.h"
#include "base/file.h"
#include "base/memory.h"

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
