/* How much memory this process may use: the machine's, or less by the limits of its cgroups. */
#include "gateway/gateway.h"

#include "base/memory.h"
#include "base/own.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int64_t read_limit(const char *path)
{
    own_file FILE *f = fopen(path, "re");
    long long bytes;
    return f && fscanf(f, "%lld", &bytes) == 1 ? bytes : INT64_MAX; /* "max" is no number */
}

/* The least memory.max of the process's group (cgroup v2) and the groups above it. */
static int64_t cgroup_limit(void)
{
    char group[1024] = "";
    own_file FILE *f = fopen("/proc/self/cgroup", "re");
    char line[1100];
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "0::", 3) == 0)
            snprintf(group, sizeof group, "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
    int64_t least = INT64_MAX;
    for (;;) {
        own_mem char *path =
            xprintf("/sys/fs/cgroup%s/memory.max", strcmp(group, "/") == 0 ? "" : group);
        int64_t limit = read_limit(path);
        if (limit < least)
            least = limit;
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

int64_t gateway_default_budget(void)
{
    int64_t machine = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    int64_t group = cgroup_limit();
    return (group < machine ? group : machine) / 10 * 8;
}
