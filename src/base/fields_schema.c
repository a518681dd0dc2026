/* The JSON Schema of rows. */
#include "base/fields.h"

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

/* The value with min_depth to max_depth arrays around it; takes the reference. */
static json_t *nested(const field *row, json_t *value)
{
    json_t *any = json_array();
    for (int depth = row->min_depth; depth <= row->max_depth; depth++) {
        json_t *schema = json_deep_copy(value);
        for (int i = 0; i < depth; i++)
            schema = array_of(schema, 0);
        json_array_append_new(any, schema);
    }
    json_decref(value);
    if (json_array_size(any) > 1)
        return json_pack("{s:o}", "anyOf", any);
    json_t *only = json_incref(json_array_get(any, 0));
    json_decref(any);
    return only;
}

static json_t *texts_schema(const field *row)
{
    json_t *schema = either(type_named("string"), array_of(type_named("string"), row->high));
    if (row->flags & FIELD_TOKEN_IDS) {
        json_t *any = json_object_get(schema, "anyOf");
        json_array_append_new(any, array_of(type_named("integer"), 0));
        json_array_append_new(any, array_of(array_of(type_named("integer"), 0), row->high));
    }
    if (row->flags & FIELD_PAIRS) {
        json_t *any = json_object_get(schema, "anyOf");
        json_t *pair =
            json_pack("{s:s, s:{s:{s:s}, s:{s:s}}, s:[s]}", "type", "object", "properties", "text",
                      "type", "string", "text_pair", "type", "string", "required", "text");
        json_array_append(any, pair);
        json_array_append_new(any, array_of(pair, row->high));
    }
    if (row->flags & FIELD_PAIR_LISTS)
        json_array_append_new(json_object_get(schema, "anyOf"),
                              array_of(array_of(type_named("string"), 2), row->high));
    return schema;
}

/* By columns or by rows. */
static json_t *table_schema(void)
{
    static const char *const kinds[] = {"string", "number", "boolean", "null"};
    json_t *types = json_array();
    for (int i = 0; i < 4; i++)
        json_array_append_new(types, json_string(kinds[i]));
    json_t *cell = json_pack("{s:o}", "type", types);
    json_t *columns = json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                                array_of(json_incref(cell), 0));
    json_t *row = json_pack("{s:s, s:o}", "type", "object", "additionalProperties", cell);
    return either(columns, array_of(row, 0));
}

static json_t *choice_schema(const field *row)
{
    json_t *names = json_array();
    for (int i = 0; row->choices[i]; i++)
        json_array_append_new(names, json_string(row->choices[i]));
    json_t *schema = json_pack("{s:s, s:o}", "type", "string", "enum", names);
    if (row->preset >= 0)
        json_object_set_new(schema, "default", json_string(row->choices[(int)row->preset]));
    return row->flags & FIELD_OR_BOOL ? either(schema, type_named("boolean")) : schema;
}

static json_t *number_schema(const field *row, const char *type)
{
    json_t *schema = type_named(type);
    bool integer = row->type != FIELD_TYPE_NUMBER, many = row->type == FIELD_TYPE_INTS;
    if (row->low != 0 || row->high != 0) {
        json_object_set_new(schema, "minimum",
                            integer ? json_integer((json_int_t)row->low) : json_real(row->low));
        json_object_set_new(schema, "maximum",
                            integer ? json_integer((json_int_t)row->high) : json_real(row->high));
    }
    if (!many && (row->preset >= row->low || row->low == row->high))
        json_object_set_new(schema, "default",
                            integer ? json_integer((json_int_t)row->preset)
                                    : json_real(row->preset));
    return schema;
}

static json_t *boxes_schema(const field *row)
{
    json_t *edge =
        json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", 0, "maximum", (int)row->high);
    json_t *box = array_of(edge, 4);
    json_object_set_new(box, "minItems", json_integer(4));
    json_t *list = array_of(box, row->most_items);
    return row->flags & FIELD_ONE_OR_MANY ? either(json_incref(list), array_of(list, 0)) : list;
}

static json_t *bool_schema(const field *row)
{
    json_t *schema = type_named("boolean");
    if (row->preset >= 0)
        json_object_set_new(schema, "default", json_boolean(row->preset > 0));
    return schema;
}

static json_t *value_schema(const field *row)
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
        return row->flags & (FIELD_ONE_OR_MANY | FIELD_COMMAS)
                   ? either(type_named("string"), array_of(type_named("string"), row->high))
                   : array_of(type_named("string"), row->high);
    case FIELD_TYPE_INTS:
        return row->flags & FIELD_ONE_OR_MANY
                   ? either(number_schema(row, "integer"),
                            array_of(number_schema(row, "integer"), row->most_items))
                   : array_of(number_schema(row, "integer"), row->most_items);
    case FIELD_TYPE_BOXES:
        return boxes_schema(row);
    case FIELD_TYPE_TEXTS:
        return texts_schema(row);
    case FIELD_TYPE_TABLE:
        return table_schema();
    case FIELD_TYPE_NUMBERS:
        return type_named("number");
    case FIELD_TYPE_OBJECT:
        return fields_schema(row->rows);
    case FIELD_TYPE_OBJECTS: {
        json_t *one = fields_schema(row->rows);
        json_t *many = array_of(json_incref(one), row->high);
        return row->flags & FIELD_ONE_OR_MANY ? either(one, many) : (json_decref(one), many);
    }
    default: {
        json_t *schema = type_named("string");
        if (row->preset_text)
            json_object_set_new(schema, "default", json_string(row->preset_text));
        return schema;
    }
    }
}

static json_t *row_schema(const field *row)
{
    return nested(row, value_schema(row));
}

static json_t *alternatives(const field *rows)
{
    json_t *any = json_array();
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++)
        json_array_append_new(any, row_schema(row));
    if (json_array_size(any) > 1)
        return json_pack("{s:o}", "anyOf", any);
    json_t *only = json_incref(json_array_get(any, 0));
    json_decref(any);
    return only;
}

json_t *fields_schema(const field *rows)
{
    if (rows->type != FIELD_TYPE_END && !rows->name)
        return alternatives(rows);
    json_t *properties = json_object(), *required = json_array();
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++) {
        json_t *schema = row_schema(row);
        if (row->help)
            json_object_set_new(schema, "description", json_string(row->help));
        json_t *other = json_object_get(properties, row->name); /* rows that are alternatives */
        if (other)
            schema = either(json_incref(other), schema);
        json_object_set_new(properties, row->name, schema);
        if ((row->flags & FIELD_REQUIRED) && !other)
            json_array_append_new(required, json_string(row->name));
    }
    return json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required",
                     required);
}
