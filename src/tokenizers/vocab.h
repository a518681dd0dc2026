/* Tokens and their ids. Built once, then read by any number of threads. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { VOCAB_MAX_TOKENS = 1 << 24, VOCAB_ABSENT = -1 };

typedef struct vocab {
    char *bytes; /* all tokens back to back */
    size_t n_bytes, bytes_capacity;
    uint32_t *begin; /* [n + 1] where each token starts */
    int32_t *ids;    /* [n] */
    double *scores;  /* [n], NULL when the tokens came without */
    int n, capacity;
    int n_distinct; /* without tokens that came twice */
    int n_ids;      /* highest id + 1 */
    int n_symbols;  /* ids and, behind them, numbers of symbols that have none */
    int symbol_capacity;
    int32_t *token_of_id; /* [n_symbols], VOCAB_ABSENT where there is none */
    struct vocab_slot {
        uint32_t hash;
        int32_t token; /* + 1; 0: free */
    } * slots;
    uint32_t mask;
    uint32_t longest; /* bytes of the longest token */
    bool mapped;      /* the arrays are somebody else's */
    bool code_points; /* tokens are all characters, ids their code points; `bytes` has four for
                         each, zeros behind it */
} vocab;

/* Adds a token; of equal tokens the last counts. Copies the bytes. */
bool vocab_add(vocab *v, str token, int64_t id, error *e);

/* The same with a score; all tokens have one or none. */
bool vocab_add_scored(vocab *v, str token, int64_t id, double score, error *e);

/* Makes the tables, after the last token. Fails when ids lie so far apart that they are a
 * mistake. */
bool vocab_finish(vocab *v, error *e);
void vocab_release(vocab *v);

/* Makes sure that there is a number for this symbol, after vocab_finish: merges may go by symbols
 * that the vocabulary does not have. They are no tokens, but for merges. */
bool vocab_add_symbol(vocab *v, str symbol, error *e);

/* The number of a symbol, which of a token is its id; VOCAB_ABSENT when there is none. */
int32_t vocab_symbol(const vocab *v, str symbol);

/* The symbol of a number; p == NULL when there is none. */
str vocab_symbol_text(const vocab *v, int64_t number);

/* The vocabulary of all characters, in place of the above. */
bool vocab_code_points(vocab *v, error *e);

/* The id of a token, VOCAB_ABSENT when there is none. */
int32_t vocab_id(const vocab *v, str token);

/* The token of an id; p == NULL when there is none. */
str vocab_token(const vocab *v, int64_t id);

/* The hash grows byte by byte, so that all prefixes of a word cost one walk. */
enum { VOCAB_HASH_START = 0x1505 };
static inline uint64_t vocab_hash_add(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * 0x9E3779B97F4A7C15u;
}

static inline uint64_t vocab_hash(uint64_t hash, str bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        hash = vocab_hash_add(hash, (unsigned char)bytes.p[i]);
    return hash;
}

static inline uint32_t vocab_hash_end(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

/* The id of head + tail, whose hash the caller has. */
int32_t vocab_find(const vocab *v, uint32_t hash, str head, str tail);

/* Reads {"token": id, ...} that starts at json.p[*at], moving *at behind it. Messages have the byte
 * where it went wrong. */
bool vocab_read(vocab *v, str json, size_t *at, error *e);

/* Reads [["token", score], ...]: ids are the places in the list. */
bool vocab_read_scored(vocab *v, str json, size_t *at, error *e);
