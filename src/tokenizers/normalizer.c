#include "tokenizers/normalizer.h"

static const struct component_kind *const kinds[] = {
    &normalize_bert.load,      &normalize_byte_level.load,
    &normalize_lowercase.load, &normalize_moses.load,
    &normalize_nfc.load,       &normalize_nfd.load,
    &normalize_nfkc.load,      &normalize_nfkd.load,
    &normalize_nmt.load,       &normalize_precompiled.load,
    &normalize_prepend.load,   &normalize_replace.load,
    &normalize_strip.load,     &normalize_strip_accents.load,
    &normalize_tweet.load,     NULL};

static const struct component_family family = {"normalizer", "normalizers", kinds};

void normal_memory_release(normal_memory *m)
{
    text_writer_release(&m->writers[0]);
    text_writer_release(&m->writers[1]);
}

text_writer *normal_writer(normal_memory *m, bool plain)
{
    m->turn ^= 1;
    text_writer_begin(&m->writers[m->turn], plain);
    return &m->writers[m->turn];
}

bool normalizers_load(loader *l, const json_t *json, component_list *out)
{
    return components_load(l, &family, json, "normalizer", out);
}

bool normalizers_run(const component_list *list, text *t, normal_memory *m, error *e)
{
    for (int i = 0; i < list->n; i++) {
        const struct normalizer_kind *kind = (const struct normalizer_kind *)list->items[i].kind;
        if (!kind->run(list->items[i].state, t, m, e))
            return false;
    }
    return true;
}
