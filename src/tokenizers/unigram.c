/* Unigram: of all ways to cover a word with tokens, the one with the highest sum of scores
 * (Viterbi). What no token covers is unknown, and unknown characters in a row are one token, or
 * bytes. */
#include "tokenizers/model.h"

#include <math.h>
#include <stdlib.h>

struct unigram {
    int unk_id, byte_fallback;
    double unk_score;
    int byte_ids[256];
};

static const field fields[] = {
    FIELD_INT(struct unigram, unk_id, "unk_id", -1, -1, VOCAB_MAX_TOKENS, "for unknown characters"),
    FIELD_BOOL(struct unigram, byte_fallback, "byte_fallback", 0,
               "unknown characters become bytes"),
    FIELD_END};

enum { STACK_BYTES = 128, UNK_PENALTY = 10 };
static const uint32_t NOWHERE = UINT32_MAX;

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json;
    struct unigram *s = state;
    const vocab *v = l->vocab;
    if (v->n && !v->scores)
        return loader_fail(l, path, "must have a 'vocab' that is a list of tokens with scores");
    if (s->unk_id >= v->n)
        return loader_fail(l, path, "has 'unk_id' %d, but only %d tokens", s->unk_id, v->n);
    double lowest = INFINITY;
    for (int i = 0; i < v->n; i++)
        lowest = v->scores[i] < lowest ? v->scores[i] : lowest;
    s->unk_score = lowest - UNK_PENALTY;
    model_byte_ids(v, s->byte_ids);
    return true;
}

/* The best way to a place in the word. */
struct place {
    double score;
    uint32_t from; /* where its last token starts; NOWHERE: not reached */
    uint32_t next; /* on the way that was chosen: where the token from here ends */
    int id;
};

static void reach(struct place *place, double score, uint32_t from, int id)
{
    if (place->from != NOWHERE && score <= place->score)
        return;
    place->score = score;
    place->from = from;
    place->id = id;
}

static bool walk(const struct unigram *s, const vocab *v, const text *t, struct place *places,
                 error *e)
{
    for (size_t at = 0, length; at < t->n; at += length) {
        length = unicode_length(t->p[at]);
        double score = places[at].score;
        bool has_single = false;
        uint64_t hash = VOCAB_HASH_START;
        size_t most = t->n - at < v->longest ? t->n - at : v->longest;
        for (size_t n = 1; n <= most; n++) {
            hash = vocab_hash_add(hash, (unsigned char)t->p[at + n - 1]);
            if (at + n < t->n && ((unsigned char)t->p[at + n] & 0xC0) == 0x80)
                continue;
            int32_t id = vocab_find(v, vocab_hash_end(hash), STR(""), (str){t->p + at, n});
            if (id == VOCAB_ABSENT)
                continue;
            reach(&places[at + n], score + v->scores[id], (uint32_t)at, id);
            has_single |= n == length;
        }
        if (has_single)
            continue;
        if (s->unk_id < 0)
            return fail(e, ERR_BAD_MODEL, "an unknown character, but the model has no 'unk_id'");
        reach(&places[at + length], score + s->unk_score, (uint32_t)at, s->unk_id);
    }
    for (uint32_t end = (uint32_t)t->n; end > 0; end = places[end].from)
        places[places[end].from].next = end;
    return true;
}

static bool add_bytes(const struct unigram *s, const text *t, size_t from, size_t to, tokens *out)
{
    for (size_t i = from; i < to; i++)
        if (s->byte_ids[(unsigned char)t->p[i]] == VOCAB_ABSENT)
            return false;
    for (size_t i = from; i < to; i++)
        tokens_add_part(out, t, from, to, s->byte_ids[(unsigned char)t->p[i]]);
    return true;
}

static bool emit(const struct unigram *s, const vocab *v, const text *t, const struct place *places,
                 tokens *out, error *e)
{
    for (uint32_t at = 0, end; at < t->n; at = end) {
        end = places[at].next;
        while (places[end].id == s->unk_id && end < t->n &&
               places[places[end].next].id == s->unk_id)
            end = places[end].next;
        int32_t id = vocab_id(v, (str){t->p + at, end - at});
        if (id == VOCAB_ABSENT && s->byte_fallback && add_bytes(s, t, at, end, out))
            continue;
        if (id == VOCAB_ABSENT && s->unk_id < 0)
            return fail(e, ERR_BAD_MODEL, "an unknown character, but the model has no 'unk_id'");
        if (id == VOCAB_ABSENT)
            tokens_add_own(out, t, at, end, s->unk_id);
        else
            tokens_add_part(out, t, at, end, id);
    }
    return true;
}

static bool run(const void *state, const vocab *v, const text *t, tokens *out, error *e)
{
    const struct unigram *s = state;
    struct place few[STACK_BYTES + 1], *places = few;
    if (t->n > STACK_BYTES && !(places = malloc((t->n + 1) * sizeof *places)))
        return fail(e, ERR_TOO_LARGE, "out of memory for a word of %zu bytes", t->n);
    for (size_t i = 0; i <= t->n; i++)
        places[i] = (struct place){.from = NOWHERE};
    bool ok = walk(s, v, t, places, e) && emit(s, v, t, places, out, e);
    if (places != few)
        free(places);
    return ok;
}

const struct model_kind model_unigram = {{"Unigram", fields, sizeof(struct unigram), prepare}, run};
