/* Checks storage, offset, shape and strides against each other; then in place, or a copy. */
#include "tensor/checkpoint_tensor.h"
#include "tensor/checkpoint.h"

#include <inttypes.h>

/* What the arguments say, checked. */
struct view {
    const struct pickled_storage *storage;
    enum dtype type;
    size_t width;  /* bytes of an element */
    int64_t first; /* element of the storage */
    int n_dims;
    int64_t dims[TENSOR_DIMS], strides[TENSOR_DIMS]; /* in elements */
    int64_t n_elements;
    bool contiguous;
};

size_t checkpoint_element_bytes(const struct pickled_storage *s)
{
    return s->type ? (size_t)dtype_bits(s->type->type) / 8 : 0;
}

static bool read_numbers(const pickled *list, const char *what, int64_t out[TENSOR_DIMS], int *n,
                         error *e)
{
    if (list->kind != PICKLED_TUPLE && list->kind != PICKLED_LIST)
        return fail(e, ERR_BAD_MODEL, "its %s is no tuple", what);
    if (list->list.n > TENSOR_DIMS)
        return fail(e, ERR_BAD_MODEL, "its %s has %zu numbers, at most %d are allowed", what,
                    list->list.n, TENSOR_DIMS);
    *n = (int)list->list.n;
    for (int i = 0; i < *n; i++) {
        const pickled *item = list->list.items[i];
        if (item->kind != PICKLED_INT)
            return fail(e, ERR_BAD_MODEL, "its %s has a value that is no 64-bit int", what);
        if (item->number < 0)
            return fail(e, ERR_BAD_MODEL, "its %s has %" PRId64 ", expected 0 or more", what,
                        item->number);
        out[i] = item->number;
    }
    return true;
}

/* The element type: of the storage's class, or said by the last argument. */
static bool read_type(struct view *v, const pickled *value, error *e)
{
    char found[PICKLED_TEXT];
    const struct pickled_list *list = &value->call.arguments->list;
    bool typed = value->call.maker->role == GLOBAL_TYPED;
    if (!v->storage->type) {
        pickled_show(v->storage->type_name, found, sizeof found);
        return fail(e, ERR_BAD_MODEL, "its storage is of the unknown class '%s'", found);
    }
    v->type = v->storage->type->type;
    if (typed) {
        const pickled *type = list->n > 6 ? list->items[6] : value;
        pickled_describe(type, found);
        if (type->kind != PICKLED_GLOBAL || type->global->role != GLOBAL_DTYPE)
            return fail(e, ERR_BAD_MODEL, "its element type is %s, expected a dtype", found);
        v->type = type->global->type;
    }
    v->width = (size_t)dtype_bits(v->type) / 8;
    return true;
}

/* Elements, whether they follow each other, and that the last one is inside the storage. */
static bool check_extent(struct view *v, error *e)
{
    int64_t expected = 1, reach = 0, step;
    v->n_elements = 1;
    v->contiguous = true;
    for (int i = v->n_dims - 1; i >= 0; i--) {
        if (__builtin_mul_overflow(v->n_elements, v->dims[i], &v->n_elements))
            return fail(e, ERR_BAD_MODEL, "its shape overflows");
        if (v->dims[i] > 1 && v->strides[i] != expected)
            v->contiguous = false;
        expected = v->n_elements;
        if (v->dims[i] > 1 && (__builtin_mul_overflow(v->dims[i] - 1, v->strides[i], &step) ||
                               __builtin_add_overflow(reach, step, &reach)))
            return fail(e, ERR_BAD_MODEL, "its strides overflow");
    }
    const struct pickled_storage *s = v->storage;
    size_t of_storage = checkpoint_element_bytes(s), whole, skipped, bytes;
    int64_t elements;
    if (v->n_elements == 0) {
        v->first = 0;
        v->contiguous = true;
        return true;
    }
    if (!s->bytes.p)
        return fail(e, ERR_BAD_MODEL, "its storage is not in the file");
    if (__builtin_mul_overflow((size_t)s->n, of_storage, &whole) ||
        __builtin_mul_overflow((size_t)s->first, of_storage, &skipped) || skipped > s->bytes.n ||
        whole > s->bytes.n - skipped)
        return fail(e, ERR_BAD_MODEL, "its storage has %zu bytes, %" PRId64 " elements need more",
                    s->bytes.n, s->n_elements);
    if (__builtin_add_overflow(v->first, reach, &elements) ||
        __builtin_add_overflow(elements, 1, &elements) ||
        __builtin_mul_overflow((size_t)elements, v->width, &bytes) || bytes > whole)
        return fail(e, ERR_BAD_MODEL,
                    "it reaches beyond its storage of %zu bytes from element %" PRId64, whole,
                    v->first);
    if (__builtin_mul_overflow((size_t)v->n_elements, v->width, &bytes) || bytes > PTRDIFF_MAX)
        return fail(e, ERR_BAD_MODEL, "its shape overflows");
    return true;
}

