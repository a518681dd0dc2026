/* Parsing by rows. Each type has one parse function in a table. */
#include "base/fields.h"
#include "base/json.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <strings.h>

struct spot { /* where a value stands, for messages and storing */
    const field *row;
    const char *path;
    void *to;
    arena *memory;
    error *e;
};

typedef bool parse_fn(const struct spot *s, const json_t *value);

static bool wrong(const struct spot *s, const char *expected, const json_t *found)
{
    return fail(s->e, ERR_BAD_REQUEST, "'%s' must be %s, found %s", s->path, expected,
                json_kind(found));
}

static bool no_room(const struct spot *s)
{
    return fail(s->e, ERR_TOO_LARGE, "'%s' is larger than the memory allowed for one request",
                s->path);
}

static bool parse_bool(const struct spot *s, const json_t *value)
{
    if (!json_is_boolean(value))
        return wrong(s, "true or false", value);
    *(int *)s->to = json_is_true(value);
    return true;
}

static bool in_range(const struct spot *s, double value)
{
    const field *row = s->row;
    if (row->low == 0 && row->high == 0)
        return true;
    if (value < row->low || value > row->high)
        return fail(s->e, ERR_INVALID, "'%s' is %.9g, expected a value from %.9g to %.9g", s->path,
                    value, row->low, row->high);
    return true;
}

static bool read_int(const struct spot *s, const json_t *value, int *out)
{
    double number = json_number_value(value);
    if (!json_is_number(value) || number != floor(number))
        return wrong(s, "an integer", value);
    if (!in_range(s, number))
        return false;
    if (number < INT_MIN || number > INT_MAX)
        return fail(s->e, ERR_INVALID, "'%s' is %.9g, which is not a 32-bit integer", s->path,
                    number);
    *out = (int)number;
    return true;
}

static bool parse_int(const struct spot *s, const json_t *value)
{
    return read_int(s, value, s->to);
}

static bool parse_ints(const struct spot *s, const json_t *value)
{
    bool single = json_is_number(value) && (s->row->flags & FIELD_ONE_OR_MANY);
    size_t n = single ? 1 : json_array_size(value);
    if (!single && !json_is_array(value))
        return wrong(s,
                     s->row->flags & FIELD_ONE_OR_MANY ? "an integer or an array of integers"
                                                       : "an array of integers",
                     value);
    if (s->row->most_items && n > (size_t)s->row->most_items)
        return fail(s->e, ERR_INVALID, "'%s' has %zu items, expected at most %d", s->path, n,
                    s->row->most_items);
    ints list = {arena_try(s->memory, n ? n : 1, sizeof(int)), (int)n, single};
    if (!list.items)
        return no_room(s);
    for (size_t i = 0; i < n; i++) {
        char path[200];
        struct spot item = *s;
        snprintf(path, sizeof path, "%s[%zu]", s->path, i);
        item.path = single ? s->path : path;
        if (!read_int(&item, single ? value : json_array_get(value, i), &list.items[i]))
            return false;
    }
    *(ints *)s->to = list;
    return true;
}

static bool parse_box(const struct spot *s, const json_t *value, int out[4])
{
    if (json_array_size(value) != 4)
        return wrong(s, "an array of four integers", value);
    for (size_t i = 0; i < 4; i++) {
        char path[280];
        struct spot edge = *s;
        snprintf(path, sizeof path, "%s[%zu]", s->path, i);
        edge.path = path;
        if (!read_int(&edge, json_array_get(value, i), &out[i]))
            return false;
    }
    return true;
}

static bool parse_box_list(const struct spot *s, const json_t *value, box_list *out)
{
    size_t n = json_array_size(value);
    if (!json_is_array(value))
        return wrong(s, "an array of boxes", value);
    if (s->row->most_items && n > (size_t)s->row->most_items)
        return fail(s->e, ERR_INVALID, "'%s' has %zu items, expected at most %d", s->path, n,
                    s->row->most_items);
    *out = (box_list){arena_try(s->memory, n ? n : 1, sizeof *out->items), (int)n};
    if (!out->items)
        return no_room(s);
    for (size_t i = 0; i < n; i++) {
        char path[240];
        struct spot item = *s;
        snprintf(path, sizeof path, "%s[%zu]", s->path, i);
        item.path = path;
        if (!parse_box(&item, json_array_get(value, i), out->items[i]))
            return false;
    }
    return true;
}

