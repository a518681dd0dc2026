/* Products with int8 and bfloat16 weights: every variant that the machine has against sums in
 * double and against the portable variant's bits, within the operands, the same bits however the
 * rows are batched and shared out. */
#include "gemm_amx_emulated.h"
#include "product.h"

#include "kernels/gemm_bf16.h"
#include "kernels/gemm_i8.h"

typedef struct precision {
    const char *family;
    const void **slot;
    const void *reference;
    size_t (*bytes)(int n, int k);
    void (*pack)(const float *w, int n, int k, void *packed);
    bool (*pack_columns)(const gemm_columns *c, void *packed);
    void (*run)(team *t, const gemm_args *a, const void *packed);
    void (*run_all)(team *t, const gemm_args *list, const void *const *packed, int n_products);
} precision;

static const precision precisions[] = {
    {"gemm_i8", (const void **)&kernels.gemm_i8, &gemm_i8_scalar, gemm_i8_bytes, gemm_i8_pack,
     gemm_i8_pack_columns, gemm_i8, gemm_i8_all},
    {"gemm_bf16", (const void **)&kernels.gemm_bf16, &gemm_bf16_scalar, gemm_bf16_bytes,
     gemm_bf16_pack, gemm_bf16_pack_columns, gemm_bf16, gemm_bf16_all},
};
enum { N_PRECISIONS = sizeof precisions / sizeof precisions[0] };

typedef void check_fn(const precision *p, const kernel_row *row);

static void check_variant(const precision *p, const kernel_row *row, check_fn *check)
{
    *p->slot = row->functions;
    check(p, row);
    *p->slot = p->reference;
}

/* Calls `check` with each variant of each family in its slot: those of the list that this machine
 * can run, and AMX on emulated tiles. */
static void for_variants(check_fn *check)
{
    int count;
    const kernel_row *rows = kernel_rows(&count);
    for (int j = 0; j < N_PRECISIONS; j++) {
        const precision *p = &precisions[j];
        int n = 0;
        for (int i = 0; i < count; i++) {
            if (rows[i].slot != p->slot ||
                (rows[i].cpu_flags & kernels_cpu_flags()) != rows[i].cpu_flags)
                continue;
            n++;
            if (wanted(rows[i].variant))
                check_variant(p, &rows[i], check);
        }
        assert_true(n > 0);
        if (!wanted("emulated"))
            continue;
        gemm_packed_kernels emulated = emulated_kernels(p->reference);
        kernel_row row = {p->family, "emulated AMX", .functions = &emulated};
        row.exactness = p->run == gemm_i8 ? KERNEL_BITS : KERNEL_ROUNDED;
        check_variant(p, &row, check);
    }
}

/* Packed weights that end at an unreadable page: their size is a multiple of a cache line, or of
 * what the scales of a whole panel take. */
static edge pack(const precision *p, const gemm_args *a)
{
    size_t bytes = p->bytes(a->n, a->k);
    assert_int_equal(bytes % 64, 0);
    edge packed = edge_new(bytes / sizeof(float));
    memset(packed.p, 0x5a, bytes);
    p->pack(a->w, a->n, a->k, packed.p);
    return packed;
}

static float largest_of(const float *x, int n)
{
    float largest = 0;
    for (int i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(x[i]));
    return largest;
}

/* The sum in double, and how far one of the rounded operands may be from it. */
static double exact_sum(const gemm_args *a, const precision *p, int i, int j, double *bound)
{
    const float *x = a->x + i * a->ldx, *w = a->w + (long)j * a->k;
    double sum = 0, magnitude = 0, of_x = 0, of_w = 0;
    for (int l = 0; l < a->k; l++) {
        sum += (double)x[l] * w[l];
        magnitude += fabs((double)x[l] * w[l]);
        of_x += fabs((double)x[l]);
        of_w += fabs((double)w[l]);
    }
    if (p->run == gemm_i8) { /* half a unit of each operand */
        double ux = largest_of(x, a->k) / 254.0, uw = largest_of(w, a->k) / 254.0;
        *bound = of_w * ux + of_x * uw + a->k * ux * uw + magnitude * 1e-6;
    } else {
        *bound = magnitude * (0x1p-7 + 0x1p-16 + a->k * 0x1p-24);
    }
    return sum;
}

