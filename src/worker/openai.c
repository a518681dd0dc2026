/* POST /v1/embeddings: https://platform.openai.com/docs/api-reference/embeddings/create */
#include "base/json.h"
#include "tasks/embeddings.h"
#include "tasks/pipeline.h"
#include "worker/views.h"

enum { MAX_TEXTS = 10000 };

static const field inputs[] = {FIELD_TEXTS(embed_request, inputs, "input", MAX_TEXTS,
                                           FIELD_REQUIRED | FIELD_TOKEN_IDS,
                                           "the text, texts or token ids to turn into vectors"),
                               FIELD_END};

static const field parameters[] = {EMBED_FIELDS(1), FIELD_END};

static bool prepare(task_call *c, error *e)
{
    const embed_request *r = c->request;
    if (r->inputs.n == 0)
        return fail(e, ERR_EMPTY, "'input' is an empty list, expected at least one text");
    return embeddings_prepare(c, "input", e);
}

static bool finish(task_call *c, buf *reply, error *e)
{
    (void)e;
    const embed_request *r = c->request;
    int width = embeddings_shape(c);
    buf_puts(reply, "{\"object\":\"list\",\"data\":[");
    for (int i = 0; i < c->n_sequences; i++) {
        buf_printf(reply, "%s{\"object\":\"embedding\",\"index\":%d,\"embedding\":", i ? "," : "",
                   i);
        embeddings_put(reply, c->sequences[i].out, width, r->format);
        buf_byte(reply, '}');
    }
    buf_puts(reply, "],\"model\":");
    json_put_string(reply, str_of(c->pipeline->id));
    buf_printf(reply, ",\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld}}",
               (long long)c->usage.tokens, (long long)c->usage.tokens);
    return true;
}

const task openai_embeddings = {
    .name = "/v1/embeddings",
    .title = "Embeddings",
    .summary = "OpenAI's embeddings.",
    .inputs = inputs,
    .parameters = parameters,
    .request_size = sizeof(embed_request),
    .example = "{\"input\": \"text\", \"model\": \"name\"}",
    .prepare = prepare,
    .finish = finish,
};
