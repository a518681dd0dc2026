/* The loops of f32 matrix products.
 *
 * Many rows: a part takes a block of rows and of columns. For each panel of columns, a slice of w
 * comes into the first cache (packed here, or as it was packed ahead of time) and is used by all
 * rows of the block, which are read from the second. Few rows of unpacked weights: the kernel reads
 * w as it lies, once for every tile of rows.
 *
 * Every sum has the order that gemm.h states, whatever the blocks. */
#include "kernels/gemm.h"

#include "base/profile.h"
#include "kernels/table.h"

enum {
    ROWS = 384,    /* of a part: 384 values of each are 0.6 MB of the second cache */
    COLUMNS = 256, /* of a part: their sums are 0.26 MB when k needs more blocks */
    PARTS_PER_THREAD =
        4, /* so that a thread that comes late or is slow leaves work to the others */
    STREAM_PARTS_PER_THREAD = 2,
    FETCH_ROWS = 4,  /* with fewer, packed weights come as fast by themselves or faster */
    TILES_FETCH = 4, /* up to so many tiles of rows, tiles fetch the next panel themselves */
    PANEL_FLOATS =
        96 * 1024, /* of x, which all panels of a part read again from the second cache */
    CHUNK = 6,     /* rows between two visits to the epilogue and two shares of fetching ahead */
    INLINE_PRODUCTS = 32 * 1024, /* multiplications below which waking a thread does not pay */
};

typedef struct gemm_job {
    const gemm_args *a;
    int rows, columns; /* of a part */
    int n_column_parts, n_parts;
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
    bool by_panel;     /* all of k for one panel before the next: rows that fit the second cache */
    const float *next; /* packed panel that this thread will probably want after the part */
    float *panel, *sums;
} gemm_part;

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static int divide_up(int a, int b)
{
    return a / b + (a % b != 0);
}

static int round_up(int a, int multiple)
{
    return divide_up(a, multiple) * multiple;
}

/* Asks for a share of w[n][k] ahead of its packing: the rows are short and far apart, which the
 * processor's own prefetchers do not see coming. The shares 0 .. n_shares - 1 are all of it; many
 * small ones matter, as a processor waits for more than some 24 lines at a time (64 rows of
 * 1536 x 384 from memory: 82 GFLOP/s without, 97 with 4 shares, 102 with 11). */
static void fetch_ahead(const float *w, long ldw, int n, int k, int share, int n_shares)
{
    enum { LINE = 16 };
    int lines = divide_up(k, LINE), end = (int)((long)lines * (share + 1) / n_shares);
    for (int line = (int)((long)lines * share / n_shares); line < end; line++) {
        for (int j = 0; j < n; j++)
            __builtin_prefetch(w + j * ldw + line * LINE, 0, 2);
    }
}

