#include "tokenizers/model.h"

#include "tokenizers/unicode.h"

#include <stdlib.h>

enum { GPT2_SPACE = 0x120 };

static const struct component_kind *const kinds[] = {&model_bpe.load,         &model_unigram.load,
                                                     &model_wordpiece.load,   &model_wordlevel.load,
                                                     &model_code_points.load, NULL};

static const struct component_family family = {"model", NULL, kinds};

bool model_load(loader *l, const json_t *json, component *out)
{
    component_list list;
    if (json_is_object(json) && !json_object_get(json, "vocab"))
        return loader_fail(l, "model", "has no 'vocab'");
    if (!components_load(l, &family, json, "model", &list))
        return false;
    if (list.n == 0)
        return loader_fail(l, "model", "is missing");
    *out = list.items[0];
    return true;
}

void model_byte_ids(const vocab *v, int ids[256])
{
    static const char digits[] = "0123456789ABCDEF";
    for (int i = 0; i < 256; i++) {
        char name[] = {'<', '0', 'x', digits[i / 16], digits[i % 16], '>'};
        ids[i] = vocab_id(v, (str){name, sizeof name});
    }
}

void tokens_release(tokens *list)
{
    free(list->items);
    *list = (tokens){0};
}

void tokens_add(tokens *list, token t)
{
    if (list->n == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        token *items = realloc(list->items, capacity * sizeof *items);
        if (!items) {
            list->failed = true;
            return;
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->n++] = t;
}

void tokens_add_part(tokens *list, const text *word, size_t from, size_t to, int id)
{
    tokens_add(list, (token){.id = id, .from = text_origin(word, from, to), .word = list->n_words});
}

void token_spaces(str s, uint32_t *before, uint32_t *after)
{
    *before = *after = 0;
    for (size_t at = 0; at < s.n;) {
        uint32_t c = unicode_next(s.p, &at);
        if (c != GPT2_SPACE && !unicode_is(c, UNICODE_SPACE))
            break;
        ++*before;
    }
    for (size_t at = s.n; at > 0;) {
        uint32_t c = unicode_previous(s.p, &at);
        if (c != GPT2_SPACE && !unicode_is(c, UNICODE_SPACE))
            break;
        ++*after;
    }
}

void tokens_add_own(tokens *list, const text *word, size_t from, size_t to, int id)
{
    token own = {
        .id = id, .from = text_origin(word, from, to), .word = list->n_words, .is_own = true};
    token_spaces((str){word->p + from, to - from}, &own.spaces_before, &own.spaces_after);
    tokens_add(list, own);
}
