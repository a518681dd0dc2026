/* Open addressing over one block of bytes: a slot is 8 bytes and holds enough of the hash that a
 * look-up for an absent token seldom touches anything else. */
#include "tokenizers/vocab.h"

#include "base/utf8.h"
#include "tokenizers/unicode.h"

#include <stdlib.h>

enum { CODE_POINTS = 0x110000, CHARACTER_BYTES = 4 };
enum { FIRST_TOKENS = 1 << 12, FIRST_BYTES = 1 << 16, SPARSE = 16, SPARSE_EXTRA = 1 << 20 };

static bool no_memory(error *e)
{
    return fail(e, ERR_IO, "out of memory for the vocabulary");
}

static bool grow_tokens(vocab *v)
{
    int capacity = v->capacity ? v->capacity * 2 : FIRST_TOKENS;
    uint32_t *begin = realloc(v->begin, ((size_t)capacity + 1) * sizeof *begin);
    if (begin)
        v->begin = begin;
    int32_t *ids = realloc(v->ids, (size_t)capacity * sizeof *ids);
    if (ids)
        v->ids = ids;
    if (!begin || !ids)
        return false;
    v->begin[0] = 0;
    v->capacity = capacity;
    return true;
}

static bool grow_scores(vocab *v)
{
    double *scores = realloc(v->scores, (size_t)v->capacity * sizeof *scores);
    if (scores)
        v->scores = scores;
    return scores != NULL;
}

static bool grow_bytes(vocab *v, size_t n)
{
    size_t capacity = v->bytes_capacity ? v->bytes_capacity : FIRST_BYTES;
    while (capacity < v->n_bytes + n)
        capacity *= 2;
    char *bytes = realloc(v->bytes, capacity);
    if (!bytes)
        return false;
    v->bytes = bytes;
    v->bytes_capacity = capacity;
    return true;
}

bool vocab_add(vocab *v, str token, int64_t id, error *e)
{
    if (v->n == VOCAB_MAX_TOKENS)
        return fail(e, ERR_BAD_MODEL, "more than %d tokens", VOCAB_MAX_TOKENS);
    if (id < 0 || id > INT32_MAX)
        return fail(e, ERR_BAD_MODEL, "id %lld of token '%.*s' is out of range", (long long)id,
                    token.n < 60 ? (int)token.n : 60, token.p);
    if (v->n_bytes + token.n > UINT32_MAX / 2)
        return fail(e, ERR_BAD_MODEL, "the tokens are longer than 2 GiB together");
    if ((v->n == v->capacity && !grow_tokens(v)) ||
        (v->n_bytes + token.n > v->bytes_capacity && !grow_bytes(v, token.n)))
        return no_memory(e);
    if (token.n)
        memcpy(v->bytes + v->n_bytes, token.p, token.n);
    v->n_bytes += token.n;
    v->ids[v->n++] = (int32_t)id;
    v->begin[v->n] = (uint32_t)v->n_bytes;
    if (token.n > v->longest)
        v->longest = (uint32_t)token.n;
    return true;
}

bool vocab_add_scored(vocab *v, str token, int64_t id, double score, error *e)
{
    int capacity = v->capacity;
    if (!vocab_add(v, token, id, e))
        return false;
    if ((v->capacity != capacity || !v->scores) && !grow_scores(v))
        return no_memory(e);
    v->scores[v->n - 1] = score;
    return true;
}

static str token_at(const vocab *v, int32_t token)
{
    return (str){v->bytes + v->begin[token], v->begin[token + 1] - v->begin[token]};
}

static uint32_t hash_of(str token)
{
    return vocab_hash_end(vocab_hash(VOCAB_HASH_START, token));
}

static void insert(vocab *v, int32_t token)
{
    str text = token_at(v, token);
    uint32_t hash = hash_of(text), at = hash & v->mask;
    for (; v->slots[at].token; at = (at + 1) & v->mask) {
        if (v->slots[at].hash == hash && str_eq(token_at(v, v->slots[at].token - 1), text)) {
            v->slots[at].token = token + 1;
            return;
        }
    }
    v->slots[at] = (struct vocab_slot){hash, token + 1};
    v->n_distinct += v->ids[token] < v->n_ids;
}

static bool make_slots(vocab *v, error *e)
{
    size_t n_slots = 16;
    while (n_slots < (size_t)v->n * 2)
        n_slots *= 2;
    free(v->slots);
    v->mask = (uint32_t)n_slots - 1;
    v->slots = calloc(n_slots, sizeof *v->slots);
    if (!v->slots)
        return no_memory(e);
    v->n_distinct = 0;
    for (int i = 0; i < v->n; i++)
        insert(v, i);
    return true;
}

