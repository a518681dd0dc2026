/* Labels of a classifier, as config.json has them. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "models/model.h"

#include <jansson.h>

typedef struct labels {
    const char *const *names; /* [n], by id */
    int n;
    enum model_problem problem;
    enum model_problem ranking; /* what a cross-encoder does to its scores */
    int none;                   /* of aggregations: the one that does nothing; -1: there is none */
} labels;

/* Reads id2label, num_labels (where there is no id2label; `unsaid` without either), problem_type
 * and what sentence-transformers adds for cross-encoders. Everything is put into `memory`. A name
 * that the file does not give is "LABEL_<id>". ERR_BAD_MODEL for ids that are none, ERR_INVALID for
 * options that are not supported. */
bool labels_read(labels *l, const json_t *config, int unsaid, arena *memory, error *e);

/* The same of what can be done with cells of a table: aggregation_labels (n is 0 without),
 * num_aggregation_labels and no_aggregation_label_index. ERR_BAD_MODEL when an aggregation has no
 * name. */
bool labels_read_aggregations(labels *l, const json_t *config, arena *memory, error *e);

/* The activation of a cross-encoder, by its name in torch. */
bool labels_ranking(enum model_problem *out, str activation, error *e);
