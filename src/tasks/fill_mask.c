/* fill-mask: the words that may stand where the mask token is. Follows pipelines/fill_mask.py of
 * transformers; only the masked places are scored. */
#include "base/json.h"
#include "tasks/classification.h"
#include "tasks/texts.h"
#include "tokenizers/join.h"

enum { MAX_TEXTS = 10000, MAX_TARGETS = 100000, MAX_TOP_K = 1 << 20 };

struct fill_request {
    texts inputs;
    strs targets;
    int top_k;
    int truncate;
    int side;
    str language;
    int *target_ids; /* [n_targets], each once; NULL: any id */
    int n_targets;
};

static const field inputs[] = {FIELD_TEXTS(struct fill_request, inputs, "inputs", MAX_TEXTS,
                                           FIELD_REQUIRED, "the text, or texts, with a mask token"),
                               FIELD_END};

static const field parameters[] = {
    FIELD_INT(struct fill_request, top_k, "top_k", 5, 1, MAX_TOP_K, "how many words to return"),
    FIELD_STRINGS(struct fill_request, targets, "targets", MAX_TARGETS, FIELD_ONE_OR_MANY,
                  "score these words only; one that is not in the vocabulary stands for its first "
                  "token"),
    TRUNCATION_FIELDS(struct fill_request), LANGUAGE_FIELD(struct fill_request), FIELD_END};

static const field output_keys[] = {
    FIELD_OUT_KEY("score", FIELD_TYPE_NUMBER, 0, FIELD_REQUIRED, "probability of the word"),
    FIELD_OUT_KEY("token", FIELD_TYPE_INT, 0, FIELD_REQUIRED, "its id"),
    FIELD_OUT_KEY("token_str", FIELD_TYPE_STRING, 0, FIELD_REQUIRED, "the word"),
    FIELD_OUT_KEY("sequence", FIELD_TYPE_STRING, 0, FIELD_REQUIRED, "the text with the word in it"),
    FIELD_END};

static const field output[] = {
    FIELD_OUT_OBJECTS(1, 3, output_keys,
                      "the words, best first; a list for each mask when there are several, and for "
                      "each text of a list"),
    FIELD_END};

static bool supports(const model_info *m)
{
    return m->head == HEAD_MASKED_LM;
}

static bool out_of_memory(error *e)
{
    return fail(e, ERR_TOO_LARGE, "the request is larger than the memory allowed for one request");
}

/* The id of a target: its own, else that of its first token, -1 when it has none. */
static bool find_target(task_call *c, str target, int *id, error *e)
{
    static const encode_options first = {.ids_only = true, .max_tokens = 1};
    const tokenizer *t = c->pipeline->tokenizer;
    encoding got;
    *id = tokenizer_token_id(t, target);
    if (*id >= 0)
        return true;
    if (!tokenizer_encode(t, target, NULL, &first, &got, c->memory, e))
        return fail_in(e, "'targets'");
    *id = got.n ? got.ids[0] : -1;
    return true;
}

static bool find_targets(task_call *c, error *e)
{
    struct fill_request *r = c->request;
    int vocab = c->pipeline->info->vocab;
    bool *seen = arena_try(c->memory, (size_t)vocab, sizeof *seen);
    r->target_ids = arena_try(c->memory, (size_t)r->targets.n + 1, sizeof *r->target_ids);
    if (!seen || !r->target_ids)
        return out_of_memory(e);
    for (int i = 0; i < r->targets.n; i++) {
        int id;
        if (!find_target(c, r->targets.items[i], &id, e))
            return false;
        if (id < 0 || id >= vocab || seen[id])
            continue;
        seen[id] = true;
        r->target_ids[r->n_targets++] = id;
    }
    return r->n_targets > 0 ||
           fail(e, ERR_INVALID,
                "'targets' has no word that the model knows, expected at least one");
}

