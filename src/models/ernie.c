/* ERNIE 2 and 3 (Sun et al. 2020), model_type "ernie": BERT, in some models with the embedding of a
 * task, of which requests use the first. */
#include "models/architecture.h"
#include "models/bert.h"

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    ENCODER_TABLES(30522, 512),
    ENCODER_TYPES(2),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    FIELD_INT(encoder_config, tasks, "task_type_vocab_size", 3, 1, 1 << 16, "tasks"),
    FIELD_BOOL(encoder_config, use_tasks, "use_task_id", 0, "tasks have embeddings"),
    ENCODER_ONLY,
    FIELD_END,
};

static void bind(encoder *m, weights w)
{
    bert_bind(m, w);
    if (m->config.use_tasks)
        embedding_bind(&m->constant, weights_in(w, "embeddings.task_type_embeddings"),
                       m->config.tasks, m->config.embedding);
}

static const char *const ignored[] = {"pooler.*",
                                      "embeddings.position_ids",
                                      "embeddings.task_type_embeddings.*",
                                      "cls.*",
                                      "classifier.*",
                                      "qa_outputs.*",
                                      NULL};

const architecture architecture_ernie = {
    .model_type = "ernie",
    .config = config,
    .encoder = &(const encoder_spec){.prefix = "ernie.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .ignored = ignored,
                                     .heads = bert_heads,
                                     .bind = bind,
                                     .bind_layer = bert_bind_layer},
};
