/* gemm_peers: f32 matrix products of inferd beside OpenBLAS and oneDNN, one shape a line.
 *
 *   gemm_peers [threads] [seconds per shape]
 *
 * The candidates take turns (turns.h), each call timed; the figures are the best of each in
 * GFLOP/s, and the ratios are of the best times. The peak is kernels_peak_gflops, measured after
 * each shape. Build: see README.md. */
#include "turns.h"

#include "kernels/bench.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

#include <cblas.h>
#include <dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

typedef struct shape {
    int m, n, k;
} shape;

/* One shape, and where its operands are. */
typedef struct product {
    shape s;
    team *team;
    const float *x, *w, *packed; /* w, packed: [copies] */
    float *out;
    size_t copies, weights, packed_floats;
} product;

static void ours(void *arg, size_t call)
{
    const product *p = arg;
    const shape *s = &p->s;
    gemm_args a = {.x = p->x, .ldx = s->k, .out = p->out, .ldo = s->n};
    a.packed = p->packed + call % p->copies * p->packed_floats;
    a.m = s->m, a.n = s->n, a.k = s->k;
    gemm_f32(p->team, &a);
}

static void openblas(void *arg, size_t call)
{
    const product *p = arg;
    const shape *s = &p->s;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, s->m, s->n, s->k, 1, p->x, s->k,
                p->w + call % p->copies * p->weights, s->k, 0, p->out, s->n);
}

static void onednn(void *arg, size_t call)
{
    const product *p = arg;
    const shape *s = &p->s;
    dnnl_sgemm('N', 'T', s->m, s->n, s->k, 1, p->x, s->k, p->w + call % p->copies * p->weights,
               s->k, 0, p->out, s->n);
}

static turns_fn *const programs[] = {ours, openblas, onednn};
enum { PROGRAMS = 3 };

enum { HUGE_PAGE = 2 << 20 };

/* In huge pages too: the peers' weights are not to suffer from small ones. */
static float *random_floats(size_t n)
{
    size_t bytes = (n * sizeof(float) + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    float *p = aligned_alloc(HUGE_PAGE, bytes);
    madvise(p, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)((int)(i * 2654435761u >> 16 & 255) - 128) / 128;
    return p;
}

/* Weights come from a set larger than the caches, as those of a model's layers do. */
enum { WEIGHT_FLOATS = 64 << 20 };

/* Ours are packed ahead of time, as layers have them. */
static float *pack_all(const shape *s, const float *w, size_t copies)
{
    size_t one = gemm_f32_packed_bytes(s->n, s->k);
    char *packed = aligned_alloc(HUGE_PAGE, (copies * one + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
    madvise(packed, copies * one, MADV_HUGEPAGE); /* as prepared files are */
    for (size_t i = 0; i < copies; i++)
        gemm_f32_pack(w + i * (size_t)s->n * (size_t)s->k, s->n, s->k, packed + i * one);
    return (float *)(void *)packed;
}

static void measure(team *t, const shape *s, const float *w, double seconds)
{
    product p = {.s = *s, .team = t, .w = w};
    p.weights = (size_t)s->n * (size_t)s->k;
    p.copies = WEIGHT_FLOATS / p.weights;
    p.packed_floats = gemm_f32_packed_bytes(s->n, s->k) / sizeof(float);
    float *packed = pack_all(s, w, p.copies);
    float *x = random_floats((size_t)s->m * (size_t)s->k);
    p.out = random_floats((size_t)s->m * (size_t)s->n);
    p.packed = packed;
    p.x = x;
    double best[PROGRAMS], flop = 2.0 * s->m * s->n * s->k;
    turns_take(programs, PROGRAMS, &p, seconds, best);
    double peak = kernels_peak_gflops(t);
    printf("%6d %5d %5d  %9.1f us %7.1f GFLOP/s %5.1f %% of peak %6.1f GB/s of w  %5.2f x OpenBLAS"
           " (%.1f)  %5.2f x oneDNN (%.1f)\n",
           s->m, s->n, s->k, 1e6 * best[0], 1e-9 * flop / best[0], 1e-7 * flop / best[0] / peak,
           4e-9 * (double)p.weights / best[0], best[1] / best[0], 1e-9 * flop / best[1],
           best[2] / best[0], 1e-9 * flop / best[2]);
    fflush(stdout);
    free(packed);
    free(x);
    free(p.out);
}

/* Begins the pools one after the other, so that the threads of each get their places. */
static team *begin_threads(int threads, const float *w, error *e)
{
    turns_places places;
    turns_begin(&places, threads);
    openblas_set_num_threads(threads);
    omp_set_num_threads(threads); /* oneDNN */
    team *t = team_new(threads, e);
    if (!t)
        return NULL;
    static float x[256 * 256], out[256 * 256];
    product p = {{256, 256, 256}, t, x, w, w, out, 1, 0, 0};
    for (int i = 0; i < PROGRAMS; i++) {
        programs[i](&p, 0);
        turns_place(&places);
    }
    turns_place_caller(&places);
    return t;
}

int main(int argc, char **argv)
{
    static const shape shapes[] = {
        {1, 384, 384},     {1, 1536, 384},    {1, 1024, 1024},   {1, 3072, 768},
        {2, 1536, 384},    {4, 1536, 384},    {6, 1536, 384},    {8, 1536, 384},
        {12, 1536, 384},   {16, 1536, 384},   {24, 1536, 384},   {16, 1024, 1024},
        {64, 384, 384},    {64, 1536, 384},   {64, 384, 1536},   {64, 1024, 1024},
        {256, 384, 384},   {256, 1152, 384},  {256, 1536, 384},  {256, 384, 1536},
        {256, 3072, 768},  {256, 4096, 1024}, {1024, 1536, 384}, {1024, 384, 1536},
        {1024, 768, 3072}, {4096, 384, 384},  {4096, 1536, 384}, {300, 1000, 777},
    };
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    double seconds = argc > 2 ? atof(argv[2]) : 0.5;
    error e = {0};
    float *w = random_floats(WEIGHT_FLOATS);
    team *t = kernels_init(&e) ? begin_threads(threads, w, &e) : NULL;
    if (!t) {
        fprintf(stderr, "%s\n", e.message);
        return 1;
    }
    printf("level %s, %d threads, FMA peak %.1f GFLOP/s\n", kernels_level(), threads,
           kernels_peak_gflops(t));
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        measure(t, &shapes[i], w, seconds);
    free(w);
    team_free(t);
    return 0;
}
