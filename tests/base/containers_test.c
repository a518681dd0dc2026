/* Errors, arenas, buffers, maps, UTF-8, files and hashes. */
#include "unit.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/own.h"
#include "base/utf8.h"

#include <errno.h>

static void first_error_wins(void **state)
{
    (void)state;
    error e = {0};
    assert_false(fail(&e, ERR_NOT_FOUND, "no '%s'", "x"));
    assert_false(fail(&e, ERR_INTERNAL, "second"));
    assert_string_equal(e.message, "no 'x'");
    assert_int_equal(error_status(e.kind), 404);
    assert_false(fail_in(&e, "model '%s'", "m"));
    assert_string_equal(e.message, "model 'm': no 'x'");
    assert_false(fail(NULL, ERR_IO, "nobody reads it"));
    error io = {0};
    errno = ENOENT;
    fail_errno(&io, ERR_IO, "cannot open");
    assert_int_equal(io.kind, ERR_NOT_FOUND);
}

static void long_messages_stay_utf8(void **state)
{
    (void)state;
    char text[2000];
    for (int shift = 0; shift < 3; shift++) {
        error e = {0};
        memset(text, 'a', (size_t)shift);
        for (int i = shift; i < 1997; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 3);
        text[1998 - (1998 - shift) % 3] = '\0';
        fail(&e, ERR_INVALID, "%s", text);
        assert_int_equal(utf8_valid_prefix(str_of(e.message)), strlen(e.message));
        fail_in(&e, "context");
        assert_int_equal(utf8_valid_prefix(str_of(e.message)), strlen(e.message));
    }
}

/* Names of files and clients may be anything, and a precision cuts within a character. */
static void messages_are_utf8(void **state)
{
    (void)state;
    error e = {0};
    fail(&e, ERR_BAD_MODEL, "'%s' and '%.2s'", "a\xff b", "x\xc3\xa9");
    assert_string_equal(e.message, "'a? b' and 'x?'");
    fail_in(&e, "\xc3\xa9\x80");
    assert_string_equal(e.message, "\xc3\xa9?: 'a? b' and 'x?'");
}

static void arena_limits_and_alignment(void **state)
{
    (void)state;
    arena *a = arena_new(1 << 20);
    char *first = arena_alloc(a, 1);
    assert_int_equal(*first, 0);
    assert_int_equal((uintptr_t)arena_try(a, 1, 64) % 64, 0);
    assert_int_equal((uintptr_t)arena_try(a, 3, 5) % 16, 0);
    assert_null(arena_try(a, SIZE_MAX / 2, 3));
    assert_null(arena_try(a, 1 << 20, 1));
    char *big = arena_raw(a, 900000, 1);
    assert_non_null(big);
    memset(big, 1, 900000);
    arena_reset(a);
    char *again = arena_try(a, 1000000, 1);
    assert_non_null(again);
    for (int i = 0; i < 1000000; i++)
        assert_int_equal(again[i], 0);
    assert_int_equal(arena_used(a), 1000000);
    assert_string_equal(arena_printf(a, "%d-%s", 7, "x"), "7-x");
    arena_free(a);
    arena_free(NULL);
}

static void buf_stops_at_its_maximum(void **state)
{
    (void)state;
    own_buf buf b = buf_new(10);
    buf_puts(&b, "12345");
    buf_printf(&b, "%s", "67890");
    assert_string_equal(buf_text(&b), "1234567890");
    assert_false(b.full);
    buf_byte(&b, 'x');
    assert_true(b.full);
    assert_int_equal(b.n, 10);
    buf_clear(&b);
    assert_null(buf_room(&b, 11));
    own_buf buf large = buf_new(1 << 20);
    buf_printf(&large, "%0700d", 1);
    assert_int_equal(large.n, 700);
}

static void map_finds_what_was_added(void **state)
{
    (void)state;
    enum { N = 5000 };
    static char keys[N][16];
    map m;
    map_init(&m, 0);
    for (int i = 0; i < N; i++) {
        snprintf(keys[i], sizeof keys[i], "key%d", i);
        map_add(&m, str_of(keys[i]))->value.number = i;
    }
    for (int i = 0; i < N; i += 2)
        map_remove(&m, str_of(keys[i]));
    map_remove(&m, STR("absent"));
    assert_int_equal(m.n, N / 2);
    for (int i = 0; i < N; i++)
        assert_int_equal(map_number(&m, str_of(keys[i]), -1), i % 2 ? i : -1);
    size_t at = 0, seen = 0;
    while (map_next(&m, &at))
        seen++;
    assert_int_equal(seen, N / 2);
    map_add(&m, (str){0})->value.number = 9;
    assert_int_equal(map_number(&m, STR(""), -1), 9);
    map_release(&m);
    assert_null(map_get(&m, STR("key1")));
}

static void utf8_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x80\x80",
        "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80",
        "\xc3",         "\xe2\x82",         "\xf0\x9f\x98",     "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(utf8_valid_prefix(str_of(bad[i])), 0);
    for (int32_t c = 0; c <= 0x10FFFF; c++) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        char text[4];
        size_t at = 0;
        str s = {text, (size_t)utf8_put(c, text)};
        assert_int_equal(utf8_next(s, &at), c);
        assert_int_equal(at, s.n);
        assert_int_equal(utf8_length(s), 1);
    }
}

static void files_are_whole(void **state)
{
    (void)state;
    char folder[] = "/tmp/inferd-test-XXXXXX";
    error e = {0};
    assert_non_null(mkdtemp(folder));
    own_mem char *deep = path_join(folder, "a/b");
    assert_true(file_make_dirs(deep, &e));
    own_mem char *path = path_join(deep, "file");
    assert_true(file_write(path, STR("hello"), 0600, &e));
    own_buf buf text = buf_new(0);
    assert_true(file_read(path, 5, &text, &e));
    assert_string_equal(buf_text(&text), "hello");
    assert_false(file_read(path, 4, &text, &e));
    assert_int_equal(e.kind, ERR_TOO_LARGE);
    e = (error){0};
    file_map m;
    assert_true(file_map_open(&m, path, &e));
    assert_int_equal(m.n, 5);
    file_unmap(&m);
    char hex[SHA256_HEX], git[SHA1_HEX], same[SHA256_HEX];
    assert_true(sha256_file(path, hex, &e) && sha1_git_blob_file(path, git, &e));
    sha256_hex(STR("hello"), same);
    assert_string_equal(hex, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    assert_string_equal(hex, same);
    assert_string_equal(git, "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
    assert_false(file_read(deep, 100, &text, &e));
    assert_true(file_remove_tree(folder, NULL));
    assert_false(file_exists(folder));
    assert_true(file_remove_tree(folder, NULL));
}

static void paths_stay_below(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(path_is_safe(str_of(bad[i])));
    assert_false(path_is_safe((str){"a\0b", 3}));
    assert_true(path_is_safe(STR("a/b.c/..d")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),         cmocka_unit_test(long_messages_stay_utf8),
        cmocka_unit_test(messages_are_utf8),        cmocka_unit_test(arena_limits_and_alignment),
        cmocka_unit_test(buf_stops_at_its_maximum), cmocka_unit_test(map_finds_what_was_added),
        cmocka_unit_test(utf8_is_strict),           cmocka_unit_test(files_are_whole),
        cmocka_unit_test(paths_stay_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
