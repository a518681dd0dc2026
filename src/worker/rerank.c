/* POST /rerank in two shapes, by how the request names its passages. "texts": that of
 * text-embeddings-inference. "documents": that of Cohere (https://docs.cohere.com/reference/rerank)
 * and Jina (https://jina.ai/reranker), whose /v1/rerank and /v2/rerank are the same route. */
#include "base/json.h"
#include "tasks/pipeline.h"
#include "tasks/ranking.h"
#include "tasks/texts.h"
#include "worker/views.h"

enum { MAX_PASSAGES = 10000 };

static const field parameters[] = {
    FIELD_STRING(rank_request, inputs.query, "query", NULL, FIELD_REQUIRED, "what is looked for"),
    FIELD_TEXTS(rank_request, inputs.texts, "texts", MAX_PASSAGES, FIELD_PAIRS,
                "the passages to rank"),
    FIELD_TEXTS(rank_request, inputs.documents, "documents", MAX_PASSAGES, FIELD_PAIRS,
                "the passages, for a reply as Cohere and Jina give it"),
    FIELD_INT(rank_request, top_k, "top_n", 0, 1, MAX_PASSAGES, "how many passages to return"),
    FIELD_BOOL(rank_request, return_text, "return_text", 0, "with the texts of the passages"),
    FIELD_BOOL(rank_request, return_documents, "return_documents", 0, "the same for 'documents'"),
    FIELD_BOOL(rank_request, raw_scores, "raw_scores", 0,
               "the model's own scores in place of their sigmoid"),
    TRUNCATION_FIELDS(rank_request),
    LANGUAGE_FIELD(rank_request),
    FIELD_END};

static void put_text(str text, const char *key, const char *end, buf *reply)
{
    if (!text.p)
        return;
    buf_puts(reply, key);
    json_put_string(reply, text);
    buf_puts(reply, end);
}

static void put_list(const task_call *c, const rank_request *r, buf *reply)
{
    buf_byte(reply, '[');
    for (int i = 0; i < r->n_ranked; i++) {
        buf_printf(reply, "%s{\"index\":%d,\"score\":", i ? "," : "", r->order[i]);
        json_put_float(reply, r->scores[r->order[i]]);
        put_text(rank_text(c, i), ",\"text\":", "", reply);
        buf_byte(reply, '}');
    }
    buf_byte(reply, ']');
}

static void put_object(const task_call *c, const rank_request *r, buf *reply)
{
    buf_puts(reply, "{\"model\":");
    json_put_string(reply, str_of(c->pipeline->id));
    buf_puts(reply, ",\"results\":[");
    for (int i = 0; i < r->n_ranked; i++) {
        buf_printf(reply, "%s{\"index\":%d,\"relevance_score\":", i ? "," : "", r->order[i]);
        json_put_float(reply, r->scores[r->order[i]]);
        put_text(rank_text(c, i), ",\"document\":{\"text\":", "}", reply);
        buf_byte(reply, '}');
    }
    buf_printf(reply,
               "],\"usage\":{\"prompt_tokens\":%lld,\"total_tokens\":%lld},\"meta\":"
               "{\"api_version\":{\"version\":\"2\"},\"billed_units\":{\"search_units\":1}}}",
               (long long)c->usage.tokens, (long long)c->usage.tokens);
}

static bool finish(task_call *c, buf *reply, error *e)
{
    const rank_request *r = c->request;
    if (!rank_finish(c, e))
        return false;
    if (r->inputs.texts.items)
        put_list(c, r, reply);
    else
        put_object(c, r, reply);
    return true;
}

const task rerank = {
    .name = "/rerank",
    .title = "Rerank",
    .summary = "Passages in the order in which they answer a query.",
    .parameters = parameters,
    .request_size = sizeof(rank_request),
    .example = "{\"query\": \"What is Deep Learning?\", \"texts\": [\"Deep Learning is...\"]}",
    .supports = rank_supports,
    .prepare = rank_prepare,
    .finish = finish,
};
