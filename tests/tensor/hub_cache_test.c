/* A cache as huggingface_hub leaves it: links into blobs, refs, incomplete snapshots. */
#include "unit.h"

#include "files.h"
#include "tensor/hub_cache.h"

#include <unistd.h>

#define COMMIT_A "aaaaaaa0d18238746e0277e8e9b0e67e519fb34a"
#define COMMIT_B "bbbbbbb0d18238746e0277e8e9b0e67e519fb34a"
#define COMMIT_C "bbbbbbbccc8238746e0277e8e9b0e67e519fb34a"

static void ids(void **state)
{
    (void)state;
    static const char *const good[] = {"bert",     "a/b",    "A-b_c.d/0.9", "a/b-c",
                                       "_x/__y__", "a/gitx", "a/x.gi"};
    static const char *const bad[] = {"",        "/",    "a/",         "/a",   "a/b/c", "a--b",
                                      "a/b..c",  "-a/b", "a-/b",       ".a/b", "a/b.",  "a b/c",
                                      "a/b.git", "..",   "a/\xc3\xa9", "a\\b", "a/b\n", "a%2fb"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!hub_id_valid(str_of(good[i])))
            fail_msg("'%s' is refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (hub_id_valid(str_of(bad[i])))
            fail_msg("'%s' is accepted", bad[i]);
    char longest[2 * 96 + 1];
    memset(longest, 'a', sizeof longest);
    longest[96] = '/';
    assert_true(hub_id_valid((str){longest, sizeof longest}));
    assert_false(hub_id_valid((str){longest, 97}));
    assert_false(hub_id_valid((str){longest + 97 - 1, 97}));
    longest[96] = 'a';
    assert_false(hub_id_valid((str){longest, 97}));
    own_mem char *two = hub_id_folder(STR("owner/name")), *one = hub_id_folder(STR("name"));
    assert_string_equal(two, "models--owner--name");
    assert_string_equal(one, "models--name");
}

static void roots(void **state)
{
    (void)state;
    hub_cache c;
    setenv("HOME", "/home/me", 1);
    unsetenv("HF_HUB_CACHE");
    unsetenv("HUGGINGFACE_HUB_CACHE");
    unsetenv("HF_HOME");
    unsetenv("XDG_CACHE_HOME");
    hub_cache_init(&c, "/data");
    assert_int_equal(c.n_roots, 2);
    assert_string_equal(c.roots[0], "/data/hub");
    assert_string_equal(c.roots[1], "/home/me/.cache/huggingface/hub");
    hub_cache_release(&c);
    setenv("XDG_CACHE_HOME", "/x", 1);
    hub_cache_init(&c, NULL);
    assert_int_equal(c.n_roots, 1);
    assert_string_equal(c.roots[0], "/x/huggingface/hub");
    hub_cache_release(&c);
    setenv("HF_HOME", "/hf", 1);
    hub_cache_init(&c, "/hf");
    assert_int_equal(c.n_roots, 1); /* named twice */
    assert_string_equal(c.roots[0], "/hf/hub");
    hub_cache_release(&c);
    setenv("HF_HUB_CACHE", "/hub", 1);
    hub_cache_init(&c, "");
    assert_string_equal(c.roots[1], "/hub");
    hub_cache_release(&c);
}

/* Two roots: the second has another copy of one model. */
struct fixture {
    char *base;
    hub_cache cache;
};

static void put(struct fixture *f, const char *root, const char *model, const char *commit,
                const char *file, const char *text)
{
    own_mem char *blob = xprintf("%s/%s/blobs/%s-%s", root, model, commit, file);
    own_mem char *name = xprintf("%s/%s/snapshots/%s/%s", root, model, commit, file);
    own_mem char *to = xprintf("../../blobs/%s-%s", commit, file);
    own_mem char *path = path_join(f->base, name);
    made_file(f->base, blob, str_of(text));
    made_file(f->base, name, STR(""));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(to, path), 0);
}

static void put_ref(struct fixture *f, const char *root, const char *model, const char *ref,
                    const char *text)
{
    own_mem char *name = xprintf("%s/%s/refs/%s", root, model, ref);
    made_file(f->base, name, str_of(text));
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    *state = f;
    f->base = made_folder();
    own_mem char *second = path_join(f->base, "second");
    setenv("HF_HUB_CACHE", second, 1);
    hub_cache_init(&f->cache, f->base);
    put(f, "hub", "models--o--m", COMMIT_A, "config.json", "{}");
    put(f, "hub", "models--o--m", COMMIT_A, "weights", "12345678");
    put(f, "hub", "models--o--m", COMMIT_B, "config.json", "{ }");
    put(f, "hub", "models--o--m", COMMIT_C, "config.json", "{ }");
    put_ref(f, "hub", "models--o--m", "main", COMMIT_A "\n");
    put_ref(f, "hub", "models--o--m", "refs/pr/1", COMMIT_B);
    put_ref(f, "hub", "models--o--m", "gone", "cccccccccccccccccccccccccccccccccccccccc");
    put_ref(f, "hub", "models--o--m", "evil", "../../..");
    put(f, "second", "models--o--m", COMMIT_B, "config.json", "{}");
    put(f, "second", "models--lone", COMMIT_B, "config.json", "{}");
    put(f, "second", "models--o--part", COMMIT_B, "tokenizer.json", "{}");
    put(f, "second", "datasets--o--d", COMMIT_B, "config.json", "{}");
    put(f, "second", "models--bad..id", COMMIT_B, "config.json", "{}");
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    file_remove_tree(f->base, NULL);
    hub_cache_release(&f->cache);
    free(f->base);
    free(f);
    return 0;
}

