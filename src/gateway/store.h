/* What the server remembers: tokens, settings of models, counters. One SQLite file (WAL), shared by
 * a running server and the command line; changes of one are seen by the other at its next read.
 *
 * Not thread safe: one owner. Of tokens only the SHA-256 is kept. The schema has a version
 * (PRAGMA user_version); older files are migrated at opening, newer ones are refused. */
#pragma once

#include "base/error.h"
#include "base/str.h"

#include <stdint.h>

enum {
    STORE_TOKEN_SIZE = 38,  /* "hf_" + 34 letters and digits + NUL */
    STORE_NAME_MAX = 64,    /* bytes of a token's name */
    STORE_VALUE_MAX = 1024, /* bytes of a setting */
};

typedef struct store store;

/* Opens or creates the file; its folder must exist. */
store *store_open(const char *path, error *e);
void store_close(store *s);

typedef struct store_token {
    int64_t id;
    char name[STORE_NAME_MAX + 1];
    char start[9]; /* "hf_" and the first letters, to tell tokens apart */
    int64_t created_unix_ms;
    int64_t used_unix_ms; /* 0: never; kept to the minute */
} store_token;

/* Makes a token: `out` is the only place where it is ever shown. ERR_BAD_REQUEST for a name that is
 * empty, too long or has control characters, ERR_CONFLICT when the name is taken. */
bool store_token_create(store *s, str name, char out[STORE_TOKEN_SIZE], error *e);

/* Whether a token is known; notes that it was used. */
bool store_token_find(store *s, str token, store_token *out);

/* Calls each(token, arg) in the order of creation. */
typedef void store_token_fn(const store_token *token, void *arg);
bool store_tokens(store *s, store_token_fn *each, void *arg, error *e);

/* Number of tokens; 0 also when the file cannot be read. */
int64_t store_token_count(store *s);

/* name: a token's name or number. ERR_NOT_FOUND. */
bool store_token_revoke(store *s, const char *name, error *e);

/* Sets a setting of a model, or removes it (value NULL). */
bool store_setting_set(store *s, str model, const char *key, const char *value, error *e);

/* A setting, or `absent`. */
int64_t store_setting_number(store *s, str model, const char *key, int64_t absent);

typedef void store_setting_fn(const char *key, const char *value, void *arg);
bool store_settings(store *s, str model, store_setting_fn *each, void *arg, error *e);

/* Counters of a model ("downloads"): add, and read (0 when never counted). */
bool store_count(store *s, str model, const char *counter, int64_t n, error *e);
int64_t store_counter(store *s, str model, const char *counter);

/* Removes settings and counters of a model. */
bool store_forget_model(store *s, str model, error *e);
