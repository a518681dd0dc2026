/* Names lead to tensors of the files; claims and problems are kept until weights_done. */
#include "tensor/weights.h"
#include "base/cache_file.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/weight_set.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>

enum {
    MAX_SHARDS = 4096, /* the largest published models have some hundreds */
    WEIGHT_ALIGN = 64, /* of converted tensors */
};

static const char *const problem_names[N_PROBLEMS] = {"missing", "misshapen", "unusable",
                                                      "unclaimed"};

/* Names of single files and of their indexes, in the order of preference. */
static const struct format {
    const char *stem, *suffix;
} formats[] = {{"model", ".safetensors"}, {"pytorch_model", ".bin"}};

/* Adds to the list of a kind; what no longer fits is only counted. */
void weight_note(weight_set *set, enum problem_kind kind, const char *format, ...)
{
    struct problems *p = &set->problems[kind];
    char text[PROBLEM_BYTES];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    p->n++;
    if (length < 0 || p->shown + 1 < p->n)
        return;
    size_t room = sizeof p->text - p->used;
    int wrote = snprintf(p->text + p->used, room, "%s%s", p->used ? ", " : "", text);
    if (wrote < 0 || (size_t)wrote >= room) {
        p->text[p->used] = 0;
        return;
    }
    p->used += (size_t)wrote;
    p->shown++;
}

/* Files. */

static bool open_file(weight_set *set, const repo *r, const char *name, error *e)
{
    own_mem char *path = repo_path(r, str_of(name), e);
    if (!path || !weight_file_open(&set->files[set->n_files], path, e))
        return false;
    set->has_state &= cache_file_state(&set->state, path);
    set->n_files++;
    return true;
}

static void add_entry(weight_set *set, const tensor *t)
{
    struct entry *entry = &set->entries[set->n_entries++];
    entry->tensor = t;
    map_add(&set->by_name, t->name)->value.pointer = entry;
}

static bool make_entries(weight_set *set, size_t n, error *e)
{
    set->entries = calloc(n + 1, sizeof *set->entries);
    if (!set->entries)
        return fail(e, ERR_IO, "no memory for %zu tensors", n);
    map_init(&set->by_name, n);
    return true;
}

static bool open_single(weight_set *set, const repo *r, const char *name, error *e)
{
    set->files = xcalloc(1, sizeof *set->files);
    if (!open_file(set, r, name, e))
        return false;
    const weight_file *file = &set->files[0];
    if (!make_entries(set, (size_t)file->n, e))
        return false;
    for (int i = 0; i < file->n; i++)
        add_entry(set, &file->tensors[i]);
    return true;
}

/* Where the files of an index are, and how their names have to end. */
struct shards {
    const repo *repo;
    const char *place;
    const struct format *format;
    map open; /* name -> number of the file, from 1 */
};

/* The open file of a shard's name, opening it at its first use. */
static const weight_file *shard(weight_set *set, struct shards *s, const json_t *file, error *e)
{
    str name = json_str(file);
    struct map_slot *slot = map_add(&s->open, name);
    if (slot->value.number)
        return &set->files[slot->value.number - 1];
    if (!str_ends(name, str_of(s->format->suffix)) || memchr(name.p, 0, name.n)) {
        fail(e, ERR_BAD_MODEL, "shard '%s' is not a %s file", name.p, s->format->suffix + 1);
        return NULL;
    }
    if (set->n_files == MAX_SHARDS) {
        fail(e, ERR_BAD_MODEL, "more than %d shards", MAX_SHARDS);
        return NULL;
    }
    own_mem char *path = xprintf("%s%s%s", s->place, *s->place ? "/" : "", name.p);
    if (!open_file(set, s->repo, path, e)) {
        if (e && e->kind == ERR_NOT_FOUND)
            e->kind = ERR_BAD_MODEL;
        return NULL;
    }
    slot->value.number = set->n_files;
    return &set->files[set->n_files - 1];
}

static bool open_mapped(weight_set *set, struct shards *s, const json_t *names, error *e)
{
    const char *name;
    json_t *file;
    json_object_foreach ((json_t *)(uintptr_t)names, name, file) {
        if (!json_is_string(file))
            return fail(e, ERR_BAD_MODEL, "'weight_map' gives '%s' %s, expected a string", name,
                        json_kind(file));
        const weight_file *from = shard(set, s, file, e);
        if (!from)
            return false;
        const tensor *t = weight_file_find(from, str_of(name));
        if (!t)
            return fail(e, ERR_BAD_MODEL, "tensor '%s' is not in shard '%s'", name,
                        json_string_value(file));
        add_entry(set, t);
    }
    return true;
}

