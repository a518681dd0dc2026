/* GET /api/models: the models on this machine, filtered, sorted, page by page; and the tags they
 * have. */
#include "base/memory.h"
#include "base/own.h"
#include "gateway/handlers.h"
#include "gateway/hub/view.h"
#include "http/h1.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PAGE = 1000 };

struct item {
    local_model *model;
    const char *text; /* what it is sorted by */
    double number;
};

static bool contains_fold(const char *text, str part)
{
    size_t n = strlen(text);
    for (size_t i = 0; i + part.n <= n; i++)
        if (strncasecmp(text + i, part.p, part.n) == 0)
            return true;
    return part.n == 0;
}

static bool is_text(const json_t *info, const char *key, str value)
{
    const char *text = json_string_value(json_object_get(info, key));
    return text && str_is(value, text);
}

static bool has_tag(const json_t *info, str tag)
{
    size_t i;
    json_t *value;
    json_array_foreach (json_object_get(info, "tags"), i, value) {
        if (str_is(tag, json_string_value(value)))
            return true;
    }
    return false;
}

/* All tags of a comma list. */
static bool has_tags(const json_t *info, str list)
{
    while (list.n) {
        const char *comma = memchr(list.p, ',', list.n);
        str tag = {list.p, comma ? (size_t)(comma - list.p) : list.n};
        if (tag.n && !has_tag(info, tag))
            return false;
        list = str_skip(list, tag.n + 1);
    }
    return true;
}

/* "6B", "0.5M", "1000" as a number; negative when it is none. */
static double count_of(str text)
{
    static const char units[] = "KMBT";
    char digits[32];
    if (text.n == 0 || text.n >= sizeof digits)
        return -1;
    memcpy(digits, text.p, text.n);
    digits[text.n] = '\0';
    char *end;
    double value = strtod(digits, &end);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    for (const char *u = units; unit && u <= unit; u++)
        value *= 1000;
    return end > digits && (unit ? end[1] == '\0' : *end == '\0') && value >= 0 ? value : -1;
}

/* "min:1M,max:6B", either alone too. A model whose parameters are not known is none of these. */
static bool has_parameters(const json_t *info, str range)
{
    const json_t *total = json_object_get(json_object_get(info, "safetensors"), "total");
    double n = (double)json_integer_value(total);
    while (range.n) {
        const char *comma = memchr(range.p, ',', range.n);
        str bound = {range.p, comma ? (size_t)(comma - range.p) : range.n};
        double value = bound.n > 4 ? count_of(str_skip(bound, 4)) : -1;
        range = str_skip(range, bound.n + 1);
        if (value < 0 || !total)
            return false;
        if (str_starts(bound, STR("min:")) ? n < value : n > value)
            return false;
    }
    return true;
}

static bool passes(const local_model *m, const json_t *info, str name, str value)
{
    if (str_is(name, "search") || str_is(name, "model_name"))
        return contains_fold(m->hub.id, value);
    if (str_is(name, "author"))
        return is_text(info, "author", value);
    if (str_is(name, "filter") || str_is(name, "tags") || str_is(name, "language"))
        return has_tags(info, value);
    if (str_is(name, "library"))
        return is_text(info, "library_name", value) || has_tags(info, value);
    if (str_is(name, "pipeline_tag"))
        return is_text(info, "pipeline_tag", value);
    if (str_is(name, "gated"))
        return str_is(value, "false") || str_is(value, "False");
    if (str_is(name, "num_parameters"))
        return has_parameters(info, value);
    return true;
}

/* Providers are a list of which one is enough: this server is the one, as "hf-inference". */
static bool is_provider(str list)
{
    return h1_has_token(list, STR("all")) || h1_has_token(list, STR("hf-inference"));
}

static bool passes_all(http_request *req, const local_model *m, const json_t *info)
{
    str name, value;
    bool is_provided = true, is_asked = false;
    for (size_t at = 0; hub_query_next(req, &at, &name, &value);) {
        if (str_is(name, "inference_provider")) {
            is_provided = (is_asked && is_provided) || is_provider(value);
            is_asked = true;
        } else if (!passes(m, info, name, value)) {
            return false;
        }
    }
    return is_provided;
}

/* Largest first; texts (dates) likewise; equal ones stay in the order of their ids. */
static int by_sort_key(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    int order = (b->number > a->number) - (b->number < a->number);
    if (order == 0 && a->text && b->text)
        order = strcmp(b->text, a->text);
    return order ? order : strcmp(a->model->hub.id, b->model->hub.id);
}

