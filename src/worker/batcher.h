/* The queue between the worker's loop thread and its engine thread.
 *
 * The engine takes everything that waits, parses and tokenises it, and computes shared batches
 * until all of it is done; what arrives meanwhile joins the next batch. An idle engine starts at
 * once: there is no collecting delay. What will take a few milliseconds at most, by the speed seen
 * so far, is computed on the loop's thread while the engine's sleeps: handing it over and back
 * would cost up to a tenth of such a request. All functions and callbacks are for the loop's
 * thread. */
#pragma once

#include "base/buf.h"
#include "http/loop.h"
#include "tasks/pipeline.h"

typedef struct batcher batcher;
typedef struct job job;

typedef struct job_result {
    error error; /* kind ERR_NONE: reply holds the answer */
    buf reply;   /* the callee may take it (leaving it empty) */
    call_usage usage;
    int64_t queue_us, tokenize_us, compute_us;
} job_result;

/* Called once, on the loop's thread, never inside batcher_submit; not at all after job_cancel. */
typedef void job_done_fn(job_result *result, void *arg);

/* max_waiting: jobs that may wait or run at the same time. Fails when no thread can be made. */
batcher *batcher_new(const pipeline *p, loop *l, int max_waiting, error *e);

/* Ends the engine; jobs that are not done are dropped without a callback. NULL is fine. */
void batcher_free(batcher *b);

/* Queues a request (the body is copied). named: the client asked for this task; else the body may
 * turn out to be for its twin. NULL with ERR_BUSY when the queue is full. */
job *batcher_submit(batcher *b, const task *t, bool named, enum task_client client, str body,
                    job_done_fn *done, void *arg, error *e);

/* Nobody waits for it any more: the engine drops it when its turn comes, or its batches stop
 * between layers. Until then it counts as waiting. */
void job_cancel(job *j);

/* Counters since the start, for /metrics. */
typedef struct batcher_counts {
    int waiting; /* queued or running now */
    uint64_t done, failed, cancelled, tokens, batches;
    int64_t busy_us; /* time that the engine computed */
} batcher_counts;
batcher_counts batcher_count(batcher *b);
