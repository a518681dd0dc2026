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

void profile_resume(profile *p)
{
    p->since_ns = clock_ns();
    p->now = PROFILE_OTHER;
    profile_current = p;
}

void profile_start(profile *p)
{
    *p = (profile){0};
    profile_resume(p);
}

void profile_stop(void)
{
    profile_switch(PROFILE_OTHER);
    profile_current = NULL;
}

void profile_share(const profile *thread, int n)
{
    profile *p = profile_current;
    profile_switch(p->now);
    for (int part = 0; part < N_PROFILE_PARTS; part++) {
        p->calls[part] += thread->calls[part];
        p->operations[part] += thread->operations[part];
        p->ns[part] += thread->ns[part] / n;
        p->ns[p->now] -= thread->ns[part] / n;
    }
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
