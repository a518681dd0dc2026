#include "models/steps.h"

#include "base/profile.h"

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

/* Measured with MiniLM (AVX-512, 64 sequences of 64, one thread): the same CPU time within 1 % for
 * steps of 256 to 4096 tokens, 3 % more at 128. Working memory is 3.8 MB at 512, 31 MB at 4096.
 * With two threads, of 192 instead of 256 tokens each, 32 sequences of 256 take 4 % less time in
 * f32 and 3 % less in int8, those of 33 the same; of 128, 33 take 8 % more. */
enum {
    SHARED_TOKENS = 512,   /* of a step that the threads share, about */
    OWN_TOKENS = 192,      /* of a step that one has for itself, */
    LEAST_TOKENS = 64,     /* and at least: each such step reads all weights */
    OWN_BYTES = 256 << 20, /* most working memory of all threads for steps of their own */
    WAITS = 8,             /* a thread may be without a step for at most an n-th of the time */
    QUADRATIC = 3,         /* attention to n tokens costs as much as the rest of a layer where n is
                              this many times the hidden size */
    LINE = 64,
};

/* Where a batch is cut. */
typedef struct cuts {
    int *ends; /* [n]: of each step's sequences */
    int n;
    int most; /* tokens of a step */
} cuts;

/* The working memory of a thread. */
typedef struct lane {
    encoder_work encoder;
    float *tokens;
    void *work;
    int failed; /* its first step that did */
    error error;
    profile spent;
} lane;

typedef struct steps_job {
    const encoder *encoder;
    team *team;
    const token_batch *batch;
    const step_use *use;
    cuts cuts;
    lane *lanes; /* [n_lanes]: one, or one a thread */
    int n_lanes;
    bool profiled;
    atomic_int failed; /* the first step that did, so far */
} steps_job;

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static int divide_up(int a, int b)
{
    return a / b + (a % b != 0);
}

/* How many steps of at most `most` tokens `total` are, at least; a multiple of `threads`. */
static int count(int total, int threads, int most)
{
    return larger(1, divide_up(divide_up(total, threads), most)) * threads;
}

/* A sequence belongs to the step that its middle token would be in if all were equally long. */
static void cut(const token_batch *b, int n, int most, cuts *c)
{
    int total = b->start[b->n_seq];
    c->most = most;
    c->n = 0;
    for (int end = 0; end < b->n_seq; c->n++) {
        int first = end++;
        long border = (long)total * (c->n + 1) / n;
        while (end < b->n_seq && b->start[end + 1] - b->start[first] <= most &&
               b->start[end] + (b->start[end + 1] - b->start[end]) / 2 < border)
            end++;
        c->ends[c->n] = end;
    }
}

static int longest_of(const token_batch *b)
{
    int longest = 0;
    for (int i = 0; i < b->n_seq; i++)
        longest = larger(longest, b->start[i + 1] - b->start[i]);
    return longest;
}

/* Whether the threads are about equally busy with steps of their own. loads: [threads]. */
static bool is_even(const encoder *m, const token_batch *b, const cuts *c, double *loads,
                    int threads)
{
    double sum = 0, longest = 0;
    memset(loads, 0, (size_t)threads * sizeof *loads);
    for (int i = 0, s = 0; i < c->n; i++) {
        int least = 0;
        for (int j = 1; j < threads; j++)
            least = loads[j] < loads[least] ? j : least;
        for (; s < c->ends[i]; s++) {
            double n = b->start[s + 1] - b->start[s];
            double cost = n + n * n / (QUADRATIC * (double)m->config.hidden);
            loads[least] += cost;
            sum += cost;
        }
        longest = loads[least] > longest ? loads[least] : longest;
    }
    return longest * threads <= sum * (1 + 1.0 / WAITS);
}

static size_t lane_bytes(const encoder *m, const step_use *use, int n_tokens)
{
    enum { PARTS = 8 };
    size_t tokens = (size_t)n_tokens * (size_t)m->config.hidden * sizeof(float);
    return encoder_work_bytes(m, n_tokens) + (use->out ? 0 : tokens) +
           (use->work_bytes ? use->work_bytes(use->arg, n_tokens) : 0) + PARTS * LINE;
}

static int most_shared(int n_tokens, int longest)
{
    return smaller(n_tokens, larger(SHARED_TOKENS, longest));
}

/* How many steps of their own the team's threads have, 0 if none, and of how many tokens at most.
 */
static int count_own(const encoder *m, const team *t, const step_use *use, int n_tokens,
                     int longest, int *most)
{
    int threads = team_size(t), n = count(n_tokens, threads, OWN_TOKENS);
    *most = smaller(n_tokens, divide_up(n_tokens, n) + longest);
    bool good = threads > 1 && n_tokens / n >= LEAST_TOKENS &&
                lane_bytes(m, use, *most) <= OWN_BYTES / (size_t)threads;
    return good ? n : 0;
}

