/* Binding by name, and the one message that says all that is wrong. */
#include "unit.h"

#include "files.h"
#include "tensor/weights.h"

#include <sys/stat.h>

static const float numbers[] = {1, 2, 3, 4, 5, 6};

static const struct made_tensor model[] = {
    {"m.layer.0.up.weight", DTYPE_F32, 2, 3, numbers}, {"m.layer.0.up.bias", DTYPE_F16, 2, 0, NULL},
    {"m.table.weight", DTYPE_F32, 3, 2, numbers},      {"m.ids", DTYPE_I64, 1, 4, NULL},
    {"head.weight", DTYPE_F32, 6, 0, numbers},
};

struct fixture {
    char *folder;
    repo repo;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    f->folder = made_folder();
    *state = f;
    return repo_open(&f->repo, f->folder, NULL) ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    file_remove_tree(f->folder, NULL);
    repo_release(&f->repo);
    free(f->folder);
    free(f);
    return 0;
}

static weight_set *open_set(struct fixture *f, const char *place)
{
    error e = {0};
    weight_set *set = weight_set_open(&f->repo, place, &e);
    if (!set)
        fail_msg("%s", e.message);
    return set;
}

static void binds_in_place(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    weight_counts counts;
    made_safetensors(f->folder, "model.safetensors", model, 5, 0);
    weight_set *set = open_set(f, "");
    weights w = weights_root(set, "m.");
    weights up = weights_in(weights_in(w, "layer.%d", 0), "up");
    assert_true(weights_have(up, "weight"));
    assert_false(weights_have(up, "gamma"));
    const float *weight = weights_matrix(up, "weight", 2, 3), *bias = weights_vector(up, "bias", 2);
    assert_memory_equal(weight, numbers, sizeof numbers);
    assert_true(bias[0] == 0 && bias[1] == 0);
    assert_ptr_equal(weights_matrix(up, "weight", 2, 3), weight); /* a second claim is the same */
    assert_non_null(weights_table(weights_in(w, "table"), "weight", 3, 2));
    assert_true(weights_done(set, (const char *const[]){"ids", "head.*", NULL}, &e));
    weight_set_read_ahead(set);
    weight_set_count(set, &counts);
    assert_int_equal(counts.converted_bytes, 2 * sizeof(float));
    assert_int_equal(counts.parameters, 6 + 2 + 6 + 4 + 6);
    assert_int_equal(counts.most, DTYPE_F32);
    assert_true(counts.mapped_bytes > 3 * (int64_t)sizeof numbers);
    weight_set_close(set);
}

/* The whole model where its base model should be. */
static void unwraps(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    static const struct made_tensor below[] = {{"m.m.table.weight", DTYPE_F32, 3, 2, numbers},
                                               {"m.head.weight", DTYPE_F32, 6, 0, numbers},
                                               {"m.pooler.weight", DTYPE_F32, 6, 0, numbers}};
    for (int n = 2; n <= 3; n++) {
        made_safetensors(f->folder, "model.safetensors", below, n, 0);
        weight_set *set = open_set(f, "");
        weight_set_unwrap(set, "m.");
        weights root = weights_root(set, NULL), w = weights_root(set, "m.");
        assert_string_equal(w.prefix, "m.");
        assert_true(weights_have(root, "head.weight") && !weights_have(root, "m.head.weight"));
        assert_non_null(weights_vector(root, "head.weight", 6));
        assert_non_null(weights_matrix(weights_in(w, "table"), "weight", 3, 2));
        assert_true(weights_done(set, NULL, &e)); /* a pooler beside the base model */
        weight_set_close(set);
    }
    /* Names that have it once only, and some that have none. */
    static const struct made_tensor once[] = {{"m.table.weight", DTYPE_F32, 3, 2, numbers},
                                              {"m.m.x", DTYPE_F32, 6, 0, numbers},
                                              {"head.weight", DTYPE_F32, 6, 0, numbers}};
    for (int n = 1; n <= 3; n += 2) {
        made_safetensors(f->folder, "model.safetensors", once, n, 0);
        weight_set *set = open_set(f, "");
        weight_set_unwrap(set, "m.");
        assert_true(weights_have(weights_root(set, NULL), "m.table.weight"));
        weight_set_close(set);
    }
}

/* Names behind a prefix that is no part of the model are not guessed: the message says it. */
static void names_wrappers(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    static const struct made_tensor wrapped[] = {
        {"module.m.table.weight", DTYPE_F32, 3, 2, numbers}};
    made_safetensors(f->folder, "model.safetensors", wrapped, 1, 0);
    weight_set *set = open_set(f, "");
    weight_set_unwrap(set, "m.");
    assert_null(weights_matrix(weights_in(weights_root(set, NULL), "m.table"), "weight", 3, 2));
    assert_false(weights_done(set, NULL, &e));
    assert_string_equal(e.message,
                        "the weights do not fit config.json (names start with 'module.', as in a "
                        "wrapper of the model): missing 'm.table.weight' [3, 2]; unclaimed "
                        "'module.m.table.weight'");
    weight_set_close(set);
}

