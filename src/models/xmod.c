/* X-MOD (Pfeiffer et al. 2022), model_type "xmod": RoBERTa with an adapter for each language behind
 * the feed-forward block of each layer. A text is read in the language that its request names, else
 * in that which config.json calls the default one.
 *
 * Published models have some 80 languages, whose adapters are two thirds of their weights: those of
 * the default one are prepared like other weights, the others stay in the file until they are
 * asked for. */
#include "base/memory.h"
#include "models/roberta.h"
#include "models/stack.h"

enum { MAX_LANGUAGES = 1000, LANGUAGE_BYTES = 40 };

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    ENCODER_PADDING(1),
    FIELD_STRINGS(stack_config, adapters.languages, "languages", MAX_LANGUAGES, 0,
                  "that have adapters"),
    FIELD_STRING(stack_config, adapters.language, "default_language", NULL, 0, "of the texts"),
    FIELD_BOOL(stack_config, pre_norm, "pre_norm", 0, "norms are in front of blocks"),
    FIELD_INT(stack_config, adapters.reduction, "adapter_reduction_factor", 2, 1, 1 << 16,
              "hidden size over the adapters' width"),
    FIELD_BOOL(stack_config, adapters.own_norm, "adapter_layer_norm", 0, "adapters have a norm"),
    FIELD_BOOL(stack_config, adapters.layer_norm, "adapter_reuse_layer_norm", 1, "or the layer's"),
    FIELD_BOOL(stack_config, adapters.adds_normed, "ln_before_adapter", 1,
               "adapters add to what is normed"),
    ENCODER_ONLY,
    FIELD_END,
};

static bool check(const stack_adapters *a, int hidden, error *e)
{
    if (a->languages.n < 1)
        return fail(e, ERR_BAD_MODEL, "'languages' is empty, expected at least one");
    for (int i = 0; i < a->languages.n; i++)
        if (a->languages.items[i].n > LANGUAGE_BYTES)
            return fail(e, ERR_BAD_MODEL, "'languages[%d]' has %zu bytes, expected at most %d", i,
                        a->languages.items[i].n, LANGUAGE_BYTES);
    return hidden >= a->reduction ||
           fail(e, ERR_BAD_MODEL, "'adapter_reduction_factor' is %d for a hidden size of %d",
                a->reduction, hidden);
}

static bool find_default(encoder *m, const stack_adapters *a, error *e)
{
    str language = a->language;
    m->language = -1;
    for (int i = 0; language.p && i < a->languages.n && m->language < 0; i++)
        if (str_eq(a->languages.items[i], language))
            m->language = i;
    return !language.p || m->language >= 0 ||
           fail(e, ERR_INVALID, "'default_language' is '%.*s', expected one of 'languages'",
                (int)(language.n < LANGUAGE_BYTES ? language.n : LANGUAGE_BYTES), language.p);
}

/* The reference's preset of languages is this one. */
static bool read_languages(encoder *m, stack_adapters *a, int hidden, error *e)
{
    static str preset = {"en_XX", 5};
    if (!a->languages.items)
        a->languages = (strs){&preset, 1};
    m->languages = a->languages;
    return check(a, hidden, e) && find_default(m, a, e);
}

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    int hidden = c->base.hidden;
    if (!read_languages(m, &s->config.adapters, hidden, e))
        return false;
    stack_bind_tables(m, w, true);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), hidden, c->base.eps);
    if (c->pre_norm)
        norm_bind(&s->final, weights_in(w, "encoder.LayerNorm"), hidden, c->base.eps);
    return true;
}

static void bind_adapters(stack_layer *l, weights output, const stack_config *c)
{
    const stack_adapters *a = &c->adapters;
    int hidden = c->base.hidden, narrow = hidden / a->reduction;
    l->adapters = xcalloc((size_t)a->languages.n, sizeof *l->adapters);
    for (int i = 0; i < a->languages.n; i++) {
        str name = a->languages.items[i];
        weights in = weights_in(output, "adapter_modules.%.*s", (int)name.n, name.p);
        bool usual = a->language.p && str_eq(name, a->language);
        (usual ? linear_bind : linear_bind_seldom)(&l->adapters[i].up, weights_in(in, "dense1"),
                                                   narrow, hidden);
        (usual ? linear_bind : linear_bind_seldom)(&l->adapters[i].down, weights_in(in, "dense2"),
                                                   hidden, narrow);
        l->adapters[i].act = encoder_activation(c->base.act);
    }
    l->adapter_adds_normed = a->adds_normed;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    const stack_adapters *a = &c->adapters;
    int hidden = c->base.hidden;
    double eps = c->base.eps;
    weights in = weights_in(w, "encoder.layer.%d", i), output = weights_in(in, "output");
    stack_bind_products(l, in, c);
    norm_bind(c->pre_norm ? &l->attention_in : &l->attention_out,
              weights_in(in, "attention.output.LayerNorm"), hidden, eps);
    norm_bind(c->pre_norm ? &l->ffn_in : &l->ffn_out, weights_in(output, "LayerNorm"), hidden, eps);
    if (a->own_norm)
        norm_bind(&l->adapter_in, weights_in(output, "adapter_layer_norm"), hidden, eps);
    else if (a->layer_norm)
        norm_bind(&l->adapter_in, weights_in(output, "LayerNorm"), hidden, eps);
    bind_adapters(l, output, c);
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
    .config_bytes = sizeof(stack_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "roberta.",
                                            .positions = POSITIONS_AFTER_PADDING,
                                            .ignored = ignored,
                                            .heads = roberta_heads},
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