/* A list of lists begins with a list that is no box. */
static bool parse_boxes(const struct spot *s, const json_t *value)
{
    const json_t *first = json_array_get(value, 0);
    bool many = (s->row->flags & FIELD_ONE_OR_MANY) && json_is_array(first) &&
                (json_array_size(first) == 0 || json_is_array(json_array_get(first, 0)));
    size_t n = many ? json_array_size(value) : 1;
    box_lists list = {arena_try(s->memory, n, sizeof *list.lists), (int)n, !many};
    if (!list.lists)
        return no_room(s);
    for (size_t i = 0; i < n; i++) {
        char path[200];
        struct spot item = *s;
        snprintf(path, sizeof path, "%s[%zu]", s->path, i);
        item.path = many ? path : s->path;
        if (!parse_box_list(&item, many ? json_array_get(value, i) : value, &list.lists[i]))
            return false;
    }
    *(box_lists *)s->to = list;
    return true;
}

static bool parse_number(const struct spot *s, const json_t *value)
{
    if (!json_is_number(value))
        return wrong(s, "a number", value);
    double number = json_number_value(value);
    if (!in_range(s, number))
        return false;
    *(double *)s->to = number;
    return true;
}

static bool copy_text(const struct spot *s, const json_t *value, str *to)
{
    str text = json_str(value);
    char *copy = arena_copy(s->memory, text.p, text.n);
    if (!copy)
        return no_room(s);
    *to = (str){copy, text.n};
    return true;
}

static bool parse_string(const struct spot *s, const json_t *value)
{
    if (!json_is_string(value))
        return wrong(s, "a string", value);
    return copy_text(s, value, s->to);
}

static bool parse_choice(const struct spot *s, const json_t *value)
{
    const char *const *choices = s->row->choices;
    char list[300] = "";
    size_t n = 0;
    const char *text = json_string_value(value);
    if (json_is_boolean(value) && (s->row->flags & FIELD_OR_BOOL)) {
        *(int *)s->to = json_is_true(value);
        return true;
    }
    for (int i = 0; choices[i]; i++) {
        if (text && strcasecmp(text, choices[i]) == 0) {
            *(int *)s->to = i;
            return true;
        }
        n += (size_t)snprintf(list + n, n < sizeof list ? sizeof list - n : 0, "%s'%s'",
                              i ? ", " : "", choices[i]);
        if (n >= sizeof list)
            n = sizeof list - 1;
    }
    if (!text)
        return wrong(s, "a string", value);
    return fail(s->e, ERR_BAD_REQUEST, "'%s' is '%.40s', expected one of %s", s->path, text, list);
}

static bool count_allowed(const struct spot *s, size_t n)
{
    if (s->row->high > 0 && (double)n > s->row->high)
        return fail(s->e, ERR_INVALID, "'%s' has %zu items, expected at most %.0f", s->path, n,
                    s->row->high);
    return true;
}

static str trimmed(str s)
{
    while (s.n && strchr(" \t\r\n", s.p[0]))
        s = str_skip(s, 1);
    while (s.n && strchr(" \t\r\n", s.p[s.n - 1]))
        s.n--;
    return s;
}

/* "a, b" as two strings; what is empty between two commas is left out. */
static bool split_commas(const struct spot *s, const json_t *value)
{
    str rest;
    size_t most = 1;
    if (!copy_text(s, value, &rest))
        return false;
    for (size_t i = 0; i < rest.n; i++)
        most += rest.p[i] == ',';
    if (!count_allowed(s, most))
        return false;
    strs list = {arena_try(s->memory, most, sizeof(str)), 0};
    if (!list.items)
        return no_room(s);
    for (size_t i = 0; i < most; i++) {
        const char *comma = rest.n ? memchr(rest.p, ',', rest.n) : NULL;
        size_t n = comma ? (size_t)(comma - rest.p) : rest.n;
        str part = trimmed((str){rest.p, n});
        if (part.n)
            list.items[list.n++] = part;
        rest = str_skip(rest, n + 1);
    }
    *(strs *)s->to = list;
    return true;
}

