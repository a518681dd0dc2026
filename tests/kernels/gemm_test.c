/* f32 GEMM: every level against sums in double, within the operands, the same bits however the rows
 * are batched and shared out. */
#include "product.h"

static void check_value(const gemm_args *a, int i, int j)
{
    double sum = 0, magnitude = 0;
    for (int l = 0; l < a->k; l++) {
        double term = (double)a->x[i * a->ldx + l] * a->w[(long)j * a->k + l];
        sum += term;
        magnitude += fabs(term);
    }
    if (a->bias) {
        sum += a->bias[j];
        magnitude += fabs((double)a->bias[j]);
    }
    /* Four sums, blocks of 384: no value goes through more than this many additions. */
    double roundings = (a->k < GEMM_BLOCK ? a->k : GEMM_BLOCK) / 4.0 + a->k / 384.0 + 6;
    double bound = roundings * magnitude * 0x1p-24 * activation_steepness(a->act, sum);
    double y = exact_activation(a->act, sum);
    bound += fabs(y) * 6e-7 + (a->act > ACT_NONE ? 3e-7 : 0);
    if (a->residual) {
        y += a->residual[i * a->ldr + j];
        bound += fabs(y) * 0x1p-24;
    }
    assert_near_at(a->out[i * a->ldo + j], y, bound, "m %d n %d k %d act %d [%d][%d]", a->m, a->n,
                   a->k, (int)a->act, i, j);
}

static void check_product(team *t, int m, int n, int k, int gap, bool bias, bool residual,
                          enum activation act)
{
    product p = product_new(m, n, k, gap, bias, residual, act);
    gemm_f32(t, &p.a);
    int step = m > 100 ? 7 : 1; /* prime to the heights of tiles */
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n && i % step == 0; j++)
            check_value(&p.a, i, j);
        for (int j = n; j < p.a.ldo && i < m - 1 && n > 0; j++)
            assert_true(p.out.p[i * p.a.ldo + j] == 777.0f);
    }
    product_free(&p);
}

static void check_level(team *t)
{
    static const int ms[] = {0, 1, 2, 3, 5, 6, 7, 12, 13, 26, 31},
                     ns[] = {0, 1, 3, 8, 15, 16, 17, 40};
    static const int ks[] = {0, 1, 3, 4, 5, 8, 15, 16, 17, 31, 100};
    for (size_t i = 0; i < sizeof ms / sizeof ms[0]; i++) {
        for (size_t j = 0; j < sizeof ns / sizeof ns[0]; j++) {
            for (size_t l = 0; l < sizeof ks / sizeof ks[0]; l++) {
                enum activation act = (enum activation)((i + j + l) % N_ACTIVATIONS);
                check_product(t, ms[i], ns[j], ks[l], (int)(j % 3), l % 2, i % 2, act);
            }
        }
    }
    for (int act = 0; act < N_ACTIVATIONS; act++)
        check_product(t, 9, 35, 400, 1, true, true, (enum activation)act);
    check_product(t, 1, 300, 384, 0, true, false, ACT_NONE);
    check_product(t, 4, 33, 385, 3, true, true, ACT_GELU_ERF);
    check_product(t, 40, 70, 769, 3, false, true, ACT_NONE);
    check_product(t, 270, 300, 40, 0, true, false, ACT_NONE);
    check_product(t, 260, 290, 390, 0, true, false, ACT_GELU_ERF);
}

static void values_are_within_their_bounds(void **state)
{
    (void)state;
    const char *levels[8];
    int n = reachable_levels(levels);
    for (int threads = first_team(); threads <= 3; threads += 2) {
        team *t = team_new(threads, NULL);
        for (int i = 0; i < n; i++) {
            assert_true(kernels_init_level(levels[i], NULL));
            check_level(t);
        }
        team_free(t);
    }
}

/* The rows of one product in batches of every size and with every team. */
static void check_bits(int n, int k)
{
    enum { M = 530 };
    product p = product_new(M, n, k, 1, true, false, ACT_GELU_ERF);
    team *one = team_new(1, NULL);
    gemm_f32(one, &p.a);
    edge out = edge_new(p.out.n);
    for (int threads = first_team(); threads <= 3; threads++) {
        team *t = team_new(threads, NULL);
        static const int sizes[] = {1, 2, 3, 5, 6, 7, 11, 12, 13, 24, 25, 64, 200, 253, M};
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
                gemm_f32(t, &a);
            }
            assert_same_bits(out.p, p.out.p, p.out.n, "batch size");
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
    const char *levels[8];
    int n = reachable_levels(levels);
    for (int i = 0; i < n; i++) {
        assert_true(kernels_init_level(levels[i], NULL));
        check_bits(48, 32);
        check_bits(37, 53);
        check_bits(20, 800);
    }
}

