/* Feed-forward block: down(act(up(x))), or with a gate down(act(gate(x)) * up(x)). */
#pragma once

#include "nn/linear.h"

#include <stddef.h>

typedef struct ffn {
    linear up, down;
    linear gate; /* in 0: none */
    enum activation act;
} ffn;

/* Rows that go through both layers at a time when work allows it: enough for the kernels to run at
 * full speed. */
enum { FFN_ROWS = 256 };

/* Fewest floats of working memory for n_rows; more makes larger steps. */
size_t ffn_work(const ffn *m, int n_rows);

/* x: [n_rows][up.in], y: [n_rows][down.out]; y may not overlap x. */
void ffn_run(const ffn *m, team *t, const float *x, float *y, int n_rows, float *work,
             size_t work_floats);
