/* Folders without a tokenizer.json: what the reference makes of texts with them
 * (tools/goldens/pieces.py), and which folders are refused. */
#include "unit.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/own.h"
#include "tokenizers/mecab.h"
#include "tokenizers/sentencepiece.h"
#include "tokenizers/tokenizer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_BYTES = 1 << 26 };

static bool same_ints(const json_t *expected, const int *got, int n)
{
    for (int i = 0; i < n; i++)
        if ((int)json_integer_value(json_array_get(expected, (size_t)i)) != got[i])
            return false;
    return (int)json_array_size(expected) == n;
}

static bool same_offsets(const json_t *expected, int (*got)[2], int n)
{
    for (int i = 0; i < n; i++)
        if (!same_ints(json_array_get(expected, (size_t)i), got[i], 2))
            return false;
    return true;
}

/* Whether what a tokenizer needs of the system is not there; scripts/packages test gets it. */
static bool is_missing(const tokenizer *t, const error *e)
{
    if (!t && e->kind == ERR_UNAVAILABLE)
        fprintf(stderr, "left out: %s\n", e->message);
    return !t && e->kind == ERR_UNAVAILABLE;
}

static void replay(const char *folder)
{
    error e = {0};
    own_mem char *path = path_join(folder, "expected.json");
    own_json json_t *cases = json_parse_file(path, 1 << 26, &e);
    tokenizer *t = tokenizer_open(folder, &e);
    if (is_missing(t, &e))
        return;
    if (!t || !cases)
        fail_msg("%s", e.message);
    arena *a = arena_new(ARENA_BYTES);
    assert_true(json_array_size(cases) > 100);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *row = json_array_get(cases, i), *second = json_object_get(row, "pair");
        str pair = second ? json_str(second) : (str){0};
        encode_options o = {.add_special = true};
        encoding got;
        assert_true(tokenizer_encode(t, json_str(json_object_get(row, "text")),
                                     second ? &pair : NULL, &o, &got, a, &e));
        if (!same_ints(json_object_get(row, "ids"), got.ids, got.n) ||
            (json_object_get(row, "type_ids") && /* which not all tokenizers have */
             (!same_ints(json_object_get(row, "type_ids"), got.type_ids, got.n) ||
              !same_offsets(json_object_get(row, "offsets"), got.offsets, got.n))))
            fail_msg("'%s': text %zu differs", folder, i);
        arena_reset(a);
    }
    arena_free(a);
    tokenizer_close(t);
}

/* The class decides where tokenizer_config.json does not. */
static void test_classes_without_type_ids(void **state)
{
    (void)state;
    error e = {0};
    static const struct {
        const char *folder;
        bool no_type_ids;
        bool no_answer_type_ids;
    } cases[] = {{"big-bird", true, true}, {"funnel", true, false}, {"deberta-v2", false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        own_mem char *folder = path_join(TEST_ROOT "/goldens/pieces", cases[i].folder);
        tokenizer *t = tokenizer_open(folder, &e);
        if (!t)
            fail_msg("%s", e.message);
        assert_int_equal(tokenizer_info_of(t)->no_type_ids, cases[i].no_type_ids);
        assert_int_equal(tokenizer_info_of(t)->no_answer_type_ids, cases[i].no_answer_type_ids);
        tokenizer_close(t);
    }
}

static void test_goldens(void **state)
{
    (void)state;
    static const char root[] = TEST_ROOT "/goldens/pieces";
    DIR *dir = opendir(root);
    assert_non_null(dir);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        own_mem char *folder = path_join(root, entry->d_name);
        replay(folder);
        n++;
    }
    closedir(dir);
    assert_true(n >= 20);
}

