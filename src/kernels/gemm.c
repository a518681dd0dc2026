/* The loops of f32 matrix products.
 *
 * Many rows: a part takes a block of rows and of columns. For each panel of columns, a slice of w
 * is packed into the first cache and used by all rows of the block, which are read from the
 * second. Few rows: the kernel reads w as it lies, once for every tile of rows.
 *
 * w is not packed ahead of time: packing costs 0.07 ns a value here, which is 6 % of the
 * work at 64 rows and less than 2 % at 256 (bench/kernels/README.md), against a private copy of
 * the weights or a prepared file.
 *
 * Every sum has the order that gemm.h states, whatever the blocks. */
#include "kernels/gemm.h"

#include "kernels/table.h"

enum {
    ROWS = 384,    /* of a part: 384 values of each are 0.6 MB of the second cache */
    COLUMNS = 256, /* of a part: their sums are 0.26 MB when k needs more blocks */
    PARTS_PER_THREAD =
        4, /* so that a thread that comes late or is slow leaves work to the others */
    STREAM_PARTS_PER_THREAD = 2,
    TILES_FETCH = 4, /* up to so many tiles of rows, tiles fetch the next panel themselves */
    CHUNK = 6,       /* rows between two visits to the epilogue and two shares of fetching ahead */
    INLINE_PRODUCTS = 32 * 1024, /* multiplications below which waking a thread does not pay */
};

typedef struct gemm_job {
    const gemm_args *a;
    team *team;
    int rows, columns; /* of a part */
    int n_column_parts;
    bool streams;
} gemm_job;

/* The extent of a part and its working memory. */
typedef struct gemm_part {
    int row, rows, col, cols;
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

/* All rows of a part times the panel of columns at col, over the values l .. l + k - 1. */
static void packed_panel(const gemm_args *a, const gemm_part *p, int col, int l, int k, float *sums)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    int left = p->col + p->cols - col, n = min_int(f->tile_n, left);
    const float *w = a->w + (long)col * a->k + l;
    bool last = l + k == a->k;
    int chunk = round_up(CHUNK, f->tile_m);
    int n_chunks = divide_up(p->rows, chunk);
    bool in_tiles = f->fetches && n_chunks <= TILES_FETCH && left > n;
    f->pack(w, a->k, n, k, p->panel);
    for (int i = 0; i < n_chunks; i++) {
        int row = i * chunk, rows = min_int(chunk, p->rows - row);
        const float *x = a->x + (long)(p->row + row) * a->ldx + l;
        /* A sum that ends here needs no place of its own. */
        float *c = l == 0 && last ? sums : sums + (long)row * f->tile_n;
        gemm_ahead ahead = {0};
        if (in_tiles)
            ahead = ahead_of(w + n * (long)a->k, a->k, i, n_chunks);
        else
            fetch_ahead(w + n * (long)a->k, a->k, min_int(left - n, f->tile_n), k, i, n_chunks);
        if (last)
            fetch_results(a, p->row + row, rows, col);
        f->tile(x, a->ldx, rows, p->panel, k, c, l > 0, ahead);
        if (last)
            f->finish(a, c, p->row + row, rows, col, n);
    }
}

static void packed_part(const gemm_args *a, const gemm_part *p)
{
    int tile_n = kernels.gemm_f32->tile_n;
    for (int l = 0; l < a->k; l += GEMM_BLOCK) {
        int k = min_int(GEMM_BLOCK, a->k - l);
        float *sums = p->sums;
        for (int col = p->col; col < p->col + p->cols; col += tile_n) {
            packed_panel(a, p, col, l, k, sums);
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

static void run_part(void *arg, int part, int thread)
{
    const gemm_job *job = arg;
    const gemm_args *a = job->a;
    int tile_n = kernels.gemm_f32->tile_n;
    size_t panel = (size_t)tile_n * GEMM_BLOCK;
    size_t sums = (size_t)job->rows * (size_t)(a->k > GEMM_BLOCK ? job->columns : tile_n);
    gemm_part p;
    p.row = part / job->n_column_parts * job->rows;
    p.rows = min_int(job->rows, a->m - p.row);
    p.col = part % job->n_column_parts * job->columns;
    p.cols = min_int(job->columns, a->n - p.col);
    p.panel = team_scratch(job->team, thread, (panel + sums) * sizeof(float));
    p.sums = p.panel + panel;
    if (job->streams)
        streamed_part(a, &p);
    else
        packed_part(a, &p);
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

void gemm_f32(team *t, const gemm_args *a)
{
    const gemm_f32_kernels *f = kernels.gemm_f32;
    if (a->m <= 0 || a->n <= 0)
        return;
    if (a->k <= 0) {
        finish_without_sums(a);
        return;
    }
    int row_parts = divide_up(a->m, ROWS);
    int column_parts = divide_up(a->n, COLUMNS);
    int threads = team_size(t);
    bool small = (double)a->m * a->n * a->k < INLINE_PRODUCTS;
    bool streams = a->m <= f->stream_m;
    int wanted = threads * (streams ? STREAM_PARTS_PER_THREAD : PARTS_PER_THREAD);
    if (threads == 1 || small)
        wanted = 1;
    if (row_parts * column_parts < wanted)
        column_parts = min_int(divide_up(wanted, row_parts), divide_up(a->n, f->tile_n));
    gemm_job job = {.a = a, .team = t, .streams = streams};
    job.rows = round_up(divide_up(a->m, row_parts), f->tile_m);
    job.columns = round_up(divide_up(a->n, column_parts), f->tile_n);
    job.n_column_parts = divide_up(a->n, job.columns);
    team_run(t, divide_up(a->m, job.rows) * job.n_column_parts, run_part, &job);
}
