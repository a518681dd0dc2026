/* Computes the sequences of many calls in shared ragged batches. */
#pragma once

#include "tasks/pipeline.h"

typedef struct runner runner;

/* A runner for one pipeline, used by one thread at a time. */
runner *runner_new(const pipeline *p);
void runner_free(runner *r);

/* Computes one batch: takes sequences that are not done yet from calls[0 .. n_calls - 1] (all of
 * this pipeline, prepared), fairly across calls and within a token budget, and advances their
 * n_done. Cancelled calls are passed over. On failure the calls whose sequences were in the batch
 * must not be continued; ERR_CANCELLED: all of them had been cancelled meanwhile. */
bool runner_step(runner *r, task_call *const *calls, int n_calls, error *e);

/* The task's prepare, and whether its sequences can be computed: one that cannot would take those
 * of others in its batch with it. */
bool runner_prepare(task_call *c, error *e);

/* When all sequences of the call are computed: lets its task add more. */
bool runner_go_on(task_call *c, error *e);

/* A call of its own from a JSON body to its reply: what `inferd run` does. */
bool runner_answer(runner *r, const task *t, str body, buf *reply, call_usage *usage, error *e);
