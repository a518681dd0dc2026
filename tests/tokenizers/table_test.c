/* Questions and tables of tests/goldens/tables/ become the ids and token types that TapasTokenizer
 * of transformers makes of them; and what it never sees: refusals, columns of many values. */
#include "unit.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "tokenizers/table_tokenizer.h"

#include "../models/changed.h"

enum { MEMORY = 1 << 28 };

static const char *const folders[] = {"wtq", "sqa", "wikisql", "nothing", "tokens", "averages"};
static const table_limits limits = {90, {3, 12, 70, 2, 70, 66, 10}};

static cell_table table_of(const json_t *rows, arena *a)
{
    cell_table t = {.n_rows = (int)json_array_size(rows) - 1,
                    .n_columns = (int)json_array_size(json_array_get(rows, 0))};
    t.cells = arena_try(a, json_array_size(rows) * (size_t)t.n_columns, sizeof *t.cells);
    for (size_t i = 0; i < json_array_size(rows); i++)
        for (size_t k = 0; k < (size_t)t.n_columns; k++)
            t.cells[i * (size_t)t.n_columns + k] =
                json_str(json_array_get(json_array_get(rows, i), k));
    return t;
}

/* What differs, "" when nothing does. */
static void compare(const table_encoding *got, const json_t *ids, const json_t *kinds,
                    char why[200])
{
    if (got->n != (int)json_array_size(ids))
        snprintf(why, 200, "%d tokens, expected %zu", got->n, json_array_size(ids));
    for (int i = 0; i < got->n && !*why; i++) {
        int id = (int)json_integer_value(json_array_get(ids, (size_t)i));
        if (got->ids[i] != id)
            snprintf(why, 200, "token %d is %d, expected %d", i, got->ids[i], id);
        for (size_t k = 0; k < N_TABLE_KINDS && !*why; k++) {
            int kind = (int)json_integer_value(json_array_get(json_array_get(kinds, (size_t)i), k));
            if (got->kinds[i][k] != kind)
                snprintf(why, 200, "token %d has %d of kind %zu, expected %d", i, got->kinds[i][k],
                         k, kind);
        }
    }
}

static int replay_case(const table_tokenizer *m, const table_limits *most, const json_t *row)
{
    error e = {0};
    char why[200] = "";
    arena *a = arena_new(MEMORY);
    cell_table table = table_of(json_object_get(row, "rows"), a);
    table_text *text = table_text_make(m, &table, most, a, &e);
    table_encoding got;
    str question = json_str(json_object_get(row, "question"));
    if (!text || !table_encode(m, text, question, true, &got, a, &e))
        snprintf(why, sizeof why, "%.190s", e.message);
    else
        compare(&got, json_object_get(row, "ids"), json_object_get(row, "kinds"), why);
    if (*why)
        print_error("%.100s\n    %s\n", question.p, why);
    arena_free(a);
    return *why != '\0';
}

static void same_as_reference(void **state)
{
    int n_failed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        error e = {0};
        own_mem char *folder = xprintf("%s/goldens/tables/%s", TEST_ROOT, folders[i]);
        own_mem char *path = path_join(folder, "cases.json");
        tokenizer *t = tokenizer_open(folder, &e);
        table_tokenizer *m = t ? table_tokenizer_open(folder, t, &e) : NULL;
        own_json json_t *file = json_parse_file(path, 1 << 24, &e);
        if (!m || !file)
            fail_msg("%s: %s", folder, e.message);
        const json_t *cases = json_object_get(file, "cases");
        table_limits most = limits;
        most.max_tokens = tokenizer_info_of(t)->max_tokens;
        assert_true(json_array_size(cases) > 5);
        for (size_t k = 0; k < json_array_size(cases); k++)
            n_failed += replay_case(m, &most, json_array_get(cases, k));
        table_tokenizer_close(m);
        tokenizer_close(t);
    }
    assert_int_equal(n_failed, 0);
}

struct opened {
    tokenizer *tokenizer;
    table_tokenizer *tables;
    arena *memory;
};

static int set_up(void **state)
{
    struct opened *o = calloc(1, sizeof *o);
    error e = {0};
    own_mem char *folder = xprintf("%s/goldens/tables/wtq", TEST_ROOT);
    o->tokenizer = tokenizer_open(folder, &e);
    o->tables = o->tokenizer ? table_tokenizer_open(folder, o->tokenizer, &e) : NULL;
    o->memory = arena_new(MEMORY);
    *state = o;
    return o->tables ? 0 : -1;
}

