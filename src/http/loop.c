/* One libevent base with its thread, posted work (a locked queue and an eventfd) and work for the
 * next turn (a list and a timer of zero, which libevent runs only after it has polled). */
#include "http/loop.h"

#include "base/memory.h"

#include <assert.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAX_CALLBACKS_PER_TURN = 128 };

struct post {
    loop_fn *fn;
    void *arg;
    struct post *next;
};

struct signal_hook {
    struct event *event;
    loop_fn *fn;
    void *arg;
    struct signal_hook *next;
};

struct loop {
    struct event_base *base;
    _Atomic(pthread_t) thread; /* loop_is_here() may be asked anywhere */
    struct event turn_event;
    later *first, *last;
    later end_of_turn; /* a mark in the list while a turn runs */
    struct signal_hook *signals;

    int wake_fd;
    struct event wake_event;
    pthread_mutex_t lock; /* of the posts */
    struct post *posts, **posts_end;

    char scratch[LOOP_SCRATCH];
};

struct timer {
    struct event event;
    loop_fn *fn;
    void *arg;
};

struct watch {
    struct event event;
    loop_fn *fn;
    void *arg;
};

static void run_posts(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    loop *l = arg;
    uint64_t count;
    while (read(fd, &count, sizeof count) > 0)
        ;
    pthread_mutex_lock(&l->lock);
    struct post *posts = l->posts;
    l->posts = NULL;
    l->posts_end = &l->posts;
    pthread_mutex_unlock(&l->lock);
    while (posts) {
        struct post *p = posts;
        posts = p->next;
        loop_fn *fn = p->fn;
        void *fn_arg = p->arg;
        free(p);
        fn(fn_arg);
    }
}

static void append(loop *l, later *w)
{
    w->queued = true;
    w->next = NULL;
    w->previous = l->last;
    if (l->last)
        l->last->next = w;
    else
        l->first = w;
    l->last = w;
}

/* Runs what was queued before this turn; what it queues runs in the next one. */
static void run_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    loop *l = arg;
    later *end = &l->end_of_turn;
    append(l, end);
    while (l->first != end) {
        later *w = l->first;
        later_clear(w);
        w->fn(w->arg);
    }
    later_clear(end);
    if (l->first)
        event_add(&l->turn_event, &(struct timeval){0, 0});
}

loop *loop_new(error *e)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;
    if (config) {
        event_config_require_features(config, EV_FEATURE_EARLY_CLOSE | EV_FEATURE_ET);
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        event_config_set_max_dispatch_interval(config, NULL, MAX_CALLBACKS_PER_TURN, 0);
        base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (!base) {
        fail(e, ERR_IO, "cannot make an event loop: epoll is not available");
        return NULL;
    }
    int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wake_fd < 0) {
        fail_errno(e, ERR_INTERNAL, "cannot make an eventfd");
        event_base_free(base);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN);
    loop *l = xcalloc(1, sizeof *l);
    l->base = base;
    l->thread = pthread_self();
    l->wake_fd = wake_fd;
    l->posts_end = &l->posts;
    l->end_of_turn.l = l;
    pthread_mutex_init(&l->lock, NULL);
    event_assign(&l->turn_event, base, -1, 0, run_turn, l);
    event_assign(&l->wake_event, base, wake_fd, EV_READ | EV_PERSIST, run_posts, l);
    event_add(&l->wake_event, NULL);
    return l;
}

void loop_free(loop *l)
{
    if (!l)
        return;
    event_del(&l->wake_event);
    event_del(&l->turn_event);
    while (l->signals) {
        struct signal_hook *s = l->signals;
        l->signals = s->next;
        event_free(s->event);
        free(s);
    }
    while (l->posts) {
        struct post *p = l->posts;
        l->posts = p->next;
        free(p);
    }
    close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    event_base_free(l->base);
    free(l);
}

void loop_run(loop *l)
{
    l->thread = pthread_self();
    event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(loop *l)
{
    event_base_loopbreak(l->base);
}

void loop_post(loop *l, loop_fn *fn, void *arg)
{
    struct post *p = xmalloc(sizeof *p);
    *p = (struct post){fn, arg, NULL};
    pthread_mutex_lock(&l->lock);
    bool first = l->posts == NULL;
    *l->posts_end = p;
    l->posts_end = &p->next;
    pthread_mutex_unlock(&l->lock);
    if (first) {
        ssize_t written = write(l->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)written; /* fails only when the counter is full, and then the loop wakes anyway */
    }
}

static void run_signal(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct signal_hook *s = arg;
    s->fn(s->arg);
}

void loop_on_signal(loop *l, int signal_number, loop_fn *fn, void *arg)
{
    struct signal_hook *s = xmalloc(sizeof *s);
    *s = (struct signal_hook){evsignal_new(l->base, signal_number, run_signal, s), fn, arg,
                              l->signals};
    event_add(s->event, NULL);
    l->signals = s;
}

bool loop_is_here(const loop *l)
{
    return pthread_equal(l->thread, pthread_self());
}

struct event_base *loop_base(loop *l)
{
    return l->base;
}

char *loop_scratch(loop *l)
{
    return l->scratch;
}

void later_init(later *w, loop *l, loop_fn *fn, void *arg)
{
    *w = (later){.l = l, .fn = fn, .arg = arg};
}

void later_set(later *w)
{
    if (w->queued)
        return;
    loop *l = w->l;
    assert(loop_is_here(l));
    if (!l->first)
        event_add(&l->turn_event, &(struct timeval){0, 0});
    append(l, w);
}

void later_clear(later *w)
{
    if (!w->queued)
        return;
    loop *l = w->l;
    w->queued = false;
    if (w->previous)
        w->previous->next = w->next;
    else
        l->first = w->next;
    if (w->next)
        w->next->previous = w->previous;
    else
        l->last = w->previous;
}

static void run_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    timer *t = arg;
    t->fn(t->arg);
}

timer *timer_new(loop *l, loop_fn *fn, void *arg)
{
    timer *t = xcalloc(1, sizeof *t);
    t->fn = fn;
    t->arg = arg;
    event_assign(&t->event, l->base, -1, 0, run_timer, t);
    return t;
}

void timer_free(timer *t)
{
    if (!t)
        return;
    event_del(&t->event);
    free(t);
}

void timer_start(timer *t, int64_t delay_ms)
{
    struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};
    event_add(&t->event, &delay);
}

void timer_stop(timer *t)
{
    event_del(&t->event);
}

bool timer_is_running(const timer *t)
{
    return event_pending(&t->event, EV_TIMEOUT, NULL) != 0;
}

static void run_watch(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    watch *w = arg;
    w->fn(w->arg);
}

watch *watch_new(loop *l, int fd, loop_fn *fn, void *arg)
{
    watch *w = xcalloc(1, sizeof *w);
    w->fn = fn;
    w->arg = arg;
    event_assign(&w->event, l->base, fd, EV_READ | EV_PERSIST, run_watch, w);
    event_add(&w->event, NULL);
    return w;
}

void watch_free(watch *w)
{
    if (!w)
        return;
    event_del(&w->event);
    free(w);
}
