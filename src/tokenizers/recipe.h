/* Tokenizers that come without a tokenizer.json: for each class of transformers a recipe, by which
 * its vocabulary files become the document that transformers builds from them. To add a class:
 * a row in recipe_list.c. */
#pragma once

#include "tokenizers/document.h"
#include "tokenizers/sentencepiece.h"
#include "tokenizers/side_files.h"

enum recipe_source {
    SOURCE_PIECES,      /* a sentencepiece model */
    SOURCE_MERGES,      /* vocab.json and merges.txt */
    SOURCE_CODES,       /* vocab.txt with counts and bpe.codes */
    SOURCE_LINES,       /* vocab.txt */
    SOURCE_CODE_POINTS, /* no file: tokens are characters */
};

/* How the ids follow from the numbers of the pieces. */
enum recipe_layout {
    LAYOUT_PLAIN,     /* as they are */
    LAYOUT_T5,        /* and <extra_id_99> .. <extra_id_0> behind */
    LAYOUT_FAIRSEQ,   /* bos pad eos unk, the pieces from 3, mask */
    LAYOUT_CAMEMBERT, /* five of its own, the pieces from 1, mask */
    LAYOUT_MBART,     /* as FAIRSEQ, with 25 language codes before the mask */
    LAYOUT_MBART50,   /* with 52 */
};

/* When a text gets a space in front. */
enum recipe_prefix {
    PREFIX_ALWAYS,
    PREFIX_OR_NEVER, /* unless "add_prefix_space" is false */
    PREFIX_OR_FIRST,
    PREFIX_LLAMA, /* always if "legacy", else at the start of the text only */
};

/* Whether models are given type ids where "model_input_names" does not say so. transformers 5 gives
 * them for fewer classes than 4 did, the last that has question-answering. */
enum recipe_types { TYPES_GIVEN, TYPES_IN_ANSWERS, TYPES_NEVER };

enum { RECIPE_NAMES = 16 };

enum recipe_token { BOS, EOS, UNK, SEP, PAD, CLS, MASK, N_RECIPE_TOKENS };
extern const char *const recipe_token_keys[N_RECIPE_TOKENS]; /* "bos_token" .. */

typedef struct recipe {
    const char *class_name;         /* without "Tokenizer" and "TokenizerFast" */
    const char *also[RECIPE_NAMES]; /* classes that do the same */
    const char *model_types[RECIPE_NAMES];
    enum recipe_source source;
    enum recipe_layout layout;
    const char *tokens[N_RECIPE_TOKENS]; /* presets; NULL: none */
    /* Names of steps, separated by spaces (recipe.c); decoder NULL: tokens stand apart. */
    const char *normalizer, *pre_tokenizer, *decoder;
    /* "cls0 A0 sep0": tokens and texts with their segments; NULL: bos and eos as
     * "add_bos_token" and "add_eos_token" say. "roberta": RobertaProcessing. */
    const char *single, *pair;
    const char *suffix; /* behind the last part of a word, whose merges may go by symbols that the
                           vocabulary does not have; NULL: none */
    const char *inside; /* behind all parts of a word but the last, which in the vocabulary then has
                           no suffix; NULL: none */
    const char *more;   /* special tokens, separated by spaces, where the folder lists none */
    enum recipe_prefix prefix;
    bool whole;            /* tokens are taken out of a text before it is divided into words;
                              other words are unknown */
    bool mask_takes_space; /* a mask takes the white space before it */
    bool lower_case, keep_accents; /* presets of "do_lower_case", "keep_accents" */
    bool ignores_json;             /* vocabulary files count where there is a tokenizer.json too */
    bool adds_new_only;      /* tokens of the vocabulary are no added tokens, and the others are
                                looked for in the text as it comes */
    const char *empty_token; /* one more special token, for texts that say nothing; or NULL */
    int max_tokens;          /* where the folder does not say how many; 0: any number */
    enum recipe_types types;
    bool pads_left;     /* preset of "padding_side" */
    bool no_backend;    /* the class is written in Python */
    bool keeps_chinese; /* BertNormalizer puts no spaces around Chinese characters */
    bool (*check)(const side_files *f, error *e); /* of options; NULL: none */
} recipe;

extern const recipe recipe_list[]; /* class_name == NULL at the end */

/* The recipe for a folder: by tokenizer_class, else by model_type; NULL when neither is known. */
const recipe *recipe_find(const side_files *f);

/* Makes the document from vocabulary files (NULL at the end): one, or vocabulary and merges, or
 * none for SOURCE_CODE_POINTS. The files must name every token the layout needs (presets included).
 */
bool recipe_make(const recipe *r, const side_files *f, const char *const files[], document *d,
                 error *e);

/* Everything but vocabulary and merges; the model counts for SOURCE_PIECES only. */
json_t *recipe_document(const recipe *r, const side_files *f, const sentencepiece *model,
                        const vocab *v);

/* Language codes that the layout has; returns how many. */
int recipe_languages(const recipe *r, const char *const **codes);

/* Refuses options of BertJapaneseTokenizer that are not supported; the name of its dictionary. */
bool recipe_check_japanese(const side_files *f, error *e);
const char *recipe_japanese_dictionary(const side_files *f);

/* How many <extra_id_*> the layout has. */
int recipe_extra_ids(const recipe *r, const side_files *f);