/* A product on the calling thread alone, in no more memory than it asks for, and one of the last
 * panels of packed weights. */
static void check_alone(const gemm_args *as, const edge *expected, const float *packed)
{
    edge out = edge_new(expected->n), work;
    gemm_args a = *as;
    a.out = out.p;
    for (int part = 0; part < (packed ? 2 : 1); part++) {
        int skip = part ? (a.n - 1) / gemm_f32_panel() * gemm_f32_panel() : 0;
        memcpy(out.p, expected->p, out.n * sizeof(float)); /* what is between the rows */
        for (int i = 0; i < a.m; i++)
            memset(a.out + i * a.ldo + skip, 0x7f, (size_t)(as->n - skip) * sizeof(float));
        gemm_args some = a;
        some.packed = packed ? packed + gemm_f32_packed_bytes(skip, a.k) / sizeof(float) : NULL;
        some.n -= skip;
        some.out += skip;
        some.bias = a.bias ? a.bias + skip : NULL;
        some.residual = a.residual ? a.residual + skip : NULL;
        work = edge_new((gemm_f32_alone_floats(&some) + 15) / 16 * 16);
        assert_int_equal((uintptr_t)work.p % 64, 0);
        gemm_f32_alone(&some, work.p);
        assert_same_bits(out.p, expected->p, out.n, "alone");
        edge_free(&work);
    }
    edge_free(&out);
}

/* Packed weights and products of one region give the bits of a product by itself. */
static void check_packed(team *t, int m, int n, int k)
{
    enum { OTHER_N = 21 };
    product p = product_new(m, n, k, 2, true, true, ACT_GELU_ERF);
    product q = product_new(m, OTHER_N, k, 0, false, false, ACT_NONE);
    size_t size = gemm_f32_packed_bytes(n, k);
    edge packed = edge_new(size / sizeof(float) + 16);
    float *at = packed.p + (16 - (uintptr_t)packed.p / sizeof(float) % 16) % 16;
    gemm_args list[] = {p.a, q.a};
    gemm_f32(t, &p.a);
    gemm_f32(t, &q.a);
    edge out = edge_new(p.out.n), other = edge_new(q.out.n);
    memcpy(out.p, p.out.p, out.n * sizeof(float)); /* what is between the rows */
    for (int i = 0; i < m; i++)
        memset(out.p + i * p.a.ldo, 0x7f, (size_t)n * sizeof(float));
    for (int step = 2 * GEMM_PACK_COLUMNS, first = (n - 1) / step * step; first >= 0; first -= step)
        gemm_f32_pack_columns(&(gemm_columns){p.a.w + (long)first * k, first,
                                              n - first < step ? n - first : step, n, k},
                              at);
    list[0].packed = at;
    list[0].w = NULL;
    list[0].out = out.p;
    list[1].out = other.p;
    gemm_f32_all(t, list, 2);
    assert_same_bits(out.p, p.out.p, out.n, "packed");
    assert_same_bits(other.p, q.out.p, other.n, "beside another product");
    check_alone(&p.a, &p.out, NULL);
    check_alone(&p.a, &p.out, at);
    check_alone(&q.a, &q.out, NULL);
    edge_free(&packed);
    edge_free(&out);
    edge_free(&other);
    product_free(&p);
    product_free(&q);
}

static void packed_weights_give_the_same_bits(void **state)
{
    (void)state;
    static const int ms[] = {1, 2, 3, 4, 6, 7, 12, 13, 25, 64, 130, 400};
    const char *levels[8];
    int n = reachable_levels(levels);
    for (int threads = first_team(); threads <= 3; threads++) {
        team *t = team_new(threads, NULL);
        for (int i = 0; i < n; i++) {
            assert_true(kernels_init_level(levels[i], NULL));
            for (size_t s = 0; s < sizeof ms / sizeof ms[0]; s++) {
                check_packed(t, ms[s], 48, 32);
                check_packed(t, ms[s], 37, 53);
                check_packed(t, ms[s], 300, 801);
            }
        }
        team_free(t);
    }
}

/* Gated pairs, out in the place of the factor: the bits of each product by itself and of a
 * multiplication behind them. packed: neither, both, or the second one alone. */
