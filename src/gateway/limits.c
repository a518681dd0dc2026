#include "gateway/limits.h"

#include "base/map.h"
#include "base/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct caller {
    char key[LIMITS_KEY_MAX];
    size_t key_length;
    double left; /* requests in the bucket at at_ms */
    int64_t at_ms;
};

struct limits {
    rate rate;
    map callers; /* key -> struct caller; the keys are the callers' own */
};

static const struct {
    const char *name;
    int64_t ms;
} windows[] = {
    {"", 60000},       {"s", 1000},       {"sec", 1000},      {"m", 60000},
    {"min", 60000},    {"minute", 60000}, {"minutes", 60000}, {"h", 3600000},
    {"hour", 3600000}, {"d", 86400000},   {"day", 86400000},
};

bool rate_parse(const char *text, rate *out, error *e)
{
    char *end;
    long long n = isdigit((unsigned char)*text) ? strtoll(text, &end, 10) : 0;
    if (n < 1 || n > 1000000000 || *end != '/')
        return fail(e, ERR_BAD_REQUEST, "'%s' is not a rate such as 60/min or 1000/5min", text);
    const char *unit = end + 1;
    long long count = 1;
    if (isdigit((unsigned char)*unit)) {
        count = strtoll(unit, &end, 10);
        unit = end + (*end == ' ');
    } else if (!*unit) {
        count = 0;
    }
    for (size_t i = 0; count >= 1 && count <= 1000000 && i < sizeof windows / sizeof *windows; i++)
        if (strcasecmp(unit, windows[i].name) == 0) {
            *out = (rate){n, count * windows[i].ms};
            return true;
        }
    return fail(e, ERR_BAD_REQUEST, "'%s' is not a rate such as 60/min or 1000/5min", text);
}

limits *limits_new(rate r)
{
    limits *l = xcalloc(1, sizeof *l);
    l->rate = r;
    map_init(&l->callers, 0);
    return l;
}

void limits_free(limits *l)
{
    if (!l)
        return;
    size_t at = 0;
    for (struct map_slot *slot; (slot = map_next(&l->callers, &at));)
        free(slot->value.pointer);
    map_release(&l->callers);
    free(l);
}

static void refill(const limits *l, struct caller *c, int64_t now_ms)
{
    double per_ms = (double)l->rate.n / (double)l->rate.window_ms;
    if (now_ms > c->at_ms)
        c->left += (double)(now_ms - c->at_ms) * per_ms;
    if (c->left > (double)l->rate.n)
        c->left = (double)l->rate.n;
    c->at_ms = now_ms;
}

static void forget(limits *l, struct caller *c)
{
    map_remove(&l->callers, (str){c->key, c->key_length});
    free(c);
}

/* Makes room for one caller: all with full buckets go, else the one that was seen longest ago. */
static void make_room(limits *l, int64_t now_ms)
{
    struct caller **full = xcalloc(l->callers.n + 1, sizeof(struct caller *));
    struct caller *oldest = NULL;
    size_t n_full = 0, at = 0;
    for (struct map_slot *slot; (slot = map_next(&l->callers, &at));) {
        struct caller *c = slot->value.pointer;
        if (!oldest || c->at_ms < oldest->at_ms)
            oldest = c;
        struct caller later = *c;
        refill(l, &later, now_ms);
        if (later.left >= (double)l->rate.n)
            full[n_full++] = c;
    }
    for (size_t i = 0; i < n_full; i++)
        forget(l, full[i]);
    if (n_full == 0 && oldest)
        forget(l, oldest);
    free(full);
}

static struct caller *caller_of(limits *l, str key, int64_t now_ms)
{
    if (key.n > LIMITS_KEY_MAX)
        key.n = LIMITS_KEY_MAX;
    struct caller *c = map_get(&l->callers, key);
    if (c)
        return c;
    if (l->callers.n >= LIMITS_MAX_CALLERS)
        make_room(l, now_ms);
    c = xcalloc(1, sizeof *c);
    memcpy(c->key, key.p, key.n);
    c->key_length = key.n;
    c->left = (double)l->rate.n;
    c->at_ms = now_ms;
    map_add(&l->callers, (str){c->key, c->key_length})->value.pointer = c;
    return c;
}

static int64_t seconds_up(double ms)
{
    return ms <= 0 ? 0 : (int64_t)((ms + 999) / 1000);
}

limits_verdict limits_take(limits *l, str key, int64_t now_ms)
{
    if (l->rate.n == 0)
        return (limits_verdict){.allowed = true, .remaining = INT64_MAX};
    struct caller *c = caller_of(l, key, now_ms);
    refill(l, c, now_ms);
    double ms_each = (double)l->rate.window_ms / (double)l->rate.n;
    /* refilling in many small steps loses some last bits; a request is not refused for them */
    if (c->left < 1 - 1e-9)
        return (limits_verdict){.reset_s = seconds_up((1 - c->left) * ms_each)};
    c->left -= 1;
    double missing = (double)l->rate.n - c->left;
    return (limits_verdict){true, (int64_t)(c->left > 0 ? c->left : 0),
                            seconds_up(missing * ms_each)};
}