/* [rows][columns] of a file as [columns][rows]. */
static const float *turned_of(weights w, const char *name, int rows, int columns)
{
    const packed_weight *packed;
    const float *floats;
    const weight_rows r = {.name = name,
                           .order = ORDER_TURNED,
                           .all = columns,
                           .rows = columns,
                           .columns = rows,
                           .groups = 1};
    weights_rows_as(w, &r, NULL, &floats, &packed);
    return floats;
}

/* [rows][columns][taps] of a file as [rows][taps][columns]. */
static const float *taps_of(weights w, const char *name, int rows, int columns, int taps)
{
    const packed_weight *packed;
    const float *floats;
    const weight_rows r = {.name = name,
                           .order = ORDER_TAPS,
                           .all = rows,
                           .rows = rows,
                           .columns = columns * taps,
                           .groups = 1,
                           .cut = taps};
    weights_rows_as(w, &r, NULL, &floats, &packed);
    return floats;
}

/* Convolutions' weights in other orders. */
static void changes_cubes(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    static float cube[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    static const struct made_tensor tensors[] = {{"a", DTYPE_F32, 2, 2, cube, 3},
                                                 {"b", DTYPE_F32, 2, 2, cube, 3}};
    made_safetensors(f->folder, "model.safetensors", tensors, 2, 0);
    weight_set *set = open_set(f, "");
    weights w = weights_root(set, NULL);
    assert_memory_equal(taps_of(w, "a", 2, 2, 3),
                        ((float[]){1, 4, 2, 5, 3, 6, 7, 10, 8, 11, 9, 12}), sizeof cube);
    assert_memory_equal(weights_reversed(w, "b", 2, 2, 3),
                        ((float[]){1, 7, 4, 10, 2, 8, 5, 11, 3, 9, 6, 12}), sizeof cube);
    assert_true(weights_done(set, NULL, &e));
    weight_set_close(set);
}

/* Data that no float may be read from in place is copied, and counted. */
static void copies_unaligned(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    weight_counts counts;
    made_safetensors(f->folder, "model.safetensors", model, 1, 3);
    weight_set *set = open_set(f, "");
    const float *weight = weights_matrix(weights_root(set, NULL), model[0].name, 2, 3);
    assert_true((uintptr_t)weight % _Alignof(float) == 0);
    assert_memory_equal(weight, numbers, sizeof numbers);
    assert_true(weights_done(set, NULL, &e));
    weight_set_count(set, &counts);
    assert_int_equal(counts.converted_bytes, sizeof numbers);
    weight_set_close(set);
}

/* Copies that are stored in another order than they are used. */
static void changes_copies(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    weight_counts counts;
    static const struct made_tensor tensors[] = {
        {"a", DTYPE_F32, 2, 3, numbers}, {"b", DTYPE_F32, 6, 1, numbers},
        {"c", DTYPE_F32, 6, 0, numbers}, {"d", DTYPE_F32, 6, 0, numbers},
        {"e", DTYPE_F16, 2, 2, NULL},
    };
    made_safetensors(f->folder, "model.safetensors", tensors, 5, 0);
    weight_set *set = open_set(f, "");
    weights w = weights_root(set, NULL);
    const float *turned = turned_of(w, "a", 2, 3);
    assert_memory_equal(turned, ((float[]){1, 4, 2, 5, 3, 6}), sizeof numbers);
    assert_ptr_equal(turned_of(w, "a", 2, 3), turned);
    assert_memory_equal(weights_regrouped(w, "b", 6, 1, 3, 2), ((float[]){1, 3, 5, 2, 4, 6}),
                        sizeof numbers);
    assert_memory_equal(weights_regrouped(w, "c", 6, 0, 1, 3), numbers, sizeof numbers);
    assert_memory_equal(weights_plus(w, "d", 6, 2), ((float[]){3, 4, 5, 6, 7, 8}), sizeof numbers);
    assert_memory_equal(turned_of(w, "e", 2, 2), (float[4]){0}, 4 * sizeof(float));
    assert_null(turned_of(w, "none", 2, 3));
    weight_set_count(set, &counts);
    assert_int_equal(counts.converted_bytes, 4 * sizeof numbers + 4 * sizeof(float));
    assert_false(weights_done(set, NULL, &e));
    assert_non_null(strstr(e.message, "missing 'none' [2, 3]"));
    weight_set_close(set);
}

static void reports_everything_at_once(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    made_safetensors(f->folder, "model.safetensors", model, 5, 0);
    weight_set *set = open_set(f, "");
    weights w = weights_root(set, "absent.");
    assert_null(weights_matrix(weights_in(w, "m.layer.1.up"), "weight", 2, 3));
    assert_null(weights_matrix(weights_in(w, "m.layer.0.up"), "weight", 3, 2));
    assert_null(weights_vector(weights_in(w, "m.table"), "weight", 6));
    assert_null(weights_matrix(w, "m.ids", 1, 4));
    assert_false(weights_done(set, (const char *const[]){"m.layer.*.bias", NULL}, &e));
    assert_int_equal(e.kind, ERR_BAD_MODEL);
    assert_string_equal(e.message, "the weights do not fit config.json: "
                                   "missing 'm.layer.1.up.weight' [2, 3]; "
                                   "misshapen 'm.layer.0.up.weight' is [2, 3], expected [3, 2], "
                                   "'m.table.weight' is [3, 2], expected [6]; "
                                   "unusable 'm.ids' (of type I64); "
                                   "unclaimed 'head.weight'");
    weight_set_close(set);
}

/* Whole numbers, and other heads beside a base model that has its prefix. */
static void leaves_others_alone(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    made_safetensors(f->folder, "model.safetensors", model, 5, 0);
    weight_set *set = open_set(f, "");
    weights w = weights_root(set, "m.");
    assert_non_null(weights_matrix(w, "layer.0.up.weight", 2, 3));
    assert_non_null(weights_vector(w, "layer.0.up.bias", 2));
    assert_false(weights_done(set, NULL, &e));
    assert_string_equal(e.message,
                        "the weights do not fit config.json: unclaimed 'm.table.weight'");
    weight_set_close(set);
}

static void finds_tables_under_second_names(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    made_safetensors(f->folder, "model.safetensors", model, 5, 0);
    weight_set *set = open_set(f, "");
    weights w = weights_root(set, "m.");
    weights_stand_in(w, "table.weight", w, "layer.0.up.weight");
    weights_stand_in(w, "words.weight", w, "absent");
    assert_memory_equal(weights_matrix(w, "table.weight", 3, 2), numbers, sizeof numbers);
    weights_stand_in(w, "words.weight", w, "layer.0.up.weight");
    const float *words = weights_matrix(w, "words.weight", 2, 3);
    assert_memory_equal(words, numbers, sizeof numbers);
    assert_ptr_equal(words, weights_matrix(w, "layer.0.up.weight", 2, 3));
    assert_non_null(weights_vector(w, "layer.0.up.bias", 2));
    assert_true(weights_done(set, NULL, &e));
    weight_set_close(set);
}

/* Thousands of problems still make a message with an end. */
static void counts_what_it_cannot_name(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    made_safetensors(f->folder, "model.safetensors", model, 5, 0);
    weight_set *set = open_set(f, "");
    for (int i = 0; i < 1000; i++)
        weights_vector(weights_in(weights_root(set, NULL), "layer.%d", i), "weight", 7);
    assert_false(weights_done(set, NULL, &e));
    assert_non_null(strstr(e.message, "'layer.0.weight' [7], 'layer.1.weight' [7]"));
    assert_non_null(strstr(e.message, " more; unclaimed 'm.layer.0.up.weight', "));
    assert_non_null(strstr(e.message, "'head.weight'"));
    weight_set_close(set);
}

static void opens_shards(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    made_safetensors(f->folder, "sub/a.safetensors", model, 2, 0);
    made_safetensors(f->folder, "sub/b.safetensors", model + 2, 3, 0);
    made_file(f->folder, "sub/model.safetensors.index.json",
              STR("{\"metadata\":{},\"weight_map\":{"
                  "\"m.layer.0.up.weight\":\"a.safetensors\",\"head.weight\":\"b.safetensors\","
                  "\"m.layer.0.up.bias\":\"a.safetensors\"}}"));
    weight_set *set = open_set(f, "sub");
    weights w = weights_root(set, NULL);
    assert_memory_equal(weights_matrix(w, "m.layer.0.up.weight", 2, 3), numbers, sizeof numbers);
    assert_non_null(weights_vector(w, "m.layer.0.up.bias", 2));
    assert_false(weights_done(set, NULL, &e));
    assert_string_equal(e.message, "the weights do not fit config.json: unclaimed 'head.weight'");
    weight_set_close(set);
}

static void refuses_bad_indexes(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *index, *message;
    } bad[] = {
        {"[]", "has no 'weight_map'"},
        {"{\"weight_map\":{}}", "has no 'weight_map'"},
        {"{\"weight_map\":[\"a\"]}", "has no 'weight_map'"},
        {"{\"weight_map\":{\"x\":1}}", "gives 'x' an integer, expected"},
        {"{\"weight_map\":{\"x\":\"a.safetensors\"}}",
         "tensor 'x' is not in shard 'a.safetensors'"},
        {"{\"weight_map\":{\"x\":\"b.safetensors\"}}", "b.safetensors"},
        {"{\"weight_map\":{\"x\":\"../a.safetensors\"}}", "not a path inside the model folder"},
        {"{\"weight_map\":{\"x\":\"/etc/a.safetensors\"}}", "not a path inside the model folder"},
        {"{\"weight_map\":{\"x\":\"a.bin\"}}", "'a.bin' is not a safetensors file"},
        {"{\"weight_map\":{\"x\":\"a.safetensors\\u0000.safetensors\"}}", "is not a safetensors"},
        {"{\"weight_map\":", "not valid JSON"},
    };
    made_safetensors(f->folder, "a.safetensors", model, 2, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error e = {0};
        made_file(f->folder, "model.safetensors.index.json", str_of(bad[i].index));
        assert_null(weight_set_open(&f->repo, "", &e));
        if (e.kind != ERR_BAD_MODEL || !strstr(e.message, bad[i].message))
            fail_msg("%s gives %d '%s'", bad[i].index, e.kind, e.message);
    }
}

