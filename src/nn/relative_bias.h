/* Bias of attention scores by distance, shared by buckets of distances (Raffel et al. 2020, section
 * 2.1): one for each small distance, then growing as their logarithm. */
#pragma once

#include <stdbool.h>

typedef struct relative_bias {
    const float *table; /* [buckets][heads]; NULL: none */
    int buckets, heads;
    int farthest; /* beyond, all distances share the last bucket */
    bool causal;  /* keys behind the query are not told apart; else they have half of the buckets */
} relative_bias;

/* Whether there is a bucket for every distance: at least one small distance, and some between them
 * and the farthest. */
bool relative_bias_good(const relative_bias *m);

/* Bias of all distances in sequences of up to `longest` tokens. out: [heads][2 * longest - 1], the
 * middle of a row is distance 0, what follows are keys behind the query. */
void relative_bias_spread(const relative_bias *m, int longest, float *out);
