/* Products with quantised weights: the values of blocks against the gguf package, every variant
 * against sums in double of the same quantised x, whole numbers exactly, the ends of arrays. */
#include "harness.h"

#include "kernels/gemm_quantised.h"
#include "kernels/gemm_quantised_x.h"
#include "kernels/rows.h"

/* Every variant that the machine can run, those that a stronger one hides too. */
static const kernel_row *variants[16];
static int n_variants;

static bool use_variant(int i)
{
    if (i < n_variants)
        *variants[i]->slot = variants[i]->functions;
    return i < n_variants;
}

#define FOR_VARIANTS(i) for (int i = 0; use_variant(i); i++)

static size_t read_golden(const char *type, const char *suffix, void *to, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/goldens/quantised/%s.%s", TEST_ROOT, type, suffix);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(to, 1, size, f);
    fclose(f);
    return n;
}

static void blocks_have_the_values_of_the_gguf_package(void **state)
{
    (void)state;
    enum { N = 1024 };
    for (int t = 0; t < N_QUANTISED_TYPES; t++) {
        const quantised_format *f = &quantised_formats[t];
        static uint8_t blocks[N * 2];
        static float expected[N];
        size_t size = (size_t)(N / f->values * f->bytes);
        assert_int_equal(read_golden(f->name, "blocks", blocks, sizeof blocks), size);
        assert_int_equal(quantised_row_bytes((enum quantised_type)t, N), size);
        assert_int_equal(quantised_row_bytes((enum quantised_type)t, N - 16), 0);
        assert_int_equal(quantised_row_bytes((enum quantised_type)t, -f->values), 0);
        assert_int_equal(read_golden(f->name, "f32", expected, sizeof expected), sizeof expected);
        edge out = edge_new(N);
        for (int i = 0; cpu_level_at(i) && kernels_init_level(cpu_level_at(i), NULL); i++) {
            memset(out.p, 0, N * sizeof(float));
            dequantise((enum quantised_type)t, blocks, out.p, N);
            for (int j = 0; j < N; j++)
                if (!(out.p[j] == expected[j]))
                    fail_msg("%s [%d]: %.9g, expected %.9g", f->name, j, (double)out.p[j],
                             (double)expected[j]);
        }
        edge_free(&out);
    }
}

static const int halves[N_QUANTISED_TYPES][2] = {{0, 0},   {0, 2},     {0, 0}, {0, 2}, {0, 0},
                                                 {80, 82}, {108, 108}, {0, 2}, {0, 2}, {208, 208}};

/* n rows of k values in random blocks, with halves of -4 .. 4; they end at an unreadable page. */
static uint8_t *random_weights(enum quantised_type type, int n, int k, edge *e)
{
    const quantised_format *f = &quantised_formats[type];
    size_t size = (size_t)n * quantised_row_bytes(type, k);
    *e = edge_new((size + 3) / 4);
    uint8_t *w = (uint8_t *)(e->p + e->n) - size;
    for (size_t i = 0; i < size; i++)
        w[i] = (uint8_t)random_bits();
    for (size_t i = 0; i < size; i += (size_t)f->bytes) {
        for (int h = 0; h < 2; h++) {
            uint16_t half =
                (uint16_t)(0x2800 + random_bits() % 0x1c00 + random_bits() % 2 * 0x8000);
            memcpy(w + i + halves[type][h], &half, 2);
        }
    }
    return w;
}

typedef struct product {
    enum quantised_type type;
    gemm_args a;
    uint8_t *w;
    edge x, weights, bias, residual, out;
} product;

