/* With the matrices C and S of cosines and sines, which are symmetric, the real part is
 * Cn X Ch - Sn X Sh. Products with matrices cost no more than the attention that they replace, and
 * every sum has one order whatever the length. */
#include "nn/fourier.h"
#include "kernels/gemm.h"

#include <math.h>
#include <stdlib.h>

/* sign * cosine and sign * sine of 2 pi i j / n; the angle is reduced exactly first. */
static void fill(float *cosines, float *sines, int n, float sign)
{
    for (long i = 0; i < n; i++)
        for (long j = 0; j < n; j++) {
            double angle = 2 * M_PI * (double)(i * j % n) / n;
            cosines[i * n + j] = (float)cos(angle);
            sines[i * n + j] = sign * (float)sin(angle);
        }
}

bool fourier_init(fourier *m, int width, error *e)
{
    size_t n = (size_t)width * (size_t)width;
    *m = (fourier){
        .width = width, .cosines = calloc(n, sizeof(float)), .sines = calloc(n, sizeof(float))};
    if (!m->cosines || !m->sines) {
        fourier_release(m);
        return fail(e, ERR_IO, "no memory for the Fourier transform of %d values", width);
    }
    fill(m->cosines, m->sines, width, 1);
    return true;
}

void fourier_release(fourier *m)
{
    if (!m)
        return;
    free(m->cosines);
    free(m->sines);
    *m = (fourier){0};
}

size_t fourier_work(const fourier *m, int n_rows)
{
    size_t n = (size_t)n_rows;
    return 2 * n * n + n * (size_t)m->width;
}

/* out [m][n] = x [m][k] times w [n][k] transposed, plus what is there already. */
static void multiply(team *t, const float *x, const float *w, float *out, int m, int n, int k,
                     bool add)
{
    gemm_f32(t, &(gemm_args){.x = x,
                             .ldx = k,
                             .w = w,
                             .residual = add ? out : NULL,
                             .ldr = n,
                             .out = out,
                             .ldo = n,
                             .m = m,
                             .n = n,
                             .k = k});
}

void fourier_run(const fourier *m, team *t, const ragged *r, const float *x, float *y, float *work)
{
    int before = 0;
    for (int s = 0; s < r->n_seq; s++) {
        int n = r->start[s + 1] - r->start[s], width = m->width;
        size_t at = (size_t)r->start[s] * (size_t)width, square = (size_t)n * (size_t)n;
        float *cosines = work, *sines = cosines + square, *turned = sines + square;
        if (n != before)
            fill(cosines, sines, n, -1);
        before = n;
        multiply(t, m->cosines, x + at, turned, width, n, width, false);
        multiply(t, cosines, turned, y + at, n, width, n, false);
        multiply(t, m->sines, x + at, turned, width, n, width, false);
        multiply(t, sines, turned, y + at, n, width, n, true);
    }
}
