/* Batches are composed round by round: every call in the list gives a sequence, then every call
 * gives its next one, until the token budget is used. So a small request that arrives beside a huge
 * one is in the next batch. There is no padding, so nothing is sorted. */
#include "tasks/run.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/profile.h"
#include "tasks/paths.h"

#include <assert.h>
#include <stdlib.h>

enum {
    WORK_BYTES =
        14 << 20, /* aim for the activations of one batch: most of the private memory of a worker */
    MIN_TOKENS = 256, /* but never less, so that matrix products stay efficient */
    MAX_TOKENS = 8192,
    MAX_SEQUENCES = 2048,
    MAX_FLOATS = 8 << 20,   /* results of a batch of several sequences: vocabularies are large */
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
    int n_picks, n_tokens;
    size_t n_floats; /* of its results */
    bool in_place;   /* they are computed where they belong */
    enum call_output computes;
    int budget; /* tokens a batch */
};

/* Whether the model's head has one row a token. */
static bool scores_tokens(const runner *r)
{
    return r->pipeline->info->head != HEAD_LABELS;
}

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

/* Rows of results that a sequence gets. */
static size_t result_rows(const runner *r, enum call_output computes, const sequence *s)
{
    if (computes == CALL_EMBEDDING || computes == CALL_SPARSE ||
        (computes == CALL_LOGITS && !scores_tokens(r)))
        return 1;
    return (size_t)(computes != CALL_HIDDEN && s->rows ? s->n_rows : s->n);
}

/* Floats that a sequence gets behind those rows. */
static size_t sequence_floats(const runner *r, enum call_output computes)
{
    return computes == CALL_LOGITS ? (size_t)model_logits_sequence_width(r->pipeline->model) : 0;
}

static size_t result_floats(const runner *r, enum call_output computes, const sequence *s)
{
    const size_t widths[] = {
        [CALL_EMBEDDING] = (size_t)r->pipeline->info->width,
        [CALL_SPARSE] = (size_t)model_sparse_width(r->pipeline->model),
        [CALL_HIDDEN] = (size_t)r->pipeline->info->hidden,
        [CALL_TOKENS] = (size_t)r->pipeline->info->width,
        [CALL_LOGITS] = (size_t)model_logits_width(r->pipeline->model),
    };
    return result_rows(r, computes, s) * widths[computes] + sequence_floats(r, computes);
}

/* Whether the batch takes this sequence: the first one always. */
static bool fits(const runner *r, const sequence *s, size_t n_floats)
{
    return r->n_picks == 0 || (r->n_picks < MAX_SEQUENCES && r->n_tokens + s->n <= r->budget &&
                               n_floats <= MAX_FLOATS && r->n_floats <= MAX_FLOATS - n_floats);
}

static void take(runner *r, task_call *c, sequence *s, size_t n_floats)
{
    r->computes = c->computes;
    r->picks[r->n_picks++] = (struct pick){c, s};
    r->n_tokens += s->n;
    r->n_floats += n_floats;
}

static void take_none(runner *r)
{
    r->n_picks = r->n_tokens = 0;
    r->n_floats = 0;
    r->in_place = false;
}

/* The next sequence of a call into r->picks, with room for its results in the call's memory. A
 * sequence without room is left for a batch of its own, which then fails: its call's limit is no
 * concern of the others. False and no error when the batch does not take it. */
static bool pick(runner *r, task_call *c, sequence *s, error *e)
{
    if (r->n_picks && c->computes != r->computes)
        return false;
    size_t n_floats = result_floats(r, c->computes, s);
    if (!fits(r, s, n_floats))
        return false;
    s->out = arena_raw(c->memory, n_floats, sizeof *s->out);
    if (!s->out && r->n_picks)
        return false;
    take(r, c, s, n_floats);
    return s->out ||
           fail(e, ERR_TOO_LARGE, "the results are larger than the memory allowed for one request");
}

/* Fills r->picks with sequences that need the same output. n_picked: sequences taken of each call;
 * on failure the only one. */
