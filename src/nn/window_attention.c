/* First all tokens as if none were global but as keys, then the global ones again: their results
 * take the place of the first. */
#include "nn/window_attention.h"
#include "base/profile.h"
#include "kernels/attention.h"

#include <math.h>

enum { SPANS = 3, FLOATS = SPANS * sizeof(attention_span) / sizeof(float) + 1 };

size_t window_attention_work(const window_attention *m, int n_rows)
{
    return (size_t)n_rows * (3 * (size_t)m->out.in + FLOATS) + 1;
}

static attention_args arguments(const window_attention *m, const float *query, const float *key,
                                const float *value, float *out)
{
    int width = m->out.in;
    return (attention_args){.q = query,
                            .k = key,
                            .v = value,
                            .ldq = width,
                            .ldk = width,
                            .ldv = width,
                            .out = out,
                            .ldo = width,
                            .heads = m->heads,
                            .head_dim = width / m->heads,
                            .may_round = linear_is_low(&m->query),
                            .scale = (float)(1 / sqrt(width / m->heads))};
}

static void see_near(const window_attention *m, team *t, const ragged *r,
                     const global_tokens *global, attention_args *a, float *work)
{
    attention_span *spans = (attention_span *)(void *)work;
    int *first = (int *)(void *)(spans + SPANS * (size_t)r->n_seq);
    for (int s = 0; s < r->n_seq; s++) {
        const global_tokens *g = &global[s];
        bool some = g->begin < g->end;
        int from = r->start[s], end = r->start[s + 1];
        first[s] = SPANS * s;
        spans[SPANS * s] = (attention_span){.begin = g->begin, .end = g->end, .all = true};
        spans[SPANS * s + 1] = (attention_span){.begin = from, .end = some ? g->begin : end};
        spans[SPANS * s + 2] = (attention_span){.begin = some ? g->end : end, .end = end};
    }
    first[r->n_seq] = SPANS * r->n_seq;
    a->start = r->start;
    a->n_seq = r->n_seq;
    a->spans = spans;
    a->first_span = first;
    a->mask = ATTENTION_WINDOW;
    a->window = m->window;
    attention_f32(t, a);
}

static void see_all(const window_attention *m, team *t, const ragged *r,
                    const global_tokens *global, const float *x, float *query,
                    const attention_args *a)
{
    for (int s = 0; s < r->n_seq; s++) {
        const global_tokens *g = &global[s];
        size_t at = (size_t)g->begin * (size_t)m->out.in;
        attention_span all = {.begin = r->start[s], .end = r->start[s + 1]};
        attention_args own = *a;
        if (g->begin == g->end)
            continue;
        linear_run(&m->global_query, t, x + at, ACT_NONE, query + at, g->end - g->begin);
        own.start = (int[]){g->begin, g->end};
        own.n_seq = 1;
        own.spans = &all;
        own.first_span = (int[]){0, 1};
        attention_f32(t, &own);
    }
}

void window_attention_run(const window_attention *m, team *t, const ragged *r,
                          const global_tokens *global, const float *x, float *y, float *work)
{
    PROFILE(PROFILE_ATTENTION);
    int n = ragged_rows(r);
    size_t part = (size_t)n * (size_t)m->out.in;
    float *query = y, *key = work, *value = key + part, *mixed = value + part;
    bool some = false;
    const linear_call near[] = {{&m->query, x, query, ACT_NONE},
                                {&m->key, x, key, ACT_NONE},
                                {&m->value, x, value, ACT_NONE}};
    linear_run_all(t, near, 3, n);
    attention_args a = arguments(m, query, key, value, mixed);
    see_near(m, t, r, global, &a, mixed + part);
    for (int s = 0; s < r->n_seq; s++)
        some = some || global[s].begin < global[s].end;
    if (some) {
        const linear_call far[] = {{&m->global_key, x, key, ACT_NONE},
                                   {&m->global_value, x, value, ACT_NONE}};
        linear_run_all(t, far, 2, n);
        a = arguments(m, query, key, value, mixed);
        see_all(m, t, r, global, x, query, &a);
    }
    linear_run(&m->out, t, mixed, ACT_NONE, y, n);
}
