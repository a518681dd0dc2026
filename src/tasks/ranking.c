#include "tasks/ranking.h"
#include "tasks/texts.h"

enum { MAX_PASSAGES = 10000 };

const field rank_query_rows[] = {
    FIELD_STRING(rank_query, query, "query", NULL, FIELD_REQUIRED, "what is looked for"),
    FIELD_TEXTS(rank_query, texts, "texts", MAX_PASSAGES, FIELD_PAIRS, "the passages to rank"),
    FIELD_TEXTS(rank_query, documents, "documents", MAX_PASSAGES, FIELD_PAIRS,
                "another name for the passages"),
    FIELD_TEXTS(rank_query, sentences, "sentences", MAX_PASSAGES, FIELD_PAIRS,
                "another name for the passages"),
    FIELD_END};

bool rank_supports(const model_info *m)
{
    return m->late || (m->head == HEAD_LABELS && m->n_labels == 1);
}

static void name_pair(int i, char out[64])
{
    snprintf(out, 64, "passage %d", i);
}

/* Query and passage as pairs; a request that has pairs is taken as it is. */
static bool join_pairs(task_call *c, texts *pairs, error *e)
{
    rank_request *r = c->request;
    const texts *lists[] = {&r->inputs.texts, &r->inputs.documents, &r->inputs.sentences};
    static const char *const keys[] = {"texts", "documents", "sentences"};
    for (int i = 0; i < 3; i++)
        if (lists[i]->items && !r->given) {
            r->given = lists[i];
            r->key = keys[i];
        }
    if (!r->given)
        return fail(e, ERR_BAD_REQUEST, "'texts' is required but missing");
    *pairs = (texts){arena_try(c->memory, (size_t)r->given->n + 1, sizeof *pairs->items),
                     r->given->n, false};
    for (int i = 0; i < pairs->n && pairs->items; i++)
        pairs->items[i] = (text_input){.text = r->inputs.query, .pair = r->given->items[i].text};
    return pairs->items ||
           fail(e, ERR_TOO_LARGE, "'%s' is larger than the memory allowed for one request", r->key);
}

/* The queries, then the passages: one query for all of them, or one each. */
static bool encode_late(task_call *c, const texts *pairs, text_options *o, error *e)
{
    rank_request *r = c->request;
    int n = pairs->n, n_queries = r->pairs.items ? n : 1;
    texts list = {arena_try(c->memory, (size_t)n + (size_t)n_queries, sizeof *list.items),
                  n + n_queries, false};
    if (!list.items)
        return fail(e, ERR_TOO_LARGE, "'%s' is larger than the memory allowed for one request",
                    r->key);
    for (int i = 0; i < n_queries; i++)
        list.items[i].text = pairs->items[i].text;
    for (int i = 0; i < n; i++)
        list.items[n_queries + i].text = pairs->items[i].pair;
    o->n_queries = n_queries;
    c->computes = CALL_TOKENS;
    return texts_encode(c, &list, o, e);
}

bool rank_prepare(task_call *c, error *e)
{
    rank_request *r = c->request;
    text_options o = {.truncate = r->truncate,
                      .side = r->side,
                      .language = r->language,
                      .path = "texts",
                      .name = name_pair};
    texts pairs = r->pairs;
    r->given = NULL;
    r->key = "inputs";
    if (r->pairs.items)
        r->given = &r->pairs;
    else if (!join_pairs(c, &pairs, e))
        return false;
    if (pairs.n == 0)
        return fail(e, ERR_EMPTY, "'%s' is an empty list, expected at least one text", r->key);
    for (int i = 0; i < pairs.n; i++)
        if (!pairs.items[i].pair.p)
            return fail(e, ERR_BAD_REQUEST, "'%s[%d].text_pair' is required but missing", r->key,
                        i);
    if (c->pipeline->info->late)
        return encode_late(c, &pairs, &o, e);
    c->computes = CALL_LOGITS;
    return texts_encode(c, &pairs, &o, e);
}

/* One score a passage. */
static bool score(task_call *c, error *e)
{
    rank_request *r = c->request;
    int n = r->given->n;
    if (!c->pipeline->info->late) {
        for (int i = 0; i < n; i++)
            r->scores[i] = c->sequences[i].out[0];
        if (!r->raw_scores)
            scores_sigmoid(r->scores, n);
        return true;
    }
    if (!r->pairs.items)
        return late_compare(c, &c->sequences[0], c->sequences + 1, n, r->scores, e);
    for (int i = 0; i < n; i++)
        if (!late_compare(c, &c->sequences[i], &c->sequences[n + i], 1, &r->scores[i], e))
            return false;
    return true;
}

bool rank_finish(task_call *c, error *e)
{
    rank_request *r = c->request;
    int n = r->given->n;
    r->n_ranked = r->top_k > 0 && r->top_k < n ? r->top_k : n;
    r->scores = arena_try(c->memory, (size_t)n, sizeof *r->scores);
    r->order = arena_try(c->memory, (size_t)r->n_ranked, sizeof *r->order);
    if (!r->scores || !r->order)
        return fail(e, ERR_TOO_LARGE, "'%s' is larger than the memory allowed for one request",
                    r->key);
    if (!score(c, e))
        return false;
    scores_top(r->scores, n, r->n_ranked, r->order);
    return true;
}

str rank_text(const task_call *c, int place)
{
    const rank_request *r = c->request;
    const text_input *item = &r->given->items[r->order[place]];
    if (r->return_text <= 0 && r->return_documents <= 0)
        return (str){0};
    return r->pairs.items ? item->pair : item->text;
}
