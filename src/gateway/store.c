#include "gateway/store.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

/* Each entry brings the schema from version i to i + 1. Entries are never changed, only added. */
static const char *const migrations[] = {
    "CREATE TABLE token (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash TEXT NOT NULL "
    "UNIQUE, start TEXT NOT NULL, created_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE setting (model TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, "
    "PRIMARY KEY (model, key)) WITHOUT ROWID;"
    "CREATE TABLE counter (model TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, "
    "PRIMARY KEY (model, name)) WITHOUT ROWID;",
};

enum { SCHEMA_VERSION = sizeof migrations / sizeof *migrations };

enum query {
    TOKEN_ADD,
    TOKEN_FIND,
    TOKEN_USED,
    TOKEN_LIST,
    TOKEN_COUNT,
    TOKEN_REVOKE,
    SETTING_SET,
    SETTING_REMOVE,
    SETTING_GET,
    SETTING_LIST,
    COUNTER_ADD,
    COUNTER_GET,
    FORGET_SETTINGS,
    FORGET_COUNTERS,
    N_QUERIES,
};

static const char *const queries[N_QUERIES] = {
    [TOKEN_ADD] = "INSERT INTO token (name, hash, start, created_ms) VALUES (?, ?, ?, ?)",
    [TOKEN_FIND] = "SELECT id, name, start, created_ms, used_ms FROM token WHERE hash = ?",
    [TOKEN_USED] = "UPDATE token SET used_ms = ? WHERE id = ?",
    [TOKEN_LIST] = "SELECT id, name, start, created_ms, used_ms FROM token ORDER BY id",
    [TOKEN_COUNT] = "SELECT count(*) FROM token",
    [TOKEN_REVOKE] = "DELETE FROM token WHERE name = ?1 OR CAST(id AS TEXT) = ?1",
    [SETTING_SET] = "INSERT INTO setting (model, key, value) VALUES (?, ?, ?) "
                    "ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
    [SETTING_REMOVE] = "DELETE FROM setting WHERE model = ? AND key = ?",
    [SETTING_GET] = "SELECT value FROM setting WHERE model = ? AND key = ?",
    [SETTING_LIST] = "SELECT key, value FROM setting WHERE model = ? ORDER BY key",
    [COUNTER_ADD] = "INSERT INTO counter (model, name, n) VALUES (?, ?, ?) "
                    "ON CONFLICT (model, name) DO UPDATE SET n = n + excluded.n",
    [COUNTER_GET] = "SELECT n FROM counter WHERE model = ? AND name = ?",
    [FORGET_SETTINGS] = "DELETE FROM setting WHERE model = ?",
    [FORGET_COUNTERS] = "DELETE FROM counter WHERE model = ?",
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *prepared[N_QUERIES]; /* on first use */
};

static bool fail_sql(store *s, const char *what, error *e)
{
    return fail(e, ERR_IO, "%s: %s", what, sqlite3_errmsg(s->db));
}

/* A statement ready for binding; NULL when the file is broken. */
static sqlite3_stmt *get(store *s, enum query q)
{
    if (!s->prepared[q] && sqlite3_prepare_v3(s->db, queries[q], -1, SQLITE_PREPARE_PERSISTENT,
                                              &s->prepared[q], NULL) != SQLITE_OK)
        return NULL;
    sqlite3_reset(s->prepared[q]);
    sqlite3_clear_bindings(s->prepared[q]);
    return s->prepared[q];
}

static void bind_str(sqlite3_stmt *q, int at, str text)
{
    sqlite3_bind_text(q, at, text.p ? text.p : "", (int)text.n, SQLITE_TRANSIENT);
}

/* Runs a statement without rows. */
static bool run(store *s, sqlite3_stmt *q, const char *what, error *e)
{
    if (!q)
        return fail_sql(s, what, e);
    int status = sqlite3_step(q);
    bool ok = status == SQLITE_DONE;
    if (!ok)
        fail(e, status == SQLITE_CONSTRAINT ? ERR_CONFLICT : ERR_IO, "%s: %s", what,
             sqlite3_errmsg(s->db));
    sqlite3_reset(q);
    return ok;
}

static bool execute(store *s, const char *sql, const char *what, error *e)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail_sql(s, what, e);
}

static int schema_version(store *s)
{
    sqlite3_stmt *q = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &q, NULL) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW)
        version = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return version;
}

