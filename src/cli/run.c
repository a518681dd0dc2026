/* `inferd run`: predicts in this process, without a server. The request body is made of the
 * arguments by the task's field rows, so that every task gets its command line from them. */
#include "tasks/run.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "cli/command.h"
#include "cli/dtype.h"
#include "cli/options.h"
#include "cli/parameters.h"
#include "cli/paths.h"
#include "kernels/kernels.h"

#include <string.h>

struct run_args {
    const char *data, *task, *body;
    option_list parameters;
    bool verbose;
    int precision;
    int64_t threads;
};

enum { STDIN_BYTES = 256 << 20, REPLY_BYTES = 1 << 30 };

static const option rows[] = {
    OPTION_TEXT(struct run_args, task, "task", "TASK", NULL,
                "what to do; else the model's own task"),
    OPTION_LIST(struct run_args, parameters, "parameter", "NAME=VALUE",
                "a parameter of the task, such as normalize=true"),
    OPTION_TEXT(struct run_args, body, "body", "JSON", NULL,
                "a whole request body instead of texts; '-' reads it from standard input"),
    OPTION_TEXT(struct run_args, data, "data", "DIR", NULL,
                "where models are kept; else ~/.local/share/inferd"),
    OPTION_DTYPE(struct run_args, precision),
    OPTION_INT(struct run_args, threads, "threads", "N", "0", 0, 1024,
               "threads that compute; 0: all CPUs the process may use"),
    OPTION_FLAG(struct run_args, verbose, "verbose", "print tokens and times on standard error"),
    OPTION_END};

static json_t *text_list(char *const *words, int n, error *e)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++) {
        json_t *value = parameter_text(words[i], e);
        if (!value) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, value);
    }
    return list;
}

/* How many keys behind this one must be given. */
static int n_required(const field *key)
{
    int n = 0;
    while ((++key)->type != FIELD_TYPE_END)
        n += (key->flags & FIELD_REQUIRED) != 0;
    return n;
}

/* A table is given as JSON. */
static json_t *table_value(const char *word, error *e)
{
    json_t *value = json_loads(word, JSON_DECODE_ANY, NULL);
    if (!value)
        fail(e, ERR_BAD_REQUEST,
             "'%.60s' is not JSON, expected a table such as {\"Name\": [\"Ada\"]}", word);
    return value;
}

/* The keys of an object in their order: a string takes one text, a list takes all but those that
 * later keys need. */
static json_t *object_value(const field *keys, char *const *words, int n, error *e)
{
    json_t *object = json_object();
    int used = 0;
    for (const field *key = keys; key->type != FIELD_TYPE_END && used < n; key++) {
        bool many = key->type == FIELD_TYPE_STRINGS || key->type == FIELD_TYPE_TEXTS;
        int rest = n - used - n_required(key), n_own = many && rest > 1 ? rest : 1;
        json_t *value = many                            ? text_list(words + used, n_own, e)
                        : key->type == FIELD_TYPE_TABLE ? table_value(words[used], e)
                                                        : parameter_text(words[used], e);
        if (!value) {
            json_decref(object);
            return NULL;
        }
        json_object_set_new(object, key->name, value);
        used += n_own;
    }
    return object;
}

static json_t *inputs_value(const task *t, char *const *words, int n, error *e)
{
    if (t->inputs->type == FIELD_TYPE_OBJECT || t->inputs->type == FIELD_TYPE_OBJECTS)
        return object_value(t->inputs->rows, words, n, e);
    return n == 1 ? parameter_text(words[0], e) : text_list(words, n, e);
}

static bool make_body(const task *t, const struct run_args *a, char *const *words, int n, buf *body,
                      error *e)
{
    own_json json_t *parameters = json_object();
    if (!parameters_add(parameters, t, &a->parameters, e))
        return false;
    own_json json_t *inputs = inputs_value(t, words, n, e);
    if (!inputs)
        return false;
    own_json json_t *root =
        json_pack("{s:O, s:O}", t->inputs->name, inputs, "parameters", parameters);
    json_put(body, root);
    return !body->full || fail(e, ERR_TOO_LARGE, "the texts are too large");
}

