/* The cache folder's writer: blobs are named by their content and renamed into place, links and
 * references follow. What is added is only remembered until snapshot_publish() writes it. */
#include "tensor/snapshot.h"
#include "base/file.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/hub_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

enum { MAX_PATH_BYTES = 1024, MAX_PART_BYTES = 255, MAX_REVISION_BYTES = 255 };

/* What a path of the snapshot is: values of `paths`. */
enum { PATH_FILE = 1, PATH_FOLDER = 2 };

struct entry {
    char *path; /* owned */
    char etag[SHA256_HEX];
};

struct snapshot {
    char *repo;  /* HUB/models--OWNER--NAME */
    char *locks; /* HUB/.locks/models--OWNER--NAME */
    int lock;    /* descriptor that holds the model's lock */
    struct entry *entries;
    int n_entries, capacity;
    map paths; /* files, and the folders above them; keys are views of the entries' paths */
};

static bool has_control(str text)
{
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return true;
    return false;
}

bool revision_check(str revision, error *e)
{
    bool good = path_is_safe(revision) && revision.n <= MAX_REVISION_BYTES &&
                !has_control(revision) && revision.p[0] != '-';
    for (size_t i = 0; good && i < revision.n; i++)
        good = !strchr(" ~^:?*[\\", revision.p[i]);
    if (good)
        return true;
    if (has_control(revision))
        return fail(e, ERR_BAD_REQUEST, "the revision holds control characters");
    return fail(e, ERR_BAD_REQUEST, "'%.*s' is not a revision, expected a branch, tag or commit",
                (int)(revision.n > 300 ? 300 : revision.n), revision.p);
}

/* An exclusive lock on a file that others may remove when they are done with it. */
static int lock_file(const char *path, error *e)
{
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        struct stat info;
        if (fd < 0) {
            fail_errno(e, ERR_IO, "cannot open the lock '%s'", path);
            return -1;
        }
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
            if (errno == EWOULDBLOCK)
                fail(e, ERR_CONFLICT, "the lock '%s' is held by another process", path);
            else
                fail_errno(e, ERR_IO, "cannot take the lock '%s'", path);
            close(fd);
            return -1;
        }
        if (fstat(fd, &info) == 0 && info.st_nlink > 0)
            return fd;
        close(fd);
    }
}

static bool prepare(snapshot *s, const char *id, error *e)
{
    static const char *const folders[] = {"blobs", "refs", "snapshots"};
    if (!file_make_dirs(s->locks, e))
        return false;
    own_mem char *lock = path_join(s->locks, "inferd.lock");
    s->lock = lock_file(lock, e);
    if (s->lock < 0) {
        if (e && e->kind == ERR_CONFLICT)
            fail_in(e, "another process is writing the model '%s' now", id);
        return false;
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        own_mem char *path = path_join(s->repo, folders[i]);
        if (!file_make_dirs(path, e))
            return false;
    }
    return true;
}

snapshot *snapshot_open(const char *hub, const char *id, error *e)
{
    if (!hub_id_valid(str_of(id))) {
        fail(e, ERR_BAD_REQUEST, "'%.200s' is not the id of a model, expected OWNER/NAME", id);
        return NULL;
    }
    own_mem char *name = hub_id_folder(str_of(id));
    snapshot *s = xcalloc(1, sizeof *s);
    s->repo = path_join(hub, name);
    s->locks = xprintf("%s/.locks/%s", hub, name);
    s->lock = -1;
    map_init(&s->paths, 64);
    if (prepare(s, id, e))
        return s;
    snapshot_close(s);
    return NULL;
}

void snapshot_close(snapshot *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->n_entries; i++)
        free(s->entries[i].path);
    free(s->entries);
    map_release(&s->paths);
    if (s->lock >= 0)
        close(s->lock);
    free(s->repo);
    free(s->locks);
    free(s);
}

char *snapshot_path(const snapshot *s, const char *commit)
{
    return xprintf("%s/snapshots/%s", s->repo, commit);
}

