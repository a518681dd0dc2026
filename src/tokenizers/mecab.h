/* Japanese words by MeCab, whose library and dictionaries are those of the system: they are looked
 * for when a tokenizer needs them. */
#pragma once

#include "base/str.h"
#include "tokenizers/ranges.h"

typedef struct mecab mecab;

/* A dictionary by its name in BertJapaneseTokenizer: "ipadic", "unidic_lite", "unidic"; "" is that
 * of the system. It lives as long as the process, once for all tokenizers. ERR_UNAVAILABLE says
 * which package is missing. */
const mecab *mecab_open(const char *name, error *e);

/* Bytes of a text; MeCab holds a hundred times as many of what they may mean. */
enum { MECAB_MOST_BYTES = 1 << 20 };

/* Gives all words of a text that is valid UTF-8, up to its first NUL. Any number of threads. Runs
 * of more than 512 characters without punctuation or space are looked at in pieces. */
bool mecab_words(const mecab *m, str text, range_sink *out, error *e);
