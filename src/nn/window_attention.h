/* Attention of Longformer (Beltagy et al. 2020): a token sees the near ones, and some tokens of
 * each sequence, the global ones, see all and are seen by all. What a global token sees is made of
 * products of its own. */
#pragma once

#include "nn/linear.h"
#include "nn/ragged.h"

#include <stddef.h>

typedef struct window_attention {
    linear query, key, value, out;
    linear global_query, global_key, global_value;
    int heads;
    int window; /* tokens to each side */
} window_attention;

/* Global tokens of a sequence, rows of the batch; begin == end: none. */
typedef struct global_tokens {
    int begin, end;
} global_tokens;

/* Floats of working memory for n_rows. */
size_t window_attention_work(const window_attention *m, int n_rows);

/* y = out(attention(x)). x, y: [rows of r][hidden]; y may not overlap x. global: [r->n_seq]. */
void window_attention_run(const window_attention *m, team *t, const ragged *r,
                          const global_tokens *global, const float *x, float *y, float *work);
