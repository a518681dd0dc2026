/* Numbers and dates of texts as TapasTokenizer of transformers finds them; columns and questions;
 * Python's lower case and white space. */
#include "unit.h"

#include "base/json.h"
#include "base/own.h"
#include "tokenizers/numeric_values.h"
#include "tokenizers/python.h"

enum { MEMORY = 1 << 26 };

static bool same(const numeric_value *got, const json_t *wanted)
{
    if (got->is_date != json_is_array(wanted))
        return false;
    if (!got->is_date)
        return got->parts[0] == json_number_value(wanted);
    for (size_t i = 0; i < DATE_PARTS; i++)
        if (got->parts[i] != json_number_value(json_array_get(wanted, i)))
            return false;
    return true;
}

static void same_as_reference(void **state)
{
    error e = {0};
    int n_failed = 0;
    own_json json_t *file = json_parse_file(TEST_ROOT "/goldens/tables/values.json", 1 << 20, &e);
    const json_t *cases = json_object_get(file, "cases");
    (void)state;
    assert_true(json_array_size(cases) > 100);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        arena *a = arena_new(MEMORY);
        const json_t *row = json_array_get(cases, i), *wanted = json_object_get(row, "values");
        str text = json_str(json_object_get(row, "text"));
        numeric_values got;
        assert_true(numeric_values_of(text, &got, a, &e));
        bool equal = got.n == (int)json_array_size(wanted);
        for (int k = 0; equal && k < got.n; k++)
            equal = same(&got.items[k], json_array_get(wanted, (size_t)k));
        if (!equal)
            print_error("'%s'\n", text.p);
        n_failed += !equal;
        arena_free(a);
    }
    assert_int_equal(n_failed, 0);
}

static void values_of(const char *const *texts_read, int n, numeric_values *out, arena *a)
{
    error e = {0};
    for (int i = 0; i < n; i++)
        assert_true(numeric_values_of(str_of(texts_read[i]), &out[i], a, &e));
}

enum { ROWS = 6 };

/* Ranks of a column, and relations to a question. */
static void column(const char *const cells[ROWS], const char *question, const int ranks[ROWS],
                   const int relations[ROWS])
{
    error e = {0};
    arena *a = arena_new(MEMORY);
    numeric_values values[ROWS], asked;
    numeric_column c;
    int found[ROWS];
    values_of(cells, ROWS, values, a);
    values_of(&question, 1, &asked, a);
    assert_true(numeric_column_make(&c, values, ROWS, a, &e));
    assert_true(numeric_column_relate(&c, ROWS, &asked, found, a, &e));
    assert_memory_equal(c.ranks, ranks, sizeof found);
    assert_memory_equal(found, relations, sizeof found);
    arena_free(a);
}

static void columns_compare(void **state)
{
    (void)state;
    column((const char *const[]){"3", "1", "3 km", "2.5", "-0", "x"}, "1 or 2 or 2.5",
           (int[]){4, 2, 4, 3, 1, 0}, (int[]){2, 5, 2, 3, 4, 0});
    /* fewer than 70 % of the cells are numbers */
    column((const char *const[]){"3", "1", "a", "b", "c", "2"}, "1", (int[ROWS]){0},
           (int[ROWS]){0});
    column((const char *const[]){"3", "1", "a", "b", "5", "2"}, "1", (int[ROWS]){0},
           (int[ROWS]){0});
    column((const char *const[]){"3", "1", "a", "4", "5", "2"}, "1", (int[]){3, 1, 0, 4, 5, 2},
           (int[]){2, 1, 0, 2, 2, 2});
    /* all are years, and numbers too: dates win, which a number does not compare with */
    column((const char *const[]){"1999", "1998", "2000", "1999", "1990", "x"}, "5 or 2016s",
           (int[]){3, 2, 4, 3, 1, 0}, (int[]){4, 4, 4, 4, 4, 0});
    /* dates compare by the parts that all have: here years; a question of months says nothing */
    column((const char *const[]){"may 1999", "june 1998", "1999-05-03", "2001", "1998", "x"}, "may",
           (int[]){2, 1, 2, 3, 1, 0}, (int[ROWS]){0});
    column((const char *const[]){"may 1999", "june 1998", "1999-05-03", "may 2001", "1998-6", "x"},
           "may 5, 1999 and 1990s", (int[]){2, 1, 2, 3, 1, 0}, (int[]){3, 6, 3, 2, 6, 0});
    /* as many cells have both: dates win; nothing is common to months and years */
    column((const char *const[]){"1999", "1998", "may", "june", "1990s", "june"}, "1998",
           (int[ROWS]){0}, (int[ROWS]){0});
}

