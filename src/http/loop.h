/* The event loop of a process: sockets, timers, signals, and work posted from other threads.
 *
 * One thread runs a loop. Everything in http/ belongs to that thread (asserted); the one exception
 * is loop_post(). Callbacks run one at a time, never inside the call that registered them. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct event_base;

typedef struct loop loop;
typedef struct timer timer;
typedef struct watch watch;

typedef void loop_fn(void *arg);

/* Writes to closed sockets must not kill the process: loop_new() ignores SIGPIPE. The loop belongs
 * to the thread that calls loop_run(), before that to the one that made it. */
loop *loop_new(error *e);

/* Everything that uses the loop (servers, timers, watches) is freed before it. Posted work that has
 * not run is dropped. */
void loop_free(loop *l);

/* Runs until loop_stop(). */
void loop_run(loop *l);

/* From the loop's thread: makes loop_run() return after the current callback. */
void loop_stop(loop *l);

/* From any thread: fn(arg) runs on the loop's thread, in the order of the posts. */
void loop_post(loop *l, loop_fn *fn, void *arg);

/* Runs fn(arg) on every arrival of the signal, outside of the signal handler. Until loop_free(). */
void loop_on_signal(loop *l, int signal_number, loop_fn *fn, void *arg);

/* Whether the caller is the loop's thread; for assertions. */
bool loop_is_here(const loop *l);

/* For the files of this folder and for other libraries that want the same loop. */
struct event_base *loop_base(loop *l);

/* Work for the next turn of the loop, after it has looked at its sockets again: whoever does a part
 * and queues the rest starves nobody. Part of its owner's struct. */
typedef struct later {
    loop *l;
    loop_fn *fn;
    void *arg;
    struct later *next, *previous;
    bool queued;
} later;

void later_init(later *w, loop *l, loop_fn *fn, void *arg);
void later_set(later *w);   /* queues it unless it is queued */
void later_clear(later *w); /* also from its own callback; before its memory is freed */

enum { LOOP_SCRATCH = 64 * 1024 };

/* Bytes that sockets are read into: contents last until the callback returns. */
char *loop_scratch(loop *l);

/* A timer that is not running. */
timer *timer_new(loop *l, loop_fn *fn, void *arg);
void timer_free(timer *t); /* NULL is fine; also from its own callback */

/* Calls fn(arg) once in delay_ms, forgetting an earlier start; timer_stop() forgets it as well. */
void timer_start(timer *t, int64_t delay_ms);
void timer_stop(timer *t);
bool timer_is_running(const timer *t);

/* Calls fn(arg) whenever fd can be read (pidfds, pipes), until it is freed. The fd stays the
 * caller's and is closed after the watch is freed. */
watch *watch_new(loop *l, int fd, loop_fn *fn, void *arg);
void watch_free(watch *w); /* NULL is fine; also from its own callback */
