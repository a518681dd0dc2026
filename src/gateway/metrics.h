/* Counters, gauges and histograms, and their Prometheus text. Not thread safe: the loop's thread.
 *
 * A series is a family ("inferd_requests_total") with label values; asking for it again gives the
 * same one, so that callers need not keep it. Series of one family share its help and kind. Label
 * values come from a closed set (routes, statuses, models that exist), never from request text; a
 * family holds at most METRICS_MAX_SERIES, further ones share one series with the value "other". */
#pragma once

#include "base/buf.h"

#include <stdint.h>

enum { METRICS_MAX_SERIES = 2000 };

typedef struct metrics metrics;
typedef struct series series;

typedef enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_SECONDS } metric_kind;

metrics *metrics_new(void);
void metrics_free(metrics *m);

/* name, help: kept, not copied. label names: "model" or "route,status" (kept) or NULL; then one
 * const char * value for each, copied. METRIC_SECONDS is a histogram from 0.5 ms to 30 s. */
series *metrics_get(metrics *m, metric_kind kind, const char *name, const char *help,
                    const char *labels, ...);

void series_add(series *s, double n);       /* counters and gauges */
void series_set(series *s, double value);   /* gauges */
void series_observe(series *s, int64_t us); /* METRIC_SECONDS: a duration */
double series_value(const series *s);       /* counters and gauges; histograms: observations */

/* Everything, families in the order of their first use. */
void metrics_write(const metrics *m, buf *out);
