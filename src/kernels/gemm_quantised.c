/* The loops of products with quantised weights.
 *
 * A part takes a block of rows and of columns and quantises its rows for itself: that is little
 * work beside the columns. Few rows share each block of w once it is taken apart; for many rows a
 * slice of w that fits the second cache is gone over again. Every sum is made by one thread in one
 * order. */
#include "kernels/gemm_quantised.h"

#include "base/profile.h"

#include "kernels/gemm_quantised_x.h"

enum {
    ROWS = 64,                   /* of a part, at most */
    ROWS_BYTES = 1 << 20,        /* of a part's rows, about */
    SLICE_BYTES = 256 * 1024,    /* of w, gone over by all rows of a part */
    COLUMNS = 512,               /* of a part, at least, if there are enough */
    INLINE_PRODUCTS = 64 * 1024, /* multiplications below which waking a thread does not pay */
    STEP = 64,                   /* columns; tiles of the epilogue divide it */
    MOST_COLUMNS = 1024,         /* of a slice */
    BLOCKED_ROWS = 16,           /* from which small blocks are taken with x in the first cache */
};

typedef struct quantised_job {
    const gemm_args *a;
    team *team;
    enum quantised_type type;
    const uint8_t *w;
    size_t w_size, row_size; /* bytes of a row of w and of one of x, quantised */
    int rows, columns, n_column_parts;
    int slice; /* columns gone over by all rows of a part, if blocks of k are */
} quantised_job;

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

/* What a thread works with: its rows of x, sums in panels of the epilogue's width. */
typedef struct quantised_part {
    const quantised_job *job;
    const char *x;
    float *sums;
    int row, rows;
} quantised_part;

/* The values l .. l + k - 1 of a panel of columns; the last ones go on to the epilogue, which is
 * that of f32 products. */
static void run_panel(const quantised_part *p, int col, int cols, int l, int k, float *sums)
{
    const quantised_job *job = p->job;
    const quantised_format *f = &quantised_formats[job->type];
    int tile_m = kernels.gemm_quantised->tile_m, ldc = kernels.gemm_f32->tile_n;
    bool last = l + k == job->a->k, whole = l == 0 && last;
    const uint8_t *w = job->w + (size_t)col * job->w_size + (size_t)(l / f->values * f->bytes);
    for (int i = 0; i < p->rows; i += tile_m) {
        int m = min_int(tile_m, p->rows - i);
        float *c = whole ? sums : sums + (long)i * ldc;
        kernels.gemm_quantised->dot(job->type,
                                    p->x + (size_t)i * job->row_size + chunks_size(job->type, l),
                                    job->row_size, m, w, job->w_size, cols, k, c, ldc, l > 0);
        if (last)
            kernels.gemm_f32->finish(job->a, c, p->row + i, m, col, cols);
    }
}

/* For many rows, x of the small types, 2.5 bytes a value, has to come from the first cache: 8 rows
 * of 4096 values do not fit, and would be read from the second for every column (100 GFLOP/s, 128
 * so). The K types gain nothing. */
static void run_slice(const quantised_part *p, int col, int end)
{
    int k = p->job->a->k, tile_n = kernels.gemm_f32->tile_n;
    bool blocked = p->rows >= BLOCKED_ROWS && quantised_formats[p->job->type].values == 32;
    int step = blocked && k > GEMM_QUANTISED_BLOCK ? GEMM_QUANTISED_BLOCK : k;
    int l = 0;
    do {
        float *sums = p->sums;
        int values = min_int(step, k - l);
        for (int j = col; j < end; j += tile_n) {
            run_panel(p, j, min_int(tile_n, end - j), l, values, sums);
            if (step < k)
                sums += (long)p->rows * tile_n;
        }
        l += values;
    } while (l < k);
}

static void run_part(void *arg, int part, int thread)
{
    const quantised_job *job = arg;
    const gemm_args *a = job->a;
    quantised_part p = {.job = job, .row = part / job->n_column_parts * job->rows};
    p.rows = min_int(job->rows, a->m - p.row);
    int col = part % job->n_column_parts * job->columns, end = min_int(col + job->columns, a->n);
    size_t sums_size = (size_t)(job->rows * job->slice) * sizeof(float);
    p.sums = team_scratch(job->team, thread, sums_size + (size_t)p.rows * job->row_size);
    char *x = (char *)p.sums + sums_size;
    p.x = x;
    for (int i = 0; i < p.rows; i++)
        kernels.gemm_quantised->quantise(job->type, a->x + (p.row + i) * a->ldx, a->k,
                                         x + (size_t)i * job->row_size);
    for (int next; col < end; col = next) {
        next = end - col < job->slice ? end : col + job->slice;
        run_slice(&p, col, next);
    }
}

void gemm_quantised(team *t, const gemm_args *a, enum quantised_type type, const void *w)
{
    PROFILE_WORK(PROFILE_GEMM, 2.0 * a->m * a->n * a->k);
    if (a->m <= 0 || a->n <= 0)
        return;
    assert(a->k % quantised_formats[type].values == 0);
    quantised_job job = {.a = a, .team = t, .type = type, .w = w};
    job.w_size = quantised_row_bytes(type, a->k);
    job.row_size = chunks_size(type, a->k);
    int fit = (int)(ROWS_BYTES / (job.row_size + 1));
    int row_parts = divide_up(a->m, max_int(kernels.gemm_quantised->tile_m, min_int(fit, ROWS)));
    bool alone = team_size(t) == 1 || (double)a->m * a->n * a->k < INLINE_PRODUCTS;
    int wanted = alone ? 1 : 4 * team_size(t);
    int column_parts = max_int(1, min_int(divide_up(wanted, row_parts), a->n / COLUMNS));
    if (!alone)
        column_parts = max_int(column_parts, divide_up(team_size(t), row_parts));
    job.rows = divide_up(a->m, row_parts);
    job.rows = divide_up(job.rows, kernels.gemm_quantised->tile_m) * kernels.gemm_quantised->tile_m;
    int slice = job.w_size > 0 ? (int)(SLICE_BYTES / job.w_size) / STEP * STEP : 0;
    job.slice = max_int(STEP, min_int(slice, MOST_COLUMNS));
    job.columns = divide_up(divide_up(a->n, column_parts), STEP) * STEP;
    job.n_column_parts = divide_up(a->n, job.columns);
    team_run(t, divide_up(a->m, job.rows) * job.n_column_parts, run_part, &job);
}
