/* Speed is that of the last seconds, so that the time left follows the connection. */
#include "cli/progress.h"
#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    DRAW_EVERY_MS = 100,
    PLAIN_EVERY_MS = 5000,
    SAMPLE_EVERY_MS = 250, /* so the speed is that of the last 8 s */
    MIN_COLUMNS = 40,
    MAX_BAR = 40,
    MIN_BAR = 8
};

void progress_init(progress *p)
{
    *p = (progress){.terminal = isatty(STDERR_FILENO) == 1, .start_ms = clock_ms()};
    p->shown_ms = p->start_ms;
}

void progress_bytes(char *out, size_t room, double bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    if (bytes < 999.5) {
        snprintf(out, room, "%.0f B", bytes);
        return;
    }
    int unit = 0;
    for (bytes /= 1000; bytes >= 999.95 && unit < 3; unit++)
        bytes /= 1000;
    snprintf(out, room, "%.1f %s", bytes, units[unit]);
}

void progress_time(char *out, size_t room, double seconds)
{
    long long s = seconds > 1e9 ? 1000000000 : (long long)(seconds + 0.5);
    if (s < 60)
        snprintf(out, room, "%lld s", s);
    else if (s < 3600)
        snprintf(out, room, "%lld min %lld s", s / 60, s % 60);
    else
        snprintf(out, room, "%lld h %lld min", s / 3600, s % 3600 / 60);
}

static void put_bar(char *out, size_t room, double part, int width)
{
    int full = (int)(part * width);
    char cells[MAX_BAR + 1];
    for (int i = 0; i < width; i++)
        cells[i] = i < full ? '=' : i == full ? '>' : ' ';
    cells[width] = '\0';
    snprintf(out, room, " [%s]", cells);
}

void progress_line(char out[PROGRESS_LINE], const hub_fetch_status *status, double bytes_per_s,
                   int columns, bool plain)
{
    double part = status->bytes > 0 ? (double)status->bytes_done / (double)status->bytes : 1;
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    char done[32], all[32], speed[32], left[32], head[64], tail[160], bar[64] = "";
    progress_bytes(done, sizeof done, (double)status->bytes_done);
    progress_bytes(all, sizeof all, (double)status->bytes);
    int n_head = snprintf(head, sizeof head, "%2d/%d files", status->n_files_done, status->n_files);
    int n_tail = snprintf(tail, sizeof tail, " %3d%%  %s of %s", (int)(100 * part), done, all);
    if (bytes_per_s >= 1) {
        progress_bytes(speed, sizeof speed, bytes_per_s);
        progress_time(left, sizeof left,
                      (double)(status->bytes - status->bytes_done) / bytes_per_s);
        n_tail +=
            snprintf(tail + n_tail, sizeof tail - (size_t)n_tail, "  %s/s  %s left", speed, left);
    }
    columns = columns < MIN_COLUMNS ? MIN_COLUMNS : columns;
    int width = columns - n_head - n_tail - 3;
    if (!plain && width >= MIN_BAR)
        put_bar(bar, sizeof bar, part, width < MAX_BAR ? width : MAX_BAR);
    snprintf(out, PROGRESS_LINE, "%s%s%s", head, bar, tail);
    if (!plain && (int)strlen(out) > columns)
        out[columns] = '\0';
}

/* Bytes a second since the oldest sample; 0 before there is one. */
static double measure(progress *p, int64_t now_ms, int64_t bytes)
{
    int last = (p->n_samples + PROGRESS_SAMPLES - 1) % PROGRESS_SAMPLES;
    if (p->n_samples == 0 || now_ms - p->samples[last].ms >= SAMPLE_EVERY_MS) {
        p->samples[p->n_samples % PROGRESS_SAMPLES].ms = now_ms;
        p->samples[p->n_samples % PROGRESS_SAMPLES].bytes = bytes;
        p->n_samples++;
    }
    int oldest = p->n_samples > PROGRESS_SAMPLES ? p->n_samples % PROGRESS_SAMPLES : 0;
    int64_t ms = now_ms - p->samples[oldest].ms;
    return ms > 0 ? 1e3 * (double)(bytes - p->samples[oldest].bytes) / (double)ms : 0;
}

static int terminal_columns(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

void progress_show(progress *p, const hub_fetch_status *status)
{
    int64_t now_ms = clock_ms();
    double speed = measure(p, now_ms, status->bytes_received);
    if (now_ms - p->shown_ms < (p->terminal ? DRAW_EVERY_MS : PLAIN_EVERY_MS))
        return;
    p->shown_ms = now_ms;
    char line[PROGRESS_LINE];
    progress_line(line, status, speed, p->terminal ? terminal_columns() - 1 : 0, !p->terminal);
    if (p->terminal)
        fprintf(stderr, "\r%s\033[K", line);
    else
        fprintf(stderr, "%s\n", line);
    p->drawn = p->terminal;
    fflush(stderr);
}

void progress_end(progress *p)
{
    if (p->drawn)
        fputs("\r\033[K", stderr);
    p->drawn = false;
    fflush(stderr);
}
