/* The table of tasks, and request bodies by their rows. */
#include "tasks/task.h"
#include "base/json.h"
#include "base/own.h"
#include "base/profile.h"

#define X(name) extern const task task_##name;
#include "tasks/list.h"
#undef X

const task *const tasks[] = {
#define X(name) &task_##name,
#include "tasks/list.h"
#undef X
    NULL,
};

const task *task_find(str name)
{
    for (int i = 0; tasks[i]; i++)
        if (str_is(name, tasks[i]->name) || (tasks[i]->alias && str_is(name, tasks[i]->alias)))
            return tasks[i];
    return NULL;
}

/* Whether the keys of an OBJECT row stand at the root, as older clients send them. */
static bool stands_at_root(const field *row, const json_t *root)
{
    if (row->type != FIELD_TYPE_OBJECT && row->type != FIELD_TYPE_OBJECTS)
        return false;
    for (const field *key = row->rows; key->type != FIELD_TYPE_END; key++)
        if (json_object_get(root, key->name))
            return true;
    return false;
}

/* The form of "inputs" that this value has; the first one, to complain, when it has none. */
static const field *fitting_row(const field *rows, const json_t *value)
{
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++)
        if (field_takes(row, value))
            return row;
    return rows;
}

static bool parse_inputs(const field *rows, const json_t *root, void *request, arena *a, error *e)
{
    const json_t *value = json_object_get(root, rows->name);
    fields_preset(rows, request);
    if (value && !json_is_null(value))
        return field_parse_value(fitting_row(rows, value), value, rows->name, request, a, e);
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++)
        if (stands_at_root(row, root))
            return field_parse_value(row, root, "", request, a, e);
    return fail(e, ERR_BAD_REQUEST, "'%s' is required but missing", rows->name);
}

static bool parse_parameters(const field *rows, const json_t *root, void *request, arena *a,
                             error *e)
{
    const json_t *inner = json_object_get(root, "parameters");
    if (inner && !json_is_null(inner) && !json_is_object(inner))
        return fail(e, ERR_BAD_REQUEST, "'parameters' must be an object, found %s",
                    json_kind(inner));
    fields_preset(rows, request);
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++) {
        char path[200];
        const json_t *value = json_object_get(inner, row->name);
        snprintf(path, sizeof path, "%s%s", value ? "parameters." : "", row->name);
        if (!value)
            value = json_object_get(root, row->name);
        if (!value || json_is_null(value)) {
            if (row->flags & FIELD_REQUIRED)
                return fail(e, ERR_BAD_REQUEST, "'%s' is required but missing", path);
        } else if (!field_parse_value(row, value, path, request, a, e)) {
            return false;
        }
    }
    return true;
}

static json_t *read_body(const task *t, str body, error *e)
{
    if (body.n == 0) {
        fail(e, ERR_EMPTY, "the request body is empty, expected JSON such as %s", t->example);
        return NULL;
    }
    json_t *root = json_parse(body, "the request body", JSON_MAX_DEPTH, e);
    if (root && !json_is_object(root)) {
        fail(e, ERR_BAD_REQUEST, "the request body must be a JSON object, found %s",
             json_kind(root));
        json_decref(root);
        return NULL;
    }
    return root;
}

static bool fill_request(const task *t, const json_t *root, void *request, arena *a, error *e)
{
    return (!t->inputs || parse_inputs(t->inputs, root, request, a, e)) &&
           (!t->parameters || parse_parameters(t->parameters, root, request, a, e));
}

bool task_parse(const task *t, str body, void *request, arena *a, error *e)
{
    PROFILE(PROFILE_REQUEST);
    own_json json_t *root = read_body(t, body, e);
    return root && fill_request(t, root, request, a, e);
}

bool task_parse_fitting(const task **t, str body, void **request, arena *a, error *e)
{
    own_json json_t *root = read_body(*t, body, e);
    if (!root)
        return false;
    const json_t *inputs = json_object_get(root, "inputs");
    if ((*t)->twin && (json_is_string(inputs) || json_is_array(inputs)))
        *t = (*t)->twin;
    *request = arena_alloc(a, (*t)->request_size);
    return fill_request(*t, root, *request, a, e);
}

json_t *task_input_schema(const task *t)
{
    json_t *schema =
        t->inputs ? fields_schema(t->inputs)
                  : json_pack("{s:s, s:{}, s:[]}", "type", "object", "properties", "required");
    if (t->parameters)
        json_object_set_new(json_object_get(schema, "properties"), "parameters",
                            fields_schema(t->parameters));
    return schema;
}

json_t *task_output_schema(const task *t)
{
    return fields_schema(t->output);
}
