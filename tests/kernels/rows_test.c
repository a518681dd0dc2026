/* Row kernels: every level against double arithmetic, the bounds that the headers state, the ends
 * of arrays, values that are not finite. */
#include "activations.h"
#include "harness.h"

#include "kernels/rows.h"

static const char *levels[8];
static int n_levels;

static const int widths[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 384, 1000};
enum { N_WIDTHS = sizeof widths / sizeof widths[0] };

#define FOR_LEVELS(i) for (int i = 0; i < n_levels && kernels_init_level(levels[i], NULL); i++)

static void check_layer_norm(team *t, int rows, int width, bool residual, bool beta)
{
    size_t n = (size_t)rows * (size_t)width;
    edge x = edge_random(n), r = edge_random(n), g = edge_random((size_t)width);
    edge b = edge_random((size_t)width), out = edge_new(n);
    for (size_t i = 0; i < n; i++)
        x.p[i] = x.p[i] * 3 + 1;
    layer_norm_f32(t, x.p, residual ? r.p : NULL, g.p, beta ? b.p : NULL, 1e-5f, out.p, rows,
                   width);
    for (int i = 0; i < rows; i++) {
        double mean = 0, squares = 0;
        const float *xi = x.p + i * width, *ri = r.p + i * width;
        for (int j = 0; j < width; j++)
            mean += xi[j] + (residual ? (double)ri[j] : 0);
        mean /= width;
        for (int j = 0; j < width; j++)
            squares += pow(xi[j] + (residual ? (double)ri[j] : 0) - mean, 2);
        double factor = 1 / sqrt(squares / width + (double)1e-5f);
        for (int j = 0; j < width; j++) {
            double y = xi[j] + (residual ? (double)ri[j] : 0) - mean;
            y = y * factor * g.p[j] + (beta ? (double)b.p[j] : 0);
            /* an ulp of x (below 5), scaled by the factor */
            assert_near(out.p[i * width + j], y, 1e-6 * (1 + factor), "layer norm");
        }
    }
    layer_norm_f32(t, x.p, residual ? r.p : NULL, g.p, beta ? b.p : NULL, 1e-5f, x.p, rows, width);
    assert_same_bits(x.p, out.p, n, "layer norm in place");
    edge_free(&x), edge_free(&r), edge_free(&g), edge_free(&b), edge_free(&out);
}

static void check_rms_norm(team *t, int rows, int width)
{
    size_t n = (size_t)rows * (size_t)width;
    edge x = edge_random(n), g = edge_random((size_t)width), out = edge_new(n);
    rms_norm_f32(t, x.p, g.p, 1e-6f, out.p, rows, width);
    for (int i = 0; i < rows; i++) {
        double squares = 0;
        for (int j = 0; j < width; j++)
            squares += pow(x.p[i * width + j], 2);
        double factor = 1 / sqrt(squares / width + (double)1e-6f);
        for (int j = 0; j < width; j++) {
            double y = x.p[i * width + j] * factor * g.p[j];
            assert_near(out.p[i * width + j], y, fabs(y) * 6e-7, "rms norm");
        }
    }
    rms_norm_f32(t, x.p, g.p, 1e-6f, x.p, rows, width);
    assert_same_bits(x.p, out.p, n, "rms norm in place");
    edge_free(&x), edge_free(&g), edge_free(&out);
}

static void norms(void **state)
{
    (void)state;
    team *t = team_new(2, NULL);
    FOR_LEVELS(level)
    {
        for (int i = 0; i < N_WIDTHS; i++) {
            check_layer_norm(t, 3, widths[i], i % 2, i % 3 > 0);
            check_rms_norm(t, 3, widths[i]);
        }
        check_layer_norm(t, 200, 384, true, true);
        check_layer_norm(t, 0, 384, true, true);
    }
    team_free(t);
}

