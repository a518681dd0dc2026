/* Options of BertJapaneseTokenizer: of its ways to find words MeCab's, of those to divide them
 * WordPiece's and characters. */
#include "tokenizers/recipe.h"

#include "base/json.h"

static bool refuse(error *e, const char *key, const json_t *found, const char *expected)
{
    char *shown = found ? json_dumps(found, JSON_ENCODE_ANY) : NULL;
    fail(e, ERR_BAD_MODEL,
         "tokenizer_config.json: BertJapaneseTokenizer with '%s' %.80s is not "
         "supported, expected %s",
         key, shown ? shown : "not given", expected);
    free(shown);
    return false;
}

static bool has_value(const json_t *found, const char *wanted)
{
    return json_is_string(found) && str_is(json_str(found), wanted);
}

static bool is_nothing(const json_t *found)
{
    return !found || json_is_null(found) || (json_is_string(found) && json_str(found).n == 0) ||
           (json_is_array(found) && json_array_size(found) == 0);
}

const char *recipe_japanese_dictionary(const side_files *f)
{
    const json_t *options = json_object_get(f->config, "mecab_kwargs");
    const json_t *name = json_object_get(options, "mecab_dic");
    return !name ? "unidic_lite" : json_is_string(name) ? json_string_value(name) : "";
}

static bool check_mecab(const json_t *options, error *e)
{
    const char *key;
    json_t *value;
    if (!json_is_object(options))
        return is_nothing(options) || refuse(e, "mecab_kwargs", options, "an object");
    json_object_foreach ((json_t *)options, key, value) {
        if (strcmp(key, "mecab_dic") == 0) {
            if (!json_is_string(value) && !json_is_null(value))
                return refuse(e, key, value, "the name of a dictionary");
        } else if (strcmp(key, "normalize_text") == 0) {
            if (!json_is_true(value))
                return refuse(e, key, value, "true");
        } else if (!is_nothing(value)) {
            return refuse(e, key, value, "nothing");
        }
    }
    return true;
}

bool recipe_check_japanese(const side_files *f, error *e)
{
    const json_t *words = json_object_get(f->config, "word_tokenizer_type");
    const json_t *parts = json_object_get(f->config, "subword_tokenizer_type");
    const json_t *whole = json_object_get(f->config, "never_split");
    static const char *const steps[] = {"do_word_tokenize", "do_subword_tokenize"};
    if (!has_value(words, "mecab"))
        return refuse(e, "word_tokenizer_type", words, "\"mecab\"");
    if (parts && !has_value(parts, "wordpiece") && !has_value(parts, "character"))
        return refuse(e, "subword_tokenizer_type", parts, "\"wordpiece\" or \"character\"");
    for (int i = 0; i < 2; i++)
        if (!side_files_flag(f, steps[i], true))
            return refuse(e, steps[i], json_object_get(f->config, steps[i]), "true");
    return (is_nothing(whole) || refuse(e, "never_split", whole, "nothing")) &&
           check_mecab(json_object_get(f->config, "mecab_kwargs"), e);
}
