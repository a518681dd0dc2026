#include "base/profile.h"

#include "base/clock.h"

_Thread_local profile *profile_current;

enum profile_part profile_switch(enum profile_part part)
{
    profile *p = profile_current;
    enum profile_part before = p->now;
    int64_t now = clock_ns();
    p->ns[before] += now - p->since_ns;
    p->since_ns = now;
    p->now = part;
    return before;
}

void profile_start(profile *p)
{
    *p = (profile){.since_ns = clock_ns()};
    profile_current = p;
}

void profile_stop(void)
{
    profile_switch(PROFILE_OTHER);
    profile_current = NULL;
}

const char *profile_part_name(enum profile_part part)
{
    static const char *const names[N_PROFILE_PARTS] = {
        [PROFILE_OTHER] = "other",         [PROFILE_REQUEST] = "request",
        [PROFILE_TOKENIZER] = "tokenizer", [PROFILE_GEMM] = "matrix products",
        [PROFILE_ATTENTION] = "attention", [PROFILE_CONV] = "convolutions",
        [PROFILE_ROWS] = "rows",           [PROFILE_REPLY] = "reply",
    };
    return names[part];
}
