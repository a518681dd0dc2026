/* Engine of encoders whose layers are put together freely: norms before or behind attention and
 * feed-forward, gates, rotary positions, windows, Fourier transforms in place of attention.
 *
 *     x = embeddings, normed, projected where widths differ
 *     each layer: x = attention_out(x + attention(attention_in(x)))
 *                 x = ffn_out(adapted(x + ffn(ffn_in(x))))
 *     out = final(x)
 *
 * with every norm optional, and adapted(x) = x + adapter(adapter_in(x)) where there is an adapter,
 * x where there is none. */
#pragma once

#include "models/encoder.h"
#include "nn/block_sparse.h"
#include "nn/fourier.h"
#include "nn/rotary.h"

/* Of layers that see all tokens, and of those that see the near ones only. */
enum stack_reach { REACH_ALL, REACH_NEAR, N_REACHES };

/* Rotary positions as config.json states them. */
typedef struct stack_rope {
    str type, old_type; /* "rope_type", "type" in older files; only "default" is supported */
    double theta;       /* 0: not given */
} stack_rope;

enum stack_product { QUERIES, KEYS, VALUES, ATTENTION_OUT, FFN_UP, FFN_DOWN, N_PRODUCTS };

/* Of the adapters behind feed-forward blocks. */
typedef struct stack_adapters {
    str name;
    int reduction; /* hidden size over their width */
    int own_norm, layer_norm, adds_normed;
} stack_adapters;

typedef struct stack_config {
    encoder_config base;
    int kv_heads;               /* 0: heads */
    int head_dim;               /* 0: hidden / heads */
    stack_rope rope[N_REACHES]; /* rope_parameters */
    stack_rope scaling;         /* rope_scaling of older files */
    double theta[N_REACHES];    /* of older files; counts where `rope` has none */
    int absolute;               /* positions come from a table, not from rotation */
    int window;                 /* tokens that a near-sighted layer sees, half to each side */
    int all_every;              /* the layers 0, all_every, ... see all tokens */
    strs layer_types;           /* or these, one a layer: "full_attention", "sliding_attention" */
    int attention_bias, ffn_bias, norm_bias;
    int turn_values; /* values are turned by position too */
    int token_dropout, mask_token_id;
    block_sparse sparse;    /* attention goes by blocks */
    int scale_words;        /* their vectors are multiplied by the root of the width */
    int groups[N_PRODUCTS]; /* of the products of a layer, where they are made in groups */
    int pre_norm;           /* norms are in front of the blocks */
    int head_ratio;         /* heads over those that attend */
    int kernel_width;       /* of convolutions beside or in place of attention */
    stack_adapters adapters;
} stack_config;

/* What takes the place of self-attention in an architecture. A mixer holds the weights of a
 * layer. */
typedef struct stack_mixing {
    /* Floats of working memory for n_tokens. */
    size_t (*work)(const void *mixer, int n_tokens);
    /* x, y: [rows of r][hidden], which do not overlap. */
    void (*run)(const void *mixer, team *t, const ragged *r, const float *x, float *y, float *work);
    void (*release)(void *mixer); /* with the memory it stands in; may be NULL */
} stack_mixing;

typedef struct stack_layer {
    self_attention attention;
    void *mixer; /* where the spec has a mixing: owned */
    ffn ffn;
    norm attention_in, attention_out, ffn_in, ffn_out;
    ffn adapter; /* up.in 0: none */
    norm adapter_in;
    bool adapter_adds_normed; /* adapted(x) = adapter_in(x) + adapter(adapter_in(x)) */
    enum stack_reach reach;
} stack_layer;

typedef struct stack {
    stack_config config;
    stack_layer *layers;
    norm final;
    const float *rotary; /* [positions][head_dim] as nn/rotary.h has it, of files that hold it */
    fourier fourier;     /* in place of attention; width 0: none */
} stack;

typedef struct stack_spec {
    encoder_spec base;
    double theta[N_REACHES]; /* presets; 0: layers of this reach are not turned by position */
    bool neighbours;         /* see nn/rotary.h */
    /* Claims all but the layers. c: as parsed, of config_bytes. May change s->config, with
     * m->config like s->config.base; ERR_INVALID for what is not supported. */
    bool (*bind)(encoder *m, stack *s, const stack_config *c, weights w, error *e);
    void (*bind_layer)(stack_layer *l, weights w, int i, const stack_config *c);
    const stack_mixing *mixing; /* in place of self-attention, or NULL; bind_layer makes mixers */
    /* In place of encoder_embed, or NULL. */
    void (*embed)(const encoder *m, const stack_config *c, team *t, const token_batch *b,
                  const ragged *r, int at, float *out, encoder_work *w);
} stack_spec;

extern const encoder_engine stack_engine;

/* Width of a head. */
int stack_head_dim(const stack_config *c);

/* Claims query, key and value as the rows of one tensor, one after the other. */
void stack_bind_fused(self_attention *a, weights w, const stack_config *c, bool biased);

/* Claims the tables of "embeddings.*" with BERT's names, positions only if asked for; no norm. */
void stack_bind_tables(encoder *m, weights w, bool positions);

/* Claims the products of a layer with BERT's names ("attention.self.query", ...); no norms. */
void stack_bind_products(stack_layer *l, weights w, const stack_config *c);

/* A bind_layer: the above in "encoder.layer.<i>", with BERT's norms behind the blocks. */
void stack_bind_bert_layer(stack_layer *l, weights w, int i, const stack_config *c);

/* Rows of a stack_rope, and all rows about rotary positions of one reach. */
extern const field stack_rope_rows[];
#define STACK_ROPE                                                                                 \
    FIELD_OBJECT(stack_config, rope[REACH_ALL], "rope_parameters", stack_rope_rows, 0,             \
                 "rotation"),                                                                      \
        FIELD_OBJECT(stack_config, scaling, "rope_scaling", stack_rope_rows, 0, "rotation"),       \
        FIELD_NUMBER(stack_config, theta[REACH_ALL], "rope_theta", 0, 0, 1e12, "rotation")
