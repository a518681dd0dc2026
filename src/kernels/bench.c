/* The benchmark of the kernels: walks kernels/list.h; a family is a row of `families` here. */
#include "kernels/bench_job.h"

#include "base/memory.h"
#include "kernels/gemm_bf16.h"
#include "kernels/gemm_i8.h"
#include "kernels/gemm_quantised.h"
#include "kernels/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { SPIN_STEPS = 200 * 1000 };

typedef double spin_fn(long steps);

static double peak_of(team *t, spin_fn *spin);

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static double best_time(bench *b, bench_fn *fn, const void *shape)
{
    enum { LEAST_RUNS = 3, LONG_S = 5 };
    double best = 1e9, begin = now(), end = begin + b->seconds, start = begin;
    for (b->run = 0; start < end || (b->run < LEAST_RUNS && start < begin + LONG_S); b->run++) {
        fn(b, shape);
        double after = now();
        best = after - start < best ? after - start : best;
        start = after;
    }
    return best;
}

/* Compares a result with a peak; the one it comes nearer to stays. */
static void compare(bench_result *r, enum bench_bound bound, double value, double peak)
{
    if (peak <= 0 || value / peak <= r->peak_share)
        return;
    r->bound = bound;
    r->peak = peak;
    r->peak_share = value / peak;
}

static bench_result timed(bench *b, bench_fn *fn, const void *shape, const char *name, double flop,
                          double bytes)
{
    bench_result r = {.family = b->row->family, .variant = b->row->variant, .shape = name};
    r.seconds = best_time(b, fn, shape);
    r.gflops = 1e-9 * flop / r.seconds;
    r.gigabytes = 1e-9 * bytes / r.seconds;
    compare(&r, BOUND_COMPUTE, r.gflops, b->peak);
    return r;
}

/* What a copy of so many bytes reaches, half of them read and half written. */
static double peak_copy(bench *b, double bytes)
{
    if (b->copied != (size_t)bytes) {
        b->copied = (size_t)bytes;
        b->peak_copy = kernels_peak_copy(b->team, b->copied);
    }
    return b->peak_copy;
}

void bench_products(bench *b, bench_fn *fn, const void *shape, const char *name, double flop,
                    double bytes)
{
    bench_result r = timed(b, fn, shape, name, flop, bytes);
    compare(&r, BOUND_BANDWIDTH, r.gigabytes, b->peak_memory);
    b->report(b->arg, &r);
}

void bench_sums(bench *b, bench_fn *fn, const void *shape, const char *name, double flop,
                double bytes)
{
    double peak = peak_copy(b, bytes);
    bench_result r = timed(b, fn, shape, name, flop, bytes);
    compare(&r, BOUND_BANDWIDTH, r.gigabytes, peak);
    b->report(b->arg, &r);
}

void bench_bytes(bench *b, bench_fn *fn, const void *shape, const char *name, double bytes)
{
    bench_sums(b, fn, shape, name, 0, bytes);
}

/* What follows the sums: the layers of models have one of these. */
enum epilogue { PLAIN, BIAS_GELU, BIAS_RESIDUAL, GATED };
static const char *const epilogues[] = {"", ", bias, gelu", ", bias, residual", ", gated by silu"};

typedef struct gemm_shape {
    int m, n, k;
    enum epilogue epilogue;
    bool published; /* f32 weights as they lie in files */
} gemm_shape;

static const gemm_shape gemm_shapes[] = {
    {1, 384, 384, PLAIN, false},        {1, 1536, 384, PLAIN, false},
    {1, 3072, 768, PLAIN, false},       {2, 1536, 384, PLAIN, false},
    {4, 1536, 384, PLAIN, false},       {8, 1536, 384, PLAIN, false},
    {16, 1536, 384, PLAIN, false},      {64, 384, 384, PLAIN, false},
    {64, 1536, 384, PLAIN, false},      {64, 384, 1536, PLAIN, false},
    {256, 384, 384, PLAIN, false},      {256, 1536, 384, PLAIN, false},
    {256, 1536, 384, BIAS_GELU, false}, {256, 384, 1536, BIAS_RESIDUAL, false},
    {256, 1152, 768, GATED, false},     {256, 3072, 768, PLAIN, false},
    {256, 768, 3072, PLAIN, false},     {256, 4096, 1024, PLAIN, false},
    {300, 1000, 777, PLAIN, false},     {4096, 1536, 384, PLAIN, false},
    {1, 1536, 384, PLAIN, true},        {8, 1536, 384, PLAIN, true},
    {256, 1536, 384, PLAIN, true},
};