static bool compose(runner *r, task_call *const *calls, int n_calls, int *n_picked, error *e)
{
    error inner = {0};
    take_none(r);
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < n_calls; i++) {
            task_call *c = calls[i];
            int next = c->n_done + n_picked[i];
            if (next >= c->n_sequences || atomic_load(&c->cancelled))
                continue;
            bool picked = pick(r, c, &c->sequences[next], &inner);
            n_picked[i] += picked || inner.kind != ERR_NONE;
            if (inner.kind != ERR_NONE)
                return fail(e, inner.kind, "%s", inner.message);
            more |= picked;
        }
    }
    return true;
}

/* The same of one call: the results of its sequences stand together in its memory, so that nobody
 * copies them. False when there is no such room: then each asks for its own. */
static bool compose_alone(runner *r, task_call *c, int *n_picked)
{
    take_none(r);
    for (int i = c->n_done; i < c->n_sequences && !atomic_load(&c->cancelled); i++) {
        sequence *s = &c->sequences[i];
        size_t n_floats = result_floats(r, c->computes, s);
        if (!fits(r, s, n_floats))
            break;
        take(r, c, s, n_floats);
    }
    float *out = arena_raw(c->memory, r->n_floats, sizeof *out);
    if (!out)
        return false;
    r->in_place = true;
    *n_picked = r->n_picks;
    for (int i = 0; i < r->n_picks; i++) {
        r->picks[i].sequence->out = out;
        out += result_floats(r, c->computes, r->picks[i].sequence);
    }
    return true;
}

static bool all_cancelled(void *arg)
{
    const runner *r = arg;
    for (int i = 0; i < r->n_picks; i++)
        if (!atomic_load(&r->picks[i].call->cancelled))
            return false;
    return true;
}

/* The places of all tokens; NULL when no sequence has any. False when memory is out. */
static bool lay_out_boxes(runner *r, int n_tokens, const box **out)
{
    bool any = false;
    box *boxes = NULL;
    for (int i = 0; i < r->n_picks; i++)
        any |= r->picks[i].sequence->boxes != NULL;
    *out = NULL;
    if (!any)
        return true;
    *out = boxes = arena_try(r->work, (size_t)n_tokens, sizeof *boxes);
    for (int i = 0; boxes && i < r->n_picks; i++) {
        const sequence *s = r->picks[i].sequence;
        if (s->boxes)
            memcpy(boxes, s->boxes, (size_t)s->n * sizeof *boxes);
        boxes += s->n;
    }
    return *out != NULL;
}

/* The same of what tokens are in tables. */
static bool lay_out_table_types(runner *r, int n_tokens, const int **out)
{
    size_t each = (size_t)r->pipeline->info->table_types;
    int *types = NULL;
    *out = NULL;
    if (!each)
        return true;
    *out = types = arena_try(r->work, (size_t)n_tokens * each, sizeof *types);
    for (int i = 0; types && i < r->n_picks; i++) {
        const sequence *s = r->picks[i].sequence;
        if (s->table_types)
            memcpy(types, s->table_types, (size_t)s->n * each * sizeof *types);
        types += (size_t)s->n * each;
    }
    return *out != NULL;
}

/* The same of where their nodes stand. */
static bool lay_out_paths(runner *r, int n_tokens, const int **out)
{
    size_t each = 2 * (size_t)r->pipeline->info->path_depth;
    bool any = false;
    int *paths = NULL;
    for (int i = 0; i < r->n_picks; i++)
        any |= r->picks[i].sequence->paths != NULL;
    *out = NULL;
    if (!any)
        return true;
    *out = paths = arena_try(r->work, (size_t)n_tokens, each * sizeof *paths);
    for (int i = 0; paths && i < r->n_picks; i++) {
        const sequence *s = r->picks[i].sequence;
        size_t n = (size_t)s->n * each;
        if (s->paths)
            memcpy(paths, s->paths, n * sizeof *paths);
        else
            memset(paths, -1, n * sizeof *paths);
        paths += n;
    }
    return *out != NULL;
}

