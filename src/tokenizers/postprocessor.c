/* BertProcessing and RobertaProcessing are templates too, with their tokens filled in. */
#include "tokenizers/postprocessor.h"

#include <stdio.h>

enum { MAX_PARTS = 256 };

struct state {
    postprocessor p;
};

static bool add_part(loader *l, const char *path, template_list *list, template_part part)
{
    if (list->n == MAX_PARTS)
        return loader_fail(l, path, "has more than %d parts", MAX_PARTS);
    list->parts[list->n++] = part;
    list->n_special += part.kind == PART_SPECIAL;
    return true;
}

static void list_init(loader *l, template_list *list)
{
    list->parts = arena_alloc(l->memory, sizeof(template_part) * MAX_PARTS);
}

static bool set_template(loader *l, template_list *list, const template_part *parts, int n)
{
    list_init(l, list);
    for (int i = 0; i < n; i++)
        if (!add_part(l, "post_processor", list, parts[i]))
            return false;
    return true;
}

static bool read_int(loader *l, const char *path, const json_t *json, const char *what, int *out)
{
    if (!json_is_integer(json) || json_integer_value(json) < 0 ||
        json_integer_value(json) > VOCAB_MAX_TOKENS * 16LL)
        return loader_fail(l, path, "must have a %s that is a whole number", what);
    *out = (int)json_integer_value(json);
    return true;
}

/* The ids that a special token of a template stands for. */
static bool add_special(loader *l, const char *path, const json_t *specials, const json_t *name,
                        int type_id, template_list *list)
{
    const json_t *special = json_object_get(specials, json_string_value(name)), *id;
    const json_t *ids = json_object_get(special, "ids");
    size_t i;
    if (!json_is_array(ids))
        return loader_fail(l, path, "uses '%.60s', which is not in 'special_tokens'",
                           json_string_value(name));
    json_array_foreach (ids, i, id) {
        template_part part = {.kind = PART_SPECIAL, .type_id = type_id};
        if (!read_int(l, path, id, "token id", &part.id) || !add_part(l, path, list, part))
            return false;
    }
    return true;
}

static bool read_piece(loader *l, const char *path, const json_t *piece, const json_t *specials,
                       bool is_pair, template_list *list)
{
    const json_t *sequence = json_object_get(piece, "Sequence");
    const json_t *special = json_object_get(piece, "SpecialToken");
    const json_t *of = sequence ? sequence : special, *id = json_object_get(of, "id");
    int type_id;
    if (!json_is_string(id))
        return loader_fail(l, path, "must be a 'Sequence' or a 'SpecialToken' with an 'id'");
    if (!read_int(l, path, json_object_get(of, "type_id"), "'type_id'", &type_id))
        return false;
    if (special)
        return add_special(l, path, specials, id, type_id, list);
    bool first = str_is(json_str(id), "A"), second = str_is(json_str(id), "B");
    if (!first && !(second && is_pair))
        return loader_fail(l, path, "must name sequence 'A'%s, found '%.20s'",
                           is_pair ? " or 'B'" : "", json_string_value(id));
    return add_part(l, path, list, (template_part){first ? PART_FIRST : PART_SECOND, -1, type_id});
}

static bool read_template(loader *l, const char *path, const json_t *json, const char *key,
                          template_list *list)
{
    const json_t *pieces = json_object_get(json, key), *piece;
    size_t i;
    if (!json_is_array(pieces))
        return loader_fail(l, path, "must have an array '%s'", key);
    list_init(l, list);
    json_array_foreach (pieces, i, piece) {
        char inner[240];
        snprintf(inner, sizeof inner, "%s.%s[%zu]", path, key, i);
        if (!read_piece(l, inner, piece, json_object_get(json, "special_tokens"), key[0] == 'p',
                        list))
            return false;
    }
    return true;
}

static bool prepare_template(void *state, const json_t *json, const char *path, loader *l)
{
    postprocessor *p = &((struct state *)state)->p;
    p->has_template = true;
    return read_template(l, path, json, "single", &p->single) &&
           read_template(l, path, json, "pair", &p->pair);
}

