/* Group, instance and batch norms: every level against sums in double, the same bits however images
 * are batched, within the operands. */
#include "activations.h"
#include "harness.h"

#include "kernels/group_norm.h"

static const char *levels[8];
static int n_levels;

#define FOR_LEVELS(i) for (int i = 0; i < n_levels && kernels_init_level(levels[i], NULL); i++)

static int below(int n)
{
    return (int)(random_bits() % (unsigned)n);
}

static float *run(team *t, const group_norm_args *a)
{
    edge work = edge_new(group_norm_work(a));
    group_norm_f32(t, a, work.p);
    edge_free(&work);
    return a->out;
}

/* Mean and variance of a group in double. */
static void moments(const float *x, long rows, int channels, int first, int n, double *mean,
                    double *variance)
{
    double sum = 0, squares = 0;
    for (long i = 0; i < rows * n; i++)
        sum += x[i / n * channels + first + i % n];
    *mean = sum / (double)(rows * n);
    for (long i = 0; i < rows * n; i++)
        squares += pow(x[i / n * channels + first + i % n] - *mean, 2);
    *variance = squares / (double)(rows * n);
}

/* Values lie around `centre`: an ulp of them, times the factor, is what a difference may be. */
static void check_image(const group_norm_args *a, const float *x, const float *out, long rows,
                        double centre)
{
    int n = a->channels / a->groups;
    for (int g = 0; g < a->groups && rows > 0; g++) {
        double mean, variance;
        moments(x, rows, a->channels, g * n, n, &mean, &variance);
        double factor = 1 / sqrt(variance + (double)a->eps);
        for (long i = 0; i < rows * n; i++) {
            long c = g * n + i % n, at = i / n * a->channels + c;
            double y = (x[at] - mean) * factor * (a->gamma ? (double)a->gamma[c] : 1);
            double bound = 2e-6 * (1 + factor * (1 + centre)) + fabs(y) * 2e-6;
            y = exact_activation(a->act, y + (a->beta ? (double)a->beta[c] : 0));
            assert_near_at(out[at], y, 1.2 * bound, "%ld rows, %d channels, %d groups [%ld]", rows,
                           a->channels, a->groups, at);
        }
    }
}

static void check_random(team *t)
{
    static const int widths[] = {1, 2, 4, 8, 5, 16, 17, 64, 33},
                     lengths[] = {1, 2, 9, 127, 128, 129, 300};
    group_norm_args a = {.groups = 1 + below(4), .n = 1 + below(3), .eps = 1e-5f};
    a.channels = a.groups * widths[below(9)];
    a.groups = below(4) ? a.groups : a.channels;
    a.rows = lengths[below(7)];
    float centre = below(2) ? 0 : 40;
    edge x = edge_random((size_t)(a.n * a.rows * a.channels)), out = edge_new(x.n);
    edge gamma = edge_random((size_t)a.channels), beta = edge_random((size_t)a.channels);
    for (size_t i = 0; i < x.n; i++)
        x.p[i] = 3 * x.p[i] + centre;
    a.x = x.p;
    a.out = out.p;
    a.gamma = below(3) ? gamma.p : NULL;
    a.beta = below(3) ? beta.p : NULL;
    a.act = below(2) ? ACT_SILU : ACT_NONE;
    run(t, &a);
    for (int i = 0; i < a.n; i++)
        check_image(&a, x.p + i * a.rows * a.channels, out.p + i * a.rows * a.channels, a.rows,
                    centre);
    a.out = x.p;
    run(t, &a);
    assert_same_bits(x.p, out.p, x.n, "group norm in place");
    edge_free(&x), edge_free(&out), edge_free(&gamma), edge_free(&beta);
}

static void values_are_within_their_bounds(void **state)
{
    (void)state;
    for (int threads = first_team(); threads <= 3; threads += 2) {
        team *t = team_new(threads, NULL);
        FOR_LEVELS(level)
        {
            for (int i = 0; i < 60; i += sizes_step())
                check_random(t);
        }
        team_free(t);
    }
}

static void sequences_do_not_depend_on_each_other(void **state)
{
    (void)state;
    enum { N = 6, CHANNELS = 24 };
    static const int start[N + 1] = {0, 130, 130, 131, 600, 728, 735};
    team *one = team_new(1, NULL), *three = team_new(3, NULL);
    edge x = edge_random(735 * CHANNELS), out = edge_new(x.n), alone = edge_new(x.n);
    edge gamma = edge_random(CHANNELS);
    FOR_LEVELS(level)
    {
        group_norm_args a = {.x = x.p, .out = out.p, .n = N, .start = start, .gamma = gamma.p};
        a.channels = CHANNELS;
        a.groups = 3;
        a.eps = 1e-6f;
        run(three, &a);
        a.start = NULL;
        a.n = 1;
        for (int i = 0; i < N; i++) {
            a.x = x.p + start[i] * CHANNELS;
            a.out = alone.p + start[i] * CHANNELS;
            a.rows = start[i + 1] - start[i];
            run(one, &a);
            check_image(&a, a.x, a.out, a.rows, 0);
        }
        assert_same_bits(out.p, alone.p, x.n, "sequences together");
    }
    team_free(one);
    team_free(three);
    edge_free(&x), edge_free(&out), edge_free(&alone), edge_free(&gamma);
}

static void batch_norms(void **state)
{
    (void)state;
    team *t = team_new(2, NULL);
    static const int widths[] = {1, 3, 4, 8, 15, 16, 17, 64, 70};
    FOR_LEVELS(level)
    {
        for (int w = 0; w < 9; w++) {
            int n = widths[w], rows = 5;
            edge x = edge_random((size_t)(rows * n)), out = edge_new(x.n);
            edge mean = edge_random((size_t)n), variance = edge_random((size_t)n);
            edge gamma = edge_random((size_t)n), beta = edge_random((size_t)n);
            edge factor = edge_new((size_t)n);
            for (int c = 0; c < n; c++)
                variance.p[c] = fabsf(variance.p[c]) + 0.01f;
            batch_norm_factors(w % 2 ? NULL : gamma.p, variance.p, 1e-3f, factor.p, n);
            batch_norm_f32(t, x.p, mean.p, factor.p, w % 3 ? beta.p : NULL,
                           w % 4 ? ACT_NONE : ACT_RELU, out.p, rows, n);
            for (int i = 0; i < rows * n; i++) {
                int c = i % n;
                double y = ((double)x.p[i] - mean.p[c]) / sqrt((double)variance.p[c] + 1e-3);
                y = y * (w % 2 ? 1 : (double)gamma.p[c]) + (w % 3 ? (double)beta.p[c] : 0);
                y = w % 4 ? y : fmax(y, 0);
                assert_near(out.p[i], y, 1e-5, "batch norm");
            }
            edge_free(&x), edge_free(&out), edge_free(&mean), edge_free(&variance);
            edge_free(&gamma), edge_free(&beta), edge_free(&factor);
        }
    }
    team_free(t);
}

static int find_levels(void **state)
{
    (void)state;
    n_levels = reachable_levels(levels);
    return n_levels > 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_within_their_bounds),
        cmocka_unit_test(sequences_do_not_depend_on_each_other),
        cmocka_unit_test(batch_norms),
    };
    return cmocka_run_group_tests(tests, find_levels, NULL);
}
