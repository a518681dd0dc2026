#include "cli/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct sample {
    const char *data;
    int64_t idle_ms, budget, port;
    bool loud;
    option_list hosts;
    int level;
};

static const char *const levels[] = {"debug", "info", "warn", NULL};

static const option rows[] = {
    OPTION_TEXT(struct sample, data, "data", "DIR", NULL, "where the state is"),
    OPTION_DURATION(struct sample, idle_ms, "idle-timeout", "15m", "unload after this time"),
    OPTION_BYTES(struct sample, budget, "memory-budget", NULL, "most bytes of memory"),
    OPTION_INT(struct sample, port, "port", "N", "80", 0, 65535, "port"),
    OPTION_FLAG(struct sample, loud, "loud", "say more"),
    OPTION_LIST(struct sample, hosts, "allow-host", "NAME", "another name of this server"),
    OPTION_CHOICE(struct sample, level, "log-level", levels, "info", "least important lines"),
    OPTION_END,
};

static bool parse(struct sample *out, int *n, error *e, char **argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    return options_parse(rows, argc, argv, out, n, e);
}

#define WORDS(...) ((char **)(const char *[]){"cmd", __VA_ARGS__, NULL})

static void presets_and_values(void **state)
{
    (void)state;
    struct sample s;
    int n;
    error e = {0};
    char **argv = WORDS("one", "--data=/x", "--memory-budget", "1.5G", "two", "--allow-host", "a",
                        "--allow-host=b", "--loud", "--", "--data");
    assert_true(parse(&s, &n, &e, argv));
    assert_string_equal(s.data, "/x");
    assert_int_equal(s.idle_ms, 900000);
    assert_int_equal(s.budget, 1610612736);
    assert_int_equal(s.port, 80);
    assert_true(s.loud);
    assert_int_equal(s.level, 1);
    assert_int_equal(s.hosts.n, 2);
    assert_string_equal(s.hosts.items[1], "b");
    assert_int_equal(n, 3);
    assert_string_equal(argv[1], "one");
    assert_string_equal(argv[2], "two");
    assert_string_equal(argv[3], "--data");
}

static void nothing_given(void **state)
{
    (void)state;
    struct sample s;
    int n;
    error e = {0};
    assert_true(options_parse(rows, 1, (char **)(const char *[]){"cmd", NULL}, &s, &n, &e));
    assert_null(s.data);
    assert_int_equal(s.budget, -1);
    assert_false(s.loud);
    assert_int_equal(s.hosts.n, 0);
    assert_int_equal(n, 0);
}

static void refused(char **argv, const char *message)
{
    struct sample s;
    int n;
    error e = {0};
    assert_false(parse(&s, &n, &e, argv));
    assert_string_equal(e.message, message);
}

static void mistakes(void **state)
{
    (void)state;
    refused(WORDS("--idle-timout", "3"),
            "there is no option '--idle-timout'; did you mean '--idle-timeout'?");
    refused(WORDS("--zzzzzzzz"), "there is no option '--zzzzzzzz'");
    refused(WORDS("-x"), "there is no option '-x'");
    refused(WORDS("--data"), "--data needs a value");
    refused(WORDS("--loud=1"), "--loud takes no value");
    refused(WORDS("--port", "65536"), "--port: '65536' is not a whole number from 0 to 65535");
    refused(WORDS("--port", "1x"), "--port: '1x' is not a whole number from 0 to 65535");
    refused(WORDS("--log-level", "all"), "--log-level: 'all' is not one of debug, info, warn");
    refused(WORDS("--idle-timeout", "soon"),
            "--idle-timeout: 'soon' is not a time such as 250ms, 60s, 15m or 2h");
    refused(WORDS("--memory-budget", "-1"),
            "--memory-budget: '-1' is not a number of bytes such as 512M or 2GiB");
}

static void units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } bytes[] = {{"0", 0}, {"7b", 7}, {"512k", 524288}, {"2 MiB", 2097152}, {"1TB", 1099511627776}},
      times[] = {{"0", 0},       {"3", 3000},     {"250ms", 250},
                 {"1.5s", 1500}, {"2h", 7200000}, {"1d", 86400000}};
    int64_t got;
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        assert_true(options_bytes(bytes[i].text, &got, NULL));
        assert_int_equal(got, bytes[i].value);
    }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_true(options_duration(times[i].text, &got, NULL));
        assert_int_equal(got, times[i].value);
    }
    assert_false(options_bytes("1e300", &got, NULL));
    assert_false(options_bytes("12 apples", &got, NULL));
    assert_false(options_bytes("nan", &got, NULL));
    assert_false(options_duration("", &got, NULL));
}

static void help_names_every_option(void **state)
{
    (void)state;
    buf out = buf_new(1 << 16);
    options_help(rows, &out);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, "  --data DIR                where the state is\n"));
    assert_non_null(strstr(text, "unload after this time (default: 15m)"));
    assert_non_null(strstr(text, "--log-level debug|info|warn\n"));
    assert_non_null(strstr(text, "(may be repeated)"));
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 90);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_and_values),
        cmocka_unit_test(nothing_given),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(units),
        cmocka_unit_test(help_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
