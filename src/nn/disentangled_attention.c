/* The parts by position are products of the queries (or keys) of a sequence with the rows of the
 * table that its distances reach, [n][reach] each; what a pair of tokens takes from them depends
 * on its distance only and becomes the bias of the attention kernel.
 *
 * A layer has thousands of these products, for each head of each sequence, and none of them is
 * worth a region of the team: all are one. What a part of it makes stays in its cache until it is
 * bias. Only the bias of many sequences, or of a few heads of a long one, is kept at a time. */
#include "nn/disentangled_attention.h"
#include "base/profile.h"
#include "kernels/attention.h"
#include "kernels/gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BIAS_FLOATS = 1 << 20, /* kept at a time */
    TILE = 16,             /* queries whose scores by position are in one cache line */
    LEAST_QUERIES = 64,    /* of a unit: each makes the scores of all keys by position */
    PARTS_PER_THREAD = 16,
    SPLIT_ROWS = 64, /* of the fused product, worth another thread */
    ALIGN = 64,
};

int relative_position(const relative_positions *p, int distance)
{
    int n = abs(distance), exact = p->buckets / 2, row = n;
    if (p->buckets && n > exact) {
        /* In float, as the reference computes it: a boundary moves a whole bucket. */
        float place = logf((float)n / (float)exact) /
                      logf((float)((double)(p->farthest - 1) / exact)) * (float)(exact - 1);
        row = (int)ceilf(place) + exact;
    }
    row = p->span + (distance < 0 ? -row : row);
    return row < 0 ? 0 : row < 2 * p->span ? row : 2 * p->span - 1;
}

static int width_of(const disentangled_attention *m)
{
    return m->out.in;
}

static float score_scale(const disentangled_attention *m)
{
    return (float)(1 / sqrt((double)(width_of(m) / m->heads) * m->score_parts));
}

static size_t table_floats(int rows, int head_dim)
{
    return gemm_f32_packed_bytes(rows, head_dim) / sizeof(float);
}

/* [rows][hidden] times the projection, packed as [heads] matrices [rows][head_dim]; NULL without
 * memory. */
static float *project_positions(const disentangled_attention *m, const linear *l, team *t,
                                const float *table, int rows)
{
    int width = width_of(m), head_dim = width / m->heads;
    size_t one = table_floats(rows, head_dim), bytes = (size_t)m->heads * one * sizeof(float);
    float *flat = calloc((size_t)rows * (size_t)width, sizeof *flat);
    float *head = calloc((size_t)rows * (size_t)head_dim, sizeof *head);
    float *out = aligned_alloc(ALIGN, (bytes + ALIGN - 1) / ALIGN * ALIGN);
    float scale = score_scale(m);
    bool ok = flat && head && out;
    if (ok)
        linear_run(l, t, table, ACT_NONE, flat, rows);
    for (int h = 0; ok && h < m->heads; h++) {
        for (size_t i = 0; i < (size_t)rows * (size_t)head_dim; i++)
            head[i] = flat[i / (size_t)head_dim * (size_t)width + (size_t)(h * head_dim) +
                           i % (size_t)head_dim] *
                      scale;
        gemm_f32_pack(head, rows, head_dim, out + (size_t)h * one);
    }
    free(flat);
    free(head);
    if (ok)
        return out;
    free(out);
    return NULL;
}

bool disentangled_attention_prepare(disentangled_attention *m, team *t, const float *table,
                                    const relative_positions *p, error *e)
{
    int rows = 2 * p->span;
    if (m->content_to_position.in && !m->position_keys)
        m->position_keys = project_positions(m, &m->content_to_position, t, table, rows);
    if (m->position_to_content.in && !m->position_queries)
        m->position_queries = project_positions(m, &m->position_to_content, t, table, rows);
    if ((m->content_to_position.in && !m->position_keys) ||
        (m->position_to_content.in && !m->position_queries))
        return fail(e, ERR_IO, "no memory for %d relative positions", rows);
    return true;
}

void disentangled_attention_release(disentangled_attention *m)
{
    if (!m)
        return;
    free(m->position_keys);
    free(m->position_queries);
    *m = (disentangled_attention){0};
}

size_t disentangled_attention_work(const disentangled_attention *m, int n_rows)
{
    size_t n = (size_t)n_rows, part = n * (size_t)width_of(m);
    size_t bias = n * n > BIAS_FLOATS ? n * n : BIAS_FLOATS;
    size_t all = (size_t)m->heads * n * n;
    return (m->fused.in ? 6 : 3) * part + (all < bias ? all : bias) + 2 * n;
}

struct split_job {
    const disentangled_attention *m;
    const float *fused;
    float *query, *key, *value;
};

