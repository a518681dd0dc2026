/* Engine of models whose layers are put together freely: norms before or behind attention and
 * feed-forward, gates, rotary positions, windows, causal attention, Fourier transforms in place of
 * attention.
 *
 *     x = embeddings, normed, projected where widths differ
 *     each layer: x = attention_out(x + attention_added(attention(attention_in(x))))
 *                 x = cross_out(x + cross(cross_in(x), source))
 *                 x = ffn_out(adapted(x + ffn_added(ffn(ffn_in(x)))))
 *     out = final(x)
 *
 * with every norm optional, and adapted(x) = x + adapter(adapter_in(x)) where there are adapters,
 * by the one of the sequence's language, x where there are none. A stack with a source is a decoder
 * that reads the same sequence as its source, an encoder, and sees what that makes of it; all
 * others have no cross-attention.
 *
 * Nothing here knows how keys and values are kept: a layer makes those of its rows and attends to
 * them. Decoding token by token keeps them between calls and adds rows; the layers, their weights
 * and their order stay the same. */
#pragma once

#include "models/encoder.h"
#include "models/rope_config.h"
#include "nn/block_sparse.h"
#include "nn/fourier.h"
#include "nn/relative_bias.h"
#include "nn/rotary.h"

/* Of layers that see all tokens, and of those that see the near ones only. */
enum stack_reach { REACH_ALL, REACH_NEAR, N_REACHES };

/* First token of what a decoder reads, in front of all but the last one of its sequence. */
enum stack_shift {
    SHIFT_NONE,  /* it reads the sequence itself */
    SHIFT_START, /* the token `start` */
    SHIFT_LAST   /* the last token that is no padding, as mBART has the language there */
};

enum stack_product { QUERIES, KEYS, VALUES, ATTENTION_OUT, FFN_UP, FFN_DOWN, N_PRODUCTS };

/* Of the adapters behind feed-forward blocks. */
typedef struct stack_adapters {
    strs languages; /* that have some each */
    str language;   /* of texts without one; p NULL: there is none */
    int reduction;  /* hidden size over their width */
    int own_norm, layer_norm, adds_normed;
} stack_adapters;

typedef struct stack_config {
    encoder_config base;
    int kv_heads;                         /* 0 or less: heads */
    int head_dim;                         /* 0: hidden / heads */
    rope_config rope[N_REACHES];          /* rope_parameters */
    rope_config scaling;                  /* rope_scaling of older files */
    double theta[N_REACHES];              /* of older files; counts where `rope` has none */
    int length_scale, length_scale_least; /* scores grow with the logarithm of the length over that
                                             of max_position_embeddings; are never made smaller */
    int absolute;                         /* positions come from a table, not from rotation */
    double partial; /* turned share of a head, where `rope` has none; 0: all */
    int original;   /* original_max_position_embeddings outside of `rope`; 0: not given */
    int causal;     /* a token sees itself and what is before it */
    int window; /* tokens that a near-sighted layer sees, half to each side; if causal, itself and
                   those before it */
    int all_every;    /* the layers 0, all_every, ... see all tokens */
    strs layer_types; /* or these, one a layer: "full_attention", "sliding_attention" */
    int attention_bias, ffn_bias, norm_bias;
    int fused;           /* queries, keys and values are one product in the file */
    int rms;             /* norms of layers subtract no mean */
    int turn_values;     /* values are turned by position too */
    double scale;        /* of attention scores; 0: 1 / sqrt(width of a head) */
    double cap;          /* attention scores s become cap * tanh(s / cap); 0 or less: they do not */
    int scaled_by_layer; /* scores of layer i are scaled by 1 / (i + 1) too */
    int farthest;        /* distance beyond which biases by distance are all alike */
    int gated;           /* feed-forward has a gate */
    int parallel; /* attention and feed-forward of a layer have the same input, both normed */
    int cross;    /* layers have cross-attention to the source */
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
    void *mixer;          /* where the spec has a mixing: owned */
    self_attention cross; /* out.in 0: none */
    ffn ffn;
    norm attention_in, attention_added, attention_out;
    norm cross_in, cross_out;
    norm ffn_in, ffn_added, ffn_out;
    ffn *adapters; /* [languages], all of one size; NULL: none. Owned */
    norm adapter_in;
    bool adapter_adds_normed; /* adapted(x) = adapter_in(x) + adapter(adapter_in(x)) */
    enum stack_reach reach;
    relative_bias bias; /* table NULL: none */
} stack_layer;

