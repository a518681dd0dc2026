/* Model folders: tokenizer.json, vocab.txt, and what the files beside them change. */
#include "base/file.h"
#include "base/own.h"
#include "tokenizers/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct folder {
    char path[64];
    arena *memory;
};

static int set_up(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    strcpy(f->path, "/tmp/tokenizer_test_XXXXXX");
    f->memory = arena_new(1 << 20);
    *state = f;
    return mkdtemp(f->path) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    error e = {0};
    assert_true(file_remove_tree(f->path, &e));
    arena_free(f->memory);
    free(f);
    return 0;
}

static void put(const struct folder *f, const char *name, const char *content)
{
    error e = {0};
    own_mem char *path = path_join(f->path, name);
    assert_true(file_write(path, str_of(content), 0600, &e));
}

static tokenizer *open_folder(const struct folder *f)
{
    error e = {0};
    tokenizer *t = tokenizer_open(f->path, &e);
    if (!t)
        fail_msg("%s", e.message);
    return t;
}

static void assert_ids(const struct folder *f, const tokenizer *t, const char *text,
                       const char *pair, const int *ids, int n)
{
    error e = {0};
    encoding got;
    encode_options o = {.add_special = true};
    str second = str_of(pair);
    assert_true(tokenizer_encode(t, str_of(text), pair ? &second : NULL, &o, &got, f->memory, &e));
    assert_int_equal(got.n, n);
    assert_memory_equal(got.ids, ids, sizeof(int) * (size_t)n);
}

static const char lines[] =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\nHello\n##s\r\n\xe4\xb8\xad\ncafe";

static void test_vocabulary_alone(void **state)
{
    struct folder *f = *state;
    put(f, "vocab.txt", lines);
    tokenizer *t = open_folder(f);
    assert_ids(f, t, "Hellos caf\xc3\xa9", NULL, (int[]){2, 5, 7, 9, 3}, 5);
    assert_ids(f, t, "hello[MASK]", "\xe4\xb8\xad\xe4\xb8\xad", (int[]){2, 5, 4, 3, 8, 8, 3}, 7);
    const tokenizer_info *info = tokenizer_info_of(t);
    assert_int_equal(info->n_ids, 10);
    assert_int_equal(info->max_tokens, 0);
    assert_int_equal(info->n_added_single, 2);
    assert_int_equal(info->n_added_pair, 3);
    assert_int_equal(info->mask_id, 4);
    str text;
    error e = {0};
    assert_true(tokenizer_decode(t, (int[]){2, 6, 7, 3}, 4, true, &text, f->memory, &e));
    assert_true(str_is(text, "Hellos"));
    assert_true(tokenizer_id_is_special(t, 3));
    assert_false(tokenizer_id_is_special(t, 6));
    tokenizer_close(t);
}

static void test_vocabulary_with_config(void **state)
{
    struct folder *f = *state;
    put(f, "vocab.txt", lines);
    put(f, "tokenizer_config.json",
        "{\"do_lower_case\": false, \"tokenize_chinese_chars\": false, \"truncation_side\": "
        "\"left\","
        "\"model_max_length\": 1000000000000000019884624838656}");
    put(f, "special_tokens_map.json",
        "{\"sep_token\": {\"content\": \"</s>\", \"lstrip\": false}}");
    tokenizer *t = open_folder(f);
    /* "</s>" is not in the vocabulary: it gets the next id */
    assert_ids(f, t, "Hellos \xe4\xb8\xad\xe4\xb8\xad", NULL, (int[]){2, 6, 7, 1, 10}, 5);
    assert_int_equal(tokenizer_info_of(t)->max_tokens, 0);
    assert_int_equal(tokenizer_info_of(t)->sep_id, 10);
    assert_int_equal(tokenizer_info_of(t)->n_ids, 11);
    assert_true(tokenizer_info_of(t)->truncate_left);
    tokenizer_close(t);
}

static void assert_box(const int box[4], int a, int b, int c, int d)
{
    assert_memory_equal(box, ((int[]){a, b, c, d}), 4 * sizeof *box);
}

static void test_boxes_of_special_tokens(void **state)
{
    struct folder *f = *state;
    error e = {0};
    put(f, "vocab.txt", lines);
    tokenizer *t = open_folder(f);
    assert_box(tokenizer_info_of(t)->cls_box, 0, 0, 0, 0);
    assert_box(tokenizer_info_of(t)->sep_box, 1000, 1000, 1000, 1000);
    tokenizer_close(t);
    put(f, "tokenizer_config.json",
        "{\"sep_token_box\": [1, 2, 3, 4], \"cls_token_box\": [5, 6, 7, 8], \"pad_token_box\": "
        "null}");
    t = open_folder(f);
    assert_box(tokenizer_info_of(t)->sep_box, 1, 2, 3, 4);
    assert_box(tokenizer_info_of(t)->cls_box, 5, 6, 7, 8);
    assert_box(tokenizer_info_of(t)->pad_box, 0, 0, 0, 0);
    tokenizer_close(t);
    static const char *const wrong[] = {
        "{\"sep_token_box\": [1, 2, 3]}", "{\"sep_token_box\": [1, 2, 3, -4]}",
        "{\"sep_token_box\": [1, 2, 3, \"4\"]}", "{\"sep_token_box\": [3, 2, 1, 4]}",
        "{\"sep_token_box\": 1000}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        e = (error){0};
        put(f, "tokenizer_config.json", wrong[i]);
        assert_null(tokenizer_open(f->path, &e));
        assert_int_equal(e.kind, ERR_BAD_MODEL);
        assert_non_null(strstr(e.message, "'sep_token_box' must be four numbers"));
    }
}

