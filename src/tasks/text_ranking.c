/* text-ranking: passages in the order in which they answer a query, by a cross-encoder or by
 * late interaction. The reply
 * is that of text-embeddings-inference. */
#include "base/json.h"
#include "tasks/ranking.h"
#include "tasks/texts.h"

enum { MAX_PAIRS = 10000 };

static const field inputs[] = {FIELD_OBJECT(rank_request, inputs, "inputs", rank_query_rows,
                                            FIELD_REQUIRED, "a query and the passages to rank"),
                               FIELD_TEXTS(rank_request, pairs, "inputs", MAX_PAIRS,
                                           FIELD_PAIRS | FIELD_PAIR_LISTS,
                                           "or pairs of a query and a passage"),
                               FIELD_END};

static const field parameters[] = {
    FIELD_INT(rank_request, top_k, "top_k", 0, 1, MAX_PAIRS,
              "how many passages to return; when not given, all"),
    FIELD_BOOL(rank_request, return_text, "return_text", 0, "with the texts of the passages"),
    FIELD_BOOL(rank_request, return_documents, "return_documents", 0,
               "another name for return_text"),
    FIELD_BOOL(rank_request, raw_scores, "raw_scores", 0,
               "the model's own scores in place of their sigmoid; MaxSim scores are given as they "
               "are in any case"),
    TRUNCATION_FIELDS(rank_request),
    LANGUAGE_FIELD(rank_request),
    FIELD_END};

static const field output_keys[] = {
    FIELD_OUT_KEY("index", FIELD_TYPE_INT, 0, FIELD_REQUIRED, "number of the passage"),
    FIELD_OUT_KEY("score", FIELD_TYPE_NUMBER, 0, FIELD_REQUIRED, "how well it fits the query"),
    FIELD_OUT_KEY("text", FIELD_TYPE_STRING, 0, 0, "the passage, if wanted"), FIELD_END};

static const field output[] = {FIELD_OUT_OBJECTS(1, 1, output_keys, "the passages, the best first"),
                               FIELD_END};

static bool finish(task_call *c, buf *reply, error *e)
{
    const rank_request *r = c->request;
    if (!rank_finish(c, e))
        return false;
    buf_byte(reply, '[');
    for (int i = 0; i < r->n_ranked; i++) {
        str text = rank_text(c, i);
        buf_printf(reply, "%s{\"index\":%d,\"score\":", i ? "," : "", r->order[i]);
        json_put_float(reply, r->scores[r->order[i]]);
        if (text.p) {
            buf_puts(reply, ",\"text\":");
            json_put_string(reply, text);
        }
        buf_byte(reply, '}');
    }
    buf_byte(reply, ']');
    return true;
}

extern const task task_text_ranking;
const task task_text_ranking = {
    .name = "text-ranking",
    .title = "Text Ranking",
    .summary = "Puts passages into the order in which they answer a query.",
    .inputs = inputs,
    .parameters = parameters,
    .output = output,
    .request_size = sizeof(rank_request),
    .example = "{\"inputs\": {\"query\": \"What is Deep Learning?\", \"texts\": "
               "[\"Deep Learning is not...\", \"Deep learning is...\"]}}",
    .supports = rank_supports,
    .prepare = rank_prepare,
    .finish = finish,
};