char *snapshot_blob_path(const snapshot *s, const char *etag)
{
    return xprintf("%s/blobs/%s", s->repo, etag);
}

char *snapshot_partial_path(const snapshot *s, const char *etag)
{
    return xprintf("%s/blobs/%s.incomplete", s->repo, etag);
}

/* Names. */

static bool check_path(const snapshot *s, str path, error *e)
{
    if (has_control(path))
        return fail(e, ERR_INVALID, "a file name holds control characters");
    if (!path_is_safe(path))
        return fail(e, ERR_INVALID, "the file name '%.*s' leaves the model's folder",
                    (int)(path.n > 300 ? 300 : path.n), path.p);
    size_t longest = 0, part = 0;
    for (size_t i = 0; i < path.n; i++) {
        part = path.p[i] == '/' ? 0 : part + 1;
        longest = part > longest ? part : longest;
    }
    if (path.n > MAX_PATH_BYTES || longest > MAX_PART_BYTES)
        return fail(e, ERR_INVALID,
                    "the file name '%.60s...' is too long, expected at most %d bytes", path.p,
                    longest > MAX_PART_BYTES ? MAX_PART_BYTES : MAX_PATH_BYTES);
    struct map_slot *same = map_find(&s->paths, path);
    if (same)
        return fail(e, ERR_INVALID, "the file name '%s' is given %s", path.p,
                    same->value.number == PATH_FILE ? "twice" : "to a folder as well");
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '/' && map_number(&s->paths, (str){path.p, i}, 0) == PATH_FILE)
            return fail(e, ERR_INVALID, "'%.*s' is a file, but '%s' needs it to be a folder",
                        (int)i, path.p, path.p);
    return true;
}

bool snapshot_add_blob(snapshot *s, const char *path, const char *etag, error *e)
{
    if (!str_is_hex(str_of(etag), SHA1_HEX - 1) && !str_is_hex(str_of(etag), SHA256_HEX - 1))
        return fail(e, ERR_INVALID, "'%.80s' does not name content by its SHA-1 or SHA-256", etag);
    if (!check_path(s, str_of(path), e))
        return false;
    if (s->n_entries == SNAPSHOT_MAX_FILES)
        return fail(e, ERR_INVALID, "the model has more than %d files", SNAPSHOT_MAX_FILES);
    if (s->n_entries == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 64;
        s->entries = xrealloc(s->entries, (size_t)s->capacity * sizeof *s->entries);
    }
    struct entry *added = &s->entries[s->n_entries++];
    added->path = xstrdup(path);
    memcpy(added->etag, etag, strlen(etag) + 1);
    str whole = str_of(added->path);
    map_add(&s->paths, whole)->value.number = PATH_FILE;
    for (size_t i = 0; i < whole.n; i++)
        if (whole.p[i] == '/')
            map_add(&s->paths, (str){whole.p, i})->value.number = PATH_FOLDER;
    return true;
}

/* Content. */

static bool digest(const char *path, bool lfs, char out[SHA256_HEX], error *e)
{
    return lfs ? sha256_file(path, out, e) : sha1_git_blob_file(path, out, e);
}

static bool check_content(const char *path, const char *etag, int64_t size_bytes, error *e)
{
    bool lfs = strlen(etag) == SHA256_HEX - 1;
    int64_t found_bytes = file_size(path);
    char found[SHA256_HEX];
    if (found_bytes != size_bytes)
        return fail(e, ERR_BAD_GATEWAY, "the content has %lld bytes, expected %lld",
                    (long long)found_bytes, (long long)size_bytes);
    if (!digest(path, lfs, found, e))
        return false;
    if (strcmp(found, etag) != 0)
        return fail(e, ERR_BAD_GATEWAY, "the content has the %s %s, expected %s",
                    lfs ? "SHA-256" : "git SHA-1", found, etag);
    return true;
}

bool snapshot_has_blob(const snapshot *s, const char *etag, int64_t size_bytes)
{
    own_mem char *path = snapshot_blob_path(s, etag);
    return check_content(path, etag, size_bytes, NULL);
}