/* Where words that Moses' rules made come from; the reference does not tell. */
static void test_moses_offsets(void **state)
{
    (void)state;
    error e = {0};
    tokenizer *t = tokenizer_open(TEST_ROOT "/goldens/pieces/flaubert", &e);
    if (!t)
        fail_msg("%s", e.message);
    arena *a = arena_new(ARENA_BYTES);
    encoding got;
    encode_options o = {.add_special = true};
    /* a . . . " b " , <special1> ' */
    assert_true(tokenizer_encode(t, STR("a\u2026 \u00ab\u00a0b\u00a0\u00bb,<special1>'"), NULL, &o,
                                 &got, a, &e));
    static const int words[][2] = {{0, 1}, {1, 2}, {3, 4},  {5, 6},
                                   {7, 8}, {8, 9}, {9, 19}, {19, 20}};
    size_t at = 0, n = sizeof words / sizeof *words;
    for (int i = 1; i < got.n - 1; i++) { /* several tokens may be of one word */
        at += at + 1 < n && got.offsets[i][0] >= words[at + 1][0];
        assert_true(got.offsets[i][0] >= words[at][0] && got.offsets[i][1] <= words[at][1]);
    }
    assert_int_equal(at, n - 1);
    assert_int_equal(got.ids[0], tokenizer_token_id(t, STR("<s>")));
    assert_int_equal(got.ids[got.n - 1], tokenizer_token_id(t, STR("</s>")));
    arena_free(a);
    tokenizer_close(t);
}

/* Long runs of what the rules look for take no more than their length. */
static void assert_runs(const char *folder, const char *const runs[], size_t n_bytes)
{
    error e = {0};
    tokenizer *t = tokenizer_open(folder, &e);
    if (is_missing(t, &e))
        return;
    if (!t)
        fail_msg("%s", e.message);
    arena *a = arena_new((size_t)ARENA_BYTES * 8);
    own_buf buf text = buf_new(1 << 22);
    for (size_t i = 0; runs[i]; i++) {
        encoding got;
        encode_options o = {.max_tokens = 9, .ids_only = true};
        text.n = 0;
        while (text.n < n_bytes)
            buf_puts(&text, runs[i]);
        if (!tokenizer_encode(t, buf_view(&text), NULL, &o, &got, a, &e))
            fail_msg("'%s': %s", runs[i], e.message);
        arena_reset(a);
    }
    arena_free(a);
    tokenizer_close(t);
}

static void test_moses_runs(void **state)
{
    (void)state;
    static const char *const runs[] = {".",      "\"", " ",  "DOT",    "\u03a3",
                                       "\u0301", ",'", "a.", "\u302e", NULL};
    assert_runs(TEST_ROOT "/goldens/pieces/flaubert-lower", runs, 1 << 18);
}

static void test_tweet_runs(void **state)
{
    (void)state;
    static const char *const runs[] = {"(a", "a.", "a-",   "http://(", "a.b/(", "1-", "&#1",
                                       "#a", "<",  "a@b.", ". ",       "-(-.",  NULL};
    assert_runs(TEST_ROOT "/goldens/pieces/bertweet-normal", runs, 1 << 14);
}

static void test_dictionary_runs(void **state)
{
    (void)state;
    static const char *const runs[] = {"a",      "1",      " ",  "!", "\u30fc",
                                       "\u65e5", "\u3042", "a!", NULL};
    assert_runs(TEST_ROOT "/goldens/pieces/japanese", runs, 1 << 17);
    assert_runs(TEST_ROOT "/goldens/pieces/roformer", runs, 1 << 17);
}

/* What stands for a user, a link, an emoji and an entity has its place; spaces are put between. */
static void test_tweet_offsets(void **state)
{
    (void)state;
    error e = {0};
    tokenizer *t = tokenizer_open(TEST_ROOT "/goldens/pieces/bertweet-normal", &e);
    if (!t)
        fail_msg("%s", e.message);
    arena *a = arena_new(ARENA_BYTES);
    encoding got;
    encode_options o = {0};
    assert_true(
        tokenizer_encode(t, STR("@me www.x.org\u2026 \U0001f602&amp;"), NULL, &o, &got, a, &e));
    static const int words[][2] = {{0, 3}, {4, 13}, {13, 14}, {15, 16}, {16, 21}};
    size_t at = 0, n = sizeof words / sizeof *words;
    for (int i = 0; i < got.n; i++) {
        at += at + 1 < n && got.offsets[i][0] >= words[at + 1][0];
        assert_true(got.offsets[i][0] == words[at][0] && got.offsets[i][1] == words[at][1]);
    }
    assert_int_equal(at, n - 1);
    arena_free(a);
    tokenizer_close(t);
}

