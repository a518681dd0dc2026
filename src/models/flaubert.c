/* FlauBERT (Le et al. 2020), model_type "flaubert": XLM, with norms in front of the blocks in some.
 */
#include "models/architecture.h"
#include "models/xlm.h"

static const field config[] = {
    XLM_CONFIG,
    FIELD_BOOL(stack_config, pre_norm, "pre_norm", 0, "norms are in front"),
    FIELD_END,
};

const architecture architecture_flaubert = {
    .model_type = "flaubert",
    .config = config,
    .config_bytes = sizeof(xlm_config),
    .encoder = &(XLM_ENCODER)->base,
};
