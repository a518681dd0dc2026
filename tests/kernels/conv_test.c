/* Convolutions: against torch, every level against sums in double, sequences of different lengths,
 * the same bits however images are batched, within the operands. */
#include "harness.h"

#include "kernels/conv.h"
#include "kernels/gemm.h"

static const char *levels[8];
static int n_levels;

#define FOR_LEVELS(i) for (int i = 0; i < n_levels && kernels_init_level(levels[i], NULL); i++)

static float *run_shape(team *t, const conv_args *given, const float *published)
{
    size_t n = conv_weights(given->shape);
    conv_args a = *given;
    edge w = edge_new(n), work = edge_new(conv_f32_work(&a));
    conv_arrange(a.shape, published, w.p);
    a.w = w.p;
    conv_f32(t, &a, work.p);
    edge_free(&w), edge_free(&work);
    return a.out;
}

static bool read_case(FILE *f, conv_shape *s, conv_args *a)
{
    int v[20];
    for (int i = 0; i < 20; i++) {
        if (fscanf(f, "%d", &v[i]) != 1)
            return false;
    }
    *s = (conv_shape){.in = v[3],
                      .out = v[4],
                      .groups = v[5],
                      .kernel = {v[6], v[7]},
                      .stride = {v[8], v[9]},
                      .dilation = {v[10], v[11]},
                      .before = {v[12], v[13]},
                      .after = {v[14], v[15]},
                      .transposed = v[16] != 0,
                      .more = {v[17], v[18]},
                      .padding = (enum conv_padding)v[19]};
    *a = (conv_args){.shape = s, .n = v[0], .height = v[1], .width = v[2]};
    return true;
}

static edge edge_read(FILE *f, size_t n)
{
    edge e = edge_new(n);
    assert_int_equal(fread(e.p, sizeof(float), n, f), n);
    return e;
}

static size_t count_out(const conv_args *a)
{
    return (size_t)(a->n * conv_length(a->shape, 0, a->height) *
                    conv_length(a->shape, 1, a->width)) *
           (size_t)a->shape->out;
}

static void results_are_those_of_torch(void **state)
{
    (void)state;
    FILE *list = fopen(TEST_ROOT "/goldens/conv/conv.txt", "r");
    FILE *data = fopen(TEST_ROOT "/goldens/conv/conv.f32", "rb");
    assert_non_null(list);
    assert_non_null(data);
    team *t = team_new(2, NULL);
    conv_shape s;
    conv_args a;
    int n_cases = 0;
    for (; read_case(list, &s, &a); n_cases++) {
        edge x = edge_read(data, (size_t)(a.n * a.height * a.width * s.in));
        edge w = edge_read(data, conv_weights(&s)), bias = edge_read(data, (size_t)s.out);
        edge expected = edge_read(data, count_out(&a)), out = edge_new(expected.n);
        a.x = x.p;
        a.bias = bias.p;
        a.out = out.p;
        FOR_LEVELS(level)
        {
            memset(out.p, 0x7f, out.n * sizeof(float));
            run_shape(t, &a, w.p);
            char what[40];
            snprintf(what, sizeof what, "case %d", n_cases);
            for (size_t i = 0; i < out.n; i++)
                assert_near(out.p[i], expected.p[i], 2e-5, what);
        }
        edge_free(&x), edge_free(&w), edge_free(&bias), edge_free(&expected), edge_free(&out);
    }
    assert_int_equal(n_cases, 27);
    assert_int_equal(fgetc(data), EOF);
    fclose(list);
    fclose(data);
    team_free(t);
}

/* Adds input (y, x) of an image times the weights to the sums that it belongs to. */
static void spread(const conv_shape *s, const float *image, int width, const float *w, int y, int x,
                   int ky, int kx, double *sums, double *magnitudes, int oy, int ox, long out_width)
{
    int of_group = s->out / s->groups, in_group = s->in / s->groups;
    for (int o = 0; o < s->out; o++) {
        double *sum = &sums[(oy * out_width + ox) * s->out + o];
        double *magnitude = &magnitudes[(oy * out_width + ox) * s->out + o];
        for (int i = 0; i < in_group; i++) {
            int in = o / of_group * in_group + i;
            size_t row =
                s->transposed ? (size_t)(in * of_group + o % of_group) : (size_t)(o * in_group + i);
            double term =
                (double)image[(y * width + x) * s->in + in] *
                w[(row * (size_t)s->kernel[0] + (size_t)ky) * (size_t)s->kernel[1] + (size_t)kx];
            *sum += term;
            *magnitude += fabs(term);
        }
    }
}

