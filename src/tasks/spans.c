/* For each window: probabilities -> scores of all spans -> the best -> answers, merged. */
#include "tasks/spans.h"
#include "base/map.h"
#include "base/own.h"
#include "base/utf8.h"
#include "tasks/pipeline.h"
#include "tasks/scores.h"
#include "tokenizers/unicode.h"

static const float MASKED = -10000.0f;

struct found { /* answers so far */
    task_call *call;
    str context;
    const span_options *options;
    map by_text; /* lower case -> index */
    answer *answers;
    double *scores; /* [n], sums */
    int n;
    double no_answer; /* the least sure window's */
};

static bool out_of_memory(error *e)
{
    return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
}

enum { ALL_TOKENS = -2 }; /* in place of the id of [CLS]: all are scored */

/* Whether a token takes part in the softmax: the context, and [CLS], which stands for no answer. */
static bool is_scored(const encoding *w, int i, int cls_id)
{
    return cls_id == ALL_TOKENS || w->sequence_ids[i] == 1 || (cls_id >= 0 && w->ids[i] == cls_id);
}

/* Columns of [n][2] logits as two rows of probabilities. */
static void make_probabilities(const encoding *w, const float *logits, int cls_id, float *start,
                               float *end)
{
    for (int i = 0; i < w->n; i++) {
        bool scored = is_scored(w, i, cls_id);
        start[i] = scored ? logits[2 * i] : MASKED;
        end[i] = scored ? logits[2 * i + 1] : MASKED;
    }
    scores_softmax(start, w->n);
    scores_softmax(end, w->n);
}

/* Scores of spans: [n][longest], by first token and length - 1. */
static void score_spans(const encoding *w, int cls_id, const float *start, const float *end,
                        int longest, float *scores)
{
    for (int i = 0; i < w->n; i++)
        for (int k = 0; k < longest; k++) {
            bool possible = i + k < w->n && is_scored(w, i, cls_id) && is_scored(w, i + k, cls_id);
            scores[(size_t)i * (size_t)longest + (size_t)k] = possible ? start[i] * end[i + k] : 0;
        }
}

/* First and last token of the context's word with the number of this token's word, which may be
 * one of the question when somebody types [CLS] there; false when there is none. */
static bool word_around(const encoding *w, int context, int at, int *first, int *last)
{
    int word = w->word_ids[at];
    *first = -1;
    for (int i = 0; word >= 0 && i < w->n; i++)
        if (w->sequence_ids[i] == context && w->word_ids[i] == word) {
            *first = *first < 0 ? i : *first;
            *last = i;
        }
    return *first >= 0;
}

/* Byte of the context at a code point; its end when there are not so many. */
static size_t byte_at(str context, int code_point)
{
    size_t at = 0;
    for (int i = 0; i < code_point && at < context.n; i++)
        at += unicode_length(context.p[at]);
    return at;
}

/* Sequence id of its tokens. */
static int context_of(const struct found *f)
{
    return !f->options->context_first;
}

/* Where a token begins (edge 0) or ends (1) in the bytes of the context. */
static size_t edge_of(const struct found *f, const encoding *w, int at, int edge)
{
    return w->sequence_ids[at] == context_of(f) ? (size_t)w->byte_offsets[at][edge]
                                                : byte_at(f->context, w->offsets[at][edge]);
}

static str lower(arena *a, str text)
{
    char *made = arena_raw(a, 3 * text.n + 1, 1); /* no character grows more */
    size_t n = 0;
    for (size_t at = 0; made && at < text.n;) {
        uint32_t parts[2];
        int n_parts = unicode_lower(unicode_next(text.p, &at), parts);
        for (int i = 0; i < n_parts; i++)
            n += (size_t)utf8_put((int32_t)parts[i], made + n);
    }
    return (str){made, n};
}

