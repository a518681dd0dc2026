/* JSON: jansson for documents that come in, a fast appender for replies that go out.
 *
 * Texts keep NUL bytes (JSON_ALLOW_NUL): read them with json_str(), never with json_string_value().
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#include <jansson.h>
#include <stdint.h>

enum {
    JSON_MAX_DEPTH = 64
}; /* of client JSON; jansson's own limit of 2048 holds for model files */

/* Parses one document. `what` names it in the message ("request body", "'config.json'"); at most
 * max_depth nested arrays and objects. If an integer does not fit 64 bits, all integers of the
 * document become reals: use json_number_value. NULL on failure with ERR_BAD_REQUEST; else owned by
 * the caller. */
json_t *json_parse(str text, const char *what, int max_depth, error *e);

/* The same from a file of at most max_bytes; errors are ERR_BAD_MODEL. */
json_t *json_parse_file(const char *path, size_t max_bytes, error *e);

static inline str json_str(const json_t *string)
{
    return (str){json_string_value(string), json_string_length(string)};
}

/* "an object", "an array", "a string", "a number", "true", "null" ... for messages. */
const char *json_kind(const json_t *value);

/* Appends one value to a reply. Strings must be valid UTF-8. A float is written with 9 significant
 * digits (reads back to the same float), a double with the fewest that do, 15 to 17; NaN and
 * infinities as null. */
void json_put_string(buf *out, str text);
void json_put_float(buf *out, float value);
void json_put_double(buf *out, double value);
void json_put_int(buf *out, int64_t value);
void json_put_floats(buf *out, const float *values, size_t n); /* [a,b,...] */
void json_put(buf *out, const json_t *value); /* any jansson value, compact; NULL: nothing */
