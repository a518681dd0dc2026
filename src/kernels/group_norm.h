/* Norms over the pixels of an image, or the tokens of a sequence, channels last (conv.h). */
#pragma once

#include "base/thread.h"
#include "kernels/activation.h"

#include <stddef.h>

/* out = act((x - mean) / sqrt(variance + eps) * gamma + beta), mean and variance being those of a
 * group's channels in all rows of an image; the variance is the mean of squared deviations. As many
 * groups as channels make it an instance norm. */
typedef struct group_norm_args {
    const float *x;       /* [n][rows][channels] */
    float *out;           /* as x; may be x itself */
    int n, rows;          /* images; pixels of each */
    const int *start;     /* [n + 1] row numbers of sequences of different lengths, from 0; or NULL.
                           * rows     is not looked at then. */
    int channels, groups; /* groups divides channels */
    const float *gamma, *beta; /* [channels], or NULL */
    float eps;
    enum activation act;
} group_norm_args;

/* Floats of working memory. */
size_t group_norm_work(const group_norm_args *a);

/* work: group_norm_work floats. An image's result has the same bits whatever else is in the batch
 * and however many threads there are, on one kernel level. */
void group_norm_f32(team *t, const group_norm_args *a, float *work);

/* A batch norm of rows, with numbers of the model: factor[c] = gamma[c] / sqrt(variance[c] + eps);
 * gamma may be NULL. See conv_fold_norm for those behind convolutions. */
void batch_norm_factors(const float *gamma, const float *variance, float eps, float *factor,
                        int channels);

/* out = act((x - mean) * factor + beta) of each row; beta may be NULL, out may be x itself. */
void batch_norm_f32(team *t, const float *x, const float *mean, const float *factor,
                    const float *beta, enum activation act, float *out, long n_rows, int channels);
