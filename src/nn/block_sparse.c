#include "nn/block_sparse.h"

#include <math.h>

enum { SPANS = 3, INTS = 2, FLOATS = SPANS * sizeof(attention_span) / sizeof(float) + INTS };

/* A cut sequence has more than five blocks, the others are one: never more than two a token. */
size_t block_sparse_work(const block_sparse *m, int n_rows)
{
    return m->block ? FLOATS * (2 * (size_t)n_rows + 1) : 0;
}

/* Spans of block b of n, in a sequence of the rows first .. end - 1. */
static int plan_block(const block_sparse *m, int b, int n, int first, int end, attention_span *out)
{
    int size = m->block, last = first + (n - 1) * size;
    if (b == 0 || b == n - 1) {
        out[0] = (attention_span){.begin = first, .end = end};
        return 1;
    }
    int from = b - 1 > 1 ? b - 1 : 1, to = b + 1 < n - 2 ? b + 1 : n - 2;
    out[0] = (attention_span){
        .begin = first, .end = first + size, .bias = (float)log(1 + (double)m->random)};
    out[1] = (attention_span){.begin = first + from * size, .end = first + (to + 1) * size};
    out[2] = (attention_span){.begin = last, .end = end};
    return SPANS;
}

attention_plan block_sparse_plan(const block_sparse *m, const ragged *r, float *work)
{
    size_t most = 2 * (size_t)ragged_rows(r) + 1;
    attention_span *spans = (attention_span *)(void *)work;
    int *start = (int *)(void *)(spans + SPANS * most), *first_span = start + most;
    int n_seq = 0;
    first_span[0] = start[0] = 0;
    for (int s = 0; s < r->n_seq; s++) {
        int first = r->start[s], end = r->start[s + 1], size = m->block;
        bool whole = end - first <= (5 + 2L * m->random) * size;
        int n = whole ? 1 : (end - first + size - 1) / size;
        for (int b = 0; b < n; b++) {
            int at = first_span[n_seq++];
            first_span[n_seq] = at + plan_block(m, b, n, first, end, spans + at);
            start[n_seq] = b == n - 1 ? end : first + (b + 1) * size;
        }
    }
    return (attention_plan){
        .start = start, .n_seq = n_seq, .spans = spans, .first_span = first_span};
}
