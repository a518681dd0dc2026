/* zero-shot-classification: classes that the request names, by a model that tells whether a text
 * entails a sentence. Follows pipelines/zero_shot_classification.py of transformers: each class is
 * one pair of the text and a hypothesis; a text that is too long is cut, a hypothesis never. */
#include "base/json.h"
#include "base/utf8.h"
#include "tasks/classification.h"
#include "tasks/texts.h"
#include "tokenizers/windows.h"

#include <math.h>
#include <strings.h>

enum { MAX_TEXTS = 1000, MAX_LABELS = 10000, MAX_PAIRS = 100000 };

struct zero_shot_request {
    texts inputs;
    strs candidate_labels;
    int multi_label;
    str hypothesis_template;
    str language;
};

static const field inputs[] = {FIELD_TEXTS(struct zero_shot_request, inputs, "inputs", MAX_TEXTS,
                                           FIELD_REQUIRED, "the text, or texts, to classify"),
                               FIELD_END};

static const field parameters[] = {
    FIELD_STRINGS(struct zero_shot_request, candidate_labels, "candidate_labels", MAX_LABELS,
                  FIELD_REQUIRED | FIELD_COMMAS, "the classes to choose from"),
    FIELD_BOOL(struct zero_shot_request, multi_label, "multi_label", 0,
               "several classes may be true: each has a probability of its own"),
    FIELD_STRING(struct zero_shot_request, hypothesis_template, "hypothesis_template",
                 "This example is {}.", 0, "the sentence that a class, put in for {}, makes true"),
    LANGUAGE_FIELD(struct zero_shot_request), FIELD_END};

static const field dict_keys[] = {
    FIELD_OUT_KEY("sequence", FIELD_TYPE_STRING, 0, FIELD_REQUIRED, "the text"),
    FIELD_OUT_KEY("labels", FIELD_TYPE_STRING, 1, FIELD_REQUIRED, "the classes, best first"),
    FIELD_OUT_KEY("scores", FIELD_TYPE_NUMBER, 1, FIELD_REQUIRED, "their probabilities"),
    FIELD_END};

static const field output[] = {
    FIELD_OUT_OBJECTS(1, 2, label_score_keys,
                      "the classes, best first; a list for each text of a list"),
    FIELD_OUT_OBJECTS(0, 1, dict_keys, "the same for huggingface_hub before 1.0"), FIELD_END};

/* The label that says so, as transformers finds it; -1: none. */
static int entailment_id(const model_info *m)
{
    for (int i = 0; i < m->n_labels; i++)
        if (strncasecmp(m->labels[i], "entail", 6) == 0)
            return i;
    return -1;
}

static bool supports(const model_info *m)
{
    return m->head == HEAD_LABELS;
}

static bool suits(const model_info *m)
{
    return m->n_labels > 1 && entailment_id(m) >= 0;
}

static bool bad_template(str form, error *e)
{
    return fail(e, ERR_INVALID,
                "'hypothesis_template' is '%.*s', expected a text with {} where the label belongs",
                (int)(form.n < 80 ? form.n : 80), form.p);
}

/* Bytes of "{}" or "{0}" at the start, 0 when there is none. */
static size_t place_length(str s)
{
    return str_starts(s, STR("{}")) ? 2 : str_starts(s, STR("{0}")) ? 3 : 0;
}

