/* /predict and /embed_sparse of text-embeddings-inference. */
#include "base/json.h"
#include "tasks/classification.h"
#include "tasks/texts.h"
#include "worker/views.h"

enum { MAX_TEXTS = 10000 };

/* --- /predict: "text", ["text", "pair"] or [["text", "pair"], ["text"]] --- */

static const field predict_inputs[] = {
    FIELD_TEXTS(classify_request, inputs, "inputs", MAX_TEXTS, FIELD_REQUIRED | FIELD_PAIR_LISTS,
                "the text or pair, or a list of lists of one or two texts, to classify"),
    FIELD_END};

static const field predict_parameters[] = {
    FIELD_CHOICE(classify_request, function, "function_to_apply", -1, score_functions,
                 "what makes probabilities of the model's scores"),
    FIELD_BOOL(classify_request, raw, "raw_scores", 0, "the scores of the model as they are"),
    TRUNCATION_FIELDS(classify_request), LANGUAGE_FIELD(classify_request), FIELD_END};

static bool finish_predict(task_call *c, buf *reply, error *e)
{
    const classify_request *r = c->request;
    if (!r->inputs.single)
        buf_byte(reply, '[');
    for (int i = 0; i < c->n_sequences; i++) {
        if (i)
            buf_byte(reply, ',');
        if (!classify_put(c, i, reply, e))
            return false;
    }
    if (!r->inputs.single)
        buf_byte(reply, ']');
    return true;
}

const task tei_predict = {
    .name = "/predict",
    .title = "Predict",
    .summary = "The classes of a text or of a pair of texts.",
    .inputs = predict_inputs,
    .parameters = predict_parameters,
    .request_size = sizeof(classify_request),
    .example = "{\"inputs\": \"text\"}",
    .supports = classify_supports,
    .prepare = classify_prepare,
    .finish = finish_predict,
};

/* --- /embed_sparse: the vectors of a sparse encoder, and of any other masked language model those
 * that SPLADE makes of its scores --- */

struct sparse_request {
    texts inputs;
    int truncate, side;
    str prompt_name, language;
};

static const field sparse_inputs[] = {FIELD_TEXTS(struct sparse_request, inputs, "inputs",
                                                  MAX_TEXTS, FIELD_REQUIRED,
                                                  "the text or texts to turn into vectors"),
                                      FIELD_END};

static const field sparse_parameters[] = {
    TRUNCATION_FIELDS(struct sparse_request), LANGUAGE_FIELD(struct sparse_request),
    FIELD_STRING(struct sparse_request, prompt_name, "prompt_name", NULL, 0,
                 "which of the model's prompts is put in front of the texts"),
    FIELD_END};

static bool supports_sparse(const model_info *m)
{
    return m->sparse || m->head == HEAD_MASKED_LM;
}

static bool prepare_sparse(task_call *c, error *e)
{
    const struct sparse_request *r = c->request;
    text_options o = {.truncate = r->truncate,
                      .side = r->side,
                      .prompt_name = r->prompt_name,
                      .language = r->language,
                      .path = "inputs"};
    if (r->prompt_name.p && str_is(r->prompt_name, "query"))
        o.n_queries = r->inputs.n;
    if (r->inputs.n == 0)
        return fail(e, ERR_EMPTY, "'inputs' is an empty list, expected at least one text");
    c->computes = CALL_SPARSE;
    return texts_encode(c, &r->inputs, &o, e);
}

static bool finish_sparse(task_call *c, buf *reply, error *e)
{
    (void)e;
    int width = model_sparse_width(c->pipeline->model);
    buf_byte(reply, '[');
    for (int i = 0; i < c->n_sequences; i++) {
        const sequence *s = &c->sequences[i];
        bool any = false;
        buf_puts(reply, i ? ",[" : "[");
        for (int k = 0; k < width; k++) {
            if (s->out[k] == 0)
                continue;
            buf_printf(reply, "%s{\"index\":%d,\"value\":", any ? "," : "", k);
            json_put_float(reply, s->out[k]);
            buf_byte(reply, '}');
            any = true;
        }
        buf_byte(reply, ']');
    }
    buf_byte(reply, ']');
    return true;
}

const task tei_embed_sparse = {
    .name = "/embed_sparse",
    .title = "Embed as sparse vectors",
    .summary = "The weights of the words that a text is about.",
    .inputs = sparse_inputs,
    .parameters = sparse_parameters,
    .request_size = sizeof(struct sparse_request),
    .example = "{\"inputs\": \"text\"}",
    .supports = supports_sparse,
    .prepare = prepare_sparse,
    .finish = finish_sparse,
};
