/* Boxes of words become boxes of tokens. */
#include "unit.h"

#include "../tensor/files.h"
#include "tasks/pipeline.h"
#include "tasks/places.h"

enum { MOST_TOKENS = 16 };

static const char words[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##c\n";

/* The boxes of a question "a" about "bc a", whose words stand in two boxes. */
static void place(const char *config, int places, box out[MOST_TOKENS])
{
    error e = {0};
    own_mem char *folder = made_folder();
    made_file(folder, "vocab.txt", str_of(words));
    made_file(folder, "tokenizer_config.json", str_of(config));
    model_info info = {.places = places};
    pipeline p = {.tokenizer = tokenizer_open(folder, &e), .info = &info};
    assert_non_null(p.tokenizer);
    task_call c = {.pipeline = &p, .memory = arena_new(1 << 20)};
    str text = STR("bc a");
    encoding enc;
    sequence s = {0};
    assert_true(tokenizer_encode(p.tokenizer, STR("a"), &text,
                                 &(encode_options){.add_special = true}, &enc, c.memory, &e));
    assert_int_equal(enc.n, 7); /* [CLS] a [SEP] b ##c a [SEP] */
    int edges[][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}};
    assert_true(places_add(&c, &s, &enc, text, 1, &(box_list){edges, 2}, "boxes", &e));
    memcpy(out, s.boxes, 7 * sizeof *out);
    tokenizer_close(p.tokenizer);
    arena_free(c.memory);
    file_remove_tree(folder, NULL);
}

static void assert_boxes(const box *found, const int expected[7][4])
{
    for (int i = 0; i < 7; i++) {
        const int got[4] = {found[i].left, found[i].top, found[i].right, found[i].bottom};
        if (memcmp(got, expected[i], sizeof got) != 0)
            fail_msg("token %d is in [%d, %d, %d, %d]", i, got[0], got[1], got[2], got[3]);
    }
}

static void separators_are_far(void **state)
{
    (void)state;
    box found[MOST_TOKENS];
    place("{}", 1024, found);
    assert_boxes(found, (const int[7][4]){{0},
                                          {0},
                                          {1000, 1000, 1000, 1000},
                                          {1, 2, 3, 4},
                                          {1, 2, 3, 4},
                                          {5, 6, 7, 8},
                                          {1000, 1000, 1000, 1000}});
}

/* What the model does not know is the last that it does. */
static void configured_boxes(void **state)
{
    (void)state;
    box found[MOST_TOKENS];
    place("{\"cls_token_box\": [1, 1, 2, 2], \"sep_token_box\": [3, 4, 5, 90],"
          " \"pad_token_box\": [6, 6, 6, 6]}",
          11, found);
    assert_boxes(found, (const int[7][4]){{1, 1, 2, 2},
                                          {6, 6, 6, 6},
                                          {3, 4, 5, 10},
                                          {1, 2, 3, 4},
                                          {1, 2, 3, 4},
                                          {5, 6, 7, 8},
                                          {3, 4, 5, 10}});
    place("{\"tokenizer_class\": \"LayoutLMv3TokenizerFast\"}", 1024, found);
    assert_boxes(found,
                 (const int[7][4]){{0}, {0}, {0}, {1, 2, 3, 4}, {1, 2, 3, 4}, {5, 6, 7, 8}, {0}});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(separators_are_far),
        cmocka_unit_test(configured_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
