/* Two passes over x before the last one: sums, then squared deviations, of runs of RUN rows each.
 * The sums of the runs are put together in double, in order, whoever made them. */
#include "kernels/group_norm.h"

#include "base/profile.h"
#include "kernels/table.h"

#include <math.h>

enum {
    RUN = 128,          /* rows summed in f32 */
    PART_VALUES = 8192, /* least work worth another thread */
};

/* Work: sums of all runs, then mean and factor of each image, all [channels]. */
typedef struct norm_job {
    const group_norm_args *a;
    float *sums, *numbers;
    bool squares;
} norm_job;

static long first_row(const group_norm_args *a, int image)
{
    return a->start ? a->start[image] : (long)image * a->rows;
}

static long rows_of(const group_norm_args *a, int image)
{
    return first_row(a, image + 1) - first_row(a, image);
}

/* Runs are counted through all images; each has one more than it may need. */
static long first_run(const group_norm_args *a, int image)
{
    return a->start ? a->start[image] / RUN + image : (long)image * (a->rows / RUN + 1);
}

static long runs_of(const group_norm_args *a, int image)
{
    return (rows_of(a, image) + RUN - 1) / RUN;
}

static float *numbers_of(const norm_job *job, int image)
{
    return job->numbers + (size_t)image * 2 * (size_t)job->a->channels;
}

size_t group_norm_work(const group_norm_args *a)
{
    return (size_t)(first_run(a, a->n) + 2L * a->n) * (size_t)a->channels;
}

/* The image with a row. */
static int image_of(const group_norm_args *a, long row)
{
    if (!a->start)
        return (int)(row / a->rows);
    int low = 0, high = a->n - 1;
    while (low < high) {
        int middle = low + (high - low + 1) / 2;
        if (a->start[middle] <= row)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Sums of the images' runs; parts are runs, of which the last of an image may be empty. */
static void sum_runs(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const norm_job *job = arg;
    const group_norm_args *a = job->a;
    int image = 0, channels = a->channels;
    for (long run = begin; run < end; run++) {
        while (run >= first_run(a, image + 1))
            image++;
        long row = (run - first_run(a, image)) * RUN, rows = rows_of(a, image) - row;
        if (rows <= 0)
            continue;
        rows = rows < RUN ? rows : RUN;
        const float *x = a->x + (first_row(a, image) + row) * channels;
        float *sums = job->sums + run * channels;
        if (job->squares)
            kernels.rows_f32->column_squares(x, channels, rows, numbers_of(job, image), sums,
                                             channels);
        else
            kernels.rows_f32->column_sums(x, channels, rows, sums, channels);
    }
}

/* The mean of all values of a group, of sums of its channels. */
static double mean_of(const norm_job *job, int image, int group)
{
    const group_norm_args *a = job->a;
    int of_group = a->channels / a->groups;
    const float *sums = job->sums + first_run(a, image) * a->channels + (long)group * of_group;
    double sum = 0;
    for (long run = 0; run < runs_of(a, image); run++, sums += a->channels) {
        for (int c = 0; c < of_group; c++)
            sum += sums[c];
    }
    return sum / ((double)rows_of(a, image) * of_group);
}

/* From sums the means; from sums of squares what x - mean is multiplied by. */
static void finish_images(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const norm_job *job = arg;
    const group_norm_args *a = job->a;
    int of_group = a->channels / a->groups;
    for (long image = begin; image < end; image++) {
        float *mean = numbers_of(job, (int)image), *factor = mean + a->channels;
        for (int c = 0; c < a->channels && rows_of(a, (int)image) > 0; c += of_group) {
            double found = mean_of(job, (int)image, c / of_group);
            double scale = job->squares ? 1 / sqrt(found + a->eps) : 0;
            for (int i = c; i < c + of_group; i++) {
                if (job->squares)
                    factor[i] = (float)(a->gamma ? scale * a->gamma[i] : scale);
                else
                    mean[i] = (float)found;
            }
        }
    }
}

static void adapt_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const norm_job *job = arg;
    const group_norm_args *a = job->a;
    int image = image_of(a, begin);
    for (long row = begin; row < end; row++) {
        while (row >= first_row(a, image + 1))
            image++;
        const float *mean = numbers_of(job, image);
        float *out = a->out + row * a->channels;
        kernels.rows_f32->adapt(a->x + row * a->channels, mean, mean + a->channels, a->beta, out,
                                a->channels);
        if (a->act != ACT_NONE)
            kernels.rows_f32->activate(a->act, out, out, a->channels);
    }
}

static long grain(long values)
{
    return PART_VALUES / (values + 1) + 1;
}

void group_norm_f32(team *t, const group_norm_args *a, float *work)
{
    PROFILE(PROFILE_ROWS);
    long runs = first_run(a, a->n);
    norm_job job = {.a = a, .sums = work, .numbers = work + runs * a->channels};
    for (int pass = 0; pass < 2; pass++) {
        job.squares = pass == 1;
        team_for(t, runs, grain((long)RUN * a->channels), sum_runs, &job);
        team_for(t, a->n, grain(a->channels), finish_images, &job);
    }
    team_for(t, first_row(a, a->n), grain(a->channels), adapt_rows, &job);
}

void batch_norm_factors(const float *gamma, const float *variance, float eps, float *factor,
                        int channels)
{
    for (int c = 0; c < channels; c++)
        factor[c] = (float)((gamma ? (double)gamma[c] : 1) / sqrt((double)variance[c] + eps));
}

typedef struct batch_norm_job {
    const float *x, *mean, *factor, *beta;
    float *out;
    enum activation act;
    int channels;
} batch_norm_job;

static void batch_norm_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const batch_norm_job *job = arg;
    for (long row = begin; row < end; row++) {
        float *out = job->out + row * job->channels;
        kernels.rows_f32->adapt(job->x + row * job->channels, job->mean, job->factor, job->beta,
                                out, job->channels);
        if (job->act != ACT_NONE)
            kernels.rows_f32->activate(job->act, out, out, job->channels);
    }
}

void batch_norm_f32(team *t, const float *x, const float *mean, const float *factor,
                    const float *beta, enum activation act, float *out, long n_rows, int channels)
{
    PROFILE(PROFILE_ROWS);
    batch_norm_job job = {x, mean, factor, beta, out, act, channels};
    team_for(t, n_rows, grain(channels), batch_norm_rows, &job);
}
