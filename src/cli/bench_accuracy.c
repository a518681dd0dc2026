/* `inferd bench accuracy`: what a lower precision costs. The same texts go through the model in f32
 * and in the other precision; what the model itself gives (vectors, label scores) is compared, not
 * the rounded reply. */
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "cli/bench.h"
#include "cli/paths.h"
#include "kernels/kernels.h"
#include "tasks/run.h"
#include "tasks/scores.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_BYTES = 1 << 30, BODY_BYTES = 256 << 20 };

/* What a model gave for all texts, in the order of the texts. */
struct results {
    arena *memory;
    task_call call;
};

static void results_release(struct results *r)
{
    arena_free(r->memory);
    r->memory = NULL;
}

static bool compute(const pipeline *p, const buf *body, struct results *out, error *e)
{
    out->memory = arena_new(CALL_BYTES);
    out->call = (task_call){.task = p->task, .pipeline = p, .memory = out->memory};
    task_call *c = &out->call, *list[] = {c};
    c->request = arena_alloc(c->memory, p->task->request_size);
    bool ok = task_parse(p->task, buf_view(body), c->request, c->memory, e) && runner_prepare(c, e);
    runner *r = runner_new(p);
    while (ok && c->n_done < c->n_sequences)
        ok = runner_step(r, list, 1, e);
    runner_free(r);
    return ok;
}

/* Of all rows that were compared. */
struct agreement {
    double cosine_sum, cosine_least, largest; /* largest difference of two values */
    long n_rows, n_same_top;
    double rank; /* Spearman's, see below */
    bool has_top, has_rank;
    /* Of vocabularies: how many of the five best words are so for both, and by how much the
     * probability of the best one changes. */
    long n_words, n_same_words;
    double probability_change;
};

static double cosine_of(const float *x, const float *y, int n)
{
    double xy = 0, xx = 0, yy = 0;
    for (int i = 0; i < n; i++) {
        xy += (double)x[i] * y[i];
        xx += (double)x[i] * x[i];
        yy += (double)y[i] * y[i];
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : xx == yy;
}

static int top(const float *x, int n, long stride)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = x[i * stride] > x[best * stride] ? i : best;
    return best;
}

static void compare_row(struct agreement *a, const float *x, const float *y, int width)
{
    double cosine = cosine_of(x, y, width);
    a->cosine_sum += cosine;
    a->cosine_least = a->n_rows == 0 || cosine < a->cosine_least ? cosine : a->cosine_least;
    for (int i = 0; i < width; i++)
        a->largest = fmax(a->largest, fabs((double)x[i] - y[i]));
    a->n_rows++;
}

struct ranked {
    double value;
    int at;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->value != y->value ? (x->value > y->value) - (x->value < y->value) : x->at - y->at;
}

/* values <- their ranks; equal values share the mean of theirs. */
static void to_ranks(double *values, int n)
{
    struct ranked *list = xcalloc((size_t)n + 1, sizeof *list);
    for (int i = 0; i < n; i++)
        list[i] = (struct ranked){values[i], i};
    qsort(list, (size_t)n, sizeof *list, by_value);
    for (int i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && list[end].value == list[i].value;)
            end++;
        for (int k = i; k < end; k++)
            values[list[k].at] = 0.5 * (i + end - 1);
    }
    free(list);
}

