/* Where the nodes of a text stand in their HTML document, for models that read it (MarkupLM): what
 * MarkupLMProcessor of transformers makes of nodes and their xpaths. */
#pragma once

#include "tasks/task.h"

enum { MAX_NODES = 100000 }; /* of a text */

/* The row of a request: one path for each node of a text. */
#define PATHS_FIELD(owner, member)                                                                 \
    FIELD_STRINGS(owner, member, "xpaths", MAX_NODES, 0,                                           \
                  "for each line of the text the path of its node in an HTML document, as "        \
                  "/html/body/div[2]/p, for models that read them")

/* Whether there is a path for each line of the text that has nodes, if any are given. n_texts: of
 * the request, which must be one then. ERR_BAD_REQUEST, ERR_INVALID. */
bool paths_check(const task_call *c, const strs *given, int n_texts, str text, error *e);

/* Gives the sequences from `first` on the paths of their tokens, where model and tokenizer have
 * them: of those of nodes the ones given, else that of no document; of all others none. */
bool paths_fill(task_call *c, int first, error *e);
