#include "tokenizers/pretokenizer.h"

#include "base/memory.h"

#include <stdlib.h>

static const struct component_kind *const kinds[] = {&pretokenize_bert.load,
                                                     &pretokenize_byte_level.load,
                                                     &pretokenize_char_delimiter.load,
                                                     &pretokenize_digits.load,
                                                     &pretokenize_fixed_length.load,
                                                     &pretokenize_jieba.load,
                                                     &pretokenize_mecab.load,
                                                     &pretokenize_metaspace.load,
                                                     &pretokenize_punctuation.load,
                                                     &pretokenize_scripts.load,
                                                     &pretokenize_split.load,
                                                     &pretokenize_whitespace.load,
                                                     &pretokenize_whitespace_split.load,
                                                     NULL};

static const struct component_family family = {"pre-tokenizer", "pretokenizers", kinds};

bool pretokenizers_load(loader *l, const json_t *json, component_list *out)
{
    return components_load(l, &family, json, "pre_tokenizer", out);
}

struct step {
    sink base; /* takes the pieces of the step before */
    const component *component;
    sink *next;
    text_writer writer;
};

struct pretokenizer_chain {
    sink *first;
    int n;
    struct step steps[];
};

static bool step_put(sink *self, const text *piece, error *e)
{
    struct step *s = (struct step *)self;
    const struct pretokenizer_kind *kind = (const struct pretokenizer_kind *)s->component->kind;
    return kind->run(s->component->state, piece, &s->writer, s->next, e);
}

pretokenizer_chain *pretokenizer_chain_new(const component_list *list, sink *last)
{
    pretokenizer_chain *chain = xcalloc(1, sizeof *chain + sizeof(struct step) * (size_t)list->n);
    chain->n = list->n;
    for (int i = 0; i < list->n; i++) {
        sink *next = i + 1 < list->n ? &chain->steps[i + 1].base : last;
        chain->steps[i] = (struct step){{step_put}, &list->items[i], next, {0}};
    }
    chain->first = list->n ? &chain->steps[0].base : last;
    return chain;
}

void pretokenizer_chain_free(pretokenizer_chain *chain)
{
    for (int i = 0; chain && i < chain->n; i++)
        text_writer_release(&chain->steps[i].writer);
    free(chain);
}

bool pretokenizer_chain_run(pretokenizer_chain *chain, const text *t, error *e)
{
    return sink_put(chain->first, t, e);
}
