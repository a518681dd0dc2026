/* The tokenizer of a model folder: tokenizer.json or vocabulary files, and what the files beside
 * say about special tokens, lengths and, for BERT's relatives, the normaliser, which transformers
 * sets anew from tokenizer_config.json. */
#include "base/file.h"
#include "base/json.h"
#include "base/own.h"
#include "tokenizers/document_cache.h"
#include "tokenizers/pipeline.h"
#include "tokenizers/recipe.h"

#include <stdio.h>
#include <stdlib.h>

enum { CACHE_OPTIONS_MAX = 16 << 20, JSON_MAX_BYTES = 256 << 20 };

static void set_id(const tokenizer *t, const side_files *f, const char *key, int *id)
{
    str named = side_files_token_text(f, key);
    if (named.p)
        *id = tokenizer_token_id(t, named);
}

static bool holds_string(const json_t *list, const char *wanted)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (json_is_string(item) && str_is(json_str(item), wanted))
            return true;
    }
    return false;
}

/* preset: of all edges. */
static bool read_box(const side_files *f, const char *key, int preset, int box[4], error *e)
{
    enum { MOST = 1 << 20 };
    const json_t *given = json_object_get(f->config, key);
    bool good = !given || json_is_null(given) || json_array_size(given) == 4;
    for (size_t i = 0; i < 4; i++) {
        const json_t *edge = json_array_get(given, i);
        double value = edge ? json_number_value(edge) : preset;
        good = good && (!edge || json_is_number(edge)) && value >= 0 && value <= MOST;
        box[i] = good ? (int)value : 0;
    }
    return (good && box[0] <= box[2] && box[1] <= box[3]) ||
           fail(e, ERR_BAD_MODEL,
                "tokenizer_config.json: '%s' must be four numbers from 0 to %d, left <= right and "
                "top <= bottom",
                key, MOST);
}

/* Separators stand in the far corner of the page, but not for LayoutLMv3. */
static bool read_boxes(tokenizer_info *info, const side_files *f, error *e)
{
    enum { FAR = 1000 };
    const json_t *class = json_object_get(f->config, "tokenizer_class");
    bool near = json_is_string(class) && str_starts(json_str(class), STR("LayoutLMv3Tokenizer"));
    return read_box(f, "cls_token_box", 0, info->cls_box, e) &&
           read_box(f, "sep_token_box", near ? 0 : FAR, info->sep_box, e) &&
           read_box(f, "pad_token_box", 0, info->pad_box, e);
}

/* A class without presets. */
static bool is_any_class(const side_files *f)
{
    const json_t *class = json_object_get(f->config, "tokenizer_class");
    return json_is_string(class) && (str_is(json_str(class), "PreTrainedTokenizerFast") ||
                                     str_is(json_str(class), "TokenizersBackend"));
}

static void read_type_ids(tokenizer_info *info, const side_files *f, const recipe *r)
{
    const json_t *names = json_object_get(f->config, "model_input_names");
    enum recipe_types types = r ? r->types : TYPES_GIVEN;
    bool left_out = json_is_array(names) && !holds_string(names, "token_type_ids");
    info->no_answer_type_ids = json_is_array(names) ? left_out : types == TYPES_NEVER;
    info->no_type_ids = json_is_array(names) ? left_out : types != TYPES_GIVEN || is_any_class(f);
}

/* As the folder says, else its class. */
static bool pads_left(const side_files *f, const recipe *r)
{
    const json_t *side = json_object_get(f->config, "padding_side");
    const json_t *class = json_object_get(f->config, "tokenizer_class");
    if (json_is_string(side))
        return str_is(json_str(side), "left");
    return (r && r->pads_left) ||
           (json_is_string(class) && str_starts(json_str(class), STR("GemmaTokenizer")));
}

static bool apply_config(tokenizer *t, const side_files *f, error *e)
{
    tokenizer_info *info = &t->info;
    const recipe *r = recipe_find(f);
    const json_t *given = json_object_get(f->config, "model_max_length");
    double most = given ? json_number_value(given) : r ? r->max_tokens : 0;
    info->max_tokens = most >= 1 && most < 1e9 ? (int)most : 0;
    const json_t *side = json_object_get(f->config, "truncation_side");
    if (json_is_string(side))
        info->truncate_left = str_is(json_str(side), "left");
    info->pad_left = pads_left(f, r);
    read_type_ids(info, f, r);
    info->no_backend = r && r->no_backend;
    info->clean_up_spaces =
        json_is_true(json_object_get(f->config, "clean_up_tokenization_spaces")) &&
        ((r && r->no_backend) || strcmp(t->model.kind->type, "BPE") != 0);
    set_id(t, f, "pad_token", &info->pad_id);
    set_id(t, f, "unk_token", &info->unk_id);
    if (is_any_class(f) || (r && !r->tokens[CLS])) /* which have none unless they name it */
        info->cls_id = -1;
    set_id(t, f, "cls_token", &info->cls_id);
    set_id(t, f, "sep_token", &info->sep_id);
    set_id(t, f, "mask_token", &info->mask_id);
    set_id(t, f, "bos_token", &info->bos_id);
    set_id(t, f, "eos_token", &info->eos_id);
    if (!node_tags_read(&t->node_tags, f, t->memory, e))
        return false;
    info->reads_nodes = t->node_tags.known;
    return read_boxes(info, f, e);
}

