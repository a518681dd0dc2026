#include "gateway/hub/view.h"

#include "base/own.h"

#include <string.h>

static const char *const expandable[] = {
    "author",
    "baseModels",
    "cardData",
    "childrenModelCount",
    "config",
    "createdAt",
    "disabled",
    "downloads",
    "downloadsAllTime",
    "evalResults",
    "gated",
    "gguf",
    "gitalyUid",
    "inference",
    "inferenceProviderMapping",
    "lastModified",
    "library_name",
    "likes",
    "mask_token",
    "model-index",
    "pipeline_tag",
    "private",
    "resourceGroup",
    "safetensors",
    "sha",
    "siblings",
    "spaces",
    "tags",
    "transformersInfo",
    "trendingScore",
    "usedStorage",
    "widgetData",
    "xetEnabled",
    "tensors",
};

enum { N_EXPANDABLE = sizeof expandable / sizeof *expandable };

static bool is_expandable(str name)
{
    for (int i = 0; i < N_EXPANDABLE; i++)
        if (str_is(name, expandable[i]))
            return true;
    return false;
}

bool view_expand(http_request *req, json_t **names)
{
    json_t *found = NULL;
    str name, value;
    for (size_t at = 0; hub_query_next(req, &at, &name, &value);) {
        if (!str_is(name, "expand") || value.n == 0)
            continue;
        if (!is_expandable(value)) {
            json_decref(found);
            http_error(req, 400, "there is no field '%.*s' to expand", (int)value.n, value.p);
            return false;
        }
        if (!found)
            found = json_array();
        json_array_append_new(found, json_stringn(value.p, value.n));
    }
    *names = found;
    return true;
}

static json_t *provider_mapping(const local_model *m, const json_t *info)
{
    const char *task_name = json_string_value(json_object_get(info, "pipeline_tag"));
    return json_pack("{s:{s:s,s:s,s:s*}}", "hf-inference", "status", "live", "providerId",
                     m->hub.id, "task", task_name);
}

static json_t *plain_siblings(const json_t *info)
{
    json_t *out = json_array();
    size_t i;
    json_t *file;
    json_array_foreach (json_object_get(info, "siblings"), i, file) {
        json_array_append_new(out,
                              json_pack("{s:O}", "rfilename", json_object_get(file, "rfilename")));
    }
    return out;
}

/* A copy of the document with what changes from call to call. */
static json_t *fresh_copy(gateway *g, local_model *m)
{
    json_t *out = json_copy(local_model_info(m));
    int64_t downloads = store_counter(g->store, str_of(m->hub.id), "downloads");
    json_object_set_new(out, "downloads", json_integer(downloads));
    json_object_set_new(out, "trendingScore", json_integer(0));
    return out;
}

static json_t *pick(gateway *g, local_model *m, const json_t *names)
{
    own_json json_t *all = fresh_copy(g, m);
    json_object_set_new(all, "inferenceProviderMapping", provider_mapping(m, all));
    json_object_set_new(all, "downloadsAllTime", json_incref(json_object_get(all, "downloads")));
    json_object_set_new(all, "siblings", plain_siblings(all));
    json_t *out = json_pack("{s:O,s:O}", "_id", json_object_get(all, "_id"), "id",
                            json_object_get(all, "id"));
    size_t i;
    json_t *name;
    json_array_foreach (names, i, name) {
        json_t *value = json_object_get(all, json_string_value(name));
        if (value)
            json_object_set(out, json_string_value(name), value);
    }
    return out;
}

json_t *view_model(gateway *g, local_model *m, const json_t *names, bool blobs)
{
    if (names)
        return pick(g, m, names);
    json_t *out = fresh_copy(g, m);
    if (!blobs)
        json_object_set_new(out, "siblings", plain_siblings(out));
    return out;
}

json_t *view_item(gateway *g, local_model *m, const json_t *names, bool full, bool config,
                  bool card)
{
    static const char *const light[] = {"_id",          "id",      "modelId",   "likes",
                                        "downloads",    "private", "gated",     "pipeline_tag",
                                        "library_name", "tags",    "createdAt", "lastModified",
                                        "trendingScore"};
    static const char *const more[] = {"author", "sha", "disabled", "safetensors", "usedStorage"};
    if (names)
        return pick(g, m, names);
    own_json json_t *all = fresh_copy(g, m);
    json_t *out = json_object();
    for (size_t i = 0; i < sizeof light / sizeof *light; i++)
        if (json_object_get(all, light[i]))
            json_object_set(out, light[i], json_object_get(all, light[i]));
    for (size_t i = 0; full && i < sizeof more / sizeof *more; i++)
        if (json_object_get(all, more[i]))
            json_object_set(out, more[i], json_object_get(all, more[i]));
    if (full)
        json_object_set_new(out, "siblings", plain_siblings(all));
    if (config && json_object_get(all, "config"))
        json_object_set(out, "config", json_object_get(all, "config"));
    if (card && json_object_get(all, "cardData"))
        json_object_set(out, "cardData", json_object_get(all, "cardData"));
    return out;
}
