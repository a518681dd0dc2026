/* Printable bytes stand for themselves, the other 68 for U+0100 and up in their order
 * (https://github.com/openai/gpt-2, src/encoder.py, bytes_to_unicode). */
#include "tokenizers/byte_level.h"

enum { FIRST_SHIFTED = 0x100, N_BELOW = 33, N_MIDDLE = 34, SOFT_HYPHEN = 0xAD };

uint32_t byte_level_char(unsigned char byte)
{
    if (byte < N_BELOW)
        return FIRST_SHIFTED + byte;
    if (byte >= 0x7F && byte <= 0xA0)
        return FIRST_SHIFTED + N_BELOW + byte - 0x7Fu;
    if (byte == SOFT_HYPHEN)
        return FIRST_SHIFTED + N_BELOW + N_MIDDLE;
    return byte;
}

int byte_level_byte(uint32_t c)
{
    if (c < FIRST_SHIFTED)
        return byte_level_char((unsigned char)c) == c ? (int)c : -1;
    uint32_t i = c - FIRST_SHIFTED;
    if (i < N_BELOW)
        return (int)i;
    if (i < N_BELOW + N_MIDDLE)
        return (int)(i - N_BELOW + 0x7F);
    return i == N_BELOW + N_MIDDLE ? SOFT_HYPHEN : -1;
}

void byte_level_write(text_writer *w, const text *t)
{
    for (size_t at = 0; at < t->n;) {
        span from = text_span(t, at);
        for (size_t end = at + unicode_length(t->p[at]); at < end; at++)
            text_put(w, byte_level_char((unsigned char)t->p[at]), from);
    }
}
