/* The document of a recipe: its parts are looked up by name in the table of steps, then told what
 * the folder's options say. Added tokens get their ids in the order in which transformers adds
 * them: those of "added_tokens_decoder", the named ones, those of the vocabulary file. */
#include "tokenizers/recipe.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "tokenizers/base64.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

const char *const recipe_token_keys[N_RECIPE_TOKENS] = {
    [BOS] = "bos_token", [EOS] = "eos_token", [UNK] = "unk_token",  [SEP] = "sep_token",
    [PAD] = "pad_token", [CLS] = "cls_token", [MASK] = "mask_token"};

/* Parts of normalizers, pre-tokenizers and decoders. */
static const struct step {
    const char *name, *json; /* an array: what the name stands for */
    const char *option;      /* only if this flag of tokenizer_config.json ... */
    bool wanted;             /* ... has this value */
    const char *value;       /* ... or is this string; NULL: it is a flag */
} steps[] = {
    {.name = "charsmap", .json = "[{\"type\":\"Precompiled\"}]"},
    {.name = "quotes",
     .json = "[{\"type\":\"Replace\",\"pattern\":{\"String\":\"``\"},\"content\":\"\\\"\"},"
             "{\"type\":\"Replace\",\"pattern\":{\"String\":\"''\"},\"content\":\"\\\"\"}]"},
    {.name = "spaces",
     .json = "[{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}]"},
    {.name = "marks",
     .json = "[{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\"\u2581\"}]"},
    {.name = "blanks",
     .json = "[{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"\\\\s{2,}|[\\\\n\\\\r\\\\t]\"},"
             "\"content\":\" \"}]"},
    {.name = "strip", .json = "[{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true}]"},
    {.name = "nfc", .json = "[{\"type\":\"NFC\"}]"},
    {.name = "nfkc", .json = "[{\"type\":\"NFKC\"}]"},
    {.name = "accents",
     .json = "[{\"type\":\"NFKD\"},{\"type\":\"StripAccents\"}]",
     .option = "keep_accents"},
    {.name = "lower",
     .json = "[{\"type\":\"Lowercase\"}]",
     .option = "do_lower_case",
     .wanted = true},
    {.name = "moses-en",
     .json = "[{\"type\":\"Moses\",\"language\":\"en\",\"lower\":\"behind\"}]",
     .option = "do_lowercase_and_remove_accent",
     .wanted = true},
    {.name = "moses-en",
     .json = "[{\"type\":\"Moses\",\"language\":\"en\",\"lower\":\"never\"}]",
     .option = "do_lowercase_and_remove_accent"},
    {.name = "moses-fr",
     .json = "[{\"type\":\"Moses\",\"language\":\"fr\",\"lower\":\"before\"}]",
     .option = "do_lowercase",
     .wanted = true},
    {.name = "moses-fr",
     .json = "[{\"type\":\"Moses\",\"language\":\"fr\",\"lower\":\"never\"}]",
     .option = "do_lowercase"},
    {.name = "tweet", .json = "[{\"type\":\"Tweet\"}]", .option = "normalization", .wanted = true},
    {.name = "bert", .json = "[{\"type\":\"BertNormalizer\"}]"},
    {.name = "tokens", .json = "[{\"type\":\"Split\",\"behavior\":\"Isolated\"}]"},
    {.name = "words", .json = "[{\"type\":\"WhitespaceSplit\"}]"},
    {.name = "words-with-ends", /* a line feed behind a word is a part of it */
     .json = "[{\"type\":\"Split\",\"behavior\":\"Removed\",\"invert\":true,"
             "\"pattern\":{\"Regex\":\"[^\\\\s\\\\x1c-\\\\x1f]+\\\\n?\"}}]"},
    {.name = "jieba", .json = "[{\"type\":\"Jieba\"}]"},
    {.name = "mecab", .json = "[{\"type\":\"MeCab\"}]"},
    {.name = "word-parts", /* words have no white space */
     .json = "[{\"type\":\"Split\",\"behavior\":\"Removed\","
             "\"pattern\":{\"Regex\":\"[\\\\s\\\\x1c-\\\\x1f]+\"}}]",
     .option = "subword_tokenizer_type",
     .value = "wordpiece"},
    {.name = "word-parts",
     .json = "[{\"type\":\"FixedLength\",\"length\":1}]",
     .option = "subword_tokenizer_type",
     .value = "character"},
    {.name = "metaspace", .json = "[{\"type\":\"Metaspace\",\"replacement\":\"\u2581\"}]"},
    {.name = "whole-metaspace",
     .json = "[{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"split\":false}]"},
    {.name = "punctuation",
     .json = "[{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}]",
     .option = "split_by_punct",
     .wanted = true},
    {.name = "bert-words", .json = "[{\"type\":\"BertPreTokenizer\"}]"},
    {.name = "bytes", .json = "[{\"type\":\"ByteLevel\",\"add_prefix_space\":false}]"},
    {.name = "plain-bytes",
     .json = "[{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]"},
    {.name = "qwen2",
     .json = "[{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{\"Regex\":\""
             "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}|"
             " ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+"
             "\"}}]"},
    {.name = "fuse", .json = "[{\"type\":\"Fuse\"}]"},
    {.name = "parts", .json = "[{\"type\":\"BPEDecoder\",\"suffix\":\"\",\"inside\":\"@@\"}]"},
    {.name = "word-ends", .json = "[{\"type\":\"BPEDecoder\",\"suffix\":\"</w>\"}]"},
    {.name = "wordpiece", .json = "[{\"type\":\"WordPiece\"}]"},
    {.name = "spaced-wordpiece", .json = "[{\"type\":\"WordPiece\",\"cleanup\":false}]"},
    {.name = "llama",
     .json = "[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\u2581\"},\"content\":\" \"},"
             "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]"},
    {.name = "llama-start",
     .json = "[{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]",
     .option = "add_prefix_space",
     .wanted = true},
};