static void set_sort_key(gateway *g, struct item *item, str sort)
{
    const json_t *info = local_model_info(item->model);
    if (str_is(sort, "downloads"))
        item->number = (double)store_counter(g->store, str_of(item->model->hub.id), "downloads");
    else if (str_is(sort, "lastModified") || str_is(sort, "last_modified") ||
             str_is(sort, "createdAt") || str_is(sort, "created_at"))
        item->text = json_string_value(json_object_get(info, "lastModified"));
    else if (str_is(sort, "num_parameters"))
        item->number = (double)json_integer_value(
            json_object_get(json_object_get(info, "safetensors"), "total"));
    else if (str_is(sort, "mainSize"))
        item->number = (double)json_integer_value(json_object_get(info, "usedStorage"));
}

static struct item *select_models(http_request *req, gateway *g, int *n)
{
    hub_models all;
    library_list(g->library, &all);
    struct item *items = xcalloc((size_t)all.n + 1, sizeof *items);
    str sort = http_query_value(req, "sort");
    *n = 0;
    for (int i = 0; i < all.n; i++) {
        local_model *m = library_find(g->library, str_of(all.items[i].id), NULL);
        if (!m || !passes_all(req, m, local_model_info(m)))
            continue;
        items[*n] = (struct item){.model = m};
        set_sort_key(g, &items[*n], sort);
        ++*n;
    }
    hub_models_release(&all);
    qsort(items, (size_t)*n, sizeof *items, by_sort_key);
    return items;
}

void get_models(http_request *req, gateway *g)
{
    own_json json_t *names = NULL;
    if (!view_expand(req, &names))
        return;
    int n;
    own_mem struct item *items = select_models(req, g, &n);
    long limit = hub_query_number(req, "limit", MAX_PAGE, MAX_PAGE);
    long from = hub_query_number(req, "cursor", hub_query_number(req, "skip", 0, n), n);
    bool full = hub_query_is_true(req, "full"), card = hub_query_is_true(req, "cardData");
    bool config = hub_query_is_true(req, "config") || hub_query_is_true(req, "fetch_config");
    json_t *out = json_array();
    for (long i = from; i < n && i < from + limit; i++)
        json_array_append_new(out, view_item(g, items[i].model, names, full, config, card));
    http_headerf(req, "X-Total-Count", "%d", n);
    if (limit > 0 && from + limit < n)
        hub_link_next(req, from + limit);
    reply_json(req, 200, out);
}

/* --- tags --- */

static void add_value(json_t *list, const char *id, const char *type)
{
    size_t i;
    json_t *known;
    json_array_foreach (list, i, known) {
        if (strcmp(json_string_value(json_object_get(known, "id")), id) == 0)
            return;
    }
    const char *colon = strchr(id, ':');
    json_array_append_new(
        list, json_pack("{s:s,s:s,s:s}", "id", id, "label", colon ? colon + 1 : id, "type", type));
}

static void add_languages(json_t *out, const json_t *languages)
{
    if (json_is_string(languages))
        add_value(out, json_string_value(languages), "language");
    size_t i;
    json_t *language;
    json_array_foreach (languages, i, language) {
        if (json_is_string(language))
            add_value(out, json_string_value(language), "language");
    }
}

void get_tags_by_type(http_request *req, gateway *g)
{
    json_t *out = json_pack("{s:[],s:[],s:[],s:[],s:[]}", "pipeline_tag", "library", "language",
                            "license", "dataset");
    hub_models all;
    library_list(g->library, &all);
    for (int i = 0; i < all.n; i++) {
        local_model *m = library_find(g->library, str_of(all.items[i].id), NULL);
        const json_t *info = m ? local_model_info(m) : NULL;
        const char *task_name = json_string_value(json_object_get(info, "pipeline_tag"));
        const char *library_name = json_string_value(json_object_get(info, "library_name"));
        if (task_name)
            add_value(json_object_get(out, "pipeline_tag"), task_name, "pipeline_tag");
        if (library_name)
            add_value(json_object_get(out, "library"), library_name, "library");
        add_languages(json_object_get(out, "language"),
                      json_object_get(json_object_get(info, "cardData"), "language"));
        size_t t;
        json_t *tag;
        json_array_foreach (json_object_get(info, "tags"), t, tag) {
            str text = {json_string_value(tag), json_string_length(tag)};
            if (str_starts(text, STR("license:")))
                add_value(json_object_get(out, "license"), text.p, "license");
            else if (str_starts(text, STR("dataset:")))
                add_value(json_object_get(out, "dataset"), text.p, "dataset");
        }
    }
    hub_models_release(&all);
    reply_json(req, 200, out);
}
