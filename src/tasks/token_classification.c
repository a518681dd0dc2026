/* token-classification: the people, places and other things that a text names. Follows
 * pipelines/token_classification.py of transformers; every element has an "entity_group", which the
 * JavaScript client asks for. */
#include "base/json.h"
#include "base/utf8.h"
#include "tasks/classification.h"
#include "tasks/entities.h"
#include "tasks/paths.h"
#include "tasks/places.h"
#include "tasks/texts.h"
#include "tokenizers/windows.h"

enum { MAX_TEXTS = 10000, MAX_LABELS = 10000 };

struct token_request {
    texts inputs;
    int aggregation; /* enum aggregation */
    strs ignore_labels;
    int stride; /* tokens that windows share; -1: one window, the rest is cut off */
    box_lists boxes;
    strs xpaths;
    str language;
    windows *read; /* [inputs.n] */
};

static const field inputs[] = {FIELD_TEXTS(struct token_request, inputs, "inputs", MAX_TEXTS,
                                           FIELD_REQUIRED, "the text, or texts, to look through"),
                               FIELD_END};

static const field parameters[] = {
    FIELD_CHOICE(struct token_request, aggregation, "aggregation_strategy", AGGREGATE_SIMPLE,
                 aggregations, "how tokens become entities"),
    FIELD_STRINGS(struct token_request, ignore_labels, "ignore_labels", MAX_LABELS,
                  FIELD_ONE_OR_MANY, "labels to leave out; when not given, 'O'"),
    FIELD_INT(struct token_request, stride, "stride", -1, 0, 1 << 20,
              "read a long text in windows that share so many tokens, in place of cutting it"),
    PLACES_FIELD(struct token_request, boxes, FIELD_ONE_OR_MANY),
    PATHS_FIELD(struct token_request, xpaths),
    LANGUAGE_FIELD(struct token_request),
    FIELD_END};

static const field output_keys[] = {
    FIELD_OUT_KEY("entity", FIELD_TYPE_STRING, 0, 0, "the token's label (strategy none)"),
    FIELD_OUT_KEY("entity_group", FIELD_TYPE_STRING, 0, FIELD_REQUIRED, "what kind of thing it is"),
    FIELD_OUT_KEY("score", FIELD_TYPE_NUMBER, 0, FIELD_REQUIRED, "probability"),
    FIELD_OUT_KEY("index", FIELD_TYPE_INT, 0, 0, "number of the token (strategy none)"),
    FIELD_OUT_KEY("word", FIELD_TYPE_STRING, 0, FIELD_REQUIRED, "as the tokenizer spells it"),
    FIELD_OUT_KEY("start", FIELD_TYPE_INT, 0, FIELD_REQUIRED, "first character in the text"),
    FIELD_OUT_KEY("end", FIELD_TYPE_INT, 0, FIELD_REQUIRED, "character behind the last"),
    FIELD_END};

static const field output[] = {
    FIELD_OUT_OBJECTS(1, 2, output_keys, "the entities; a list for each text of a list"),
    FIELD_END};

static bool supports(const model_info *m)
{
    return m->head == HEAD_TOKEN_LABELS;
}

/* One window, cut to what the model can read. */
static bool encode_whole(task_call *c, str text, windows *out, error *e)
{
    const struct token_request *r = c->request;
    bool left = tokenizer_info_of(c->pipeline->tokenizer)->truncate_left;
    encode_options o = {.add_special = true,
                        .node_lines = r->xpaths.items != NULL,
                        .max_tokens = c->pipeline->max_tokens,
                        .side = left ? TRUNCATE_LEFT : TRUNCATE_RIGHT};
    *out = (windows){arena_alloc(c->memory, sizeof *out->items), 1, 0};
    return tokenizer_encode(c->pipeline->tokenizer, text, NULL, &o, out->items, c->memory, e);
}

static bool encode_windows(task_call *c, str text, windows *out, error *e)
{
    const struct token_request *r = c->request;
    bool left = tokenizer_info_of(c->pipeline->tokenizer)->truncate_left;
    window_options o = {.window = c->pipeline->max_tokens,
                        .stride = r->stride,
                        .node_lines = r->xpaths.items != NULL,
                        .side = left ? TRUNCATE_LEFT : TRUNCATE_RIGHT};
    if (!tokenizer_windows(c->pipeline->tokenizer, text, NULL, &o, out, c->memory, e))
        return false;
    for (int i = 0; i < out->n; i++) /* nothing is lost: the rest is in the other windows */
        out->items[i].n_total = out->items[i].n;
    return true;
}

static bool check(const struct token_request *r, const pipeline *p, error *e)
{
    if (r->inputs.n == 0)
        return fail(e, ERR_EMPTY, "'inputs' is an empty list, expected at least one text");
    if (r->stride < 0)
        return true;
    if (r->aggregation == AGGREGATE_NONE)
        return fail(e, ERR_INVALID,
                    "'stride' is %d, which needs an 'aggregation_strategy', found 'none'",
                    r->stride);
    int room = p->max_tokens - tokenizer_info_of(p->tokenizer)->n_added_single;
    return r->stride < room ||
           fail(e, ERR_INVALID, "'stride' is %d, expected fewer than the %d tokens of a window",
                r->stride, room);
}

