#include "gateway/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void parses_rates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t n, window_ms;
    } good[] = {{"60/min", 60, 60000},        {"60/1", 60, 60000}, {"1000/5", 1000, 300000},
                {"1000/5 min", 1000, 300000}, {"2/s", 2, 1000},    {"7/10s", 7, 10000},
                {"5/Hour", 5, 3600000}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        rate r;
        assert_true(rate_parse(good[i].text, &r, NULL));
        assert_int_equal(r.n, good[i].n);
        assert_int_equal(r.window_ms, good[i].window_ms);
    }
    static const char *const bad[] = {
        "", "60", "0/min", "-1/min", "6/", "6/0", "6/year", "x/min", "99999999999999999999/min"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rate r;
        error e = {0};
        assert_false(rate_parse(bad[i], &r, &e));
        assert_int_equal(e.kind, ERR_BAD_REQUEST);
    }
}

static void bucket_empties_and_fills(void **state)
{
    (void)state;
    limits *l = limits_new((rate){3, 60000});
    for (int i = 0; i < 3; i++) {
        limits_verdict v = limits_take(l, STR("a"), 1000);
        assert_true(v.allowed);
        assert_int_equal(v.remaining, 2 - i);
        assert_int_equal(v.reset_s, 20 * (i + 1));
    }
    limits_verdict v = limits_take(l, STR("a"), 1000);
    assert_false(v.allowed);
    assert_int_equal(v.remaining, 0);
    assert_int_equal(v.reset_s, 20);
    assert_true(limits_take(l, STR("b"), 1000).allowed);
    assert_false(limits_take(l, STR("a"), 20999).allowed);
    assert_true(limits_take(l, STR("a"), 21000).allowed);
    assert_false(limits_take(l, STR("a"), 21000).allowed);
    /* a long pause fills it to the brim, not above */
    for (int i = 0; i < 3; i++)
        assert_true(limits_take(l, STR("a"), 10000000).allowed);
    assert_false(limits_take(l, STR("a"), 10000000).allowed);
    limits_free(l);
}

static void callers_are_bounded(void **state)
{
    (void)state;
    limits *l = limits_new((rate){1, 1000000000});
    char key[32];
    for (int i = 0; i < LIMITS_MAX_CALLERS; i++) {
        int n = snprintf(key, sizeof key, "caller %d", i);
        assert_true(limits_take(l, (str){key, (size_t)n}, i).allowed);
    }
    /* one more pushes out the oldest and nobody else */
    assert_true(limits_take(l, STR("new"), LIMITS_MAX_CALLERS).allowed);
    assert_false(limits_take(l, STR("caller 1"), LIMITS_MAX_CALLERS).allowed);
    assert_true(limits_take(l, STR("caller 0"), LIMITS_MAX_CALLERS).allowed);
    limits_free(l);
}

static void no_limit(void **state)
{
    (void)state;
    limits *l = limits_new((rate){0});
    for (int i = 0; i < 1000; i++)
        assert_true(limits_take(l, STR("a"), 0).allowed);
    limits_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_rates),
        cmocka_unit_test(bucket_empties_and_fills),
        cmocka_unit_test(callers_are_bounded),
        cmocka_unit_test(no_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