/* Where an axis' input meets tap k, or -1. */
static long meets(const conv_shape *s, int axis, int input, int k, long out_length)
{
    long at = s->transposed
                  ? (long)input * s->stride[axis] - s->before[axis] + (long)k * s->dilation[axis]
                  : input + s->before[axis] - (long)k * s->dilation[axis];
    if (!s->transposed)
        at = at >= 0 && at % s->stride[axis] == 0 ? at / s->stride[axis] : -1;
    return at < out_length ? at : -1;
}

static void reference(const conv_shape *s, const float *image, int height, int width,
                      const float *w, double *sums, double *magnitudes)
{
    long out_height = conv_length(s, 0, height), out_width = conv_length(s, 1, width);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            for (int k = 0; k < s->kernel[0] * s->kernel[1]; k++) {
                long oy = meets(s, 0, y, k / s->kernel[1], out_height);
                long ox = meets(s, 1, x, k % s->kernel[1], out_width);
                if (oy >= 0 && ox >= 0)
                    spread(s, image, width, w, y, x, k / s->kernel[1], k % s->kernel[1], sums,
                           magnitudes, (int)oy, (int)ox, out_width);
            }
        }
    }
}

/* The input at a place around an image. */
static int around(enum conv_padding padding, int at, int length)
{
    int period = padding == CONV_REFLECT ? 2 * (length - 1) : length;
    if (padding == CONV_REPLICATE)
        return at < 0 ? 0 : at < length ? at : length - 1;
    if (period == 0)
        return 0;
    at = (at % period + period) % period;
    return at < length ? at : period - at;
}

/* The image with its surroundings. */
static float *padded_image(const conv_shape *s, const float *image, int *height, int *width)
{
    int rows = *height + s->before[0] + s->after[0], columns = *width + s->before[1] + s->after[1];
    size_t pixel = (size_t)s->in * sizeof(float);
    char *padded = malloc((size_t)(rows * columns) * pixel + 1);
    for (int y = 0; y < rows; y++) {
        for (int x = 0; x < columns; x++) {
            int from_y = around(s->padding, y - s->before[0], *height);
            int from_x = around(s->padding, x - s->before[1], *width);
            memcpy(padded + (size_t)(y * columns + x) * pixel,
                   image + (from_y * *width + from_x) * s->in, pixel);
        }
    }
    *height = rows;
    *width = columns;
    return (float *)(void *)padded;
}

static int below(int n)
{
    return (int)(random_bits() % (unsigned)n);
}

/* Depthwise, depthwise with two outputs, three groups, groups of 2 to 32. */
static void random_groups(conv_shape *s)
{
    int kind = below(4);
    s->groups = kind < 2 ? s->in : 3;
    s->in = kind == 2 ? 3 * s->in : s->in;
    if (kind == 3) {
        s->groups = 1 + below(5);
        s->in = s->groups * (2 << below(5));
    }
    s->out = kind == 0 || kind == 3 ? s->in : 2 * s->in;
}

static conv_shape random_shape(bool flat)
{
    static const int channels[] = {1, 2, 3, 8, 16, 18, 33, 69, 117};
    conv_shape s = {.groups = 1, .transposed = below(3) == 0};
    s.in = channels[below(9)];
    s.out = channels[below(7)];
    if (below(3))
        random_groups(&s);
    for (int axis = 0; axis < 2; axis++) {
        bool one = flat && axis == 0;
        s.kernel[axis] = one ? 1 : 1 + below(4);
        s.stride[axis] = one ? 1 : 1 + below(3);
        s.dilation[axis] = one ? 1 : 1 + below(3);
        s.before[axis] = one ? 0 : below(3);
        s.after[axis] = one ? 0 : below(3);
        s.more[axis] = s.transposed ? below(s.stride[axis]) : 0;
    }
    s.padding = s.transposed ? CONV_ZEROS : (enum conv_padding)below(4);
    return s;
}