/* Takes the fused product apart and adds the biases. */
static void split_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct split_job *job = arg;
    int width = width_of(job->m), head_dim = width / job->m->heads;
    for (long i = begin; i < end; i++)
        for (int h = 0; h < job->m->heads; h++) {
            const float *from = job->fused + i * 3 * width + (long)h * 3 * head_dim;
            long to = i * width + (long)h * head_dim;
            for (int j = 0; j < head_dim; j++)
                job->query[to + j] = from[j] + job->m->query_bias[h * head_dim + j];
            memcpy(job->key + to, from + head_dim, (size_t)head_dim * sizeof(float));
            for (int j = 0; j < head_dim; j++)
                job->value[to + j] = from[2 * head_dim + j] + job->m->value_bias[h * head_dim + j];
        }
}

/* Sequences, or some heads of one, whose bias is kept at a time. */
struct group {
    const disentangled_attention *m;
    team *team;
    const float *query, *key, *value; /* of all rows, as is */
    float *mixed;
    const int *start; /* [n_seq + 1] */
    int n_seq, longest;
    int head, heads;
    int span;
    const int *row; /* of the table, by distance, at distance 0 */
    float *bias;    /* [heads][rows from start[0] on][longest] */
    int queries;    /* of a unit */
    int n_units, n_parts;
};

/* Some queries of a head of a sequence. */
struct unit {
    const struct group *g;
    int start, n;    /* of the sequence */
    int head;        /* of the group's */
    int first, last; /* queries, the last one excluded */
    int low, reach;  /* rows of the table */
    float *work;
};

/* TILE queries at a time: for one key, their distances are neighbours. by_query: [queries][reach],
 * by_key: [n][reach], or NULL. */
static void fill_bias(const struct unit *u, const float *by_query, const float *by_key)
{
    const struct group *g = u->g;
    long n = u->n, reach = u->reach, low = u->low, stride = g->longest;
    long rows = g->start[g->n_seq] - g->start[0];
    float *bias = g->bias + (u->head * rows + u->start - g->start[0]) * stride;
    for (long first = u->first; first < u->last; first += TILE) {
        long last = first + TILE < u->last ? first + TILE : u->last;
        for (long i = first; i < last; i++)
            for (long j = 0; j < n; j++)
                bias[i * stride + j] =
                    by_query ? by_query[(i - u->first) * reach + g->row[i - j] - low] : 0;
        for (long j = 0; by_key && j < n; j++)
            for (long i = first; i < last; i++)
                bias[i * stride + j] += by_key[j * reach + g->row[i - j] - low];
    }
}

/* Rows of x, [rows][head_dim] of the unit's head, times the reached rows of its table. */
static gemm_args by_position(const struct unit *u, const float *x, int row, int rows,
                             const float *tables)
{
    const struct group *g = u->g;
    int width = width_of(g->m), head_dim = width / g->m->heads, head = g->head + u->head;
    size_t skip = (size_t)head * table_floats(2 * g->span, head_dim);
    return (gemm_args){.x = x + (size_t)row * (size_t)width + (size_t)head * (size_t)head_dim,
                       .ldx = width,
                       .packed = tables ? tables + skip + table_floats(u->low, head_dim) : NULL,
                       .ldo = u->reach,
                       .m = rows,
                       .n = u->reach,
                       .k = head_dim};
}

static void run_unit(struct unit *u, int thread)
{
    const struct group *g = u->g;
    const disentangled_attention *m = g->m;
    enum { FLOATS = ALIGN / sizeof(float) };
    u->low = g->row[u->first - (u->n - 1)];
    u->low -= u->low % gemm_f32_panel();
    u->reach = g->row[u->last - 1] - u->low + 1;
    int queries = u->last - u->first;
    gemm_args q = by_position(u, g->query, u->start + u->first, queries, m->position_keys);
    gemm_args k = by_position(u, g->key, u->start, u->n, m->position_queries);
    size_t work = gemm_f32_alone_floats(&q), more = gemm_f32_alone_floats(&k);
    work = ((work > more ? work : more) + FLOATS - 1) / FLOATS * FLOATS;
    size_t scores = ((size_t)queries + (size_t)u->n) * (size_t)u->reach;
    float *memory = team_scratch(g->team, thread, (work + scores) * sizeof(float));
    q.out = memory + work;
    k.out = q.out + (size_t)queries * (size_t)u->reach;
    if (m->position_keys)
        gemm_f32_alone(&q, memory);
    if (m->position_queries)
        gemm_f32_alone(&k, memory);
    fill_bias(u, m->position_keys ? q.out : NULL, m->position_queries ? k.out : NULL);
}

static int blocks_of(const struct group *g, int sequence)
{
    int n = g->start[sequence + 1] - g->start[sequence];
    return (n + g->queries - 1) / g->queries;
}

static void run_part(void *arg, int part, int thread)
{
    const struct group *g = arg;
    int next = (int)((long)g->n_units * part / g->n_parts);
    int end = (int)((long)g->n_units * (part + 1) / g->n_parts), sequence = 0;
    for (int before = 0; next < end; next++) {
        while (next - before >= blocks_of(g, sequence) * g->heads)
            before += blocks_of(g, sequence++) * g->heads;
        struct unit u = {.g = g, .start = g->start[sequence]};
        u.n = g->start[sequence + 1] - u.start;
        u.head = (next - before) % g->heads;
        u.first = (next - before) / g->heads * g->queries;
        u.last = u.first + g->queries < u.n ? u.first + g->queries : u.n;
        run_unit(&u, thread);
    }
}