static void measure_gemm(bench *b, bench_fn *fn, const gemm_shape *s, double weight_bytes)
{
    double m = s->m, n = s->n, k = s->k, products = s->epilogue == GATED ? 2 : 1;
    char name[64];
    snprintf(name, sizeof name, "%d x %d x %d%s%s", s->m, s->n, s->k, epilogues[s->epilogue],
             s->published ? ", not packed" : "");
    bench_products(b, fn, s, name, products * 2 * m * n * k,
                   4 * (m * k + m * n) + products * weight_bytes);
}

/* The products of a shape, one or two, without weights. */
static int products_at(const bench *b, const gemm_shape *s, gemm_args list[2])
{
    gemm_args a = {.x = b->in, .ldx = s->k, .out = b->out, .ldo = s->n};
    a.m = s->m, a.n = s->n, a.k = s->k;
    a.ldf = a.ldr = s->n;
    list[0] = list[1] = a;
    if (s->epilogue == BIAS_GELU || s->epilogue == BIAS_RESIDUAL)
        list[0].bias = b->weights;
    if (s->epilogue == BIAS_GELU)
        list[0].act = ACT_GELU_ERF;
    if (s->epilogue == BIAS_RESIDUAL)
        list[0].residual = b->in;
    list[1].act = ACT_SILU;
    list[1].factor = b->out;
    return s->epilogue == GATED ? 2 : 1;
}

/* Any values are packed weights. Those of product i, of a set larger than the caches. */
static const void *weights_at(const bench *b, int i, size_t size)
{
    size_t copies = BENCH_WEIGHTS * sizeof(float) / size;
    return (const char *)b->weights + (2 * (size_t)b->run + (size_t)i) % copies * size;
}

static void run_f32(bench *b, const void *shape)
{
    const gemm_shape *s = shape;
    gemm_args list[2];
    int n = products_at(b, s, list);
    for (int i = 0; i < n; i++) {
        if (s->published)
            list[i].w = weights_at(b, i, sizeof(float) * (size_t)s->n * (size_t)s->k);
        else
            list[i].packed = weights_at(b, i, gemm_f32_packed_bytes(s->n, s->k));
    }
    gemm_f32_all(b->team, list, n);
}

static void bench_gemm(bench *b)
{
    for (size_t i = 0; i < sizeof gemm_shapes / sizeof gemm_shapes[0]; i++) {
        const gemm_shape *s = &gemm_shapes[i];
        measure_gemm(b, run_f32, s, 4.0 * s->n * s->k);
    }
}

static void run_i8(bench *b, const void *shape)
{
    const gemm_shape *s = shape;
    gemm_args list[2];
    const void *packed[2];
    int n = products_at(b, s, list);
    for (int i = 0; i < n; i++)
        packed[i] = weights_at(b, i, gemm_i8_bytes(s->n, s->k));
    gemm_i8_all(b->team, list, packed, n);
}

static void run_bf16(bench *b, const void *shape)
{
    const gemm_shape *s = shape;
    gemm_args list[2];
    const void *packed[2];
    int n = products_at(b, s, list);
    for (int i = 0; i < n; i++)
        packed[i] = weights_at(b, i, gemm_bf16_bytes(s->n, s->k));
    gemm_bf16_all(b->team, list, packed, n);
}

static void bench_low(bench *b, bench_fn *fn, size_t (*bytes)(int n, int k))
{
    for (size_t i = 0; i < sizeof gemm_shapes / sizeof gemm_shapes[0]; i++) {
        const gemm_shape *s = &gemm_shapes[i];
        if (!s->published)
            measure_gemm(b, fn, s, (double)bytes(s->n, s->k));
    }
}

static void bench_i8(bench *b)
{
    bench_low(b, run_i8, gemm_i8_bytes);
}

static void bench_bf16(bench *b)
{
    bench_low(b, run_bf16, gemm_bf16_bytes);
}

typedef struct quantised_shape {
    enum quantised_type type;
    int m, n, k;
} quantised_shape;

static void run_quantised(bench *b, const void *shape)
{
    const quantised_shape *s = shape;
    size_t size = (size_t)s->n * quantised_row_bytes(s->type, s->k);
    size_t copies = BENCH_WEIGHTS * sizeof(float) / size;
    gemm_args a = {.x = b->in, .ldx = s->k, .out = b->out, .ldo = s->n};
    a.m = s->m;
    a.n = s->n;
    a.k = s->k;
    gemm_quantised(b->team, &a, s->type, (const char *)b->weights + (size_t)b->run % copies * size);
}

