/* Fetching without a hub: what is decided before the network is asked. Transfers are tested against
 * a server in tests/api/test_pull.py. */
#include "unit.h"

#include "base/file.h"
#include "base/own.h"
#include "tensor/hub_fetch.h"

#define HELLO_SHA1   "ce013625030ba8dba906f756967f9e9ca394464a"
#define HELLO_SHA256 "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
#define EMPTY_SHA1   "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/hub-fetch-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return file_remove_tree(folder, NULL) ? 0 : -1;
}

/* Runs a fetch of these files from a place where no hub is. */
static bool fetch(hub_file *files, int n_files, hub_fetch_status *end, error *e)
{
    hub_client nowhere = {.endpoint = (char[]){"http://127.0.0.1:1"}};
    hub_revision r = {.files = files, .n_files = n_files};
    snapshot *s = snapshot_open(folder, "acme/m", e);
    hub_fetch job = {
        .client = &nowhere, .id = "acme/m", .revision = "main", .files = &r, .to = s, .n_jobs = 3};
    strcpy(r.commit, HELLO_SHA1);
    bool good = hub_fetch_run(&job, end, e);
    if (good)
        good = snapshot_publish(s, r.commit, "main", e);
    snapshot_close(s);
    return good;
}

static void put(const char *etag, const char *suffix, str text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/models--acme--m/blobs", folder);
    assert_true(file_make_dirs(path, NULL));
    snprintf(path, sizeof path, "%s/models--acme--m/blobs/%s%s", folder, etag, suffix);
    assert_true(file_write(path, text, 0644, NULL));
}

static void what_is_there_needs_no_hub(void **state)
{
    (void)state;
    hub_file files[] = {{.path = (char[]){"a.txt"}, .etag = HELLO_SHA1, .size_bytes = 6},
                        {.path = (char[]){"same.txt"}, .etag = HELLO_SHA1, .size_bytes = 6},
                        {.path = (char[]){"m.bin"}, .etag = HELLO_SHA256, .size_bytes = 6},
                        {.path = (char[]){"empty"}, .etag = EMPTY_SHA1}};
    hub_fetch_status end;
    error e = {0};
    put(HELLO_SHA1, "", STR("hello\n"));
    put(HELLO_SHA256, ".incomplete", STR("hello\n")); /* complete, not yet checked */
    if (!fetch(files, 4, &end, &e))
        fail_msg("%s\n", e.message);
    assert_int_equal(end.n_files, 3);
    assert_int_equal(end.n_files_done, 3);
    assert_int_equal(end.n_present, 1);
    assert_int_equal(end.bytes, 12);
    assert_int_equal(end.bytes_done, 12);
    assert_int_equal(end.bytes_received, 0);
}

static void assert_refused(hub_file *files, int n_files, enum error_kind kind)
{
    hub_fetch_status end;
    error e = {0};
    assert_false(fetch(files, n_files, &end, &e));
    assert_int_equal(e.kind, kind);
    assert_int_equal(end.n_files_done, 0);
}

static void bad_lists_are_refused_at_once(void **state)
{
    (void)state;
    hub_file leaves[] = {{.path = (char[]){"ok"}, .etag = EMPTY_SHA1},
                         {.path = (char[]){"../x"}, .etag = EMPTY_SHA1}};
    hub_file twice[] = {{.path = (char[]){"x"}, .etag = EMPTY_SHA1},
                        {.path = (char[]){"x"}, .etag = HELLO_SHA1}};
    hub_file no_hash[] = {{.path = (char[]){"x"}, .etag = "../../x"}};
    hub_file huge[] = {{.path = (char[]){"x"}, .etag = HELLO_SHA1, .size_bytes = INT64_MAX},
                       {.path = (char[]){"y"}, .etag = HELLO_SHA256, .size_bytes = INT64_MAX}};
    hub_file large[] = {{.path = (char[]){"x"}, .etag = HELLO_SHA1, .size_bytes = 1LL << 53}};
    assert_refused(leaves, 2, ERR_INVALID);
    assert_refused(twice, 2, ERR_INVALID);
    assert_refused(no_hash, 1, ERR_INVALID);
    assert_refused(huge, 2, ERR_INVALID);
    assert_refused(large, 1, ERR_NO_SPACE);
}

static void cancelling_ends_it(void **state)
{
    (void)state;
    static const atomic_bool cancelled = true;
    hub_client nowhere = {.endpoint = (char[]){"http://127.0.0.1:1"}};
    hub_file files[] = {{.path = (char[]){"x"}, .etag = HELLO_SHA1, .size_bytes = 6}};
    hub_revision r = {.files = files, .n_files = 1};
    error e = {0};
    snapshot *s = snapshot_open(folder, "acme/m", &e);
    hub_fetch job = {.client = &nowhere,
                     .id = "acme/m",
                     .revision = "main",
                     .files = &r,
                     .to = s,
                     .n_jobs = 1,
                     .cancelled = &cancelled};
    hub_fetch_status end;
    assert_false(hub_fetch_run(&job, &end, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    snapshot_close(s);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_is_there_needs_no_hub),
        IN_FOLDER(bad_lists_are_refused_at_once),
        IN_FOLDER(cancelling_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
