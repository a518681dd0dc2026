/* Items are asked for while the model is bound (weights_rows_as), found in the prepared file or
 * noted as missing; weight_set_prepare then makes a file of all of them.
 *
 * An item that can wait is published by one atomic store, after which its products read the new
 * file; the floats stay mapped, as a product may still read them. */
#include "base/cache_file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/weight_set.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    WAIT_MS = 250,
    FORM_ALIGN = 64,
    PIECE_FLOATS = 128 << 10, /* that a thread packs at a time */
};
static const char version[] = "weights 1\n";

/* --- asking --- */

void weight_set_plan(weight_set *set, const weight_plan *plan)
{
    struct weight_forms *f = set->forms = xcalloc(1, sizeof *f);
    f->plan = *plan;
    f->end = &f->items;
    if (!plan->folder || !set->has_state || set->state.full)
        return;
    own_buf buf source = buf_new(SIZE_MAX / 2);
    buf_puts(&source, version);
    buf_str(&source, buf_view(&set->state));
    sha256_hex(buf_view(&source), f->id);
    f->folder = xstrdup(plan->folder);
    f->path =
        xprintf("%s/%s-%s.weights", plan->folder, precision_names[plan->precision], plan->level);
    prepared_open(&f->file, f->path, f->id);
    f->n_file = f->file.file.n;
}

enum precision weight_set_precision(const weight_set *set)
{
    return set->forms ? set->forms->plan.precision : PRECISION_F32;
}

static struct form_item *add_item(struct weight_forms *f, struct entry *entry,
                                  const weight_form *form, const weight_rows *rows,
                                  const struct weight_change *c, size_t size)
{
    struct form_item *item = xcalloc(1, sizeof *item);
    str name = entry->tensor->name;
    item->entry = entry;
    item->form = form;
    item->rows = *rows;
    item->change = *c;
    item->size = size;
    item->name = xprintf("%s %d %d %d %d %d %d %a %.*s", form ? form->name : "floats", rows->first,
                         rows->rows, rows->groups, (int)c->kind, c->groups, c->parts,
                         (double)c->plus, (int)name.n, name.p);
    item->packed.bytes = prepared_find(&f->file, str_of(item->name), size);
    f->n_missing += !item->packed.bytes;
    f->n_items++;
    *f->end = item;
    f->end = &item->next;
    return item;
}

/* One that was asked for already: layers that share their weights. */
static struct form_item *find_item(const struct weight_forms *f, const struct entry *entry,
                                   const weight_form *form, const weight_rows *rows)
{
    for (struct form_item *i = f->items; i; i = i->next)
        if (i->entry == entry && i->form == form && i->rows.first == rows->first &&
            i->rows.rows == rows->rows && i->rows.groups == rows->groups)
            return i;
    return NULL;
}

static size_t size_in(const weight_form *form, const weight_rows *rows)
{
    size_t size, one = form ? form->bytes(rows->rows / rows->groups, rows->columns) : 0;
    return __builtin_mul_overflow(one, (size_t)rows->groups, &size) ? 0 : size;
}

/* The shape that the file must have. */
static struct entry *ask_rows(weights w, const weight_rows *r)
{
    int cut = r->cut ? r->cut : 1;
    const int64_t shapes[][3] = {
        [ORDER_ROWS] = {r->all, r->columns},
        [ORDER_CUBE] = {r->all, r->columns, 1},
        [ORDER_TURNED] = {r->columns, r->all},
        [ORDER_PLANES] = {r->groups, r->columns, r->all / r->groups},
        [ORDER_REGROUPED] = {r->all, r->columns},
        [ORDER_CUT] = {r->all, cut, r->columns / cut},
        [ORDER_TURNED_CUT] = {r->columns, cut, r->all / cut},
        [ORDER_TAPS] = {r->all, r->columns / cut, cut},
    };
    bool three = r->order == ORDER_CUBE || r->order == ORDER_PLANES || r->order == ORDER_CUT ||
                 r->order == ORDER_TURNED_CUT || r->order == ORDER_TAPS;
    return weight_ask(w, r->name, three ? 3 : 2, shapes[r->order]);
}

static struct weight_change change_of(const weight_rows *r)
{
    struct weight_change c = {.groups = 1, .parts = 1};
    if (r->order == ORDER_TURNED || r->order == ORDER_PLANES)
        c.kind = TURNED;
    if (r->order == ORDER_TURNED_CUT)
        c.kind = TURNED_CUT;
    if (r->order == ORDER_TAPS)
        c.kind = TAPS;
    if (r->order == ORDER_REGROUPED)
        c = (struct weight_change){
            .kind = REGROUPED, .groups = r->file_groups, .parts = r->file_parts};
    return c;
}

