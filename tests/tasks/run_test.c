/* The runner on a tiny model: the bits of a text do not depend on what else is computed, and a
 * small call is not kept waiting by a large one. */
#include "base/json.h"
#include "base/own.h"
#include "kernels/kernels.h"
#include "tasks/run.h"
#include "unit.h"

#include "../models/changed.h"

#include <stdlib.h>

struct fixture {
    team *threads;
    pipeline pipeline;
    runner *runner;
};

static char *answer(struct fixture *f, const char *task_name, const char *body, call_usage *usage)
{
    error e = {0};
    buf reply = buf_new(1 << 24);
    call_usage ignored;
    const task *t = task_find(str_of(task_name));
    if (!runner_answer(f->runner, t, str_of(body), &reply, usage ? usage : &ignored, &e))
        fail_msg("%s: %s", body, e.message);
    buf_text(&reply);
    return reply.p;
}

static void same_bits_alone_and_in_a_batch(void **state)
{
    struct fixture *f = *state;
    own_mem char *one =
        answer(f, "feature-extraction", "{\"inputs\": \"the quick brown fox\"}", NULL);
    buf body = buf_new(1 << 20);
    buf_puts(&body, "{\"inputs\": [");
    for (int i = 0; i < 700; i++)
        buf_printf(&body, "\"%.*s %d\",", i % 50,
                   "some words of a growing length that differ in number", i);
    buf_puts(&body, "\"the quick brown fox\"]}");
    own_mem char *many = answer(f, "feature-extraction", buf_text(&body), NULL);
    buf_release(&body);
    size_t n = strlen(one), m = strlen(many);
    assert_true(m > n + 1);
    assert_memory_equal(one, many + m - 1 - n, n); /* the last element, before "]" */
}

static void similarity_is_the_cosine(void **state)
{
    struct fixture *f = *state;
    call_usage usage;
    own_mem char *text = answer(f, "sentence-similarity",
                                "{\"inputs\": {\"source_sentence\": \"hello world\", \"sentences\":"
                                " [\"hello world\", \"a fox\"]}}",
                                &usage);
    error e = {0};
    own_json json_t *scores = json_parse(str_of(text), "reply", 4, &e);
    assert_int_equal(json_array_size(scores), 2);
    assert_true(json_number_value(json_array_get(scores, 0)) > 0.999999);
    assert_true(json_number_value(json_array_get(scores, 1)) < 0.999);
    assert_true(usage.tokens == usage.tokens_given && usage.n_truncated == 0 && usage.tokens > 6);
}

/* Calls of one sequence finish in the first batch although a call of thousands stands before them.
 */
static void small_calls_are_not_kept_waiting(void **state)
{
    struct fixture *f = *state;
    enum { LARGE = 6000, LENGTH = 10 };
    int ids[LENGTH] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    sequence *many = calloc(LARGE, sizeof *many), few = {.ids = ids, .n = LENGTH};
    for (int i = 0; i < LARGE; i++)
        many[i] = few;
    task_call large = {.task = tasks[0],
                       .pipeline = &f->pipeline,
                       .memory = arena_new(1 << 28),
                       .sequences = many,
                       .n_sequences = LARGE};
    task_call small = {.task = tasks[0],
                       .pipeline = &f->pipeline,
                       .memory = arena_new(1 << 20),
                       .sequences = &few,
                       .n_sequences = 1};
    task_call *calls[] = {&large, &small};
    error e = {0};
    assert_true(runner_step(f->runner, calls, 2, &e));
    assert_int_equal(small.n_done, 1);
    assert_true(large.n_done > 1 && large.n_done < LARGE);
    int width = f->pipeline.info->width;
    assert_memory_equal(few.out, many[0].out, (size_t)width * sizeof(float));
    atomic_store(&large.cancelled, true);
    int before = large.n_done;
    assert_true(runner_step(f->runner, calls, 2, &e));
    assert_int_equal(large.n_done, before);
    arena_free(large.memory);
    arena_free(small.memory);
    free(many);
}

