/* Convolutions over tokens: against sums in double, with and without prepared weights the same
 * bits, sequences that are shorter than the kernel. */
#include "unit.h"

#include "../tensor/files.h"
#include "kernels/kernels.h"
#include "nn/conv.h"

#include <math.h>

enum { IN = 32, MOST = 80 * IN * 5, ROWS = 24, N = 5 };

static float numbers[MOST], x[ROWS * IN], bias[80];
static const int starts[N + 1] = {0, 1, 4, 4, 13, ROWS};

/* Whole products, two groups, groups of four channels, depthwise, one token wide, an even width. */
static const struct layer {
    const char *name;
    int out, width, groups;
} layers[] = {{"wide", 80, 3, 1},
              {"pair", 64, 5, 2},
              {"few", IN, 4, 8},
              {"own", IN, 5, IN},
              {"point", 48, 1, 1}};
enum { LAYERS = sizeof layers / sizeof layers[0] };

struct fixture {
    char *folder, *cache;
    repo repo;
    team *team;
};

static void write_model(const struct fixture *f)
{
    struct made_tensor tensors[2 * LAYERS];
    static char names[2 * LAYERS][32];
    for (int i = 0; i < LAYERS; i++) {
        snprintf(names[2 * i], sizeof names[0], "%s.weight", layers[i].name);
        snprintf(names[2 * i + 1], sizeof names[0], "%s.bias", layers[i].name);
        tensors[2 * i] = (struct made_tensor){.name = names[2 * i],
                                              .type = DTYPE_F32,
                                              .rows = layers[i].out,
                                              .columns = IN / layers[i].groups,
                                              .values = numbers,
                                              .depth = layers[i].width};
        tensors[2 * i + 1] =
            (struct made_tensor){names[2 * i + 1], DTYPE_F32, layers[i].out, 0, bias, 0};
    }
    made_safetensors(f->folder, "model.safetensors", tensors, 2 * LAYERS, 0);
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    unsigned seed = 5;
    for (int i = 0; i < MOST; i++) {
        seed = seed * 1664525 + 1013904223;
        numbers[i] = (float)(int)(seed >> 8) / 0x1p23f - 1;
    }
    for (int i = 0; i < ROWS * IN; i++)
        x[i] = numbers[(i * 37 + 5) % MOST];
    for (int i = 0; i < 80; i++)
        bias[i] = numbers[(i * 91 + 7) % MOST];
    f->folder = made_folder();
    f->cache = made_folder();
    write_model(f);
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

/* Output (row, column) of a sequence of n tokens at x. */
static double expected(const struct layer *l, const float *sequence, int n, int first, int column,
                       double *magnitude)
{
    int in = IN / l->groups, group = column / (l->out / l->groups);
    double sum = bias[column];
    *magnitude = fabs(sum);
    for (int k = 0; k < l->width; k++) {
        if (first + k < 0 || first + k >= n)
            continue;
        for (int j = 0; j < in; j++) {
            double term = (double)sequence[(first + k) * IN + group * in + j] *
                          numbers[(column * in + j) * l->width + k];
            sum += term;
            *magnitude += fabs(term);
        }
    }
    return sum;
}

static void check(const struct layer *l, const ragged *from, const ragged *to, int stride,
                  int before, const float *y)
{
    for (int s = 0; s < from->n_seq; s++) {
        const float *sequence = x + from->start[s] * IN;
        int n = from->start[s + 1] - from->start[s];
        for (int i = to->start[s]; i < to->start[s + 1]; i++) {
            for (int column = 0; column < l->out; column++) {
                double magnitude, found = y[i * l->out + column];
                double sum = expected(l, sequence, n, (i - to->start[s]) * stride - before, column,
                                      &magnitude);
                if (!(fabs(found - sum) <= magnitude * 0x1p-18))
                    fail_msg("'%s' [%d][%d]: %.9g, expected %.9g", l->name, i, column, found, sum);
            }
        }
    }
}

static void run_layer(const struct fixture *f, const struct layer *l, const conv *c, float *y)
{
    ragged r = {starts, N};
    int apart[N + 1] = {0}; /* one output less than there could be, where there are two */
    float *work = xmalloc((conv_work(c, ROWS) + 1) * sizeof *work);
    for (int s = 0; s < N; s++) {
        int whole = (starts[s + 1] - starts[s]) / l->width;
        apart[s + 1] = apart[s] + (whole > 1 ? whole - 1 : whole);
    }
    ragged some = {apart, N};
    conv_run(c, f->team, &r, x, ACT_NONE, y, work);
    check(l, &r, &r, 1, (l->width - 1) / 2, y);
    y += ROWS * l->out;
    conv_run_strided(c, f->team, &r, &some, x, ACT_NONE, y, work);
    check(l, &r, &some, l->width, 0, y);
    free(work);
}

enum { RESULTS = 2 * ROWS * 80 };

static void run_all(const struct fixture *f, const char *cache, float *y)
{
    error e = {0};
    conv c[LAYERS];
    weight_set *set = weight_set_open(&f->repo, "", &e);
    if (!set)
        fail_msg("%s", e.message);
    weight_set_plan(set, &(weight_plan){.folder = cache, .level = kernels_level()});
    weights w = weights_root(set, NULL);
    for (int i = 0; i < LAYERS; i++)
        conv_bind(&c[i], weights_in(w, "%s", layers[i].name), layers[i].out, IN, layers[i].width,
                  layers[i].groups);
    if (!weights_done(set, NULL, &e) || !weight_set_prepare(set, f->team, &e))
        fail_msg("%s", e.message);
    for (int i = 0; i < LAYERS; i++)
        run_layer(f, &layers[i], &c[i], y + (size_t)i * RESULTS);
    weight_set_close(set);
}

static void values_with_and_without_prepared_weights(void **state)
{
    const struct fixture *f = *state;
    static float plain[LAYERS * RESULTS], made[LAYERS * RESULTS], found[LAYERS * RESULTS];
    run_all(f, NULL, plain);
    run_all(f, f->cache, made);
    run_all(f, f->cache, found);
    assert_memory_equal(plain, made, sizeof plain);
    assert_memory_equal(plain, found, sizeof plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_with_and_without_prepared_weights, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
