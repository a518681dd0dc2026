/* What a variant of each kernel family implements, and the table of the variants in use.
 *
 * A variant does the innermost work only; loops over blocks, packing order and threads are in
 * <family>.c. Pointers need the alignment of their type unless said otherwise. Nothing outside the
 * named extents is read or written. */
#pragma once

#include "kernels/gemm.h"
#include "kernels/quantised.h"
#include "kernels/rows.h"

#include <stdbool.h>
#include <stdint.h>

enum { GEMM_BLOCK = 384 }; /* values of k summed before they are added to the others; see gemm.h */

/* Values of w that are needed next, of which a tile asks for some with each of its steps of 4
 * values: `lines` (0, 1, 2, 4) cache lines in their order of a packed panel, or else a part of
 * `rows` rows (0, 4, 8 or 16) of as many values as the tile has. */
typedef struct gemm_ahead {
    const float *w;
    long ldw;
    int rows, lines;
} gemm_ahead;

/* A panel is tile_n rows of w (columns of the result) times k values, rounded up to fours and
 * padded with zeros. A quad of k holds 4 groups of tile_n / 4 lanes of 4 values: lane c of group g
 * is column 4 c + g, so that the sums over a quad's 4 values, taken within lanes and across the
 * groups, come out in the order of the columns. */
typedef struct gemm_f32_kernels {
    int tile_m, tile_n;
    int together; /* panels of many rows whose slices share the first cache: 24 KB */
    int stream_m; /* rows up to which `stream` is faster than packing */
    bool fetches; /* `tile` honours the rows of `ahead`; lines are honoured by all but scalar */
    /* panel <- w[n][k], n <= tile_n, rows ldw apart; panel: 64-byte aligned. */
    void (*pack)(const float *w, long ldw, int n, int k, float *panel);
    /* c[m][tile_n] (+)= x[m][k] * panel, any m >= 1; rows of c tile_n apart, 64-byte aligned. What
     * `ahead` names, if it is not NULL, is asked for meanwhile, line by line. */
    void (*tile)(const float *x, long ldx, int m, const float *panel, int k, float *c, bool add,
                 const gemm_ahead *ahead);
    /* The same from unpacked w[n][k] for m <= tile_m: for few rows, whose time is the time to read
     * w. `next` tells that the tile_n rows of w after these will be asked for next. */
    void (*stream)(const float *x, long ldx, int m, const float *w, long ldw, int n, int k,
                   float *c, bool add, bool next);
    /* out[row + i][col + j] = act(c[i][j] + bias) * factor + residual; c's rows are tile_n
     * apart. */
    void (*finish)(const gemm_args *a, const float *c, int row, int rows, int col, int cols);
    /* For benchmarks: as many floating point operations in registers as fast as they go; returns
     * their number. */
    double (*spin)(long steps);
    /* Or NULL: `tile` and `finish` in one, for sums without activation and factor that these k
     * values are all of and a panel that has all of its columns: they go to the result from
     * registers. x: the rows from row on. */
    void (*tile_end)(const gemm_args *a, int row, int rows, int col, const float *x,
                     const float *panel, int k);
} gemm_f32_kernels;

/* Sums of a tile with packed weights, and what makes them values of the result. */
typedef struct gemm_sums {
    const void *c;         /* [rows][tile_n] floats, or int32_t of gemm_i8; 64-byte aligned */
    const float *x_scale;  /* of gemm_i8: of the rows */
    const float *w_scale;  /* of gemm_i8: of the columns, from the first one of the tile */
    const int32_t *offset; /* of gemm_i8: 128 times the sums of the weights of the columns */
} gemm_sums;

