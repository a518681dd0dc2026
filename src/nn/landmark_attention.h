/* Self-attention of Nystromformer (Xiong et al. 2021): the matrix of attention is approximated by
 * that between the tokens and some landmarks, which are the means of neighbouring tokens; or it is
 * exact. A convolution along the tokens is added to either. */
#pragma once

#include "nn/linear.h"
#include "nn/ragged.h"

#include <stddef.h>

typedef struct landmark_attention {
    linear query, key, value, out;
    int heads;
    int landmarks;        /* 0: exact */
    int kernel_width;     /* tokens, odd */
    const float *kernels; /* [heads][kernel_width] */
} landmark_attention;

/* Floats of working memory for n_rows. */
size_t landmark_attention_work(const landmark_attention *m, int n_rows);

/* x, y: [rows of r][hidden]; y may not overlap x. */
void landmark_attention_run(const landmark_attention *m, team *t, const ragged *r, const float *x,
                            float *y, float *work);

/* The approximation for one sequence of n_rows, a multiple of the landmarks. Landmarks are made of
 * all rows, but attend to the first n_seen only: the rest is padding. */
void landmark_attention_approximate(const landmark_attention *m, team *t, int n_rows, int n_seen,
                                    const float *x, float *y, float *work);
