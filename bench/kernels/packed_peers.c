/* packed_peers: products of inferd with int8 and bfloat16 weights beside oneDNN, one shape a line.
 *
 *   packed_peers i8|bf16 [threads] [seconds per shape]
 *
 * oneDNN gets weights in the layout that it prefers, packed before. For int8 it computes unsigned
 * by signed bytes to int32, without the rounding of x and the scaling of the result that inferd's
 * time includes; for bfloat16 its x is rounded already and its result is f32. The candidates take
 * turns for the given time, each call timed; the figures are the best of each. Build: see
 * README.md. */
#include "kernels/gemm_bf16.h"
#include "kernels/gemm_i8.h"
#include "kernels/kernels.h"
#include "kernels/table.h"

#include <dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* With one thread, the time that it had the processor: others on the machine do not count. */
static clockid_t clock_used = CLOCK_MONOTONIC;

static double now(void)
{
    struct timespec ts;
    clock_gettime(clock_used, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void must(dnnl_status_t status, const char *what)
{
    if (status != dnnl_success) {
        fprintf(stderr, "oneDNN: %s: status %d\n", what, (int)status);
        exit(1);
    }
}

typedef struct shape {
    int m, n, k;
} shape;

/* Weights come from a set larger than the caches, as those of a model's layers do. */
enum { WEIGHT_BYTES = 128 << 20, X_BYTES = 4 * 4096 * 1536, OUT_BYTES = 4 * 4096 * 4096 };

typedef struct memories {
    char *w, *peer_w; /* apart, or one would warm the caches for the other */
    char *x, *out;
} memories;

typedef struct peer {
    dnnl_primitive_t product;
    dnnl_memory_t x, w, out;
    size_t weight_bytes;
} peer;

static peer peer_new(dnnl_engine_t engine, const shape *s, bool i8, const memories *at)
{
    dnnl_dims_t x = {s->m, s->k}, w = {s->k, s->n}, out = {s->m, s->n};
    dnnl_memory_desc_t x_desc, w_desc, out_desc;
    must(dnnl_memory_desc_init_by_tag(&x_desc, 2, x, i8 ? dnnl_u8 : dnnl_bf16, dnnl_ab), "x");
    must(dnnl_memory_desc_init_by_tag(&w_desc, 2, w, i8 ? dnnl_s8 : dnnl_bf16, dnnl_format_tag_any),
         "w");
    must(dnnl_memory_desc_init_by_tag(&out_desc, 2, out, i8 ? dnnl_s32 : dnnl_f32, dnnl_ab), "out");
    dnnl_matmul_desc_t desc;
    must(dnnl_matmul_desc_init(&desc, &x_desc, &w_desc, NULL, &out_desc), "product");
    dnnl_primitive_desc_t primitive;
    must(dnnl_primitive_desc_create(&primitive, &desc, NULL, engine, NULL), "kernel");
    peer p;
    const dnnl_memory_desc_t *packed =
        dnnl_primitive_desc_query_md(primitive, dnnl_query_weights_md, 0);
    p.weight_bytes = dnnl_memory_desc_get_size(packed);
    must(dnnl_primitive_create(&p.product, primitive), "primitive");
    must(dnnl_memory_create(&p.x, &x_desc, engine, at->x), "memory of x");
    must(dnnl_memory_create(&p.w, packed, engine, at->peer_w), "memory of w");
    must(dnnl_memory_create(&p.out, &out_desc, engine, at->out), "memory of out");
    dnnl_primitive_desc_destroy(primitive);
    return p;
}

static void peer_free(peer *p)
{
    dnnl_memory_destroy(p->x);
    dnnl_memory_destroy(p->w);
    dnnl_memory_destroy(p->out);
    dnnl_primitive_destroy(p->product);
}

static void peer_run(peer *p, dnnl_stream_t stream)
{
    dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, p->x}, {DNNL_ARG_WEIGHTS, p->w}, {DNNL_ARG_DST, p->out}};
    must(dnnl_primitive_execute(p->product, stream, 3, args), "run");
    must(dnnl_stream_wait(stream), "wait");
}

/* The place of the round's weights, each round another. */
static char *weights(char *all, size_t bytes, size_t round)
{
    size_t used = (bytes + 63) / 64 * 64;
    return all + round % (WEIGHT_BYTES / used) * used;
}

typedef struct machine {
    team *team;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    bool i8;
    double peak; /* operations a second */
    double seconds;
} machine;

