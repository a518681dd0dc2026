/* Threads for parallel regions.
 *
 * A team owns n - 1 sleeping helper threads; the thread that calls team_run is the n-th. A region
 * is cut into parts that threads take one by one, so parts of uneven cost balance themselves.
 * After a region the helpers watch for the next one for some tens of microseconds and then sleep
 * in the kernel: a busy model pays about a microsecond per region, an idle one burns nothing. */
#pragma once

#include "base/error.h"

#include <stddef.h>

typedef struct team team;

/* The work of one part. part: 0 .. n_parts - 1, each exactly once, in no order.
 * thread: 0 .. team_size - 1, 0 is the caller; one thread never runs two parts at a time. */
typedef void team_fn(void *arg, int part, int thread);

/* The work on the items begin .. end - 1. */
typedef void team_range_fn(void *arg, long begin, long end, int thread);

/* CPUs that this process may keep busy: its affinity mask, lowered to the quotas of
 * cgroups (version 2: cpu.max, version 1: cpu.cfs_quota_us; rounded up) of its group and every
 * group above it. At least 1. */
int threads_default(void);

/* n_threads counts the caller; 0 or less means threads_default(). Fails with ERR_IO when a
 * thread cannot be made. A team of 1 makes no thread and runs every region inline. */
team *team_new(int n_threads, error *e);

/* Ends the helpers. NULL is fine. No region may be running. */
void team_free(team *t);

int team_size(const team *t);

/* Runs fn for every part and returns when all are done; what the parts wrote is then visible to
 * the caller. One region at a time: a team is used by one thread, and fn must not run a region
 * on its own team. n_parts of 0 is nothing, of 1 runs inline without waking anybody. */
void team_run(team *t, int n_parts, team_fn *fn, void *arg);

/* Tells that no region follows for now: the helpers sleep at once instead of watching for one, and
 * leave their CPUs to others. The next region wakes them. By the thread that runs the regions. */
void team_rest(team *t);

/* Tells that a region will follow within some tens of microseconds: helpers that sleep wake up and
 * watch for it, and are awake when it comes. By the thread that runs the regions. */
void team_expect(team *t);

/* Cuts 0 .. n_items - 1 into ranges of at least grain items (grain >= 1; the last may be shorter),
 * at most four for each thread, and runs them as team_run does. */
void team_for(team *t, long n_items, long grain, team_range_fn *fn, void *arg);

/* The team of one that `thread` may run regions on inside a region of t: for parts that are large
 * and have regions of their own. Only that thread may ask for it. It lives as long as t. Of a team
 * of 1 it is that team itself. */
team *team_alone(team *t, int thread);

/* Working memory of one thread for the length of a region, 64-byte aligned, contents undefined.
 * It belongs to the team, grows to the largest size asked for, and moves when it grows, so a part
 * asks once, for everything it needs. Only the thread itself may ask for its own. */
void *team_scratch(team *t, int thread, size_t size_bytes);

/* Memory that the parts of several regions share, 64-byte aligned, contents undefined. It belongs
 * to the team, grows to the largest size asked for, and moves when it grows. By the thread that
 * runs the regions, between them; never inside one. */
void *team_shared(team *t, size_t size_bytes);
