/* Which form a file has, where its storages are, and which of its dictionaries counts. */
#include "tensor/checkpoint.h"
#include "base/memory.h"
#include "base/own.h"
#include "base/utf8.h"
#include "tensor/checkpoint_tensor.h"
#include "tensor/checkpoint_zip.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

enum { TAR_MAGIC_AT = 257, COUNT_BYTES = 8, LEGACY_VERSION = 1001, SHOWN_NAME = 200 };

static const char LEGACY_MAGIC[] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

/* A file on its way to tensors. */
struct reading {
    str bytes;
    pickle_heap heap;
    pickled *root;
    bool big_endian;
};

/* The zip form. */

/* "NAME/" of the first entry: every entry has it. */
static str archive_prefix(const zip_archive *z)
{
    str name = z->n ? z->entries[0].name : (str){0};
    const char *slash = name.n ? memchr(name.p, '/', name.n) : NULL;
    return (str){name.p, slash ? (size_t)(slash - name.p) + 1 : 0};
}

static bool read_byte_order(struct reading *r, const zip_archive *z, str prefix, error *e)
{
    str order;
    if (!zip_find(z, prefix, STR("byteorder"), &order, e))
        return false;
    r->big_endian = order.p && str_is(order, "big");
    if (order.p && !r->big_endian && !str_is(order, "little"))
        return fail(e, ERR_BAD_MODEL, "its byte order is neither 'little' nor 'big'");
    return true;
}

static bool read_archive(struct reading *r, const zip_archive *z, error *e)
{
    size_t at = 0;
    str pickle, constants, prefix = archive_prefix(z);
    if (!zip_find(z, prefix, STR("data.pkl"), &pickle, e) ||
        !zip_find(z, prefix, STR("constants.pkl"), &constants, e))
        return false;
    if (!pickle.p)
        return fail(e, ERR_BAD_MODEL, "the zip archive has no 'data.pkl': not written by torch");
    if (constants.p)
        return fail(e, ERR_BAD_MODEL, "it is a TorchScript archive, expected saved tensors");
    if (!read_byte_order(r, z, prefix, e) || !pickle_read(&r->heap, pickle, &at, &r->root, e))
        return false;
    for (pickled *s = r->heap.storages; s; s = s->storage->next) {
        own_buf buf name = buf_new(SHOWN_NAME);
        buf_puts(&name, "data/");
        buf_str(&name, s->storage->key);
        if (!name.full && !zip_find(z, prefix, buf_view(&name), &s->storage->bytes, e))
            return false;
    }
    return true;
}

static bool read_zip(struct reading *r, error *e)
{
    OWN(zip_release) zip_archive z = {0};
    return zip_read(&z, r->bytes, e) && read_archive(r, &z, e);
}

/* The legacy form. */

/* Later mentions of a key are views of the same storage. */
static bool index_storages(const pickle_heap *heap, map *by_key, error *e)
{
    map_init(by_key, 64);
    for (pickled *p = heap->storages; p; p = p->storage->next) {
        struct map_slot *slot = map_add(by_key, p->storage->key);
        const struct pickled_storage *other = slot->value.pointer;
        if (other &&
            (other->type != p->storage->type || other->n_elements != p->storage->n_elements))
            return fail(e, ERR_BAD_MODEL, "two tensors disagree about the storage they share");
        slot->value.pointer = p->storage;
    }
    return true;
}

/* One storage at *at: its number of elements, then the elements. */
static bool place_storage(struct pickled_storage *s, str bytes, size_t *at, error *e)
{
    char key[PICKLED_TEXT];
    size_t size, width = checkpoint_element_bytes(s);
    uint64_t n = 0;
    pickled_show(width ? s->key : s->type_name, key, sizeof key);
    if (!width)
        return fail(e, ERR_BAD_MODEL, "a storage is of the unknown class '%s'", key);
    if (bytes.n - *at < COUNT_BYTES)
        return fail(e, ERR_BAD_MODEL, "the file is cut off in front of storage '%s'", key);
    for (int i = COUNT_BYTES - 1; i >= 0; i--)
        n = n << 8 | (unsigned char)bytes.p[*at + (size_t)i];
    *at += COUNT_BYTES;
    if (n != (uint64_t)s->n_elements)
        return fail(e, ERR_BAD_MODEL, "storage '%s' has %" PRIu64 " elements, expected %" PRId64,
                    key, n, s->n_elements);
    if (__builtin_mul_overflow(n, width, &size) || size > bytes.n - *at)
        return fail(e, ERR_BAD_MODEL,
                    "storage '%s' of %" PRIu64 " elements does not fit the %zu bytes left of the "
                    "file",
                    key, n, bytes.n - *at);
    s->bytes = (str){bytes.p + *at, size};
    *at += size;
    return true;
}

