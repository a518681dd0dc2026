/* Request bodies by the rows of the tasks: every form that clients send, and the texts of refusals.
 */
#include "unit.h"

#include "base/own.h"
#include "tasks/embeddings.h"
#include "tasks/task.h"

#include <math.h>
#include <stdlib.h>

static error parse(const char *task_name, const char *body, void *request, arena *memory)
{
    error e = {0};
    const task *t = task_find(str_of(task_name));
    assert_non_null(t);
    bool ok = task_parse(t, str_of(body), request, memory, &e);
    assert_true(ok == (e.kind == ERR_NONE));
    return e;
}

static void every_task_is_complete(void **state)
{
    (void)state;
    for (int i = 0; tasks[i]; i++) {
        const task *t = tasks[i];
        error e = {0};
        arena *memory = arena_new(1 << 20);
        assert_ptr_equal(task_find(str_of(t->name)), t);
        assert_true(strlen(t->title) > 0 && strlen(t->summary) > 0 && t->output && t->prepare &&
                    t->finish);
        void *request = arena_alloc(memory, t->request_size);
        if (!task_parse(t, str_of(t->example), request, memory, &e))
            fail_msg("the example of %s: %s", t->name, e.message);
        own_json json_t *in = task_input_schema(t), *out = task_output_schema(t);
        assert_non_null(json_object_get(json_object_get(in, "properties"), "inputs"));
        assert_non_null(out);
        arena_free(memory);
    }
    assert_null(task_find(STR("no-such-task")));
}

static void parameters_stand_in_both_places(void **state)
{
    arena *memory = *state;
    embed_request r = {0};
    const char *name = "feature-extraction";
    assert_int_equal(parse(name, "{\"inputs\": \"a\", \"normalize\": true}", &r, memory).kind,
                     ERR_NONE);
    assert_int_equal(r.normalize, 1);
    parse(name,
          "{\"inputs\": [\"a\"], \"parameters\": {\"normalize\": false}, \"normalize\": true}", &r,
          memory);
    assert_int_equal(r.normalize, 0);
    parse(name, "{\"inputs\": \"a\", \"parameters\": null, \"truncation_direction\": \"Left\"}", &r,
          memory);
    assert_int_equal(r.normalize, -1);
    assert_int_equal(r.side, TRUNCATE_LEFT);
    assert_string_equal(parse(name, "{\"inputs\": \"a\", \"parameters\": []}", &r, memory).message,
                        "'parameters' must be an object, found an array");
    assert_string_equal(
        parse(name, "{\"inputs\": \"a\", \"parameters\": {\"normalize\": 1}}", &r, memory).message,
        "'parameters.normalize' must be true or false, found an integer");
}

static void inputs_are_required(void **state)
{
    arena *memory = *state;
    embed_request r = {0};
    const char *name = "feature-extraction";
    assert_string_equal(parse(name, "{}", &r, memory).message, "'inputs' is required but missing");
    assert_string_equal(parse(name, "[1]", &r, memory).message,
                        "the request body must be a JSON object, found an array");
    assert_non_null(strstr(parse(name, "", &r, memory).message, "the request body is empty"));
    char request[200];
    name = "sentence-similarity";
    assert_string_equal(parse(name, "{\"inputs\": \"text\"}", request, memory).message,
                        "'inputs' must be an object, found a string");
    assert_string_equal(parse(name, "{\"inputs\": {\"sentences\": []}}", request, memory).message,
                        "'inputs.source_sentence' is required but missing");
    assert_string_equal(
        parse(name, "{\"source_sentence\": \"a\", \"sentences\": [1]}", request, memory).message,
        "'sentences[0]' must be a string, found an integer");
    assert_int_equal(
        parse(name, "{\"source_sentence\": \"a\", \"sentences\": [\"b\"]}", request, memory).kind,
        ERR_NONE);
}

static void cosine_is_the_reference(void **state)
{
    (void)state;
    float a[] = {3, 4}, b[] = {4, 3}, zero[] = {0, 0};
    assert_true(fabsf(cosine(a, b, 2) - 0.96f) < 1e-7f);
    assert_true(cosine(a, zero, 2) == 0);
    assert_true(cosine(a, a, 2) == 1);
}

static void vectors_as_base64(void **state)
{
    (void)state;
    own_buf buf out = buf_new(100);
    float v[] = {1, -2};
    embeddings_put(&out, v, 2, EMBEDDING_BASE64);
    assert_string_equal(buf_text(&out), "\"AACAPwAAAMA=\"");
    buf_clear(&out);
    embeddings_put(&out, v, 2, EMBEDDING_FLOAT);
    assert_string_equal(buf_text(&out), "[1,-2]");
}

static int set_up(void **state)
{
    *state = arena_new(1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_is_complete), cmocka_unit_test(parameters_stand_in_both_places),
        cmocka_unit_test(inputs_are_required),    cmocka_unit_test(cosine_is_the_reference),
        cmocka_unit_test(vectors_as_base64),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
