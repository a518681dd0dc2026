/* The file: a header, then sections at multiples of 64 bytes, in the machine's byte order. Strings
 * of the JSON document that are long (character maps) are a section of their own, and stand in the
 * JSON as {"": [offset, length]}, because the parser is slow with them. */
#include "tokenizers/document_cache.h"

#include "base/cache_dir.h"
#include "base/cache_file.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "base/utf8.h"

#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

enum section {
    SECTION_ROOT,
    SECTION_TEXTS,
    SECTION_BYTES,
    SECTION_BEGIN,
    SECTION_IDS,
    SECTION_SCORES,
    SECTION_TOKEN_OF_ID,
    SECTION_SLOTS,
    SECTION_MERGES,
    N_SECTIONS,
};

enum { VERSION = 3, ALIGNMENT = 64, LONG_TEXT = 4096, SMALL_SOURCES = 1 << 20, MAX_DEPTH = 220 };
static const uint64_t MAGIC = UINT64_C(0x314B4F5444464E49); /* "INFDTOK1", in this byte order */
static const uint64_t FILE_MAX = UINT64_C(1) << 32;

struct header {
    uint64_t magic, version, size, checksum; /* of the file with 0 here */
    char id[72];
    int32_t n, n_distinct, n_ids, n_symbols;
    uint32_t longest, mask, n_merges, merges_mask;
    uint32_t merges_given;
    struct section_place {
        uint64_t offset, size;
    } sections[N_SECTIONS];
};

static uint64_t file_checksum(const struct header *h, const char *rest, size_t n)
{
    struct header plain = *h;
    plain.checksum = 0;
    return cache_file_checksum(&plain, sizeof plain) * 3 ^ cache_file_checksum(rest, n);
}

void cache_key_init(cache_key *key, const char *const files[], str recipe)
{
    char name[SHA256_HEX];
    own_buf buf places = buf_new(1 << 20), state = buf_new(1 << 20);
    int64_t size = 0;
    key->path[0] = '\0';
    for (int i = 0; files[i]; i++) {
        struct stat s;
        own_mem char *path = realpath(files[i], NULL);
        if (!path || stat(path, &s) != 0 || !cache_file_state(&state, path))
            return;
        size += s.st_size;
        buf_printf(&places, "%s\n", path);
    }
    if (size < SMALL_SOURCES)
        return;
    const char *slash = strrchr(files[0], '/');
    own_mem char *source =
        xprintf("%.*s", slash ? (int)(slash - files[0]) : 1, slash ? files[0] : ".");
    own_mem char *folder = cache_dir_of(source);
    char recipe_hash[SHA256_HEX];
    sha256_hex(recipe, recipe_hash);
    buf_puts(&state, recipe_hash);
    sha256_hex(buf_view(&state), key->id);
    sha256_hex(buf_view(&places), name);
    if (!folder || places.full || state.full ||
        snprintf(key->path, sizeof key->path, "%s/tokenizer-%.16s", folder, name) >=
            (int)sizeof key->path)
        key->path[0] = '\0';
}

static bool header_is_right(const struct header *h, const file_map *m, const cache_key *key)
{
    if (h->magic != MAGIC || h->version != VERSION || h->size != m->n ||
        memcmp(h->id, key->id, SHA256_HEX) != 0)
        return false;
    for (int i = 0; i < N_SECTIONS; i++) {
        struct section_place place = h->sections[i];
        if (place.offset % ALIGNMENT || place.offset < sizeof *h || place.offset > m->n ||
            place.size > m->n - place.offset)
            return false;
    }
    return file_checksum(h, m->p + sizeof *h, m->n - sizeof *h) == h->checksum;
}

/* The section as an array; NULL when it does not have this many. */
static const void *array(const struct header *h, enum section which, uint64_t n, size_t size)
{
    struct section_place place = h->sections[which];
    return place.size == n * size ? (const char *)h + place.offset : NULL;
}

static bool tokens_are_right(const vocab *v)
{
    if (v->begin[0] != 0 || v->begin[v->n] != v->n_bytes ||
        utf8_valid_prefix((str){v->bytes, v->n_bytes}) != v->n_bytes)
        return false;
    uint32_t bad = 0;
    for (int i = 0; i < v->n; i++) {
        bad |= v->begin[i] > v->begin[i + 1];
        bad |= (uint32_t)v->ids[i] >= (uint32_t)v->n_symbols;
    }
    for (int i = 0; i < v->n && !bad; i++)
        bad |= v->begin[i] < v->n_bytes && (v->bytes[v->begin[i]] & 0xC0) == 0x80;
    for (int i = 0; i < v->n_symbols; i++)
        bad |= v->token_of_id[i] < VOCAB_ABSENT || v->token_of_id[i] >= v->n;
    return !bad;
}

