/* Text to token ids and back, equal to the `tokenizers` package: the same ids, offsets and word
 * numbers for the same tokenizer.json.
 *
 * The way of a text: added tokens are cut out; what lies between them is normalised (normalizer.h),
 * cut into words (pretokenizer.h), turned into ids (model.h); both texts of a pair are truncated
 * and joined with special tokens (postprocessor.h). Back: ids to tokens, joined by decoder.h.
 *
 * A tokenizer does not change once opened: any number of threads may use one at the same time. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>

typedef struct tokenizer tokenizer;

/* What tokenizer_config.json and tokenizer.json say about the use of a tokenizer. */
typedef struct tokenizer_info {
    int n_ids;      /* rows an embedding table needs: the highest id + 1, added tokens included */
    int max_tokens; /* model_max_length of tokenizer_config.json; 0: not given or "no limit" */
    int max_tokens_in_file; /* truncation.max_length of tokenizer.json; 0: no truncation there */
    int n_added_single;     /* special tokens that add_special puts around one text */
    int n_added_pair;       /* the same for a pair */
    int pad_id, unk_id, cls_id, sep_id, mask_id, bos_id, eos_id; /* -1: there is none */
    bool pad_left;                                               /* padding_side is "left" */
    bool truncate_left;                                          /* truncation_side is "left" */
    bool subword_prefix;  /* tokens inside of a word are marked, as with "##" */
    bool clean_up_spaces; /* clean_up_tokenization_spaces is true, and this is no BPE, or one
                             without a backend */
    bool no_type_ids;     /* the models of this tokenizer are not given its type ids */
    bool reads_nodes; /* the last text of a call is encoded node by node, its words if nothing else
                         is said; word_ids are the numbers of nodes */
    bool no_backend; /* transformers has this tokenizer in Python: of a pair cut to an odd number of
                        tokens the first text keeps one more, else the longer one; unknown words of
                        entities are spelled as the unknown token, for want of offsets */
    bool no_answer_type_ids;    /* the same for question-answering */
    int cls_box[4], sep_box[4]; /* where the tokens cls_id and sep_id stand on a page: left, top,
                                   right, bottom in thousandths */
    int pad_box[4];             /* and padding, and a question about what stands there */
} tokenizer_info;

enum truncation_side { TRUNCATE_RIGHT, TRUNCATE_LEFT }; /* which end is cut off */

enum truncation_strategy {
    TRUNCATE_LONGEST_FIRST, /* of a pair, the longer text loses tokens first */
    TRUNCATE_ONLY_FIRST,
    TRUNCATE_ONLY_SECOND,
};

/* All zero: no special tokens, no truncation. */
typedef struct encode_options {
    bool add_special;     /* put [CLS], [SEP] and the like around the text */
    bool ids_only;        /* leave every array of `encoding` but ids NULL: faster */
    bool special_as_text; /* special tokens typed in the text are ordinary text */
    bool node_lines;      /* where info.reads_nodes: the last text's nodes are its lines */
    int max_tokens;       /* special tokens included; 0: no truncation */
    enum truncation_side side;
    enum truncation_strategy strategy; /* of pairs; a single text is always "first" */
} encode_options;

/* Token arrays, n entries each, in the arena of the call. */
typedef struct encoding {
    int *ids;
    int *type_ids;          /* segment: 0 or 1 for BERT */
    int (*offsets)[2];      /* begin and end in code points of the original text; 0, 0 for specials
                               that were added */
    int (*byte_offsets)[2]; /* the same in bytes */
    int *word_ids;          /* word of its text; -1 for special tokens that were added */
    int *sequence_ids;      /* 0: text, 1: pair, -1: added special tokens */
    unsigned char *special; /* 1 for special tokens that were added */
    int n;
    int n_total; /* tokens without truncation, added special tokens included */
    bool truncated;
} encoding;

/* Nodes of a text of a tokenizer that reads them: its words, or its lines that are not blank. */
int tokenizer_nodes(str whole, bool lines);

/* The tags and then the subscripts of the steps of an xpath ("/html/body/div[2]"; p NULL: that of a
 * node of no document) into path [2][depth]; steps behind `depth` are left out. ERR_BAD_REQUEST for
 * what is no path. And of what is no node. Only where info.reads_nodes. */
bool tokenizer_node_path(const tokenizer *t, str xpath, int depth, int *path, error *e);
void tokenizer_no_path(const tokenizer *t, int depth, int *path);

/* Opens the tokenizer of a model folder: tokenizer.json, else a sentencepiece model, vocab.json
 * with merges.txt, vocab.txt, or no file where tokens are characters (recipe.h; TapasTokenizer
 * reads its vocab.txt first), with
 * tokenizer_config.json and special_tokens_map.json where there are any. Large ones are kept
 * prepared (document_cache.h). NULL on failure: ERR_NOT_FOUND when the folder has no tokenizer,
 * ERR_BAD_MODEL naming file, JSON path and what was expected otherwise. */
tokenizer *tokenizer_open(const char *folder, error *e);

/* The same from the bytes of a tokenizer.json; `name` stands for the file in messages. */
tokenizer *tokenizer_parse(str json, const char *name, error *e);

/* Makes a token of the vocabulary, or an added one, a special token that is found in texts as it
 * stands, whatever the normaliser does. Only before anything is encoded: the one change to a
 * tokenizer. False when there is no such token, or with an error. */
bool tokenizer_make_special(tokenizer *t, str name, error *e);

void tokenizer_close(tokenizer *t);

const tokenizer_info *tokenizer_info_of(const tokenizer *t);

/* Encodes a text, or a text and its pair (NULL: none). Time is linear in the length of the text.
 * Fails with ERR_BAD_REQUEST on malformed UTF-8, ERR_INVALID when max_tokens leaves no room for the
 * special tokens or the text that may be cut is too short to reach it, ERR_TOO_LARGE when the arena
 * is out or a text has more than 1 GiB. */
bool tokenizer_encode(const tokenizer *t, str text, const str *pair, const encode_options *o,
                      encoding *out, arena *a, error *e);

/* The text of ids in the arena. Ids without a token are skipped, as are special tokens when
 * skip_special is set. */
bool tokenizer_decode(const tokenizer *t, const int *ids, int n, bool skip_special, str *out,
                      arena *a, error *e);

/* Id of a token of the vocabulary or an added token, -1 when there is none. */
int tokenizer_token_id(const tokenizer *t, str token);

/* Token of an id as it stands in the vocabulary ("##ing"), lives as long as the tokenizer; p ==
 * NULL when there is none. */
str tokenizer_id_token(const tokenizer *t, int id);

/* Whether the id is an added token marked as special. */
bool tokenizer_id_is_special(const tokenizer *t, int id);
