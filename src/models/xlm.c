/* XLM (Lample and Conneau 2019), model_type "xlm". Vectors of languages (use_lang_emb) are for who
 * says which language a token is of; a request does not, as pipelines do not. The table of
 * positions is in the file, that of sinusoidal_embeddings too. */
#include "models/xlm.h"
#include "models/architecture.h"

static const field config[] = {XLM_CONFIG, FIELD_END};

static bool check(const encoder *m, const xlm_config *c, weights w, error *e)
{
    if (!c->is_encoder)
        return fail(e, ERR_INVALID, "'is_encoder' is false, expected an encoder");
    if (m->head.kind == HEAD_MASKED_LM && c->adaptive)
        return fail(e, ERR_INVALID, "'asm' is true, which is not supported");
    if (m->head.kind == HEAD_SPANS &&
        weights_have(weights_root(w.set, NULL), "qa_outputs.start_logits.dense.weight"))
        return fail(e, ERR_INVALID,
                    "the answers of ForQuestionAnswering (qa_outputs.start_logits, "
                    "qa_outputs.end_logits) are not supported, only those of "
                    "ForQuestionAnsweringSimple are");
    return true;
}

bool xlm_bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    const xlm_config *own = (const xlm_config *)c;
    encoder_config *base = &s->config.base;
    if (!check(m, own, w, e) || !summary_fit(m, &own->summary, e))
        return false;
    base->embedding = base->hidden;
    base->ffn = 4 * base->hidden;
    base->vocab = own->words ? own->words : base->vocab;
    base->act = own->gelu ? ENCODER_GELU : ENCODER_RELU;
    m->config = *base;
    embedding_bind(&m->words, weights_in(w, "embeddings"), base->vocab, base->hidden);
    embedding_bind(&m->positions, weights_in(w, "position_embeddings"), base->positions,
                   base->hidden);
    norm_bind(&m->embedding_norm, weights_in(w, "layer_norm_emb"), base->hidden, base->eps);
    return true;
}

void xlm_bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "attentions.%d", i), middle_in = weights_in(w, "ffns.%d", i);
    int hidden = c->base.hidden, middle = c->base.ffn;
    linear_bind(&l->attention.query, weights_in(in, "q_lin"), hidden, hidden);
    linear_bind(&l->attention.key, weights_in(in, "k_lin"), hidden, hidden);
    linear_bind(&l->attention.value, weights_in(in, "v_lin"), hidden, hidden);
    linear_bind(&l->attention.out, weights_in(in, "out_lin"), hidden, hidden);
    linear_bind(&l->ffn.up, weights_in(middle_in, "lin1"), middle, hidden);
    linear_bind(&l->ffn.down, weights_in(middle_in, "lin2"), hidden, middle);
    norm_bind(c->pre_norm ? &l->attention_in : &l->attention_out,
              weights_in(w, "layer_norm1.%d", i), hidden, c->base.eps);
    norm_bind(c->pre_norm ? &l->ffn_in : &l->ffn_out, weights_in(w, "layer_norm2.%d", i), hidden,
              c->base.eps);
}

const head_spec xlm_heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.out = "pred_layer.proj"},
    [HEAD_LABELS] = SUMMARY_LABELS(SUMMARY_PRODUCT),
    [HEAD_CHOICES] = SUMMARY_CHOICES("logits_proj"),
    HEADS_OF_TOKENS,
};

const char *const xlm_ignored[] = {
    "lang_embeddings.*", "position_ids", "pred_layer.*",       "logits_proj.*",
    "classifier.*",      "qa_outputs.*", "sequence_summary.*", NULL};

const architecture architecture_xlm = {
    .model_type = "xlm",
    .config = config,
    .config_bytes = sizeof(xlm_config),
    .encoder = &(XLM_ENCODER)->base,
};