/* What a document is built from. */
struct build {
    const recipe *recipe;
    const side_files *files;
    const sentencepiece *model;
    const vocab *vocab;
    json_t *added; /* the array "added_tokens" */
    json_t *ids;   /* {"<s>": 0} of all added tokens */
    int next_id;
};

static bool preset_of(const recipe *r, const char *option)
{
    return strcmp(option, "do_lower_case") == 0 ? r->lower_case
           : strcmp(option, "keep_accents") == 0
               ? r->keep_accents
               : strcmp(option, "add_prefix_space") == 0 ||
                     strcmp(option, "do_lowercase_and_remove_accent") == 0;
}

static bool flag(const struct build *b, const char *option)
{
    return side_files_flag(b->files, option, preset_of(b->recipe, option));
}

static const char *prepend_scheme(const struct build *b)
{
    bool prefix = flag(b, "add_prefix_space");
    switch (b->recipe->prefix) {
    case PREFIX_OR_NEVER:
        return prefix ? "always" : "never";
    case PREFIX_OR_FIRST:
        return prefix ? "always" : "first";
    case PREFIX_LLAMA:
        return !prefix ? "never" : side_files_flag(b->files, "legacy", false) ? "always" : "first";
    default:
        return "always";
    }
}

static void set_flag(const struct build *b, json_t *part, const char *option, const char *name)
{
    const json_t *value = json_object_get(b->files->config, option);
    if (json_is_boolean(value) || json_is_null(value))
        json_object_set(part, name, (json_t *)value);
}

static int compare_lengths(const void *a, const void *b)
{
    const str *x = a, *y = b;
    return (x->n < y->n) - (x->n > y->n);
}

