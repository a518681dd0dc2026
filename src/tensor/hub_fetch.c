/* Worker threads take file after file; each has its own connection and its own blocking transfer.
 * The caller's thread only watches: it reports, and passes a cancellation on. The first failure
 * stops the others, which leave what they have for the next run. */
#include "tensor/hub_fetch.h"
#include "base/file.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

enum {
    STATUS_EVERY_MS = 100,
    DISK_RESERVE_BYTES = 16 << 20 /* left free for links and other programs */
};

/* What the threads share. */
struct shared {
    const hub_fetch *f;
    const hub_file **todo; /* one file per content */
    int n_todo;
    atomic_int next; /* index of the next file to take */
    atomic_bool stop;
    atomic_int n_files_done, n_present, n_retries;
    _Atomic int64_t bytes_done, bytes_received;

    pthread_mutex_t lock; /* of the following */
    pthread_cond_t ended;
    int n_running;
    error first;
};

/* One file on its way. */
struct transfer {
    struct shared *shared;
    const hub_file *file;
    download *d;
    int fd;          /* blobs/ETAG.incomplete */
    int64_t have;    /* bytes in it */
    bool resumed;    /* some of them from another reply than the rest */
    bool wrong_size; /* more bytes came than the content has */
};

static void add_bytes_done(struct shared *s, int64_t n)
{
    atomic_fetch_add(&s->bytes_done, n);
}

static bool start_over(struct transfer *t, error *e)
{
    if (ftruncate(t->fd, 0) < 0 || lseek(t->fd, 0, SEEK_SET) < 0)
        return fail_errno(e, ERR_IO, "cannot write '%s'", t->file->path);
    add_bytes_done(t->shared, -t->have);
    t->have = 0;
    t->resumed = false;
    return true;
}

static bool on_head(void *arg, const download_reply *reply, error *e)
{
    struct transfer *t = arg;
    if (reply->status == 206 && reply->first_byte == t->have)
        return true;
    if (reply->status == 206)
        return fail(e, ERR_BAD_GATEWAY, "the hub sends byte %lld, expected %lld",
                    (long long)reply->first_byte, (long long)t->have);
    return start_over(t, e); /* the whole content */
}

