#include "gateway/store.h"

#include "base/memory.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/store_test_XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/state.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char file[80];
        snprintf(file, sizeof file, "%s%s", path, names[i]);
        unlink(file);
    }
    return rmdir(folder);
}

static store *reopen(store *s)
{
    store_close(s);
    error e = {0};
    s = store_open(path, &e);
    assert_string_equal(e.message, "");
    assert_non_null(s);
    return s;
}

static void count_token(const store_token *t, void *arg)
{
    (void)t;
    ++*(int *)arg;
}

static void tokens(void **state)
{
    (void)state;
    store *s = reopen(NULL), *other = reopen(NULL);
    assert_int_equal(store_token_count(s), 0);
    char one[STORE_TOKEN_SIZE], two[STORE_TOKEN_SIZE];
    error e = {0};
    assert_true(store_token_create(s, STR("laptop"), one, &e));
    assert_true(store_token_create(s, STR("server"), two, &e));
    assert_int_equal(strlen(one), STORE_TOKEN_SIZE - 1);
    assert_memory_equal(one, "hf_", 3);
    assert_string_not_equal(one, two);

    store_token found;
    assert_true(store_token_find(other, str_of(one), &found));
    assert_string_equal(found.name, "laptop");
    assert_memory_equal(found.start, one, 8);
    assert_int_equal(found.used_unix_ms, 0);
    assert_true(store_token_find(other, str_of(one), &found));
    assert_true(found.used_unix_ms >= found.created_unix_ms);
    two[10] ^= 1;
    assert_false(store_token_find(s, str_of(two), &found));
    assert_false(store_token_find(s, STR("hf_short"), &found));
    assert_false(store_token_find(s, (str){0}, &found));

    assert_false(store_token_create(s, STR("laptop"), two, &e));
    assert_int_equal(e.kind, ERR_CONFLICT);
    assert_string_equal(e.message, "there is a token named 'laptop' already");
    e = (error){0};
    assert_false(store_token_create(s, STR("a\nb"), two, &e));
    assert_int_equal(e.kind, ERR_BAD_REQUEST);

    int n = 0;
    assert_true(store_tokens(other, count_token, &n, NULL));
    assert_int_equal(n, 2);
    assert_true(store_token_revoke(other, "laptop", NULL));
    assert_false(store_token_find(s, str_of(one), &found));
    e = (error){0};
    assert_false(store_token_revoke(s, "laptop", &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_true(store_token_revoke(s, "2", NULL));
    assert_int_equal(store_token_count(other), 0);
    store_close(s);
    store_close(other);
}

/* The token itself must not be in the file. */
static void only_hashes_are_kept(void **state)
{
    (void)state;
    char token[STORE_TOKEN_SIZE];
    store *s = reopen(NULL);
    assert_true(store_token_create(s, STR("secret"), token, NULL));
    store_close(s);
    FILE *f = fopen(path, "rb");
    static char bytes[1 << 20];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    assert_non_null(memmem(bytes, n, "secret", 6));
    assert_null(memmem(bytes, n, token, STORE_TOKEN_SIZE - 1));
}

static void join(const char *key, const char *value, void *arg)
{
    strcat(arg, key);
    strcat(arg, "=");
    strcat(arg, value);
    strcat(arg, ";");
}

static void settings_and_counters(void **state)
{
    (void)state;
    store *s = reopen(NULL), *other = reopen(NULL);
    str model = STR("a/b");
    assert_int_equal(store_setting_number(s, model, "idle_ms", -1), -1);
    assert_true(store_setting_set(other, model, "idle_ms", "60000", NULL));
    assert_int_equal(store_setting_number(s, model, "idle_ms", -1), 60000);
    assert_true(store_setting_set(other, model, "idle_ms", "5", NULL));
    assert_true(store_setting_set(other, model, "colour", "red", NULL));
    char text[100] = "";
    assert_true(store_settings(s, model, join, text, NULL));
    assert_string_equal(text, "colour=red;idle_ms=5;");
    assert_true(store_setting_set(other, model, "idle_ms", NULL, NULL));
    assert_int_equal(store_setting_number(s, model, "idle_ms", -1), -1);

    assert_int_equal(store_counter(s, model, "downloads"), 0);
    assert_true(store_count(s, model, "downloads", 2, NULL));
    assert_true(store_count(other, model, "downloads", 3, NULL));
    assert_int_equal(store_counter(s, model, "downloads"), 5);
    assert_true(store_forget_model(s, model, NULL));
    assert_int_equal(store_counter(other, model, "downloads"), 0);
    store_close(s);
    store_close(other);
}

static void refuses_a_newer_file(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL);
    sqlite3_close(db);
    error e = {0};
    assert_null(store_open(path, &e));
    assert_non_null(strstr(e.message, "schema version 99, this program knows up to 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(only_hashes_are_kept),
        cmocka_unit_test(settings_and_counters),
        cmocka_unit_test(refuses_a_newer_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
