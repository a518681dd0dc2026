/* The loops of f32 matrix products.
 *
 * Many rows: a part takes a block of rows and of columns. For each panel of columns, or two if they
 * are narrow, a slice of w comes into the first cache (packed here, or as it was packed ahead of
 * time) and is used by all rows of the block, which are read from the second. What comes next, of w
 * and of x, is asked for meanwhile. Few rows of unpacked weights: the kernel reads w as it lies,
 * once for every tile of rows.
 *
 * Every sum has the order that gemm.h states, whatever the blocks. */
#include "kernels/gemm.h"

#include "base/profile.h"
#include "kernels/table.h"

#include <assert.h>

enum {
    ROWS = 384,    /* of a part: 384 values of each are 0.6 MB of the second cache */
    COLUMNS = 256, /* of a part: their sums are 0.26 MB when k needs more blocks */
    /* The same for narrow panels of packed weights, for which x is read from the second cache more
     * often. Rows that are a multiple of 4 KB apart share few of its sets. */
    ROWS_TOGETHER = 256,
    COLUMNS_TOGETHER = 384,
    PARTS_PER_THREAD =
        4, /* so that a thread that comes late or is slow leaves work to the others */
    STREAM_PARTS_PER_THREAD = 2,
    FETCH_ROWS = 4,  /* with fewer, packed weights come as fast by themselves or faster */
    TILES_FETCH = 4, /* up to so many tiles of rows, tiles fetch the next panel themselves */
    PANEL_FLOATS =
        96 * 1024, /* of x, which all panels of a part read again from the second cache */
    CHUNK = 6, /* rows between two visits to the epilogue and two shares of fetching ahead, if they
                * are few */
    CHUNK_SUMS = 96, /* or else so many sums */
    TOGETHER = 2,    /* panels that are taken together, at most */
    LINE = 16,       /* floats */
    EVEN_ROWS = 48,  /* from so many on, several ways to cut are compared: */
    ROW_TRIES = 4,
    COLUMN_TRIES = 4,
    PART_PRODUCTS = 16 * 1024,   /* multiplications that the beginning of a part costs */
    INLINE_PRODUCTS = 32 * 1024, /* multiplications below which waking a thread does not pay */
    SHRINK = 2,           /* a thread's share of what is left, cut into so many, is the next part */
    SHRINK_TO = 8 * 1024, /* multiplications of a row in a part, at least */
};

typedef struct gemm_job {
    const gemm_args *a;
    const gemm_args *before; /* a product of the same size that makes a's factor, part by part in
                                front of a's; or NULL */
    int rows, columns;       /* of a part; the first and largest one if they shrink */
    int n_column_parts, n_parts;
    int shrink_for; /* threads, that take smaller and smaller parts; 0: all are alike */
    bool streams;
} gemm_job;

/* The products of a region. */
typedef struct gemm_region {
    gemm_job jobs[GEMM_TOGETHER];
    int n_jobs;
    team *team;
} gemm_region;

/* The extent of a part and its working memory. */
typedef struct gemm_part {
    int row, rows, col, cols;
    int together;      /* panels: while some rows of x are in the first cache */
    int chunk;         /* rows that meet a panel at a time */
    bool by_panel;     /* all of k for one panel before the next: rows that fit the second cache */
    const float *next; /* packed panel that this thread will probably want after the part */
    const float *next_x; /* and rows, if they are others */
    int next_rows;
    float *panel, *sums;
} gemm_part;

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

static int divide_up(int a, int b)
{
    return a / b + (a % b != 0);
}

static int round_up(int a, int multiple)
{
    return divide_up(a, multiple) * multiple;
}

/* Asks for the places of results, so that the burst of stores at the end does not wait for them. */
static void fetch_results(const gemm_args *a, int row, int rows, int col)
{
    for (int i = row; i < row + rows; i++)
        __builtin_prefetch(a->out + i * a->ldo + col, 1, 3);
}

/* Floats of a packed row of w. */
static long packed_row(int k)
{
    return round_up(k, 4);
}

size_t gemm_f32_packed_bytes(int n, int k)
{
    return (size_t)round_up(n, kernels.gemm_f32->tile_n) * (size_t)packed_row(k) * sizeof(float);
}

