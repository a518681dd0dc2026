/* Replays what the reference made of many texts with many small tokenizers
 * (tools/goldens/tokenizer_cases.py), and what must fail. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/own.h"
#include "tokenizers/tokenizer.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ARENA_BYTES = 1 << 28 };

static encode_options options_of(const json_t *row)
{
    const char *side = json_string_value(json_object_get(row, "side"));
    const char *strategy = json_string_value(json_object_get(row, "strategy"));
    return (encode_options){
        .add_special = !json_is_false(json_object_get(row, "add_special")),
        .special_as_text = json_is_true(json_object_get(row, "special_as_text")),
        .max_tokens = (int)json_integer_value(json_object_get(row, "max_tokens")),
        .side = side && strcmp(side, "left") == 0 ? TRUNCATE_LEFT : TRUNCATE_RIGHT,
        .strategy = !strategy || strcmp(strategy, "longest_first") == 0 ? TRUNCATE_LONGEST_FIRST
                    : strcmp(strategy, "only_first") == 0               ? TRUNCATE_ONLY_FIRST
                                                                        : TRUNCATE_ONLY_SECOND,
    };
}

static int expected_at(const json_t *array, int i)
{
    const json_t *value = json_array_get(array, (size_t)i);
    return json_is_null(value) ? -1 : (int)json_integer_value(value);
}

/* Compares one array, if the row has it; NULL or its name. */
static const char *differs(const json_t *row, const char *key, const int *got, int n)
{
    const json_t *array = json_object_get(row, key);
    if (!array)
        return NULL;
    if ((int)json_array_size(array) != n)
        return key;
    for (int i = 0; i < n; i++)
        if (expected_at(array, i) != got[i])
            return key;
    return NULL;
}

static const char *differs_offsets(const json_t *row, const encoding *got)
{
    const json_t *array = json_object_get(row, "offsets");
    for (int i = 0; i < got->n; i++)
        for (int k = 0; k < 2; k++)
            if (expected_at(json_array_get(array, (size_t)i), k) != got->offsets[i][k])
                return "offsets";
    return NULL;
}

static const char *differs_special(const json_t *row, const encoding *got)
{
    for (int i = 0; i < got->n; i++)
        if (expected_at(json_object_get(row, "special"), i) != got->special[i])
            return "special";
    return NULL;
}

static const char *differs_decoded(const json_t *row, const tokenizer *t, const encoding *got,
                                   arena *a)
{
    str text;
    error e = {0};
    if (!tokenizer_decode(t, got->ids, got->n, true, &text, a, &e) ||
        !str_eq(text, json_str(json_object_get(row, "decoded"))))
        return "decoded";
    if (!tokenizer_decode(t, got->ids, got->n, false, &text, a, &e) ||
        !str_eq(text, json_str(json_object_get(row, "decoded_all"))))
        return "decoded_all";
    return NULL;
}

static const char *check_row(const json_t *row, const tokenizer *t, arena *a, error *e)
{
    encode_options o = options_of(row);
    encoding got;
    const json_t *pair = json_object_get(row, "pair");
    str text = json_str(json_object_get(row, "text")), second = pair ? json_str(pair) : (str){0};
    bool ok = tokenizer_encode(t, text, pair ? &second : NULL, &o, &got, a, e);
    if (json_is_true(json_object_get(row, "error")))
        return ok ? "no error" : NULL;
    if (!ok)
        return "error";
    const char *wrong = differs(row, "ids", got.ids, got.n);
    if (!wrong && got.n_total != json_integer_value(json_object_get(row, "total")))
        wrong = "total";
    if (!wrong && got.truncated != (got.n < got.n_total))
        wrong = "truncated";
    if (!wrong)
        wrong = differs(row, "type_ids", got.type_ids, got.n);
    if (!wrong)
        wrong = differs(row, "sequence_ids", got.sequence_ids, got.n);
    if (!wrong)
        wrong = differs(row, "word_ids", got.word_ids, got.n);
    if (!wrong)
        wrong = differs_offsets(row, &got);
    if (!wrong)
        wrong = differs_special(row, &got);
    if (!wrong)
        wrong = differs_decoded(row, t, &got, a);
    encoding ids;
    o.ids_only = true;
    if (!wrong && (!tokenizer_encode(t, text, pair ? &second : NULL, &o, &ids, a, e) ||
                   ids.n != got.n || memcmp(ids.ids, got.ids, sizeof(int) * (size_t)got.n) != 0))
        wrong = "ids only";
    return wrong;
}

/* The tokenizer of a golden file as it is written: digits of numbers count. */
static str definition_of(str file)
{
    static const char begin[] = "{\"tokenizer\":", end[] = "\n\"cases\"";
    const char *last = memmem(file.p, file.n, end, sizeof end - 1);
    assert_true(str_starts(file, STR(begin)) && last);
    return (str){file.p + sizeof begin - 1, (size_t)(last - file.p) - sizeof begin};
}

