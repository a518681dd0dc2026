/* Blocks against their formulas in double: what the kernels' own tests cannot see is the wiring. */
#include "unit.h"

#include "../tensor/files.h"
#include "kernels/kernels.h"
#include "nn/embedding.h"
#include "nn/ffn.h"
#include "nn/norm.h"
#include "nn/self_attention.h"

#include <math.h>

enum { HIDDEN = 12, HEADS = 3, HEAD = HIDDEN / HEADS, MIDDLE = 20, ROWS = 300, LONGEST = 150 };

static float numbers[4096], x[ROWS * HIDDEN], y[ROWS * HIDDEN];

#define PAIR(name, out, in, from)                                                                  \
    {name ".weight", DTYPE_F32, out, in, numbers + (from)},                                        \
    {                                                                                              \
        name ".bias", DTYPE_F32, out, 0, numbers + (from) + 1000                                   \
    }

static const struct made_tensor tensors[] = {
    PAIR("q", HIDDEN, HIDDEN, 0),
    PAIR("k", HIDDEN, HIDDEN, 200),
    PAIR("v", HIDDEN, HIDDEN, 400),
    PAIR("o", HIDDEN, HIDDEN, 600),
    PAIR("up", MIDDLE, HIDDEN, 800),
    PAIR("down", HIDDEN, MIDDLE, 1100),
    {"old.gamma", DTYPE_F32, HIDDEN, 0, numbers},
    {"old.beta", DTYPE_F32, HIDDEN, 0, numbers + 50},
    {"words.weight", DTYPE_F32, 9, HIDDEN, numbers + 5},
    {"places.weight", DTYPE_F32, 4, HIDDEN, numbers + 300},
};