/* Merges of XLM go by symbols that are no tokens: neither of the vocabulary nor of the model. */
static void test_symbols(void **state)
{
    (void)state;
    error e = {0};
    char folder[] = "/tmp/recipe_test_XXXXXX";
    assert_non_null(mkdtemp(folder));
    static const struct {
        const char *name, *content;
    } files[] = {{"config.json", ("{\"model_type\":\"xlm\"}")},
                 {"vocab.json", ("{\"<unk>\":0,\"a\":1,\"abc</w>\":2,\"<s>\":3,\"</s>\":4}")},
                 {"merges.txt", ("b c</w> 9\na bc</w> 7\nx y\n\nalone\na a 3")}};
    for (size_t i = 0; i < 3; i++) {
        own_mem char *path = path_join(folder, files[i].name);
        assert_true(file_write(path, str_of(files[i].content), 0600, &e));
    }
    tokenizer *t = tokenizer_open(folder, &e);
    if (!t)
        fail_msg("%s", e.message);
    arena *a = arena_new(ARENA_BYTES);
    encoding got;
    encode_options o = {0};
    assert_true(tokenizer_encode(t, STR("abc bc aaa xyz"), NULL, &o, &got, a, &e));
    assert_int_equal(got.n, 7); /* abc, bc: unknown, a a a: unknown at its end, xy z: unknown */
    assert_memory_equal(got.ids, ((int[]){2, 0, 1, 1, 0, 0, 0}), 7 * sizeof(int));
    assert_int_equal(tokenizer_token_id(t, STR("bc</w>")), -1);
    assert_int_equal(tokenizer_token_id(t, STR("<pad>")), 5);
    assert_int_equal(tokenizer_token_id(t, STR("<special9>")), 15);
    assert_int_equal(tokenizer_info_of(t)->n_ids, 16);
    assert_true(tokenizer_info_of(t)->no_type_ids);
    arena_free(a);
    tokenizer_close(t);
    assert_true(file_remove_tree(folder, &e));
}

