/* Field rows: values, presets, error paths, schema. */
#include "unit.h"

#include "base/fields.h"
#include "base/json.h"
#include "base/own.h"

struct inner {
    str query;
    strs words;
};

struct outer {
    struct inner inner;
    texts inputs;
    int flag, count, choice;
    double ratio;
    str name;
    ints sizes;
    box_lists boxes;
};

static const char *const sides[] = {"left", "right", NULL};

static const field inner_rows[] = {
    FIELD_STRING(struct inner, query, "query", NULL, FIELD_REQUIRED, "what to ask"),
    FIELD_STRINGS(struct inner, words, "words", 3, 0, "at most three"), FIELD_END};

static const field rows[] = {
    FIELD_OBJECT(struct outer, inner, "inner", inner_rows, 0, "nested"),
    FIELD_TEXTS(struct outer, inputs, "inputs", 4, FIELD_TOKEN_IDS, "texts"),
    FIELD_BOOL(struct outer, flag, "flag", -1, "three states"),
    FIELD_INT(struct outer, count, "count", 5, 1, 10, "a count"),
    FIELD_CHOICE(struct outer, choice, "side", 1, sides, "a side"),
    FIELD_NUMBER(struct outer, ratio, "ratio", 0.5, 0, 1, "a ratio"),
    FIELD_STRING(struct outer, name, "name", "anna", 0, "a name"),
    FIELD_INTS(struct outer, sizes, "sizes", 1, 9, 3, FIELD_ONE_OR_MANY, "sizes"),
    FIELD_BOXES(struct outer, boxes, "boxes", 10, 2, FIELD_ONE_OR_MANY, "boxes"),
    FIELD_END};

struct fixture {
    arena *memory;
    struct outer out;
    error e;
};

static bool parse(struct fixture *f, const char *text)
{
    error e = {0};
    own_json json_t *root = json_parse(str_of(text), "it", 64, &e);
    assert_non_null(root);
    f->e = (error){0};
    memset(&f->out, 0xAA, sizeof f->out);
    return fields_parse(rows, root, "", &f->out, f->memory, &f->e);
}

static void refused(struct fixture *f, const char *text, enum error_kind kind, const char *message)
{
    assert_false(parse(f, text));
    assert_string_equal(f->e.message, message);
    assert_int_equal(f->e.kind, kind);
}

static void takes_presets(void **state)
{
    struct fixture *f = *state;
    assert_true(parse(f, "{\"unknown\": 1, \"count\": null}"));
    assert_int_equal(f->out.flag, -1);
    assert_int_equal(f->out.count, 5);
    assert_int_equal(f->out.choice, 1);
    assert_true(f->out.ratio == 0.5);
    assert_true(str_is(f->out.name, "anna"));
    assert_null(f->out.inner.query.p);
    assert_int_equal(f->out.inputs.n, 0);
}

static void takes_values(void **state)
{
    struct fixture *f = *state;
    assert_true(
        parse(f, "{\"inner\": {\"query\": \"q\\u0000r\", \"words\": [\"a\", \"\"]}, \"flag\": true,"
                 " \"count\": 10.0, \"side\": \"LEFT\", \"ratio\": 1, \"name\": \"\"}"));
    assert_int_equal(f->out.inner.query.n, 3);
    assert_int_equal(f->out.inner.words.n, 2);
    assert_int_equal(f->out.flag, 1);
    assert_int_equal(f->out.count, 10);
    assert_int_equal(f->out.choice, 0);
    assert_int_equal(f->out.name.n, 0);
}