static void softmax_rows(void **state)
{
    (void)state;
    team *t = team_new(2, NULL);
    FOR_LEVELS(level)
    {
        for (int w = 0; w < N_WIDTHS; w++) {
            int width = widths[w], rows = 4;
            edge x = edge_random((size_t)(rows * width)), out = edge_new(x.n);
            for (int j = 0; j < width; j++)
                x.p[width + j] *= 60;
            x.p[2 * width] = -INFINITY;
            x.p[3 * width + width / 2] = NAN;
            softmax_f32(t, x.p, out.p, rows, width);
            for (int i = 0; i < rows; i++) {
                double sum = 0, most = -INFINITY;
                for (int j = 0; j < width; j++)
                    most = fmax(most, x.p[i * width + j]);
                for (int j = 0; j < width; j++)
                    sum += exp(x.p[i * width + j] - most);
                for (int j = 0; j < width; j++) {
                    double below = most - x.p[i * width + j], y = exp(-below) / sum;
                    double bound = y > 0 ? y * (1e-6 + below * 0x1p-24) + 1e-38 : 1e-38;
                    if (i == 3 || isnan(y))
                        assert_true(isnan(out.p[i * width + j]));
                    else
                        assert_near(out.p[i * width + j], y, bound, "softmax");
                }
            }
            edge_free(&x), edge_free(&out);
        }
    }
    team_free(t);
}

static void check_softmax_sum(long n, float spread)
{
    edge x = edge_random((size_t)n);
    double sum = 0, most = -INFINITY, far = 0;
    float got_most = 0;
    for (long j = 0; j < n; j++)
        most = fmax(most, x.p[j] *= spread);
    for (long j = 0; j < n; j++) {
        sum += exp(x.p[j] - most);
        far += exp(x.p[j] - most) * (most - x.p[j]);
    }
    double got = softmax_sum_f32(x.p, n, &got_most);
    assert_true(got_most == (float)most);
    assert_near(got, sum, 2e-6 * sum + far * 0x1p-24, "sum of a softmax");
    assert_true(got == softmax_sum_f32(x.p, n, &got_most));
    x.p[n / 2] = NAN;
    assert_true(isnan(softmax_sum_f32(x.p, n, &got_most)));
    x.p[n / 2] = INFINITY;
    assert_true(isnan(softmax_sum_f32(x.p, n, &got_most)));
    for (long j = 0; j < n; j++)
        x.p[j] = -INFINITY;
    assert_true(isnan(softmax_sum_f32(x.p, n, &got_most)));
    edge_free(&x);
}

static void softmax_sums(void **state)
{
    (void)state;
    FOR_LEVELS(level)
    {
        for (int w = 0; w < N_WIDTHS; w++)
            if (widths[w] > 0)
                check_softmax_sum(widths[w], 20);
        check_softmax_sum(4096, 3);
        check_softmax_sum(4096 + 5, 0.5f);
        check_softmax_sum(250002, 0.01f); /* as many equal terms as a sum of floats loses */
    }
}

/* What rows.h states: of the result, and at least. */
static const struct {
    double relative, absolute;
} activation_bounds[N_ACTIVATIONS] = {
    [ACT_GELU_ERF] = {6e-7, 6e-8},   [ACT_GELU_TANH] = {6e-7, 6e-8},
    [ACT_QUICK_GELU] = {6e-7, 6e-8}, [ACT_SILU] = {6e-7, 6e-8},
    [ACT_TANH] = {2e-7, 0},          [ACT_GELU_10] = {6e-7, 6e-8},
    [ACT_SIGMOID] = {6e-7, 6e-8},    [ACT_RELU2] = {1e-7, 0},
    [ACT_LEAKY_RELU] = {1e-7, 0},    [ACT_ELU] = {3e-7, 0},
    [ACT_SELU] = {3e-7, 0},          [ACT_HARDSWISH] = {4e-7, 3e-7},
    [ACT_SOFTPLUS] = {4e-7, 0},      [ACT_SQRTSOFTPLUS] = {4e-7, 1e-22},
    [ACT_MISH] = {6e-7, 6e-8},       [ACT_LAPLACE] = {0, 3e-7},
};