static const struct component_kind process_template = {"TemplateProcessing", NULL,
                                                       sizeof(struct state), prepare_template};

/* ["[SEP]", 102] */
static bool read_pair(loader *l, const char *path, const json_t *json, const char *key, int *id)
{
    return read_int(l, path, json_array_get(json_object_get(json, key), 1), key, id);
}

static bool prepare_bert(void *state, const json_t *json, const char *path, loader *l)
{
    postprocessor *p = &((struct state *)state)->p;
    int cls, sep;
    if (!read_pair(l, path, json, "cls", &cls) || !read_pair(l, path, json, "sep", &sep))
        return false;
    const template_part parts[] = {{PART_SPECIAL, cls, 0},
                                   {PART_FIRST, -1, 0},
                                   {PART_SPECIAL, sep, 0},
                                   {PART_SECOND, -1, 1},
                                   {PART_SPECIAL, sep, 1}};
    p->has_template = true;
    return set_template(l, &p->single, parts, 3) && set_template(l, &p->pair, parts, 5);
}

static const struct component_kind process_bert = {"BertProcessing", NULL, sizeof(struct state),
                                                   prepare_bert};

/* RoBERTa has one segment, and two separators between its texts. */
static bool prepare_roberta(void *state, const json_t *json, const char *path, loader *l)
{
    postprocessor *p = &((struct state *)state)->p;
    int cls, sep;
    if (!read_pair(l, path, json, "cls", &cls) || !read_pair(l, path, json, "sep", &sep))
        return false;
    const template_part parts[] = {{PART_SPECIAL, cls, 0}, {PART_FIRST, -1, 0},
                                   {PART_SPECIAL, sep, 0}, {PART_SPECIAL, sep, 0},
                                   {PART_SECOND, -1, 0},   {PART_SPECIAL, sep, 0}};
    p->has_template = true;
    p->trim_offsets = !json_is_false(json_object_get(json, "trim_offsets"));
    p->add_prefix_space = !json_is_false(json_object_get(json, "add_prefix_space"));
    return set_template(l, &p->single, parts, 3) && set_template(l, &p->pair, parts, 6);
}

static const struct component_kind process_roberta = {"RobertaProcessing", NULL,
                                                      sizeof(struct state), prepare_roberta};

static bool prepare_byte_level(void *state, const json_t *json, const char *path, loader *l)
{
    (void)path, (void)l;
    postprocessor *p = &((struct state *)state)->p;
    p->trim_offsets = !json_is_false(json_object_get(json, "trim_offsets"));
    p->add_prefix_space = !json_is_false(json_object_get(json, "add_prefix_space"));
    return true;
}

static const struct component_kind process_byte_level = {"ByteLevel", NULL, sizeof(struct state),
                                                         prepare_byte_level};

static const struct component_kind *const kinds[] = {&process_template, &process_bert,
                                                     &process_roberta, &process_byte_level, NULL};

static const struct component_family family = {"post-processor", "processors", kinds};

bool postprocessor_load(loader *l, const json_t *json, postprocessor *out)
{
    static const template_part plain[] = {{PART_FIRST, -1, 0}, {PART_SECOND, -1, 1}};
    component_list list;
    if (!components_load(l, &family, json, "post_processor", &list))
        return false;
    *out = (postprocessor){0};
    for (int i = 0; i < list.n; i++) {
        const postprocessor *p = &((const struct state *)list.items[i].state)->p;
        if (p->has_template && out->has_template)
            return loader_fail(l, "post_processor", "has more than one template");
        if (p->has_template) {
            out->has_template = true;
            out->single = p->single;
            out->pair = p->pair;
        }
        if (p->trim_offsets) {
            out->trim_offsets = true;
            out->add_prefix_space = p->add_prefix_space;
        }
    }
    return out->has_template ||
           (set_template(l, &out->single, plain, 1) && set_template(l, &out->pair, plain, 2));
}
