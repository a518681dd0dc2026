/* Folders and weight files for tests. */
#pragma once

#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/dtype.h"

#include <stdio.h>
#include <stdlib.h>

/* A tensor filled with zero bytes, or with `values`. */
struct made_tensor {
    const char *name;
    enum dtype type;
    int rows, columns; /* columns 0: one dimension */
    const void *values;
    int depth; /* a third dimension, or 0 */
};

/* A new empty folder, in new memory; file_remove_tree() it. */
static inline char *made_folder(void)
{
    char *path = xstrdup("/tmp/inferd-test-XXXXXX");
    if (!mkdtemp(path))
        abort();
    return path;
}

/* Writes <folder>/<name>, making the folders on the way. */
static inline void made_file(const char *folder, const char *name, str content)
{
    error e = {0};
    own_mem char *path = path_join(folder, name);
    own_mem char *parent = xstrdup(path);
    *strrchr(parent, '/') = 0;
    if (!file_make_dirs(parent, &e) || !file_write(path, content, 0600, &e)) {
        fprintf(stderr, "%s\n", e.message);
        abort();
    }
}

static inline size_t made_bytes(const struct made_tensor *t)
{
    return (size_t)t->rows * (size_t)(t->columns ? t->columns : 1) *
           (size_t)(t->depth ? t->depth : 1) * (size_t)dtype_bits(t->type) / 8;
}

/* A safetensors file. `pad` spaces follow the header, to move the data off its alignment. */
static inline void made_safetensors(const char *folder, const char *name,
                                    const struct made_tensor *tensors, int n, int pad)
{
    own_buf buf header = buf_new(1 << 20), file = buf_new(16 << 20);
    size_t at = 0;
    buf_puts(&header, "{");
    for (int i = 0; i < n; i++) {
        const struct made_tensor *t = &tensors[i];
        size_t bytes = made_bytes(t);
        buf_printf(&header, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%d", i ? "," : "", t->name,
                   dtype_name(t->type), t->rows);
        if (t->columns)
            buf_printf(&header, ",%d", t->columns);
        if (t->depth)
            buf_printf(&header, ",%d", t->depth);
        buf_printf(&header, "],\"data_offsets\":[%zu,%zu]}", at, at + bytes);
        at += bytes;
    }
    buf_puts(&header, "}");
    while (header.n % 8 != 0)
        buf_byte(&header, ' ');
    for (int i = 0; i < pad; i++)
        buf_byte(&header, ' ');
    for (int i = 0; i < 8; i++)
        buf_byte(&file, (char)(header.n >> (8 * i)));
    buf_str(&file, buf_view(&header));
    for (int i = 0; i < n; i++) {
        const struct made_tensor *t = &tensors[i];
        size_t bytes = made_bytes(t);
        for (size_t j = 0; j < bytes && !t->values; j++)
            buf_byte(&file, 0);
        if (t->values)
            buf_add(&file, t->values, bytes);
    }
    made_file(folder, name, buf_view(&file));
}
