/* router_config.json: "types" of modules by name, which is also their folder; "structure": the
 * modules of each route; "parameters": which route a task takes. */
#include "models/router.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"

#include <string.h>

static str last_part(str name)
{
    const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
    return dot ? str_skip(name, (size_t)(dot - name.p) + 1) : name;
}

static str text_of(const json_t *value)
{
    return json_is_string(value) ? json_str(value) : STR("");
}

bool router_is_first(const json_t *modules)
{
    str type = text_of(json_object_get(json_array_get(modules, 0), "type"));
    return str_starts(type, STR("sentence_transformers.")) &&
           (str_is(last_part(type), "Router") || str_is(last_part(type), "Asym"));
}

static json_t *read_file(const repo *r, const char *folder, error *e)
{
    own_mem char *name = xprintf("%s%srouter_config.json", folder, *folder ? "/" : "");
    own_mem char *old = xprintf("%s%sconfig.json", folder, *folder ? "/" : "");
    return repo_json(r, repo_has(r, name) ? name : old, e);
}

/* As the reference: mappings by task and kind of input, from the exact to the general, then the
 * routes of these names. */
static const json_t *find_route(const json_t *file, const char *task)
{
    const json_t *routes = json_object_get(file, "structure");
    const json_t *mappings = json_object_get(json_object_get(file, "parameters"), "route_mappings");
    own_mem char *exact = xprintf("('%s', 'text')", task), *any = xprintf("('%s', None)", task);
    const char *const keys[] = {exact, any, "(None, 'text')", "(None, None)"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *name = json_object_get(mappings, keys[i]);
        if (json_is_string(name))
            return json_object_get(routes, json_string_value(name));
    }
    const json_t *route = json_object_get(routes, task);
    return route ? route : json_object_get(routes, "text");
}

/* {"type", "path"} of a module of a route; NULL for what is none. */
static json_t *module_of(const json_t *file, const json_t *name, const char *folder)
{
    const json_t *type = json_is_string(name)
                             ? json_object_getn(json_object_get(file, "types"),
                                                json_string_value(name), json_string_length(name))
                             : NULL;
    if (!json_is_string(type))
        return NULL;
    const char *id = json_string_value(name);
    own_mem char *path = xprintf("%s%s%s", folder, *folder && *id ? "/" : "", id);
    return json_pack("{s:O, s:s}", "type", type, "path", path);
}

static json_t *modules_of(const json_t *file, const char *task, const char *folder, error *e)
{
    const json_t *route = find_route(file, task), *name;
    size_t i;
    if (json_array_size(route) == 0) {
        fail(e, ERR_INVALID, "the router of the model has no route for the task '%s'", task);
        return NULL;
    }
    json_t *out = json_array();
    json_array_foreach (route, i, name) {
        json_t *module = module_of(file, name, folder);
        if (!module) {
            fail(e, ERR_BAD_MODEL, "the router's module %zu of the task '%s' has no type", i, task);
            json_decref(out);
            return NULL;
        }
        json_array_append_new(out, module);
    }
    return out;
}

/* Queries that are not the documents' way. */
static bool read_queries(const json_t *queries, arena *memory, const char **folder, error *e)
{
    const json_t *first = json_array_get(queries, 0);
    str type = text_of(json_object_get(first, "type")),
        path = text_of(json_object_get(first, "path"));
    if (json_array_size(queries) != 1 || !str_starts(type, STR("sentence_transformers.")) ||
        !str_is(last_part(type), "SparseStaticEmbedding"))
        return fail(e, ERR_INVALID,
                    "the router sends queries to %zu modules, the first of type '%.*s'; only the "
                    "modules of documents or one SparseStaticEmbedding are supported",
                    json_array_size(queries), (int)(type.n < 200 ? type.n : 200), type.p);
    *folder = arena_copy(memory, path.p, path.n);
    return *folder || fail(e, ERR_BAD_MODEL, "the router's names are too long");
}

json_t *router_modules(const repo *r, const json_t *modules, arena *memory,
                       const char **static_folder, int *n_routed, error *e)
{
    const char *folder = json_string_value(json_object_get(json_array_get(modules, 0), "path"));
    *static_folder = NULL;
    own_json json_t *file = read_file(r, folder ? folder : "", e);
    if (!file)
        return NULL;
    own_json json_t *queries = modules_of(file, "query", folder ? folder : "", e);
    json_t *documents = queries ? modules_of(file, "document", folder ? folder : "", e) : NULL;
    if (!documents)
        return NULL;
    *n_routed = (int)json_array_size(documents);
    if (!json_equal(queries, documents) && !read_queries(queries, memory, static_folder, e)) {
        json_decref(documents);
        return NULL;
    }
    for (size_t i = 1; i < json_array_size(modules); i++)
        json_array_append(documents, json_array_get(modules, i));
    return documents;
}