static product product_new(enum quantised_type type, int m, int n, int k, int gap)
{
    product p = {.type = type, .a = {.m = m, .n = n, .k = k}};
    p.a.ldx = k + gap;
    p.a.ldo = n + gap;
    p.a.ldr = n + 2 * gap;
    p.x = edge_random(m > 0 ? (size_t)((m - 1) * p.a.ldx + k) : 0);
    for (size_t i = 0; i < p.x.n; i++)
        p.x.p[i] *= random_bits() % 50 == 0 ? 40 : 1;
    p.w = random_weights(type, n, k, &p.weights);
    p.bias = edge_random((size_t)n);
    p.residual = edge_random(m > 0 && n > 0 ? (size_t)((m - 1) * p.a.ldr + n) : 0);
    p.out = edge_new(m > 0 && n > 0 ? (size_t)((m - 1) * p.a.ldo + n) : 0);
    for (size_t i = 0; i < p.out.n; i++)
        p.out.p[i] = 777.0f;
    p.a.x = p.x.p;
    p.a.out = p.out.p;
    return p;
}

static void product_free(product *p)
{
    edge_free(&p->x), edge_free(&p->weights), edge_free(&p->bias);
    edge_free(&p->residual), edge_free(&p->out);
}

/* What an output is made of. */
typedef struct expectation {
    double sum;       /* with x as quantised */
    double exact;     /* with x as given */
    double error;     /* by which these may differ */
    double magnitude; /* of the terms, for the roundings */
} expectation;

/* Codes without signs are that much larger. */
static double largest_offset(enum quantised_type type)
{
    static const double offsets[N_QUANTISED_TYPES] = {
        [QUANTISED_Q4_0] = 8, [QUANTISED_Q5_0] = 16, [QUANTISED_Q3_K] = 4, [QUANTISED_Q6_K] = 32};
    return offsets[type];
}

static void expect_block(enum quantised_type type, const uint8_t *w, const float *x, expectation *y)
{
    quantised_block b;
    int8_t q[256];
    int values = quantised_formats[type].values;
    double d = quantise_block(x, values, q);
    quantised_unpack(type, w, &b);
    for (int i = 0; i < values; i++) {
        double scale = b.d, less = -b.m, offset = largest_offset(type);
        if (values == 256) {
            scale *= b.scale[i / b.part];
            less = (double)b.dmin * b.min[i / b.part];
        }
        double weight = scale * b.q[i] - less;
        y->sum += weight * d * q[i];
        y->exact += weight * x[i];
        y->error += fabs(weight) * d * 0.5001;
        y->magnitude += (fabs(scale) * (abs(b.q[i]) + offset) + fabs(less)) * d * abs(q[i]);
    }
}

static expectation expect(const product *p, int i, int j)
{
    const quantised_format *f = &quantised_formats[p->type];
    const uint8_t *w = p->w + (size_t)j * quantised_row_bytes(p->type, p->a.k);
    expectation y = {0};
    for (int b = 0; b < p->a.k / f->values; b++)
        expect_block(p->type, w + b * f->bytes, p->a.x + i * p->a.ldx + b * f->values, &y);
    return y;
}

static void check_product(team *t, enum quantised_type type, int m, int n, int k, int gap, int with)
{
    product p = product_new(type, m, n, k, gap);
    p.a.bias = with & 1 ? p.bias.p : NULL;
    p.a.residual = with & 2 ? p.residual.p : NULL;
    p.a.act = with & 4 ? ACT_RELU : ACT_NONE;
    gemm_quantised(t, &p.a, type, p.w);
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            expectation e = expect(&p, i, j);
            double bias = with & 1 ? (double)p.bias.p[j] : 0;
            double more = with & 2 ? (double)p.residual.p[i * p.a.ldr + j] : 0;
            double y = e.sum + bias, exact = e.exact + bias;
            if (with & 4)
                y = fmax(y, 0), exact = fmax(exact, 0);
            double bound = (k / 32.0 + 8) * 0x1p-24 * (e.magnitude + fabs(bias) + fabs(more));
            double found = (double)p.a.out[i * p.a.ldo + j];
            bool near = fabs(found - (y + more)) <= bound;
            near = near && fabs(found - (exact + more)) <= bound + e.error;
            if (!near)
                fail_msg(
                    "%s, variant %s, m %d n %d k %d [%d][%d]: found %.9g, expected %.9g within "
                    "%.3g and %.9g within %.3g",
                    quantised_formats[type].name, kernels_variant("gemm_quantised"), m, n, k, i, j,
                    found, y + more, bound, exact + more, bound + e.error);
        }
        for (int j = n; j < p.a.ldo && i < m - 1 && n > 0; j++)
            assert_true(p.out.p[i * p.a.ldo + j] == 777.0f);
    }
    product_free(&p);
}

