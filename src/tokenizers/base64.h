/* Base64 with padding, for the character maps in tokenizer.json. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

/* The bytes in the arena. Strict: whole groups of four, no white space, no bits left over; fails
 * with ERR_BAD_MODEL. */
bool base64_decode(str text, str *out, arena *a, error *e);

/* The text of bytes in new memory (free); NULL when there is none. */
char *base64_encode(str bytes);
