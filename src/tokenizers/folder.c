/* The tokenizer of a model folder: tokenizer.json or vocab.txt, and what the files beside it say
 * about special tokens, lengths and, for BERT's relatives, the normaliser, which transformers sets
 * anew from tokenizer_config.json. */
#include "base/file.h"
#include "base/json.h"
#include "base/own.h"
#include "base/utf8.h"
#include "tokenizers/document_cache.h"
#include "tokenizers/pipeline.h"

#include <stdlib.h>

enum { CONFIG_MAX_BYTES = 64 << 20 };

/* The files beside the tokenizer; NULL where there is none. */
struct side_files {
    json_t *config, *special_tokens, *model_config;
};

static void side_files_release(struct side_files *f)
{
    json_decref(f->config);
    json_decref(f->special_tokens);
    json_decref(f->model_config);
}

/* Whole numbers as doubles: "no limit" is commonly written with 31 digits. */
static bool read_config(const char *folder, const char *name, json_t **out, error *e)
{
    own_mem char *path = path_join(folder, name);
    own_buf buf bytes = buf_new(0);
    json_error_t problem;
    if (!file_exists(path))
        return true;
    if (!file_read(path, CONFIG_MAX_BYTES, &bytes, e))
        return false;
    *out = json_loadb(bytes.p ? bytes.p : "", bytes.n, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL,
                      &problem);
    if (!*out)
        return fail(e, ERR_BAD_MODEL, "'%s' is not valid JSON: line %d, column %d: %s", path,
                    problem.line, problem.column, problem.text);
    if (!json_is_object(*out))
        return fail(e, ERR_BAD_MODEL, "'%s' must hold an object, found %s", path, json_kind(*out));
    return true;
}

/* A special token's text: a string, or an object with "content". */
static str token_text(const json_t *json)
{
    const json_t *content = json_is_object(json) ? json_object_get(json, "content") : json;
    return json_is_string(content) ? json_str(content) : (str){0};
}

static str special_token(const struct side_files *f, const char *key)
{
    str named = token_text(json_object_get(f->config, key));
    return named.p ? named : token_text(json_object_get(f->special_tokens, key));
}

static void set_id(const tokenizer *t, const struct side_files *f, const char *key, int *id)
{
    str named = special_token(f, key);
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

static void apply_config(tokenizer *t, const struct side_files *f)
{
    tokenizer_info *info = &t->info;
    double most = json_number_value(json_object_get(f->config, "model_max_length"));
    info->max_tokens = most >= 1 && most < 1e9 ? (int)most : 0;
    const json_t *side = json_object_get(f->config, "truncation_side");
    if (json_is_string(side))
        info->truncate_left = str_is(json_str(side), "left");
    const json_t *names = json_object_get(f->config, "model_input_names");
    info->no_type_ids = json_is_array(names) && !holds_string(names, "token_type_ids");
    info->clean_up_spaces =
        json_is_true(json_object_get(f->config, "clean_up_tokenization_spaces")) &&
        strcmp(t->model.kind->type, "BPE") != 0;
    set_id(t, f, "pad_token", &info->pad_id);
    set_id(t, f, "unk_token", &info->unk_id);
    set_id(t, f, "cls_token", &info->cls_id);
    set_id(t, f, "sep_token", &info->sep_id);
    set_id(t, f, "mask_token", &info->mask_id);
    set_id(t, f, "bos_token", &info->bos_id);
    set_id(t, f, "eos_token", &info->eos_id);
}

/* Whether transformers loads this tokenizer with a class that sets BertNormalizer from its own
 * arguments. */
static bool is_bert_class(const struct side_files *f)
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

static void override(const struct side_files *f, const char *key, json_t *normalizer,
                     const char *name)
{
    json_t *value = json_object_get(f->config, key);
    if (json_is_boolean(value) || json_is_null(value))
        json_object_set(normalizer, name, value);
}

static void override_normalizer(const struct side_files *f, json_t *root)
{
    json_t *normalizer = json_object_get(root, "normalizer");
    const json_t *type = json_object_get(normalizer, "type");
    if (!json_is_string(type) || !str_is(json_str(type), "BertNormalizer") || !is_bert_class(f))
        return;
    override(f, "do_lower_case", normalizer, "lowercase");
    override(f, "strip_accents", normalizer, "strip_accents");
    override(f, "tokenize_chinese_chars", normalizer, "handle_chinese_chars");
}

static tokenizer *open_json(const char *path, const struct side_files *f, error *e)
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
    override_normalizer(f, d.root);
    return tokenizer_build(&d, path, e);
}