double bench_rank_correlation(double *x, double *y, int n)
{
    double xy = 0, xx = 0, yy = 0, mean = 0.5 * (n - 1);
    to_ranks(x, n);
    to_ranks(y, n);
    for (int i = 0; i < n; i++) {
        xy += (x[i] - mean) * (y[i] - mean);
        xx += (x[i] - mean) * (x[i] - mean);
        yy += (y[i] - mean) * (y[i] - mean);
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : xx == yy;
}

/* Ranks of pairs of embeddings by cosine, or of texts by their only score. */
static void compare_ranks(struct agreement *a, const struct results *x, const struct results *y,
                          int width)
{
    enum { MOST = 256 };
    bool pairs = x->call.computes == CALL_EMBEDDING;
    int n = x->call.n_sequences < MOST ? x->call.n_sequences : MOST, k = 0;
    size_t size = pairs ? (size_t)n * (size_t)n : (size_t)n;
    double *first = xcalloc(size + 1, sizeof *first), *second = xcalloc(size + 1, sizeof *second);
    for (int i = 0; i < n; i++) {
        const float *xi = x->call.sequences[i].out, *yi = y->call.sequences[i].out;
        for (int j = pairs ? 0 : i; j < (pairs ? i : i + 1); j++, k++) {
            first[k] = pairs ? cosine_of(xi, x->call.sequences[j].out, width) : xi[0];
            second[k] = pairs ? cosine_of(yi, y->call.sequences[j].out, width) : yi[0];
        }
    }
    a->has_rank = k > 1;
    a->rank = a->has_rank ? bench_rank_correlation(first, second, k) : 1;
    free(first);
    free(second);
}

/* How many rows of how many values a sequence has. */
static int rows_of(const pipeline *p, const task_call *c, const sequence *s, int *width)
{
    bool labels = p->info->head == HEAD_LABELS || p->info->head == HEAD_CHOICES;
    *width = c->computes == CALL_EMBEDDING ? p->info->width
             : c->computes == CALL_HIDDEN  ? p->info->hidden
                                           : model_logits_width(p->model);
    if (c->computes == CALL_EMBEDDING || (c->computes == CALL_LOGITS && labels))
        return 1;
    return c->computes == CALL_LOGITS && s->rows ? s->n_rows : s->n;
}

/* The best of each row; of spans the best start and the best end of the text. */
static void compare_tops(struct agreement *a, const float *x, const float *y, int n, int width,
                         bool spans)
{
    if (spans) {
        for (int i = 0; i < width; i++)
            a->n_same_top += top(x + i, n, width) == top(y + i, n, width);
        return;
    }
    for (int i = 0; i < n; i++)
        a->n_same_top += top(x + (long)i * width, width, 1) == top(y + (long)i * width, width, 1);
}

/* A row of scores of a vocabulary. */
static void compare_words(struct agreement *a, const float *x, const float *y, int width)
{
    enum { WORDS = 5 };
    int best[2][WORDS], n = width < WORDS ? width : WORDS;
    score_shares exact = scores_shares(x, width), low = scores_shares(y, width);
    scores_top(x, width, n, best[0]);
    scores_top(y, width, n, best[1]);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            a->n_same_words += best[0][i] == best[1][j];
    a->n_words += n;
    int word = best[0][0];
    double change = fabs((double)scores_share(&exact, x[word]) - scores_share(&low, y[word]));
    a->probability_change = fmax(a->probability_change, change);
}

static void compare(struct agreement *a, const pipeline *p, const struct results *x,
                    const struct results *y, long *n_tops)
{
    int width = 0;
    bool spans = p->info->head == HEAD_SPANS;
    bool words = x->call.computes == CALL_LOGITS && p->info->head == HEAD_MASKED_LM;
    *a = (struct agreement){0};
    *n_tops = 0;
    for (int k = 0; k < x->call.n_sequences; k++) {
        const sequence *s = &x->call.sequences[k], *t = &y->call.sequences[k];
        int n = rows_of(p, &x->call, s, &width);
        for (int i = 0; i < n; i++)
            compare_row(a, s->out + (long)i * width, t->out + (long)i * width, width);
        for (int i = 0; i < n && words; i++)
            compare_words(a, s->out + (long)i * width, t->out + (long)i * width, width);
        if (x->call.computes == CALL_LOGITS && width > 1) {
            compare_tops(a, s->out, t->out, n, width, spans);
            *n_tops += spans ? width : n;
        }
    }
    a->has_top = *n_tops > 0;
    if (x->call.computes == CALL_EMBEDDING ||
        (x->call.computes == CALL_LOGITS && width == 1 && p->info->head == HEAD_LABELS))
        compare_ranks(a, x, y, width);
}

static json_t *agreement_json(enum precision precision, const struct agreement *a, long n_tops)
{
    json_t *out =
        json_pack("{s:s, s:I, s:f, s:f, s:f}", "dtype", precision_names[precision], "rows",
                  (json_int_t)a->n_rows, "cosine_mean", a->cosine_sum / (double)a->n_rows,
                  "cosine_least", a->cosine_least, "largest_difference", a->largest);
    if (a->has_top)
        json_object_set_new(out, "same_top", json_real((double)a->n_same_top / (double)n_tops));
    if (a->n_words) {
        json_object_set_new(out, "same_five",
                            json_real((double)a->n_same_words / (double)a->n_words));
        json_object_set_new(out, "largest_probability_change", json_real(a->probability_change));
    }
    if (a->has_rank)
        json_object_set_new(out, "rank_correlation", json_real(a->rank));
    return out;
}

static void print_agreement(enum precision precision, const struct agreement *a, long n_tops)
{
    printf("%-6s %8ld %12.6f %12.6f %12.3g", precision_names[precision], a->n_rows,
           a->cosine_sum / (double)a->n_rows, a->cosine_least, a->largest);
    if (a->has_top)
        printf("  same top %.2f %%", 100 * (double)a->n_same_top / (double)n_tops);
    if (a->n_words)
        printf(", of the best five %.2f %%, change of its probability %.4f",
               100 * (double)a->n_same_words / (double)a->n_words, a->probability_change);
    if (a->has_rank)
        printf("  rank correlation %.5f", a->rank);
    printf("\n");
    fflush(stdout);
}

static bool open_as(pipeline *p, const struct bench_args *a, const char *name, const char *folder,
                    enum precision precision, team *t, error *e)
{
    const model_options options = {.precision = precision, .keeps = true};
    const char *id = strcmp(folder, name) == 0 ? NULL : name;
    if (!pipeline_open_as(p, folder, id, a->task, &options, t, e))
        return false;
    if (a->task || strcmp(p->task->name, "sentence-similarity") != 0)
        return true;
    pipeline_close(p); /* that one puts a text of its own in front of the given ones */
    return pipeline_open_as(p, folder, id, "feature-extraction", &options, t, e);
}

/* A request with all texts; for models that fill masks, each with one. */
static bool make_body(const struct bench_args *a, const pipeline *p, const bench_texts *texts_read,
                      buf *body, error *e)
{
    str *items = arena_raw(texts_read->memory, (size_t)texts_read->n, sizeof *items);
    bool ok = items || fail(e, ERR_TOO_LARGE, "too many texts");
    for (int i = 0; ok && i < texts_read->n; i++)
        ok = bench_text_fit(p, texts_read->items[i], &items[i], texts_read->memory, e);
    return ok && bench_body(p, items, texts_read->n, &a->parameters, body, e);
}

/* One lower precision beside the f32 results. */
static bool measure(const struct bench_args *a, const char *name, const char *folder, team *t,
                    const buf *body, const struct results *exact, enum precision precision,
                    json_t *list, error *e)
{
    pipeline p = {0};
    struct results low = {0};
    struct agreement found;
    long n_tops;
    bool ok = open_as(&p, a, name, folder, precision, t, e) && compute(&p, body, &low, e);
    if (ok) {
        compare(&found, &p, exact, &low, &n_tops);
        if (a->json)
            json_array_append_new(list, agreement_json(precision, &found, n_tops));
        else
            print_agreement(precision, &found, n_tops);
    }
    results_release(&low);
    pipeline_close(&p);
    return ok || fail_in(e, "%s", precision_names[precision]);
}

static bool report(const struct bench_args *a, const char *name, const char *folder, team *t,
                   const pipeline *p, const bench_texts *given, error *e)
{
    own_buf buf body = buf_new(BODY_BYTES);
    struct results exact = {0};
    own_json json_t *list = json_array();
    bool ok = make_body(a, p, given, &body, e) && compute(p, &body, &exact, e);
    if (ok && !a->json) {
        printf("%s, task %s, kernels %s, %d texts; against f32:\n\n", p->id, p->task->name,
               kernels_level(), given->n);
        printf("%-6s %8s %12s %12s %12s\n", "dtype", "rows", "cosine", "least", "difference");
    }
    for (int i = PRECISION_F32 + 1; ok && i < N_PRECISIONS; i++)
        ok = measure(a, name, folder, t, &body, &exact, i, list, e);
    results_release(&exact);
    if (!ok || !a->json)
        return ok;
    own_json json_t *document =
        json_pack("{s:s, s:s, s:s, s:i, s:O}", "model", p->id, "task", p->task->name, "level",
                  kernels_level(), "texts", given->n, "precisions", list);
    return bench_print(document, e);
}

bool bench_accuracy(const struct bench_args *a, const char *name, error *e)
{
    own_mem char *folder = NULL;
    pipeline p = {0};
    team *threads = NULL;
    bench_texts given = {0};
    bool ok = model_folder(a->data, name, &folder, e) && bench_texts_read(&given, a->texts, e) &&
              (threads = team_new((int)a->threads, e)) &&
              open_as(&p, a, name, folder, PRECISION_F32, threads, e) &&
              report(a, name, folder, threads, &p, &given, e);
    pipeline_close(&p);
    team_free(threads);
    bench_texts_release(&given);
    return ok;
}