static bool add_window(task_call *c, int i, const encoding *enc, error *e)
{
    const struct token_request *r = c->request;
    char path[40] = "boxes";
    sequence *s = texts_add(c, enc);
    s->xpaths = &r->xpaths;
    if (!r->boxes.lists)
        return true;
    if (!r->boxes.single)
        snprintf(path, sizeof path, "boxes[%d]", i);
    return places_add(c, s, enc, r->inputs.items[i].text, 0, &r->boxes.lists[i], path, e);
}

static bool prepare(task_call *c, error *e)
{
    struct token_request *r = c->request;
    int n = 0;
    if (!check(r, c->pipeline, e) || !texts_language(c, r->language, e) ||
        !places_check_lists(c, &r->boxes, r->inputs.n, r->inputs.single, e) ||
        !paths_check(c, &r->xpaths, r->inputs.n, r->inputs.items->text, e))
        return false;
    r->read = arena_try(c->memory, (size_t)r->inputs.n, sizeof *r->read);
    if (!r->read)
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    for (int i = 0; i < r->inputs.n; i++) {
        str text = r->inputs.items[i].text;
        if (!(r->stride < 0 ? encode_whole : encode_windows)(c, text, &r->read[i], e))
            return r->inputs.single ? fail_in(e, "'inputs'") : fail_in(e, "'inputs[%d]'", i);
        c->usage.characters += (int64_t)utf8_length(text);
        n += r->read[i].n;
    }
    if (!texts_reserve(c, n, "inputs", e))
        return false;
    c->computes = CALL_LOGITS;
    for (int i = 0; i < r->inputs.n; i++)
        for (int k = 0; k < r->read[i].n; k++)
            if (r->read[i].items[k].n > 0 && /* an empty text without special tokens has none */
                !add_window(c, i, &r->read[i].items[k], e))
                return false;
    return true;
}

static void put_entity(const entity *found, bool alone, buf *reply)
{
    buf_byte(reply, '{');
    if (alone) {
        buf_puts(reply, "\"entity\":");
        json_put_string(reply, str_of(found->label));
        buf_puts(reply, ",");
    }
    buf_puts(reply, "\"entity_group\":");
    json_put_string(reply, found->group);
    buf_puts(reply, ",\"score\":");
    json_put_float(reply, found->score);
    if (alone)
        buf_printf(reply, ",\"index\":%d", found->index);
    buf_puts(reply, ",\"word\":");
    json_put_string(reply, found->word);
    buf_printf(reply, ",\"start\":%d,\"end\":%d}", found->start, found->end);
}

/* The entities of text i, whose first window is *next; moves it behind the last. */
static bool put_text(task_call *c, int i, const sequence **next, buf *reply, error *e)
{
    static str outside[] = {{"O", 1}};
    const struct token_request *r = c->request;
    const model_info *info = c->pipeline->info;
    strs ignored = r->ignore_labels.items ? r->ignore_labels : (strs){outside, 1};
    entity_list found = {0};
    for (int k = 0; k < r->read[i].n; k++) {
        const encoding *enc = &r->read[i].items[k];
        if (enc->n == 0)
            continue;
        float *scores = (*next)++->out;
        for (int row = 0; row < enc->n; row++)
            scores_softmax(scores + (size_t)row * (size_t)info->n_labels, info->n_labels);
        if (!entities_add(c, r->inputs.items[i].text, enc, scores, (enum aggregation)r->aggregation,
                          &ignored, &found, e))
            return false;
    }
    if (r->read[i].n > 1 && !entities_merge(c, &found, e))
        return false;
    buf_byte(reply, '[');
    for (int k = 0; k < found.n; k++) {
        if (k)
            buf_byte(reply, ',');
        put_entity(&found.items[k], r->aggregation == AGGREGATE_NONE, reply);
    }
    buf_byte(reply, ']');
    return true;
}

static bool finish(task_call *c, buf *reply, error *e)
{
    const struct token_request *r = c->request;
    const sequence *next = c->sequences;
    if (!r->inputs.single)
        buf_byte(reply, '[');
    for (int i = 0; i < r->inputs.n; i++) {
        if (i)
            buf_byte(reply, ',');
        if (!put_text(c, i, &next, reply, e))
            return false;
    }
    if (!r->inputs.single)
        buf_byte(reply, ']');
    return true;
}

extern const task task_token_classification;
const task task_token_classification = {
    .name = "token-classification",
    .alias = "ner",
    .title = "Token Classification",
    .summary = "Finds the people, places and other things that a text names.",
    .inputs = inputs,
    .parameters = parameters,
    .output = output,
    .request_size = sizeof(struct token_request),
    .example = "{\"inputs\": \"My name is Sarah Jessica Parker but you can call me Jessica\"}",
    .supports = supports,
    .prepare = prepare,
    .finish = finish,
};
