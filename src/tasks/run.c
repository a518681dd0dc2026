/* Batches are composed round by round: every call in the list gives a sequence, then every call
 * gives its next one, until the token budget is used. So a small request that arrives beside a huge
 * one is in the next batch. There is no padding, so nothing is sorted. */
#include "tasks/run.h"
#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>

enum {
    WORK_BYTES =
        14 << 20, /* aim for the activations of one batch: most of the private memory of a worker */
    MIN_TOKENS = 256, /* but never less, so that matrix products stay efficient */
    MAX_TOKENS = 8192,
    MAX_SEQUENCES = 2048,
    CALL_BYTES = 512 << 20, /* arena of a call run by runner_answer */
};

struct pick {
    task_call *call;
    sequence *sequence;
};

struct runner {
    const pipeline *pipeline;
    arena *work;
    struct pick *picks; /* [MAX_SEQUENCES] of the current batch */
    int n_picks;
    int budget; /* tokens a batch */
};

runner *runner_new(const pipeline *p)
{
    runner *r = xcalloc(1, sizeof *r);
    r->pipeline = p;
    r->work = arena_new(SIZE_MAX / 2);
    r->picks = xcalloc(MAX_SEQUENCES, sizeof *r->picks);
    size_t per_thousand = model_work_bytes(p->model, 1000, 8, 128) / 1000 + 1;
    size_t tokens = WORK_BYTES / per_thousand;
    r->budget = tokens < MIN_TOKENS ? MIN_TOKENS : tokens > MAX_TOKENS ? MAX_TOKENS : (int)tokens;
    return r;
}

void runner_free(runner *r)
{
    if (!r)
        return;
    arena_free(r->work);
    free(r->picks);
    free(r);
}

/* Whether the batch takes this sequence: the first one always. */
static bool fits(const runner *r, const sequence *s, int n_tokens)
{
    return r->n_picks == 0 || (r->n_picks < MAX_SEQUENCES && n_tokens + s->n <= r->budget);
}

/* Fills r->picks with sequences that need the same output; returns the number of tokens. n_picked
 * is scratch: sequences taken of each call. */
static int compose(runner *r, task_call *const *calls, int n_calls, int *n_picked)
{
    int n_tokens = 0;
    enum call_output wanted = CALL_EMBEDDING;
    r->n_picks = 0;
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < n_calls; i++) {
            task_call *c = calls[i];
            int next = c->n_done + n_picked[i];
            if (next >= c->n_sequences || atomic_load(&c->cancelled))
                continue;
            if (r->n_picks && c->computes != wanted)
                continue;
            sequence *s = &c->sequences[next];
            if (!fits(r, s, n_tokens))
                continue;
            wanted = c->computes;
            r->picks[r->n_picks++] = (struct pick){c, s};
            n_tokens += s->n;
            n_picked[i]++;
            more = true;
        }
    }
    return n_tokens;
}

static bool all_cancelled(void *arg)
{
    const runner *r = arg;
    for (int i = 0; i < r->n_picks; i++)
        if (!atomic_load(&r->picks[i].call->cancelled))
            return false;
    return true;
}

/* Lays the picked sequences out as one ragged batch in r->work; false when memory is out. */
static bool lay_out(runner *r, int n_tokens, token_batch *b)
{
    int *ids = arena_raw(r->work, (size_t)n_tokens, sizeof *ids);
    int *types = arena_raw(r->work, (size_t)n_tokens, sizeof *types);
    int *start = arena_raw(r->work, (size_t)r->n_picks + 1, sizeof *start);
    int *skip = arena_raw(r->work, (size_t)r->n_picks, sizeof *skip);
    if (!ids || !types || !start || !skip)
        return false;
    int at = 0;
    for (int i = 0; i < r->n_picks; i++) {
        const sequence *s = r->picks[i].sequence;
        start[i] = at;
        skip[i] = s->skip;
        memcpy(ids + at, s->ids, (size_t)s->n * sizeof *ids);
        if (s->type_ids)
            memcpy(types + at, s->type_ids, (size_t)s->n * sizeof *types);
        else
            memset(types + at, 0, (size_t)s->n * sizeof *types);
        at += s->n;
    }
    start[r->n_picks] = at;
    *b = (token_batch){.ids = ids,
                       .type_ids = types,
                       .start = start,
                       .n_seq = r->n_picks,
                       .skip = skip,
                       .cancelled = all_cancelled,
                       .cancelled_arg = r};
    return true;
}

static size_t result_floats(const runner *r, enum call_output computes, const sequence *s)
{
    const model_info *info = r->pipeline->info;
    return computes == CALL_EMBEDDING ? (size_t)info->width : (size_t)s->n * (size_t)info->hidden;
}

/* Copies each sequence's rows into memory of its call. */
static bool scatter(runner *r, enum call_output computes, const float *rows, error *e)
{
    for (int i = 0; i < r->n_picks; i++) {
        sequence *s = r->picks[i].sequence;
        size_t n = result_floats(r, computes, s);
        s->out = arena_raw(r->picks[i].call->memory, n, sizeof *s->out);
        if (!s->out)
            return fail(e, ERR_TOO_LARGE,
                        "the results are larger than the memory allowed for one request");
        memcpy(s->out, rows, n * sizeof *rows);
        rows += n;
    }
    return true;
}

static bool compute(runner *r, int n_tokens, error *e)
{
    enum call_output computes = r->picks[0].call->computes;
    token_batch b;
    size_t n_floats = 0;
    for (int i = 0; i < r->n_picks; i++)
        n_floats += result_floats(r, computes, r->picks[i].sequence);
    float *rows = arena_raw(r->work, n_floats, sizeof *rows);
    if (!rows || !lay_out(r, n_tokens, &b))
        return fail(e, ERR_NO_SPACE, "no memory for a batch of %d tokens", n_tokens);
    bool ok = computes == CALL_EMBEDDING ? model_embed(r->pipeline->model, &b, rows, r->work, e)
                                         : model_hidden(r->pipeline->model, &b, rows, r->work, e);
    return ok && scatter(r, computes, rows, e);
}

bool runner_step(runner *r, task_call *const *calls, int n_calls, error *e)
{
    int64_t start = clock_us();
    arena_reset(r->work);
    int *n_picked = arena_try(r->work, (size_t)n_calls, sizeof *n_picked);
    if (!n_picked)
        return fail(e, ERR_NO_SPACE, "no memory for %d calls", n_calls);
    int n_tokens = compose(r, calls, n_calls, n_picked);
    bool ok = r->n_picks == 0 || compute(r, n_tokens, e);
    int64_t took = clock_us() - start;
    for (int i = 0; i < n_calls; i++) {
        calls[i]->n_done += n_picked[i];
        if (n_picked[i])
            calls[i]->compute_us += took;
    }
    return ok;
}

bool runner_answer(runner *r, const task *t, str body, buf *reply, call_usage *usage, error *e)
{
    task_call call = {.task = t, .pipeline = r->pipeline, .memory = arena_new(CALL_BYTES)};
    task_call *list[] = {&call};
    call.request = arena_alloc(call.memory, t->request_size);
    bool ok = task_parse(t, body, call.request, call.memory, e) && t->prepare(&call, e);
    while (ok && call.n_done < call.n_sequences)
        ok = runner_step(r, list, 1, e);
    ok = ok && t->finish(&call, reply, e);
    if (ok && reply->full)
        ok = fail(e, ERR_TOO_LARGE, "the reply is larger than %zu bytes", reply->max);
    *usage = call.usage;
    arena_free(call.memory);
    return ok;
}
