/* The model file of sentencepiece (sentencepiece.bpe.model, spiece.model, tokenizer.model): a
 * protocol buffer message ModelProto, of which the fields are read that a tokenizer needs. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum { SENTENCEPIECE_UNIGRAM = 1, SENTENCEPIECE_BPE = 2 };

enum piece_type {
    PIECE_NORMAL = 1,
    PIECE_UNKNOWN,
    PIECE_CONTROL,
    PIECE_USER_DEFINED,
    PIECE_UNUSED,
    PIECE_BYTE,
};

struct piece {
    str text; /* valid UTF-8 */
    float score;
    enum piece_type type;
};

typedef struct sentencepiece {
    struct piece *pieces; /* of the arena; their texts are views of the file */
    int n;
    int model_type;
    int unk_id;   /* below n, -1: none */
    str charsmap; /* precompiled_charsmap; n == 0: none */
} sentencepiece;

/* Fails with ERR_BAD_MODEL, naming the file, on what is no such message. */
bool sentencepiece_parse(sentencepiece *model, str bytes, const char *name, arena *a, error *e);
