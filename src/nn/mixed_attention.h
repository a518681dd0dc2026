/* Self-attention of ConvBERT (Jiang et al. 2020, section 3): half of the output is attention, the
 * other half a convolution along the tokens whose kernels are made for each token and head of its
 * query and its surroundings. */
#pragma once

#include "nn/linear.h"
#include "nn/ragged.h"

#include <stddef.h>

typedef struct mixed_attention {
    linear query, key, value; /* hidden -> hidden / 2 */
    linear surroundings;      /* of the separable convolution: across the features */
    float *nearby;            /* and along the tokens, [kernel_width][hidden]; owned */
    linear kernels;           /* hidden / 2 -> [heads][kernel_width] */
    linear mixed;             /* what the kernels run over, hidden -> hidden / 2 */
    linear out;
    int heads;
    int kernel_width; /* tokens, odd: as many before as behind */
} mixed_attention;

/* Claims "self.query", ..., "output.dense" below w. heads divides hidden / 2. */
void mixed_attention_bind(mixed_attention *m, weights w, int hidden, int heads, int kernel_width);
void mixed_attention_release(mixed_attention *m);

/* Floats of working memory for n_rows. */
size_t mixed_attention_work(const mixed_attention *m, int n_rows);

/* x, y: [rows of r][hidden]; y may not overlap x. */
void mixed_attention_run(const mixed_attention *m, team *t, const ragged *r, const float *x,
                         float *y, float *work);
