/* Attention of Funnel Transformer (Dai et al. 2020, appendix A.2): to the products of queries and
 * keys are added those of queries with a vector for each distance, and with one of two vectors for
 * tokens of the same type and of others.
 *
 *     score(i, j) = ((q_i + content_bias) k_j + (q_i + position_bias) (kernel distance(i, j))
 *                    + (q_i + type_bias) types[same(i, j)]) / sqrt(head_dim)
 *
 * Queries may be fewer than keys: their distances grow in larger steps then. */
#pragma once

#include "nn/linear.h"
#include "nn/ragged.h"

#include <stddef.h>

typedef struct relative_attention {
    linear query, key, value, out;
    int heads, head_dim;
    bool separate_first; /* the first token of a sequence has no part in the last two terms */
    const float *content_bias, *position_bias, *type_bias; /* [heads][head_dim] */
    const float *types;                                    /* [2][heads][head_dim]: other, same */
    float *kernel;                                         /* [heads][head_dim][hidden]; owned */
} relative_attention;

enum { EVERY_TYPE = 2 }; /* the type of tokens that are of the same type as all */

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

/* Claims "q_head", "k_head", "v_head", "post_proj", "r_kernel", "r_w_bias", "r_r_bias", "r_s_bias"
 * and "seg_embed". */
void relative_attention_bind(relative_attention *m, weights w, int hidden, int heads, int head_dim);
void relative_attention_release(relative_attention *m);

/* Floats of working memory for as many rows of queries and of keys. */
size_t relative_attention_work(const relative_attention *m, int n_rows, int n_distances);

/* y [rows of queries][hidden]; may not overlap the inputs. */
void relative_attention_run(const relative_attention *m, team *t, const relative_input *in,
                            float *y, float *work);
