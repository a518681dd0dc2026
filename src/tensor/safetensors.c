/* Maps a file, reads its header and proves that every tensor lies where it says. */
#include "tensor/safetensors.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "tensor/safetensors_header.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LENGTH_BYTES = 8, SHOWN_NAME = 200 };

/* Precision of "%.*s" for a name that a file chose. */
static int shown(str name)
{
    return (int)(name.n < SHOWN_NAME ? name.n : SHOWN_NAME);
}

void tensor_shape(const tensor *t, char out[TENSOR_SHAPE_TEXT])
{
    int at = snprintf(out, TENSOR_SHAPE_TEXT, "[");
    for (int i = 0; i < t->n_dims; i++)
        at += snprintf(out + at, (size_t)(TENSOR_SHAPE_TEXT - at), "%s%" PRId64, i ? ", " : "",
                       t->dims[i]);
    snprintf(out + at, (size_t)(TENSOR_SHAPE_TEXT - at), "]");
}

static int by_place(const void *left, const void *right)
{
    const tensor *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

/* Product of the shape, and its bytes, against the byte range. */
static bool check_size(tensor *t, error *e)
{
    uint64_t bits, n_elements = 1;
    char shape[TENSOR_SHAPE_TEXT];
    tensor_shape(t, shape);
    for (int i = 0; i < t->n_dims; i++)
        if (__builtin_mul_overflow(n_elements, (uint64_t)t->dims[i], &n_elements))
            return fail(e, ERR_BAD_MODEL, "tensor '%.*s': the shape %s overflows", shown(t->name),
                        t->name.p, shape);
    if (__builtin_mul_overflow(n_elements, (uint64_t)dtype_bits(t->type), &bits))
        return fail(e, ERR_BAD_MODEL, "tensor '%.*s': the shape %s overflows", shown(t->name),
                    t->name.p, shape);
    if (bits % 8 || bits / 8 != t->end - t->begin)
        return fail(e, ERR_BAD_MODEL,
                    "tensor '%.*s': data_offsets span %" PRIu64
                    " bytes, %s of shape %s needs %" PRIu64,
                    shown(t->name), t->name.p, t->end - t->begin, dtype_name(t->type), shape,
                    bits / 8 + (bits % 8 != 0));
    t->n_elements = (int64_t)n_elements;
    t->size_bytes = (size_t)(t->end - t->begin);
    return true;
}

/* Tensors must follow each other from 0 to the end of the data. */
static bool place_tensors(safetensors *s, str data, error *e)
{
    uint64_t at = 0;
    if (s->n)
        qsort(s->tensors, (size_t)s->n, sizeof *s->tensors, by_place);
    for (int i = 0; i < s->n; i++) {
        tensor *t = &s->tensors[i];
        if (t->end < t->begin || t->end > data.n)
            return fail(e, ERR_BAD_MODEL,
                        "tensor '%.*s': data_offsets [%" PRIu64 ", %" PRIu64
                        "] do not fit the %zu bytes of data",
                        shown(t->name), t->name.p, t->begin, t->end, data.n);
        if (t->begin != at)
            return fail(e, ERR_BAD_MODEL,
                        "tensor '%.*s' begins at byte %" PRIu64
                        " of the data, the tensor before it ends at %" PRIu64,
                        shown(t->name), t->name.p, t->begin, at);
        if (!check_size(t, e))
            return false;
        t->data = data.p + t->begin;
        at = t->end;
    }
    if (at != data.n)
        return fail(e, ERR_BAD_MODEL, "the tensors end at byte %" PRIu64 " of %zu bytes of data",
                    at, data.n);
    return true;
}

static bool index_names(safetensors *s, error *e)
{
    map_init(&s->by_name, (size_t)s->n);
    for (int i = 0; i < s->n; i++) {
        tensor *t = &s->tensors[i];
        struct map_slot *slot = map_add(&s->by_name, t->name);
        if (slot->value.pointer)
            return fail(e, ERR_BAD_MODEL, "tensor '%.*s' is there twice", shown(t->name),
                        t->name.p);
        slot->value.pointer = t;
    }
    return true;
}

static bool parse(safetensors *s, str bytes, error *e)
{
    uint64_t length = 0;
    if (bytes.n < LENGTH_BYTES)
        return fail(e, ERR_BAD_MODEL, "%zu bytes are too few for a safetensors file", bytes.n);
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        length = length << 8 | (unsigned char)bytes.p[i];
    if (length > SAFETENSORS_HEADER_BYTES)
        return fail(e, ERR_BAD_MODEL, "header of %" PRIu64 " bytes, at most %d are allowed", length,
                    SAFETENSORS_HEADER_BYTES);
    if (length > bytes.n - LENGTH_BYTES)
        return fail(e, ERR_BAD_MODEL, "header of %" PRIu64 " bytes in a file of %zu bytes", length,
                    bytes.n);
    str text = {bytes.p + LENGTH_BYTES, (size_t)length};
    size_t valid = utf8_valid_prefix(text);
    if (valid != text.n)
        return fail(e, ERR_BAD_MODEL, "header is not valid UTF-8 at byte %zu", valid);
    return safetensors_read_header(s, text, e) &&
           place_tensors(s, str_skip(bytes, LENGTH_BYTES + text.n), e) && index_names(s, e);
}

bool safetensors_parse(safetensors *s, str bytes, const char *what, error *e)
{
    safetensors made = {0};
    if (!parse(&made, bytes, e)) {
        safetensors_release(&made);
        return fail_in(e, "%s", what);
    }
    *s = made;
    return true;
}

bool safetensors_open(safetensors *s, const char *path, error *e)
{
    file_map file;
    if (!file_map_open(&file, path, e))
        return false;
    char what[1 + 300 + 1 + 1];
    snprintf(what, sizeof what, "'%.300s'", path);
    if (!safetensors_parse(s, (str){file.p, file.n}, what, e)) {
        file_unmap(&file);
        return false;
    }
    s->file = file;
    return true;
}

void safetensors_release(safetensors *s)
{
    if (!s)
        return;
    map_release(&s->by_name);
    free(s->tensors);
    free(s->names);
    file_unmap(&s->file);
    *s = (safetensors){0};
}

const tensor *safetensors_find(const safetensors *s, str name)
{
    return map_get(&s->by_name, name);
}
