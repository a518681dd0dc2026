/* Attention: every level against a plain softmax in double, within the operands, the same bits
 * whatever the batch and the team. */
#include "attention_probe.h"
#include "harness.h"

#include "kernels/attention.h"
#include "kernels/quantise.h"

/* Whether batches have operands that bfloat16 holds and may be rounded: then only the weights are,
 * by 2^-9 of their value. */
static bool rounds;

enum { N_LEVELS = 9 };

/* Levels that this machine reaches, and AMX on emulated tiles where operands are rounded. */
static int levels_to_test(const char *names[N_LEVELS])
{
    int n = reachable_levels(names);
#if defined(__x86_64__)
    kernels_init_level(NULL, NULL);
    if (rounds && wanted("emulated") && (kernels_cpu_flags() & CPU_AVX512_BF16))
        names[n++] = "emulated";
#endif
    return n;
}

static void use_level(const char *name)
{
    bool emulated = strcmp(name, "emulated") == 0;
    assert_true(kernels_init_level(emulated ? NULL : name, NULL));
#if defined(__x86_64__)
    if (emulated)
        kernels.attention_bf16 = &attention_bf16_emulated;
#endif
}

static double bound(void)
{
    return rounds ? 0x1p-9 + 2e-4 : 3e-6;
}

/* Queries, keys, values and outputs of a batch, in one fused buffer like a model's. */
typedef struct batch {
    attention_args a;
    edge qkv, out, bias;
    int starts[16];
} batch;

static batch batch_new(const int *lengths, int n_seq, int heads, int kv_heads, int head_dim,
                       enum attention_mask mask, int window, bool bias)
{
    batch b = {.a = {.n_seq = n_seq, .heads = heads, .kv_heads = kv_heads, .head_dim = head_dim}};
    int longest = 1;
    for (int i = 0; i < n_seq; i++) {
        b.starts[i + 1] = b.starts[i] + lengths[i];
        longest = lengths[i] > longest ? lengths[i] : longest;
    }
    long width = (heads + 2L * kv_heads) * head_dim;
    size_t tokens = (size_t)b.starts[n_seq];
    b.qkv = edge_random(tokens * (size_t)width);
    for (size_t i = 0; i < b.qkv.n && rounds; i++)
        b.qkv.p[i] = float_of_bf16(bf16_of_float(b.qkv.p[i]));
    b.out = edge_new(tokens * (size_t)(heads * head_dim));
    b.bias = edge_random((size_t)heads * (size_t)longest * (size_t)longest);
    b.a.q = b.qkv.p;
    b.a.k = b.qkv.p + heads * head_dim;
    b.a.v = b.a.k + kv_heads * head_dim;
    b.a.ldq = b.a.ldk = b.a.ldv = width;
    b.a.out = b.out.p;
    b.a.ldo = heads * head_dim;
    b.a.scale = 3.0f / sqrtf((float)head_dim);
    b.a.may_round = rounds;
    b.a.mask = mask;
    b.a.window = window;
    b.a.bias = bias ? b.bias.p : NULL;
    b.a.bias_row_stride = longest;
    b.a.bias_head_stride = (long)longest * longest;
    return b;
}

/* The pointers that a points to must be those of this copy of the struct. */
static void run(team *t, batch *b)
{
    b->a.start = b->starts;
    attention_f32(t, &b->a);
}

static void batch_free(batch *b)
{
    edge_free(&b->qkv);
    edge_free(&b->out);
    edge_free(&b->bias);
}

static bool seen(const attention_args *a, int i, int j)
{
    switch (a->mask) {
    case ATTENTION_CAUSAL:
        return j <= i;
    case ATTENTION_WINDOW:
        return abs(i - j) <= a->window;
    case ATTENTION_CAUSAL_WINDOW:
        return j <= i && i - j < a->window;
    default:
        return true;
    }
}

