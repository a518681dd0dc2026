/* Products with quantised weights, AVX-512 VNNI: vectors of 64 codes, in an order in which they
 * come out of the blocks with few steps; x is laid out in the same order. */
#include "kernels/simd_avx512.h"

#include "kernels/gemm_quantised_x86.h"

enum { TILE_M = 8, TILE_N = 1 };

/* Where the runs of 16 values of the vectors come from. Small blocks: the first halves of four
 * blocks, then the second ones. Q4_K, Q5_K: the low halves of 64 bytes, the high ones, and so on.
 * Q2_K, Q3_K: two bits at a time of all 64 bytes. */
static const uint8_t small_units[16] = {0, 2, 4, 6, 1, 3, 5, 7};
static const uint8_t nibble_units[16] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};
static const uint8_t pair_units[16] = {0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15};
static const uint8_t in_order[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

INLINE const uint8_t *units_of(enum quantised_type type)
{
    switch (type) {
    case QUANTISED_Q2_K:
    case QUANTISED_Q3_K:
        return pair_units;
    case QUANTISED_Q4_K:
    case QUANTISED_Q5_K:
        return nibble_units;
    case QUANTISED_Q6_K:
        return in_order;
    default:
        return small_units;
    }
}

static void quantise(enum quantised_type type, const float *x, int k, void *chunks)
{
    quantise_row(type, false, units_of(type), x, k, chunks);
}

INLINE __m512i and_bits(__m512i a, int bits)
{
    return _mm512_and_si512(a, _mm512_set1_epi8((char)bits));
}

/* Four times 16 bits, `step` bytes apart. */
INLINE uint64_t gather_16(const uint8_t *p, int step)
{
    return read_u16(p) | (uint64_t)read_u16(p + step) << 16 |
           (uint64_t)read_u16(p + 2 * step) << 32 | (uint64_t)read_u16(p + 3 * step) << 48;
}

/* Four halves, `step` bytes apart, each in four lanes. */
INLINE __m512 gather_halves(const uint8_t *p, int step)
{
    const __m512i lanes = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    __m128 four = _mm_cvtph_ps(_mm_cvtsi64_si128((long long)gather_16(p, step)));
    return _mm512_permutexvar_ps(lanes, _mm512_castps128_ps512(four));
}

/* Four runs of 16 bytes, `step` bytes apart. */
INLINE __m512i gather_runs(const uint8_t *p, int step)
{
    __m512i all = _mm512_castsi128_si512(_mm_loadu_si128((const void *)p));
    all = _mm512_inserti32x4(all, _mm_loadu_si128((const void *)(p + step)), 1);
    all = _mm512_inserti32x4(all, _mm_loadu_si128((const void *)(p + 2 * step)), 2);
    return _mm512_inserti32x4(all, _mm_loadu_si128((const void *)(p + 3 * step)), 3);
}

/* Four small blocks: the codes of their first and second halves. */
INLINE void small_codes(enum quantised_type type, const uint8_t *p, __m512i codes[2])
{
    const int step = block_bytes(type);
    bool has_m = type == QUANTISED_Q4_1 || type == QUANTISED_Q5_1;
    bool five = type == QUANTISED_Q5_0 || type == QUANTISED_Q5_1;
    p += has_m ? 4 : 2;
    if (type == QUANTISED_Q8_0) {
        codes[0] = _mm512_xor_si512(gather_runs(p, step), _mm512_set1_epi8(-128));
        codes[1] = _mm512_xor_si512(gather_runs(p + 16, step), _mm512_set1_epi8(-128));
        return;
    }
    __m512i both = gather_runs(five ? p + 4 : p, step);
    codes[0] = and_bits(both, 15);
    codes[1] = and_bits(_mm512_srli_epi16(both, 4), 15);
    if (five) {
        const __m512i sixteen = _mm512_set1_epi8(16);
        codes[0] = _mm512_mask_add_epi8(codes[0], gather_16(p, step), codes[0], sixteen);
        codes[1] = _mm512_mask_add_epi8(codes[1], gather_16(p + 2, step), codes[1], sixteen);
    }
}

INLINE void small_chunk(enum quantised_type type, int m, const uint8_t *w, const char *chunks,
                        size_t row_size, int b, __m512 *sums)
{
    const int step = block_bytes(type);
    bool has_m = type == QUANTISED_Q4_1 || type == QUANTISED_Q5_1;
    __m512i codes[2];
    small_codes(type, w, codes);
    __m512 d = gather_halves(w, step);
    __m512 minimum = has_m ? gather_halves(w + 2, step) : d;
    UNROLL
    for (int i = 0; i < m; i++) {
        const x_small *x = (const x_small *)(const void *)(chunks + (size_t)i * row_size) + b;
        __m512i dot =
            _mm512_dpbusd_epi32(_mm512_loadu_si512(x->start), codes[0], _mm512_loadu_si512(x->q));
        dot = _mm512_dpbusd_epi32(dot, codes[1], _mm512_loadu_si512(x->q + 64));
        __m512 scale = _mm512_mul_ps(d, _mm512_loadu_ps(x->d));
        sums[i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), scale, sums[i]);
        if (has_m)
            sums[i] = _mm512_fmadd_ps(minimum, _mm512_loadu_ps(x->sum), sums[i]);
    }
}