static void measure(const machine *m, const shape *s, const memories *at)
{
    gemm_args a = {.x = (float *)(void *)at->x, .ldx = s->k, .out = (float *)(void *)at->out};
    a.ldo = s->n, a.m = s->m, a.n = s->n, a.k = s->k;
    size_t bytes = m->i8 ? gemm_i8_bytes(s->n, s->k) : gemm_bf16_bytes(s->n, s->k);
    peer p = peer_new(m->engine, s, m->i8, at);
    double best[2] = {1e9, 1e9}, end = now() + m->seconds, flop = 2.0 * s->m * s->n * s->k;
    for (size_t round = 0; round < 5 || now() < end; round++) {
        const char *w = weights(at->w, bytes, round);
        must(dnnl_memory_set_data_handle(p.w, weights(at->peer_w, p.weight_bytes, round)), "w");
        double start = now();
        if (m->i8)
            gemm_i8(m->team, &a, w);
        else
            gemm_bf16(m->team, &a, w);
        double between = now();
        peer_run(&p, m->stream);
        double after = now();
        best[0] = between - start < best[0] ? between - start : best[0];
        best[1] = after - between < best[1] ? after - between : best[1];
    }
    printf("| %d | %d | %d | %.1f | %.1f | %.0f %% | %.1f | %.2f |\n", s->m, s->n, s->k,
           1e6 * best[0], 1e-9 * flop / best[0], 100 * flop / best[0] / m->peak,
           1e-9 * (double)bytes / best[0], best[1] / best[0]);
    fflush(stdout);
    peer_free(&p);
}

static char *filled(size_t bytes, int pattern)
{
    enum { HUGE_PAGE = 2 << 20 };
    bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    char *p = aligned_alloc(HUGE_PAGE, bytes);
    madvise(p, bytes, MADV_HUGEPAGE); /* as prepared files are */
    memset(p, pattern, bytes);
    return p;
}

/* Of one thread, in registers. */
static double peak_of(const gemm_packed_kernels *f)
{
    double best = 0;
    for (int i = 0; i < 30; i++) {
        double start = now(), operations = f->spin(200000), took = now() - start;
        best = operations / took > best ? operations / took : best;
    }
    return best;
}

int main(int argc, char **argv)
{
    static const shape shapes[] = {
        {1, 384, 384},     {1, 1536, 384},    {1, 1024, 1024},   {1, 3072, 768},
        {2, 1536, 384},    {4, 1536, 384},    {6, 1536, 384},    {8, 1536, 384},
        {12, 1536, 384},   {16, 1536, 384},   {24, 1536, 384},   {16, 1024, 1024},
        {64, 384, 384},    {64, 1536, 384},   {64, 384, 1536},   {64, 1024, 1024},
        {128, 1536, 384},  {256, 384, 384},   {256, 1152, 384},  {256, 1536, 384},
        {256, 384, 1536},  {256, 3072, 768},  {256, 4096, 1024}, {1024, 1536, 384},
        {1024, 384, 1536}, {1024, 768, 3072}, {4096, 384, 384},  {4096, 1536, 384},
        {300, 1000, 777},
    };
    error e = {0};
    if (argc < 2 || !kernels_init(&e)) {
        fprintf(stderr, "usage: packed_peers i8|bf16 [threads] [seconds]\n%s\n", e.message);
        return 2;
    }
    machine m = {.i8 = strcmp(argv[1], "i8") == 0};
    int threads = argc > 2 ? atoi(argv[2]) : 1;
    m.seconds = argc > 3 ? atof(argv[3]) : 0.5;
    if (threads == 1)
        clock_used = CLOCK_THREAD_CPUTIME_ID;
    omp_set_num_threads(threads);
    m.team = team_new(threads, &e);
    must(dnnl_engine_create(&m.engine, dnnl_cpu, 0), "engine");
    must(dnnl_stream_create(&m.stream, m.engine, dnnl_stream_default_flags), "stream");
    m.peak = peak_of(m.i8 ? kernels.gemm_i8 : kernels.gemm_bf16) * threads;
    printf("level %s, %d threads, peak %.1f GOP/s\n\n"
           "| m | n | k | us | GOP/s | of peak | GB/s of w | / oneDNN |\n"
           "|--:|--:|--:|--:|--:|--:|--:|--:|\n",
           kernels_level(), threads, 1e-9 * m.peak);
    /* Bytes that are no denormals in any type. */
    memories at = {filled(WEIGHT_BYTES, 0x3c), filled(WEIGHT_BYTES, 0x3c), filled(X_BYTES, 0x3d),
                   filled(OUT_BYTES, 0)};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        measure(&m, &shapes[i], &at);
    return 0;
}