/* A regular expression that finds the longest of all tokens. */
static json_t *any_token(const vocab *v)
{
    own_mem str *tokens = xcalloc((size_t)v->n_ids + 1, sizeof *tokens);
    own_buf buf pattern = buf_new(SIZE_MAX / 2);
    for (int id = 0; id < v->n_ids; id++)
        tokens[id] = vocab_token(v, id);
    qsort(tokens, (size_t)v->n_ids, sizeof *tokens, compare_lengths);
    for (int i = 0; i < v->n_ids && tokens[i].n; i++) {
        if (i)
            buf_byte(&pattern, '|');
        for (size_t k = 0; k < tokens[i].n; k++) {
            unsigned char c = (unsigned char)tokens[i].p[k];
            if (c < 0x80 && !isalnum(c))
                buf_byte(&pattern, '\\');
            buf_byte(&pattern, (char)c);
        }
    }
    str made = buf_view(&pattern);
    return json_pack("{s: s%}", "Regex", made.n ? made.p : "", made.n);
}

/* What the options of the folder change in a part. */
static void adjust(const struct build *b, json_t *part)
{
    str type = json_str(json_object_get(part, "type"));
    if (str_is(type, "Precompiled")) {
        char *encoded = base64_encode(b->model->charsmap);
        json_object_set_new(part, "precompiled_charsmap", json_string(encoded ? encoded : ""));
        free(encoded);
    } else if (str_is(type, "Metaspace")) {
        json_object_set_new(part, "prepend_scheme", json_string(prepend_scheme(b)));
    } else if (str_is(type, "Split") && b->recipe->whole) {
        json_object_set_new(part, "pattern", any_token(b->vocab));
    } else if (str_is(type, "ByteLevel")) {
        set_flag(b, part, "add_prefix_space", "add_prefix_space");
    } else if (str_is(type, "MeCab")) {
        json_object_set_new(part, "dictionary", json_string(recipe_japanese_dictionary(b->files)));
        json_object_set_new(part, "lower_case", json_boolean(flag(b, "do_lower_case")));
    } else if (str_is(type, "BertNormalizer")) {
        json_object_set_new(part, "lowercase", json_boolean(b->recipe->lower_case));
        json_object_set_new(part, "strip_accents", json_null());
        set_flag(b, part, "do_lower_case", "lowercase");
        set_flag(b, part, "strip_accents", "strip_accents");
        set_flag(b, part, "tokenize_chinese_chars", "handle_chinese_chars");
        if (b->recipe->keeps_chinese)
            json_object_set_new(part, "handle_chinese_chars", json_false());
    }
}

/* Of options that are strings, all of which have the same preset. */
static bool has_value(const struct build *b, const char *option, const char *value)
{
    const json_t *given = json_object_get(b->files->config, option);
    return str_is(json_is_string(given) ? json_str(given) : STR("wordpiece"), value);
}

static bool is_left_out(const struct build *b, const struct step *s)
{
    bool no_charsmap = strcmp(s->name, "charsmap") == 0 && b->model->charsmap.n == 0;
    if (s->value)
        return !has_value(b, s->option, s->value);
    return no_charsmap || (s->option && flag(b, s->option) != s->wanted);
}

static void add_step(const struct build *b, str name, json_t *list)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (!str_is(name, steps[i].name) || is_left_out(b, &steps[i]))
            continue;
        json_t *parts = json_loads(steps[i].json, 0, NULL), *part;
        size_t k;
        json_array_foreach (parts, k, part)
            adjust(b, part);
        json_array_extend(list, parts);
        json_decref(parts);
    }
}

/* Takes the next word off a text of words. */
static str next_word(str *rest)
{
    const char *space = rest->n ? memchr(rest->p, ' ', rest->n) : NULL;
    str word = {rest->p, space ? (size_t)(space - rest->p) : rest->n};
    *rest = str_skip(*rest, word.n + 1);
    return word;
}

/* {"type": "Sequence", key: [...]} of the named steps. */
static json_t *sequence(const struct build *b, const char *names, const char *key)
{
    json_t *list = json_array();
    for (str rest = str_of(names); rest.n;)
        add_step(b, next_word(&rest), list);
    return json_pack("{s: s, s: o}", "type", "Sequence", key, list);
}

