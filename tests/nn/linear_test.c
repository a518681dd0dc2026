/* Linear layers in every form of their weights: with and without prepared files the same bits, and
 * low precisions within what rounding can do. */
#include "unit.h"

#include "../tensor/files.h"
#include "kernels/kernels.h"
#include "nn/linear.h"

#include <math.h>
#include <time.h>

enum { IN = 96, OUT = 80, ALL = 3 * OUT, ROWS = 13, GROUPS = 2, TYPES = 3 };

static float numbers[ALL * IN], x[ROWS * IN];
static uint16_t halves[2][ALL * IN]; /* F16 and BF16 of the numbers */

struct fixture {
    char *folder, *cache;
    repo repo;
    team *team;
};

/* One model a type of its weights: "F32", "F16", "BF16". */
static const enum dtype types[TYPES] = {DTYPE_F32, DTYPE_F16, DTYPE_BF16};

/* Numbers that all three types hold exactly: 7 bits behind the point. */
static void fill(void)
{
    unsigned seed = 11;
    for (int i = 0; i < ALL * IN; i++) {
        seed = seed * 1664525 + 1013904223;
        int value = (int)(seed >> 24) - 128;
        numbers[i] = (float)value / 128;
        uint32_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        halves[1][i] = (uint16_t)(bits >> 16);
        uint32_t sign = bits >> 16 & 0x8000, exponent = bits >> 23 & 255;
        halves[0][i] = (uint16_t)(value ? sign | (exponent - 112) << 10 | (bits >> 13 & 1023) : 0);
    }
    for (int i = 0; i < ROWS * IN; i++)
        x[i] = numbers[(i * 37 + 5) % (ALL * IN)];
}

static void write_model(const struct fixture *f, enum dtype type)
{
    const void *values = type == DTYPE_F32   ? (const void *)numbers
                         : type == DTYPE_F16 ? (const void *)halves[0]
                                             : (const void *)halves[1];
    const struct made_tensor tensors[] = {{"fused.weight", type, ALL, IN, values},
                                          {"fused.bias", DTYPE_F32, ALL, 0, numbers + 3},
                                          {"small.weight", type, 3, IN, values},
                                          {"small.bias", type, 3, 0, values}};
    made_safetensors(f->folder, "model.safetensors", tensors, 4, 0);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    fill();
    f->folder = made_folder();
    f->cache = made_folder();
    *state = f;
    f->team = team_new(2, NULL);
    return kernels_init(NULL) && repo_open(&f->repo, f->folder, NULL) ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    team_free(f->team);
    repo_release(&f->repo);
    file_remove_tree(f->folder, NULL);
    file_remove_tree(f->cache, NULL);
    free(f->folder);
    free(f->cache);
    free(f);
    return 0;
}

struct layers {
    weight_set *set;
    linear part[3], small;
};

static void open_layers(struct layers *l, const struct fixture *f, enum precision precision,
                        const char *cache, bool at_once)
{
    error e = {0};
    l->set = weight_set_open(&f->repo, "", &e);
    if (!l->set)
        fail_msg("%s", e.message);
    weight_set_plan(l->set, &(weight_plan){.precision = precision,
                                           .folder = cache,
                                           .level = kernels_level(),
                                           .at_once = at_once});
    weights w = weights_root(l->set, NULL);
    for (int i = 0; i < 3; i++)
        linear_bind_rows(&l->part[i], weights_in(w, "fused"), OUT, IN, i * OUT, ALL, true);
    linear_bind(&l->small, weights_in(w, "small"), 3, IN);
    if (!weights_done(l->set, NULL, &e) || !weight_set_prepare(l->set, f->team, &e))
        fail_msg("%s", e.message);
}

static void run(const struct layers *l, const struct fixture *f, float *y)
{
    linear_call calls[4];
    for (int i = 0; i < 3; i++)
        calls[i] = (linear_call){&l->part[i], x, y + (size_t)i * ROWS * OUT, ACT_TANH};
    calls[3] = (linear_call){&l->small, x, y + (size_t)3 * ROWS * OUT, ACT_NONE};
    linear_run_all(f->team, calls, 4, ROWS);
}

enum { RESULTS = 3 * ROWS * OUT + ROWS * 3 };

static void close_layers(struct layers *l)
{
    weight_set_close(l->set);
}

