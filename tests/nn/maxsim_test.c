/* MaxSim against its formula in 64-bit floats, from one row and one column on; what is in front of
 * and behind the rows is neither read nor written. */
#include "unit.h"

#include "nn/maxsim.h"

#include <math.h>

enum { MOST_ROWS = 40, MOST_WIDTH = 129, GUARD = 8 };

static unsigned seed;

static float next(void)
{
    seed = seed * 1664525 + 1013904223;
    return (float)(seed >> 8) / (1 << 23) - 1; /* -1 .. 1 */
}

static double product(const float *a, const float *b, int width)
{
    double sum = 0;
    for (int k = 0; k < width; k++)
        sum += (double)a[k] * b[k];
    return sum;
}

static double expected(const float *query, int n_query, const float *document, int n_rows,
                       int width)
{
    double sum = 0;
    for (int i = 0; i < n_query; i++) {
        double most = -INFINITY;
        for (int j = 0; j < n_rows; j++)
            most = fmax(most, product(query + i * width, document + j * width, width));
        sum += most;
    }
    return sum;
}

/* Rows between guards that would show in any product. */
static float *guarded(float *room, int n)
{
    for (int i = 0; i < n + 2 * GUARD; i++)
        room[i] = i < GUARD || i >= n + GUARD ? NAN : next();
    return room + GUARD;
}

static void check_sizes(int n_query, int n_rows, int width)
{
    static float rows[MOST_ROWS * MOST_WIDTH + 2 * GUARD], turned[MOST_ROWS * MOST_WIDTH + 1],
        documents[MOST_ROWS * MOST_WIDTH + 2 * GUARD], work[2 * MOST_ROWS + 1];
    const float *query = guarded(rows, n_query * width);
    const float *document = guarded(documents, n_rows * width);
    turned[n_query * width] = work[2 * n_query] = 77;
    maxsim_turn(query, n_query, width, turned);
    for (int i = 0; i < n_query; i++)
        for (int k = 0; k < width; k++)
            assert_true(turned[k * n_query + i] == query[i * width + k]);
    double got = maxsim(turned, n_query, document, n_rows, width, work);
    double wanted = expected(query, n_query, document, n_rows, width);
    assert_true(fabs(got - wanted) <= 1e-7 * width * n_query);
    assert_true(turned[n_query * width] == 77 && work[2 * n_query] == 77);
    assert_true(got == maxsim(turned, n_query, document, n_rows, width, work));
}

static void sizes(void **state)
{
    (void)state;
    static const int rows[] = {1, 2, 3, 15, 16, 17, 32, MOST_ROWS},
                     widths[] = {1, 2, 7, 16, 31, 96, 128, MOST_WIDTH};
    enum { N = sizeof rows / sizeof *rows, WIDTHS = sizeof widths / sizeof *widths };
    for (int i = 0; i < N * N * WIDTHS; i++)
        check_sizes(rows[i % N], rows[i / N % N], widths[i / N / N]);
}

/* All products may be negative: none of them is 0. */
static void negative(void **state)
{
    (void)state;
    const float query[] = {1, 2}, document[] = {-1, -1, -4, -0.5f, -2, -0.25f};
    float turned[2], work[2];
    maxsim_turn(query, 1, 2, turned);
    assert_true(maxsim(turned, 1, document, 3, 2, work) == -2.5);
}

/* Each row of the query has its own best one. */
static void own_best(void **state)
{
    (void)state;
    const float query[] = {1, 0, 0, 1, -1, 0}, document[] = {3, -7, -2, 5};
    float turned[6], work[6];
    maxsim_turn(query, 3, 2, turned);
    assert_true(maxsim(turned, 3, document, 2, 2, work) == 3 + 5 + 2);
}

static void empty(void **state)
{
    (void)state;
    const float query[] = {1, 2};
    float work[2];
    assert_true(maxsim(query, 1, NULL, 0, 2, work) == -1e9);
    assert_true(maxsim(query, 0, query, 1, 2, work) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(negative),
        cmocka_unit_test(own_best),
        cmocka_unit_test(empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
