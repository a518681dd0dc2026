/* Files of torch.save against what torch reads from them, files that must be refused, and model
 * folders whose weights must equal those of their safetensors. */
#include "unit.h"

#include "base/json.h"
#include "files.h"
#include "tensor/checkpoint.h"
#include "tensor/checkpoint_pickle.h"
#include "tensor/weights.h"

#include <dirent.h>

#define GOLDENS TEST_ROOT "/goldens/"
#define FOLDER  GOLDENS "checkpoints/"

enum { FILE_BYTES = 64 << 20 };

static json_t *document(const char *path)
{
    error e = {0};
    json_t *read = json_parse_file(path, FILE_BYTES, &e);
    if (!read)
        fail_msg("%s", e.message);
    return read;
}

static void check_hex(const tensor *t, str hex)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = t->data;
    assert_int_equal(hex.n, 2 * t->size_bytes);
    for (size_t i = 0; i < t->size_bytes; i++) {
        assert_int_equal(hex.p[2 * i], digits[bytes[i] >> 4]);
        assert_int_equal(hex.p[2 * i + 1], digits[bytes[i] & 15]);
    }
}

static void check_floats(const tensor *t, const buf *floats, size_t at)
{
    size_t bytes = (size_t)t->n_elements * sizeof(float);
    float *values = xmalloc(bytes + 1);
    assert_true(at * sizeof(float) + bytes <= floats->n);
    dtype_to_f32(t->type, t->data, values, (long)t->n_elements);
    if (bytes)
        assert_memory_equal(values, floats->p + at * sizeof(float), bytes);
    free(values);
}

static void check_tensor(const checkpoint *c, const json_t *row, const buf *floats)
{
    const json_t *shape = json_object_get(row, "shape"), *at = json_object_get(row, "at");
    const tensor *t = checkpoint_find(c, json_str(json_object_get(row, "name")));
    assert_non_null(t);
    assert_string_equal(dtype_name(t->type), json_string_value(json_object_get(row, "dtype")));
    assert_int_equal(t->n_dims, json_array_size(shape));
    for (int i = 0; i < t->n_dims; i++)
        assert_int_equal(t->dims[i], json_integer_value(json_array_get(shape, (size_t)i)));
    if (at)
        check_floats(t, floats, (size_t)json_integer_value(at));
    else
        check_hex(t, json_str(json_object_get(row, "hex")));
}

static void check_good(const char *stem)
{
    error e = {0};
    checkpoint c;
    size_t i;
    json_t *row;
    own_buf buf floats = buf_new(FILE_BYTES);
    own_mem char *bin = xprintf(FOLDER "%s.bin", stem), *values = xprintf(FOLDER "%s.f32", stem),
                 *list = xprintf(FOLDER "%s.json", stem);
    own_json json_t *expected = document(list);
    const json_t *tensors = json_object_get(expected, "tensors");
    if (!file_read(values, FILE_BYTES, &floats, &e) || !checkpoint_open(&c, bin, &e))
        fail_msg("%s: %s", stem, e.message);
    assert_int_equal(c.n, json_array_size(tensors));
    assert_true(c.n > 0);
    json_array_foreach (tensors, i, row)
        check_tensor(&c, row, &floats);
    checkpoint_release(&c);
}

static void good_files(void **state)
{
    (void)state;
    int n = 0;
    DIR *dir = opendir(FOLDER);
    assert_non_null(dir);
    for (struct dirent *item; (item = readdir(dir));) {
        str name = str_of(item->d_name);
        if (!str_ends(name, STR(".bin")))
            continue;
        own_mem char *stem = xprintf("%.*s", (int)name.n - 4, name.p);
        check_good(stem);
        n++;
    }
    closedir(dir);
    assert_true(n >= 20);
}

static void bad_files(void **state)
{
    (void)state;
    size_t i, k;
    json_t *row, *word;
    own_json json_t *list = document(FOLDER "bad.json");
    const json_t *files = json_object_get(list, "files");
    assert_true(json_array_size(files) >= 80);
    json_array_foreach (files, i, row) {
        error e = {0};
        checkpoint c;
        const char *name = json_string_value(json_object_get(row, "name"));
        own_mem char *path = xprintf(FOLDER "bad/%s.bin", name);
        if (checkpoint_open(&c, path, &e))
            fail_msg("%s was read", name);
        assert_int_equal(e.kind, ERR_BAD_MODEL);
        assert_true(str_starts(str_of(e.message), STR("'" FOLDER "bad/")));
        json_array_foreach (json_object_get(row, "words"), k, word)
            if (!strstr(e.message, json_string_value(word)))
                fail_msg("%s has no '%s': %s", name, json_string_value(word), e.message);
    }
}

/* No part of a good file is a file, and none makes the reader read beyond it: each is a copy of its
 * own, so that an address sanitizer sees the end. */