static void check_query(const attention_args *a, int row, int length, int i, int head)
{
    int d = a->head_dim, kv = head / (a->heads / a->kv_heads);
    double *weights = calloc((size_t)length, sizeof *weights), sum = 0;
    for (int j = 0; j < length; j++) {
        double s = 0;
        for (int l = 0; l < d; l++)
            s += (double)a->q[(row + i) * a->ldq + head * d + l] *
                 a->k[(row + j) * a->ldk + kv * d + l];
        s *= a->scale;
        s = a->cap > 0 ? a->cap * tanh(s / a->cap) : s;
        if (a->bias)
            s += a->bias[head * a->bias_head_stride + i * a->bias_row_stride + j];
        weights[j] = seen(a, i, j) ? exp(s) : 0;
        sum += weights[j];
    }
    for (int l = 0; l < d; l++) {
        double y = 0;
        for (int j = 0; j < length; j++)
            y += weights[j] * a->v[(row + j) * a->ldv + kv * d + l];
        /* Values are at most 1; an error e of a score is an error e of its weight. */
        assert_near_at(a->out[(row + i) * a->ldo + head * d + l], sum > 0 ? y / sum : 0, bound(),
                       "length %d query %d head %d value %d dim %d mask %d", length, i, head, l, d,
                       (int)a->mask);
    }
    free(weights);
}

static void check_capped(team *t, const int *lengths, int n_seq, int heads, int kv_heads,
                         int head_dim, enum attention_mask mask, int window, bool bias, float cap)
{
    batch b = batch_new(lengths, n_seq, heads, kv_heads, head_dim, mask, window, bias);
    b.a.cap = cap;
    run(t, &b);
    for (int s = 0; s < n_seq; s++) {
        int length = lengths[s], step = length > 200 ? 29 : length > 40 ? 7 : 1;
        for (int i = (length - 1) % step; i < length; i += step) {
            for (int head = 0; head < heads; head++)
                check_query(&b.a, b.starts[s], length, i, head);
        }
    }
    batch_free(&b);
}

static void check_batch(team *t, const int *lengths, int n_seq, int heads, int kv_heads,
                        int head_dim, enum attention_mask mask, int window, bool bias)
{
    check_capped(t, lengths, n_seq, heads, kv_heads, head_dim, mask, window, bias, 0);
}

static void check_level(team *t)
{
    static const int mixed[] = {0, 1, 5, 12, 13, 31, 33, 100, 0},
                     dims[] = {1, 3, 8, 16, 20, 32, 40};
    for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
        for (int mask = ATTENTION_FULL; mask <= ATTENTION_CAUSAL_WINDOW; mask++)
            check_batch(t, mixed, 9, 4, 2, dims[i], (enum attention_mask)mask, 9, i % 2);
    }
    static const int lengths[] = {255, 256, 257, 600};
    for (int mask = ATTENTION_FULL; mask <= ATTENTION_CAUSAL_WINDOW; mask++)
        check_batch(t, lengths, 4, 2, 1, 64, (enum attention_mask)mask, 100, mask % 2);
    check_batch(t, lengths, 4, 1, 1, 128, ATTENTION_FULL, 0, true);
    check_capped(t, lengths, 4, 2, 1, 24, ATTENTION_CAUSAL_WINDOW, 100, true, 0.7f);
    check_capped(t, mixed, 9, 2, 2, 20, ATTENTION_CAUSAL, 0, false, 2);
    check_batch(t, lengths, 2, 2, 2, 80, ATTENTION_WINDOW, 0, false);
    check_batch(t, lengths, 2, 2, 2, 33, ATTENTION_WINDOW, 1000000, false);
}

static void values_are_near_those_in_double(void **state)
{
    (void)state;
    const char *levels[N_LEVELS];
    int n = levels_to_test(levels);
    for (int threads = first_team(); threads <= 3; threads += 2) {
        team *t = team_new(threads, NULL);
        for (int i = 0; i < n; i++) {
            use_level(levels[i]);
            check_level(t);
        }
        team_free(t);
    }
}

static void sequences_do_not_depend_on_their_batch(void **state)
{
    (void)state;
    static const int lengths[] = {3, 300, 17, 1, 520, 96, 97};
    enum { N = 7 };
    const char *levels[N_LEVELS];
    int n = levels_to_test(levels);
    for (int level = 0; level < n; level++) {
        use_level(levels[level]);
        for (int mask = ATTENTION_FULL; mask <= ATTENTION_CAUSAL_WINDOW; mask++) {
            batch b = batch_new(lengths, N, 3, 3, 32, (enum attention_mask)mask, 40, false);
            team *three = team_new(3, NULL), *one = team_new(1, NULL);
            run(three, &b);
            edge alone = edge_new(b.out.n);
            for (int s = N - 1; s >= 0; s--) {
                attention_args a = b.a;
                int start[2] = {0, lengths[s]};
                a.q += b.starts[s] * a.ldq;
                a.k += b.starts[s] * a.ldk;
                a.v += b.starts[s] * a.ldv;
                a.out = alone.p + b.starts[s] * a.ldo;
                a.start = start;
                a.n_seq = 1;
                attention_f32(s % 2 ? one : three, &a);
            }
            assert_same_bits(alone.p, b.out.p, b.out.n, "alone and in a batch");
            edge_free(&alone);
            team_free(one);
            team_free(three);
            batch_free(&b);
        }
    }
}