static bool open_sharded(weight_set *set, const repo *r, const char *place,
                         const struct format *format, const char *index, error *e)
{
    own_json json_t *document = repo_json(r, index, e);
    if (!document)
        return false;
    const json_t *names = json_object_get(document, "weight_map");
    size_t n = json_object_size(names);
    if (!json_is_object(names) || !n)
        return fail(e, ERR_BAD_MODEL, "'%s' has no 'weight_map'", index);
    set->files = xcalloc(n < MAX_SHARDS ? n : MAX_SHARDS, sizeof *set->files);
    struct shards s = {.repo = r, .place = place, .format = format};
    bool good =
        make_entries(set, n, e) && (open_mapped(set, &s, names, e) || fail_in(e, "'%s'", index));
    map_release(&s.open);
    return good;
}

/* Names what is there when nothing of it can be read. */
static bool refuse_others(const repo *r, const char *place, error *e)
{
    static const char *const others[] = {"tf_model.h5", "flax_model.msgpack", "model.onnx"};
    const char *slash = *place ? "/" : "";
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        own_mem char *name =
            xprintf("%s/%s%s%s%s", r->folder, place, slash, formats[i].stem, formats[i].suffix);
        if (!file_check(name, e))
            return false;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        own_mem char *other = xprintf("%s%s%s", place, slash, others[i]);
        if (repo_has(r, other))
            return fail(e, ERR_INVALID,
                        "weights are there as '%s' only, expected 'model.safetensors' or "
                        "'pytorch_model.bin'",
                        other);
    }
    return fail(e, ERR_NOT_FOUND,
                "neither '%s%smodel.safetensors' nor 'pytorch_model.bin' is in the model folder",
                place, slash);
}

static bool open_any(weight_set *set, const repo *r, const char *place, error *e)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct format *f = &formats[i];
        own_mem char *single = xprintf("%s%s%s%s", place, *place ? "/" : "", f->stem, f->suffix);
        own_mem char *index = xprintf("%s.index.json", single);
        if (repo_has(r, single))
            return open_single(set, r, single, e);
        if (repo_has(r, index))
            return open_sharded(set, r, place, f, index, e);
    }
    return refuse_others(r, place, e);
}

weight_set *weight_set_open(const repo *r, const char *place, error *e)
{
    weight_set *set = xcalloc(1, sizeof *set);
    set->state = buf_new(SIZE_MAX / 2);
    set->has_state = true;
    set->outer = "";
    if (open_any(set, r, place, e))
        return set;
    weight_set_close(set);
    return NULL;
}

void weight_set_close(weight_set *set)
{
    if (!set)
        return;
    read_ahead_end(set->read_ahead);
    weight_forms_release(set);
    buf_release(&set->state);
    for (int i = 0; i < set->n_converted; i++)
        free(set->converted[i]);
    free(set->converted);
    map_release(&set->by_name);
    free(set->second_name);
    free(set->entries);
    for (int i = 0; i < set->n_files; i++)
        weight_file_release(&set->files[i]);
    free(set->files);
    free(set);
}

void weight_set_count(const weight_set *set, weight_counts *out)
{
    int64_t of_type[N_DTYPES] = {0};
    *out = (weight_counts){.converted_bytes = set->converted_bytes, .most = DTYPE_F32};
    for (int i = 0; i < set->n_files; i++) {
        out->mapped_bytes += (int64_t)set->files[i].mapped_bytes;
        out->converted_bytes += (int64_t)set->files[i].copied_bytes;
    }
    for (int i = 0; i < set->n_entries; i++) {
        const tensor *t = set->entries[i].tensor;
        out->parameters += t->n_elements;
        of_type[t->type] += t->n_elements;
        if (of_type[t->type] > of_type[out->most])
            out->most = t->type;
    }
    weight_forms_count(set, out);
}

/* Tensors that follow each other (but for the table in between) become one range. */
void weight_set_read_ahead(weight_set *set)
{
    int n = 0;
    struct read_ahead_range *ranges = xcalloc((size_t)set->n_entries + 2, sizeof *ranges);
    for (int i = 0; i < set->n_entries; i++) {
        const struct entry *entry = &set->entries[i];
        const char *data = entry->tensor->data;
        if (entry->is_table || (const char *)entry->floats != data)
            continue;
        if (n && ranges[n - 1].p + ranges[n - 1].n == data)
            ranges[n - 1].n += entry->tensor->size_bytes;
        else
            ranges[n++] = (struct read_ahead_range){data, entry->tensor->size_bytes};
    }
    if (weight_forms_range(set, &ranges[n]))
        n++;
    if (n)
        set->read_ahead = read_ahead_start(ranges, n);
    free(ranges);
}

