/* The profile counts the time of nested parts once, and nothing when it is off. */
#include "unit.h"

#include "base/clock.h"
#include "base/profile.h"

#include <stdbool.h>

enum { PAUSE_US = 3000 };

static void pause_us(int64_t us)
{
    for (int64_t end = clock_us() + us; clock_us() < end;)
        ;
}

static void inner(void)
{
    PROFILE_WORK(PROFILE_GEMM, 5);
    pause_us(PAUSE_US);
}

static bool outer(bool twice)
{
    PROFILE(PROFILE_ATTENTION);
    pause_us(PAUSE_US);
    inner();
    if (!twice)
        return false;
    inner();
    pause_us(PAUSE_US);
    return true;
}

static void nested_time_is_counted_once(void **state)
{
    (void)state;
    profile p;
    int64_t start = clock_us();
    profile_start(&p);
    outer(true);
    outer(false);
    pause_us(PAUSE_US);
    profile_stop();
    int64_t total = 0, took = 1000 * (clock_us() - start);
    for (int i = 0; i < N_PROFILE_PARTS; i++)
        total += p.ns[i];
    assert_true(total <= took + 1000); /* clock_us cuts off what is below */
    assert_true(p.ns[PROFILE_OTHER] >= 999 * PAUSE_US);
    assert_true(p.ns[PROFILE_ATTENTION] >= 2990 * PAUSE_US);
    assert_true(p.ns[PROFILE_GEMM] >= 2990 * PAUSE_US);
    assert_int_equal(p.calls[PROFILE_GEMM], 3);
    assert_int_equal(p.calls[PROFILE_ATTENTION], 2);
    assert_true(p.operations[PROFILE_GEMM] == 15);
    assert_int_equal(p.ns[PROFILE_ROWS], 0);
}

static void off_counts_nothing(void **state)
{
    (void)state;
    profile p;
    profile_start(&p);
    profile_stop();
    outer(true);
    assert_int_equal(p.calls[PROFILE_GEMM], 0);
    assert_null(profile_current);
    for (int i = 0; i < N_PROFILE_PARTS; i++)
        assert_true(strlen(profile_part_name(i)) > 0);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(nested_time_is_counted_once),
        cmocka_unit_test(off_counts_nothing),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
