/* The weights in the order in which kernels/conv.h reads them: packed once, as those of linear
 * layers. */
#include "nn/conv.h"
#include "nn/linear.h"

void conv_bind(conv *c, weights w, int out, int in, int width, int groups)
{
    int columns = in / groups * width;
    *c = (conv){.shape = {.in = in,
                          .out = out,
                          .groups = groups,
                          .kernel = {1, width},
                          .stride = {1, 1},
                          .dilation = {1, 1},
                          .before = {0, (width - 1) / 2},
                          .after = {0, width / 2}}};
    weight_rows rows = {.name = "weight",
                        .order = ORDER_TAPS,
                        .all = out,
                        .rows = out,
                        .columns = columns,
                        .groups = groups,
                        .cut = width};
    if (conv_is_small(&c->shape))
        c->weight = weights_reversed(w, "weight", out, in / groups, width);
    else
        weights_rows_as(w, &rows, linear_panels(out / groups, columns), &c->weight, &c->packed);
    c->bias = weights_vector(w, "bias", out);
}

static conv_args args_of(const conv *c, const conv_shape *shape)
{
    return (conv_args){.shape = shape,
                       .w = c->weight,
                       .packed = packed_weight_get(c->packed),
                       .bias = c->bias,
                       .n = 1,
                       .height = 1};
}

size_t conv_work(const conv *c, int n_rows)
{
    conv_args a = args_of(c, &c->shape);
    a.width = n_rows;
    return conv_f32_work(&a);
}

static void run(const conv *c, const conv_shape *shape, team *t, const ragged *from,
                const ragged *to, const float *x, enum activation act, float *y, float *work)
{
    conv_args a = args_of(c, shape);
    a.start = from->start;
    a.out_start = to->start;
    a.n = from->n_seq;
    a.x = x;
    a.out = y;
    a.act = act;
    conv_f32(t, &a, work);
}

void conv_run(const conv *c, team *t, const ragged *r, const float *x, enum activation act,
              float *y, float *work)
{
    run(c, &c->shape, t, r, r, x, act, y, work);
}

void conv_run_strided(const conv *c, team *t, const ragged *r, const ragged *out, const float *x,
                      enum activation act, float *y, float *work)
{
    conv_shape apart = c->shape;
    apart.stride[1] = apart.kernel[1];
    apart.before[1] = apart.after[1] = 0;
    run(c, &apart, t, r, out, x, act, y, work);
}