/* Scopes. */

/* As scopes have it. */
static str name_of(const weight_set *set, const struct entry *entry)
{
    return str_skip(entry->tensor->name, strlen(set->outer));
}

void weight_set_unwrap(weight_set *set, const char *prefix)
{
    bool is_twice = false;
    for (int i = 0; i < set->n_entries; i++) {
        str name = set->entries[i].tensor->name;
        if (!str_starts(name, str_of(prefix)))
            return;
        is_twice = is_twice || str_starts(str_skip(name, strlen(prefix)), str_of(prefix));
    }
    if (is_twice)
        set->outer = prefix;
}

weights weights_root(weight_set *set, const char *optional_prefix)
{
    weights w = {.set = set};
    if (!optional_prefix)
        return w;
    assert(strlen(optional_prefix) < sizeof w.prefix);
    for (int i = 0; i < set->n_entries && !*w.prefix; i++)
        if (str_starts(name_of(set, &set->entries[i]), str_of(optional_prefix)))
            snprintf(w.prefix, sizeof w.prefix, "%s", optional_prefix);
    memcpy(set->root, w.prefix, sizeof set->root);
    return w;
}

weights weights_in(weights w, const char *format, ...)
{
    size_t used = strlen(w.prefix), room = sizeof w.prefix - used;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w.prefix + used, room, format, args);
    va_end(args);
    assert(n >= 0 && (size_t)n + 1 < room);
    memcpy(w.prefix + used + n, ".", 2);
    return w;
}

static struct entry *find(weights w, const char *name, char full[WEIGHT_NAME])
{
    int n = snprintf(full, WEIGHT_NAME, "%s%s%s", w.set->outer, w.prefix, name);
    assert(n >= 0 && n < WEIGHT_NAME);
    return map_get(&w.set->by_name, (str){full, (size_t)n});
}

bool weights_have(weights w, const char *name)
{
    char full[WEIGHT_NAME];
    return find(w, name, full) != NULL;
}

int64_t weights_rows(weights w, const char *name)
{
    char full[WEIGHT_NAME];
    const struct entry *entry = find(w, name, full);
    return entry && entry->tensor->n_dims ? entry->tensor->dims[0] : 0;
}

void weights_stand_in(weights w, const char *missing, weights from, const char *name)
{
    char full[WEIGHT_NAME];
    struct entry *entry = find(from, name, full);
    if (!entry || find(w, missing, full) || w.set->second_name)
        return;
    w.set->second_name = xstrdup(full);
    map_add(&w.set->by_name, str_of(w.set->second_name))->value.pointer = entry;
}

/* Private memory for n floats in place of a tensor; NULL, noted, when there is none. */
static float *own_floats(weight_set *set, int64_t n, const char *name)
{
    size_t bytes;
    if (__builtin_mul_overflow((size_t)n, sizeof(float), &bytes) ||
        bytes > SIZE_MAX - WEIGHT_ALIGN) {
        weight_note(set, UNUSABLE, "'%s' (too large)", name);
        return NULL;
    }
    float *out = aligned_alloc(WEIGHT_ALIGN, (bytes + WEIGHT_ALIGN) / WEIGHT_ALIGN * WEIGHT_ALIGN);
    if (!out) {
        weight_note(set, UNUSABLE, "'%s' (no memory for %zu bytes)", name, bytes);
        return NULL;
    }
    set->converted = xrealloc(set->converted, ((size_t)set->n_converted + 1) * sizeof(float *));
    set->converted[set->n_converted++] = out;
    set->converted_bytes += (int64_t)bytes;
    return out;
}

bool weight_in_place(const tensor *t)
{
    return t->type == DTYPE_F32 && (uintptr_t)t->data % _Alignof(float) == 0;
}

/* Row i of all rows of the file to its place. */
static void place_row(const struct weight_change *c, const tensor *t, int64_t i, int64_t columns,
                      const float *row, float *out)
{
    if (c->kind == TURNED || c->kind == TURNED_CUT) {
        int64_t rows = t->dims[c->kind == TURNED ? t->n_dims - 2 : 0];
        out += i / rows * rows * columns + i % rows;
        for (int64_t j = 0; j < columns; j++)
            out[j * rows] = row[j];
        return;
    }
    if (c->kind == TAPS || c->kind == REVERSED) {
        int64_t plane = i / t->dims[1], at = i % t->dims[1];
        int64_t step = c->kind == TAPS ? t->dims[1] : t->dims[0] * t->dims[1];
        out += c->kind == TAPS ? plane * columns * t->dims[1] + at : at * t->dims[0] + plane;
        for (int64_t j = 0; j < columns; j++)
            out[j * step] = row[j];
        return;
    }
    if (c->kind == REGROUPED) {
        int64_t some = t->dims[0] / ((int64_t)c->groups * c->parts);
        int64_t group = i / some / c->parts, part = i / some % c->parts;
        i = (part * c->groups + group) * some + i % some;
    }
    for (int64_t j = 0; j < columns; j++)
        out[i * columns + j] = row[j] + c->plus;
}

