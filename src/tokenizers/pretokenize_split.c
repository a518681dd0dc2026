/* Split: at the matches of a pattern. */
#include "tokenizers/pretokenizer.h"

struct split {
    const pattern *pattern;
    int behavior, invert;
};

static const field fields[] = {
    FIELD_CHOICE(struct split, behavior, "behavior", SPLIT_ISOLATED, split_behaviors,
                 "what becomes of the matches"),
    FIELD_BOOL(struct split, invert, "invert", 0, "split at what lies between the matches"),
    FIELD_END};

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    struct split *s = state;
    return pattern_load(&s->pattern, json_object_get(json, "pattern"), path, l);
}

static bool run(const void *state, const text *t, text_writer *w, sink *next, error *e)
{
    (void)w;
    const struct split *s = state;
    return split_at_pattern(t, s->pattern, s->invert, (enum split_behavior)s->behavior, next, e);
}

const struct pretokenizer_kind pretokenize_split = {
    {"Split", fields, sizeof(struct split), prepare}, run};