/* Whether transformers loads this tokenizer with a class that sets BertNormalizer from its own
 * arguments. */
static bool is_bert_class(const side_files *f)
{
    static const char *const classes[] = {
        "Bert",   "ConvBert",   "DistilBert", "Electra",   "Funnel", "LayoutLM",    "LayoutLMv2",
        "Lxmert", "MobileBert", "MPNet",      "RetriBert", "Realm",  "SqueezeBert", "Splinter"};
    static const char *const types[] = {"bert",       "convbert", "distilbert",  "electra",
                                        "funnel",     "layoutlm", "layoutlmv2",  "lxmert",
                                        "mobilebert", "mpnet",    "squeezebert", "splinter"};
    const json_t *class = json_object_get(f->config, "tokenizer_class");
    const json_t *type = json_object_get(f->model_config, "model_type");
    for (size_t i = 0; i < sizeof classes / sizeof *classes && json_is_string(class); i++) {
        str rest = json_str(class), name = str_of(classes[i]);
        if (str_starts(rest, name) && (str_is(str_skip(rest, name.n), "Tokenizer") ||
                                       str_is(str_skip(rest, name.n), "TokenizerFast")))
            return true;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types && !json_is_string(class); i++)
        if (json_is_string(type) && str_is(json_str(type), types[i]))
            return true;
    return false;
}

static void override(const side_files *f, const char *key, json_t *normalizer, const char *name)
{
    json_t *value = json_object_get(f->config, key);
    if (json_is_boolean(value) || json_is_null(value))
        json_object_set(normalizer, name, value);
}

static void override_parts(const side_files *f, json_t *root)
{
    json_t *normalizer = json_object_get(root, "normalizer");
    const json_t *type = json_object_get(normalizer, "type");
    const recipe *r = recipe_find(f);
    bool by_jieba = r && r->keeps_chinese; /* RoFormer's files name a stand-in for its own words */
    if (by_jieba)
        json_object_set_new(root, "pre_tokenizer", json_pack("{s: s}", "type", "Jieba"));
    if (!json_is_string(type) || !str_is(json_str(type), "BertNormalizer") ||
        !(by_jieba || is_bert_class(f)))
        return;
    override(f, "do_lower_case", normalizer, "lowercase");
    override(f, "strip_accents", normalizer, "strip_accents");
    if (!by_jieba)
        override(f, "tokenize_chinese_chars", normalizer, "handle_chinese_chars");
}

/* --- tokens that the files beside tokenizer.json add to those it has --- */

struct additions {
    json_t *list;  /* "added_tokens" of tokenizer.json */
    json_t *known; /* their contents as keys */
};

static bool is_known(const struct additions *a, str content)
{
    return json_object_getn(a->known, content.p, content.n) != NULL;
}

/* `from`: a text, or an object with flags. One that is in the vocabulary keeps its id, and one that
 * is in the list already takes the flags given here. */
static void add_token(struct additions *a, const json_t *from, bool special, bool takes_space)
{
    static const char *const keys[] = {"lstrip", "rstrip", "single_word", "normalized"};
    str content = token_text(from);
    if (!content.n)
        return;
    json_t *row = json_pack("{s: s%, s: b, s: b}", "content", content.p, content.n, "special",
                            special, "lstrip", takes_space && json_is_string(from));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(from, keys[i]);
        if (json_is_boolean(value))
            json_object_set(row, keys[i], value);
    }
    json_object_setn_new(a->known, content.p, content.n, json_true());
    json_array_append_new(a->list, row);
}

static bool is_named(const side_files *f, str content)
{
    for (int i = 0; i < N_RECIPE_TOKENS; i++) {
        str named = side_files_token_text(f, recipe_token_keys[i]);
        if (named.p && str_eq(named, content))
            return true;
    }
    return false;
}

struct numbered {
    long id;
    const json_t *row;
};

