/* The loops of products with packed int8 and bfloat16 weights.
 *
 * The rows of x are prepared (quantised or rounded) once for all products that share them, into
 * memory that the threads share, a block at a time that their caches hold. Then a part takes some
 * of the rows and some of the columns. For each tile's width of panels, which come from memory once
 * and stay in a near cache, it walks through its rows, which stay in the second cache. Long rows
 * are cut into slices; a sum simply goes on with the next slice, so that the cuts do not show in
 * the bits. */
#include "kernels/gemm_packed.h"

#include "base/own.h"
#include "base/profile.h"
#include "kernels/quantise.h"
#include "kernels/unroll.h"

#include <assert.h>
#include <string.h>

enum {
    BLOCK_BYTES = 4 << 20,  /* of prepared rows, in a cache that the threads share */
    THREAD_BYTES = 1 << 19, /* of prepared rows for each thread, half of its second cache */
    PART_BYTES = 384 << 10, /* of prepared rows of a part, in its second cache */
    PART_ROWS = 384,
    PART_COLUMNS = 256,
    SLICE_STEPS = 512, /* of panels: 2 of them are 64 KB */
    LINE = 64,
    ROWS_AHEAD = 2,             /* that are asked for while one is prepared */
    PARTS_PER_THREAD = 4,       /* so that a late thread leaves work to the others */
    INLINE_PRODUCTS = 96 << 10, /* multiplications below which waking a thread does not pay */
    INLINE_VALUES = 16 << 10,   /* and values to prepare */
};

/* A block of rows of x, prepared for all products that share it. */
typedef struct gemm_rows {
    const gemm_args *a; /* of one of the products */
    const gemm_packed *p;
    int first, n;
    char *values; /* ldx bytes apart */
    long ldx;
    float *scale;
} gemm_rows;

typedef struct gemm_job {
    const gemm_args *a;
    const gemm_packed *p;
    const gemm_args *before; /* a product of the same size that makes a's factor, part by part in
                                front of a's; or NULL */
    const gemm_packed *before_p;
    team *team;
    const gemm_rows *x;
    int rows, columns; /* of a part */
    int n_column_parts, n_parts;
    int width;       /* columns that are taken together */
    int slice_steps; /* steps that are taken together */
} gemm_job;

typedef struct gemm_region {
    gemm_job jobs[GEMM_TOGETHER];
    int n_jobs;
} gemm_region;

typedef struct gemm_part {
    int row, rows, col, cols; /* rows from the first one of the block */
    const char *next;         /* panels that this thread will probably want after the part */
    char *sums;
} gemm_part;

static long divide_up(long a, long b)
{
    return a / b + (a % b != 0);
}

