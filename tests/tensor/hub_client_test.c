/* The hub client without a hub: settings, addresses, what refusals mean. Listing is tested against
 * a server in tests/api/test_pull.py. */
#include "unit.h"

#include "base/file.h"
#include "base/own.h"
#include "tensor/hub_client.h"

static const char *const settings[] = {
    "HF_ENDPOINT",    "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH",
    "HF_HUB_OFFLINE", "HF_HOME",  "XDG_CACHE_HOME",         "HOME"};

static int clear_settings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        unsetenv(settings[i]);
    return 0;
}

static void endpoints(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "https://huggingface.co"},
        {"http://127.0.0.1:80", "http://127.0.0.1:80"},
        {"https://mirror.example/hf///", "https://mirror.example/hf"},
        {"ftp://x", NULL},
        {"huggingface.co", NULL},
        {"https://", NULL},
        {"https://a b", NULL},
        {"https://a?b", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hub_client c = {0};
        error e = {0};
        setenv("HF_ENDPOINT", cases[i][0], 1);
        assert_int_equal(hub_client_init(&c, &e), cases[i][1] != NULL);
        if (cases[i][1])
            assert_string_equal(c.endpoint, cases[i][1]);
        else
            assert_non_null(strstr(e.message, "HF_ENDPOINT"));
        hub_client_release(&c);
    }
}

static void assert_token(const char *expected)
{
    hub_client c = {0};
    error e = {0};
    if (!hub_client_init(&c, &e))
        fail_msg("%s\n", e.message);
    if (expected)
        assert_string_equal(c.token, expected);
    else
        assert_null(c.token);
    hub_client_release(&c);
}

static void tokens(void **state)
{
    (void)state;
    char folder[] = "/tmp/hub-client-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    own_mem char *plain = path_join(folder, "token");
    own_mem char *cache = path_join(folder, "huggingface");
    own_mem char *cached = path_join(cache, "token");
    assert_true(file_write(plain, STR("hf_home\n"), 0600, NULL));
    assert_true(file_make_dirs(cache, NULL) && file_write(cached, STR("hf_cache"), 0600, NULL));
    assert_token(NULL);
    setenv("XDG_CACHE_HOME", folder, 1);
    assert_token("hf_cache");
    setenv("HF_HOME", folder, 1);
    assert_token("hf_home");
    setenv("HF_TOKEN_PATH", cached, 1);
    assert_token("hf_cache");
    setenv("HUGGING_FACE_HUB_TOKEN", "hf_old", 1);
    assert_token("hf_old");
    setenv("HF_TOKEN", "  hf_given ", 1);
    assert_token("hf_given");
    const char *const bad[] = {"a b", "a\r\nX: y", "\x7f", "caf\xc3\xa9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        hub_client c = {0};
        error e = {0};
        setenv("HF_TOKEN", bad[i], 1);
        assert_false(hub_client_init(&c, &e));
        assert_null(strstr(e.message, bad[i])); /* a token is never shown */
    }
    assert_true(file_remove_tree(folder, NULL));
}

static void offline(void **state)
{
    (void)state;
    hub_client c = {0};
    setenv("HF_HUB_OFFLINE", "1", 1);
    assert_false(hub_client_init(&c, NULL));
    setenv("HF_HUB_OFFLINE", "0", 1);
    assert_true(hub_client_init(&c, NULL));
    hub_client_release(&c);
}

static void addresses(void **state)
{
    (void)state;
    hub_client c = {.endpoint = (char[]){"http://h"}};
    own_mem char *url = hub_client_file_url(&c, "a/b", "c0", "d e/f#?%\xc3\xa9.json");
    assert_string_equal(url, "http://h/a/b/resolve/c0/d%20e/f%23%3F%25%C3%A9.json");
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *code;
        bool token;
        enum error_kind kind;
        const char *says;
    } cases[] = {
        {401, "RepoNotFound", false, ERR_NOT_FOUND, "there is no model 'a/b'"},
        {404, "RepoNotFound", true, ERR_NOT_FOUND, "the token may not read it"},
        {404, "", false, ERR_NOT_FOUND, "there is no model"},
        {401, "", false, ERR_NOT_FOUND, "HF_TOKEN"},
        {401, "", true, ERR_UNAUTHORIZED, "does not accept the token"},
        {403, "GatedRepo", false, ERR_FORBIDDEN, "http://h/a/b"},
        {401, "GatedRepo", false, ERR_FORBIDDEN, "gated"},
        {404, "RevisionNotFound", false, ERR_NOT_FOUND, "no revision 'r'"},
        {404, "EntryNotFound", false, ERR_NOT_FOUND, "does not have this file"},
        {403, "", false, ERR_FORBIDDEN, "disabled"},
        {500, "", false, ERR_BAD_GATEWAY, "status 500: disabled"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hub_client c = {.endpoint = (char[]){"http://h"},
                        .token = cases[i].token ? (char[]){"t"} : NULL};
        download_reply reply = {.status = cases[i].status, .error_message = "disabled"};
        error e = {0};
        strcpy(reply.error_code, cases[i].code);
        assert_false(hub_client_refused(&c, "a/b", "r", &reply, &e));
        assert_int_equal(e.kind, cases[i].kind);
        if (!strstr(e.message, cases[i].says))
            fail_msg("'%s' does not say '%s'\n", e.message, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(endpoints, clear_settings),
        cmocka_unit_test_setup(tokens, clear_settings),
        cmocka_unit_test_setup(offline, clear_settings),
        cmocka_unit_test(addresses),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
