/* The file: a header, records of the items, their names, then the items from a multiple of 4096
 * bytes on, all in the machine's byte order.
 *
 * It is written in pieces of several MB: then file systems that can keep it in huge pages, and
 * products read it two to three times as fast as from small ones (bench/kernels/README.md). */
#include "tensor/prepared.h"
#include "base/cache_file.h"
#include "base/memory.h"
#include "base/own.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

enum {
    VERSION = 1,
    DATA_ALIGN = 4096,
    ITEM_ALIGN = 64,
    PIECE_BYTES = 4 << 20,
    PORTION_BYTES = 4 << 20,
    MAX_ITEMS = 1 << 20,
    MAX_NAME = 1024,
};
static const uint64_t MAGIC = UINT64_C(0x31505250444E4649); /* "IFNDPRP1", in this byte order */
static const uint64_t FILE_MAX = UINT64_C(1) << 44;

struct header {
    uint64_t magic, version, size, checksum; /* of header (with 0 here), records and names */
    uint64_t n_items, names_bytes, data;     /* where the items begin */
    char id[72];
};

struct record {
    uint64_t offset, size, checksum;
    uint32_t name, name_length; /* in the names */
};

static uint64_t round_up(uint64_t n, uint64_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

/* Of all that stands in front of the items. */
static uint64_t head_checksum(const struct header *h, const void *rest, size_t n)
{
    struct header plain = *h;
    plain.checksum = 0;
    return cache_file_checksum(&plain, sizeof plain) * 3 ^ cache_file_checksum(rest, n);
}

/* --- reading --- */

static const struct record *records_of(const prepared *p)
{
    return (const struct record *)(p->file.p + sizeof(struct header));
}

static bool header_is_right(const file_map *m, const char *id)
{
    const struct header *h = (const struct header *)m->p;
    if (h->magic != MAGIC || h->version != VERSION || h->size != m->n ||
        memcmp(h->id, id, SHA256_HEX) != 0 || h->n_items > MAX_ITEMS ||
        h->names_bytes > MAX_ITEMS * (uint64_t)MAX_NAME || h->data > m->n || h->data % DATA_ALIGN)
        return false;
    uint64_t rest = h->n_items * sizeof(struct record) + h->names_bytes;
    return sizeof *h + rest <= h->data &&
           head_checksum(h, m->p + sizeof *h, (size_t)rest) == h->checksum;
}

static bool index_items(prepared *p)
{
    const struct header *h = (const struct header *)p->file.p;
    const struct record *r = records_of(p);
    const char *names = (const char *)(r + h->n_items);
    map_init(&p->by_name, (size_t)h->n_items);
    for (uint64_t i = 0; i < h->n_items; i++, r++) {
        if (r->name > h->names_bytes || r->name_length > h->names_bytes - r->name ||
            r->offset < h->data || r->offset % ITEM_ALIGN || r->offset > h->size ||
            r->size > h->size - r->offset)
            return false;
        map_add(&p->by_name, (str){names + r->name, r->name_length})->value.pointer =
            (void *)(uintptr_t)r;
    }
    return true;
}

bool prepared_open(prepared *p, const char *path, const char id[SHA256_HEX])
{
    prepared made = {0};
    if (!cache_file_map(&made.file, path, sizeof(struct header), FILE_MAX, false))
        return false;
    madvise((void *)(uintptr_t)made.file.p, made.file.n, MADV_HUGEPAGE); /* if it is read anew */
    if (header_is_right(&made.file, id) && index_items(&made)) {
        *p = made;
        return true;
    }
    prepared_release(&made);
    return false;
}

void prepared_release(prepared *p)
{
    map_release(&p->by_name);
    file_unmap(&p->file);
}

const void *prepared_find(const prepared *p, str name, size_t size)
{
    const struct record *r = p->file.n ? map_get(&p->by_name, name) : NULL;
    return r && r->size == size ? p->file.p + r->offset : NULL;
}

bool prepared_is_sound(const prepared *p)
{
    const struct header *h = (const struct header *)p->file.p;
    const struct record *r = records_of(p);
    for (uint64_t i = 0; i < h->n_items; i++)
        if (cache_file_checksum(p->file.p + r[i].offset, r[i].size) != r[i].checksum)
            return false;
    return true;
}

/* --- writing --- */

/* A file being written, a piece at a time. */
struct output {
    cache_writer file;
    char *piece; /* [PIECE_BYTES] */
    size_t used;
    uint64_t at;
};

static bool flush(struct output *o, error *e)
{
    size_t n = o->used;
    o->used = 0;
    return cache_writer_add(&o->file, o->piece, n, e);
}

/* NULL is zeros. */
static bool put(struct output *o, const void *bytes, size_t n, error *e)
{
    const char *from = bytes;
    o->at += n;
    while (n) {
        size_t now = PIECE_BYTES - o->used < n ? PIECE_BYTES - o->used : n;
        if (from)
            memcpy(o->piece + o->used, from, now);
        else
            memset(o->piece + o->used, 0, now);
        from = from ? from + now : NULL;
        n -= now;
        o->used += now;
        if (o->used == PIECE_BYTES && !flush(o, e))
            return false;
    }
    return true;
}

static size_t largest(const prepared_part *parts, int n)
{
    size_t most = 0;
    for (int i = 0; i < n; i++)
        most = parts[i].size > most ? parts[i].size : most;
    return most;
}

/* Before a byte is written: a disk that fills up hurts other programs too. */
static bool check_room(const char *path, const prepared_part *parts, int n, error *e)
{
    struct statvfs disk;
    uint64_t wanted = 0;
    for (int i = 0; i < n; i++)
        if (__builtin_add_overflow(wanted, (uint64_t)parts[i].size, &wanted) ||
            __builtin_add_overflow(wanted, (uint64_t)ITEM_ALIGN, &wanted))
            wanted = UINT64_MAX;
    own_mem char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    if (statvfs(slash ? folder : ".", &disk) != 0)
        return fail_errno(e, ERR_IO, "cannot look at '%s'", folder);
    uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
    return wanted <= room ||
           fail(e, ERR_NO_SPACE, "'%s' needs %" PRIu64 " bytes, the disk has room for %" PRIu64,
                path, wanted, room);
}

/* Pieces that are made while the portion before is written: of some whole parts, or some of one
 * large part, which stays where it is until its last portion is written. */
struct portion {
    int part, n_parts, piece, n_pieces;
    char *room;        /* of the first part; each is at a multiple of ITEM_ALIGN */
    size_t begin, end; /* bytes of a large part to be written */
};

struct writing {
    struct output *out;
    struct record *records;
    const prepared_part *parts;
    const prepared_maker *maker;
    struct portion making, done; /* n_pieces 0: none */
    pthread_mutex_t lock;
    bool failed; /* under the lock, as is e */
    error *e;
};

static bool is_large(const prepared_part *part)
{
    return part->size > PORTION_BYTES;
}

/* What is made after p; false at the end. rooms: taken in turns. */
static bool next_portion(const struct writing *w, struct portion *p, int n, char *const rooms[2])
{
    const prepared_maker *m = w->maker;
    int end = p->piece + p->n_pieces;
    bool goes_on = p->n_pieces && is_large(&w->parts[p->part]) && end < m->pieces(m->arg, p->part);
    if (goes_on) {
        *p = (struct portion){p->part, 1, end, 0, p->room, p->end, p->end};
    } else {
        p->room = p->room == rooms[0] ? rooms[1] : rooms[0];
        *p = (struct portion){.part = p->part + p->n_parts, .room = p->room};
    }
    if (p->part == n)
        return false;
    if (is_large(&w->parts[p->part])) {
        int pieces = m->pieces(m->arg, p->part);
        for (p->n_parts = 1; p->piece + p->n_pieces < pieces;) {
            int now = p->piece + ++p->n_pieces;
            p->end = now < pieces ? m->begin(m->arg, p->part, now) : w->parts[p->part].size;
            if (p->end - p->begin >= PORTION_BYTES)
                break;
        }
        return true;
    }
    size_t bytes = 0;
    for (int i = p->part; i < n; i++) {
        bytes += round_up(w->parts[i].size, ITEM_ALIGN);
        if (i > p->part && bytes > PORTION_BYTES)
            break;
        p->n_parts++;
        p->n_pieces += m->pieces(m->arg, i);
    }
    return true;
}

static bool write_part(const struct writing *w, int i, const char *made, size_t begin, size_t end,
                       error *e)
{
    struct output *o = w->out;
    struct record *r = &w->records[i];
    if (begin == 0) {
        if (!put(o, NULL, round_up(o->at, ITEM_ALIGN) - o->at, e))
            return false;
        r->offset = o->at;
        r->size = w->parts[i].size;
    }
    if (end == r->size)
        r->checksum = cache_file_checksum(made, r->size);
    return put(o, made + begin, end - begin, e);
}

static bool write_portion(const struct writing *w, error *e)
{
    const struct portion *p = &w->done;
    if (p->n_pieces && is_large(&w->parts[p->part]))
        return write_part(w, p->part, p->room, p->begin, p->end, e);
    const char *made = p->room;
    for (int i = p->part; p->n_pieces && i < p->part + p->n_parts; i++) {
        if (!write_part(w, i, made, 0, w->parts[i].size, e))
            return false;
        made += round_up(w->parts[i].size, ITEM_ALIGN);
    }
    return true;
}

static bool make_piece(const struct writing *w, int piece, error *e)
{
    const prepared_maker *m = w->maker;
    const struct portion *p = &w->making;
    char *room = p->room;
    int i = p->part;
    for (piece += p->piece; piece >= m->pieces(m->arg, i); i++) {
        piece -= m->pieces(m->arg, i);
        room += round_up(w->parts[i].size, ITEM_ALIGN);
    }
    return m->make(m->arg, i, piece, room, e);
}

/* Index 0 writes what was made before. */
static void run_job(void *arg, int index, int thread)
{
    (void)thread;
    struct writing *w = arg;
    error e = {0};
    pthread_mutex_lock(&w->lock);
    bool ok = !w->failed;
    pthread_mutex_unlock(&w->lock);
    if (!ok || (index ? make_piece(w, index - 1, &e) : write_portion(w, &e)))
        return;
    pthread_mutex_lock(&w->lock);
    if (!w->failed)
        *w->e = e;
    w->failed = true;
    pthread_mutex_unlock(&w->lock);
}

static bool write_parts(struct output *o, struct record *records, const prepared_part *parts, int n,
                        const prepared_maker *maker, team *t, error *e)
{
    size_t room = round_up(larger(largest(parts, n), PORTION_BYTES) + ITEM_ALIGN, ITEM_ALIGN);
    own_mem char *first = aligned_alloc(ITEM_ALIGN, room);
    own_mem char *second = aligned_alloc(ITEM_ALIGN, room);
    error found = {0};
    struct writing w = {o, records, parts, maker, .lock = PTHREAD_MUTEX_INITIALIZER, .e = &found};
    if (!first || !second)
        return fail(e, ERR_IO, "no memory for %zu bytes", room);
    for (bool more = true; more && !w.failed;) {
        w.done = w.making;
        more = next_portion(&w, &w.making, n, (char *const[]){first, second});
        team_run(t, 1 + w.making.n_pieces, run_job, &w);
    }
    return w.failed ? fail(e, found.kind, "%s", found.message) : flush(o, e);
}

static bool write_file(struct output *o, const char *id, const prepared_part *parts, int n,
                       const prepared_maker *maker, team *t, error *e)
{
    struct header h = {.magic = MAGIC, .version = VERSION, .n_items = (uint64_t)n};
    own_buf buf head = buf_new(SIZE_MAX / 2);
    size_t records_bytes = (size_t)n * sizeof(struct record);
    own_mem struct record *records = xcalloc((size_t)n + 1, sizeof *records);
    own_buf buf names = buf_new(SIZE_MAX / 2);
    memcpy(h.id, id, SHA256_HEX);
    for (int i = 0; i < n; i++) {
        records[i].name = (uint32_t)names.n;
        records[i].name_length = (uint32_t)strlen(parts[i].name);
        buf_puts(&names, parts[i].name);
    }
    h.names_bytes = names.n;
    h.data = round_up(sizeof h + records_bytes + names.n, DATA_ALIGN);
    if (!put(o, NULL, h.data, e) || !write_parts(o, records, parts, n, maker, t, e))
        return false;
    h.size = o->at;
    buf_add(&head, records, records_bytes);
    buf_str(&head, buf_view(&names));
    h.checksum = head_checksum(&h, head.p, head.n);
    return cache_writer_put(&o->file, 0, &h, sizeof h, e) &&
           cache_writer_put(&o->file, sizeof h, head.p, head.n, e) &&
           cache_writer_done(&o->file, true, e);
}

bool prepared_write(const char *path, const char id[SHA256_HEX], const prepared_part *parts,
                    int n_parts, const prepared_maker *maker, team *t, error *e)
{
    if (!check_room(path, parts, n_parts, e))
        return false;
    struct output o = {.piece = malloc(PIECE_BYTES)};
    bool ok = o.piece ? cache_writer_open(&o.file, path, e)
                      : fail(e, ERR_IO, "no memory for a piece of a file");
    ok = ok && write_file(&o, id, parts, n_parts, maker, t, e);
    if (o.piece)
        cache_writer_drop(&o.file);
    free(o.piece);
    return ok;
}
