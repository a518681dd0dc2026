/* Parsing by rows and the JSON Schema of rows. Each type has one parse function in a table. */
#include "base/fields.h"
#include "base/json.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <strings.h>

struct spot { /* where a value stands, for messages and storing */
    const field *row;
    const char *path;
    void *to;
    arena *memory;
    error *e;
};

typedef bool parse_fn(const struct spot *s, const json_t *value);

static bool wrong(const struct spot *s, const char *expected, const json_t *found)
{
    return fail(s->e, ERR_BAD_REQUEST, "'%s' must be %s, found %s", s->path, expected,
                json_kind(found));
}

static bool no_room(const struct spot *s)
{
    return fail(s->e, ERR_TOO_LARGE, "'%s' is larger than the memory allowed for one request",
                s->path);
}

static bool parse_bool(const struct spot *s, const json_t *value)
{
    if (!json_is_boolean(value))
        return wrong(s, "true or false", value);
    *(int *)s->to = json_is_true(value);
    return true;
}

static bool in_range(const struct spot *s, double value)
{
    const field *row = s->row;
    if (row->low == 0 && row->high == 0)
        return true;
    if (value < row->low || value > row->high)
        return fail(s->e, ERR_INVALID, "'%s' is %.9g, expected a value from %.9g to %.9g", s->path,
                    value, row->low, row->high);
    return true;
}

static bool parse_int(const struct spot *s, const json_t *value)
{
    double number = json_number_value(value);
    if (!json_is_number(value) || number != floor(number))
        return wrong(s, "an integer", value);
    if (!in_range(s, number))
        return false;
    if (number < INT_MIN || number > INT_MAX)
        return fail(s->e, ERR_INVALID, "'%s' is %.9g, which is not a 32-bit integer", s->path,
                    number);
    *(int *)s->to = (int)number;
    return true;
}

static bool parse_number(const struct spot *s, const json_t *value)
{
    if (!json_is_number(value))
        return wrong(s, "a number", value);
    double number = json_number_value(value);
    if (!in_range(s, number))
        return false;
    *(double *)s->to = number;
    return true;
}

static bool copy_text(const struct spot *s, const json_t *value, str *to)
{
    str text = json_str(value);
    char *copy = arena_copy(s->memory, text.p, text.n);
    if (!copy)
        return no_room(s);
    *to = (str){copy, text.n};
    return true;
}

static bool parse_string(const struct spot *s, const json_t *value)
{
    if (!json_is_string(value))
        return wrong(s, "a string", value);
    return copy_text(s, value, s->to);
}

static bool parse_choice(const struct spot *s, const json_t *value)
{
    const char *const *choices = s->row->choices;
    char list[300] = "";
    size_t n = 0;
    const char *text = json_string_value(value);
    for (int i = 0; choices[i]; i++) {
        if (text && strcasecmp(text, choices[i]) == 0) {
            *(int *)s->to = i;
            return true;
        }
        n += (size_t)snprintf(list + n, n < sizeof list ? sizeof list - n : 0, "%s'%s'",
                              i ? ", " : "", choices[i]);
        if (n >= sizeof list)
            n = sizeof list - 1;
    }
    if (!text)
        return wrong(s, "a string", value);
    return fail(s->e, ERR_BAD_REQUEST, "'%s' is '%.40s', expected one of %s", s->path, text, list);
}

static bool count_allowed(const struct spot *s, size_t n)
{
    if (s->row->high > 0 && (double)n > s->row->high)
        return fail(s->e, ERR_INVALID, "'%s' has %zu items, expected at most %.0f", s->path, n,
                    s->row->high);
    return true;
}

static bool parse_strings(const struct spot *s, const json_t *value)
{
    bool one = json_is_string(value) && (s->row->flags & FIELD_ONE_OR_MANY);
    if (!one && !json_is_array(value))
        return wrong(s,
                     s->row->flags & FIELD_ONE_OR_MANY ? "a string or an array of strings"
                                                       : "an array of strings",
                     value);
    size_t n = one ? 1 : json_array_size(value);
    if (!count_allowed(s, n))
        return false;
    strs list = {arena_try(s->memory, n, sizeof(str)), (int)n};
    if (n && !list.items)
        return no_room(s);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = one ? value : json_array_get(value, i);
        if (!json_is_string(item))
            return fail(s->e, ERR_BAD_REQUEST, "'%s[%zu]' must be a string, found %s", s->path, i,
                        json_kind(item));
        if (!copy_text(s, item, &list.items[i]))
            return false;
    }
    *(strs *)s->to = list;
    return true;
}