/* Adds a token once. `from` has its properties, or is plain text. */
static void add_token(struct build *b, str content, const json_t *from, bool special, bool lstrip)
{
    if (!content.p || content.n == 0 || json_object_getn(b->ids, content.p, content.n))
        return;
    int32_t id = vocab_id(b->vocab, content);
    json_object_setn_new(b->ids, content.p, content.n,
                         json_integer(id == VOCAB_ABSENT ? b->next_id++ : id));
    if (b->recipe->adds_new_only && id != VOCAB_ABSENT)
        return;
    json_t *token = json_pack("{s: s%, s: b, s: b}", "content", content.p, content.n, "special",
                              special, "lstrip", lstrip);
    static const char *const keys[] = {"lstrip", "rstrip", "single_word", "normalized"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *value = json_object_get(from, keys[i]);
        if (json_is_boolean(value))
            json_object_set(token, keys[i], value);
    }
    if (b->recipe->adds_new_only)
        json_object_set_new(token, "normalized", json_false());
    json_array_append_new(b->added, token);
}

struct numbered {
    long id;
    const json_t *token;
};

static int compare_numbers(const void *a, const void *b)
{
    long x = ((const struct numbered *)a)->id, y = ((const struct numbered *)b)->id;
    return (x > y) - (x < y);
}

static void add_decoder_tokens(struct build *b)
{
    json_t *listed = json_object_get(b->files->config, "added_tokens_decoder"), *token;
    struct numbered *sorted = calloc(json_object_size(listed) + 1, sizeof *sorted);
    const char *key;
    int n = 0;
    json_object_foreach (listed, key, token)
        if (sorted && json_is_object(token))
            sorted[n++] = (struct numbered){strtol(key, NULL, 10), token};
    if (n)
        qsort(sorted, (size_t)n, sizeof *sorted, compare_numbers);
    for (int i = 0; i < n; i++)
        add_token(b, token_text(sorted[i].token), sorted[i].token,
                  json_is_true(json_object_get(sorted[i].token, "special")), false);
    free(sorted);
}

static void add_listed(struct build *b, const char *key)
{
    const json_t *list = json_object_get(b->files->config, key), *token;
    size_t i;
    json_array_foreach (list, i, token)
        add_token(b, token_text(token), token, true, false);
}

/* A piece that is also a named token takes the place of what its class says about white space. */
static void add_piece(struct build *b, size_t n_fixed, str content, bool special)
{
    for (size_t i = n_fixed; i < json_array_size(b->added); i++) {
        json_t *token = json_array_get(b->added, i);
        if (!str_eq(token_text(token), content))
            continue;
        json_object_del(token, "rstrip");
        json_object_del(token, "single_word");
        json_object_del(token, "normalized");
        json_object_set_new(token, "lstrip", json_false());
        return;
    }
    add_token(b, content, NULL, special, false);
}

static void add_all_tokens(struct build *b)
{
    const char *const *codes;
    int n_codes = recipe_languages(b->recipe, &codes);
    add_decoder_tokens(b);
    size_t n_fixed = json_array_size(b->added);
    for (int i = 0; i < N_RECIPE_TOKENS; i++) {
        const json_t *named = side_files_token(b->files, recipe_token_keys[i]);
        add_token(b, token_text(named), named, true, i == MASK && b->recipe->mask_takes_space);
    }
    if (b->recipe->empty_token)
        add_token(b, str_of(b->recipe->empty_token), NULL, true, false);
    for (int i = 0; i < n_codes; i++)
        add_token(b, str_of(codes[i]), NULL, true, false);
    for (int i = 0; i < b->model->n; i++) {
        const struct piece *piece = &b->model->pieces[i];
        if (piece->type == PIECE_CONTROL || piece->type == PIECE_USER_DEFINED)
            add_piece(b, n_fixed, piece->text, piece->type == PIECE_CONTROL);
    }
    for (int i = recipe_extra_ids(b->recipe, b->files) - 1; i >= 0; i--) {
        char name[32];
        snprintf(name, sizeof name, "<extra_id_%d>", i);
        add_token(b, str_of(name), NULL, true, false);
    }
    add_listed(b, "additional_special_tokens");
    add_listed(b, "extra_special_tokens");
    if (!json_object_get(b->files->config, "additional_special_tokens") &&
        !json_object_get(b->files->config, "extra_special_tokens"))
        for (str rest = str_of(b->recipe->more); rest.n;)
            add_token(b, next_word(&rest), NULL, true, false);
}