static void check_value(const precision *p, const gemm_args *a, int i, int j)
{
    double bound, sum = exact_sum(a, p, i, j, &bound);
    if (a->bias)
        sum += a->bias[j];
    bound = activation_steepness(a->act, sum) * (bound + fabs(sum) * 0x1p-23);
    double y = exact_activation(a->act, sum);
    bound += fabs(y) * 6e-7 + (a->act > ACT_NONE ? 3e-7 : 0);
    bound += a->act == ACT_GELU_ERF ? fmax(5e-5, fabs(y) * 1e-5) : 0;
    if (a->residual) {
        y += a->residual[i * a->ldr + j];
        bound += fabs(y) * 0x1p-24;
    }
    assert_near_at(a->out[i * a->ldo + j], y, bound, "%s m %d n %d k %d act %d [%d][%d]", p->family,
                   a->m, a->n, a->k, (int)a->act, i, j);
}

/* What the portable variant gives for the same operands. */
static void check_bits_of_reference(const precision *p, const kernel_row *row, const product *found,
                                    const edge *packed)
{
    product copy = *found;
    copy.out = edge_new(found->out.n);
    for (size_t i = 0; i < copy.out.n; i++)
        copy.out.p[i] = 777.0f;
    copy.a.out = copy.out.p;
    *p->slot = p->reference;
    team *t = team_new(1, NULL);
    p->run(t, &copy.a, packed->p);
    team_free(t);
    *p->slot = row->functions;
    char what[100];
    snprintf(what, sizeof what, "%s %s m %d n %d k %d", row->family, row->variant, copy.a.m,
             copy.a.n, copy.a.k);
    assert_same_bits(found->out.p, copy.out.p, copy.out.n, what);
    edge_free(&copy.out);
}

typedef struct sizes {
    int m, n, k, gap;
} sizes;

static void check_product(team *t, const precision *p, const kernel_row *row, sizes s, bool bias,
                          bool residual, enum activation act)
{
    product q = product_new(s.m, s.n, s.k, s.gap, bias, residual, act);
    edge packed = pack(p, &q.a);
    q.a.w = NULL;
    p->run(t, &q.a, packed.p);
    if (row->exactness != KERNEL_ROUNDED && (act == ACT_NONE || act == ACT_RELU))
        check_bits_of_reference(p, row, &q, &packed);
    q.a.w = q.w.p;
    for (int i = 0; i < s.m; i++) {
        for (int j = 0; j < s.n; j++)
            check_value(p, &q.a, i, j);
        for (int j = s.n; j < q.a.ldo && i < s.m - 1 && s.n > 0; j++)
            assert_true(q.out.p[i * q.a.ldo + j] == 777.0f);
    }
    edge_free(&packed);
    product_free(&q);
}

static void check_sizes(const precision *p, const kernel_row *row)
{
    static const int ms[] = {0, 1, 2, 3, 5, 6, 7, 11, 12, 13, 16, 17, 31, 32, 33};
    static const int ns[] = {0, 1, 3, 15, 16, 17, 32, 33, 50, 64, 65};
    static const int ks[] = {0, 1, 2, 3, 4, 5, 31, 32, 33, 63, 64, 65, 100};
    for (int threads = first_team(); threads <= 3; threads += 2) {
        team *t = team_new(threads, NULL);
        for (size_t i = 0; i < sizeof ms / sizeof ms[0]; i++) {
            for (size_t j = 0; j < sizeof ns / sizeof ns[0]; j++) {
                for (size_t l = 0; l < sizeof ks / sizeof ks[0]; l += (size_t)sizes_step()) {
                    enum activation act = (enum activation)((i + j + l) % N_ACTIVATIONS);
                    sizes s = {ms[i], ns[j], ks[l], (int)(j % 3)};
                    check_product(t, p, row, s, l % 2, i % 2, act);
                }
            }
        }
        for (int act = 0; act < N_ACTIVATIONS; act++)
            check_product(t, p, row, (sizes){9, 35, 400, 1}, true, true, (enum activation)act);
        check_product(t, p, row, (sizes){1, 300, 384, 0}, true, false, ACT_NONE);
        check_product(t, p, row, (sizes){40, 70, 769, 3}, false, true, ACT_NONE);
        check_product(t, p, row, (sizes){270, 300, 40, 0}, true, false, ACT_NONE);
        check_product(t, p, row, (sizes){35, 70, 2500, 1}, true, true, ACT_NONE); /* slices of k */
        team_free(t);
    }
}

