/* Detection, levels and the list of kernels. */
#include "harness.h"

#include "kernels/bench.h"

static void unknown_levels_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "avx", "AVX2", "avx512 ", "sse"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error e = {0};
        unsigned flags = CPU_AVX2 | CPU_NEON;
        assert_false(cpu_lower(&flags, wrong[i], &e));
        assert_int_equal(flags, CPU_AVX2 | CPU_NEON);
        assert_int_equal(e.kind, ERR_INVALID);
        char expected[64];
        snprintf(expected, sizeof expected, "expected scalar, %s, ", cpu_level_at(1));
        assert_non_null(strstr(e.message, expected));
    }
}

static void every_level_of_the_list_is_known(void **state)
{
    (void)state;
    int n = 0;
    for (; cpu_level_at(n); n++) {
        unsigned flags = 0;
        assert_true(cpu_lower(&flags, cpu_level_at(n), NULL));
        assert_int_equal(flags, 0);
    }
    assert_in_range(n, 2, 8); /* 8: what reachable_levels has room for */
}

#if defined(__aarch64__)
static void levels_lower_and_never_raise(void **state)
{
    (void)state;
    unsigned flags = CPU_NEON | CPU_DOTPROD | CPU_BF16;
    assert_true(cpu_lower(&flags, "bf16", NULL));
    assert_int_equal(flags, CPU_NEON | CPU_DOTPROD | CPU_BF16);
    assert_string_equal(cpu_level_name(flags), "bf16");
    assert_true(cpu_lower(&flags, "i8mm", NULL));
    assert_int_equal(flags, CPU_NEON | CPU_DOTPROD);
    assert_string_equal(cpu_level_name(flags), "dotprod");
    assert_true(cpu_lower(&flags, "neon", NULL));
    assert_int_equal(flags, CPU_NEON);
    assert_string_equal(cpu_level_name(flags), "neon");
    assert_true(cpu_lower(&flags, "scalar", NULL));
    assert_int_equal(flags, 0);
    assert_string_equal(cpu_level_name(0), "scalar");
}

static void neon_is_in_use_unless_lowered(void **state)
{
    (void)state;
    assert_true(cpu_detect() & CPU_NEON);
    assert_true(kernels_init_level("neon", NULL));
    assert_string_equal(kernels_level(), "neon");
    assert_ptr_equal(kernels.gemm_f32, &gemm_f32_neon);
    assert_ptr_equal(kernels.attention_f32, &attention_f32_neon);
    assert_ptr_equal(kernels.rows_f32, &rows_f32_neon);
}
#else
static void levels_lower_and_never_raise(void **state)
{
    (void)state;
    unsigned flags = CPU_AVX2 | CPU_AVX512 | CPU_AVX512_VNNI;
    assert_true(cpu_lower(&flags, "amx", NULL));
    assert_int_equal(flags, CPU_AVX2 | CPU_AVX512 | CPU_AVX512_VNNI);
    assert_string_equal(cpu_level_name(flags), "vnni");
    assert_true(cpu_lower(&flags, "avx512", NULL));
    assert_int_equal(flags, CPU_AVX2 | CPU_AVX512);
    assert_string_equal(cpu_level_name(flags), "avx512");
    assert_true(cpu_lower(&flags, "avx2", NULL));
    assert_string_equal(cpu_level_name(flags), "avx2");
    assert_true(cpu_lower(&flags, "scalar", NULL));
    assert_int_equal(flags, 0);
    assert_string_equal(cpu_level_name(0), "scalar");
}
#endif

static void the_environment_lowers_the_level(void **state)
{
    (void)state;
    setenv("CPU_MASK", "scalar", 1);
    assert_true(kernels_init(NULL));
    assert_string_equal(kernels_level(), "scalar");
    assert_ptr_equal(kernels.gemm_f32, &gemm_f32_scalar);
    assert_ptr_equal(kernels.attention_f32, &attention_f32_scalar);
    assert_ptr_equal(kernels.rows_f32, &rows_f32_scalar);
    error e = {0};
    setenv("CPU_MASK", "fast", 1);
    assert_false(kernels_init(&e));
    assert_non_null(strstr(e.message, "CPU_MASK"));
    assert_non_null(strstr(e.message, "'fast'"));
    unsetenv("CPU_MASK");
    assert_true(kernels_init(NULL));
}

