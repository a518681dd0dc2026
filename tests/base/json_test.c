/* JSON: depth and error texts on the way in, exact floats and strings on the way out. */
#include "unit.h"

#include "base/json.h"
#include "base/own.h"

#include <math.h>

static void check_float(float value, const char *expected)
{
    own_buf buf out = buf_new(100);
    json_put_float(&out, value);
    const char *text = buf_text(&out);
    if (expected)
        assert_string_equal(text, expected);
    float back = strtof(text, NULL);
    assert_memory_equal(&back, &value, sizeof value);
}

static void writes_short_floats(void **state)
{
    (void)state;
    check_float(0.0f, "0");
    check_float(1.0f, "1");
    check_float(-1.5f, "-1.5");
    check_float(0.1f, "0.100000001");
    check_float(100.0f, "100");
    check_float(0.00123f, NULL);
    check_float(999999999.0f, NULL);
    check_float(3.4e38f, NULL);
    check_float(1e-40f, NULL);
}

/* Every bit pattern of a stride through all floats reads back to itself. */
static void floats_read_back(void **state)
{
    (void)state;
    own_buf buf out = buf_new(100);
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += 9973) {
        uint32_t word = (uint32_t)bits;
        float value, back;
        memcpy(&value, &word, sizeof value);
        if (!isfinite(value) || value == 0)
            continue;
        buf_clear(&out);
        json_put_float(&out, value);
        back = strtof(buf_text(&out), NULL);
        if (memcmp(&back, &value, sizeof value) != 0)
            fail_msg("%.9g was written as %s", (double)value, buf_text(&out));
    }
}

static void writes_null_for_no_number(void **state)
{
    (void)state;
    own_buf buf out = buf_new(100);
    json_put_float(&out, NAN);
    json_put_float(&out, INFINITY);
    json_put_double(&out, -INFINITY);
    assert_string_equal(buf_text(&out), "nullnullnull");
}

/* A list is its floats, however many at once. */
static void writes_lists(void **state)
{
    (void)state;
    enum { MOST = 600 };
    float values[MOST];
    for (int i = 0; i < MOST; i++)
        values[i] = i % 100 == 99 ? NAN : (float)(i * 17 % 300 - 150) * 0.00371f;
    for (int n = 0; n <= MOST; n += n < 3 || n == 255 || n == 256 ? 1 : 84) {
        own_buf buf all = buf_new(20000), single = buf_new(20000);
        json_put_floats(&all, values, (size_t)n);
        buf_byte(&single, '[');
        for (int i = 0; i < n; i++) {
            buf_puts(&single, i ? "," : "");
            json_put_float(&single, values[i]);
        }
        buf_byte(&single, ']');
        assert_string_equal(buf_text(&all), buf_text(&single));
    }
    own_buf buf small = buf_new(100);
    json_put_floats(&small, values, MOST);
    assert_true(small.full);
}

static void writes_strings(void **state)
{
    (void)state;
    own_buf buf out = buf_new(200);
    const char text[] = "a\"b\\c\n\t\r\0\x01\x7f\xc3\xa9";
    json_put_string(&out, (str){text, sizeof text - 1});
    assert_string_equal(buf_text(&out), "\"a\\\"b\\\\c\\n\\t\\r\\u0000\\u0001\x7f\xc3\xa9\"");
    error e = {0};
    own_json json_t *back = json_parse(buf_view(&out), "it", 1, &e);
    assert_non_null(back);
    assert_true(str_eq(json_str(back), (str){text, sizeof text - 1}));
}

static void refuses_deep_nesting(void **state)
{
    (void)state;
    char deep[300] = {0};
    error e = {0};
    memset(deep, '[', 65);
    memset(deep + 65, ']', 65);
    assert_null(json_parse(str_of(deep), "the body", 64, &e));
    assert_int_equal(e.kind, ERR_BAD_REQUEST);
    assert_non_null(strstr(e.message, "deeper than 64"));
    e = (error){0};
    own_json json_t *fine = json_parse((str){deep + 1, 128}, "the body", 64, &e);
    assert_non_null(fine);
    own_json json_t *quoted = json_parse(STR("\"[[[[\\\"[[[[\""), "it", 0, &e);
    assert_non_null(quoted);
}

static void says_where_it_broke(void **state)
{
    (void)state;
    error e = {0};
    assert_null(json_parse(STR("{\"a\": }"), "the body", 64, &e));
    assert_non_null(strstr(e.message, "the body is not valid JSON: line 1, column"));
    e = (error){0};
    assert_null(json_parse(STR("\"\xff\""), "the body", 64, &e));
    assert_int_equal(e.kind, ERR_BAD_REQUEST);
    e = (error){0};
    assert_null(json_parse((str){NULL, 0}, "the body", 64, &e));
    e = (error){0};
    assert_null(json_parse(STR("1 2"), "the body", 64, &e));
    e = (error){0};
    assert_null(json_parse(STR("1e999"), "the body", 64, &e));
    e = (error){0};
    own_json json_t *huge = json_parse(STR("[1000000000000000019884624838656]"), "it", 64, &e);
    assert_true(json_number_value(json_array_get(huge, 0)) > 9e29);
}

/* As jansson writes them, but for numbers with no more digits than they need. */
static void writes_documents(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "null",
        "[true,false,null,0,-1,9223372036854775807]",
        "[0.47,-0.1,1.0,1e-12,1e+300,0.30000000000000004,1234567890123456.8]",
        "{\"z\":{\"a\":[1,[2,{}]]},\"a\":\"q\\\"\\\\/\\n\\u0001\u00e9\",\"\":[]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        own_json json_t *value = json_loads(texts[i], JSON_DECODE_ANY, NULL);
        own_buf buf out = buf_new(1000);
        assert_non_null(value);
        json_put(&out, value);
        assert_string_equal(buf_text(&out), texts[i]);
    }
    own_buf buf out = buf_new(100);
    json_put_double(&out, 470 / 1e3);
    json_put(&out, NULL);
    assert_string_equal(buf_text(&out), "0.47");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_short_floats),
        cmocka_unit_test(floats_read_back),
        cmocka_unit_test(writes_null_for_no_number),
        cmocka_unit_test(writes_lists),
        cmocka_unit_test(writes_strings),
        cmocka_unit_test(refuses_deep_nesting),
        cmocka_unit_test(says_where_it_broke),
        cmocka_unit_test(writes_documents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
