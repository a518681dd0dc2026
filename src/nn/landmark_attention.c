/* With the landmarks' queries q~ and keys k~, all softmaxes over rows:
 *
 *     out = softmax(q k~^T) pinv(softmax(q~ k~^T)) softmax(q~ k^T) v + conv(v)
 *
 * The pseudo-inverse is found by six steps of an iteration (section 3, "Moore-Penrose"), which
 * starts from the transpose over the largest sum of a column of any head, as the reference has
 * it. The product is made from the right: all of it is small but for the two outer matrices. */
#include "nn/landmark_attention.h"
#include "base/profile.h"
#include "kernels/attention.h"
#include "kernels/gemm.h"
#include "kernels/rows.h"
#include "nn/filter.h"

#include <math.h>
#include <string.h>

enum { STEPS = 6, SQUARES = 4 };

/* Parts of the working memory behind query, key, value and what is mixed of them. */
struct room {
    float *query_marks, *key_marks; /* [heads][landmarks][head_dim] */
    float *kernels;                 /* [heads][landmarks][landmarks] */
    float *to_marks;                /* [n_rows][landmarks]; from_marks: [landmarks][n_seen] */
    float *from_marks;
    float *keys, *values;      /* of a head: [n_rows][head_dim], [head_dim][n_seen] */
    float *squares;            /* SQUARES of [landmarks][landmarks] */
    float *gathered, *blended; /* [head_dim][landmarks] */
};

static size_t room_floats(const landmark_attention *m, int n_rows)
{
    size_t n = (size_t)n_rows, l = (size_t)m->landmarks, heads = (size_t)m->heads;
    size_t dim = (size_t)m->out.in / heads;
    return m->landmarks
               ? heads * l * (2 * dim + l) + 2 * n * (l + dim) + SQUARES * l * l + 2 * dim * l
               : 0;
}

static struct room cut(const landmark_attention *m, int n_rows, float *work)
{
    size_t n = (size_t)n_rows, l = (size_t)m->landmarks, heads = (size_t)m->heads;
    size_t dim = (size_t)m->out.in / heads;
    struct room r = {.query_marks = work};
    r.key_marks = r.query_marks + heads * l * dim;
    r.kernels = r.key_marks + heads * l * dim;
    r.to_marks = r.kernels + heads * l * l;
    r.from_marks = r.to_marks + n * l;
    r.keys = r.from_marks + n * l;
    r.values = r.keys + n * dim;
    r.squares = r.values + n * dim;
    r.gathered = r.squares + SQUARES * l * l;
    r.blended = r.gathered + dim * l;
    return r;
}

size_t landmark_attention_work(const landmark_attention *m, int n_rows)
{
    return 4 * (size_t)n_rows * (size_t)m->out.in + room_floats(m, n_rows);
}

/* Queries and keys share the scale of their product, as the reference has it. */
static void project(const landmark_attention *m, team *t, const float *x, int n, float *query,
                    float *key, float *value)
{
    float root = (float)sqrt(sqrt(m->out.in / m->heads));
    linear_run(&m->query, t, x, ACT_NONE, query, n);
    linear_run(&m->key, t, x, ACT_NONE, key, n);
    linear_run(&m->value, t, x, ACT_NONE, value, n);
    for (size_t i = 0; i < (size_t)n * (size_t)m->out.in; i++) {
        query[i] /= root;
        key[i] /= root;
    }
}

static void finish(const landmark_attention *m, team *t, const ragged *r, const float *value,
                   float *mixed, float *y)
{
    filter_run(&(filter){.r = r,
                         .x = value,
                         .width = m->out.in,
                         .kind = FILTER_HEADS,
                         .kernels = m->kernels,
                         .heads = m->heads,
                         .kernel_width = m->kernel_width,
                         .out = mixed,
                         .ldo = m->out.in,
                         .adds = true},
               t);
    linear_run(&m->out, t, mixed, ACT_NONE, y, ragged_rows(r));
}

void landmark_attention_run(const landmark_attention *m, team *t, const ragged *r, const float *x,
                            float *y, float *work)
{
    PROFILE(PROFILE_ATTENTION);
    int n = ragged_rows(r), hidden = m->out.in;
    size_t part = (size_t)n * (size_t)hidden;
    float *query = work, *key = query + part, *value = key + part, *mixed = value + part;
    project(m, t, x, n, query, key, value);
    attention_f32(t, &(attention_args){.q = query,
                                       .k = key,
                                       .v = value,
                                       .ldq = hidden,
                                       .ldk = hidden,
                                       .ldv = hidden,
                                       .out = mixed,
                                       .ldo = hidden,
                                       .start = r->start,
                                       .n_seq = r->n_seq,
                                       .heads = m->heads,
                                       .head_dim = hidden / m->heads,
                                       .may_round = linear_is_low(&m->query),
                                       .scale = 1});
    finish(m, t, r, value, mixed, y);
}

/* out [rows][columns] = x [rows][inner] times the transpose of w [columns][inner]. */
static void multiply(team *t, const float *x, int ldx, const float *w, float *out, int ldo,
                     int rows, int columns, int inner)
{
    gemm_f32(t, &(gemm_args){.x = x,
                             .ldx = ldx,
                             .w = w,
                             .out = out,
                             .ldo = ldo,
                             .m = rows,
                             .n = columns,
                             .k = inner});
}

