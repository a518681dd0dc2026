/* mT5 (Xue et al. 2021), model_type "mt5": T5 with other presets. */
#include "models/architecture.h"
#include "models/t5.h"

static const field config[] = {T5_ROWS(250112, 8, 6, 1024, "gated-gelu", 0), FIELD_END};

const architecture architecture_mt5 = {
    .model_type = "mt5",
    .config = config,
    .config_bytes = sizeof(t5_config),
    .encoder =
        &(const stack_spec){.base = {T5_BASE}, .bind = t5_bind, .bind_layer = t5_bind_layer}.base,
};
