/* Decoders that put bytes together: ByteLevel and ByteFallback. */
#include "base/utf8.h"
#include "tokenizers/byte_level.h"
#include "tokenizers/decoder.h"

static const char replacement[] = "\xEF\xBF\xBD";

/* How many bytes at the start of s form one character (*is_valid) or the longest part of one: each
 * such part becomes one U+FFFD, as the Unicode Standard, 3.9, recommends. */
static size_t lossy_step(str s, bool *is_valid)
{
    size_t at = 0;
    *is_valid = utf8_next(s, &at) != UTF8_BAD;
    if (*is_valid)
        return at;
    const unsigned char *p = (const unsigned char *)s.p;
    size_t wanted = p[0] >= 0xF0 && p[0] <= 0xF4 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 1;
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    size_t n = 1;
    while (n < wanted - 1 && n < s.n && p[n] >= low && p[n] <= high) {
        low = 0x80;
        high = 0xBF;
        n++;
    }
    return n;
}

static bool put_lossy(str bytes, buf *out)
{
    for (bool is_valid; bytes.n;) {
        size_t n = lossy_step(bytes, &is_valid);
        buf_add(out, is_valid ? bytes.p : replacement, is_valid ? n : sizeof replacement - 1);
        bytes = str_skip(bytes, n);
    }
    return !out->full;
}

/* The bytes that a token spells; a token with any other character stands for itself. */
static void put_token(str token, buf *out)
{
    size_t before = out->n;
    for (size_t at = 0; at < token.n;) {
        int byte = byte_level_byte(unicode_next(token.p, &at));
        if (byte < 0) {
            out->n = before;
            buf_str(out, token);
            return;
        }
        buf_byte(out, (char)byte);
    }
}

static bool run_byte_level(const void *state, pieces *p, error *e)
{
    (void)state;
    own_buf buf bytes = buf_new(TEXT_MAX);
    own_buf buf lossy = buf_new(TEXT_MAX);
    for (int i = 0; i < p->n; i++)
        put_token(p->items[i], &bytes);
    bool ok = !bytes.full && put_lossy(buf_view(&bytes), &lossy);
    char *copy = ok ? arena_copy(p->memory, lossy.p ? lossy.p : "", lossy.n) : NULL;
    if (!copy)
        return fail(e, ERR_TOO_LARGE, "the decoded text is too long");
    p->items = arena_alloc(p->memory, sizeof *p->items);
    p->items[0] = (str){copy, lossy.n};
    p->n = 1;
    return true;
}

const struct decoder_kind decode_byte_level = {{"ByteLevel", NULL, 0, NULL}, run_byte_level};

/* The byte of "<0x41>", -1 for any other token. */
static int byte_of(str token)
{
    if (token.n != 6 || !str_starts(token, STR("<0x")) || token.p[5] != '>')
        return -1;
    int byte = 0;
    for (int i = 3; i < 5; i++) {
        char c = token.p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        byte = byte * 16 + digit;
    }
    return byte;
}

/* A run of bytes is one text, or that many U+FFFD when it is no UTF-8. */
static void put_run(str bytes, pieces *out)
{
    if (bytes.n && utf8_valid_prefix(bytes) == bytes.n) {
        out->items[out->n++] = bytes;
        return;
    }
    for (size_t i = 0; i < bytes.n; i++)
        out->items[out->n++] = STR(replacement);
}

static bool run_byte_fallback(const void *state, pieces *p, error *e)
{
    (void)state;
    pieces out = {arena_try(p->memory, (size_t)p->n + 1, sizeof *out.items), 0, p->memory};
    char *bytes = arena_try(p->memory, (size_t)p->n + 1, 1);
    if (!out.items || !bytes)
        return fail(e, ERR_TOO_LARGE, "the decoded text is too long");
    str run = {bytes, 0};
    for (int i = 0; i < p->n; i++) {
        int byte = byte_of(p->items[i]);
        if (byte >= 0) {
            bytes[(size_t)(run.p - bytes) + run.n++] = (char)byte;
            continue;
        }
        put_run(run, &out);
        run = (str){run.p + run.n, 0};
        out.items[out.n++] = p->items[i];
    }
    put_run(run, &out);
    *p = out;
    return true;
}

const struct decoder_kind decode_byte_fallback = {{"ByteFallback", NULL, 0, NULL},
                                                  run_byte_fallback};
