/* Nomic BERT (Nussbaum et al. 2024), model_type "nomic_bert": BERT with rotary positions and a
 * gated feed-forward. Its first files name the sizes as GPT-2 does and state options that have one
 * value in all of them. */
#include "models/architecture.h"
#include "models/bert.h"
#include "models/stack.h"

enum { REFUSED = 8 };

typedef struct nomic_config {
    stack_config stack;
    encoder_config old; /* what older files call otherwise; 0: not given */
    double old_theta, fraction;
    int scaling;
    int refused[REFUSED];
} nomic_config;

static const char *const refused[REFUSED] = {
    "prenorm",      "parallel_block", "rotary_emb_interleaved", "use_rms_norm",
    "mlp_fc1_bias", "mlp_fc2_bias",   "qkv_proj_bias",          "causal",
};
#define REFUSE(i, name) FIELD_BOOL(nomic_config, refused[i], name, 0, "must be false")

static const char *const old_acts[] = {"swiglu", NULL};

static const field config[] = {
    ENCODER_SIZES(0, -1, 0, 0),
    FIELD_INT(nomic_config, old.hidden, "n_embd", 768, 1, 1 << 16, "token width"),
    FIELD_INT(nomic_config, old.layers, "n_layer", 12, 0, 1000, "layers"),
    FIELD_INT(nomic_config, old.heads, "n_head", 12, 1, 1 << 12, "heads"),
    FIELD_INT(nomic_config, old.ffn, "n_inner", 3072, 1, 1 << 20, "middle width"),
    ENCODER_TABLES(30528, 0),
    FIELD_INT(nomic_config, old.positions, "n_positions", 2048, 1, 1 << 20, "positions"),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_SILU),
    FIELD_CHOICE(nomic_config, old.act, "activation_function", 0, old_acts, "activation"),
    ENCODER_EPS(-1),
    FIELD_NUMBER(nomic_config, old.eps, "layer_norm_epsilon", 1e-12, 0, 1, "added to variances"),
    FIELD_INT(stack_config, head_dim, "head_dim", 0, 1, 512, "head width"),
    STACK_ROPE,
    FIELD_NUMBER(nomic_config, old_theta, "rotary_emb_base", 0, 0, 1e12, "rotation"),
    FIELD_NUMBER(nomic_config, fraction, "rotary_emb_fraction", 1, 1, 1, "turned share of a head"),
    FIELD_INT(nomic_config, scaling, "rotary_scaling_factor", 0, 0, 0, "stretched rotation"),
    REFUSE(0, "prenorm"),
    REFUSE(1, "parallel_block"),
    REFUSE(2, "rotary_emb_interleaved"),
    REFUSE(3, "use_rms_norm"),
    REFUSE(4, "mlp_fc1_bias"),
    REFUSE(5, "mlp_fc2_bias"),
    REFUSE(6, "qkv_proj_bias"),
    REFUSE(7, "causal"),
    FIELD_INT(nomic_config, scaling, "num_experts", 0, 0, 0, "mixture of experts"),
    FIELD_END,
};

static bool adapt(encoder *m, stack *s, const nomic_config *c, error *e)
{
    encoder_config *base = &s->config.base;
    for (int i = 0; i < REFUSED; i++)
        if (c->refused[i])
            return fail(e, ERR_INVALID, "'%s' is true, which is not supported", refused[i]);
    base->hidden = base->hidden ? base->hidden : c->old.hidden;
    base->layers = base->layers >= 0 ? base->layers : c->old.layers;
    base->heads = base->heads ? base->heads : c->old.heads;
    base->ffn = base->ffn ? base->ffn : c->old.ffn;
    base->positions = base->positions ? base->positions : c->old.positions;
    base->eps = base->eps >= 0 ? base->eps : c->old.eps;
    base->embedding = base->hidden;
    if (!(s->config.theta[REACH_ALL] > 0))
        s->config.theta[REACH_ALL] = c->old_theta;
    m->config = *base;
    return true;
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    if (!adapt(m, s, (const nomic_config *)c, e))
        return false;
    stack_bind_tables(m, w, false);
    norm_bind(&m->embedding_norm, weights_in(w, "emb_ln"), m->config.hidden, m->config.eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layers.%d", i);
    int hidden = c->base.hidden, middle = c->base.ffn, width = c->base.heads * stack_head_dim(c);
    stack_bind_fused(&l->attention, weights_in(in, "attn.Wqkv"), c, false);
    linear_bind_unbiased(&l->attention.out, weights_in(in, "attn.out_proj"), hidden, width);
    norm_bind(&l->attention_out, weights_in(in, "norm1"), hidden, c->base.eps);
    linear_bind_unbiased(&l->ffn.up, weights_in(in, "mlp.fc11"), middle, hidden);
    linear_bind_unbiased(&l->ffn.gate, weights_in(in, "mlp.fc12"), middle, hidden);
    linear_bind_unbiased(&l->ffn.down, weights_in(in, "mlp.fc2"), hidden, middle);
    norm_bind(&l->ffn_out, weights_in(in, "norm2"), hidden, c->base.eps);
}

/* Of the first files the products of heads have no biases. */
static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "cls.predictions.transform.dense",
                        .act = HEAD_HIDDEN_ACT,
                        .norm = "cls.predictions.transform.layer_norm",
                        .loose = true,
                        .out = "cls.predictions.decoder",
                        .bias = "cls.predictions"},
    [HEAD_LABELS] = BERT_POOLED("pooler.dense", "classifier"),
    [HEAD_TOKEN_LABELS] = {.out = "classifier"},
};

static const char *const ignored[] = {"pooler.*", "cls.*", "classifier.*", "*inv_freq", NULL};

const architecture architecture_nomic_bert = {
    .model_type = "nomic_bert",
    .config = config,
    .config_bytes = sizeof(nomic_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "bert.",
                                            .other_prefix = "nomic_bert.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .heads = heads,
                                            .ignored = ignored},
                                   .theta = {1000},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
