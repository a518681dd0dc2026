#include "base/cache_file.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

bool cache_file_state(buf *out, const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return false;
    buf_printf(out, "%ju %ju %jd %jd.%09ld %jd.%09ld\n", (uintmax_t)s.st_dev, (uintmax_t)s.st_ino,
               (intmax_t)s.st_size, (intmax_t)s.st_mtim.tv_sec, s.st_mtim.tv_nsec,
               (intmax_t)s.st_ctim.tv_sec, s.st_ctim.tv_nsec);
    return true;
}

/* Room for n bytes at an aligned address, which the mapping then replaces. NULL: none. */
static char *aligned_room(size_t n)
{
    size_t room = n + CACHE_FILE_ALIGN;
    char *p = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    size_t skip = (CACHE_FILE_ALIGN - (uintptr_t)p % CACHE_FILE_ALIGN) % CACHE_FILE_ALIGN;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), kept = (n + page - 1) / page * page;
    if (skip)
        munmap(p, skip);
    if (room - skip > kept)
        munmap(p + skip + kept, room - skip - kept);
    return p + skip;
}

bool cache_file_map(file_map *m, const char *path, uint64_t min_bytes, uint64_t max_bytes,
                    bool at_once)
{
    struct stat s;
    own_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &s) != 0 || !S_ISREG(s.st_mode) || s.st_uid != geteuid() ||
        s.st_mode & (S_IWGRP | S_IWOTH) || (uint64_t)s.st_size < min_bytes ||
        (uint64_t)s.st_size > max_bytes || s.st_size == 0)
        return false;
    size_t n = (size_t)s.st_size;
    char *room = aligned_room(n);
    if (!room)
        return false;
    void *p =
        mmap(room, n, PROT_READ, MAP_SHARED | MAP_FIXED | (at_once ? MAP_POPULATE : 0), fd, 0);
    if (p == MAP_FAILED) {
        munmap(room, n);
        return false;
    }
    *m = (file_map){p, n};
    return true;
}

/* Four lanes, so that a core sums faster than it reads memory. */
uint64_t cache_file_checksum(const void *bytes, size_t n)
{
    enum { LANES = 4 };
    const uint64_t factor = UINT64_C(0x9E3779B97F4A7C15);
    const char *p = bytes;
    uint64_t lanes[LANES] = {n, 1, 2, 3}, words[LANES];
    for (; n >= sizeof words; p += sizeof words, n -= sizeof words) {
        memcpy(words, p, sizeof words);
        for (int i = 0; i < LANES; i++)
            lanes[i] = ((lanes[i] ^ words[i]) * factor) ^ (lanes[i] >> 29);
    }
    memset(words, 0, sizeof words);
    memcpy(words, p, n);
    uint64_t sum = 0;
    for (int i = 0; i < LANES; i++)
        sum = (sum ^ (lanes[i] ^ words[i])) * factor ^ (sum >> 31);
    return sum;
}

/* Removes a file in the making whose writer is gone: one that lives holds a lock on it, but for the
 * moment after it was made. */
static void remove_left(int folder, const char *name)
{
    enum { NEW_S = 10 };
    struct stat s;
    own_fd int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode) &&
        s.st_mtim.tv_sec + NEW_S < clock_unix_ms() / 1000 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(folder, name, 0);
}

/* Removes what writers of this file that were killed have left, of the names that mkostemp makes.
 */
static void sweep(const char *path)
{
    enum { SUFFIX = 7 };
    const char *name = strrchr(path, '/');
    if (!name)
        return;
    own_mem char *folder = xprintf("%.*s", (int)(name - path), path);
    size_t n = strlen(++name);
    DIR *dir = opendir(folder);
    for (struct dirent *item; dir && (item = readdir(dir));) {
        if (strlen(item->d_name) == n + SUFFIX && memcmp(item->d_name, name, n) == 0 &&
            item->d_name[n] == '.')
            remove_left(dirfd(dir), item->d_name);
    }
    if (dir)
        closedir(dir);
}

bool cache_writer_open(cache_writer *w, const char *path, error *e)
{
    w->fd = -1;
    if (snprintf(w->path, sizeof w->path, "%s", path) >= (int)sizeof w->path ||
        snprintf(w->part, sizeof w->part, "%s.XXXXXX", path) >= (int)sizeof w->part)
        return fail(e, ERR_IO, "the path '%.100s...' is too long", path);
    sweep(path);
    w->fd = mkostemp(w->part, O_CLOEXEC);
    if (w->fd >= 0)
        flock(w->fd, LOCK_EX | LOCK_NB);
    return w->fd >= 0 || fail_errno(e, ERR_IO, "cannot make '%s'", w->part);
}

bool cache_writer_add(cache_writer *w, const void *bytes, size_t n, error *e)
{
    for (const char *p = bytes; n;) {
        ssize_t wrote = write(w->fd, p, n);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return fail_errno(e, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO, "cannot write '%s'",
                              w->part);
        p += wrote;
        n -= (size_t)wrote;
    }
    return true;
}

bool cache_writer_put(cache_writer *w, uint64_t offset, const void *bytes, size_t n, error *e)
{
    return lseek(w->fd, (off_t)offset, SEEK_SET) >= 0 ? cache_writer_add(w, bytes, n, e)
                                                      : fail_errno(e, ERR_IO, "'%s'", w->part);
}

bool cache_writer_done(cache_writer *w, bool lasting, error *e)
{
    if (lasting && fsync(w->fd) != 0)
        return fail_errno(e, ERR_IO, "cannot write '%s'", w->part);
    if (rename(w->part, w->path) != 0)
        return fail_errno(e, ERR_IO, "cannot rename '%s'", w->part);
    close(w->fd);
    w->fd = -1;
    return true;
}

void cache_writer_drop(cache_writer *w)
{
    if (w->fd < 0)
        return;
    close(w->fd);
    unlink(w->part);
    w->fd = -1;
}