static int tear_down(void **state)
{
    struct opened *o = *state;
    table_tokenizer_close(o->tables);
    tokenizer_close(o->tokenizer);
    arena_free(o->memory);
    free(o);
    return 0;
}

/* A column of `n_rows` numbers from 0 on. */
static cell_table numbers_table(int n_rows, arena *a)
{
    cell_table t = {arena_alloc(a, ((size_t)n_rows + 1) * sizeof(str)), n_rows, 1};
    t.cells[0] = STR("a");
    for (int i = 0; i < n_rows; i++)
        t.cells[i + 1] = str_of(arena_printf(a, "%d", i));
    return t;
}

/* More values than can be ranked: those of the rows that are kept are; more rows than can be
 * numbered: the last are dropped. */
static void long_columns(void **state)
{
    struct opened *o = *state;
    error e = {0};
    table_encoding enc;
    cell_table table = numbers_table(300, o->memory);
    table_limits most = {1000, {3, 12, 70, 2, 70, 66, 10}};
    table_text *text = table_text_make(o->tables, &table, &most, o->memory, &e);
    assert_non_null(text);
    assert_false(table_encode(o->tables, text, STR("x"), true, &enc, o->memory, &e));
    assert_non_null(strstr(e.message, "column 1 of the table has 69 different numbers"));
    most.kinds[KIND_ROW] = 66;
    text = table_text_make(o->tables, &table, &most, o->memory, &e);
    e = (error){0};
    assert_true(table_encode(o->tables, text, STR("12 x"), true, &enc, o->memory, &e));
    assert_int_equal(enc.n_rows, 65);
    assert_true(enc.n_total > enc.n);
    const int *last = enc.kinds[enc.n - 1];
    assert_int_equal(last[KIND_ROW], 65);
    assert_int_equal(last[KIND_RANK], 65);
    assert_int_equal(last[KIND_INVERSE_RANK], 1);
    assert_int_equal(last[KIND_RELATION], 2); /* 12 is lower than 64 */
    for (int i = 0; i < enc.n; i++)
        for (int k = 0; k < N_TABLE_KINDS; k++)
            assert_true(enc.kinds[i][k] < most.kinds[k]);
}

static void refused(struct opened *o, int n_rows, const char *question, bool truncate,
                    const char *words)
{
    error e = {0};
    table_encoding enc;
    cell_table table = numbers_table(n_rows, o->memory);
    table_text *text = table_text_make(o->tables, &table, &limits, o->memory, &e);
    bool ok =
        text && table_encode(o->tables, text, str_of(question), truncate, &enc, o->memory, &e);
    assert_false(ok);
    if (!strstr(e.message, words))
        fail_msg("found '%s', expected '%s'", e.message, words);
}

/* TapasTokenizer knows no tokenizer.json: where there is one too, vocab.txt counts. */
static void vocabulary_comes_first(void **state)
{
    error e = {0};
    own_mem char *from = xprintf("%s/goldens/tables/wtq", TEST_ROOT);
    own_mem char *folder = changed(from, "tokenizer.json", "{}");
    tokenizer *t = tokenizer_open(folder, &e);
    (void)state;
    if (!t)
        fail_msg("%s", e.message);
    assert_int_equal(tokenizer_token_id(t, STR("[EMPTY]")), 1);
    tokenizer_close(t);
    own_mem char *vocabulary = path_join(folder, "vocab.txt");
    assert_int_equal(unlink(vocabulary), 0);
    assert_null(tokenizer_open(folder, &e));
    assert_non_null(strstr(e.message, "tokenizer.json"));
    error ignored = {0};
    assert_true(file_remove_tree(folder, &ignored));
}

static void refusals(void **state)
{
    struct opened *o = *state;
    char many[200];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = i % 2 ? ' ' : 'x';
    many[199] = '\0';
    refused(o, 3, many, true, "the question has 100 tokens");
    many[87 * 2 - 1] = '\0';
    refused(o, 3, many, true, "no room for a row");
    refused(o, 60, many, false, "at most 90 tokens");
    refused(o, 70, "x", false, "the table has 70 rows, this model takes at most 69");
    refused(o, 3, "a\xFF", true, "not valid UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_reference),
        cmocka_unit_test_setup_teardown(long_columns, set_up, tear_down),
        cmocka_unit_test(vocabulary_comes_first),
        cmocka_unit_test_setup_teardown(refusals, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