static long round_up(long a, long multiple)
{
    return divide_up(a, multiple) * multiple;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

long gemm_packed_panels(int n)
{
    return divide_up(n, PANEL_COLUMNS);
}

long gemm_packed_steps(int k, int value_bytes)
{
    return round_up(divide_up((long)k * value_bytes, STEP_BYTES), PANEL_STEP_MULTIPLE);
}

bool gemm_packed_fits(int n, int k)
{
    return n >= 0 && n <= GEMM_PACKED_COLUMNS && k >= 0 && k <= GEMM_PACKED_VALUES;
}

size_t gemm_packed_bytes(int n, int k, int value_bytes)
{
    if (!gemm_packed_fits(n, k))
        return 0;
    return (size_t)gemm_packed_panels(n) * (size_t)gemm_packed_steps(k, value_bytes) *
           PANEL_STEP_BYTES;
}

/* Rows are an odd number of cache lines apart, or those of a tile would share the same few sets of
 * the first cache. */
static long row_bytes(const gemm_args *a, const gemm_packed *p)
{
    long values = gemm_packed_steps(a->k, p->value_bytes) * (STEP_BYTES / p->value_bytes);
    return (values * p->kernels->x_size / LINE | 1) * LINE;
}

/* --- packing --- */

/* A prepared row as a row of weights, in place: without what was added, and in their width. */
static void weights_of_row(const gemm_packed_kernels *f, int value_bytes, void *row, int k)
{
    int8_t *bytes = row;
    const int16_t *words = row;
    uint32_t *pairs = row;
    if (f->x_offset)
        for (int l = 0; l < k; l++)
            bytes[l] = (int8_t)(bytes[l] ^ f->x_offset);
    if (f->x_size == value_bytes)
        return;
    if (value_bytes == 1)
        for (int l = 0; l < k; l++)
            bytes[l] = (int8_t)words[l];
    else
        for (int l = 0; l < k; l += 2)
            pairs[l / 2] = pairs[l] >> 16 | (pairs[l + 1] & 0xffff0000);
}

static int32_t sum_of(const int8_t *values, int k)
{
    int32_t sum = 0;
    for (int l = 0; l < k; l++)
        sum += values[l];
    return sum;
}

/* Rows of steps, ldx bytes apart, in the order of a panel. */
static void turn_panel(const char *rows, long ldx, long steps, char *panel)
{
    for (long s = 0; s < steps; s++, rows += STEP_BYTES) {
        UNROLL
        for (int j = 0; j < PANEL_COLUMNS; j++, panel += STEP_BYTES)
            memcpy(panel, rows + j * ldx, STEP_BYTES);
    }
}

bool gemm_packed_fill(const gemm_packed_kernels *f, int value_bytes, const gemm_columns *c,
                      char *panels, float *scale, int32_t *offset)
{
    long steps = gemm_packed_steps(c->k, value_bytes), used = (long)c->k * value_bytes;
    long ldx = (steps * (STEP_BYTES / value_bytes) * f->x_size / LINE | 1) * LINE;
    own_mem char *rows = aligned_alloc(LINE, (size_t)ldx * PANEL_COLUMNS);
    assert(c->first % PANEL_COLUMNS == 0);
    if (!rows)
        return false;
    for (int col = 0; col < c->count; col += PANEL_COLUMNS, panels += steps * PANEL_STEP_BYTES) {
        float scales[PANEL_COLUMNS] = {0};
        for (int j = 0; j < PANEL_COLUMNS; j++) {
            char *row = rows + j * ldx;
            bool is = col + j < c->count;
            if (is) {
                f->prepare(c->w + (long)(col + j) * c->k, c->k, row, scales + j);
                weights_of_row(f, value_bytes, row, c->k);
            }
            memset(row + (is ? used : 0), 0, (size_t)(steps * STEP_BYTES - (is ? used : 0)));
            if (offset)
                offset[col + j] = QUANTISE_OFFSET * sum_of((const int8_t *)row, c->k);
        }
        if (scale)
            memcpy(scale + col, scales, sizeof scales);
        turn_panel(rows, ldx, steps, panels);
    }
    return true;
}

/* --- products --- */

static void fetch_row(const float *x, int k)
{
    for (int l = 0; l < k; l += LINE / (int)sizeof(float))
        __builtin_prefetch(x + l, 0, 3);
}

static void prepare_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const gemm_rows *x = arg;
    const gemm_args *a = x->a;
    for (long i = begin; i < end; i++) {
        if (i + ROWS_AHEAD < end)
            fetch_row(a->x + (x->first + i + ROWS_AHEAD) * a->ldx, a->k);
        x->p->kernels->prepare(a->x + (x->first + i) * a->ldx, a->k, x->values + i * x->ldx,
                               x->scale + i);
    }
}

static void finish_tile(const gemm_job *job, const gemm_part *part, const void *c, int row,
                        int rows, int col, int cols)
{
    const gemm_packed *p = job->p;
    gemm_sums s = {.c = c, .x_scale = job->x->scale + part->row + row};
    s.w_scale = p->w_scale ? p->w_scale + col : NULL;
    s.offset = p->offset ? p->offset + col : NULL;
    p->kernels->finish(job->a, &s, job->x->first + part->row + row, rows, col, cols);
}

/* Asks for the places of results, so that the stores do not wait for them. */
static void fetch_results(const gemm_args *a, int row, int rows, int col, int cols)
{
    for (int i = row; i < row + rows; i++) {
        const float *out = a->out + i * a->ldo + col;
        for (int j = 0; j < cols; j += LINE / (int)sizeof(float))
            __builtin_prefetch(out + j, 1, 3);
    }
}

static const char *panels_of(const gemm_packed *p, const gemm_args *a, int col)
{
    return p->panels +
           col / PANEL_COLUMNS * gemm_packed_steps(a->k, p->value_bytes) * PANEL_STEP_BYTES;
}

