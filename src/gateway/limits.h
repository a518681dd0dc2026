/* Rate limits: a token bucket for each caller (an access token or a peer address). A bucket holds
 * `n` requests and fills evenly in `window_ms`. Bounded memory: with more than LIMITS_MAX_CALLERS
 * callers, those whose buckets are full again are forgotten first. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

enum { LIMITS_MAX_CALLERS = 10000, LIMITS_KEY_MAX = 64 };

typedef struct rate {
    int64_t n; /* requests in a window; 0: no limit */
    int64_t window_ms;
} rate;

/* "60/min", "1000/5 min", "10/1": N/MINUTES; also s, sec, h, hour, d, day with an optional number
 * before them. ERR_BAD_REQUEST. */
bool rate_parse(const char *text, rate *out, error *e);

typedef struct limits limits;
limits *limits_new(rate r);
void limits_free(limits *l);

typedef struct limits_verdict {
    bool allowed;
    int64_t remaining; /* whole requests left now */
    int64_t reset_s;   /* seconds until the bucket is full (allowed) or lets one through */
} limits_verdict;

/* Takes one request from the bucket of `key` (at most LIMITS_KEY_MAX bytes count). */
limits_verdict limits_take(limits *l, str key, int64_t now_ms);