static bool parse_ids(const struct spot *s, const json_t *array, const char *path, text_input *to)
{
    size_t n = json_array_size(array);
    int *ids = arena_try(s->memory, n ? n : 1, sizeof *ids);
    if (!ids || n > INT_MAX)
        return no_room(s);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(array, i);
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || id > INT_MAX)
            return fail(s->e, ERR_BAD_REQUEST, "'%s[%zu]' must be a token id, found %s", path, i,
                        json_is_integer(item) ? "a number out of range" : json_kind(item));
        ids[i] = (int)id;
    }
    *to = (text_input){.ids = ids, .n_ids = (int)n};
    return true;
}

static bool parse_text_item(const struct spot *s, const json_t *item, size_t i, text_input *to)
{
    char path[200];
    snprintf(path, sizeof path, "%s[%zu]", s->path, i);
    if (json_is_string(item))
        return copy_text(s, item, &to->text);
    if (json_is_array(item) && (s->row->flags & FIELD_TOKEN_IDS))
        return parse_ids(s, item, path, to);
    return fail(s->e, ERR_BAD_REQUEST, "'%s' must be %s, found %s", path,
                s->row->flags & FIELD_TOKEN_IDS ? "a string or an array of token ids" : "a string",
                json_kind(item));
}

static bool parse_texts(const struct spot *s, const json_t *value)
{
    bool ids = s->row->flags & FIELD_TOKEN_IDS;
    if (!json_is_string(value) && !json_is_array(value))
        return wrong(s,
                     ids ? "a string, an array of strings, or token ids"
                         : "a string or an array of strings",
                     value);
    bool flat_ids = ids && json_is_integer(json_array_get(value, 0));
    texts list = {.single = json_is_string(value) || flat_ids};
    size_t n = list.single ? 1 : json_array_size(value);
    if (!count_allowed(s, n))
        return false;
    list.n = (int)n;
    list.items = arena_try(s->memory, n ? n : 1, sizeof *list.items);
    if (!list.items)
        return no_room(s);
    if (flat_ids) {
        if (!parse_ids(s, value, s->path, &list.items[0]))
            return false;
    } else if (list.single) {
        if (!copy_text(s, value, &list.items[0].text))
            return false;
    } else {
        for (size_t i = 0; i < n; i++)
            if (!parse_text_item(s, json_array_get(value, i), i, &list.items[i]))
                return false;
    }
    *(texts *)s->to = list;
    return true;
}

static bool parse_object(const struct spot *s, const json_t *value)
{
    if (!json_is_object(value))
        return wrong(s, "an object", value);
    return fields_parse(s->row->rows, value, s->path, s->to, s->memory, s->e);
}

static parse_fn *const parsers[] = {
    [FIELD_TYPE_BOOL] = parse_bool,     [FIELD_TYPE_INT] = parse_int,
    [FIELD_TYPE_NUMBER] = parse_number, [FIELD_TYPE_STRING] = parse_string,
    [FIELD_TYPE_CHOICE] = parse_choice, [FIELD_TYPE_STRINGS] = parse_strings,
    [FIELD_TYPE_TEXTS] = parse_texts,   [FIELD_TYPE_OBJECT] = parse_object,
};

bool field_parse_value(const field *row, const json_t *value, const char *path, void *out, arena *a,
                       error *e)
{
    struct spot s = {row, path, (char *)out + row->offset, a, e};
    return parsers[row->type](&s, value);
}

static void preset_one(const field *row, void *to)
{
    switch (row->type) {
    case FIELD_TYPE_BOOL:
    case FIELD_TYPE_INT:
    case FIELD_TYPE_CHOICE:
        *(int *)to = (int)row->preset;
        break;
    case FIELD_TYPE_NUMBER:
        *(double *)to = row->preset;
        break;
    case FIELD_TYPE_STRING:
        *(str *)to = str_of(row->preset_text);
        break;
    case FIELD_TYPE_STRINGS:
        *(strs *)to = (strs){0};
        break;
    case FIELD_TYPE_TEXTS:
        *(texts *)to = (texts){0};
        break;
    case FIELD_TYPE_OBJECT:
        fields_preset(row->rows, to);
        break;
    default:
        break;
    }
}

void fields_preset(const field *rows, void *out)
{
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++)
        preset_one(row, (char *)out + row->offset);
}