static bool on_body(void *arg, str piece, error *e)
{
    struct transfer *t = arg;
    t->wrong_size = (int64_t)piece.n > t->file->size_bytes - t->have;
    if (t->wrong_size)
        return fail(e, ERR_INVALID, "the content has more than the expected %lld bytes",
                    (long long)t->file->size_bytes);
    while (piece.n) {
        ssize_t done = write(t->fd, piece.p, piece.n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail_errno(e, errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_IO,
                              "cannot write '%s'", t->file->path);
        piece = str_skip(piece, (size_t)done);
        t->have += done;
        add_bytes_done(t->shared, done);
        atomic_fetch_add(&t->shared->bytes_received, done);
    }
    return true;
}

/* One try. False with an error, or true: `*refused` says whether it was a refusal. */
static bool try_once(struct transfer *t, const char *url, download_reply *reply, bool *refused,
                     error *e)
{
    download_request request = {.url = url,
                                .token = t->shared->f->client->token,
                                .offset = t->have,
                                .on_head = on_head,
                                .on_body = on_body,
                                .arg = t};
    int64_t before = t->have;
    t->resumed = t->resumed || before > 0;
    if (!download_get(t->d, &request, reply, e))
        return false;
    *refused = reply->status != 200 && reply->status != 206;
    if (reply->status == 416 && before > 0)
        return start_over(t, e);
    bool is_short = !*refused && t->have < t->file->size_bytes;
    t->wrong_size = is_short && reply->length >= 0; /* it is all there is; else, who knows */
    if (t->wrong_size)
        return fail(e, ERR_INVALID, "the content has %lld bytes, expected %lld", (long long)t->have,
                    (long long)t->file->size_bytes);
    if (is_short)
        return fail(e, ERR_BAD_GATEWAY, "the content ended after %lld of %lld bytes",
                    (long long)t->have, (long long)t->file->size_bytes);
    return true;
}

/* Transfers until all bytes are there. Failures count in a row: a connection that breaks again and
 * again, but brings some bytes each time, gets through. */
static bool receive(struct transfer *t, error *e)
{
    const hub_fetch *f = t->shared->f;
    own_mem char *url = hub_client_file_url(f->client, f->id, f->files->commit, t->file->path);
    int64_t best = t->have; /* the most bytes that were there, even if thrown away since */
    for (int failures = 0; t->have < t->file->size_bytes;) {
        error broken = {0};
        download_reply reply;
        bool refused = false;
        bool whole = try_once(t, url, &reply, &refused, &broken);
        if (whole && !refused)
            continue;
        bool may_pass = whole ? reply.status == 416 || download_status_may_pass(reply.status)
                              : broken.kind == ERR_UNAVAILABLE || broken.kind == ERR_BAD_GATEWAY;
        failures = t->have > best ? 1 : failures + 1;
        best = t->have > best ? t->have : best;
        if (may_pass) {
            atomic_fetch_add(&t->shared->n_retries, 1);
            if (download_wait(t->d, failures, whole ? &reply : NULL, &broken))
                continue;
        }
        return whole && !broken.kind ? hub_client_refused(f->client, f->id, f->revision, &reply, e)
                                     : fail(e, broken.kind, "%s", broken.message);
    }
    return true;
}

/* Opens blobs/ETAG.incomplete at its end. */
static bool open_partial(struct transfer *t, error *e)
{
    own_mem char *path = snapshot_partial_path(t->shared->f->to, t->file->etag);
    t->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    off_t end = t->fd < 0 ? -1 : lseek(t->fd, 0, SEEK_END);
    if (end < 0)
        return fail_errno(e, ERR_IO, "cannot open '%s'", path);
    t->have = end;
    t->resumed = end > 0;
    add_bytes_done(t->shared, end);
    return t->have <= t->file->size_bytes || start_over(t, e);
}

/* From what is there to a blob in place. *wrong: all bytes came, and they are not the content. */
static bool fetch_attempt(struct transfer *t, bool *wrong, error *e)
{
    const snapshot *to = t->shared->f->to;
    bool good = open_partial(t, e) && receive(t, e);
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    *wrong = t->wrong_size;
    if (good) {
        good = snapshot_keep_blob(to, t->file->etag, t->file->size_bytes, e);
        *wrong = !good && e->kind == ERR_BAD_GATEWAY;
    }
    if (*wrong) {
        own_mem char *partial = snapshot_partial_path(to, t->file->etag);
        unlink(partial);
        add_bytes_done(t->shared, -t->have);
    }
    return good;
}

/* Wrong content that is patched together may be the fault of one of the parts: it gets one more
 * chance from the start. */
static bool fetch_content(struct transfer *t, error *e)
{
    for (int attempt = 0;; attempt++) {
        error failed = {0};
        bool wrong = false;
        *t = (struct transfer){.shared = t->shared, .file = t->file, .d = t->d, .fd = -1};
        if (fetch_attempt(t, &wrong, &failed))
            return true;
        if (!wrong || !t->resumed || attempt > 0)
            return fail(e, failed.kind, "%s", failed.message);
        atomic_fetch_add(&t->shared->n_retries, 1);
    }
}

static bool fetch_file(struct shared *s, download *d, const hub_file *file, error *e)
{
    own_fd int lock = snapshot_lock_blob(s->f->to, file->etag, e);
    struct transfer t = {.shared = s, .file = file, .d = d};
    if (lock < 0)
        return fail_in(e, "'%s' is being downloaded by another program", file->path);
    if (snapshot_has_blob(s->f->to, file->etag, file->size_bytes)) {
        add_bytes_done(s, file->size_bytes);
        atomic_fetch_add(&s->n_present, 1);
    } else if (!fetch_content(&t, e)) {
        return fail_in(e, "cannot download '%s'", file->path);
    }
    atomic_fetch_add(&s->n_files_done, 1);
    return true;
}

static void *work(void *arg)
{
    struct shared *s = arg;
    error e = {0};
    download *d = download_new(&s->stop, &e);
    while (d && !e.kind && !atomic_load(&s->stop)) {
        int i = atomic_fetch_add(&s->next, 1);
        if (i >= s->n_todo)
            break;
        fetch_file(s, d, s->todo[i], &e);
    }
    download_free(d);
    pthread_mutex_lock(&s->lock);
    if (e.kind) {
        fail(&s->first, e.kind, "%s", e.message);
        atomic_store(&s->stop, true);
    }
    s->n_running--;
    pthread_cond_signal(&s->ended);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static hub_fetch_status status_now(struct shared *s, int64_t bytes)
{
    return (hub_fetch_status){.n_files = s->n_todo,
                              .n_files_done = atomic_load(&s->n_files_done),
                              .n_present = atomic_load(&s->n_present),
                              .bytes = bytes,
                              .bytes_done = atomic_load(&s->bytes_done),
                              .bytes_received = atomic_load(&s->bytes_received),
                              .n_retries = atomic_load(&s->n_retries)};
}

/* Until the last thread has ended. */
static void watch(struct shared *s, int64_t bytes)
{
    const hub_fetch *f = s->f;
    pthread_mutex_lock(&s->lock);
    while (s->n_running > 0) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += STATUS_EVERY_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&s->ended, &s->lock, &until);
        if (f->cancelled && atomic_load(f->cancelled))
            atomic_store(&s->stop, true);
        pthread_mutex_unlock(&s->lock);
        if (f->on_status) {
            hub_fetch_status now = status_now(s, bytes);
            f->on_status(f->arg, &now);
        }
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

static bool run_threads(struct shared *s, int64_t bytes, error *e)
{
    pthread_t threads[HUB_FETCH_MAX_JOBS];
    int wanted = s->f->n_jobs < s->n_todo ? s->f->n_jobs : s->n_todo, started = 0;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->ended, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&s->lock, NULL);
    s->n_running = wanted;
    while (started < wanted && pthread_create(&threads[started], NULL, work, s) == 0)
        started++;
    pthread_mutex_lock(&s->lock);
    s->n_running -= wanted - started;
    pthread_mutex_unlock(&s->lock);
    watch(s, bytes);
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_cond_destroy(&s->ended);
    pthread_mutex_destroy(&s->lock);
    if (started == 0 && wanted > 0)
        return fail(e, ERR_IO, "cannot start a thread");
    if (s->first.kind)
        return fail(e, s->first.kind, "%s", s->first.message);
    return atomic_load(&s->n_files_done) == s->n_todo || fail(e, ERR_CANCELLED, "cancelled");
}

/* Large files first, so that the last ones to finish are small. */
static int by_size(const void *a, const void *b)
{
    int64_t x = (*(const hub_file *const *)a)->size_bytes;
    int64_t y = (*(const hub_file *const *)b)->size_bytes;
    return (y > x) - (y < x);
}

/* Adds every file to the snapshot, and every content once to s->todo. */
static bool plan(struct shared *s, int64_t *bytes, error *e)
{
    const hub_revision *r = s->f->files;
    map seen;
    bool good = true;
    map_init(&seen, (size_t)r->n_files);
    for (int i = 0; i < r->n_files && good; i++) {
        const hub_file *file = &r->files[i];
        good = snapshot_add_blob(s->f->to, file->path, file->etag, e);
        if (!good || map_find(&seen, str_of(file->etag)))
            continue;
        map_add(&seen, str_of(file->etag));
        s->todo[s->n_todo++] = file;
        if (__builtin_add_overflow(*bytes, file->size_bytes, bytes))
            good = fail(e, ERR_INVALID, "the sizes of the files add up to more than 2^63");
    }
    map_release(&seen);
    if (s->n_todo > 0)
        qsort(s->todo, (size_t)s->n_todo, sizeof(*s->todo), by_size);
    return good || fail_in(e, "the hub's list of files is not good");
}

static bool check_room(const struct shared *s, error *e)
{
    int64_t needed = 0;
    own_mem char *blobs = snapshot_blob_path(s->f->to, "");
    for (int i = 0; i < s->n_todo; i++) {
        const hub_file *file = s->todo[i];
        own_mem char *blob = snapshot_blob_path(s->f->to, file->etag);
        own_mem char *partial = snapshot_partial_path(s->f->to, file->etag);
        int64_t begun = file_size(partial);
        if (file_size(blob) != file->size_bytes)
            needed +=
                begun > 0 && begun < file->size_bytes ? file->size_bytes - begun : file->size_bytes;
    }
    struct statvfs disk;
    if (needed == 0 || statvfs(blobs, &disk) < 0)
        return true;
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free_bytes >= (uint64_t)needed + DISK_RESERVE_BYTES)
        return true;
    return fail(e, ERR_NO_SPACE,
                "%lld MB are to be downloaded, and the disk of '%s' has %llu MB free",
                (long long)(needed / 1000000), blobs, (unsigned long long)(free_bytes / 1000000));
}

bool hub_fetch_run(const hub_fetch *f, hub_fetch_status *end, error *e)
{
    int64_t bytes = 0;
    own_mem const hub_file **todo = xcalloc((size_t)f->files->n_files + 1, sizeof(*todo));
    struct shared s = {.f = f, .todo = todo};
    atomic_store(&s.stop, f->cancelled && atomic_load(f->cancelled));
    bool good = plan(&s, &bytes, e) && check_room(&s, e) && run_threads(&s, bytes, e);
    *end = status_now(&s, bytes);
    if (f->on_status)
        f->on_status(f->arg, end);
    return good;
}
