/* Engine of the DeBERTa family: layers of disentangled attention and feed-forward, each followed by
 * LayerNorm, and a convolution beside the first of them in some models. */
#pragma once

#include "models/encoder.h"
#include "nn/conv.h"
#include "nn/disentangled_attention.h"

typedef struct disentangled_config {
    encoder_config base;
    int relative;           /* relative_attention */
    int farthest;           /* max_relative_positions; below 1: max_position_embeddings */
    int buckets;            /* position_buckets; below 1: none */
    int biased_input;       /* position_biased_input: absolute positions are in the embeddings */
    strs parts;             /* pos_att_type: "c2p", "p2c", or both in one string with '|' */
    int shared_projections; /* share_att_key: positions go through the layer's query and key */
    str table_norm;         /* norm_rel_ebd: "layer_norm" or "none" */
    int conv_width, conv_groups, conv_act;
    int head_dim;      /* attention_head_size; 0: hidden / heads */
    int talking_heads; /* refused */
    int legacy;        /* scores of the vocabulary have BERT's names and a table of their own */
} disentangled_config;

typedef struct disentangled_layer {
    disentangled_attention attention;
    norm attention_norm;
    ffn ffn;
    norm ffn_norm;
} disentangled_layer;

enum { CONTENT_TO_POSITION = 1, POSITION_TO_CONTENT = 2 };

typedef struct disentangled_spec {
    encoder_spec base;
    /* Claims the attention's projections; parts: of the flags above, those by position. */
    void (*bind_attention)(disentangled_attention *a, weights w, const disentangled_config *c,
                           unsigned parts);
} disentangled_spec;

extern const encoder_engine disentangled_engine;

/* Heads of both generations: "cls.predictions.*" or "lm_predictions.lm_head.*", "pooler.dense" with
 * "classifier" behind it. */
const head_spec *disentangled_heads(const encoder_config *c);

/* Rows that both generations have. */
#define DISENTANGLED_ROWS                                                                          \
    FIELD_INT(disentangled_config, base.embedding, "embedding_size", 0, 1, 1 << 16,                \
              "table width"),                                                                      \
        FIELD_BOOL(disentangled_config, relative, "relative_attention", 0, "relative positions"),  \
        FIELD_INT(disentangled_config, farthest, "max_relative_positions", -1, -1, 1 << 20,        \
                  "farthest distance"),                                                            \
        FIELD_BOOL(disentangled_config, biased_input, "position_biased_input", 1,                  \
                   "absolute positions too"),                                                      \
        FIELD_STRINGS(disentangled_config, parts, "pos_att_type", 2, FIELD_ONE_OR_MANY,            \
                      "parts of the scores by position"),                                          \
        FIELD_BOOL(disentangled_config, legacy, "legacy", 1, "BERT's scores of the vocabulary"),   \
        ENCODER_HEAD_ACT("pooler_hidden_act", ENCODER_GELU)
