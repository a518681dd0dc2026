/* From the end of the file to the directory, from there to the entries. */
#include "tensor/checkpoint_zip.h"
#include "base/buf.h"

#include <inttypes.h>
#include <stdlib.h>

/* Fixed parts of the records, APPNOTE.TXT 4.3.7 to 4.3.16. */
enum {
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    MAX_COMMENT = 65535,
    ZIP_NAME_BYTES = 65535,
    FLAG_ENCRYPTED = 1,
    FLAG_SIZES_FOLLOW = 8,
    EXTRA_ZIP64 = 1,
    SHOWN_NAME = 100,
};

static const uint32_t LOCAL = 0x04034b50, CENTRAL = 0x02014b50, END = 0x06054b50,
                      END64 = 0x06064b50, LOCATOR = 0x07064b50, IN_ZIP64 = 0xffffffff;

struct directory {
    uint64_t at, bytes, n;
};

static uint64_t number(const char *p, int n_bytes)
{
    uint64_t value = 0;
    for (int i = n_bytes - 1; i >= 0; i--)
        value = value << 8 | (unsigned char)p[i];
    return value;
}

static uint32_t signature(str bytes)
{
    return bytes.n >= 4 ? (uint32_t)number(bytes.p, 4) : 0;
}

bool zip_is(str bytes)
{
    return signature(bytes) == LOCAL || signature(bytes) == END;
}

/* Where the end record is: the last one whose comment reaches the end of the file. */
static bool find_end(str bytes, size_t *at)
{
    size_t least = bytes.n > END_BYTES + MAX_COMMENT ? bytes.n - END_BYTES - MAX_COMMENT : 0;
    if (bytes.n < END_BYTES)
        return false;
    for (size_t i = bytes.n - END_BYTES + 1; i-- > least;)
        if (signature(str_skip(bytes, i)) == END &&
            number(bytes.p + i + 20, 2) == bytes.n - END_BYTES - i) {
            *at = i;
            return true;
        }
    return false;
}

static bool find_directory64(str bytes, size_t locator, struct directory *d, error *e)
{
    const char *p = bytes.p + locator;
    uint64_t at = number(p + 8, 8);
    if (number(p + 4, 4) != 0 || number(p + 16, 4) > 1)
        return fail(e, ERR_BAD_MODEL, "the zip archive is spread over several disks");
    if (at > locator || locator - at < END64_BYTES || signature(str_skip(bytes, at)) != END64)
        return fail(e, ERR_BAD_MODEL, "the zip64 end record is not at byte %" PRIu64, at);
    p = bytes.p + at;
    *d = (struct directory){
        .n = number(p + 32, 8), .bytes = number(p + 40, 8), .at = number(p + 48, 8)};
    if (number(p + 16, 4) != 0 || number(p + 20, 4) != 0 || number(p + 24, 8) != d->n)
        return fail(e, ERR_BAD_MODEL, "the zip archive is spread over several disks");
    if (d->at > at || d->bytes > at - d->at)
        return fail(e, ERR_BAD_MODEL,
                    "the zip directory of %" PRIu64 " bytes at byte %" PRIu64
                    " does not fit in front of its end record at %" PRIu64,
                    d->bytes, d->at, at);
    return true;
}

static bool find_directory(str bytes, struct directory *d, error *e)
{
    size_t end;
    if (!find_end(bytes, &end))
        return fail(e, ERR_BAD_MODEL, "the zip archive has no end record: is the file cut off?");
    if (end >= LOCATOR_BYTES && signature(str_skip(bytes, end - LOCATOR_BYTES)) == LOCATOR)
        return find_directory64(bytes, end - LOCATOR_BYTES, d, e);
    const char *p = bytes.p + end;
    *d = (struct directory){
        .n = number(p + 10, 2), .bytes = number(p + 12, 4), .at = number(p + 16, 4)};
    if (number(p + 4, 2) != 0 || number(p + 6, 2) != 0 || number(p + 8, 2) != d->n)
        return fail(e, ERR_BAD_MODEL, "the zip archive is spread over several disks");
    if (d->at > end || d->bytes > end - d->at)
        return fail(e, ERR_BAD_MODEL,
                    "the zip directory of %" PRIu64 " bytes at byte %" PRIu64
                    " does not fit in front of its end record at %zu",
                    d->bytes, d->at, end);
    return true;
}

