#include "tokenizers/metaspace.h"

#include "tokenizers/unicode.h"

static const char *const schemes[] = {"always", "first", "never", NULL};

const field metaspace_fields[] = {FIELD_STRING(struct metaspace, replacement, "replacement",
                                               "\xE2\x96\x81", 0, "stands for a space"),
                                  FIELD_CHOICE(struct metaspace, scheme, "prepend_scheme",
                                               METASPACE_ALWAYS, schemes,
                                               "when a text gets one in front"),
                                  FIELD_BOOL(struct metaspace, split, "split", 1, "cut into words"),
                                  FIELD_BOOL(struct metaspace, add_prefix_space, "add_prefix_space",
                                             -1, "an older way to say prepend_scheme"),
                                  FIELD_END};

bool metaspace_prepare(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json;
    struct metaspace *s = state;
    size_t at = 0;
    if (s->replacement.n)
        s->c = unicode_next(s->replacement.p, &at);
    if (s->replacement.n == 0 || at != s->replacement.n)
        return loader_fail(l, path, "must have one character as 'replacement'");
    if (s->add_prefix_space == 0)
        s->scheme = METASPACE_NEVER;
    return true;
}
