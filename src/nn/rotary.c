#include "nn/rotary.h"
#include "kernels/rows.h"

#include <math.h>

enum { GRAIN_FLOATS = 1 << 13 }; /* least work worth another thread */

const char *const rope_names[N_ROPE_KINDS + 1] = {"default", "linear",   "dynamic", "yarn",
                                                  "llama3",  "longrope", "ntk",     NULL};

static const double PI = 3.14159265358979323846;

bool rope_varies(const rope *r)
{
    return r->kind == ROPE_DYNAMIC || r->kind == ROPE_LONGROPE || r->length > 0;
}

static double factor_of(const rope *r)
{
    return r->factor > 0 ? r->factor : (double)r->positions / r->original;
}

/* base^(2 i / dim) */
static float period(double base, int i, int dim)
{
    return (float)pow(base, (double)((float)(2 * i) / (float)dim));
}

static void dynamic_steps(const rope *r, int n, float *steps)
{
    double longer = n > r->positions ? n : r->positions;
    double grown = r->factor * longer / r->positions - (r->factor - 1);
    double base = r->base * pow(grown, (double)r->dim / (r->dim - 2));
    for (int i = 0; i < r->dim / 2; i++)
        steps[i] = 1 / period(base, i, r->dim);
}

/* The pair that turns so many times over the original positions. */
static double pair_of(const rope *r, double turns)
{
    return r->dim * log(r->original / (turns * 2 * PI)) / (2 * log(r->base));
}

static double yarn_scale(double factor, double mscale)
{
    return factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1;
}

static float yarn_steps(const rope *r, float *steps)
{
    double factor = factor_of(r);
    double low = pair_of(r, r->beta_fast), high = pair_of(r, r->beta_slow);
    if (r->truncate) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0);
    high = fmin(high, r->dim - 1);
    if (low == high)
        high += 0.001;
    for (int i = 0; i < r->dim / 2; i++) {
        float full = period(r->base, i, r->dim);
        float ramp = ((float)i - (float)low) / (float)(high - low);
        float kept = 1 - fminf(fmaxf(ramp, 0), 1);
        steps[i] = 1 / ((float)factor * full) * (1 - kept) + 1 / full * kept;
    }
    if (r->attention_factor > 0)
        return (float)r->attention_factor;
    if (r->mscale > 0 && r->mscale_all > 0)
        return (float)(yarn_scale(factor, r->mscale) / yarn_scale(factor, r->mscale_all));
    return (float)yarn_scale(factor, 1);
}

static void llama3_steps(const rope *r, float *steps)
{
    double longest = r->original / r->low_frequency, shortest = r->original / r->high_frequency;
    for (int i = 0; i < r->dim / 2; i++) {
        float step = 1 / period(r->base, i, r->dim), wave = (float)(2 * PI) / step;
        float slow = step / (float)r->factor;
        float smooth = ((float)r->original / wave - (float)r->low_frequency) /
                       (float)(r->high_frequency - r->low_frequency);
        steps[i] = wave > longest    ? slow
                   : wave < shortest ? step
                                     : (1 - smooth) * slow + smooth * step;
    }
}

static float longrope_steps(const rope *r, int n, float *steps)
{
    const double *factors = n > r->original ? r->long_factors : r->short_factors;
    for (int i = 0; i < r->dim / 2; i++)
        steps[i] = 1 / ((float)factors[i] * period(r->base, i, r->dim));
    double factor = factor_of(r);
    if (r->attention_factor > 0)
        return (float)r->attention_factor;
    return factor <= 1 ? 1 : (float)sqrt(1 + log(factor) / log(r->original));
}

static void ntk_steps(const rope *r, float *steps)
{
    int pairs = r->dim / 2;
    bool mixed = r->mixed_b >= 0;
    double base = mixed ? r->base : r->base * r->factor;
    double a = mixed ? log(r->factor) / pow(pairs, r->mixed_b) : 0;
    for (int i = 0; i < pairs; i++) {
        double slower = mixed ? exp(a * pow(i + 1, r->mixed_b)) : pow(r->factor, 2.0 / r->dim);
        steps[i] = 1 / period(base, i, r->dim) / (float)slower;
    }
}

static float steps_of_kind(const rope *r, int n, float *steps)
{
    switch (r->kind) {
    case ROPE_DYNAMIC:
        dynamic_steps(r, n, steps);
        return 1;
    case ROPE_YARN:
        return yarn_steps(r, steps);
    case ROPE_LLAMA3:
        llama3_steps(r, steps);
        return 1;
    case ROPE_LONGROPE:
        return longrope_steps(r, n, steps);
    case ROPE_NTK:
        ntk_steps(r, steps);
        return 1;
    default:
        for (int i = 0; i < r->dim / 2; i++)
            steps[i] = 1 / period(r->base, i, r->dim);
        for (int i = 0; i < r->dim / 2 && r->kind == ROPE_LINEAR; i++)
            steps[i] /= (float)r->factor;
        return 1;
    }
}

/* Queries and keys are both multiplied by what this returns: each has the root of what is to scale
 * their scores. */
float rope_steps(const rope *r, int n, float *steps)
{
    float factor = steps_of_kind(r, n, steps);
    return r->length > 0 ? factor * (float)sqrt(fmax(log(n) / log(r->length), r->least)) : factor;
}

void rotary_fill(float *table, int positions, int dim, const float *steps, float factor)
{
    for (int i = 0; i < dim / 2; i++)
        for (int p = 0; p < positions; p++) {
            float angle = (float)p * steps[i];
            table[(long)p * dim + i] = sinf(angle) * factor;
            table[(long)p * dim + dim / 2 + i] = cosf(angle) * factor;
        }
}

struct rotary_job {
    const rotary *m;
    const ragged *r;
    float *x;
    long stride;
    int heads, head_dim;
};

static void turn_sequences(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct rotary_job *job = arg;
    int pairs = job->m->dim / 2;
    for (long s = begin; s < end; s++) {
        int first = job->m->by_row ? 0 : job->r->start[s];
        for (int i = job->r->start[s]; i < job->r->start[s + 1]; i++) {
            const float *sines = job->m->table + (long)(i - first) * job->m->dim;
            for (int h = 0; h < job->heads; h++)
                rotate_f32(job->x + i * job->stride + (long)h * job->head_dim, sines, sines + pairs,
                           pairs, job->m->neighbours);
        }
    }
}

void rotary_run(const rotary *m, team *t, const ragged *r, float *x, long stride, int heads,
                int head_dim)
{
    long floats = (long)ragged_rows(r) * heads * head_dim;
    long grain = floats / GRAIN_FLOATS > 0 ? r->n_seq / (floats / GRAIN_FLOATS) : r->n_seq;
    team_for(t, r->n_seq, grain > 0 ? grain : 1, turn_sequences,
             &(struct rotary_job){m, r, x, stride, heads, head_dim});
}
