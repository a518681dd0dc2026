/* `inferd bench`: what this machine and a model on it can do. */
#include "cli/bench.h"

#include "base/json.h"
#include "cli/command.h"
#include "cli/dtype.h"
#include "kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const option rows[] = {
    OPTION_TEXT(struct bench_args, batch_text, "batch", "N,...", "1,8,32",
                "model: texts of a request"),
    OPTION_TEXT(struct bench_args, length_text, "length", "N,...", "16,64,256",
                "model: tokens of a text, special ones included"),
    OPTION_TEXT(struct bench_args, task, "task", "TASK", NULL, "model: else the model's own task"),
    OPTION_LIST(struct bench_args, parameters, "parameter", "NAME=VALUE",
                "model: a parameter of the task"),
    OPTION_DTYPE(struct bench_args, precision),
    OPTION_FLAG(struct bench_args, profile, "profile",
                "model: where the time goes, for each batch and length"),
    OPTION_TEXT(struct bench_args, texts, "texts", "FILE", NULL,
                "accuracy, tokenizer: one text a line, or one JSON string if FILE ends in .jsonl; "
                "else some "
                "that are built in"),
    OPTION_TEXT(struct bench_args, out, "out", "FILE", NULL,
                "tokenizer: write ids and offsets of every text, as one JSON object a line"),
    OPTION_TEXT(struct bench_args, family, "family", "NAME", NULL,
                "kernels: of this family only, such as gemm_f32"),
    OPTION_TEXT(struct bench_args, variant, "variant", "NAME", NULL,
                "kernels: this variant only, such as avx512"),
    OPTION_DURATION(struct bench_args, per_row_ms, "seconds", "1", "time for each row"),
    OPTION_INT(struct bench_args, threads, "threads", "N", "0", 0, 1024,
               "threads that compute; 0: all CPUs the process may use"),
    OPTION_FLAG(struct bench_args, accuracy, "accuracy", "the same as `inferd bench accuracy`"),
    OPTION_FLAG(struct bench_args, json, "json", "print JSON"),
    OPTION_TEXT(struct bench_args, data, "data", "DIR", NULL,
                "where models are kept; else ~/.local/share/inferd"),
    OPTION_END};

bool bench_print(const json_t *document, error *e)
{
    if (!document)
        return fail(e, ERR_INTERNAL, "the results cannot be written as JSON");
    json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    printf("\n");
    return fflush(stdout) == 0 || fail_errno(e, ERR_IO, "cannot write the results");
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(double *values, int n, double share)
{
    qsort(values, (size_t)n, sizeof *values, ascending);
    double at = share * (n - 1);
    int below = (int)at;
    double above = values[below + (below + 1 < n)];
    return values[below] + (at - below) * (above - values[below]);
}

static bool parse_counts(const char *text, const char *name, bench_counts *out, error *e)
{
    out->n = 0;
    for (const char *p = text;; p++) {
        char *end;
        long value = strtol(p, &end, 10);
        if (end == p || value < 1 || value > 1000000 || (*end && *end != ','))
            return fail(e, ERR_BAD_REQUEST,
                        "--%s: '%s' is not a list of whole numbers from 1 to 1000000", name, text);
        if (out->n == BENCH_COUNTS_MAX)
            return fail(e, ERR_BAD_REQUEST, "--%s: more than %d numbers", name, BENCH_COUNTS_MAX);
        out->items[out->n++] = (int)value;
        p = end;
        if (!*p)
            return true;
    }
}

struct measurement {
    const char *name;
    bool (*run)(const struct bench_args *a, const char *name, error *e);
};

static bool run_kernels(const struct bench_args *a, const char *name, error *e)
{
    (void)name;
    return bench_kernels(a, e);
}

static const struct measurement measurements[] = {
    {"kernels", run_kernels},
    {"model", bench_model},
    {"accuracy", bench_accuracy},
    {"tokenizer", bench_tokenizer},
};

/* The row of the word, which must be followed by a MODEL unless it is about kernels. */
static const struct measurement *find(int n, char **words, error *e)
{
    for (size_t i = 0; n > 0 && i < sizeof measurements / sizeof *measurements; i++) {
        const struct measurement *m = &measurements[i];
        int wanted = i == 0 ? 1 : 2;
        if (strcmp(words[0], m->name) != 0)
            continue;
        if (n == wanted)
            return m;
        fail(e, ERR_BAD_REQUEST, n < wanted ? "a MODEL is missing" : "'%s' is not expected here",
             words[n - 1]);
        return NULL;
    }
    const char *expected = "kernels, model, accuracy or tokenizer";
    if (n > 0)
        fail(e, ERR_BAD_REQUEST, "'%s' cannot be measured, expected %s", words[0], expected);
    else
        fail(e, ERR_BAD_REQUEST, "what to measure is missing: %s", expected);
    return NULL;
}

/* `inferd bench --accuracy MODEL` is `inferd bench accuracy MODEL`. */
static const struct measurement *find_flag(const struct bench_args *a, int n, char **words,
                                           error *e)
{
    char *both[3] = {(char[]){"accuracy"}, n > 0 ? words[0] : NULL, n > 1 ? words[1] : NULL};
    bool named = n > 0 && strcmp(words[0], "accuracy") == 0;
    return a->accuracy && !named ? find(n < 2 ? n + 1 : 3, both, e) : find(n, words, e);
}

static int run(int argc, char **argv)
{
    struct bench_args a;
    error e = {0};
    int n = 0;
    const struct measurement *m = NULL;
    bool ok = options_parse(rows, argc, argv, &a, &n, &e) && (m = find_flag(&a, n, argv + 1, &e)) &&
              parse_counts(a.batch_text, "batch", &a.batches, &e) &&
              parse_counts(a.length_text, "length", &a.lengths, &e);
    if (!ok)
        return command_misused("bench", &e);
    ok = kernels_init(&e) && m->run(&a, argv[n], &e);
    return ok ? 0 : command_fail("bench", &e);
}

extern const struct command command_bench;
const struct command command_bench = {
    .name = "bench",
    .summary = "measure kernels, a model, its accuracy, a tokenizer",
    .usage =
        "usage: inferd bench kernels [OPTIONS]\n"
        "       inferd bench model MODEL [OPTIONS]\n"
        "       inferd bench accuracy MODEL [OPTIONS]\n"
        "       inferd bench tokenizer MODEL [OPTIONS]\n\n"
        "kernels: every kernel of the program that this CPU can run, at shapes of real models,\n"
        "with its share of the machine's own peak, which is measured too.\n"
        "model: time and throughput of requests to a model, its load time and its memory. A\n"
        "row is for requests of `batch` texts of `length` tokens; `tokens` are those of a\n"
        "request as they were computed, with what the task puts beside the texts; times are of\n"
        "a request in this process, from its JSON to that of the reply; texts/s and tokens/s\n"
        "are those of a request over its median time.\n"
        "accuracy: what bf16 and int8 cost: cosine with the vectors or scores of f32, how often\n"
        "the best label or word is the same, and rank correlation of texts or of pairs of texts.\n"
        "tokenizer: speed on one thread, and time to open.\n"
        "MODEL is an id in the store or a folder. Times are wall-clock times: measure on a quiet\n"
        "machine. CPU_MASK in the environment lowers the CPU, as for all commands.\n",
    .options = rows,
    .run = run,
};
