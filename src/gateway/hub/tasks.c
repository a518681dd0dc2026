/* GET /api/tasks: what this server can do, from the field rows of the tasks; the pages make their
 * forms of it. */
#include "gateway/handlers.h"
#include "gateway/hub/info.h"
#include "tasks/task.h"

#include <string.h>

static void add_models(gateway *g, const char *name, const hub_models *all, json_t *entries,
                       json_t *widget_ids)
{
    for (int i = 0; i < all->n; i++) {
        local_model *m = library_find(g->library, str_of(all->items[i].id), NULL);
        const json_t *info = m ? local_model_info(m) : NULL;
        const char *tag = json_string_value(json_object_get(info, "pipeline_tag"));
        if (!tag || strcmp(tag, name) != 0)
            continue;
        json_array_append_new(entries, json_pack("{s:s,s:s}", "id", m->hub.id, "description", ""));
        json_array_append_new(widget_ids, json_string(m->hub.id));
    }
}

/* The schemas as rows give them: {"inputs": ..., "parameters": ..., "output": ...}. */
static json_t *make_spec(const task *t)
{
    json_t *input = task_input_schema(t);
    json_t *properties = json_object_get(input, "properties");
    json_t *spec =
        json_pack("{s:O?,s:O?,s:o?}", "inputs", json_object_get(properties, "inputs"), "parameters",
                  json_object_get(properties, "parameters"), "output", task_output_schema(t));
    json_decref(input);
    return spec;
}

void get_tasks(http_request *req, gateway *g)
{
    hub_models all;
    library_list(g->library, &all);
    json_t *out = json_object();
    for (int i = 0; tasks[i]; i++) {
        const task *t = tasks[i];
        json_t *entries = json_array(), *widget_ids = json_array();
        add_models(g, t->name, &all, entries, widget_ids);
        json_object_set_new(
            out, t->name,
            json_pack("{s:s,s:s,s:o,s:o,s:o,s:o?}", "label", t->title, "summary", t->summary,
                      "models", entries, "widgetModels", widget_ids, "spec", make_spec(t),
                      "example",
                      json_loads(t->example ? t->example : "null", JSON_DECODE_ANY, NULL)));
    }
    hub_models_release(&all);
    reply_json(req, 200, out);
}