/* For few rows the tiles ask for the next panel themselves, each for its part of the rows. */
static gemm_ahead ahead_of(const float *w, long ldw, int share, int n_shares)
{
    int rows = n_shares == 1 ? 16 : n_shares == 2 ? 8 : 4;
    return (gemm_ahead){w + (long)share * rows * ldw, ldw, rows};
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

void gemm_f32_pack(const float *w, int n, int k, void *packed)
{
    int tile_n = kernels.gemm_f32->tile_n;
    for (int col = 0; col < n; col += tile_n) {
        float *panel = (float *)packed + col * packed_row(k);
        for (int l = 0; l < k; l += GEMM_BLOCK)
            kernels.gemm_f32->pack(w + (long)col * k + l, k, min_int(tile_n, n - col),
                                   min_int(GEMM_BLOCK, k - l), panel + (long)l * tile_n);
    }
}

/* One of the shares in which a packed panel is asked for: in tiles as long as they are few, else
 * between them. */
static gemm_ahead packed_ahead(const float *panel, int k, int share, int n_shares)
{
    enum { LINE = 16 };
    int tile_n = kernels.gemm_f32->tile_n, steps = divide_up(k, 4);
    if (n_shares <= TILES_FETCH) {
        int lines = divide_up(tile_n / 4, n_shares); /* all of the panel; the last may have none */
        const float *from = panel + (long)share * lines * steps * LINE;
        return (gemm_ahead){.w = from,
                            .lines = from < panel + (long)steps * 4 * tile_n ? lines : 0};
    }
    long all = (long)steps * tile_n / 4, end = all * (share + 1) / n_shares;
    for (long line = all * share / n_shares; line < end; line++)
        __builtin_prefetch(panel + line * LINE, 0, 2);
    return (gemm_ahead){0};
}

/* What is wanted after the panel at col and the values l .. l + k - 1. */
static const float *packed_next(const gemm_args *a, const gemm_part *p, int col, int l, int k)
{
    int tile_n = kernels.gemm_f32->tile_n;
    bool last_panel = col + tile_n >= p->col + p->cols;
    const float *panel = a->packed + col * packed_row(a->k);
    if (p->by_panel && l + k < a->k)
        return panel + (long)(l + k) * tile_n;
    if (last_panel)
        return p->next;
    return panel + tile_n * packed_row(a->k) + (p->by_panel ? 0 : (long)l * tile_n);
}

/* Asks for a share of what the next panel is made from. */
static gemm_ahead fetch_next(const gemm_args *a, const gemm_part *p, int col, int l, int k,
                             int share, int n_shares)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    if (a->packed) {
        const float *next = p->rows < FETCH_ROWS ? NULL : packed_next(a, p, col, l, k);
        return next ? packed_ahead(next, k, share, n_shares) : (gemm_ahead){0};
    }
    int left = p->col + p->cols - col - f->tile_n;
    const float *w = a->w + (long)(col + f->tile_n) * a->k + l;
    if (f->fetches && n_shares <= TILES_FETCH && left > 0)
        return ahead_of(w, a->k, share, n_shares);
    fetch_ahead(w, a->k, min_int(left, f->tile_n), k, share, n_shares);
    return (gemm_ahead){0};
}

/* All rows of a part times the panel of columns at col, over the values l .. l + k - 1. */
static void packed_panel(const gemm_args *a, const gemm_part *p, int col, int l, int k, float *sums)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    int n = min_int(f->tile_n, p->col + p->cols - col);
    const float *panel = p->panel;
    bool last = l + k == a->k;
    int chunk = round_up(CHUNK, f->tile_m), n_chunks = divide_up(p->rows, chunk);
    if (a->packed)
        panel = a->packed + col * packed_row(a->k) + (long)l * f->tile_n;
    else
        f->pack(a->w + (long)col * a->k + l, a->k, n, k, p->panel);
    for (int i = 0; i < n_chunks; i++) {
        int row = i * chunk, rows = min_int(chunk, p->rows - row);
        const float *x = a->x + (long)(p->row + row) * a->ldx + l;
        /* A sum that ends here needs no place of its own. */
        float *c = l == 0 && last ? sums : sums + (long)row * f->tile_n;
        gemm_ahead ahead = fetch_next(a, p, col, l, k, i, n_chunks);
        if (last)
            fetch_results(a, p->row + row, rows, col);
        f->tile(x, a->ldx, rows, panel, k, c, l > 0, ahead);
        if (last)
            f->finish(a, c, p->row + row, rows, col, n);
    }
}

