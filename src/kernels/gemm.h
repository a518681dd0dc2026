/* Matrix products with weights as they are published: nn.Linear's [n][k], k contiguous. */
#pragma once

#include "base/thread.h"
#include "kernels/activation.h"

#include <stdbool.h>
#include <stddef.h>

/* out[i][j] = act(sum over l of x[i][l] * w[j][l]  +  bias[j]) * factor[i][j]  +  residual[i][j] */
typedef struct gemm_args {
    const float *x; /* [m] rows of k values, ldx floats apart (ldx >= k) */
    long ldx;
    const float *w;      /* [n][k], any alignment of a float; may be a read-only mapping */
    const float *packed; /* the same weights as gemm_f32_pack made them (w is not read then), or
                            NULL */
    const float *bias;   /* [n] or NULL */
    const float *factor; /* [m] rows of n values, ldf floats apart, or NULL; may be out itself */
    long ldf;
    const float *residual; /* the same, ldr floats apart */
    long ldr;
    float *out; /* [m] rows of n values, ldo floats apart; may not overlap x or w */
    long ldo;
    int m, n, k;
    enum activation act;
} gemm_args;

/* Nothing outside the m x n outputs is written and nothing outside the operands is read. m or n of
 * 0 does nothing; k of 0 gives act(bias) * factor + residual.
 *
 * A row of the result has the same bits whatever m is, wherever the row stands and however many
 * threads there are, as long as the kernel level is the same: each sum is made of blocks of 384
 * values; a block is four partial sums s0 .. s3 over l mod 4 with l rising, added as
 * (s0 + s2) + (s1 + s3); the blocks are added with l rising. */
void gemm_f32(team *t, const gemm_args *a);

/* Several products that do not depend on each other, at the cost of one region of the team. The
 * results are those of gemm_f32. At most GEMM_TOGETHER.
 *
 * But a factor may be the out of the product in front of it in the list, if m, n and k are the same
 * for both: gated pairs. Each part of it is made just before it is wanted, by the same thread, so
 * that no region comes between, and it is still in a cache. */
enum { GEMM_TOGETHER = 4 };
void gemm_f32_all(team *t, const gemm_args *list, int n_products);

/* The whole product on the calling thread, which may be inside of a region: for small ones that
 * only pay many at a time. The results are those of gemm_f32. work: so many floats, 64-byte
 * aligned. */
size_t gemm_f32_alone_floats(const gemm_args *a);
void gemm_f32_alone(const gemm_args *a, float *work);

/* Weights ahead of time in the order in which products read them: panel after panel of tile_n
 * columns. Products of packed weights have the same bits and are faster, above all with few rows.
 * What is packed is right for the kernel level in use only: gemm_f32_panel tells the columns of a
 * panel, which is all that may differ. The columns from a multiple of it on, `first`, begin behind
 * gemm_f32_packed_bytes(first, k). */
size_t gemm_f32_packed_bytes(int n, int k);
int gemm_f32_panel(void);

/* w: [n][k]; packed: gemm_f32_packed_bytes(n, k), 64-byte aligned, all of it is written. Runs on
 * the calling thread. */
void gemm_f32_pack(const float *w, int n, int k, void *packed);

/* Columns first .. first + count - 1 of such a form, for threads that share it: the same bytes. w:
 * their rows only. first is a multiple of GEMM_PACK_COLUMNS, a whole number of panels of any
 * kernel, and so is count but where they end with n. False when there is no memory to work in. */
enum { GEMM_PACK_COLUMNS = 16 };
typedef struct gemm_columns {
    const float *w; /* [count][k] */
    int first, count;
    int n, k; /* of the whole */
} gemm_columns;
bool gemm_f32_pack_columns(const gemm_columns *c, void *packed);
