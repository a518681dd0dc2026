/* Typed fields: one row describes one JSON key, and from the rows come parsing, defaults, ranges,
 * error paths, JSON Schema, documentation, page forms and command line flags. Nobody reads request
 * JSON by hand.
 *
 *     struct ranking { str query; int top_k; };
 *     static const field ranking_fields[] = {
 *         FIELD_STRING(struct ranking, query, "query", NULL, FIELD_REQUIRED, "what to look for"),
 *         FIELD_INT(struct ranking, top_k, "top_k", 5, 1, 1000, "how many to return"),
 *         FIELD_END};
 *
 * A missing key or an explicit null takes the preset; unknown keys are tolerated (the wire contract
 * says so). Parsed values live in the arena; strings and arrays are copied, so the JSON may be
 * dropped. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <jansson.h>

enum field_type {
    FIELD_TYPE_END,
    FIELD_TYPE_BOOL,    /* int: 0 or 1, or the preset (-1 can say "not given") */
    FIELD_TYPE_INT,     /* int */
    FIELD_TYPE_NUMBER,  /* double */
    FIELD_TYPE_STRING,  /* str; p == NULL when not given and without preset */
    FIELD_TYPE_CHOICE,  /* int: index into choices, any letter case; preset may be -1 */
    FIELD_TYPE_STRINGS, /* strs: an array of strings (FIELD_ONE_OR_MANY: or one string) */
    FIELD_TYPE_INTS,    /* ints: an array of integers (FIELD_ONE_OR_MANY: or one integer) */
    FIELD_TYPE_BOXES,   /* box_lists: an array of arrays of four integers (FIELD_ONE_OR_MANY: or an
                           array of   such arrays) */
    FIELD_TYPE_TEXTS,   /* texts: a string or an array of strings, and what the flags add to it */
    FIELD_TYPE_NUMBERS, /* numbers: an array of them; in outputs floats, in arrays around them */
    FIELD_TYPE_TABLE,   /* cell_table: an object with an array of cells for each column, or an array
                           of objects, the rows; numbers become texts, what is missing is empty */
    FIELD_TYPE_OBJECT,  /* a struct at the offset, with its own rows */
    FIELD_TYPE_OBJECTS, /* objects: an array of structs with their own rows (FIELD_ONE_OR_MANY: or
                           one object) */
};

enum field_flags {
    FIELD_REQUIRED = 1,
    FIELD_TOKEN_IDS = 2,     /* TEXTS: token ids are accepted in place of strings */
    FIELD_ONE_OR_MANY = 4,   /* STRINGS, INTS, OBJECTS: one plain value is a list of one */
    FIELD_COMMAS = 8,        /* STRINGS: a plain string is a list separated by commas */
    FIELD_PAIRS = 16,        /* TEXTS: {"text": s, "text_pair": s} may stand for a string */
    FIELD_PAIR_LISTS = 32,   /* TEXTS: [s] or [s, s] may stand for a string, so that a plain list of
                                strings is one text or pair, not a list of texts */
    FIELD_NULL_IS_NONE = 64, /* INT, NUMBER, CHOICE: an explicit null is -1, not the preset */
    FIELD_OR_BOOL = 128,     /* CHOICE: false and true are the first two choices */
};

typedef struct strs {
    str *items; /* NULL: not given; a given list may be empty */
    int n;
} strs;

typedef struct ints {
    int *items; /* NULL: not given; a given list may be empty */
    int n;
    bool single; /* one integer, not a list */
} ints;

typedef struct numbers {
    double *items; /* NULL: not given */
    int n;
} numbers;

/* One text to encode: characters, perhaps with a second text that goes with them, or token ids when
 * `ids` is set (n_ids of them). */
typedef struct text_input {
    str text;
    str pair; /* p == NULL: none */
    const int *ids;
    int n_ids;
} text_input;

typedef struct texts {
    text_input *items;
    int n;
    bool single; /* the client sent one text, not a list */
} texts;

/* Rectangles: left, top, right, bottom. */
typedef struct box_list {
    int (*items)[4];
    int n;
} box_list;

