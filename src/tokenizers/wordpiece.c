/* WordPiece: the longest token that starts the word, then the longest that continues it, and so
 * on; a word that cannot be covered is one unknown token. */
#include "tokenizers/model.h"

#include <stdlib.h>

struct wordpiece {
    str unk_token, prefix;
    int max_chars;
    int unk_id;
    uint32_t longest;     /* bytes of the longest token */
    uint64_t prefix_hash; /* of the prefix of continuing tokens */
};

static const field fields[] = {
    FIELD_STRING(struct wordpiece, unk_token, "unk_token", "[UNK]", 0, "for unknown words"),
    FIELD_STRING(struct wordpiece, prefix, "continuing_subword_prefix", "##", 0,
                 "before tokens inside of a word"),
    FIELD_INT(struct wordpiece, max_chars, "max_input_chars_per_word", 100, 0, 1 << 30,
              "longer words are unknown"),
    FIELD_END};

enum { STACK_HASHES = 512 };

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json, (void)path;
    struct wordpiece *s = state;
    s->unk_id = vocab_id(l->vocab, s->unk_token);
    s->longest = l->vocab->longest;
    s->prefix_hash = VOCAB_HASH_START;
    for (size_t i = 0; i < s->prefix.n; i++)
        s->prefix_hash = vocab_hash_add(s->prefix_hash, (unsigned char)s->prefix.p[i]);
    return true;
}

static bool is_too_long(const struct wordpiece *s, const text *word)
{
    if (word->n <= (size_t)s->max_chars)
        return false;
    int n_chars = 0;
    for (size_t i = 0; i < word->n && n_chars <= s->max_chars; i++)
        n_chars += ((unsigned char)word->p[i] & 0xC0) != 0x80;
    return n_chars > s->max_chars;
}

/* The longest token at `from`: its id, and its end in *end. hashes: room for `longest` numbers. */
static int32_t longest_at(const struct wordpiece *s, const vocab *v, const text *word, size_t from,
                          uint64_t *hashes, size_t *end)
{
    str head = from ? s->prefix : STR("");
    uint64_t hash = from ? s->prefix_hash : VOCAB_HASH_START;
    size_t most = word->n - from < s->longest ? word->n - from : s->longest;
    for (size_t i = 0; i < most; i++)
        hashes[i] = hash = vocab_hash_add(hash, (unsigned char)word->p[from + i]);
    for (size_t n = most; n > 0; n--) {
        if (from + n < word->n && ((unsigned char)word->p[from + n] & 0xC0) == 0x80)
            continue;
        int32_t id = vocab_find(v, vocab_hash_end(hashes[n - 1]), head, (str){word->p + from, n});
        if (id != VOCAB_ABSENT) {
            *end = from + n;
            return id;
        }
    }
    return VOCAB_ABSENT;
}

static bool cover(const struct wordpiece *s, const vocab *v, const text *word, uint64_t *hashes,
                  tokens *out)
{
    for (size_t from = 0, end = 0; from < word->n; from = end) {
        int32_t id = longest_at(s, v, word, from, hashes, &end);
        if (id == VOCAB_ABSENT)
            return false;
        tokens_add_part(out, word, from, end, id);
    }
    return true;
}

static bool run(const void *state, const vocab *v, const text *word, tokens *out, error *e)
{
    const struct wordpiece *s = state;
    size_t before = out->n;
    if (!is_too_long(s, word)) {
        uint64_t few[STACK_HASHES], *hashes = few;
        size_t most = word->n < s->longest ? word->n : s->longest;
        if (most > STACK_HASHES && !(hashes = malloc(most * sizeof *hashes)))
            return fail(e, ERR_TOO_LARGE, "out of memory for a word of %zu bytes", word->n);
        bool covered = cover(s, v, word, hashes, out);
        if (hashes != few)
            free(hashes);
        if (covered)
            return true;
        out->n = before;
    }
    if (s->unk_id == VOCAB_ABSENT)
        return fail(e, ERR_BAD_MODEL, "the unknown token '%.60s' is not in the vocabulary",
                    s->unk_token.p);
    tokens_add_part(out, word, 0, word->n, s->unk_id);
    return true;
}

const struct model_kind model_wordpiece = {{"WordPiece", fields, sizeof(struct wordpiece), prepare},
                                           run};
