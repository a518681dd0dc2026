/* Numbers and dates in texts, and how those of a table's column compare, as TapasTokenizer of
 * transformers finds them. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

enum { DATE_PARTS = 3 }; /* year, month, day */

typedef struct numeric_value {
    bool is_date;
    double parts[DATE_PARTS]; /* a number is parts[0]; of a date -1 where it has no such part */
} numeric_value;

typedef struct numeric_values {
    numeric_value *items; /* [n] in the order of the text */
    int n;
} numeric_values;

/* The values of a text: of those that overlap, the one that holds the other. Memory is the
 * arena's: ERR_TOO_LARGE when it is out. */
bool numeric_values_of(str text, numeric_values *out, arena *a, error *e);

/* The date that these code points are in one of the known forms, without capitals. */
bool numeric_date(const uint32_t *text, int n, numeric_value *out);

/* The same for one number or ordinal number. */
bool numeric_number(const uint32_t *text, int n, double *out);

/* What compares the values of a set of cells: all are numbers, or dates of which the parts that all
 * of them have count. */
typedef struct numeric_key {
    bool is_date, any;       /* any: one was added at least */
    bool mixed;              /* numbers and dates: nothing compares them */
    bool counts[DATE_PARTS]; /* of dates */
} numeric_key;

void numeric_key_add(numeric_key *k, const numeric_value *v);
bool numeric_key_compares(const numeric_key *k);
int numeric_compare(const numeric_key *k, const numeric_value *a, const numeric_value *b);

/* One column of a table: the values of those cells that are of the kind that most of them are. */
typedef struct numeric_column {
    const numeric_value **values; /* [n_rows]; NULL where a cell has none */
    numeric_key key;
    int *ranks; /* [n_rows] 1 for the lowest value; 0 where there is none, or nothing compares */
    int n_ranks;
} numeric_column;

/* cells: [n_rows] what each text has; must live as long as the column. */
bool numeric_column_make(numeric_column *c, const numeric_values *cells, int n_rows, arena *a,
                         error *e);

/* Ranks anew, among the first n_rows only. */
bool numeric_column_rank(numeric_column *c, int n_rows, arena *a, error *e);

/* out[i]: how the values of a question compare with that of row i, of the first n_rows: the sum of
 * 1 where any is equal, 2 where one is lower, 4 where one is higher. */
bool numeric_column_relate(const numeric_column *c, int n_rows, const numeric_values *question,
                           int *out, arena *a, error *e);