bool vocab_finish(vocab *v, error *e)
{
    if (!v->bytes && !grow_bytes(v, 0))
        return no_memory(e);
    int64_t highest = -1;
    for (int i = 0; i < v->n; i++)
        highest = v->ids[i] > highest ? v->ids[i] : highest;
    if (highest > (int64_t)v->n * SPARSE + SPARSE_EXTRA)
        return fail(e, ERR_BAD_MODEL, "the highest id is %lld, but there are only %d tokens",
                    (long long)highest, v->n);
    v->n_ids = v->n_symbols = (int)highest + 1;
    v->symbol_capacity = v->n_ids + 1;
    v->token_of_id = malloc((size_t)v->symbol_capacity * sizeof *v->token_of_id);
    if (!v->token_of_id)
        return no_memory(e);
    memset(v->token_of_id, 0xFF, (size_t)v->n_ids * sizeof *v->token_of_id);
    for (int i = 0; i < v->n; i++)
        v->token_of_id[v->ids[i]] = i;
    return make_slots(v, e);
}

static bool grow_symbols(vocab *v)
{
    int capacity = v->symbol_capacity * 2;
    int32_t *grown = realloc(v->token_of_id, (size_t)capacity * sizeof *grown);
    if (!grown)
        return false;
    v->token_of_id = grown;
    v->symbol_capacity = capacity;
    return true;
}

bool vocab_add_symbol(vocab *v, str symbol, error *e)
{
    if (vocab_symbol(v, symbol) != VOCAB_ABSENT)
        return true;
    if (!vocab_add(v, symbol, v->n_symbols, e))
        return false;
    if (v->n_symbols == v->symbol_capacity && !grow_symbols(v))
        return no_memory(e);
    v->token_of_id[v->n_symbols++] = v->n - 1;
    if ((size_t)v->n * 2 > (size_t)v->mask + 1)
        return make_slots(v, e);
    insert(v, v->n - 1);
    return true;
}

static bool is_surrogate(int64_t c)
{
    return c >= 0xD800 && c < 0xE000;
}

bool vocab_code_points(vocab *v, error *e)
{
    char *bytes = calloc(CODE_POINTS, CHARACTER_BYTES);
    if (!bytes)
        return no_memory(e);
    for (int c = 0; c < CODE_POINTS; c++)
        if (!is_surrogate(c))
            utf8_put(c, bytes + (size_t)c * CHARACTER_BYTES);
    *v = (vocab){.bytes = bytes,
                 .n_bytes = (size_t)CODE_POINTS * CHARACTER_BYTES,
                 .n_distinct = CODE_POINTS,
                 .n_ids = CODE_POINTS,
                 .n_symbols = CODE_POINTS,
                 .longest = CHARACTER_BYTES,
                 .code_points = true};
    return true;
}

void vocab_release(vocab *v)
{
    if (v->mapped) {
        *v = (vocab){0};
        return;
    }
    free(v->bytes);
    free(v->begin);
    free(v->ids);
    free(v->scores);
    free(v->token_of_id);
    free(v->slots);
    *v = (vocab){0};
}

int32_t vocab_find(const vocab *v, uint32_t hash, str head, str tail)
{
    for (uint32_t at = hash & v->mask; v->slots[at].token; at = (at + 1) & v->mask) {
        if (v->slots[at].hash != hash)
            continue;
        int32_t token = v->slots[at].token - 1;
        str text = token_at(v, token);
        if (text.n == head.n + tail.n && memcmp(text.p, head.p, head.n) == 0 &&
            memcmp(text.p + head.n, tail.p, tail.n) == 0)
            return v->ids[token];
    }
    return VOCAB_ABSENT;
}

int32_t vocab_symbol(const vocab *v, str token)
{
    if (v->code_points) {
        size_t at = 0;
        int32_t c = token.n ? utf8_next(token, &at) : UTF8_BAD;
        return c != UTF8_BAD && at == token.n ? c : VOCAB_ABSENT;
    }
    return vocab_find(v, hash_of(token), STR(""), token.p ? token : STR(""));
}

int32_t vocab_id(const vocab *v, str token)
{
    int32_t number = vocab_symbol(v, token);
    return number < v->n_ids ? number : VOCAB_ABSENT;
}

str vocab_token(const vocab *v, int64_t id)
{
    return id < v->n_ids ? vocab_symbol_text(v, id) : (str){0};
}

str vocab_symbol_text(const vocab *v, int64_t id)
{
    if (v->code_points) {
        if (id < 0 || id >= CODE_POINTS || is_surrogate(id))
            return (str){0};
        const char *p = v->bytes + (size_t)id * CHARACTER_BYTES;
        return (str){p, unicode_length(*p)};
    }
    if (id < 0 || id >= v->n_symbols || v->token_of_id[id] == VOCAB_ABSENT)
        return (str){0};
    return token_at(v, v->token_of_id[id]);
}