static bool parse_strings(const struct spot *s, const json_t *value)
{
    bool one = json_is_string(value) && (s->row->flags & FIELD_ONE_OR_MANY);
    if (json_is_string(value) && (s->row->flags & FIELD_COMMAS))
        return split_commas(s, value);
    if (!one && !json_is_array(value))
        return wrong(s,
                     s->row->flags & (FIELD_ONE_OR_MANY | FIELD_COMMAS)
                         ? "a string or an array of strings"
                         : "an array of strings",
                     value);
    size_t n = one ? 1 : json_array_size(value);
    if (!count_allowed(s, n))
        return false;
    strs list = {arena_try(s->memory, n ? n : 1, sizeof(str)), (int)n};
    if (!list.items)
        return no_room(s);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = one ? value : json_array_get(value, i);
        if (!json_is_string(item))
            return fail(s->e, ERR_BAD_REQUEST, "'%s[%zu]' must be a string, found %s", s->path, i,
                        json_kind(item));
        if (!copy_text(s, item, &list.items[i]))
            return false;
    }
    *(strs *)s->to = list;
    return true;
}

static bool parse_numbers(const struct spot *s, const json_t *value)
{
    if (!json_is_array(value))
        return wrong(s, "an array of numbers", value);
    size_t n = json_array_size(value);
    if (!count_allowed(s, n))
        return false;
    numbers list = {arena_try(s->memory, n ? n : 1, sizeof(double)), (int)n};
    if (!list.items || n > INT_MAX)
        return no_room(s);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(value, i);
        if (!json_is_number(item))
            return fail(s->e, ERR_BAD_REQUEST, "'%s[%zu]' must be a number, found %s", s->path, i,
                        json_kind(item));
        list.items[i] = json_number_value(item);
    }
    *(numbers *)s->to = list;
    return true;
}

static bool parse_ids(const struct spot *s, const json_t *array, const char *path, text_input *to)
{
    size_t n = json_array_size(array);
    int *ids = arena_try(s->memory, n ? n : 1, sizeof *ids);
    if (!ids || n > INT_MAX)
        return no_room(s);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(array, i);
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < 0 || id > INT_MAX)
            return fail(s->e, ERR_BAD_REQUEST, "'%s[%zu]' must be a token id, found %s", path, i,
                        json_is_integer(item) ? "a number out of range" : json_kind(item));
        ids[i] = (int)id;
    }
    *to = (text_input){.ids = ids, .n_ids = (int)n};
    return true;
}

/* What one text may be, for messages. */
static const char *text_forms(unsigned flags)
{
    if (flags & FIELD_PAIR_LISTS)
        return "a string, or an array of one or two strings";
    if (flags & FIELD_PAIRS)
        return "a string, or an object with 'text' and 'text_pair'";
    return flags & FIELD_TOKEN_IDS ? "a string or an array of token ids" : "a string";
}

static bool parse_pair_object(const struct spot *s, const json_t *item, const char *path,
                              text_input *to)
{
    static const field rows[] = {
        FIELD_STRING(text_input, text, "text", NULL, FIELD_REQUIRED, "a text"),
        FIELD_STRING(text_input, pair, "text_pair", NULL, 0, "the text that goes with it"),
        FIELD_END};
    return fields_parse(rows, item, path, to, s->memory, s->e);
}

static bool parse_pair_list(const struct spot *s, const json_t *item, const char *path,
                            text_input *to)
{
    size_t n = json_array_size(item);
    str *parts[] = {&to->text, &to->pair};
    if (n < 1 || n > 2)
        return fail(s->e, ERR_INVALID, "'%s' has %zu items, expected one or two strings", path, n);
    for (size_t i = 0; i < n; i++) {
        const json_t *part = json_array_get(item, i);
        if (!json_is_string(part))
            return fail(s->e, ERR_BAD_REQUEST, "'%s[%zu]' must be a string, found %s", path, i,
                        json_kind(part));
        if (!copy_text(s, part, parts[i]))
            return false;
    }
    return true;
}