static void takes_every_form_of_texts(void **state)
{
    struct fixture *f = *state;
    assert_true(parse(f, "{\"inputs\": \"one\"}"));
    assert_true(f->out.inputs.single && f->out.inputs.n == 1);
    assert_true(parse(f, "{\"inputs\": [\"a\", \"b\"]}"));
    assert_true(!f->out.inputs.single && f->out.inputs.n == 2);
    assert_true(parse(f, "{\"inputs\": [1, 2, 3]}"));
    assert_true(f->out.inputs.single && f->out.inputs.items[0].n_ids == 3);
    assert_true(parse(f, "{\"inputs\": [[1, 2], [3]]}"));
    assert_true(!f->out.inputs.single && f->out.inputs.items[1].ids[0] == 3);
    assert_true(parse(f, "{\"inputs\": []}"));
    assert_int_equal(f->out.inputs.n, 0);
}

static void takes_one_or_many_integers(void **state)
{
    struct fixture *f = *state;
    assert_true(parse(f, "{\"sizes\": 7}"));
    assert_true(f->out.sizes.single && f->out.sizes.n == 1 && f->out.sizes.items[0] == 7);
    assert_true(parse(f, "{\"sizes\": [1, 9.0]}"));
    assert_true(!f->out.sizes.single && f->out.sizes.n == 2 && f->out.sizes.items[1] == 9);
    assert_true(parse(f, "{\"sizes\": []}"));
    assert_true(f->out.sizes.items && f->out.sizes.n == 0);
    assert_true(parse(f, "{}"));
    assert_null(f->out.sizes.items);
    refused(f, "{\"sizes\": \"1\"}", ERR_BAD_REQUEST,
            "'sizes' must be an integer or an array of integers, found a string");
    refused(f, "{\"sizes\": [1, 10]}", ERR_INVALID,
            "'sizes[1]' is 10, expected a value from 1 to 9");
    refused(f, "{\"sizes\": [1, 2, 3, 4]}", ERR_INVALID, "'sizes' has 4 items, expected at most 3");
    refused(f, "{\"sizes\": [1.5]}", ERR_BAD_REQUEST,
            "'sizes[0]' must be an integer, found a number");
}

static void takes_lists_of_boxes(void **state)
{
    struct fixture *f = *state;
    assert_true(parse(f, "{}"));
    assert_null(f->out.boxes.lists);
    assert_true(parse(f, "{\"boxes\": [[1, 2, 3, 4], [0, 0, 10, 10]]}"));
    assert_true(f->out.boxes.single);
    assert_int_equal(f->out.boxes.n, 1);
    assert_int_equal(f->out.boxes.lists[0].n, 2);
    assert_int_equal(f->out.boxes.lists[0].items[1][2], 10);
    assert_true(parse(f, "{\"boxes\": [[[1, 2, 3, 4]], [], [[5, 6, 7, 8]]]}"));
    assert_false(f->out.boxes.single);
    assert_int_equal(f->out.boxes.n, 3);
    assert_int_equal(f->out.boxes.lists[1].n, 0);
    assert_int_equal(f->out.boxes.lists[2].items[0][3], 8);
    assert_true(parse(f, "{\"boxes\": []}"));
    assert_int_equal(f->out.boxes.lists[0].n, 0);
    refused(f, "{\"boxes\": 5}", ERR_BAD_REQUEST,
            "'boxes' must be an array of boxes, found an integer");
    refused(f, "{\"boxes\": [7]}", ERR_BAD_REQUEST,
            "'boxes[0]' must be an array of four integers, found an integer");
    refused(f, "{\"boxes\": [[[1, 2, 3, 4]], 7]}", ERR_BAD_REQUEST,
            "'boxes[1]' must be an array of boxes, found an integer");
    refused(f, "{\"boxes\": [[[1, 2, 3, true]]]}", ERR_BAD_REQUEST,
            "'boxes[0][0][3]' must be an integer, found true");
    refused(f, "{\"boxes\": [[1, 2, 3, -4]]}", ERR_INVALID,
            "'boxes[0][3]' is -4, expected a value from 0 to 10");
    refused(f, "{\"boxes\": [[1,2,3,4],[1,2,3,4],[1,2,3,4]]}", ERR_INVALID,
            "'boxes' has 3 items, expected at most 2");
}

