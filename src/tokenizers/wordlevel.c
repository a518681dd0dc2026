/* WordLevel: a word is a token or unknown. */
#include "tokenizers/model.h"

struct wordlevel {
    str unk_token;
    int unk_id;
};

static const field fields[] = {
    FIELD_STRING(struct wordlevel, unk_token, "unk_token", "<unk>", 0, "for unknown words"),
    FIELD_END};

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json, (void)path;
    struct wordlevel *s = state;
    s->unk_id = vocab_id(l->vocab, s->unk_token);
    return true;
}

static bool run(const void *state, const vocab *v, const text *word, tokens *out, error *e)
{
    const struct wordlevel *s = state;
    int32_t id = vocab_id(v, text_bytes(word));
    if (id == VOCAB_ABSENT)
        id = s->unk_id;
    if (id == VOCAB_ABSENT)
        return fail(e, ERR_BAD_MODEL, "the unknown token '%.60s' is not in the vocabulary",
                    s->unk_token.p);
    tokens_add_part(out, word, 0, word->n, id);
    return true;
}

const struct model_kind model_wordlevel = {{"WordLevel", fields, sizeof(struct wordlevel), prepare},
                                           run};
