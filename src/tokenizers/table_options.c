#include "tokenizers/table_options.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "base/utf8.h"
#include "tokenizers/python.h"
#include "tokenizers/side_files.h"

#include <stdlib.h>

enum { MEMORY_BYTES = 1 << 20, MAX_WHOLE = 1 << 12, USUAL_MAX = 512, FAR = 1 << 30 };

struct options {
    int lower_case, accents, chinese, basic, split_special, strip_names;
    int trim, max_column, max_row, min_question, max_question;
    double max_tokens;
    strs never_split;
};

static const field rows[] = {
    FIELD_BOOL(struct options, lower_case, "do_lower_case", 1, "lower the case"),
    FIELD_BOOL(struct options, accents, "strip_accents", -1, "-1: as the case"),
    FIELD_BOOL(struct options, chinese, "tokenize_chinese_chars", 1, "Chinese words"),
    FIELD_BOOL(struct options, basic, "do_basic_tokenize", 1, "cut words"),
    FIELD_BOOL(struct options, split_special, "split_special_tokens", 0, "added tokens are text"),
    FIELD_BOOL(struct options, strip_names, "strip_column_names", 0, "no headers"),
    FIELD_INT(struct options, trim, "cell_trim_length", -1, -FAR, FAR, "tokens of a cell"),
    FIELD_INT(struct options, max_column, "max_column_id", -1, 1, FAR, "columns"),
    FIELD_INT(struct options, max_row, "max_row_id", -1, 1, FAR, "rows"),
    FIELD_INT(struct options, min_question, "min_question_length", -1, 0, FAR, "least tokens"),
    FIELD_INT(struct options, max_question, "max_question_length", -1, 0, FAR, "most tokens"),
    FIELD_NUMBER(struct options, max_tokens, "model_max_length", USUAL_MAX, 1, 1e40, "tokens"),
    FIELD_STRINGS(struct options, never_split, "never_split", MAX_WHOLE, 0, "words left whole"),
    FIELD_END};

/* A list of extra special tokens, where it has any. */
static const json_t *extra_list(const json_t *object, const char *key)
{
    const json_t *list = json_object_get(object, key);
    return json_array_size(list) ? list : NULL;
}

/* The extra special tokens, as the reference puts them together of its files: the first stands for
 * empty texts. NULL: "[EMPTY]" is the only one. */
static const json_t *extra_tokens(const side_files *f)
{
    const json_t *list = extra_list(f->config, "extra_special_tokens");
    if (!list)
        list = extra_list(f->config, "additional_special_tokens");
    if (!list && !json_object_get(f->config, "added_tokens_decoder")) {
        list = extra_list(f->special_tokens, "extra_special_tokens");
        if (!list)
            list = extra_list(f->special_tokens, "additional_special_tokens");
    }
    return list;
}

static bool add_whole(table_tokenizer *m, str *list, str word, error *e)
{
    char *copy = m->words.n_whole < MAX_WHOLE ? arena_copy(m->memory, word.p, word.n) : NULL;
    if (!copy)
        return fail(e, ERR_BAD_MODEL, "tokenizer_config.json has too many special tokens");
    list[m->words.n_whole++] = (str){copy, word.n};
    return true;
}

/* Special tokens that the files name: all keys that end with "_token". */
static bool list_named(table_tokenizer *m, str *list, const side_files *f, error *e)
{
    static const char *const usual[] = {"unk_token", "sep_token", "pad_token", "cls_token",
                                        "mask_token"};
    static const char *const presets[] = {"[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"};
    const json_t *const files[] = {f->config, f->special_tokens};
    for (int i = 0; i < 5; i++) {
        str named = side_files_token_text(f, usual[i]);
        if (!add_whole(m, list, named.p ? named : str_of(presets[i]), e))
            return false;
    }
    for (int i = 0; i < 2; i++) {
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)files[i], key, value)
            if (str_ends(str_of(key), STR("_token")) && token_text(value).p &&
                !add_whole(m, list, token_text(value), e))
                return false;
    }
    return true;
}

/* The words that no step changes: those of never_split, then all special tokens. */
static bool list_whole(table_tokenizer *m, const struct options *o, const side_files *f, error *e)
{
    str *list = arena_try(m->memory, MAX_WHOLE, sizeof *list);
    const json_t *extra = extra_tokens(f), *item;
    size_t k;
    m->words.whole = list;
    for (int i = 0; i < o->never_split.n; i++)
        if (!add_whole(m, list, o->never_split.items[i], e))
            return false;
    m->words.n_ready = m->words.n_whole;
    if (!list_named(m, list, f, e))
        return false;
    json_array_foreach (extra, k, item)
        if (token_text(item).p && !add_whole(m, list, token_text(item), e))
            return false;
    str empty = extra ? token_text(json_array_get(extra, 0)) : STR("[EMPTY]");
    m->empty_id = empty.p ? tokenizer_token_id(m->tokenizer, empty) : -1;
    if (m->empty_id < 0)
        return fail(e, ERR_BAD_MODEL, "the tokenizer has no token '%.60s' for empty cells",
                    empty.p ? empty.p : "");
    return add_whole(m, list, STR("[EMPTY]"), e);
}

