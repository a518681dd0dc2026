/* Which files are wanted. */
#include "unit.h"

#include "base/buf.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/hub_filter.h"

/* Applies the filter to space separated paths; what is left, likewise. */
static int filtered(const hub_filter *filter, const char *paths, buf *left)
{
    hub_revision r = {.files = xcalloc(20, sizeof *r.files), .capacity = 20};
    char *copy = xstrdup(paths);
    for (char *at = strtok(copy, " "); at; at = strtok(NULL, " "))
        r.files[r.n_files++] = (hub_file){.path = xstrdup(at), .size_bytes = 1};
    free(copy);
    int n_skipped = hub_filter_apply(filter, &r);
    buf_clear(left);
    for (int i = 0; i < r.n_files; i++)
        buf_printf(left, "%s%s", i ? " " : "", r.files[i].path);
    hub_revision_release(&r);
    return n_skipped;
}

static void other_formats(void **state)
{
    (void)state;
    static const struct {
        const char *paths, *left;
        int n_skipped;
    } cases[] = {
        {"", "", 0},
        {"pytorch_model.bin onnx/m.onnx v.ckpt", "pytorch_model.bin onnx/m.onnx v.ckpt", 0},
        {"m.safetensors pytorch_model.bin onnx/m.onnx openvino/m.xml v.ckpt x.bin",
         "m.safetensors x.bin", 4},
        {"m.safetensors pytorch_model-1.bin pytorch_model.bin.index.json tf_model.h5 rust_model.ot "
         "flax_model.msgpack",
         "m.safetensors", 5},
        {"m.safetensors 2_Dense/pytorch_model.bin", "m.safetensors 2_Dense/pytorch_model.bin", 0},
        {"a/m.safetensors a/pytorch_model.bin b/pytorch_model.bin onnx/m.onnx",
         "a/m.safetensors b/pytorch_model.bin onnx/m.onnx", 1},
    };
    buf left = buf_new(1000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(filtered(&(hub_filter){0}, cases[i].paths, &left), cases[i].n_skipped);
        assert_string_equal(buf_text(&left), cases[i].left);
        assert_int_equal(filtered(&(hub_filter){.all = true}, cases[i].paths, &left), 0);
        assert_string_equal(buf_text(&left), cases[i].paths);
    }
    buf_release(&left);
}

static void patterns(void **state)
{
    (void)state;
    const char paths[] = "config.json m.safetensors onnx/config.json onnx/m.onnx";
    const char *const json[] = {"*.json"}, *const onnx[] = {"onnx/"};
    buf left = buf_new(1000);
    hub_filter filter = {.include = json, .n_include = 1};
    assert_int_equal(filtered(&filter, paths, &left), 0);
    assert_string_equal(buf_text(&left), "config.json onnx/config.json");
    filter = (hub_filter){.include = onnx, .n_include = 1};
    assert_int_equal(filtered(&filter, paths, &left), 0);
    assert_string_equal(buf_text(&left), "onnx/config.json onnx/m.onnx");
    filter = (hub_filter){.include = json, .n_include = 1, .exclude = onnx, .n_exclude = 1};
    assert_int_equal(filtered(&filter, paths, &left), 0);
    assert_string_equal(buf_text(&left), "config.json");
    filter = (hub_filter){.exclude = json, .n_exclude = 1};
    assert_int_equal(filtered(&filter, paths, &left), 1);
    assert_string_equal(buf_text(&left), "m.safetensors");
    buf_release(&left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_formats),
        cmocka_unit_test(patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
