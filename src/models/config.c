#include "models/config.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"

bool config_parse(const field *rows, const json_t *object, const char *name, void *out,
                  arena *memory, error *e)
{
    error inner = {0};
    if (!json_is_object(object))
        return fail(e, ERR_BAD_MODEL, "'%s' is %s, expected an object", name, json_kind(object));
    if (fields_parse(rows, object, "", out, memory, &inner))
        return true;
    return fail(e, ERR_INVALID, "'%s': %s", name, inner.message);
}

bool config_read(const field *rows, const repo *r, const char *folder, const char *name,
                 bool required, void *out, arena *memory, error *e)
{
    own_mem char *path = xprintf("%s%s%s", folder, *folder ? "/" : "", name);
    if (!required && !repo_has(r, path)) {
        fields_preset(rows, out);
        return true;
    }
    own_json json_t *document = repo_json(r, path, e);
    return document && config_parse(rows, document, path, out, memory, e);
}
