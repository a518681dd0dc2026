/* Products with quantised weights, AVX2: vectors of 32 codes in the order of the values. Codes are
 * unsigned, below 64, and so two products of them with x fit into 16 bits; Q8_0 moves the signs of
 * w to x. */
#include "kernels/simd_avx2.h"

#include "kernels/gemm_quantised_x.h"
#include "kernels/list.h"
#include "kernels/unroll.h"

enum { TILE_M = 4, TILE_N = 1, FETCH_BYTES = 1024 };

#define INLINE static inline __attribute__((always_inline))

static void quantise(enum quantised_type type, const float *x, int k, void *chunks)
{
    static const uint8_t in_order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    quantise_row(type, true, in_order, x, k, chunks);
}

INLINE uint16_t read_u16(const uint8_t *p)
{
    uint16_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

INLINE uint32_t read_u32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

INLINE __m256i load_32(const void *p)
{
    return _mm256_loadu_si256(p);
}

INLINE __m256i and_bits(__m256i a, int bits)
{
    return _mm256_and_si256(a, _mm256_set1_epi8((char)bits));
}

/* Bits from `from` on as bits 0 and on; bits of the neighbour come in above and must be masked. */
INLINE __m256i shift(__m256i a, int from)
{
    return from < 0 ? _mm256_slli_epi16(a, -from) : _mm256_srli_epi16(a, from);
}

/* 16 bytes of two codes each. */
INLINE __m256i nibbles(const uint8_t *p)
{
    __m128i both = _mm_loadu_si128((const void *)p);
    return and_bits(_mm256_set_m128i(_mm_srli_epi16(both, 4), both), 15);
}

/* 16 in each byte whose bit is set. */
INLINE __m256i fifth_bits(const uint8_t *p)
{
    const __m256i byte_of =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit_of = _mm256_set1_epi64x((long long)0x8040201008040201u);
    __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)read_u32(p)), byte_of);
    bytes = _mm256_and_si256(bytes, bit_of);
    return and_bits(_mm256_cmpeq_epi8(bytes, bit_of), 16);
}

INLINE __m256i small_codes(enum quantised_type type, const uint8_t *p)
{
    switch (type) {
    case QUANTISED_Q4_0:
        return nibbles(p + 2);
    case QUANTISED_Q4_1:
        return nibbles(p + 4);
    case QUANTISED_Q5_0:
        return _mm256_or_si256(nibbles(p + 6), fifth_bits(p + 2));
    case QUANTISED_Q5_1:
        return _mm256_or_si256(nibbles(p + 8), fifth_bits(p + 4));
    default:
        return load_32(p + 2);
    }
}

/* 16 sums of two products. */
INLINE __m256i pairs(enum quantised_type type, __m256i codes, const int8_t *x)
{
    __m256i q = load_32(x);
    if (type == QUANTISED_Q8_0)
        return _mm256_maddubs_epi16(_mm256_abs_epi8(codes), _mm256_sign_epi8(q, codes));
    return _mm256_maddubs_epi16(codes, q);
}

/* Four lanes, and zeros. */
INLINE __m256i four_of(const int32_t *p)
{
    return _mm256_zextsi128_si256(_mm_load_si128((const void *)p));
}

INLINE void small_row(enum quantised_type type, int m, const uint8_t *w, const char *chunks,
                      size_t row_size, int k, float *c, long ldc, bool add)
{
    const int bytes = quantised_formats[type].bytes;
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 sums[TILE_M];
    UNROLL
    for (int i = 0; i < m; i++)
        sums[i] = _mm256_setzero_ps();
    for (int b = 0; b < k / 32; b++, w += bytes) {
        __m256i codes = small_codes(type, w);
        float d = _cvtsh_ss(read_u16(w));
        bool has_m = type == QUANTISED_Q4_1 || type == QUANTISED_Q5_1;
        _mm_prefetch((const char *)w + FETCH_BYTES, _MM_HINT_T0);
        UNROLL
        for (int i = 0; i < m; i++) {
            const x_small *x = (const x_small *)(const void *)(chunks + (size_t)i * row_size);
            x += b / 4;
            __m256i dot = _mm256_madd_epi16(pairs(type, codes, x->q + b % 4 * 32), ones);
            dot = _mm256_add_epi32(dot, four_of(x->start + b % 4 * 4));
            __m256 scale = _mm256_set1_ps(d * x->d[b % 4 * 4]);
            sums[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot), scale, sums[i]);
            if (has_m) {
                __m256 sum = _mm256_zextps128_ps256(_mm_load_ps(x->sum + b % 4 * 4));
                sums[i] = _mm256_fmadd_ps(_mm256_set1_ps(_cvtsh_ss(read_u16(w + 2))), sum, sums[i]);
            }
        }
    }
    UNROLL
    for (int i = 0; i < m; i++)
        c[i * ldc] = add ? c[i * ldc] + vf_sum(sums[i]) : vf_sum(sums[i]);
}

