/* Vocabulary files: behind the first byte, which chooses a recipe, a vocabulary file, and behind
 * its first NUL byte (of text files) a second one. What opens must encode and decode. */
#include "tokenizers/pipeline.h"
#include "tokenizers/recipe.h"

#include "base/file.h"
#include "base/own.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/tokenizer_folder_fuzz_XXXXXX", first[64], second[64];

static void remove_folder(void)
{
    error e = {0};
    (void)file_remove_tree(folder, &e);
}

static bool make_folder(void)
{
    if (first[0])
        return true;
    if (!mkdtemp(folder))
        return false;
    snprintf(first, sizeof first, "%s/a", folder);
    snprintf(second, sizeof second, "%s/b", folder);
    return atexit(remove_folder) == 0;
}

static bool put(const char *path, str bytes)
{
    own_file FILE *file = fopen(path, "wb");
    return file && fwrite(bytes.p, 1, bytes.n, file) == bytes.n;
}

static void use(document *d)
{
    error e = {0};
    encoding got;
    str text;
    encode_options o = {.add_special = true};
    static const str usual =
        STR("  Hello, w\xc3\xb6rld! ``a''\xcc\x81 \xe4\xb8\xad <mask>[MASK]</s> 12\t");
    tokenizer *t = tokenizer_build(d, "fuzz", &e);
    if (!t && e.message[0] == '\0')
        __builtin_trap();
    if (!t)
        return;
    arena *a = arena_new(16 << 20);
    if (tokenizer_encode(t, usual, NULL, &o, &got, a, &e))
        (void)tokenizer_decode(t, got.ids, got.n, true, &text, a, &e);
    arena_free(a);
    tokenizer_close(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int n = 0, chosen = 0;
    while (recipe_list[n].class_name)
        n++;
    if (size == 0 || !make_folder())
        return 0;
    chosen = data[0] % n;
    const recipe *r = &recipe_list[chosen];
    bool has_second = r->source == SOURCE_MERGES || r->source == SOURCE_CODES;
    str bytes = {(const char *)data + 1, size - 1}, more = STR("");
    const char *zero = size > 1 ? memchr(bytes.p, '\0', bytes.n) : NULL;
    if (has_second && zero) {
        more = str_skip(bytes, (size_t)(zero - bytes.p) + 1);
        bytes.n = (size_t)(zero - bytes.p);
    }
    const char *const files[] = {first, has_second ? second : NULL, NULL};
    if (!put(first, bytes) || !put(second, more))
        return 0;
    OWN(side_files_release) side_files f = {.presets = json_object()};
    for (int i = 0; i < N_RECIPE_TOKENS; i++)
        if (r->tokens[i])
            json_object_set_new(f.presets, recipe_token_keys[i], json_string(r->tokens[i]));
    OWN(document_release) document d = {0};
    error e = {0};
    if (recipe_make(r, &f, files, &d, &e))
        use(&d);
    else if (e.kind == ERR_NONE || e.message[0] == '\0')
        __builtin_trap(); /* a failure without a reason */
    return 0;
}