/* All rows of a part times the panels of a tile's width at col, over some steps of k. */
static void tile_column(const gemm_job *job, const gemm_part *part, int col, int step, int steps,
                        char *sums)
{
    const gemm_packed *p = job->p;
    const gemm_packed_kernels *f = p->kernels;
    long all_steps = gemm_packed_steps(job->a->k, p->value_bytes);
    long panel_bytes = all_steps * PANEL_STEP_BYTES;
    int cols = min_int(job->width, part->col + part->cols - col);
    int n_panels = (int)gemm_packed_panels(cols);
    const char *w = panels_of(p, job->a, col) + (long)step * PANEL_STEP_BYTES;
    int values = STEP_BYTES / p->value_bytes;
    bool last = step + steps == all_steps;
    const char *next = col + job->width < part->col + part->cols ? w + n_panels * panel_bytes
                       : last                                    ? part->next
                                                                 : NULL;
    /* Few rows go through the weights so fast that the processor sees what comes. */
    long ahead = next && job->x->n > f->stream_m ? next - w : 0;
    const char *x = job->x->values + part->row * job->x->ldx + (long)step * values * f->x_size;
    size_t tile_bytes = (size_t)f->tile_m * (size_t)f->tile_n * sizeof(float);
    for (int row = 0; row < part->rows; row += f->tile_m) {
        int rows = min_int(f->tile_m, part->rows - row);
        if (last)
            fetch_results(job->a, job->x->first + part->row + row, rows, col, cols);
        f->tile(x + row * job->x->ldx, job->x->ldx, rows, w, panel_bytes, n_panels, steps, sums,
                step > 0, row == 0 ? ahead : 0);
        if (last)
            finish_tile(job, part, sums, row, rows, col, cols);
        /* A sum that ends with its first slice needs no place of its own. */
        if (step > 0 || !last)
            sums += tile_bytes;
    }
}

/* The first panels of the part that this thread takes next if the threads take turns. */
static const char *look_ahead(const gemm_region *r, const gemm_job *job, int index)
{
    const gemm_job *end = r->jobs + r->n_jobs;
    index += team_size(job->team);
    while (job < end && index >= job->n_parts)
        index -= job++->n_parts;
    if (job == end)
        return NULL;
    const gemm_packed *p = job->before ? job->before_p : job->p;
    return panels_of(p, job->a, index % job->n_column_parts * job->columns);
}

static void multiply_part(const gemm_job *job, const gemm_part *part, size_t column)
{
    int all_steps = (int)gemm_packed_steps(job->a->k, job->p->value_bytes);
    bool sliced = all_steps > job->slice_steps;
    for (int step = 0; step < all_steps; step += job->slice_steps) {
        int steps = min_int(job->slice_steps, all_steps - step);
        char *sums = part->sums;
        for (int col = part->col; col < part->col + part->cols; col += job->width) {
            tile_column(job, part, col, step, steps, sums);
            sums += sliced ? column : 0;
        }
    }
}

static void run_part(void *arg, int index, int thread)
{
    const gemm_region *region = arg;
    const gemm_job *job = region->jobs;
    for (; index >= job->n_parts; job++)
        index -= job->n_parts;
    const gemm_packed_kernels *f = job->p->kernels;
    int all_steps = (int)gemm_packed_steps(job->a->k, job->p->value_bytes);
    gemm_part part;
    part.row = index / job->n_column_parts * job->rows;
    part.rows = min_int(job->rows, job->x->n - part.row);
    part.col = index % job->n_column_parts * job->columns;
    part.cols = min_int(job->columns, job->a->n - part.col);
    size_t column = (size_t)round_up(part.rows, f->tile_m) * (size_t)f->tile_n * sizeof(float);
    bool sliced = all_steps > job->slice_steps;
    size_t columns = sliced ? (size_t)divide_up(part.cols, job->width) : 1;
    part.sums = team_scratch(job->team, thread, column * columns);
    part.next = look_ahead(region, job, index);
    if (f->enter)
        f->enter(part.rows);
    if (job->before) {
        gemm_job first = *job;
        first.a = job->before;
        first.p = job->before_p;
        gemm_part own = part;
        own.next = panels_of(job->p, job->a, part.col);
        multiply_part(&first, &own, column);
    }
    multiply_part(job, &part, column);
    if (f->leave)
        f->leave();
}

/* Few rows read the weights as they come, from one end of the packed form to the other. */
static void choose_slices(gemm_job *job)
{
    const gemm_packed_kernels *f = job->p->kernels;
    bool streams = job->x->n <= f->stream_m;
    job->width = streams ? PANEL_COLUMNS : f->tile_n;
    int steps = (int)gemm_packed_steps(job->a->k, job->p->value_bytes);
    job->slice_steps = job->x->n <= f->tile_m ? steps : SLICE_STEPS;
}

/* wanted: parts, at least, if there are columns enough. */
static void cut(gemm_job *job, int wanted)
{
    const gemm_args *a = job->a;
    const gemm_packed_kernels *f = job->p->kernels;
    choose_slices(job);
    long slice = (long)SLICE_STEPS * STEP_BYTES / job->p->value_bytes * f->x_size;
    long part_rows = PART_BYTES / (job->x->ldx < slice ? job->x->ldx : slice);
    part_rows = part_rows < f->tile_m ? f->tile_m : part_rows < PART_ROWS ? part_rows : PART_ROWS;
    int row_parts = (int)divide_up(job->x->n, part_rows);
    int column_parts = (int)divide_up(a->n, PART_COLUMNS);
    if (row_parts * column_parts < wanted)
        column_parts = min_int((int)divide_up(wanted, row_parts), (int)divide_up(a->n, f->tile_n));
    job->rows = (int)round_up(divide_up(job->x->n, row_parts), f->tile_m);
    job->columns = (int)round_up(divide_up(a->n, column_parts), f->tile_n);
    job->n_column_parts = (int)divide_up(a->n, job->columns);
    job->n_parts = (int)divide_up(job->x->n, job->rows) * job->n_column_parts;
}

