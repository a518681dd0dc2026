/* Routes: precedence, captures, methods. */
#include "http/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void handler(http_request *req, void *app)
{
    (void)req;
    (void)app;
}

static router *make(void)
{
    static const char *const rows[][2] = {
        {"GET", "/{owner}/{name}"},
        {"GET", "/models/{owner}/{name}"},
        {"POST", "/models/{owner}/{name}"},
        {"GET", "/models/{name}"},
        {"GET", "/models/{owner}/{name}/resolve/{revision}/{path...}"},
        {"GET", "/models/special/one"},
        {"GET", "/"},
        {"GET", "/files/{path...}"},
        {"DELETE", "/files/x"},
        {"POST", "/v1/embeddings"},
    };
    router *r = router_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        router_add(r, rows[i][0], rows[i][1], handler, (void *)rows[i][1]);
    return r;
}

static void test_table(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *pattern, *captures; /* pattern "": 404, "405" */
    } rows[] = {
        {"GET", "/", "/", ""},
        {"GET", "/a/b", "/{owner}/{name}", "a|b|"},
        {"GET", "/models/b", "/models/{name}", "b|"},
        {"HEAD", "/models/b", "/models/{name}", "b|"},
        {"GET", "/models/a/b", "/models/{owner}/{name}", "a|b|"},
        {"POST", "/models/a/b", "/models/{owner}/{name}", "a|b|"},
        {"GET", "/models/special/one", "/models/special/one", ""},
        {"POST", "/models/special/one", "/models/{owner}/{name}", "special|one|"},
        {"GET", "/models/a%2Fb/c", "/models/{owner}/{name}", "a/b|c|"},
        {"GET", "/models%2Fa/b", "/{owner}/{name}", "models/a|b|"},
        {"GET", "/mod%65ls/b", "/models/{name}", "b|"},
        {"GET", "/models/a/b/resolve/main/c/d%20e/f",
         "/models/{owner}/{name}/resolve/{revision}/{path...}", "a|b|main|c/d e/f|"},
        {"GET", "/models/a/b/resolve/main/", "", ""},
        {"GET", "/models/a/b/resolve/main", "", ""},
        {"GET", "/files/x", "/files/{path...}", "x|"},
        {"DELETE", "/files/x", "/files/x", ""},
        {"DELETE", "/files/y", "405", ""},
        {"GET", "/v1/embeddings", "/{owner}/{name}", "v1|embeddings|"},
        {"PUT", "/v1/embeddings", "405", ""},
        {"GET", "/models//b", "", ""},
        {"GET", "/models/a/", "", ""},
        {"GET", "//", "", ""},
        {"GET", "/a", "", ""},
        {"GET", "/a/b/c/d", "", ""},
    };
    router *r = make();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char decoded[200], captures[200] = "";
        router_path path;
        router_match match;
        router_split(str_of(rows[i].path), decoded, &path);
        router_find(r, str_of(rows[i].method), &path, &match);
        const char *found = match.handler ? match.app : match.path_exists ? "405" : "";
        for (int k = 0; k < match.n_captures; k++) {
            strncat(captures, match.captures[k].p, match.captures[k].n);
            strcat(captures, "|");
        }
        if (strcmp(found, rows[i].pattern) != 0 || strcmp(captures, rows[i].captures) != 0)
            fail_msg("%s %s: '%s' with '%s', expected '%s' with '%s'", rows[i].method, rows[i].path,
                     found, captures, rows[i].pattern, rows[i].captures);
    }
    router_free(r);
}

static void test_allow(void **state)
{
    (void)state;
    router *r = make();
    router_path path;
    char decoded[100], allow[ROUTER_ALLOW];
    router_split(STR("/models/a/b"), decoded, &path);
    router_allow(r, &path, allow);
    assert_string_equal(allow, "GET, HEAD, POST, OPTIONS");
    router_split(STR("/files/x"), decoded, &path);
    router_allow(r, &path, allow);
    assert_string_equal(allow, "DELETE, GET, HEAD, OPTIONS");
    router_free(r);
}

static void test_too_many_parts(void **state)
{
    (void)state;
    router *r = make();
    char text[400], decoded[400];
    strcpy(text, "/files");
    for (int i = 0; i < ROUTER_MAX_PARTS - 1; i++)
        strcat(text, "/%41");
    router_path path;
    router_match match;
    router_split(str_of(text), decoded, &path);
    router_find(r, STR("GET"), &path, &match);
    assert_non_null(match.handler);
    strcat(text, "/b");
    router_split(str_of(text), decoded, &path);
    router_find(r, STR("GET"), &path, &match);
    assert_null(match.handler);
    router_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_allow),
        cmocka_unit_test(test_too_many_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
