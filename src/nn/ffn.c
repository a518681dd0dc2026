/* The wide middle is made a few rows at a time, so that it stays in the cache and needs no memory
 * of the batch's size. */
#include "nn/ffn.h"

size_t ffn_work(const ffn *m, int n_rows)
{
    return (size_t)(n_rows < FFN_ROWS ? n_rows : FFN_ROWS) * (size_t)m->up.out;
}

/* The middle of n rows. */
static void widen(const ffn *m, team *t, const float *x, int n, float *middle)
{
    const linear_call pair[] = {{&m->up, x, middle, ACT_NONE, NULL},
                                {&m->gate, x, middle, m->act, middle}};
    if (m->gate.in)
        linear_run_all(t, pair, 2, n);
    else
        linear_run(&m->up, t, x, m->act, middle, n);
}

void ffn_run(const ffn *m, team *t, const float *x, float *y, int n_rows, float *work,
             size_t work_floats)
{
    size_t most = work_floats / (size_t)m->up.out;
    int steps = most >= (size_t)n_rows ? 1 : (int)(((size_t)n_rows + most - 1) / most);
    for (int i = 0; i < steps; i++) {
        int begin = (int)((long)n_rows * i / steps), end = (int)((long)n_rows * (i + 1) / steps);
        widen(m, t, x + (size_t)begin * (size_t)m->up.in, end - begin, work);
        linear_run(&m->down, t, work, ACT_NONE, y + (size_t)begin * (size_t)m->down.out,
                   end - begin);
    }
}
