/* One loader for all families: finds the row of a type, fills its state from its fields, lets it
 * prepare, and flattens sequences. */
#include "tokenizers/component.h"

#include <stdarg.h>
#include <stdio.h>

enum { MAX_COMPONENTS = 256, MAX_PATH_LENGTH = 200, MAX_DEPTH = 16 };

bool loader_fail(loader *l, const char *path, const char *format, ...)
{
    char message[600];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return fail(l->e, ERR_BAD_MODEL, "'%s': '%s' %s", l->file, path, message);
}

static const struct component_kind *find_kind(const struct component_family *family, str type)
{
    for (int i = 0; family->kinds[i]; i++)
        if (str_is(type, family->kinds[i]->type))
            return family->kinds[i];
    return NULL;
}

static bool load_one(loader *l, const struct component_kind *kind, const json_t *json,
                     const char *path, component *out)
{
    void *state = arena_alloc(l->memory, kind->state_size ? kind->state_size : 1);
    error inner = {0};
    if (kind->fields && !fields_parse(kind->fields, json, path, state, l->memory, &inner))
        return fail(l->e, ERR_BAD_MODEL, "'%s': %s", l->file, inner.message);
    if (kind->prepare && !kind->prepare(state, json, path, l))
        return false;
    *out = (component){kind, state};
    return true;
}

static bool load_into(loader *l, const struct component_family *family, const json_t *json,
                      const char *path, int depth, component_list *out)
{
    if (!json_is_object(json))
        return loader_fail(l, path, "must be an object, found %s", json_kind(json));
    const json_t *type = json_object_get(json, "type");
    if (!json_is_string(type))
        return loader_fail(l, path, "must have a string 'type', found %s",
                           type ? json_kind(type) : "none");
    if (family->list_key && str_is(json_str(type), "Sequence")) {
        const json_t *members = json_object_get(json, family->list_key), *member;
        size_t i;
        if (!json_is_array(members))
            return loader_fail(l, path, "must have an array '%s'", family->list_key);
        if (depth == MAX_DEPTH)
            return loader_fail(l, path, "nests deeper than %d sequences", MAX_DEPTH);
        json_array_foreach (members, i, member) {
            char inner[MAX_PATH_LENGTH];
            snprintf(inner, sizeof inner, "%s.%s[%zu]", path, family->list_key, i);
            if (!load_into(l, family, member, inner, depth + 1, out))
                return false;
        }
        return true;
    }
    const struct component_kind *kind = find_kind(family, json_str(type));
    if (!kind)
        return loader_fail(l, path, "has type '%.80s', which is no %s known here",
                           json_string_value(type), family->what);
    if (out->n == MAX_COMPONENTS)
        return loader_fail(l, path, "is one of more than %d components", MAX_COMPONENTS);
    return load_one(l, kind, json, path, &out->items[out->n]) && ++out->n;
}

bool components_load(loader *l, const struct component_family *family, const json_t *json,
                     const char *path, component_list *out)
{
    component found[MAX_COMPONENTS];
    component_list list = {.items = found, .given = json && !json_is_null(json)};
    if (list.given && !load_into(l, family, json, path, 0, &list))
        return false;
    *out =
        (component_list){.items = arena_alloc(l->memory, sizeof(component) * (size_t)(list.n + 1)),
                         .n = list.n,
                         .given = list.given};
    memcpy(out->items, found, sizeof(component) * (size_t)list.n);
    return true;
}
