/* Batches whose threads have steps of their own: the first error of several, leaving between
 * layers, and where their time goes. That their results have the bits of one thread is checked with
 * every golden (golden_test.c, head_test.c). */
#include "unit.h"

#include "base/memory.h"
#include "base/profile.h"
#include "kernels/kernels.h"
#include "models/model.h"

#include <stdatomic.h>

#define FOLDER TEST_ROOT "/goldens/heads/bert-masked-lm"

enum { WORK_BYTES = 64 << 20, SEQUENCES = 60, LENGTH = 30, THREADS = 3, UNKNOWN = 1 << 22 };

struct fixture {
    team *team;
    model *model;
    arena *arena;
    float *out;
    int ids[SEQUENCES * LENGTH], start[SEQUENCES + 1];
    token_batch batch;
};

static struct fixture *open_batch(void)
{
    error e = {0};
    struct fixture *f = xcalloc(1, sizeof *f);
    f->team = team_new(THREADS, &e);
    f->model = model_open(FOLDER, f->team, &e);
    if (!f->model)
        fail_msg("%s", e.message);
    f->arena = arena_new(WORK_BYTES);
    f->out = xcalloc((size_t)SEQUENCES * LENGTH * (size_t)model_describe(f->model)->hidden,
                     sizeof *f->out);
    for (int i = 0; i < SEQUENCES * LENGTH; i++)
        f->ids[i] = 5 + i % 20;
    for (int i = 0; i <= SEQUENCES; i++)
        f->start[i] = i * LENGTH;
    f->batch = (token_batch){.ids = f->ids, .start = f->start, .n_seq = SEQUENCES};
    return f;
}

static void close_batch(struct fixture *f)
{
    model_close(f->model);
    team_free(f->team);
    arena_free(f->arena);
    free(f->out);
    free(f);
}

static void first_error_of_several(void **state)
{
    (void)state;
    struct fixture *f = open_batch();
    for (int s = 17; s < SEQUENCES; s += 3)
        f->ids[s * LENGTH + 4] = UNKNOWN + s;
    for (int round = 0; round < 20; round++) {
        char expected[40];
        error e = {0};
        arena_reset(f->arena);
        snprintf(expected, sizeof expected, "token id %d ", UNKNOWN + 17);
        assert_false(model_hidden(f->model, &f->batch, f->out, f->arena, &e));
        assert_int_equal(e.kind, ERR_INVALID);
        assert_non_null(strstr(e.message, expected));
    }
    close_batch(f);
}

static bool after_some(void *arg)
{
    return atomic_fetch_sub((atomic_int *)arg, 1) <= 0;
}

static void left_between_layers(void **state)
{
    (void)state;
    struct fixture *f = open_batch();
    for (int layers = 0; layers < 5; layers++) {
        error e = {0};
        atomic_int left = layers;
        f->batch.cancelled = after_some;
        f->batch.cancelled_arg = &left;
        arena_reset(f->arena);
        assert_false(model_hidden(f->model, &f->batch, f->out, f->arena, &e));
        assert_int_equal(e.kind, ERR_CANCELLED);
        /* Each thread asks once more at most. */
        assert_in_range(-atomic_load(&left), 1, THREADS);
    }
    close_batch(f);
}

/* As many products as one thread would count, and no more time than has gone by. */
static void time_of_all_threads(void **state)
{
    (void)state;
    struct fixture *f = open_batch();
    profile spent, alone;
    error e = {0};
    team *one = team_new(1, &e);
    model *m = model_open(FOLDER, one, &e);
    profile_start(&spent);
    assert_true(model_hidden(f->model, &f->batch, f->out, f->arena, &e));
    profile_stop();
    arena_reset(f->arena);
    profile_start(&alone);
    assert_true(model_hidden(m, &f->batch, f->out, f->arena, &e));
    profile_stop();
    assert_true(alone.operations[PROFILE_GEMM] > 0);
    assert_true(spent.operations[PROFILE_GEMM] == alone.operations[PROFILE_GEMM]);
    assert_true(spent.calls[PROFILE_GEMM] > alone.calls[PROFILE_GEMM]); /* more steps */
    for (int part = 0; part < N_PROFILE_PARTS; part++)
        assert_true(spent.ns[part] >= 0);
    assert_true(spent.ns[PROFILE_GEMM] > 0);
    model_close(m);
    team_free(one);
    close_batch(f);
}

static int setup(void **state)
{
    (void)state;
    return kernels_init(NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_of_several),
        cmocka_unit_test(left_between_layers),
        cmocka_unit_test(time_of_all_threads),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