static bool parse_text_item(const struct spot *s, const json_t *item, const char *path,
                            text_input *to)
{
    unsigned flags = s->row->flags;
    if (json_is_string(item))
        return copy_text(s, item, &to->text);
    if (json_is_object(item) && (flags & FIELD_PAIRS))
        return parse_pair_object(s, item, path, to);
    if (json_is_array(item) && (flags & FIELD_PAIR_LISTS))
        return parse_pair_list(s, item, path, to);
    if (json_is_array(item) && (flags & FIELD_TOKEN_IDS))
        return parse_ids(s, item, path, to);
    return fail(s->e, ERR_BAD_REQUEST, "'%s' must be %s, found %s", path, text_forms(flags),
                json_kind(item));
}

/* Whether the value is one text, and not a list of texts. */
static bool is_one_text(unsigned flags, const json_t *value)
{
    if (!json_is_array(value))
        return true;
    const json_t *first = json_array_get(value, 0);
    return ((flags & FIELD_TOKEN_IDS) && json_is_integer(first)) ||
           ((flags & FIELD_PAIR_LISTS) && json_is_string(first));
}

static bool parse_texts(const struct spot *s, const json_t *value)
{
    unsigned flags = s->row->flags;
    bool object = json_is_object(value) && (flags & FIELD_PAIRS);
    if (!json_is_string(value) && !json_is_array(value) && !object)
        return wrong(s,
                     flags & FIELD_TOKEN_IDS ? "a string, an array of strings, or token ids"
                     : flags & FIELD_PAIRS
                         ? "a string, an object with 'text' and 'text_pair', or an array of them"
                         : "a string or an array of strings",
                     value);
    texts list = {.single = is_one_text(flags, value)};
    size_t n = list.single ? 1 : json_array_size(value);
    if (!count_allowed(s, n))
        return false;
    list.n = (int)n;
    list.items = arena_try(s->memory, n ? n : 1, sizeof *list.items);
    if (!list.items)
        return no_room(s);
    for (size_t i = 0; i < n; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s[%zu]", s->path, i);
        if (!parse_text_item(s, list.single ? value : json_array_get(value, i),
                             list.single ? s->path : path, &list.items[i]))
            return false;
    }
    *(texts *)s->to = list;
    return true;
}

static bool parse_table(const struct spot *s, const json_t *value)
{
    return cell_table_parse(value, s->path, s->to, s->memory, s->e);
}

static bool parse_object(const struct spot *s, const json_t *value)
{
    if (!json_is_object(value))
        return wrong(s, "an object", value);
    return fields_parse(s->row->rows, value, s->path, s->to, s->memory, s->e);
}

static bool parse_objects(const struct spot *s, const json_t *value)
{
    const field *row = s->row;
    bool one = json_is_object(value) && (row->flags & FIELD_ONE_OR_MANY);
    if (!one && !json_is_array(value))
        return wrong(s,
                     row->flags & FIELD_ONE_OR_MANY ? "an object or an array of objects"
                                                    : "an array of objects",
                     value);
    size_t n = one ? 1 : json_array_size(value);
    if (!count_allowed(s, n))
        return false;
    objects list = {arena_try(s->memory, n ? n : 1, row->item_size), (int)n, one};
    if (!list.items)
        return no_room(s);
    for (size_t i = 0; i < n; i++) {
        char path[200];
        const json_t *item = one ? value : json_array_get(value, i);
        if (one)
            snprintf(path, sizeof path, "%s", s->path);
        else
            snprintf(path, sizeof path, "%s[%zu]", s->path, i);
        if (!json_is_object(item))
            return fail(s->e, ERR_BAD_REQUEST, "'%s' must be an object, found %s", path,
                        json_kind(item));
        if (!fields_parse(row->rows, item, path, (char *)list.items + i * row->item_size, s->memory,
                          s->e))
            return false;
    }
    *(objects *)s->to = list;
    return true;
}

static parse_fn *const parsers[] = {
    [FIELD_TYPE_BOOL] = parse_bool,       [FIELD_TYPE_INT] = parse_int,
    [FIELD_TYPE_NUMBER] = parse_number,   [FIELD_TYPE_STRING] = parse_string,
    [FIELD_TYPE_CHOICE] = parse_choice,   [FIELD_TYPE_STRINGS] = parse_strings,
    [FIELD_TYPE_TEXTS] = parse_texts,     [FIELD_TYPE_OBJECT] = parse_object,
    [FIELD_TYPE_OBJECTS] = parse_objects, [FIELD_TYPE_INTS] = parse_ints,
    [FIELD_TYPE_NUMBERS] = parse_numbers, [FIELD_TYPE_BOXES] = parse_boxes,
    [FIELD_TYPE_TABLE] = parse_table,
};

