/* SequenceSummary of transformers: what heads for sequences see of models that have one. A token's
 * vector or the mean of all goes through a product, unless summary_use_proj is false, and an
 * activation; the product is as wide as there are labels where summary_proj_to_labels is true. */
#pragma once

#include "models/encoder.h"

typedef struct summary_config {
    int product, to_labels;
} summary_config;

/* Rows of a configuration; an activation of null is none. */
#define SUMMARY(owner, member, type, act, use_proj, proj_to_labels)                                \
    ENCODER_HEAD_POOLING("summary_type", type),                                                    \
        FIELD_CHOICE_OR_NONE(encoder_config, head_act, "summary_activation", act, encoder_acts,    \
                             "activation of the summary"),                                         \
        FIELD_BOOL(owner, member.product, "summary_use_proj", use_proj,                            \
                   "a product in the summary"),                                                    \
        FIELD_BOOL(owner, member.to_labels, "summary_proj_to_labels", proj_to_labels, "its width")

/* Rows of heads: with scores behind the summary, with scores that are the summary, and with one
 * score behind a summary of labels. */
#define SUMMARY_PRODUCT "sequence_summary.summary"
#define SUMMARY_HEAD(scores)                                                                       \
    {                                                                                              \
        .pooling = HEAD_OWN_POOLING, .dense = SUMMARY_PRODUCT, .act = HEAD_OWN_ACT, .out = scores  \
    }
#define SUMMARY_LABELS(product)                                                                    \
    {                                                                                              \
        .pooling = HEAD_OWN_POOLING, .out = product, .out_act = HEAD_OWN_ACT                       \
    }
#define SUMMARY_CHOICES(scores)                                                                    \
    {                                                                                              \
        .pooling = HEAD_OWN_POOLING, .dense = SUMMARY_PRODUCT, .act = HEAD_OWN_ACT, .out = scores, \
        .any_width = true                                                                          \
    }

/* Fits a head of one of these rows, unbound, to its configuration. ERR_INVALID. */
bool summary_fit(encoder *m, const summary_config *c, error *e);
