/* Tweet: what BERTweet makes of a text before it cuts it into words. No tokenizer.json has this;
 * recipes do. */
#include "base/own.h"
#include "tokenizers/tweet.h"

struct tweet {
    const pattern *tokens;
};

static bool prepare(void *state, const json_t *json, const char *path, loader *l)
{
    (void)json;
    struct tweet *s = state;
    json_t *regex = json_pack("{s: s}", "Regex", tweet_tokens);
    bool ok = pattern_load(&s->tokens, regex, path, l);
    json_decref(regex);
    return ok;
}

static bool run(const void *state, text *t, normal_memory *m, error *e)
{
    const struct tweet *s = state;
    OWN(moses_text_release) moses_text words = {0};
    moses_read(&words, t);
    return tweet_run(&words, s->tokens, e) && moses_write(&words, t, m, e);
}

const struct normalizer_kind normalize_tweet = {{"Tweet", NULL, sizeof(struct tweet), prepare},
                                                run};
