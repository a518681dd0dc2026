#include "tokenizers/join.h"
#include "tokenizers/decoder.h"
#include "tokenizers/pipeline.h"

bool tokenizer_join(const tokenizer *t, str *list, int n, str *out, arena *a, error *e)
{
    pieces p = {list, n, a};
    return decoders_run(&t->decoders, &p, out, e);
}

/* In place: every `from` gives way to the shorter `to`. */
static size_t shorten(char *in, size_t n, str from, str to)
{
    size_t kept = 0;
    for (size_t i = 0; i < n;) {
        if (n - i >= from.n && memcmp(in + i, from.p, from.n) == 0) {
            memcpy(in + kept, to.p, to.n);
            kept += to.n;
            i += from.n;
        } else {
            in[kept++] = in[i++];
        }
    }
    return kept;
}

bool tokenizer_read(const tokenizer *t, const int *ids, int n, bool skip_special, str *out,
                    arena *a, error *e)
{
    static const struct {
        str from, to;
    } rules[] = {{{" .", 2}, {".", 1}},    {{" ?", 2}, {"?", 1}},   {{" !", 2}, {"!", 1}},
                 {{" ,", 2}, {",", 1}},    {{" ' ", 3}, {"'", 1}},  {{" n't", 4}, {"n't", 3}},
                 {{" 'm", 3}, {"'m", 2}},  {{" 's", 3}, {"'s", 2}}, {{" 've", 4}, {"'ve", 3}},
                 {{" 're", 4}, {"'re", 3}}};
    str raw;
    if (!tokenizer_decode(t, ids, n, skip_special, &raw, a, e))
        return false;
    *out = raw;
    if (!t->info.clean_up_spaces || raw.n == 0)
        return true;
    char *copy = arena_copy(a, raw.p, raw.n);
    if (!copy)
        return fail(e, ERR_TOO_LARGE, "the decoded text is too long");
    size_t left = raw.n;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        left = shorten(copy, left, rules[i].from, rules[i].to);
    *out = (str){copy, left};
    return true;
}
