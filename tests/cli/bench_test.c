/* The inputs of `inferd bench`: every task of every kind of model gets requests that it answers. */
#include "cli/bench.h"
#include "unit.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "base/profile.h"
#include "kernels/kernels.h"
#include "tasks/run.h"

#include <stdlib.h>

/* Of a request with n texts: the tokens that were computed. */
static int64_t answered(pipeline *p, const task *t, int n, int n_tokens)
{
    error e = {0};
    arena *memory = arena_new(64 << 20);
    own_buf buf body = buf_new(1 << 20), reply = buf_new(64 << 20);
    str items[4];
    option_list none = {.n = 0};
    call_usage usage = {0};
    p->task = t;
    bool ok = true;
    for (int i = 0; ok && i < n; i++)
        ok = bench_text_make(p, i, n_tokens, &items[i], memory, &e);
    ok = ok && bench_body(p, items, n, &none, &body, &e);
    runner *r = runner_new(p);
    ok = ok && runner_answer(r, t, buf_view(&body), &reply, &usage, &e);
    if (!ok)
        fail_msg("%s, %s, %d texts: %s", p->id, t->name, n, e.message);
    runner_free(r);
    arena_free(memory);
    return usage.tokens;
}

static void every_task_answers(void **state)
{
    static const char *const models[] = {
        "tasks/bert-masked-lm",      "tasks/roberta-masked-lm", "tasks/bert-nli",
        "tasks/roberta-regression",  "tasks/bert-multi",        "tasks/bert-entities",
        "tasks/xlm-roberta-answers", "tasks/bert-one",          "tiny/bert-mean-normalize",
    };
    team *t = *state;
    int n_answered = 0;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        own_mem char *folder = xprintf("%s/goldens/%s", TEST_ROOT, models[i]);
        pipeline p;
        error e = {0};
        if (!pipeline_open(&p, folder, NULL, NULL, t, &e))
            fail_msg("%s: %s", models[i], e.message);
        for (int k = 0; tasks[k]; k++) {
            if (!pipeline_supports(&p, tasks[k]))
                continue;
            int64_t one = answered(&p, tasks[k], 1, 12), three = answered(&p, tasks[k], 3, 12);
            assert_true(one >= 8 && three >= one + 16);
            n_answered++;
        }
        pipeline_close(&p);
    }
    assert_true(n_answered >= 12);
}

static void lengths_are_kept(void **state)
{
    team *t = *state;
    own_mem char *folder = xprintf("%s/goldens/tiny/bert-mean-normalize", TEST_ROOT);
    pipeline p;
    error e = {0};
    assert_true(pipeline_open(&p, folder, NULL, "feature-extraction", t, &e));
    for (int n = 3; n <= p.max_tokens; n += 7)
        assert_int_equal(answered(&p, p.task, 1, n), n);
    pipeline_close(&p);
}

/* Products are the larger part of the time, in every precision that a model may have. */
static void products_are_profiled(void **state)
{
    team *t = *state;
    own_mem char *folder = xprintf("%s/goldens/tiny/bert-mean-normalize", TEST_ROOT);
    pipeline p;
    error e = {0};
    profile spent;
    assert_true(pipeline_open(&p, folder, NULL, "feature-extraction", t, &e));
    profile_start(&spent);
    for (int i = 0; i < 50; i++)
        answered(&p, p.task, 3, 12);
    profile_stop();
    int64_t total = 0;
    for (int i = 0; i < N_PROFILE_PARTS; i++)
        total += spent.ns[i];
    assert_true(spent.ns[PROFILE_GEMM] > total / 50 && spent.ns[PROFILE_ATTENTION] > 0);
    assert_true(spent.calls[PROFILE_GEMM] >= 100 && spent.operations[PROFILE_GEMM] > 1e6);
    assert_int_equal(spent.calls[PROFILE_REQUEST], 50);
    pipeline_close(&p);
}

static bool read_as(const char *name, const char *content, bench_texts *out, error *e)
{
    char folder[] = "/tmp/inferd-bench-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    own_mem char *path = path_join(folder, name);
    assert_true(file_write(path, str_of(content), 0600, e));
    bool ok = bench_texts_read(out, path, e);
    error ignored = {0};
    file_remove_tree(folder, &ignored);
    return ok;
}

static void texts_of_files(void **state)
{
    (void)state;
    bench_texts t;
    error e = {0};
    assert_true(read_as("a.txt", "one\r\n\n two\n\"three\"", &t, &e));
    assert_int_equal(t.n, 3);
    assert_true(str_is(t.items[0], "one") && str_is(t.items[1], " two"));
    assert_true(str_is(t.items[2], "\"three\""));
    bench_texts_release(&t);
    assert_true(read_as("a.jsonl", "\"a\\nb\\u0000c\"\n\"\"\n\"\\u00e9\"\n", &t, &e));
    assert_int_equal(t.n, 3);
    assert_true(str_eq(t.items[0], STR("a\nb\0c")) && t.items[1].n == 0);
    assert_true(str_is(t.items[2], "\xc3\xa9"));
    bench_texts_release(&t);
    assert_false(read_as("a.jsonl", "\"a\"\n[1]\n", &t, &e));
    assert_non_null(strstr(e.message, "line 2: not a JSON string"));
    e = (error){0};
    assert_false(read_as("a.txt", "\n", &t, &e));
    assert_non_null(strstr(e.message, "there are no texts"));
    e = (error){0};
    assert_true(bench_texts_read(&t, NULL, &e) && t.n > 20);
    bench_texts_release(&t);
}

static void quantiles(void **state)
{
    (void)state;
    double values[] = {5, 1, 4, 2, 3};
    assert_true(bench_quantile(values, 5, 0.5) == 3);
    assert_true(bench_quantile(values, 5, 1) == 5 && bench_quantile(values, 5, 0) == 1);
    assert_true(bench_quantile(values, 4, 0.5) == 2.5);
    assert_true(bench_quantile(values, 1, 0.99) == 1);
}

static void rank_correlations(void **state)
{
    (void)state;
    double x[] = {1, 2, 3, 4}, y[] = {10, 20, 21, 1000};
    assert_true(bench_rank_correlation(x, y, 4) == 1);
    double rising[] = {1, 2, 3}, falling[] = {3, 2, 1};
    assert_true(bench_rank_correlation(rising, falling, 3) == -1);
    /* scipy.stats.spearmanr([1, 2, 2, 5, 0], [2, 1, 4, 4, 0]) */
    double ties[] = {1, 2, 2, 5, 0}, others[] = {2, 1, 4, 4, 0};
    double found = bench_rank_correlation(ties, others, 5);
    assert_true(found > 0.763157 && found < 0.763158);
}

static int start(void **state)
{
    error e = {0};
    *state = team_new(2, &e);
    return *state && kernels_init(&e) ? 0 : -1;
}

static int stop(void **state)
{
    team_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(every_task_answers),
        cmocka_unit_test(lengths_are_kept),
        cmocka_unit_test(products_are_profiled),
        cmocka_unit_test(texts_of_files),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(rank_correlations),
    };
    return cmocka_run_group_tests(all, start, stop);
}
