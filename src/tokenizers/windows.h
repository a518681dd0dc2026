/* A text that is longer than a model can read, as windows that overlap: what the `tokenizers`
 * package calls truncation with overflowing tokens. And one text with many pairs. */
#pragma once

#include "tokenizers/tokenizer.h"

typedef struct window_options {
    bool of_pair;  /* the pair is cut into windows, the text stands in each; else the text,
                      and its pair stands in each */
    int window;    /* most tokens of a window, special tokens included; 0: all in one */
    int stride;    /* tokens of the text that two neighbours share */
    int max_other; /* most tokens of the text that is not cut into windows; 0: any */
    enum truncation_side side; /* which end the first window leaves out */
    bool node_lines;           /* as in encode_options */
} window_options;

typedef struct windows {
    encoding *items; /* [n], with all arrays, in the arena */
    int n;           /* at least 1 */
    int n_lost;      /* tokens that max_other cut off */
} windows;

/* Fails as tokenizer_encode() does, and with ERR_INVALID when the stride leaves no room for a
 * window to move on. */
bool tokenizer_windows(const tokenizer *t, str first, const str *pair, const window_options *o,
                       windows *out, arena *a, error *e);

/* out[i]: text with pairs[i], the text alone being cut so that both fit in max_tokens (0: no
 * limit); where the text is too short for that, nothing is cut. The text is read once. No offsets:
 * ids and type ids only. */
bool tokenizer_encode_pairs(const tokenizer *t, str first, const str *pairs, int n, int max_tokens,
                            enum truncation_side side, encoding *out, arena *a, error *e);