/* Every variant packs the same bytes, whole or by pieces, those of a value at a time. */
static void check_packing(const precision *p, const kernel_row *row)
{
    static const int ns[] = {1, 15, 16, 17, 33, 100}, ks[] = {1, 2, 3, 15, 16, 63, 64, 65, 517};
    for (size_t i = 0; i < sizeof ns / sizeof ns[0]; i++) {
        for (size_t l = 0; l < sizeof ks / sizeof ks[0]; l++) {
            int n = ns[i], k = ks[l];
            product q = product_new(1, n, k, 0, false, false, ACT_NONE);
            if (k > 2) { /* what is rounded specially */
                q.w.p[0] = NAN;
                q.w.p[(size_t)(n - 1) * (size_t)k + 1] = 1e-40f;
                q.w.p[(size_t)(n / 2) * (size_t)k + 2] = -INFINITY;
            }
            edge found = pack(p, &q.a), pieces = edge_new(found.n);
            *p->slot = p->reference;
            edge expected = pack(p, &q.a);
            *p->slot = row->functions;
            memset(pieces.p, 0x77, pieces.n * sizeof(float));
            for (int step = 32, first = (n - 1) / step * step; first >= 0; first -= step) {
                int count = n - first < step ? n - first : step;
                gemm_columns c = {q.a.w + (long)first * k, first, count, n, k};
                assert_true(p->pack_columns(&c, pieces.p));
            }
            if (memcmp(found.p, expected.p, found.n * sizeof(float)) != 0 ||
                memcmp(pieces.p, expected.p, found.n * sizeof(float)) != 0)
                fail_msg("%s %s packs n %d k %d otherwise", row->family, row->variant, n, k);
            edge_free(&found);
            edge_free(&pieces);
            edge_free(&expected);
            product_free(&q);
        }
    }
}

static void packed_bytes_are_the_same(void **state)
{
    (void)state;
    for_variants(check_packing);
}

static void values_are_within_their_bounds(void **state)
{
    (void)state;
    for_variants(check_sizes);
}

/* Rows that do not fit the block that is prepared at a time. */
static void check_blocks(const precision *p, const kernel_row *row)
{
    team *t = team_new(2, NULL);
    product q = product_new(1030, 3, 4200, 0, true, false, ACT_NONE);
    edge packed = pack(p, &q.a);
    p->run(t, &q.a, packed.p);
    for (int i = 0; i < q.a.m; i += 41) {
        for (int j = 0; j < q.a.n; j++)
            check_value(p, &q.a, i, j);
    }
    check_value(p, &q.a, 1029, 2);
    if (row->exactness != KERNEL_ROUNDED)
        check_bits_of_reference(p, row, &q, &packed);
    edge_free(&packed);
    product_free(&q);
    team_free(t);
}

static void many_rows_go_block_by_block(void **state)
{
    (void)state;
    for_variants(check_blocks);
}

