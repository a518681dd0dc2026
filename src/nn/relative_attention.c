/* The last two terms of a few queries at a time are the bias of the attention kernel. The vectors
 * of distances stand in falling order, so that those of a query to its keys follow each other. */
#include "nn/relative_attention.h"
#include "kernels/attention.h"
#include "kernels/gemm.h"

#include <math.h>
#include <string.h>

enum {
    BIAS_FLOATS = 1 << 18, /* of the queries that go together */
    GRAIN = 16,            /* queries worth another thread */
    ROW_GRAIN = 64,
};

static int width_of(const relative_attention *m)
{
    return m->heads * m->head_dim;
}

void relative_attention_bind(relative_attention *m, weights w, int heads, int head_dim,
                             bool same_first)
{
    m->heads = heads;
    m->head_dim = head_dim;
    m->content_bias = weights_matrix(w, "r_w_bias", heads, head_dim);
    m->position_bias = weights_matrix(w, "r_r_bias", heads, head_dim);
    m->type_bias = weights_matrix(w, "r_s_bias", heads, head_dim);
    const float *types = weights_cube(w, "seg_embed", 2, heads, head_dim);
    if (!types) /* is reported in the end */
        return;
    m->same = types + (same_first ? 0 : width_of(m));
    m->other = types + (same_first ? width_of(m) : 0);
}

static int length(const ragged *r, int s)
{
    return r->start[s + 1] - r->start[s];
}

/* Distance of query i to key j of a sequence: step * i + offset - j. */
static void steps_of(const relative_input *in, int s, int *step, int *offset)
{
    bool fewer = length(&in->query_rows, s) < length(&in->key_rows, s);
    *step = fewer ? in->step : 1;
    *offset = fewer ? in->offset : 0;
}

void relative_reach(relative_input *in)
{
    int nearest = 0;
    in->farthest = 0;
    for (int s = 0; s < in->query_rows.n_seq; s++) {
        int step, offset;
        steps_of(in, s, &step, &offset);
        int far = step * (length(&in->query_rows, s) - 1) + offset;
        int near = offset - (length(&in->key_rows, s) - 1);
        in->farthest = far > in->farthest ? far : in->farthest;
        nearest = near < nearest ? near : nearest;
    }
    in->n_distances = in->farthest - nearest + 1;
}

/* Queries that go together, of a sequence whose queries reach so many distances. */
static int queries_together(int reach)
{
    return BIAS_FLOATS / reach > GRAIN ? BIAS_FLOATS / reach : GRAIN;
}

/* Scores by distance of the queries that go together, or their bias. */
static size_t score_floats(int n_rows, int n_distances)
{
    size_t all = (size_t)n_rows * (size_t)n_distances, few = GRAIN * (size_t)n_distances;
    size_t most = few > BIAS_FLOATS ? few : BIAS_FLOATS;
    return all < most ? all : most;
}

size_t relative_attention_work(const relative_attention *m, int n_rows, int n_distances)
{
    size_t n = (size_t)n_rows, width = (size_t)width_of(m);
    return width * (5 * n + 2 * (size_t)n_distances) + n * (size_t)m->head_dim +
           2 * score_floats(n_rows, n_distances);
}

struct spread_job {
    const float *from;
    float *to;
    int rows, heads, head_dim;
};

/* [rows][heads][head_dim] as [heads][rows][head_dim]. */
static void spread_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct spread_job *job = arg;
    for (long i = begin; i < end; i++)
        for (int h = 0; h < job->heads; h++)
            memcpy(job->to + ((long)h * job->rows + i) * job->head_dim,
                   job->from + (i * job->heads + h) * job->head_dim,
                   (size_t)job->head_dim * sizeof(float));
}

/* One head of some queries of one sequence. */
struct part {
    const relative_attention *m;
    const relative_input *in;
    int sequence, head, first, n; /* queries, within the sequence */
    int keys, step, offset;
    const float *query, *scored; /* their rows: of all heads; of this one with position_bias */
    int nearest;                 /* distance of the last column of `scored` */
    int columns;
    float *bias; /* [n][keys] */
};

static float dot(const float *a, const float *b, const float *c, int n)
{
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += (a[i] + b[i]) * c[i];
    return sum;
}

static void fill_bias(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct part *p = arg;
    const relative_attention *m = p->m;
    int head_dim = m->head_dim, width = width_of(m), at = p->head * head_dim;
    float scale = (float)(1 / sqrt(head_dim));
    const int *key_types = p->in->key_types + p->in->key_rows.start[p->sequence];
    const int *query_types = p->in->query_types + p->in->query_rows.start[p->sequence] + p->first;
    for (long i = begin; i < end; i++) {
        const float *q = p->query + i * width + at;
        float other = dot(q, m->type_bias + at, m->other + at, head_dim);
        float same = dot(q, m->type_bias + at, m->same + at, head_dim);
        int farthest = p->step * (p->first + (int)i) + p->offset; /* distance of key 0 */
        const float *scored = p->scored + i * p->columns + (p->nearest + p->columns - 1 - farthest);
        float *bias = p->bias + i * p->keys;
        int type = query_types[i], every = m->every_type;
        for (int j = 0; j < p->keys; j++) {
            bool alike = type == key_types[j] || type == every || key_types[j] == every;
            bias[j] = (scored[j] + (alike ? same : other)) * scale;
        }
        if (m->separate_first)
            memset(bias, 0, (size_t)(p->first + i == 0 ? p->keys : 1) * sizeof *bias);
    }
}

