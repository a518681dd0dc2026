/* Convolutions in f32 along height and width, or along sequences.
 *
 * Pixels are rows: an image is [height][width][channels], channels last, images back to back. So a
 * 1 x 1 convolution is a matrix product as it stands, the surroundings of a pixel are a few runs of
 * memory, and norms and activations are those of rows.h. A sequence is an image of height 1. */
#pragma once

#include "base/thread.h"
#include "kernels/activation.h"

#include <stdbool.h>
#include <stddef.h>

/* What is around the image, as torch.nn.functional.pad has it; zeros for transposed. */
enum conv_padding {
    CONV_ZEROS,
    CONV_REFLECT,   /* the image turned over at its outermost pixels, which are not repeated */
    CONV_REPLICATE, /* the outermost pixels again and again */
    CONV_CIRCULAR,  /* the image again */
};

/* Pairs are of height and width. Everything is 1 or more, padding 0 or more; checked by the caller,
 * as is that groups divides in and out. */
typedef struct conv_shape {
    int in, out, groups; /* outputs of a group see its inputs only */
    int kernel[2], stride[2], dilation[2];
    int before[2], after[2]; /* pixels around the image; transposed: outputs that are cut off */
    enum conv_padding padding;
    bool transposed;
    int more[2]; /* transposed: outputs added behind, "output_padding", below the stride */
} conv_shape;

/* Outputs along an axis (0: height, 1: width) of `length` inputs; 0 if the kernel does not fit, or
 * if reflected or circular padding needs more pixels than there are. */
long conv_length(const conv_shape *s, int axis, long length);

/* Floats of the weights, arranged or not. */
size_t conv_weights(const conv_shape *s);

/* Published weights, [out][in / groups][height][width] or, transposed, [in][out / groups][height]
 * [width], in the order in which conv_f32 reads them: for each phase of the outputs (the stride's,
 * if transposed) and group [out / groups][taps][in / groups]. Small groups (conv_is_small) have,
 * for each phase, [taps][in / groups][out]. w is not changed and may be arranged itself only if the
 * kernel is 1 x 1 and the groups are not small. */
void conv_arrange(const conv_shape *s, const float *w, float *arranged);

/* Groups of so few channels that no product is made: depthwise convolutions above all. */
bool conv_is_small(const conv_shape *s);

/* Folds a batch norm behind a convolution into its published weights and bias (both changed; bias
 * starts as zeros if the convolution has none): y = (y - mean) / sqrt(variance + eps) * gamma +
 * beta. gamma and beta may be NULL. All have s->out values. */
void conv_fold_norm(const conv_shape *s, float *w, float *bias, const float *gamma,
                    const float *beta, const float *mean, const float *variance, float eps);

/* out = act(conv(x) + bias) + residual */
typedef struct conv_args {
    const conv_shape *shape;
    const float *w;        /* arranged */
    const void *packed;    /* or, of each phase and group, what gemm_f32_pack makes of it; or NULL.
                            * Not for small groups. */
    const float *bias;     /* [out] or NULL */
    const float *x;        /* [n][height][width][in] */
    const float *residual; /* as out, or NULL; may be out itself; not for transposed */
    float *out;            /* [n][conv_length][conv_length][out], may not overlap x */
    int n;                 /* images */
    int height, width;
    /* Sequences of different lengths instead: start [n + 1] are rows of x, out_start [n + 1] rows
     * of out, at most conv_length of each apart (transposed: that), both from 0; height is 1 and
     * width not looked at. Or NULL. */
    const int *start, *out_start;
    enum activation act;
} conv_args;

/* Floats of working memory. */
size_t conv_f32_work(const conv_args *a);

/* work: conv_f32_work floats. A pixel of the result has the same bits whatever else is in the batch
 * and however many threads there are, on one kernel level. */
void conv_f32(team *t, const conv_args *a, float *work);