static bool in_place(const struct form_item *i)
{
    return i->change.kind == AS_IT_IS && weight_in_place(i->entry->tensor);
}

bool weights_rows_as(weights w, const weight_rows *rows, const weight_form *form,
                     const float **floats, const packed_weight **packed)
{
    struct weight_forms *f = w.set->forms;
    *floats = NULL;
    *packed = NULL;
    struct entry *entry = ask_rows(w, rows);
    if (!entry)
        return false;
    struct weight_change c = change_of(rows);
    size_t size = f ? size_in(form, rows) : 0;
    entry->is_table |= rows->seldom;
    if (size && (!form->can_wait || (f->path && !rows->seldom))) {
        struct form_item *item = find_item(f, entry, form, rows);
        if (!item)
            item = add_item(f, entry, form, rows, &c, size);
        *packed = &item->packed;
        if (item->packed.bytes || !form->can_wait || !in_place(item))
            return true;
    }
    const float *all = weight_floats(w.set, entry, &c);
    *floats = all ? all + (size_t)rows->first * (size_t)rows->columns : NULL;
    return all != NULL;
}

const float *weight_forms_floats(weight_set *set, struct entry *entry,
                                 const struct weight_change *c)
{
    size_t bytes;
    struct weight_forms *f = set->forms;
    if (!f || !f->path ||
        __builtin_mul_overflow((size_t)entry->tensor->n_elements, sizeof(float), &bytes))
        return NULL;
    return add_item(f, entry, NULL, &(weight_rows){.groups = 1}, c, bytes)->packed.bytes;
}

/* --- making --- */

/* Rows of a matrix that are packed together: a piece. */
static int rows_of_piece(const struct form_item *item)
{
    long rows = PIECE_FLOATS / (item->rows.columns + 1L);
    return (int)(rows / GEMM_PACK_COLUMNS + 1) * GEMM_PACK_COLUMNS;
}

/* Tensors that must be changed, and those whose groups follow each other, are made in one. */
static int pieces_of(const struct form_item *item)
{
    int some = rows_of_piece(item), rows = item->rows.rows;
    bool one = !item->form || item->change.kind != AS_IT_IS || item->rows.groups > 1 ||
               packed_weight_get(&item->packed);
    return one || rows == 0 ? 1 : rows / some + (rows % some != 0);
}

/* Rows `first` .. of an item as floats, in place or in *room, which the caller frees. */
static const float *floats_of(const struct form_item *item, int first, int rows, float **room,
                              error *e)
{
    const tensor *t = item->entry->tensor;
    size_t columns = (size_t)item->rows.columns;
    size_t skip = ((size_t)item->rows.first + (size_t)first) * columns;
    bool changed = item->change.kind != AS_IT_IS;
    size_t n = changed ? (size_t)t->n_elements : (size_t)rows * columns;
    if (in_place(item))
        return (const float *)t->data + skip;
    *room = malloc(n * sizeof(float) + 1);
    if (!*room) {
        fail(e, ERR_NO_SPACE, "no memory for the %zu values of '%s'", n, item->name);
        return NULL;
    }
    if (changed)
        weight_convert(t, &item->change, *room);
    else
        dtype_to_f32(t->type, (const char *)t->data + skip * (size_t)dtype_bits(t->type) / 8, *room,
                     (long)n);
    return changed ? *room + skip : *room;
}

/* Packs a piece of an item, or all of it if it has one. */
static bool pack_piece(const struct form_item *item, int piece, void *out, error *e)
{
    own_mem float *room = NULL;
    const weight_rows *r = &item->rows;
    bool one = pieces_of(item) == 1;
    int first = one ? 0 : piece * rows_of_piece(item), n = r->rows / r->groups;
    int rows = one ? r->rows : first + rows_of_piece(item) < n ? rows_of_piece(item) : n - first;
    const float *w = floats_of(item, first, rows, &room, e);
    size_t size = item->size / (size_t)r->groups;
    for (int g = 0; w && g < r->groups; g++) {
        gemm_columns c = {w + (size_t)g * (size_t)n * (size_t)r->columns, first, one ? n : rows, n,
                          r->columns};
        if (!item->form->pack(&c, (char *)out + (size_t)g * size))
            return fail(e, ERR_NO_SPACE, "no memory to pack '%s'", item->name);
    }
    return w != NULL;
}

static bool make_piece(const struct form_item *item, int piece, void *out, error *e)
{
    const void *known = packed_weight_get(&item->packed);
    if (!known && item->form)
        return pack_piece(item, piece, out, e);
    if (known)
        memcpy(out, known, item->size);
    else
        weight_convert(item->entry->tensor, &item->change, out);
    return true;
}