int gemm_f32_panel(void)
{
    return kernels.gemm_f32->tile_n;
}

bool gemm_f32_pack_columns(const gemm_columns *c, void *packed)
{
    int tile_n = kernels.gemm_f32->tile_n, k = c->k;
    assert(GEMM_PACK_COLUMNS % tile_n == 0 && c->first % GEMM_PACK_COLUMNS == 0);
    float *panels = (float *)packed + c->first * packed_row(k);
    for (int col = 0; col < c->count; col += tile_n) {
        float *panel = panels + col * packed_row(k);
        for (int l = 0; l < k; l += GEMM_BLOCK)
            kernels.gemm_f32->pack(c->w + (long)col * k + l, k, min_int(tile_n, c->count - col),
                                   min_int(GEMM_BLOCK, k - l), panel + (long)l * tile_n);
    }
    return true;
}

void gemm_f32_pack(const float *w, int n, int k, void *packed)
{
    gemm_f32_pack_columns(&(gemm_columns){w, 0, n, n, k}, packed);
}

/* What is asked for while a panel is used: the next panel, or the rows of w that it is made from.
 * The rows are short and far apart, which the processor's own prefetchers do not see coming. For
 * few tiles of rows, each asks for some of it with its steps; else it is asked for between the
 * chunks of rows, in as many shares. Many small ones matter, as a processor waits for more than
 * some 24 lines at a time (64 rows of 1536 x 384 from memory: 82 GFLOP/s without, 97 with 4 shares,
 * 102 with 11). */
typedef struct gemm_fetch {
    const float *w; /* or NULL */
    long ldw;       /* or 0 for a packed panel */
    int n, lines;   /* rows of w, or 1 for a packed panel; lines of each */
    int n_shares, due;
    bool in_tiles;
} gemm_fetch;

/* What is wanted after the panel at col and the values l .. l + k - 1. */
static const float *packed_next(const gemm_args *a, const gemm_part *p, int col, int l, int k)
{
    int tile_n = kernels.gemm_f32->tile_n, step = p->together * tile_n;
    const float *panel = a->packed + col * packed_row(a->k);
    if (p->by_panel && l + k < a->k)
        return panel + (long)(l + k) * tile_n;
    if (col + step < p->col + p->cols)
        return panel + step * packed_row(a->k) + (p->by_panel ? 0 : (long)l * tile_n);
    return (col - p->col) % step == 0 ? p->next : NULL;
}

static gemm_fetch fetch_after(const gemm_args *a, const gemm_part *p, int col, int l, int k,
                              int n_shares)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    gemm_fetch next = {.n_shares = n_shares, .in_tiles = n_shares <= TILES_FETCH};
    if (a->packed) {
        next.w = p->rows < FETCH_ROWS ? NULL : packed_next(a, p, col, l, k);
        next.n = 1;
        next.lines = divide_up(k, 4) * f->tile_n / 4;
        return next;
    }
    int after = col + p->together * f->tile_n;
    next.n = min_int(f->tile_n, p->col + p->cols - after);
    next.w = next.n > 0 ? a->w + (long)after * a->k + l : NULL;
    next.ldw = a->k;
    next.lines = divide_up(k, LINE);
    next.in_tiles = next.in_tiles && f->fetches;
    return next;
}

/* The rows of x, a share of those, that are wanted after the panels from col on: the next values of
 * the same ones, or the first of the next part's. */
static gemm_fetch fetch_rows(const gemm_args *a, const gemm_part *p, int col, int l, int k,
                             int n_shares)
{
    bool slices = !p->by_panel && l + k < a->k;
    const float *x = slices ? a->x + p->row * a->ldx + l + k : p->next_x;
    int rows = slices ? p->rows : p->next_rows, step = p->together * kernels.gemm_f32->tile_n;
    gemm_fetch next = {.ldw = a->ldx, .n_shares = n_shares};
    if (!x || (p->by_panel && l > 0) || n_shares <= TILES_FETCH)
        return next;
    int groups = divide_up(p->cols, step), group = (col - p->col) / step;
    int first = rows * group / groups;
    next.n = rows * (group + 1) / groups - first;
    next.w = x + first * a->ldx;
    next.lines = divide_up(slices ? min_int(a->k - l - k, GEMM_BLOCK) : k, LINE);
    return next;
}

