/* Three products over the same x: published files keep query, key and value apart. */
#include "nn/self_attention.h"
#include "kernels/attention.h"

#include <math.h>

/* Queries share the memory of y. */
size_t self_attention_work(const self_attention *m, int n_rows)
{
    return 3 * (size_t)n_rows * (size_t)m->query.out;
}

void self_attention_run(const self_attention *m, team *t, const ragged *r, distance_bias bias,
                        const float *x, float *y, float *work)
{
    int n = ragged_rows(r), width = m->query.out;
    size_t part = (size_t)n * (size_t)width;
    float *query = y, *key = work, *value = key + part, *mixed = value + part;
    linear_run(&m->query, t, x, ACT_NONE, query, n);
    linear_run(&m->key, t, x, ACT_NONE, key, n);
    linear_run(&m->value, t, x, ACT_NONE, value, n);
    int head_dim = width / m->heads;
    attention_f32(t, &(attention_args){.q = query,
                                       .k = key,
                                       .v = value,
                                       .ldq = width,
                                       .ldk = width,
                                       .ldv = width,
                                       .out = mixed,
                                       .ldo = width,
                                       .start = r->start,
                                       .n_seq = r->n_seq,
                                       .heads = m->heads,
                                       .head_dim = head_dim,
                                       .scale = (float)(1 / sqrt(head_dim)),
                                       .mask = ATTENTION_FULL,
                                       .bias = bias.by_distance,
                                       .bias_head_stride = bias.head_stride,
                                       .bias_row_stride = -1});
    linear_run(&m->out, t, mixed, ACT_NONE, y, n);
}