static void refuses_what_the_model_cannot(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    assert_null(pipeline_task(&f->pipeline, STR("text-to-video"), &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_non_null(strstr(e.message, "'sentence-similarity'"));
    call_usage usage;
    buf reply = buf_new(1 << 20);
    e = (error){0};
    assert_false(runner_answer(f->runner, task_find(STR("feature-extraction")),
                               STR("{\"inputs\": [1, 99999999]}"), &reply, &usage, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    buf_release(&reply);
}

/* In a batch it would fail the calls of others. */
static void a_foreign_token_id_is_found_before_the_batch(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    const task *t = task_find(STR("feature-extraction"));
    task_call call = {.task = t, .pipeline = &f->pipeline, .memory = arena_new(1 << 20)};
    call.request = arena_alloc(call.memory, t->request_size);
    str body = STR("{\"inputs\": [[1, 2], [1, 99999999]]}");
    assert_true(task_parse(t, body, call.request, call.memory, &e));
    assert_false(t->prepare(&call, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_non_null(strstr(e.message, "'inputs[1]' has the token id 99999999"));
    arena_free(call.memory);
}

/* A call for the logits of a masked LM, computed alone: the row of one of its tokens. */
static float *logits_alone(struct fixture *f, const sequence *s, int token, arena *memory)
{
    error e = {0};
    sequence whole = {.ids = s->ids, .n = s->n};
    task_call c = {.task = tasks[0],
                   .pipeline = &f->pipeline,
                   .memory = memory,
                   .computes = CALL_LOGITS,
                   .sequences = &whole,
                   .n_sequences = 1};
    task_call *calls[] = {&c};
    assert_true(runner_step(f->runner, calls, 1, &e));
    return whole.out + (size_t)token * (size_t)f->pipeline.info->vocab;
}

static void same_logits_alone_and_in_a_batch(void **state)
{
    struct fixture *f = *state;
    const int ids[] = {2, 40, 4, 50, 60, 4, 3}, rows[] = {2, 5}, last[] = {6};
    sequence of_first[] = {{.ids = ids, .n = 7, .rows = rows, .n_rows = 2}, {.ids = ids, .n = 3}};
    sequence of_second[] = {{.ids = ids, .n = 7, .rows = last, .n_rows = 1},
                            {.ids = ids, .n = 7, .rows = rows, .n_rows = 0}};
    arena *memory = arena_new(1 << 20);
    task_call calls[2];
    for (int i = 0; i < 2; i++)
        calls[i] = (task_call){.task = tasks[0],
                               .pipeline = &f->pipeline,
                               .memory = memory,
                               .computes = CALL_LOGITS,
                               .sequences = i ? of_second : of_first,
                               .n_sequences = 2};
    task_call *list[] = {&calls[0], &calls[1]};
    error e = {0};
    if (!runner_step(f->runner, list, 2, &e))
        fail_msg("%s", e.message);
    assert_true(calls[0].n_done == 2 && calls[1].n_done == 2);
    size_t row = (size_t)f->pipeline.info->vocab;
    const struct {
        const sequence *s;
        int row, token;
    } cases[] = {{&of_first[0], 0, 2},
                 {&of_first[0], 1, 5},
                 {&of_first[1], 0, 0},
                 {&of_first[1], 2, 2},
                 {&of_second[0], 0, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_memory_equal(cases[i].s->out + (size_t)cases[i].row * row,
                            logits_alone(f, cases[i].s, cases[i].token, memory),
                            row * sizeof(float));
    arena_free(memory);
}

/* A call for the logits of one sequence in a language, whose result stands in *s. */
static task_call spoken(struct fixture *f, sequence *s, int language, arena *memory)
{
    return (task_call){.task = tasks[0],
                       .pipeline = &f->pipeline,
                       .memory = memory,
                       .computes = CALL_LOGITS,
                       .language = language,
                       .sequences = s,
                       .n_sequences = 1};
}

/* Texts of other languages in the batch change no bit of a text. */
static void languages_in_one_batch(void **state)
{
    static const int languages[] = {0, 2, 2, -1, 0, 1};
    enum { N = sizeof languages / sizeof *languages };
    const int ids[] = {0, 40, 12, 50, 60, 33, 21, 2};
    struct fixture *f = *state;
    error e = {0};
    sequence together[N], alone[N];
    task_call calls[N], *list[N];
    arena *memory = arena_new(1 << 20);
    int n_labels = f->pipeline.info->n_labels;
    size_t bytes = (size_t)n_labels * sizeof(float);
    for (int i = 0; i < N; i++) {
        together[i] = alone[i] = (sequence){.ids = ids, .n = 5 + i % 3};
        calls[i] = spoken(f, &together[i], languages[i], memory);
        list[i] = &calls[i];
    }
    if (!runner_step(f->runner, list, N, &e))
        fail_msg("%s", e.message);
    for (int i = 0; i < N; i++) {
        assert_int_equal(calls[i].n_done, 1);
        task_call one = spoken(f, &alone[i], languages[i], memory), *of_one[] = {&one};
        assert_true(runner_step(f->runner, of_one, 1, &e));
        assert_memory_equal(together[i].out, alone[i].out, bytes);
    }
    sequence usual = {.ids = ids, .n = 5 + 3 % 3}, other = {.ids = ids, .n = 5 + 3 % 3};
    task_call pair[] = {spoken(f, &usual, 1, memory), spoken(f, &other, 0, memory)};
    list[0] = &pair[0];
    list[1] = &pair[1];
    assert_true(runner_step(f->runner, list, 2, &e));
    assert_memory_equal(usual.out, together[3].out, bytes); /* -1 is the default one */
    assert_memory_not_equal(usual.out, other.out, bytes);
    arena_free(memory);
}

/* Whichever stands first, the other call is computed. */
static void large_results_fail_alone(void **state)
{
    struct fixture *f = *state;
    const int ids[] = {2, 40, 4, 3};
    for (int order = 0; order < 2; order++) {
        sequence good = {.ids = ids, .n = 4}, bad = {.ids = ids, .n = 4};
        task_call small = {.task = tasks[0],
                           .pipeline = &f->pipeline,
                           .memory = arena_new(1000),
                           .computes = CALL_LOGITS,
                           .sequences = &bad,
                           .n_sequences = 1};
        task_call other = small;
        other.memory = arena_new(1 << 20);
        other.sequences = &good;
        task_call *calls[] = {order ? &other : &small, order ? &small : &other};
        error e = {0};
        assert_int_equal(runner_step(f->runner, calls, 2, &e), order);
        assert_true(small.n_done == !order && other.n_done == order);
        assert_int_equal(runner_step(f->runner, calls + 1, 1, &e), !order);
        assert_int_equal(e.kind, ERR_TOO_LARGE);
        assert_non_null(good.out);
        arena_free(small.memory);
        arena_free(other.memory);
    }
}

static void a_model_that_reads_tables_answers_no_text(void **state)
{
    const struct fixture *f = *state;
    pipeline p;
    error e = {0};
    assert_false(
        pipeline_open(&p, TEST_ROOT "/goldens/heads/tapas-labels", NULL, NULL, f->threads, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_non_null(strstr(e.message, "'tapas' reads tables"));
}

static void refused(const struct fixture *f, const char *golden, const char *file,
                    const char *patch, const char *task_name, const char *words)
{
    error e = {0};
    pipeline p;
    own_mem char *from = xprintf("%s/goldens/%s", TEST_ROOT, golden);
    own_mem char *folder = changed(from, file, patch);
    assert_false(pipeline_open(&p, folder, "a/b", task_name, f->threads, &e));
    if (!strstr(e.message, words))
        fail_msg("found '%s', expected '%s'", e.message, words);
    error ignored = {0};
    assert_true(file_remove_tree(folder, &ignored));
}

/* Models that write answers are told from those that select cells; what a folder says of its
 * tokenizer is checked. */
static void tables_need_a_model_that_selects_cells(void **state)
{
    const struct fixture *f = *state;
    const char *tables = "table-question-answering", *file = "tokenizer_config.json";
    refused(f, "tasks/bart-nli", "README.md", "---\npipeline_tag: table-question-answering\n---\n",
            NULL, "text generation is not supported");
    refused(f, "tasks/bart-nli", file, "{}", tables,
            "cannot do the task 'table-question-answering'");
    refused(f, "tables/wtq", file, "{}", "feature-extraction",
            "cannot do the task 'feature-extraction'; it can do 'table-question-answering'");
    refused(f, "tables/wtq", file, "{\"cell_trim_length\": \"many\"}", NULL,
            "'cell_trim_length' must be an integer");
    refused(f, "tables/wtq", file, "{\"additional_special_tokens\": [\"[NOT]\"]}", NULL,
            "the tokenizer has ids up to");
    refused(f, "tables/wtq", file,
            "{\"added_tokens_decoder\": {\"500\": {\"content\": \"[NOT]\"}}}", NULL,
            "the id 500, expected 147");
}

static bool prepares(struct fixture *f, const char *body, error *e)
{
    const task *t = task_find(STR("text-classification"));
    task_call call = {.task = t, .pipeline = &f->pipeline, .memory = arena_new(1 << 20)};
    call.request = arena_alloc(call.memory, t->request_size);
    assert_true(task_parse(t, str_of(body), call.request, call.memory, e));
    bool ok = runner_prepare(&call, e);
    arena_free(call.memory);
    return ok;
}

/* BART reads its scores at the last token that ends a text, which is an exclamation mark here. */
static void a_text_without_an_end_is_found_before_the_batch(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    assert_true(prepares(f, "{\"inputs\": [\"the end!\", \"go!\"]}", &e));
    assert_false(prepares(f, "{\"inputs\": [\"the end!\", \"go on\"]}", &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_string_equal(e.message, "text 1 of 'inputs': it does not have the token 5, at which "
                                   "this model reads its scores");
}

static int set_up_folder(void **state, const char *folder)
{
    struct fixture *f = calloc(1, sizeof *f);
    error e = {0};
    if (!kernels_init(&e) || !(f->threads = team_new(2, &e)) ||
        !pipeline_open(&f->pipeline, folder, NULL, NULL, f->threads, &e)) {
        print_error("%s\n", e.message);
        return -1;
    }
    f->runner = runner_new(&f->pipeline);
    *state = f;
    return 0;
}

static int set_up(void **state)
{
    return set_up_folder(state, TEST_ROOT "/goldens/tiny/bert-mean-normalize");
}

static int set_up_masked_lm(void **state)
{
    return set_up_folder(state, TEST_ROOT "/goldens/heads/bert-masked-lm");
}

static int set_up_languages(void **state)
{
    return set_up_folder(state, TEST_ROOT "/goldens/tasks/xmod-nli");
}

static int set_up_other_end(void **state)
{
    own_mem char *folder =
        changed(TEST_ROOT "/goldens/heads/bart-labels", "config.json", "{\"eos_token_id\": 5}");
    int failed = set_up_folder(state, folder);
    error ignored = {0};
    return !file_remove_tree(folder, &ignored) || failed;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    runner_free(f->runner);
    pipeline_close(&f->pipeline);
    team_free(f->threads);
    free(f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_alone_and_in_a_batch),
        cmocka_unit_test(similarity_is_the_cosine),
        cmocka_unit_test(small_calls_are_not_kept_waiting),
        cmocka_unit_test(refuses_what_the_model_cannot),
        cmocka_unit_test(a_foreign_token_id_is_found_before_the_batch),
        cmocka_unit_test(a_model_that_reads_tables_answers_no_text),
        cmocka_unit_test(tables_need_a_model_that_selects_cells),
    };
    const struct CMUnitTest of_logits[] = {
        cmocka_unit_test(same_logits_alone_and_in_a_batch),
        cmocka_unit_test(large_results_fail_alone),
    };
    const struct CMUnitTest of_ends[] = {
        cmocka_unit_test(a_text_without_an_end_is_found_before_the_batch),
    };
    const struct CMUnitTest of_languages[] = {
        cmocka_unit_test(languages_in_one_batch),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down) +
           cmocka_run_group_tests(of_languages, set_up_languages, tear_down) +
           cmocka_run_group_tests(of_ends, set_up_other_end, tear_down) +
           cmocka_run_group_tests(of_logits, set_up_masked_lm, tear_down);
}
