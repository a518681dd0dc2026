/* Tokens, and not ids, back to text. */
#pragma once

#include "tokenizers/tokenizer.h"

/* The text of tokens spelled as in the vocabulary, in the arena: what transformers calls
 * convert_tokens_to_string. The array is used up. */
bool tokenizer_join(const tokenizer *t, str *list, int n, str *out, arena *a, error *e);

/* tokenizer_decode(), then without the spaces in front of English punctuation if
 * tokenizer_config.json says clean_up_tokenization_spaces: the decode of transformers, which leaves
 * BPE alone. */
bool tokenizer_read(const tokenizer *t, const int *ids, int n, bool skip_special, str *out,
                    arena *a, error *e);