static void values_are_within_their_bounds(void **state)
{
    (void)state;
    static const int ms[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 19}, ns[] = {0, 1, 3, 16, 17, 35};
    static const int blocks[] = {0, 1, 2, 3, 4, 5, 11};
    for (int threads = first_team(); threads <= 3; threads += 2) {
        team *t = team_new(threads, NULL);
        FOR_VARIANTS(variant)
        {
            for (int type = 0; type < N_QUANTISED_TYPES; type++) {
                int values = quantised_formats[type].values, n_blocks = values == 32 ? 7 : 4;
                for (int i = 0; i < 11; i += sizes_step()) {
                    for (int b = 0; b < n_blocks; b++)
                        check_product(t, (enum quantised_type)type, ms[i], ns[(i + b) % 6],
                                      blocks[b] * values, (i + b) % 3, i + b);
                }
            }
            check_product(t, QUANTISED_Q4_0, 130, 20, 64, 0, 1);
            /* k in several blocks, at once and one after the other */
            for (int m = 1; m < 40; m += 37) {
                check_product(t, QUANTISED_Q5_1, m, 131, 2 * GEMM_QUANTISED_BLOCK + 96, 1, 3);
                check_product(t, QUANTISED_Q6_K, m, 19, GEMM_QUANTISED_BLOCK + 256, 1, 3);
            }
            /* several blocks of k at once, and what is left */
            check_product(t, QUANTISED_Q8_0, 1, 5, 5 * GEMM_QUANTISED_BLOCK + 64, 1, 1);
            check_product(t, QUANTISED_Q3_K, 1, 6, 9 * GEMM_QUANTISED_BLOCK + 512, 1, 1);
            check_product(t, QUANTISED_Q5_K, 2, 1100, 256, 1, 2);
        }
        team_free(t);
    }
}

/* With scales that are powers of two and whole x, every variant gives the very number. */
static void whole_numbers_are_exact(void **state)
{
    (void)state;
    enum { M = 9, N = 21 };
    team *t = team_new(2, NULL);
    for (int type = 0; type < N_QUANTISED_TYPES; type++) {
        const quantised_format *f = &quantised_formats[type];
        int k = f->values == 32 ? 7 * 32 : 512;
        product p = product_new((enum quantised_type)type, M, N, k, 1);
        size_t size = N * quantised_row_bytes((enum quantised_type)type, k);
        for (size_t at = 0; at < size; at += (size_t)f->bytes) {
            for (int h = 0; h < 2; h++)
                memcpy(p.w + at + halves[type][h], &(uint16_t){0x3c00}, 2);
            if (random_bits() % 4 == 0) /* the most and the least that codes can be */
                memset(p.w + at + (f->values == 32 ? f->bytes - 16 : 16),
                       random_bits() % 2 ? 255 : 128, 16);
        }
        for (size_t i = 0; i < p.x.n; i++)
            p.x.p[i] = i % (size_t)(k + 1) % 32 ? (float)(int)(random_bits() % 255) - 127 : 127;
        FOR_VARIANTS(variant)
        {
            gemm_quantised(t, &p.a, (enum quantised_type)type, p.w);
            for (int i = 0; i < M; i++) {
                for (int j = 0; j < N; j++) {
                    double y = expect(&p, i, j).sum;
                    assert_true(fabs(y) < 0x1p24 || f->values == 256);
                    assert_near((double)p.a.out[i * p.a.ldo + j], y,
                                fabs(y) < 0x1p23 && f->values == 32 ? 0 : fabs(y) * 0x1p-23,
                                f->name);
                }
            }
        }
        product_free(&p);
    }
    team_free(t);
}

