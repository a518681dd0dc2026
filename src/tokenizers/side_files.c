#include "tokenizers/side_files.h"

#include "base/file.h"
#include "base/json.h"
#include "base/own.h"

enum { CONFIG_MAX_BYTES = 64 << 20 };

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

bool side_files_read(side_files *f, const char *folder, error *e)
{
    *f = (side_files){0};
    if (read_config(folder, "tokenizer_config.json", &f->config, e) &&
        read_config(folder, "special_tokens_map.json", &f->special_tokens, e) &&
        read_config(folder, "config.json", &f->model_config, e))
        return true;
    side_files_release(f);
    return false;
}

void side_files_release(side_files *f)
{
    json_decref(f->config);
    json_decref(f->special_tokens);
    json_decref(f->model_config);
    json_decref(f->presets);
    *f = (side_files){0};
}

str token_text(const json_t *value)
{
    const json_t *content = json_is_object(value) ? json_object_get(value, "content") : value;
    return json_is_string(content) ? json_str(content) : (str){0};
}

const json_t *side_files_token(const side_files *f, const char *key)
{
    const json_t *const places[] = {f->config, f->special_tokens, f->presets};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const json_t *named = json_object_get(places[i], key);
        if (json_is_null(named))
            return NULL;
        if (token_text(named).p)
            return named;
    }
    return NULL;
}

str side_files_token_text(const side_files *f, const char *key)
{
    return token_text(side_files_token(f, key));
}

bool side_files_flag(const side_files *f, const char *key, bool preset)
{
    const json_t *value = json_object_get(f->config, key);
    return json_is_boolean(value) ? json_is_true(value) : preset;
}