/* The same of their languages. */
static bool lay_out_languages(runner *r, const int **out)
{
    int *languages = NULL;
    *out = NULL;
    if (!r->pipeline->info->n_languages)
        return true;
    *out = languages = arena_raw(r->work, (size_t)r->n_picks, sizeof *languages);
    for (int i = 0; languages && i < r->n_picks; i++)
        languages[i] = r->picks[i].call->language;
    return *out != NULL;
}

/* Lays the picked sequences out as one ragged batch in r->work; false when memory is out. */
static bool lay_out(runner *r, int n_tokens, token_batch *b)
{
    int *ids = arena_raw(r->work, (size_t)n_tokens, sizeof *ids);
    int *types = arena_raw(r->work, (size_t)n_tokens, sizeof *types);
    int *start = arena_raw(r->work, (size_t)r->n_picks + 1, sizeof *start);
    int *skip = arena_raw(r->work, (size_t)r->n_picks, sizeof *skip);
    int *seen = arena_raw(r->work, (size_t)r->n_picks, sizeof *seen);
    unsigned char *weighed = arena_raw(r->work, (size_t)r->n_picks, 1);
    bool some_unseen = false, some_weighed = false;
    const box *boxes;
    const int *table_types, *paths, *languages;
    if (!ids || !types || !start || !skip || !seen || !weighed ||
        !lay_out_boxes(r, n_tokens, &boxes) || !lay_out_table_types(r, n_tokens, &table_types) ||
        !lay_out_paths(r, n_tokens, &paths) || !lay_out_languages(r, &languages))
        return false;
    int at = 0;
    for (int i = 0; i < r->n_picks; i++) {
        const sequence *s = r->picks[i].sequence;
        start[i] = at;
        skip[i] = s->skip;
        seen[i] = s->n_seen ? s->n_seen : s->n;
        some_unseen |= seen[i] < s->n;
        weighed[i] = s->weighed;
        some_weighed |= s->weighed;
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
                       .boxes = boxes,
                       .paths = paths,
                       .table_types = table_types,
                       .start = start,
                       .n_seq = r->n_picks,
                       .skip = skip,
                       .seen = some_unseen ? seen : NULL,
                       .weighed = some_weighed ? weighed : NULL,
                       .languages = languages,
                       .cancelled = all_cancelled,
                       .cancelled_arg = r};
    return true;
}

/* Numbers, in the batch, of the tokens to score. NULL when memory is out. */
static int *lay_out_rows(runner *r, const token_batch *b, int *n_rows)
{
    int n = 0;
    for (int i = 0; i < r->n_picks; i++)
        n += (int)result_rows(r, r->computes, r->picks[i].sequence);
    int *rows = arena_raw(r->work, (size_t)n + 1, sizeof *rows);
    *n_rows = 0;
    for (int i = 0; rows && i < r->n_picks; i++) {
        const sequence *s = r->picks[i].sequence;
        int n_own = (int)result_rows(r, r->computes, s);
        for (int k = 0; k < n_own; k++) {
            int at = s->rows ? s->rows[k] : k;
            assert(at >= (k && s->rows ? s->rows[k - 1] + 1 : 0) && at < s->n);
            rows[(*n_rows)++] = b->start[i] + at;
        }
    }
    return rows;
}

static bool compute_logits(runner *r, const token_batch *b, float *out, error *e)
{
    int *rows = NULL, n_rows = 0;
    if (scores_tokens(r) && r->pipeline->info->head != HEAD_CELLS &&
        !(rows = lay_out_rows(r, b, &n_rows)))
        return fail(e, ERR_NO_SPACE, "no memory for the rows of %d sequences", r->n_picks);
    return model_logits(r->pipeline->model, b, rows, n_rows, out, r->work, e);
}

static bool compute_tokens(runner *r, const token_batch *b, float *out, error *e)
{
    int n_rows, *rows = lay_out_rows(r, b, &n_rows);
    if (!rows)
        return fail(e, ERR_NO_SPACE, "no memory for the rows of %d sequences", r->n_picks);
    return model_tokens(r->pipeline->model, b, rows, n_rows, out, r->work, e);
}