/* Whole sequences if that is enough for all threads. */
static void cut(struct group *g)
{
    int wanted = team_size(g->team) == 1 ? 1 : 4 * team_size(g->team), units = g->n_seq * g->heads;
    int blocks = (wanted + units - 1) / units;
    g->queries = (g->longest + blocks - 1) / blocks;
    g->queries = (g->queries + TILE - 1) / TILE * TILE;
    g->queries = g->queries < LEAST_QUERIES ? LEAST_QUERIES : g->queries;
    g->n_units = 0;
    for (int i = 0; i < g->n_seq; i++)
        g->n_units += blocks_of(g, i) * g->heads;
    int parts = team_size(g->team) == 1 ? 1 : team_size(g->team) * PARTS_PER_THREAD;
    g->n_parts = g->n_units < parts ? g->n_units : parts;
}

static void run_group(struct group *g)
{
    const disentangled_attention *m = g->m;
    int width = width_of(m), head_dim = width / m->heads, at = g->head * head_dim;
    bool biased = m->position_keys || m->position_queries;
    if (biased) {
        cut(g);
        team_run(g->team, g->n_parts, run_part, g);
    }
    long rows = g->start[g->n_seq] - g->start[0];
    attention_f32(g->team,
                  &(attention_args){.q = g->query + at,
                                    .k = g->key + at,
                                    .v = g->value + at,
                                    .ldq = width,
                                    .ldk = width,
                                    .ldv = width,
                                    .out = g->mixed + at,
                                    .ldo = width,
                                    .start = g->start,
                                    .n_seq = g->n_seq,
                                    .heads = g->heads,
                                    .head_dim = head_dim,
                                    .scale = score_scale(m),
                                    .may_round = linear_is_low(m->fused.in ? &m->fused : &m->query),
                                    .mask = ATTENTION_FULL,
                                    .bias = biased ? g->bias : NULL,
                                    .bias_head_stride = rows * g->longest,
                                    .bias_row_stride = g->longest,
                                    .bias_by_row = true});
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* As many sequences as there is room for, one at least; their heads as many at a time. */
static void run_groups(struct group *g, const ragged *r)
{
    int heads = g->m->heads;
    for (int first = 0, end; first < r->n_seq; first = end) {
        g->longest = 0;
        for (end = first; end < r->n_seq; end++) {
            int n = r->start[end + 1] - r->start[end], longest = larger(g->longest, n);
            long rows = r->start[end + 1] - r->start[first];
            if (end > first && rows * longest > BIAS_FLOATS / heads)
                break;
            g->longest = longest;
        }
        g->start = r->start + first;
        g->n_seq = end - first;
        long rows = r->start[end] - r->start[first], one = larger(1, (int)rows) * (long)g->longest;
        long together = one > 0 && BIAS_FLOATS / one < heads ? BIAS_FLOATS / one : heads;
        for (g->head = 0; g->head < heads; g->head += g->heads) {
            g->heads = heads - g->head < together ? heads - g->head : larger(1, (int)together);
            run_group(g);
        }
    }
}

void disentangled_attention_run(const disentangled_attention *m, team *t, const ragged *r,
                                const relative_positions *p, const float *x, float *y, float *work)
{
    PROFILE(PROFILE_ATTENTION);
    int n = ragged_rows(r), width = width_of(m), longest = 0;
    size_t part = (size_t)n * (size_t)width;
    float *query = y, *key = work, *value = key + part, *mixed = value + part;
    float *rest = mixed + part;
    if (m->fused.in) {
        float *fused = rest;
        rest += 3 * part;
        linear_run(&m->fused, t, x, ACT_NONE, fused, n);
        team_for(t, n, SPLIT_ROWS, split_rows, &(struct split_job){m, fused, query, key, value});
    } else {
        const linear_call inputs[] = {{&m->query, x, query, ACT_NONE},
                                      {&m->key, x, key, ACT_NONE},
                                      {&m->value, x, value, ACT_NONE}};
        linear_run_all(t, inputs, 3, n);
    }
    for (int i = 0; i < r->n_seq; i++)
        longest = larger(longest, r->start[i + 1] - r->start[i]);
    int *row = (int *)rest + longest;
    for (int i = 1 - longest; i < longest; i++)
        row[i] = relative_position(p, i);
    run_groups(&(struct group){.m = m,
                               .team = t,
                               .query = query,
                               .key = key,
                               .value = value,
                               .mixed = mixed,
                               .span = p->span,
                               .row = row,
                               .bias = rest + 2 * (size_t)longest},
               r);
    linear_run(&m->out, t, mixed, ACT_NONE, y, n);
}
