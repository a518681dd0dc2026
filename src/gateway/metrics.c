#include "gateway/metrics.h"
#include "base/json.h"

#include "base/map.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LABELS = 4, MAX_LABEL_TEXT = 512 };

static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                0.25,   0.5,   1,      2.5,   5,    10,    30};
enum { N_BOUNDS = sizeof bounds / sizeof *bounds };

struct series {
    char *labels; /* `model="a/b"`, escaped; "" without */
    double value; /* histograms: sum in seconds */
    uint64_t counts[N_BOUNDS + 1];
    bool histogram;
    struct series *next;
};

struct family {
    metric_kind kind;
    const char *name, *help;
    struct series *first, **end;
    map by_labels; /* keys are the series' label texts */
    struct family *next;
};

struct metrics {
    struct family *first, **end;
};

metrics *metrics_new(void)
{
    metrics *m = xcalloc(1, sizeof *m);
    m->end = &m->first;
    return m;
}

static void family_free(struct family *f)
{
    for (struct series *s = f->first, *next; s; s = next) {
        next = s->next;
        free(s->labels);
        free(s);
    }
    map_release(&f->by_labels);
    free(f);
}

void metrics_free(metrics *m)
{
    if (!m)
        return;
    for (struct family *f = m->first, *next; f; f = next) {
        next = f->next;
        family_free(f);
    }
    free(m);
}

static struct family *family_of(metrics *m, metric_kind kind, const char *name, const char *help)
{
    for (struct family *f = m->first; f; f = f->next)
        if (f->name == name || strcmp(f->name, name) == 0)
            return f;
    struct family *f = xcalloc(1, sizeof *f);
    *f = (struct family){.kind = kind, .name = name, .help = help};
    f->end = &f->first;
    map_init(&f->by_labels, 0);
    *m->end = f;
    m->end = &f->next;
    return f;
}

static void put_escaped(buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            buf_byte(out, '\\');
        if (*value == '\n')
            buf_puts(out, "\\n");
        else
            buf_byte(out, *value);
    }
}

/* `route="a",status="200"` from "route,status" and its values; all values "other" when they are
 * NULL. */
static void put_labels(buf *out, const char *names, va_list *values)
{
    for (int i = 0; names && *names && i < MAX_LABELS; i++) {
        size_t n = strcspn(names, ",");
        buf_printf(out, "%s%.*s=\"", i ? "," : "", (int)n, names);
        put_escaped(out, values ? va_arg(*values, const char *) : "other");
        buf_byte(out, '"');
        names += n + (names[n] == ',');
    }
}

series *metrics_get(metrics *m, metric_kind kind, const char *name, const char *help,
                    const char *labels, ...)
{
    struct family *f = family_of(m, kind, name, help);
    own_buf buf text = buf_new(MAX_LABEL_TEXT);
    va_list values;
    va_start(values, labels);
    put_labels(&text, labels, &values);
    va_end(values);
    struct series *s = map_get(&f->by_labels, str_of(buf_text(&text)));
    if (!s && (f->by_labels.n >= METRICS_MAX_SERIES || text.full)) {
        buf_clear(&text);
        put_labels(&text, labels, NULL);
        s = map_get(&f->by_labels, str_of(buf_text(&text)));
    }
    if (s)
        return s;
    s = xcalloc(1, sizeof *s);
    s->labels = xstrdup(buf_text(&text));
    s->histogram = kind == METRIC_SECONDS;
    map_add(&f->by_labels, str_of(s->labels))->value.pointer = s;
    *f->end = s;
    f->end = &s->next;
    return s;
}

void series_add(series *s, double n)
{
    s->value += n;
}

void series_set(series *s, double value)
{
    s->value = value;
}

void series_observe(series *s, int64_t us)
{
    double seconds = (double)us / 1e6;
    int i = 0;
    while (i < N_BOUNDS && seconds > bounds[i])
        i++;
    s->counts[i]++;
    s->value += seconds;
}

static uint64_t observations(const series *s)
{
    uint64_t n = 0;
    for (int i = 0; i <= N_BOUNDS; i++)
        n += s->counts[i];
    return n;
}

double series_value(const series *s)
{
    return s->histogram ? (double)observations(s) : s->value;
}

static void put_histogram(buf *out, const char *name, const series *s)
{
    const char *comma = *s->labels ? "," : "";
    uint64_t n = 0;
    for (int i = 0; i < N_BOUNDS; i++) {
        n += s->counts[i];
        buf_printf(out, "%s_bucket{%s%sle=\"%g\"} %llu\n", name, s->labels, comma, bounds[i],
                   (unsigned long long)n);
    }
    n += s->counts[N_BOUNDS];
    buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %llu\n", name, s->labels, comma,
               (unsigned long long)n);
    const char *open = *s->labels ? "{" : "", *close = *s->labels ? "}" : "";
    buf_printf(out, "%s_sum%s%s%s %.9g\n", name, open, s->labels, close, s->value);
    buf_printf(out, "%s_count%s%s%s %llu\n", name, open, s->labels, close, (unsigned long long)n);
}

static void put_value(buf *out, const char *name, const series *s)
{
    buf_puts(out, name);
    if (*s->labels)
        buf_printf(out, "{%s}", s->labels);
    buf_byte(out, ' ');
    json_put_double(out, s->value);
    buf_byte(out, '\n');
}

void metrics_write(const metrics *m, buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    for (const struct family *f = m->first; f; f = f->next) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, kinds[f->kind]);
        for (const series *s = f->first; s; s = s->next) {
            if (f->kind == METRIC_SECONDS)
                put_histogram(out, f->name, s);
            else
                put_value(out, f->name, s);
        }
    }
}