static void check_activation_near(enum activation act, float x, float y)
{
    double expected = exact_activation(act, x);
    double bound =
        fmax(fabs(expected) * activation_bounds[act].relative, activation_bounds[act].absolute);
    if (expected > 0x1.fffffep127)
        assert_true(y == INFINITY);
    else
        assert_near_at(y, expected, bound + 0x1p-126 * 1e-6, "activation %d of %.9g", (int)act,
                       (double)x);
}

static float at_infinity(enum activation act)
{
    switch (act) {
    case ACT_TANH:
    case ACT_SIGMOID:
    case ACT_LAPLACE:
        return 1;
    case ACT_RELU6:
        return 6;
    case ACT_GELU_10:
        return 10;
    default:
        return INFINITY;
    }
}

/* A spread of all finite floats of both signs, each exponent alike, and a fine walk near 0. */
static void activations_are_within_their_bounds(void **state)
{
    (void)state;
    enum { N = 1 << 17 };
    edge x = edge_new(N), y = edge_new(N);
    for (int i = 0; i < N; i++) {
        uint32_t bits = random_bits();
        if ((bits >> 23 & 255) == 255)
            bits ^= 1u << 23;
        memcpy(&x.p[i], &bits, sizeof bits);
        if (i % 2)
            x.p[i] = -12.0f + 24.0f * (float)i / N;
    }
    team *t = team_new(2, NULL);
    FOR_LEVELS(level)
    {
        for (int act = 0; act < N_ACTIVATIONS; act++) {
            activate_f32(t, (enum activation)act, x.p, y.p, N);
            for (int i = 0; i < N; i++)
                check_activation_near((enum activation)act, x.p[i], y.p[i]);
        }
    }
    team_free(t);
    edge_free(&x), edge_free(&y);
}

static void activations_of_every_length_and_of_what_is_not_finite(void **state)
{
    (void)state;
    team *t = team_new(1, NULL);
    FOR_LEVELS(level)
    {
        for (int act = 0; act < N_ACTIVATIONS; act++) {
            for (int n = 0; n < 40; n++) {
                edge x = edge_random((size_t)n), y = edge_new((size_t)n);
                if (n > 2)
                    x.p[n - 1] = INFINITY, x.p[n - 2] = NAN;
                activate_f32(t, (enum activation)act, x.p, y.p, n);
                for (int i = 0; i < n - 2 || (n <= 2 && i < n); i++)
                    check_activation_near((enum activation)act, x.p[i], y.p[i]);
                if (n > 2) {
                    assert_true(y.p[n - 1] == at_infinity((enum activation)act));
                    assert_true(isnan(y.p[n - 2]));
                }
                activate_f32(t, (enum activation)act, x.p, x.p, n);
                for (int i = 0; i < n; i++)
                    assert_true(x.p[i] == y.p[i] || isnan(y.p[i]));
                edge_free(&x), edge_free(&y);
            }
        }
    }
    team_free(t);
}

/* Slopes for all columns and for each, of every length and of what is not finite. */
static void prelus(void **state)
{
    (void)state;
    team *t = team_new(2, NULL);
    FOR_LEVELS(level)
    {
        for (int w = 0; w < N_WIDTHS; w++) {
            int width = widths[w], rows = 3;
            edge x = edge_random((size_t)(rows * width)), slopes = edge_random((size_t)width);
            edge one = edge_random(1), out = edge_new(x.n);
            x.p[width] = NAN, x.p[width - 1] = -INFINITY, x.p[2 * width] = -0.0f;
            for (int each = 0; each < 2; each++) {
                prelu_f32(t, x.p, each ? slopes.p : one.p, each ? width : 1, out.p, rows, width);
                for (int i = 0; i < rows * width; i++) {
                    float slope = each ? slopes.p[i % width] : one.p[0];
                    float y = x.p[i] > 0 ? x.p[i] : slope * x.p[i];
                    assert_true(isnan(y) ? isnan(out.p[i]) : out.p[i] == y);
                }
            }
            prelu_f32(t, x.p, one.p, 1, x.p, rows, width);
            prelu_f32(t, out.p, one.p, 1, out.p, 0, width);
            edge_free(&x), edge_free(&slopes), edge_free(&one), edge_free(&out);
        }
    }
    team_free(t);
}