/* The rows of one product in batches of every size and with every team. */
static void check_batches(const precision *p, int m, int n, int k)
{
    product q = product_new(m, n, k, 1, true, false, ACT_GELU_ERF);
    edge packed = pack(p, &q.a), out = edge_new(q.out.n);
    team *one = team_new(1, NULL);
    p->run(one, &q.a, packed.p);
    for (int threads = first_team(); threads <= 3; threads++) {
        team *t = team_new(threads, NULL);
        static const int batches[] = {1, 2, 3, 5, 6, 7, 11, 12, 13, 31, 32, 33, 64, 200, 230};
        for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b += (size_t)sizes_step()) {
            memcpy(out.p, q.out.p, q.out.n * sizeof(float));
            for (int row = (int)b, rows; row < m; row += rows) {
                gemm_args a = q.a;
                rows = batches[b] < m - row ? batches[b] : m - row;
                a.m = rows;
                a.x += row * a.ldx;
                a.out = out.p + row * a.ldo;
                for (int i = 0; i < rows; i++)
                    memset(a.out + i * a.ldo, 0x7f, (size_t)n * sizeof(float));
                p->run(t, &a, packed.p);
            }
            assert_same_bits(out.p, q.out.p, q.out.n, "batch size");
        }
        team_free(t);
    }
    team_free(one);
    edge_free(&out);
    edge_free(&packed);
    product_free(&q);
}

static void check_all_batches(const precision *p, const kernel_row *row)
{
    (void)row;
    check_batches(p, 230, 48, 32);
    check_batches(p, 230, 37, 53);
    check_batches(p, 70, 20, 2100);
}

static void rows_do_not_depend_on_their_batch(void **state)
{
    (void)state;
    for_variants(check_all_batches);
}

/* Three products of the same rows, one of others, in any order: the bits of each alone. */
static void check_together(const precision *p, const kernel_row *row)
{
    (void)row;
    static const int orders[][GEMM_TOGETHER] = {{0, 1, 2, 3}, {0, 3, 1, 2}, {3, 2, 1, 0}};
    static const int widths[GEMM_TOGETHER] = {40, 17, 300, 50};
    for (int m = 0; m < 140; m = 3 * m + 5) {
        product q[GEMM_TOGETHER];
        edge packed[GEMM_TOGETHER], out[GEMM_TOGETHER];
        team *t = team_new(1, NULL);
        for (int i = 0; i < GEMM_TOGETHER; i++) {
            q[i] = product_new(m, widths[i],
                               i < 3   ? 70
                               : m % 2 ? 0
                                       : 90,
                               1, i != 1, i == 2, i == 0 ? ACT_SILU : ACT_NONE);
            if (i < 3)
                q[i].a.x = q[0].x.p;
            packed[i] = pack(p, &q[i].a);
            p->run(t, &q[i].a, packed[i].p);
            out[i] = edge_new(q[i].out.n);
        }
        team_free(t);
        for (int turn = 0; turn < 6; turn++) {
            const int *order = orders[turn % 3];
            gemm_args list[GEMM_TOGETHER];
            const void *weights[GEMM_TOGETHER];
            t = team_new(turn < 3 ? 3 : 1, NULL);
            for (int i = 0; i < GEMM_TOGETHER; i++) {
                list[i] = q[order[i]].a;
                list[i].out = out[order[i]].p;
                weights[i] = packed[order[i]].p;
                for (size_t j = 0; j < out[i].n; j++)
                    out[i].p[j] = 777.0f;
            }
            p->run_all(t, list, weights, GEMM_TOGETHER);
            for (int i = 0; i < GEMM_TOGETHER; i++)
                assert_same_bits(out[i].p, q[i].out.p, out[i].n, "together");
            team_free(t);
        }
        for (int i = 0; i < GEMM_TOGETHER; i++) {
            edge_free(&out[i]);
            edge_free(&packed[i]);
            product_free(&q[i]);
        }
    }
}

static void products_together_have_the_bits_of_each_alone(void **state)
{
    (void)state;
    for_variants(check_together);
}

/* A pair whose second product is multiplied with the first one, in its place, beside a third: the
 * bits of each by itself and of a multiplication behind them. */
