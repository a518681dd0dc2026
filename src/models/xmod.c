/* X-MOD (Pfeiffer et al. 2022), model_type "xmod": RoBERTa with an adapter for each language behind
 * the feed-forward block of each layer. Texts are read in the language that config.json calls the
 * default one; the adapters of the others stay unread. */
#include "models/roberta.h"
#include "models/stack.h"

enum { MAX_LANGUAGES = 1000, LANGUAGE_BYTES = 40 };

typedef struct xmod_config {
    stack_config stack;
    strs languages;
} xmod_config;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_PADDING(1),
    FIELD_STRINGS(xmod_config, languages, "languages", MAX_LANGUAGES, 0, "that have adapters"),
    FIELD_STRING(xmod_config, stack.adapters.name, "default_language", NULL, 0, "of the texts"),
    FIELD_BOOL(xmod_config, stack.pre_norm, "pre_norm", 0, "norms are in front of blocks"),
    FIELD_INT(xmod_config, stack.adapters.reduction, "adapter_reduction_factor", 2, 1, 1 << 16,
              "hidden size over the adapters' width"),
    FIELD_BOOL(xmod_config, stack.adapters.own_norm, "adapter_layer_norm", 0,
               "adapters have a norm"),
    FIELD_BOOL(xmod_config, stack.adapters.layer_norm, "adapter_reuse_layer_norm", 1,
               "or the layer's"),
    FIELD_BOOL(xmod_config, stack.adapters.adds_normed, "ln_before_adapter", 1,
               "adapters add to what is normed"),
    ENCODER_ONLY,
    FIELD_END,
};

/* The reference's preset of languages is this one. */
static bool has_adapter(const xmod_config *c, str language)
{
    if (!c->languages.items)
        return str_is(language, "en_XX");
    for (int i = 0; i < c->languages.n; i++)
        if (str_eq(c->languages.items[i], language))
            return true;
    return false;
}

static bool check(const xmod_config *c, error *e)
{
    const stack_adapters *a = &c->stack.adapters;
    if (!a->name.p)
        return fail(e, ERR_INVALID,
                    "'default_language' is missing: it says which of 'languages' texts are in");
    if (a->name.n > LANGUAGE_BYTES || !has_adapter(c, a->name))
        return fail(e, ERR_INVALID, "'default_language' is '%.*s', expected one of 'languages'",
                    (int)(a->name.n < LANGUAGE_BYTES ? a->name.n : LANGUAGE_BYTES), a->name.p);
    if (c->stack.base.hidden < a->reduction)
        return fail(e, ERR_BAD_MODEL, "'adapter_reduction_factor' is %d for a hidden size of %d",
                    a->reduction, c->stack.base.hidden);
    return true;
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    int hidden = c->base.hidden;
    if (!check((const xmod_config *)c, e))
        return false;
    stack_bind_tables(m, w, true);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), hidden, c->base.eps);
    if (c->pre_norm)
        norm_bind(&s->final, weights_in(w, "encoder.LayerNorm"), hidden, c->base.eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    const stack_adapters *a = &c->adapters;
    int hidden = c->base.hidden, narrow = hidden / a->reduction;
    double eps = c->base.eps;
    weights in = weights_in(w, "encoder.layer.%d", i), output = weights_in(in, "output");
    weights adapter = weights_in(output, "adapter_modules.%.*s", (int)a->name.n, a->name.p);
    stack_bind_products(l, in, c);
    norm_bind(c->pre_norm ? &l->attention_in : &l->attention_out,
              weights_in(in, "attention.output.LayerNorm"), hidden, eps);
    norm_bind(c->pre_norm ? &l->ffn_in : &l->ffn_out, weights_in(output, "LayerNorm"), hidden, eps);
    if (a->own_norm)
        norm_bind(&l->adapter_in, weights_in(output, "adapter_layer_norm"), hidden, eps);
    else if (a->layer_norm)
        norm_bind(&l->adapter_in, weights_in(output, "LayerNorm"), hidden, eps);
    linear_bind(&l->adapter.up, weights_in(adapter, "dense1"), narrow, hidden);
    linear_bind(&l->adapter.down, weights_in(adapter, "dense2"), hidden, narrow);
    l->adapter.act = encoder_activation(c->base.act);
    l->adapter_adds_normed = a->adds_normed;
}

static const char *const ignored[] = {"encoder.layer.*.output.adapter_modules.*",
                                      "pooler.*",
                                      "embeddings.position_ids",
                                      "lm_head.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      NULL};

const architecture architecture_xmod = {
    .model_type = "xmod",
    .config = config,
    .config_bytes = sizeof(xmod_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "roberta.",
                                            .positions = POSITIONS_AFTER_PADDING,
                                            .ignored = ignored,
                                            .heads = roberta_heads},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
