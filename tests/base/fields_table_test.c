/* Tables as fields: by columns and by rows, cells as Python spells them, refusals, schema; and
 * choices that true and false may stand for. */
#include "unit.h"

#include "base/fields.h"
#include "base/json.h"
#include "base/own.h"

struct asked {
    cell_table table;
    int choice;
};

static const char *const choices[] = {"no", "yes", "perhaps", NULL};

static const field rows[] = {
    FIELD_TABLE(struct asked, table, "table", FIELD_REQUIRED, "a table"),
    FIELD_CHOICE_OR_BOOL(struct asked, choice, "choice", 2, choices, "a choice"), FIELD_END};

struct fixture {
    arena *memory;
    struct asked out;
    error e;
};

static bool parse(struct fixture *f, const char *text)
{
    error e = {0};
    own_json json_t *root = json_parse(str_of(text), "it", 64, &e);
    assert_non_null(root);
    f->e = (error){0};
    return fields_parse(rows, root, "", &f->out, f->memory, &f->e);
}

/* The table as one text: cells by ',', rows by ';'. */
static void check(struct fixture *f, const char *json, const char *wanted)
{
    own_buf buf got = buf_new(1 << 16);
    own_buf buf body = buf_new(1 << 16);
    buf_printf(&body, "{\"table\": %s}", json);
    if (!parse(f, buf_text(&body)))
        fail_msg("%s: %s", json, f->e.message);
    const cell_table *t = &f->out.table;
    for (int i = 0; i <= t->n_rows; i++)
        for (int k = 0; k < t->n_columns; k++) {
            buf_str(&got, t->cells[i * t->n_columns + k]);
            buf_byte(&got, k + 1 < t->n_columns ? ',' : ';');
        }
    assert_string_equal(buf_text(&got), wanted);
}

static void takes_columns_and_rows(void **state)
{
    struct fixture *f = *state;
    check(f, "{\"b\": [\"1\", \"2\"], \"a\": [\"x\", \"\"]}", "b,a;1,x;2,;");
    check(f, "[{\"b\": \"1\", \"a\": \"x\"}, {\"c\": \"3\", \"b\": \"2\"}]", "b,a,c;1,x,;2,,3;");
    check(f, "{}", "");
    check(f, "[]", "");
    check(f, "[{}, {}]", "");
    check(f, "{\"a\": []}", "a;");
    check(f, "{\"\": [\"1\"]}", ";1;");
    assert_int_equal(f->out.choice, 2);
}

static void spells_cells_as_python(void **state)
{
    struct fixture *f = *state;
    check(f, "{\"a\": [1, -7, true, false, null, 36542]}", "a;1;-7;True;False;;36542;");
    check(f, "{\"a\": [1.0, 1.5, -0.0, 0.1, 100.0, 1e15, 123456789012345.6]}",
          "a;1.0;1.5;-0.0;0.1;100.0;1000000000000000.0;123456789012345.6;");
    check(f, "{\"a\": [1e16, 1.5e-5, 0.0001, 1e22, 5e-324, 1.7976931348623157e308]}",
          "a;1e+16;1.5e-05;0.0001;1e+22;5e-324;1.7976931348623157e+308;");
    check(f, "[{\"a\": 2}, {\"a\": 0.30000000000000004}]", "a;2;0.30000000000000004;");
}

static void refused(struct fixture *f, const char *table, enum error_kind kind, const char *message)
{
    own_buf buf body = buf_new(1 << 16);
    buf_printf(&body, "{\"table\": %s}", table);
    assert_false(parse(f, buf_text(&body)));
    assert_string_equal(f->e.message, message);
    assert_int_equal(f->e.kind, kind);
}

static void names_the_place(void **state)
{
    struct fixture *f = *state;
    refused(f, "null", ERR_BAD_REQUEST, "'table' is required but missing");
    refused(f, "\"a\"", ERR_BAD_REQUEST,
            "'table' must be an object with an array of cells for each column, or an array of "
            "rows, found a string");
    refused(f, "{\"a\": [\"1\"], \"b\": [\"1\", \"2\"]}", ERR_BAD_REQUEST,
            "'table.b' has 2 cells, but 'a' has 1: all columns must be as long");
    refused(f, "{\"a\": {}}", ERR_BAD_REQUEST,
            "'table.a' must be an array of cells, found an object");
    refused(f, "{\"a\": [[]]}", ERR_BAD_REQUEST,
            "'table.a[0]' must be a string or a number, found an array");
    refused(f, "[{\"a\": 1}, 5]", ERR_BAD_REQUEST,
            "'table[1]' must be an object, found an integer");
    refused(f, "[{\"a\": 1}, {\"b\": {}}]", ERR_BAD_REQUEST,
            "'table[1].b' must be a string or a number, found an object");
    error e = {0};
    cell_table out;
    arena *small = arena_new(100);
    own_json json_t *value =
        json_parse(STR("{\"a\": [\"1\", \"2\", \"3\", \"4\", \"5\", \"6\"]}"), "it", 8, &e);
    assert_false(cell_table_parse(value, "table", &out, small, &e));
    assert_int_equal(e.kind, ERR_TOO_LARGE);
    arena_free(small);
}

/* Rows that each bring columns of their own would make a table of a great many cells. */
static void sparse_rows_are_bounded(void **state)
{
    struct fixture *f = *state;
    enum { N = 2000 };
    own_buf buf body = buf_new(1 << 20);
    buf_puts(&body, "{\"table\": [");
    for (int i = 0; i < N; i++)
        buf_printf(&body, "%s{\"c%d\": 1}", i ? "," : "", i);
    buf_puts(&body, "]}");
    assert_false(parse(f, buf_text(&body)));
    assert_int_equal(f->e.kind, ERR_TOO_LARGE);
    assert_non_null(strstr(f->e.message, "2000 rows of 2000 cells"));
}

static void choices_may_be_true_or_false(void **state)
{
    struct fixture *f = *state;
    assert_true(parse(f, "{\"table\": {}, \"choice\": true}"));
    assert_int_equal(f->out.choice, 1);
    assert_true(parse(f, "{\"table\": {}, \"choice\": false}"));
    assert_int_equal(f->out.choice, 0);
    assert_true(parse(f, "{\"table\": {}, \"choice\": \"Perhaps\"}"));
    assert_int_equal(f->out.choice, 2);
    assert_false(parse(f, "{\"table\": {}, \"choice\": 1}"));
}

static void makes_a_schema(void **state)
{
    (void)state;
    own_json json_t *schema = fields_schema(rows);
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *forms = json_object_get(json_object_get(properties, "table"), "anyOf");
    assert_int_equal(json_array_size(forms), 2);
    const json_t *columns = json_object_get(json_array_get(forms, 0), "additionalProperties");
    assert_string_equal(json_string_value(json_object_get(columns, "type")), "array");
    const json_t *choice = json_object_get(json_object_get(properties, "choice"), "anyOf");
    assert_string_equal(json_string_value(json_object_get(json_array_get(choice, 0), "default")),
                        "perhaps");
    assert_string_equal(json_string_value(json_object_get(json_array_get(choice, 1), "type")),
                        "boolean");
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->memory = arena_new(1 << 26);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_free(f->memory);
    free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_columns_and_rows),
        cmocka_unit_test(spells_cells_as_python),
        cmocka_unit_test(names_the_place),
        cmocka_unit_test(sparse_rows_are_bounded),
        cmocka_unit_test(choices_may_be_true_or_false),
        cmocka_unit_test(makes_a_schema),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