/* Spans: what stands in two of them counts twice, `all` overrules the mask, biases are added. */
static void check_spans(const attention_args *a, int sequence, int i, int head)
{
    int d = a->head_dim, kv = head / (a->heads / a->kv_heads), row = a->start[sequence] + i;
    int key = 0;
    double sum = 0, y[64] = {0};
    for (int k = a->first_span[sequence]; k < a->first_span[sequence + 1]; k++)
        for (int j = a->spans[k].begin; j < a->spans[k].end; j++) {
            double s = 0;
            for (int l = 0; l < d; l++)
                s += (double)a->q[row * a->ldq + head * d + l] * a->k[j * a->ldk + kv * d + l];
            double bias = (double)a->spans[k].bias;
            if (a->bias)
                bias = a->bias[head * a->bias_head_stride + i * a->bias_row_stride + key];
            key++;
            double w = a->spans[k].all || seen(a, row, j) ? exp(s * a->scale + bias) : 0;
            sum += w;
            for (int l = 0; l < d; l++)
                y[l] += w * a->v[j * a->ldv + kv * d + l];
        }
    for (int l = 0; l < d; l++) {
        char what[100];
        snprintf(what, sizeof what, "spans: sequence %d query %d head %d value %d mask %d",
                 sequence, i, head, l, (int)a->mask);
        assert_near(a->out[row * a->ldo + head * d + l], sum > 0 ? y[l] / sum : 0, bound(), what);
    }
}

static void spans_are_seen_as_they_say(void **state)
{
    (void)state;
    static const int lengths[] = {7, 300, 0, 1, 130}; /* rows 0, 7, 307, 307, 308 .. 437 */
    static const attention_span spans[] = {
        {0, 3, true, 0},      {3, 7, false, 0},                              /* of sequence 0 */
        {7, 9, true, 1.5f},   {9, 20, false, 0},       {20, 307, false, -1}, /* of 1 */
        {100, 101, false, 0}, {100, 101, false, 0},    {5, 5, true, 3},      /* of 3 */
        {308, 318, true, 0},  {308, 438, false, 0.5f}, {0, 300, true, -2}};  /* of 4 */
    static const int first[] = {0, 2, 5, 5, 8, 11};
    const char *levels[N_LEVELS];
    int n = levels_to_test(levels);
    for (int level = 0; level < n; level++) {
        use_level(levels[level]);
        for (int mask = ATTENTION_FULL; mask <= ATTENTION_CAUSAL_WINDOW; mask++) {
            batch b = batch_new(lengths, 5, 4, 2, 20, (enum attention_mask)mask, 6, false);
            team *t = team_new(mask % 2 ? 3 : 1, NULL);
            edge bias = edge_random(4L * 300 * 450);
            b.a.spans = spans;
            if (mask ==
                ATTENTION_FULL) { /* of queries that see fewer or more rows than there are */
                b.a.bias = bias.p;
                b.a.bias_row_stride = 450;
                b.a.bias_head_stride = 300L * 450;
            }
            b.a.first_span = first;
            run(t, &b);
            for (int s = 0; s < 5; s++)
                for (int i = 0; i<lengths[s]; i += lengths[s]> 40 ? 7 : 1)
                    for (int head = 0; head < 4; head++)
                        check_spans(&b.a, s, i, head);
            edge_free(&bias);
            team_free(t);
            batch_free(&b);
        }
    }
}

/* Rows of a batch with a bias each, in a batch that begins behind the first row: the bits of each
 * sequence alone with its rows of it. */
