/* text-classification: the classes of a text, or of a text and another that goes with it. Follows
 * pipelines/text_classification.py of transformers; the reply is nested even for one text, as the
 * clients of the hub expect. */
#include "tasks/classification.h"
#include "tasks/paths.h"
#include "tasks/places.h"
#include "tasks/texts.h"

enum { MAX_TEXTS = 10000, MAX_TOP_K = 1 << 20 };

static const field inputs[] = {FIELD_TEXTS(classify_request, inputs, "inputs", MAX_TEXTS,
                                           FIELD_REQUIRED | FIELD_PAIRS,
                                           "the text, texts, or pairs of texts to classify"),
                               FIELD_END};

static const field parameters[] = {
    FIELD_INT(classify_request, top_k, "top_k", 0, 1, MAX_TOP_K,
              "how many classes to return; when not given, all"),
    FIELD_CHOICE(classify_request, function, "function_to_apply", -1, score_functions,
                 "what makes probabilities of the model's scores; when not given, as the model is "
                 "made for"),
    PLACES_FIELD(classify_request, boxes, FIELD_ONE_OR_MANY),
    PATHS_FIELD(classify_request, xpaths),
    TRUNCATION_FIELDS(classify_request),
    LANGUAGE_FIELD(classify_request),
    FIELD_END};

static const field output[] = {
    FIELD_OUT_OBJECTS(2, 2, label_score_keys, "for each text the classes, best first"), FIELD_END};

/* An empty second text is none, as for the tokenizers of transformers. */
static bool prepare(task_call *c, error *e)
{
    const classify_request *r = c->request;
    for (int i = 0; i < r->inputs.n; i++)
        if (r->inputs.items[i].pair.n == 0)
            r->inputs.items[i].pair = (str){0};
    return classify_prepare(c, e);
}

static bool finish(task_call *c, buf *reply, error *e)
{
    buf_byte(reply, '[');
    for (int i = 0; i < c->n_sequences; i++) {
        if (i)
            buf_byte(reply, ',');
        if (!classify_put(c, i, reply, e))
            return false;
    }
    buf_byte(reply, ']');
    return true;
}

extern const task task_text_classification;
const task task_text_classification = {
    .name = "text-classification",
    .alias = "sentiment-analysis",
    .title = "Text Classification",
    .summary = "Says which class a text belongs to: its sentiment, topic, language or tone.",
    .inputs = inputs,
    .parameters = parameters,
    .output = output,
    .request_size = sizeof(classify_request),
    .example = "{\"inputs\": \"I like you. I love you\"}",
    .supports = classify_supports,
    .prepare = prepare,
    .finish = finish,
};
