/* What the files of a folder say of its TapasTokenizer, and single texts as tokens. Private to
 * table_*.c. */
#pragma once

#include "tokenizers/basic_words.h"
#include "tokenizers/pipeline.h"
#include "tokenizers/table_tokenizer.h"

struct table_tokenizer {
    const tokenizer *tokenizer;
    arena *memory;
    basic_words words;
    int empty_id; /* of texts that say nothing */
    int unk_id;
    bool split_special;             /* added tokens are ordinary text */
    bool strip_names;               /* headers are left out */
    int trim;                       /* tokens that a cell keeps; less than 0: as many as fit */
    int max_column, max_row;        /* numbers of columns and rows are below these */
    int min_question, max_question; /* tokens; -1: any number */
};

/* Ids of a text; release them. The token of an empty text stands for one that says nothing, a text
 * without any character has no tokens. */
bool table_tokens_of(const table_tokenizer *m, str text, tokens *out, error *e);

/* Whether the token goes on with the word of the one before. */
bool table_token_is_inner(const table_tokenizer *m, int id);