/* Waits for the thread that makes what can wait. */
static void wait_for(const packed_weight *p)
{
    for (int i = 0; i < 1000 && !packed_weight_get(p); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    assert_non_null(packed_weight_get(p));
}

static void prepared_weights_change_nothing(void **state)
{
    struct fixture *f = *state;
    static float plain[RESULTS], got[RESULTS];
    for (int type = 0; type < TYPES; type++) {
        struct layers l;
        weight_counts counts;
        write_model(f, types[type]);
        open_layers(&l, f, PRECISION_F32, NULL, false);
        weight_set_count(l.set, &counts);
        bool converts = types[type] != DTYPE_F32;
        assert_true((counts.converted_bytes > ALL * IN * 4) == converts);
        run(&l, f, type == 0 ? plain : got);
        if (type > 0) /* the numbers are the same in all types */
            assert_memory_equal(got, plain, sizeof plain);
        close_layers(&l);

        open_layers(&l, f, PRECISION_F32, f->cache, false);
        assert_true(packed_weight_get(l.part[0].packed) || !converts);
        run(&l, f, got);
        assert_memory_equal(got, plain, sizeof plain);
        wait_for(l.part[0].packed);
        run(&l, f, got);
        assert_memory_equal(got, plain, sizeof plain);
        close_layers(&l);

        open_layers(&l, f, PRECISION_F32, f->cache, false);
        assert_true(weight_set_is_prepared(l.set));
        weight_set_count(l.set, &counts);
        assert_int_equal(counts.converted_bytes, 0);
        weight_set_read_ahead(l.set);
        run(&l, f, got);
        assert_memory_equal(got, plain, sizeof plain);
        close_layers(&l);
    }
}

/* Rounding both operands to 8 bits (bf16: significant ones) moves a sum of IN products of numbers
 * below 1 by at most IN times this much, and in practice by its root. */
static void check_error(const float *got, const float *exact, double rounding)
{
    double worst = 0;
    for (int i = 0; i < 3 * ROWS * OUT; i++) {
        double off = fabs((double)got[i] - exact[i]);
        worst = off > worst ? off : worst;
    }
    if (!(worst > 0 && worst < 6 * sqrt(IN) * rounding))
        fail_msg("largest error %g, bound %g", worst, 6 * sqrt(IN) * rounding);
    assert_memory_equal(got + 3 * ROWS * OUT, exact + 3 * ROWS * OUT, ROWS * 3 * sizeof *got);
}

static void low_precisions_are_near(void **state)
{
    struct fixture *f = *state;
    static float exact[RESULTS], first[RESULTS], got[RESULTS];
    static const double rounding[] = {[PRECISION_BF16] = 1.0 / 256, [PRECISION_INT8] = 1.0 / 254};
    for (int type = 0; type < TYPES; type++) {
        struct layers l;
        weight_counts counts;
        write_model(f, types[type]);
        for (int i = 0; i < ALL * IN; i++) /* more bits than the types of the weights have */
            x[i % (ROWS * IN)] += 1e-3f / (float)(i + 1);
        open_layers(&l, f, PRECISION_F32, NULL, false);
        run(&l, f, exact);
        close_layers(&l);
        for (enum precision p = PRECISION_BF16; p < N_PRECISIONS; p++) {
            open_layers(&l, f, p, f->cache, false);
            assert_non_null(packed_weight_get(l.part[2].packed));
            run(&l, f, first);
            check_error(first, exact, rounding[p]);
            close_layers(&l);
            open_layers(&l, f, p, f->cache, false);
            assert_true(weight_set_is_prepared(l.set));
            run(&l, f, got);
            assert_memory_equal(got, first, sizeof got);
            close_layers(&l);
            open_layers(&l, f, p, NULL, false); /* nothing can be kept */
            weight_set_count(l.set, &counts);
            assert_true(counts.converted_bytes >= ALL * IN);
            run(&l, f, got);
            assert_memory_equal(got, first, sizeof got);
            close_layers(&l);
        }
    }
}

static void folders_that_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    struct layers l;
    static float first[RESULTS], got[RESULTS];
    own_mem char *nowhere = path_join(f->folder, "model.safetensors"); /* no folder */
    write_model(f, DTYPE_F32);
    open_layers(&l, f, PRECISION_INT8, f->cache, true);
    run(&l, f, first);
    close_layers(&l);
    open_layers(&l, f, PRECISION_INT8, nowhere, false);
    run(&l, f, got);
    assert_memory_equal(got, first, sizeof got);
    close_layers(&l);
    weight_set *set = weight_set_open(&f->repo, "", &e);
    weight_set_plan(set, &(weight_plan){.folder = nowhere, .level = "x", .at_once = true});
    linear_bind_rows(&l.part[0], weights_in(weights_root(set, NULL), "fused"), OUT, IN, 0, ALL,
                     false);
    assert_false(weight_set_prepare(set, f->team, &e)); /* who asks for a file is told */
    assert_int_not_equal(e.kind, ERR_NONE);
    weight_set_close(set);
}