struct making {
    struct weight_forms *forms;
    struct form_item **items;
};

static bool is_stopped(struct weight_forms *f)
{
    if (!f->has_thread)
        return false;
    pthread_mutex_lock(&f->lock);
    bool stop = f->stop;
    pthread_mutex_unlock(&f->lock);
    return stop;
}

static int maker_pieces(void *arg, int i)
{
    const struct making *m = arg;
    return pieces_of(m->items[i]);
}

static size_t maker_begin(void *arg, int i, int piece)
{
    const struct making *m = arg;
    const struct form_item *item = m->items[i];
    return piece ? item->form->panels(piece * rows_of_piece(item), item->rows.columns) : 0;
}

static bool maker_make(void *arg, int i, int piece, void *out, error *e)
{
    struct making *m = arg;
    if (is_stopped(m->forms))
        return fail(e, ERR_CANCELLED, "the model is closed");
    return make_piece(m->items[i], piece, out, e);
}

/* Writes the file and maps it as f->renewed. */
static bool write_file(struct weight_forms *f, team *t, error *e)
{
    struct making m = {.forms = f};
    own_mem prepared_part *parts = xcalloc((size_t)f->n_items + 1, sizeof *parts);
    own_mem struct form_item **items = m.items = xcalloc((size_t)f->n_items + 1, sizeof(void *));
    const prepared_maker maker = {&m, maker_pieces, maker_begin, maker_make};
    int n = 0;
    if (!f->path)
        return fail(e, ERR_IO, "there is no cache folder");
    for (struct form_item *i = f->items; i; i = i->next, n++) {
        items[n] = i;
        parts[n] = (prepared_part){i->name, i->size};
    }
    if (!prepared_write(f->path, f->id, parts, n, &maker, t, e))
        return false;
    return prepared_open(&f->renewed, f->path, f->id) ||
           fail(e, ERR_IO, "'%s' is gone or changed already", f->path);
}

static void publish(struct form_item *item, const void *bytes)
{
    atomic_store_explicit(&item->packed.bytes, bytes, memory_order_release);
}

/* Points what was missing into the new file. */
static void take_renewed(struct weight_forms *f)
{
    for (struct form_item *i = f->items; i; i = i->next)
        if (i->form && !packed_weight_get(&i->packed))
            publish(i, prepared_find(&f->renewed, str_of(i->name), i->size));
}

static bool is_needed(const struct form_item *i)
{
    return i->form && !packed_weight_get(&i->packed) && (!i->form->can_wait || !in_place(i));
}

static size_t aligned(size_t n)
{
    return (n + FORM_ALIGN - 1) / FORM_ALIGN * FORM_ALIGN;
}

/* A piece of what is made in private memory. */
struct private_piece {
    const struct form_item *item;
    int piece;
    char *out;
    error e;
};

static void make_private_piece(void *arg, int i, int thread)
{
    (void)thread;
    struct private_piece *p = (struct private_piece *)arg + i;
    make_piece(p->item, p->piece, p->out, &p->e);
}

/* Makes all that is needed from `at` on; the items are published by the caller. */
static bool make_needed(const struct weight_forms *f, team *t, char *at, error *e)
{
    size_t n = 0;
    for (const struct form_item *i = f->items; i; i = i->next)
        n += is_needed(i) ? (size_t)pieces_of(i) : 0;
    own_mem struct private_piece *pieces = xcalloc(n + 1, sizeof *pieces);
    n = 0;
    for (const struct form_item *i = f->items; i; i = i->next) {
        for (int piece = 0; is_needed(i) && piece < pieces_of(i); piece++)
            pieces[n++] = (struct private_piece){.item = i, .piece = piece, .out = at};
        at += is_needed(i) ? aligned(i->size) : 0;
    }
    team_run(t, (int)n, make_private_piece, pieces);
    for (size_t i = 0; i < n; i++)
        if (pieces[i].e.kind != ERR_NONE)
            return fail(e, pieces[i].e.kind, "%s", pieces[i].e.message);
    return true;
}

/* Makes what cannot wait in private memory. */
static bool make_private(struct weight_forms *f, team *t, error *e)
{
    size_t n = 0;
    for (struct form_item *i = f->items; i; i = i->next)
        n += is_needed(i) ? aligned(i->size) : 0;
    if (n == 0)
        return true;
    void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return fail(e, ERR_NO_SPACE, "no memory for %zu bytes of prepared weights", n);
    madvise(p, n, MADV_HUGEPAGE);
    f->private_bytes = p;
    f->n_private = n;
    if (!make_needed(f, t, p, e))
        return false;
    char *at = p;
    for (struct form_item *i = f->items; i; i = i->next) {
        if (!is_needed(i))
            continue;
        publish(i, at);
        at += aligned(i->size);
    }
    return true;
}