static void names_the_place(void **state)
{
    struct fixture *f = *state;
    refused(f, "{\"inner\": 3}", ERR_BAD_REQUEST, "'inner' must be an object, found an integer");
    refused(f, "{\"inner\": {}}", ERR_BAD_REQUEST, "'inner.query' is required but missing");
    refused(f, "{\"inner\": {\"query\": []}}", ERR_BAD_REQUEST,
            "'inner.query' must be a string, found an array");
    refused(f, "{\"inner\": {\"query\": \"\", \"words\": [\"a\", 1]}}", ERR_BAD_REQUEST,
            "'inner.words[1]' must be a string, found an integer");
    refused(f, "{\"inner\": {\"query\": \"\", \"words\": [\"\",\"\",\"\",\"\"]}}", ERR_INVALID,
            "'inner.words' has 4 items, expected at most 3");
    refused(f, "{\"count\": 11}", ERR_INVALID, "'count' is 11, expected a value from 1 to 10");
    refused(f, "{\"count\": 1.5}", ERR_BAD_REQUEST, "'count' must be an integer, found a number");
    refused(f, "{\"flag\": 1}", ERR_BAD_REQUEST, "'flag' must be true or false, found an integer");
    refused(f, "{\"side\": \"up\"}", ERR_BAD_REQUEST,
            "'side' is 'up', expected one of 'left', 'right'");
    refused(f, "{\"inputs\": [\"a\", [1, \"x\"]]}", ERR_BAD_REQUEST,
            "'inputs[1][1]' must be a token id, found a string");
    refused(f, "{\"inputs\": [-1]}", ERR_BAD_REQUEST,
            "'inputs[0]' must be a token id, found a number out of range");
    refused(f, "{\"inputs\": {\"a\": 1}}", ERR_BAD_REQUEST,
            "'inputs' must be a string, an array of strings, or token ids, found an object");
}

static void reports_full_memory(void **state)
{
    struct fixture *f = *state;
    arena *big = f->memory;
    f->memory = arena_new(10);
    refused(f, "{\"name\": \"longer than ten bytes\"}", ERR_TOO_LARGE,
            "'name' is larger than the memory allowed for one request");
    arena_free(f->memory);
    f->memory = big;
}