/* str.format() of Python for one value: {} or {0} gives way to the label, {{ and }} are braces. */
static bool fill_template(task_call *c, str form, str label, str *out, error *e)
{
    size_t most = form.n + 1;
    for (size_t i = 0; i < form.n; i++)
        most += form.p[i] == '{' ? label.n : 0;
    char *text = arena_try(c->memory, most, 1);
    if (!text)
        return fail(e, ERR_TOO_LARGE, "the hypotheses are larger than the memory allowed");
    size_t n = 0;
    int n_automatic = 0, n_numbered = 0;
    for (str left = form; left.n;) {
        size_t place = place_length(left);
        bool brace = left.p[0] == '{' || left.p[0] == '}';
        bool twice = brace && left.n > 1 && left.p[1] == left.p[0];
        if (brace && !twice && !place)
            return bad_template(form, e);
        if (place) {
            n_automatic += place == 2;
            n_numbered += place == 3;
            memcpy(text + n, label.p, label.n);
            n += label.n;
        } else {
            text[n++] = left.p[0];
        }
        left = str_skip(left, place ? place : twice ? 2 : 1);
    }
    if (n_automatic > 1 || (n_automatic && n_numbered) || !(n_automatic || n_numbered))
        return bad_template(form, e);
    *out = (str){text, n};
    return true;
}

static bool check(const struct zero_shot_request *r, error *e)
{
    if (r->inputs.n == 0)
        return fail(e, ERR_EMPTY, "'inputs' is an empty list, expected at least one text");
    if (r->candidate_labels.n == 0)
        return fail(e, ERR_EMPTY, "'candidate_labels' is empty, expected at least one label");
    if (r->inputs.n > MAX_PAIRS / r->candidate_labels.n)
        return fail(e, ERR_INVALID, "%d texts with %d labels are %lld pairs, expected at most %d",
                    r->inputs.n, r->candidate_labels.n,
                    (long long)r->inputs.n * r->candidate_labels.n, MAX_PAIRS);
    for (int i = 0; i < r->inputs.n; i++)
        if (r->inputs.items[i].text.n == 0)
            return fail(e, ERR_BAD_REQUEST, "'inputs' has an empty text, expected some words");
    return true;
}

/* All labels with one text. */
static bool add_pairs(task_call *c, str text, const str *hypotheses, int n, error *e)
{
    const pipeline *p = c->pipeline;
    bool left = tokenizer_info_of(p->tokenizer)->truncate_left;
    encoding *made = arena_try(c->memory, (size_t)n, sizeof *made);
    if (!made)
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    if (!tokenizer_encode_pairs(p->tokenizer, text, hypotheses, n, p->max_tokens,
                                left ? TRUNCATE_LEFT : TRUNCATE_RIGHT, made, c->memory, e))
        return fail_in(e, "'inputs'");
    for (int i = 0; i < n; i++) {
        if (made[i].n > p->info->max_position)
            return fail(e, ERR_INVALID,
                        "the label %d has too many tokens: with the text %d, expected at most %d",
                        i, made[i].n, p->info->max_position);
        texts_add(c, &made[i]);
        c->usage.characters += (int64_t)utf8_length(hypotheses[i]);
    }
    c->usage.characters += (int64_t)utf8_length(text);
    return true;
}

static bool prepare(task_call *c, error *e)
{
    const struct zero_shot_request *r = c->request;
    int n = r->candidate_labels.n;
    if (!check(r, e) || !texts_language(c, r->language, e))
        return false;
    str *hypotheses = arena_try(c->memory, (size_t)n, sizeof *hypotheses);
    if (!hypotheses)
        return fail(e, ERR_TOO_LARGE, "'candidate_labels' is larger than the memory allowed");
    for (int i = 0; i < n; i++)
        if (!fill_template(c, r->hypothesis_template, r->candidate_labels.items[i], &hypotheses[i],
                           e))
            return false;
    if (entailment_id(c->pipeline->info) < 0)
        c->usage.warning = "no label of this model starts with 'entail': its last label is taken";
    c->computes = CALL_LOGITS;
    if (!texts_reserve(c, n * r->inputs.n, "candidate_labels", e))
        return false;
    for (int i = 0; i < r->inputs.n; i++)
        if (!add_pairs(c, r->inputs.items[i].text, hypotheses, n, e))
            return false;
    return true;
}

/* Probability of entailment of n pairs: against contradiction for each, or against each other.
 * Without a label for entailment the last one is taken, as transformers does. */
