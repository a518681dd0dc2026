/* Landlock (Documentation/userspace-api/landlock.rst) keeps files from being written, seccomp keeps
 * system calls out that a model server has no use for. Sanitizer runtimes trace their own process
 * at exit, so those builds go without seccomp. */
#include "worker/sandbox.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* Since the third version of Landlock; younger than the headers of Debian 12. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

static bool has_landlock, has_seccomp;

/* --- files --- */

enum {
    TRUNCATE_VERSION = 3,
    WRITES =
        LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
        LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
        LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
        LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_EXECUTE,
    CACHE_WRITES = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                   LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG,
    SOCKET_WRITES = LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_SOCK,
};

static void allow_below(int rules, const char *folder, unsigned long long access)
{
    own_fd int fd = open(folder, O_PATH | O_CLOEXEC);
    struct landlock_path_beneath_attr below = {.allowed_access = access, .parent_fd = fd};
    if (fd >= 0 &&
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &below, 0) != 0)
        log_warn("sandbox: no access to '%s': %s", folder, strerror(errno));
}

static void allow_socket(int rules, const char *path)
{
    own_mem char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder)
        *slash = '\0';
    allow_below(rules, slash ? folder : ".", SOCKET_WRITES);
}

static bool restrict_files(const sandbox_paths *paths)
{
    struct landlock_ruleset_attr handled = {.handled_access_fs = WRITES};
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version >= TRUNCATE_VERSION) /* truncate() and O_TRUNC are no writes to Landlock */
        handled.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
    own_fd int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (rules < 0)
        return false;
    if (paths->cache)
        allow_below(rules, paths->cache, CACHE_WRITES);
    if (paths->socket)
        allow_socket(rules, paths->socket);
    return syscall(SYS_landlock_restrict_self, rules, 0) == 0;
}

/* --- system calls --- */

static const char *const never[] = {"execve",
                                    "execveat",
                                    "fork",
                                    "vfork",
                                    "ptrace",
                                    "process_vm_readv",
                                    "process_vm_writev",
                                    "kill",
                                    "tkill",
                                    "rt_sigqueueinfo",
                                    "rt_tgsigqueueinfo",
                                    "pidfd_open",
                                    "pidfd_send_signal",
                                    "pidfd_getfd",
                                    "mount",
                                    "umount2",
                                    "move_mount",
                                    "open_tree",
                                    "fsopen",
                                    "pivot_root",
                                    "chroot",
                                    "unshare",
                                    "setns",
                                    "bpf",
                                    "perf_event_open",
                                    "userfaultfd",
                                    "io_uring_setup",
                                    "keyctl",
                                    "add_key",
                                    "request_key",
                                    "kexec_load",
                                    "init_module",
                                    "finit_module",
                                    "delete_module",
                                    "open_by_handle_at",
                                    "truncate",
                                    "chmod",
                                    "fchmod",
                                    "fchmodat",
                                    "fchmodat2",
                                    "chown",
                                    "fchown",
                                    "lchown",
                                    "fchownat",
                                    "setuid",
                                    "setgid",
                                    "setresuid",
                                    "setresgid",
                                    "capset",
                                    "personality",
                                    NULL};

static const char *const never_once_sealed[] = {"socket", "socketpair", "connect",
                                                "bind",   "listen",     NULL};

static bool refuse(scmp_filter_ctx filter, const char *const *names)
{
    bool ok = true;
    for (; *names; names++) {
        int number = seccomp_syscall_resolve_name(*names);
        if (number >= 0) /* negative: this architecture has no such call */
            ok &= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0) == 0;
    }
    return ok;
}

/* A thread is a process that shares everything: clone3's flags stand in memory that a filter cannot
 * read, so it is said not to exist, and the C library takes clone. */
static bool refuse_processes(scmp_filter_ctx filter)
{
    enum { CLONE_THREAD_FLAG = 0x00010000 };
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                            SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD_FLAG, 0)) == 0;
}

/* raise() and abort() are tgkill with the own process. */
static bool refuse_signals(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
                            SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid())) == 0;
}

static bool load_filter(const char *const *names, bool processes)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = filter && refuse(filter, names) &&
              (!processes || (refuse_processes(filter) && refuse_signals(filter))) &&
              seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

void sandbox_enter(const sandbox_paths *paths)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        log_warn("sandbox: privileges cannot be given up: %s", strerror(errno));
    has_landlock = restrict_files(paths);
    has_seccomp = !SANITIZED && load_filter(never, true);
}

void sandbox_seal(void)
{
    if (has_seccomp)
        has_seccomp = load_filter(never_once_sealed, false);
}

const char *sandbox_state(void)
{
    return has_landlock  ? has_seccomp ? "landlock+seccomp" : "landlock"
           : has_seccomp ? "seccomp"
                         : "none";
}
