/* Windows: what `tokenizers` makes of truncation with a stride, and one text with many pairs. */
#include "unit.h"

#include "tokenizers/join.h"
#include "tokenizers/windows.h"

struct fixture {
    tokenizer *bert, *roberta;
    arena *memory;
};

static const str TEXT = {"the of and to in is", 19};

/* "101 5 6 | 101 7" of the ids of all windows, in decoded form. */
static const char *spell(struct fixture *f, const tokenizer *t, const windows *w)
{
    const char *all = "";
    error e = {0};
    for (int i = 0; i < w->n; i++) {
        str text;
        assert_true(
            tokenizer_decode(t, w->items[i].ids, w->items[i].n, true, &text, f->memory, &e));
        all = arena_printf(f->memory, "%s%s%.*s", all, i ? " | " : "", (int)text.n, text.p);
    }
    return all;
}

static const char *cut(struct fixture *f, const str *pair, window_options o)
{
    windows w;
    error e = {0};
    if (!tokenizer_windows(f->bert, TEXT, pair, &o, &w, f->memory, &e))
        return arena_printf(f->memory, "%s", e.message);
    return spell(f, f->bert, &w);
}

static void windows_overlap(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(cut(f, NULL, (window_options){0}), "the of and to in is");
    assert_string_equal(cut(f, NULL, (window_options){.window = 8}), "the of and to in is");
    assert_string_equal(cut(f, NULL, (window_options){.window = 6}), "the of and to | in is");
    assert_string_equal(cut(f, NULL, (window_options){.window = 6, .stride = 2}),
                        "the of and to | and to in is");
    assert_string_equal(cut(f, NULL, (window_options){.window = 5, .stride = 2}),
                        "the of and | of and to | and to in | to in is");
    assert_string_equal(
        cut(f, NULL, (window_options){.window = 6, .stride = 1, .side = TRUNCATE_LEFT}),
        "and to in is | the of and");
}

static void pairs_stand_in_every_window(void **state)
{
    struct fixture *f = *state;
    str question = STR("in to is");
    assert_string_equal(cut(f, &question, (window_options){.window = 9}),
                        "the of and in to is | to in is in to is");
    str context = STR("the of and to in is");
    windows w;
    error e = {0};
    window_options o = {.of_pair = true, .window = 8, .stride = 1, .max_other = 2};
    assert_true(tokenizer_windows(f->bert, question, &context, &o, &w, f->memory, &e));
    assert_string_equal(spell(f, f->bert, &w), "in to the of and | in to and to in | in to in is");
    assert_int_equal(w.n_lost, 1);
    const encoding *last = &w.items[2];
    assert_int_equal(last->sequence_ids[4], 1);
    assert_int_equal(last->type_ids[4], 1);
    assert_int_equal(last->offsets[4][0], 14);
    assert_true(last->truncated && !w.items[0].special[1] && w.items[0].special[0]);
}

static void refuses_windows_that_stand_still(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(cut(f, NULL, (window_options){.window = 6, .stride = 4}),
                        "windows that share 4 tokens cannot move on: expected fewer than the 4 "
                        "tokens that a window has");
    str long_one = STR("the of and to in");
    assert_string_equal(cut(f, &long_one, (window_options){.window = 8}),
                        "a window of 8 tokens has no room beside 3 special tokens and 5 tokens of "
                        "the other text");
    assert_string_equal(cut(f, NULL, (window_options){.window = 20, .stride = 500}),
                        "the of and to in is");
}

/* Every pair as tokenizer_encode() cuts and joins it. */
static void pairs_equal_single_encodings(void **state)
{
    struct fixture *f = *state;
    const str pairs[] = {STR("in"), STR(""), STR("of to is to the not")};
    for (int limit = 0; limit < 14; limit += limit ? 1 : 4) {
        encoding got[3], want;
        error e = {0};
        assert_true(tokenizer_encode_pairs(f->bert, TEXT, pairs, 3, limit, TRUNCATE_RIGHT, got,
                                           f->memory, &e));
        for (int i = 0; i < 3; i++) {
            encode_options o = {
                .add_special = true, .max_tokens = limit, .strategy = TRUNCATE_ONLY_FIRST};
            error ignored = {0};
            if (!tokenizer_encode(f->bert, TEXT, &pairs[i], &o, &want, f->memory, &ignored)) {
                o.max_tokens = 0; /* too short to be cut */
                assert_true(tokenizer_encode(f->bert, TEXT, &pairs[i], &o, &want, f->memory, &e));
            }
            assert_int_equal(got[i].n, want.n);
            assert_int_equal(got[i].n_total, want.n_total);
            assert_memory_equal(got[i].ids, want.ids, (size_t)want.n * sizeof *want.ids);
            assert_memory_equal(got[i].type_ids, want.type_ids, (size_t)want.n * sizeof(int));
        }
    }
}

static void tokens_are_joined(void **state)
{
    struct fixture *f = *state;
    str text, tokens[] = {STR("count"), STR("##er"), STR("fox")};
    error e = {0};
    assert_true(tokenizer_join(f->bert, tokens, 3, &text, f->memory, &e));
    assert_true(str_is(text, "counter fox"));
    assert_true(tokenizer_info_of(f->bert)->subword_prefix);
    assert_false(tokenizer_info_of(f->roberta)->subword_prefix);
    assert_true(tokenizer_info_of(f->roberta)->no_type_ids);
    assert_false(tokenizer_info_of(f->bert)->no_type_ids);
}

static int set_up(void **state)
{
    static struct fixture f;
    error e = {0};
    f.bert = tokenizer_open(TEST_ROOT "/goldens/tiny/bert-plain", &e);
    f.roberta = tokenizer_open(TEST_ROOT "/goldens/tiny/roberta-plain", &e);
    f.memory = arena_new(1 << 24);
    *state = &f;
    return f.bert && f.roberta ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    tokenizer_close(f->bert);
    tokenizer_close(f->roberta);
    arena_free(f->memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_overlap),
        cmocka_unit_test(pairs_stand_in_every_window),
        cmocka_unit_test(refuses_windows_that_stand_still),
        cmocka_unit_test(pairs_equal_single_encodings),
        cmocka_unit_test(tokens_are_joined),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
