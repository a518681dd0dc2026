/* Files of a snapshot. */
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/own.h"
#include "gateway/hub/info.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 8, MAX_FILES = 100000 };

/* The name of the blob that a link of the cache leads to is the content's hash. */
static void find_etag(const char *path, const struct stat *info, char out[65])
{
    char target[1024];
    ssize_t n = readlink(path, target, sizeof target - 1);
    if (n > 0) {
        target[n] = '\0';
        const char *slash = strrchr(target, '/');
        const char *name = slash ? slash + 1 : target;
        if (str_is_hex(str_of(name), 40) || str_is_hex(str_of(name), 64)) {
            memcpy(out, name, strlen(name) + 1);
            return;
        }
    }
    own_mem char *text =
        xprintf("%s %" PRId64 " %" PRId64 ".%09ld %" PRIu64, path, (int64_t)info->st_size,
                (int64_t)info->st_mtim.tv_sec, info->st_mtim.tv_nsec, (uint64_t)info->st_ino);
    sha256_hex(str_of(text), out);
    out[40] = '\0';
}

bool repo_file_stat(const char *folder, const char *path, repo_file *out)
{
    if (!path_is_safe(str_of(path)))
        return false;
    own_mem char *whole = path_join(folder, path);
    struct stat info;
    if (stat(whole, &info) < 0 || !S_ISREG(info.st_mode))
        return false;
    *out = (repo_file){.path = xstrdup(path), .size = info.st_size};
    find_etag(whole, &info, out->etag);
    return true;
}

static void list_folder(const char *folder, const char *below, int depth, repo_files *out)
{
    own_mem char *path = below ? path_join(folder, below) : xstrdup(folder);
    DIR *d = depth < MAX_DEPTH ? opendir(path) : NULL;
    if (!d)
        return;
    for (struct dirent *entry; (entry = readdir(d)) && out->n < MAX_FILES;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        own_mem char *name = below ? path_join(below, entry->d_name) : xstrdup(entry->d_name);
        own_mem char *whole = path_join(folder, name);
        repo_file file;
        if (file_is_dir(whole)) {
            list_folder(folder, name, depth + 1, out);
        } else if (repo_file_stat(folder, name, &file)) {
            if ((out->n & (out->n - 1)) == 0)
                out->items = xrealloc(out->items, (size_t)(out->n ? 2 * out->n : 1) * sizeof file);
            out->items[out->n++] = file;
        } else if (!out->odd) {
            out->odd = xstrdup(name);
        }
    }
    closedir(d);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const repo_file *)a)->path, ((const repo_file *)b)->path);
}

void repo_files_list(const char *folder, repo_files *out)
{
    *out = (repo_files){0};
    list_folder(folder, NULL, 0, out);
    if (out->n)
        qsort(out->items, (size_t)out->n, sizeof *out->items, by_path);
}

void repo_files_release(repo_files *l)
{
    for (int i = 0; i < l->n; i++)
        free(l->items[i].path);
    free(l->items);
    free(l->odd);
    *l = (repo_files){0};
}

bool repo_file_is_lfs(const repo_file *f)
{
    return strlen(f->etag) == 64;
}

size_t repo_file_pointer(const repo_file *f, char out[REPO_POINTER_BYTES])
{
    return (size_t)snprintf(out, REPO_POINTER_BYTES,
                            "version https://git-lfs.github.com/spec/v1\n"
                            "oid sha256:%s\nsize %" PRId64 "\n",
                            f->etag, f->size);
}

json_t *repo_file_lfs(const repo_file *f, const char *name)
{
    char pointer[REPO_POINTER_BYTES];
    return json_pack("{s:s,s:I,s:I}", name, f->etag, "size", (json_int_t)f->size, "pointerSize",
                     (json_int_t)repo_file_pointer(f, pointer));
}