static void makes_a_schema(void **state)
{
    (void)state;
    own_json json_t *schema = fields_schema(rows);
    json_t *properties = json_object_get(schema, "properties");
    assert_int_equal(json_object_size(properties), 9);
    json_t *boxes = json_object_get(json_object_get(properties, "boxes"), "anyOf");
    json_t *box = json_object_get(json_array_get(boxes, 0), "items");
    assert_int_equal(json_integer_value(json_object_get(box, "minItems")), 4);
    assert_int_equal(json_integer_value(json_object_get(box, "maxItems")), 4);
    json_t *count = json_object_get(properties, "count");
    assert_int_equal(json_integer_value(json_object_get(count, "maximum")), 10);
    assert_int_equal(json_integer_value(json_object_get(count, "default")), 5);
    json_t *required = json_object_get(json_object_get(properties, "inner"), "required");
    assert_string_equal(json_string_value(json_array_get(required, 0)), "query");
    assert_null(json_object_get(json_object_get(properties, "flag"), "default"));
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->memory = arena_new(1 << 20);
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

struct shapes {
    texts pairs, lists;
    strs labels;
    objects many;
    numbers steps;
    int window;
    double cap;
    int kind;
};

static const char *const kinds[] = {"first", "second", NULL};

static const field shape_rows[] = {
    FIELD_TEXTS(struct shapes, pairs, "pairs", 3, FIELD_PAIRS, "texts or pairs"),
    FIELD_TEXTS(struct shapes, lists, "lists", 3, FIELD_PAIR_LISTS, "texts or pairs"),
    FIELD_STRINGS(struct shapes, labels, "labels", 3, FIELD_COMMAS, "labels"),
    FIELD_OBJECTS(struct shapes, many, "many", struct inner, inner_rows, 2, FIELD_ONE_OR_MANY,
                  "objects"),
    FIELD_NUMBERS(struct shapes, steps, "steps", 3, "numbers"),
    FIELD_INT_OR_NONE(struct shapes, window, "window", 7, 1, 9, "none or some"),
    FIELD_NUMBER_OR_NONE(struct shapes, cap, "cap", 1.5, 0, 9, "none or some"),
    FIELD_CHOICE_OR_NONE(struct shapes, kind, "kind", 1, kinds, "none or one"),
    FIELD_END};

static bool parse_shapes(struct fixture *f, const char *text, struct shapes *out)
{
    error e = {0};
    own_json json_t *root = json_parse(str_of(text), "it", 64, &e);
    assert_non_null(root);
    f->e = (error){0};
    return fields_parse(shape_rows, root, "", out, f->memory, &f->e);
}

static void takes_pairs(void **state)
{
    struct fixture *f = *state;
    struct shapes s;
    assert_true(parse_shapes(f, "{\"pairs\": {\"text\": \"a\", \"text_pair\": \"b\"}}", &s));
    assert_true(s.pairs.single && s.pairs.n == 1 && str_is(s.pairs.items[0].pair, "b"));
    assert_true(parse_shapes(f, "{\"pairs\": [{\"text\": \"a\"}, \"c\"]}", &s));
    assert_true(!s.pairs.single && s.pairs.n == 2 && !s.pairs.items[0].pair.p);
    assert_true(str_is(s.pairs.items[1].text, "c"));
    assert_false(parse_shapes(f, "{\"pairs\": [{\"text_pair\": \"a\"}]}", &s));
    assert_string_equal(f->e.message, "'pairs[0].text' is required but missing");
    assert_false(parse_shapes(f, "{\"pairs\": [[\"a\"]]}", &s));
    assert_string_equal(f->e.message, "'pairs[0]' must be a string, or an object with 'text' and "
                                      "'text_pair', found an array");
    assert_true(parse_shapes(f, "{\"lists\": [\"a\", \"b\"]}", &s));
    assert_true(s.lists.single && s.lists.n == 1 && str_is(s.lists.items[0].pair, "b"));
    assert_true(parse_shapes(f, "{\"lists\": [[\"a\", \"b\"], [\"c\"], \"d\"]}", &s));
    assert_true(!s.lists.single && s.lists.n == 3 && str_is(s.lists.items[2].text, "d"));
    assert_false(parse_shapes(f, "{\"lists\": [[\"a\", \"b\", \"c\"]]}", &s));
    assert_string_equal(f->e.message, "'lists[0]' has 3 items, expected one or two strings");
    assert_false(parse_shapes(f, "{\"lists\": [[\"a\", 1]]}", &s));
    assert_string_equal(f->e.message, "'lists[0][1]' must be a string, found an integer");
}

static void takes_comma_lists_and_objects(void **state)
{
    struct fixture *f = *state;
    struct shapes s;
    assert_true(parse_shapes(f, "{\"labels\": \" red,, green \"}", &s));
    assert_true(s.labels.n == 2 && str_is(s.labels.items[1], "green"));
    assert_true(parse_shapes(f, "{\"labels\": [\"red, green\"]}", &s));
    assert_true(s.labels.n == 1 && str_is(s.labels.items[0], "red, green"));
    assert_false(parse_shapes(f, "{\"labels\": \"a,b,c,d\"}", &s));
    assert_true(parse_shapes(f, "{\"many\": {\"query\": \"q\"}}", &s));
    assert_true(s.many.single && s.many.n == 1);
    assert_true(parse_shapes(f, "{\"many\": [{\"query\": \"q\"}, {\"query\": \"r\"}]}", &s));
    assert_true(str_is(((struct inner *)s.many.items)[1].query, "r"));
    assert_false(parse_shapes(f, "{\"many\": [{\"query\": \"q\"}, {\"words\": []}]}", &s));
    assert_string_equal(f->e.message, "'many[1].query' is required but missing");
    assert_false(parse_shapes(f, "{\"many\": [3]}", &s));
    assert_string_equal(f->e.message, "'many[0]' must be an object, found an integer");
    assert_false(parse_shapes(f, "{\"many\": [{}, {}, {}]}", &s));
}

static void takes_numbers_and_none(void **state)
{
    struct fixture *f = *state;
    struct shapes s;
    assert_true(parse_shapes(f, "{\"steps\": [1, 2.5]}", &s));
    assert_true(s.steps.n == 2 && s.steps.items[0] == 1 && s.steps.items[1] == 2.5);
    assert_true(s.window == 7 && s.cap == 1.5 && s.kind == 1);
    assert_true(
        parse_shapes(f, "{\"steps\": null, \"window\": null, \"cap\": null, \"kind\": null}", &s));
    assert_true(!s.steps.items && s.window == -1 && s.cap == -1 && s.kind == -1);
    assert_true(parse_shapes(f, "{\"window\": 3}", &s));
    assert_int_equal(s.window, 3);
    assert_false(parse_shapes(f, "{\"window\": -1}", &s));
    assert_false(parse_shapes(f, "{\"steps\": [1, 2, 3, 4]}", &s));
    assert_string_equal(f->e.message, "'steps' has 4 items, expected at most 3");
    assert_false(parse_shapes(f, "{\"steps\": [1, \"2\"]}", &s));
    assert_string_equal(f->e.message, "'steps[1]' must be a number, found a string");
    assert_false(parse_shapes(f, "{\"steps\": 1}", &s));
    assert_string_equal(f->e.message, "'steps' must be an array of numbers, found an integer");
}

static const field answer_keys[] = {
    FIELD_OUT_KEY("label", FIELD_TYPE_STRING, 0, FIELD_REQUIRED, "a label"),
    FIELD_OUT_KEY("score", FIELD_TYPE_NUMBER, 0, FIELD_REQUIRED, "its score"),
    FIELD_OUT_KEY("spans", FIELD_TYPE_INT, 2, 0, "places"), FIELD_END};

static const field answer[] = {FIELD_OUT_OBJECTS(1, 2, answer_keys, "labels"),
                               FIELD_OUT_NUMBERS(1, 1, "or numbers"), FIELD_END};

static void checks_replies(void **state)
{
    (void)state;
    static const struct {
        const char *reply, *message;
    } cases[] = {
        {"[{\"label\": \"a\", \"score\": 1}]", NULL},
        {"[[{\"label\": \"a\", \"score\": 0.5, \"spans\": [[1, 2]]}]]", NULL},
        {"[1, 2.5]", NULL},
        {"[{\"label\": \"a\", \"score\": null}]", "'[0].score' must be a number, found null"},
        {"[{\"label\": \"a\"}]", "'[0].score' is required but missing"},
        {"[{\"label\": \"a\", \"score\": 1, \"more\": 1}]", "'[0].more' has no row"},
        {"[{\"label\": \"a\", \"score\": 1, \"spans\": [1]}]",
         "'[0].spans[0]' must be an array, found an integer"},
        {"{}", "'' must be an array, found an object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error e = {0};
        own_json json_t *reply = json_parse(str_of(cases[i].reply), "it", 64, &e);
        assert_int_equal(fields_check(answer, reply, &e), cases[i].message == NULL);
        if (cases[i].message)
            assert_string_equal(e.message, cases[i].message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_presets),
        cmocka_unit_test(takes_values),
        cmocka_unit_test(takes_every_form_of_texts),
        cmocka_unit_test(takes_one_or_many_integers),
        cmocka_unit_test(takes_lists_of_boxes),
        cmocka_unit_test(names_the_place),
        cmocka_unit_test(reports_full_memory),
        cmocka_unit_test(makes_a_schema),
        cmocka_unit_test(takes_pairs),
        cmocka_unit_test(takes_comma_lists_and_objects),
        cmocka_unit_test(takes_numbers_and_none),
        cmocka_unit_test(checks_replies),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