/* --- a moment later --- */

/* Waits; true when the set is closed meanwhile. */
static bool wait_stopped(struct weight_forms *f)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&f->lock);
    while (!f->stop && pthread_cond_timedwait(&f->wake, &f->lock, &until) != ETIMEDOUT)
        ;
    bool stop = f->stop;
    pthread_mutex_unlock(&f->lock);
    return stop;
}

/* Floats of files that will hardly be read again leave the page tables. A product that reads them
 * right now finds them in the file; copies would be lost. */
static void let_go(const struct weight_forms *f)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (const struct form_item *i = f->items; i; i = i->next) {
        const tensor *t = i->entry->tensor;
        uintptr_t begin = ((uintptr_t)t->data + page - 1) & ~(page - 1);
        uintptr_t end = ((uintptr_t)t->data + t->size_bytes) & ~(page - 1);
        if (i->form && t->data == i->entry->floats && !t->copied && begin < end &&
            !i->entry->is_table)
            madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
}

/* Its helpers, made by it, give way to others as it does. */
static void *write_later(void *arg)
{
    struct weight_forms *f = arg;
    error e = {0};
    if (nice(10) < 0)
        errno = 0; /* without priority to others, then */
    if (wait_stopped(f))
        return NULL;
    team *t = team_new(f->n_threads, &e);
    if (t && write_file(f, t, &e)) {
        take_renewed(f);
        let_go(f);
        log_debug("prepared weights are in '%s'", f->path);
    } else if (e.kind != ERR_CANCELLED) {
        log_warn("weights are not prepared: %s", e.message);
    }
    team_free(t);
    return NULL;
}

static void start_thread(struct weight_forms *f)
{
    sigset_t all, before;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->wake, NULL);
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    f->has_thread = true; /* what the thread reads is written before it starts */
    if (pthread_create(&f->thread, NULL, write_later, f) != 0)
        f->has_thread = false;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void end_thread(struct weight_forms *f)
{
    if (!f->has_thread)
        return;
    pthread_mutex_lock(&f->lock);
    f->stop = true;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    pthread_join(f->thread, NULL);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
}

bool weight_set_prepare(weight_set *set, team *t, error *e)
{
    struct weight_forms *f = set->forms;
    error unwritten = {0};
    bool now = f && f->plan.at_once;
    if (!f || !f->n_missing)
        return true;
    for (struct form_item *i = f->items; i && !now; i = i->next)
        now = is_needed(i);
    if (!now) {
        f->n_threads = team_size(t);
        if (f->path)
            start_thread(f);
        return true;
    }
    if (write_file(f, t, &unwritten)) {
        take_renewed(f);
        f->n_file = f->renewed.file.n;
        return make_private(f, t, e); /* what the file lacks: another program wrote it meanwhile */
    }
    if (f->plan.at_once)
        return fail(e, unwritten.kind, "%s", unwritten.message);
    log_warn("prepared weights cannot be kept: %s", unwritten.message);
    return make_private(f, t, e);
}

bool weight_set_is_prepared(const weight_set *set)
{
    const struct weight_forms *f = set->forms;
    return f && f->file.file.n && !f->n_missing && prepared_is_sound(&f->file);
}

/* --- the rest --- */

void weight_forms_count(const weight_set *set, weight_counts *counts)
{
    const struct weight_forms *f = set->forms;
    if (!f)
        return;
    for (int i = 0; i < set->n_entries; i++) {
        const struct entry *entry = &set->entries[i];
        if (entry->asked && (const void *)entry->floats != entry->tensor->data)
            counts->mapped_bytes -= (int64_t)entry->tensor->size_bytes;
    }
    counts->mapped_bytes += (int64_t)f->n_file;
    counts->converted_bytes += (int64_t)f->n_private;
}

bool weight_forms_range(const weight_set *set, struct read_ahead_range *range)
{
    const file_map *file = set->forms ? &set->forms->file.file : NULL;
    if (!file || !file->n)
        return false;
    *range = (struct read_ahead_range){file->p, file->n};
    return true;
}

void weight_forms_release(weight_set *set)
{
    struct weight_forms *f = set->forms;
    if (!f)
        return;
    end_thread(f);
    for (struct form_item *i = f->items, *next; i; i = next) {
        next = i->next;
        free(i->name);
        free(i);
    }
    if (f->private_bytes)
        munmap(f->private_bytes, f->n_private);
    prepared_release(&f->file);
    prepared_release(&f->renewed);
    free(f->folder);
    free(f->path);
    free(f);
    set->forms = NULL;
}