INLINE const uint8_t *small_blocks(enum quantised_type type, int m, const uint8_t *w,
                                   const char *chunks, size_t row_size, int k, vf *sums)
{
    const int bytes = block_bytes(type);
    int b = 0;
    for (; b < k / 128; b++, w += 4 * bytes) {
        fetch_blocks(w, 4 * bytes);
        small_chunk(type, m, w, chunks, row_size, b, sums);
    }
    if (k % 128) { /* one to three blocks: the others have scales of 0 */
        uint8_t rest[4 * 34] = {0};
        memcpy(rest, w, (size_t)(k % 128 / 32 * bytes));
        small_chunk(type, m, rest, chunks, row_size, b, sums);
    }
    return w;
}

QUANTISED_ROW(small_row, small_blocks)

/* 16 bits each, in the order of the parts. */
typedef __m256i wide_scales;

INLINE wide_scales wide_eight(__m128i scales)
{
    return _mm256_zextsi128_si256(_mm_cvtepu8_epi16(scales));
}

INLINE wide_scales wide_sixteen(__m128i scales)
{
    return _mm256_cvtepi8_epi16(scales);
}

#include "kernels/gemm_quantised_super.h"

/* 32 bytes twice, the second time shifted down. Bits of neighbours come in above. */
INLINE __m512i twice(const uint8_t *p, int upper_shift)
{
    __m512i both = _mm512_broadcast_i64x4(_mm256_loadu_si256((const void *)p));
    __m256i up = _mm256_set1_epi16((short)upper_shift);
    return _mm512_srlv_epi16(both, _mm512_inserti64x4(_mm512_setzero_si512(), up, 1));
}

/* codes | (bits & mask) */
INLINE __m512i add_bits(__m512i codes, __m512i bits, int mask)
{
    return _mm512_ternarylogic_epi32(codes, bits, _mm512_set1_epi8((char)mask), 0xf8);
}

/* Loaded once, not with each shift: blocks lie across lines. */
INLINE __m512i load_once(const uint8_t *p)
{
    __m512i all = _mm512_loadu_si512(p);
    __asm__("" : "+v"(all));
    return all;
}

/* 64 bytes at p hold vectors at, at + 1 in their halves. */
INLINE void nibble_codes(const uint8_t *p, __m512i codes[4], int at)
{
    __m512i both = load_once(p);
    codes[at] = and_bits(both, 15);
    codes[at + 1] = and_bits(_mm512_srli_epi16(both, 4), 15);
}

INLINE void pair_codes(const uint8_t *p, __m512i codes[4])
{
    __m512i all = load_once(p);
    UNROLL
    for (int i = 0; i < 4; i++)
        codes[i] = and_bits(_mm512_srli_epi16(all, (unsigned)(2 * i)), 3);
}

