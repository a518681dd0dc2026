/* The loops of attention.
 *
 * The unit of work is a block of queries of one head of one sequence. It visits the keys that its
 * queries may see, span by span, in blocks of ATTENTION_KEYS counted from its start: packs the
 * keys once, then for each group of tile_m queries makes the scores, their softmax against the
 * largest score so far, and adds the weighted values to the output, which is rescaled when the
 * maximum grew and divided by the sum at the end. What a query goes through depends on its place
 * in its sequence only. */
#include "kernels/attention.h"

#include "base/profile.h"
#include "kernels/list.h"

#include <math.h>
#include <string.h>

enum {
    QUERIES = 256, /* of a unit, at most: packing the keys is then a few per cent of the work */
    QUERIES_SHARED = 64, /* the same where the threads would have fewer than so many units each: */
    UNITS_PER_THREAD = 4,
    PARTS_PER_THREAD = 32,
    TILE_M_MOST = 32,
    VALUES_MULTIPLE = 16,      /* of the width of packed values */
    PART_PRODUCTS = 32 * 1024, /* multiplications below which waking a thread does not pay */
};

static const float LOG2_E = 1.44269504f; /* scores are kept in powers of two */

typedef struct attention_job {
    const attention_args *a;
    const attention_kernels *kernels;
    team *team;
    int queries; /* of a unit, at most */
    long n_units;
    int n_parts;
} attention_job;

/* One unit of work. Queries are numbered within the sequence, keys within the span. */
typedef struct unit {
    const attention_args *a;
    const attention_kernels *kernels;
    int sequence, row; /* of the queries */
    int head, kv_head;
    int query, queries;
    int first_key, keys; /* the span, counted in rows of k */
    int keys_before;     /* in earlier spans */
    enum attention_mask mask;
    const float *span_bias; /* [ATTENTION_KEYS] times the bias of the span, or NULL */
    char *panels, *values;  /* of a block of keys, packed */
    float *scores, *biases;
    float max[QUERIES + TILE_M_MOST], sum[QUERIES + TILE_M_MOST];
} unit;

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

static int clamp(long i, int most)
{
    return i < 0 ? 0 : i > most ? most : (int)i;
}

/* The keys begin .. end - 1 that a query may see. Both rise with the query. */
static void visible(const unit *u, int query, int *begin, int *end)
{
    long window = u->a->window, own = (long)u->row + query - u->first_key; /* the query's own key */
    *begin = 0;
    *end = u->keys;
    if (u->mask == ATTENTION_CAUSAL || u->mask == ATTENTION_CAUSAL_WINDOW)
        *end = clamp(own + 1, u->keys);
    if (u->mask == ATTENTION_CAUSAL_WINDOW)
        *begin = clamp(own + 1 - window, u->keys);
    if (u->mask == ATTENTION_WINDOW) {
        *begin = clamp(own - window, u->keys);
        *end = clamp(own + window + 1, u->keys);
    }
}

static float *out_of(const unit *u, int query)
{
    return u->a->out + (u->row + (long)query) * u->a->ldo + (long)u->head * u->a->head_dim;
}

static const float *bias_of(const unit *u, int query, int key)
{
    const attention_args *a = u->a;
    if (!a->bias)
        return u->span_bias;
    long row = a->bias_by_row ? (long)u->row - a->start[0] + query : query;
    return a->bias + u->head * a->bias_head_stride + row * a->bias_row_stride + u->keys_before +
           key;
}

static const float *values_of(const unit *u, int key)
{
    const attention_args *a = u->a;
    return a->v + (u->first_key + (long)key) * a->ldv + (long)u->kv_head * a->head_dim;
}

/* Of a key in a panel; of the values of a key where they are packed. */
static long key_bytes(const attention_kernels *f, int head_dim)
{
    int values = f->key_multiple > 0 ? round_up(head_dim, f->key_multiple) : head_dim;
    return round_up(values * f->value_bytes, (int)sizeof(float));
}

static long value_bytes(const attention_kernels *f, int head_dim)
{
    return (long)round_up(head_dim, VALUES_MULTIPLE) * f->value_bytes;
}

/* scores: raw; leaves tanh of those that are divided by the cap. */
static void cap_scores(const attention_args *a, float *scores, int n)
{
    kernels.rows_f32->scale(a->scale / a->cap, scores, n);
    kernels.rows_f32->activate(ACT_TANH, scores, scores, n);
}

