/* Words as BERT's tokenizers in Python cut them (BasicTokenizer), where those of the `tokenizers`
 * package differ: text is composed first, words are lowered one by one, and words that are special
 * tokens stay as they are. */
#pragma once

#include "tokenizers/model.h"

typedef struct basic_words {
    bool lower_case, strip_accents;
    bool split_chinese; /* Chinese characters are words */
    bool plain;         /* words are what stands between white space, and nothing else is done */
    const str *whole;   /* [n_whole] words that stay as they are */
    int n_whole;
    int n_ready; /* the first of them are tokens, even where the vocabulary does not have them */
} basic_words;

/* What takes the words: `ready` for one of the first n_ready. */
typedef struct word_sink {
    bool (*put)(struct word_sink *s, str word, bool ready, error *e);
} word_sink;

/* Gives all words of a text that is valid UTF-8. ERR_TOO_LARGE when memory is out. */
bool basic_words_run(const basic_words *b, str input, word_sink *out, error *e);
