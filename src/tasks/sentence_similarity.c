/* sentence-similarity: how close sentences are to a source sentence, as the cosine of their
 * embeddings. Sparse embeddings are compared as their folder says; where a text is a vector for
 * each token, the source is the query and the sentences are documents (MaxSim). */
#include "base/json.h"
#include "tasks/embeddings.h"
#include "tasks/pipeline.h"
#include "tasks/texts.h"

enum { MAX_SENTENCES = 10000 };

struct similarity_inputs {
    str source;
    strs sentences;
};

struct similarity_request {
    struct similarity_inputs inputs;
    int truncate;
    int side;
    str prompt_name;
    str language;
};

static const field input_rows[] = {
    FIELD_STRING(struct similarity_inputs, source, "source_sentence", NULL, FIELD_REQUIRED,
                 "the sentence that the others are compared with"),
    FIELD_STRINGS(struct similarity_inputs, sentences, "sentences", MAX_SENTENCES, FIELD_REQUIRED,
                  "the sentences to compare with it"),
    FIELD_END};

static const field inputs[] = {FIELD_OBJECT(struct similarity_request, inputs, "inputs", input_rows,
                                            FIELD_REQUIRED,
                                            "a sentence and those to compare it with"),
                               FIELD_END};

static const field parameters[] = {
    FIELD_BOOL(struct similarity_request, truncate, "truncate", -1,
               "cut texts that are too long (reported in the headers); false makes them an error"),
    FIELD_CHOICE(struct similarity_request, side, "truncation_direction", -1, truncation_sides,
                 "which end is cut off"),
    FIELD_STRING(struct similarity_request, prompt_name, "prompt_name", NULL, 0,
                 "which of the model's prompts is put in front of the sentences"),
    LANGUAGE_FIELD(struct similarity_request), FIELD_END};

static const field output[] = {
    FIELD_OUT_NUMBERS(1, 1,
                      "how close each sentence is to the source, in the order given: the cosine; "
                      "of sparse vectors what the model is made for, mostly the dot product; of "
                      "vectors for each token the MaxSim score"),
    FIELD_END};

static void name_text(int i, char out[64])
{
    if (i == 0)
        snprintf(out, 64, "inputs.source_sentence");
    else
        snprintf(out, 64, "inputs.sentences[%d]", i - 1);
}

/* The source is sequence 0, the sentences follow. */
static bool prepare(task_call *c, error *e)
{
    const struct similarity_request *r = c->request;
    const strs *sentences = &r->inputs.sentences;
    if (sentences->n == 0)
        return fail(e, ERR_EMPTY, "'inputs.sentences' is empty, expected at least one sentence");
    text_input *items = arena_try(c->memory, (size_t)sentences->n + 1, sizeof *items);
    if (!items)
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    items[0].text = r->inputs.source;
    for (int i = 0; i < sentences->n; i++)
        items[i + 1].text = sentences->items[i];
    texts list = {.items = items, .n = sentences->n + 1};
    text_options o = {.truncate = r->truncate,
                      .side = r->side,
                      .prompt_name = r->prompt_name,
                      .language = r->language,
                      .path = "inputs",
                      .name = name_text,
                      .n_queries = 1};
    c->computes = c->pipeline->info->late ? CALL_TOKENS : CALL_EMBEDDING;
    bool apart = c->pipeline->info->late || c->pipeline->info->query_folder;
    if (apart && r->prompt_name.p)
        return fail(
            e, ERR_INVALID,
            "'prompt_name' is given, but this model has the prompt 'query' for the source and "
            "'document' for the sentences");
    return texts_encode(c, &list, &o, e);
}

static bool finish_late(task_call *c, buf *reply, error *e)
{
    int n = c->n_sequences - 1;
    float *scores = arena_raw(c->memory, (size_t)n, sizeof *scores);
    if (!scores)
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    if (!late_compare(c, &c->sequences[0], c->sequences + 1, n, scores, e))
        return false;
    json_put_floats(reply, scores, (size_t)n);
    return true;
}

static bool finish(task_call *c, buf *reply, error *e)
{
    const model_info *info = c->pipeline->info;
    if (info->late)
        return finish_late(c, reply, e);
    enum model_similarity kind = info->sparse ? info->similarity : SIMILARITY_COSINE;
    buf_byte(reply, '[');
    for (int i = 1; i < c->n_sequences; i++) {
        if (i > 1)
            buf_byte(reply, ',');
        json_put_float(reply,
                       similarity(kind, c->sequences[0].out, c->sequences[i].out, info->width));
    }
    buf_byte(reply, ']');
    return true;
}

extern const task task_feature_extraction;

extern const task task_sentence_similarity;
const task task_sentence_similarity = {
    .name = "sentence-similarity",
    .title = "Sentence Similarity",
    .summary = "Says how close in meaning sentences are to a source sentence.",
    .inputs = inputs,
    .parameters = parameters,
    .output = output,
    .request_size = sizeof(struct similarity_request),
    .example =
        "{\"inputs\": {\"source_sentence\": \"That is a happy person\", \"sentences\": "
        "[\"That is a happy dog\", \"That is a very happy person\", \"Today is a sunny day\"]}}",
    .twin = &task_feature_extraction,
    .prepare = prepare,
    .finish = finish,
};