static void bench_quantised(bench *b)
{
    static const int rows[] = {1, 4, 8, 64};
    for (int type = 0; type < N_QUANTISED_TYPES; type++) {
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            quantised_shape s = {(enum quantised_type)type, rows[i], 4096, 4096};
            double m = s.m, n = s.n, k = s.k, w = n * (double)quantised_row_bytes(s.type, s.k);
            char name[64];
            snprintf(name, sizeof name, "%s %d x %d x %d", quantised_formats[type].name, s.m, s.n,
                     s.k);
            bench_products(b, run_quantised, &s, name, 2 * m * n * k, w + 4 * (m * k + m * n));
        }
    }
}

static const struct {
    const char *name;
    void (*run)(bench *b);
} families[] = {
    {"gemm_f32", bench_gemm},
    {"gemm_i8", bench_i8},
    {"gemm_bf16", bench_bf16},
    {"attention_f32", bench_attention},
    {"attention_bf16", bench_attention_bf16},
    {"rows_f32", bench_rows},
    {"gemm_quantised", bench_quantised},
    {"conv_f32", bench_conv},
};

/* What the row's operations are compared with: its own instructions, or the f32 products of its
 * level. */
static spin_fn *spin_of(const kernel_row *row, const gemm_f32_kernels *same_level)
{
    bool packed = row->slot == (const void **)&kernels.gemm_i8 ||
                  row->slot == (const void **)&kernels.gemm_bf16;
    if (row->slot == (const void **)&kernels.attention_bf16) {
        const attention_kernels *attention = row->functions;
        return attention->with ? attention->with->spin : same_level->spin;
    }
    return packed ? ((const gemm_packed_kernels *)row->functions)->spin : same_level->spin;
}

static void bench_row(bench *b, const kernel_row *row, const gemm_f32_kernels *same_level)
{
    const void *before = *row->slot;
    const gemm_f32_kernels *products = kernels.gemm_f32;
    b->peak = peak_of(b->team, spin_of(row, same_level));
    b->row = row;
    kernels.gemm_f32 = same_level; /* convolutions and epilogues use it */
    *row->slot = row->functions;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (strcmp(families[i].name, row->family) == 0)
            families[i].run(b);
    }
    kernels.gemm_f32 = products;
    *row->slot = before;
}

/* The f32 products of the instructions that a row needs. */
static const gemm_f32_kernels *products_of(const kernel_row *row)
{
    int count;
    const kernel_row *rows = kernel_rows(&count);
    const gemm_f32_kernels *found = &gemm_f32_scalar;
    for (int i = 0; i < count; i++) {
        if (rows[i].slot == (const void **)&kernels.gemm_f32 &&
            (rows[i].cpu_flags & row->cpu_flags) == rows[i].cpu_flags)
            found = rows[i].functions;
    }
    return found;
}

/* Memory as prepared weights lie in, or NULL: from pages of 4 KB a core reads 22 GB/s where it
 * reads 31 from huge ones. */
static void *huge_pages(size_t bytes)
{
    enum { HUGE = 2 << 20 };
    size_t size = (bytes + HUGE - 1) / HUGE * HUGE;
    void *p = aligned_alloc(HUGE, size);
    if (p)
        madvise(p, size, MADV_HUGEPAGE);
    return p;
}

static float *values_between(size_t n, float least, float most)
{
    float *p = huge_pages(n * sizeof *p);
    if (!p)
        abort();
    for (size_t i = 0; i < n; i++)
        p[i] = least + (most - least) * (float)(i * 2654435761u >> 16 & 255) / 256;
    return p;
}

static bool wanted(const bench_options *o, const kernel_row *row)
{
    return (row->cpu_flags & kernels_cpu_flags()) == row->cpu_flags &&
           (!o->family || strcmp(o->family, row->family) == 0) &&
           (!o->variant || strcmp(o->variant, row->variant) == 0);
}

bool kernels_bench_has(const char *family, const char *variant)
{
    bench_options o = {.family = family, .variant = variant};
    int count;
    const kernel_row *rows = kernel_rows(&count);
    for (int i = 0; i < count; i++)
        if (wanted(&o, &rows[i]))
            return true;
    return false;
}