static void check_gated(const precision *p, int threads, int m, int n, int k)
{
    product up = product_new(m, n, k, 1, true, false, ACT_NONE), gate, other;
    gate = product_new(m, n, k, 1, false, true, ACT_QUICK_GELU);
    other = product_new(m, 20, k, 1, true, false, ACT_NONE);
    gate.a.x = other.a.x = up.a.x;
    edge weights[] = {pack(p, &other.a), pack(p, &up.a), pack(p, &gate.a)};
    const void *packed[] = {weights[0].p, weights[1].p, weights[2].p};
    team *t = team_new(threads, NULL);
    gemm_args list[] = {other.a, up.a, gate.a};
    edge expected = edge_new(gate.out.n), beside = edge_new(other.out.n);
    list[0].out = beside.p;
    list[2].out = expected.p;
    list[2].residual = NULL;
    for (int i = 0; i < 3; i++)
        p->run(t, &list[i], packed[i]);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            float *y = &expected.p[i * gate.a.ldo + j];
            *y = *y * up.out.p[i * up.a.ldo + j] + gate.residual.p[i * gate.a.ldr + j];
        }
    list[0].out = other.out.p;
    list[2].residual = gate.residual.p;
    list[2].factor = list[2].out = up.out.p;
    list[2].ldf = up.a.ldo;
    p->run_all(t, list, packed, 3);
    for (int i = 0; i < m; i++) {
        assert_same_bits(up.out.p + i * up.a.ldo, expected.p + i * up.a.ldo, (size_t)n, "gated");
        assert_same_bits(other.out.p + i * other.a.ldo, beside.p + i * other.a.ldo, 20, "beside");
        assert_true(i + 1 == m || up.out.p[i * up.a.ldo + n] == 777.0f);
    }
    team_free(t);
    for (int i = 0; i < 3; i++)
        edge_free(&weights[i]);
    edge_free(&expected);
    edge_free(&beside);
    product_free(&up);
    product_free(&gate);
    product_free(&other);
}

static void check_gated_pairs(const precision *p, const kernel_row *row)
{
    (void)row;
    for (int threads = first_team(); threads <= 3; threads += 2) {
        for (int m = 1; m < 200; m = 3 * m + 2) {
            check_gated(p, threads, m, 37, 53);
            check_gated(p, threads, m, 150, 100);
        }
        check_gated(p, threads, 30, 70, 2500);  /* slices of k */
        check_gated(p, threads, 530, 40, 4200); /* blocks of rows */
        check_gated(p, threads, 5, 17, 0);
    }
}

static void gated_pairs_have_the_bits_of_their_products(void **state)
{
    (void)state;
    for_variants(check_gated_pairs);
}

static void check_in_place(const precision *p, const kernel_row *row)
{
    (void)row;
    team *t = team_new(2, NULL);
    for (int m = 1; m < 40; m += 13) {
        product q = product_new(m, 50, 900, 0, true, true, ACT_NONE);
        edge packed = pack(p, &q.a);
        p->run(t, &q.a, packed.p);
        gemm_args a = q.a;
        a.out = q.residual.p;
        p->run(t, &a, packed.p);
        assert_same_bits(q.residual.p, q.out.p, q.out.n, "in place");
        edge_free(&packed);
        product_free(&q);
    }
    team_free(t);
}

static void residual_may_be_the_output(void **state)
{
    (void)state;
    for_variants(check_in_place);
}

/* Values that are not finite reach their own rows and columns and no others; very small ones and
 * zeros are zeros. */