static int check_file(const char *path)
{
    error e = {0};
    own_json json_t *golden = json_parse_file(path, 1 << 24, &e);
    assert_non_null(golden);
    own_buf buf content = buf_new(0);
    assert_true(file_read(path, 1 << 24, &content, &e));
    tokenizer *t = tokenizer_parse(definition_of(buf_view(&content)), path, &e);
    if (!t)
        fail_msg("%s", e.message);
    arena *a = arena_new(ARENA_BYTES);
    json_t *cases = json_object_get(golden, "cases"), *row;
    size_t i;
    int n_wrong = 0;
    json_array_foreach (cases, i, row) {
        error why = {0};
        const char *wrong = check_row(row, t, a, &why);
        if (wrong) {
            own_mem char *text = json_dumps(row, JSON_COMPACT | JSON_ENSURE_ASCII);
            print_error("%s: case %zu: %s %s\n  %.300s\n", path, i, wrong, why.message, text);
            n_wrong++;
        }
        arena_reset(a);
    }
    assert_true(json_array_size(cases) > 50);
    arena_free(a);
    tokenizer_close(t);
    return n_wrong;
}

static void test_equals_reference(void **state)
{
    (void)state;
    DIR *folder = opendir(TEST_ROOT "/goldens/tokenizers");
    assert_non_null(folder);
    int n_files = 0, n_wrong = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!str_ends(str_of(entry->d_name), STR(".json")))
            continue;
        own_mem char *path = path_join(TEST_ROOT "/goldens/tokenizers", entry->d_name);
        n_wrong += check_file(path);
        n_files++;
    }
    closedir(folder);
    assert_true(n_files >= 40);
    assert_int_equal(n_wrong, 0);
}

static void test_bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *json, *message;
    } rows[] = {
        {"", "not valid JSON"},
        {"[]", "must hold an object"},
        {"{}", "'model' is missing"},
        {"{\"model\":{\"type\":\"WordPiece\"}}", "has no 'vocab'"},
        {"{\"model\":{\"vocab\":{\"a\":0}}}", "must have a string 'type'"},
        {"{\"model\":{\"type\":\"Magic\",\"vocab\":{}}}", "'model' has type 'Magic'"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":-1}}}", "expected an id"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":00}}}", "expected an id"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":9999999}}}", "highest id"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":99999999999}}}", "smaller id"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1,}}}", "expected a string"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":1", "expected ',' or '}'"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a", "end of the string"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"\\x\":1}}}", "an escape"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"\\ud800\":1}}}", "surrogate"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"\xff\":1}}}", "valid UTF-8"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",1]],\"unk_id\":1}}", "'unk_id' 1"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":{\"a\":1}}}", "a list of tokens with scores"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",1],[\"b\",\"c\"]]}}", "a score"},
        {"{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",1e999]]}}", "a score"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}", "array 'merges'"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}",
         "not in the vocabulary"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]}}",
         "'f.json': 'model.merges': byte 53: expected ','"},
        {"{\"model\":{\"type\":\"BPE\",\"merges\":[\"a b c\"],\"vocab\":{\"a\":0}}}",
         "expected two tokens with a space between"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[\"a a\"]}}",
         "merge 0 makes 'aa', which is not in the vocabulary"},
        {"{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[],\"dropout\":0.1}}",
         "'dropout' of 0.1"},
        {"{\"version\":\"2.0\",\"model\":{\"type\":\"WordLevel\",\"vocab\":{}}}", "'version'"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}},\"normalizer\":{\"type\":\"Sequence\","
         "\"normalizers\":[{\"type\":\"NFC\"},{\"type\":\"Shout\"}]}}",
         "'f.json': 'normalizer.normalizers[1]' has type 'Shout', which is no normalizer"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}},\"pre_tokenizer\":{\"type\":\"Split\","
         "\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\"}}",
         "no valid regular expression"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}},\"post_processor\":{\"type\":"
         "\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"X\",\"type_id\":0}}],"
         "\"pair\":[],\"special_tokens\":{}}}",
         "'post_processor.single[0]' uses 'X'"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}},\"added_tokens\":[{\"id\":1}]}",
         "added_tokens[0]"},
        {"{\"model\":{\"type\":\"WordLevel\",\"vocab\":{}},\"truncation\":{\"max_length\":-1}}",
         "'truncation'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        assert_null(tokenizer_parse(str_of(rows[i].json), "f.json", &e));
        assert_int_equal(e.kind, ERR_BAD_MODEL);
        if (!strstr(e.message, rows[i].message))
            fail_msg("'%s' does not say '%s'", e.message, rows[i].message);
    }
}

