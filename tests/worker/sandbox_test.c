/* What a worker can no longer do behind sandbox_enter and sandbox_seal, tried in child processes.
 */
#include "unit.h"

#include "base/error.h"
#include "base/file.h"
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/inferd-sandbox-XXXXXX", *cache, *other;

/* Runs a check in a child inside the sandbox; its exit status is the number of the failed line. */
static void in_sandbox(int (*check)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sandbox_enter(&(sandbox_paths){.cache = cache});
        _exit(check());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("status %x: line %d of the check\n", status, WEXITSTATUS(status));
}

static bool has(const char *mechanism)
{
    return strstr(sandbox_state(), mechanism) != NULL;
}

/* Line number modulo 256 when the condition does not hold. */
#define NEED(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__ % 255 + 1;                                                             \
    } while (0)

static void *thread_body(void *arg)
{
    *(int *)arg = 7;
    return NULL;
}

/* Since the third version of Landlock. */
static bool truncates_are_seen(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 3;
}

static int check_files(void)
{
    NEED(chdir(other) == 0);
    NEED(open("/etc/passwd", O_RDONLY) >= 0);
    if (has("landlock")) {
        NEED(open("file", O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES);
        NEED(unlink("there") < 0 && errno == EACCES);
        NEED(mkdir("made", 0700) < 0 && errno == EACCES);
    }
    if (has("landlock+seccomp"))
        NEED(truncate("there", 0) < 0 && (errno == EACCES || errno == EPERM));
    if (has("landlock") && truncates_are_seen())
        NEED(open("there", O_RDONLY | O_TRUNC) < 0 && errno == EACCES);
    if (has("seccomp"))
        NEED(fchmod(open("there", O_RDONLY), 0666) < 0 && errno == EPERM);
    NEED(chdir(cache) == 0);
    NEED(open("file", O_WRONLY | O_CREAT, 0600) >= 0);
    return 0;
}

static int check_processes(void)
{
    char *const arguments[] = {(char *)"/bin/true", NULL};
    if (!has("seccomp"))
        return 0;
    NEED(fork() < 0 && errno == EPERM);
    NEED(execv("/bin/true", arguments) < 0 && (errno == EPERM || errno == EACCES));
    NEED(kill(getppid(), 0) < 0 && errno == EPERM);
    NEED(syscall(SYS_tgkill, getppid(), getppid(), 0) < 0 && errno == EPERM);
    NEED(syscall(SYS_tgkill, getpid(), getpid(), 0) == 0);
    pthread_t thread;
    int answer = 0;
    NEED(pthread_create(&thread, NULL, thread_body, &answer) == 0);
    pthread_join(thread, NULL);
    NEED(answer == 7);
    return 0;
}

static int check_sockets(void)
{
    if (!has("seccomp"))
        return 0;
    NEED(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
    sandbox_seal();
    NEED(has("seccomp"));
    NEED(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM);
    NEED(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
    return 0;
}

static void files_are_read_only(void **state)
{
    (void)state;
    in_sandbox(check_files);
}

static void no_programs_and_processes(void **state)
{
    (void)state;
    in_sandbox(check_processes);
}

static void no_sockets_once_sealed(void **state)
{
    (void)state;
    in_sandbox(check_sockets);
}

static int set_up(void **state)
{
    (void)state;
    error e = {0};
    if (!mkdtemp(folder))
        return -1;
    cache = path_join(folder, "cache");
    other = path_join(folder, "other");
    char *there = path_join(other, "there");
    bool ok = file_make_dirs(cache, &e) && file_make_dirs(other, &e) &&
              file_write(there, STR("x"), 0600, &e);
    free(there);
    return ok ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    file_remove_tree(folder, NULL);
    free(cache);
    free(other);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_read_only),
        cmocka_unit_test(no_programs_and_processes),
        cmocka_unit_test(no_sockets_once_sealed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
