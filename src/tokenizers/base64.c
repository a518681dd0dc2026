#include "tokenizers/base64.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>

enum { BAD = 64, MAX_BYTES = 1 << 28 };

static void fill_values(unsigned char values[256])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memset(values, BAD, 256);
    for (int i = 0; i < BAD; i++)
        values[(unsigned char)alphabet[i]] = (unsigned char)i;
}

bool base64_decode(str text, str *out, arena *a, error *e)
{
    unsigned char values[256];
    fill_values(values);
    size_t n_padding = 0;
    while (n_padding < 2 && n_padding < text.n && text.p[text.n - 1 - n_padding] == '=')
        n_padding++;
    if (text.n % 4 || text.n > MAX_BYTES)
        return fail(e, ERR_BAD_MODEL, "base64 of %zu characters, expected a multiple of 4", text.n);
    size_t n = text.n / 4 * 3;
    unsigned char *bytes = arena_raw(a, n + 1, 1);
    if (!bytes)
        return fail(e, ERR_BAD_MODEL, "%zu bytes of base64 are too many", n);
    unsigned bad = 0, unused = 0;
    for (size_t i = 0; i < text.n; i += 4) {
        uint32_t group = 0;
        size_t n_here = i + 4 == text.n ? 4 - n_padding : 4;
        for (size_t k = 0; k < 4; k++) {
            unsigned value = k < n_here ? values[(unsigned char)text.p[i + k]] : 0;
            bad |= value;
            group = group << 6 | (value & 63);
        }
        unused = n_here == 3 ? group & 0xFF : n_here == 2 ? group & 0xFFFF : 0;
        bytes[i / 4 * 3] = (unsigned char)(group >> 16);
        bytes[i / 4 * 3 + 1] = (unsigned char)(group >> 8);
        bytes[i / 4 * 3 + 2] = (unsigned char)group;
    }
    if (bad & BAD || unused)
        return fail(e, ERR_BAD_MODEL, "base64 with a character that does not belong there");
    *out = (str){(const char *)bytes, n - n_padding};
    return true;
}

char *base64_encode(str bytes)
{
    if (bytes.n > MAX_BYTES)
        return NULL;
    char *text = malloc((bytes.n + 2) / 3 * 4 + 1);
    if (text)
        EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)bytes.p, (int)bytes.n);
    return text;
}