static void names_other_formats(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    assert_null(weight_set_open(&f->repo, "", &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    made_file(f->folder, "tf_model.h5", STR("x"));
    e = (error){0};
    assert_null(weight_set_open(&f->repo, "", &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_non_null(strstr(e.message, "'tf_model.h5' only"));
}

/* A weight file that is there and cannot be read is not called missing. */
static void names_what_is_no_file(void **state)
{
    struct fixture *f = *state;
    own_mem char *path = path_join(f->folder, "model.safetensors");
    error e = {0};
    assert_int_equal(symlink("../../blobs/gone", path), 0);
    assert_null(weight_set_open(&f->repo, "", &e));
    assert_int_equal(e.kind, ERR_BAD_MODEL);
    assert_non_null(strstr(e.message, "model.safetensors' is a link to a file that is not there"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("model.safetensors", path), 0);
    e = (error){0};
    assert_null(weight_set_open(&f->repo, "", &e));
    assert_non_null(strstr(e.message, "cannot follow the link"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    e = (error){0};
    assert_null(weight_set_open(&f->repo, "", &e));
    assert_non_null(strstr(e.message, "is a folder, expected a file"));
}

static void folders(void **state)
{
    struct fixture *f = *state;
    error e = {0};
    repo none;
    assert_false(repo_open(&none, TEST_ROOT "/unit.h", &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    made_file(f->folder, "config.json", STR("{\"a\":1}"));
    made_file(f->folder, "text.json", STR("\"a\""));
    made_file(f->folder, "2_Dense/model.safetensors", STR("12345"));
    made_file(f->folder, "2_Dense/pytorch_model.bin", STR("not counted beside the other"));
    made_file(f->folder, "3_Dense/pytorch_model.bin", STR("123"));
    made_file(f->folder, "3_Dense/optimizer.bin", STR("1"));
    own_json json_t *config = repo_json(&f->repo, "config.json", &e);
    assert_int_equal(json_integer_value(json_object_get(config, "a")), 1);
    e = (error){0};
    assert_null(repo_json(&f->repo, "no.json", &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    e = (error){0};
    assert_null(repo_json_optional(&f->repo, "no.json", &e));
    assert_int_equal(e.kind, ERR_NONE);
    assert_null(repo_json(&f->repo, "text.json", &e));
    assert_int_equal(e.kind, ERR_BAD_MODEL);
    e = (error){0};
    assert_null(repo_path(&f->repo, STR("../config.json"), &e));
    assert_int_equal(e.kind, ERR_BAD_MODEL);
    assert_true(repo_has(&f->repo, "2_Dense/model.safetensors"));
    assert_false(repo_has(&f->repo, "2_Dense"));
    assert_int_equal(repo_weight_bytes(f->folder), 5 + 3);
    assert_int_equal(repo_total_bytes(f->folder), 5 + 28 + 3 + 1 + 7 + 3);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(binds_in_place),
        WITH_FOLDER(unwraps),
        WITH_FOLDER(names_wrappers),
        WITH_FOLDER(copies_unaligned),
        WITH_FOLDER(changes_copies),
        WITH_FOLDER(changes_cubes),
        WITH_FOLDER(reports_everything_at_once),
        WITH_FOLDER(counts_what_it_cannot_name),
        WITH_FOLDER(finds_tables_under_second_names),
        WITH_FOLDER(leaves_others_alone),
        WITH_FOLDER(opens_shards),
        WITH_FOLDER(refuses_bad_indexes),
        WITH_FOLDER(names_other_formats),
        WITH_FOLDER(names_what_is_no_file),
        WITH_FOLDER(folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
