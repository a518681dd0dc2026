/* Forms of weights: f32 in panels, bf16 and int8 as kernels/ have them, else as they are published,
 * where they are mapped.
 *
 * A precision below f32 is for the products that the time goes into. Small ones, as those of
 * classifiers, stay in f32. The scores of a vocabulary follow the model: for one masked word they
 * read twice the bytes of all layers, and what they add to the error of the layers hardly shows
 * (docs/performance.md). In f32 they read the table of words where it lies: panels of it would be
 * a second table, and a few rows read them no faster. */
#include "nn/linear.h"
#include "kernels/gemm.h"
#include "kernels/gemm_bf16.h"
#include "kernels/gemm_i8.h"

#include <assert.h>
#include <stddef.h>

enum {
    LOW_LEAST = 64,  /* inputs and outputs of a product in low precision, at least */
    VOCABULARY = 16, /* times as many outputs as inputs are one, too large for panels */
};

static const weight_form forms[] = {
    [PRECISION_F32] = {.name = "f32 panels",
                       .bytes = gemm_f32_packed_bytes,
                       .panels = gemm_f32_packed_bytes,
                       .pack = gemm_f32_pack_columns,
                       .can_wait = true},
    [PRECISION_BF16] = {.name = "bf16",
                        .bytes = gemm_bf16_bytes,
                        .panels = gemm_bf16_bytes,
                        .pack = gemm_bf16_pack_columns},
    [PRECISION_INT8] = {.name = "int8",
                        .bytes = gemm_i8_bytes,
                        .panels = gemm_i8_panel_bytes,
                        .pack = gemm_i8_pack_columns},
};

/* How the product of a group is made; PRECISION_F32 is with or without panels. */
static enum precision precision_of(weights w, int out, int in)
{
    enum precision wanted = weight_set_precision(w.set);
    bool low = out >= LOW_LEAST && in >= LOW_LEAST && forms[wanted].bytes(out, in) > 0;
    return low ? wanted : PRECISION_F32;
}

static bool is_vocabulary(int out, int in)
{
    return out > VOCABULARY * (long)in;
}

const weight_form *linear_panels(int out, int in)
{
    return !is_vocabulary(out, in) && out >= gemm_f32_panel() ? &forms[PRECISION_F32] : NULL;
}

/* Rows of a matrix in the order of a file; what is not filled in comes from the layer. */
static void bind_ordered(linear *l, weights w, weight_rows rows)
{
    int groups = l->groups ? l->groups : 1;
    int out = l->out / groups, in = l->in / groups;
    rows.name = rows.name ? rows.name : "weight";
    rows.rows = l->out;
    rows.columns = in;
    rows.groups = groups;
    l->precision = precision_of(w, out, in);
    const weight_form *form =
        l->precision == PRECISION_F32 ? linear_panels(out, in) : &forms[l->precision];
    weights_rows_as(w, &rows, form, &l->weight, &l->packed);
}

static void bind_rows(linear *l, weights w, enum weight_order order, int64_t all, int first)
{
    bind_ordered(l, w, (weight_rows){.order = order, .all = all, .first = first});
}

void linear_bind(linear *l, weights w, int out, int in)
{
    linear_bind_unbiased(l, w, out, in);
    l->bias = weights_vector(w, "bias", out);
}

void linear_bind_seldom(linear *l, weights w, int out, int in)
{
    *l = (linear){.out = out, .in = in};
    bind_ordered(l, w, (weight_rows){.order = ORDER_ROWS, .all = out, .seldom = true});
    l->bias = weights_vector(w, "bias", out);
}

void linear_bind_parts(linear *l, weights weight, weights bias, int out, int in)
{
    linear_bind_unbiased(l, weight, out, in);
    l->bias = weights_vector(bias, "bias", out);
}

void linear_bind_unbiased(linear *l, weights w, int out, int in)
{
    linear_bind_rows(l, w, out, in, 0, out, false);
}

void linear_bind_rows(linear *l, weights w, int out, int in, int first, int all, bool biased)
{
    *l = (linear){.out = out, .in = in};
    bind_rows(l, w, ORDER_ROWS, all, first);
    const float *bias = biased ? weights_vector(w, "bias", all) : NULL;
    l->bias = bias ? bias + first : NULL;
}

void linear_bind_row_bias(linear *l, weights w, const char *name)
{
    l->bias = weights_matrix(w, name, 1, l->out);
}

void linear_bind_named_bias(linear *l, weights w, const char *name)
{
    l->bias = weights_vector(w, name, l->out);
}

void linear_bind_turned(linear *l, weights w, int out, int in, int first, int all, bool biased)
{
    *l = (linear){.out = out, .in = in};
    bind_rows(l, w, ORDER_TURNED, all, first);
    const float *bias = biased ? weights_vector(w, "bias", all) : NULL;
    l->bias = bias ? bias + first : NULL;
}