/* Takes what of the sizes and the offset is too large for 32 bits from the extra fields. */
static bool read_extra64(str extra, uint64_t *values[3])
{
    for (; extra.n >= 4; extra = str_skip(extra, 4 + number(extra.p + 2, 2))) {
        size_t size = number(extra.p + 2, 2);
        str field = str_skip(extra, 4);
        if (size > field.n)
            return false;
        if (number(extra.p, 2) != EXTRA_ZIP64)
            continue;
        field.n = size;
        for (int i = 0; i < 3; i++) {
            if (*values[i] != IN_ZIP64)
                continue;
            if (field.n < 8)
                return false;
            *values[i] = number(field.p, 8);
            field = str_skip(field, 8);
        }
        return true;
    }
    return true;
}

static int shown(str name)
{
    int n = 0;
    while (n < SHOWN_NAME && (size_t)n < name.n && name.p[n] >= ' ' && name.p[n] <= '~')
        n++;
    return n;
}

/* The local header says the same as the directory, and the data lies in front of the directory. */
static bool place_entry(struct zip_entry *entry, str bytes, const struct directory *d,
                        uint64_t size, error *e)
{
    int n = shown(entry->name);
    uint64_t at = entry->begin;
    if (at > d->at || d->at - at < LOCAL_BYTES || signature(str_skip(bytes, at)) != LOCAL)
        return fail(e, ERR_BAD_MODEL, "zip entry '%.*s' is not at byte %" PRIu64, n, entry->name.p,
                    at);
    const char *p = bytes.p + at;
    uint64_t flags = number(p + 6, 2), local_size = number(p + 18, 4);
    uint64_t behind = d->at - at - LOCAL_BYTES, name = number(p + 26, 2), extra = number(p + 28, 2);
    if (name + extra > behind || size > behind - name - extra)
        return fail(e, ERR_BAD_MODEL,
                    "zip entry '%.*s' of %" PRIu64 " bytes at byte %" PRIu64
                    " does not fit in front of the directory at %" PRIu64,
                    n, entry->name.p, size, at, d->at);
    if (!str_eq((str){p + LOCAL_BYTES, name}, entry->name) ||
        number(p + 8, 2) != (uint64_t)entry->method ||
        (!(flags & FLAG_SIZES_FOLLOW) && local_size != IN_ZIP64 && local_size != size))
        return fail(e, ERR_BAD_MODEL, "zip entry '%.*s' contradicts its local header", n,
                    entry->name.p);
    entry->data = (str){p + LOCAL_BYTES + name + extra, size};
    entry->end = at + LOCAL_BYTES + name + extra + size;
    return true;
}

