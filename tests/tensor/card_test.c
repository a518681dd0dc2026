#include "tensor/card.h"

#include "base/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void splits(void **state)
{
    (void)state;
    static const struct {
        const char *text, *front, *body;
    } cases[] = {
        {"---\na: 1\n---\n# B\n", "a: 1\n", "# B\n"},
        {"\xef\xbb\xbf---\r\na: 1\r\n---  \r\nB", "a: 1\r\n", "B"},
        {"---\n---\nB", "", "B"},
        {"# B\n---\n", "", "# B\n---\n"},
        {"---\nnever closed", "", "---\nnever closed"},
        {"----\na\n---\n", "", "----\na\n---\n"},
        {"---\na\n---", "a\n", ""},
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str front, body;
        card_split(str_of(cases[i].text), &front, &body);
        assert_true(str_is(front, cases[i].front));
        assert_true(str_is(body, cases[i].body));
    }
}

static void becomes(const char *yaml, const char *expected)
{
    error e = {0};
    own_json json_t *got = card_meta(str_of(yaml), &e);
    assert_string_equal(e.message, "");
    own_mem char *text = json_dumps(got, JSON_COMPACT);
    assert_string_equal(text, expected);
}

static void reads_yaml(void **state)
{
    (void)state;
    becomes("", "{}");
    becomes("# nothing\n", "{}");
    becomes("language: no\nlicense: mit\ntags:\n- a\n- 'b c'\n",
            "{\"language\":\"no\",\"license\":\"mit\",\"tags\":[\"a\",\"b c\"]}");
    becomes("a: 1\nb: -2.5e3\nc: .5\nd: 007\ne: 1.2.3\nf: '1'\ng: 1e400\nh: 12e",
            "{\"a\":1,\"b\":-2500.0,\"c\":0.5,\"d\":\"007\",\"e\":\"1.2.3\",\"f\":\"1\",\"g\":"
            "\"1e400\",\"h\":\"12e\"}");
    becomes("a: true\nb: False\nc: ~\nd:\ne: null\nf: yes\ng: \"true\"",
            "{\"a\":true,\"b\":false,\"c\":null,\"d\":null,\"e\":null,\"f\":\"yes\",\"g\":"
            "\"true\"}");
    becomes("w:\n- text: |\n    two\n    lines\n  n: {a: [1, [2]]}\n",
            "{\"w\":[{\"text\":\"two\\nlines\\n\",\"n\":{\"a\":[1,[2]]}}]}");
    becomes("d: 2024-01-31\n1: x\n", "{\"d\":\"2024-01-31\",\"1\":\"x\"}");
}

static void refused(const char *yaml, const char *message)
{
    error e = {0};
    assert_null(card_meta(str_of(yaml), &e));
    assert_int_equal(e.kind, ERR_BAD_MODEL);
    assert_string_equal(e.message, message);
}

static void refuses(void **state)
{
    (void)state;
    refused("a: &x [1]\nb: *x\n",
            "front matter of the model card: line 2: aliases are not supported");
    refused("- a\n", "front matter of the model card: found a list, expected keys and values");
    refused("text", "front matter of the model card: found a single value, expected keys and "
                    "values");
}

static void refuses_broken(void **state)
{
    (void)state;
    static const char *const broken[] = {"a: [1",   "a: 'x",          "a: b: c",
                                         "\xff: a", "a: \"\\ud800\"", "? [a]\n: b",
                                         "a: *x",   "\t- a\n\tb",     "a: \x01"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        error e = {0};
        assert_null(card_meta(str_of(broken[i]), &e));
        assert_int_equal(e.kind, ERR_BAD_MODEL);
    }
}

static void bounds_depth(void **state)
{
    (void)state;
    char deep[200] = "a: ";
    for (int i = 0; i < 60; i++)
        strcat(deep, "[");
    for (int i = 0; i < 60; i++)
        strcat(deep, "]");
    refused(deep, "front matter of the model card: line 1: nested too deeply");
}

static void bounds_size(void **state)
{
    (void)state;
    size_t n = (size_t)CARD_MAX_BYTES + 1;
    char *text = malloc(n);
    memset(text, '#', n);
    error e = {0};
    assert_null(card_meta((str){text, n}, &e));
    n = 2 * (size_t)CARD_MAX_NODES + 100;
    memcpy(text, "[", 1);
    for (size_t i = 1; i + 1 < n; i += 2)
        memcpy(text + i, "1,", 2);
    e = (error){0};
    assert_null(card_meta((str){text, n}, &e));
    assert_non_null(strstr(e.message, "too many values"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits),       cmocka_unit_test(reads_yaml),
        cmocka_unit_test(refuses),      cmocka_unit_test(refuses_broken),
        cmocka_unit_test(bounds_depth), cmocka_unit_test(bounds_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
