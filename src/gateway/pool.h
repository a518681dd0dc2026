/* Models on demand: every model that somebody asks for gets a worker process, within a budget of
 * memory, and loses it when nobody asks any more.
 *
 * A request takes a lease on its model. While the model loads the lease waits: one load, however
 * many wait. Life of a model:
 *
 *     cold -> queued (waits for memory) -> loading -> ready -> draining -> stopping -> cold
 *
 * A draining or stopping model takes new leases too; they wait and it is loaded again. A worker
 * that ends by itself has crashed: its leases fail by their broken connections, the next lease
 * starts a new one; after POOL_CRASHES crashes in a row leases are refused for a while. A model
 * whose folder has changed (another commit) is another model: the old one is drained.
 *
 * All on the loop's thread. */
#pragma once

#include "base/error.h"
#include "gateway/metrics.h"
#include "http/loop.h"

#include <sys/types.h>

enum { POOL_CRASHES = 3, POOL_OVERHEAD_BYTES = 32 << 20 };

typedef struct pool pool;

typedef struct pool_options {
    loop *loop;
    metrics *metrics;
    const char *const *command; /* up to NULL; "--model FOLDER --listen unix:PATH --id ID
                                   --dtype NAME --ready-fd N" is put behind it; kept, not copied */
    const char *run_dir;        /* for the sockets; a short path; kept */
    int64_t budget_bytes;       /* of all workers together */
    int64_t load_timeout_ms;    /* that a request waits for its model */
    int queue_limit;            /* requests of one model, waiting and running */

    /* Idle time after which a model is unloaded; asked again and again. */
    int64_t (*idle_ms)(const char *id, void *arg);
    /* What a model's products are made of, a name that lives on; asked again and again: when it
     * changes, the model is loaded anew. */
    const char *(*dtype)(const char *id, void *arg);
    /* Whether this folder is still the one that the id stands for. */
    bool (*is_current)(const char *id, const char *folder, void *arg);
    void *arg;
} pool_options;

pool *pool_new(const pool_options *options);

/* Kills what is left. All leases must have been released. */
void pool_free(pool *p);

typedef struct pool_failure {
    error error;
    int retry_after_s;  /* 0: no use */
    double estimated_s; /* > 0: the model is loading and needs about this long */
} pool_failure;

typedef struct lease lease;

/* One request's share of a model; embedded in what waits for it. Zero before its first use. */
struct lease {
    /* Exactly one of these is called, once, perhaps before pool_lease() returns; neither after
     * lease_release(). They may release their lease, but take no other. */
    void (*ready)(lease *l);
    void (*failed)(lease *l, const pool_failure *failure); /* the lease is released already */

    struct hosted *hosted; /* the rest is the pool's */
    timer *patience;
    lease *next, *previous;
    bool active;
};

/* id, folder: copied. weight_bytes: of the model's files. */
void pool_lease(pool *p, lease *l, const char *id, const char *folder, int64_t weight_bytes);

/* The request is over, or does not want to wait any longer. Leases that are not held are fine. */
void lease_release(lease *l);

/* "unix:/path" of the worker; valid while the lease is ready and held. */
const char *lease_address(const lease *l);

/* Of the model: what it costs in memory, its process. */
enum pool_state { POOL_COLD, POOL_QUEUED, POOL_LOADING, POOL_READY, POOL_DRAINING, POOL_STOPPING };

typedef struct pool_status {
    enum pool_state state;
    pid_t process; /* 0: none */
    int64_t bytes; /* counted in the ledger */
    int n_active, n_waiting;
    int64_t idle_ms, unload_in_ms; /* of a ready model without requests, else -1 */
    error failure; /* of the last load, or the crashes; kind ERR_NONE: all is well */
    bool loadable; /* nothing says that the next request would fail */
} pool_status;
void pool_get_status(const pool *p, const char *id, pool_status *out);

/* The folder of this id is no longer its model: drains it. */
void pool_retire(pool *p, const char *id);

int64_t pool_budget(const pool *p);
int64_t pool_used(const pool *p);
int pool_n_loaded(const pool *p); /* processes that exist */

/* Ends all workers and calls done(arg) when the last is gone, perhaps before it returns. Leases are
 * refused from now on. */
void pool_shutdown(pool *p, loop_fn *done, void *arg);