#if defined(__x86_64__)
/* What the system tells of the processor is another witness. */
static void detection_agrees_with_the_system(void **state)
{
    (void)state;
    FILE *f = fopen("/proc/cpuinfo", "r");
    static char line[16384];
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "flags", 5) != 0)
            continue;
        unsigned flags = cpu_detect();
        assert_int_equal((flags & CPU_AVX2) != 0, strstr(line, " avx2 ") && strstr(line, " fma "));
        assert_int_equal((flags & CPU_AVX512) != 0, strstr(line, " avx512bw ") != NULL);
        assert_int_equal((flags & CPU_AVX512_VNNI) != 0, strstr(line, " avx512_vnni ") != NULL);
        assert_int_equal((flags & CPU_AVX512_BF16) != 0, strstr(line, " avx512_bf16 ") != NULL);
        assert_int_equal((flags & CPU_AMX_INT8) != 0, strstr(line, " amx_int8 ") != NULL);
        break;
    }
    if (f)
        fclose(f);
}
#endif

#if defined(__x86_64__)
/* A slow instruction is not chosen for attention either. */
static void attention_rounds_where_products_do(void **state)
{
    (void)state;
    assert_true(kernels_init(NULL));
    assert_int_equal(kernels.attention_bf16 == &attention_bf16_dpbf16,
                     kernels.gemm_bf16 == &gemm_bf16_dpbf16);
    assert_int_equal(kernels.attention_bf16 == &attention_bf16_amx,
                     kernels.gemm_bf16 == &gemm_bf16_amx);
    assert_true(kernels_init_level("avx512", NULL));
    assert_ptr_equal(kernels.attention_bf16, &attention_bf16_scalar);
    assert_true(kernels_init(NULL));
}
#endif

/* The list says of the tiles what the kernels say, and every family starts with its reference. */
static void rows_describe_their_kernels(void **state)
{
    (void)state;
    int count;
    const kernel_row *rows = kernel_rows(&count);
    const void **seen[16];
    int n_seen = 0;
    for (int i = 0; i < count; i++) {
        bool known = false;
        for (int j = 0; j < n_seen; j++)
            known = known || seen[j] == rows[i].slot;
        if (!known)
            seen[n_seen++] = rows[i].slot;
        assert_int_equal(rows[i].exactness == KERNEL_REFERENCE, !known);
        assert_int_equal(rows[i].cpu_flags == 0, !known);
        const int *tile = rows[i].functions; /* tile_m, tile_n lead the structs of tiled families */
        if (strcmp(rows[i].family, "rows_f32") != 0 && strcmp(rows[i].family, "conv_f32") != 0) {
            assert_int_equal(tile[0], rows[i].tile_m);
            assert_int_equal(tile[1], rows[i].tile_n);
        }
    }
    assert_int_equal(n_seen, sizeof kernels / sizeof(void *));
}

/* What would make a precision fast is named where it is not in use, and nowhere else. */
static void what_lacks_for_a_precision_is_named(void **state)
{
    (void)state;
    const char *levels[8];
    int n = reachable_levels(levels);
    for (int i = 0; i < n; i++) {
        assert_true(kernels_init_level(levels[i], NULL));
        const char *bf16 = kernels_variant("gemm_bf16"), *i8 = kernels_variant("gemm_i8");
        bool fast =
            strcmp(bf16, "dpbf16") == 0 || strcmp(bf16, "amx") == 0 || strcmp(bf16, "bfmmla") == 0;
        assert_int_equal(kernels_lacking("gemm_bf16") == NULL, fast);
        assert_int_equal(kernels_lacking("gemm_i8") == NULL, strcmp(i8, "scalar") != 0);
        assert_null(kernels_lacking("gemm_f32"));
    }
#if defined(__x86_64__)
    assert_true(kernels_init_level("avx2", NULL));
    assert_string_equal(kernels_lacking("gemm_bf16"), "AVX512-BF16 and AMX");
    assert_true(kernels_init_level("scalar", NULL));
    assert_string_equal(kernels_lacking("gemm_i8"), "AVX2, VNNI and AMX");
#endif
    assert_true(kernels_init_level(NULL, NULL));
}

static void the_peak_is_measured_without_changing_the_table(void **state)
{
    (void)state;
    team *t = team_new(1, NULL);
    kernel_table before = kernels;
    assert_true(kernels_peak_gflops(t) > 0); /* an emulated processor may have little of it */
    assert_memory_equal(&kernels, &before, sizeof before);
    team_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_levels_are_refused),
        cmocka_unit_test(every_level_of_the_list_is_known),
        cmocka_unit_test(levels_lower_and_never_raise),
#if defined(__aarch64__)
        cmocka_unit_test(neon_is_in_use_unless_lowered),
#endif
        cmocka_unit_test(the_environment_lowers_the_level),
#if defined(__x86_64__)
        cmocka_unit_test(detection_agrees_with_the_system),
#endif
#if defined(__x86_64__)
        cmocka_unit_test(attention_rounds_where_products_do),
#endif
        cmocka_unit_test(rows_describe_their_kernels),
        cmocka_unit_test(what_lacks_for_a_precision_is_named),
        cmocka_unit_test(the_peak_is_measured_without_changing_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