/* Makes the masked places of a sequence the rows to score. */
static bool find_masks(task_call *c, int i, error *e)
{
    const struct fill_request *r = c->request;
    const tokenizer *t = c->pipeline->tokenizer;
    int mask = tokenizer_info_of(t)->mask_id;
    sequence *s = &c->sequences[i];
    int *rows = arena_try(c->memory, (size_t)s->n, sizeof *rows);
    if (!rows)
        return out_of_memory(e);
    for (int at = 0; at < s->n; at++)
        if (s->ids[at] == mask)
            rows[s->n_rows++] = at;
    s->rows = rows;
    if (s->n_rows > 0)
        return true;
    char name[32] = "inputs", cut[80] = "";
    str spelled = tokenizer_id_token(t, mask);
    if (!r->inputs.single)
        snprintf(name, sizeof name, "inputs[%d]", i);
    if (s->n_given > s->n)
        snprintf(cut, sizeof cut, " in the %d of %d tokens that the model can read", s->n,
                 s->n_given);
    return fail(e, ERR_INVALID, "no mask_token (%.*s) found on the input: '%s' must have one%s",
                (int)spelled.n, spelled.p, name, cut);
}

static bool prepare(task_call *c, error *e)
{
    struct fill_request *r = c->request;
    text_options o = {
        .truncate = r->truncate, .side = r->side, .language = r->language, .path = "inputs"};
    r->n_targets = 0;
    if (tokenizer_info_of(c->pipeline->tokenizer)->mask_id < 0)
        return fail(e, ERR_INVALID, "the tokenizer of this model has no mask token");
    if (r->inputs.n == 0)
        return fail(e, ERR_EMPTY, "'inputs' is an empty list, expected at least one text");
    if (r->targets.items && !find_targets(c, e))
        return false;
    c->computes = CALL_LOGITS;
    if (!texts_encode(c, &r->inputs, &o, e))
        return false;
    for (int i = 0; i < c->n_sequences; i++)
        if (!find_masks(c, i, e))
            return false;
    return true;
}

/* The text with one mask filled; padding that was typed is left out, as are special tokens when
 * there is no other mask to show. */
static bool read_filled(task_call *c, const sequence *s, int at, int id, int *ids, str *out,
                        error *e)
{
    int pad = tokenizer_info_of(c->pipeline->tokenizer)->pad_id, n = 0;
    for (int i = 0; i < s->n; i++) {
        int own = i == at ? id : s->ids[i];
        if (own != pad)
            ids[n++] = own;
    }
    return tokenizer_read(c->pipeline->tokenizer, ids, n, s->n_rows == 1, out, c->memory, e);
}

static bool put_word(task_call *c, const sequence *s, int at, int id, float score, int *ids,
                     buf *reply, error *e)
{
    str word, filled;
    if (!tokenizer_read(c->pipeline->tokenizer, &id, 1, false, &word, c->memory, e) ||
        !read_filled(c, s, at, id, ids, &filled, e))
        return false;
    buf_puts(reply, "{\"score\":");
    json_put_float(reply, score);
    buf_printf(reply, ",\"token\":%d,\"token_str\":", id);
    json_put_string(reply, word);
    buf_puts(reply, ",\"sequence\":");
    json_put_string(reply, filled);
    buf_byte(reply, '}');
    return true;
}

/* A mask and the words for it. */
struct choice {
    const float *logits; /* [vocab] */
    float *picked;       /* [n_targets], of the targets; NULL without */
    int *order;          /* [k] best of the targets, or of all */
    score_shares shares;
};

/* The masks of a call, in the order of the reply. */
struct choices {
    const struct fill_request *request;
    struct choice *all;
    int n, k, vocab;
};

