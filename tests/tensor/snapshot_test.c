/* The cache writer: layout, atomicity, names, content checks, locks. */
#include "unit.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/snapshot.h"

#include <sys/stat.h>

#define COMMIT "0123456789012345678901234567890123456789"
#define MODEL  "models--acme--m"

/* Of "hello\n", by git hash-object and by sha256sum. */
#define HELLO_SHA1   "ce013625030ba8dba906f756967f9e9ca394464a"
#define HELLO_SHA256 "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"

struct place {
    char hub[32], source[64];
};

static int make_place(void **state)
{
    struct place *p = xcalloc(1, sizeof *p);
    strcpy(p->hub, "/tmp/snapshot-test-XXXXXX");
    assert_non_null(mkdtemp(p->hub));
    snprintf(p->source, sizeof p->source, "%s/source", p->hub);
    error e = {0};
    assert_true(file_write(p->source, STR("hello\n"), 0600, &e));
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    assert_true(file_remove_tree(p->hub, NULL));
    free(p);
    return 0;
}

static void assert_content(const char *hub, const char *below, const char *expected)
{
    own_mem char *path = path_join(hub, below);
    own_buf buf text = buf_new(1000);
    error e = {0};
    if (!file_read(path, 1000, &text, &e))
        fail_msg("%s\n", e.message);
    assert_string_equal(buf_text(&text), expected);
}

static void assert_link(const char *hub, const char *below, const char *expected)
{
    own_mem char *path = path_join(hub, below);
    char found[500];
    ssize_t n = readlink(path, found, sizeof found - 1);
    assert_true(n > 0);
    found[n] = '\0';
    assert_string_equal(found, expected);
}

static bool is_there(const char *hub, const char *below)
{
    own_mem char *path = path_join(hub, below);
    return file_exists(path);
}

static void local_files_are_published(void **state)
{
    struct place *p = *state;
    error e = {0};
    snapshot *s = snapshot_open(p->hub, "acme/m", &e);
    assert_non_null(s);
    assert_true(snapshot_add_file(s, "a/b/config.json", p->source, &e));
    assert_true(snapshot_add_file(s, "model.safetensors", p->source, &e));
    assert_false(is_there(p->hub, MODEL "/snapshots/" COMMIT));
    assert_true(snapshot_publish(s, COMMIT, "refs/pr/1", &e));
    snapshot_close(s);
    assert_content(p->hub, MODEL "/refs/refs/pr/1", COMMIT);
    assert_content(p->hub, MODEL "/snapshots/" COMMIT "/a/b/config.json", "hello\n");
    assert_link(p->hub, MODEL "/snapshots/" COMMIT "/a/b/config.json",
                "../../../../blobs/" HELLO_SHA1);
    assert_link(p->hub, MODEL "/snapshots/" COMMIT "/model.safetensors",
                "../../blobs/" HELLO_SHA256);
    assert_content(p->hub, "source", "hello\n");
}

static void an_old_snapshot_is_completed(void **state)
{
    struct place *p = *state;
    error e = {0};
    const char *const names[] = {"one.json", "two.json"};
    for (int i = 0; i < 2; i++) {
        snapshot *s = snapshot_open(p->hub, "acme/m", &e);
        assert_true(snapshot_add_file(s, names[i], p->source, &e));
        assert_true(snapshot_publish(s, COMMIT, COMMIT, &e));
        snapshot_close(s);
    }
    assert_content(p->hub, MODEL "/snapshots/" COMMIT "/one.json", "hello\n");
    assert_content(p->hub, MODEL "/snapshots/" COMMIT "/two.json", "hello\n");
    assert_false(is_there(p->hub, MODEL "/refs/" COMMIT));
}

static void nothing_is_seen_without_its_blobs(void **state)
{
    struct place *p = *state;
    error e = {0};
    snapshot *s = snapshot_open(p->hub, "acme/m", &e);
    assert_true(snapshot_add_file(s, "there.json", p->source, &e));
    assert_true(snapshot_add_blob(s, "missing.bin", HELLO_SHA256, &e));
    assert_false(snapshot_publish(s, COMMIT, "main", &e));
    assert_non_null(strstr(e.message, "missing.bin"));
    snapshot_close(s);
    assert_false(is_there(p->hub, MODEL "/snapshots/" COMMIT));
    assert_false(is_there(p->hub, MODEL "/refs/main"));
}

static void content_ids_follow_the_content(void **state)
{
    struct place *p = *state;
    char ids[4][SNAPSHOT_COMMIT];
    const char *const names[4][2] = {{"a", "b"}, {"b", "a"}, {"a", "c"}, {"a", "b.bin"}};
    for (int i = 0; i < 4; i++) {
        error e = {0};
        snapshot *s = snapshot_open(p->hub, "acme/m", &e);
        for (int k = 0; k < 2; k++)
            assert_true(snapshot_add_file(s, names[i][k], p->source, &e));
        snapshot_content_id(s, ids[i]);
        snapshot_close(s);
        assert_int_equal(strspn(ids[i], "0123456789abcdef"), 40);
    }
    assert_string_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[0], ids[2]);
    assert_string_not_equal(ids[0], ids[3]);
}

