/* Weight names of BERT, which its descendants took over. */
#pragma once

#include "models/encoder.h"

/* "embeddings.*" with token types and LayerNorm. */
void bert_bind(encoder *m, weights w);

/* The pooler with "classifier" behind it, "cls.predictions.*", "qa_outputs". */
extern const head_spec bert_heads[];

/* Rows of heads: "cls.predictions.*"; scores of the base model's pooler. */
#define BERT_MASKED_LM                                                                             \
    {                                                                                              \
        .dense = "cls.predictions.transform.dense", .act = HEAD_HIDDEN_ACT,                        \
        .norm = "cls.predictions.transform.LayerNorm", .out = "cls.predictions.decoder",           \
        .bias = "cls.predictions"                                                                  \
    }
#define BERT_POOLED(pooler, scores)                                                                \
    {                                                                                              \
        .dense = pooler, .base_dense = true, .act = ACT_TANH, .out = scores                        \
    }

/* "encoder.layer.<i>.*". */
void bert_bind_layer(encoder_layer *l, weights w, int i, const encoder_config *c);

/* The same in the scope of one layer. */
void bert_bind_blocks(encoder_layer *l, weights in, const encoder_config *c);
