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
    TRUNCATION_FIELDS(struct fill_request), FIELD_END};

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
    text_options o = {.truncate = r->truncate, .side = r->side, .path = "inputs"};
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

/* The words of one mask: logits is a row of the sequence's. */
static bool put_mask(task_call *c, const sequence *s, int at, float *logits, buf *reply, error *e)
{
    const struct fill_request *r = c->request;
    int n = c->pipeline->info->vocab;
    scores_softmax(logits, n);
    if (r->n_targets) {
        n = r->n_targets;
        float *picked = arena_try(c->memory, (size_t)n, sizeof *picked);
        for (int i = 0; picked && i < n; i++)
            picked[i] = logits[r->target_ids[i]];
        logits = picked;
    }
    int k = r->top_k < n ? r->top_k : n;
    int *order = arena_try(c->memory, (size_t)k, sizeof *order);
    int *ids = arena_try(c->memory, (size_t)s->n, sizeof *ids);
    if (!logits || !order || !ids)
        return out_of_memory(e);
    scores_top(logits, n, k, order);
    buf_byte(reply, '[');
    for (int i = 0; i < k; i++) {
        int id = r->n_targets ? r->target_ids[order[i]] : order[i];
        if (i)
            buf_byte(reply, ',');
        if (!put_word(c, s, at, id, logits[order[i]], ids, reply, e))
            return false;
    }
    buf_byte(reply, ']');
    return true;
}

static bool put_text(task_call *c, const sequence *s, buf *reply, error *e)
{
    bool many = s->n_rows > 1;
    if (many)
        buf_byte(reply, '[');
    for (int i = 0; i < s->n_rows; i++) {
        float *logits = s->out + (size_t)i * (size_t)c->pipeline->info->vocab;
        if (i)
            buf_byte(reply, ',');
        if (!put_mask(c, s, s->rows[i], logits, reply, e))
            return false;
    }
    if (many)
        buf_byte(reply, ']');
    return true;
}

static bool finish(task_call *c, buf *reply, error *e)
{
    const struct fill_request *r = c->request;
    if (!r->inputs.single)
        buf_byte(reply, '[');
    for (int i = 0; i < c->n_sequences; i++) {
        if (i)
            buf_byte(reply, ',');
        if (!put_text(c, &c->sequences[i], reply, e))
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
