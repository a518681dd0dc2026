/* Chinese words as jieba finds them without its model of unknown words: of all ways to divide a
 * text into words of a dictionary the likeliest one, by how often they occur. */
#pragma once

#include "base/str.h"
#include "tokenizers/ranges.h"

typedef struct jieba jieba;

/* The dictionary of the system. It lives as long as the process, once for all tokenizers.
 * ERR_UNAVAILABLE names the package that is missing. */
const jieba *jieba_open(error *e);

/* Gives all words of a text that is valid UTF-8: letters and figures of ASCII stay together, other
 * characters that the dictionary does not have, spaces too, are words of their own. Any number of
 * threads. */
bool jieba_words(const jieba *j, str text, range_sink *out, error *e);