/* In one transaction that excludes other processes, so that two openers do not migrate twice. */
static bool migrate(store *s, error *e)
{
    if (!execute(s, "BEGIN IMMEDIATE", "cannot lock the state", e))
        return false;
    int version = schema_version(s);
    bool ok = version >= 0 || fail_sql(s, "cannot read the schema version", e);
    if (ok && version > SCHEMA_VERSION)
        ok = fail(e, ERR_IO, "the state has schema version %d, this program knows up to %d",
                  version, SCHEMA_VERSION);
    for (; ok && version < SCHEMA_VERSION; version++)
        ok = execute(s, migrations[version], "cannot update the schema", e);
    char set[64];
    snprintf(set, sizeof set, "PRAGMA user_version = %d", SCHEMA_VERSION);
    ok = ok && execute(s, set, "cannot update the schema", e) &&
         execute(s, "COMMIT", "cannot update the schema", e);
    if (!ok)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

store *store_open(const char *path, error *e)
{
    store *s = xcalloc(1, sizeof *s);
    bool ok = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) ==
              SQLITE_OK;
    if (!ok)
        fail(e, ERR_IO, "%s", s->db ? sqlite3_errmsg(s->db) : "out of memory");
    ok = ok && sqlite3_busy_timeout(s->db, 5000) == SQLITE_OK &&
         execute(s,
                 "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA trusted_schema = "
                 "OFF; PRAGMA cache_size = -512",
                 "cannot set up the state", e);
    ok = ok && (schema_version(s) == SCHEMA_VERSION || migrate(s, e));
    if (!ok) {
        fail_in(e, "cannot open '%s'", path);
        store_close(s);
        return NULL;
    }
    return s;
}

void store_close(store *s)
{
    if (!s)
        return;
    for (int i = 0; i < N_QUERIES; i++)
        sqlite3_finalize(s->prepared[i]);
    sqlite3_close(s->db);
    free(s);
}

/* 34 letters and digits: 202 bits. */
static void make_token(char out[STORE_TOKEN_SIZE])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    enum { N_LETTERS = sizeof letters - 1, N = STORE_TOKEN_SIZE - 4 };
    memcpy(out, "hf_", 3);
    for (int n = 0; n < N;) {
        unsigned char byte;
        random_bytes(&byte, 1);
        if (byte < 256 / N_LETTERS * N_LETTERS) /* every letter equally likely */
            out[3 + n++] = letters[byte % N_LETTERS];
    }
    out[STORE_TOKEN_SIZE - 1] = '\0';
}

static bool name_is_fine(str name)
{
    bool ok = name.n > 0 && name.n <= STORE_NAME_MAX;
    for (size_t i = 0; ok && i < name.n; i++)
        ok = (unsigned char)name.p[i] >= 0x20 && name.p[i] != 0x7f;
    return ok;
}

bool store_token_create(store *s, str name, char out[STORE_TOKEN_SIZE], error *e)
{
    if (!name_is_fine(name))
        return fail(e, ERR_BAD_REQUEST,
                    "the name of a token has 1 to %d bytes and no control characters",
                    STORE_NAME_MAX);
    char token[STORE_TOKEN_SIZE], hash[SHA256_HEX];
    make_token(token);
    sha256_hex(str_of(token), hash);
    sqlite3_stmt *q = get(s, TOKEN_ADD);
    if (q) {
        bind_str(q, 1, name);
        bind_str(q, 2, str_of(hash));
        bind_str(q, 3, (str){token, 8});
        sqlite3_bind_int64(q, 4, clock_unix_ms());
    }
    error cause = {0};
    if (!run(s, q, "cannot keep the token", &cause)) {
        if (cause.kind == ERR_CONFLICT)
            return fail(e, ERR_CONFLICT, "there is a token named '%.*s' already", (int)name.n,
                        name.p);
        return fail(e, cause.kind, "%s", cause.message);
    }
    memcpy(out, token, sizeof token);
    return true;
}

static void column_text(sqlite3_stmt *q, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(q, column);
    snprintf(out, size, "%s", text ? (const char *)text : "");
}

static void read_token(sqlite3_stmt *q, store_token *t)
{
    t->id = sqlite3_column_int64(q, 0);
    column_text(q, 1, t->name, sizeof t->name);
    column_text(q, 2, t->start, sizeof t->start);
    t->created_unix_ms = sqlite3_column_int64(q, 3);
    t->used_unix_ms = sqlite3_column_int64(q, 4);
}

static void note_use(store *s, const store_token *t)
{
    int64_t now = clock_unix_ms();
    if (now - t->used_unix_ms < 60000)
        return;
    sqlite3_stmt *q = get(s, TOKEN_USED);
    if (!q)
        return;
    sqlite3_bind_int64(q, 1, now);
    sqlite3_bind_int64(q, 2, t->id);
    run(s, q, "cannot note the use of a token", NULL);
}

