/* What the parts of `inferd bench` share. */
#pragma once

#include "cli/options.h"
#include "tasks/pipeline.h"

enum { BENCH_COUNTS_MAX = 32 };

/* Numbers of one option: "1,8,32". */
typedef struct bench_counts {
    int items[BENCH_COUNTS_MAX];
    int n;
} bench_counts;

struct bench_args {
    const char *data, *task, *family, *variant, *texts, *out, *batch_text, *length_text;
    option_list parameters;
    int64_t threads, per_row_ms;
    bool json, profile, accuracy;
    int precision;
    bench_counts batches, lengths; /* of batch_text and length_text */
};

/* The measurements; they print their result. `model` is an id in the store or a folder. */
bool bench_kernels(const struct bench_args *a, error *e);
bool bench_model(const struct bench_args *a, const char *name, error *e);
bool bench_accuracy(const struct bench_args *a, const char *name, error *e);
bool bench_tokenizer(const struct bench_args *a, const char *name, error *e);

/* Prints a JSON document, indented, on standard output. */
bool bench_print(const json_t *document, error *e);

/* The value at a share (0 .. 1) of the sorted values, interpolated; sorts them. */
double bench_quantile(double *values, int n, double share);

/* Spearman's rank correlation of n pairs; the values become ranks. */
double bench_rank_correlation(double *x, double *y, int n);

/* Texts to measure with: those of a file (one a line; one JSON string a line if its name ends in
 * ".jsonl"), or without a name some that are built in. */
typedef struct bench_texts {
    str *items;
    int n;
    arena *memory; /* of the texts */
} bench_texts;
bool bench_texts_read(bench_texts *t, const char *path, error *e);
void bench_texts_release(bench_texts *t);

/* A text of about n_tokens tokens, special ones included, made of the built-in texts from number
 * `first` on; with a mask for models that fill masks. */
bool bench_text_make(const pipeline *p, int first, int n_tokens, str *out, arena *a, error *e);

/* A text as the model wants it: with a mask if it fills masks. */
bool bench_text_fit(const pipeline *p, str text, str *out, arena *a, error *e);

/* A request body of the pipeline's task: its example with the texts in place of the example's. Of
 * an input with several texts, the list or else the last takes them. ERR_INVALID when the task
 * takes fewer than n texts. parameters: NAME=VALUE each, as `inferd run` takes them. */
bool bench_body(const pipeline *p, const str *items, int n, const option_list *parameters,
                buf *body, error *e);