static void files_follow_the_model(void **state)
{
    struct fixture *f = *state;
    struct layers l;
    static float first[RESULTS], got[RESULTS];
    write_model(f, DTYPE_F32);
    open_layers(&l, f, PRECISION_INT8, f->cache, true);
    run(&l, f, first);
    close_layers(&l);
    numbers[0] += 1;
    write_model(f, DTYPE_F32);
    open_layers(&l, f, PRECISION_INT8, f->cache, true);
    assert_false(weight_set_is_prepared(l.set));
    run(&l, f, got);
    assert_memory_not_equal(got, first, sizeof got);
    close_layers(&l);
    open_layers(&l, f, PRECISION_INT8, f->cache, true);
    assert_true(weight_set_is_prepared(l.set));
    close_layers(&l);
}

/* Scores of a vocabulary that share the table of words: in f32 they read it where it lies, without
 * panels beside it; below that they have a form of their own, and the table stays as it is. */
static void vocabularies_share_their_table(void **state)
{
    struct fixture *f = *state;
    enum { WORDS = 4500, WIDTH = 64 }; /* several pieces */
    static float table[WORDS * WIDTH], exact[ROWS * WORDS], got[ROWS * WORDS];
    static const double rounding[] = {[PRECISION_BF16] = 1.0 / 256, [PRECISION_INT8] = 1.0 / 254};
    for (int i = 0; i < WORDS * WIDTH; i++)
        table[i] = numbers[i * 7L % (ALL * IN)];
    for (int i = 0; i < ROWS * WIDTH; i++)
        x[i] += 1e-3f / (float)(i + 1);
    made_safetensors(f->folder, "model.safetensors",
                     (struct made_tensor[]){{"words.weight", DTYPE_F32, WORDS, WIDTH, table}}, 1,
                     0);
    for (enum precision p = PRECISION_F32; p < N_PRECISIONS; p++) {
        error e = {0};
        linear scores;
        weight_counts counts;
        weight_set *set = weight_set_open(&f->repo, "", &e);
        weight_set_plan(set, &(weight_plan){.precision = p,
                                            .folder = f->cache,
                                            .level = kernels_level(),
                                            .at_once = true});
        weights w = weights_in(weights_root(set, NULL), "words");
        const float *words = weights_table(w, "weight", WORDS, WIDTH);
        linear_bind_unbiased(&scores, w, WORDS, WIDTH);
        assert_true(weights_done(set, NULL, &e) && weight_set_prepare(set, f->team, &e));
        weight_set_count(set, &counts);
        assert_memory_equal(words, table, sizeof table);
        assert_int_equal(counts.converted_bytes, 0);
        assert_true((packed_weight_get(scores.packed) != NULL) == (p != PRECISION_F32));
        int64_t prepared = counts.mapped_bytes - (int64_t)sizeof table;
        assert_true(p == PRECISION_F32 ? prepared < 4096
                                       : prepared > (p == PRECISION_BF16 ? 2 : 1) * WORDS * WIDTH);
        linear_run(&scores, f->team, x, ACT_NONE, p == PRECISION_F32 ? exact : got, ROWS);
        for (int i = 0; i < ROWS * WORDS && p != PRECISION_F32; i++)
            assert_true(fabs((double)got[i] - exact[i]) < 6 * sqrt(WIDTH) * rounding[p]);
        assert_true(p == PRECISION_F32 || memcmp(got, exact, sizeof got) != 0);
        weight_set_close(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(prepared_weights_change_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(low_precisions_are_near, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_that_cannot_be_written, setup, teardown),
        cmocka_unit_test_setup_teardown(files_follow_the_model, setup, teardown),
        cmocka_unit_test_setup_teardown(vocabularies_share_their_table, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