typedef struct box_lists {
    box_list *lists; /* [n]; NULL: not given */
    int n;
    bool single; /* the client sent one list, not a list of them */
} box_lists;

typedef struct cell_table {
    str *cells; /* [n_rows + 1][n_columns], headers first; NULL: not given */
    int n_rows, n_columns;
} cell_table;

typedef struct objects {
    void *items; /* [n] structs of the row's item_size */
    int n;
    bool single; /* the client sent one object, not a list */
} objects;

typedef struct field {
    const char *name; /* JSON key; NULL in outputs whose value has no key */
    enum field_type type;
    unsigned flags;
    size_t offset;           /* in the struct that fields_parse() fills */
    double preset;           /* BOOL, INT, NUMBER, CHOICE */
    const char *preset_text; /* STRING */
    /* INT, NUMBER: value; INTS: each of them; STRINGS, NUMBERS, TEXTS, OBJECTS: items (0, 0: any)
     */
    double low, high;
    const char *const *choices; /* CHOICE: NULL-terminated */
    const struct field *rows;   /* OBJECT, OBJECTS */
    size_t item_size;           /* OBJECTS */
    int most_items;             /* INTS; 0: any number */
    int min_depth, max_depth;   /* outputs: arrays around the value */
    const char *help;
} field;

#define FIELD_BOOL(owner, member, key, preset_value, text)                                         \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_BOOL, .offset = offsetof(owner, member),                   \
        .preset = preset_value, .help = text                                                       \
    }
#define FIELD_INT(owner, member, key, preset_value, lowest, highest, text)                         \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_INT, .offset = offsetof(owner, member),                    \
        .preset = preset_value, .low = lowest, .high = highest, .help = text                       \
    }
#define FIELD_NUMBER(owner, member, key, preset_value, lowest, highest, text)                      \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_NUMBER, .offset = offsetof(owner, member),                 \
        .preset = preset_value, .low = lowest, .high = highest, .help = text                       \
    }
/* INT, NUMBER or CHOICE rows where an explicit null says "none", -1. */
#define FIELD_INT_OR_NONE(owner, member, key, preset_value, lowest, highest, text)                 \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_INT, .flags = FIELD_NULL_IS_NONE,                          \
        .offset = offsetof(owner, member), .preset = preset_value, .low = lowest, .high = highest, \
        .help = text                                                                               \
    }
#define FIELD_NUMBER_OR_NONE(owner, member, key, preset_value, lowest, highest, text)              \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_NUMBER, .flags = FIELD_NULL_IS_NONE,                       \
        .offset = offsetof(owner, member), .preset = preset_value, .low = lowest, .high = highest, \
        .help = text                                                                               \
    }
#define FIELD_STRING(owner, member, key, preset_value, flag_bits, text)                            \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_STRING, .offset = offsetof(owner, member),                 \
        .flags = flag_bits, .preset_text = preset_value, .help = text                              \
    }
#define FIELD_CHOICE(owner, member, key, preset_index, names, text)                                \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_CHOICE, .offset = offsetof(owner, member),                 \
        .preset = preset_index, .choices = names, .help = text                                     \
    }
#define FIELD_CHOICE_OR_NONE(owner, member, key, preset_index, names, text)                        \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_CHOICE, .flags = FIELD_NULL_IS_NONE,                       \
        .offset = offsetof(owner, member), .preset = preset_index, .choices = names, .help = text  \
    }
#define FIELD_STRINGS(owner, member, key, most_items, flag_bits, text)                             \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_STRINGS, .offset = offsetof(owner, member),                \
        .flags = flag_bits, .high = most_items, .help = text                                       \
    }
#define FIELD_INTS(owner, member, key, lowest, highest, items, flag_bits, text)                    \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_INTS, .offset = offsetof(owner, member),                   \
        .flags = flag_bits, .low = lowest, .high = highest, .most_items = items, .help = text      \
    }
#define FIELD_NUMBERS(owner, member, key, most_items, text)                                        \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_NUMBERS, .offset = offsetof(owner, member),                \
        .high = most_items, .help = text                                                           \
    }
