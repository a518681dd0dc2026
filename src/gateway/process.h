/* One child process that serves a model: started without copying this process, watched by its
 * pidfd, stopped by SIGTERM and, when it does not listen, SIGKILL. */
#pragma once

#include "base/error.h"
#include "http/loop.h"

#include <sys/types.h>

/* The line of JSON that a worker writes to its ready descriptor. */
typedef struct process_report {
    bool ready;
    error failure; /* when it is not ready: the worker's own words */
    char task[64];
    int64_t mapped_bytes, private_bytes;
} process_report;

typedef struct process process;

typedef struct process_options {
    /* Program and arguments up to NULL; descriptor PROCESS_READY_FD of the child takes the
     * report. */
    const char *const *argv;
    /* The report arrived; at most once, before `ended`. */
    void (*reported)(const process_report *report, void *arg);
    /* The process is gone and reaped; `status` as of waitpid(2). The process is freed behind the
     * call. */
    void (*ended)(int status, void *arg);
    void *arg;
} process_options;

enum { PROCESS_READY_FD = 3 };

/* Callbacks run from the loop, never inside this call. NULL on failure. */
process *process_start(loop *l, const process_options *options, error *e);

pid_t process_id(const process *p);

/* SIGTERM now, SIGKILL after kill_after_ms. A second call may only shorten the time. */
void process_stop(process *p, int64_t kill_after_ms);

/* Kills, reaps and frees at once, without callbacks. NULL is fine. */
void process_free(process *p);

/* "ended with status 1", "was ended by signal 9 (Killed)". */
void process_describe(int status, char *out, size_t size);
