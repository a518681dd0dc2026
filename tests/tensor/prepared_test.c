/* Files of prepared weights: what was written is found, what is damaged, stale or somebody else's
 * is not there, and whoever writes, readers see whole files. */
#include "unit.h"

#include "files.h"
#include "tensor/prepared.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { PARTS = 5, BIG = 9 << 20 };

static const prepared_part parts[PARTS] = {
    {"first", 100}, {"second matrix", 64}, {"none", 0}, {"big", BIG}, {"last", 4097}};

struct fixture {
    char *folder, *path;
    char id[SHA256_HEX];
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    f->folder = made_folder();
    f->path = path_join(f->folder, "some.weights");
    sha256_hex(STR("source"), f->id);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    file_remove_tree(f->folder, NULL);
    free(f->folder);
    free(f->path);
    free(f);
    return 0;
}

static char byte_of(int part, size_t i, int salt)
{
    return (char)(part * 31 + (int)(i % 251) * 7 + salt);
}

enum { PIECE = 1 << 20 };

static int pieces_of(void *arg, int i)
{
    (void)arg;
    return (int)(parts[i].size / PIECE) + 1;
}

/* The last two pieces write the last bytes together. */
static size_t begin_of(void *arg, int i, int piece)
{
    (void)arg;
    return piece + 1 < pieces_of(arg, i) ? (size_t)piece * PIECE : (size_t)(piece - 1) * PIECE;
}

/* arg: the salt. */
static bool make(void *arg, int i, int piece, void *out, error *e)
{
    (void)e;
    bool last = piece + 1 == pieces_of(arg, i), is_pair = piece + 2 == pieces_of(arg, i);
    size_t from = piece ? begin_of(arg, i, piece) : 0;
    size_t to = last ? parts[i].size : (size_t)(piece + 1) * PIECE;
    bool shared = piece > 0 && (last || is_pair);
    for (size_t j = from; j < to; j++)
        if (!shared || j < (size_t)(pieces_of(arg, i) - 2) * PIECE || j % 2 == last)
            ((char *)out)[j] = byte_of(i, j, *(int *)arg);
    return true;
}

static bool write_with(const struct fixture *f, prepared_maker maker, int threads, error *e)
{
    team *t = team_new(threads, NULL);
    assert_non_null(t);
    bool ok = prepared_write(f->path, f->id, parts, PARTS, &maker, t, e);
    team_free(t);
    return ok;
}

static void write_parts(const struct fixture *f, int salt)
{
    error e = {0};
    if (!write_with(f, (prepared_maker){&salt, pieces_of, begin_of, make}, salt % 3 + 1, &e))
        fail_msg("%s", e.message);
}

/* The salt of a file's content. */
static int check_parts(const prepared *p)
{
    int salt = 0;
    for (int i = 0; i < PARTS; i++) {
        const char *got = prepared_find(p, str_of(parts[i].name), parts[i].size);
        assert_non_null(got);
        assert_int_equal((uintptr_t)got % 64, 0);
        if (i == 0)
            salt = (unsigned char)(got[0] - byte_of(0, 0, 0));
        for (size_t j = 0; j < parts[i].size; j++)
            if (got[j] != byte_of(i, j, salt))
                fail_msg("byte %zu of '%s'", j, parts[i].name);
    }
    return salt;
}

static int count_files(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *item; (item = readdir(dir));)
        n += item->d_name[0] != '.';
    closedir(dir);
    return n;
}

static bool opens(const struct fixture *f)
{
    prepared p;
    bool ok = prepared_open(&p, f->path, f->id);
    if (ok)
        prepared_release(&p);
    return ok;
}