static tokenizer *small_bert(void)
{
    error e = {0};
    static const char json[] =
        "{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"a\":1,\"##a\":2,\"\\u00e9\\n"
        "\\ud83d\\udc4d\":3,\"b\":4}},\"normalizer\":{\"type\":\"BertNormalizer\"},"
        "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}}";
    tokenizer *t = tokenizer_parse(STR(json), "small", &e);
    assert_string_equal(e.message, "");
    assert_non_null(t);
    return t;
}

static void test_lookups(void **state)
{
    (void)state;
    tokenizer *t = small_bert();
    assert_int_equal(tokenizer_token_id(t, STR("\xc3\xa9\n\xf0\x9f\x91\x8d")), 3);
    assert_int_equal(tokenizer_token_id(t, STR("zzz")), -1);
    assert_true(str_is(tokenizer_id_token(t, 2), "##a"));
    assert_null(tokenizer_id_token(t, 5).p);
    assert_null(tokenizer_id_token(t, -1).p);
    assert_int_equal(tokenizer_info_of(t)->n_ids, 5);
    assert_int_equal(tokenizer_info_of(t)->unk_id, 0);
    assert_int_equal(tokenizer_info_of(t)->pad_id, -1);
    tokenizer_close(t);
}

static void test_bad_texts(void **state)
{
    (void)state;
    tokenizer *t = small_bert();
    arena *a = arena_new(1000);
    encode_options o = {0};
    encoding got = {.n = 77};
    error e = {0};
    assert_false(tokenizer_encode(t, STR("a\xff"), NULL, &o, &got, a, &e));
    assert_int_equal(e.kind, ERR_BAD_REQUEST);
    assert_non_null(strstr(e.message, "byte 1"));
    char many[4000];
    memset(many, '.', sizeof many);
    e = (error){0};
    assert_false(tokenizer_encode(t, (str){many, sizeof many}, NULL, &o, &got, a, &e));
    assert_int_equal(e.kind, ERR_TOO_LARGE);
    assert_int_equal(got.n, 77);
    str pair = STR("\xc0\x80");
    e = (error){0};
    assert_false(tokenizer_encode(t, STR("a"), &pair, &o, &got, a, &e));
    assert_int_equal(e.kind, ERR_BAD_REQUEST);
    arena_free(a);
    tokenizer_close(t);
}

/* A megabyte in one word, of marks, of words: each in well under a second even when sanitised. */
static void test_long_lines_are_linear(void **state)
{
    (void)state;
    static const char *const patterns[] = {"a", "\xcc\x81", "a ", "\xe4\xb8\xad",
                                           "\xcc\x81\xcc\xa3"};
    enum { LENGTH = 1 << 20 };
    own_mem char *line = malloc(LENGTH);
    tokenizer *t = small_bert();
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        size_t n = strlen(patterns[i]), length = LENGTH / n * n;
        for (size_t at = 0; at < length; at += n)
            memcpy(line + at, patterns[i], n);
        arena *a = arena_new(ARENA_BYTES);
        encode_options o = {.max_tokens = 16};
        encoding got;
        error e = {0};
        int64_t start = clock_ms();
        assert_true(tokenizer_encode(t, (str){line, length}, NULL, &o, &got, a, &e));
        assert_true(clock_ms() - start < 5000);
        assert_int_equal(got.truncated, got.n_total > 16);
        arena_free(a);
    }
    tokenizer_close(t);
}

/* Unknown characters that become bytes: each byte has the range of all of them. */
static void test_unknown_runs_are_linear(void **state)
{
    (void)state;
    enum { LENGTH = 1 << 20 };
    static const char letter[] = "\xf0\x9f\x98\x80";
    const char *path = TEST_ROOT "/goldens/tokenizers/unigram-bytes.json";
    error e = {0};
    own_buf buf content = buf_new(0);
    assert_true(file_read(path, 1 << 24, &content, &e));
    tokenizer *t = tokenizer_parse(definition_of(buf_view(&content)), path, &e);
    assert_non_null(t);
    own_mem char *line = malloc(LENGTH);
    for (size_t at = 0; at < LENGTH; at += 4)
        memcpy(line + at, letter, 4);
    arena *a = arena_new(ARENA_BYTES);
    encode_options o = {0};
    encoding got;
    int64_t start = clock_ms();
    assert_true(tokenizer_encode(t, (str){line, LENGTH}, NULL, &o, &got, a, &e));
    assert_true(clock_ms() - start < 5000);
    assert_true(got.n >= LENGTH && got.offsets[got.n - 1][1] == LENGTH / 4);
    arena_free(a);
    tokenizer_close(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_reference),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_lookups),
        cmocka_unit_test(test_bad_texts),
        cmocka_unit_test(test_long_lines_are_linear),
        cmocka_unit_test(test_unknown_runs_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