/* PhoBERT marks what is no end of a word; a word of one character is an end. */
static void test_codes(void **state)
{
    (void)state;
    error e = {0};
    char folder[] = "/tmp/recipe_test_XXXXXX";
    assert_non_null(mkdtemp(folder));
    static const struct {
        const char *name, *content;
    } files[] = {{"config.json", "{\"tokenizer_class\":\"PhobertTokenizer\"}"},
                 {"tokenizer.json", /* of which the class reads this */
                  "{\"added_tokens\":[{\"id\":11,\"content\":\"<mask>\",\"lstrip\":true,"
                  "\"special\":true}],\"model\":{\"type\":\"none\"}}"},
                 {"vocab.txt", "a 9\na@@ 9\n ab@@ 9\nbc 9\nabc@@ 9 \na b 9\n@@ 1\n"},
                 {"bpe.codes", "b c</w> 9\na b 7\nab c\nab c 8 1\nab c 6"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        own_mem char *path = path_join(folder, files[i].name);
        assert_true(file_write(path, str_of(files[i].content), 0600, &e));
    }
    tokenizer *t = tokenizer_open(folder, &e);
    if (!t)
        fail_msg("%s", e.message);
    arena *a = arena_new(ARENA_BYTES);
    encoding got;
    str text;
    encode_options o = {.add_special = true};
    /* a, a@@ bc, ab@@ a@@ unknown, a@@ and a line feed that is unknown, a, <mask> */
    assert_true(tokenizer_encode(t, STR("a abc abac a\n a\n <mask>"), NULL, &o, &got, a, &e));
    assert_int_equal(got.n, 12);
    assert_memory_equal(got.ids, ((int[]){0, 4, 5, 7, 6, 5, 3, 5, 3, 4, 11, 2}), 12 * sizeof(int));
    assert_int_equal(tokenizer_info_of(t)->n_ids, 12);
    assert_true(tokenizer_decode(t, (int[]){0, 4, 5, 7, 5, 11, 5, 2}, 8, false, &text, a, &e));
    if (!str_is(text, "<s> a abc a<mask> a</s>"))
        fail_msg("%.*s", (int)text.n, text.p);
    arena_free(a);
    tokenizer_close(t);
    assert_true(file_remove_tree(folder, &e));
}

/* CANINE's tokenizer as transformers 5 saves it: special tokens are characters, NUL among them. */
static void test_characters(void **state)
{
    (void)state;
    error e = {0};
    char folder[] = "/tmp/recipe_test_XXXXXX";
    assert_non_null(mkdtemp(folder));
    own_mem char *path = path_join(folder, "tokenizer_config.json");
    assert_true(file_write(path,
                           STR("{\"tokenizer_class\":\"CanineTokenizer\",\"pad_token\":\"\\u0000\","
                               "\"added_tokens_decoder\":{\"0\":{\"content\":\"\\u0000\","
                               "\"special\":true},\"57347\":{\"content\":\"\\ue003\","
                               "\"special\":true}}}"),
                           0600, &e));
    tokenizer *t = tokenizer_open(folder, &e);
    if (!t)
        fail_msg("%s", e.message);
    const tokenizer_info *info = tokenizer_info_of(t);
    assert_int_equal(info->n_ids, 0x110000);
    assert_int_equal(info->max_tokens, 2048);
    assert_int_equal(info->mask_id, 0xE003);
    assert_int_equal(info->pad_id, 0);
    assert_true(tokenizer_id_is_special(t, 0xE003) && !tokenizer_id_is_special(t, 'a'));
    assert_true(str_is(tokenizer_id_token(t, 0x1F600), "\xf0\x9f\x98\x80"));
    assert_null(tokenizer_id_token(t, 0xD800).p);
    assert_null(tokenizer_id_token(t, 0x110000).p);
    assert_null(tokenizer_id_token(t, -1).p);
    assert_int_equal(tokenizer_token_id(t, STR("ab")), -1);
    assert_int_equal(tokenizer_token_id(t, STR("")), -1);
    arena *a = arena_new(ARENA_BYTES);
    encoding got;
    str text;
    encode_options o = {.add_special = true, .max_tokens = 6};
    assert_true(tokenizer_encode(t, STR("ab  cd e"), NULL, &o, &got, a, &e));
    assert_memory_equal(got.ids, ((int[]){0xE000, 'a', 'b', ' ', ' ', 0xE001}), 6 * sizeof(int));
    assert_memory_equal(got.word_ids, ((int[]){-1, 0, 0, 1, 1, -1}), 6 * sizeof(int));
    assert_int_equal(got.n_total, 10);
    assert_true(tokenizer_decode(t, got.ids, got.n, true, &text, a, &e));
    assert_true(str_is(text, "ab  "));
    arena_free(a);
    tokenizer_close(t);
    assert_true(file_remove_tree(folder, &e));
}

static void assert_refused(const char *const files[][2], const char *message)
{
    char folder[] = "/tmp/recipe_test_XXXXXX";
    error e = {0}, cleaning = {0};
    assert_non_null(mkdtemp(folder));
    for (int i = 0; files[i][0]; i++) {
        own_mem char *path = path_join(folder, files[i][0]);
        assert_true(file_write(path, str_of(files[i][1]), 0600, &cleaning));
    }
    assert_null(tokenizer_open(folder, &e));
    if (!strstr(e.message, message))
        fail_msg("'%s' does not say '%s'", e.message, message);
    assert_true(file_remove_tree(folder, &cleaning));
}

static void test_refused_folders(void **state)
{
    (void)state;
    static const char roberta[] = "{\"model_type\": \"roberta\"}";
    assert_refused((const char *const[][2]){{"spiece.model", "x"}, {NULL, NULL}},
                   "'spiece.model', but neither the 'tokenizer_class'");
    assert_refused(
        (const char *const[][2]){{"vocab.json", "{}"}, {"config.json", roberta}, {NULL, NULL}},
        "nor a vocabulary file of Roberta");
    assert_refused((const char *const[][2]){{"vocab.json", "{\"a\":0}"},
                                            {"merges.txt", "#version: 1\na a a\n"},
                                            {"config.json", roberta},
                                            {NULL, NULL}},
                   "merges.txt': line 2 is not two tokens");
    assert_refused((const char *const[][2]){{"vocab.json", "{\"a\":0} x"},
                                            {"merges.txt", ""},
                                            {"config.json", roberta},
                                            {NULL, NULL}},
                   "has more than an object, at byte 8");
    assert_refused((const char *const[][2]){{"spiece.model", "not a model"},
                                            {"config.json", "{\"model_type\": \"t5\"}"},
                                            {NULL, NULL}},
                   "is no sentencepiece model");
    static const char phobert[] = "{\"tokenizer_class\": \"PhobertTokenizer\"}";
    assert_refused(
        (const char *const[][2]){
            {"vocab.txt", "a 1\n\n"}, {"bpe.codes", ""}, {"config.json", phobert}, {NULL, NULL}},
        "vocab.txt': line 2 is not a token and a count");
    assert_refused(
        (const char *const[][2]){{"vocab.txt", "a 1"}, {"config.json", phobert}, {NULL, NULL}},
        "nor a vocabulary file of Phobert");
    assert_refused((const char *const[][2]){{"vocab.txt", "a 1"}, {"bpe.codes", ""}, {NULL, NULL}},
                   "a 'vocab.txt', but neither the 'tokenizer_class'");
}

#define MECAB "{\"tokenizer_class\":\"BertJapaneseTokenizer\",\"word_tokenizer_type\":\"mecab\""

/* Words of MeCab, in lower case, and where they stand; the class reads no tokenizer.json. */
static void test_japanese(void **state)
{
    (void)state;
    error e = {0};
    char folder[] = "/tmp/recipe_test_XXXXXX";
    assert_non_null(mkdtemp(folder));
    static const struct {
        const char *name, *content;
    } files[] = {{"tokenizer_config.json",
                  MECAB ",\"do_lower_case\":true,\"mecab_kwargs\":{\"mecab_dic\":\"ipadic\"}}"},
                 {"tokenizer.json", "{\"added_tokens\":[]}"},
                 {"vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n\u6771\u4eac\n\u90fd\n\u306b\n"
                               "ab\n##c\n"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        own_mem char *path = path_join(folder, files[i].name);
        assert_true(file_write(path, str_of(files[i].content), 0600, &e));
    }
    tokenizer *t = tokenizer_open(folder, &e);
    error cleaning = {0};
    assert_true(file_remove_tree(folder, &cleaning));
    if (is_missing(t, &e))
        skip();
    if (!t)
        fail_msg("%s", e.message);
    arena *a = arena_new(ARENA_BYTES);
    encoding got;
    str text;
    encode_options o = {0};
    assert_true(tokenizer_encode(
        t, STR("\u6771\u4eac\u90fd\u306b\u3000\uff21\uff22\uff23[MASK]\u2028\u732b"), NULL, &o,
        &got, a, &e));
    static const int ids[] = {5, 6, 7, 8, 9, 4, 1},
                     offsets[][2] = {{0, 2}, {2, 3}, {3, 4}, {5, 7}, {7, 8}, {8, 14}, {15, 16}};
    assert_int_equal(got.n, 7);
    assert_memory_equal(got.ids, ids, sizeof ids);
    assert_memory_equal(got.offsets, offsets, sizeof offsets);
    assert_true(tokenizer_decode(t, ids, 6, false, &text, a, &e));
    assert_true(str_is(text, "\u6771\u4eac \u90fd \u306b abc [MASK]"));
    arena_free(a);
    tokenizer_close(t);
}

/* Options that are not supported are refused by name, what is missing is named. */
static void test_japanese_options(void **state)
{
    (void)state;
    static const struct {
        const char *config, *message;
    } rows[] = {
        {"{\"tokenizer_class\":\"BertJapaneseTokenizer\"}", "'word_tokenizer_type' not given"},
        {MECAB ",\"word_tokenizer_type\":\"sudachi\"}", "'word_tokenizer_type' \"sudachi\""},
        {MECAB ",\"subword_tokenizer_type\":\"sentencepiece\"}", "\"wordpiece\" or \"character\""},
        {MECAB ",\"do_subword_tokenize\":false}", "'do_subword_tokenize' false"},
        {MECAB ",\"never_split\":[\"a\"]}", "'never_split' [\"a\"]"},
        {MECAB ",\"mecab_kwargs\":{\"mecab_option\":\"-d x\"}}", "'mecab_option' \"-d x\""},
        {MECAB ",\"mecab_kwargs\":{\"normalize_text\":false}}", "'normalize_text' false"},
        {MECAB ",\"mecab_kwargs\":{\"mecab_dic\":\"jumandic\"}}", "'jumandic' is not known"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused((const char *const[][2]){{"vocab.txt", "[UNK]"},
                                                {"tokenizer_config.json", rows[i].config},
                                                {NULL, NULL}},
                       rows[i].message);
    error e = {0};
    if (!mecab_open("unidic_lite", &e) && !strstr(e.message, "libmecab2"))
        assert_non_null(strstr(e.message, "Python package 'unidic-lite'"));
}

/* RoFormer's tokenizer.json cannot say that its words are jieba's; one that is no token falls
 * apart. */
static void test_roformer_json(void **state)
{
    (void)state;
    error e = {0}, cleaning = {0};
    char folder[] = "/tmp/recipe_test_XXXXXX";
    assert_non_null(mkdtemp(folder));
    static const char json[] =
        "{\"added_tokens\":[],\"normalizer\":{\"type\":\"BertNormalizer\",\"lowercase\":false,"
        "\"handle_chinese_chars\":false},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
        "\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,\"\u4eca\":5,"
        "\"\u5929\":6,"
        "\"\u975e\u5e38\":7,\"a\":8,\"##b\":9,\"ab\":10}}}";
    static const struct {
        const char *name, *content;
    } files[] = {{"tokenizer.json", json},
                 {"tokenizer_config.json",
                  "{\"tokenizer_class\":\"RoFormerTokenizer\",\"do_lower_case\":true}"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        own_mem char *path = path_join(folder, files[i].name);
        assert_true(file_write(path, str_of(files[i].content), 0600, &e));
    }
    tokenizer *t = tokenizer_open(folder, &e);
    assert_true(file_remove_tree(folder, &cleaning));
    if (is_missing(t, &e))
        skip();
    if (!t)
        fail_msg("%s", e.message);
    arena *a = arena_new(ARENA_BYTES);
    encoding got;
    encode_options o = {0};
    assert_true(tokenizer_encode(t, STR("\u4eca\u5929\u5929\u6c14\u975e\u5e38\u597d AB"), NULL, &o,
                                 &got, a, &e));
    static const int ids[] = {5, 6, 6, 1, 7, 1, 10},
                     offsets[][2] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 6}, {6, 7}, {8, 10}};
    assert_int_equal(got.n, 7);
    assert_memory_equal(got.ids, ids, sizeof ids);
    assert_memory_equal(got.offsets, offsets, sizeof offsets);
    arena_free(a);
    tokenizer_close(t);
}

/* A model of one piece, "a" with score 1, and what may be wrong with it. */
static void test_broken_models(void **state)
{
    (void)state;
    static const struct {
        str bytes;
        const char *message; /* NULL: it is fine */
    } rows[] = {
        {STR("\x0a\x08\x0a\x01"
             "a\x15\x00\x00\x80\x3f"),
         NULL},
        {STR("\x0a\x08\x0a\x01"
             "a\x15\x00\x00\x80\x3f\x12\x02\x18\x03"),
         "of type 3"},
        {STR("\x0a\x08\x0a\x01"
             "a\x15\x00\x00\x80\x7f"),
         "no finite score"},
        {STR("\x0a\x03\x0a\x01\xff"), "not valid UTF-8"},
        {STR("\x0a\x03\x0a\x02"
             "a"),
         "a piece is cut off"},
        {STR("\x0a\x03\x0a\x01"
             "a\x12\x01\x18"),
         "trainer's settings are cut off"},
        {STR("\x0a\x03\x0a\x01"
             "a\x1a\x01\x12"),
         "normalizer's settings are cut off"},
        {STR("\x0a\x03\x0a\x01"
             "a\x0b"),
         "of an unknown kind"},
        {STR("\x0a\x03\x0a\x01"
             "a\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
         "cut off"},
        {STR(""), "0 pieces"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        sentencepiece model;
        arena *a = arena_new(1 << 16);
        bool ok = sentencepiece_parse(&model, rows[i].bytes, "m", a, &e);
        assert_int_equal(ok, rows[i].message == NULL);
        if (ok)
            assert_true(model.n == 1 && str_is(model.pieces[0].text, "a") &&
                        model.pieces[0].score == 1.0f && model.unk_id == 0);
        else if (!strstr(e.message, rows[i].message))
            fail_msg("'%s' does not say '%s'", e.message, rows[i].message);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_classes_without_type_ids),
        cmocka_unit_test(test_moses_offsets),
        cmocka_unit_test(test_moses_runs),
        cmocka_unit_test(test_tweet_runs),
        cmocka_unit_test(test_tweet_offsets),
        cmocka_unit_test(test_dictionary_runs),
        cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_refused_folders),
        cmocka_unit_test(test_japanese),
        cmocka_unit_test(test_japanese_options),
        cmocka_unit_test(test_roformer_json),
        cmocka_unit_test(test_broken_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
