/* Regular expressions of Oniguruma (Ruby's syntax, as the reference compiles them) as PCRE2 means
 * them. What differs:
 *
 *     \s, [:space:]   no U+180E
 *     \w, [:word:]    letters, marks, decimal digits and connecting punctuation
 *     [:punct:]       punctuation and symbols; [:alpha:] and the like by property
 *     \b              at the edge of those
 *     \h              a hexadecimal digit
 *     \p{L}           of Unicode 16, as far as pattern_table.h has it
 *     \p{Han}         characters of the script, without those that it shares with others
 *     \u00e9          a code point
 *     x{2,3}+         x{2,3} once or more; not possessive, as x++ is
 *
 * Classes inside of classes and their intersections (&&) are refused. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

/* Appends the expression to `out`. ERR_INVALID says what is not supported. */
bool pattern_translate(str regex, buf *out, error *e);
