/* Attention of XLNet (Yang et al. 2019, appendix A.2) and Funnel Transformer (Dai et al. 2020): to
 * the products of queries and keys are added those of queries with a vector for each distance, and
 * with one of two vectors for tokens of the same type and of others.
 *
 *     score(i, j) = ((q_i + content_bias) k_j + (q_i + position_bias) (kernel distance(i, j))
 *                    + (q_i + type_bias) types[same(i, j)]) / sqrt(head_dim)
 *
 * Queries may be fewer than keys: their distances grow in larger steps then. */
#pragma once

#include "kernels/attention.h"
#include "nn/linear.h"
#include "nn/ragged.h"

#include <stddef.h>

typedef struct relative_attention {
    linear query, key, value, out;
    linear kernel; /* hidden -> heads * head_dim, of the vectors of distances */
    int heads, head_dim;
    bool separate_first; /* the first token of a sequence has no part in the last two terms */
    const float *content_bias, *position_bias, *type_bias; /* [heads][head_dim] */
    const float *same, *other; /* [heads][head_dim]: the vectors of types */
    int every_type;            /* tokens of this type are of the same type as all; -1: none are */
    enum attention_mask mask;
    int window; /* of the mask */
} relative_attention;

/* What attends to what: query i of a sequence stands at i * step + offset, key j at j. */
typedef struct relative_input {
    const float *queries, *context; /* [rows][hidden] */
    ragged query_rows, key_rows;    /* as many sequences in both */
    const int *query_types, *key_types;
    int step, offset; /* of sequences with fewer queries than keys; else 1 and 0 */
    /* Vectors of the distances `farthest`, farthest - 1, ...: [n_distances][hidden]. They must
     * reach from relative_farthest() on as far as relative_distances() says. */
    const float *distances;
    int farthest, n_distances;
} relative_input;

/* Sets farthest and n_distances to what the rows need. */
void relative_reach(relative_input *in);

/* Claims "r_w_bias", "r_r_bias", "r_s_bias" and "seg_embed", whose first half is that of the same
 * type, or of others. The products are the caller's to bind. */
void relative_attention_bind(relative_attention *m, weights w, int heads, int head_dim,
                             bool same_first);

/* Floats of working memory for as many rows of queries and of keys. */
size_t relative_attention_work(const relative_attention *m, int n_rows, int n_distances);

/* y [rows of queries][hidden]; may not overlap the inputs. */
void relative_attention_run(const relative_attention *m, team *t, const relative_input *in,
                            float *y, float *work);
