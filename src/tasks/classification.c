#include "tasks/classification.h"
#include "tasks/paths.h"
#include "tasks/texts.h"

bool classify_supports(const model_info *m)
{
    return m->head == HEAD_LABELS;
}

bool classify_prepare(task_call *c, error *e)
{
    const classify_request *r = c->request;
    text_options o = {.truncate = r->truncate,
                      .side = r->side,
                      .language = r->language,
                      .path = "inputs",
                      .boxes = &r->boxes,
                      .xpaths = &r->xpaths};
    if (r->inputs.n == 0)
        return fail(e, ERR_EMPTY, "'inputs' is an empty list, expected at least one text");
    const text_input *first = r->inputs.items;
    c->computes = CALL_LOGITS;
    if (!paths_check(c, &r->xpaths, r->inputs.n, first->pair.p ? first->pair : first->text, e))
        return false;
    return texts_encode(c, &r->inputs, &o, e);
}

bool classify_put(task_call *c, int i, buf *reply, error *e)
{
    const classify_request *r = c->request;
    const model_info *info = c->pipeline->info;
    int *order = arena_try(c->memory, (size_t)info->n_labels, sizeof *order);
    if (!order)
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    enum score_function f = r->raw             ? SCORES_NONE
                            : r->function >= 0 ? (enum score_function)r->function
                                               : scores_default(info);
    scores_apply(f, c->sequences[i].out, info->n_labels);
    scores_put_labels(reply, info, c->sequences[i].out, r->top_k, order);
    return true;
}
