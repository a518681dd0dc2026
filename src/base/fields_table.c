/* Tables: {"column": [cells]}, or a list of rows {"column": cell}. */
#include "base/fields.h"
#include "base/json.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_CELLS = 1 << 20 };

struct reading {
    const char *path;
    cell_table table;
    arena *memory;
    error *e;
};

static bool no_room(const struct reading *r)
{
    return fail(r->e, ERR_TOO_LARGE, "'%s' is larger than the memory allowed for one request",
                r->path);
}

/* The shortest decimal that reads back to the number, as Python spells it. */
static str spell(double number, char out[40])
{
    char digits[40];
    int precision = 0;
    do
        snprintf(digits, sizeof digits, "%.*e", precision, number);
    while (strtod(digits, NULL) != number && ++precision < 17);
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent >= -4 && exponent < 16)
        snprintf(out, 40, "%.*f", precision > exponent ? precision - exponent : 1, number);
    else
        snprintf(out, 40, "%s", digits);
    return str_of(out);
}

static bool read_cell(const struct reading *r, const json_t *value, str *out)
{
    char number[40];
    str spelled = {0};
    if (json_is_string(value))
        spelled = json_str(value);
    else if (json_is_boolean(value))
        spelled = json_is_true(value) ? STR("True") : STR("False");
    else if (json_is_real(value))
        spelled = spell(json_real_value(value), number);
    else if (json_is_integer(value)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
        spelled = str_of(number);
    }
    char *copy = arena_copy(r->memory, spelled.p ? spelled.p : "", spelled.n);
    *out = (str){copy, spelled.n};
    return copy || no_room(r);
}

static bool check_cell(const struct reading *r, const json_t *value, const char *column, int row,
                       bool by_row)
{
    if (!json_is_object(value) && !json_is_array(value))
        return true;
    return by_row ? fail(r->e, ERR_BAD_REQUEST,
                         "'%s[%d].%.60s' must be a string or a number, found %s", r->path, row,
                         column, json_kind(value))
                  : fail(r->e, ERR_BAD_REQUEST,
                         "'%s.%.60s[%d]' must be a string or a number, found %s", r->path, column,
                         row, json_kind(value));
}

/* Room for the table, of which every cell is empty. */
static bool make(struct reading *r, size_t n_rows, size_t n_columns)
{
    if (n_columns && n_rows + 1 > MAX_CELLS / n_columns)
        return fail(r->e, ERR_TOO_LARGE,
                    "'%s' has %zu rows of %zu cells, expected at most %d cells", r->path, n_rows,
                    n_columns, MAX_CELLS);
    r->table = (cell_table){arena_try(r->memory, (n_rows + 1) * n_columns + 1, sizeof(str)),
                            (int)n_rows, (int)n_columns};
    return r->table.cells || no_room(r);
}

static str *cell_at(const struct reading *r, int row, int column)
{
    return &r->table.cells[(size_t)row * (size_t)r->table.n_columns + (size_t)column];
}

static bool copy_header(const struct reading *r, const char *name, int column)
{
    size_t n = strlen(name);
    char *copy = arena_copy(r->memory, name, n);
    *cell_at(r, 0, column) = (str){copy, n};
    return copy || no_room(r);
}

static bool check_column(const struct reading *r, const json_t *list, const char *name,
                         const char *first, size_t n_rows)
{
    if (!json_is_array(list))
        return fail(r->e, ERR_BAD_REQUEST, "'%s.%.60s' must be an array of cells, found %s",
                    r->path, name, json_kind(list));
    if (json_array_size(list) != n_rows)
        return fail(r->e, ERR_BAD_REQUEST,
                    "'%s.%.60s' has %zu cells, but '%.60s' has %zu: all columns must be as long",
                    r->path, name, json_array_size(list), first, n_rows);
    return true;
}

static bool read_columns(struct reading *r, const json_t *object)
{
    json_t *columns = (json_t *)(uintptr_t)object, *list;
    const char *first = NULL, *name;
    size_t n_rows = 0;
    int column = 0;
    json_object_foreach (columns, name, list) {
        if (!first) {
            first = name;
            n_rows = json_array_size(list);
        }
        if (!check_column(r, list, name, first, n_rows))
            return false;
    }
    if (!make(r, n_rows, json_object_size(object)))
        return false;
    json_object_foreach (columns, name, list) {
        if (!copy_header(r, name, column))
            return false;
        for (int i = 0; i < r->table.n_rows; i++) {
            const json_t *value = json_array_get(list, (size_t)i);
            if (!check_cell(r, value, name, i, false) ||
                !read_cell(r, value, cell_at(r, i + 1, column)))
                return false;
        }
        column++;
    }
    return true;
}

/* The columns in the order in which the rows name them, each with its index. */
static bool find_columns(struct reading *r, const json_t *rows, json_t *indexes)
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i), *value;
        const char *name;
        if (!json_is_object(row))
            return fail(r->e, ERR_BAD_REQUEST, "'%s[%zu]' must be an object, found %s", r->path, i,
                        json_kind(row));
        json_object_foreach (row, name, value)
            if (!json_object_get(indexes, name))
                json_object_set_new(indexes, name,
                                    json_integer((json_int_t)json_object_size(indexes)));
    }
    return true;
}

static bool read_rows(struct reading *r, const json_t *rows, json_t *indexes)
{
    const char *name;
    json_t *value;
    if (!find_columns(r, rows, indexes) ||
        !make(r, json_array_size(rows), json_object_size(indexes)))
        return false;
    json_object_foreach (indexes, name, value)
        if (!copy_header(r, name, (int)json_integer_value(value)))
            return false;
    for (int i = 0; i < r->table.n_rows; i++) {
        json_object_foreach (json_array_get(rows, (size_t)i), name, value) {
            int column = (int)json_integer_value(json_object_get(indexes, name));
            if (!check_cell(r, value, name, i, true) ||
                !read_cell(r, value, cell_at(r, i + 1, column)))
                return false;
        }
    }
    return true;
}

bool cell_table_parse(const json_t *value, const char *path, cell_table *out, arena *a, error *e)
{
    struct reading r = {.path = path, .memory = a, .e = e};
    bool ok;
    if (json_is_array(value)) {
        json_t *indexes = json_object();
        ok = read_rows(&r, value, indexes);
        json_decref(indexes);
    } else if (json_is_object(value)) {
        ok = read_columns(&r, value);
    } else {
        return fail(e, ERR_BAD_REQUEST,
                    "'%s' must be an object with an array of cells for each column, or an array of "
                    "rows, found %s",
                    path, json_kind(value));
    }
    if (ok)
        *out = r.table;
    return ok;
}
