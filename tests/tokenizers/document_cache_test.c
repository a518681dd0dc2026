/* Prepared tables: the same ids as without, made anew when the source changes, and never trusted
 * when they are damaged or somebody else's. */
#include "unit.h"

#include "base/own.h"
#include "tokenizers/document_cache.h"
#include "tokenizers/tokenizer.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct fixture {
    char folder[64], source[128], cached[400];
};

/* A byte-level BPE with merges, made large by tokens that are never used. */
static void write_source(const struct fixture *f, const char *first)
{
    enum { PADDING = 45000 };
    error e = {0};
    own_buf buf out = buf_new(1 << 24);
    buf_printf(&out, "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"%s\",\"vocab\":{\"%s\":0", first,
               first);
    for (int i = 0; i < PADDING; i++)
        buf_printf(&out, ",\"padding token %d\":%d", i, i + 4);
    buf_puts(&out,
             ",\"a\":1,\"b\":2,\"ab\":3},\"merges\":[[\"a\",\"b\"]]},\"normalizer\":{\"type\":"
             "\"Replace\",\"pattern\":{\"String\":\"x\"},\"content\":\"");
    for (int i = 0; i < 6000; i++)
        buf_byte(&out, 'a');
    buf_puts(&out, "\"}}");
    assert_true(file_write(f->source, buf_view(&out), 0600, &e));
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/cache_test_XXXXXX");
    *state = f;
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->source, sizeof f->source, "%s/tokenizer.json", f->folder);
    setenv("INFERD_CACHE", f->folder, 1);
    write_source(f, "?");
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    assert_true(file_remove_tree(f->folder, &e));
    unsetenv("INFERD_CACHE");
    free(f);
    return 0;
}

static cache_key key_of(const struct fixture *f)
{
    cache_key key;
    cache_key_init(&key, (const char *const[]){f->source, NULL}, STR(""));
    return key;
}

/* Opens the folder and checks what it makes of a text. */
static void check_ids(const struct fixture *f)
{
    error e = {0};
    encoding got;
    encode_options o = {.ids_only = true};
    arena *a = arena_new(1 << 20);
    tokenizer *t = tokenizer_open(f->folder, &e);
    if (!t)
        fail_msg("%s", e.message);
    assert_true(tokenizer_encode(t, STR("abba!"), NULL, &o, &got, a, &e));
    assert_int_equal(got.n, 4);
    assert_memory_equal(got.ids, ((int[]){3, 2, 1, 0}), 4 * sizeof(int));
    assert_true(tokenizer_encode(t, STR("x"), NULL, &o, &got, a, &e));
    assert_int_equal(got.n, 6000);
    tokenizer_close(t);
    arena_free(a);
}

static bool is_cached(const struct fixture *f)
{
    cache_key key = key_of(f);
    document d;
    bool found = document_cache_read(&d, &key);
    if (found)
        document_release(&d);
    return found;
}

static void test_second_start(void **state)
{
    struct fixture *f = *state;
    assert_false(is_cached(f));
    check_ids(f);
    assert_true(is_cached(f));
    check_ids(f);
    cache_key key = key_of(f);
    document d;
    assert_true(document_cache_read(&d, &key));
    assert_true(d.vocab.mapped && d.merges.mapped && d.merges.given);
    assert_int_equal(vocab_id(&d.vocab, STR("padding token 44999")), 45003);
    const json_t *long_text = json_object_get(json_object_get(d.root, "normalizer"), "content");
    assert_int_equal(json_string_length(long_text), 6000);
    document_release(&d);
}

static void test_changed_source(void **state)
{
    struct fixture *f = *state;
    check_ids(f);
    write_source(f, "!");
    assert_false(is_cached(f));
    check_ids(f);
    assert_true(is_cached(f));
    DIR *dir = opendir(f->folder);
    assert_non_null(dir);
    closedir(dir);
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

static void test_damaged_files(void **state)
{
    struct fixture *f = *state;
    check_ids(f);
    cache_key key = key_of(f);
    long size = (long)file_size(key.path);
    assert_true(size > 100000);
    for (long at = 0; at < size; at += at < 400 ? 1 : size / 50) {
        change_byte(key.path, at);
        /* Bytes between header and sections may mean nothing, but the checksum covers them. */
        assert_false(is_cached(f));
        change_byte(key.path, at);
    }
    assert_true(is_cached(f));
    assert_int_equal(truncate(key.path, size / 2), 0);
    assert_false(is_cached(f));
    check_ids(f);
    assert_true(is_cached(f));
}

static void test_files_of_others(void **state)
{
    struct fixture *f = *state;
    check_ids(f);
    cache_key key = key_of(f);
    assert_int_equal(chmod(key.path, 0622), 0);
    assert_false(is_cached(f));
    assert_int_equal(chmod(key.path, 0600), 0);
    assert_true(is_cached(f));
    char moved[sizeof key.path + 8];
    snprintf(moved, sizeof moved, "%s.moved", key.path);
    assert_int_equal(rename(key.path, moved), 0);
    assert_int_equal(symlink(moved, key.path), 0);
    assert_false(is_cached(f));
    check_ids(f);
}

static void test_no_folder(void **state)
{
    struct fixture *f = *state;
    setenv("INFERD_CACHE", f->source, 1); /* a file, so nothing can be below it */
    check_ids(f);
    check_ids(f);
    assert_false(is_cached(f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_second_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changed_source, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_of_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_folder, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
