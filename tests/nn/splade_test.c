/* Sparse pooling against its formula, in parts of any size; and the values that stay. */
#include "unit.h"

#include "nn/splade.h"

#include <math.h>
#include <stdlib.h>

enum { N_SEQ = 4, WIDTH = 3001, ROWS = 3 + 1 + 7 + 40 };

static const int start[N_SEQ + 1] = {0, 3, 4, 11, ROWS};
static const ragged batch = {.start = start, .n_seq = N_SEQ};
static float *rows;

static int setup(void **state)
{
    (void)state;
    unsigned seed = 1;
    rows = malloc(ROWS * WIDTH * sizeof *rows);
    for (int i = 0; rows && i < ROWS * WIDTH; i++) {
        seed = seed * 1664525 + 1013904223;
        rows[i] = (float)(seed >> 8) / (1 << 22) - 3;
    }
    return rows ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    free(rows);
    return 0;
}

static double expected(const splade *s, int sequence, int column)
{
    double sum = 0, most = 0;
    for (int i = start[sequence]; i < start[sequence + 1]; i++) {
        double w = log1p(fmax(rows[i * WIDTH + column], 0));
        w = s->twice ? log1p(w) : w;
        sum += w;
        most = fmax(most, w);
    }
    return s->sum ? sum : most;
}

static void follows_the_formula(void **state)
{
    (void)state;
    error e = {0};
    float *whole = calloc(N_SEQ * WIDTH, sizeof *whole),
          *parts = calloc(N_SEQ * WIDTH, sizeof *whole);
    double *sums = calloc(WIDTH, sizeof *sums);
    for (int kind = 0; kind < 4; kind++) {
        splade s = {.sum = kind & 1, .twice = kind & 2};
        team *one = team_new(1, &e), *three = team_new(3, &e);
        splade_add(&s, one, rows, 0, ROWS, &batch, WIDTH, sums, whole);
        for (int q = 0; q < N_SEQ; q++)
            for (int j = 0; j < WIDTH; j++)
                assert_true(fabs(whole[q * WIDTH + j] - expected(&s, q, j)) < 1e-5);
        for (int part = 1; part < ROWS; part += 4) {
            memset(parts, 0xff, N_SEQ * WIDTH * sizeof *parts);
            for (int i = 0; i < ROWS; i += part)
                splade_add(&s, three, rows + (long)i * WIDTH, i, ROWS - i < part ? ROWS - i : part,
                           &batch, WIDTH, sums, parts);
            assert_memory_equal(parts, whole, N_SEQ * WIDTH * sizeof *parts);
        }
        team_free(one);
        team_free(three);
    }
    free(whole);
    free(parts);
    free(sums);
}

static void scores_that_are_no_numbers_show(void **state)
{
    (void)state;
    error e = {0};
    team *t = team_new(1, &e);
    static const float odd[] = {1, NAN, 2, 7, -INFINITY, -1};
    for (int kind = 0; kind < 2; kind++) {
        float out[2];
        double sums[2] = {0};
        ragged r = {.start = (const int[]){0, 3}, .n_seq = 1};
        splade_add(&(splade){.sum = kind}, t, odd, 0, 3, &r, 2, sums, out);
        assert_true(isfinite(out[0]) && isnan(out[1]));
    }
    team_free(t);
}

static void the_largest_stay(void **state)
{
    (void)state;
    static const struct {
        int most;
        float wanted[6];
    } cases[] = {
        {6, {1, -4, 0, 3, 3, -3}}, {5, {1, -4, 0, 3, 3, -3}}, {4, {0, -4, 0, 3, 3, -3}},
        {3, {0, -4, 0, 3, 3, 0}},  {2, {0, -4, 0, 3, 0, 0}},  {1, {0, -4, 0, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float v[12] = {1, -4, 0, 3, 3, -3, 0, 0, 0, 0, 9, 0}, work[6];
        sparse_keep(v, 2, 6, cases[i].most, work);
        for (int j = 0; j < 6; j++)
            assert_true(v[j] == cases[i].wanted[j] && v[6 + j] == (j == 4 ? 9 : 0));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_formula),
        cmocka_unit_test(scores_that_are_no_numbers_show),
        cmocka_unit_test(the_largest_stay),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
