/* BPE with random vocabularies against the definition: join the leftmost pair of the lowest rank
 * until none is left. */
#include "base/buf.h"
#include "base/json.h"
#include "base/own.h"
#include "tokenizers/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    ARENA_BYTES = 1 << 26,
    VOCABULARIES = 60,
    TEXTS = 40,
    LONGEST = 400,
    CHARACTERS = 6,
    MERGES = 40,
    MAX_TOKENS = CHARACTERS + 256 + MERGES,
    TOKEN_BYTES = 64,
};

static const char *const characters[CHARACTERS] = {"a", "b", "\xC3\xA9", "\xE2\x96\x81", "<", ">"};
static const char *const strangers[] = {"\xF0\x9F\x98\x80", "z", "\xC3\xB1"}; /* in no vocabulary */

struct bpe {
    char tokens[MAX_TOKENS][TOKEN_BYTES];
    int left[MERGES], right[MERGES], made[MERGES];
    int n, n_merges;
};

static uint32_t seed = 1;

static int below(int n)
{
    seed = seed * 1664525 + 1013904223;
    return (int)((seed >> 8) % (uint32_t)n);
}

static int id_of(const struct bpe *b, const char *token)
{
    for (int i = 0; i < b->n; i++)
        if (strcmp(b->tokens[i], token) == 0)
            return i;
    return -1;
}

/* Characters, the 256 bytes, and tokens that two earlier ones make; few bytes ever merge. */
static void make(struct bpe *b)
{
    *b = (struct bpe){0};
    for (int i = 0; i < CHARACTERS; i++)
        snprintf(b->tokens[b->n++], TOKEN_BYTES, "%s", characters[i]);
    for (int i = 0; i < 256; i++)
        snprintf(b->tokens[b->n++], TOKEN_BYTES, "<0x%02X>", i);
    while (b->n_merges < MERGES) {
        bool bytes = below(8) == 0;
        int made = b->n - CHARACTERS - 256, left = below(CHARACTERS + made),
            right = below(CHARACTERS + made);
        left = bytes && below(2) ? CHARACTERS + below(256) : left < CHARACTERS ? left : left + 256;
        right = bytes ? CHARACTERS + 0x80 + below(64) : right < CHARACTERS ? right : right + 256;
        char joined[2 * TOKEN_BYTES];
        snprintf(joined, sizeof joined, "%s%s", b->tokens[left], b->tokens[right]);
        if (strlen(joined) >= TOKEN_BYTES || id_of(b, joined) >= 0)
            continue;
        b->left[b->n_merges] = left;
        b->right[b->n_merges] = right;
        b->made[b->n_merges++] = b->n;
        snprintf(b->tokens[b->n++], TOKEN_BYTES, "%s", joined);
    }
}

static tokenizer *open_bpe(const struct bpe *b)
{
    error e = {0};
    own_json json_t *vocab = json_object(), *merges = json_array();
    for (int i = 0; i < b->n; i++)
        json_object_set_new(vocab, b->tokens[i], json_integer(i));
    for (int i = 0; i < b->n_merges; i++)
        json_array_append_new(merges,
                              json_pack("[s, s]", b->tokens[b->left[i]], b->tokens[b->right[i]]));
    own_json json_t *all = json_pack("{s:{s:s, s:O, s:O, s:b}}", "model", "type", "BPE", "vocab",
                                     vocab, "merges", merges, "byte_fallback", 1);
    own_mem char *json = json_dumps(all, 0);
    tokenizer *t = tokenizer_parse((str){json, strlen(json)}, "random", &e);
    if (!t)
        fail_msg("%s", e.message);
    return t;
}

static int symbols_of(const struct bpe *b, str text, int *ids)
{
    int n = 0;
    for (size_t at = 0, length; at < text.n; at += length) {
        unsigned char c = (unsigned char)text.p[at];
        char one[5] = {0};
        length = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        memcpy(one, text.p + at, length);
        int id = id_of(b, one);
        if (id >= 0)
            ids[n++] = id;
        for (size_t i = 0; id < 0 && i < length; i++)
            ids[n++] = CHARACTERS + (unsigned char)text.p[at + i];
    }
    return n;
}

static int merge_naively(const struct bpe *b, int *ids, int n)
{
    for (int rank = 0; rank < b->n_merges; rank++) {
        for (int i = 0; i + 1 < n; i++) {
            if (ids[i] != b->left[rank] || ids[i + 1] != b->right[rank])
                continue;
            ids[i] = b->made[rank];
            memmove(ids + i + 1, ids + i + 2, (size_t)(n - i - 2) * sizeof *ids);
            n--;
            rank = -1; /* what was made may be of a lower rank with its neighbours */
            break;
        }
    }
    return n;
}

/* Few different characters in a row make long parts, many make short ones. */
static str random_text(char *bytes)
{
    int n = 1 + below(LONGEST), kinds = 1 + below(CHARACTERS);
    size_t at = 0;
    for (int i = 0; i < n; i++) {
        const char *c = below(12) ? characters[below(kinds)] : strangers[below(3)];
        memcpy(bytes + at, c, strlen(c));
        at += strlen(c);
    }
    return (str){bytes, at};
}

static void test_random_vocabularies(void **state)
{
    static const encode_options o = {.ids_only = true};
    static struct bpe b;
    arena *a = arena_new(ARENA_BYTES);
    (void)state;
    for (int i = 0; i < VOCABULARIES; i++) {
        make(&b);
        tokenizer *t = open_bpe(&b);
        for (int k = 0; k < TEXTS; k++) {
            char bytes[4 * LONGEST];
            int expected[4 * LONGEST];
            encoding got;
            error e = {0};
            str text = random_text(bytes);
            int n = merge_naively(&b, expected, symbols_of(&b, text, expected));
            arena_reset(a);
            if (!tokenizer_encode(t, text, NULL, &o, &got, a, &e))
                fail_msg("%s", e.message);
            if (got.n != n || memcmp(got.ids, expected, (size_t)n * sizeof *expected) != 0)
                fail_msg("vocabulary %d, text %d: other ids of '%.*s'", i, k, (int)text.n, text.p);
        }
        tokenizer_close(t);
    }
    arena_free(a);
}

/* U+0000 is a character like others. */
static void test_nul(void **state)
{
    static const char json[] =
        "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"\\u0000\":1,\"\\u0000a\":2,"
        "\"a\\u0000\":3},\"merges\":[[\"\\u0000\",\"a\"],[\"a\",\"\\u0000\"]]}}";
    static const encode_options o = {.ids_only = true};
    static const int expected[] = {2, 3, 1};
    arena *a = arena_new(ARENA_BYTES);
    error e = {0};
    tokenizer *t = tokenizer_parse(STR(json), "nul", &e);
    encoding got;
    (void)state;
    assert_non_null(t);
    assert_true(tokenizer_encode(t, (str){"\0aa\0\0", 5}, NULL, &o, &got, a, &e));
    assert_int_equal(got.n, 3);
    assert_memory_equal(got.ids, expected, sizeof expected);
    tokenizer_close(t);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_vocabularies),
                                       cmocka_unit_test(test_nul)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