static void cut_files(void **state)
{
    (void)state;
    static const char *const names[] = {"plain.bin", "plain-legacy.bin", "zip64.bin"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        error e = {0};
        own_buf buf whole = buf_new(FILE_BYTES);
        own_mem char *path = xprintf(FOLDER "%s", names[i]);
        assert_true(file_read(path, FILE_BYTES, &whole, &e));
        for (size_t n = 0; n < whole.n; n++) {
            checkpoint c;
            char *cut = xmalloc(n + 1);
            cut = xrealloc(cut, n ? n : 1);
            memcpy(cut, whole.p, n);
            e = (error){0};
            assert_false(checkpoint_parse(&c, (str){cut, n}, "cut", &e));
            assert_int_equal(e.kind, ERR_BAD_MODEL);
            free(cut);
        }
    }
}

/* What is contiguous stays in the file, two names of one storage are one place. */
static void stays_in_place(void **state)
{
    (void)state;
    static const char *const forms[] = {"tied.bin", "tied-legacy.bin"};
    for (size_t i = 0; i < 2; i++) {
        error e = {0};
        checkpoint c;
        own_mem char *path = xprintf(FOLDER "%s", forms[i]);
        assert_true(checkpoint_open(&c, path, &e));
        const tensor *embed = checkpoint_find(&c, STR("embed.weight"));
        const tensor *head = checkpoint_find(&c, STR("head.weight"));
        const tensor *alias = checkpoint_find(&c, STR("alias.weight"));
        const char *from = c.file.p, *data = embed->data;
        assert_true(data > from && data + embed->size_bytes <= from + c.file.n);
        assert_ptr_equal(head->data, embed->data);
        assert_ptr_equal(alias->data, data + 3 * sizeof(float));
        assert_int_equal(checkpoint_copied_bytes(&c), 0);
        assert_null(checkpoint_find(&c, STR("embed")));
        checkpoint_release(&c);
    }
}

static void counts_copies(void **state)
{
    (void)state;
    error e = {0};
    checkpoint c;
    assert_true(checkpoint_open(&c, FOLDER "views.bin", &e));
    const tensor *transposed = checkpoint_find(&c, STR("transposed"));
    const tensor *part = checkpoint_find(&c, STR("part"));
    const char *from = c.file.p, *end = from + c.file.n, *copy = transposed->data,
               *kept = part->data;
    assert_true(copy >= end || copy + transposed->size_bytes <= from);
    assert_true(kept > from && kept < end);
    assert_true(transposed->copied && !part->copied);
    /* transposed, columns, every_second, permuted, expanded, half_transposed, flags */
    assert_int_equal(checkpoint_copied_bytes(&c), 4 * (48 + 18 + 9 + 24 + 20) + 2 * 15 + 24);
    checkpoint_release(&c);
}

