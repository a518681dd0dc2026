/* A batch of sequences of different lengths, back to back in flat rows: nothing is padded. */
#pragma once

typedef struct ragged {
    const int *start; /* [n_seq + 1] row numbers, rising from 0 */
    int n_seq;
} ragged;

static inline int ragged_rows(const ragged *r)
{
    return r->start[r->n_seq];
}
