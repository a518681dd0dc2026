#include "tokenizers/decoder.h"

static const struct component_kind *const kinds[] = {
    &decode_bpe.load,        &decode_byte_fallback.load,
    &decode_byte_level.load, &decode_ctc.load,
    &decode_fuse.load,       &decode_metaspace.load,
    &decode_replace.load,    &decode_strip.load,
    &decode_wordpiece.load,  NULL};

static const struct component_family family = {"decoder", "decoders", kinds};

bool decoders_load(loader *l, const json_t *json, component_list *out)
{
    return components_load(l, &family, json, "decoder", out);
}

bool pieces_join(const pieces *p, str between, str *out, error *e)
{
    size_t n = 0;
    for (int i = 0; i < p->n; i++)
        n += p->items[i].n + (i ? between.n : 0);
    char *text = arena_try(p->memory, n + 1, 1);
    if (!text)
        return fail(e, ERR_TOO_LARGE, "the decoded text is too long");
    *out = (str){text, n};
    for (int i = 0; i < p->n; i++) {
        if (i && between.n)
            text = mempcpy(text, between.p, between.n);
        if (p->items[i].n)
            text = mempcpy(text, p->items[i].p, p->items[i].n);
    }
    return true;
}

bool decoders_run(const component_list *list, pieces *p, str *out, error *e)
{
    for (int i = 0; i < list->n; i++) {
        const struct decoder_kind *kind = (const struct decoder_kind *)list->items[i].kind;
        if (!kind->run(list->items[i].state, p, e))
            return false;
    }
    return pieces_join(p, list->given ? STR("") : STR(" "), out, e);
}
