/* One pass to learn which folders hold .safetensors, one to drop files. */
#include "tensor/hub_filter.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/own.h"

#include <fnmatch.h>

/* Names of files that repeat the weights of a .safetensors file beside them. */
static const char *const other_weights[] = {"pytorch_model*.bin",  "pytorch_model*.bin.index.json",
                                            "tf_model*.h5",        "tf_model*.h5.index.json",
                                            "flax_model*.msgpack", "flax_model*.msgpack.index.json",
                                            "rust_model.ot",       "*.ckpt"};

/* Folders at the root that repeat the whole model. */
static const char *const other_folders[] = {"onnx/*", "openvino/*"};

#define COUNT(array) (int)(sizeof(array) / sizeof *(array))

static bool matches_one(const char *pattern, const char *path)
{
    size_t n = strlen(pattern);
    if (n && pattern[n - 1] == '/') {
        own_mem char *below = xprintf("%s*", pattern);
        return fnmatch(below, path, 0) == 0;
    }
    return fnmatch(pattern, path, 0) == 0;
}

static bool matches(const char *const *patterns, int n, const char *path)
{
    for (int i = 0; i < n; i++)
        if (matches_one(patterns[i], path))
            return true;
    return false;
}

/* "a/b" of "a/b/c", "" of "c". */
static str folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (str){path, (size_t)(slash - path)} : STR("");
}

static bool is_other_format(const char *path, const map *with_safetensors)
{
    if (map_find(with_safetensors, STR("")) && matches(other_folders, COUNT(other_folders), path))
        return true;
    const char *slash = strrchr(path, '/');
    return matches(other_weights, COUNT(other_weights), slash ? slash + 1 : path) &&
           map_find(with_safetensors, folder_of(path));
}

int hub_filter_apply(const hub_filter *filter, hub_revision *r)
{
    int n_kept = 0, n_skipped = 0;
    hub_file *kept = xcalloc((size_t)r->n_files + 1, sizeof *kept);
    map with_safetensors;
    map_init(&with_safetensors, 16);
    for (int i = 0; i < r->n_files; i++)
        if (str_ends(str_of(r->files[i].path), STR(".safetensors")))
            map_add(&with_safetensors, folder_of(r->files[i].path));
    for (int i = 0; i < r->n_files; i++) {
        const char *path = r->files[i].path;
        bool named = matches(filter->include, filter->n_include, path);
        bool wanted =
            (filter->n_include == 0 || named) && !matches(filter->exclude, filter->n_exclude, path);
        bool skipped = wanted && !filter->all && !named && is_other_format(path, &with_safetensors);
        n_skipped += skipped;
        if (wanted && !skipped)
            kept[n_kept++] = r->files[i];
        else
            r->files[i].size_bytes = -1; /* to be freed, once nothing looks at names any more */
    }
    map_release(&with_safetensors);
    for (int i = 0; i < r->n_files; i++)
        if (r->files[i].size_bytes < 0)
            free(r->files[i].path);
    free(r->files);
    r->files = kept;
    r->n_files = n_kept;
    r->capacity = n_kept + 1;
    return n_skipped;
}
