/* Main path: pool_lease -> enqueue -> admit (the ledger) -> start -> on_report -> serve_waiting;
 * lease_release -> settle -> stop -> on_ended.
 *
 * Invariants: a model is in the ledger exactly while it has a process; it is in the queue exactly
 * while its state is POOL_QUEUED; models[] holds the current model of each id, `all` also the
 * retired ones. */
#include "gateway/pool.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/own.h"
#include "gateway/ledger.h"
#include "gateway/process.h"
#include "tensor/repo.h"

#include <inttypes.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SWEEP_MS = 500,
    KILL_AFTER_MS = 35000,      /* a worker told to stop has 30 s for its requests */
    LOAD_DEADLINE_MS = 600000,  /* a worker that neither reports nor ends is killed */
    FAST_CRASH_MS = 10000,      /* a crash sooner than this counts towards POOL_CRASHES */
    TURN_MS = 1000,             /* a busy model may stay this long when others want its memory */
    REMEMBER_FAILURE_MS = 2000, /* a model that cannot be loaded is not tried again for so long */
    FIRST_REST_MS = 5000,
    LONGEST_REST_MS = 60000,
    MAX_ARGUMENTS = 32,
};

struct hosted {
    pool *pool;
    char *id, *folder;
    enum pool_state state;
    bool retired;
    ledger_entry account;
    process *process;
    char *address;     /* "unix:..." */
    const char *dtype; /* of the process */
    int64_t weight_bytes;
    int64_t started_us, load_ms; /* load_ms of the last load, -1: none yet */
    int64_t used_ms;             /* when the last request ended */
    const char *end_reason;      /* why it was told to stop */
    timer *deadline;             /* of the load */

    lease *waiting, *waiting_end;
    int n_waiting, n_active;

    error failure;
    int n_crashes;
    int64_t rest_until_ms; /* leases are refused with `failure` until then */

    struct hosted *next;        /* in pool.all */
    struct hosted *next_queued; /* in pool.queue */
};

struct pool {
    pool_options options;
    ledger ledger;
    map models; /* id -> the current model */
    struct hosted *all;
    struct hosted *queue;
    timer *admit_timer, *sweep_timer;
    unsigned n_started;
    int n_processes;
    loop_fn *shut_down;
    void *shut_down_arg;
};

static void admit_later(pool *p);
static void settle(struct hosted *m);

/* --- series --- */

static series *starts_of(const struct hosted *m)
{
    return metrics_get(m->pool->options.metrics, METRIC_COUNTER, "inferd_worker_starts_total",
                       "worker processes started", "model", m->id);
}

static void count_end(const struct hosted *m, const char *reason)
{
    series_add(metrics_get(m->pool->options.metrics, METRIC_COUNTER, "inferd_worker_ends_total",
                           "worker processes ended, by reason", "model,reason", m->id, reason),
               1);
}

/* By what their products are made of. */
static void count_running(const struct hosted *m, int more)
{
    series_add(metrics_get(m->pool->options.metrics, METRIC_GAUGE, "inferd_workers",
                           "worker processes, loading or serving", "model,dtype", m->id, m->dtype),
               more);
}

/* --- models --- */

static struct hosted *hosted_new(pool *p, const char *id, const char *folder, int64_t weight_bytes)
{
    struct hosted *m = xcalloc(1, sizeof *m);
    m->pool = p;
    m->id = xstrdup(id);
    m->folder = xstrdup(folder);
    m->weight_bytes = weight_bytes;
    m->account.owner = m;
    m->load_ms = -1;
    m->next = p->all;
    p->all = m;
    map_add(&p->models, str_of(m->id))->value.pointer = m;
    return m;
}

static void hosted_free(struct hosted *m)
{
    pool *p = m->pool;
    for (struct hosted **at = &p->all; *at; at = &(*at)->next)
        if (*at == m) {
            *at = m->next;
            break;
        }
    if (!m->retired)
        map_remove(&p->models, str_of(m->id));
    timer_free(m->deadline);
    process_free(m->process);
    free(m->address);
    free(m->folder);
    free(m->id);
    free(m);
}

static void note_business(struct hosted *m)
{
    m->account.busy = m->n_active + m->n_waiting > 0;
}

static void stop(struct hosted *m, const char *reason)
{
    if (!m->end_reason)
        m->end_reason = reason;
    m->state = POOL_STOPPING;
    log_debug("model '%s': ending its worker %d (%s)", m->id, (int)process_id(m->process), reason);
    process_stop(m->process, KILL_AFTER_MS);
}