/* Low-precision products: see gemm_packed.h for the words used here. */
typedef struct gemm_packed_kernels {
    int tile_m, tile_n; /* tile_n is a multiple of 16 */
    int stream_m;       /* rows up to which one panel at a time is faster than tile_n / 16 */
    int x_size;         /* bytes of a prepared value of x */
    int x_offset;       /* of gemm_i8: what `prepare` adds to each value, 0 or 128 */
    bool if_faster;     /* chosen only if its `spin` is faster than that of the variant before it */
    /* to[k] <- x[k], then zeros (gemm_i8: any values) up to a multiple of 16 steps; *scale is set
     * by gemm_i8 only. */
    void (*prepare)(const float *x, int k, void *to, float *scale);
    /* c[m][tile_n] (+)= prepared x * n_panels panels. x: rows ldx bytes apart, 64-byte aligned;
     * 1 <= m <= tile_m, 16 n_panels <= tile_n; panels are panel_bytes apart. Rows of x up to
     * tile_m may be read whatever m is; rows of c up to tile_m may be written. What lies `ahead`
     * bytes after the panels is asked for meanwhile. */
    void (*tile)(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead);
    /* out[row + i][col + j] = act(value of the sum [i][j] + bias) * factor + residual */
    void (*finish)(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols);
    /* By a thread before its calls of `tile` for a block of so many rows, and after them; or NULL.
     */
    void (*enter)(int rows);
    void (*leave)(void);
    /* As gemm_f32's, with the instructions of `tile`. */
    double (*spin)(long steps);
} gemm_packed_kernels;

typedef gemm_packed_kernels gemm_i8_kernels;
typedef gemm_packed_kernels gemm_bf16_kernels;

/* The softmax of one row over one block of keys. */
typedef struct attention_row {
    float *scores; /* [n_keys] in: what `scale` makes log2(e) * score; out: 2^(score - max), 0 if
                      masked; room for ATTENTION_KEYS */
    float scale;   /* > 0 */
    const float *bias; /* [n_keys] or NULL, to be added to the score (before the log2(e)) */
    int n_keys;
    int begin, end; /* keys that are not masked, 0 <= begin <= end <= n_keys */
    float max, sum; /* in powers of two, of the blocks before and then of this one too */
} attention_row;

enum { ATTENTION_KEYS = 256 }; /* keys of a block: its scores stay in the first cache */

/* Of floats, or of operands that are rounded to bfloat16: queries, keys, values and the weights
 * that softmax makes. */
typedef struct attention_kernels {
    int tile_m, tile_n;
    int value_bytes;                        /* of packed keys and values, 2 or 4 */
    int key_multiple;                       /* to which packed keys pad head_dim with 0; or 0 */
    const struct gemm_packed_kernels *with; /* chosen only beside these: they have the same
                                               instruction; or NULL */
    /* panels[ceil(n_keys / tile_n)][head_dim][tile_n] <- k[n_keys][head_dim], padded with 0. With 2
     * bytes a value head_dim counts in pairs of them. panels: 64-byte aligned. */
    void (*pack_keys)(const float *k, long ldk, int n_keys, int head_dim, void *panels);
    /* `values` takes rows of v as they lie, or, if this is not NULL, as it packs them: in
     * value_bytes, head_dim padded to a multiple of 16, an even number of keys. ATTENTION_KEYS of
     * them may be written. */
    void (*pack_values)(const float *v, long ldv, int n_keys, int head_dim, void *to);
    /* scores[rows][n_keys] = q[rows][head_dim] * panels, rows <= tile_m; rows of scores are
     * ATTENTION_KEYS apart, and what a row has after n_keys may be overwritten. */
    void (*scores)(const float *q, long ldq, int rows, const void *panels, int n_keys, int head_dim,
                   float *scores);
    /* The weights are left in the place of the scores, in a form that `values` knows. Returns what
     * the sums and the output of the blocks before must be multiplied by. */
    float (*softmax)(attention_row *row);
    /* out[i] = out[i] * keep[i] + p[i][n_keys] * v[n_keys][head_dim], rows <= tile_m; rows of p
     * are ATTENTION_KEYS floats apart. */
    void (*values)(const float *p, int rows, int n_keys, const void *v, long ldv, int head_dim,
                   const float *keep, float *out, long ldo);
    /* By a thread before its calls of `scores` and `values`, with tile_m, and after them; or NULL.
     */
    void (*enter)(int rows);
    void (*leave)(void);
} attention_kernels;

typedef attention_kernels attention_f32_kernels;
typedef attention_kernels attention_bf16_kernels;