static void check_not_finite(const precision *p, const kernel_row *row)
{
    enum { K = 70, N = 37 };
    (void)row;
    bool i8 = p->run == gemm_i8;
    team *t = team_new(1, NULL);
    for (int m = 6; m < 40; m += 11) {
        product q = product_new(m, N, K, 0, false, false, ACT_NONE);
        q.x.p[1 * K + 69] = NAN;
        q.x.p[2 * K + 3] = 1e-42f;
        q.x.p[3 * K + 5] = -INFINITY;
        for (int l = 0; l < K; l++) {
            q.x.p[4 * K + l] = l % 2 ? 1e-40f : -1e-44f;
            q.x.p[5 * K + l] = 0;
            q.w.p[17 * K + l] = 1e-39f;
        }
        q.w.p[36 * K + 69] = INFINITY;
        q.w.p[20 * K + 1] = -NAN;
        edge packed = pack(p, &q.a);
        p->run(t, &q.a, packed.p);
        for (int r = 0; r < m; r++) {
            for (int c = 0; c < N; c++) {
                float y = q.out.p[r * N + c];
                bool of_x = r == 1 || (r == 3 && i8), of_w = c == 20 || (c == 36 && i8);
                /* bfloat16: 0 times infinity */
                bool zero = !i8 && ((c == 36 && (r == 4 || r == 5)) || (r == 3 && c == 17));
                bool both = r == 3 && c == 36; /* infinities of either sign */
                if (!both)
                    assert_int_equal(isnan(y) != 0, of_x || of_w || zero);
                if (!isnan(y))
                    assert_int_equal(isinf(y) != 0, r == 3 || c == 36);
                if (isfinite(y) && (r == 4 || r == 5 || c == 17))
                    assert_true(y == 0);
            }
        }
        edge_free(&packed);
        product_free(&q);
    }
    team_free(t);
}

static void infinities_and_nan_stay_in_their_rows(void **state)
{
    (void)state;
    for_variants(check_not_finite);
}

/* The largest sums that the limit of k allows, in both signs. */
static void check_largest_sums(const precision *p, const kernel_row *row)
{
    enum { K = 131072, M = 2, N = 2 };
    (void)row;
    if (weights_are_positive())
        return;
    team *t = team_new(1, NULL);
    product q = product_new(M, N, K, 0, false, false, ACT_NONE);
    for (int l = 0; l < K; l++) {
        q.x.p[l] = q.w.p[l] = 1;
        q.x.p[K + l] = q.w.p[K + l] = -1;
    }
    edge packed = pack(p, &q.a);
    p->run(t, &q.a, packed.p);
    for (int i = 0; i < M; i++) {
        for (int j = 0; j < N; j++)
            assert_near(q.out.p[i * N + j], i == j ? K : -K, K * 1e-6, "largest sum");
    }
    edge_free(&packed);
    product_free(&q);
    team_free(t);
}

static void largest_sums_do_not_overflow(void **state)
{
    (void)state;
    for_variants(check_largest_sums);
}

static void sizes_out_of_range_have_no_packed_form(void **state)
{
    (void)state;
    for (int i = 0; i < N_PRECISIONS; i++) {
        assert_int_equal(precisions[i].bytes(-1, 4), 0);
        assert_int_equal(precisions[i].bytes(4, -1), 0);
        assert_int_equal(precisions[i].bytes((1 << 20) + 1, 4), 0);
        assert_int_equal(precisions[i].bytes(4, 131073), 0);
        assert_true(precisions[i].bytes(1 << 20, 131072) > (size_t)131072 << 20);
    }
    assert_int_equal(gemm_i8_bytes(384, 384), 384 * 384 + 8 * 384);
    assert_int_equal(gemm_bf16_bytes(384, 384), 2 * 384 * 384);
}

static int select_all(void **state)
{
    (void)state;
    return kernels_init_level(NULL, NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packed_bytes_are_the_same),
        cmocka_unit_test(values_are_within_their_bounds),
        cmocka_unit_test(many_rows_go_block_by_block),
        cmocka_unit_test(rows_do_not_depend_on_their_batch),
        cmocka_unit_test(products_together_have_the_bits_of_each_alone),
        cmocka_unit_test(gated_pairs_have_the_bits_of_their_products),
        cmocka_unit_test(residual_may_be_the_output),
        cmocka_unit_test(infinities_and_nan_stay_in_their_rows),
        cmocka_unit_test(largest_sums_do_not_overflow),
        cmocka_unit_test(sizes_out_of_range_have_no_packed_form),
    };
    return cmocka_run_group_tests(tests, select_all, NULL);
}
