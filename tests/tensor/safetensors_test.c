/* Good files as they are, and every way in which a header can lie. */
#include "unit.h"

#include "base/own.h"
#include "tensor/safetensors.h"

#include <stdlib.h>

/* Length, header and n_data zero bytes, in new memory of exactly that size. */
static str file_of(str header, size_t n_data)
{
    size_t n = 8 + header.n + n_data;
    char *p = calloc(1, n);
    for (int i = 0; i < 8; i++)
        p[i] = (char)(header.n >> (8 * i));
    memcpy(p + 8, header.p, header.n);
    return (str){p, n};
}

static void reads_tensors(void **state)
{
    (void)state;
    static const char header[] =
        " \"w\": {\"dtype\":\"F32\", \"shape\":[2,3], \"data_offsets\":[4,28]},"
        "\"__metadata__\": {\"format\": \"pt\", \"a\\u0041\": \"\"},\n"
        "\"b\\u00e9\\ud83d\\ude00\\n\":{\"data_offsets\":[0,4],\"dtype\":\"BF16\",\"shape\":[2]},"
        "\"empty\":{\"dtype\":\"I64\",\"shape\":[0,7],\"data_offsets\":[28,28]},"
        "\"scalar\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[28,36]},"
        "\"half\":{\"dtype\":\"F4\",\"shape\":[2,2],\"data_offsets\":[36,38]}}   ";
    safetensors s;
    error e = {0};
    own_mem char *text = NULL;
    assert_true(asprintf(&text, "{%s", header) > 0);
    str file = file_of(str_of(text), 38);
    assert_true(safetensors_parse(&s, file, "it", &e));
    assert_int_equal(s.n, 5);
    const tensor *w = safetensors_find(&s, STR("w"));
    assert_non_null(w);
    assert_int_equal(w->type, DTYPE_F32);
    assert_int_equal(w->n_dims, 2);
    assert_int_equal(w->dims[1], 3);
    assert_int_equal(w->n_elements, 6);
    assert_int_equal(w->size_bytes, 24);
    assert_ptr_equal(w->data, file.p + file.n - 38 + 4);
    assert_non_null(safetensors_find(&s, STR("b\xc3\xa9\xf0\x9f\x98\x80\n")));
    assert_int_equal(safetensors_find(&s, STR("empty"))->n_elements, 0);
    assert_int_equal(safetensors_find(&s, STR("scalar"))->n_elements, 1);
    assert_int_equal(safetensors_find(&s, STR("half"))->n_elements, 4);
    assert_null(safetensors_find(&s, STR("no")));
    assert_true(s.metadata.n > 10 && s.metadata.p[0] == '{');
    char shape[TENSOR_SHAPE_TEXT];
    tensor_shape(w, shape);
    assert_string_equal(shape, "[2, 3]");
    safetensors_release(&s);
    free((void *)(uintptr_t)file.p);
}

