/* Images of other sizes, as torch.nn.functional.interpolate makes them. Pixels are rows, channels
 * last (conv.h). */
#pragma once

#include "base/thread.h"

#include <stdbool.h>
#include <stddef.h>

enum resize_filter {
    RESIZE_NEAREST,       /* pixel floor(i scale) */
    RESIZE_NEAREST_EXACT, /* pixel floor((i + 1/2) scale) */
    RESIZE_BILINEAR,
    RESIZE_BICUBIC, /* a = -0.75; antialias: -0.5, as Pillow's */
};

typedef struct resize_args {
    const float *x; /* [n][height][width][channels] */
    float *out;     /* [n][out_height][out_width][channels], may not overlap x */
    int n, height, width, channels, out_height, out_width;
    enum resize_filter filter;
    bool align_corners; /* the centres of the corner pixels stay where they are; not for nearest */
    bool antialias;     /* when shrinking, the filter grows; not for nearest */
    double factor[2];   /* of height and width, the "scale_factor" that places the pixels; 0: the
                         * ratio of the sizes */
} resize_args;

/* Floats of working memory. */
size_t resize_work(const resize_args *a);

/* work: resize_work floats. */
void resize_f32(team *t, const resize_args *a, float *work);