static int id_of(const struct build *b, str content)
{
    return content.p ? (int)json_integer_value(json_object_getn(b->ids, content.p, content.n)) : 0;
}

/* The text of "cls", "bos" ..., and of "lang": the language to encode. */
static str named_token(const struct build *b, str name)
{
    if (str_is(name, "lang")) {
        const json_t *given = json_object_get(b->files->config, "src_lang");
        return json_is_string(given) ? json_str(given) : STR("en_XX");
    }
    for (int i = 0; i < N_RECIPE_TOKENS; i++)
        if (str_starts(str_of(recipe_token_keys[i]), name))
            return side_files_token_text(b->files, recipe_token_keys[i]);
    return (str){0};
}

/* "cls0 A0" as the parts of a template; notes the special tokens it uses. */
static json_t *template_parts(const struct build *b, const char *spelled, json_t *specials)
{
    json_t *parts = json_array();
    for (str rest = str_of(spelled); rest.n;) {
        str word = next_word(&rest), name = {word.p, word.n - 1};
        int type_id = word.p[word.n - 1] - '0';
        if (str_is(name, "A") || str_is(name, "B")) {
            json_array_append_new(parts, json_pack("{s: {s: s%, s: i}}", "Sequence", "id", name.p,
                                                   name.n, "type_id", type_id));
            continue;
        }
        str token = named_token(b, name);
        if (!token.p)
            continue;
        json_array_append_new(parts, json_pack("{s: {s: s%, s: i}}", "SpecialToken", "id", token.p,
                                               token.n, "type_id", type_id));
        json_object_setn_new(specials, token.p, token.n,
                             json_pack("{s: [i]}", "ids", id_of(b, token)));
    }
    return parts;
}

static json_t *roberta_post_processor(const struct build *b)
{
    str sep = named_token(b, STR("sep")), cls = named_token(b, STR("cls"));
    return json_pack("{s: s, s: [s%, i], s: [s%, i], s: b, s: b}", "type", "RobertaProcessing",
                     "sep", sep.p ? sep.p : "", sep.n, id_of(b, sep), "cls", cls.p ? cls.p : "",
                     cls.n, id_of(b, cls), "trim_offsets",
                     side_files_flag(b->files, "trim_offsets", true), "add_prefix_space",
                     side_files_flag(b->files, "add_prefix_space", false));
}

static json_t *post_processor(const struct build *b)
{
    const char *single = b->recipe->single, *pair = b->recipe->pair;
    char edges[2][32];
    if (single && strcmp(single, "roberta") == 0)
        return roberta_post_processor(b);
    if (!single) {
        bool bos = side_files_flag(b->files, "add_bos_token", false);
        bool eos = side_files_flag(b->files, "add_eos_token", false);
        for (int i = 0; i < 2; i++)
            snprintf(edges[i], sizeof edges[i], "%sA0%s%s%s%s", bos ? "bos0 " : "",
                     eos ? " eos0" : "", i && bos ? " bos1" : "", i ? " B1" : "",
                     i && eos ? " eos1" : "");
        single = edges[0];
        pair = edges[1];
    }
    json_t *specials = json_object();
    json_t *single_parts = template_parts(b, single, specials);
    json_t *pair_parts = template_parts(b, pair, specials);
    return json_pack("{s: s, s: o, s: o, s: o}", "type", "TemplateProcessing", "single",
                     single_parts, "pair", pair_parts, "special_tokens", specials);
}

