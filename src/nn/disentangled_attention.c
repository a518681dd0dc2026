/* The parts by position are products of all queries (or keys) of a sequence with the rows of the
 * table that its distances reach, [n][reach] each; what a pair of tokens takes from them depends
 * on its distance only and becomes the bias of the attention kernel, a few heads at a time. */
#include "nn/disentangled_attention.h"
#include "base/profile.h"
#include "kernels/attention.h"
#include "kernels/gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BIAS_FLOATS = 1 << 20, /* of heads that go through the kernel together */
    TILE = 16,             /* queries whose scores by position are in one cache line */
    GRAIN = 4,             /* tiles worth another thread */
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

/* [rows][hidden] times the projection as [heads][rows][head_dim]; NULL without memory. */
static float *project_positions(const disentangled_attention *m, const linear *l, team *t,
                                const float *table, int rows)
{
    int width = width_of(m), head_dim = width / m->heads;
    size_t n = (size_t)rows * (size_t)width;
    float *flat = calloc(n, sizeof *flat), *out = calloc(n, sizeof *out);
    float scale = score_scale(m);
    if (flat && out) {
        linear_run(l, t, table, ACT_NONE, flat, rows);
        for (int h = 0; h < m->heads; h++)
            for (int i = 0; i < rows; i++)
                for (int j = 0; j < head_dim; j++)
                    out[((size_t)h * (size_t)rows + (size_t)i) * (size_t)head_dim + (size_t)j] =
                        flat[(size_t)i * (size_t)width + (size_t)(h * head_dim + j)] * scale;
    } else {
        free(out);
        out = NULL;
    }
    free(flat);
    return out;
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

/* Heads whose bias is kept at a time for a sequence of n tokens. */
static int heads_together(const disentangled_attention *m, int n)
{
    long heads = BIAS_FLOATS / ((long)n * n);
    return heads < 1 ? 1 : heads < m->heads ? (int)heads : m->heads;
}

size_t disentangled_attention_work(const disentangled_attention *m, int n_rows)
{
    size_t n = (size_t)n_rows, part = n * (size_t)width_of(m);
    size_t bias = n * n > BIAS_FLOATS ? n * n : BIAS_FLOATS;
    size_t all = (size_t)m->heads * n * n;
    size_t reach = 2 * n; /* distances; the table's rows are fewer if anything */
    return (m->fused.in ? 6 : 3) * part + 2 * n * reach + (all < bias ? all : bias) + reach;
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

struct bias_job {
    const float *by_query, *by_key; /* [n][reach] each, or NULL */
    const int *row;                 /* by distance, at distance 0 */
    int n, reach;
    float *bias; /* [n][n] */
};

/* TILE queries at a time: for one key, their distances are neighbours. */
static void fill_tiles(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct bias_job *job = arg;
    long n = job->n, reach = job->reach;
    for (long tile = begin; tile < end; tile++) {
        long first = tile * TILE, last = first + TILE < n ? first + TILE : n;
        for (long i = first; i < last; i++)
            for (long j = 0; j < n; j++)
                job->bias[i * n + j] =
                    job->by_query ? job->by_query[i * reach + job->row[i - j]] : 0;
        for (long j = 0; job->by_key && j < n; j++)
            for (long i = first; i < last; i++)
                job->bias[i * n + j] += job->by_key[j * reach + job->row[i - j]];
    }
}

/* One sequence: projections of its rows, and working memory behind them. */
struct sequence {
    const disentangled_attention *m;
    team *team;
    const float *query, *key, *value;
    float *mixed;
    int n;
    int first, reach; /* rows of the table that its distances have */
    int *row;         /* [2 n - 1] rows behind `first`, by distance + n - 1 */
    float *by_query, *by_key, *bias;
};

/* x [n][head_dim] of head h times the reached rows of its table: out [n][reach]. */
static const float *score_positions(const struct sequence *s, const float *x, const float *tables,
                                    int span, int h, float *out)
{
    int width = width_of(s->m), head_dim = width / s->m->heads;
    if (!tables)
        return NULL;
    size_t row = (size_t)h * 2 * (size_t)span + (size_t)s->first;
    gemm_f32(s->team, &(gemm_args){.x = x + (size_t)h * (size_t)head_dim,
                                   .ldx = width,
                                   .w = tables + row * (size_t)head_dim,
                                   .out = out,
                                   .ldo = s->reach,
                                   .m = s->n,
                                   .n = s->reach,
                                   .k = head_dim});
    return out;
}

static void attend(const struct sequence *s, int head, int heads, bool biased)
{
    int width = width_of(s->m), head_dim = width / s->m->heads, at = head * head_dim;
    attention_f32(s->team, &(attention_args){.q = s->query + at,
                                             .k = s->key + at,
                                             .v = s->value + at,
                                             .ldq = width,
                                             .ldk = width,
                                             .ldv = width,
                                             .out = s->mixed + at,
                                             .ldo = width,
                                             .start = (int[]){0, s->n},
                                             .n_seq = 1,
                                             .heads = heads,
                                             .head_dim = head_dim,
                                             .scale = score_scale(s->m),
                                             .mask = ATTENTION_FULL,
                                             .bias = biased ? s->bias : NULL,
                                             .bias_head_stride = (long)s->n * s->n,
                                             .bias_row_stride = s->n});
}

static void run_sequence(struct sequence *s, const relative_positions *p)
{
    const disentangled_attention *m = s->m;
    if (!m->position_keys && !m->position_queries) {
        attend(s, 0, m->heads, false);
        return;
    }
    s->first = relative_position(p, 1 - s->n);
    s->reach = relative_position(p, s->n - 1) - s->first + 1;
    for (int i = 0; i < 2 * s->n - 1; i++)
        s->row[i] = relative_position(p, i - (s->n - 1)) - s->first;
    int together = heads_together(m, s->n);
    for (int head = 0; head < m->heads; head += together) {
        int heads = m->heads - head < together ? m->heads - head : together;
        for (int h = 0; h < heads; h++)
            team_for(s->team, (s->n + TILE - 1) / TILE, GRAIN, fill_tiles,
                     &(struct bias_job){.by_query = score_positions(s, s->query, m->position_keys,
                                                                    p->span, head + h, s->by_query),
                                        .by_key = score_positions(s, s->key, m->position_queries,
                                                                  p->span, head + h, s->by_key),
                                        .row = s->row + s->n - 1,
                                        .n = s->n,
                                        .reach = s->reach,
                                        .bias = s->bias + (size_t)h * (size_t)s->n * (size_t)s->n});
        attend(s, head, heads, true);
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
        team_for(t, n, GRAIN * TILE, split_rows, &(struct split_job){m, fused, query, key, value});
    } else {
        const linear_call inputs[] = {{&m->query, x, query, ACT_NONE},
                                      {&m->key, x, key, ACT_NONE},
                                      {&m->value, x, value, ACT_NONE}};
        linear_run_all(t, inputs, 3, n);
    }
    for (int i = 0; i < r->n_seq; i++)
        longest = r->start[i + 1] - r->start[i] > longest ? r->start[i + 1] - r->start[i] : longest;
    size_t reach = 2 * (size_t)longest, scores = (size_t)longest * reach;
    for (int i = 0; i < r->n_seq; i++) {
        size_t at = (size_t)r->start[i] * (size_t)width;
        struct sequence s = {.m = m,
                             .team = t,
                             .query = query + at,
                             .key = key + at,
                             .value = value + at,
                             .mixed = mixed + at,
                             .n = r->start[i + 1] - r->start[i],
                             .row = (int *)rest,
                             .by_query = rest + reach,
                             .by_key = rest + reach + scores,
                             .bias = rest + reach + 2 * scores};
        run_sequence(&s, p);
    }
    linear_run(&m->out, t, mixed, ACT_NONE, y, n);
}