static void long_texts_take_linear_time(void **state)
{
    enum { N = 200000 };
    error e = {0};
    arena *a = arena_new(1 << 28);
    numeric_values got, cells[1];
    numeric_column c;
    int found;
    char *text = arena_alloc(a, 2 * N);
    (void)state;
    for (int i = 0; i < N; i++) {
        text[2 * i] = (char)('0' + i % 10);
        text[2 * i + 1] = ' ';
    }
    assert_true(numeric_values_of((str){text, 2 * N}, &got, a, &e));
    assert_int_equal(got.n, N);
    assert_true(numeric_values_of(STR("4"), cells, a, &e));
    assert_true(numeric_column_make(&c, cells, 1, a, &e));
    assert_true(numeric_column_relate(&c, 1, &got, &found, a, &e));
    assert_int_equal(found, 7);
    arena_free(a);
}

static void full_memory_is_reported(void **state)
{
    error e = {0};
    arena *a = arena_new(64);
    numeric_values got;
    (void)state;
    assert_false(numeric_values_of(STR("1 2 3 4 5 6"), &got, a, &e));
    assert_int_equal(e.kind, ERR_TOO_LARGE);
    arena_free(a);
}

static void python_texts(void **state)
{
    static const struct {
        str in;
        const char *lower, *squeezed;
    } cases[] = {
        {STR(" A  b\tC\n"), " a  b\tc\n", "A b C"},
        {STR("\u039f\u0394\u039f\u03a3 \u03a3"), "\u03bf\u03b4\u03bf\u03c2 \u03c3",
         "\u039f\u0394\u039f\u03a3 \u03a3"},
        {STR("\u0391\u03a3.\u0391 \u0391\u03a3'"), "\u03b1\u03c3.\u03b1 \u03b1\u03c2'",
         "\u0391\u03a3.\u0391 \u0391\u03a3'"},
        {STR("\u0130I\u1e9e\u2126"), "i\u0307i\u00df\u03c9", "\u0130I\u1e9e\u2126"},
        {STR("\x1c\u00a0x\u3000\u2028y\u200bz\xc2\x85"), "\x1c\u00a0x\u3000\u2028y\u200bz\xc2\x85",
         "x y\u200bz"},
        {STR("\u0661\u00b2"), "\u0661\u00b2", "\u0661\u00b2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        own_buf buf lower = buf_new(1000), squeezed = buf_new(1000);
        python_lower(cases[i].in, &lower);
        python_squeeze(cases[i].in, &squeezed);
        assert_string_equal(buf_text(&lower), cases[i].lower);
        assert_string_equal(buf_text(&squeezed), cases[i].squeezed);
    }
    str bare = python_strip(STR("\u00a0\x1f a b\u2003"));
    assert_true(str_is(bare, "a b"));
    assert_int_equal(python_strip(STR(" \t")).n, 0);
    assert_int_equal(python_digit(0x661), 1);
    assert_int_equal(python_digit(0x1D7FF), 9);
    assert_int_equal(python_digit(0xB2), -1);
    assert_true(python_is(0xB2, PYTHON_WORD) && python_is(0x4E00, PYTHON_WORD));
    assert_true(python_is(0x10FFFF, PYTHON_OTHER) && python_is(0x200B, PYTHON_OTHER));
    assert_false(python_is('_', PYTHON_WORD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_reference),
        cmocka_unit_test(columns_compare),
        cmocka_unit_test(long_texts_take_linear_time),
        cmocka_unit_test(full_memory_is_reported),
        cmocka_unit_test(python_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
