/* Ownership: a job belongs to the engine from batcher_submit until it is posted back; the loop's
 * thread frees it. `cancelled` is the only field that both touch meanwhile.
 *
 * The engine's list `active` holds the jobs that are prepared and not done. Each step computes one
 * batch over all of them (tasks/run.h), so that a job of one sentence is not kept waiting by one of
 * a thousand. */
#include "worker/batcher.h"
#include "base/clock.h"
#include "base/memory.h"
#include "tasks/run.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    WAITING_BYTES = 256 << 20, /* bodies that may wait or run at the same time; one may be larger */
    JOB_BYTES = 512 << 20,     /* arena of one job: parsed request, tokens, results */
    REPLY_BYTES = 512 << 20,   /* a reply */
    MAX_ACTIVE = 1024,         /* jobs that one batch may draw from */
};

struct job {
    task_call call;
    batcher *owner;
    job *next; /* in the queue */
    char *body;
    size_t n_body;
    bool named;        /* the client named the task */
    job_done_fn *done; /* NULL once cancelled; the loop's thread only */
    void *arg;
    int64_t queued_us, started_us;
    job_result result;
};

struct batcher {
    const pipeline *pipeline;
    loop *loop;
    runner *runner;
    pthread_t engine;
    int max_waiting;
    int waiting;          /* jobs that exist; the loop's thread only */
    size_t waiting_bytes; /* of their bodies; the loop's thread only */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake;
    job *first, **last;     /* waiting for the engine */
    job *back, **back_last; /* on their way back to the loop's thread */
    bool stop;
    batcher_counts counts;

    job *active[MAX_ACTIVE]; /* the engine's own */
    task_call *calls[MAX_ACTIVE];
    int n_active;
};

static void job_free(job *j)
{
    arena_free(j->call.memory);
    buf_release(&j->result.reply);
    free(j->body);
    free(j);
}

static void free_list(job *j)
{
    while (j) {
        job *next = j->next;
        job_free(j);
        j = next;
    }
}

/* On the loop's thread: jobs are back. */
static void deliver(void *arg)
{
    batcher *b = arg;
    pthread_mutex_lock(&b->lock);
    job *j = b->back;
    b->back = NULL;
    b->back_last = &b->back;
    pthread_mutex_unlock(&b->lock);
    while (j) {
        job *next = j->next;
        b->waiting--;
        b->waiting_bytes -= j->n_body;
        if (j->done)
            j->done(&j->result, j->arg);
        job_free(j);
        j = next;
    }
}

static void count_result(batcher *b, const job *j)
{
    if (atomic_load(&j->call.cancelled))
        b->counts.cancelled++;
    else if (j->result.error.kind != ERR_NONE)
        b->counts.failed++;
    else
        b->counts.done++;
    b->counts.tokens += (uint64_t)j->call.usage.tokens;
}

static void give_back(batcher *b, job *j)
{
    j->result.usage = j->call.usage;
    j->result.queue_us = j->started_us - j->queued_us;
    j->result.tokenize_us = j->call.tokenize_us;
    j->result.compute_us = j->call.compute_us;
    j->next = NULL;
    pthread_mutex_lock(&b->lock);
    count_result(b, j);
    bool announced = b->back != NULL;
    *b->back_last = j;
    b->back_last = &j->next;
    pthread_mutex_unlock(&b->lock);
    if (!announced)
        loop_post(b->loop, deliver, b);
}

/* Parses the body and makes the sequences; false: the job is done with its error. */
static bool start_job(job *j)
{
    task_call *c = &j->call;
    error *e = &j->result.error;
    j->started_us = clock_us();
    if (atomic_load(&c->cancelled))
        return fail(e, ERR_CANCELLED, "the client has left");
    c->memory = arena_new(JOB_BYTES);
    str body = {j->body, j->n_body};
    bool ok;
    if (j->named) {
        c->request = arena_alloc(c->memory, c->task->request_size);
        ok = task_parse(c->task, body, c->request, c->memory, e);
    } else {
        ok = task_parse_fitting(&c->task, body, &c->request, c->memory, e);
    }
    ok = ok && runner_prepare(c, e);
    free(j->body); /* what is needed of it was copied */
    j->body = NULL;
    c->tokenize_us = clock_us() - j->started_us;
    return ok;
}

static void finish_job(batcher *b, job *j)
{
    job_result *r = &j->result;
    r->reply = buf_new(REPLY_BYTES);
    if (!atomic_load(&j->call.cancelled) && j->call.task->finish(&j->call, &r->reply, &r->error) &&
        r->reply.full)
        fail(&r->error, ERR_TOO_LARGE, "the reply is larger than %d bytes", REPLY_BYTES);
    give_back(b, j);
}

/* Moves waiting jobs to the active list; blocks while there is nothing at all to do. */
static bool take_waiting(batcher *b)
{
    pthread_mutex_lock(&b->lock);
    while (!b->first && b->n_active == 0 && !b->stop)
        pthread_cond_wait(&b->wake, &b->lock);
    bool go_on = !b->stop;
    job *taken = NULL, **end = &taken;
    for (int room = MAX_ACTIVE - b->n_active; go_on && b->first && room > 0; room--) {
        job *j = b->first;
        b->first = j->next;
        *end = j;
        end = &j->next;
        j->next = NULL;
    }
    if (!b->first)
        b->last = &b->first;
    pthread_mutex_unlock(&b->lock);
    while (taken) {
        job *j = taken;
        taken = j->next;
        if (!start_job(j))
            give_back(b, j);
        else
            b->active[b->n_active++] = j;
    }
    return go_on;
}

