/* The server of one model: loads it, listens, answers until it is told to stop. */
#pragma once

#include "base/error.h"
#include "tensor/precision.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct worker_options {
    const char *folder;  /* of the model */
    const char *listen;  /* "unix:/path" or "127.0.0.1:9000" */
    const char *id;      /* "owner/name", NULL: the folder's name */
    const char *task;    /* NULL: the model's own */
    const char *api_key; /* NULL: nobody is asked for one */
    enum precision precision;
    bool no_sandbox;  /* keep all rights, for debuggers and profilers */
    int n_threads;    /* 0: as many as the process may use */
    int ready_fd;     /* gets one line of JSON once the model is loaded or has failed; -1: none */
    int max_waiting;  /* requests that may wait or run */
    int64_t max_body; /* bytes of a request body */
    int64_t drain_ms; /* for requests that run when the worker is told to stop */
} worker_options;

/* Runs until SIGTERM or SIGINT, then drains. False with the reason when it could not start; the
 * reason has then been written to ready_fd too. */
bool worker_run(const worker_options *o, error *e);