static bool read_body(const char *given, buf *body, error *e)
{
    char *to;
    size_t got;
    if (strcmp(given, "-") != 0) {
        buf_puts(body, given);
        return true;
    }
    while ((to = buf_room(body, 65536)) && (got = fread(to, 1, 65536, stdin)) > 0)
        body->n += got;
    return !body->full ||
           fail(e, ERR_TOO_LARGE, "standard input has more than %d bytes", STDIN_BYTES);
}

static bool predict(const struct run_args *a, const pipeline *p, char *const *words, int n,
                    error *e)
{
    own_buf buf body = buf_new(STDIN_BYTES), reply = buf_new(REPLY_BYTES);
    call_usage usage = {0};
    bool ok = a->body ? read_body(a->body, &body, e) : make_body(p->task, a, words, n, &body, e);
    runner *r = runner_new(p);
    dtype_tell("run", p->info->precision);
    ok = ok && runner_answer(r, p->task, buf_view(&body), &reply, &usage, e);
    runner_free(r);
    if (!ok)
        return false;
    buf_byte(&reply, '\n');
    fwrite(reply.p, 1, reply.n, stdout);
    if (usage.warning)
        fprintf(stderr, "inferd run: %s\n", usage.warning);
    if (usage.n_truncated > 0)
        fprintf(stderr, "inferd run: %d of the texts were cut to %d tokens\n", usage.n_truncated,
                p->max_tokens);
    if (a->verbose)
        fprintf(stderr, "task %s, %lld tokens, loaded in %.1f ms, kernels %s\n", p->task->name,
                (long long)usage.tokens, (double)p->load_us / 1e3, kernels_level());
    return fflush(stdout) == 0 || fail_errno(e, ERR_IO, "cannot write the reply");
}

static int run(int argc, char **argv)
{
    struct run_args a;
    error e = {0};
    int n = 0;
    if (!options_parse(rows, argc, argv, &a, &n, &e))
        return command_misused("run", &e);
    if (n < 1 || (n < 2 && !a.body)) {
        fail(&e, ERR_BAD_REQUEST, n < 1 ? "a MODEL is missing" : "a TEXT is missing");
        return command_misused("run", &e);
    }
    own_mem char *folder = NULL;
    team *threads = NULL;
    pipeline p = {0};
    const model_options options = {.precision = (enum precision)a.precision, .keeps = true};
    bool ok = kernels_init(&e) && model_folder(a.data, argv[1], &folder, &e) &&
              (threads = team_new((int)a.threads, &e)) &&
              pipeline_open_as(&p, folder, file_is_dir(argv[1]) ? NULL : argv[1], a.task, &options,
                               threads, &e) &&
              predict(&a, &p, argv + 2, n - 1, &e);
    pipeline_close(&p);
    team_free(threads);
    return ok ? 0 : command_fail("run", &e);
}

extern const struct command command_run;
const struct command command_run = {
    .name = "run",
    .summary = "predict once, without a server",
    .usage =
        "usage: inferd run MODEL TEXT... [OPTIONS]\n\n"
        "MODEL is an id in the store or a folder. The reply is printed as JSON. For\n"
        "sentence-similarity the first TEXT is compared with the others:\n\n"
        "  inferd run sentence-transformers/all-MiniLM-L6-v2 \"a happy man\" \"a glad person\"\n"
        "  inferd run ./my-model --task feature-extraction \"some text\"\n\n"
        "For table-question-answering the questions come first, then the table:\n\n"
        "  inferd run ./tapas \"how many stars?\" '{\"Name\": [\"a\", \"b\"], \"Stars\": [3, "
        "5]}'\n",
    .options = rows,
    .run = run,
};