/* One record of the directory; *at moves behind it. */
static bool read_entry(struct zip_entry *entry, str bytes, const struct directory *d, uint64_t *at,
                       error *e)
{
    uint64_t left = d->at + d->bytes - *at;
    if (left < CENTRAL_BYTES || signature(str_skip(bytes, *at)) != CENTRAL)
        return fail(e, ERR_BAD_MODEL, "the zip directory is broken at byte %" PRIu64, *at);
    const char *p = bytes.p + *at;
    size_t name = number(p + 28, 2), extra = number(p + 30, 2), comment = number(p + 32, 2);
    if (name + extra + comment > left - CENTRAL_BYTES)
        return fail(e, ERR_BAD_MODEL, "the zip directory is cut off at byte %" PRIu64, *at);
    uint64_t stored = number(p + 20, 4), size = number(p + 24, 4), begin = number(p + 42, 4);
    *entry =
        (struct zip_entry){.name = {p + CENTRAL_BYTES, name}, .method = (int)number(p + 10, 2)};
    if (!read_extra64((str){p + CENTRAL_BYTES + name, extra},
                      (uint64_t *[3]){&size, &stored, &begin}))
        return fail(e, ERR_BAD_MODEL, "zip entry '%.*s' has broken extra fields",
                    shown(entry->name), entry->name.p);
    if (number(p + 8, 2) & FLAG_ENCRYPTED)
        return fail(e, ERR_BAD_MODEL, "zip entry '%.*s' is encrypted", shown(entry->name),
                    entry->name.p);
    if (entry->method == 0 && size != stored)
        return fail(e, ERR_BAD_MODEL,
                    "zip entry '%.*s' is not compressed, but has %" PRIu64 " bytes in %" PRIu64,
                    shown(entry->name), entry->name.p, size, stored);
    entry->begin = begin;
    *at += CENTRAL_BYTES + name + extra + comment;
    return place_entry(entry, bytes, d, stored, e);
}

static int by_place(const void *left, const void *right)
{
    const struct zip_entry *a = left, *b = right;
    return (a->begin > b->begin) - (a->begin < b->begin);
}

/* Sorted by place, each ends before the next begins, and no name is there twice. */
static bool check_entries(zip_archive *z, error *e)
{
    if (z->n)
        qsort(z->entries, z->n, sizeof *z->entries, by_place);
    for (size_t i = 0; i < z->n; i++) {
        const struct zip_entry *entry = &z->entries[i];
        struct map_slot *slot = map_add(&z->by_name, entry->name);
        if (slot->value.pointer)
            return fail(e, ERR_BAD_MODEL, "zip entry '%.*s' is there twice", shown(entry->name),
                        entry->name.p);
        slot->value.pointer = &z->entries[i];
        if (i + 1 < z->n && entry[1].begin < entry->end)
            return fail(e, ERR_BAD_MODEL, "zip entries '%.*s' and '%.*s' overlap",
                        shown(entry->name), entry->name.p, shown(entry[1].name), entry[1].name.p);
    }
    return true;
}

bool zip_read(zip_archive *z, str bytes, error *e)
{
    struct directory d = {0};
    zip_archive made = {0};
    if (!find_directory(bytes, &d, e))
        return false;
    if (d.n > ZIP_ENTRIES || d.n > d.bytes / CENTRAL_BYTES)
        return fail(e, ERR_BAD_MODEL,
                    "the zip directory of %" PRIu64 " bytes has %" PRIu64
                    " entries, at most %d are allowed",
                    d.bytes, d.n, ZIP_ENTRIES);
    made.entries = calloc(d.n + 1, sizeof *made.entries);
    if (!made.entries)
        return fail(e, ERR_IO, "no memory for %" PRIu64 " zip entries", d.n);
    map_init(&made.by_name, d.n);
    bool good = true;
    for (uint64_t at = d.at; good && made.n < d.n; made.n++)
        good = read_entry(&made.entries[made.n], bytes, &d, &at, e);
    if (!good || !check_entries(&made, e)) {
        zip_release(&made);
        return false;
    }
    *z = made;
    return true;
}

void zip_release(zip_archive *z)
{
    if (!z)
        return;
    map_release(&z->by_name);
    free(z->entries);
    *z = (zip_archive){0};
}

bool zip_find(const zip_archive *z, str prefix, str name, str *data, error *e)
{
    own_buf buf whole = buf_new(ZIP_NAME_BYTES);
    buf_str(&whole, prefix);
    buf_str(&whole, name);
    const struct zip_entry *entry = whole.full ? NULL : map_get(&z->by_name, buf_view(&whole));
    if (entry && entry->method != 0)
        return fail(e, ERR_BAD_MODEL, "zip entry '%.*s' is compressed, expected a stored one",
                    shown(entry->name), entry->name.p);
    *data = entry ? entry->data : (str){0};
    return true;
}
