/* NFC, NFD, NFKC, NFKD, as the reference does them: in the order of Unicode 9, and with its way of
 * telling which character came from which. */
#include "tokenizers/normalizer.h"

#include <stdlib.h>

enum { SMALL_SORT = 16, N_CLASSES = 256 };

static void push_waiting(struct decomposer *d, struct waiting mark)
{
    if (d->n == d->capacity) {
        size_t capacity = d->capacity ? d->capacity * 2 : 32;
        struct waiting *grown = realloc(d->waiting, capacity * sizeof *grown);
        if (!grown) {
            d->failed = true;
            return;
        }
        d->waiting = grown;
        d->capacity = capacity;
    }
    d->waiting[d->n++] = mark;
}

static void sort_few(struct waiting *marks, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct waiting mark = marks[i];
        size_t j = i;
        for (; j > 0 && marks[j - 1].combining_class > mark.combining_class; j--)
            marks[j] = marks[j - 1];
        marks[j] = mark;
    }
}

/* Stable, linear: a text of nothing but marks must not take quadratic time. */
static void sort_many(struct decomposer *d)
{
    size_t start[N_CLASSES + 1] = {0};
    struct waiting *sorted = malloc(d->n * sizeof *sorted);
    if (!sorted) {
        d->failed = true;
        return;
    }
    for (size_t i = 0; i < d->n; i++)
        start[d->waiting[i].combining_class + 1]++;
    for (int i = 0; i < N_CLASSES; i++)
        start[i + 1] += start[i];
    for (size_t i = 0; i < d->n; i++)
        sorted[start[d->waiting[i].combining_class]++] = d->waiting[i];
    memcpy(d->waiting, sorted, d->n * sizeof *sorted);
    free(sorted);
}

void decomposer_end(struct decomposer *d)
{
    if (d->n > SMALL_SORT)
        sort_many(d);
    else
        sort_few(d->waiting, d->n);
    for (size_t i = 0; i < d->n; i++)
        d->emit(d->context, d->waiting[i].c, d->waiting[i].change);
    d->n = 0;
}

void decomposer_add(struct decomposer *d, uint32_t c)
{
    uint32_t parts[UNICODE_MAX_DECOMPOSITION];
    int n = unicode_decompose(c, d->compatible, parts);
    for (int i = 0; i < n; i++) {
        uint8_t combining_class = unicode_detail_of(parts[i])->combining_class;
        if (combining_class) {
            push_waiting(d, (struct waiting){parts[i], combining_class, i > 0});
        } else {
            if (d->n)
                decomposer_end(d);
            d->emit(d->context, parts[i], i > 0);
        }
    }
}

void decomposer_release(struct decomposer *d)
{
    free(d->waiting);
}

/* Composes what the decomposer lets go: a starter takes up the marks behind it that are not
 * blocked by one of the same or a higher class. */
struct composer {
    struct text_edit edit;
    bool has_starter, has_class;
    uint8_t last_class;
    uint32_t starter;
    int starter_change;
    struct decomposer marks; /* only its list: marks that stay apart */
};

static void release_starter(struct composer *k)
{
    if (k->has_starter)
        text_edit_put(&k->edit, k->starter, k->starter_change);
    for (size_t i = 0; i < k->marks.n; i++)
        text_edit_put(&k->edit, k->marks.waiting[i].c, k->marks.waiting[i].change);
    k->marks.n = 0;
    k->has_starter = k->has_class = false;
}

static void compose(void *context, uint32_t c, int change)
{
    struct composer *k = context;
    uint8_t combining_class = unicode_detail_of(c)->combining_class;
    if (!k->has_starter && combining_class) {
        text_edit_put(&k->edit, c, change);
        return;
    }
    if (k->has_starter && (!k->has_class || k->last_class < combining_class)) {
        uint32_t composed = unicode_compose(k->starter, c);
        if (composed) {
            k->starter = composed;
            k->starter_change += change - 1;
            return;
        }
    }
    if (combining_class == 0) {
        release_starter(k);
        k->has_starter = true;
        k->starter = c;
        k->starter_change = change;
        return;
    }
    push_waiting(&k->marks, (struct waiting){c, combining_class, (uint8_t)change});
    k->has_class = true;
    k->last_class = combining_class;
}

static void put(void *context, uint32_t c, int change)
{
    text_edit_put(context, c, change);
}

static bool normalize(text *t, bool compatible, bool composed, normal_memory *m, error *e)
{
    if (unicode_all_ascii(text_bytes(t)))
        return true;
    text_writer *w = normal_writer(m, false);
    struct composer k = {.edit = {t, 0, w}};
    struct decomposer d = {.compatible = compatible,
                           .emit = composed ? compose : put,
                           .context = composed ? (void *)&k : &k.edit};
    for (size_t at = 0; at < t->n;)
        decomposer_add(&d, unicode_next(t->p, &at));
    decomposer_end(&d);
    release_starter(&k);
    w->failed |= d.failed || k.marks.failed;
    decomposer_release(&d);
    decomposer_release(&k.marks);
    return text_written(w, t, t, e);
}

static bool run_nfc(const void *state, text *t, normal_memory *m, error *e)
{
    (void)state;
    return normalize(t, false, true, m, e);
}

static bool run_nfd(const void *state, text *t, normal_memory *m, error *e)
{
    (void)state;
    return normalize(t, false, false, m, e);
}

static bool run_nfkc(const void *state, text *t, normal_memory *m, error *e)
{
    (void)state;
    return normalize(t, true, true, m, e);
}

static bool run_nfkd(const void *state, text *t, normal_memory *m, error *e)
{
    (void)state;
    return normalize(t, true, false, m, e);
}

const struct normalizer_kind normalize_nfc = {{"NFC", NULL, 0, NULL}, run_nfc};
const struct normalizer_kind normalize_nfd = {{"NFD", NULL, 0, NULL}, run_nfd};
const struct normalizer_kind normalize_nfkc = {{"NFKC", NULL, 0, NULL}, run_nfkc};
const struct normalizer_kind normalize_nfkd = {{"NFKD", NULL, 0, NULL}, run_nfkd};
