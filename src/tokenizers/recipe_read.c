/* Vocabulary files: one token a line, vocab.json with merges.txt, vocab.txt with bpe.codes,
 * sentencepiece models. */
#include "tokenizers/recipe.h"

#include "base/json.h"
#include "base/own.h"
#include "base/utf8.h"
#include "tokenizers/python.h"
#include "tokenizers/unicode.h"

#include <stdio.h>
#include <stdlib.h>

enum { MODEL_MAX_BYTES = 1 << 30 };

static const char *const mbart_languages[] = {
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN",
    "hi_IN", "it_IT", "ja_XX", "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP",
    "nl_XX", "ro_RO", "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN", "af_ZA", "az_AZ",
    "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK", "ml_IN",
    "mn_MN", "mr_IN", "pl_PL", "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN",
    "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES", "sl_SI"};

int recipe_languages(const recipe *r, const char *const **codes)
{
    *codes = mbart_languages;
    return r->layout == LAYOUT_MBART ? 25 : r->layout == LAYOUT_MBART50 ? 52 : 0;
}

int recipe_extra_ids(const recipe *r, const side_files *f)
{
    const json_t *given = json_object_get(f->config, "extra_ids");
    double n = json_is_number(given) ? json_number_value(given) : 100;
    return r->layout != LAYOUT_T5 || !(n >= 0 && n <= 10000) ? 0 : (int)n;
}