static void packed_part(const gemm_args *a, const gemm_part *p)
{
    int tile_n = kernels.gemm_f32->tile_n, end = p->col + p->cols;
    for (int col = p->col; p->by_panel && col < end; col += tile_n)
        for (int l = 0; l < a->k; l += GEMM_BLOCK)
            packed_panel(a, p, col, l, min_int(GEMM_BLOCK, a->k - l), p->sums);
    for (int l = 0; !p->by_panel && l < a->k; l += GEMM_BLOCK) {
        float *sums = p->sums;
        for (int col = p->col; col < end; col += tile_n) {
            packed_panel(a, p, col, l, min_int(GEMM_BLOCK, a->k - l), sums);
            if (a->k > GEMM_BLOCK)
                sums += (long)p->rows * tile_n;
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

/* The first panel of the part that this thread takes next if the threads take turns. */
static const float *panel_after(const gemm_region *r, int job, int part)
{
    part += team_size(r->team);
    while (job < r->n_jobs && part >= r->jobs[job].n_parts)
        part -= r->jobs[job++].n_parts;
    if (job == r->n_jobs || !r->jobs[job].a->packed)
        return NULL;
    const gemm_job *j = &r->jobs[job];
    return j->a->packed + part % j->n_column_parts * j->columns * packed_row(j->a->k);
}

static gemm_part part_of(const gemm_job *job, int part)
{
    const gemm_args *a = job->a;
    gemm_part p = {0};
    p.row = part / job->n_column_parts * job->rows;
    p.rows = min_int(job->rows, a->m - p.row);
    p.col = part % job->n_column_parts * job->columns;
    p.cols = min_int(job->columns, a->n - p.col);
    p.by_panel = a->k <= GEMM_BLOCK || (long)p.rows * a->k <= PANEL_FLOATS;
    return p;
}

static size_t panel_floats(const gemm_job *job)
{
    return job->a->packed ? 0 : (size_t)kernels.gemm_f32->tile_n * GEMM_BLOCK;
}

/* Working memory of a part; the first one needs the most. */
static size_t work_floats(const gemm_job *job, const gemm_part *p)
{
    int columns = p->by_panel ? kernels.gemm_f32->tile_n : job->columns;
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
    p.next = panel_after(region, which, part);
    compute_part(job, &p, team_scratch(region->team, thread, work_floats(job, &p) * sizeof(float)));
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

/* Cuts a product into parts. threads: that will share them. */
static gemm_job job_of(const gemm_args *a, int threads)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    int row_parts = divide_up(a->m, ROWS);
    int column_parts = divide_up(a->n, COLUMNS);
    bool small = (double)a->m * a->n * a->k < INLINE_PRODUCTS;
    bool streams = !a->packed && a->m <= f->stream_m;
    int wanted = threads * (streams ? STREAM_PARTS_PER_THREAD : PARTS_PER_THREAD);
    if (threads == 1 || small)
        wanted = 1;
    if (row_parts * column_parts < wanted)
        column_parts = min_int(divide_up(wanted, row_parts), divide_up(a->n, f->tile_n));
    gemm_job job = {.a = a, .streams = streams};
    job.rows = round_up(divide_up(a->m, row_parts), f->tile_m);
    job.columns = round_up(divide_up(a->n, column_parts), f->tile_n);
    job.n_column_parts = divide_up(a->n, job.columns);
    job.n_parts = divide_up(a->m, job.rows) * job.n_column_parts;
    return job;
}

static double operations(const gemm_args *list, int n_products)
{
    double sum = 0;
    for (int i = 0; i < n_products; i++)
        sum += 2.0 * list[i].m * list[i].n * list[i].k;
    return sum;
}

void gemm_f32_all(team *t, const gemm_args *list, int n_products)
{
    PROFILE_WORK(PROFILE_GEMM, operations(list, n_products));
    gemm_region region = {.team = t};
    int n_parts = 0;
    for (int i = 0; i < n_products; i++) {
        const gemm_args *a = &list[i];
        if (a->m <= 0 || a->n <= 0)
            continue;
        if (a->k <= 0) {
            finish_without_sums(a);
            continue;
        }
        gemm_job job = job_of(a, team_size(t));
        region.jobs[region.n_jobs++] = job;
        n_parts += job.n_parts;
    }
    team_run(t, n_parts, run_part, &region);
}

size_t gemm_f32_alone_floats(const gemm_args *a)
{
    if (a->m <= 0 || a->n <= 0 || a->k <= 0)
        return 0;
    gemm_job job = job_of(a, 1);
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
    gemm_job job = job_of(a, 1);
    for (int i = 0; i < job.n_parts; i++) {
        gemm_part p = part_of(&job, i);
        compute_part(&job, &p, work);
    }
}

void gemm_f32(team *t, const gemm_args *a)
{
    gemm_f32_all(t, a, 1);
}
