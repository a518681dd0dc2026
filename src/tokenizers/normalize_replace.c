/* Replace: every match of a pattern gives way to a string. */
#include "tokenizers/normalizer.h"

struct replace {
    const pattern *pattern;
    str content;
};

static const field fields[] = {
    FIELD_STRING(struct replace, content, "content", NULL, FIELD_REQUIRED, "what to put there"),
    FIELD_END};

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    struct replace *r = state;
    return pattern_load(&r->pattern, json_object_get(json, "pattern"), path, l);
}

static bool run(const void *state, text *t, normal_memory *m, error *e)
{
    const struct replace *r = state;
    if (t->n == 0)
        return true;
    __attribute__((cleanup(pattern_walk_release))) pattern_walk walk =
        pattern_begin(r->pattern, text_bytes(t));
    size_t begin, end, done = 0;
    int found = pattern_next(&walk, &begin, &end, e);
    if (found == 0)
        return true;
    text_writer *w = normal_writer(m, false);
    for (; found > 0; found = pattern_next(&walk, &begin, &end, e)) {
        text_put_slice(w, t, done, begin);
        size_t last = end;
        span from = {t->origin.begin, t->origin.begin};
        if (last > 0) {
            unicode_previous(t->p, &last);
            from = text_span(t, last);
        }
        text_put_bytes(w, r->content, from);
        done = end;
    }
    text_put_slice(w, t, done, t->n);
    return found == 0 && text_written(w, t, t, e);
}

const struct normalizer_kind normalize_replace = {
    {"Replace", fields, sizeof(struct replace), prepare}, run};
