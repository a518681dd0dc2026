/* GET /status/{id}, GET /models/{id}, GET /framework/{framework}: what is loaded. Never wakes a
 * model. */
#include "gateway/api/call.h"
#include "gateway/handlers.h"
#include "gateway/hub/info.h"

static const char *state_text(const pool_status *s)
{
    if (s->state == POOL_READY || s->state == POOL_DRAINING)
        return "Loaded";
    if (s->state == POOL_QUEUED || s->state == POOL_LOADING || s->n_waiting > 0)
        return "Loading";
    if (s->failure.kind == ERR_NO_SPACE)
        return "TooBig";
    return s->loadable ? "Loadable" : "error";
}

void reply_status(http_request *req, gateway *g, str id)
{
    error e = {0};
    local_model *model = library_find(g->library, id, &e);
    if (!model) {
        reply_no_model(req, g, id, &e);
        return;
    }
    pool_status s;
    pool_get_status(g->pool, model->hub.id, &s);
    bool loaded = s.state == POOL_READY || s.state == POOL_DRAINING;
    json_t *library_name = json_object_get(local_model_info(model), "library_name");
    json_t *out = json_pack("{s:b,s:s,s:s,s:O?}", "loaded", loaded, "state", state_text(&s),
                            "compute_type", "cpu", "framework", library_name);
    if (s.process) {
        json_object_set_new(out, "memory_bytes", json_integer(s.bytes));
        json_object_set_new(out, "requests_active", json_integer(s.n_active));
        json_object_set_new(out, "requests_waiting", json_integer(s.n_waiting));
    }
    if (s.idle_ms >= 0) {
        json_object_set_new(out, "idle_s", json_real((double)s.idle_ms / 1e3));
        json_object_set_new(out, "unload_in_s", json_real((double)s.unload_in_ms / 1e3));
    }
    if (!loaded && !s.loadable)
        json_object_set_new(out, "error", json_string(s.failure.message));
    reply_json(req, 200, out);
}

void get_status(http_request *req, gateway *g)
{
    reply_status(req, g, http_capture(req, 0));
}

void get_framework(http_request *req, gateway *g)
{
    str framework = http_capture(req, 0);
    hub_models all = {0};
    library_list(g->library, &all);
    json_t *out = json_array();
    for (int i = 0; i < all.n; i++) {
        local_model *model = library_find(g->library, str_of(all.items[i].id), NULL);
        const json_t *info = model ? local_model_info(model) : NULL;
        const char *name = json_string_value(json_object_get(info, "library_name"));
        json_t *task = json_object_get(info, "pipeline_tag");
        if (name && str_is(framework, name))
            json_array_append_new(
                out, json_pack("{s:s,s:O?}", "model_id", all.items[i].id, "task", task));
    }
    hub_models_release(&all);
    reply_json(req, 200, out);
}
