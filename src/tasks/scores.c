#include "tasks/scores.h"
#include "base/json.h"
#include "kernels/rows.h"

#include <math.h>

const char *const score_functions[] = {"sigmoid", "softmax", "none", NULL};

const field label_score_keys[] = {
    FIELD_OUT_KEY("label", FIELD_TYPE_STRING, 0, FIELD_REQUIRED, "name of the class"),
    FIELD_OUT_KEY("score", FIELD_TYPE_NUMBER, 0, FIELD_REQUIRED, "its score"), FIELD_END};

void scores_softmax(float *scores, int n)
{
    double sum = 0;
    float most = scores[scores_best(scores, n)];
    for (int i = 0; i < n; i++)
        sum += scores[i] = expf(scores[i] - most);
    for (int i = 0; i < n; i++)
        scores[i] = (float)(scores[i] / sum);
}

score_shares scores_shares(const float *scores, int n)
{
    score_shares s;
    s.sum = softmax_sum_f32(scores, n, &s.most);
    return s;
}

float scores_share(const score_shares *s, float score)
{
    return (float)(expf(score - s->most) / s->sum);
}

void scores_sigmoid(float *scores, int n)
{
    for (int i = 0; i < n; i++)
        scores[i] = 1.0f / (1.0f + expf(-scores[i]));
}

void scores_apply(enum score_function f, float *scores, int n)
{
    if (f == SCORES_SOFTMAX)
        scores_softmax(scores, n);
    else if (f == SCORES_SIGMOID)
        scores_sigmoid(scores, n);
}

enum score_function scores_default(const model_info *m)
{
    if (m->problem == PROBLEM_REGRESSION)
        return SCORES_NONE;
    return m->problem == PROBLEM_MULTI_LABEL || m->n_labels == 1 ? SCORES_SIGMOID : SCORES_SOFTMAX;
}

int scores_best(const float *scores, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}

static bool is_before(const float *scores, int a, int b)
{
    return scores[a] > scores[b] || (!(scores[a] < scores[b]) && a < b);
}

/* Puts the entry at `at` where it belongs in a heap whose root is the last in order. */
static void sink(const float *scores, int *heap, int n, int at)
{
    for (;;) {
        int last = at;
        for (int child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
            if (is_before(scores, heap[last], heap[child]))
                last = child;
        if (last == at)
            return;
        int moved = heap[at];
        heap[at] = heap[last];
        heap[last] = moved;
        at = last;
    }
}

enum { RUN = 64 }; /* scores that are looked at together */

static bool any_above(const float *scores, float least)
{
    int found = 0;
    for (int i = 0; i < RUN; i++)
        found |= scores[i] > least;
    return found;
}

void scores_top(const float *scores, int n, int k, int *out)
{
    for (int i = 0; i < k; i++)
        out[i] = i;
    for (int i = k / 2; i-- > 0;)
        sink(scores, out, k, i);
    for (int i = k, end; k > 0 && i < n; i = end) {
        end = n - i < RUN ? n : i + RUN;
        /* Of equal ones the first is before, so only what is above the last one counts. */
        if (end - i == RUN && !any_above(scores + i, scores[out[0]]))
            continue;
        for (; i < end; i++)
            if (is_before(scores, i, out[0])) {
                out[0] = i;
                sink(scores, out, k, 0);
            }
    }
    for (int left = k; left > 1;) {
        int last = out[0];
        out[0] = out[--left];
        out[left] = last;
        sink(scores, out, left, 0);
    }
}

void scores_put_labels(buf *out, const model_info *m, const float *scores, int most, int *order)
{
    int n = most > 0 && most < m->n_labels ? most : m->n_labels;
    scores_top(scores, m->n_labels, n, order);
    buf_byte(out, '[');
    for (int i = 0; i < n; i++) {
        buf_puts(out, i ? ",{\"label\":" : "{\"label\":");
        json_put_string(out, str_of(m->labels[order[i]]));
        buf_puts(out, ",\"score\":");
        json_put_float(out, scores[order[i]]);
        buf_byte(out, '}');
    }
    buf_byte(out, ']');
}