void weight_convert(const tensor *t, const struct weight_change *c, float *out)
{
    if (c->kind == AS_IT_IS) {
        dtype_to_f32(t->type, t->data, out, (long)t->n_elements);
        return;
    }
    int64_t columns = t->n_dims > 1 ? t->dims[t->n_dims - 1] : 1;
    if (c->kind == TURNED_CUT)
        columns *= t->dims[1];
    int64_t rows = columns ? t->n_elements / columns : 0;
    size_t row_bytes = rows ? t->size_bytes / (size_t)rows : 0;
    own_mem float *row = xcalloc((size_t)columns + 1, sizeof *row);
    for (int64_t i = 0; i < rows; i++) {
        dtype_to_f32(t->type, (const char *)t->data + (size_t)i * row_bytes, row, (long)columns);
        place_row(c, t, i, columns, row, out);
    }
}

static const float *convert(weight_set *set, struct entry *entry, const char *name,
                            const struct weight_change *c)
{
    const float *kept = weight_forms_floats(set, entry, c);
    float *out = kept ? NULL : own_floats(set, entry->tensor->n_elements, name);
    if (out)
        weight_convert(entry->tensor, c, out);
    return kept ? kept : out;
}

/* Notes the prefix of a wrapper: what is in front of the first tensor's first dot, when the missing
 * name is there behind it. */
static void look_behind(weight_set *set, const char *missing)
{
    str first = set->n_entries ? set->entries[0].tensor->name : (str){0};
    const char *dot = first.n ? memchr(first.p, '.', first.n) : NULL;
    size_t n = dot ? (size_t)(dot + 1 - first.p) : 0;
    char name[WEIGHT_NAME + sizeof set->behind];
    if (*set->behind || n == 0 || n >= sizeof set->behind)
        return;
    int length = snprintf(name, sizeof name, "%.*s%s", (int)n, first.p, missing);
    if (map_get(&set->by_name, (str){name, (size_t)length}))
        memcpy(set->behind, name, n); /* the rest is zeros */
}

struct entry *weight_ask(weights w, const char *name, int n_dims, const int64_t *dims)
{
    char full[WEIGHT_NAME], found[TENSOR_SHAPE_TEXT], expected[TENSOR_SHAPE_TEXT];
    tensor want = {.n_dims = n_dims};
    memcpy(want.dims, dims, (size_t)n_dims * sizeof *dims);
    tensor_shape(&want, expected);
    struct entry *entry = find(w, name, full);
    if (!entry) {
        weight_note(w.set, MISSING, "'%s' %s", full, expected);
        look_behind(w.set, full);
        return NULL;
    }
    const tensor *t = entry->tensor;
    entry->asked = true; /* not unclaimed, whatever comes of it */
    if (t->n_dims != n_dims || memcmp(t->dims, dims, (size_t)n_dims * sizeof *dims) != 0) {
        tensor_shape(t, found);
        weight_note(w.set, MISSHAPEN, "'%s' is %s, expected %s", full, found, expected);
        return NULL;
    }
    if (!dtype_is_real(t->type)) {
        weight_note(w.set, UNUSABLE, "'%s' (of type %s)", full, dtype_name(t->type));
        return NULL;
    }
    return entry;
}

const float *weight_floats(weight_set *set, struct entry *entry, const struct weight_change *c)
{
    const tensor *t = entry->tensor;
    char name[WEIGHT_NAME];
    if (entry->floats)
        return entry->floats;
    snprintf(name, sizeof name, "%.*s", (int)(t->name.n < WEIGHT_NAME ? t->name.n : WEIGHT_NAME),
             t->name.p);
    bool in_place = c->kind == AS_IT_IS && weight_in_place(t);
    entry->floats = in_place ? t->data : convert(set, entry, name, c);
    return entry->floats;
}

static const float *claim_changed(weights w, const char *name, int n_dims, const int64_t *dims,
                                  const struct weight_change *c)
{
    struct entry *entry = weight_ask(w, name, n_dims, dims);
    return entry ? weight_floats(w.set, entry, c) : NULL;
}