static bool read_view(struct view *v, const pickled *value, error *e)
{
    int n_strides;
    const struct pickled_list *list = &value->call.arguments->list;
    if (list->n < 4)
        return fail(e, ERR_BAD_MODEL, "it has %zu arguments, expected 4 or more", list->n);
    if (list->items[0]->kind != PICKLED_STORAGE)
        return fail(e, ERR_BAD_MODEL, "its first argument is no storage");
    if (list->items[1]->kind != PICKLED_INT || list->items[1]->number < 0)
        return fail(e, ERR_BAD_MODEL, "its offset is no int of 0 or more");
    v->storage = list->items[0]->storage;
    v->first = list->items[1]->number;
    if (!read_numbers(list->items[2], "shape", v->dims, &v->n_dims, e) ||
        !read_numbers(list->items[3], "strides", v->strides, &n_strides, e) ||
        !read_type(v, value, e))
        return false;
    if (n_strides != v->n_dims)
        return fail(e, ERR_BAD_MODEL, "it has %d strides for %d dimensions", n_strides, v->n_dims);
    return check_extent(v, e);
}

/* All elements in order. Only dimensions of 2 and more are walked, so every step copies something
 * and the work is that of the copy. */
static void gather(const struct view *v, const char *from, char *to)
{
    int64_t at[TENSOR_DIMS] = {0};
    for (int64_t done = 0; done < v->n_elements; done++) {
        memcpy(to + (size_t)done * v->width, from, v->width);
        for (int i = v->n_dims - 1; i >= 0; i--) {
            if (v->dims[i] == 1)
                continue;
            if (++at[i] < v->dims[i]) {
                from += v->strides[i] * (int64_t)v->width;
                break;
            }
            at[i] = 0;
            from -= (v->dims[i] - 1) * v->strides[i] * (int64_t)v->width;
        }
    }
}

/* Turns the bytes of each element; a complex number has two. */
static void swap_bytes(enum dtype type, size_t width, char *bytes, size_t n_bytes)
{
    if (type == DTYPE_C64)
        width /= 2;
    for (size_t i = 0; i < n_bytes; i += width)
        for (size_t low = 0, high = width - 1; low < high; low++, high--) {
            char kept = bytes[i + low];
            bytes[i + low] = bytes[i + high];
            bytes[i + high] = kept;
        }
}

bool checkpoint_read_tensor(tensor *out, const pickled *value, str bytes, bool big_endian,
                            arena *copies, error *e)
{
    struct view v = {0};
    if (!read_view(&v, value, e))
        return false;
    size_t size = (size_t)v.n_elements * v.width;
    const char *data = bytes.p;
    if (size > 0)
        data = v.storage->bytes.p + (size_t)v.storage->first * checkpoint_element_bytes(v.storage) +
               (size_t)v.first * v.width;
    bool swap = big_endian && v.width > 1, copied = size > 0 && (!v.contiguous || swap);
    if (copied) {
        char *copy = arena_raw(copies, size, 1);
        if (!copy)
            return fail(e, ERR_BAD_MODEL,
                        "a copy in order needs %zu bytes: all copies may have as many bytes as the "
                        "file and %d MB",
                        size, CHECKPOINT_COPY_BYTES >> 20);
        gather(&v, data, copy);
        if (swap)
            swap_bytes(v.type, v.width, copy, size);
        data = copy;
    }
    *out = (tensor){.type = v.type,
                    .n_dims = v.n_dims,
                    .n_elements = v.n_elements,
                    .data = data,
                    .copied = copied,
                    .size_bytes = size};
    memcpy(out->dims, v.dims, sizeof out->dims);
    return true;
}