typedef struct stack {
    stack_config config;
    stack_layer *layers;
    norm final;
    rope ropes[N_REACHES]; /* dim 0: no turning */
    const float *rotary;   /* [positions][head_dim] as nn/rotary.h has it, of files that hold it */
    fourier fourier;       /* in place of attention; width 0: none */
    linear out;            /* to the width of token vectors, where that is another; in 0: none */
    /* Stacks that embed by themselves, words and positions apart: word_scale is not 0. */
    float word_scale; /* of words before positions are added */
    embedding words;  /* rows 0: the encoder's */
    linear words_in;  /* from the width of words; in 0: none */
    embedding positions;
    norm embedding_norm;
    enum stack_shift shift;
    int start;            /* of SHIFT_START */
    struct stack *source; /* NULL: none; owned */
} stack;

typedef struct stack_spec {
    encoder_spec base;
    double theta[N_REACHES]; /* presets; 0: layers of this reach are not turned by position */
    bool neighbours;         /* see nn/rotary.h */
    bool one_rope;           /* near-sighted layers are turned as the others */
    bool near_unscaled;      /* rope_scaling is not for near-sighted layers */
    bool may_split;          /* parts of a head may stay unturned */
    bool only_ntk;           /* see models/rope_config.h */
    /* Reach of a layer where the configuration has no layer_types; NULL: by all_every. */
    enum stack_reach (*reach)(const stack_config *c, int layer);
    /* Claims all but the layers. c: as parsed, of config_bytes. May change s->config, with
     * m->config like s->config.base, and make a source (see stack_add_source); ERR_INVALID for what
     * is not supported. */
    bool (*bind)(encoder *m, stack *s, const stack_config *c, weights w, error *e);
    /* Also of the source, if there is one, with its configuration. */
    void (*bind_layer)(stack_layer *l, weights w, int i, const stack_config *c);
    const stack_mixing *mixing; /* in place of self-attention, or NULL; bind_layer makes mixers */
    /* In place of encoder_embed, or NULL. */
    void (*embed)(const encoder *m, const stack_config *c, team *t, const token_batch *b,
                  const ragged *r, int at, float *out, encoder_work *w);
} stack_spec;

extern const encoder_engine stack_engine;

/* Width of a head. */
int stack_head_dim(const stack_config *c);

/* Heads of keys and values. */
int stack_kv_heads(const stack_config *c);

/* An encoder in front of s, with the configuration of s as it is now but that it is not causal and
 * has no source itself. */
stack *stack_add_source(stack *s);

/* Claims query, key and value as the rows of one tensor, one after the other. */
void stack_bind_fused(self_attention *a, weights w, const stack_config *c, bool biased);

/* Claims the tables of "embeddings.*" with BERT's names, positions only if asked for; no norm. */
void stack_bind_tables(encoder *m, weights w, bool positions);

/* Claims the products of a layer with BERT's names ("attention.self.query", ...); no norms. */
void stack_bind_products(stack_layer *l, weights w, const stack_config *c);

/* A bind_layer: the above in "encoder.layer.<i>", with BERT's norms behind the blocks. */
void stack_bind_bert_layer(stack_layer *l, weights w, int i, const stack_config *c);

/* Rows over a rope_config for each reach, by the names that layer_types has for them. */
extern const field stack_reach_ropes[];

/* All rows about rotary positions of one reach. */
#define STACK_ROPE                                                                                 \
    FIELD_OBJECT(stack_config, rope[REACH_ALL], "rope_parameters", rope_config_rows, 0,            \
                 "rotation"),                                                                      \
        FIELD_OBJECT(stack_config, scaling, "rope_scaling", rope_config_rows, 0, "rotation"),      \
        FIELD_NUMBER(stack_config, theta[REACH_ALL], "rope_theta", 0, 0, 1e12, "rotation")
