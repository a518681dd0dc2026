/* Files of the cache in the making: what a killed writer leaves goes, what a living one writes
 * stays. */
#include "base/cache_file.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char folder[64], path[96];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/inferd-cache-file-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/thing", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void age(const char *name, long seconds)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};
    clock_gettime(CLOCK_REALTIME, &times[1]);
    times[1].tv_sec -= seconds;
    assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0);
}

/* A process that begins a file and is killed; the name of what it leaves. */
static void leave(char part[PATH_MAX])
{
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    if (child == 0) {
        cache_writer w;
        error e = {0};
        if (!cache_writer_open(&w, path, &e) || !cache_writer_add(&w, "half", 4, &e) ||
            write(fds[1], w.part, sizeof w.part) != sizeof w.part)
            _exit(1);
        raise(SIGKILL);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], part, PATH_MAX), PATH_MAX);
    close(fds[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(access(part, F_OK), 0);
}

static void what_a_killed_writer_leaves_is_removed(void **state)
{
    (void)state;
    char left[PATH_MAX], recent[PATH_MAX];
    error e = {0};
    cache_writer w;
    leave(left);
    leave(recent);
    age(left, 11);
    assert_true(cache_writer_open(&w, path, &e));
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(recent, F_OK), 0); /* may have no lock as yet */
    assert_true(cache_writer_add(&w, "all", 3, &e));
    assert_true(cache_writer_done(&w, true, &e));
    assert_int_equal(access(path, F_OK), 0);
    age(recent, 11);
    assert_true(cache_writer_open(&w, path, &e));
    assert_int_equal(access(recent, F_OK), -1);
    cache_writer_drop(&w);
    assert_int_equal(access(w.part, F_OK), -1);
}

static void what_is_being_written_stays(void **state)
{
    (void)state;
    error e = {0};
    cache_writer slow, other;
    assert_true(cache_writer_open(&slow, path, &e));
    assert_true(cache_writer_add(&slow, "slow", 4, &e));
    age(slow.part, 100000);
    assert_true(cache_writer_open(&other, path, &e));
    cache_writer_drop(&other);
    assert_true(cache_writer_done(&slow, false, &e));
    assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_killed_writer_leaves_is_removed),
        cmocka_unit_test(what_is_being_written_stays),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