bool store_token_find(store *s, str token, store_token *out)
{
    if (token.n != STORE_TOKEN_SIZE - 1)
        return false;
    char hash[SHA256_HEX];
    sha256_hex(token, hash);
    sqlite3_stmt *q = get(s, TOKEN_FIND);
    if (!q)
        return false;
    bind_str(q, 1, str_of(hash));
    bool found = sqlite3_step(q) == SQLITE_ROW;
    if (found)
        read_token(q, out);
    sqlite3_reset(q);
    if (found)
        note_use(s, out);
    return found;
}

bool store_tokens(store *s, store_token_fn *each, void *arg, error *e)
{
    sqlite3_stmt *q = get(s, TOKEN_LIST);
    int status = q ? SQLITE_OK : SQLITE_ERROR;
    while (q && (status = sqlite3_step(q)) == SQLITE_ROW) {
        store_token t;
        read_token(q, &t);
        each(&t, arg);
    }
    if (q)
        sqlite3_reset(q);
    return status == SQLITE_DONE || fail_sql(s, "cannot list the tokens", e);
}

/* The number in the first column of the first row. */
static int64_t first_number(sqlite3_stmt *q, int64_t absent)
{
    int64_t n = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : absent;
    sqlite3_reset(q);
    return n;
}

int64_t store_token_count(store *s)
{
    sqlite3_stmt *q = get(s, TOKEN_COUNT);
    return q ? first_number(q, 0) : 0;
}

bool store_token_revoke(store *s, const char *name, error *e)
{
    sqlite3_stmt *q = get(s, TOKEN_REVOKE);
    if (q)
        bind_str(q, 1, str_of(name));
    if (!run(s, q, "cannot revoke the token", e))
        return false;
    return sqlite3_changes(s->db) > 0 ||
           fail(e, ERR_NOT_FOUND, "there is no token with the name or number '%s'", name);
}

bool store_setting_set(store *s, str model, const char *key, const char *value, error *e)
{
    if (value && strlen(value) > STORE_VALUE_MAX)
        return fail(e, ERR_BAD_REQUEST, "the value of '%s' has more than %d bytes", key,
                    STORE_VALUE_MAX);
    sqlite3_stmt *q = get(s, value ? SETTING_SET : SETTING_REMOVE);
    if (q) {
        bind_str(q, 1, model);
        bind_str(q, 2, str_of(key));
        if (value)
            bind_str(q, 3, str_of(value));
    }
    return run(s, q, "cannot keep the setting", e);
}

int64_t store_setting_number(store *s, str model, const char *key, int64_t absent)
{
    sqlite3_stmt *q = get(s, SETTING_GET);
    if (!q)
        return absent;
    bind_str(q, 1, model);
    bind_str(q, 2, str_of(key));
    return first_number(q, absent);
}

bool store_settings(store *s, str model, store_setting_fn *each, void *arg, error *e)
{
    sqlite3_stmt *q = get(s, SETTING_LIST);
    int status = q ? SQLITE_OK : SQLITE_ERROR;
    if (q)
        bind_str(q, 1, model);
    while (q && (status = sqlite3_step(q)) == SQLITE_ROW)
        each((const char *)sqlite3_column_text(q, 0), (const char *)sqlite3_column_text(q, 1), arg);
    if (q)
        sqlite3_reset(q);
    return status == SQLITE_DONE || fail_sql(s, "cannot list the settings", e);
}

bool store_count(store *s, str model, const char *counter, int64_t n, error *e)
{
    sqlite3_stmt *q = get(s, COUNTER_ADD);
    if (q) {
        bind_str(q, 1, model);
        bind_str(q, 2, str_of(counter));
        sqlite3_bind_int64(q, 3, n);
    }
    return run(s, q, "cannot count", e);
}

int64_t store_counter(store *s, str model, const char *counter)
{
    sqlite3_stmt *q = get(s, COUNTER_GET);
    if (!q)
        return 0;
    bind_str(q, 1, model);
    bind_str(q, 2, str_of(counter));
    return first_number(q, 0);
}

bool store_forget_model(store *s, str model, error *e)
{
    for (enum query q = FORGET_SETTINGS; q <= FORGET_COUNTERS; q++) {
        sqlite3_stmt *statement = get(s, q);
        if (statement)
            bind_str(statement, 1, model);
        if (!run(s, statement, "cannot forget the model", e))
            return false;
    }
    return true;
}