static const float *claim(weights w, const char *name, int n_dims, const int64_t *dims)
{
    return claim_changed(w, name, n_dims, dims, &(struct weight_change){.groups = 1, .parts = 1});
}

const float *weights_regrouped(weights w, const char *name, int64_t rows, int64_t columns,
                               int groups, int parts)
{
    return claim_changed(
        w, name, columns ? 2 : 1, (int64_t[]){rows, columns},
        &(struct weight_change){.kind = REGROUPED, .groups = groups, .parts = parts});
}

const float *weights_plus(weights w, const char *name, int64_t n, float plus)
{
    return claim_changed(
        w, name, 1, (int64_t[]){n},
        &(struct weight_change){.kind = PLUS, .groups = 1, .parts = 1, .plus = plus});
}

const float *weights_reversed(weights w, const char *name, int64_t planes, int64_t rows,
                              int64_t columns)
{
    return claim_changed(w, name, 3, (int64_t[]){planes, rows, columns},
                         &(struct weight_change){.kind = REVERSED, .groups = 1, .parts = 1});
}

const float *weights_vector(weights w, const char *name, int64_t n)
{
    return claim(w, name, 1, (int64_t[]){n});
}

const float *weights_matrix(weights w, const char *name, int64_t rows, int64_t columns)
{
    return claim(w, name, 2, (int64_t[]){rows, columns});
}

const float *weights_cube(weights w, const char *name, int64_t planes, int64_t rows,
                          int64_t columns)
{
    return claim(w, name, 3, (int64_t[]){planes, rows, columns});
}

const float *weights_shaped(weights w, const char *name, int n_dims, const int64_t *dims)
{
    return claim(w, name, n_dims, dims);
}

const float *weights_table(weights w, const char *name, int64_t rows, int64_t columns)
{
    char full[WEIGHT_NAME];
    const float *table = weights_matrix(w, name, rows, columns);
    if (table)
        find(w, name, full)->is_table = true;
    return table;
}

/* The report. */

static bool is_ignored(const weight_set *set, const char *name, const char *const *ignored)
{
    size_t root = strlen(set->root);
    const char *inner = strncmp(name, set->root, root) == 0 ? name + root : name;
    for (; ignored && *ignored; ignored++)
        if (fnmatch(*ignored, name, 0) == 0 || fnmatch(*ignored, inner, 0) == 0)
            return true;
    return false;
}

/* Positions, types and other counts that old versions saved along; and what stands beside a base
 * model that has a prefix: heads of other tasks and losses, which change nothing that is used. */
static bool is_beside(const weight_set *set, const struct entry *entry)
{
    const tensor *t = entry->tensor;
    str name = name_of(set, entry);
    bool counts = t->type == DTYPE_I64 || t->type == DTYPE_I32 || t->type == DTYPE_BOOL;
    return counts || (*set->root && !str_starts(name, str_of(set->root)));
}

static void note_unclaimed(weight_set *set, const char *const *ignored)
{
    for (int i = 0; i < set->n_entries; i++) {
        if (set->entries[i].asked || is_beside(set, &set->entries[i]))
            continue;
        str name = name_of(set, &set->entries[i]);
        char text[WEIGHT_NAME];
        snprintf(text, sizeof text, "%.*s", (int)(name.n < WEIGHT_NAME ? name.n : WEIGHT_NAME),
                 name.p);
        if (!is_ignored(set, text, ignored))
            weight_note(set, UNCLAIMED, "'%.200s'", text);
    }
}

bool weights_done(weight_set *set, const char *const *ignored, error *e)
{
    char message[sizeof e->message];
    size_t used = 0;
    note_unclaimed(set, ignored);
    for (int kind = 0; kind < N_PROBLEMS; kind++) {
        const struct problems *p = &set->problems[kind];
        if (!p->n)
            continue;
        char more[40] = "";
        if (p->n > p->shown)
            snprintf(more, sizeof more, "%s%d more", p->shown ? " and " : "", p->n - p->shown);
        int n = snprintf(message + used, sizeof message - used, "%s%s %s%s", used ? "; " : "",
                         problem_names[kind], p->text, more);
        used += n > 0 && (size_t)n < sizeof message - used ? (size_t)n : 0;
    }
    char wrapper[120] = "";
    if (*set->behind)
        snprintf(wrapper, sizeof wrapper, " (names start with '%s', as in a wrapper of the model)",
                 set->behind);
    return !used ||
           fail(e, ERR_BAD_MODEL, "the weights do not fit config.json%s: %s", wrapper, message);
}