static int by_number(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Those of "added_tokens_decoder", in the order of their numbers, which say no more than that. */
static void add_decoder(struct additions *a, const side_files *f)
{
    json_t *listed = json_object_get(f->config, "added_tokens_decoder"), *row;
    struct numbered *sorted = calloc(json_object_size(listed) + 1, sizeof *sorted);
    const char *key;
    size_t n = 0;
    json_object_foreach (listed, key, row)
        if (sorted && token_text(row).n)
            sorted[n++] = (struct numbered){strtol(key, NULL, 10), row};
    if (n)
        qsort(sorted, n, sizeof *sorted, by_number);
    for (size_t i = 0; i < n; i++)
        add_token(a, sorted[i].row,
                  json_is_true(json_object_get(sorted[i].row, "special")) ||
                      is_named(f, token_text(sorted[i].row)),
                  false);
    free(sorted);
}

/* Of a list, or an object of names and tokens. */
static void add_extra(struct additions *a, const json_t *extra)
{
    const char *key;
    json_t *row;
    size_t i;
    json_array_foreach (extra, i, row)
        if (!is_known(a, token_text(row)))
            add_token(a, row, true, false);
    json_object_foreach ((json_t *)extra, key, row)
        if (!is_known(a, token_text(row)))
            add_token(a, row, true, false);
}

/* As transformers does with a tokenizer.json: named tokens and extra special ones are looked for
 * before anything else is done with a text, plain words of the vocabulary too.
 * special_tokens_map.json counts where tokenizer_config.json has no list of its own. */
static void add_special_tokens(const side_files *f, json_t *root)
{
    static const char *const extras[] = {"additional_special_tokens", "extra_special_tokens"};
    struct additions a = {json_object_get(root, "added_tokens"), json_object()};
    own_json json_t *known = a.known;
    json_t *row;
    const recipe *r = recipe_find(f);
    size_t i;
    if (!a.list)
        json_object_set_new(root, "added_tokens", a.list = json_array());
    if (!json_is_array(a.list))
        return; /* said by who reads it */
    json_array_foreach (a.list, i, row) {
        str content = token_text(json_is_object(row) ? row : NULL);
        if (content.p)
            json_object_setn_new(known, content.p, content.n, json_true());
    }
    add_decoder(&a, f);
    for (int k = 0; k < N_RECIPE_TOKENS; k++) {
        const json_t *named = side_files_token(f, recipe_token_keys[k]);
        if (named && !is_known(&a, token_text(named)))
            add_token(&a, named, true, k == MASK && r && r->mask_takes_space);
    }
    bool is_listed = json_object_get(f->config, "added_tokens_decoder") != NULL;
    for (i = 0; i < sizeof extras / sizeof *extras; i++)
        is_listed = is_listed || json_object_get(f->config, extras[i]);
    const json_t *from = is_listed ? f->config : f->special_tokens;
    for (i = 0; i < sizeof extras / sizeof *extras; i++)
        add_extra(&a, json_object_get(from, extras[i]));
}

static tokenizer *open_json(const char *path, const side_files *f, error *e)
{
    own_file_map file_map bytes = {0};
    OWN(document_release) document d = {0};
    cache_key key;
    cache_key_init(&key, (const char *const[]){path, NULL}, STR(""));
    if (!document_cache_read(&d, &key)) {
        if (!file_map_open(&bytes, path, e) ||
            !document_parse(&d, (str){bytes.p, bytes.n}, path, e))
            return NULL;
        document_cache_write(&d, &key);
    }
    override_parts(f, d.root);
    add_special_tokens(f, d.root);
    return tokenizer_build(&d, path, e);
}

/* The class that is meant where neither class nor model type is known. */
static const recipe *usual_recipe(enum recipe_source source)
{
    for (const recipe *r = recipe_list; r->class_name; r++)
        if (r->source == source)
            return r;
    return NULL;
}

enum { MAX_FILES = 3 };

/* Vocabulary files, each with what reads it. */
static const struct vocabulary {
    enum recipe_source source;
    const char *files[MAX_FILES];
} vocabularies[] = {
    {SOURCE_PIECES, {"sentencepiece.bpe.model"}},
    {SOURCE_PIECES, {"spiece.model"}},
    {SOURCE_PIECES, {"spm.model"}},
    {SOURCE_PIECES, {"sentencepiece.model"}},
    {SOURCE_PIECES, {"tokenizer.model"}},
    {SOURCE_MERGES, {"vocab.json", "merges.txt"}},
    {SOURCE_CODES, {"vocab.txt", "bpe.codes"}},
    {SOURCE_LINES, {"vocab.txt"}},
};

struct paths {
    char *items[MAX_FILES]; /* owned; NULL at the end */
};

static void paths_release(struct paths *p)
{
    for (int i = 0; i < MAX_FILES; i++)
        free(p->items[i]);
}

/* The first set of vocabulary files that is there and, unless r is NULL, that the recipe reads. */
static const struct vocabulary *find_vocabulary(const char *folder, const recipe *r,
                                                struct paths *paths)
{
    for (size_t i = 0; i < sizeof vocabularies / sizeof *vocabularies; i++) {
        const struct vocabulary *v = &vocabularies[i];
        bool found = !r || r->source == v->source;
        paths_release(paths);
        *paths = (struct paths){0};
        for (int k = 0; found && v->files[k]; k++) {
            paths->items[k] = path_join(folder, v->files[k]);
            found = file_exists(paths->items[k]);
        }
        if (found)
            return v;
    }
    return NULL;
}

/* Every option that the document depends on, for the key of its cache. */
static void spell_options(const recipe *r, const side_files *f, buf *out)
{
    const json_t *const parts[] = {f->config, f->special_tokens};
    buf_puts(out, r->class_name);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_byte(out, '\n');
        if (parts[i])
            json_put(out, parts[i]);
    }
}

