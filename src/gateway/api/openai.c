/* OpenAI's routes above all models: the model is named in the body. */
#include "base/json.h"
#include "base/own.h"
#include "gateway/api/call.h"
#include "gateway/handlers.h"

#include <string.h>

/* "org/name:provider" -> "org/name": ids hold no colon. */
static str without_provider(str id)
{
    const char *colon = id.n ? memchr(id.p, ':', id.n) : NULL;
    return colon ? (str){id.p, (size_t)(colon - id.p)} : id;
}

/* A request on its way to the worker of the model that its body names. */
struct passed {
    gateway *gateway;
    const char *target; /* path of the worker */
};

static void pass_body(http_request *req, str body, void *arg)
{
    const struct passed *p = arg;
    gateway *g = p->gateway;
    error e = {0};
    own_json json_t *root = json_parse(body, "request body", JSON_MAX_DEPTH, &e);
    if (!root) {
        http_fail(req, &e);
        return;
    }
    const json_t *name = json_object_get(root, "model");
    if (!json_is_string(name)) {
        http_error(req, 400, "'model' must be a string, found %s",
                   json_is_object(root) && !name ? "nothing" : json_kind(name ? name : root));
        return;
    }
    str id = without_provider(json_str(name));
    local_model *model = library_find(g->library, id, &e);
    if (model)
        call_model(req, g, model, p->target, &body);
    else
        reply_no_model(req, g, id, &e);
}

static void pass(http_request *req, gateway *g, const char *target)
{
    struct passed *p = arena_alloc(http_arena(req), sizeof *p);
    *p = (struct passed){g, target};
    http_read_all(req, (size_t)g->options->max_body_bytes, pass_body, p);
}

void post_openai_embeddings(http_request *req, gateway *g)
{
    pass(req, g, "/v1/embeddings");
}

void post_rerank(http_request *req, gateway *g)
{
    pass(req, g, "/v1/rerank");
}

static json_t *entry(const hub_model *m)
{
    const char *slash = strchr(m->id, '/');
    return json_pack("{s:s,s:s,s:I,s:s%}", "id", m->id, "object", "model", "created",
                     (json_int_t)(m->modified_unix_ms / 1000), "owned_by", slash ? m->id : "local",
                     slash ? (size_t)(slash - m->id) : (size_t)5);
}

void get_openai_models(http_request *req, gateway *g)
{
    hub_models all = {0};
    library_list(g->library, &all);
    json_t *data = json_array();
    for (int i = 0; i < all.n; i++)
        json_array_append_new(data, entry(&all.items[i]));
    hub_models_release(&all);
    reply_json(req, 200, json_pack("{s:s,s:o}", "object", "list", "data", data));
}

void get_openai_model(http_request *req, gateway *g)
{
    error e = {0};
    str id = without_provider(http_capture(req, 0));
    const local_model *model = library_find(g->library, id, &e);
    if (model)
        reply_json(req, 200, entry(&model->hub));
    else
        reply_no_model(req, g, id, &e);
}