/* Added tokens have the ids that the file gives them, where the vocabulary does not. */
static bool check_added(const table_tokenizer *m, const side_files *f, error *e)
{
    const char *key;
    json_t *value;
    json_object_foreach (json_object_get(f->config, "added_tokens_decoder"), key, value) {
        str content = token_text(value);
        int id = content.p ? tokenizer_token_id(m->tokenizer, content) : -1;
        if (id >= 0 && vocab_id(&m->tokenizer->vocab, content) == VOCAB_ABSENT &&
            id != strtol(key, NULL, 10))
            return fail(e, ERR_BAD_MODEL,
                        "tokenizer_config.json gives the added token '%.60s' the id %.20s, "
                        "expected %d, the next one behind the vocabulary",
                        content.p, key, id);
    }
    return true;
}

static int less(double max_tokens, int given)
{
    return given > 0 ? given : max_tokens < FAR ? (int)max_tokens : FAR;
}

static bool read_options(table_tokenizer *m, const side_files *f, error *e)
{
    struct options o;
    error inner = {0};
    fields_preset(rows, &o);
    if (f->config && !fields_parse(rows, f->config, "", &o, m->memory, &inner))
        return fail(e, ERR_BAD_MODEL, "tokenizer_config.json: %s", inner.message);
    m->words.plain = !o.basic;
    m->words.lower_case = o.lower_case;
    m->words.strip_accents = o.lower_case ? o.accents != 0 : o.accents > 0;
    m->words.split_chinese = o.chinese;
    m->split_special = o.split_special;
    m->strip_names = o.strip_names;
    m->trim = o.trim;
    m->max_column = less(o.max_tokens, o.max_column);
    m->max_row = less(o.max_tokens, o.max_row);
    m->min_question = o.min_question;
    m->max_question = o.max_question;
    return list_whole(m, &o, f, e) && check_added(m, f, e);
}

table_tokenizer *table_tokenizer_open(const char *folder, const tokenizer *t, error *e)
{
    OWN(side_files_release) side_files f = {0};
    const tokenizer_info *about = tokenizer_info_of(t);
    table_tokenizer *m = xcalloc(1, sizeof *m);
    m->tokenizer = t;
    m->memory = arena_new(MEMORY_BYTES);
    m->unk_id = about->unk_id;
    bool ok = side_files_read(&f, folder, e) && read_options(m, &f, e);
    if (ok && (about->cls_id < 0 || about->sep_id < 0 || about->unk_id < 0))
        ok = fail(e, ERR_BAD_MODEL, "the tokenizer has no '[CLS]', '[SEP]' or '[UNK]'");
    if (ok)
        return m;
    table_tokenizer_close(m);
    return NULL;
}

void table_tokenizer_close(table_tokenizer *m)
{
    if (!m)
        return;
    arena_free(m->memory);
    free(m);
}

/* Whether a text says nothing: no letter, no digit, or one of the ways to say so. */
static bool is_empty(str given)
{
    static const char *const ways[] = {"n/a", "nan"};
    str bare = python_strip(given);
    for (int i = 0; i < 2 && bare.n == 3; i++)
        if ((bare.p[0] | 32) == ways[i][0] && (bare.p[1] | 32) == (ways[i][1] | 32) &&
            (bare.p[2] | 32) == ways[i][2])
            return true;
    for (size_t at = 0; at < bare.n;)
        if (python_is(unicode_next(bare.p, &at), PYTHON_WORD))
            return false;
    return true;
}

/* Gives words to WordPiece. */
struct pieces_of_words {
    word_sink base;
    const table_tokenizer *m;
    tokens *out;
};

static void add_id(tokens *out, int id)
{
    tokens_add(out, (token){.id = id});
}

static bool put_word(word_sink *base, str word, bool ready, error *e)
{
    struct pieces_of_words *s = (struct pieces_of_words *)base;
    const tokenizer *t = s->m->tokenizer;
    if (ready) {
        int id = tokenizer_token_id(t, word);
        add_id(s->out, id < 0 ? s->m->unk_id : id);
        return true;
    }
    text view = text_of(word);
    return model_run(&t->model, &t->vocab, &view, s->out, e);
}

static bool add_text(const table_tokenizer *m, str given, tokens *out, error *e)
{
    struct pieces_of_words sink = {{put_word}, m, out};
    if (is_empty(given)) {
        add_id(out, m->empty_id);
        return true;
    }
    return basic_words_run(&m->words, given, &sink.base, e);
}

bool table_tokens_of(const table_tokenizer *m, str given, tokens *out, error *e)
{
    added_walk walk = {.matcher = &m->tokenizer->added.raw, .in = given};
    added_match match;
    if (utf8_valid_prefix(given) != given.n)
        return fail(e, ERR_BAD_REQUEST, "a text is not valid UTF-8 at byte %zu",
                    utf8_valid_prefix(given));
    if (m->split_special)
        return add_text(m, given, out, e);
    while (added_next(&walk, &match)) {
        if (match.token)
            add_id(out, match.token->id);
        else if (!add_text(m, (str){given.p + match.begin, match.end - match.begin}, out, e))
            return false;
    }
    return !out->failed || fail(e, ERR_TOO_LARGE, "a text has too many tokens");
}

bool table_token_is_inner(const table_tokenizer *m, int id)
{
    return str_starts(tokenizer_id_token(m->tokenizer, id), STR("##"));
}