/* A free slot ends every search, so there must be one. */
static bool slots_are_right(const vocab *v)
{
    bool bad = false, has_free = false;
    for (size_t i = 0; i <= v->mask; i++) {
        has_free |= v->slots[i].token == 0;
        bad |= (uint32_t)v->slots[i].token > (uint32_t)v->n;
    }
    return has_free && !bad;
}

static bool merges_are_right(const merges *m, int n_symbols)
{
    bool bad = false, has_free = false;
    for (size_t i = 0; i <= m->mask; i++) {
        has_free |= m->slots[i].rank == MERGE_FREE;
        bad |= m->slots[i].rank != MERGE_FREE && m->slots[i].id >= (uint32_t)n_symbols;
    }
    return has_free && !bad;
}

static bool is_power_of_two(uint64_t n)
{
    return n && (n & (n - 1)) == 0;
}

static bool take_vocab(const struct header *h, vocab *v)
{
    if (h->n < 0 || h->n > VOCAB_MAX_TOKENS || h->n_ids < 0 || h->n_symbols < h->n_ids ||
        h->n_distinct < 0 || h->n_distinct > h->n || !is_power_of_two((uint64_t)h->mask + 1))
        return false;
    uint64_t n_scores = h->sections[SECTION_SCORES].size ? (uint64_t)h->n : 0;
    *v = (vocab){
        .mapped = true,
        .n = h->n,
        .n_distinct = h->n_distinct,
        .n_ids = h->n_ids,
        .n_symbols = h->n_symbols,
        .longest = h->longest,
        .mask = h->mask,
        .n_bytes = h->sections[SECTION_BYTES].size,
        .bytes = (char *)array(h, SECTION_BYTES, h->sections[SECTION_BYTES].size, 1),
        .begin = (uint32_t *)array(h, SECTION_BEGIN, (uint64_t)h->n + 1, sizeof *v->begin),
        .ids = (int32_t *)array(h, SECTION_IDS, (uint64_t)h->n, sizeof *v->ids),
        .scores = (double *)array(h, SECTION_SCORES, n_scores, sizeof *v->scores),
        .token_of_id = (int32_t *)array(h, SECTION_TOKEN_OF_ID, (uint64_t)h->n_symbols,
                                        sizeof *v->token_of_id),
        .slots =
            (struct vocab_slot *)array(h, SECTION_SLOTS, (uint64_t)h->mask + 1, sizeof *v->slots),
    };
    if (!v->begin || !v->ids || !v->scores || !v->token_of_id || !v->slots)
        return false;
    if (n_scores == 0)
        v->scores = NULL;
    return tokens_are_right(v) && slots_are_right(v);
}

static bool take_merges(const struct header *h, merges *m)
{
    *m = (merges){.given = h->merges_given == 1, .mapped = true, .n = h->n_merges};
    if (!m->given)
        return true;
    m->mask = h->merges_mask;
    m->slots = (struct merge *)array(h, SECTION_MERGES, (uint64_t)m->mask + 1, sizeof *m->slots);
    return m->slots && is_power_of_two((uint64_t)m->mask + 1) && merges_are_right(m, h->n_symbols);
}

/* The text that {"": [offset, length]} stands for, as a new value; NULL when it is none. */
static json_t *long_text(const json_t *place, str texts)
{
    json_int_t offset = json_integer_value(json_array_get(place, 0));
    json_int_t length = json_integer_value(json_array_get(place, 1));
    if (offset < 0 || length < 0 || (uint64_t)offset > texts.n ||
        (uint64_t)length > texts.n - (size_t)offset)
        return NULL;
    return json_stringn(texts.p + offset, (size_t)length);
}

/* Puts long texts back, in place. */
static bool restore(json_t *value, str texts, int depth)
{
    const char *key;
    void *next;
    json_t *member, *made;
    size_t i;
    if (depth > MAX_DEPTH)
        return false;
    json_array_foreach (value, i, member)
        if (!restore(member, texts, depth + 1))
            return false;
    json_object_foreach_safe(value, next, key, member)
    {
        const json_t *place = json_object_get(member, "");
        if (!place && !restore(member, texts, depth + 1))
            return false;
        if (place && (!(made = long_text(place, texts)) || json_object_set_new(value, key, made)))
            return false;
    }
    return true;
}

static bool take_root(const struct header *h, json_t **root)
{
    const struct section_place *at = h->sections;
    str json = {(const char *)h + at[SECTION_ROOT].offset, at[SECTION_ROOT].size};
    str texts = {(const char *)h + at[SECTION_TEXTS].offset, at[SECTION_TEXTS].size};
    error ignored = {0};
    *root = json_parse(json, "the cache", MAX_DEPTH, &ignored);
    return json_is_object(*root) && restore(*root, texts, 0);
}