/* Which words stand best: a pass over the whole vocabulary. */
static void choose(void *arg, int i, int thread)
{
    (void)thread;
    const struct choices *cs = arg;
    const struct fill_request *r = cs->request;
    struct choice *one = &cs->all[i];
    one->shares = scores_shares(one->logits, cs->vocab);
    for (int t = 0; t < r->n_targets; t++)
        one->picked[t] = one->logits[r->target_ids[t]];
    if (r->n_targets)
        scores_top(one->picked, r->n_targets, cs->k, one->order);
    else
        scores_top(one->logits, cs->vocab, cs->k, one->order);
}

static bool choose_all(task_call *c, struct choices *cs, error *e)
{
    const struct fill_request *r = c->request;
    *cs = (struct choices){.request = r, .vocab = c->pipeline->info->vocab};
    int n_words = r->n_targets ? r->n_targets : cs->vocab;
    cs->k = r->top_k < n_words ? r->top_k : n_words;
    for (int s = 0; s < c->n_sequences; s++)
        cs->n += c->sequences[s].n_rows;
    cs->all = arena_try(c->memory, (size_t)cs->n, sizeof *cs->all);
    struct choice *one = cs->all;
    for (int s = 0; one && s < c->n_sequences; s++)
        for (int i = 0; i < c->sequences[s].n_rows; i++, one++) {
            one->logits = c->sequences[s].out + (size_t)i * (size_t)cs->vocab;
            one->picked = arena_raw(c->memory, (size_t)r->n_targets, sizeof *one->picked);
            one->order = arena_raw(c->memory, (size_t)cs->k, sizeof *one->order);
            if (!one->picked || !one->order)
                return out_of_memory(e);
        }
    if (!cs->all)
        return out_of_memory(e);
    team_run(c->pipeline->threads, cs->n, choose, cs);
    return true;
}

static bool put_mask(task_call *c, const sequence *s, int at, const struct choices *cs,
                     const struct choice *one, buf *reply, error *e)
{
    const struct fill_request *r = c->request;
    int *ids = arena_try(c->memory, (size_t)s->n, sizeof *ids);
    if (!ids)
        return out_of_memory(e);
    buf_byte(reply, '[');
    for (int i = 0; i < cs->k; i++) {
        int id = r->n_targets ? r->target_ids[one->order[i]] : one->order[i];
        if (i)
            buf_byte(reply, ',');
        if (!put_word(c, s, at, id, scores_share(&one->shares, one->logits[id]), ids, reply, e))
            return false;
    }
    buf_byte(reply, ']');
    return true;
}

/* choices: of the masks of this text. */
static bool put_text(task_call *c, const sequence *s, const struct choices *cs,
                     const struct choice *choices, buf *reply, error *e)
{
    bool many = s->n_rows > 1;
    if (many)
        buf_byte(reply, '[');
    for (int i = 0; i < s->n_rows; i++) {
        if (i)
            buf_byte(reply, ',');
        if (!put_mask(c, s, s->rows[i], cs, &choices[i], reply, e))
            return false;
    }
    if (many)
        buf_byte(reply, ']');
    return true;
}

static bool finish(task_call *c, buf *reply, error *e)
{
    const struct fill_request *r = c->request;
    struct choices cs;
    if (!choose_all(c, &cs, e))
        return false;
    if (!r->inputs.single)
        buf_byte(reply, '[');
    const struct choice *next = cs.all;
    for (int i = 0; i < c->n_sequences; next += c->sequences[i++].n_rows) {
        if (i)
            buf_byte(reply, ',');
        if (!put_text(c, &c->sequences[i], &cs, next, reply, e))
            return false;
    }
    if (!r->inputs.single)
        buf_byte(reply, ']');
    return true;
}

extern const task task_fill_mask;
const task task_fill_mask = {
    .name = "fill-mask",
    .title = "Fill-Mask",
    .summary = "Guesses the words that are masked in a text.",
    .inputs = inputs,
    .parameters = parameters,
    .output = output,
    .request_size = sizeof(struct fill_request),
    .example = "{\"inputs\": \"The answer to the universe is <mask>.\"}",
    .supports = supports,
    .prepare = prepare,
    .finish = finish,
};
