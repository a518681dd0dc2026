/* TAPAS (Herzig et al. 2020), model_type "tapas": BERT with what tokens are in a table. Tokens
 * without table types have type 0 of each kind, as in the reference.
 *
 * The reference cannot answer when select_one_column is false, but in training: then a cell's score
 * is that of its tokens, or their mean where average_logits_per_cell says so, and that holds here.
 * Options of losses change nothing. */
#include "models/architecture.h"
#include "models/bert.h"
#include "models/stack.h"

typedef struct tapas_config {
    stack_config stack;
    ints sizes;
    int by_cell;
    double temperature;
    int rows, columns, one_column, allow_none, average;
} tapas_config;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 1024),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    FIELD_INTS(tapas_config, sizes, "type_vocab_sizes", 1, 1 << 16, 64, 0, "rows of each table"),
    FIELD_BOOL(tapas_config, by_cell, "reset_position_index_per_cell", 1, "positions by cell"),
    FIELD_NUMBER(tapas_config, temperature, "temperature", 1, -1e30, 1e30, "divides cell scores"),
    FIELD_INT(tapas_config, rows, "max_num_rows", 64, 1, 1 << 16, "rows that count"),
    FIELD_INT(tapas_config, columns, "max_num_columns", 32, 1, 1 << 16, "columns that count"),
    FIELD_BOOL(tapas_config, one_column, "select_one_column", 1, "answers are of one column"),
    FIELD_BOOL(tapas_config, allow_none, "allow_empty_column_selection", 0, "or of none"),
    FIELD_BOOL(tapas_config, average, "average_logits_per_cell", 0, "scores are a cell's"),
    ENCODER_ONLY,
    FIELD_END,
};

static const int usual_sizes[TABLE_TYPES] = {3, 256, 256, 2, 256, 256, 10};

static bool bind(encoder *m, stack *s, const stack_config *c, weights w, error *e)
{
    const tapas_config *own = (const tapas_config *)c;
    weights in = weights_in(w, "embeddings");
    (void)s;
    if (own->sizes.items && own->sizes.n != TABLE_TYPES)
        return fail(e, ERR_INVALID, "'type_vocab_sizes' has %d sizes, only %d are supported",
                    own->sizes.n, TABLE_TYPES);
    stack_bind_tables(m, w, true);
    m->table_types.by_cell = own->by_cell;
    table_types_bind(&m->table_types, in, own->sizes.items ? own->sizes.items : usual_sizes,
                     c->base.hidden);
    norm_bind(&m->embedding_norm, weights_in(in, "LayerNorm"), c->base.hidden, c->base.eps);
    if (m->head.kind == HEAD_CELLS && own->temperature == 0)
        return fail(e, ERR_INVALID, "'temperature' is 0, by which no score can be divided");
    m->head.cells.options = (cell_options){.temperature = own->temperature,
                                           .rows = own->rows,
                                           .columns = own->columns,
                                           .one_column = own->one_column,
                                           .allow_none = own->allow_none,
                                           .average = own->average};
    return true;
}

static void embed(const encoder *m, const stack_config *c, team *t, const token_batch *b,
                  const ragged *r, int at, float *out, encoder_work *w)
{
    const embedding *const tables[EMBEDDINGS] = {&m->words, &m->positions};
    const int *const ids[EMBEDDINGS] = {b->ids + at, w->positions};
    const int *types = b->table_types ? b->table_types + (size_t)at * TABLE_TYPES : NULL;
    (void)c;
    if (types && m->table_types.by_cell)
        table_types_number(types, r, w->positions);
    else
        encoder_number(m, b->ids + at, r, w->positions);
    embedding_sum(tables, ids, t, out, ragged_rows(r));
    table_types_add(&m->table_types, t, types, out, ragged_rows(r));
}

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_MASKED_LM] = BERT_MASKED_LM,
    [HEAD_LABELS] = BERT_POOLED("pooler.dense", "classifier"),
    [HEAD_CELLS] = BERT_POOLED("pooler.dense", "aggregation_classifier"),
};

/* Other heads, and parts that an option leaves out. */
static const char *const ignored[] = {"pooler.*",
                                      "embeddings.position_ids",
                                      "cls.*",
                                      "classifier.*",
                                      "output_weights",
                                      "output_bias",
                                      "column_output_weights",
                                      "column_output_bias",
                                      "aggregation_classifier.*",
                                      NULL};

const architecture architecture_tapas = {
    .model_type = "tapas",
    .config = config,
    .config_bytes = sizeof(tapas_config),
    .encoder = &(const stack_spec){.base = {.engine = &stack_engine,
                                            .prefix = "tapas.",
                                            .positions = POSITIONS_FROM_ZERO,
                                            .ignored = ignored,
                                            .heads = heads},
                                   .bind = bind,
                                   .embed = embed,
                                   .bind_layer = stack_bind_bert_layer}
                    .base,
};