static bool place_storages(struct reading *r, const pickled *keys, size_t at, error *e)
{
    OWN(map_release) map by_key = {0};
    if (keys->kind != PICKLED_LIST)
        return fail(e, ERR_BAD_MODEL, "its storage keys are no list");
    if (!index_storages(&r->heap, &by_key, e))
        return false;
    for (size_t i = 0; i < keys->list.n; i++) {
        const pickled *key = keys->list.items[i];
        struct pickled_storage *s =
            key->kind == PICKLED_STRING ? map_get(&by_key, key->text) : NULL;
        if (!s || s->bytes.p)
            return fail(e, ERR_BAD_MODEL, "its storage keys do not fit its tensors");
        if (!place_storage(s, r->bytes, &at, e))
            return false;
    }
    for (pickled *p = r->heap.storages; p; p = p->storage->next) {
        const struct pickled_storage *s = map_get(&by_key, p->storage->key);
        p->storage->bytes = s->bytes;
    }
    return true;
}

static bool read_legacy(struct reading *r, error *e)
{
    size_t at = 0;
    pickled *magic, *version, *system, *keys;
    if (!pickle_read(&r->heap, r->bytes, &at, &magic, e))
        return false;
    if (magic->kind != PICKLED_LONG ||
        !str_eq(magic->text, (str){LEGACY_MAGIC, sizeof LEGACY_MAGIC - 1}))
        return fail(e, ERR_BAD_MODEL, "it is a pickle, but not one that torch.save wrote");
    if (!pickle_read(&r->heap, r->bytes, &at, &version, e))
        return false;
    if (version->kind != PICKLED_INT || version->number != LEGACY_VERSION)
        return fail(e, ERR_BAD_MODEL, "it is not of version %d", LEGACY_VERSION);
    return pickle_read(&r->heap, r->bytes, &at, &system, e) &&
           pickle_read(&r->heap, r->bytes, &at, &r->root, e) &&
           pickle_read(&r->heap, r->bytes, &at, &keys, e) && place_storages(r, keys, at, e);
}

/* The dictionary. */

static bool is_tensor(const pickled *value)
{
    return value->kind == PICKLED_TENSOR;
}

static bool has_tensors(const pickled *dict)
{
    for (size_t i = 1; i < dict->list.n; i += 2)
        if (is_tensor(dict->list.items[i]))
            return true;
    return false;
}

/* Value of a key, the last of equal ones; NULL when absent. */
static pickled *dict_get(const pickled *dict, const char *key)
{
    for (size_t i = dict->list.n; i >= 2; i -= 2) {
        const pickled *name = dict->list.items[i - 2];
        if (name->kind == PICKLED_STRING && str_is(name->text, key))
            return dict->list.items[i - 1];
    }
    return NULL;
}

static const pickled *state_dict(const pickled *root, error *e)
{
    static const char *const nested[] = {"state_dict", "model_state_dict", "model"};
    char found[PICKLED_TEXT];
    pickled_describe(root, found);
    if (root->kind != PICKLED_DICT) {
        fail(e, ERR_BAD_MODEL, "the saved object is %s, expected a dictionary of tensors", found);
        return NULL;
    }
    if (has_tensors(root))
        return root;
    for (size_t i = 0; i < sizeof nested / sizeof *nested; i++) {
        const pickled *inner = dict_get(root, nested[i]);
        if (inner && inner->kind == PICKLED_DICT && has_tensors(inner))
            return inner;
        if (inner && inner->kind == PICKLED_PLACEHOLDER) {
            pickled_describe(inner, found);
            fail(e, ERR_BAD_MODEL, "'%s' of the saved object is %s, expected a dictionary",
                 nested[i], found);
            return NULL;
        }
    }
    return root;
}

