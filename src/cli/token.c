/* `inferd token`: who may use the server. */
#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "cli/command.h"
#include "cli/paths.h"
#include "gateway/store.h"

#include <stdio.h>
#include <string.h>

struct token_args {
    const char *data, *name;
};

static const option rows[] = {
    OPTION_TEXT(struct token_args, data, "data", "DIR", NULL,
                "data folder of the server (default: ~/.local/share/inferd)"),
    OPTION_TEXT(struct token_args, name, "name", "NAME", NULL,
                "name of a new token (default: the date)"),
    OPTION_END,
};

static bool create(store *s, const struct token_args *a, error *e)
{
    char token[STORE_TOKEN_SIZE], date[25];
    clock_iso(clock_unix_ms(), date);
    if (!store_token_create(s, str_of(a->name ? a->name : date), token, e))
        return false;
    printf("%s\n", token);
    fflush(stdout);
    fprintf(stderr, "This is the only time that the token is shown.\n");
    return true;
}

static void print_token(const store_token *t, void *arg)
{
    (void)arg;
    char created[25], used[25] = "never";
    clock_iso(t->created_unix_ms, created);
    if (t->used_unix_ms)
        clock_iso(t->used_unix_ms, used);
    printf("%-4lld %-24s %s...  created %.10s  last used %.16s\n", (long long)t->id, t->name,
           t->start, created, used);
}

static int act(store *s, const struct token_args *a, int n, char **words, error *e)
{
    bool ok;
    if (n == 1 && strcmp(words[0], "create") == 0)
        ok = create(s, a, e);
    else if (n == 1 && strcmp(words[0], "list") == 0)
        ok = store_tokens(s, print_token, NULL, e);
    else if (n == 2 && strcmp(words[0], "revoke") == 0)
        ok = store_token_revoke(s, words[1], e);
    else {
        fail(e, ERR_BAD_REQUEST, "expected 'create', 'list' or 'revoke NAME'");
        return command_misused("token", e);
    }
    return ok ? 0 : command_fail("token", e);
}

static int run(int argc, char **argv)
{
    struct token_args a;
    error e = {0};
    int n;
    if (!options_parse(rows, argc, argv, &a, &n, &e))
        return command_misused("token", &e);
    own_mem char *data = data_dir(a.data);
    own_mem char *path = path_join(data, "inferd.db");
    store *s = file_make_dirs(data, &e) ? store_open(path, &e) : NULL;
    if (!s)
        return command_fail("token", &e);
    int status = act(s, &a, n, argv + 1, &e);
    store_close(s);
    return status;
}

extern const struct command command_token;
const struct command command_token = {
    .name = "token",
    .summary = "create, list and revoke access tokens",
    .usage = "usage: inferd token create [--name NAME]\n"
             "       inferd token list\n"
             "       inferd token revoke NAME|NUMBER\n\n"
             "Clients send a token as 'Authorization: Bearer hf_...'. A new one is printed once; "
             "only its hash\nis kept. A running server sees changes at once.\n",
    .options = rows,
    .run = run,
};
