/* Three products over the same x: published files keep query, key and value apart, or one after the
 * other. */
#include "nn/self_attention.h"
#include "kernels/attention.h"

#include <math.h>

/* Queries share the memory of y where they are as wide. */
static bool queries_in_y(const self_attention *m)
{
    return m->query.out == m->out.out;
}

size_t self_attention_work(const self_attention *m, int n_rows)
{
    size_t row = 2 * (size_t)m->key.out + (size_t)m->query.out * (queries_in_y(m) ? 1 : 2);
    return (size_t)n_rows * row;
}

static void turn(const self_attention *m, team *t, const ragged *r, const rotary *p, float *query,
                 float *key, float *value)
{
    int head_dim = m->query.out / m->heads, kv_heads = m->key.out / head_dim;
    if (!p->table)
        return;
    rotary_run(p, t, r, query, m->query.out, m->heads, head_dim);
    rotary_run(p, t, r, key, m->key.out, kv_heads, head_dim);
    if (m->turn_values)
        rotary_run(p, t, r, value, m->key.out, kv_heads, head_dim);
}

static void norm_heads(const self_attention *m, team *t, float *query, float *key, int n)
{
    if (m->query_norm.width)
        norm_run(&m->query_norm, t, query, NULL, query, n * (m->query.out / m->query_norm.width));
    if (m->key_norm.width)
        norm_run(&m->key_norm, t, key, NULL, key, n * (m->key.out / m->key_norm.width));
}

static enum attention_mask mask_of(const self_attention *m)
{
    if (m->local)
        return m->causal ? ATTENTION_CAUSAL_WINDOW : ATTENTION_WINDOW;
    return m->causal ? ATTENTION_CAUSAL : ATTENTION_FULL;
}

/* The three inputs that queries, keys and values are made of. */
struct inputs {
    const float *queries, *keys, *values;
};

static void attend(const self_attention *m, team *t, const ragged *r, const score_positions *p,
                   const struct inputs *of, float *y, float *work)
{
    int n = ragged_rows(r), width = m->query.out, head_dim = width / m->heads;
    size_t part = (size_t)n * (size_t)m->key.out;
    float *key = work, *value = key + part, *mixed = value + part;
    float *query = queries_in_y(m) ? y : mixed + (size_t)n * (size_t)width;
    const linear_call inputs[] = {{&m->query, of->queries, query, ACT_NONE},
                                  {&m->key, of->keys, key, ACT_NONE},
                                  {&m->value, of->values, value, ACT_NONE}};
    linear_run_all(t, inputs, 3, n);
    norm_heads(m, t, query, key, n);
    turn(m, t, r, &p->rotary, query, key, value);
    attention_f32(t,
                  &(attention_args){.q = query,
                                    .k = key,
                                    .v = value,
                                    .ldq = width,
                                    .ldk = m->key.out,
                                    .ldv = m->key.out,
                                    .out = mixed,
                                    .ldo = width,
                                    .start = p->plan ? p->plan->start : r->start,
                                    .n_seq = p->plan ? p->plan->n_seq : r->n_seq,
                                    .spans = p->plan ? p->plan->spans : NULL,
                                    .first_span = p->plan ? p->plan->first_span : NULL,
                                    .heads = m->heads,
                                    .kv_heads = m->kv_heads,
                                    .head_dim = head_dim,
                                    .scale = m->scale > 0 ? m->scale : (float)(1 / sqrt(head_dim)),
                                    .cap = m->cap,
                                    .may_round = linear_is_low(&m->query),
                                    .mask = mask_of(m),
                                    .window = m->window,
                                    .bias = p->bias.by_distance,
                                    .bias_head_stride = p->bias.head_stride,
                                    .bias_row_stride = -1});
    linear_run(&m->out, t, mixed, ACT_NONE, y, n);
}

void self_attention_run_apart(const self_attention *m, team *t, const ragged *r,
                              const score_positions *p, const float *x, const float *values_of,
                              float *y, float *work)
{
    attend(m, t, r, p, &(struct inputs){x, x, values_of}, y, work);
}

void self_attention_run(const self_attention *m, team *t, const ragged *r, const score_positions *p,
                        const float *x, float *y, float *work)
{
    attend(m, t, r, p, &(struct inputs){x, x, x}, y, work);
}

void cross_attention_run(const self_attention *m, team *t, const ragged *r, const float *x,
                         const float *seen, float *y, float *work)
{
    attend(m, t, r, &(score_positions){0}, &(struct inputs){x, seen, seen}, y, work);
}