static void score_labels(const task_call *c, const sequence *pairs, int n, float *scores)
{
    const struct zero_shot_request *r = c->request;
    const model_info *info = c->pipeline->info;
    int yes = entailment_id(info), no = yes == 0 ? info->n_labels - 1 : 0;
    if (yes < 0)
        yes = info->n_labels - 1;
    for (int i = 0; i < n; i++)
        scores[i] = pairs[i].out[yes];
    if (!r->multi_label && n > 1) {
        scores_softmax(scores, n);
        return;
    }
    for (int i = 0; i < n; i++)
        scores[i] = 1.0f / (1.0f + expf(pairs[i].out[no] - scores[i]));
}

static void put_list(const strs *labels, const float *scores, const int *order, buf *reply)
{
    buf_byte(reply, '[');
    for (int i = 0; i < labels->n; i++) {
        buf_puts(reply, i ? ",{\"label\":" : "{\"label\":");
        json_put_string(reply, labels->items[order[i]]);
        buf_puts(reply, ",\"score\":");
        json_put_float(reply, scores[order[i]]);
        buf_byte(reply, '}');
    }
    buf_byte(reply, ']');
}

static void put_dict(str text, const strs *labels, const float *scores, const int *order,
                     buf *reply)
{
    buf_puts(reply, "{\"sequence\":");
    json_put_string(reply, text);
    buf_puts(reply, ",\"labels\":[");
    for (int i = 0; i < labels->n; i++) {
        if (i)
            buf_byte(reply, ',');
        json_put_string(reply, labels->items[order[i]]);
    }
    buf_puts(reply, "],\"scores\":[");
    for (int i = 0; i < labels->n; i++) {
        if (i)
            buf_byte(reply, ',');
        json_put_float(reply, scores[order[i]]);
    }
    buf_puts(reply, "]}");
}

/* Highest first, and of equal ones the last: the reference turns a rising order round. `turned` is
 * scratch: [n]. */
static void rank(const float *scores, int n, float *turned, int *order)
{
    for (int i = 0; i < n; i++)
        turned[i] = scores[n - 1 - i];
    scores_top(turned, n, n, order);
    for (int i = 0; i < n; i++)
        order[i] = n - 1 - order[i];
}

static bool finish(task_call *c, buf *reply, error *e)
{
    const struct zero_shot_request *r = c->request;
    const strs *labels = &r->candidate_labels;
    float *scores = arena_try(c->memory, (size_t)labels->n, 2 * sizeof *scores);
    int *order = arena_try(c->memory, (size_t)labels->n, sizeof *order);
    if (!scores || !order)
        return fail(e, ERR_TOO_LARGE, "'candidate_labels' is larger than the memory allowed");
    if (!r->inputs.single)
        buf_byte(reply, '[');
    for (int i = 0; i < r->inputs.n; i++) {
        if (i)
            buf_byte(reply, ',');
        score_labels(c, c->sequences + (size_t)i * (size_t)labels->n, labels->n, scores);
        rank(scores, labels->n, scores + labels->n, order);
        if (c->client == CLIENT_OLD_PYTHON)
            put_dict(r->inputs.items[i].text, labels, scores, order, reply);
        else
            put_list(labels, scores, order, reply);
    }
    if (!r->inputs.single)
        buf_byte(reply, ']');
    return true;
}

extern const task task_zero_shot_classification;
const task task_zero_shot_classification = {
    .name = "zero-shot-classification",
    .title = "Zero-Shot Classification",
    .summary = "Sorts a text into classes that it was never trained on.",
    .inputs = inputs,
    .parameters = parameters,
    .output = output,
    .request_size = sizeof(struct zero_shot_request),
    .example = "{\"inputs\": \"I have a problem with my iphone that needs to be resolved asap!\", "
               "\"parameters\": {\"candidate_labels\": [\"urgent\", \"not urgent\", \"phone\", "
               "\"tablet\", \"computer\"]}}",
    .supports = supports,
    .suits = suits,
    .prepare = prepare,
    .finish = finish,
};
