/* Replies against their output rows. */
#include "base/fields.h"
#include "base/json.h"

static bool wrong(const char *path, const char *expected, const json_t *found, error *e)
{
    return fail(e, ERR_INVALID, "'%s' must be %s, found %s", path, expected, json_kind(found));
}

static bool check_keys(const field *rows, const json_t *object, const char *path, error *e);

static bool check_plain(const field *row, const json_t *value, const char *path, error *e)
{
    switch (row->type) {
    case FIELD_TYPE_BOOL:
        return json_is_boolean(value) || wrong(path, "true or false", value, e);
    case FIELD_TYPE_INT:
        return json_is_integer(value) || wrong(path, "an integer", value, e);
    case FIELD_TYPE_NUMBER:
    case FIELD_TYPE_NUMBERS:
        return json_is_number(value) || wrong(path, "a number", value, e);
    case FIELD_TYPE_OBJECT:
        return check_keys(row->rows, value, path, e);
    default:
        return json_is_string(value) || wrong(path, "a string", value, e);
    }
}

/* The value with `least` to `most` arrays around it; elements of one array may differ in depth. */
static bool check_depth(const field *row, const json_t *value, int least, int most,
                        const char *path, error *e)
{
    if (most == 0 || (least == 0 && !json_is_array(value)))
        return check_plain(row, value, path, e);
    if (!json_is_array(value))
        return wrong(path, "an array", value, e);
    for (size_t i = 0; i < json_array_size(value); i++) {
        char where[200];
        snprintf(where, sizeof where, "%s[%zu]", path, i);
        if (!check_depth(row, json_array_get(value, i), least > 0 ? least - 1 : 0, most - 1, where,
                         e))
            return false;
    }
    return true;
}

static bool check_row(const field *row, const json_t *value, const char *path, error *e)
{
    return check_depth(row, value, row->min_depth, row->max_depth, path, e);
}

static bool has_row(const field *rows, const char *key)
{
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++)
        if (strcmp(row->name, key) == 0)
            return true;
    return false;
}

static bool check_keys(const field *rows, const json_t *object, const char *path, error *e)
{
    const char *key;
    json_t *ignored;
    char where[200];
    if (!json_is_object(object))
        return wrong(path, "an object", object, e);
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++) {
        const json_t *value = json_object_get(object, row->name);
        snprintf(where, sizeof where, "%s.%s", path, row->name);
        if (!value && (row->flags & FIELD_REQUIRED))
            return fail(e, ERR_INVALID, "'%s' is required but missing", where);
        if (value && !check_row(row, value, where, e))
            return false;
    }
    json_object_foreach ((json_t *)object, key, ignored)
        if (!has_row(rows, key))
            return fail(e, ERR_INVALID, "'%s.%s' has no row", path, key);
    return true;
}

bool fields_check(const field *rows, const json_t *value, error *e)
{
    error first = {0};
    if (rows->type != FIELD_TYPE_END && rows->name)
        return check_keys(rows, value, "", e);
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++) {
        error now = {0};
        if (check_row(row, value, "", &now))
            return true;
        if (row == rows)
            first = now;
    }
    return fail(e, first.kind, "%s", first.message);
}