/* One token a line. */
static bool read_lines(vocab *v, str lines, const char *path, error *e)
{
    size_t bad = utf8_valid_prefix(lines);
    if (bad != lines.n)
        return fail(e, ERR_BAD_MODEL, "'%s' is not valid UTF-8 at byte %zu", path, bad);
    for (int64_t id = 0; lines.n; id++) {
        const char *newline = memchr(lines.p, '\n', lines.n);
        str line = {lines.p, newline ? (size_t)(newline - lines.p) : lines.n};
        lines = str_skip(lines, line.n + 1);
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (!vocab_add(v, line, id, e))
            return fail_in(e, "'%s'", path);
    }
    return vocab_finish(v, e) || fail_in(e, "'%s'", path);
}

static json_t *special_json(const struct side_files *f, const char *key, const char *preset)
{
    str named = special_token(f, key);
    return json_stringn(named.p ? named.p : preset, named.p ? named.n : strlen(preset));
}

/* {"SpecialToken": {...}} or {"Sequence": {...}} */
static json_t *template_piece(const char *kind, json_t *id, int type_id)
{
    return json_pack("{s: {s: O, s: i}}", kind, "id", id, "type_id", type_id);
}

/* The document that a BERT vocabulary stands for. */
static json_t *bert_document(const struct side_files *f, const vocab *v)
{
    static const char *const keys[] = {"pad_token", "unk_token", "cls_token", "sep_token",
                                       "mask_token"};
    static const char *const presets[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    json_t *names[5], *added = json_array(), *specials = json_object();
    int next_id = v->n_distinct;
    for (int i = 0; i < 5; i++) {
        names[i] = special_json(f, keys[i], presets[i]);
        if (json_object_get(specials, json_string_value(names[i])))
            continue;
        int32_t id = vocab_id(v, json_str(names[i]));
        json_array_append_new(added, json_pack("{s: O, s: b}", "content", names[i], "special", 1));
        json_object_set_new(specials, json_string_value(names[i]),
                            json_pack("{s: [i]}", "ids", id < 0 ? next_id++ : (int)id));
    }
    json_t *a = json_string("A"), *b = json_string("B"), *cls = names[2], *sep = names[3];
    json_t *single =
        json_pack("[o, o, o]", template_piece("SpecialToken", cls, 0),
                  template_piece("Sequence", a, 0), template_piece("SpecialToken", sep, 0));
    json_t *pair = json_copy(single);
    json_array_append_new(pair, template_piece("Sequence", b, 1));
    json_array_append_new(pair, template_piece("SpecialToken", sep, 1));
    json_t *root = json_pack(
        "{s: o, s: {s: s, s: b, s: n}, s: {s: s}, s: {s: s, s: O, s: {}}, s: {s: s, s: o, s: o, "
        "s: o}, s: {s: s}}",
        "added_tokens", added, "normalizer", "type", "BertNormalizer", "lowercase", 1,
        "strip_accents", "pre_tokenizer", "type", "BertPreTokenizer", "model", "type", "WordPiece",
        "unk_token", names[1], "vocab", "post_processor", "type", "TemplateProcessing", "single",
        single, "pair", pair, "special_tokens", specials, "decoder", "type", "WordPiece");
    json_decref(a);
    json_decref(b);
    for (int i = 0; i < 5; i++)
        json_decref(names[i]);
    json_t *normalizer = json_object_get(root, "normalizer");
    override(f, "do_lower_case", normalizer, "lowercase");
    override(f, "strip_accents", normalizer, "strip_accents");
    override(f, "tokenize_chinese_chars", normalizer, "handle_chinese_chars");
    return root;
}

static tokenizer *open_vocab(const char *path, const struct side_files *f, error *e)
{
    own_file_map file_map bytes = {0};
    OWN(document_release) document d = {0};
    if (!file_map_open(&bytes, path, e) || !read_lines(&d.vocab, (str){bytes.p, bytes.n}, path, e))
        return NULL;
    d.root = bert_document(f, &d.vocab);
    return tokenizer_build(&d, path, e);
}

tokenizer *tokenizer_open(const char *folder, error *e)
{
    OWN(side_files_release) struct side_files f = {0};
    own_mem char *json = path_join(folder, "tokenizer.json");
    own_mem char *lines = path_join(folder, "vocab.txt");
    if (!read_config(folder, "tokenizer_config.json", &f.config, e) ||
        !read_config(folder, "special_tokens_map.json", &f.special_tokens, e) ||
        !read_config(folder, "config.json", &f.model_config, e))
        return NULL;
    tokenizer *t = NULL;
    if (file_exists(json))
        t = open_json(json, &f, e);
    else if (file_exists(lines))
        t = open_vocab(lines, &f, e);
    else
        fail(e, ERR_NOT_FOUND, "'%s' has neither a tokenizer.json nor a vocab.txt", folder);
    if (t)
        apply_config(t, &f);
    return t;
}
