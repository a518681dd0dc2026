/* Monotonic time for durations, wall time for dates. */
#pragma once

#include <stdint.h>

/* Since an arbitrary start; never goes back. */
int64_t clock_ns(void);
int64_t clock_us(void);
int64_t clock_ms(void);

/* Seconds and milliseconds since 1970, and its text "2026-01-31T12:00:00.123Z" (25 bytes with NUL).
 */
int64_t clock_unix_ms(void);
void clock_iso(int64_t unix_ms, char out[25]);