bool fields_parse(const field *rows, const json_t *object, const char *path, void *out, arena *a,
                  error *e)
{
    fields_preset(rows, out);
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++) {
        char where[200];
        snprintf(where, sizeof where, "%s%s%s", path, *path ? "." : "", row->name);
        const json_t *value = json_object_get(object, row->name);
        if (!value || json_is_null(value)) {
            if (row->flags & FIELD_REQUIRED)
                return fail(e, ERR_BAD_REQUEST, "'%s' is required but missing", where);
            continue;
        }
        if (!field_parse_value(row, value, where, out, a, e))
            return false;
    }
    return true;
}

static json_t *array_of(json_t *items, double most)
{
    json_t *schema = json_pack("{s:s, s:o}", "type", "array", "items", items);
    if (most > 0)
        json_object_set_new(schema, "maxItems", json_integer((json_int_t)most));
    return schema;
}

static json_t *either(json_t *a, json_t *b)
{
    return json_pack("{s:[o,o]}", "anyOf", a, b);
}

static json_t *type_named(const char *name)
{
    return json_pack("{s:s}", "type", name);
}

static json_t *numbers_schema(const field *row)
{
    json_t *any = json_array();
    for (int depth = row->min_depth; depth <= row->max_depth; depth++) {
        json_t *schema = type_named("number");
        for (int i = 0; i < depth; i++)
            schema = array_of(schema, 0);
        json_array_append_new(any, schema);
    }
    return json_pack("{s:o}", "anyOf", any);
}

static json_t *texts_schema(const field *row)
{
    json_t *schema = either(type_named("string"), array_of(type_named("string"), row->high));
    if (row->flags & FIELD_TOKEN_IDS) {
        json_t *any = json_object_get(schema, "anyOf");
        json_array_append_new(any, array_of(type_named("integer"), 0));
        json_array_append_new(any, array_of(array_of(type_named("integer"), 0), row->high));
    }
    return schema;
}

static json_t *choice_schema(const field *row)
{
    json_t *names = json_array();
    for (int i = 0; row->choices[i]; i++)
        json_array_append_new(names, json_string(row->choices[i]));
    json_t *schema = json_pack("{s:s, s:o}", "type", "string", "enum", names);
    if (row->preset >= 0)
        json_object_set_new(schema, "default", json_string(row->choices[(int)row->preset]));
    return schema;
}

static json_t *number_schema(const field *row, const char *type)
{
    json_t *schema = type_named(type);
    bool integer = row->type == FIELD_TYPE_INT;
    if (row->low != 0 || row->high != 0) {
        json_object_set_new(schema, "minimum",
                            integer ? json_integer((json_int_t)row->low) : json_real(row->low));
        json_object_set_new(schema, "maximum",
                            integer ? json_integer((json_int_t)row->high) : json_real(row->high));
    }
    if (row->preset >= row->low || row->low == row->high)
        json_object_set_new(schema, "default",
                            integer ? json_integer((json_int_t)row->preset)
                                    : json_real(row->preset));
    return schema;
}

static json_t *bool_schema(const field *row)
{
    json_t *schema = type_named("boolean");
    if (row->preset >= 0)
        json_object_set_new(schema, "default", json_boolean(row->preset > 0));
    return schema;
}

static json_t *row_schema(const field *row)
{
    switch (row->type) {
    case FIELD_TYPE_BOOL:
        return bool_schema(row);
    case FIELD_TYPE_INT:
        return number_schema(row, "integer");
    case FIELD_TYPE_NUMBER:
        return number_schema(row, "number");
    case FIELD_TYPE_CHOICE:
        return choice_schema(row);
    case FIELD_TYPE_STRINGS:
        return row->flags & FIELD_ONE_OR_MANY
                   ? either(type_named("string"), array_of(type_named("string"), row->high))
                   : array_of(type_named("string"), row->high);
    case FIELD_TYPE_TEXTS:
        return texts_schema(row);
    case FIELD_TYPE_NUMBERS:
        return numbers_schema(row);
    case FIELD_TYPE_OBJECT:
        return fields_schema(row->rows);
    default: {
        json_t *schema = type_named("string");
        if (row->preset_text)
            json_object_set_new(schema, "default", json_string(row->preset_text));
        return schema;
    }
    }
}

json_t *fields_schema(const field *rows)
{
    if (rows->type != FIELD_TYPE_END && !rows->name)
        return row_schema(rows);
    json_t *properties = json_object(), *required = json_array();
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++) {
        json_t *schema = row_schema(row);
        if (row->help)
            json_object_set_new(schema, "description", json_string(row->help));
        json_object_set_new(properties, row->name, schema);
        if (row->flags & FIELD_REQUIRED)
            json_array_append_new(required, json_string(row->name));
    }
    return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
                     required);
}
