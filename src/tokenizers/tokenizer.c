/* Loads the parts from a document, looks up tokens, decodes. */
#include "tokenizers/tokenizer.h"

#include "tokenizers/decoder.h"
#include "tokenizers/model.h"
#include "tokenizers/normalizer.h"
#include "tokenizers/pipeline.h"
#include "tokenizers/pretokenizer.h"

#include "base/memory.h"
#include "base/own.h"

enum { LOAD_MAX_BYTES = 64 << 20 };

static bool read_truncation(loader *l, const json_t *json, tokenizer_info *info)
{
    const json_t *most = json_object_get(json, "max_length");
    if (!json || json_is_null(json))
        return true;
    if (!json_is_integer(most) || json_integer_value(most) < 0)
        return loader_fail(l, "truncation", "must have a 'max_length' that is a whole number");
    info->max_tokens_in_file =
        json_integer_value(most) > INT32_MAX ? 0 : (int)json_integer_value(most);
    const json_t *side = json_object_get(json, "direction");
    info->truncate_left = json_is_string(side) && str_is(json_str(side), "Left");
    return true;
}

static bool check_version(loader *l, const json_t *version)
{
    if (version && !(json_is_string(version) && str_is(json_str(version), "1.0")))
        return loader_fail(l, "version", "must be '1.0', found %s",
                           json_is_string(version) ? json_string_value(version)
                                                   : json_kind(version));
    return true;
}

/* Whether the model marks the tokens that continue a word: WordPiece does unless told otherwise. */
static bool has_subword_prefix(const json_t *model)
{
    const json_t *prefix = json_object_get(model, "continuing_subword_prefix");
    const json_t *type = json_object_get(model, "type");
    if (json_is_string(prefix))
        return json_string_length(prefix) > 0;
    return !prefix && json_is_string(type) && str_is(json_str(type), "WordPiece");
}

static bool load_parts(tokenizer *t, loader *l, const json_t *root)
{
    return check_version(l, json_object_get(root, "version")) &&
           read_truncation(l, json_object_get(root, "truncation"), &t->info) &&
           normalizers_load(l, json_object_get(root, "normalizer"), &t->normalizers) &&
           pretokenizers_load(l, json_object_get(root, "pre_tokenizer"), &t->pretokenizers) &&
           model_load(l, json_object_get(root, "model"), &t->model) &&
           postprocessor_load(l, json_object_get(root, "post_processor"), &t->postprocessor) &&
           decoders_load(l, json_object_get(root, "decoder"), &t->decoders) &&
           added_tokens_load(l, json_object_get(root, "added_tokens"), &t->normalizers, &t->added);
}

static int special_id(const tokenizer *t, const char *const names[])
{
    for (int i = 0; names[i]; i++) {
        int id = tokenizer_token_id(t, str_of(names[i]));
        if (id >= 0)
            return id;
    }
    return -1;
}

/* What the special tokens are called when no file of the folder names them. */
static void fill_info(tokenizer *t)
{
    tokenizer_info *info = &t->info;
    info->n_ids = t->vocab.n_ids;
    for (int i = 0; i < t->added.n; i++)
        if (t->added.items[i].id >= info->n_ids)
            info->n_ids = t->added.items[i].id + 1;
    info->n_added_single = t->postprocessor.single.n_special;
    info->n_added_pair = t->postprocessor.pair.n_special;
    info->pad_id = special_id(t, (const char *[]){"[PAD]", "<pad>", NULL});
    info->unk_id = special_id(t, (const char *[]){"[UNK]", "<unk>", NULL});
    info->cls_id = special_id(t, (const char *[]){"[CLS]", "<s>", NULL});
    info->sep_id = special_id(t, (const char *[]){"[SEP]", "</s>", NULL});
    info->mask_id = special_id(t, (const char *[]){"[MASK]", "<mask>", NULL});
    info->bos_id = special_id(t, (const char *[]){"<s>", NULL});
    info->eos_id = special_id(t, (const char *[]){"</s>", NULL});
}

tokenizer *tokenizer_build(document *d, const char *name, error *e)
{
    tokenizer *t = xcalloc(1, sizeof *t);
    t->memory = arena_new(LOAD_MAX_BYTES);
    t->vocab = d->vocab;
    t->merges = d->merges;
    t->file = d->file;
    d->vocab = (vocab){0};
    d->merges = (merges){0};
    d->file = (file_map){0};
    loader l = {name, t->memory, &t->patterns, &t->vocab, &t->merges, e};
    if (!load_parts(t, &l, d->root)) {
        tokenizer_close(t);
        return NULL;
    }
    t->info.subword_prefix = has_subword_prefix(json_object_get(d->root, "model"));
    fill_info(t);
    return t;
}

tokenizer *tokenizer_parse(str json, const char *name, error *e)
{
    OWN(document_release) document d;
    return document_parse(&d, json, name, e) ? tokenizer_build(&d, name, e) : NULL;
}

bool tokenizer_make_special(tokenizer *t, str name, error *e)
{
    int id = tokenizer_token_id(t, name);
    loader l = {"the tokenizer", t->memory, &t->patterns, &t->vocab, &t->merges, e};
    str content = {arena_copy(t->memory, name.p, name.n), name.n};
    if (id < 0)
        return false;
    if (!content.p)
        return fail(e, ERR_BAD_MODEL, "the tokenizer has too many tokens");
    return added_tokens_put(
        &l, &t->added,
        &(added_token){.content = content, .pattern = content, .id = id, .special = true});
}

void tokenizer_close(tokenizer *t)
{
    if (!t)
        return;
    patterns_free(t->patterns);
    node_tags_release(&t->node_tags);
    vocab_release(&t->vocab);
    merges_release(&t->merges);
    file_unmap(&t->file);
    arena_free(t->memory);
    free(t);
}

const tokenizer_info *tokenizer_info_of(const tokenizer *t)
{
    return &t->info;
}

int tokenizer_token_id(const tokenizer *t, str content)
{
    const added_token *added = added_by_content(&t->added, content);
    return added ? added->id : vocab_id(&t->vocab, content);
}

str tokenizer_id_token(const tokenizer *t, int id)
{
    const added_token *added = added_by_id(&t->added, id);
    return added ? added->content : vocab_token(&t->vocab, id);
}

bool tokenizer_id_is_special(const tokenizer *t, int id)
{
    const added_token *added = added_by_id(&t->added, id);
    return added && added->special;
}

/* An added token that is looked for in normalised text is decoded from its normalised form. */
static str decoded_token(const tokenizer *t, int id)
{
    const added_token *added = added_by_id(&t->added, id);
    return added ? added->pattern : vocab_token(&t->vocab, id);
}

bool tokenizer_decode(const tokenizer *t, const int *ids, int n, bool skip_special, str *out,
                      arena *a, error *e)
{
    pieces p = {arena_try(a, (size_t)n + 1, sizeof *p.items), 0, a};
    if (!p.items)
        return fail(e, ERR_TOO_LARGE, "%d ids are too many to decode", n);
    for (int i = 0; i < n; i++) {
        str spelled = decoded_token(t, ids[i]);
        const added_token *named = spelled.p ? added_by_content(&t->added, spelled) : NULL;
        if (spelled.p && !(skip_special && named && named->special))
            p.items[p.n++] = spelled;
    }
    return decoders_run(&t->decoders, &p, out, e);
}
