#include "cli/parameters.h"
#include "base/own.h"

#include <string.h>

json_t *parameter_text(const char *text, error *e)
{
    json_t *value = json_string(text);
    if (!value)
        fail(e, ERR_BAD_REQUEST, "'%.40s' is not valid UTF-8", text);
    return value;
}

static bool is_known(const task *t, str name, error *e)
{
    own_buf buf names = buf_new(1000);
    for (const field *row = t->parameters; row && row->type != FIELD_TYPE_END; row++) {
        if (str_is(name, row->name))
            return true;
        buf_printf(&names, "%s'%s'", names.n ? ", " : "", row->name);
    }
    return fail(e, ERR_BAD_REQUEST, "the task '%s' has no parameter '%.*s', expected one of %s",
                t->name, (int)(name.n < 100 ? name.n : 100), name.p, buf_text(&names));
}

static bool add(json_t *parameters, const task *t, const char *text, error *e)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return fail(e, ERR_BAD_REQUEST, "'--parameter' is '%s', expected NAME=VALUE", text);
    if (!is_known(t, (str){text, (size_t)(equals - text)}, e))
        return false;
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
    if (!value)
        value = parameter_text(equals + 1, e);
    return value && json_object_setn_new(parameters, text, (size_t)(equals - text), value) == 0;
}

bool parameters_add(json_t *object, const task *t, const option_list *words, error *e)
{
    for (int i = 0; i < words->n; i++)
        if (!add(object, t, words->items[i], e))
            return false;
    return true;
}
