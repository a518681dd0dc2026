/* Qwen 2 (Yang et al. 2024), model_type "qwen2": Llama with biases of query, key and value. */
#include "models/qwen2.h"
#include "models/architecture.h"

static const field config[] = {
    QWEN_ROWS,
    DECODER_HEAD_DIM(0),
    FIELD_END,
};

bool qwen_windows(stack *s, const stack_config *c, error *e)
{
    const decoder_config *own = (const decoder_config *)c;
    stack_config *to = &s->config;
    bool windows = own->use_window && to->window > 0;
    to->all_every = windows ? own->first_near : to->base.layers; /* see qwen_reach */
    for (int i = 0; i < to->layer_types.n && !windows; i++)
        if (str_is(to->layer_types.items[i], "sliding_attention"))
            return fail(e, ERR_BAD_MODEL,
                        "layer_types has 'sliding_attention', but there is no 'sliding_window' in "
                        "use");
    decoder_widen(s);
    return true;
}

enum stack_reach qwen_reach(const stack_config *c, int layer)
{
    return layer >= c->all_every ? REACH_NEAR : REACH_ALL;
}

static const decoder_style style = {.query_bias = true};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    decoder_bind(m, s, w, &style);
    return qwen_windows(s, c, e);
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    decoder_bind_layer(l, w, i, c, &style);
}

const architecture architecture_qwen2 = {
    .model_type = "qwen2",
    .config = config,
    .config_bytes = sizeof(decoder_config),
    .encoder = &(const stack_spec){.base = {DECODER_BASE},
                                   .theta = {10000},
                                   .one_rope = true,
                                   .reach = qwen_reach,
                                   .bind = bind,
                                   .bind_layer = bind_layer}
                    .base,
};
