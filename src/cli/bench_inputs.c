/* Request bodies for every task, made of the example that a task has: the texts of its input are
 * replaced, everything else (candidate labels, a query) stays. */
#include "base/json.h"
#include "base/own.h"
#include "cli/bench.h"
#include "cli/parameters.h"

static bool is_list(const json_t *value)
{
    return json_is_array(value) && json_is_string(json_array_get(value, 0));
}

/* The key of an input object that takes the texts: its list, else its last text. */
static const char *key_of_texts(json_t *object)
{
    const char *key, *chosen = NULL;
    json_t *value;
    json_object_foreach (object, key, value) {
        if (is_list(value))
            return key;
        if (json_is_string(value))
            chosen = key;
    }
    return chosen;
}

static json_t *text_json(str text)
{
    return json_stringn(text.p, text.n);
}

static json_t *list_json(const str *items, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, text_json(items[i]));
    return list;
}

/* A copy of an example's object with the texts in it. */
static json_t *object_json(json_t *example, const str *items, int n)
{
    json_t *object = json_deep_copy(example);
    const char *key = key_of_texts(object);
    if (key)
        json_object_set_new(object, key,
                            is_list(json_object_get(object, key)) ? list_json(items, n)
                                                                  : text_json(items[0]));
    return object;
}

static bool takes_list(const task *t, const json_t *example)
{
    for (const field *row = t->inputs; row->type != FIELD_TYPE_END; row++)
        if (row->type == FIELD_TYPE_OBJECTS || row->type == FIELD_TYPE_TEXTS ||
            row->type == FIELD_TYPE_STRINGS)
            return true;
    return is_list(example);
}

/* The value of "inputs"; NULL when the task does not take so many texts at once. */
static json_t *inputs_json(const task *t, json_t *example, const str *items, int n)
{
    if (!json_is_object(example)) {
        bool list = takes_list(t, example);
        return n == 1 ? text_json(items[0]) : list ? list_json(items, n) : NULL;
    }
    const char *key = key_of_texts(example);
    if (n == 1 || (key && is_list(json_object_get(example, key))))
        return object_json(example, items, n);
    if (!takes_list(t, NULL))
        return NULL;
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, object_json(example, items + i, 1));
    return list;
}

bool bench_body(const pipeline *p, const str *items, int n, const option_list *parameters,
                buf *body, error *e)
{
    own_json json_t *root = json_loads(p->task->example, 0, NULL);
    json_t *inputs = inputs_json(p->task, json_object_get(root, "inputs"), items, n);
    if (!inputs)
        return fail(e, ERR_INVALID, "the task '%s' takes one text a request", p->task->name);
    json_object_set_new(root, "inputs", inputs);
    json_t *given = json_object_get(root, "parameters");
    if (!given) {
        given = json_object();
        json_object_set_new(root, "parameters", given);
    }
    if (!parameters_add(given, p->task, parameters, e))
        return false;
    json_put(body, root);
    return !body->full || fail(e, ERR_TOO_LARGE, "the request is too large");
}