bool field_takes(const field *row, const json_t *value)
{
    bool many = row->type == FIELD_TYPE_STRINGS || row->type == FIELD_TYPE_TEXTS ||
                row->type == FIELD_TYPE_NUMBERS || row->type == FIELD_TYPE_OBJECTS ||
                row->type == FIELD_TYPE_INTS || row->type == FIELD_TYPE_BOXES ||
                row->type == FIELD_TYPE_TABLE;
    bool object = row->type == FIELD_TYPE_OBJECT || row->type == FIELD_TYPE_TABLE ||
                  (row->type == FIELD_TYPE_OBJECTS && (row->flags & FIELD_ONE_OR_MANY)) ||
                  (row->type == FIELD_TYPE_TEXTS && (row->flags & FIELD_PAIRS));
    if (json_is_array(value))
        return many;
    if (json_is_object(value))
        return object;
    return row->type != FIELD_TYPE_OBJECT && row->type != FIELD_TYPE_OBJECTS &&
           row->type != FIELD_TYPE_NUMBERS && row->type != FIELD_TYPE_BOXES &&
           row->type != FIELD_TYPE_TABLE;
}

bool field_parse_value(const field *row, const json_t *value, const char *path, void *out, arena *a,
                       error *e)
{
    struct spot s = {row, path, (char *)out + row->offset, a, e};
    return parsers[row->type](&s, value);
}

static void preset_one(const field *row, void *to)
{
    switch (row->type) {
    case FIELD_TYPE_BOOL:
    case FIELD_TYPE_INT:
    case FIELD_TYPE_CHOICE:
        *(int *)to = (int)row->preset;
        break;
    case FIELD_TYPE_NUMBER:
        *(double *)to = row->preset;
        break;
    case FIELD_TYPE_STRING:
        *(str *)to = str_of(row->preset_text);
        break;
    case FIELD_TYPE_STRINGS:
        *(strs *)to = (strs){0};
        break;
    case FIELD_TYPE_INTS:
        *(ints *)to = (ints){0};
        break;
    case FIELD_TYPE_BOXES:
        *(box_lists *)to = (box_lists){0};
        break;
    case FIELD_TYPE_TABLE:
        *(cell_table *)to = (cell_table){0};
        break;
    case FIELD_TYPE_TEXTS:
        *(texts *)to = (texts){0};
        break;
    case FIELD_TYPE_NUMBERS:
        *(numbers *)to = (numbers){0};
        break;
    case FIELD_TYPE_OBJECT:
        fields_preset(row->rows, to);
        break;
    case FIELD_TYPE_OBJECTS:
        *(objects *)to = (objects){0};
        break;
    default:
        break;
    }
}

void fields_preset(const field *rows, void *out)
{
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++)
        preset_one(row, (char *)out + row->offset);
}

static void put_none(const field *row, void *to)
{
    if (row->type == FIELD_TYPE_NUMBER)
        *(double *)to = -1;
    else
        *(int *)to = -1;
}

bool fields_parse(const field *rows, const json_t *object, const char *path, void *out, arena *a,
                  error *e)
{
    fields_preset(rows, out);
    for (const field *row = rows; row->type != FIELD_TYPE_END; row++) {
        char where[200];
        snprintf(where, sizeof where, "%s%s%s", path, *path ? "." : "", row->name);
        const json_t *value = json_object_get(object, row->name);
        if (!value || json_is_null(value)) {
            if (row->flags & FIELD_REQUIRED)
                return fail(e, ERR_BAD_REQUEST, "'%s' is required but missing", where);
            if (value && (row->flags & FIELD_NULL_IS_NONE))
                put_none(row, (char *)out + row->offset);
            continue;
        }
        if (!field_parse_value(row, value, where, out, a, e))
            return false;
    }
    return true;
}