/* Asks for a share, or tells the tiles which is theirs. */
static bool fetch_share(gemm_fetch *next, int share, gemm_ahead *ahead)
{
    if (!next->w)
        return false;
    if (next->in_tiles && next->ldw) {
        int rows = next->n_shares == 1 ? 16 : next->n_shares == 2 ? 8 : 4;
        *ahead = (gemm_ahead){next->w + (long)share * rows * next->ldw, next->ldw, rows, 0};
        return true;
    }
    if (next->in_tiles) { /* all of the panel; the last may have none */
        int tile_n = kernels.gemm_f32->tile_n, steps = next->lines / (tile_n / 4);
        int lines = divide_up(tile_n / 4, next->n_shares);
        *ahead = (gemm_ahead){.w = next->w + (long)share * lines * steps * LINE, .lines = lines};
        return share * lines < tile_n / 4;
    }
    for (next->due += next->lines; next->due >= next->n_shares; next->due -= next->n_shares) {
        for (int j = 0; j < next->n; j++)
            __builtin_prefetch(next->w + j * next->ldw, 0, 2);
        next->w += LINE;
    }
    return false;
}

/* The values l .. l + k - 1 of the panels from col on that are taken together. */
typedef struct gemm_slice {
    int col, n_panels, l, k;
    const float *panel;
    long panel_floats; /* from one to the next */
    float *sums;       /* [n_panels][rows][tile_n], or [tile_n] for rows that end here */
} gemm_slice;

/* Some rows of a part times one of the panels. */
static void multiply_rows(const gemm_args *a, const gemm_part *p, const gemm_slice *s, int which,
                          int row, int rows, const gemm_ahead *ahead)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    int col = s->col + which * f->tile_n;
    bool last = s->l + s->k == a->k;
    int cols = min_int(f->tile_n, p->col + p->cols - col);
    const float *x = a->x + (long)(p->row + row) * a->ldx + s->l;
    const float *panel = s->panel + which * s->panel_floats;
    /* A sum that ends here needs no place of its own. */
    float *c = s->l == 0 && last ? s->sums : s->sums + ((long)which * p->rows + row) * f->tile_n;
    if (last)
        fetch_results(a, p->row + row, rows, col);
    if (s->l == 0 && last && !ahead && a->act == ACT_NONE && !a->factor && cols == f->tile_n &&
        f->tile_end) {
        f->tile_end(a, p->row + row, rows, col, x, panel, s->k);
        return;
    }
    f->tile(x, a->ldx, rows, panel, s->k, c, s->l > 0, ahead);
    if (last)
        f->finish(a, c, p->row + row, rows, col, cols);
}

/* All rows of a part times the panels from col on that are taken together, over the values
 * l .. l + k - 1. */
static void packed_panels(const gemm_args *a, const gemm_part *p, int col, int l, int k,
                          float *sums)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    int left = p->col + p->cols - col, n_chunks = divide_up(p->rows, p->chunk);
    gemm_slice s = {.col = col, .l = l, .k = k, .sums = sums};
    s.n_panels = min_int(p->together, divide_up(left, f->tile_n));
    s.panel = a->packed ? a->packed + col * packed_row(a->k) + (long)l * f->tile_n : p->panel;
    s.panel_floats = (a->packed ? packed_row(a->k) : GEMM_BLOCK) * f->tile_n;
    gemm_fetch next[TOGETHER], rows_after = fetch_rows(a, p, col, l, k, n_chunks);
    for (int i = 0; i < s.n_panels; i++) {
        int at = col + i * f->tile_n;
        next[i] = fetch_after(a, p, at, l, k, n_chunks);
        if (!a->packed)
            f->pack(a->w + (long)at * a->k + l, a->k, min_int(f->tile_n, p->col + p->cols - at), k,
                    p->panel + i * s.panel_floats);
    }
    for (int i = 0; i < n_chunks; i++) {
        int row = i * p->chunk, rows = min_int(p->chunk, p->rows - row);
        for (int j = 0; j < s.n_panels; j++) {
            gemm_ahead ahead;
            bool fetches = fetch_share(&next[j], i, &ahead);
            multiply_rows(a, p, &s, j, row, rows, fetches ? &ahead : NULL);
        }
        fetch_share(&rows_after, i, NULL);
    }
}

