/* BigBird (Zaheer et al. 2020), model_type "big_bird": BERT for long texts, whose attention goes by
 * blocks. */
#include "base/memory.h"
#include "kernels/rows.h"
#include "models/architecture.h"
#include "models/bert.h"
#include "models/stack.h"

#include <math.h>
#include <stdlib.h>

enum { FULL, BLOCK_SPARSE };
static const char *const attention_types[] = {"original_full", "block_sparse", NULL};

typedef struct big_bird_config {
    stack_config stack;
    int attention_type;
} big_bird_config;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(50358, 4096),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU_NEW),
    ENCODER_EPS(1e-12),
    ENCODER_SEPARATOR(66),
    ENCODER_ONLY,
    FIELD_CHOICE(big_bird_config, attention_type, "attention_type", BLOCK_SPARSE, attention_types,
                 "which tokens are seen"),
    FIELD_INT(stack_config, sparse.block, "block_size", 64, 1, 1 << 16, "tokens of a block"),
    FIELD_INT(stack_config, sparse.random, "num_random_blocks", 3, 0, 1 << 10, "random blocks"),
    FIELD_BOOL(stack_config, attention_bias, "use_bias", 1, "biases of queries, keys and values"),
    FIELD_BOOL(stack_config, scale_words, "rescale_embeddings", 0, "scaled word vectors"),
    FIELD_END,
};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    (void)e;
    s->config.absolute = true;
    if (((const big_bird_config *)c)->attention_type == FULL)
        s->config.sparse.block = 0;
    stack_bind_tables(m, w, true);
    norm_bind(&m->embedding_norm, weights_in(w, "embeddings.LayerNorm"), c->base.hidden,
              c->base.eps);
    return true;
}

static void bind_layer(stack_layer *l, weights w, int i, const stack_config *c)
{
    weights in = weights_in(w, "encoder.layer.%d", i), of = weights_in(in, "attention.self");
    int hidden = c->base.hidden;
    linear_bind_as(&l->attention.query, weights_in(of, "query"), hidden, hidden, c->attention_bias);
    linear_bind_as(&l->attention.key, weights_in(of, "key"), hidden, hidden, c->attention_bias);
    linear_bind_as(&l->attention.value, weights_in(of, "value"), hidden, hidden, c->attention_bias);
    linear_bind(&l->attention.out, weights_in(in, "attention.output.dense"), hidden, hidden);
    norm_bind(&l->attention_out, weights_in(in, "attention.output.LayerNorm"), hidden, c->base.eps);
    linear_bind(&l->ffn.up, weights_in(in, "intermediate.dense"), c->base.ffn, hidden);
    linear_bind(&l->ffn.down, weights_in(in, "output.dense"), hidden, c->base.ffn);
    norm_bind(&l->ffn_out, weights_in(in, "output.LayerNorm"), hidden, c->base.eps);
}

/* The reference tells question and context apart by itself, whatever the tokenizer says: the
 * question ends with the first separator, or with the first token if there is none. */
static void type_by_separator(const encoder *m, const int *ids, const ragged *r, int *types)
{
    for (int s = 0; s < r->n_seq; s++) {
        int begin = r->start[s], end = r->start[s + 1], last = begin;
        while (last < end && ids[last] != m->config.sep_token_id)
            last++;
        last = last < end ? last : begin;
        for (int i = begin; i < end; i++)
            types[i] = i > last && m->types.rows > 1;
    }
}

static void embed(const encoder *m, const stack_config *c, team *t, const token_batch *b,
                  const ragged *r, int at, float *out, encoder_work *w)
{
    int n = ragged_rows(r);
    long values = (long)n * c->base.hidden;
    float *rest = w->floats, scale = sqrtf((float)c->base.hidden);
    int *own_types = (int *)(void *)(rest + values);
    const int *types = b->type_ids ? b->type_ids + at : NULL;
    if (w->for_head && m->head.kind == HEAD_SPANS) {
        type_by_separator(m, b->ids + at, r, own_types);
        types = own_types;
    }
    encoder_number(m, b->ids + at, r, w->positions);
    embedding_sum((const embedding *const[EMBEDDINGS]){&m->words},
                  (const int *const[EMBEDDINGS]){b->ids + at}, t, out, n);
    for (long i = 0; i < values && c->scale_words; i++)
        out[i] *= scale;
    embedding_sum((const embedding *const[EMBEDDINGS]){&m->types, &m->positions},
                  (const int *const[EMBEDDINGS]){types, w->positions}, t, rest, n);
    add_f32(t, out, rest, out, values);
}

/* Scores of answers are lowered by a million in the question, where none is looked for: that is
 * left to the task. */
static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = BERT_MASKED_LM,
    [HEAD_LABELS] = {.dense = "classifier.dense",
                     .act = HEAD_HIDDEN_ACT,
                     .out = "classifier.out_proj"},
    [HEAD_TOKEN_LABELS] = {.out = "classifier"},
    [HEAD_SPANS] = {.dense = "qa_classifier.intermediate.dense",
                    .act = HEAD_HIDDEN_ACT,
                    .down = "qa_classifier.output.dense",
                    .norm = "qa_classifier.output.LayerNorm",
                    .out = "qa_classifier.qa_outputs"},
    [HEAD_CHOICES] = BERT_POOLED("pooler", "classifier"),
};

static const char *const ignored[] = {"pooler.*",
                                      "embeddings.position_ids",
                                      "embeddings.token_type_ids",
                                      "cls.*",
                                      "classifier.*",
                                      "qa_classifier.*",
                                      NULL};

const architecture architecture_big_bird = {
    .model_type = "big_bird",
    .config = config,
    .config_bytes = sizeof(big_bird_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "bert.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = heads},
                                   .bind = bind,
                                   .bind_layer = bind_layer,
                                   .embed = embed}
                    .base,
};