/* Queries first .. first + rows - 1 of the unit with the keys `keys` .. `keys_end` - 1 of a block,
 * a range that holds all keys of the block that one of them may see. */
static void group_block(unit *u, int first, int rows, int block, int keys, int keys_end)
{
    const attention_kernels *f = u->kernels;
    const attention_args *a = u->a;
    int query = u->query + first, n = keys_end - keys, d = a->head_dim;
    float keep[TILE_M_MOST];
    /* keys is the start of a panel */
    f->scores(a->q + (u->row + (long)query) * a->ldq + (long)u->head * d, a->ldq, rows,
              u->panels + (keys - block) * key_bytes(f, d), n, d, u->scores);
    for (int i = 0; i < rows; i++) {
        if (a->cap > 0)
            cap_scores(a, u->scores + i * ATTENTION_KEYS, n);
        int begin, end;
        visible(u, query + i, &begin, &end);
        attention_row row = {.scores = u->scores + i * ATTENTION_KEYS, .n_keys = n};
        row.scale = (a->cap > 0 ? a->cap : a->scale) * LOG2_E;
        row.bias = bias_of(u, query + i, keys);
        row.begin = min_int(max_int(begin - keys, 0), n);
        row.end = max_int(min_int(end - keys, n), row.begin);
        row.max = u->max[first + i];
        row.sum = u->sum[first + i];
        keep[i] = f->softmax(&row);
        u->max[first + i] = row.max;
        u->sum[first + i] = row.sum;
    }
    const void *v = f->pack_values ? (const void *)(u->values + (keys - block) * value_bytes(f, d))
                                   : values_of(u, keys);
    f->values(u->scores, rows, n, v, a->ldv, d, keep, out_of(u, query), a->ldo);
}

/* All groups of queries of the unit with one block of keys. */
static void unit_block(unit *u, int block)
{
    const attention_kernels *f = u->kernels;
    const attention_args *a = u->a;
    int block_end = min_int(block + ATTENTION_KEYS, u->keys);
    const float *k = a->k + (u->first_key + (long)block) * a->ldk + (long)u->kv_head * a->head_dim;
    f->pack_keys(k, a->ldk, block_end - block, a->head_dim, u->panels);
    if (f->pack_values)
        f->pack_values(values_of(u, block), a->ldv, block_end - block, a->head_dim, u->values);
    for (int first = 0; first < u->queries; first += f->tile_m) {
        int rows = min_int(f->tile_m, u->queries - first);
        int begin, end, ignored; /* both ends rise with the query */
        visible(u, u->query + first, &begin, &ignored);
        visible(u, u->query + first + rows - 1, &ignored, &end);
        int keys = max_int(begin, block), keys_end = min_int(end, block_end);
        keys -= (keys - block) % f->tile_n;
        if (keys < keys_end)
            group_block(u, first, rows, block, keys, keys_end);
    }
}

/* All keys of one span. */
static void unit_span(unit *u, const attention_span *s)
{
    int begin, end, ignored;
    u->first_key = s->begin;
    u->keys = s->end - s->begin;
    u->mask = s->all ? ATTENTION_FULL : u->a->mask;
    u->span_bias = s->bias != 0 ? u->biases : NULL;
    for (int i = 0; i < ATTENTION_KEYS && u->span_bias; i++)
        u->biases[i] = s->bias;
    visible(u, u->query, &begin, &ignored);
    visible(u, u->query + u->queries - 1, &ignored, &end);
    for (int block = begin - begin % ATTENTION_KEYS; begin < end && block < end;
         block += ATTENTION_KEYS)
        unit_block(u, block);
    u->keys_before += u->keys;
}

static void run_unit(unit *u)
{
    const attention_args *a = u->a;
    for (int i = 0; i < u->queries; i++) {
        memset(out_of(u, u->query + i), 0, (size_t)a->head_dim * sizeof(float));
        u->max[i] = -INFINITY;
        u->sum[i] = 0;
    }
    u->keys_before = 0;
    if (!a->spans)
        unit_span(u, &(attention_span){u->row, a->start[u->sequence + 1], false, 0});
    for (int i = 0; a->spans && i < a->first_span[u->sequence + 1] - a->first_span[u->sequence];
         i++)
        unit_span(u, &a->spans[a->first_span[u->sequence] + i]);
    for (int i = 0; i < u->queries; i++) {
        float factor = u->sum[i] == 0 ? 0 : 1 / u->sum[i];
        kernels.rows_f32->scale(factor, out_of(u, u->query + i), a->head_dim);
    }
}

