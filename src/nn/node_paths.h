/* Where the node of a token stands in the tree of its document (Li et al. 2021, MarkupLM): the
 * steps from the root, each a tag and a number among its siblings, as one vector. */
#pragma once

#include "nn/linear.h"

#include <stddef.h>

typedef struct node_paths {
    int depth;                     /* steps of a path; 0: the model reads none */
    int n_tags, n_numbers, unit;   /* rows and width of the tables */
    const float **tags, **numbers; /* [depth], each [rows][unit]; the lists are owned */
    linear inner, out;
    int no_tag, no_number;   /* of steps that a path does not have */
    struct no_path *no_path; /* the vector of a token of no document; owned */
} node_paths;

/* Claims "xpath_tag_sub_embeddings.<step>", "xpath_subs_sub_embeddings.<step>",
 * "xpath_unitseq2_inner" and "inner2emb". depth, n_tags, n_numbers, unit, no_tag and no_number are
 * set. ERR_BAD_MODEL when the last two are no rows of the tables. */
bool node_paths_bind(node_paths *m, weights w, int hidden, error *e);
void node_paths_release(node_paths *m);

/* paths: [n][2][depth], the tags and then the numbers of the steps, -1 for steps that a path does
 * not have. ERR_INVALID for what is not in the tables. */
bool node_paths_check(const node_paths *m, const int *paths, int n, error *e);

/* Makes the vector of no path, if it is not made yet; before node_paths_add, not while others run
 * it. ERR_IO. */
bool node_paths_prepare(const node_paths *m, team *t, error *e);

/* Floats of working memory for n tokens. */
size_t node_paths_work(const node_paths *m, int n);

/* rows[i] += the vector of path i; NULL: tokens of no document. rows: [n][hidden]. Neighbours with
 * the same path are computed once. */
void node_paths_add(const node_paths *m, team *t, const int *paths, float *rows, int n,
                    float *work);
