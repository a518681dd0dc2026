#include "models/summary.h"

static bool is_known(int type)
{
    return type == ENCODER_POOL_FIRST || type == ENCODER_POOL_MEAN || type == ENCODER_POOL_LAST ||
           type == ENCODER_POOL_CLS_INDEX;
}

static bool sees_summary(const head *h)
{
    return (h->kind == HEAD_LABELS || h->kind == HEAD_CHOICES) &&
           h->spec.pooling == HEAD_OWN_POOLING;
}

bool summary_fit(encoder *m, const summary_config *c, error *e)
{
    head_spec *s = &m->head.spec;
    bool to_labels = !s->dense || s->any_width;
    if (!sees_summary(&m->head))
        return true;
    if (!is_known(m->config.head_pooling))
        return fail(e, ERR_INVALID,
                    "summary_type '%s' is not supported, only 'last', 'first', 'mean' and "
                    "'cls_index' are",
                    encoder_head_poolings[m->config.head_pooling]);
    if (to_labels && (!c->product || !c->to_labels))
        return fail(e, ERR_INVALID, "'%s' is false, which is not supported with this head",
                    c->product ? "summary_proj_to_labels" : "summary_use_proj");
    if (!to_labels && c->product && c->to_labels)
        return fail(e, ERR_INVALID,
                    "'summary_proj_to_labels' is true, which is not supported with this head");
    if (!c->product)
        s->dense = NULL;
    return true;
}