static void bias_of_rows(void **state)
{
    (void)state;
    enum { N = 5, HEADS = 3, DIM = 16, LONGEST = 130 };
    static const int lengths[N] = {7, 1, 130, 0, 33};
    const char *levels[N_LEVELS];
    int n = levels_to_test(levels);
    team *t = team_new(2, NULL);
    for (int level = 0; level < n; level++) {
        use_level(levels[level]);
        batch b = batch_new(lengths, N, HEADS, HEADS, DIM, ATTENTION_FULL, 0, false);
        long rows = b.starts[N] - b.starts[1];
        edge bias = edge_random((size_t)(HEADS * rows * LONGEST));
        b.a.bias = bias.p;
        b.a.bias_by_row = true;
        b.a.bias_row_stride = LONGEST;
        b.a.bias_head_stride = rows * LONGEST;
        b.a.start = b.starts + 1;
        b.a.n_seq = N - 1;
        attention_f32(t, &b.a);
        edge together = edge_new(b.out.n);
        memcpy(together.p, b.out.p, b.out.n * sizeof(float));
        b.a.bias_by_row = false;
        b.a.n_seq = 1;
        for (int s = 1; s < N; s++) {
            b.a.start = b.starts + s;
            b.a.bias = bias.p + (b.starts[s] - b.starts[1]) * LONGEST;
            attention_f32(t, &b.a);
        }
        assert_same_bits(together.p, b.out.p, b.out.n, "bias of rows");
        edge_free(&together);
        edge_free(&bias);
        batch_free(&b);
    }
    team_free(t);
}

static void masked_by_minus_infinity_everywhere_gives_zeros(void **state)
{
    (void)state;
    const char *levels[N_LEVELS];
    int n = levels_to_test(levels), length = 300;
    team *t = team_new(1, NULL);
    for (int level = 0; level < n; level++) {
        use_level(levels[level]);
        batch b = batch_new(&length, 1, 1, 1, 16, ATTENTION_FULL, 0, true);
        for (int j = 0; j < length; j++) {
            b.bias.p[3 * length + j] = -INFINITY;                   /* query 3 sees nothing */
            b.bias.p[4 * length + j] = j == 280 ? 0.0f : -INFINITY; /* query 4 one late key */
            b.bias.p[5 * length + j] = j == 2 ? 1000.0f : -1000.0f; /* query 5 one early key */
        }
        b.qkv.p[9 * 48] = NAN; /* query 9 */
        run(t, &b);
        for (int l = 0; l < 16; l++) {
            assert_true(b.out.p[3 * 16 + l] == 0.0f);
            assert_near(b.out.p[4 * 16 + l], b.a.v[280 * 48 + l], 1e-7, "one late key");
            assert_near(b.out.p[5 * 16 + l], b.a.v[2 * 48 + l], 1e-7, "one early key");
            assert_true(isnan(b.out.p[9 * 16 + l]));
            assert_true(!isnan(b.out.p[10 * 16 + l]));
        }
        batch_free(&b);
    }
    team_free(t);
}

static void (*const checks[])(void **) = {
    values_are_near_those_in_double,
    sequences_do_not_depend_on_their_batch,
    spans_are_seen_as_they_say,
    masked_by_minus_infinity_everywhere_gives_zeros,
};

static void rounded_operands_pass_the_same_checks(void **state)
{
    rounds = true;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        checks[i](state);
    rounds = false;
}

static void operands_are_rounded_where_that_pays(void **state)
{
    (void)state;
    const char *levels[N_LEVELS];
    int n = levels_to_test(levels), length = 40;
    team *t = team_new(1, NULL);
    for (int level = 0; level < n; level++) {
        use_level(levels[level]);
        batch b = batch_new(&length, 1, 1, 1, 32, ATTENTION_FULL, 0, false);
        run(t, &b);
        edge exact = edge_new(b.out.n);
        memcpy(exact.p, b.out.p, b.out.n * sizeof(float));
        b.a.may_round = true;
        run(t, &b);
        bool expected = kernels.attention_bf16 != &attention_bf16_scalar ||
                        kernels.attention_f32 == &attention_f32_scalar;
        assert_int_equal(memcmp(exact.p, b.out.p, b.out.n * sizeof(float)) != 0, expected);
        edge_free(&exact);
        batch_free(&b);
    }
    team_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_near_those_in_double),
        cmocka_unit_test(sequences_do_not_depend_on_their_batch),
        cmocka_unit_test(spans_are_seen_as_they_say),
        cmocka_unit_test(bias_of_rows),
        cmocka_unit_test(masked_by_minus_infinity_everywhere_gives_zeros),
        cmocka_unit_test(rounded_operands_pass_the_same_checks),
        cmocka_unit_test(operands_are_rounded_where_that_pays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