/* Means of neighbouring rows of each head. */
static void make_marks(const landmark_attention *m, const float *rows, int n_rows, float *out)
{
    int hidden = m->out.in, dim = hidden / m->heads, each = n_rows / m->landmarks;
    memset(out, 0, (size_t)m->landmarks * (size_t)hidden * sizeof *out);
    for (int h = 0; h < m->heads; h++)
        for (int l = 0; l < m->landmarks; l++) {
            float *mark = out + ((size_t)h * (size_t)m->landmarks + (size_t)l) * (size_t)dim;
            for (int i = l * each; i < (l + 1) * each; i++)
                for (int j = 0; j < dim; j++)
                    mark[j] += rows[(size_t)i * (size_t)hidden + (size_t)(h * dim + j)];
            for (int j = 0; j < dim; j++)
                mark[j] /= (float)each;
        }
}

static float largest_column(const float *square, int n)
{
    float largest = 0;
    for (int j = 0; j < n; j++) {
        float sum = 0;
        for (int i = 0; i < n; i++)
            sum += square[i * n + j];
        largest = sum > largest ? sum : largest;
    }
    return largest;
}

/* out = the transpose of x */
static void transpose(const float *x, long ldx, int rows, int columns, float *out)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            out[(size_t)j * (size_t)rows + (size_t)i] = x[i * ldx + j];
}

/* out = x y, with room for the transpose of y. */
static void multiply_squares(team *t, const float *x, const float *y, int n, float *out,
                             float *room)
{
    transpose(y, n, n, n, room);
    multiply(t, x, n, room, out, n, n, n, n);
}

/* x = diagonal - x */
static void from_diagonal(float *x, float diagonal, int n)
{
    for (int i = 0; i < n * n; i++)
        x[i] = (i % (n + 1) ? 0 : diagonal) - x[i];
}

/* The pseudo-inverse of a kernel, in the first of the squares. */
static float *invert(team *t, const float *kernel, float largest, int n, float *squares)
{
    size_t size = (size_t)n * (size_t)n;
    float *z = squares, *product = z + size, *next = product + size, *room = next + size;
    transpose(kernel, n, n, n, z);
    for (size_t i = 0; i < size; i++)
        z[i] *= 1 / largest;
    for (int step = 0; step < STEPS; step++) {
        multiply_squares(t, kernel, z, n, product, room);
        memcpy(next, product, size * sizeof *next);
        from_diagonal(next, 7, n);
        for (int k = 0; k < 2; k++) {
            /* room holds the transpose of `next` until the product is made */
            transpose(next, n, n, n, room);
            multiply(t, product, n, room, next, n, n, n, n);
            from_diagonal(next, k ? 13 : 15, n);
        }
        multiply_squares(t, z, next, n, product, room);
        for (size_t i = 0; i < size; i++)
            z[i] = 0.25F * product[i];
    }
    return z;
}

/* Head h into its columns of mixed. */
static void run_head(const landmark_attention *m, team *t, int h, float largest, int n_rows,
                     int n_seen, const float *query, const float *key, const float *value,
                     const struct room *r, float *mixed)
{
    int hidden = m->out.in, dim = hidden / m->heads, l = m->landmarks;
    size_t marks = (size_t)h * (size_t)l * (size_t)dim, at = (size_t)h * (size_t)dim;
    const float *z =
        invert(t, r->kernels + (size_t)h * (size_t)l * (size_t)l, largest, l, r->squares);
    for (int i = 0; i < n_seen; i++)
        memcpy(r->keys + (size_t)i * (size_t)dim, key + (size_t)i * (size_t)hidden + at,
               (size_t)dim * sizeof *key);
    transpose(value + at, hidden, n_seen, dim, r->values);
    multiply(t, r->query_marks + marks, dim, r->keys, r->from_marks, n_seen, l, n_seen, dim);
    softmax_f32(t, r->from_marks, r->from_marks, l, n_seen);
    multiply(t, r->values, n_seen, r->from_marks, r->gathered, l, dim, l, n_seen);
    multiply(t, r->gathered, l, z, r->blended, l, dim, l, l);
    multiply(t, query + at, hidden, r->key_marks + marks, r->to_marks, l, n_rows, l, dim);
    softmax_f32(t, r->to_marks, r->to_marks, n_rows, l);
    multiply(t, r->to_marks, l, r->blended, mixed + at, hidden, n_rows, dim, l);
}

void landmark_attention_approximate(const landmark_attention *m, team *t, int n_rows, int n_seen,
                                    const float *x, float *y, float *work)
{
    int hidden = m->out.in, dim = hidden / m->heads, l = m->landmarks;
    size_t part = (size_t)n_rows * (size_t)hidden, square = (size_t)l * (size_t)l;
    float *query = work, *key = query + part, *value = key + part, *mixed = value + part;
    struct room r = cut(m, n_rows, mixed + part);
    float largest = 0;
    project(m, t, x, n_rows, query, key, value);
    make_marks(m, query, n_rows, r.query_marks);
    make_marks(m, key, n_rows, r.key_marks);
    for (int h = 0; h < m->heads; h++) {
        size_t marks = (size_t)h * (size_t)l * (size_t)dim;
        float *kernel = r.kernels + (size_t)h * square;
        multiply(t, r.query_marks + marks, dim, r.key_marks + marks, kernel, l, l, l, dim);
        softmax_f32(t, kernel, kernel, l, l);
        largest = fmaxf(largest, largest_column(kernel, l));
    }
    for (int h = 0; h < m->heads; h++)
        run_head(m, t, h, largest, n_rows, n_seen, query, key, value, &r, mixed);
    finish(m, t, &(ragged){.start = (int[]){0, n_rows}, .n_seq = 1}, value, mixed, y);
}