static void check_image(const conv_args *a, const float *image, int height, int width,
                        const float *w, const float *residual, const float *out)
{
    const conv_shape *s = a->shape;
    size_t n = (size_t)(conv_length(s, 0, height) * conv_length(s, 1, width)) * (size_t)s->out;
    double *sums = calloc(2 * n + 1, sizeof *sums), *magnitudes = sums + n;
    if (s->padding == CONV_ZEROS || n == 0) {
        reference(s, image, height, width, w, sums, magnitudes);
    } else {
        conv_shape inner = *s;
        inner.before[0] = inner.before[1] = inner.after[0] = inner.after[1] = 0;
        float *padded = padded_image(s, image, &height, &width);
        reference(&inner, padded, height, width, w, sums, magnitudes);
        free(padded);
    }
    double roundings = s->kernel[0] * s->kernel[1] * (s->in / s->groups) + 3;
    for (size_t i = 0; i < n; i++) {
        double y = sums[i] + (a->bias ? (double)a->bias[i % (size_t)s->out] : 0);
        y = a->act == ACT_RELU ? fmax(y, 0) : y;
        y += residual ? (double)residual[i] : 0;
        assert_near(out[i], y, roundings * 0x1p-24 * (magnitudes[i] + 3), "convolution");
    }
    free(sums);
}

/* The product's weights packed as gemm_f32_pack has them give the same bits. */
static void check_packed(team *t, const conv_args *given, const float *published)
{
    const conv_shape *s = given->shape;
    int n = s->out / s->groups, k = s->kernel[0] * s->kernel[1] * (s->in / s->groups);
    size_t size = gemm_f32_packed_bytes(n, k);
    if (s->transposed || conv_is_small(s) || size == 0)
        return;
    conv_args a = *given;
    edge w = edge_new(conv_weights(s)), out = edge_new(count_out(&a));
    edge work = edge_new(conv_f32_work(&a));
    char *packed = aligned_alloc(64, (size_t)s->groups * size);
    conv_arrange(s, published, w.p);
    for (int g = 0; g < s->groups; g++)
        gemm_f32_pack(w.p + (size_t)g * (size_t)(n * k), n, k, packed + (size_t)g * size);
    a.w = NULL;
    a.packed = packed;
    a.out = out.p;
    conv_f32(t, &a, work.p);
    assert_same_bits(out.p, given->out, out.n, "packed weights");
    free(packed);
    edge_free(&w), edge_free(&out), edge_free(&work);
}

static void check_random(team *t, bool flat)
{
    conv_shape s = random_shape(flat);
    conv_args a = {.shape = &s, .n = 1 + below(3), .height = flat ? 1 : 1 + below(12)};
    a.width = 1 + below(14);
    a.act = below(2) ? ACT_RELU : ACT_NONE;
    edge x = edge_random((size_t)(a.n * a.height * a.width * s.in));
    edge w = edge_random(conv_weights(&s)), bias = edge_random((size_t)s.out);
    edge out = edge_new(count_out(&a)), residual = edge_random(out.n);
    a.x = x.p;
    a.out = out.p;
    a.bias = below(3) ? bias.p : NULL;
    a.residual = !s.transposed && below(2) ? residual.p : NULL;
    run_shape(t, &a, w.p);
    check_packed(t, &a, w.p);
    size_t in_size = x.n / (size_t)a.n, out_size = out.n / (size_t)a.n;
    for (int i = 0; i < a.n; i++)
        check_image(&a, x.p + (size_t)i * in_size, a.height, a.width, w.p,
                    a.residual ? a.residual + (size_t)i * out_size : NULL,
                    out.p + (size_t)i * out_size);
    if (a.residual) {
        a.out = residual.p;
        run_shape(t, &a, w.p);
        assert_same_bits(residual.p, out.p, out.n, "residual in place");
    }
    edge_free(&x), edge_free(&w), edge_free(&bias), edge_free(&out), edge_free(&residual);
}

/* An emulated processor does an eighth, a program that is checked while it runs a third: other
 * shapes each time take minutes there. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define IS_CHECKED 1
#endif
#endif
#ifndef IS_CHECKED
#define IS_CHECKED 0
#endif

static int rounds(int n)
{
    return sizes_step() > 1 ? n / 8 : IS_CHECKED ? n / 3 : n;
}

static void values_are_within_their_bounds(void **state)
{
    (void)state;
    for (int threads = first_team(); threads <= 3; threads += 2) {
        team *t = team_new(threads, NULL);
        FOR_LEVELS(level)
        {
            for (int i = 0; i < rounds(300); i++)
                check_random(t, i % 4 == 0);
        }
        team_free(t);
    }
}

/* Sequences of several lengths, some of them too short to give an output, one by one and together.
 */
