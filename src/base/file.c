#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* O_NONBLOCK: opening a FIFO in place of a file must not wait for its writer. */
bool file_read(const char *path, size_t max_bytes, buf *out, error *e)
{
    own_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0)
        return fail_errno(e, ERR_IO, "cannot open '%s'", path);
    if (!S_ISREG(info.st_mode))
        return fail(e, ERR_IO, "'%s' is not a regular file", path);
    if ((uint64_t)info.st_size > max_bytes)
        return fail(e, ERR_TOO_LARGE, "'%s' has %lld bytes, expected at most %zu", path,
                    (long long)info.st_size, max_bytes);
    buf_clear(out);
    if (out->max < max_bytes)
        out->max = max_bytes;
    for (size_t want = (size_t)info.st_size; want;) {
        char *to = buf_room(out, want);
        if (!to)
            return fail(e, ERR_IO, "no memory for the %zu bytes of '%s'", want, path);
        ssize_t got = read(fd, to, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(e, ERR_IO, "cannot read '%s'", path);
        if (got == 0)
            break; /* it shrank meanwhile */
        out->n += (size_t)got;
        want -= (size_t)got;
    }
    return true;
}

bool file_map_open(file_map *m, const char *path, error *e)
{
    own_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0)
        return fail_errno(e, ERR_IO, "cannot open '%s'", path);
    if (!S_ISREG(info.st_mode))
        return fail(e, ERR_IO, "'%s' is not a regular file", path);
    void *p = NULL;
    if (info.st_size > 0) {
        p = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
            return fail_errno(e, ERR_IO, "cannot map '%s'", path);
    }
    *m = (file_map){p, (size_t)info.st_size};
    return true;
}

void file_unmap(file_map *m)
{
    if (m && m->n)
        munmap((void *)(uintptr_t)m->p, m->n);
    if (m)
        *m = (file_map){0};
}

static bool write_all(int fd, str content)
{
    while (content.n) {
        ssize_t done = write(fd, content.p, content.n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        content = str_skip(content, (size_t)done);
    }
    return true;
}

bool file_write(const char *path, str content, unsigned mode, error *e)
{
    own_mem char *temporary = xprintf("%s.XXXXXX", path);
    own_fd int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return fail_errno(e, ERR_IO, "cannot create '%s'", temporary);
    if (!write_all(fd, content) || fchmod(fd, mode) < 0 || fsync(fd) < 0 ||
        rename(temporary, path) < 0) {
        fail_errno(e, ERR_IO, "cannot write '%s'", path);
        unlink(temporary);
        return false;
    }
    return true;
}

bool file_make_dirs(const char *path, error *e)
{
    own_mem char *copy = xstrdup(path);
    for (char *at = copy + 1; *copy; at++) {
        char kept = *at;
        if (kept != '/' && kept != '\0')
            continue;
        *at = '\0';
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return fail_errno(e, ERR_IO, "cannot create the folder '%s'", copy);
        *at = kept;
        if (kept == '\0')
            break;
    }
    return file_is_dir(path) || fail(e, ERR_IO, "'%s' is not a folder", path);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

bool file_remove_tree(const char *path, error *e)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return fail_errno(e, ERR_IO, "cannot remove '%s'", path);
    return true;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool file_check(const char *path, error *e)
{
    struct stat info;
    if (stat(path, &info) == 0)
        return S_ISREG(info.st_mode) ||
               fail(e, ERR_BAD_MODEL, "'%s' is %s, expected a file", path,
                    S_ISDIR(info.st_mode) ? "a folder" : "a device, pipe or socket");
    int why = errno;
    if (lstat(path, &info) < 0 || !S_ISLNK(info.st_mode))
        return true;
    if (why == ENOENT)
        return fail(e, ERR_BAD_MODEL, "'%s' is a link to a file that is not there", path);
    errno = why;
    return fail_errno(e, ERR_BAD_MODEL, "cannot follow the link '%s'", path);
}

int64_t file_size(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (int64_t)info.st_size : -1;
}

char *path_join(const char *a, const char *b)
{
    size_t n = strlen(a);
    bool slash = n > 0 && a[n - 1] == '/';
    return xprintf("%s%s%s", a, slash || n == 0 ? "" : "/", b);
}

bool path_is_safe(str relative)
{
    if (relative.n == 0 || memchr(relative.p, '\0', relative.n))
        return false;
    size_t start = 0;
    for (size_t i = 0; i <= relative.n; i++) {
        if (i < relative.n && relative.p[i] != '/')
            continue;
        str part = {relative.p + start, i - start};
        if (part.n == 0 || str_is(part, ".") || str_is(part, ".."))
            return false;
        start = i + 1;
    }
    return true;
}