static void check_bits(enum quantised_type type, int n, int k)
{
    enum { M = 150 };
    product p = product_new(type, M, n, k, 1);
    p.a.bias = p.bias.p;
    team *one = team_new(1, NULL);
    gemm_quantised(one, &p.a, type, p.w);
    edge out = edge_new(p.out.n);
    for (int threads = first_team(); threads <= 3; threads++) {
        team *t = team_new(threads, NULL);
        static const int sizes[] = {1, 2, 3, 5, 7, 8, 9, 64, M};
        for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s += (size_t)sizes_step()) {
            memcpy(out.p, p.out.p, p.out.n * sizeof(float));
            for (int row = (int)s, rows; row < M; row += rows) {
                gemm_args a = p.a;
                rows = sizes[s] < M - row ? sizes[s] : M - row;
                a.m = rows;
                a.x += row * a.ldx;
                a.out = out.p + row * a.ldo;
                for (int i = 0; i < rows; i++)
                    memset(a.out + i * a.ldo, 0x7f, (size_t)n * sizeof(float));
                gemm_quantised(t, &a, type, p.w);
            }
            assert_same_bits(out.p, p.out.p, p.out.n, quantised_formats[type].name);
        }
        team_free(t);
    }
    team_free(one);
    edge_free(&out);
    product_free(&p);
}

static void rows_do_not_depend_on_their_batch(void **state)
{
    (void)state;
    FOR_VARIANTS(variant)
    {
        for (int type = 0; type < N_QUANTISED_TYPES; type++)
            check_bits((enum quantised_type)type, 37, quantised_formats[type].values * 3);
        check_bits(QUANTISED_Q4_K, 1300, 256);
        check_bits(QUANTISED_Q4_1, 70, GEMM_QUANTISED_BLOCK + 160);
        check_bits(QUANTISED_Q3_K, 20, GEMM_QUANTISED_BLOCK + 512);
        check_bits(QUANTISED_Q2_K, 9, 4 * GEMM_QUANTISED_BLOCK + 256);
        check_bits(QUANTISED_Q4_1, 9, 5 * GEMM_QUANTISED_BLOCK);
    }
}

static void what_is_not_finite_or_tiny_stays_in_its_row(void **state)
{
    (void)state;
    team *t = team_new(1, NULL);
    FOR_VARIANTS(variant)
    {
        for (int type = 0; type < N_QUANTISED_TYPES; type++) {
            product p = product_new((enum quantised_type)type, 5, 18, 512, 0);
            p.x.p[300] = NAN;
            p.x.p[512 + 511] = -INFINITY;
            for (int i = 0; i < 512; i++)
                p.x.p[2 * 512 + i] *= 1e-42f;
            p.x.p[3 * 512] = 1e30f;
            gemm_quantised(t, &p.a, (enum quantised_type)type, p.w);
            for (int i = 0; i < 5 * 18; i++) {
                assert_int_equal(isnan(p.out.p[i]) != 0, i / 18 < 2);
                assert_true(i / 18 != 2 || p.out.p[i] == 0);
            }
            product_free(&p);
        }
    }
    team_free(t);
}

static int find_variants(void **state)
{
    (void)state;
    int count;
    const kernel_row *rows = kernel_rows(&count);
    if (!kernels_init(NULL))
        return -1;
    for (int i = 0; i < count; i++) {
        if (strcmp(rows[i].family, "gemm_quantised") == 0 &&
            (rows[i].cpu_flags & kernels_cpu_flags()) == rows[i].cpu_flags &&
            wanted(rows[i].variant))
            variants[n_variants++] = &rows[i];
    }
    return n_variants > 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_have_the_values_of_the_gguf_package),
        cmocka_unit_test(values_are_within_their_bounds),
        cmocka_unit_test(whole_numbers_are_exact),
        cmocka_unit_test(rows_do_not_depend_on_their_batch),
        cmocka_unit_test(what_is_not_finite_or_tiny_stays_in_its_row),
    };
    return cmocka_run_group_tests(tests, find_variants, NULL);
}