#define T(type, shape, offsets)                                                                    \
    "{\"dtype\":\"" type "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    size_t n_data;
    const char *message; /* a part of it */
} broken[] = {
    {"", 0, "byte 0: expected '{'"},
    {" {}", 0, "byte 0: expected '{'"},
    {"{", 0, "expected a text"},
    {"{}x", 0, "nothing behind"},
    {"{\"a\"}", 0, "expected ':'"},
    {"{\"a\":1}", 0, "expected '{'"},
    {"{\"a\":{}}", 0, "expected a text"},
    {"{\"a\":{\"dtype\":\"F32\"}}", 0, "expected dtype, shape and data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", 0, "one each"},
    {"{\"a\":{\"x\":1}}", 0, "one each"},
    {"{\"a\":" T("F33", "[1]", "[0,4]") "}", 4, "tensor 'a' has the unknown dtype 'F33'"},
    {"{\"a\":" T("F32", "[1]", "[0,4]") ",}", 4, "expected a text"},
    {"{\"a\":" T("F32", "[1]", "[0,4]"), 4, "expected ',' or '}'"},
    {"{\"a\":" T("F32", "[1]", "[0,4") "}", 4, "expected ',' or ']'"},
    {"{\"a\":" T("F32", "[1.0]", "[0,4]") "}", 4, "whole number"},
    {"{\"a\":" T("F32", "[1e0]", "[0,4]") "}", 4, "whole number"},
    {"{\"a\":" T("F32", "[-1]", "[0,4]") "}", 4, "whole number"},
    {"{\"a\":" T("F32", "[01]", "[0,4]") "}", 4, "whole number"},
    {"{\"a\":" T("F32", "[18446744073709551616]", "[0,4]") "}", 4, "below 2^64"},
    {"{\"a\":" T("F32", "[18446744073709551615]", "[0,4]") "}", 4, "below 2^63"},
    {"{\"a\":" T("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "more than 8 numbers"},
    {"{\"a\":" T("F32", "[1]", "[0]") "}", 4, "two data_offsets"},
    {"{\"a\":" T("F32", "[1]", "[0,4,8]") "}", 4, "more than 2 numbers"},
    {"{\"a\":" T("F32", "[1]", "[4,0]") "}", 4, "do not fit"},
    {"{\"a\":" T("F32", "[1]", "[0,5]") "}", 4, "do not fit the 4 bytes"},
    {"{\"a\":" T("F32", "[2]", "[0,4]") "}", 4, "span 4 bytes, F32 of shape [2] needs 8"},
    {"{\"a\":" T("F32", "[0]", "[0,4]") "}", 4, "span 4 bytes, F32 of shape [0] needs 0"},
    {"{\"a\":" T("F32", "[4294967296,4294967296]", "[0,4]") "}", 4, "overflows"},
    {"{\"a\":" T("F32", "[4611686018427387904]", "[0,0]") "}", 0, "overflows"},
    {"{\"a\":" T("F4", "[3]", "[0,1]") "}", 1, "needs 2"},
    {"{\"a\":" T("U8", "[1]", "[1,2]") "}", 2, "begins at byte 1"},
    {"{\"a\":" T("U8", "[2]", "[0,2]") ",\"b\":" T("U8", "[2]", "[1,3]") "}", 3,
     "begins at byte 1"},
    {"{\"a\":" T("U8", "[1]", "[0,1]") ",\"b\":" T("U8", "[1]", "[2,3]") "}", 3,
     "begins at byte 2"},
    {"{\"a\":" T("U8", "[1]", "[0,1]") "}", 2, "end at byte 1 of 2"},
    {"{}", 1, "end at byte 0 of 1"},
    {"{\"a\":" T("U8", "[1]", "[0,1]") ",\"a\":" T("U8", "[1]", "[1,2]") "}", 2,
     "'a' is there twice"},
    {"{\"a\":" T("U8", "[1]", "[0,1]") ",\"\\u0061\":" T("U8", "[1]", "[1,2]") "}", 2, "twice"},
    {"{\"\\u0000\":" T("U8", "[1]", "[0,1]") "}", 1, "without NUL"},
    {"{\"a\x01\":" T("U8", "[1]", "[0,1]") "}", 1, "without control characters"},
    {"{\"a\\n\x01\":" T("U8", "[1]", "[0,1]") "}", 1, "without control characters"},
    {"{\"\\ud800\":" T("U8", "[1]", "[0,1]") "}", 1, "second half"},
    {"{\"\\ud800\\u0041\":" T("U8", "[1]", "[0,1]") "}", 1, "second half"},
    {"{\"\\udc00\":" T("U8", "[1]", "[0,1]") "}", 1, "first half"},
    {"{\"\\u00g0\":" T("U8", "[1]", "[0,1]") "}", 1, "hex digits"},
    {"{\"\\x\":" T("U8", "[1]", "[0,1]") "}", 1, "escape sequence"},
    {"{\"a\\", 0, "escape sequence"},
    {"{\"a\\u00", 0, "hex digits"},
    {"{\"a", 0, "expected '\"'"},
    {"{\"\xc3(\":" T("U8", "[1]", "[0,1]") "}", 1, "not valid UTF-8 at byte 2"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "expected a text"},
    {"{\"__metadata__\":{\"a\":{}}}", 0, "expected a text"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "one __metadata__"},
    {"{\"__metadata__\":[]}", 0, "expected '{'"},
};

static void refuses_broken_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        safetensors s = {.n = 77};
        error e = {0};
        str file = file_of(str_of(broken[i].header), broken[i].n_data);
        if (safetensors_parse(&s, file, "'x.safetensors'", &e))
            fail_msg("accepted: %s", broken[i].header);
        if (!strstr(e.message, broken[i].message))
            fail_msg("%s gives '%s', expected '%s'", broken[i].header, e.message,
                     broken[i].message);
        assert_int_equal(e.kind, ERR_BAD_MODEL);
        assert_memory_equal(e.message, "'x.safetensors': ", 17);
        assert_int_equal(s.n, 77);
        free((void *)(uintptr_t)file.p);
    }
}