void linear_bind_to_heads(linear *l, weights w, const char *name, int out, int in, int heads)
{
    *l = (linear){.out = out, .in = in};
    bind_ordered(l, w,
                 (weight_rows){.name = name, .order = ORDER_TURNED_CUT, .all = out, .cut = heads});
}

void linear_bind_from_heads(linear *l, weights w, const char *name, int out, int in, int heads)
{
    *l = (linear){.out = out, .in = in};
    bind_ordered(l, w, (weight_rows){.name = name, .order = ORDER_CUT, .all = out, .cut = heads});
}

void linear_bind_interleaved(linear *l, weights w, int out, int in, int part, int parts, int groups,
                             bool biased)
{
    int64_t all = (int64_t)out * parts;
    *l = (linear){.out = out, .in = in};
    bind_ordered(l, w,
                 (weight_rows){.order = ORDER_REGROUPED,
                               .all = all,
                               .first = part * out,
                               .file_groups = groups,
                               .file_parts = parts});
    const float *bias = biased ? weights_regrouped(w, "bias", all, 0, groups, parts) : NULL;
    l->bias = bias ? bias + (size_t)part * (size_t)out : NULL;
}

void linear_bind_grouped(linear *l, weights w, int out, int in, int groups)
{
    *l = (linear){.out = out, .in = in, .groups = groups};
    bind_rows(l, w, ORDER_CUBE, out, 0);
    l->bias = weights_vector(w, "bias", out);
}

void linear_bind_grouped_rows(linear *l, weights w, int out, int in, int groups)
{
    *l = (linear){.out = out, .in = in, .groups = groups};
    bind_rows(l, w, ORDER_PLANES, out, 0);
    l->bias = weights_vector(w, "bias", out);
}

void linear_bind_pointwise(linear *l, weights weight, weights bias, int out, int in)
{
    *l = (linear){.out = out, .in = in};
    bind_rows(l, weight, ORDER_CUBE, out, 0);
    l->bias = weights_matrix(bias, "bias", out, 1);
}

bool linear_is_low(const linear *l)
{
    return l->precision != PRECISION_F32;
}

/* The product of a group; *packed as its precision has it, or NULL. */
static gemm_args product_of(const linear_call *c, int n_rows, int group, const void **packed)
{
    const linear *l = c->layer;
    assert(!c->factor || !l->groups);
    int groups = l->groups ? l->groups : 1, in = l->in / groups, out = l->out / groups;
    size_t skip = (size_t)group * (size_t)out;
    const char *bytes = packed_weight_get(l->packed);
    *packed = bytes && group ? bytes + (size_t)group * forms[l->precision].bytes(out, in) : bytes;
    return (gemm_args){.x = c->x + (size_t)group * (size_t)in,
                       .ldx = l->in,
                       .w = l->weight ? l->weight + skip * (size_t)in : NULL,
                       .packed = l->precision == PRECISION_F32 ? *packed : NULL,
                       .bias = l->bias ? l->bias + skip : NULL,
                       .factor = c->factor,
                       .ldf = l->out,
                       .out = c->y + skip,
                       .ldo = l->out,
                       .m = n_rows,
                       .n = out,
                       .k = in,
                       .act = c->act};
}

/* Products of one precision that do not depend on each other. */
typedef struct together {
    gemm_args list[GEMM_TOGETHER];
    const void *packed[GEMM_TOGETHER];
    int n;
} together;

static void run_together(team *t, enum precision precision, together *p)
{
    if (precision == PRECISION_BF16)
        gemm_bf16_all(t, p->list, p->packed, p->n);
    else if (precision == PRECISION_INT8)
        gemm_i8_all(t, p->list, p->packed, p->n);
    else
        gemm_f32_all(t, p->list, p->n);
    p->n = 0;
}

void linear_run_all(team *t, const linear_call *calls, int n_calls, int n_rows)
{
    together of[N_PRECISIONS] = {0};
    for (int i = 0; i < n_calls; i++) {
        const linear *l = calls[i].layer;
        together *p = &of[l->precision];
        for (int group = 0; group == 0 || group < l->groups; group++) {
            if (p->n == GEMM_TOGETHER)
                run_together(t, l->precision, p);
            p->list[p->n] = product_of(&calls[i], n_rows, group, &p->packed[p->n]);
            p->n++;
        }
    }
    for (int i = 0; i < N_PRECISIONS; i++)
        run_together(t, (enum precision)i, &of[i]);
}

void linear_run(const linear *l, team *t, const float *x, enum activation act, float *y, int n_rows)
{
    linear_run_all(t, &(linear_call){l, x, y, act, NULL}, 1, n_rows);
}
