#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t now_us(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_us(void)
{
    return now_us(CLOCK_MONOTONIC);
}

int64_t clock_ms(void)
{
    return now_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_unix_ms(void)
{
    return now_us(CLOCK_REALTIME) / 1000;
}

void clock_iso(int64_t unix_ms, char out[25])
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc = {0};
    gmtime_r(&seconds, &utc);
    size_t n = strftime(out, 25, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, 25 - n, ".%03dZ", (int)(unix_ms % 1000));
}
