#include "cli/options.h"

#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HELP_COLUMNS = 90, HELP_INDENT = 28, NAME_MAX_LENGTH = 40 };

struct unit {
    const char *name;
    double factor;
};

static const struct unit byte_units[] = {
    {"", 1},         {"b", 1},       {"k", 0x1p10},   {"kb", 0x1p10},  {"kib", 0x1p10},
    {"m", 0x1p20},   {"mb", 0x1p20}, {"mib", 0x1p20}, {"g", 0x1p30},   {"gb", 0x1p30},
    {"gib", 0x1p30}, {"t", 0x1p40},  {"tb", 0x1p40},  {"tib", 0x1p40}, {NULL, 0},
};

static const struct unit time_units[] = {
    {"", 1e3},    {"ms", 1},    {"s", 1e3},    {"sec", 1e3}, {"m", 6e4},
    {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}, {NULL, 0},
};

/* A decimal number with a unit, as a whole number of the base unit. */
static bool parse_units(const char *text, const struct unit *units, int64_t *out)
{
    if (!isdigit((unsigned char)*text))
        return false;
    char *end;
    double number = strtod(text, &end);
    while (*end == ' ')
        end++;
    for (const struct unit *u = units; u->name; u++) {
        if (strcasecmp(end, u->name) != 0)
            continue;
        double value = number * u->factor;
        if (!isfinite(value) || value > 0x1p62)
            return false;
        *out = (int64_t)(value + 0.5);
        return true;
    }
    return false;
}

bool options_bytes(const char *text, int64_t *bytes, error *e)
{
    return parse_units(text, byte_units, bytes) ||
           fail(e, ERR_BAD_REQUEST, "'%s' is not a number of bytes such as 512M or 2GiB", text);
}

bool options_duration(const char *text, int64_t *ms, error *e)
{
    return parse_units(text, time_units, ms) ||
           fail(e, ERR_BAD_REQUEST, "'%s' is not a time such as 250ms, 60s, 15m or 2h", text);
}

static bool set_int(const option *row, const char *text, void *to, error *e)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || value < row->low || value > row->high)
        return fail(e, ERR_BAD_REQUEST, "'%s' is not a whole number from %lld to %lld", text,
                    row->low, row->high);
    *(int64_t *)to = value;
    return true;
}

static bool set_choice(const option *row, const char *text, void *to, error *e)
{
    char known[200] = "";
    for (int i = 0; row->choices[i]; i++) {
        if (strcmp(row->choices[i], text) == 0) {
            *(int *)to = i;
            return true;
        }
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", row->choices[i]);
    }
    return fail(e, ERR_BAD_REQUEST, "'%s' is not one of %s", text, known);
}

static bool set_value(const option *row, const char *text, void *out, error *e)
{
    void *to = (char *)out + row->offset;
    bool ok = true;
    switch (row->kind) {
    case OPTION_KIND_END:
        break;
    case OPTION_KIND_FLAG:
        *(bool *)to = true;
        break;
    case OPTION_KIND_INT:
        ok = set_int(row, text, to, e);
        break;
    case OPTION_KIND_TEXT:
        *(const char **)to = text;
        break;
    case OPTION_KIND_LIST: {
        option_list *list = to;
        if (list->n == OPTION_LIST_MAX)
            ok = fail(e, ERR_BAD_REQUEST, "given more than %d times", OPTION_LIST_MAX);
        else
            list->items[list->n++] = text;
        break;
    }
    case OPTION_KIND_BYTES:
        ok = options_bytes(text, to, e);
        break;
    case OPTION_KIND_DURATION:
        ok = options_duration(text, to, e);
        break;
    case OPTION_KIND_CHOICE:
        ok = set_choice(row, text, to, e);
        break;
    }
    return ok || fail_in(e, "--%s", row->name);
}

static bool set_presets(const option *rows, void *out, error *e)
{
    for (const option *row = rows; row->kind != OPTION_KIND_END; row++) {
        void *to = (char *)out + row->offset;
        switch (row->kind) {
        case OPTION_KIND_FLAG:
            *(bool *)to = false;
            break;
        case OPTION_KIND_TEXT:
            *(const char **)to = NULL;
            break;
        case OPTION_KIND_LIST:
            ((option_list *)to)->n = 0;
            break;
        case OPTION_KIND_CHOICE:
            *(int *)to = -1;
            break;
        default:
            *(int64_t *)to = row->kind == OPTION_KIND_INT ? 0 : -1;
        }
        if (row->preset && !set_value(row, row->preset, out, e))
            return false;
    }
    return true;
}