static void multiply(team *t, gemm_region *region)
{
    int threads = team_size(t), n_parts = 0;
    double products = 0;
    for (int i = 0; i < region->n_jobs; i++) {
        const gemm_job *job = &region->jobs[i];
        products += (job->before ? 2.0 : 1.0) * job->x->n * job->a->n * job->a->k;
    }
    int wanted = threads == 1 || products < INLINE_PRODUCTS ? 1 : threads * PARTS_PER_THREAD;
    for (int i = 0; i < region->n_jobs; i++) {
        cut(&region->jobs[i], (int)divide_up(wanted, region->n_jobs));
        n_parts += region->jobs[i].n_parts;
    }
    team_run(t, n_parts, run_part, region);
}

/* k of 0: the sums are 0. */
static void finish_without_sums(const gemm_args *a, const gemm_packed *p)
{
    enum { ZEROS = 64 };
    static _Alignas(LINE) const int32_t zeros[ZEROS];
    static const float scale = 0;
    int tile_n = p->kernels->tile_n;
    for (int row = 0; row < a->m; row++) {
        for (int col = 0; col < a->n; col += tile_n) {
            gemm_sums s = {zeros, &scale, p->w_scale, p->offset};
            p->kernels->finish(a, &s, row, 1, col, min_int(tile_n, a->n - col));
        }
    }
}

/* Products of the same rows. */
static void run_together(team *t, gemm_region *region)
{
    const gemm_args *a = region->jobs[0].a;
    const gemm_packed *p = region->jobs[0].p;
    int tile_m = p->kernels->tile_m;
    gemm_rows x = {.a = a, .p = p, .ldx = row_bytes(a, p)};
    long block = (long)THREAD_BYTES * team_size(t);
    long rows = round_up(divide_up(block < BLOCK_BYTES ? block : BLOCK_BYTES, x.ldx), tile_m);
    rows = rows < a->m ? rows : a->m;
    /* Whole tiles are read, so their rows must exist. */
    size_t bytes = (size_t)round_up(rows, tile_m) * (size_t)x.ldx;
    x.values = team_shared(t, bytes + (size_t)rows * sizeof(float));
    x.scale = (float *)(void *)(x.values + bytes);
    for (int i = 0; i < region->n_jobs; i++)
        region->jobs[i].x = &x;
    for (x.first = 0; x.first < a->m; x.first += x.n) {
        x.n = min_int((int)rows, a->m - x.first);
        if ((long)x.n * a->k < INLINE_VALUES)
            prepare_rows(&x, 0, x.n, 0);
        else
            team_for(t, x.n, divide_up(INLINE_VALUES / 2, a->k), prepare_rows, &x);
        multiply(t, region);
    }
}

static bool same_rows(const gemm_args *a, const gemm_args *b)
{
    return a->x == b->x && a->ldx == b->ldx && a->m == b->m && a->k == b->k;
}

static double operations(const gemm_args *list, int n_products)
{
    double sum = 0;
    for (int i = 0; i < n_products; i++)
        sum += 2.0 * list[i].m * list[i].n * list[i].k;
    return sum;
}

void gemm_packed_run(team *t, const gemm_args *list, const gemm_packed *packed, int n_products)
{
    PROFILE_WORK(PROFILE_GEMM, operations(list, n_products));
    gemm_region region = {.n_jobs = 0};
    for (int i = 0; i < n_products; i++) {
        const gemm_args *a = &list[i];
        if (a->m <= 0 || a->n <= 0)
            continue;
        if (a->k <= 0) {
            finish_without_sums(a, &packed[i]);
            continue;
        }
        gemm_job job = {.a = a, .p = &packed[i], .team = t};
        bool gated = i > 0 && a->factor && a->factor == list[i - 1].out;
        const gemm_job *last = region.n_jobs > 0 ? &region.jobs[region.n_jobs - 1] : NULL;
        if (last && (!same_rows(last->a, a) || (gated && last->before))) {
            run_together(t, &region);
            region.n_jobs = 0;
        } else if (last && gated) {
            assert(last->a->n == a->n);
            job.before = last->a;
            job.before_p = last->p;
            region.n_jobs--;
        }
        region.jobs[region.n_jobs++] = job;
    }
    if (region.n_jobs > 0)
        run_together(t, &region);
}
