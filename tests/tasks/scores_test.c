/* Probabilities and the best of many against plain formulas. */
#include "unit.h"

#include "base/own.h"
#include "kernels/kernels.h"
#include "tasks/scores.h"

#include <math.h>
#include <stdlib.h>

/* The k best by choosing one after the other. */
static void plain_top(const float *scores, int n, int k, int *out)
{
    bool *taken = calloc((size_t)n, sizeof *taken);
    for (int i = 0; i < k; i++) {
        int best = -1;
        for (int at = 0; at < n; at++)
            if (!taken[at] && (best < 0 || scores[at] > scores[best]))
                best = at;
        taken[best] = true;
        out[i] = best;
    }
    free(taken);
}

static void finds_the_best_in_order(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int n = 1; n < 60; n += 3)
        for (int k = 0; k <= n; k++) {
            float scores[60];
            int got[60] = {0}, want[60];
            for (int i = 0; i < n; i++) {
                seed = seed * 1664525u + 1013904223u;
                scores[i] = (float)(seed >> 28); /* many are equal */
            }
            scores_top(scores, n, k, got);
            plain_top(scores, n, k, want);
            assert_memory_equal(got, want, (size_t)k * sizeof *got);
        }
}

/* Runs of scores are looked at together; what is in them counts all the same. */
static void finds_the_best_of_many(void **state)
{
    (void)state;
    enum { N = 1000 };
    uint32_t seed = 5;
    float scores[N];
    int got[N], want[N];
    for (int kind = 0; kind < 4; kind++) /* any order, rising, falling, mostly equal */
        for (int n = N - 130; n <= N; n += 13)
            for (int k = 1; k < 70; k += 17) {
                for (int i = 0; i < n; i++) {
                    seed = seed * 1664525u + 1013904223u;
                    scores[i] = kind == 1   ? (float)i
                                : kind == 2 ? (float)-i
                                            : (float)(seed >> (kind == 3 ? 31 : 8));
                }
                scores_top(scores, n, k, got);
                plain_top(scores, n, k, want);
                assert_memory_equal(got, want, (size_t)k * sizeof *got);
            }
}

static void finds_the_best_anywhere(void **state)
{
    (void)state;
    enum { N = 200 };
    static float scores[N];
    for (int at = 0; at < N; at++) {
        int got[2];
        scores[at] = 1;
        scores_top(scores, N, 2, got);
        assert_int_equal(got[0], at);
        assert_int_equal(got[1], at == 0);
        scores[at] = 0;
    }
}

static void shares_are_probabilities(void **state)
{
    (void)state;
    enum { N = 777 };
    float scores[N], all[N];
    for (int i = 0; i < N; i++)
        all[i] = scores[i] = (float)(i * 37 % 101) / 10 - 500;
    scores_softmax(all, N);
    score_shares s = scores_shares(scores, N);
    for (int i = 0; i < N; i++)
        assert_true(fabsf(scores_share(&s, scores[i]) - all[i]) <= 2e-6f * all[i]);
}

static void probabilities(void **state)
{
    (void)state;
    float one[] = {1000, 1001, -1000}, two[] = {0, 100, -100};
    scores_softmax(one, 3);
    assert_true(fabsf(one[0] - 0.26894142f) < 1e-6f && fabsf(one[1] - 0.73105858f) < 1e-6f);
    assert_true(one[2] == 0);
    scores_apply(SCORES_SIGMOID, two, 3);
    assert_true(two[0] == 0.5f && two[1] == 1 && two[2] >= 0 && two[2] < 1e-30f);
    scores_apply(SCORES_NONE, two, 3);
    assert_true(two[0] == 0.5f);
}

static void the_function_follows_the_problem(void **state)
{
    (void)state;
    model_info m = {.n_labels = 3, .problem = PROBLEM_SINGLE_LABEL};
    assert_int_equal(scores_default(&m), SCORES_SOFTMAX);
    m.problem = PROBLEM_MULTI_LABEL;
    assert_int_equal(scores_default(&m), SCORES_SIGMOID);
    m.problem = PROBLEM_REGRESSION;
    assert_int_equal(scores_default(&m), SCORES_NONE);
    m = (model_info){.n_labels = 1, .problem = PROBLEM_SINGLE_LABEL};
    assert_int_equal(scores_default(&m), SCORES_SIGMOID);
}

static void writes_labels(void **state)
{
    (void)state;
    const char *const names[] = {"no", "\"yes\"", "so"};
    model_info m = {.n_labels = 3, .labels = names};
    float scores[] = {0.25f, 0.5f, 0.25f};
    int order[3];
    own_buf buf out = buf_new(1000);
    scores_put_labels(&out, &m, scores, 2, order);
    assert_string_equal(buf_text(&out), "[{\"label\":\"\\\"yes\\\"\",\"score\":0.5},"
                                        "{\"label\":\"no\",\"score\":0.25}]");
    buf_clear(&out);
    scores_put_labels(&out, &m, scores, 0, order);
    assert_non_null(strstr(buf_text(&out), "\"so\""));
}

static int setup(void **state)
{
    (void)state;
    return kernels_init(NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_best_in_order),
        cmocka_unit_test(finds_the_best_of_many),
        cmocka_unit_test(finds_the_best_anywhere),
        cmocka_unit_test(shares_are_probabilities),
        cmocka_unit_test(probabilities),
        cmocka_unit_test(the_function_follows_the_problem),
        cmocka_unit_test(writes_labels),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