/* Copies each sequence's results into memory of its call. */
static void scatter(runner *r, const float *from)
{
    for (int i = 0; i < r->n_picks; i++) {
        sequence *s = r->picks[i].sequence;
        size_t n = result_floats(r, r->computes, s);
        memcpy(s->out, from, n * sizeof *from);
        from += n;
    }
}

static bool compute(runner *r, error *e)
{
    token_batch b;
    bool in_place = r->in_place || r->n_picks == 1;
    model *m = r->pipeline->model;
    float *out =
        in_place ? r->picks[0].sequence->out : arena_raw(r->work, r->n_floats, sizeof *out);
    if (!out || !lay_out(r, r->n_tokens, &b))
        return fail(e, ERR_NO_SPACE, "no memory for a batch of %d tokens", r->n_tokens);
    bool ok = r->computes == CALL_EMBEDDING ? model_embed(m, &b, out, r->work, e)
              : r->computes == CALL_SPARSE  ? model_sparse(m, &b, out, r->work, e)
              : r->computes == CALL_TOKENS  ? compute_tokens(r, &b, out, e)
              : r->computes == CALL_HIDDEN  ? model_hidden(m, &b, out, r->work, e)
                                            : compute_logits(r, &b, out, e);
    if (ok && !in_place)
        scatter(r, out);
    return ok;
}

bool runner_step(runner *r, task_call *const *calls, int n_calls, error *e)
{
    int64_t start = clock_us();
    arena_reset(r->work);
    int *n_picked = arena_try(r->work, (size_t)n_calls, sizeof *n_picked);
    if (!n_picked)
        return fail(e, ERR_NO_SPACE, "no memory for %d calls", n_calls);
    bool ok = (n_calls == 1 && compose_alone(r, calls[0], n_picked)) ||
              compose(r, calls, n_calls, n_picked, e);
    ok = ok && (r->n_picks == 0 || compute(r, e));
    int64_t took = clock_us() - start;
    for (int i = 0; i < n_calls; i++) {
        calls[i]->n_done += n_picked[i];
        if (n_picked[i])
            calls[i]->compute_us += took;
    }
    return ok;
}

/* Those from `first` on. */
static bool check_sequences(const task_call *c, int first, error *e)
{
    for (int i = first; i < c->n_sequences && c->computes == CALL_LOGITS; i++)
        if (!model_check_ids(c->pipeline->model, c->sequences[i].ids, c->sequences[i].n, e))
            return fail_in(e, "text %d of 'inputs'", i);
    return true;
}

bool runner_prepare(task_call *c, error *e)
{
    return c->task->prepare(c, e) && paths_fill(c, 0, e) && check_sequences(c, 0, e);
}

bool runner_go_on(task_call *c, error *e)
{
    int n = c->n_sequences;
    return !c->task->go_on ||
           (c->task->go_on(c, e) && paths_fill(c, n, e) && check_sequences(c, n, e));
}

static bool write_reply(task_call *c, buf *reply, error *e)
{
    PROFILE(PROFILE_REPLY);
    if (!c->task->finish(c, reply, e))
        return false;
    return !reply->full || fail(e, ERR_TOO_LARGE, "the reply is larger than %zu bytes", reply->max);
}

static bool compute_all(runner *r, task_call *c, error *e)
{
    do {
        while (c->n_done < c->n_sequences)
            if (!runner_step(r, &c, 1, e))
                return false;
        if (!runner_go_on(c, e))
            return false;
    } while (c->n_done < c->n_sequences);
    return true;
}

bool runner_answer(runner *r, const task *t, str body, buf *reply, call_usage *usage, error *e)
{
    task_call call = {.task = t, .pipeline = r->pipeline, .memory = arena_new(CALL_BYTES)};
    call.request = arena_alloc(call.memory, t->request_size);
    bool ok = task_parse(t, body, call.request, call.memory, e) && runner_prepare(&call, e) &&
              compute_all(r, &call, e) && write_reply(&call, reply, e);
    *usage = call.usage;
    arena_free(call.memory);
    return ok;
}