static void check_sequences(team *t)
{
    enum { N = 9 };
    conv_shape s = random_shape(true);
    int start[N + 1] = {0}, out_start[N + 1] = {0};
    for (int i = 0; i < N; i++) {
        int length = i % 4 == 2 ? 0 : below(i == 3 ? 600 : 30);
        start[i + 1] = start[i] + length;
        out_start[i + 1] = out_start[i] + (int)conv_length(&s, 1, length);
    }
    edge x = edge_random((size_t)(start[N] * s.in)), w = edge_random(conv_weights(&s));
    edge out = edge_new((size_t)(out_start[N] * s.out)), alone = edge_new(out.n);
    conv_args a = {.shape = &s, .n = N, .height = 1, .x = x.p, .out = out.p};
    a.start = start;
    a.out_start = out_start;
    run_shape(t, &a, w.p);
    for (int i = 0; i < N; i++) {
        conv_args one = {.shape = &s, .n = 1, .height = 1, .width = start[i + 1] - start[i]};
        one.x = x.p + start[i] * s.in;
        one.out = alone.p + out_start[i] * s.out;
        run_shape(t, &one, w.p);
        check_image(&one, one.x, 1, one.width, w.p, NULL, one.out);
    }
    assert_same_bits(out.p, alone.p, out.n, "sequences together");
    edge_free(&x), edge_free(&w), edge_free(&out), edge_free(&alone);
}

static void sequences_do_not_depend_on_each_other(void **state)
{
    (void)state;
    for (int threads = first_team(); threads <= 3; threads++) {
        team *t = team_new(threads, NULL);
        FOR_LEVELS(level)
        {
            for (int i = 0; i < rounds(40); i++)
                check_sequences(t);
        }
        team_free(t);
    }
}

static const conv_shape large[] = {
    {.in = 64,
     .out = 24,
     .groups = 1,
     .kernel = {3, 3},
     .stride = {1, 1},
     .dilation = {1, 1},
     .before = {1, 1},
     .after = {1, 1}},
    {.in = 40,
     .out = 20,
     .groups = 1,
     .kernel = {4, 4},
     .stride = {2, 2},
     .dilation = {1, 1},
     .before = {1, 1},
     .after = {1, 1},
     .transposed = true},
    {.in = 48,
     .out = 48,
     .groups = 48,
     .kernel = {7, 7},
     .stride = {1, 1},
     .dilation = {1, 1},
     .before = {3, 3},
     .after = {3, 3},
     .padding = CONV_REFLECT},
    {.in = 64,
     .out = 64,
     .groups = 8,
     .kernel = {3, 3},
     .stride = {2, 1},
     .dilation = {1, 1},
     .before = {1, 1},
     .after = {1, 1}},
};

/* More rows than are laid out at a time, and one image with others and alone. */
static void large_images_have_the_bits_of_small_batches(void **state)
{
    (void)state;
    team *one = team_new(1, NULL), *two = team_new(2, NULL);
    FOR_LEVELS(level)
    {
        for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
            conv_args a = {.shape = &large[i], .n = 3, .height = 21, .width = 23};
            edge x = edge_random((size_t)(3 * 21 * 23 * a.shape->in));
            edge w = edge_random(conv_weights(a.shape));
            edge out = edge_new(count_out(&a)), alone = edge_new(out.n);
            a.x = x.p;
            a.out = out.p;
            run_shape(two, &a, w.p);
            a.n = 1;
            for (size_t image = 0; image < 3; image++) {
                a.x = x.p + image * (x.n / 3);
                a.out = alone.p + image * (out.n / 3);
                run_shape(one, &a, w.p);
            }
            check_image(&a, a.x, 21, 23, w.p, NULL, a.out);
            assert_same_bits(out.p, alone.p, out.n, "images together");
            edge_free(&x), edge_free(&w), edge_free(&out), edge_free(&alone);
        }
    }
    team_free(one);
    team_free(two);
}

