/* DeBERTa's attention against its formula in double, for texts whose bias fits the memory together,
 * head by head or not at all; the same bits alone and with any number of threads. */
#include "unit.h"

#include "../tensor/files.h"
#include "kernels/kernels.h"
#include "nn/disentangled_attention.h"

#include <math.h>

enum { HIDDEN = 24, HEADS = 3, HEAD = HIDDEN / HEADS, SPAN = 40, N = 6 };

/* 700: two heads at a time; 300 and 150: not together with it. */
static const int lengths[N] = {1, 700, 30, 300, 150, 0};
enum { ROWS = 1 + 700 + 30 + 300 + 150 };

static float numbers[8192], x[ROWS * HIDDEN];

#define PAIR(name, from)                                                                           \
    {name ".weight", DTYPE_F32, HIDDEN, HIDDEN, numbers + (from)},                                 \
    {                                                                                              \
        name ".bias", DTYPE_F32, HIDDEN, 0, numbers + (from) + 700                                 \
    }

static const struct made_tensor tensors[] = {
    PAIR("query", 0),  PAIR("key", 1000),     PAIR("value", 2000),
    PAIR("out", 3000), PAIR("pos_key", 4000), PAIR("pos_query", 5000),
};
static const float *table = numbers + 6000; /* [2 * SPAN][HIDDEN] */

/* Rows of their own up to 20 apart, then shared ones, the last from 199 on. */
static const relative_positions positions = {.span = SPAN, .buckets = SPAN, .farthest = 200};

struct fixture {
    char *folder;
    repo repo;
    weight_set *set;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    unsigned seed = 17;
    error e = {0};
    for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++) {
        seed = seed * 1664525 + 1013904223;
        numbers[i] = (float)(seed >> 8) / (1 << 24) - 0.5f;
    }
    for (int i = 0; i < ROWS * HIDDEN; i++) {
        seed = seed * 1664525 + 1013904223;
        x[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    f->folder = made_folder();
    made_safetensors(f->folder, "model.safetensors", tensors, sizeof tensors / sizeof *tensors, 0);
    *state = f;
    return kernels_init(NULL) && repo_open(&f->repo, f->folder, &e) &&
                   (f->set = weight_set_open(&f->repo, "", &e))
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    weight_set_close(f->set);
    repo_release(&f->repo);
    file_remove_tree(f->folder, NULL);
    free(f->folder);
    free(f);
    return 0;
}

/* Some parts of the scores: to positions, from positions. */
static void bind(disentangled_attention *m, const struct fixture *f, bool to, bool from)
{
    weights w = weights_root(f->set, NULL);
    *m = (disentangled_attention){.heads = HEADS, .score_parts = 1 + to + from};
    linear_bind(&m->query, weights_in(w, "query"), HIDDEN, HIDDEN);
    linear_bind(&m->key, weights_in(w, "key"), HIDDEN, HIDDEN);
    linear_bind(&m->value, weights_in(w, "value"), HIDDEN, HIDDEN);
    linear_bind(&m->out, weights_in(w, "out"), HIDDEN, HIDDEN);
    if (to)
        linear_bind(&m->content_to_position, weights_in(w, "pos_key"), HIDDEN, HIDDEN);
    if (from)
        linear_bind(&m->position_to_content, weights_in(w, "pos_query"), HIDDEN, HIDDEN);
}

/* Sequences first .. end - 1 into their rows of y. */
static void run(const disentangled_attention *m, team *t, int first, int end, float *y)
{
    int start[N + 1] = {0}, before = 0;
    for (int i = 0; i < first; i++)
        before += lengths[i];
    for (int i = first; i < end; i++)
        start[i - first + 1] = start[i - first] + lengths[i];
    ragged r = {start, end - first};
    size_t floats = disentangled_attention_work(m, ragged_rows(&r));
    float *work = xcalloc(floats + 1, sizeof *work);
    disentangled_attention_run(m, t, &r, &positions, x + (size_t)before * HIDDEN,
                               y + (size_t)before * HIDDEN, work);
    free(work);
}

/* Row of a "weight" with its "bias", times a vector. */
static double product(int from, int row, const double *v)
{
    double sum = numbers[from + 700 + row];
    for (int l = 0; l < HIDDEN; l++)
        sum += numbers[from + row * HIDDEN + l] * v[l];
    return sum;
}

static void vector(const float *from, double *v)
{
    for (int l = 0; l < HIDDEN; l++)
        v[l] = from[l];
}

/* What a head mixes for query i of a sequence of n rows. */
static void mix(const float *rows, int n, int i, int head, bool to, bool from, double *mixed)
{
    double sum = 0, own[HIDDEN], other[HIDDEN], place[HIDDEN];
    vector(rows + (size_t)i * HIDDEN, own);
    memset(mixed, 0, HEAD * sizeof *mixed);
    for (int j = 0; j < n; j++) {
        double score = 0;
        vector(rows + (size_t)j * HIDDEN, other);
        vector(table + (size_t)relative_position(&positions, i - j) * HIDDEN, place);
        for (int d = head * HEAD; d < (head + 1) * HEAD; d++) {
            double q = product(0, d, own), k = product(1000, d, other);
            score += q * k + (to ? q * product(4000, d, place) : 0) +
                     (from ? k * product(5000, d, place) : 0);
        }
        double w = exp(score / sqrt((double)HEAD * (1 + to + from)));
        sum += w;
        for (int d = 0; d < HEAD; d++)
            mixed[d] += w * product(2000, head * HEAD + d, other);
    }
    for (int d = 0; d < HEAD; d++)
        mixed[d] /= sum;
}

static void check_query(const float *y, int row, int n, int i, bool to, bool from)
{
    double mixed[HIDDEN];
    for (int h = 0; h < HEADS; h++)
        mix(x + (size_t)row * HIDDEN, n, i, h, to, from, mixed + h * HEAD);
    for (int d = 0; d < HIDDEN; d++) {
        double expected = product(3000, d, mixed), got = y[(row + i) * HIDDEN + d];
        if (!(fabs(got - expected) < 1e-5))
            fail_msg("%d tokens, query %d, value %d: %g, expected %g", n, i, d, got, expected);
    }
}

static void scores_have_their_parts(void **state)
{
    static float y[ROWS * HIDDEN], other[ROWS * HIDDEN];
    team *one = team_new(1, NULL), *three = team_new(3, NULL);
    for (int parts = 0; parts < 4; parts++) {
        bool to = parts & 1, from = parts & 2;
        disentangled_attention m;
        bind(&m, *state, to, from);
        assert_true(disentangled_attention_prepare(&m, one, table, &positions, NULL));
        run(&m, one, 0, N, y);
        for (int s = 0, row = 0; s < N; row += lengths[s++])
            for (int i = 0; i < lengths[s]; i += 1 + lengths[s] / 7)
                check_query(y, row, lengths[s], i, to, from);
        run(&m, three, 0, N, other);
        assert_memory_equal(other, y, sizeof y);
        memset(other, 0, sizeof other);
        for (int s = 0; s < N; s++)
            run(&m, three, s, s + 1, other);
        assert_memory_equal(other, y, sizeof y);
        disentangled_attention_release(&m);
    }
    team_free(one);
    team_free(three);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scores_have_their_parts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