static json_t *model_part(const struct build *b)
{
    str unk = named_token(b, STR("unk"));
    bool bytes = b->recipe->prefix == PREFIX_LLAMA;
    if (b->recipe->source == SOURCE_CODE_POINTS)
        return json_pack("{s: s, s: {}}", "type", "CodePoints", "vocab");
    if (b->recipe->source == SOURCE_LINES)
        return json_pack("{s: s, s: s%, s: {}}", "type",
                         b->recipe->whole ? "WordLevel" : "WordPiece", "unk_token",
                         unk.p ? unk.p : "", unk.n, "vocab");
    if (b->recipe->suffix)
        return json_pack("{s: s, s: s%, s: s, s: s, s: {}, s: {}}", "type", "BPE", "unk_token",
                         unk.p ? unk.p : "", unk.n, "end_of_word_suffix", b->recipe->suffix,
                         "continuing_subword_suffix", b->recipe->inside ? b->recipe->inside : "",
                         "vocab", "merges");
    if (b->recipe->source == SOURCE_MERGES || bytes)
        return json_pack("{s: s, s: b, s: b, s: {}, s: {}}", "type", "BPE", "fuse_unk", bytes,
                         "byte_fallback", bytes, "vocab", "merges");
    int unk_id = b->model->unk_id;
    if (b->recipe->layout != LAYOUT_PLAIN && b->recipe->layout != LAYOUT_T5)
        unk_id = 3;
    json_t *model = json_pack("{s: s, s: {}}", "type", "Unigram", "vocab");
    if (unk_id >= 0)
        json_object_set_new(model, "unk_id", json_integer(unk_id));
    return model;
}

json_t *recipe_document(const recipe *r, const side_files *f, const sentencepiece *model,
                        const vocab *v)
{
    struct build b = {r, f, model, v, json_array(), json_object(), v->n_distinct};
    add_all_tokens(&b);
    json_t *root = json_pack("{s: O, s: o, s: o, s: o, s: o}", "added_tokens", b.added,
                             "normalizer", sequence(&b, r->normalizer, "normalizers"),
                             "pre_tokenizer", sequence(&b, r->pre_tokenizer, "pretokenizers"),
                             "model", model_part(&b), "post_processor", post_processor(&b));
    if (r->decoder)
        json_object_set_new(root, "decoder", sequence(&b, r->decoder, "decoders"));
    json_decref(b.added);
    json_decref(b.ids);
    return root;
}

static bool is_class(str class_name, const char *name)
{
    str rest = str_skip(class_name, strlen(name));
    return str_starts(class_name, str_of(name)) &&
           (str_is(rest, "Tokenizer") || str_is(rest, "TokenizerFast"));
}

static bool names_class(const recipe *r, str class_name)
{
    bool found = is_class(class_name, r->class_name);
    for (int i = 0; i < RECIPE_NAMES && r->also[i]; i++)
        found |= is_class(class_name, r->also[i]);
    return found;
}

static bool names_type(const recipe *r, str type)
{
    bool found = false;
    for (int i = 0; i < RECIPE_NAMES && r->model_types[i]; i++)
        found |= str_is(type, r->model_types[i]);
    return found;
}

const recipe *recipe_find(const side_files *f)
{
    const json_t *class_name = json_object_get(f->config, "tokenizer_class");
    const json_t *type = json_object_get(f->model_config, "model_type");
    if (!json_is_string(class_name))
        class_name = json_object_get(f->model_config, "tokenizer_class");
    for (const recipe *r = recipe_list; r->class_name && json_is_string(class_name); r++)
        if (names_class(r, json_str(class_name)))
            return r;
    for (const recipe *r = recipe_list; r->class_name && json_is_string(type); r++)
        if (names_type(r, json_str(type)))
            return r;
    return NULL;
}
