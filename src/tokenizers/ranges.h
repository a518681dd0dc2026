/* What takes the words that a dictionary finds in a text: the bytes from .. to - 1. */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct range_sink {
    bool (*put)(struct range_sink *s, size_t from, size_t to, error *e);
} range_sink;