/* Letters to change, add or drop to get from a to b (Levenshtein). */
static int edit_distance(str a, str b)
{
    int row[NAME_MAX_LENGTH + 1];
    if (a.n > NAME_MAX_LENGTH || b.n > NAME_MAX_LENGTH)
        return NAME_MAX_LENGTH;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= a.n; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b.n; j++) {
            int best = diagonal + (a.p[i - 1] != b.p[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[b.n];
}

static bool fail_unknown(const option *rows, str name, error *e)
{
    const option *nearest = NULL;
    int least = (int)(name.n / 3) + 2; /* farther than that is no typing mistake */
    for (const option *row = rows; row->kind != OPTION_KIND_END; row++) {
        int distance = edit_distance(name, str_of(row->name));
        if (distance < least) {
            least = distance;
            nearest = row;
        }
    }
    if (nearest)
        return fail(e, ERR_BAD_REQUEST, "there is no option '--%.*s'; did you mean '--%s'?",
                    (int)name.n, name.p, nearest->name);
    return fail(e, ERR_BAD_REQUEST, "there is no option '--%.*s'", (int)name.n, name.p);
}

/* One option at argv[at]; moves *at to its last word. */
static bool parse_option(const option *rows, int argc, char **argv, int *at, void *out, error *e)
{
    const char *text = argv[*at] + 2;
    const char *equals = strchr(text, '=');
    str name = equals ? (str){text, (size_t)(equals - text)} : str_of(text);
    const option *row = rows;
    while (row->kind != OPTION_KIND_END && !str_is(name, row->name))
        row++;
    if (row->kind == OPTION_KIND_END)
        return fail_unknown(rows, name, e);
    if (row->kind == OPTION_KIND_FLAG) {
        if (equals)
            return fail(e, ERR_BAD_REQUEST, "--%s takes no value", row->name);
        return set_value(row, NULL, out, e);
    }
    if (equals)
        return set_value(row, equals + 1, out, e);
    if (*at + 1 == argc)
        return fail(e, ERR_BAD_REQUEST, "--%s needs a value", row->name);
    return set_value(row, argv[++*at], out, e);
}

bool options_parse(const option *rows, int argc, char **argv, void *out, int *n_arguments, error *e)
{
    if (!set_presets(rows, out, e))
        return false;
    int n = 0;
    for (int at = 1; at < argc; at++) {
        const char *word = argv[at];
        if (strcmp(word, "--") == 0) {
            while (++at < argc)
                argv[++n] = argv[at];
            break;
        }
        if (word[0] == '-' && word[1] == '-') {
            if (!parse_option(rows, argc, argv, &at, out, e))
                return false;
        } else if (word[0] == '-' && word[1] && !isdigit((unsigned char)word[1])) {
            return fail(e, ERR_BAD_REQUEST, "there is no option '%s'", word);
        } else {
            argv[++n] = argv[at];
        }
    }
    *n_arguments = n;
    return true;
}

/* The help text, wrapped at words behind the column of the explanations. */
static void put_wrapped(buf *out, size_t column, const char *text)
{
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column + 1 + word > HELP_COLUMNS) {
            buf_printf(out, "\n%*s", HELP_INDENT, "");
            column = HELP_INDENT;
        } else if (column > HELP_INDENT) {
            buf_byte(out, ' ');
            column++;
        }
        buf_add(out, text, word);
        column += word;
        text += word;
        while (*text == ' ')
            text++;
    }
    buf_byte(out, '\n');
}

static void put_value_name(buf *out, const option *row)
{
    if (row->kind == OPTION_KIND_CHOICE) {
        for (int i = 0; row->choices[i]; i++)
            buf_printf(out, "%s%s", i ? "|" : " ", row->choices[i]);
    } else if (row->kind != OPTION_KIND_FLAG) {
        buf_printf(out, " %s", row->value);
    }
}

void options_help(const option *rows, buf *out)
{
    buf_puts(out, "options:\n");
    for (const option *row = rows; row->kind != OPTION_KIND_END; row++) {
        size_t start = out->n;
        buf_printf(out, "  --%s", row->name);
        put_value_name(out, row);
        size_t column = out->n - start;
        if (column + 2 > HELP_INDENT) {
            buf_byte(out, '\n');
            column = 0;
        }
        buf_printf(out, "%*s", (int)(HELP_INDENT - column), "");
        buf text = buf_new(2000);
        buf_puts(&text, row->help);
        if (row->kind == OPTION_KIND_LIST)
            buf_puts(&text, " (may be repeated)");
        if (row->preset)
            buf_printf(&text, " (default: %s)", row->preset);
        put_wrapped(out, HELP_INDENT, buf_text(&text));
        buf_release(&text);
    }
    buf_printf(out, "  %-*s%s\n", HELP_INDENT - 2, "--help", "show this text");
}