/* Kernels of every width, whose taps side by side share their pixels. */
static void wide_kernels_of_channels_by_themselves(void **state)
{
    (void)state;
    static const int channels[] = {5, 16, 24, 40, 69};
    team *t = team_new(1, NULL);
    FOR_LEVELS(level)
    {
        for (int i = 0; i < 17 * 5; i++) {
            int k = 1 + i / 5, c = channels[i % 5];
            conv_shape s = {.in = c, .out = c, .groups = c, .kernel = {2, k}, .stride = {1, 1}};
            s.dilation[0] = s.dilation[1] = 1;
            s.before[0] = 1;
            s.before[1] = k / 2;
            s.after[1] = k - 1 - k / 2;
            conv_args a = {.shape = &s, .n = 1, .height = 3, .width = 7 + i % 9};
            edge x = edge_random((size_t)(3 * a.width * c)), w = edge_random(conv_weights(&s));
            edge out = edge_new(count_out(&a)), bias = edge_random((size_t)c);
            a.x = x.p;
            a.out = out.p;
            a.bias = bias.p;
            run_shape(t, &a, w.p);
            check_image(&a, x.p, a.height, a.width, w.p, NULL, out.p);
            edge_free(&x), edge_free(&w), edge_free(&out), edge_free(&bias);
        }
    }
    team_free(t);
}

static void norms_fold_into_weights(void **state)
{
    (void)state;
    team *t = team_new(1, NULL);
    for (int i = 0; i < 30; i++) {
        conv_shape s = random_shape(false);
        conv_args a = {.shape = &s, .n = 1, .height = 6, .width = 7};
        edge x = edge_random((size_t)(6 * 7 * s.in)), w = edge_random(conv_weights(&s));
        edge norm = edge_random((size_t)(5 * s.out)), out = edge_new(count_out(&a));
        edge folded = edge_new(out.n);
        float *gamma = norm.p, *beta = gamma + s.out, *mean = beta + s.out, *var = mean + s.out;
        float *bias = var + s.out;
        for (int c = 0; c < s.out; c++)
            var[c] = fabsf(var[c]) + 0.1f;
        a.x = x.p;
        a.out = out.p;
        a.bias = bias;
        run_shape(t, &a, w.p);
        for (size_t j = 0; j < out.n; j++) {
            size_t c = j % (size_t)s.out;
            double y = ((double)out.p[j] - mean[c]) / sqrt((double)var[c] + 1e-3);
            out.p[j] = (float)(i % 2 ? y : y * gamma[c] + beta[c]);
        }
        conv_fold_norm(&s, w.p, bias, i % 2 ? NULL : gamma, i % 2 ? NULL : beta, mean, var, 1e-3f);
        a.out = folded.p;
        run_shape(t, &a, w.p);
        for (size_t j = 0; j < out.n; j++)
            assert_near(folded.p[j], out.p[j], 1e-4, "folded");
        edge_free(&x), edge_free(&w), edge_free(&norm), edge_free(&out), edge_free(&folded);
    }
    team_free(t);
}

static void lengths(void **state)
{
    (void)state;
    conv_shape s = {.in = 1,
                    .out = 1,
                    .groups = 1,
                    .kernel = {3, 3},
                    .stride = {2, 2},
                    .dilation = {2, 1},
                    .before = {0, 1},
                    .after = {0, 1}};
    assert_int_equal(conv_length(&s, 0, 4), 0);
    assert_int_equal(conv_length(&s, 0, 5), 1);
    assert_int_equal(conv_length(&s, 0, 7), 2);
    assert_int_equal(conv_length(&s, 1, 7), 4);
    assert_int_equal(conv_length(&s, 1, 0), 0);
    s.padding = CONV_REFLECT;
    assert_int_equal(conv_length(&s, 1, 1), 0);
    assert_int_equal(conv_length(&s, 1, 2), 1);
    s.padding = CONV_CIRCULAR;
    s.before[1] = 2;
    assert_int_equal(conv_length(&s, 1, 1), 0);
    assert_int_equal(conv_length(&s, 1, 2), 2);
    s.padding = CONV_REPLICATE;
    assert_int_equal(conv_length(&s, 1, 1), 1);
    s.padding = CONV_ZEROS;
    s.before[1] = 1;
    s.transposed = true;
    assert_int_equal(conv_length(&s, 0, 4), 11);
    assert_int_equal(conv_length(&s, 0, 0), 0);
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
        cmocka_unit_test(results_are_those_of_torch),
        cmocka_unit_test(values_are_within_their_bounds),
        cmocka_unit_test(sequences_do_not_depend_on_each_other),
        cmocka_unit_test(large_images_have_the_bits_of_small_batches),
        cmocka_unit_test(wide_kernels_of_channels_by_themselves),
        cmocka_unit_test(norms_fold_into_weights),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, find_levels, NULL);
}
