/* Progress of a download on standard error: one line that is redrawn on a terminal, plain lines now
 * and then anywhere else. */
#pragma once

#include "tensor/hub_fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROGRESS_SAMPLES = 32, PROGRESS_LINE = 400 };

typedef struct progress {
    bool terminal;
    bool drawn; /* a line stands on the terminal, without its end */
    int64_t start_ms, shown_ms;
    struct {
        int64_t ms, bytes;
    } samples[PROGRESS_SAMPLES]; /* of bytes received, the oldest at n_samples % PROGRESS_SAMPLES */
    int n_samples;
} progress;

void progress_init(progress *p);

/* Shows how far it is, if it is time for that. */
void progress_show(progress *p, const hub_fetch_status *status);

/* Removes the line from a terminal. Twice is fine. */
void progress_end(progress *p);

/* The line, at most `columns` wide (below 40: as 40), without a line end:
 *     " 5/12 files [=====>       ]  38%  34.1/90.9 MB  12.3 MB/s  4 s left"
 * bytes_per_s: 0 when not known. plain: without the bar, whatever the width. */
void progress_line(char out[PROGRESS_LINE], const hub_fetch_status *status, double bytes_per_s,
                   int columns, bool plain);

/* "999 B", "1.2 kB", "34.1 MB", "5.3 GB". */
void progress_bytes(char *out, size_t room, double bytes);

/* "4 s", "2 min 5 s", "1 h 3 min". */
void progress_time(char *out, size_t room, double seconds);
