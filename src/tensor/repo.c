/* Paths below one folder, and what is in its files. */
#include "tensor/repo.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { TREE_DEPTH = 8 };

bool repo_open(repo *r, const char *folder, error *e)
{
    if (!file_is_dir(folder))
        return fail(e, ERR_NOT_FOUND, "'%s' is not a folder", folder);
    r->folder = xstrdup(folder);
    return true;
}

void repo_release(repo *r)
{
    if (!r)
        return;
    free(r->folder);
    r->folder = NULL;
}

char *repo_path(const repo *r, str name, error *e)
{
    if (!path_is_safe(name)) {
        fail(e, ERR_BAD_MODEL, "'%.*s' is not a path inside the model folder",
             (int)(name.n < 200 ? name.n : 200), name.p ? name.p : "");
        return NULL;
    }
    return xprintf("%s/%.*s", r->folder, (int)name.n, name.p);
}

bool repo_has(const repo *r, const char *name)
{
    own_mem char *path = repo_path(r, str_of(name), NULL);
    return path && file_size(path) >= 0 && !file_is_dir(path);
}

json_t *repo_json(const repo *r, const char *name, error *e)
{
    own_mem char *path = repo_path(r, str_of(name), e);
    json_t *document = path ? json_parse_file(path, REPO_JSON_BYTES, e) : NULL;
    if (document && !json_is_object(document) && !json_is_array(document)) {
        fail(e, ERR_BAD_MODEL, "'%s' is %s, expected an object or an array", name,
             json_kind(document));
        json_decref(document);
        return NULL;
    }
    return document;
}

json_t *repo_json_optional(const repo *r, const char *name, error *e)
{
    return repo_has(r, name) ? repo_json(r, name, e) : NULL;
}

void repo_hide_place(char *message, const char *folder)
{
    size_t n = strlen(folder);
    for (char *at = message; n && (at = strstr(at, folder));) {
        size_t cut = at[n] == '/' ? n + 1 : n;
        memmove(at, at + cut, strlen(at + cut) + 1);
    }
}

/* Sums the files of a folder whose names fit `pattern`; where no file does, those that fit
 * `otherwise`. Takes over `fd`. */
static int64_t sum_folder(int fd, const char *pattern, const char *otherwise, int depth)
{
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    int64_t sum = 0, others = 0, below = 0;
    for (struct dirent *item; (item = readdir(dir));) {
        struct stat info;
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0 ||
            fstatat(dirfd(dir), item->d_name, &info, 0) < 0)
            continue;
        if (S_ISREG(info.st_mode) && fnmatch(pattern, item->d_name, 0) == 0)
            sum += info.st_size;
        else if (S_ISREG(info.st_mode) && fnmatch(otherwise, item->d_name, 0) == 0)
            others += info.st_size;
        else if (S_ISDIR(info.st_mode) && depth > 1)
            below += sum_folder(
                openat(dirfd(dir), item->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW),
                pattern, otherwise, depth - 1);
    }
    closedir(dir);
    return (sum ? sum : others) + below;
}

static int64_t sum_tree(const char *folder, const char *pattern, const char *otherwise, int depth)
{
    return sum_folder(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), pattern, otherwise, depth);
}

int64_t repo_total_bytes(const char *folder)
{
    return sum_tree(folder, "*", "", TREE_DEPTH);
}

/* The folder itself and one level of module folders ("2_Dense"). */
int64_t repo_weight_bytes(const char *folder)
{
    return sum_tree(folder, "*.safetensors", "pytorch_model*.bin", 2);
}
