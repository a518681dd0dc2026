/* What the Gemma family shares. */
#pragma once

#include "models/decoder.h"

#define GEMMA_BIDIRECTIONAL                                                                        \
    FIELD_BOOL(decoder_config, bidirectional, "use_bidirectional_attention", 0, "tokens see all")

/* decoder_bind, and the scale of the embeddings. */
void gemma_bind(encoder *m, stack *s, weights w, const decoder_style *style);

/* Where only causal attention is supported: the reference's masks contradict its attention. */
bool gemma_causal(const stack_config *c, error *e);