/* Against values of the reference, and against double. */
static void xielus(void **state)
{
    (void)state;
    enum { N = 1 << 12 };
    static const float given[] = {-50, -3, -0.5f, -1e-3f, 0, 1e-4f, 0.5f, 2, 30};
    static const double expected[] = {
        19.256116395387437,     0.3513390833356773,     -0.15378299436898538,
        -0.0004995485574689403, -9.031855972925841e-07, 5.0008543552444685e-05,
        0.4635888111171318,     4.417420977874109,      783.9197200216745};
    const xielu act = xielu_of(0.3f, -0.7f, 0.5f, -1e-6f);
    team *t = team_new(2, NULL);
    FOR_LEVELS(level)
    {
        for (int n = 0; n <= 9; n++) {
            edge x = edge_new((size_t)n);
            memcpy(x.p, given, (size_t)n * sizeof *given);
            xielu_f32(t, &act, x.p, x.p, n);
            for (int i = 0; i < n; i++)
                assert_near(x.p[i], expected[i], 1e-6 * fabs(expected[i]) + 1e-12, "xielu");
            edge_free(&x);
        }
        edge x = edge_random(N), out = edge_new(N);
        for (int i = 0; i < N; i++)
            x.p[i] *= powf(10, (float)(i % 12) - 6);
        x.p[7] = NAN;
        xielu_f32(t, &act, x.p, out.p, N);
        for (int i = 0; i < N; i++) {
            double y = x.p[i], e = expm1(fmin(y, (double)act.eps));
            double curve = y > 0 ? (double)act.positive * y * y : (e - y) * (double)act.negative;
            double terms = y > 0 ? curve : (fabs(e) + fabs(y)) * (double)act.negative;
            if (i == 7)
                assert_true(isnan(out.p[i]));
            else
                assert_near(out.p[i], curve + y / 2, 6e-7 * (terms + fabs(y) / 2), "xielu");
        }
        edge_free(&x), edge_free(&out);
    }
    team_free(t);
}

static void sums(void **state)
{
    (void)state;
    team *t = team_new(2, NULL);
    FOR_LEVELS(level)
    {
        for (int w = 0; w < N_WIDTHS; w++) {
            int n = widths[w];
            edge a = edge_random((size_t)n), b = edge_random((size_t)n), out = edge_new((size_t)n);
            add_f32(t, a.p, b.p, out.p, n);
            for (int i = 0; i < n; i++)
                assert_true(out.p[i] == a.p[i] + b.p[i]);
            edge_free(&a), edge_free(&b), edge_free(&out);
        }
    }
    team_free(t);
}

/* Every count of pairs up to four vectors of them, of both orders; a NaN stays in its pair. */
static void rotations(void **state)
{
    (void)state;
    FOR_LEVELS(level)
    {
        for (int n = 0; n <= 64; n++) {
            edge x = edge_random(2 * (size_t)n), y = edge_new(x.n);
            edge sines = edge_random((size_t)n), cosines = edge_random((size_t)n);
            if (n > 2)
                x.p[3] = NAN, x.p[1] = -0.0f;
            for (int neighbours = 0; neighbours < 2; neighbours++) {
                memcpy(y.p, x.p, x.n * sizeof(float));
                rotate_f32(y.p, sines.p, cosines.p, n, neighbours);
                for (int i = 0; i < n; i++) {
                    int a = neighbours ? 2 * i : i, b = neighbours ? a + 1 : n + i;
                    float s = sines.p[i], c = cosines.p[i];
                    float expected[] = {x.p[a] * c - x.p[b] * s, x.p[b] * c + x.p[a] * s};
                    float found[] = {y.p[a], y.p[b]};
                    if (isnan(expected[0]))
                        assert_true(isnan(found[0]) && isnan(found[1]));
                    else
                        assert_same_bits(found, expected, 2, "rotation");
                }
            }
            edge_free(&x), edge_free(&y), edge_free(&sines), edge_free(&cosines);
        }
    }
}