/* What a K block has besides its codes: scales of the even parts in the lower lane and of the odd
 * ones in the upper one, 16 bits each; what the sums of x are multiplied by. */
typedef struct super {
    __m256i scales, minima;
    float d, dmin;
} super;

/* 16 bytes as 16-bit scales, even ones first. */
INLINE __m256i split_scales(__m128i scales)
{
    const __m128i even_odd = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    return _mm256_cvtepi8_epi16(_mm_shuffle_epi8(scales, even_odd));
}

INLINE super super_wide(const uint8_t *p)
{
    uint32_t a = read_u32(p + 4), b = read_u32(p + 8), c = read_u32(p + 12);
    __m128i scales =
        _mm_cvtsi64_si128((long long)((uint64_t)(c & 0x0f0f0f0f) << 32 |
                                      (uint64_t)(a >> 2 & 0x30303030) << 32 | (a & 0x3f3f3f3f)));
    __m128i minima =
        _mm_cvtsi64_si128((long long)((uint64_t)(c >> 4 & 0x0f0f0f0f) << 32 |
                                      (uint64_t)(b >> 2 & 0x30303030) << 32 | (b & 0x3f3f3f3f)));
    super s = {.d = _cvtsh_ss(read_u16(p)), .dmin = _cvtsh_ss(read_u16(p + 2))};
    __m128i eight = _mm_cvtepu8_epi16(scales);
    s.scales = _mm256_set_m128i(eight, eight);
    s.minima = _mm256_zextsi128_si256(_mm_cvtepu8_epi16(minima));
    return s;
}

INLINE super super_q2(const uint8_t *p)
{
    __m128i both = _mm_loadu_si128((const void *)p), low = _mm_set1_epi8(15);
    super s = {.d = _cvtsh_ss(read_u16(p + 80)), .dmin = _cvtsh_ss(read_u16(p + 82))};
    s.scales = split_scales(_mm_and_si128(both, low));
    s.minima = _mm256_cvtepu8_epi16(_mm_and_si128(_mm_srli_epi16(both, 4), low));
    return s;
}

/* Codes of Q3_K are 4 too large, those of Q6_K 32. */
INLINE super super_q3(const uint8_t *p)
{
    uint32_t a = read_u32(p + 96), b = read_u32(p + 100), c = read_u32(p + 104);
    const uint32_t low = 0x0f0f0f0f, two = 0x03030303;
    __m128i scales = _mm_setr_epi32(
        (int)((a & low) | (c & two) << 4), (int)((b & low) | (c >> 2 & two) << 4),
        (int)((a >> 4 & low) | (c >> 4 & two) << 4), (int)((b >> 4 & low) | (c >> 6 & two) << 4));
    scales = _mm_sub_epi8(scales, _mm_set1_epi8(32));
    super s = {.d = _cvtsh_ss(read_u16(p + 108)), .scales = split_scales(scales)};
    s.minima = _mm256_slli_epi16(_mm256_cvtepi8_epi16(scales), 2);
    s.dmin = s.d;
    return s;
}

INLINE super super_q6(const uint8_t *p)
{
    __m128i scales = _mm_loadu_si128((const void *)(p + 192));
    super s = {.d = _cvtsh_ss(read_u16(p + 208)), .scales = split_scales(scales)};
    s.minima = _mm256_slli_epi16(_mm256_cvtepi8_epi16(scales), 5);
    s.dmin = s.d;
    return s;
}

INLINE super read_super(enum quantised_type type, const uint8_t *p)
{
    return type == QUANTISED_Q2_K   ? super_q2(p)
           : type == QUANTISED_Q3_K ? super_q3(p)
           : type == QUANTISED_Q6_K ? super_q6(p)
                                    : super_wide(p);
}

/* Codes of the values 32 i .. 32 i + 31. */
INLINE __m256i large_codes(enum quantised_type type, const uint8_t *p, int i)
{
    __m256i low, high;
    switch (type) {
    case QUANTISED_Q2_K:
        return and_bits(shift(load_32(p + 16 + i / 4 * 32), i % 4 * 2), 3);
    case QUANTISED_Q3_K:
        low = and_bits(shift(load_32(p + 32 + i / 4 * 32), i % 4 * 2), 3);
        high = and_bits(shift(load_32(p), i - 2), 4);
        break;
    case QUANTISED_Q4_K:
        return and_bits(shift(load_32(p + 16 + i / 2 * 32), i % 2 * 4), 15);
    case QUANTISED_Q5_K:
        low = and_bits(shift(load_32(p + 48 + i / 2 * 32), i % 2 * 4), 15);
        high = and_bits(shift(load_32(p + 16), i - 4), 16);
        break;
    default:
        low = and_bits(shift(load_32(p + i / 4 * 64 + i % 2 * 32), i % 4 / 2 * 4), 15);
        high = and_bits(shift(load_32(p + 128 + i / 4 * 32), i % 4 * 2 - 4), 48);
        break;
    }
    return _mm256_or_si256(low, high);
}