struct fixture {
    char *folder;
    repo repo;
    weight_set *set;
    weights w;
    team *team;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    unsigned seed = 7;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        seed = seed * 1664525 + 1013904223;
        numbers[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    for (int i = 0; i < ROWS * HIDDEN; i++)
        x[i] = numbers[(i * 7) % 4093];
    f->folder = made_folder();
    made_safetensors(f->folder, "model.safetensors", tensors, sizeof tensors / sizeof *tensors, 0);
    *state = f;
    if (!kernels_init(NULL) || !repo_open(&f->repo, f->folder, NULL))
        return -1;
    f->set = weight_set_open(&f->repo, "", NULL);
    f->w = weights_root(f->set, NULL);
    f->team = team_new(2, NULL);
    return f->set ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    team_free(f->team);
    weight_set_close(f->set);
    repo_release(&f->repo);
    file_remove_tree(f->folder, NULL);
    free(f->folder);
    free(f);
    return 0;
}

/* Column j of a linear layer whose numbers begin at `from`, for one row. */
static double plain_linear(const double *row, int in, int from, int j)
{
    double sum = numbers[from + 1000 + j];
    for (int l = 0; l < in; l++)
        sum += row[l] * numbers[from + j * in + l];
    return sum;
}

static void widen(const float *row, double *out, int n)
{
    for (int i = 0; i < n; i++)
        out[i] = row[i];
}

static void feeds_forward(void **state)
{
    struct fixture *f = *state;
    static float work[ROWS * MIDDLE];
    ffn m = {.act = ACT_RELU};
    linear_bind(&m.up, weights_in(f->w, "up"), MIDDLE, HIDDEN);
    linear_bind(&m.down, weights_in(f->w, "down"), HIDDEN, MIDDLE);
    static float first[ROWS * HIDDEN];
    const size_t sizes[] = {ROWS * MIDDLE, MIDDLE * 128 + 3, MIDDLE, ffn_work(&m, ROWS)};
    for (int k = 0; k < 4; k++) {
        ffn_run(&m, f->team, x, y, ROWS, work, sizes[k]);
        if (k == 0)
            memcpy(first, y, sizeof y);
        assert_memory_equal(first, y, sizeof y); /* steps change nothing */
    }
    for (int i = 0; i < ROWS; i++) {
        double row[HIDDEN], middle[MIDDLE];
        widen(x + i * HIDDEN, row, HIDDEN);
        for (int j = 0; j < MIDDLE; j++)
            middle[j] = fmax(plain_linear(row, HIDDEN, 800, j), 0);
        for (int j = 0; j < HIDDEN; j++)
            assert_true(fabs(plain_linear(middle, MIDDLE, 1100, j) - y[i * HIDDEN + j]) < 1e-5);
    }
}

/* by_distance[h][d + LONGEST - 1] */
static float biases[HEADS][2 * LONGEST - 1];

static double score(double q[][HIDDEN], double k[][HIDDEN], int h, int i, int j, bool biased)
{
    double sum = 0;
    for (int l = 0; l < HEAD; l++)
        sum += q[i][h * HEAD + l] * k[j][h * HEAD + l];
    return sum / sqrt(HEAD) + (biased ? biases[h][j - i + LONGEST - 1] : 0);
}

/* Largest difference of one sequence of n rows. */
static double attention_error(int at, int n, bool biased)
{
    static double q[LONGEST][HIDDEN], k[LONGEST][HIDDEN], v[LONGEST][HIDDEN];
    double worst = 0;
    for (int i = 0; i < n; i++) {
        double row[HIDDEN];
        widen(x + (at + i) * HIDDEN, row, HIDDEN);
        for (int j = 0; j < HIDDEN; j++) {
            q[i][j] = plain_linear(row, HIDDEN, 0, j);
            k[i][j] = plain_linear(row, HIDDEN, 200, j);
            v[i][j] = plain_linear(row, HIDDEN, 400, j);
        }
    }
    for (int i = 0; i < n; i++) {
        double mixed[HIDDEN] = {0};
        for (int h = 0; h < HEADS; h++) {
            double sum = 0;
            for (int j = 0; j < n; j++) {
                double p = exp(score(q, k, h, i, j, biased));
                sum += p;
                for (int l = h * HEAD; l < (h + 1) * HEAD; l++)
                    mixed[l] += p * v[j][l];
            }
            for (int l = h * HEAD; l < (h + 1) * HEAD; l++)
                mixed[l] /= sum;
        }
        for (int j = 0; j < HIDDEN; j++)
            worst =
                fmax(worst, fabs(plain_linear(mixed, HIDDEN, 600, j) - y[(at + i) * HIDDEN + j]));
    }
    return worst;
}

static void attends(void **state)
{
    struct fixture *f = *state;
    static const int start[] = {0, 1, 6, 6 + LONGEST - 1, ROWS - 1 - LONGEST + 20};
    const ragged r = {.start = start, .n_seq = 4};
    self_attention m = {.heads = HEADS};
    linear_bind(&m.query, weights_in(f->w, "q"), HIDDEN, HIDDEN);
    linear_bind(&m.key, weights_in(f->w, "k"), HIDDEN, HIDDEN);
    linear_bind(&m.value, weights_in(f->w, "v"), HIDDEN, HIDDEN);
    linear_bind(&m.out, weights_in(f->w, "o"), HIDDEN, HIDDEN);
    for (int h = 0; h < HEADS; h++)
        for (int d = 0; d < 2 * LONGEST - 1; d++)
            biases[h][d] = 2 * numbers[h * 400 + d];
    float *work = xcalloc(self_attention_work(&m, ragged_rows(&r)), sizeof *work);
    for (int biased = 0; biased < 2; biased++) {
        score_positions p = {.bias = {biased ? &biases[0][LONGEST - 1] : NULL, 2 * LONGEST - 1}};
        self_attention_run(&m, f->team, &r, &p, x, y, work);
        for (int s = 0; s < r.n_seq; s++) {
            double worst = attention_error(start[s], start[s + 1] - start[s], biased);
            if (!(worst < 1e-5))
                fail_msg("sequence %d, bias %d: off by %.3g", s, biased, worst);
        }
    }
    free(work);
}

static void norms_with_old_names(void **state)
{
    struct fixture *f = *state;
    norm m;
    norm_bind(&m, weights_in(f->w, "old"), HIDDEN, 1e-3);
    norm_run(&m, f->team, x, x + HIDDEN, y, 2);
    for (int i = 0; i < 2; i++) {
        double row[HIDDEN], mean = 0, variance = 0;
        for (int j = 0; j < HIDDEN; j++) {
            row[j] = (double)x[i * HIDDEN + j] + x[(i + 1) * HIDDEN + j];
            mean += row[j] / HIDDEN;
        }
        for (int j = 0; j < HIDDEN; j++)
            variance += (row[j] - mean) * (row[j] - mean) / HIDDEN;
        for (int j = 0; j < HIDDEN; j++) {
            double want = (row[j] - mean) / sqrt(variance + 1e-3) * numbers[j] + numbers[50 + j];
            assert_true(fabs(want - y[i * HIDDEN + j]) < 1e-5);
        }
    }
}

static void sums_embeddings(void **state)
{
    struct fixture *f = *state;
    embedding words, places, none = {0};
    embedding_bind(&words, weights_in(f->w, "words"), 9, HIDDEN);
    embedding_bind(&places, weights_in(f->w, "places"), 4, HIDDEN);
    const int word_ids[] = {8, 0, 8}, place_ids[] = {3, 2, 1};
    const embedding *const tables[EMBEDDINGS] = {&words, &none, &places};
    for (int given = 0; given < 2; given++) {
        const int *const ids[EMBEDDINGS] = {word_ids, NULL, given ? place_ids : NULL};
        embedding_sum(tables, ids, f->team, y, 3);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < HIDDEN; j++)
                assert_true(y[i * HIDDEN + j] ==
                            numbers[5 + word_ids[i] * HIDDEN + j] +
                                numbers[300 + (given ? place_ids[i] : 0) * HIDDEN + j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feeds_forward),
        cmocka_unit_test(attends),
        cmocka_unit_test(norms_with_old_names),
        cmocka_unit_test(sums_embeddings),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
