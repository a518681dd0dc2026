/* Finds the subcommand in the table and runs it. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#define X(name) extern const struct command command_##name;
#include "cli/list.h"
#undef X

#define X(name) &command_##name,
static const struct command *const commands[] = {
#include "cli/list.h"
};
#undef X

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static int usage(FILE *to, int status)
{
    fprintf(to,
            "inferd %s: an inference platform of your own\n\n"
            "usage: inferd COMMAND [OPTIONS]\n\ncommands:\n",
            INFERD_VERSION);
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(to, "\n`inferd COMMAND --help` explains a command.\n");
    return status;
}

static int help(const struct command *c)
{
    own_buf buf text = buf_new(1 << 20);
    buf_puts(&text, c->usage);
    if (c->options) {
        buf_byte(&text, '\n');
        options_help(c->options, &text);
    }
    fputs(buf_text(&text), stdout);
    return 0;
}

static int wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr, 2);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0)
        return usage(stdout, 0);
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    for (int i = 0; i < N_COMMANDS; i++) {
        if (strcmp(name, commands[i]->name) != 0)
            continue;
        if (wants_help(argc - 1, argv + 1))
            return help(commands[i]);
        return commands[i]->run(argc - 1, argv + 1);
    }
    fprintf(stderr, "inferd: there is no command '%s'; `inferd --help` lists them\n", argv[1]);
    return 2;
}
