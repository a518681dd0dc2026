/* The server of `inferd serve`: the public routes, and behind them the workers. */
#pragma once

#include "base/error.h"
#include "gateway/limits.h"
#include "tensor/precision.h"

#include <stdbool.h>
#include <stdint.h>

enum { GATEWAY_LISTENERS = 16, GATEWAY_ARGUMENTS = 16 };

typedef struct gateway_options {
    const char *data_dir;                  /* state, models (DATA/hub), sockets of workers */
    const char *listen[GATEWAY_LISTENERS]; /* "127.0.0.1:8080", "unix:/path" */
    int n_listen;
    const char *allow_hosts[GATEWAY_LISTENERS]; /* further names of this server */
    int n_allow_hosts;
    enum precision precision;              /* of models that have no setting of their own */
    const char *worker[GATEWAY_ARGUMENTS]; /* command of a worker up to NULL, see pool_options */
    bool no_auth;                          /* nobody is asked for a token */
    bool require_token;                    /* everybody is, on loopback too */
    bool access_log;
    rate rate_limit; /* n == 0: none */
    int64_t budget_bytes;
    int64_t idle_ms;         /* for models without a setting of their own */
    int64_t load_timeout_ms; /* that a request waits for its model */
    int64_t drain_ms;        /* for running requests after SIGTERM */
    int64_t max_body_bytes;
    int queue_limit; /* requests of one model */
    int ready_fd;    /* gets {"url":"http://127.0.0.1:8080","pid":1}; -1: none */
} gateway_options;

/* Serves until SIGTERM or SIGINT, then drains; a second signal ends the process at once. Prints the
 * address on standard output when it is ready. False with the reason when it could not start. */
bool gateway_run(const gateway_options *options, error *e);

/* 80 % of the memory this process may use: of the machine's or its cgroup's, whichever is less. */
int64_t gateway_default_budget(void);