INLINE void large_codes(enum quantised_type type, const uint8_t *p, __m512i codes[4])
{
    if (type == QUANTISED_Q2_K) {
        pair_codes(p + 16, codes);
    } else if (type == QUANTISED_Q3_K) {
        pair_codes(p + 32, codes);
        __m512i high = twice(p, 4);
        codes[0] = add_bits(codes[0], _mm512_slli_epi16(high, 2), 4);
        codes[1] = add_bits(codes[1], _mm512_slli_epi16(high, 1), 4);
        codes[2] = add_bits(codes[2], high, 4);
        codes[3] = add_bits(codes[3], _mm512_srli_epi16(high, 1), 4);
    } else if (type == QUANTISED_Q6_K) {
        nibble_codes(p, codes, 0);
        nibble_codes(p + 64, codes, 2);
        __m512i first = twice(p + 128, 2), second = twice(p + 160, 2);
        codes[0] = add_bits(codes[0], _mm512_slli_epi16(first, 4), 48);
        codes[1] = add_bits(codes[1], first, 48);
        codes[2] = add_bits(codes[2], _mm512_slli_epi16(second, 4), 48);
        codes[3] = add_bits(codes[3], second, 48);
    } else {
        bool five = type == QUANTISED_Q5_K;
        nibble_codes(five ? p + 48 : p + 16, codes, 0);
        nibble_codes(five ? p + 112 : p + 80, codes, 2);
        if (five) {
            __m512i high = twice(p + 16, 2);
            codes[0] = add_bits(codes[0], _mm512_slli_epi16(high, 4), 16);
            codes[1] = add_bits(codes[1], _mm512_slli_epi16(high, 3), 16);
            codes[2] = add_bits(codes[2], high, 16);
            codes[3] = add_bits(codes[3], _mm512_srli_epi16(high, 1), 16);
        }
    }
}

/* The scale of vector v's run of 16 codes in quarter q of a register. */
INLINE uint64_t scale_at(enum quantised_type type, int v, int q)
{
    return units_of(type)[4 * v + q] >> (type == QUANTISED_Q4_K || type == QUANTISED_Q5_K);
}

/* Four words of vector v's scale, or two each of vectors v and v + 1. */
INLINE long long four_words(enum quantised_type type, int v, int q)
{
    return (long long)(scale_at(type, v, q) * 0x1000100010001u);
}

INLINE long long two_words(int v, int q)
{
    return (long long)(scale_at(QUANTISED_Q2_K, v, q) * 0x10001u |
                       scale_at(QUANTISED_Q2_K, v + 1, q) * 0x1000100000000u | 0x8000800080008000u);
}

/* The scales of vectors v and v + 1, for the words of their sums. */
INLINE __m512i spread_scales(enum quantised_type type, wide_scales scales, int v)
{
    const __m512i words = _mm512_set_epi64(four_words(type, v + 1, 3), four_words(type, v, 3),
                                           four_words(type, v + 1, 2), four_words(type, v, 2),
                                           four_words(type, v + 1, 1), four_words(type, v, 1),
                                           four_words(type, v + 1, 0), four_words(type, v, 0));
    return _mm512_permutexvar_epi16(words, _mm512_zextsi256_si512(scales));
}

/* The scales of all four vectors of Q2_K, two words each in a quarter. */
INLINE __m512i spread_pairs(const uint8_t *p)
{
    const __m512i bytes =
        _mm512_set_epi64(two_words(2, 3), two_words(0, 3), two_words(2, 2), two_words(0, 2),
                         two_words(2, 1), two_words(0, 1), two_words(2, 0), two_words(0, 0));
    __m512i both = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)p));
    return _mm512_shuffle_epi8(and_bits(both, 15), bytes);
}

/* The codes of Q2_K times their scales, at most 45: looked up among 0, 1, 2 and 3 times the scale,
 * which are the four bytes v of a quarter for vector v. */
INLINE void scaled_pairs(const uint8_t *p, __m512i products, __m512i codes[4])
{
    __m512i all = load_once(p), three = _mm512_set1_epi8(3);
    UNROLL
    for (int v = 0; v < 4; v++) {
        __m512i at = _mm512_ternarylogic_epi32(_mm512_srli_epi16(all, (unsigned)(2 * v)), three,
                                               _mm512_set1_epi8((char)(4 * v)), 0xea);
        codes[v] = _mm512_shuffle_epi8(products, at);
    }
}

/* K blocks are taken apart by twos for one row, step by step: what one waits for, the other fills,
 * as a processor looks ahead over little more than a block. */
enum { BLOCKS = 2 };

/* scales: of vectors 0 and 1, 2 and 3; Q2_K: its codes are multiplied by them already. */
typedef struct large {
    __m512i codes[BLOCKS][4], scales[BLOCKS][2];
    __m256i minima[BLOCKS];
    __m128 d[BLOCKS];
} large;