static void refuses_cut_files(void **state)
{
    (void)state;
    static const char header[] = "{\"a\":" T("U8", "[3]", "[0,3]") "}";
    str file = file_of(STR(header), 3);
    for (size_t n = 0; n <= file.n; n++) {
        safetensors s;
        error e = {0};
        char *cut = malloc(n + !n); /* its own block: the sanitizer sees a byte too far */
        memcpy(cut, file.p, n);
        assert_int_equal(safetensors_parse(&s, (str){cut, n}, "it", &e), n == file.n);
        if (n == file.n)
            safetensors_release(&s);
        free(cut);
    }
    free((void *)(uintptr_t)file.p);
}

static void bounds_the_header(void **state)
{
    (void)state;
    static const char lengths[][9] = {"\x01\xe1\xf5\x05\0\0\0\0",
                                      "\xff\xff\xff\xff\xff\xff\xff\xff", "\0\0\0\0\0\0\0\x80"};
    for (size_t i = 0; i < 3; i++) {
        safetensors s;
        error e = {0};
        assert_false(safetensors_parse(&s, (str){lengths[i], 8}, "it", &e));
        assert_non_null(strstr(e.message, "at most 100000000"));
    }
}

/* 3,000 tensors in one header, found again. */
static void many_tensors(void **state)
{
    (void)state;
    own_buf buf header = buf_new(1 << 20);
    buf_puts(&header, "{");
    for (int i = 2999; i >= 0; i--)
        buf_printf(&header, "\"t%d\":" T("U8", "[1]", "[%d,%d]") "%s", i, i, i + 1, i ? "," : "}");
    str file = file_of(buf_view(&header), 3000);
    safetensors s;
    error e = {0};
    assert_true(safetensors_parse(&s, file, "it", &e));
    assert_int_equal(s.n, 3000);
    assert_true(str_is(s.tensors[0].name, "t0"));
    assert_ptr_equal(safetensors_find(&s, STR("t2999"))->data, file.p + file.n - 1);
    safetensors_release(&s);
    free((void *)(uintptr_t)file.p);
}

static void missing_file(void **state)
{
    (void)state;
    safetensors s;
    error e = {0};
    assert_false(safetensors_open(&s, TEST_ROOT "/no.safetensors", &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void dtypes(void **state)
{
    (void)state;
    for (int i = 0; i < N_DTYPES; i++)
        assert_int_equal(dtype_by_name(str_of(dtype_name((enum dtype)i))), i);
    assert_int_equal(dtype_by_name(STR("f32")), N_DTYPES);
    const double from[2] = {0.1, -3};
    float out[2];
    dtype_to_f32(DTYPE_F64, from, out, 2);
    assert_true(out[0] == 0.1f && out[1] == -3);
    const uint16_t half[2] = {0x3c00, 0xc000}, brain[2] = {0x3f80, 0xc000};
    dtype_to_f32(DTYPE_F16, half, out, 2);
    assert_true(out[0] == 1 && out[1] == -2);
    dtype_to_f32(DTYPE_BF16, brain, out, 2);
    assert_true(out[0] == 1 && out[1] == -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_tensors),
        cmocka_unit_test(refuses_broken_headers),
        cmocka_unit_test(refuses_cut_files),
        cmocka_unit_test(bounds_the_header),
        cmocka_unit_test(many_tensors),
        cmocka_unit_test(missing_file),
        cmocka_unit_test(dtypes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