static const char definition[] =
    "{\"model\": {\"type\": \"WordPiece\", \"vocab\": {\"[UNK]\": 0, \"Hello\": 1, \"hello\": 2}},"
    "\"normalizer\": {\"type\": \"BertNormalizer\", \"lowercase\": true},"
    "\"truncation\": {\"max_length\": 128, \"strategy\": \"LongestFirst\", \"stride\": 0},"
    "\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}}";

static void test_config_sets_the_normalizer_of_bert(void **state)
{
    struct folder *f = *state;
    put(f, "tokenizer.json", definition);
    tokenizer *t = open_folder(f);
    assert_ids(f, t, "Hello", NULL, (int[]){2}, 1);
    assert_int_equal(tokenizer_info_of(t)->max_tokens_in_file, 128);
    tokenizer_close(t);
    put(f, "tokenizer_config.json",
        "{\"do_lower_case\": false, \"tokenizer_class\": \"BertTokenizerFast\","
        " \"model_max_length\": 512}");
    t = open_folder(f);
    assert_ids(f, t, "Hello", NULL, (int[]){1}, 1);
    assert_int_equal(tokenizer_info_of(t)->max_tokens, 512);
    tokenizer_close(t);
    put(f, "tokenizer_config.json",
        "{\"do_lower_case\": false, \"tokenizer_class\": \"PreTrainedTokenizerFast\"}");
    t = open_folder(f);
    assert_ids(f, t, "Hello", NULL, (int[]){2}, 1);
    tokenizer_close(t);
    put(f, "tokenizer_config.json", "{\"do_lower_case\": false}");
    put(f, "config.json", "{\"model_type\": \"bert\"}");
    t = open_folder(f);
    assert_ids(f, t, "Hello", NULL, (int[]){1}, 1);
    tokenizer_close(t);
}

static const char words[] = "{\"normalizer\":{\"type\":\"BertNormalizer\",\"lowercase\":true},"
                            "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"added_tokens\":[],"
                            "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"?\",\"vocab\":"
                            "{\"?\":0,\"a\":1,\"##a\":2,\"un\":3,\"##un\":4}}}";

/* Special tokens that are plain words of the vocabulary are found before a text is split, in the
 * case they have, and are left out of texts made of ids. */
static void test_words_that_are_special(void **state)
{
    struct folder *f = *state;
    static const int plain[] = {3, 1, 4, 3}, cut[] = {3, 1, 3, 3}, more[] = {3, 1, 4, 3, 5};
    static const struct {
        const char *config, *map, *text;
        const int *ids;
        int n;
    } cases[] = {
        {"{}", "{}", "un aun UN", plain, 4},
        {"{\"additional_special_tokens\":[\"un\"]}", "{}", "un aun UN", cut, 4},
        {"{\"extra_special_tokens\":[\"un\"]}", "{}", "un aun UN", cut, 4},
        {"{\"extra_special_tokens\":{\"foo_token\":\"un\"}}", "{}", "un aun UN", cut, 4},
        {"{\"mask_token\":\"un\"}", "{}", "un aun UN", cut, 4},
        {"{}", "{\"additional_special_tokens\":[\"un\"]}", "un aun UN", cut, 4},
        {"{}", "{\"unk_token\":{\"content\":\"un\",\"lstrip\":false}}", "un aun UN", cut, 4},
        /* the list of tokenizer_config.json counts */
        {"{\"additional_special_tokens\":[\"<x>\"]}", "{\"additional_special_tokens\":[\"un\"]}",
         "un aun UN<x>", more, 5},
        {"{\"added_tokens_decoder\":{\"3\":{\"content\":\"un\",\"special\":true,"
         "\"normalized\":false}}}",
         "{}", "un aun UN", cut, 4},
        {"{\"added_tokens_decoder\":{\"3\":{\"content\":\"un\",\"special\":false,"
         "\"normalized\":true,\"single_word\":true}}}",
         "{}", "un aun UN", plain, 4},
    };
    put(f, "tokenizer.json", words);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(f, "tokenizer_config.json", cases[i].config);
        put(f, "special_tokens_map.json", cases[i].map);
        tokenizer *t = open_folder(f);
        assert_ids(f, t, cases[i].text, NULL, cases[i].ids, cases[i].n);
        str text;
        error e = {0};
        assert_true(tokenizer_decode(t, cut, 4, true, &text, f->memory, &e));
        assert_true(str_is(text, cases[i].ids == cut ? "a" : "un a un un"));
        tokenizer_close(t);
    }
}

static void test_bad_folders(void **state)
{
    struct folder *f = *state;
    error e = {0};
    assert_null(tokenizer_open(f->path, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    put(f, "vocab.txt", "");
    e = (error){0};
    assert_null(tokenizer_open(f->path, &e));
    assert_non_null(strstr(e.message, "vocab.txt' is empty, expected a token in each line"));
    put(f, "vocab.txt", "a\n\xff\n");
    e = (error){0};
    assert_null(tokenizer_open(f->path, &e));
    assert_non_null(strstr(e.message, "valid UTF-8 at byte 2"));
    put(f, "tokenizer.json", "{");
    e = (error){0};
    assert_null(tokenizer_open(f->path, &e));
    assert_int_equal(e.kind, ERR_BAD_MODEL);
    assert_non_null(strstr(e.message, "not valid JSON"));
    put(f, "tokenizer_config.json", "[1]");
    e = (error){0};
    assert_null(tokenizer_open(f->path, &e));
    assert_non_null(strstr(e.message, "tokenizer_config.json' must hold an object"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_vocabulary_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_vocabulary_with_config, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_config_sets_the_normalizer_of_bert, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_boxes_of_special_tokens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_words_that_are_special, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_folders, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
