/* A sentencepiece model: what parses has whole pieces within the file and a character map that maps
 * to valid text; the same bytes are a character map by themselves, too. */
#include "tokenizers/charsmap.h"
#include "tokenizers/sentencepiece.h"

#include "base/utf8.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_charsmap(str bytes)
{
    charsmap map;
    error e = {0};
    if (!charsmap_open(&map, bytes, &e))
        return;
    static const char usual[] = "a\xcc\x81\xef\xac\x81\xe2\x91\xa0 \xf0\x9f\x98\x80\r\n";
    for (size_t at = 0; at < sizeof usual - 1; at++) {
        str found;
        if (charsmap_find(&map, (str){usual + at, sizeof usual - 1 - at}, &found) &&
            (utf8_valid_prefix(found) != found.n || found.p < bytes.p ||
             found.p + found.n > bytes.p + bytes.n))
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str bytes = {(const char *)data, size};
    sentencepiece model;
    error e = {0};
    arena *a = arena_new(16 << 20);
    bool ok = sentencepiece_parse(&model, bytes, "fuzz.model", a, &e);
    if (!ok && (e.kind == ERR_NONE || e.message[0] == '\0'))
        __builtin_trap(); /* a failure without a reason */
    for (int i = 0; ok && i < model.n; i++)
        if (utf8_valid_prefix(model.pieces[i].text) != model.pieces[i].text.n)
            __builtin_trap();
    if (ok && (model.unk_id >= model.n || model.unk_id < -1))
        __builtin_trap();
    if (ok)
        check_charsmap(model.charsmap);
    check_charsmap(bytes);
    arena_free(a);
    return 0;
}