int snapshot_lock_blob(const snapshot *s, const char *etag, error *e)
{
    own_mem char *path = xprintf("%s/%s.lock", s->locks, etag);
    return lock_file(path, e);
}

bool snapshot_keep_blob(const snapshot *s, const char *etag, int64_t size_bytes, error *e)
{
    own_mem char *partial = snapshot_partial_path(s, etag);
    own_mem char *blob = snapshot_blob_path(s, etag);
    error wrong = {0};
    if (!check_content(partial, etag, size_bytes, &wrong)) {
        if (wrong.kind == ERR_BAD_GATEWAY)
            unlink(partial);
        return fail(e, wrong.kind, "%s", wrong.message);
    }
    own_fd int fd = open(partial, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0 || rename(partial, blob) < 0)
        return fail_errno(e, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO, "cannot write '%s'", blob);
    return true;
}

/* Large files, and those that a hub's standard .gitattributes keeps in LFS whatever their size. */
static bool is_large(str path, int64_t size_bytes)
{
    static const char *const suffixes[] = {
        ".safetensors", ".bin",    ".gguf",    ".onnx", ".pt",    ".pth",   ".h5",
        ".msgpack",     ".model",  ".npy",     ".npz",  ".pkl",   ".zip",   ".gz",
        ".ckpt",        ".tflite", ".parquet", ".ot",   ".arrow", ".joblib"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (str_ends(path, str_of(suffixes[i])))
            return true;
    return size_bytes > SNAPSHOT_LFS_BYTES;
}

static bool copy_by_blocks(int from, int to)
{
    enum { BLOCK = 1 << 18 };
    own_mem char *block = xmalloc(BLOCK);
    for (;;) {
        ssize_t got = read(from, block, BLOCK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0;
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write(to, block + done, (size_t)(got - done));
            if (put < 0 && errno != EINTR)
                return false;
            done += put > 0 ? put : 0;
        }
    }
}

/* Both descriptors at their start. Blocks are shared or copied inside the kernel where it can. */
static bool copy_content(int from, int to)
{
    for (;;) {
        ssize_t done = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
        if (done == 0)
            return copy_by_blocks(from, to); /* the end; or a file system that says 0 for unable */
        if (done < 0 && errno != EINTR)
            return (errno == ENOSPC || errno == EIO) ? false : copy_by_blocks(from, to);
    }
}

/* A copy of the source with a temporary name in blobs/, in new memory; NULL on failure. One name is
 * enough, as we hold the lock, and a killed writer leaves one file at most. */
static char *copy_to_blobs(const snapshot *s, const char *source, error *e)
{
    own_fd int from = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (from < 0 || fstat(from, &info) < 0) {
        fail_errno(e, ERR_IO, "cannot open '%s'", source);
        return NULL;
    }
    if (!S_ISREG(info.st_mode)) {
        fail(e, ERR_INVALID, "'%s' is not a regular file", source);
        return NULL;
    }
    char *path = xprintf("%s/blobs/.copy", s->repo);
    own_fd int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (to >= 0 && copy_content(from, to) && fsync(to) == 0)
        return path;
    fail_errno(e, errno == ENOSPC ? ERR_NO_SPACE : ERR_IO, "cannot copy '%s' to '%s'", source,
               path);
    if (to >= 0)
        unlink(path);
    free(path);
    return NULL;
}

bool snapshot_add_file(snapshot *s, const char *path, const char *source, error *e)
{
    if (!check_path(s, str_of(path), e))
        return false;
    own_mem char *copy = copy_to_blobs(s, source, e);
    if (!copy)
        return false;
    char etag[SHA256_HEX];
    bool placed = digest(copy, is_large(str_of(path), file_size(copy)), etag, e);
    if (placed) {
        own_mem char *blob = snapshot_blob_path(s, etag);
        placed = rename(copy, blob) == 0 || fail_errno(e, ERR_IO, "cannot write '%s'", blob);
    }
    if (!placed) {
        unlink(copy);
        return false;
    }
    return snapshot_add_blob(s, path, etag, e);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

void snapshot_content_id(snapshot *s, char out[SNAPSHOT_COMMIT])
{
    if (s->n_entries > 0)
        qsort(s->entries, (size_t)s->n_entries, sizeof *s->entries, by_path);
    sha256 *h = sha256_new();
    for (int i = 0; i < s->n_entries; i++) {
        sha256_add(h, s->entries[i].etag, strlen(s->entries[i].etag));
        sha256_add(h, " ", 1);
        sha256_add(h, s->entries[i].path, strlen(s->entries[i].path));
        sha256_add(h, "\n", 1);
    }
    char hex[SHA256_HEX];
    sha256_end(h, hex);
    memcpy(out, hex, SNAPSHOT_COMMIT - 1);
    out[SNAPSHOT_COMMIT - 1] = '\0';
}

/* Publication. */

/* The link's text: up from PATH's folder and snapshots/COMMIT/ to the repo, then to the blob. */
static char *link_target(const struct entry *entry)
{
    own_buf buf text = buf_new(3 * MAX_PATH_BYTES + 100);
    buf_puts(&text, "../../");
    for (const char *p = entry->path; *p; p++)
        if (*p == '/')
            buf_puts(&text, "../");
    buf_printf(&text, "blobs/%s", entry->etag);
    return xstrdup(buf_text(&text));
}

static bool points_to(const char *link, const char *target)
{
    char found[3 * MAX_PATH_BYTES + 101];
    ssize_t n = readlink(link, found, sizeof found);
    return n >= 0 && str_eq((str){found, (size_t)n}, str_of(target));
}

/* Puts the link in place of whatever file has its name, in one step. */
static bool write_link(const char *folder, const struct entry *entry, error *e)
{
    own_mem char *path = path_join(folder, entry->path);
    own_mem char *target = link_target(entry);
    if (points_to(path, target))
        return true;
    own_mem char *parent = xstrdup(path);
    *strrchr(parent, '/') = '\0';
    own_mem char *fresh = path_join(parent, ".inferd-link");
    if (!file_make_dirs(parent, e))
        return false;
    unlink(fresh); /* of a writer that was killed: we hold the lock */
    if (symlink(target, fresh) < 0 || rename(fresh, path) < 0) {
        fail_errno(e, ERR_IO, "cannot create the link '%s'", path);
        unlink(fresh);
        return false;
    }
    return true;
}

static bool write_links(const snapshot *s, const char *folder, error *e)
{
    for (int i = 0; i < s->n_entries; i++) {
        own_mem char *blob = snapshot_blob_path(s, s->entries[i].etag);
        if (!file_exists(blob))
            return fail(e, ERR_IO, "the content '%s' of '%s' is missing", blob, s->entries[i].path);
        if (!write_link(folder, &s->entries[i], e))
            return false;
    }
    return true;
}

static bool publish_links(const snapshot *s, const char *commit, error *e)
{
    own_mem char *place = snapshot_path(s, commit);
    if (file_is_dir(place))
        return write_links(s, place, e);
    own_mem char *fresh = path_join(s->repo, ".snapshot");
    if (!file_remove_tree(fresh, e) || !file_make_dirs(fresh, e) || !write_links(s, fresh, e))
        return false;
    if (rename(fresh, place) < 0)
        return fail_errno(e, ERR_IO, "cannot create '%s'", place);
    return true;
}

bool snapshot_publish(snapshot *s, const char *commit, const char *revision, error *e)
{
    if (!str_is_hex(str_of(commit), SNAPSHOT_COMMIT - 1))
        return fail(e, ERR_INVALID, "'%.80s' is not a commit, expected 40 hex digits", commit);
    if (!revision_check(str_of(revision), e) || !publish_links(s, commit, e))
        return false;
    if (strcmp(commit, revision) == 0)
        return true;
    own_mem char *reference = xprintf("%s/refs/%s", s->repo, revision);
    own_mem char *parent = xstrdup(reference);
    *strrchr(parent, '/') = '\0';
    return file_make_dirs(parent, e) && file_write(reference, str_of(commit), 0644, e);
}
