/* Weight names of BERT, which its descendants took over. */
#pragma once

#include "models/encoder.h"

/* "embeddings.*" with token types and LayerNorm. */
void bert_bind(encoder *m, weights w);

/* "encoder.layer.<i>.*". */
void bert_bind_layer(encoder_layer *l, weights w, int i, const encoder_config *c);