/* Ends a worker once its requests are over. */
static void drain(struct hosted *m, const char *reason)
{
    if (m->state != POOL_READY && m->state != POOL_LOADING)
        return;
    m->end_reason = reason;
    if (m->n_active == 0)
        stop(m, reason);
    else
        m->state = POOL_DRAINING;
}

static void leave(void *owner)
{
    struct hosted *m = owner;
    drain(m, "evicted");
}

/* The old model of an id: out of sight for new leases, ended when its leases are over. */
static void retire(struct hosted *m)
{
    map_remove(&m->pool->models, str_of(m->id));
    m->retired = true;
    settle(m);
}

/* --- waiting leases --- */

static void unlink_waiting(lease *l)
{
    struct hosted *m = l->hosted;
    if (l->previous)
        l->previous->next = l->next;
    else
        m->waiting = l->next;
    if (l->next)
        l->next->previous = l->previous;
    else
        m->waiting_end = l->previous;
    l->next = l->previous = NULL;
    m->n_waiting--;
    timer_free(l->patience);
    l->patience = NULL;
}

static void fail_lease(lease *l, const pool_failure *failure)
{
    if (l->hosted) {
        unlink_waiting(l);
        note_business(l->hosted);
        l->hosted = NULL;
    }
    l->failed(l, failure);
}

/* The leases that wait now; those that come meanwhile are not among them. */
static void fail_waiting(struct hosted *m, const error *e, int retry_after_s)
{
    pool_failure failure = {.error = *e, .retry_after_s = retry_after_s};
    for (int n = m->n_waiting; n > 0 && m->waiting; n--)
        fail_lease(m->waiting, &failure);
}

static void on_impatient(void *arg)
{
    lease *l = arg;
    const struct hosted *m = l->hosted;
    pool_failure failure = {.retry_after_s = 1, .estimated_s = 20};
    if (m->load_ms >= 0)
        failure.estimated_s = (double)(m->load_ms + 1) / 1e3;
    if (m->state == POOL_QUEUED)
        failure.retry_after_s = 10;
    fail(&failure.error, ERR_UNAVAILABLE, "Model %s is currently loading", m->id);
    struct hosted *unlinked = l->hosted;
    fail_lease(l, &failure);
    settle(unlinked);
}

static void wait_in_line(struct hosted *m, lease *l)
{
    l->previous = m->waiting_end;
    l->next = NULL;
    if (m->waiting_end)
        m->waiting_end->next = l;
    else
        m->waiting = l;
    m->waiting_end = l;
    m->n_waiting++;
    note_business(m);
    l->patience = timer_new(m->pool->options.loop, on_impatient, l);
    timer_start(l->patience, m->pool->options.load_timeout_ms);
}

static void activate(struct hosted *m, lease *l)
{
    l->active = true;
    m->n_active++;
    note_business(m);
    l->ready(l);
}

static void serve_waiting(struct hosted *m)
{
    while (m->waiting && m->state == POOL_READY) {
        lease *l = m->waiting;
        unlink_waiting(l);
        activate(m, l);
    }
}

/* --- the process of a model --- */

static void forget_process(struct hosted *m)
{
    m->process = NULL;
    m->pool->n_processes--;
    timer_stop(m->deadline);
    ledger_remove(&m->pool->ledger, &m->account);
    unlink(m->address + 5);
    m->state = POOL_COLD;
}

static void note_crash(struct hosted *m, bool loading, int status)
{
    char how[100];
    process_describe(status, how, sizeof how);
    int64_t up_ms = (clock_us() - m->started_us) / 1000;
    m->n_crashes = up_ms < FAST_CRASH_MS ? m->n_crashes + 1 : 1;
    log_warn("model '%s': its worker %s%s", m->id, how, loading ? " while it loaded" : "");
    count_end(m, "crashed");
    m->failure = (error){0};
    if (m->n_crashes < POOL_CRASHES) {
        fail(&m->failure, ERR_BAD_GATEWAY, "the worker of model '%s' %s%s", m->id, how,
             loading ? " while it loaded" : "");
        return;
    }
    int64_t rest_ms = FIRST_REST_MS;
    for (int n = POOL_CRASHES; n < m->n_crashes && rest_ms < LONGEST_REST_MS; n++)
        rest_ms *= 2;
    m->rest_until_ms = clock_ms() + (rest_ms < LONGEST_REST_MS ? rest_ms : LONGEST_REST_MS);
    fail(&m->failure, ERR_UNAVAILABLE,
         "the worker of model '%s' crashed %d times in a row: the last one %s", m->id, m->n_crashes,
         how);
}

