#include "gateway/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void text(void **state)
{
    (void)state;
    metrics *m = metrics_new();
    series *a = metrics_get(m, METRIC_COUNTER, "x_total", "how many", "model", "a/\"b\"");
    series_add(a, 2);
    assert_ptr_equal(a, metrics_get(m, METRIC_COUNTER, "x_total", "how many", "model", "a/\"b\""));
    series_add(metrics_get(m, METRIC_COUNTER, "x_total", "how many", "model", "c"), 1);
    series_set(metrics_get(m, METRIC_GAUGE, "y", "now", NULL), 1.5);
    series_add(metrics_get(m, METRIC_GAUGE, "y", "now", NULL), 1);
    buf out = buf_new(1 << 16);
    metrics_write(m, &out);
    assert_string_equal(buf_text(&out), "# HELP x_total how many\n# TYPE x_total counter\n"
                                        "x_total{model=\"a/\\\"b\\\"\"} 2\nx_total{model=\"c\"} 1\n"
                                        "# HELP y now\n# TYPE y gauge\ny 2.5\n");
    buf_release(&out);
    metrics_free(m);
}

static void histogram(void **state)
{
    (void)state;
    metrics *m = metrics_new();
    series *s = metrics_get(m, METRIC_SECONDS, "t", "time", "route", "r");
    series_observe(s, 400);
    series_observe(s, 500);      /* a bound belongs to its bucket */
    series_observe(s, 60000000); /* above all bounds */
    assert_int_equal(series_value(s), 3);
    buf out = buf_new(1 << 16);
    metrics_write(m, &out);
    const char *lines = buf_text(&out);
    assert_non_null(strstr(lines, "t_bucket{route=\"r\",le=\"0.0005\"} 2\n"));
    assert_non_null(strstr(lines, "t_bucket{route=\"r\",le=\"30\"} 2\n"));
    assert_non_null(strstr(lines, "t_bucket{route=\"r\",le=\"+Inf\"} 3\n"));
    assert_non_null(strstr(lines, "t_sum{route=\"r\"} 60.0009\nt_count{route=\"r\"} 3\n"));
    buf_release(&out);
    metrics_free(m);
}

static void series_are_bounded(void **state)
{
    (void)state;
    metrics *m = metrics_new();
    char value[32];
    for (int i = 0; i < METRICS_MAX_SERIES + 50; i++) {
        snprintf(value, sizeof value, "%d", i);
        series_add(metrics_get(m, METRIC_COUNTER, "n", "h", "a,b", value, "x"), 1);
    }
    series *other = metrics_get(m, METRIC_COUNTER, "n", "h", "a,b", "other", "other");
    assert_int_equal(series_value(other), 50);
    metrics_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text),
        cmocka_unit_test(histogram),
        cmocka_unit_test(series_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