/* One row or one run of values each; see rows.h. */
typedef struct rows_f32_kernels {
    void (*layer_norm)(const float *x, const float *residual, const float *gamma, const float *beta,
                       float eps, float *out, int width);
    void (*rms_norm)(const float *x, const float *gamma, float eps, float *out, int width);
    void (*softmax)(const float *x, float *out, int width);
    double (*exp_sum)(const float *x, long n, float *most);
    void (*activate)(enum activation act, const float *x, float *out, long n);
    void (*add)(const float *a, const float *b, float *out, long n);
    /* n pairs of x; see rotate_f32. */
    void (*rotate_halves)(float *x, const float *sines, const float *cosines, int n);
    void (*rotate_neighbours)(float *x, const float *sines, const float *cosines, int n);
    void (*scale)(float factor, float *x, long n);
    /* slopes: [n], or one for all. */
    void (*prelu)(const float *x, const float *slopes, bool each, float *out, long n);
    void (*xielu)(const xielu *act, const float *x, float *out, long n);
    /* Of the columns of some rows: sum of x, sum of (x - mean)^2. Rows are ldx apart. */
    void (*column_sums)(const float *x, long ldx, long n_rows, float *sums, int width);
    void (*column_squares)(const float *x, long ldx, long n_rows, const float *mean, float *sums,
                           int width);
    /* out = (x - mean) * factor + shift; shift may be NULL, out may be x. */
    void (*adapt)(const float *x, const float *mean, const float *factor, const float *shift,
                  float *out, int width);
    void (*from_f16)(const void *from, float *out, long n);
    void (*from_bf16)(const void *from, float *out, long n);
} rows_f32_kernels;

enum { CONV_DIRECT_GROUP = 16 }; /* channels of a group, at most, for conv_f32's `direct` */

/* A tap of a direct convolution: which pixel it sees, which weights it has. */
typedef struct conv_tap {
    int x, w;
} conv_tap;

/* Outputs of groups that have as many outputs as inputs:
 * out[i][c] = bias[c] + sum over taps t and inputs j of c's group of
 *             x[i * step + taps[t].x][first of the group + j] * w[taps[t].w][j][c] */
typedef struct conv_run {
    const float *const *x; /* pixels of `channels` values */
    const conv_tap *taps;
    const float *w;    /* [..][group][channels] */
    const float *bias; /* [channels] or NULL */
    float *out;        /* [n][channels], ldo apart */
    long ldo;
    int step, n_taps, n;
    int channels, group; /* group: a power of two, at most CONV_DIRECT_GROUP; divides channels */
} conv_run;

/* Sums over rows of pixels, for convolutions, pooling and resizing. x: n_taps rows. out may not be
 * one of them. */
typedef struct conv_f32_kernels {
    void (*direct)(const conv_run *r);
    /* out[c] = sum over t of x[t][c] w[t] */
    void (*mix)(const float *const *x, const float *w, int n_taps, float *out, long width);
    /* The largest of x[t][c], NaN if one is; n_taps >= 1. */
    void (*most)(const float *const *x, int n_taps, float *out, long width);
} conv_f32_kernels;

enum {
    GEMM_QUANTISED_BLOCK = 1024, /* values of k summed before they are added to the others */
    GEMM_QUANTISED_CHUNK = 320,  /* bytes of a chunk of x, of 128 values for types with blocks of 32
                                  * and 256 for the others */
};

/* Products with weights in the block formats of quantised.h; see gemm_quantised.h. */
typedef struct gemm_quantised_kernels {
    int tile_m, tile_n;
    /* A row of k values of x in chunks, in the order in which the variant's `dot` takes them
     * (gemm_quantised_x.h). */
    void (*quantise)(enum quantised_type type, const float *x, int k, void *chunks);
    /* c[m][n] (+)= x[m][k] * w[n][k], 1 <= m <= tile_m; rows of chunks are row_size bytes apart,
     * rows of w w_size bytes. One sum for each GEMM_QUANTISED_BLOCK values, added in order. */
    void (*dot)(enum quantised_type type, const void *chunks, size_t row_size, int m,
                const uint8_t *w, size_t w_size, int n, int k, float *c, long ldc, bool add);
} gemm_quantised_kernels;

/* One member for each family of kernels/list.h; the portable variants until kernels_init. */
typedef struct kernel_table {
    const gemm_f32_kernels *gemm_f32;
    const gemm_i8_kernels *gemm_i8;
    const gemm_bf16_kernels *gemm_bf16;
    const attention_f32_kernels *attention_f32;
    const attention_bf16_kernels *attention_bf16;
    const rows_f32_kernels *rows_f32;
    const gemm_quantised_kernels *gemm_quantised;
    const conv_f32_kernels *conv_f32;
} kernel_table;

extern kernel_table kernels;