#define FIELD_BOXES(owner, member, key, highest, items, flag_bits, text)                           \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_BOXES, .offset = offsetof(owner, member),                  \
        .flags = flag_bits, .high = highest, .most_items = items, .help = text                     \
    }
#define FIELD_TABLE(owner, member, key, flag_bits, text)                                           \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_TABLE, .offset = offsetof(owner, member),                  \
        .flags = flag_bits, .help = text                                                           \
    }
#define FIELD_CHOICE_OR_BOOL(owner, member, key, preset_index, names, text)                        \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_CHOICE, .flags = FIELD_OR_BOOL,                            \
        .offset = offsetof(owner, member), .preset = preset_index, .choices = names, .help = text  \
    }
#define FIELD_TEXTS(owner, member, key, most_items, flag_bits, text)                               \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_TEXTS, .offset = offsetof(owner, member),                  \
        .flags = flag_bits, .high = most_items, .help = text                                       \
    }
#define FIELD_OBJECT(owner, member, key, field_rows, flag_bits, text)                              \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_OBJECT, .offset = offsetof(owner, member),                 \
        .flags = flag_bits, .rows = field_rows, .help = text                                       \
    }
#define FIELD_OBJECTS(owner, member, key, item, field_rows, most_items, flag_bits, text)           \
    {                                                                                              \
        .name = key, .type = FIELD_TYPE_OBJECTS, .offset = offsetof(owner, member),                \
        .flags = flag_bits, .rows = field_rows, .item_size = sizeof(item), .high = most_items,     \
        .help = text                                                                               \
    }

/* Rows of outputs: several keyless rows are alternatives.
 * `depth` arrays of numbers ("[[0.1]]" has depth 2). */
#define FIELD_OUT_NUMBERS(least_depth, most_depth, text)                                           \
    {                                                                                              \
        .type = FIELD_TYPE_NUMBERS, .min_depth = least_depth, .max_depth = most_depth,             \
        .help = text                                                                               \
    }
/* `depth` arrays of objects; 0: an object. */
#define FIELD_OUT_OBJECTS(least_depth, most_depth, field_rows, text)                               \
    {                                                                                              \
        .type = FIELD_TYPE_OBJECT, .min_depth = least_depth, .max_depth = most_depth,              \
        .rows = field_rows, .help = text                                                           \
    }
/* A key of an object: BOOL, INT, NUMBER, STRING (arrays around it with depth), flags 0 when it may
 * be absent. */
#define FIELD_OUT_KEY(key, kind, depth, flag_bits, text)                                           \
    {                                                                                              \
        .name = key, .type = kind, .flags = flag_bits, .min_depth = depth, .max_depth = depth,     \
        .help = text                                                                               \
    }
#define FIELD_END                                                                                  \
    {                                                                                              \
        .type = FIELD_TYPE_END                                                                     \
    }

/* Writes every preset into `out` (nested objects too). */
void fields_preset(const field *rows, void *out);

/* Fills `out` from a JSON object, presets first. `path` is put before key names in messages
 * ("inputs",
 * "" at the root): "'inputs.sentences' must be an array of strings, found a number".
 * A wrong type is ERR_BAD_REQUEST, a value out of range is ERR_INVALID. */
bool fields_parse(const field *rows, const json_t *object, const char *path, void *out, arena *a,
                  error *e);

/* The value of a TABLE row. */
bool cell_table_parse(const json_t *value, const char *path, cell_table *out, arena *a, error *e);

/* One value of a row that may stand without an object around it (`inputs` itself). */
bool field_parse_value(const field *row, const json_t *value, const char *path, void *out, arena *a,
                       error *e);

/* Whether a value has a form that fields_parse() may take for this row: an array, an object or a
 * plain value; for rows that are alternatives of one key. */
bool field_takes(const field *row, const json_t *value);

/* JSON Schema of an object with these keys, or of the value for keyless rows; new reference. */
json_t *fields_schema(const field *rows);

/* Whether a value has the shape that output rows promise: every required key, every key of its
 * type, no key without a row. False with the place ("'[0].score' must be a number, found null"). */
bool fields_check(const field *rows, const json_t *value, error *e);