/* Bombs that would be large files: a pickle of a legacy file made of one piece, repeated. */
static void expect_refused(str first, str piece, size_t times, const char *message)
{
    static const char magic[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
                                "\x80\x02M\xe9\x03.\x80\x02}.\x80\x02";
    error e = {0};
    checkpoint c;
    own_buf buf file = buf_new(256 << 20);
    buf_str(&file, STR(magic));
    buf_str(&file, first);
    for (size_t i = 0; i < times; i++)
        buf_str(&file, piece);
    buf_str(&file, STR(".\x80\x02]."));
    assert_false(file.full);
    assert_false(checkpoint_parse(&c, buf_view(&file), "bomb", &e));
    assert_int_equal(e.kind, ERR_BAD_MODEL);
    if (!strstr(e.message, message))
        fail_msg("'%s' instead of '%s'", e.message, message);
}

static void bombs(void **state)
{
    (void)state;
    expect_refused(STR(")"), STR("\x85"), 1000000, "a tuple, expected a dictionary");
    expect_refused(STR("]q\x01"),
                   STR("]q\x02"
                       "ah\x02"),
                   100000, "a list, expected");
    expect_refused(STR(""), STR("("), PICKLE_STACK + 1, "1048576 values on its stack");
    expect_refused(STR(""), STR("]"), PICKLE_STACK + 1, "1048576 values on its stack");
    expect_refused(STR(""), STR("]0"), PICKLE_MEMORY_BYTES / 16, "256 MB of memory");
    expect_refused(STR("]"), STR("NNNN(222222222l"), PICKLE_MEMORY_BYTES / 64, "");
    expect_refused(STR("N"), STR("\x94"), PICKLE_MEMO + 2, "a memo index");
}

/* Every tensor of a folder of tests/goldens/tiny, bound from torch's files: the same bits. */
static void compare_folder(const char *name, const char *twin, const char *place)
{
    error e = {0};
    repo torch, plain;
    own_mem char *of_torch = xprintf(FOLDER "%s", name),
                 *of_twin = xprintf(GOLDENS "tiny/%s", twin);
    own_mem char *path = xprintf("%s/%s%smodel.safetensors", of_twin, place, *place ? "/" : "");
    safetensors expected;
    assert_true(repo_open(&torch, of_torch, &e) && repo_open(&plain, of_twin, &e));
    weight_set *set = weight_set_open(&torch, place, &e);
    if (!set || !safetensors_open(&expected, path, &e))
        fail_msg("%s", e.message);
    weights w = weights_root(set, NULL);
    for (int i = 0; i < expected.n; i++) {
        const tensor *t = &expected.tensors[i];
        char tensor_name[200];
        snprintf(tensor_name, sizeof tensor_name, "%.*s", (int)t->name.n, t->name.p);
        const float *got = t->n_dims == 2 ? weights_matrix(w, tensor_name, t->dims[0], t->dims[1])
                                          : weights_vector(w, tensor_name, t->dims[0]);
        float *values = xmalloc((size_t)t->n_elements * sizeof *values);
        dtype_to_f32(t->type, t->data, values, (long)t->n_elements);
        assert_non_null(got);
        assert_memory_equal(got, values, (size_t)t->n_elements * sizeof *values);
        free(values);
    }
    assert_true(expected.n > 0);
    assert_true(weights_done(set, NULL, &e));
    weight_set_read_ahead(set);
    weight_set_close(set);
    safetensors_release(&expected);
    repo_release(&torch);
    repo_release(&plain);
}

static void folders(void **state)
{
    (void)state;
    compare_folder("bert-zip", "bert-cls-mean-dense-normalize", "");
    compare_folder("bert-zip", "bert-cls-mean-dense-normalize", "2_Dense");
    compare_folder("bert-legacy", "bert-cls-mean-dense-normalize", "");
    compare_folder("bert-legacy", "bert-cls-mean-dense-normalize", "2_Dense");
    compare_folder("bert-half-shards", "bert-f16", "");
}

/* Files that torch wrote need no copy of f32 in the zip form; an unaligned one is counted. */
static void counts_private_memory(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        int64_t bytes;
    } cases[] = {{"plain.bin", 0}, {"views.bin", 4 * (48 + 18 + 9 + 24 + 20) + 2 * 15 + 24}};
    for (size_t i = 0; i < 2; i++) {
        error e = {0};
        weight_counts counts;
        repo r;
        own_buf buf bytes = buf_new(FILE_BYTES);
        own_mem char *folder = made_folder(), *path = xprintf(FOLDER "%s", cases[i].file);
        assert_true(file_read(path, FILE_BYTES, &bytes, &e) && repo_open(&r, folder, &e));
        made_file(folder, "pytorch_model.bin", buf_view(&bytes));
        weight_set *set = weight_set_open(&r, "", &e);
        if (!set)
            fail_msg("%s", e.message);
        const float *w = i == 0 ? weights_matrix(weights_root(set, NULL), "layer.weight", 3, 4)
                                : weights_matrix(weights_root(set, NULL), "transposed", 8, 6);
        assert_non_null(w);
        weight_set_count(set, &counts);
        assert_int_equal(counts.converted_bytes, cases[i].bytes);
        assert_int_equal(counts.mapped_bytes, bytes.n);
        weight_set_close(set);
        made_file(folder, "model.safetensors", STR("broken")); /* wins, and is refused */
        assert_null(weight_set_open(&r, "", &e));
        assert_non_null(strstr(e.message, "model.safetensors"));
        repo_release(&r);
        file_remove_tree(folder, NULL);
    }
}

static void bad_indexes(void **state)
{
    (void)state;
    static const struct {
        const char *index, *message;
    } bad[] = {
        {"{\"weight_map\":{\"x\":\"a.safetensors\"}}", "'a.safetensors' is not a bin file"},
        {"{\"weight_map\":{\"x\":\"../a.bin\"}}", "not a path inside the model folder"},
        {"{\"weight_map\":{\"x\":\"b.bin\"}}", "b.bin"},
        {"{\"weight_map\":{\"x\":\"a.bin\"}}", "tensor 'x' is not in shard 'a.bin'"},
    };
    error read = {0};
    repo r;
    own_buf buf bytes = buf_new(FILE_BYTES);
    own_mem char *folder = made_folder();
    assert_true(file_read(FOLDER "plain.bin", FILE_BYTES, &bytes, &read));
    assert_true(repo_open(&r, folder, &read));
    made_file(folder, "a.bin", buf_view(&bytes));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error e = {0};
        made_file(folder, "pytorch_model.bin.index.json", str_of(bad[i].index));
        assert_null(weight_set_open(&r, "", &e));
        if (e.kind != ERR_BAD_MODEL || !strstr(e.message, bad[i].message))
            fail_msg("%s gives %d '%s'", bad[i].index, e.kind, e.message);
    }
    repo_release(&r);
    file_remove_tree(folder, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files),    cmocka_unit_test(bad_files),
        cmocka_unit_test(cut_files),     cmocka_unit_test(stays_in_place),
        cmocka_unit_test(counts_copies), cmocka_unit_test(bombs),
        cmocka_unit_test(folders),       cmocka_unit_test(counts_private_memory),
        cmocka_unit_test(bad_indexes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