static void packed_part(const gemm_args *a, const gemm_part *p)
{
    int end = p->col + p->cols, step = p->together * kernels.gemm_f32->tile_n;
    for (int col = p->col; p->by_panel && col < end; col += step)
        for (int l = 0; l < a->k; l += GEMM_BLOCK)
            packed_panels(a, p, col, l, min_int(GEMM_BLOCK, a->k - l), p->sums);
    for (int l = 0; !p->by_panel && l < a->k; l += GEMM_BLOCK) {
        float *sums = p->sums;
        for (int col = p->col; col < end; col += step) {
            packed_panels(a, p, col, l, min_int(GEMM_BLOCK, a->k - l), sums);
            if (a->k > GEMM_BLOCK)
                sums += (long)p->rows * step;
        }
    }
}

static void streamed_part(const gemm_args *a, const gemm_part *p)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    int end = p->col + p->cols;
    for (int col = p->col; col < end; col += f->tile_n) {
        int n = min_int(f->tile_n, end - col);
        for (int row = 0; row < p->rows; row += f->tile_m) {
            int rows = min_int(f->tile_m, p->rows - row);
            bool next = row == 0 && end - col >= 2 * f->tile_n;
            for (int l = 0; l < a->k; l += GEMM_BLOCK) {
                const float *x = a->x + (long)(p->row + row) * a->ldx + l;
                f->stream(x, a->ldx, rows, a->w + (long)col * a->k + l, a->k, n,
                          min_int(GEMM_BLOCK, a->k - l), p->sums, l > 0, next);
            }
            f->finish(a, p->sums, p->row + row, rows, col, n);
        }
    }
}

/* Panels of each of the next parts, one for each thread, when `left` are left. */
static int shrunk(const gemm_args *a, int threads, int left)
{
    int least = divide_up(SHRINK_TO, a->k * kernels.gemm_f32->tile_n);
    int n = divide_up(left, SHRINK * threads);
    return min_int(n < least ? least : n, left);
}

/* The columns of a part; returns how many. */
static int columns_of(const gemm_job *job, int part, int *col)
{
    int tile_n = kernels.gemm_f32->tile_n, threads = job->shrink_for;
    *col = part % job->n_column_parts * job->columns;
    if (!threads)
        return min_int(job->columns, job->a->n - *col);
    int left = divide_up(job->a->n, tile_n), n = shrunk(job->a, threads, left), first = 0;
    for (; part >= threads; part -= threads) {
        first += threads * n;
        left -= threads * n;
        n = shrunk(job->a, threads, left);
    }
    *col = (first + part * n) * tile_n;
    return min_int(n * tile_n, job->a->n - *col);
}

/* The first panel and the rows of the part that this thread takes next if the threads take turns.
 */
static void look_ahead(const gemm_region *r, int job, int part, gemm_part *p)
{
    const gemm_args *now = r->jobs[job].a;
    part += team_size(r->team);
    while (job < r->n_jobs && part >= r->jobs[job].n_parts)
        part -= r->jobs[job++].n_parts;
    if (job == r->n_jobs)
        return;
    const gemm_job *j = &r->jobs[job];
    const gemm_args *a = j->before ? j->before : j->a;
    now = r->jobs[job].before && now == j->a ? a : now;
    int col;
    if (a->packed && columns_of(j, part, &col) > 0)
        p->next = a->packed + col * packed_row(a->k);
    int row = part / j->n_column_parts * j->rows;
    if (a == now && row != p->row) {
        p->next_x = a->x + row * a->ldx;
        p->next_rows = min_int(j->rows, a->m - row);
    }
}

static gemm_part part_of(const gemm_job *job, int part)
{
    const gemm_args *a = job->a;
    gemm_part p = {0};
    p.row = part / job->n_column_parts * job->rows;
    p.rows = min_int(job->rows, a->m - p.row);
    p.cols = columns_of(job, part, &p.col);
    bool few = p.rows <= TILES_FETCH * CHUNK;
    p.together = few ? 1 : kernels.gemm_f32->together;
    p.chunk =
        round_up(few ? CHUNK : CHUNK_SUMS / kernels.gemm_f32->tile_n, kernels.gemm_f32->tile_m);
    p.by_panel = a->k <= GEMM_BLOCK || (long)p.rows * a->k <= PANEL_FLOATS;
    return p;
}