static bool add_answer(struct found *f, const encoding *w, int first, int last, float score,
                       error *e)
{
    int begin = first, end = last, ignored;
    if (f->options->align_to_words) {
        int from, to;
        if (word_around(w, context_of(f), first, &from, &ignored) &&
            word_around(w, context_of(f), last, &ignored, &to)) {
            begin = from;
            end = to;
        }
    }
    size_t from = edge_of(f, w, begin, 0), to = edge_of(f, w, end, 1);
    str text = {f->context.p + from, to > from ? to - from : 0};
    str key = lower(f->call->memory, text);
    if (!key.p)
        return out_of_memory(e);
    struct map_slot *known = map_find(&f->by_text, key);
    if (known) {
        f->scores[known->value.number] += (double)score;
        return true;
    }
    map_add(&f->by_text, key)->value.number = f->n;
    f->scores[f->n] = (double)score;
    f->answers[f->n++] =
        (answer){.start = w->offsets[begin][0], .end = w->offsets[end][1], .text = text};
    return true;
}

/* How many spans of a window are looked at: aligning to words makes some of them equal. */
static int spans_wanted(const span_options *o)
{
    return o->align_to_words ? 2 * o->top_k + 10 : o->top_k;
}

static bool read_window(struct found *f, const encoding *w, const float *logits, error *e)
{
    arena *a = f->call->memory;
    size_t n = (size_t)w->n;
    int longest = f->options->max_answer_len < w->n ? f->options->max_answer_len : w->n;
    float *start = arena_raw(a, n, sizeof *start), *end = arena_raw(a, n, sizeof *end);
    float *scores = arena_raw(a, n * (size_t)longest, sizeof *scores);
    int wanted = spans_wanted(f->options);
    if (wanted > w->n * longest)
        wanted = w->n * longest;
    int *best = arena_raw(a, (size_t)wanted, sizeof *best);
    if (!start || !end || !scores || !best)
        return out_of_memory(e);
    int cls_id = f->options->context_first
                     ? ALL_TOKENS
                     : tokenizer_info_of(f->call->pipeline->tokenizer)->cls_id;
    make_probabilities(w, logits, cls_id, start, end);
    double none = (double)(start[0] * end[0]);
    f->no_answer = none < f->no_answer ? none : f->no_answer;
    start[0] = end[0] = 0;
    score_spans(w, cls_id, start, end, longest, scores);
    scores_top(scores, w->n * longest, wanted, best);
    for (int i = 0; i < wanted && scores[best[i]] > 0; i++) {
        int first = best[i] / longest, last = first + best[i] % longest;
        if (!add_answer(f, w, first, last, scores[best[i]], e))
            return false;
    }
    return true;
}

/* The best top_k of all, best first. */
static bool choose(struct found *f, answer **answers, int *n_answers, error *e)
{
    int k = f->n < f->options->top_k ? f->n : f->options->top_k;
    float *scores = arena_raw(f->call->memory, (size_t)f->n, sizeof *scores);
    int *order = arena_raw(f->call->memory, (size_t)k, sizeof *order);
    *answers = arena_raw(f->call->memory, (size_t)k, sizeof **answers);
    if (!scores || !order || !*answers)
        return out_of_memory(e);
    for (int i = 0; i < f->n; i++)
        f->answers[i].score = scores[i] = (float)f->scores[i];
    scores_top(scores, f->n, k, order);
    for (int i = 0; i < k; i++)
        (*answers)[i] = f->answers[order[i]];
    *n_answers = k;
    return true;
}

bool spans_find(task_call *c, str context, const encoding *windows, float *const *logits,
                int n_windows, const span_options *o, answer **answers, int *n_answers, error *e)
{
    struct found f = {.call = c, .context = context, .options = o, .no_answer = 1000000};
    size_t most = (size_t)n_windows * (size_t)spans_wanted(o) + 1;
    f.answers = arena_try(c->memory, most, sizeof *f.answers);
    f.scores = arena_try(c->memory, most, sizeof *f.scores);
    if (!f.answers || !f.scores)
        return out_of_memory(e);
    map_init(&f.by_text, 64);
    bool ok = true;
    for (int i = 0; i < n_windows && ok; i++)
        ok = read_window(&f, &windows[i], logits[i], e);
    map_release(&f.by_text);
    if (!ok)
        return false;
    if (o->handle_impossible || f.n == 0) {
        f.scores[f.n] = o->handle_impossible ? f.no_answer : 0;
        f.answers[f.n++] = (answer){.text = STR("")};
    }
    return choose(&f, answers, n_answers, e);
}
