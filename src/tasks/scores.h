/* What tasks do with the scores of a head: probabilities, the best of many, label lists. */
#pragma once

#include "tasks/task.h"

enum score_function { SCORES_SIGMOID, SCORES_SOFTMAX, SCORES_NONE };

/* Names for rows: "sigmoid", "softmax", "none". */
extern const char *const score_functions[];

/* In place, as the reference computes them in 32-bit floats. */
void scores_softmax(float *scores, int n);
void scores_sigmoid(float *scores, int n);
void scores_apply(enum score_function f, float *scores, int n);

/* What makes probabilities of a model's label scores when the request does not say. */
enum score_function scores_default(const model_info *m);

/* Index of the first of the highest. n >= 1. */
int scores_best(const float *scores, int n);

/* Probabilities of some of many scores: what scores_softmax makes of one of them is
 * scores_share. n >= 1. */
typedef struct score_shares {
    float most;
    double sum;
} score_shares;
score_shares scores_shares(const float *scores, int n);
float scores_share(const score_shares *s, float score);

/* Indexes of the k highest of n scores, best first, of equal ones the first; out: [k]. k <= n. */
void scores_top(const float *scores, int n, int k, int *out);

/* [{"label":...,"score":...},...] of the `most` highest; 0: all. `order` is scratch: [n_labels]. */
void scores_put_labels(buf *out, const model_info *m, const float *scores, int most, int *order);

/* The keys of such an object, for output rows. */
extern const field label_score_keys[];
