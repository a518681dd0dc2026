#include "gateway/process.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

enum { MAX_REPORT = 16384 };

extern char **environ;

struct process {
    process_options options;
    pid_t pid;
    int pidfd, report_fd; /* -1: closed */
    watch *end_watch, *report_watch;
    timer *killer;
    buf report;
};

static void close_report(process *p)
{
    watch_free(p->report_watch);
    p->report_watch = NULL;
    own_close(&p->report_fd);
    p->report_fd = -1;
}

static void release(process *p)
{
    close_report(p);
    watch_free(p->end_watch);
    timer_free(p->killer);
    own_close(&p->pidfd);
    buf_release(&p->report);
    free(p);
}

/* Kinds of the statuses that a worker may fail with. */
static enum error_kind kind_of_status(int status)
{
    static const enum error_kind kinds[] = {ERR_INVALID, ERR_NOT_FOUND, ERR_BAD_REQUEST,
                                            ERR_NO_SPACE, ERR_UNAVAILABLE};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (error_status(kinds[i]) == status)
            return kinds[i];
    return ERR_BAD_MODEL;
}

/* A worker has read a model by then: what it says may be anything. */
static int64_t bytes_of(const json_t *report, const char *key)
{
    const json_int_t most = (json_int_t)1 << 50;
    json_int_t bytes = json_integer_value(json_object_get(report, key));
    return bytes < 0 ? 0 : bytes > most ? most : bytes;
}

static bool read_report(str line, process_report *r)
{
    own_json json_t *root = json_parse(line, "report of the worker", 8, NULL);
    const json_t *ready = json_object_get(root, "ready");
    if (!json_is_boolean(ready))
        return false;
    r->ready = json_is_true(ready);
    r->mapped_bytes = bytes_of(root, "mapped_bytes");
    r->private_bytes = bytes_of(root, "private_bytes");
    str task = json_str(json_object_get(root, "task"));
    snprintf(r->task, sizeof r->task, "%.*s", (int)task.n, task.p ? task.p : "");
    if (!r->ready) {
        str text = json_str(json_object_get(root, "error"));
        int status = (int)json_integer_value(json_object_get(root, "status"));
        fail(&r->failure, kind_of_status(status), "%.*s", (int)text.n,
             text.p ? text.p : "the worker gave no reason");
    }
    return true;
}

static void take_report(process *p)
{
    process_report r = {0};
    const char *end = p->report.n ? memchr(p->report.p, '\n', p->report.n) : NULL;
    bool ok = end && read_report((str){p->report.p, (size_t)(end - p->report.p)}, &r);
    close_report(p);
    if (ok)
        p->options.reported(&r, p->options.arg);
    /* without a report the process is ending, or will be stopped by its owner's deadline */
}

static void on_report(void *arg)
{
    process *p = arg;
    char *room = buf_room(&p->report, 4096);
    ssize_t n = room ? read(p->report_fd, room, 4096) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        p->report.n += (size_t)n;
        if (!memchr(p->report.p, '\n', p->report.n))
            return;
    }
    take_report(p);
}

static void on_end(void *arg)
{
    process *p = arg;
    int status = 0;
    if (waitpid(p->pid, &status, WNOHANG) != p->pid)
        return;
    /* a failed load reports and exits at once: the report may still be in the pipe */
    while (p->report_watch) {
        size_t before = p->report.n;
        on_report(p);
        if (p->report_watch && p->report.n == before)
            close_report(p);
    }
    p->options.ended(status, p->options.arg);
    release(p);
}

static void on_kill(void *arg)
{
    process *p = arg;
    kill(p->pid, SIGKILL);
}

static bool spawn(process *p, int report_to, error *e)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    static const int signals[] = {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaddset(&defaults, signals[i]);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, report_to, PROCESS_READY_FD);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    /* its own process group: Ctrl-C in a terminal is for the server, which then drains */
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    int status = posix_spawn(&p->pid, p->options.argv[0], &actions, &attributes,
                             (char *const *)(uintptr_t)p->options.argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = status;
    return status == 0 || fail_errno(e, ERR_UNAVAILABLE, "cannot start a worker");
}

process *process_start(loop *l, const process_options *options, error *e)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        fail_errno(e, ERR_UNAVAILABLE, "cannot start a worker");
        return NULL;
    }
    own_fd int report_to = ends[1];
    process *p = xcalloc(1, sizeof *p);
    *p = (process){.options = *options, .pidfd = -1, .report_fd = ends[0]};
    p->report = buf_new(MAX_REPORT);
    if (!spawn(p, report_to, e)) {
        release(p);
        return NULL;
    }
    p->options.argv = NULL; /* the caller's, for the start only */
    p->pidfd = pidfd_open(p->pid, 0);
    if (p->pidfd < 0) {
        fail_errno(e, ERR_UNAVAILABLE, "cannot watch a worker");
        process_free(p);
        return NULL;
    }
    p->end_watch = watch_new(l, p->pidfd, on_end, p);
    p->report_watch = watch_new(l, p->report_fd, on_report, p);
    p->killer = timer_new(l, on_kill, p);
    return p;
}

pid_t process_id(const process *p)
{
    return p->pid;
}

void process_stop(process *p, int64_t kill_after_ms)
{
    kill(p->pid, SIGTERM);
    timer_start(p->killer, kill_after_ms);
}

void process_free(process *p)
{
    if (!p)
        return;
    kill(p->pid, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    release(p);
}

void process_describe(int status, char *out, size_t size)
{
    if (WIFSIGNALED(status))
        snprintf(out, size, "was ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(out, size, "ended with status %d", WEXITSTATUS(status));
}
