#include "cli/paths.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/hub_cache.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

char *data_dir(const char *given)
{
    const char *share = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (given)
        return xstrdup(given);
    if (share && *share == '/')
        return xprintf("%s/inferd", share);
    const struct passwd *me = home && *home ? NULL : getpwuid(getuid());
    return xprintf("%s/.local/share/inferd", me ? me->pw_dir : home && *home ? home : "/var/lib");
}

bool model_folder(const char *data, const char *name, char **folder, error *e)
{
    if (file_is_dir(name)) {
        *folder = xstrdup(name);
        return true;
    }
    if (!hub_id_valid(str_of(name)))
        return fail(e, ERR_NOT_FOUND,
                    "'%.200s' is neither a folder nor a model id, which is 'owner/name' or 'name'",
                    name);
    own_mem char *root = data_dir(data);
    hub_cache cache;
    hub_model found;
    hub_cache_init(&cache, root);
    bool ok = hub_cache_find(&cache, str_of(name), NULL, &found, e);
    hub_cache_release(&cache);
    if (!ok)
        return false;
    *folder = xstrdup(found.folder);
    hub_model_release(&found);
    return true;
}