static void names_that_leave_are_refused(void **state)
{
    struct place *p = *state;
    error none = {0};
    snapshot *s = snapshot_open(p->hub, "acme/m", &none);
    char part[300], path[2000] = "x";
    memset(part, 'p', sizeof part);
    part[256] = '\0';
    for (int i = 0; i < 600; i++)
        strcat(path, "/x");
    const char *const bad[] = {"",      "..", "../x", "/x", "a//b", "a/./b",   "a/../b", "a\nb",
                               "a\x1b", "a/", part,   path, "f",    "f/below", "folder"};
    assert_true(snapshot_add_blob(s, "f", HELLO_SHA1, &none));
    assert_true(snapshot_add_blob(s, "folder/g", HELLO_SHA1, &none));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error e = {0};
        assert_false(snapshot_add_blob(s, bad[i], HELLO_SHA1, &e));
        assert_int_equal(e.kind, ERR_INVALID);
        assert_null(strpbrk(e.message, "\n\x1b"));
    }
    const char *const bad_etags[] = {"", "../../x", "CE013625030ba8dba906f756967f9e9ca394464a",
                                     HELLO_SHA1 "0"};
    for (size_t i = 0; i < sizeof bad_etags / sizeof *bad_etags; i++)
        assert_false(snapshot_add_blob(s, "new", bad_etags[i], NULL));
    assert_true(snapshot_add_blob(s, "folder/h", HELLO_SHA1, &none));
    snapshot_close(s);
}

static void revisions_are_checked(void **state)
{
    (void)state;
    const char *const good[] = {"main", "v1.0", "refs/pr/1", "feature/a-b_c", COMMIT};
    const char *const bad[] = {"",    "..",   "a/../b", "/a",  "a//b", "-a",
                               "a b", "a\nb", "a:b",    "a~1", "a^",   "a*"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(revision_check(str_of(good[i]), NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(revision_check(str_of(bad[i]), NULL));
}

static void put_partial(const snapshot *s, const char *etag, const char *text)
{
    own_mem char *path = snapshot_partial_path(s, etag);
    assert_true(file_write(path, str_of(text), 0644, NULL));
}

static void only_right_content_is_kept(void **state)
{
    struct place *p = *state;
    const char *const etags[] = {HELLO_SHA1, HELLO_SHA256};
    error none = {0};
    snapshot *s = snapshot_open(p->hub, "acme/m", &none);
    for (int i = 0; i < 2; i++) {
        own_mem char *partial = snapshot_partial_path(s, etags[i]);
        own_mem char *blob = snapshot_blob_path(s, etags[i]);
        const char *const wrong[] = {"hallo\n", "hello", "hello\n\n"};
        for (int k = 0; k < 3; k++) {
            error e = {0};
            put_partial(s, etags[i], wrong[k]);
            assert_false(snapshot_keep_blob(s, etags[i], 6, &e));
            assert_int_equal(e.kind, ERR_BAD_GATEWAY);
            assert_false(file_exists(partial));
        }
        assert_false(snapshot_has_blob(s, etags[i], 6));
        put_partial(s, etags[i], "hello\n");
        assert_true(snapshot_keep_blob(s, etags[i], 6, &none));
        assert_true(snapshot_has_blob(s, etags[i], 6));
        assert_false(snapshot_has_blob(s, etags[i], 7));
        assert_true(file_write(blob, STR("hallo\n"), 0644, NULL));
        assert_false(snapshot_has_blob(s, etags[i], 6));
    }
    snapshot_close(s);
}

static void one_writer_at_a_time(void **state)
{
    struct place *p = *state;
    error e = {0};
    snapshot *first = snapshot_open(p->hub, "acme/m", &e);
    assert_null(snapshot_open(p->hub, "acme/m", &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
    error none = {0};
    snapshot *other = snapshot_open(p->hub, "acme/other", &none);
    assert_non_null(other);
    int lock = snapshot_lock_blob(first, HELLO_SHA1, &none);
    assert_true(lock >= 0);
    error held = {0};
    assert_int_equal(snapshot_lock_blob(first, HELLO_SHA1, &held), -1);
    assert_int_equal(held.kind, ERR_CONFLICT);
    close(lock);
    snapshot_close(other);
    snapshot_close(first);
    first = snapshot_open(p->hub, "acme/m", &none);
    assert_non_null(first);
    snapshot_close(first);
    error bad = {0};
    assert_null(snapshot_open(p->hub, "../m", &bad));
    assert_int_equal(bad.kind, ERR_BAD_REQUEST);
}

static void special_files_are_refused(void **state)
{
    struct place *p = *state;
    own_mem char *pipe_path = path_join(p->hub, "pipe");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    error none = {0};
    snapshot *s = snapshot_open(p->hub, "acme/m", &none);
    assert_false(snapshot_add_file(s, "x", pipe_path, NULL));
    assert_false(snapshot_add_file(s, "x", p->hub, NULL));
    assert_false(snapshot_add_file(s, "x", "/nowhere/at/all", NULL));
    assert_true(snapshot_add_file(s, "x", p->source, &none));
    snapshot_close(s);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(local_files_are_published),         IN_PLACE(an_old_snapshot_is_completed),
        IN_PLACE(nothing_is_seen_without_its_blobs), IN_PLACE(content_ids_follow_the_content),
        IN_PLACE(names_that_leave_are_refused),      cmocka_unit_test(revisions_are_checked),
        IN_PLACE(only_right_content_is_kept),        IN_PLACE(one_writer_at_a_time),
        IN_PLACE(special_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
