/* The ledger of memory: which loaded model holds how many bytes, and who goes when another needs
 * room. Decisions only; the pool drains and ends what is chosen here.
 *
 * Invariant: the bytes of all entries together never exceed the budget. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct ledger_entry {
    int64_t bytes;
    int64_t used_ms;      /* when it was last used: the least recently used goes first */
    int64_t protected_ms; /* a busy entry is not chosen before this time, so that two busy models
                             do not throw each other out after every request */
    bool busy;            /* has requests */
    bool leaving;         /* was chosen already: its bytes come back */
    void *owner;
    struct ledger_entry *next; /* the ledger's */
} ledger_entry;

typedef struct ledger {
    int64_t budget; /* bytes; INT64_MAX: no limit */
    int64_t used;
    ledger_entry *first;
} ledger;

enum ledger_verdict {
    LEDGER_FITS,  /* entered: the bytes are counted */
    LEDGER_WAIT,  /* not now: come again when an entry leaves, or after *again_ms */
    LEDGER_NEVER, /* larger than the whole budget */
};

/* Asks for wanted->bytes. When room has to be made, calls leave(owner) for the entries to end: the
 * idle ones first, then busy ones, always the least recently used; `leaving` is set before.
 * *again_ms: when protection of an entry ends that could help, else -1. */
enum ledger_verdict ledger_enter(ledger *l, ledger_entry *wanted, int64_t now_ms,
                                 void (*leave)(void *owner), int64_t *again_ms);

/* The bytes are free again. Entries that are not in the ledger are passed over. */
void ledger_remove(ledger *l, ledger_entry *entry);

/* Corrects the bytes of an entry that is in the ledger (what a worker really took); the sum may
 * then be above the budget until entries leave. */
void ledger_correct(ledger *l, ledger_entry *entry, int64_t bytes);
