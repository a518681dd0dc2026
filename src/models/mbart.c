/* mBART (Liu et al. 2020), model_type "mbart": BART with norms in front of its blocks; what its
 * decoder reads begins with the last token of the text, its language. */
#include "models/architecture.h"
#include "models/bart.h"

static const field config[] = {BART_ROWS, FIELD_END};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    s->shift = SHIFT_LAST;
    s->config.pre_norm = true;
    return bart_bind(m, s, (const bart_config *)c, w, e);
}

const architecture architecture_mbart = {
    .model_type = "mbart",
    .config = config,
    .config_bytes = sizeof(bart_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "model.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = bart_ignored,
                                            .heads = bart_heads,
                                            .words = "shared"},
                                   .bind = bind,
                                   .bind_layer = bart_bind_any_layer}
                    .base,
};
