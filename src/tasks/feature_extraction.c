/* feature-extraction: texts to vectors.
 * A model with its pooling stated gives one vector a text: [d] for one text, [n][d] for a list. A
 * plain encoder gives one vector a token: [1][T][d] and [n][1][T][d], as the reference pipelines
 * do. So does a model made for that (ColBERT), for the tokens that count: [T][d] and [n][T][d]. */
#include "base/json.h"
#include "tasks/embeddings.h"
#include "tasks/pipeline.h"

enum { MAX_TEXTS = 10000 };

static const field inputs[] = {FIELD_TEXTS(embed_request, inputs, "inputs", MAX_TEXTS,
                                           FIELD_REQUIRED | FIELD_TOKEN_IDS,
                                           "the text, or texts, to turn into vectors"),
                               FIELD_END};

static const field parameters[] = {EMBED_FIELDS(-1), FIELD_END};

static const field output[] = {
    FIELD_OUT_NUMBERS(1, 4, "a vector for each text, or for each token of each text"), FIELD_END};

static bool prepare(task_call *c, error *e)
{
    const model_info *info = c->pipeline->info;
    c->computes = info->pooled && !info->late ? CALL_EMBEDDING : CALL_HIDDEN;
    return embeddings_prepare(c, "inputs", e);
}

static void put_pooled(task_call *c, const embed_request *r, buf *reply)
{
    int width = embeddings_shape(c);
    for (int i = 0; i < c->n_sequences; i++) {
        if (i)
            buf_byte(reply, ',');
        embeddings_put(reply, c->sequences[i].out, width, r->format);
    }
}

/* The token vectors of a plain encoder stand in a list of one. */
static void put_tokens(task_call *c, buf *reply)
{
    bool late = c->computes == CALL_TOKENS;
    if (late)
        embeddings_shape(c);
    for (int i = 0; i < c->n_sequences; i++) {
        buf_puts(reply, i ? "," : "");
        buf_puts(reply, late ? "" : "[");
        embeddings_put_tokens(reply, c, i);
        buf_puts(reply, late ? "" : "]");
    }
}

static bool finish(task_call *c, buf *reply, error *e)
{
    (void)e;
    const embed_request *r = c->request;
    if (!r->inputs.single)
        buf_byte(reply, '[');
    if (c->computes == CALL_EMBEDDING)
        put_pooled(c, r, reply);
    else
        put_tokens(c, reply);
    if (!r->inputs.single)
        buf_byte(reply, ']');
    return true;
}

extern const task task_feature_extraction;
const task task_feature_extraction = {
    .name = "feature-extraction",
    .title = "Feature Extraction",
    .summary = "Turns text into vectors that can be compared, searched and learned from.",
    .inputs = inputs,
    .parameters = parameters,
    .output = output,
    .request_size = sizeof(embed_request),
    .example = "{\"inputs\": \"Today is a sunny day and I will get some ice cream.\"}",
    .prepare = prepare,
    .finish = finish,
};