static void finds_what_was_written(void **state)
{
    struct fixture *f = *state;
    prepared p;
    assert_false(opens(f));
    write_parts(f, 3);
    assert_true(prepared_open(&p, f->path, f->id));
    assert_int_equal(check_parts(&p), 3);
    assert_true(prepared_is_sound(&p));
    assert_null(prepared_find(&p, STR("first"), 99));
    assert_null(prepared_find(&p, STR("third"), 100));
    assert_int_equal((uintptr_t)p.file.p % (2 << 20), 0);
    assert_int_equal(unlink(f->path), 0); /* may happen at any time */
    assert_int_equal(check_parts(&p), 3);
    prepared_release(&p);
    assert_false(opens(f));
}

static void leaves_what_is_stale(void **state)
{
    struct fixture *f = *state;
    prepared p;
    write_parts(f, 1);
    char other[SHA256_HEX];
    sha256_hex(STR("another source"), other);
    assert_false(prepared_open(&p, f->path, other));
    assert_int_equal(chmod(f->path, 0620), 0);
    assert_false(opens(f));
    assert_int_equal(chmod(f->path, 0600), 0);
    assert_true(opens(f));
    own_mem char *moved = xprintf("%s.moved", f->path);
    assert_int_equal(rename(f->path, moved), 0);
    assert_int_equal(symlink(moved, f->path), 0);
    assert_false(opens(f));
    write_parts(f, 2); /* replaces the link */
    assert_true(opens(f));
}

static void change_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int c = fgetc(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    assert_int_equal(fputc(c ^ 0x41, file), c ^ 0x41);
    assert_int_equal(fclose(file), 0);
}

static void leaves_what_is_damaged(void **state)
{
    struct fixture *f = *state;
    prepared p;
    enum { HEAD = 56 + 72 + PARTS * 32 + 5 + 13 + 4 + 3 + 4 }; /* header, records, names */
    write_parts(f, 1);
    long size = (long)file_size(f->path);
    for (long at = 0; at < HEAD; at++) {
        bool pads = at >= 56 + SHA256_HEX && at < 56 + 72; /* behind the id, but summed too */
        change_byte(f->path, at);
        if (opens(f))
            fail_msg("byte %ld%s", at, pads ? " (padding)" : "");
        change_byte(f->path, at);
    }
    assert_true(prepared_open(&p, f->path, f->id));
    assert_true(prepared_is_sound(&p));
    const char *big = prepared_find(&p, STR("big"), BIG);
    long in_big = (long)(big - p.file.p) + BIG / 2;
    change_byte(f->path, in_big); /* opening reads no items */
    assert_false(prepared_is_sound(&p));
    prepared_release(&p);
    assert_true(opens(f));
    const long cuts[] = {size - 1, size / 2, 4096, 200, 100, 1, 0};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        assert_int_equal(truncate(f->path, cuts[i]), 0);
        assert_false(opens(f));
    }
}

/* A write that fails leaves the old file and no other. */
static void survives_failures(void **state)
{
    struct fixture *f = *state;
    prepared p;
    error e = {0};
    int salt = 9;
    struct rlimit old, small = {1 << 20, RLIM_INFINITY};
    write_parts(f, 1);
    getrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_IGN);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_false(write_with(f, (prepared_maker){&salt, pieces_of, begin_of, make}, 2, &e));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_non_null(strstr(e.message, "cannot write"));
    assert_int_equal(count_files(f->folder), 1);
    assert_true(prepared_open(&p, f->path, f->id));
    assert_int_equal(check_parts(&p), 1);
    prepared_release(&p);
    e = (error){0};
    own_mem char *nowhere = path_join(f->folder, "no/such/folder.weights");
    char *path = f->path;
    f->path = nowhere;
    assert_false(write_with(f, (prepared_maker){&salt, pieces_of, begin_of, make}, 1, &e));
    f->path = path;
    assert_int_not_equal(e.kind, ERR_NONE);
}

static bool make_some(void *arg, int i, int piece, void *out, error *e)
{
    if (i == 3 && piece == 5)
        return fail(e, ERR_CANCELLED, "enough");
    return make(arg, i, piece, out, e);
}

