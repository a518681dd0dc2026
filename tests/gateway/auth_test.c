#include "gateway/auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void hosts(void **state)
{
    (void)state;
    host_rules loopback = {.names = {"models.lan"}, .n_names = 1};
    static const char *const good[] = {
        "localhost", "localhost:8080", "LOCALHOST",     "127.0.0.1:1",     "127.9.9.9",
        "[::1]:80",  "[::1]",          "a.localhost:1", "models.LAN:8080", "localhost."};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(host_allowed(&loopback, str_of(good[i])));
    static const char *const bad[] = {
        "",      "evil.example", "localhost.evil.example", "10.0.0.1", "127.0.0.1.evil.example",
        "[::2]", "[::1",         "models.lan.x",           ":80",      "evillocalhost"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(host_allowed(&loopback, str_of(bad[i])));
    host_rules open = {.any_address = true};
    assert_true(host_allowed(&open, STR("10.0.0.1:8080")));
    assert_true(host_allowed(&open, STR("[2001:db8::1]")));
    assert_false(host_allowed(&open, STR("evil.example")));
    host_rules all = {.names = {"*"}, .n_names = 1};
    assert_true(host_allowed(&all, STR("evil.example")));
}

static void addresses(void **state)
{
    (void)state;
    assert_true(address_is_local("127.0.0.1:8080"));
    assert_true(address_is_local("[::1]:0"));
    assert_true(address_is_local("unix:/run/x"));
    assert_true(address_is_local("localhost:1"));
    assert_false(address_is_local("0.0.0.0:8080"));
    assert_false(address_is_local("[::]:8080"));
    assert_false(address_is_local("192.168.0.1:80"));
    assert_false(address_is_local(":8080"));
}

static void origins(void **state)
{
    (void)state;
    assert_true(origin_is_own(STR("http://localhost:8080"), STR("localhost:8080")));
    assert_true(origin_is_own(STR("https://Models.lan"), STR("models.lan")));
    assert_false(origin_is_own(STR("http://localhost:8081"), STR("localhost:8080")));
    assert_false(origin_is_own(STR("http://localhost:8080.evil.example"), STR("localhost:8080")));
    assert_false(origin_is_own(STR("null"), STR("localhost:8080")));
    assert_false(origin_is_own(STR("http://"), STR("")));
}

static void bearers(void **state)
{
    (void)state;
    assert_true(str_is(bearer_token(STR("Bearer hf_x")), "hf_x"));
    assert_true(str_is(bearer_token(STR("bearer  hf_x")), "hf_x"));
    assert_null(bearer_token((str){0}).p);
    assert_int_equal(bearer_token(STR("Basic abc")).n, 0);
    assert_non_null(bearer_token(STR("Basic abc")).p);
    assert_int_equal(bearer_token(STR("Bearer")).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts),
        cmocka_unit_test(addresses),
        cmocka_unit_test(origins),
        cmocka_unit_test(bearers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
