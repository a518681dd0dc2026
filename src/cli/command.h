/* A subcommand is one file with a `const struct command` and one row in cli/list.h. */
#pragma once

#include "cli/options.h"

struct command {
    const char *name;
    const char *summary;   /* one line for `inferd --help` */
    const char *usage;     /* text of `inferd NAME --help`, in front of the options */
    const option *options; /* NULL: none */
    int (*run)(int argc,
               char **argv); /* argv[0] is the subcommand's name; returns the exit status */
};

/* Print the message of a failure on standard error; the exit statuses 1 (it failed) and 2 (it was
 * called wrongly, with a hint to --help). */
int command_fail(const char *name, const error *e);
int command_misused(const char *name, const error *e);