/* One entry. Of equal keys the last one counts, at the place of the first. */
static bool add_entry(checkpoint *c, const struct reading *r, const pickled *key,
                      const pickled *value, error *e)
{
    char found[PICKLED_TEXT], name[SHOWN_NAME];
    if (key->kind != PICKLED_STRING || (!is_tensor(value) && value->kind != PICKLED_PLACEHOLDER))
        return true;
    if (utf8_valid_prefix(key->text) != key->text.n)
        return fail(e, ERR_BAD_MODEL, "the name of a tensor is not valid UTF-8");
    pickled_show(key->text, name, sizeof name);
    pickled_describe(value, found);
    if (!is_tensor(value))
        return fail(e, ERR_BAD_MODEL,
                    "tensor '%s' is %s, expected a plain tensor: nothing of a file is executed",
                    name, found);
    tensor read;
    if (!checkpoint_read_tensor(&read, value, r->bytes, r->big_endian, c->copies, e))
        return fail_in(e, "tensor '%s'", name);
    read.name = key->text;
    struct map_slot *slot = map_add(&c->by_name, key->text);
    if (!slot->value.pointer)
        slot->value.pointer = &c->tensors[c->n++];
    *(tensor *)slot->value.pointer = read;
    return true;
}

static bool read_tensors(checkpoint *c, const struct reading *r, error *e)
{
    const pickled *dict = state_dict(r->root, e);
    if (!dict)
        return false;
    size_t n = dict->list.n / 2;
    if (n >= INT_MAX)
        return fail(e, ERR_BAD_MODEL, "it has %zu entries", n);
    c->copies = arena_new(r->bytes.n + CHECKPOINT_COPY_BYTES);
    c->tensors = calloc(n + 1, sizeof *c->tensors);
    if (!c->tensors)
        return fail(e, ERR_IO, "no memory for %zu tensors", n);
    map_init(&c->by_name, n);
    for (size_t i = 0; i < n; i++)
        if (!add_entry(c, r, dict->list.items[2 * i], dict->list.items[2 * i + 1], e))
            return false;
    return c->n > 0 || fail(e, ERR_BAD_MODEL, "the saved dictionary has no tensor");
}

static bool read_form(struct reading *r, error *e)
{
    str bytes = r->bytes;
    if (zip_is(bytes))
        return read_zip(r, e);
    if (bytes.n && (unsigned char)bytes.p[0] == 0x80)
        return read_legacy(r, e);
    if (bytes.n > TAR_MAGIC_AT && str_starts(str_skip(bytes, TAR_MAGIC_AT), STR("ustar")))
        return fail(e, ERR_BAD_MODEL, "the tar form of torch before 0.1.10 is not supported");
    if (str_starts(bytes, STR("version https://git-lfs")))
        return fail(e, ERR_BAD_MODEL, "it is a pointer of git-lfs, not the file itself");
    return fail(e, ERR_BAD_MODEL, "its %zu bytes are neither a zip archive nor a pickle", bytes.n);
}

bool checkpoint_parse(checkpoint *c, str bytes, const char *what, error *e)
{
    checkpoint made = {0};
    struct reading r = {.bytes = bytes};
    pickle_heap_init(&r.heap);
    bool good = read_form(&r, e) && read_tensors(&made, &r, e);
    pickle_heap_release(&r.heap);
    if (!good) {
        checkpoint_release(&made);
        return fail_in(e, "%s", what);
    }
    *c = made;
    return true;
}

bool checkpoint_open(checkpoint *c, const char *path, error *e)
{
    file_map file;
    if (!file_map_open(&file, path, e))
        return false;
    char what[1 + 300 + 1 + 1];
    snprintf(what, sizeof what, "'%.300s'", path);
    if (!checkpoint_parse(c, (str){file.p, file.n}, what, e)) {
        file_unmap(&file);
        return false;
    }
    c->file = file;
    return true;
}

void checkpoint_release(checkpoint *c)
{
    if (!c)
        return;
    map_release(&c->by_name);
    free(c->tensors);
    arena_free(c->copies);
    file_unmap(&c->file);
    *c = (checkpoint){0};
}

const tensor *checkpoint_find(const checkpoint *c, str name)
{
    return map_get(&c->by_name, name);
}

size_t checkpoint_copied_bytes(const checkpoint *c)
{
    return arena_used(c->copies);
}