struct add_job {
    const float *bias, *x;
    int ldx;
    float *out;
    int width;
};

/* out = x + bias, rows of `width`. */
static void add_bias(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct add_job *job = arg;
    for (long i = begin; i < end; i++)
        for (int j = 0; j < job->width; j++)
            job->out[i * job->width + j] = job->x[i * job->ldx + j] + job->bias[j];
}

/* Working memory of a run. */
struct run {
    const relative_attention *m;
    team *team;
    const relative_input *in;
    const float *query, *content, *key, *value; /* content: with content_bias */
    const float *distances;                     /* [heads][n_distances][head_dim] */
    float *mixed, *shifted, *scored, *bias;
};

static void run_part(const struct run *r, struct part *p)
{
    const relative_attention *m = r->m;
    const relative_input *in = r->in;
    int width = width_of(m), head_dim = m->head_dim, at = p->head * head_dim;
    int row = in->query_rows.start[p->sequence] + p->first;
    int key_row = in->key_rows.start[p->sequence];
    int far = p->step * (p->first + p->n - 1) + p->offset;
    p->nearest = p->step * p->first + p->offset - (p->keys - 1);
    p->columns = far - p->nearest + 1;
    p->query = r->query + (long)row * width;
    team_for(r->team, p->n, ROW_GRAIN, add_bias,
             &(struct add_job){m->position_bias + at, p->query + at, width, r->shifted, head_dim});
    size_t first = (size_t)p->head * (size_t)in->n_distances + (size_t)(in->farthest - far);
    gemm_f32(r->team, &(gemm_args){.x = r->shifted,
                                   .ldx = head_dim,
                                   .w = r->distances + first * (size_t)head_dim,
                                   .out = r->scored,
                                   .ldo = p->columns,
                                   .m = p->n,
                                   .n = p->columns,
                                   .k = head_dim});
    p->scored = r->scored;
    p->bias = r->bias;
    team_for(r->team, p->n, GRAIN, fill_bias, p);
    attention_f32(r->team, &(attention_args){.q = r->content + at,
                                             .k = r->key + at,
                                             .v = r->value + at,
                                             .ldq = width,
                                             .ldk = width,
                                             .ldv = width,
                                             .out = r->mixed + at,
                                             .ldo = width,
                                             .start = (int[]){row, row + p->n},
                                             .n_seq = 1,
                                             .heads = 1,
                                             .head_dim = head_dim,
                                             .may_round = linear_is_low(&m->query),
                                             .scale = (float)(1 / sqrt(head_dim)),
                                             .mask = m->mask,
                                             .window = m->window,
                                             .bias = p->bias,
                                             .bias_row_stride = p->keys,
                                             .spans = &(attention_span){.begin = key_row,
                                                                        .end = key_row + p->keys},
                                             .first_span = (int[]){0, 1}});
}

static void run_sequence(const struct run *r, int s)
{
    struct part p = {.m = r->m, .in = r->in, .sequence = s};
    int queries = length(&r->in->query_rows, s);
    p.keys = length(&r->in->key_rows, s);
    steps_of(r->in, s, &p.step, &p.offset);
    int together = queries_together(p.step * queries + p.keys);
    for (p.head = 0; p.head < r->m->heads; p.head++)
        for (p.first = 0; p.first < queries; p.first += together) {
            p.n = queries - p.first < together ? queries - p.first : together;
            run_part(r, &p);
        }
}

/* The vectors of distances through the kernel, by head. */
static void project(const struct run *r, float *flat, float *out)
{
    const relative_attention *m = r->m;
    int n = r->in->n_distances;
    linear_run(&m->kernel, r->team, r->in->distances, ACT_NONE, flat, n);
    team_for(r->team, n, ROW_GRAIN, spread_rows,
             &(struct spread_job){flat, out, n, m->heads, m->head_dim});
}

void relative_attention_run(const relative_attention *m, team *t, const relative_input *in,
                            float *y, float *work)
{
    int n = ragged_rows(&in->query_rows), n_keys = ragged_rows(&in->key_rows);
    int width = width_of(m), longest = n_keys > n ? n_keys : n;
    size_t part = (size_t)longest * (size_t)width, far = (size_t)in->n_distances * (size_t)width;
    float *query = work, *content = query + part, *key = content + part, *value = key + part;
    float *mixed = value + part, *flat = mixed + part, *distances = flat + far;
    float *shifted = distances + far, *scored = shifted + (size_t)longest * (size_t)m->head_dim;
    struct run r = {.m = m,
                    .team = t,
                    .in = in,
                    .query = query,
                    .content = content,
                    .key = key,
                    .value = value,
                    .distances = distances,
                    .mixed = mixed,
                    .shifted = shifted,
                    .scored = scored,
                    .bias = scored + score_floats(longest, in->n_distances)};
    linear_run(&m->query, t, in->queries, ACT_NONE, query, n);
    linear_run(&m->key, t, in->context, ACT_NONE, key, n_keys);
    linear_run(&m->value, t, in->context, ACT_NONE, value, n_keys);
    team_for(t, n, ROW_GRAIN, add_bias,
             &(struct add_job){m->content_bias, query, width, content, width});
    project(&r, flat, distances);
    for (int s = 0; s < in->query_rows.n_seq; s++)
        run_sequence(&r, s);
    linear_run(&m->out, t, mixed, ACT_NONE, y, n);
}
