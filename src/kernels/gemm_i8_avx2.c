/* The int8 GEMM kernels, AVX2. There are no saturating sums of bytes here: x is prepared as 16-bit
 * values, the weights are widened as they are loaded, and vpmaddwd adds exact products by twos.
 *
 * A tile has 4 rows and a panel, taken in halves of 8 columns: for each half 4 x 2 sums of 4
 * columns by 2 pairs of k. */
#include "kernels/simd_avx2.h"

#include "kernels/gemm_packed_simd.h"

enum { TILE_M = 4, TILE_N = PANEL_COLUMNS, HALVES = 2, HALF = 8, QUARTERS = 2, X_SIZE = 2 };

/* Sums of pairs, two columns after two in each half of the register -> sums of 8 columns. */
INLINE __m256i sum_pairs(__m256i low, __m256i high)
{
    return _mm256_permute4x64_epi64(_mm256_hadd_epi32(low, high), 0xd8);
}

INLINE void half_rows(int rows, const char *x, long ldx, const char *w, int steps, int32_t *c,
                      bool add, long ahead)
{
    __m256i s[TILE_M][QUARTERS];
    UNROLL
    for (int i = 0; i < rows; i++) {
        UNROLL
        for (int q = 0; q < QUARTERS; q++)
            s[i][q] = _mm256_setzero_si256();
    }
    for (long l = 0; l < steps; l++, w += PANEL_STEP_BYTES, x += STEP_BYTES * X_SIZE) {
        __m256i v[TILE_M];
        _mm_prefetch(w + ahead, _MM_HINT_T1);
        UNROLL
        for (int i = 0; i < rows; i++) {
            int64_t four;
            memcpy(&four, x + i * ldx, sizeof four);
            v[i] = _mm256_set1_epi64x(four);
        }
        UNROLL
        for (int q = 0; q < QUARTERS; q++) {
            __m128i bytes = _mm_load_si128((const __m128i *)(const void *)w + q);
            __m256i words = _mm256_cvtepi8_epi16(bytes);
            UNROLL
            for (int i = 0; i < rows; i++)
                s[i][q] = _mm256_add_epi32(s[i][q], _mm256_madd_epi16(v[i], words));
        }
    }
    UNROLL
    for (int i = 0; i < rows; i++) {
        __m256i sum = sum_pairs(s[i][0], s[i][1]);
        if (add)
            sum = _mm256_add_epi32(sum, vi_load(c + i * TILE_N));
        _mm256_store_si256((__m256i *)(void *)(c + i * TILE_N), sum);
    }
}

/* A function for each height, so that each loop has the registers to itself. */
#define TILE(rows)                                                                                 \
    static __attribute__((noinline)) void tile_##rows(const char *x, long ldx, const char *w,      \
                                                      int steps, int32_t *c, bool add, long ahead) \
    {                                                                                              \
        for (int half = 0; half < HALVES; half++)                                                  \
            half_rows(rows, x, ldx, w + half * HALF * STEP_BYTES, steps, c + half * HALF, add,     \
                      ahead);                                                                      \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)

static void tile(const void *x, long ldx, int m, const void *w, long panel_bytes, int n_panels,
                 int steps, void *c, bool add, long ahead)
{
    typedef void tile_fn(const char *x, long ldx, const char *w, int steps, int32_t *c, bool add,
                         long ahead);
    static tile_fn *const tiles[TILE_M] = {tile_1, tile_2, tile_3, tile_4};
    (void)panel_bytes, (void)n_panels;
    tiles[m - 1](x, ldx, w, steps, c, add, ahead);
}

static void prepare(const float *x, int k, void *to, float *scale)
{
    prepare_i8(WORDS, x, k, to, scale);
}

static void finish(const gemm_args *a, const gemm_sums *s, int row, int rows, int col, int cols)
{
    finish_tile(INTEGER_SUMS, TILE_N, a, s, row, rows, col, cols);
}

static double spin(long steps)
{
    enum { CHAINS = 12 };
    __m256i s[CHAINS], a = _mm256_setzero_si256();
    UNROLL
    for (int i = 0; i < CHAINS; i++)
        s[i] = a;
    for (long l = 0; l < steps; l += CHAINS) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            __asm__ volatile("" : "+x"(a)); /* the products are wanted anew */
            s[i] = _mm256_add_epi32(s[i], _mm256_madd_epi16(a, a));
            __asm__ volatile("" : "+x"(s[i])); /* each is wanted */
        }
    }
    return 2.0 * (double)steps * sizeof(__m256i) / X_SIZE;
}

const gemm_i8_kernels gemm_i8_avx2 = {
    .tile_m = TILE_M,
    .tile_n = TILE_N,
    .stream_m = STREAM_M,
    .x_size = X_SIZE,
    .prepare = prepare,
    .tile = tile,
    .finish = finish,
    .spin = spin,
};
