/* Shares the rows of rows.h out over the team. A part gets enough values to be worth waking a
 * thread for. */
#include "kernels/rows.h"

#include "base/profile.h"
#include "kernels/table.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum { PART_VALUES = 8 * 1024 };

/* What a region needs; each function uses the members that it is given. */
typedef struct rows_job {
    const float *a, *b, *gamma, *beta;
    float *out;
    long ldb;
    float eps;
    int width;
    enum activation act;
} rows_job;

static void for_rows(team *t, int n_rows, int width, team_range_fn *fn, rows_job *job)
{
    if (width > 0)
        team_for(t, n_rows, PART_VALUES / width + 1, fn, job);
}

static void layer_norm_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const rows_job *job = arg;
    for (long i = begin; i < end; i++) {
        long at = i * job->width;
        kernels.rows_f32->layer_norm(job->a + at, job->b ? job->b + at : NULL, job->gamma,
                                     job->beta, job->eps, job->out + at, job->width);
    }
}

void layer_norm_f32(team *t, const float *x, const float *residual, const float *gamma,
                    const float *beta, float eps, float *out, int n_rows, int width)
{
    PROFILE(PROFILE_ROWS);
    rows_job job = {.a = x, .b = residual, .gamma = gamma, .beta = beta};
    job.eps = eps;
    job.out = out;
    job.width = width;
    for_rows(t, n_rows, width, layer_norm_rows, &job);
}

static void rms_norm_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const rows_job *job = arg;
    for (long i = begin; i < end; i++) {
        long at = i * job->width;
        kernels.rows_f32->rms_norm(job->a + at, job->gamma, job->eps, job->out + at, job->width);
    }
}

void rms_norm_f32(team *t, const float *x, const float *gamma, float eps, float *out, int n_rows,
                  int width)
{
    PROFILE(PROFILE_ROWS);
    rows_job job = {.a = x, .gamma = gamma, .eps = eps, .out = out, .width = width};
    for_rows(t, n_rows, width, rms_norm_rows, &job);
}

static void softmax_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const rows_job *job = arg;
    for (long i = begin; i < end; i++)
        kernels.rows_f32->softmax(job->a + i * job->width, job->out + i * job->width, job->width);
}

void softmax_f32(team *t, const float *x, float *out, int n_rows, int width)
{
    PROFILE(PROFILE_ROWS);
    rows_job job = {.a = x, .out = out, .width = width};
    for_rows(t, n_rows, width, softmax_rows, &job);
}

double softmax_sum_f32(const float *x, long n, float *most)
{
    PROFILE(PROFILE_ROWS);
    return kernels.rows_f32->exp_sum(x, n, most);
}

static void activate_values(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const rows_job *job = arg;
    kernels.rows_f32->activate(job->act, job->a + begin, job->out + begin, end - begin);
}

void activate_f32(team *t, enum activation act, const float *x, float *out, long n)
{
    PROFILE(PROFILE_ROWS);
    rows_job job = {.a = x, .out = out, .act = act};
    team_for(t, n, PART_VALUES, activate_values, &job);
}

static void prelu_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const rows_job *job = arg;
    for (long i = begin; i < end; i++)
        kernels.rows_f32->prelu(job->a + i * job->width, job->b, job->ldb > 1,
                                job->out + i * job->width, job->width);
}

void prelu_f32(team *t, const float *x, const float *slopes, int n_slopes, float *out, int n_rows,
               int width)
{
    PROFILE(PROFILE_ROWS);
    assert(n_slopes == 1 || n_slopes == width);
    rows_job job = {.a = x, .b = slopes, .ldb = n_slopes, .out = out, .width = width};
    for_rows(t, n_rows, width, prelu_rows, &job);
}

static float softplus(float x)
{
    return x > 0 ? x + log1pf(expf(-x)) : log1pf(expf(x));
}

xielu xielu_of(float alpha_p, float alpha_n, float beta, float eps)
{
    return (xielu){.positive = softplus(alpha_p),
                   .negative = beta + softplus(alpha_n),
                   .beta = beta,
                   .eps = eps};
}

struct xielu_job {
    const xielu *act;
    const float *x;
    float *out;
};

static void xielu_part(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct xielu_job *job = arg;
    kernels.rows_f32->xielu(job->act, job->x + begin, job->out + begin, end - begin);
}

void xielu_f32(team *t, const xielu *act, const float *x, float *out, long n)
{
    PROFILE(PROFILE_ROWS);
    team_for(t, n, PART_VALUES, xielu_part, &(struct xielu_job){act, x, out});
}

static void add_values(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const rows_job *job = arg;
    kernels.rows_f32->add(job->a + begin, job->b + begin, job->out + begin, end - begin);
}

void add_f32(team *t, const float *a, const float *b, float *out, long n)
{
    PROFILE(PROFILE_ROWS);
    rows_job job = {.a = a, .b = b, .out = out};
    team_for(t, n, PART_VALUES, add_values, &job);
}

void rotate_f32(float *x, const float *sines, const float *cosines, int n, bool neighbours)
{
    if (neighbours)
        kernels.rows_f32->rotate_neighbours(x, sines, cosines, n);
    else
        kernels.rows_f32->rotate_halves(x, sines, cosines, n);
}

static const float *embedding(const embed_args *a, int table, long row)
{
    long id = a->ids[table] ? a->ids[table][row] : 0;
    return a->table[table] + id * a->width;
}

static void embed_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const embed_args *a = arg;
    for (long i = begin; i < end; i++) {
        float *out = a->out + i * a->width;
        const float *sum = embedding(a, 0, i);
        if (a->n_tables == 1)
            memcpy(out, sum, (size_t)a->width * sizeof *out);
        for (int table = 1; table < a->n_tables; table++, sum = out)
            kernels.rows_f32->add(sum, embedding(a, table, i), out, a->width);
    }
}

void embed_f32(team *t, const embed_args *a)
{
    PROFILE(PROFILE_ROWS);
    embed_args args = *a;
    if (a->width > 0)
        team_for(t, a->n_rows, PART_VALUES / a->width + 1, embed_rows, &args);
}

void f16_to_f32(const void *from, float *out, long n)
{
    PROFILE(PROFILE_ROWS);
    kernels.rows_f32->from_f16(from, out, n);
}

void bf16_to_f32(const void *from, float *out, long n)
{
    PROFILE(PROFILE_ROWS);
    kernels.rows_f32->from_bf16(from, out, n);
}
