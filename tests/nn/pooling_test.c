/* Pooling against the plain formulas, with and without tokens that do not count. */
#include "unit.h"

#include "nn/pooling.h"

#include <math.h>
#include <stdlib.h>

enum { N_SEQ = 4, WIDTH = 5, ROWS = 3 + 1 + 7 + 200 };

static const int start[N_SEQ + 1] = {0, 3, 4, 11, ROWS};
static const ragged batch = {.start = start, .n_seq = N_SEQ};
static float rows[ROWS * WIDTH];

static int setup(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int i = 0; i < ROWS * WIDTH; i++) {
        seed = seed * 1664525 + 1013904223;
        rows[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    return 0;
}

static double at(int sequence, int token, int column)
{
    return rows[(start[sequence] + token) * WIDTH + column];
}

/* What the mode makes of tokens first .. n - 1, by its definition. */
static double expected(enum pooling mode, int s, int first, int column)
{
    int n = start[s + 1] - start[s];
    double sum = 0, weighted = 0, weights = 0, most = -INFINITY;
    for (int i = first; i < n; i++) {
        sum += at(s, i, column);
        weighted += (i + 1) * at(s, i, column);
        weights += i + 1;
        most = fmax(most, at(s, i, column));
    }
    int count = n - first;
    switch (mode) {
    case POOL_CLS:
        return at(s, count > 0 ? first : 0, column);
    case POOL_MAX:
        return most;
    case POOL_MEAN:
        return count > 0 ? sum / count : 0;
    case POOL_MEAN_SQRT_LEN:
        return count > 0 ? sum / sqrt(count) : 0;
    case POOL_WEIGHTED_MEAN:
        return count > 0 ? weighted / weights : 0;
    default:
        return count > 0 ? at(s, n - 1, column) : 0;
    }
}

static void check(const enum pooling *modes, int n_modes, const int *skip)
{
    team *t = team_new(2, NULL);
    float out[N_SEQ * N_POOLINGS * WIDTH + 1];
    float *guard = out + N_SEQ * n_modes * WIDTH;
    *guard = 77;
    pool_run(t, modes, n_modes, rows, &batch, skip, WIDTH, out);
    for (int s = 0; s < N_SEQ; s++)
        for (int m = 0; m < n_modes; m++)
            for (int j = 0; j < WIDTH; j++) {
                int n = start[s + 1] - start[s], first = skip ? skip[s] : 0;
                double want = expected(modes[m], s, first < n ? first : n, j);
                double got = out[(s * n_modes + m) * WIDTH + j];
                if (got != (float)want && !(fabs(got - want) < 1e-6))
                    fail_msg("%s of sequence %d: %.9g, expected %.9g", pooling_name(modes[m]), s,
                             got, want);
            }
    assert_true(*guard == 77);
    team_free(t);
}

static void each_mode(void **state)
{
    (void)state;
    static const int some[N_SEQ] = {1, 0, 3, 150}, all[N_SEQ] = {3, 1, 8, 1000};
    for (int mode = 0; mode < N_POOLINGS; mode++) {
        enum pooling one = (enum pooling)mode;
        check(&one, 1, NULL);
        check(&one, 1, some);
        check(&one, 1, all);
    }
}

static void side_by_side(void **state)
{
    (void)state;
    static const enum pooling modes[] = {POOL_MEAN, POOL_CLS, POOL_LAST, POOL_MAX, POOL_MEAN};
    check(modes, 5, NULL);
}

/* A token that is no number is not hidden. */
static void keeps_nan(void **state)
{
    (void)state;
    const float two[] = {1, NAN, 3, 4};
    const ragged one = {.start = (const int[]){0, 2}, .n_seq = 1};
    for (int mode = POOL_MAX; mode <= POOL_WEIGHTED_MEAN; mode++) {
        float out[2];
        enum pooling which = (enum pooling)mode;
        team *t = team_new(1, NULL);
        pool_run(t, &which, 1, two, &one, NULL, 2, out);
        assert_false(isnan(out[0]));
        if (!isnan(out[1]))
            fail_msg("%s hides a NaN", pooling_name(which));
        team_free(t);
    }
}

static void normalizes(void **state)
{
    (void)state;
    team *t = team_new(2, NULL);
    float three[] = {3, 4, 0, 0, -1e-20f, 0, 1e30f, -1e30f};
    normalize_run(t, three, 4, 2);
    const float want[] = {0.6f, 0.8f, 0, 0, -1e-8f, 0, (float)sqrt(0.5), -(float)sqrt(0.5)};
    for (int i = 0; i < 8; i++)
        assert_true(fabsf(three[i] - want[i]) <= 1e-7f * fabsf(want[i]));
    team_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mode),
        cmocka_unit_test(side_by_side),
        cmocka_unit_test(keeps_nan),
        cmocka_unit_test(normalizes),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