static size_t panel_floats(const gemm_job *job)
{
    return job->a->packed
               ? 0
               : (size_t)(kernels.gemm_f32->together * kernels.gemm_f32->tile_n * GEMM_BLOCK);
}

/* Working memory of a part; the first one needs the most. */
static size_t work_floats(const gemm_job *job, const gemm_part *p)
{
    int columns = p->by_panel ? p->together * kernels.gemm_f32->tile_n : job->columns;
    return panel_floats(job) + (size_t)job->rows * (size_t)columns;
}

static void compute_part(const gemm_job *job, gemm_part *p, float *work)
{
    p->panel = work;
    p->sums = work + panel_floats(job);
    if (job->streams)
        streamed_part(job->a, p);
    else
        packed_part(job->a, p);
}

static void run_part(void *arg, int part, int thread)
{
    const gemm_region *region = arg;
    int which = 0;
    for (; part >= region->jobs[which].n_parts; which++)
        part -= region->jobs[which].n_parts;
    const gemm_job *job = &region->jobs[which];
    gemm_part p = part_of(job, part);
    float *work = team_scratch(region->team, thread, work_floats(job, &p) * sizeof(float));
    if (job->before) {
        gemm_job first = *job;
        gemm_part its = p;
        first.a = job->before;
        if (job->a->packed)
            its.next = job->a->packed + p.col * packed_row(job->a->k);
        compute_part(&first, &its, work);
    }
    look_ahead(region, which, part, &p);
    compute_part(job, &p, work);
}

/* k of 0: the sums are 0. */
static void finish_without_sums(const gemm_args *a)
{
    static _Alignas(64) const float zeros[64];
    int tile_n = kernels.gemm_f32->tile_n;
    for (int i = 0; i < a->m; i++) {
        for (int col = 0; col < a->n; col += tile_n)
            kernels.gemm_f32->finish(a, zeros, i, 1, col, min_int(tile_n, a->n - col));
    }
}

/* One row of parts, each as large as the last ones of others still need to be for all threads to
 * end together. */
static void shrink_parts(gemm_job *job, int threads)
{
    int tile_n = kernels.gemm_f32->tile_n, left = divide_up(job->a->n, tile_n);
    int n = shrunk(job->a, threads, left);
    job->columns = n * tile_n;
    job->shrink_for = threads;
    for (job->n_parts = 0; left > threads * n; n = shrunk(job->a, threads, left)) {
        left -= threads * n;
        job->n_parts += threads;
    }
    job->n_parts += divide_up(left, n);
    job->n_column_parts = job->n_parts;
}

static gemm_job job_cut(const gemm_args *a, int row_parts, int column_parts)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    gemm_job job = {.a = a};
    job.rows = round_up(divide_up(a->m, row_parts), f->tile_m);
    job.columns = round_up(divide_up(a->n, column_parts), f->tile_n);
    job.n_column_parts = divide_up(a->n, job.columns);
    job.n_parts = divide_up(a->m, job.rows) * job.n_column_parts;
    return job;
}

/* Multiplications that the thread with the most parts has, and what it costs to begin them. */
static double longest(const gemm_job *job, int threads)
{
    double part = (double)min_int(job->rows, job->a->m) * min_int(job->columns, job->a->n);
    return divide_up(job->n_parts, threads) * (part * job->a->k + PART_PRODUCTS);
}

/* At least so many parts, and those of them that leave no thread with fewer than the others: nine
 * equal parts keep the second of two threads waiting for a tenth of the time. */
static gemm_job job_even(const gemm_args *a, int row_parts, int column_parts, int wanted,
                         int threads)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    int most_rows = divide_up(a->m, f->tile_m), most_columns = divide_up(a->n, f->tile_n);
    int least_columns = min_int(max_int(divide_up(wanted, row_parts), column_parts), most_columns);
    gemm_job best = job_cut(a, row_parts, least_columns);
    for (int i = 0; i < ROW_TRIES && row_parts + i <= most_rows; i++) {
        int columns = max_int(divide_up(wanted, row_parts + i), column_parts);
        for (int j = 0; j < COLUMN_TRIES && columns + j <= most_columns; j++) {
            gemm_job job = job_cut(a, row_parts + i, columns + j);
            if (longest(&job, threads) < longest(&best, threads))
                best = job;
        }
    }
    return best;
}

