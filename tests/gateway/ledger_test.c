#include "gateway/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char left[64]; /* names of those that were asked to leave, in order */

static void leave(void *owner)
{
    strcat(left, owner);
}

static ledger_entry entry(const char *name, int64_t bytes, int64_t used_ms)
{
    return (ledger_entry){.bytes = bytes, .used_ms = used_ms, .owner = (void *)(uintptr_t)name};
}

static enum ledger_verdict enter(ledger *l, ledger_entry *e, int64_t now_ms, int64_t *again)
{
    left[0] = '\0';
    return ledger_enter(l, e, now_ms, leave, again);
}

static void oldest_idle_goes_first(void **state)
{
    (void)state;
    ledger l = {.budget = 100};
    int64_t again;
    ledger_entry a = entry("a", 40, 30), b = entry("b", 40, 20), c = entry("c", 20, 10);
    ledger_entry d = entry("d", 50, 0);
    assert_int_equal(enter(&l, &a, 100, &again), LEDGER_FITS);
    assert_int_equal(enter(&l, &b, 100, &again), LEDGER_FITS);
    assert_int_equal(enter(&l, &c, 100, &again), LEDGER_FITS);
    assert_int_equal(l.used, 100);
    c.busy = true; /* the oldest, but at work */
    assert_int_equal(enter(&l, &d, 100, &again), LEDGER_WAIT);
    assert_string_equal(left, "ba");
    /* what is leaving already is not asked for again */
    assert_int_equal(enter(&l, &d, 100, &again), LEDGER_WAIT);
    assert_string_equal(left, "");
    ledger_remove(&l, &b);
    assert_int_equal(enter(&l, &d, 100, &again), LEDGER_WAIT);
    ledger_remove(&l, &a);
    assert_int_equal(enter(&l, &d, 100, &again), LEDGER_FITS);
    assert_int_equal(l.used, 70);
    ledger_remove(&l, &a); /* not there: nothing happens */
    assert_int_equal(l.used, 70);
}

static void never_fits(void **state)
{
    (void)state;
    ledger l = {.budget = 100};
    int64_t again;
    ledger_entry a = entry("a", 100, 0), b = entry("b", 101, 0);
    assert_int_equal(enter(&l, &a, 0, &again), LEDGER_FITS);
    assert_int_equal(enter(&l, &b, 0, &again), LEDGER_NEVER);
    assert_string_equal(left, "");
}

static void busy_ones_are_protected_for_a_while(void **state)
{
    (void)state;
    ledger l = {.budget = 100};
    int64_t again;
    ledger_entry a = entry("a", 60, 0), b = entry("b", 60, 0);
    assert_int_equal(enter(&l, &a, 0, &again), LEDGER_FITS);
    a.busy = true;
    a.protected_ms = 1000;
    assert_int_equal(enter(&l, &b, 500, &again), LEDGER_WAIT);
    assert_string_equal(left, "");
    assert_int_equal(again, 1000);
    assert_int_equal(enter(&l, &b, 1000, &again), LEDGER_WAIT);
    assert_string_equal(left, "a");
    assert_int_equal(again, -1);
}

static void corrections_count(void **state)
{
    (void)state;
    ledger l = {.budget = 100};
    int64_t again;
    ledger_entry a = entry("a", 60, 0), b = entry("b", 50, 0);
    assert_int_equal(enter(&l, &a, 0, &again), LEDGER_FITS);
    ledger_correct(&l, &a, 40);
    assert_int_equal(l.used, 40);
    assert_int_equal(enter(&l, &b, 0, &again), LEDGER_FITS);
    ledger_correct(&l, &b, 90);
    assert_int_equal(l.used, 130);
    ledger_remove(&l, &b);
    assert_int_equal(l.used, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_idle_goes_first),
        cmocka_unit_test(never_fits),
        cmocka_unit_test(busy_ones_are_protected_for_a_while),
        cmocka_unit_test(corrections_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