bool document_cache_read(document *d, const cache_key *key)
{
    *d = (document){0};
    if (!key->path[0] ||
        !cache_file_map(&d->file, key->path, sizeof(struct header), FILE_MAX, true))
        return false;
    const struct header *h = (const struct header *)d->file.p;
    if (header_is_right(h, &d->file, key) && take_vocab(h, &d->vocab) &&
        take_merges(h, &d->merges) && take_root(h, &d->root))
        return true;
    d->vocab.mapped = d->merges.mapped = true;
    document_release(d);
    return false;
}

/* Takes long texts out, in place. Keys of the document are never empty. */
static void shorten(json_t *value, buf *texts)
{
    const char *key;
    void *next;
    json_t *member;
    size_t i;
    json_array_foreach (value, i, member)
        shorten(member, texts);
    json_object_foreach_safe(value, next, key, member)
    {
        shorten(member, texts);
        if (!json_is_string(member) || json_string_length(member) < LONG_TEXT)
            continue;
        str text = json_str(member);
        json_t *place = json_pack("{s: [I, I]}", "", (json_int_t)texts->n, (json_int_t)text.n);
        buf_str(texts, text);
        json_object_set_new(value, key, place);
    }
}

static bool has_empty_key(const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    json_array_foreach (value, i, member)
        if (has_empty_key(member))
            return true;
    json_object_foreach ((json_t *)value, key, member)
        if (!*key || has_empty_key(member))
            return true;
    return false;
}

static void add_section(buf *out, struct header *h, enum section which, const void *p, size_t n)
{
    static const char zeros[ALIGNMENT];
    buf_add(out, zeros, (ALIGNMENT - out->n % ALIGNMENT) % ALIGNMENT);
    h->sections[which] = (struct section_place){out->n, n};
    if (n)
        buf_add(out, p, n);
}

static void add_tables(buf *out, struct header *h, const document *d)
{
    const vocab *v = &d->vocab;
    const merges *m = &d->merges;
    size_t n = (size_t)v->n, n_merge_slots = m->given ? (size_t)m->mask + 1 : 0;
    add_section(out, h, SECTION_BYTES, v->bytes, v->n_bytes);
    add_section(out, h, SECTION_BEGIN, v->begin, (n + 1) * sizeof *v->begin);
    add_section(out, h, SECTION_IDS, v->ids, n * sizeof *v->ids);
    add_section(out, h, SECTION_SCORES, v->scores, v->scores ? n * sizeof *v->scores : 0);
    add_section(out, h, SECTION_TOKEN_OF_ID, v->token_of_id,
                (size_t)v->n_symbols * sizeof *v->token_of_id);
    add_section(out, h, SECTION_SLOTS, v->slots, ((size_t)v->mask + 1) * sizeof *v->slots);
    add_section(out, h, SECTION_MERGES, m->slots, n_merge_slots * sizeof *m->slots);
}

/* Not forced to disk: what a power failure leaves has the wrong checksum. */
static void replace(const char *path, str content)
{
    cache_writer w;
    error ignored = {0};
    if (cache_writer_open(&w, path, &ignored) &&
        cache_writer_add(&w, content.p, content.n, &ignored))
        cache_writer_done(&w, false, &ignored);
    cache_writer_drop(&w);
}

void document_cache_write(const document *d, const cache_key *key)
{
    if (!key->path[0] || !d->vocab.begin || has_empty_key(d->root))
        return;
    own_json json_t *root = json_deep_copy(d->root);
    own_buf buf texts = buf_new(FILE_MAX), out = buf_new(FILE_MAX);
    shorten(root, &texts);
    own_mem char *json = json_dumps(root, JSON_COMPACT);
    struct header h = {
        .magic = MAGIC,
        .version = VERSION,
        .n = d->vocab.n,
        .n_distinct = d->vocab.n_distinct,
        .n_ids = d->vocab.n_ids,
        .n_symbols = d->vocab.n_symbols,
        .longest = d->vocab.longest,
        .mask = d->vocab.mask,
        .merges_given = d->merges.given,
        .n_merges = d->merges.n,
        .merges_mask = d->merges.mask,
    };
    memcpy(h.id, key->id, sizeof key->id);
    buf_add(&out, &h, sizeof h);
    add_section(&out, &h, SECTION_ROOT, json, json ? strlen(json) : 0);
    add_section(&out, &h, SECTION_TEXTS, texts.p, texts.n);
    add_tables(&out, &h, d);
    if (!json || texts.full || out.full)
        return;
    h.size = out.n;
    h.checksum = file_checksum(&h, out.p + sizeof h, out.n - sizeof h);
    memcpy(out.p, &h, sizeof h);
    replace(key->path, buf_view(&out));
}
