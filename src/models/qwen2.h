/* What Qwen 2 and 3 share: windows of some layers. */
#pragma once

#include "models/decoder.h"

#define QWEN_ROWS                                                                                  \
    ENCODER_SIZES(4096, 32, 32, 22016), ENCODER_TABLES(151936, 32768),                             \
        ENCODER_ACT("hidden_act", ENCODER_SILU), DECODER_ROWS(32, 1e-6, -1), DECODER_WINDOW(4096), \
        DECODER_LAYER_TYPES,                                                                       \
        FIELD_BOOL(decoder_config, use_window, "use_sliding_window", 0, "some see what is near"),  \
        FIELD_INT(decoder_config, first_near, "max_window_layers", 28, 0, 1 << 20,                 \
                  "layers that see all")

/* Notes the windows and which layers have them. ERR_BAD_MODEL where layer_types contradict. */
bool qwen_windows(stack *s, const stack_config *c, error *e);

enum stack_reach qwen_reach(const stack_config *c, int layer);
