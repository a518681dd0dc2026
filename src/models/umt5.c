/* UMT5 (Chung et al. 2023), model_type "umt5": mT5 with biases of their own in every layer. */
#include "models/architecture.h"
#include "models/t5.h"

static const field config[] = {T5_ROWS(250112, 8, 6, 1024, "gated-gelu", 0), FIELD_END};

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    t5_bind_blocks(l, w, i, c);
    t5_bind_bias(l, w, i, c);
}

const architecture architecture_umt5 = {
    .model_type = "umt5",
    .config = config,
    .config_bytes = sizeof(t5_config),
    .encoder =
        &(const stack_spec){.base = {T5_BASE}, .bind = t5_bind, .bind_layer = bind_layer}.base,
};