/* A piece that cannot be made ends the writing; the old file stays. */
static void survives_makers(void **state)
{
    struct fixture *f = *state;
    prepared p;
    int salt = 9;
    write_parts(f, 1);
    for (int threads = 1; threads <= 3; threads++) {
        error e = {0};
        assert_false(
            write_with(f, (prepared_maker){&salt, pieces_of, begin_of, make_some}, threads, &e));
        assert_int_equal(e.kind, ERR_CANCELLED);
        assert_string_equal(e.message, "enough");
        assert_int_equal(count_files(f->folder), 1);
        assert_true(prepared_open(&p, f->path, f->id));
        assert_int_equal(check_parts(&p), 1);
        prepared_release(&p);
    }
}

static void bytes_do_not_depend_on_threads(void **state)
{
    struct fixture *f = *state;
    int salt = 4;
    own_buf buf first = buf_new(SIZE_MAX / 2);
    for (int threads = 1; threads <= 3; threads++) {
        error e = {0};
        file_map m;
        assert_true(write_with(f, (prepared_maker){&salt, pieces_of, begin_of, make}, threads, &e));
        assert_true(file_map_open(&m, f->path, &e));
        if (threads == 1)
            buf_add(&first, m.p, m.n);
        assert_int_equal(m.n, first.n);
        assert_memory_equal(m.p, first.p, m.n);
        file_unmap(&m);
    }
}

static void *writer(void *arg)
{
    for (int i = 0; i < 6; i++)
        write_parts(arg, i);
    return NULL;
}

static void writers_do_not_meet(void **state)
{
    struct fixture *f = *state;
    enum { WRITERS = 3 };
    pthread_t threads[WRITERS];
    write_parts(f, 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, writer, f), 0);
    for (int i = 0; i < 10; i++) {
        prepared p;
        assert_true(prepared_open(&p, f->path, f->id));
        check_parts(&p);
        prepared_release(&p);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(opens(f));
    assert_int_equal(count_files(f->folder), 1);
}

/* What killed writers left goes, but not what somebody may be writing. */
static void old_parts_are_removed(void **state)
{
    struct fixture *f = *state;
    own_mem char *old = xprintf("%s.abcdef", f->path), *young = xprintf("%s.ghijkl", f->path);
    own_mem char *other = xprintf("%s.other-file", f->path);
    const struct timespec long_ago[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    made_file(f->folder, strrchr(old, '/') + 1, STR("x"));
    made_file(f->folder, strrchr(young, '/') + 1, STR("x"));
    made_file(f->folder, strrchr(other, '/') + 1, STR("x"));
    assert_int_equal(utimensat(AT_FDCWD, old, long_ago, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, other, long_ago, 0), 0);
    write_parts(f, 1);
    assert_false(file_exists(old));
    assert_true(file_exists(young));
    assert_true(file_exists(other));
}

static bool make_nothing(void *arg, int i, int piece, void *out, error *e)
{
    (void)arg, (void)i, (void)piece, (void)out, (void)e;
    fail_msg("a part was made");
    return false;
}

/* A disk is not filled up in vain. */
static void needs_room(void **state)
{
    const struct fixture *f = *state;
    const prepared_part huge[] = {{"a", SIZE_MAX}, {"b", (size_t)1 << 60}, {"c", 1}};
    for (int n = 1; n <= 3; n++) {
        error e = {0};
        const prepared_maker nothing = {NULL, pieces_of, begin_of, make_nothing};
        assert_false(prepared_write(f->path, f->id, huge, n, &nothing, NULL, &e));
        assert_int_equal(e.kind, ERR_NO_SPACE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_what_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(needs_room, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_what_is_stale, setup, teardown),
        cmocka_unit_test_setup_teardown(leaves_what_is_damaged, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(survives_makers, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_do_not_depend_on_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(old_parts_are_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(writers_do_not_meet, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