/* A class that does not read tokenizer.json yet takes the added tokens from there, unless
 * tokenizer_config.json lists some. */
static bool take_added_tokens(const char *folder, side_files *f, error *e)
{
    own_mem char *path = path_join(folder, "tokenizer.json");
    own_json json_t *taken = json_object(), *root = NULL;
    if (!file_exists(path) || json_object_get(f->config, "added_tokens_decoder"))
        return true;
    if (!(root = json_parse_file(path, JSON_MAX_BYTES, e)))
        return false;
    json_t *added;
    size_t i;
    json_array_foreach (json_object_get(root, "added_tokens"), i, added) {
        char id[32];
        snprintf(id, sizeof id, "%.0f", json_number_value(json_object_get(added, "id")));
        json_object_set(taken, id, added);
    }
    if (!f->config)
        f->config = json_object();
    json_object_set(f->config, "added_tokens_decoder", taken);
    return true;
}

static tokenizer *open_recipe(const recipe *r, char *const files[], side_files *f, error *e)
{
    OWN(document_release) document d = {0};
    own_buf buf options = buf_new(CACHE_OPTIONS_MAX);
    cache_key key;
    f->presets = json_object();
    for (int i = 0; i < N_RECIPE_TOKENS; i++)
        if (r->tokens[i])
            json_object_set_new(f->presets, recipe_token_keys[i], json_string(r->tokens[i]));
    spell_options(r, f, &options);
    cache_key_init(&key, (const char *const *)files, buf_view(&options));
    if (options.full || !document_cache_read(&d, &key)) {
        if (!recipe_make(r, f, (const char *const *)files, &d, e))
            return NULL;
        if (!options.full)
            document_cache_write(&d, &key);
    }
    return tokenizer_build(&d, files[0] ? files[0] : "tokenizer_config.json", e);
}

static tokenizer *open_vocabulary(const char *folder, side_files *f, error *e)
{
    OWN(paths_release) struct paths paths = {0};
    const recipe *r = recipe_find(f);
    if (r && r->source == SOURCE_CODE_POINTS)
        return open_recipe(r, paths.items, f, e);
    const struct vocabulary *v = find_vocabulary(folder, r, &paths);
    if (!v) {
        own_mem char *json = path_join(folder, "tokenizer.json");
        if (!file_check(json, e))
            return NULL;
        fail(e, ERR_NOT_FOUND,
             "the model folder has neither a tokenizer.json nor a vocabulary file%s%s",
             r ? " of " : "", r ? r->class_name : "");
        return NULL;
    }
    if (!r && v->source != SOURCE_LINES) {
        fail(e, ERR_BAD_MODEL,
             "the model folder has a '%s', but neither the 'tokenizer_class' of "
             "tokenizer_config.json nor the 'model_type' of config.json says which tokenizer it is "
             "for",
             v->files[0]);
        return NULL;
    }
    if (r && r->ignores_json && !take_added_tokens(folder, f, e))
        return NULL;
    return open_recipe(r ? r : usual_recipe(v->source), paths.items, f, e);
}

/* Whether the reference, whose tokenizer of this class knows no tokenizer.json, reads that file. */
static bool reads_json(const char *folder, const char *json, const side_files *f)
{
    OWN(paths_release) struct paths paths = {0};
    const recipe *r = recipe_find(f);
    return file_exists(json) && !(r && r->ignores_json && find_vocabulary(folder, r, &paths));
}

tokenizer *tokenizer_open(const char *folder, error *e)
{
    OWN(side_files_release) side_files f = {0};
    own_mem char *json = path_join(folder, "tokenizer.json");
    if (!side_files_read(&f, folder, e))
        return NULL;
    tokenizer *t =
        reads_json(folder, json, &f) ? open_json(json, &f, e) : open_vocabulary(folder, &f, e);
    if (!t || apply_config(t, &f, e))
        return t;
    tokenizer_close(t);
    return NULL;
}
