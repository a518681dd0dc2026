/* What the descendants of RoBERTa share with it. */
#pragma once

#include "models/architecture.h"

extern const encoder_spec roberta_encoder;

/* "lm_head.*", "classifier.dense" and "classifier.out_proj", "qa_outputs". */
extern const head_spec roberta_heads[];
