/* A subcommand is one file with a `const struct command` and one row in cli/list.h. */
#pragma once

struct command {
    const char *name;
    const char *summary; /* one line for `inferd --help` */
    const char *usage;   /* the whole text of `inferd NAME --help` */
    int (*run)(int argc,
               char **argv); /* argv[0] is the subcommand's name; returns the exit status */
};