static void check_gated(team *t, int m, int n, int k, int packed)
{
    product up = product_new(m, n, k, 1, true, false, ACT_NONE);
    product gate = product_new(m, n, k, 2, m % 2, m % 3 == 0, ACT_SILU);
    edge expected = edge_new(gate.out.n), room = edge_new(2 * gemm_f32_packed_bytes(n, k) / 4 + 32);
    gate.a.ldo = up.a.ldo;
    const float *residual = gate.a.residual;
    gate.a.residual = NULL;
    gate.a.out = expected.p;
    gemm_f32(t, &up.a);
    gemm_f32(t, &gate.a);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float *y = &expected.p[i * up.a.ldo + j];
            *y *= up.out.p[i * up.a.ldo + j];
            *y = residual ? *y + residual[i * gate.a.ldr + j] : *y;
        }
    float *at = room.p + (16 - (uintptr_t)room.p / sizeof(float) % 16) % 16;
    gemm_args list[] = {up.a, gate.a};
    for (int i = 0; i < 2 && packed > i; i++, at += gemm_f32_packed_bytes(n, k) / sizeof(float)) {
        gemm_f32_pack(list[1 - i].w, n, k, at);
        list[1 - i].packed = at;
        list[1 - i].w = NULL;
    }
    list[1].residual = residual;
    list[1].factor = list[1].out = up.out.p;
    list[1].ldf = up.a.ldo;
    gemm_f32_all(t, list, 2);
    for (int i = 0; i < m; i++)
        assert_same_bits(up.out.p + i * up.a.ldo, expected.p + i * up.a.ldo, (size_t)n, "gated");
    for (int i = 0; i + 1 < m && n > 0; i++)
        assert_true(up.out.p[i * up.a.ldo + n] == 777.0f);
    edge_free(&expected);
    edge_free(&room);
    product_free(&up);
    product_free(&gate);
}

static void gated_pairs_have_the_bits_of_their_products(void **state)
{
    (void)state;
    static const int ms[] = {1, 2, 3, 6, 7, 13, 25, 64, 130, 400};
    const char *levels[8];
    int n = reachable_levels(levels);
    for (int threads = first_team(); threads <= 3; threads++) {
        team *t = team_new(threads, NULL);
        for (int i = 0; i < n; i++) {
            assert_true(kernels_init_level(levels[i], NULL));
            for (size_t s = 0; s < sizeof ms / sizeof ms[0]; s++) {
                for (int packed = 0; packed <= 2; packed++) {
                    check_gated(t, ms[s], 37, 53, packed);
                    check_gated(t, ms[s], 300, 801, packed);
                }
            }
            check_gated(t, 5, 17, 0, 0);
            check_gated(t, 0, 17, 9, 0);
        }
        team_free(t);
    }
}

static void residual_may_be_the_output(void **state)
{
    (void)state;
    const char *levels[8];
    int n = reachable_levels(levels);
    team *t = team_new(2, NULL);
    for (int i = 0; i < n; i++) {
        assert_true(kernels_init_level(levels[i], NULL));
        for (int m = 1; m < 40; m += 13) {
            product p = product_new(m, 50, 900, 0, true, true, ACT_NONE);
            gemm_f32(t, &p.a);
            edge expected = p.out;
            gemm_args a = p.a;
            a.out = p.residual.p;
            gemm_f32(t, &a);
            assert_same_bits(p.residual.p, expected.p, expected.n, "in place");
            product_free(&p);
        }
    }
    team_free(t);
}

/* A value that is not finite reaches its own row or column and no other. */
static void infinities_and_nan_stay_in_their_rows(void **state)
{
    (void)state;
    const char *levels[8];
    int n = reachable_levels(levels);
    team *t = team_new(1, NULL);
    for (int i = 0; i < n; i++) {
        assert_true(kernels_init_level(levels[i], NULL));
        for (int m = 3; m < 30; m += 11) {
            product p = product_new(m, 19, 21, 0, true, false, ACT_NONE);
            p.x.p[1 * 21 + 20] = NAN;
            p.w.p[18 * 21 + 20] = INFINITY;
            p.x.p[2 * 21 + 3] = 1e-42f; /* denormal */
            gemm_f32(t, &p.a);
            for (int r = 0; r < m; r++) {
                for (int c = 0; c < 19; c++) {
                    float y = p.out.p[r * 19 + c];
                    assert_int_equal(isnan(y) != 0, r == 1);
                    assert_int_equal(isinf(y) != 0, r != 1 && c == 18);
                }
            }
            product_free(&p);
        }
    }
    team_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_within_their_bounds),
        cmocka_unit_test(rows_do_not_depend_on_their_batch),
        cmocka_unit_test(packed_weights_give_the_same_bits),
        cmocka_unit_test(gated_pairs_have_the_bits_of_their_products),
        cmocka_unit_test(residual_may_be_the_output),
        cmocka_unit_test(infinities_and_nan_stay_in_their_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