/* Cuts a product into parts. threads: that will share them; last: no other product follows in the
 * region. */
static gemm_job job_of(const gemm_args *a, int threads, bool last)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    bool narrow = a->packed && f->together > 1;
    int row_parts = divide_up(a->m, narrow ? ROWS_TOGETHER : ROWS);
    int column_parts = divide_up(a->n, narrow ? COLUMNS_TOGETHER : COLUMNS);
    bool small = (double)a->m * a->n * a->k < INLINE_PRODUCTS;
    bool streams = !a->packed && a->m <= f->stream_m;
    int wanted = threads * (streams ? STREAM_PARTS_PER_THREAD : PARTS_PER_THREAD);
    bool alone = threads == 1 || small;
    gemm_job job;
    if (!alone && a->m >= EVEN_ROWS) {
        job = job_even(a, row_parts, column_parts, wanted, threads);
    } else {
        if (!alone && row_parts * column_parts < wanted)
            column_parts = min_int(divide_up(wanted, row_parts), divide_up(a->n, f->tile_n));
        job = job_cut(a, row_parts, column_parts);
    }
    job.streams = streams;
    if (last && !alone && !streams && a->m <= TILES_FETCH * CHUNK)
        shrink_parts(&job, threads);
    return job;
}

static double operations(const gemm_args *list, int n_products)
{
    double sum = 0;
    for (int i = 0; i < n_products; i++)
        sum += 2.0 * list[i].m * list[i].n * list[i].k;
    return sum;
}

static void run_region(gemm_region *region)
{
    int n_parts = 0;
    for (int i = 0; i < region->n_jobs; i++)
        n_parts += region->jobs[i].n_parts;
    team_run(region->team, n_parts, run_part, region);
    region->n_jobs = 0;
}

/* Adds a product whose factor the last one makes: as one job, if both are cut alike. */
static void add_gated(gemm_region *region, gemm_job job)
{
    const gemm_job *last = &region->jobs[region->n_jobs - 1];
    assert(last->a->m == job.a->m && last->a->n == job.a->n && last->a->k == job.a->k);
    if (last->before || !last->a->packed != !job.a->packed) {
        run_region(region);
    } else {
        job.before = last->a;
        region->n_jobs--;
    }
    region->jobs[region->n_jobs++] = job;
}

void gemm_f32_all(team *t, const gemm_args *list, int n_products)
{
    PROFILE_WORK(PROFILE_GEMM, operations(list, n_products));
    gemm_region region = {.team = t};
    for (int i = 0; i < n_products; i++) {
        const gemm_args *a = &list[i];
        if (a->m <= 0 || a->n <= 0)
            continue;
        if (a->k <= 0) {
            finish_without_sums(a);
            continue;
        }
        gemm_job job = job_of(a, team_size(t), i == n_products - 1);
        if (i > 0 && a->factor && a->factor == list[i - 1].out)
            add_gated(&region, job);
        else
            region.jobs[region.n_jobs++] = job;
    }
    run_region(&region);
}

size_t gemm_f32_alone_floats(const gemm_args *a)
{
    if (a->m <= 0 || a->n <= 0 || a->k <= 0)
        return 0;
    gemm_job job = job_of(a, 1, true);
    gemm_part first = part_of(&job, 0);
    return work_floats(&job, &first);
}

void gemm_f32_alone(const gemm_args *a, float *work)
{
    if (a->m <= 0 || a->n <= 0)
        return;
    if (a->k <= 0) {
        finish_without_sums(a);
        return;
    }
    gemm_job job = job_of(a, 1, true);
    for (int i = 0; i < job.n_parts; i++) {
        gemm_part p = part_of(&job, i);
        compute_part(&job, &p, work);
    }
}

void gemm_f32(team *t, const gemm_args *a)
{
    gemm_f32_all(t, a, 1);
}
