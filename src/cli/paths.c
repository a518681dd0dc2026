#include "cli/paths.h"
#include "base/memory.h"

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
