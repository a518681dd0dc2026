/* Which keys a token sees where attention goes by blocks (BigBird, Zaheer et al. 2020): the first
 * and the last block see and are seen by all; every other block sees itself and its neighbours.
 *
 * In training each block also sees some at random. The reference then computes with the first block
 * in their place: it counts so many times more. */
#pragma once

#include "kernels/attention.h"
#include "nn/ragged.h"

#include <stddef.h>

typedef struct block_sparse {
    int block;  /* tokens; 0: all tokens see all */
    int random; /* blocks at random */
} block_sparse;

/* Queries that go together, and the spans of keys that they see, as attention_args has them. */
typedef struct attention_plan {
    const int *start; /* [n_seq + 1] */
    int n_seq;
    const attention_span *spans;
    const int *first_span; /* [n_seq + 1] */
} attention_plan;

/* Floats of working memory for n_rows. */
size_t block_sparse_work(const block_sparse *m, int n_rows);

/* The plan of a batch, in `work`. A sequence of at most 5 + 2 * random blocks is not cut. */
attention_plan block_sparse_plan(const block_sparse *m, const ragged *r, float *work);