static void embeddings(void **state)
{
    (void)state;
    enum { ROWS = 50, WIDTH = 33 };
    team *t = team_new(3, NULL);
    int words[ROWS], positions[ROWS];
    edge w = edge_random(10 * WIDTH), p = edge_random(ROWS * WIDTH), type = edge_random(WIDTH);
    edge out = edge_new(ROWS * WIDTH);
    for (int i = 0; i < ROWS; i++) {
        words[i] = (int)(random_bits() % 10);
        positions[i] = ROWS - 1 - i;
    }
    FOR_LEVELS(level)
    {
        embed_args a = {.n_tables = 3, .table = {w.p, p.p, type.p}, .ids = {words, positions}};
        a.out = out.p;
        a.n_rows = ROWS;
        a.width = WIDTH;
        embed_f32(t, &a);
        for (int i = 0; i < ROWS * WIDTH; i++) {
            float word = w.p[words[i / WIDTH] * WIDTH + i % WIDTH];
            float position = p.p[positions[i / WIDTH] * WIDTH + i % WIDTH];
            assert_true(out.p[i] == word + position + type.p[i % WIDTH]);
        }
        a.n_tables = 1;
        embed_f32(t, &a);
        for (int i = 0; i < ROWS; i++)
            assert_memory_equal(out.p + i * WIDTH, w.p + words[i] * WIDTH, WIDTH * sizeof(float));
    }
    team_free(t);
    edge_free(&w), edge_free(&p), edge_free(&type), edge_free(&out);
}

static double half_value(unsigned bits)
{
    int exponent = bits >> 10 & 31;
    double mantissa = bits & 1023, sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31)
        return mantissa > 0 ? NAN : sign * INFINITY;
    return sign * (exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24));
}

static void every_half_and_bfloat16(void **state)
{
    (void)state;
    enum { N = 65536 };
    edge out = edge_new(N);
    /* At an odd address: tensors of a file may lie anywhere. */
    char *from = malloc(2 * N + 1);
    for (unsigned i = 0; i < N; i++)
        memcpy(from + 1 + 2 * i, &(uint16_t){(uint16_t)i}, 2);
    FOR_LEVELS(level)
    {
        f16_to_f32(from + 1, out.p, N);
        for (unsigned i = 0; i < N; i++) {
            double expected = half_value(i);
            assert_true(isnan(expected) ? isnan(out.p[i]) : out.p[i] == expected);
            assert_int_equal(signbit(out.p[i]) != 0, i >> 15);
        }
        bf16_to_f32(from + 1, out.p, N);
        for (uint32_t i = 0; i < N; i++)
            assert_memory_equal(&out.p[i], &(uint32_t){i << 16}, 4);
        for (long n = 0; n < 40; n++) {
            edge few = edge_new((size_t)n);
            f16_to_f32(from + 1 + 2 * 15000, few.p, n);
            for (unsigned i = 0; i < n; i++)
                assert_true(few.p[i] == half_value(15000 + i));
            bf16_to_f32(from + 1 + 2 * 15000, few.p, n);
            assert_memory_equal(few.p, out.p + 15000, (size_t)n * 4);
            edge_free(&few);
        }
    }
    free(from);
    edge_free(&out);
}

static int find_levels(void **state)
{
    (void)state;
    n_levels = reachable_levels(levels);
    return n_levels > 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms),
        cmocka_unit_test(softmax_rows),
        cmocka_unit_test(softmax_sums),
        cmocka_unit_test(activations_are_within_their_bounds),
        cmocka_unit_test(activations_of_every_length_and_of_what_is_not_finite),
        cmocka_unit_test(prelus),
        cmocka_unit_test(xielus),
        cmocka_unit_test(sums),
        cmocka_unit_test(rotations),
        cmocka_unit_test(embeddings),
        cmocka_unit_test(every_half_and_bfloat16),
    };
    return cmocka_run_group_tests(tests, find_levels, NULL);
}
