/* Vector exp, tanh, the normal distribution and their relatives on every instruction set: units in
 * the last place against double, over all exponents of both signs, denormals and what is not
 * finite. The bounds are those that math_simd.h states. */
#include "harness.h"

#include "math_probe.h"

enum { PER_EXPONENT = 1 << 12, LANES_MOST = 16 };

static const struct {
    const char *name;
    unsigned cpu_flags;
    math_probe *run;
} variants[] = {
#if defined(__x86_64__)
    {"avx2", CPU_AVX2, math_probe_avx2},
    {"avx512", CPU_AVX2 | CPU_AVX512, math_probe_avx512},
#elif defined(__aarch64__)
    {"neon", CPU_NEON, math_probe_neon},
#endif
    {NULL, 0, NULL},
};

/* What a function may be off by: units in the last place of the exact value's float, and what
 * matters near 0. `most`: arguments above are not asked for. */
static const struct function {
    const char *name;
    double ulp, absolute, most;
    double at_infinity, at_minus_infinity;
} functions[N_MATH_FUNCTIONS] = {
    [MATH_EXP] = {"exp", 1.1, 0, INFINITY, INFINITY, 0},
    [MATH_EXP_LESS_ONE] = {"exp - 1", 1.1, 0, 0, NAN, -1},
    [MATH_SOFTPLUS] = {"softplus", 3.5, 0, INFINITY, INFINITY, 0},
    [MATH_EXP2_DOWN] = {"exp2", 2.2, 0x1p-126, 0, NAN, 0},
    [MATH_TANH] = {"tanh", 1.5, 0, INFINITY, 1, -1},
    [MATH_GELU_NEAR] = {"GELU nearly", 84, 5e-5, INFINITY, INFINITY, NAN},
    [MATH_PHI] = {"normal distribution", 7, 3e-8, INFINITY, 1, 0},
};

static double exact(enum math_function f, double x)
{
    switch (f) {
    case MATH_EXP:
        return exp(x);
    case MATH_EXP_LESS_ONE:
        return expm1(x);
    case MATH_SOFTPLUS:
        return fmax(x, 0) + log1p(exp(-fabs(x)));
    case MATH_EXP2_DOWN:
        return exp2(x);
    case MATH_TANH:
        return tanh(x);
    case MATH_GELU_NEAR:
        return x * erfc(-x * 0.70710678118654752440) / 2;
    default:
        return erfc(-x * 0.70710678118654752440) / 2;
    }
}

/* The distance of floats near y, those of denormals too. */
static double unit_at(double y)
{
    int exponent;
    frexp(y, &exponent);
    return ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static double worst; /* of the function and variant at hand */

static void check_value(int variant, enum math_function f, float x, float y)
{
    double expected = exact(f, x), unit = unit_at(expected), off = fabs(y - expected);
    if (expected >= 0x1.ffffffp127) {
        assert_true(y == INFINITY);
        return;
    }
    worst = off > functions[f].absolute && off / unit > worst ? off / unit : worst;
    if (!(off <= functions[f].absolute || off / unit <= functions[f].ulp))
        fail_msg("%s of %.9g, %s: found %.9g, expected %.9g, %.2f units off", functions[f].name,
                 (double)x, variants[variant].name, (double)y, expected, off / unit);
}

/* Every exponent, denormals first, with mantissas from one end to the other. */
static void check_exponents(int variant, enum math_function f)
{
    int per_exponent = PER_EXPONENT / (sizes_step() > 1 ? 16 : 1);
    edge x = edge_new((size_t)per_exponent), y = edge_new((size_t)per_exponent);
    for (uint32_t sign_exponent = 0; sign_exponent < 512; sign_exponent++) {
        if (sign_exponent % 256 == 255)
            continue;
        for (int i = 0; i < per_exponent; i++) {
            uint32_t step = (1u << 23) / (uint32_t)per_exponent;
            uint32_t mantissa = (uint32_t)i * step + random_bits() % step;
            uint32_t bits = sign_exponent << 23 | mantissa;
            memcpy(&x.p[i], &bits, sizeof bits);
        }
        if (x.p[0] > functions[f].most)
            continue;
        variants[variant].run(f, x.p, y.p, per_exponent);
        for (int i = 0; i < per_exponent; i++)
            check_value(variant, f, x.p[i], y.p[i]);
    }
    edge_free(&x), edge_free(&y);
}

static void check_ends(int variant, enum math_function f)
{
    float x[LANES_MOST] = {NAN,        INFINITY,  -INFINITY,  0.0f,  -0.0f,     0x1p-149f,
                           -0x1p-149f, 0x1p-126f, -0x1p-126f, -NAN,  88.72283f, 88.72284f,
                           -87.3f,     -103.9f,   -104.1f,    -88.0f};
    float y[LANES_MOST];
    variants[variant].run(f, x, y, LANES_MOST);
    assert_true(isnan(y[0]) && isnan(y[9]));
    if (!isnan(functions[f].at_infinity))
        assert_true((double)y[1] == functions[f].at_infinity);
    if (!isnan(functions[f].at_minus_infinity))
        assert_true((double)y[2] == functions[f].at_minus_infinity);
    for (int i = 3; i < LANES_MOST; i++) {
        if (i != 9 && (double)x[i] <= functions[f].most)
            check_value(variant, f, x[i], y[i]);
    }
}

static void functions_are_within_their_bounds(void **state)
{
    (void)state;
    for (int v = 0; variants[v].name; v++) {
        if ((variants[v].cpu_flags & cpu_detect()) != variants[v].cpu_flags)
            continue;
        for (int f = 0; f < N_MATH_FUNCTIONS; f++) {
            worst = 0;
            check_exponents(v, (enum math_function)f);
            check_ends(v, (enum math_function)f);
            print_message("%s, %s: %.3f units at most\n", functions[f].name, variants[v].name,
                          worst);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(functions_are_within_their_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