INLINE void read_large(enum quantised_type type, int n, const uint8_t *w, large *b)
{
    const int bytes = block_bytes(type);
    super s[BLOCKS];
    UNROLL
    for (int u = 0; u < n; u++) {
        s[u] = read_super(type, w + u * bytes);
        b->minima[u] = s[u].minima;
        b->d[u] = s[u].d;
    }
    UNROLL
    for (int u = 0; u < n; u++) {
        if (type == QUANTISED_Q2_K) {
            b->scales[u][0] =
                _mm512_mullo_epi16(spread_pairs(w + u * bytes), _mm512_set1_epi32(0x03020100));
        } else {
            b->scales[u][0] = spread_scales(type, s[u].scales, 0);
            b->scales[u][1] = spread_scales(type, s[u].scales, 2);
        }
    }
    UNROLL
    for (int u = 0; u < n; u++) {
        if (type == QUANTISED_Q2_K)
            scaled_pairs(w + u * bytes + 16, b->scales[u][0], b->codes[u]);
        else
            large_codes(type, w + u * bytes, b->codes[u]);
    }
}

/* Sums of products, of n blocks. Sums of four fit into 16 bits. */
INLINE void large_dots(enum quantised_type type, int n, const large *b, const x_large *x,
                       __m512i *sums)
{
    const __m512i zero = _mm512_setzero_si512();
    __m512i dots[BLOCKS][4];
    UNROLL
    for (int v = 0; v < 4; v++) {
        bool goes_on = type == QUANTISED_Q2_K && v >= 2;
        UNROLL
        for (int u = 0; u < n; u++)
            dots[u][v] = _mm512_dpbusd_epi32(goes_on ? dots[u][v - 2] : zero, b->codes[u][v],
                                             _mm512_loadu_si512(x[u].q + 64 * v));
    }
    UNROLL
    for (int u = 0; u < n; u++) {
        if (type == QUANTISED_Q2_K) {
            sums[u] = _mm512_add_epi32(dots[u][2], dots[u][3]);
            continue;
        }
        __m512i first = _mm512_packs_epi32(dots[u][0], dots[u][1]);
        __m512i second = _mm512_packs_epi32(dots[u][2], dots[u][3]);
        sums[u] = _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(zero, first, b->scales[u][0]), second,
                                      b->scales[u][1]);
    }
}

INLINE void large_step(enum quantised_type type, int m, int n, const uint8_t *w, const char *chunks,
                       size_t row_size, __m512 *sums, __m256 *less)
{
    large b;
    read_large(type, n, w, &b);
    UNROLL
    for (int i = 0; i < m; i++) {
        const x_large *x = (const x_large *)(const void *)(chunks + (size_t)i * row_size);
        __m512i dots[BLOCKS];
        large_dots(type, n, &b, x, dots);
        UNROLL
        for (int u = 0; u < n; u++) {
            _Alignas(16) float d[4];
            scale_both(b.d[u], &x[u], d);
            sums[i] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[u]), _mm512_set1_ps(d[0]), sums[i]);
            __m256i minima =
                _mm256_madd_epi16(b.minima[u], _mm256_loadu_si256((const void *)x[u].sums));
            less[i] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(minima), _mm256_set1_ps(d[1]), less[i]);
        }
    }
}

INLINE const uint8_t *large_blocks(enum quantised_type type, int m, const uint8_t *w,
                                   const char *chunks, size_t row_size, int k, vf *sums)
{
    const int bytes = block_bytes(type), n = m == 1 ? BLOCKS : 1;
    __m256 less[TILE_M];
    UNROLL
    for (int i = 0; i < m; i++)
        less[i] = _mm256_setzero_ps();
    int b = 0;
    for (; b + n <= k / 256; b += n, w += n * bytes, chunks += n * GEMM_QUANTISED_CHUNK) {
        fetch_blocks(w, n * bytes);
        large_step(type, m, n, w, chunks, row_size, sums, less);
    }
    for (; b < k / 256; b++, w += bytes, chunks += GEMM_QUANTISED_CHUNK)
        large_step(type, m, 1, w, chunks, row_size, sums, less);
    UNROLL
    for (int i = 0; i < m; i++)
        sums[i] = _mm512_sub_ps(sums[i], _mm512_zextps256_ps512(less[i]));
    return w;
}

QUANTISED_ROW(large_row, large_blocks)

ALL_ROWS(ROWS_8, NAMES_8)

static void dot(enum quantised_type type, const void *chunks, size_t row_size, int m,
                const uint8_t *w, size_t w_size, int n, int k, float *c, long ldc, bool add)
{
    dot_rows(rows[type], type, chunks, row_size, m, w, w_size, n, k, c, ldc, add);
}

const gemm_quantised_kernels gemm_quantised_vnni = {TILE_M, TILE_N, quantise, dot};
