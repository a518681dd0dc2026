#include "cli/command.h"

#include <stdio.h>

int command_fail(const char *name, const error *e)
{
    fprintf(stderr, "inferd %s: %s\n", name, e->message);
    return 1;
}

int command_misused(const char *name, const error *e)
{
    fprintf(stderr, "inferd %s: %s\n`inferd %s --help` explains the command.\n", name, e->message,
            name);
    return 2;
}
