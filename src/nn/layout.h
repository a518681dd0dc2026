/* Tables of places on a page (Xu et al. 2019): a box is the vectors of its left edge, its top, its
 * right edge, its bottom, its height and its width; edges of one direction share a table. */
#pragma once

#include "base/thread.h"
#include "nn/box.h"
#include "tensor/weights.h"

enum { LAYOUT_PARTS = 6 };

typedef struct layout {
    int places, width;          /* rows and width of the tables; places 0: the model has none */
    const float *x, *y, *h, *w; /* [places][width] */
} layout;

/* Claims "x_position_embeddings", "y_position_embeddings", "h_..." and "w_...". */
void layout_bind(layout *m, weights in, int places, int width);

/* Whether all edges are rows of the tables and in order. */
bool layout_check(const layout *m, const box *boxes, int n, error *e);

/* rows[i] += the six vectors of boxes[i], in the order above; NULL: all boxes are the upper left
 * corner. rows: [n][width]. */
void layout_add(const layout *m, team *t, const box *boxes, float *rows, int n);

/* out[i] = the six vectors of boxes[i] side by side; NULL as above. out: [n][6 * width]. */
void layout_join(const layout *m, team *t, const box *boxes, float *out, int n);
