/* `inferd version`: the version of the program. */
#include "cli/command.h"

#include <stdio.h>

static int run(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("inferd %s\n", INFERD_VERSION);
    return 0;
}

extern const struct command command_version;
const struct command command_version = {
    .name = "version",
    .summary = "print the version",
    .usage = "usage: inferd version\n\nPrints the version of inferd.\n",
    .run = run,
};