static int rest_s(const struct hosted *m)
{
    int64_t left = m->rest_until_ms - clock_ms();
    return left > 0 ? (int)((left + 999) / 1000) : 1;
}

static void on_ended(int status, void *arg)
{
    struct hosted *m = arg;
    pool *p = m->pool;
    bool loading = m->state == POOL_LOADING;
    /* Somebody else may tell a worker to stop; that is no crash. */
    bool told = m->end_reason || (!loading && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    const char *reason = m->end_reason ? m->end_reason : told ? "stopped" : NULL;
    forget_process(m);
    m->end_reason = NULL;
    count_running(m, -1);
    if (reason)
        count_end(m, reason);
    else
        note_crash(m, loading, status);
    if (!reason && loading) {
        error failure = m->failure;
        fail_waiting(m, &failure, rest_s(m));
    }
    if (p->shut_down && p->n_processes == 0)
        p->shut_down(p->shut_down_arg);
    settle(m); /* the last use of m: it may be freed */
    admit_later(p);
}

/* The worker's words for clients: files by their names in the model's folder, as where that is on
 * this machine is not for everybody. A model that lacks a file is there all the same. */
static void note_refusal(struct hosted *m, const error *refusal)
{
    error told = *refusal;
    log_warn("cannot load model '%s': %s", m->id, told.message);
    repo_hide_place(told.message, m->folder);
    m->failure = (error){0};
    fail(&m->failure, told.kind == ERR_NOT_FOUND ? ERR_BAD_MODEL : told.kind,
         "cannot load model '%s': %s", m->id, told.message);
}

static void on_report(const process_report *report, void *arg)
{
    struct hosted *m = arg;
    pool *p = m->pool;
    timer_stop(m->deadline);
    if (!report->ready) {
        note_refusal(m, &report->failure);
        m->rest_until_ms = clock_ms() + REMEMBER_FAILURE_MS;
        if (m->state != POOL_STOPPING)
            stop(m, "failed");
        error failure = m->failure;
        fail_waiting(m, &failure, 0);
        return;
    }
    if (m->state != POOL_LOADING)
        return; /* it was told to stop meanwhile */
    m->state = POOL_READY;
    m->failure = (error){0};
    m->load_ms = (clock_us() - m->started_us) / 1000;
    m->used_ms = m->account.used_ms = clock_ms();
    m->account.protected_ms = m->used_ms + TURN_MS;
    /* More than its files where they had to be converted, less where int8 took their place. */
    ledger_correct(&p->ledger, &m->account,
                   report->mapped_bytes + report->private_bytes + POOL_OVERHEAD_BYTES);
    log_info("model '%s': loaded in %" PRId64 " ms by worker %d (%s)", m->id, m->load_ms,
             (int)process_id(m->process), report->task);
    series_observe(metrics_get(p->options.metrics, METRIC_SECONDS, "inferd_load_seconds",
                               "from the start of a worker until it is ready", NULL),
                   clock_us() - m->started_us);
    if (!timer_is_running(p->sweep_timer))
        timer_start(p->sweep_timer, SWEEP_MS);
    serve_waiting(m);
    settle(m);
    admit_later(p);
}

static void on_deadline(void *arg)
{
    struct hosted *m = arg;
    if (m->state != POOL_LOADING)
        return;
    m->failure = (error){0};
    fail(&m->failure, ERR_UNAVAILABLE, "cannot load model '%s': not ready after %d s", m->id,
         LOAD_DEADLINE_MS / 1000);
    m->rest_until_ms = clock_ms() + REMEMBER_FAILURE_MS;
    stop(m, "failed");
    error failure = m->failure;
    fail_waiting(m, &failure, 10);
}

static bool start(struct hosted *m, error *e)
{
    pool *p = m->pool;
    free(m->address);
    m->address = xprintf("unix:%s/%u", p->options.run_dir, ++p->n_started);
    const char *argv[MAX_ARGUMENTS];
    int n = 0;
    while (p->options.command[n] && n < MAX_ARGUMENTS - 11) {
        argv[n] = p->options.command[n];
        n++;
    }
    char ready_fd[12];
    snprintf(ready_fd, sizeof ready_fd, "%d", PROCESS_READY_FD);
    m->dtype = p->options.dtype(m->id, p->options.arg);
    const char *const rest[] = {"--model", m->folder, "--listen",   m->address, "--id", m->id,
                                "--dtype", m->dtype,  "--ready-fd", ready_fd,   NULL};
    memcpy(argv + n, rest, sizeof rest);
    m->process =
        process_start(p->options.loop, &(process_options){argv, on_report, on_ended, m}, e);
    if (!m->process)
        return false;
    p->n_processes++;
    m->state = POOL_LOADING;
    m->started_us = clock_us();
    m->used_ms = m->account.used_ms = clock_ms();
    m->account.protected_ms = INT64_MAX; /* what somebody waits for is loaded to its end */
    if (!m->deadline)
        m->deadline = timer_new(p->options.loop, on_deadline, m);
    timer_start(m->deadline, LOAD_DEADLINE_MS);
    series_add(starts_of(m), 1);
    count_running(m, 1);
    return true;
}

/* --- memory --- */

static void dequeue(struct hosted *m)
{
    for (struct hosted **at = &m->pool->queue; *at; at = &(*at)->next_queued)
        if (*at == m) {
            *at = m->next_queued;
            break;
        }
    m->next_queued = NULL;
    m->state = POOL_COLD;
}

static void enqueue(struct hosted *m)
{
    struct hosted **at = &m->pool->queue;
    while (*at)
        at = &(*at)->next_queued;
    *at = m;
    m->next_queued = NULL;
    m->state = POOL_QUEUED;
}

static void refuse_too_big(struct hosted *m)
{
    m->failure = (error){0};
    fail(&m->failure, ERR_NO_SPACE,
         "model '%s' needs %" PRId64 " bytes of memory, the budget of this server is %" PRId64,
         m->id, m->account.bytes, m->pool->ledger.budget);
    error failure = m->failure;
    fail_waiting(m, &failure, 0);
}

/* Lets in one queued model after the other, in their order: a small one does not pass a large one
 * that waits, which could then wait forever. */
static void admit(void *arg)
{
    pool *p = arg;
    while (p->queue) {
        struct hosted *m = p->queue;
        m->account.bytes = m->weight_bytes + POOL_OVERHEAD_BYTES;
        int64_t now = clock_ms(), again;
        enum ledger_verdict verdict = ledger_enter(&p->ledger, &m->account, now, leave, &again);
        if (verdict == LEDGER_WAIT) {
            if (again >= 0 && again < INT64_MAX)
                timer_start(p->admit_timer, again > now ? again - now : 1);
            return;
        }
        dequeue(m);
        if (verdict == LEDGER_NEVER) {
            refuse_too_big(m);
        } else {
            error e = {0};
            if (!start(m, &e)) {
                ledger_remove(&p->ledger, &m->account);
                fail_waiting(m, &e, 1);
            }
        }
        settle(m);
    }
}

static void admit_later(pool *p)
{
    if (p->queue)
        timer_start(p->admit_timer, 0);
}

/* What a model that has lost a lease or a process does next. It may be freed. */
static void settle(struct hosted *m)
{
    note_business(m);
    bool wanted = m->n_waiting > 0;
    if (m->state == POOL_QUEUED && !wanted)
        dequeue(m);
    if (m->state == POOL_DRAINING && m->n_active == 0)
        stop(m, m->end_reason);
    if (m->state == POOL_COLD && wanted) {
        enqueue(m);
        admit_later(m->pool);
    }
    if (m->retired && !wanted && m->n_active == 0) {
        if (m->state == POOL_COLD)
            hosted_free(m);
        else
            drain(m, "replaced");
    }
}

/* --- idle models --- */

static void sweep(void *arg)
{
    pool *p = arg;
    int64_t now = clock_ms();
    for (struct hosted *m = p->all, *next; m; m = next) {
        next = m->next;
        if (m->state != POOL_READY)
            continue;
        if (!m->retired && (!p->options.is_current(m->id, m->folder, p->options.arg) ||
                            p->options.dtype(m->id, p->options.arg) != m->dtype))
            retire(m);
        else if (m->n_active == 0 && now - m->used_ms >= p->options.idle_ms(m->id, p->options.arg))
            stop(m, "idle");
    }
    if (p->n_processes > 0)
        timer_start(p->sweep_timer, SWEEP_MS);
}

/* --- what others call --- */

pool *pool_new(const pool_options *options)
{
    pool *p = xcalloc(1, sizeof *p);
    p->options = *options;
    p->ledger.budget = options->budget_bytes;
    map_init(&p->models, 0);
    p->admit_timer = timer_new(options->loop, admit, p);
    p->sweep_timer = timer_new(options->loop, sweep, p);
    return p;
}

void pool_free(pool *p)
{
    if (!p)
        return;
    while (p->all) {
        if (p->all->process)
            unlink(p->all->address + 5);
        hosted_free(p->all);
    }
    map_release(&p->models);
    timer_free(p->admit_timer);
    timer_free(p->sweep_timer);
    free(p);
}

static struct hosted *hosted_of(pool *p, const char *id, const char *folder, int64_t weight_bytes)
{
    struct hosted *m = map_get(&p->models, str_of(id));
    if (m && strcmp(m->folder, folder) != 0) {
        retire(m);
        m = NULL;
    }
    if (!m)
        return hosted_new(p, id, folder, weight_bytes);
    m->weight_bytes = weight_bytes;
    return m;
}

void pool_lease(pool *p, lease *l, const char *id, const char *folder, int64_t weight_bytes)
{
    l->hosted = NULL;
    l->active = false;
    pool_failure failure = {.retry_after_s = 1};
    if (p->shut_down) {
        fail(&failure.error, ERR_UNAVAILABLE, "the server is shutting down");
        fail_lease(l, &failure);
        return;
    }
    struct hosted *m = hosted_of(p, id, folder, weight_bytes);
    if (m->rest_until_ms > clock_ms()) {
        failure.error = m->failure;
        failure.retry_after_s = m->failure.kind == ERR_UNAVAILABLE ? rest_s(m) : 0;
        fail_lease(l, &failure);
        return;
    }
    if (m->n_active + m->n_waiting >= p->options.queue_limit) {
        fail(&failure.error, ERR_BUSY,
             "model '%s' is overloaded: %d requests are waiting or running already", id,
             m->n_active + m->n_waiting);
        fail_lease(l, &failure);
        return;
    }
    l->hosted = m;
    if (m->state == POOL_READY) {
        activate(m, l);
        return;
    }
    wait_in_line(m, l);
    if (m->state == POOL_COLD) {
        enqueue(m);
        admit(p);
    }
}

void lease_release(lease *l)
{
    struct hosted *m = l->hosted;
    if (!m)
        return;
    if (l->active) {
        l->active = false;
        m->n_active--;
        m->used_ms = m->account.used_ms = clock_ms();
    } else {
        unlink_waiting(l);
    }
    l->hosted = NULL;
    pool *p = m->pool;
    settle(m);
    admit_later(p);
}

const char *lease_address(const lease *l)
{
    return l->hosted->address;
}

void pool_get_status(const pool *p, const char *id, pool_status *out)
{
    *out = (pool_status){.idle_ms = -1, .unload_in_ms = -1, .loadable = true};
    const struct hosted *m = map_get(&p->models, str_of(id));
    if (!m)
        return;
    out->state = m->state;
    out->n_active = m->n_active;
    out->n_waiting = m->n_waiting;
    out->failure = m->failure;
    /* a bad gateway is a crash that may have been a single one */
    out->loadable = m->failure.kind == ERR_NONE || m->failure.kind == ERR_BAD_GATEWAY;
    if (m->process) {
        out->process = process_id(m->process);
        out->bytes = m->account.bytes;
    }
    if (m->state == POOL_READY && m->n_active == 0) {
        out->idle_ms = clock_ms() - m->used_ms;
        out->unload_in_ms = p->options.idle_ms(id, p->options.arg) - out->idle_ms;
        if (out->unload_in_ms < 0)
            out->unload_in_ms = 0;
    }
}

void pool_retire(pool *p, const char *id)
{
    struct hosted *m = map_get(&p->models, str_of(id));
    if (m)
        retire(m);
}

int64_t pool_budget(const pool *p)
{
    return p->ledger.budget;
}

int64_t pool_used(const pool *p)
{
    return p->ledger.used;
}

int pool_n_loaded(const pool *p)
{
    return p->n_processes;
}

void pool_shutdown(pool *p, loop_fn *done, void *arg)
{
    p->shut_down = done;
    p->shut_down_arg = arg;
    for (struct hosted *m = p->all; m; m = m->next)
        if (m->process && m->state != POOL_STOPPING)
            stop(m, "shutdown");
    if (p->n_processes == 0)
        done(arg);
}
