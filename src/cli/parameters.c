#include "cli/parameters.h"

#include <string.h>

json_t *parameter_text(const char *text, error *e)
{
    json_t *value = json_string(text);
    if (!value)
        fail(e, ERR_BAD_REQUEST, "'%.40s' is not valid UTF-8", text);
    return value;
}

static bool add(json_t *parameters, const char *text, error *e)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return fail(e, ERR_BAD_REQUEST, "'--parameter' is '%s', expected NAME=VALUE", text);
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
    if (!value)
        value = parameter_text(equals + 1, e);
    return value && json_object_setn_new(parameters, text, (size_t)(equals - text), value) == 0;
}

bool parameters_add(json_t *object, const option_list *words, error *e)
{
    for (int i = 0; i < words->n; i++)
        if (!add(object, words->items[i], e))
            return false;
    return true;
}