void kernels_bench(team *t, const bench_options *o, bench_report *report, void *arg)
{
    bench b = {.team = t, .seconds = o->seconds, .report = report, .arg = arg};
    b.weights = values_between(BENCH_WEIGHTS, -1, 1);
    b.in = values_between(BENCH_VALUES, -3, 3);
    b.out = values_between(BENCH_VALUES, 0, 0);
    b.peak_memory = kernels_peak_read(t, BENCH_WEIGHTS * sizeof(float));
    int count;
    const kernel_row *rows = kernel_rows(&count);
    for (int i = 0; i < count; i++)
        if (wanted(o, &rows[i]))
            bench_row(&b, &rows[i], products_of(&rows[i]));
    free(b.weights);
    free(b.in);
    free(b.out);
}

enum { MAX_PARTS = 256, PEAK_TRIES = 20 };

typedef struct peak_job {
    spin_fn *spin;
    char *from, *to;          /* copied when `to` is set, else read */
    size_t bytes, rounds;     /* of a part; how often each goes over its own */
    double done[MAX_PARTS];   /* by part */
    uint64_t sums[MAX_PARTS]; /* of what was read, so that it is read */
} peak_job;

/* The best rate of all threads together in PEAK_TRIES regions. */
static double best_rate(team *t, team_fn *part, peak_job *job)
{
    double best = 0;
    int parts = team_size(t) < MAX_PARTS ? team_size(t) : MAX_PARTS;
    for (int i = 0; i < PEAK_TRIES; i++) {
        double start = now(), done = 0;
        team_run(t, parts, part, job);
        double took = now() - start;
        for (int j = 0; j < parts; j++)
            done += job->done[j];
        best = done / took > best ? done / took : best;
    }
    return 1e-9 * best;
}

static void spin_part(void *arg, int part, int thread)
{
    (void)thread;
    peak_job *job = arg;
    job->done[part] = job->spin(SPIN_STEPS);
}

static double peak_of(team *t, spin_fn *spin)
{
    peak_job job = {.spin = spin};
    return best_rate(t, spin_part, &job);
}

double kernels_peak_gflops(team *t)
{
    return peak_of(t, kernels.gemm_f32->spin);
}

typedef uint64_t lanes __attribute__((vector_size(16)));

static void read_part(void *arg, int part, int thread)
{
    (void)thread;
    peak_job *job = arg;
    lanes sums[8] = {{0}};
    for (size_t round = 0; round < job->rounds; round++) {
        const lanes *p = (const lanes *)(job->from + (size_t)part * job->bytes);
        for (const lanes *end = p + job->bytes / sizeof *p; p < end; p += 8) {
            __builtin_prefetch(p + 16); /* 20 to 24 GB/s from memory with it, 15 to 20 without */
            __builtin_prefetch(p + 20);
            for (int i = 0; i < 8; i++)
                sums[i] ^= p[i];
        }
    }
    for (int i = 1; i < 8; i++)
        sums[0] ^= sums[i];
    job->sums[part] = sums[0][0] ^ sums[0][1];
    job->done[part] = (double)job->rounds * (double)job->bytes;
}

static void copy_part(void *arg, int part, int thread)
{
    (void)thread;
    peak_job *job = arg;
    for (size_t round = 0; round < job->rounds; round++)
        memcpy(job->to + (size_t)part * job->bytes, job->from + (size_t)part * job->bytes,
               job->bytes);
    job->done[part] = 2 * (double)job->rounds * (double)job->bytes;
}

static double peak_bytes(team *t, size_t bytes, team_fn *part, bool copies)
{
    enum { ALIGN = 128, LEAST_BYTES = 16 << 20 };
    size_t parts = team_size(t) < MAX_PARTS ? (size_t)team_size(t) : MAX_PARTS;
    peak_job job = {.bytes = (bytes / parts + ALIGN) / ALIGN * ALIGN};
    job.rounds = LEAST_BYTES / (job.bytes * parts) + 1;
    job.from = huge_pages(job.bytes * parts);
    job.to = copies ? huge_pages(job.bytes * parts) : NULL;
    char *to = job.to;
    double rate = 0;
    if (job.from && (to || !copies)) {
        memset(job.from, 1, job.bytes * parts);
        rate = best_rate(t, part, &job);
    }
    free(job.from);
    free(to);
    return rate;
}

double kernels_peak_read(team *t, size_t bytes)
{
    return peak_bytes(t, bytes, read_part, false);
}

/* The half of `bytes` is read and the other half written. */
double kernels_peak_copy(team *t, size_t bytes)
{
    return peak_bytes(t, bytes / 2, copy_part, true);
}
