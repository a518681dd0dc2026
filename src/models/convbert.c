/* ConvBERT (Jiang et al. 2020), model_type "convbert": ELECTRA with half of its attention heads
 * replaced by convolutions. */
#include "base/memory.h"
#include "models/architecture.h"
#include "models/stack.h"
#include "models/summary.h"
#include "nn/mixed_attention.h"

#include <stdlib.h>

typedef struct convbert_config {
    stack_config stack;
    summary_config summary;
} convbert_config;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    FIELD_INT(encoder_config, embedding, "embedding_size", 768, 1, 1 << 16, "table width"),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    FIELD_INT(stack_config, head_ratio, "head_ratio", 2, 1, 1 << 12, "heads over those kept"),
    FIELD_INT(stack_config, kernel_width, "conv_kernel_size", 9, 1, 1 << 10, "tokens"),
    FIELD_INT(stack_config, groups[FFN_UP], "num_groups", 1, 1, 1 << 16, "of feed-forward"),
    SUMMARY(convbert_config, summary, ENCODER_POOL_LAST, ENCODER_LINEAR, 0, 0),
    ENCODER_ONLY,
    FIELD_END,
};

/* Heads that are left, of twice the width of what they attend with. */
static int n_heads(const stack_config *c)
{
    return c->base.heads / c->head_ratio > 1 ? c->base.heads / c->head_ratio : 1;
}

static bool check(const convbert_config *c, error *e)
{
    const encoder_config *base = &c->stack.base;
    int heads = n_heads(&c->stack), groups = c->stack.groups[FFN_UP];
    encoder_config kept = *base;
    kept.heads = 2 * heads;
    if (!encoder_check_heads(&kept, e))
        return false;
    if (c->stack.kernel_width % 2 == 0)
        return fail(e, ERR_INVALID, "'conv_kernel_size' is %d, only odd ones are supported",
                    c->stack.kernel_width);
    if (base->hidden % groups || base->ffn % groups)
        return fail(e, ERR_BAD_MODEL, "%d groups do not divide the sizes %d and %d", groups,
                    base->hidden, base->ffn);
    return true;
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    const convbert_config *own = (const convbert_config *)c;
    int width = m->config.embedding;
    (void)s;
    if (!check(own, e) || !summary_fit(m, &own->summary, e))
        return false;
    stack_bind_tables(m, w, true);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), width, c->base.eps);
    if (width != c->base.hidden)
        linear_bind(&m->project, weights_in(w, "embeddings_project"), c->base.hidden, width);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i);
    weights up = weights_in(in, "intermediate.dense"), down = weights_in(in, "output.dense");
    int hidden = c->base.hidden, middle = c->base.ffn, groups = c->groups[FFN_UP];
    l->mixer = xcalloc(1, sizeof(mixed_attention));
    mixed_attention_bind(l->mixer, weights_in(in, "attention"), hidden, n_heads(c),
                         c->kernel_width);
    norm_bind(&l->attention_out, weights_in(in, "attention.output.LayerNorm"), hidden, c->base.eps);
    norm_bind(&l->ffn_out, weights_in(in, "output.LayerNorm"), hidden, c->base.eps);
    if (groups > 1) {
        linear_bind_grouped_rows(&l->ffn.up, up, middle, hidden, groups);
        linear_bind_grouped_rows(&l->ffn.down, down, hidden, middle, groups);
    } else {
        linear_bind(&l->ffn.up, up, middle, hidden);
        linear_bind(&l->ffn.down, down, hidden, middle);
    }
}

static size_t mixing_work(const void *mixer, int n_tokens)
{
    return mixed_attention_work(mixer, n_tokens);
}

static void mix(const void *mixer, team *t, const ragged *r, const float *x, float *y, float *work)
{
    mixed_attention_run(mixer, t, r, x, y, work);
}

static void release_mixer(void *mixer)
{
    if (mixer)
        mixed_attention_release(mixer);
    free(mixer);
}

static const stack_mixing mixing = {.work = mixing_work, .run = mix, .release = release_mixer};

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = {.dense = "generator_predictions.dense",
                        .act = ACT_GELU_ERF,
                        .norm = "generator_predictions.LayerNorm",
                        .out = "generator_lm_head"},
    [HEAD_LABELS] = {.dense = "classifier.dense",
                     .act = HEAD_HIDDEN_ACT,
                     .out = "classifier.out_proj"},
    [HEAD_CHOICES] = SUMMARY_HEAD("classifier"),
    HEADS_OF_TOKENS,
};

static const char *const ignored[] = {"embeddings.position_ids",
                                      "discriminator_predictions.*",
                                      "generator_predictions.*",
                                      "generator_lm_head.*",
                                      "sequence_summary.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      NULL};

const architecture architecture_convbert = {
    .model_type = "convbert",
    .config = config,
    .config_bytes = sizeof(convbert_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "convbert.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = heads},
                                   .mixing = &mixing,
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
