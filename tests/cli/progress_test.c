/* Texts of the progress line. */
#include "unit.h"

#include "cli/progress.h"

static void bytes(void **state)
{
    (void)state;
    static const struct {
        double bytes;
        const char *text;
    } cases[] = {{0, "0 B"},           {999, "999 B"},       {1000, "1.0 kB"},
                 {999949, "999.9 kB"}, {999951, "1.0 MB"},   {90868376, "90.9 MB"},
                 {5.3e9, "5.3 GB"},    {1.5e15, "1500.0 TB"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        progress_bytes(text, sizeof text, cases[i].bytes);
        assert_string_equal(text, cases[i].text);
    }
}

static void times(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {
        {0, "0 s"},          {59.4, "59 s"},      {59.6, "1 min 0 s"},       {125, "2 min 5 s"},
        {3600, "1 h 0 min"}, {3780, "1 h 3 min"}, {1e300, "277777 h 46 min"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        progress_time(text, sizeof text, cases[i].seconds);
        assert_string_equal(text, cases[i].text);
    }
}

static void lines(void **state)
{
    (void)state;
    hub_fetch_status s = {
        .n_files = 12, .n_files_done = 5, .bytes = 90900000, .bytes_done = 45450000};
    char line[PROGRESS_LINE];
    progress_line(line, &s, 12.3e6, 80, false);
    assert_string_equal(line, " 5/12 files [==========>         ]  50%  45.5 MB of 90.9 MB  "
                              "12.3 MB/s  4 s left");
    progress_line(line, &s, 0, 0, true);
    assert_string_equal(line, " 5/12 files  50%  45.5 MB of 90.9 MB");
    progress_line(line, &(hub_fetch_status){0}, 0, 40, false);
    assert_non_null(strstr(line, "100%"));
    s.bytes_done = 2 * s.bytes; /* never more than all of it */
    progress_line(line, &s, 1e6, 200, false);
    assert_non_null(strstr(line, "100%"));
    for (int columns = 0; columns < 300; columns++) {
        progress_line(line, &s, 12.3e6, columns, false);
        assert_true((int)strlen(line) <= (columns < 40 ? 40 : columns));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes),
        cmocka_unit_test(times),
        cmocka_unit_test(lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