/* A batch has failed. Its jobs are computed one by one, so that what is wrong with one of them
 * fails no other. */
static void blame(batcher *b, const int *done_before, const error *failed)
{
    int n = 0;
    for (int i = 0; i < b->n_active; i++)
        n += b->calls[i]->n_done > done_before[i];
    for (int i = 0; i < b->n_active; i++) {
        if (b->calls[i]->n_done == done_before[i])
            continue;
        error own = *failed;
        if (n > 1 && failed->kind != ERR_CANCELLED) {
            own = (error){0};
            b->calls[i]->n_done = done_before[i];
            runner_step(b->runner, &b->calls[i], 1, &own);
        }
        b->active[i]->result.error = own;
    }
}

/* Sends back the active jobs that are complete, cancelled, or have failed. */
static void settle(batcher *b)
{
    int kept = 0;
    for (int i = 0; i < b->n_active; i++) {
        job *j = b->active[i];
        task_call *c = &j->call;
        if (j->result.error.kind == ERR_NONE && c->n_done == c->n_sequences)
            runner_go_on(c, &j->result.error);
        if (j->result.error.kind != ERR_NONE || atomic_load(&c->cancelled))
            give_back(b, j);
        else if (c->n_done == c->n_sequences)
            finish_job(b, j);
        else
            b->active[kept++] = j;
    }
    b->n_active = kept;
}

/* Whether the engine will have nothing to compute once the active jobs are settled: then the
 * helpers leave their CPUs to those who send the replies. */
static bool runs_dry(const batcher *b)
{
    for (int i = 0; i < b->n_active; i++)
        if (b->calls[i]->n_done < b->calls[i]->n_sequences)
            return false;
    return b->first == NULL;
}

static void compute_step(batcher *b)
{
    int done_before[MAX_ACTIVE];
    error e = {0};
    int64_t start = clock_us();
    for (int i = 0; i < b->n_active; i++) {
        b->calls[i] = &b->active[i]->call;
        done_before[i] = b->calls[i]->n_done;
    }
    if (!runner_step(b->runner, b->calls, b->n_active, &e))
        blame(b, done_before, &e);
    pthread_mutex_lock(&b->lock);
    b->counts.batches++;
    b->counts.busy_us += clock_us() - start;
    bool rest = runs_dry(b);
    pthread_mutex_unlock(&b->lock);
    if (rest)
        team_rest(b->pipeline->threads);
    settle(b);
}

static void *engine(void *arg)
{
    batcher *b = arg;
    while (take_waiting(b))
        if (b->n_active)
            compute_step(b);
    return NULL;
}

batcher *batcher_new(const pipeline *p, loop *l, int max_waiting, error *e)
{
    batcher *b = xcalloc(1, sizeof *b);
    b->pipeline = p;
    b->loop = l;
    b->max_waiting = max_waiting;
    b->last = &b->first;
    b->back_last = &b->back;
    b->runner = runner_new(p);
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->wake, NULL);
    if (pthread_create(&b->engine, NULL, engine, b) != 0) {
        fail(e, ERR_IO, "cannot start the engine thread");
        runner_free(b->runner);
        free(b);
        return NULL;
    }
    return b;
}

void batcher_free(batcher *b)
{
    if (!b)
        return;
    pthread_mutex_lock(&b->lock);
    b->stop = true;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->engine, NULL);
    for (int i = 0; i < b->n_active; i++)
        job_free(b->active[i]);
    free_list(b->first);
    free_list(b->back);
    runner_free(b->runner);
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->wake);
    free(b);
}

job *batcher_submit(batcher *b, const task *t, bool named, enum task_client client, str body,
                    job_done_fn *done, void *arg, error *e)
{
    if (b->waiting && b->waiting_bytes + body.n > WAITING_BYTES) {
        fail(e, ERR_BUSY, "the model is overloaded: requests of %zu bytes wait already",
             b->waiting_bytes);
        return NULL;
    }
    if (b->waiting >= b->max_waiting) {
        fail(e, ERR_BUSY, "the model is overloaded: %d requests wait already", b->waiting);
        return NULL;
    }
    job *j = xcalloc(1, sizeof *j);
    j->call.task = t;
    j->call.client = client;
    j->named = named;
    j->call.pipeline = b->pipeline;
    j->owner = b;
    j->done = done;
    j->arg = arg;
    j->queued_us = clock_us();
    j->body = malloc(body.n + 1);
    if (!j->body) {
        free(j);
        fail(e, ERR_TOO_LARGE, "no memory for a request body of %zu bytes", body.n);
        return NULL;
    }
    if (body.n)
        memcpy(j->body, body.p, body.n);
    j->n_body = body.n;
    b->waiting++;
    b->waiting_bytes += body.n;
    pthread_mutex_lock(&b->lock);
    *b->last = j;
    b->last = &j->next;
    pthread_cond_signal(&b->wake);
    pthread_mutex_unlock(&b->lock);
    return j;
}

void job_cancel(job *j)
{
    if (!j)
        return;
    j->done = NULL;
    atomic_store(&j->call.cancelled, true);
}

batcher_counts batcher_count(batcher *b)
{
    pthread_mutex_lock(&b->lock);
    batcher_counts counts = b->counts;
    pthread_mutex_unlock(&b->lock);
    counts.waiting = b->waiting;
    return counts;
}
