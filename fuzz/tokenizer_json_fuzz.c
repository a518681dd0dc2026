/* A tokenizer.json, and behind the first NUL byte a text for it: what loads must encode and decode,
 * or say why not, and every offset must lie in the text. */
#include "tokenizers/tokenizer.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char usual[] =
    "  Hello, w\xc3\xb6rld! a\xcc\x81 \xe4\xb8\xad\xe6\x96\x87 [MASK]<mask> 123\t\xf0"
    "\x9f\x91\x8d\xf0\x9f\x8f\xbd  ";

static void check(const encoding *got, str text)
{
    for (int i = 0; i < got->n; i++)
        if (got->ids[i] < 0 || got->byte_offsets[i][0] < 0 || got->byte_offsets[i][1] < 0 ||
            (size_t)got->byte_offsets[i][1] > text.n || got->offsets[i][0] < 0 ||
            got->offsets[i][1] > got->byte_offsets[i][1])
            __builtin_trap();
}

static void use(const tokenizer *t, str text, arena *a)
{
    error e = {0};
    encoding got;
    str decoded;
    encode_options o = {.add_special = true, .max_tokens = 20};
    if (!tokenizer_encode(t, text, NULL, &o, &got, a, &e)) {
        if (e.kind == ERR_NONE || e.message[0] == '\0')
            __builtin_trap(); /* a failure without a reason */
        return;
    }
    check(&got, text);
    if (got.n > o.max_tokens || got.n > got.n_total)
        __builtin_trap();
    (void)tokenizer_decode(t, got.ids, got.n, true, &decoded, a, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str json = {(const char *)data, size}, text = STR(usual);
    const char *zero = size ? memchr(json.p, '\0', size) : NULL;
    if (zero) {
        text = str_skip(json, (size_t)(zero - json.p) + 1);
        json.n = (size_t)(zero - json.p);
    }
    error e = {0};
    tokenizer *t = tokenizer_parse(json, "fuzz.json", &e);
    if (!t && (e.kind == ERR_NONE || e.message[0] == '\0'))
        __builtin_trap();
    if (!t)
        return 0;
    arena *a = arena_new(16 << 20);
    use(t, text, a);
    arena_free(a);
    tokenizer_close(t);
    return 0;
}
