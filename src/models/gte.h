/* What the two forms of GTE have in common. */
#pragma once

#include "models/stack.h"

/* A stack_spec's: the tables, with positions if c->absolute. */
bool gte_bind(encoder *m, stack *s, const stack_config *c, weights w, error *e);

/* Claims the products of a layer in its scope, but those of queries, keys and values. */
void gte_bind_products(stack_layer *l, weights in, const stack_config *c);

extern const char *const gte_ignored[];
