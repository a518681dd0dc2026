/* Ownership: a job belongs to the engine from batcher_submit until it is posted back; the loop's
 * thread frees it. `cancelled` is the only field that both touch meanwhile.
 *
 * The engine's list `active` holds the jobs that are prepared and not done. Each step computes one
 * batch over all of them (tasks/run.h), so that a job of one sentence is not kept waiting by one of
 * a thousand.
 *
 * The engine is a role. Its thread has it, but while that one sleeps the loop's thread takes it for
 * what is so short that waking the other and being woken again would be a good part of the time:
 * one sentence and a small model. What turns out to be longer is handed over. */
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
    HERE_BYTES = 8 << 10,      /* bodies that the loop's thread parses itself, at most, */
    HERE_US = 4000,            /* and how long it then may compute, by the speed so far */
    SPEEDS_KEPT = 8,           /* batches until a higher speed is believed, about */
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
    bool stop, sleeps;      /* the engine's thread */
    bool here;              /* the loop's thread has the role of the engine, or will have it */
    batcher_counts counts;

    job *active[MAX_ACTIVE]; /* of whoever is the engine */
    task_call *calls[MAX_ACTIVE];
    int n_active;
    double us_a_token; /* of batches so far; 0: there was none */
    bool computes;     /* the last request to the loop had something to compute */
    later turn;        /* the loop's thread becomes the engine */
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
    if (!announced && !b->here)
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

/* Takes waiting jobs, as many as may become active. Locked. */
static job *take(batcher *b)
{
    job *taken = NULL, **end = &taken;
    for (int room = MAX_ACTIVE - b->n_active; b->first && room > 0; room--) {
        job *j = b->first;
        b->first = j->next;
        *end = j;
        end = &j->next;
        j->next = NULL;
    }
    if (!b->first)
        b->last = &b->first;
    return taken;
}

static void start_jobs(batcher *b, job *taken)
{
    while (taken) {
        job *j = taken;
        taken = j->next;
        if (!start_job(j))
            give_back(b, j);
        else
            b->active[b->n_active++] = j;
    }
}

/* On the engine's thread: moves waiting jobs to the active list; blocks while there is nothing at
 * all to do. */
static bool take_waiting(batcher *b)
{
    pthread_mutex_lock(&b->lock);
    b->sleeps = true;
    while (!b->stop && (b->here || (!b->first && b->n_active == 0)))
        pthread_cond_wait(&b->wake, &b->lock);
    b->sleeps = false;
    bool go_on = !b->stop;
    job *taken = go_on ? take(b) : NULL;
    pthread_mutex_unlock(&b->lock);
    start_jobs(b, taken);
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

/* Of the active jobs, as far as their sequences are known. */
static int64_t tokens_left(const batcher *b)
{
    int64_t n = 0;
    for (int i = 0; i < b->n_active; i++) {
        const task_call *c = &b->active[i]->call;
        for (int s = c->n_done; s < c->n_sequences; s++)
            n += c->sequences[s].n;
    }
    return n;
}

/* Tasks differ, so that the speed falls at once and rises slowly. */
static void learn_speed(batcher *b, int64_t took_us, int64_t tokens)
{
    if (tokens <= 0)
        return;
    double us = (double)took_us / (double)tokens, old = b->us_a_token;
    b->us_a_token = us > old ? us : old + (us - old) / SPEEDS_KEPT;
}

static void compute_step(batcher *b)
{
    int done_before[MAX_ACTIVE];
    error e = {0};
    int64_t start = clock_us(), tokens = tokens_left(b);
    for (int i = 0; i < b->n_active; i++) {
        b->calls[i] = &b->active[i]->call;
        done_before[i] = b->calls[i]->n_done;
    }
    if (!runner_step(b->runner, b->calls, b->n_active, &e))
        blame(b, done_before, &e);
    tokens -= tokens_left(b);
    int64_t took = clock_us() - start;
    pthread_mutex_lock(&b->lock);
    b->counts.batches++;
    b->counts.busy_us += took;
    bool rest = runs_dry(b);
    pthread_mutex_unlock(&b->lock);
    if (rest)
        team_rest(b->pipeline->threads);
    settle(b);
    learn_speed(b, clock_us() - start, tokens);
}

static void *engine(void *arg)
{
    batcher *b = arg;
    while (take_waiting(b))
        if (b->n_active)
            compute_step(b);
    return NULL;
}

/* Locked, and the engine's thread sleeps. */
static void wake_engine(batcher *b)
{
    b->here = b->sleeps = false;
    pthread_cond_signal(&b->wake);
}

/* Jobs that wait while the engine's thread sleeps, on the loop's thread, after it has looked at its
 * sockets again: what came together makes one batch. */
static void compute_here(void *arg)
{
    batcher *b = arg;
    if (b->waiting_bytes <= HERE_BYTES) {
        if (b->computes)
            team_expect(b->pipeline->threads);
        pthread_mutex_lock(&b->lock);
        job *taken = take(b);
        pthread_mutex_unlock(&b->lock);
        start_jobs(b, taken);
        b->computes = tokens_left(b) > 0;
        if (b->n_active && (double)tokens_left(b) * b->us_a_token <= HERE_US)
            compute_step(b);
        deliver(b);
    }
    pthread_mutex_lock(&b->lock);
    b->here = false;
    if (b->first || b->n_active)
        wake_engine(b);
    pthread_mutex_unlock(&b->lock);
}

/* Locked: somebody will see to the jobs that wait. */
static void see_to_jobs(batcher *b)
{
    if (!b->sleeps || b->here)
        return;
    if (b->waiting_bytes > HERE_BYTES || b->us_a_token == 0) {
        wake_engine(b);
        return;
    }
    b->here = true;
    later_set(&b->turn);
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
    later_init(&b->turn, l, compute_here, b);
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
    later_clear(&b->turn);
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
    see_to_jobs(b);
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