/* Takes the next line off a text, without its end. */
static str next_line(str *rest)
{
    const char *newline = memchr(rest->p, '\n', rest->n);
    str line = {rest->p, newline ? (size_t)(newline - rest->p) : rest->n};
    *rest = str_skip(*rest, line.n + 1);
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static bool check_utf8(str bytes, const char *path, error *e)
{
    size_t bad = utf8_valid_prefix(bytes);
    return bad == bytes.n ||
           fail(e, ERR_BAD_MODEL, "'%s' is not valid UTF-8 at byte %zu", path, bad);
}

static bool read_lines(vocab *v, str lines, const char *path, error *e)
{
    if (!check_utf8(lines, path, e))
        return false;
    if (!lines.n)
        return fail(e, ERR_BAD_MODEL, "'%s' is empty, expected a token in each line", path);
    for (int64_t id = 0; lines.n; id++)
        if (!vocab_add(v, next_line(&lines), id, e))
            return fail_in(e, "'%s'", path);
    return vocab_finish(v, e) || fail_in(e, "'%s'", path);
}

static bool read_vocab_json(vocab *v, str json, const char *path, error *e)
{
    size_t at = 0;
    if (!vocab_read(v, json, &at, e) || !vocab_finish(v, e))
        return fail_in(e, "'%s'", path);
    while (at < json.n && strchr(" \n\r\t", json.p[at]) && json.p[at])
        at++;
    return at == json.n ||
           fail(e, ERR_BAD_MODEL, "'%s' has more than an object, at byte %zu", path, at);
}

/* A pair a line, behind lines that begin with "#version". */
static bool read_merge_lines(document *d, str lines, const char *path, error *e)
{
    if (!check_utf8(lines, path, e))
        return false;
    d->merges.given = true;
    for (int number = 1; lines.n; number++) {
        str line = next_line(&lines);
        if (str_starts(line, STR("#version")) || (line.n == 0 && lines.n == 0))
            continue;
        const char *space = line.n ? memchr(line.p, ' ', line.n) : NULL;
        str left = {line.p, space ? (size_t)(space - line.p) : 0};
        str right = str_skip(line, left.n + 1);
        if (!space || (right.n && memchr(right.p, ' ', right.n)))
            return fail(e, ERR_BAD_MODEL, "'%s': line %d is not two tokens", path, number);
        if (!merges_add(&d->merges, &d->vocab, left, right, e))
            return fail_in(e, "'%s': line %d", path, number);
    }
    return merges_finish(&d->merges, &d->vocab, STR(""), e) || fail_in(e, "'%s'", path);
}

/* Takes the next word off a line. */
static str take_word(str *line)
{
    static const char blanks[] = " \t";
    while (line->n && strchr(blanks, *line->p) && *line->p)
        *line = str_skip(*line, 1);
    size_t n = 0;
    while (n < line->n && !(strchr(blanks, line->p[n]) && line->p[n]))
        n++;
    str word = {line->p, n};
    *line = str_skip(*line, n);
    return word;
}

static bool add_word_merge(document *d, str left, str right, error *e)
{
    enum { LONGEST = 1 << 12 };
    char joined[LONGEST];
    if (left.n + right.n > sizeof joined)
        return fail(e, ERR_BAD_MODEL, "it makes %zu bytes, expected at most %d", left.n + right.n,
                    LONGEST);
    memcpy(joined, left.p, left.n);
    memcpy(joined + left.n, right.p, right.n);
    return vocab_add_symbol(&d->vocab, left, e) && vocab_add_symbol(&d->vocab, right, e) &&
           vocab_add_symbol(&d->vocab, (str){joined, left.n + right.n}, e) &&
           merges_add(&d->merges, &d->vocab, left, right, e);
}

/* Pairs of symbols, often with a count behind; where it is always there, lines of another form do
 * not count. As XLM's class and its relatives read them, neither does a last line without end. */
static bool read_word_merges(document *d, str lines, bool counted, const char *path, error *e)
{
    if (!check_utf8(lines, path, e))
        return false;
    while (lines.n && lines.p[lines.n - 1] != '\n')
        lines.n--;
    d->merges.given = true;
    for (int number = 1; lines.n; number++) {
        str line = next_line(&lines), left = take_word(&line), right = take_word(&line);
        bool counts = right.n && (!counted || (take_word(&line).n && take_word(&line).n == 0));
        if (counts && !add_word_merge(d, left, right, e))
            return fail_in(e, "'%s': line %d", path, number);
    }
    return merges_finish(&d->merges, &d->vocab, STR(""), e) || fail_in(e, "'%s'", path);
}

static bool add_token(vocab *v, str token, double score, error *e)
{
    return vocab_add_scored(v, token.p ? token : STR(""), v->n, score, e);
}

static bool add_named(vocab *v, const side_files *f, enum recipe_token which, error *e)
{
    return add_token(v, side_files_token_text(f, recipe_token_keys[which]), 0, e);
}

/* The tokens in front of the pieces; returns from which piece on those count, -1 on failure. */
static int add_front(vocab *v, const recipe *r, const side_files *f, error *e)
{
    static const enum recipe_token fairseq[] = {BOS, PAD, EOS, UNK},
                                   mbart50[] = {CLS, PAD, EOS, UNK};
    switch (r->layout) {
    case LAYOUT_PLAIN:
    case LAYOUT_T5:
        return 0;
    case LAYOUT_CAMEMBERT:
        return add_token(v, STR("<s>NOTUSED"), 0, e) && add_named(v, f, PAD, e) &&
                       add_token(v, STR("</s>NOTUSED"), 0, e) && add_named(v, f, UNK, e) &&
                       add_token(v, STR("<unk>NOTUSED"), -100, e)
                   ? 1
                   : -1;
    default:
        for (int i = 0; i < 4; i++)
            if (!add_named(v, f, (r->layout == LAYOUT_MBART50 ? mbart50 : fairseq)[i], e))
                return -1;
        return 3;
    }
}

static bool add_back(vocab *v, const recipe *r, const side_files *f, error *e)
{
    const char *const *codes;
    int n_codes = recipe_languages(r, &codes);
    for (int i = recipe_extra_ids(r, f) - 1; i >= 0; i--) {
        char token[32];
        snprintf(token, sizeof token, "<extra_id_%d>", i);
        if (!add_token(v, str_of(token), 0, e))
            return false;
    }
    for (int i = 0; i < n_codes; i++)
        if (!add_token(v, str_of(codes[i]), 0, e))
            return false;
    return r->layout == LAYOUT_PLAIN || r->layout == LAYOUT_T5 || add_named(v, f, MASK, e);
}

/* All ways to make a piece of two shorter ones; the merges of a model that has only scores. */
struct split {
    int id, left, right;
    int n_left, n_right; /* in characters */
};

static int compare_splits(const void *a, const void *b)
{
    const struct split *x = a, *y = b;
    int order[] = {x->id - y->id, x->n_left - y->n_left, x->n_right - y->n_right};
    for (int i = 0; i < 3; i++)
        if (order[i])
            return order[i];
    return x->left != y->left ? x->left - y->left : x->right - y->right;
}

static bool add_splits(document *d, int id, error *e)
{
    struct split found[256];
    str token = vocab_token(&d->vocab, id);
    int n = 0, n_chars = (int)utf8_length(token), n_left = 0;
    size_t at = 0;
    while (n < 256 && at < token.n && utf8_next(token, &at) != UTF8_BAD && at < token.n) {
        n_left++;
        int32_t left = vocab_id(&d->vocab, (str){token.p, at});
        int32_t right = vocab_id(&d->vocab, str_skip(token, at));
        if (left != VOCAB_ABSENT && right != VOCAB_ABSENT)
            found[n++] = (struct split){id, left, right, n_left, n_chars - n_left};
    }
    qsort(found, (size_t)n, sizeof *found, compare_splits);
    for (int i = 0; i < n; i++)
        if (!merges_add(&d->merges, &d->vocab, vocab_token(&d->vocab, found[i].left),
                        vocab_token(&d->vocab, found[i].right), e))
            return false;
    return true;
}

static bool make_merges(document *d, error *e)
{
    d->merges.given = true;
    for (int id = 0; id < d->vocab.n_ids; id++)
        if (!add_splits(d, id, e))
            return false;
    return merges_finish(&d->merges, &d->vocab, STR(""), e);
}

/* A token with the next number, `known` being those that there are. */
static bool add_numbered(vocab *v, str token, json_t *known, error *e)
{
    size_t id = json_object_size(known);
    json_object_setn_new_nocheck(known, token.p, token.n, json_true());
    return vocab_add(v, token, (int64_t)id, e);
}

static bool is_character(str s)
{
    return s.n && s.n == (size_t)unicode_length(*s.p);
}

/* A token of one character is what a word begins as: "a@@" inside of it, "a" at its end. */
static bool add_character(vocab *v, str token, const recipe *r, error *e)
{
    char symbol[32]; /* a copy, as the vocabulary's bytes move when it grows */
    str head = {token.p, token.n - strlen(r->inside)};
    if (is_character(token)) {
        char *end = mempcpy(symbol, token.p, token.n);
        end = mempcpy(end, r->suffix, strlen(r->suffix));
        return vocab_add_symbol(v, (str){symbol, (size_t)(end - symbol)}, e);
    }
    if (!str_ends(token, str_of(r->inside)) || !is_character(head))
        return true;
    memcpy(symbol, head.p, head.n);
    return vocab_add_symbol(v, (str){symbol, head.n}, e);
}

/* Four special tokens, then a token a line with a count behind. */
static bool read_counted_lines(vocab *v, const recipe *r, const side_files *f, str lines,
                               const char *path, error *e)
{
    static const enum recipe_token first[] = {BOS, PAD, EOS, UNK};
    own_json json_t *known = json_object();
    if (!check_utf8(lines, path, e))
        return false;
    for (int i = 0; i < 4; i++) {
        str named = side_files_token_text(f, recipe_token_keys[first[i]]);
        if (!named.p)
            return fail(e, ERR_BAD_MODEL, "'%s' needs a '%s'", path, recipe_token_keys[first[i]]);
        if (!add_numbered(v, named, known, e))
            return false;
    }
    for (int number = 1; lines.n; number++) {
        str line = python_strip(next_line(&lines));
        const char *space = line.n ? memrchr(line.p, ' ', line.n) : NULL;
        if (!space)
            return fail(e, ERR_BAD_MODEL, "'%s': line %d is not a token and a count", path, number);
        if (!add_numbered(v, (str){line.p, (size_t)(space - line.p)}, known, e))
            return fail_in(e, "'%s': line %d", path, number);
    }
    bool ok = vocab_finish(v, e);
    for (int id = 0; ok && id < v->n_ids; id++)
        ok = add_character(v, vocab_token(v, id), r, e);
    return ok || fail_in(e, "'%s'", path);
}

static bool read_pieces(const recipe *r, const side_files *f, str bytes, const char *path,
                        sentencepiece *m, arena *a, document *d, error *e)
{
    vocab *v = &d->vocab;
    if (!sentencepiece_parse(m, bytes, path, a, e))
        return false;
    bool is_bpe = r->prefix == PREFIX_LLAMA;
    if (is_bpe != (m->model_type == SENTENCEPIECE_BPE))
        return fail(e, ERR_BAD_MODEL, "'%s' is a model of type %s, but %sTokenizer needs %s", path,
                    is_bpe ? "unigram" : "bpe", r->class_name, is_bpe ? "bpe" : "unigram");
    int first = add_front(v, r, f, e);
    bool ok = first >= 0;
    for (int i = first; ok && i < m->n; i++)
        ok = add_token(v, m->pieces[i].text, m->pieces[i].score, e);
    ok = ok && add_back(v, r, f, e) && vocab_finish(v, e) && (!is_bpe || make_merges(d, e));
    return ok || fail_in(e, "'%s'", path);
}

static bool read_files(const recipe *r, const side_files *f, const char *const files[],
                       const str texts[2], sentencepiece *model, arena *a, document *d, error *e)
{
    switch (r->source) {
    case SOURCE_CODE_POINTS:
        return vocab_code_points(&d->vocab, e);
    case SOURCE_LINES:
        return read_lines(&d->vocab, texts[0], files[0], e);
    case SOURCE_MERGES:
        return read_vocab_json(&d->vocab, texts[0], files[0], e) &&
               (r->suffix ? read_word_merges(d, texts[1], false, files[1], e)
                          : read_merge_lines(d, texts[1], files[1], e));
    case SOURCE_CODES:
        return read_counted_lines(&d->vocab, r, f, texts[0], files[0], e) &&
               read_word_merges(d, texts[1], true, files[1], e);
    default:
        return read_pieces(r, f, texts[0], files[0], model, a, d, e);
    }
}

/* All of them become one regular expression. */
static bool check_whole(const recipe *r, const document *d, const char *path, error *e)
{
    enum { MOST = 4096 };
    return !r->whole || d->vocab.n_ids <= MOST ||
           fail(e, ERR_INVALID, "'%s' has %d tokens, %sTokenizer takes at most %d", path,
                d->vocab.n_ids, r->class_name, MOST);
}

bool recipe_make(const recipe *r, const side_files *f, const char *const files[], document *d,
                 error *e)
{
    own_file_map file_map first = {0}, second = {0};
    if (r->check && !r->check(f, e))
        return false;
    if ((files[0] && !file_map_open(&first, files[0], e)) ||
        (files[0] && files[1] && !file_map_open(&second, files[1], e)))
        return false;
    const str texts[] = {{first.p ? first.p : "", first.n}, {second.p ? second.p : "", second.n}};
    sentencepiece model = {0};
    arena *a = arena_new(MODEL_MAX_BYTES);
    *d = (document){0};
    bool ok = read_files(r, f, files, texts, &model, a, d, e) && check_whole(r, d, files[0], e);
    if (ok)
        d->root = recipe_document(r, f, &model, &d->vocab);
    else
        document_release(d);
    arena_free(a);
    return ok;
}
