/* What the descendants of RoBERTa share with it. */
#pragma once

#include "models/architecture.h"

extern const encoder_spec roberta_encoder;