static int length_of(const attention_args *a, int sequence)
{
    return a->start[sequence + 1] - a->start[sequence];
}

static int units_of(const attention_job *job, int sequence)
{
    return divide_up(length_of(job->a, sequence), job->queries) * job->a->heads;
}

/* Queries of a unit: as many in each unit of a sequence, but whole tiles. */
static int queries_of(const attention_job *job, int sequence)
{
    int length = length_of(job->a, sequence);
    return round_up(divide_up(length, divide_up(length, job->queries)), job->kernels->tile_m);
}

static long count_units(attention_job *job, int queries)
{
    long n = 0;
    job->queries = queries;
    for (int i = 0; i < job->a->n_seq; i++)
        n += units_of(job, i);
    return n;
}

/* A query's result is the same in any unit. */
static void cut(attention_job *job)
{
    long least = team_size(job->team) > 1 ? (long)team_size(job->team) * UNITS_PER_THREAD : 0;
    job->n_units = count_units(job, QUERIES);
    for (int n = QUERIES / 2; n >= QUERIES_SHARED && job->n_units < least; n /= 2)
        job->n_units = count_units(job, n);
}

static void run_part(void *arg, int part, int thread)
{
    const attention_job *job = arg;
    const attention_args *a = job->a;
    const attention_kernels *f = job->kernels;
    size_t panels = (size_t)(ATTENTION_KEYS * key_bytes(f, a->head_dim));
    size_t values = f->pack_values ? (size_t)(ATTENTION_KEYS * value_bytes(f, a->head_dim)) : 0;
    size_t scores = (size_t)f->tile_m * ATTENTION_KEYS;
    unit u = {.a = a, .kernels = f};
    u.panels = team_scratch(job->team, thread,
                            panels + values + (scores + ATTENTION_KEYS) * sizeof(float));
    u.values = u.panels + panels;
    u.scores = (float *)(void *)(u.values + values);
    u.biases = u.scores + scores;
    int group = a->kv_heads > 0 ? a->heads / a->kv_heads : 1;
    long next = job->n_units * part / job->n_parts;
    long end = job->n_units * (part + 1) / job->n_parts;
    int sequence = 0;
    if (f->enter)
        f->enter(f->tile_m);
    for (long before = 0; next < end; next++) {
        while (next - before >= units_of(job, sequence))
            before += units_of(job, sequence++);
        int of_sequence = (int)(next - before);
        u.sequence = sequence;
        u.row = a->start[sequence];
        u.head = of_sequence % a->heads;
        u.kv_head = u.head / group;
        int queries = queries_of(job, sequence);
        u.query = of_sequence / a->heads * queries;
        u.queries = min_int(queries, length_of(a, sequence) - u.query);
        if (u.queries > 0) /* whole tiles may leave nothing to the last unit */
            run_unit(&u);
    }
    if (f->leave)
        f->leave();
}

static double keys_of(const attention_args *a, int sequence)
{
    double n = 0;
    if (!a->spans)
        return length_of(a, sequence);
    for (int i = a->first_span[sequence]; i < a->first_span[sequence + 1]; i++)
        n += a->spans[i].end - a->spans[i].begin;
    return n;
}

/* The portable variants are for processors without vectors, and what the others are held against.
 */
static const attention_kernels *kernels_for(const attention_args *a)
{
    bool portable = kernels.attention_bf16 == &attention_bf16_scalar;
    bool pays = !portable || kernels.attention_f32 == &attention_f32_scalar;
    return a->may_round && pays ? kernels.attention_bf16 : kernels.attention_f32;
}

void attention_f32(team *t, const attention_args *a)
{
    attention_job job = {.a = a, .team = t, .kernels = kernels_for(a)};
    double products = 0;
    cut(&job);
    for (int i = 0; i < a->n_seq; i++) {
        double length = length_of(a, i);
        products += 2 * length * keys_of(a, i) * a->heads * a->head_dim;
    }
    PROFILE_WORK(PROFILE_ATTENTION, 2 * products);
    int parts = products < PART_PRODUCTS ? 1 : team_size(t) * PARTS_PER_THREAD;
    job.n_parts = job.n_units < parts ? (int)job.n_units : parts;
    team_run(t, job.n_parts, run_part, &job);
}