size_t steps_work_bytes(const encoder *m, const team *t, const step_use *use, int n_tokens,
                        int longest)
{
    size_t threads = (size_t)team_size(t), own = 0;
    size_t shared = lane_bytes(m, use, most_shared(n_tokens, longest));
    int most;
    if (count_own(m, t, use, n_tokens, longest, &most) > 0)
        own = threads * lane_bytes(m, use, most);
    return (shared > own ? shared : own) + threads * (sizeof(lane) + sizeof(double)) +
           (size_t)n_tokens * sizeof(int) + 3 * LINE;
}

static bool plan(steps_job *job, int longest, arena *a, error *e)
{
    const token_batch *b = job->batch;
    int total = b->start[b->n_seq], threads = team_size(job->team), most;
    cuts *c = &job->cuts;
    c->ends = arena_raw(a, (size_t)b->n_seq, sizeof *c->ends);
    double *loads = arena_raw(a, (size_t)threads, sizeof *loads);
    if (!c->ends || !loads)
        return fail(e, ERR_NO_SPACE, "no room for the steps of %d sequences", b->n_seq);
    job->n_lanes = threads;
    int own = count_own(job->encoder, job->team, job->use, total, longest, &most);
    if (own > 0) {
        cut(b, own, most, c);
        if (is_even(job->encoder, b, c, loads, threads))
            return true;
    }
    job->n_lanes = 1;
    cut(b, count(total, 1, SHARED_TOKENS), most_shared(total, longest), c);
    return true;
}

static bool make_lane(const steps_job *job, lane *l, arena *a, error *e)
{
    const step_use *use = job->use;
    int n = job->cuts.most;
    *l = (lane){.failed = INT_MAX};
    if (!use->out)
        l->tokens = arena_raw(a, (size_t)n * (size_t)job->encoder->config.hidden, sizeof(float));
    if (use->work_bytes)
        l->work = arena_raw(a, use->work_bytes(use->arg, n) + LINE, 1);
    if ((!use->out && !l->tokens) || (use->work_bytes && !l->work))
        return fail(e, ERR_NO_SPACE, "no room for the vectors of %d tokens", n);
    if (!encoder_work_init(&l->encoder, job->encoder, n, a, e))
        return false;
    l->encoder.for_head = use->for_head;
    return true;
}

static bool run_step(const steps_job *job, int index, lane *l, team *t, error *e)
{
    const token_batch *b = job->batch;
    const step_use *use = job->use;
    step s = {.team = t, .first = index ? job->cuts.ends[index - 1] : 0, .work = l->work};
    s.end = job->cuts.ends[index];
    size_t at = (size_t)b->start[s.first] * (size_t)job->encoder->config.hidden;
    s.tokens = use->out ? use->out + at : l->tokens;
    if (!encoder_run(job->encoder, t, b, s.first, s.end, s.tokens, &l->encoder, e))
        return false;
    s.r = (ragged){.start = l->encoder.start, .n_seq = s.end - s.first};
    return !use->use || use->use(use->arg, &s, e);
}

/* A step of one thread. Those behind one that failed need not be run. */
static void run_own(void *arg, int index, int thread)
{
    steps_job *job = arg;
    lane *l = &job->lanes[thread];
    profile *outer = profile_current;
    int failed = atomic_load(&job->failed);
    if (index > failed)
        return;
    if (job->profiled)
        profile_resume(&l->spent);
    if (!run_step(job, index, l, team_alone(job->team, thread), &l->error)) {
        l->failed = index;
        while (index < failed && !atomic_compare_exchange_weak(&job->failed, &failed, index))
            ;
    }
    if (job->profiled) {
        profile_stop();
        profile_current = outer;
    }
}

static bool run_lanes(steps_job *job, error *e)
{
    job->profiled = profile_current != NULL;
    atomic_init(&job->failed, INT_MAX);
    team_run(job->team, job->cuts.n, run_own, job);
    for (int i = 0; i < job->n_lanes; i++) {
        if (job->profiled)
            profile_share(&job->lanes[i].spent, job->n_lanes);
        if (job->lanes[i].failed != INT_MAX && job->lanes[i].failed == atomic_load(&job->failed))
            fail(e, job->lanes[i].error.kind, "%s", job->lanes[i].error.message);
    }
    return atomic_load(&job->failed) == INT_MAX;
}

bool steps_run(const encoder *m, team *t, const token_batch *b, const step_use *use, arena *a,
               error *e)
{
    steps_job job = {.encoder = m, .team = t, .batch = b, .use = use};
    assert(b->n_seq == 0 || b->start[0] == 0);
    if (b->n_seq == 0)
        return true;
    int longest = longest_of(b);
    if (!plan(&job, longest, a, e) || !encoder_prepare(m, t, longest, e))
        return false;
    job.lanes = arena_raw(a, (size_t)job.n_lanes, sizeof *job.lanes);
    if (!job.lanes)
        return fail(e, ERR_NO_SPACE, "no room for the steps of %d threads", job.n_lanes);
    for (int i = 0; i < job.n_lanes; i++)
        if (!make_lane(&job, &job.lanes[i], a, e))
            return false;
    if (job.n_lanes > 1)
        return run_lanes(&job, e);
    for (int i = 0; i < job.cuts.n; i++)
        if (!run_step(&job, i, job.lanes, t, e))
            return false;
    return true;
}