INLINE void large_block(enum quantised_type type, int m, const uint8_t *w, const char *chunks,
                        size_t row_size, int b, __m256 *sums)
{
    super s = read_super(type, w);
    __m256i dots[TILE_M];
    UNROLL
    for (int i = 0; i < m; i++)
        dots[i] = _mm256_setzero_si256();
    UNROLL
    for (int v = 0; v < 8; v++) {
        __m256i codes = large_codes(type, w, v);
        __m256i scale =
            _mm256_shuffle_epi8(s.scales, _mm256_set1_epi16((short)((2 * v + 1) << 8 | 2 * v)));
        UNROLL
        for (int i = 0; i < m; i++) {
            const x_large *x = (const x_large *)(const void *)(chunks + (size_t)i * row_size) + b;
            __m256i dot = _mm256_madd_epi16(pairs(type, codes, x->q + v * 32), scale);
            dots[i] = _mm256_add_epi32(dots[i], dot);
        }
    }
    UNROLL
    for (int i = 0; i < m; i++) {
        const x_large *x = (const x_large *)(const void *)(chunks + (size_t)i * row_size) + b;
        __m256 minima = _mm256_cvtepi32_ps(_mm256_madd_epi16(s.minima, load_32(x->sums)));
        minima = _mm256_mul_ps(minima, _mm256_set1_ps(s.dmin));
        __m256 dot = _mm256_fmsub_ps(_mm256_cvtepi32_ps(dots[i]), _mm256_set1_ps(s.d), minima);
        sums[i] = _mm256_fmadd_ps(dot, _mm256_set1_ps(x->d), sums[i]);
    }
}

INLINE void large_row(enum quantised_type type, int m, const uint8_t *w, const char *chunks,
                      size_t row_size, int k, float *c, long ldc, bool add)
{
    const int bytes = quantised_formats[type].bytes;
    __m256 sums[TILE_M];
    UNROLL
    for (int i = 0; i < m; i++)
        sums[i] = _mm256_setzero_ps();
    for (int b = 0; b < k / 256; b++, w += bytes) {
        UNROLL
        for (int line = 0; line < 4; line++)
            _mm_prefetch((const char *)w + FETCH_BYTES + 64 * line, _MM_HINT_T0);
        large_block(type, m, w, chunks, row_size, b, sums);
    }
    UNROLL
    for (int i = 0; i < m; i++)
        c[i * ldc] = add ? c[i * ldc] + vf_sum(sums[i]) : vf_sum(sums[i]);
}

typedef void row_fn(const uint8_t *w, const char *chunks, size_t row_size, int k, float *c,
                    long ldc, bool add);

/* A function for each type and number of rows. */
#define ROW(size, type, m)                                                                         \
    static __attribute__((noinline)) void row_##type##_##m(const uint8_t *w, const char *chunks,   \
                                                           size_t row_size, int k, float *c,       \
                                                           long ldc, bool add)                     \
    {                                                                                              \
        size##_row(QUANTISED_##type, m, w, chunks, row_size, k, c, ldc, add);                      \
    }
#define ROWS(size, type) ROW(size, type, 1) ROW(size, type, 2) ROW(size, type, 3) ROW(size, type, 4)
#define NAMES(type)                                                                                \
    {                                                                                              \
        row_##type##_1, row_##type##_2, row_##type##_3, row_##type##_4                             \
    }

ROWS(small, Q4_0)
ROWS(small, Q4_1)
ROWS(small, Q5_0)
ROWS(small, Q5_1)
ROWS(small, Q8_0)
ROWS(large, Q2_K)
ROWS(large, Q3_K)
ROWS(large, Q4_K)
ROWS(large, Q5_K)
ROWS(large, Q6_K)

static void dot(enum quantised_type type, const void *chunks, size_t row_size, int m,
                const uint8_t *w, size_t w_size, int n, int k, float *c, long ldc, bool add)
{
    static row_fn *const rows[N_QUANTISED_TYPES][TILE_M] = {
        NAMES(Q4_0), NAMES(Q4_1), NAMES(Q5_0), NAMES(Q5_1), NAMES(Q8_0),
        NAMES(Q2_K), NAMES(Q3_K), NAMES(Q4_K), NAMES(Q5_K), NAMES(Q6_K),
    };
    const quantised_format *f = &quantised_formats[type];
    for (int j = 0; j < n; j++, w += w_size, c++) {
        for (int l = 0; l < k; l += GEMM_QUANTISED_BLOCK) {
            const char *x = (const char *)chunks + chunks_size(type, l);
            int values = k - l < GEMM_QUANTISED_BLOCK ? k - l : GEMM_QUANTISED_BLOCK;
            rows[type][m - 1](w + l / f->values * f->bytes, x, row_size, values, c, ldc,
                              add || l > 0);
        }
        for (int i = 0; k == 0 && !add && i < m; i++)
            c[i * ldc] = 0;
    }
}

const gemm_quantised_kernels gemm_quantised_avx2 = {TILE_M, TILE_N, quantise, dot};
