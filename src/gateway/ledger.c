#include "gateway/ledger.h"

#include <stddef.h>

/* Bytes that come back without choosing anyone else. */
static int64_t coming_back(const ledger *l)
{
    int64_t bytes = 0;
    for (const ledger_entry *at = l->first; at; at = at->next)
        if (at->leaving)
            bytes += at->bytes;
    return bytes;
}

/* Idle before busy, then the least recently used. NULL when nobody can go now. */
static ledger_entry *choose(const ledger *l, int64_t now_ms, int64_t *again_ms)
{
    ledger_entry *best = NULL;
    for (ledger_entry *at = l->first; at; at = at->next) {
        if (at->leaving)
            continue;
        if (at->busy && at->protected_ms > now_ms) {
            if (*again_ms < 0 || at->protected_ms < *again_ms)
                *again_ms = at->protected_ms;
            continue;
        }
        if (!best || at->busy < best->busy ||
            (at->busy == best->busy && at->used_ms < best->used_ms))
            best = at;
    }
    return best;
}

enum ledger_verdict ledger_enter(ledger *l, ledger_entry *wanted, int64_t now_ms,
                                 void (*leave)(void *owner), int64_t *again_ms)
{
    *again_ms = -1;
    if (wanted->bytes > l->budget)
        return LEDGER_NEVER;
    if (wanted->bytes <= l->budget - l->used) {
        l->used += wanted->bytes;
        wanted->next = l->first;
        l->first = wanted;
        return LEDGER_FITS;
    }
    int64_t missing = wanted->bytes - (l->budget - l->used) - coming_back(l);
    while (missing > 0) {
        ledger_entry *victim = choose(l, now_ms, again_ms);
        if (!victim)
            break;
        victim->leaving = true;
        missing -= victim->bytes;
        leave(victim->owner);
    }
    return LEDGER_WAIT;
}

void ledger_remove(ledger *l, ledger_entry *entry)
{
    for (ledger_entry **at = &l->first; *at; at = &(*at)->next)
        if (*at == entry) {
            *at = entry->next;
            l->used -= entry->bytes;
            entry->next = NULL;
            entry->leaving = false;
            return;
        }
}

void ledger_correct(ledger *l, ledger_entry *entry, int64_t bytes)
{
    l->used += bytes - entry->bytes;
    entry->bytes = bytes;
}