static void finds(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *id, *revision, *commit; /* NULL: not found */
    } cases[] = {
        {"o/m", NULL, COMMIT_A},         {"o/m", "main", COMMIT_A},
        {"o/m", "refs/pr/1", COMMIT_B},  {"o/m", COMMIT_B, COMMIT_B},
        {"o/m", "aaaaaaa", COMMIT_A},    {"o/m", "aaaaaa", NULL},
        {"o/m", "bbbbbbbccc", COMMIT_C}, {"lone", NULL, COMMIT_B},
        {"lone", "main", NULL},          {"o/m", "gone", NULL},
        {"o/m", "evil", NULL},           {"o/part", NULL, NULL},
        {"o/none", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        hub_model m;
        error e = {0};
        bool found = hub_cache_find(&f->cache, str_of(cases[i].id), cases[i].revision, &m, &e);
        if (found != (cases[i].commit != NULL))
            fail_msg("%s at %s: %s", cases[i].id, cases[i].revision, e.message);
        if (!found) {
            assert_int_equal(e.kind, ERR_NOT_FOUND);
            continue;
        }
        assert_string_equal(m.commit, cases[i].commit);
        assert_string_equal(m.id, cases[i].id);
        hub_model_release(&m);
    }
}

static void describes(void **state)
{
    struct fixture *f = *state;
    hub_model m;
    error e = {0};
    assert_true(hub_cache_find(&f->cache, STR("o/m"), NULL, &m, &e));
    own_mem char *folder = xprintf("%s/hub/models--o--m/snapshots/" COMMIT_A, f->base);
    assert_string_equal(m.folder, folder);
    assert_int_equal(m.size_bytes, 2 + 8);
    assert_true(m.modified_unix_ms > 1700000000000);
    hub_model_release(&m);
}

/* Refs whose snapshots are here, those in folders too. */
static void lists_refs(void **state)
{
    struct fixture *f = *state;
    hub_model m;
    error e = {0};
    hub_refs refs;
    assert_true(hub_cache_find(&f->cache, STR("o/m"), NULL, &m, &e));
    hub_cache_refs(&m, &refs);
    assert_int_equal(refs.n, 2);
    assert_string_equal(refs.items[0].name, "main");
    assert_string_equal(refs.items[0].commit, COMMIT_A);
    assert_string_equal(refs.items[1].name, "refs/pr/1");
    assert_string_equal(refs.items[1].commit, COMMIT_B);
    hub_refs_release(&refs);
    hub_model_release(&m);
    assert_true(hub_cache_find(&f->cache, STR("lone"), NULL, &m, &e));
    hub_cache_refs(&m, &refs);
    assert_int_equal(refs.n, 0);
    hub_refs_release(&refs);
    hub_model_release(&m);
}

/* Folders of sentence-transformers may have their config.json in that of a module. */
static void modules(void **state)
{
    struct fixture *f = *state;
    static const char router[] = "[{\"path\":\"\"}]", outside[] = "[{\"path\":\"../o\"}]";
    own_mem char *folder = xprintf("%s/third/models--o--r/snapshots/" COMMIT_A, f->base);
    put(f, "third", "models--o--r", COMMIT_A, "modules.json", router);
    assert_false(hub_is_model(folder));
    put(f, "third", "models--o--r", COMMIT_A, "router_config.json", "{}");
    assert_true(hub_is_model(folder));
    put(f, "third", "models--o--r", COMMIT_A, "modules.json", outside);
    assert_false(hub_is_model(folder));
    put(f, "third", "models--o--r", COMMIT_A, "modules.json", "[");
    assert_false(hub_is_model(folder));
    assert_true(hub_is_model(TEST_ROOT "/goldens/sparse/routed"));
    assert_true(hub_is_model(TEST_ROOT "/goldens/tiny/bert-mean-sqrt-len-subfolder"));
    assert_false(hub_is_model(TEST_ROOT "/goldens/sparse"));
}

/* Two snapshots that both start so, and no ref: neither is meant. */
static void refuses_ambiguous(void **state)
{
    struct fixture *f = *state;
    hub_model m;
    error e = {0};
    own_mem char *second = path_join(f->base, "second/models--o--m");
    file_remove_tree(second, NULL);
    assert_false(hub_cache_find(&f->cache, STR("o/m"), "bbbbbbb", &m, &e));
    assert_non_null(strstr(e.message, "model 'o/m' at revision bbbbbbb is not in '"));
}

static void refuses_bad_names(void **state)
{
    struct fixture *f = *state;
    hub_model m;
    error e = {0};
    assert_false(hub_cache_find(&f->cache, STR("../m"), NULL, &m, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    e = (error){0};
    assert_false(hub_cache_find(&f->cache, STR("o/m"), "../../x", &m, &e));
    assert_int_equal(e.kind, ERR_INVALID);
}

static void lists(void **state)
{
    struct fixture *f = *state;
    hub_models l;
    hub_cache_list(&f->cache, &l);
    assert_int_equal(l.n, 2);
    assert_string_equal(l.items[0].id, "lone");
    assert_string_equal(l.items[1].id, "o/m");
    assert_string_equal(l.items[1].commit, COMMIT_A); /* of the first root */
    hub_models_release(&l);
}

#define WITH_CACHE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids), cmocka_unit_test(roots),       WITH_CACHE(finds),
        WITH_CACHE(describes), WITH_CACHE(refuses_ambiguous), WITH_CACHE(refuses_bad_names),
        WITH_CACHE(lists),     WITH_CACHE(modules),           WITH_CACHE(lists_refs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
