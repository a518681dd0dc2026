/* Log lines on standard error: "2026-01-31T12:00:00.123Z info gateway: text". Thread safe, one
 * write a line. */
#pragma once

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Lines below `level` are dropped; `who` names the process in every line (kept, not copied). */
void log_setup(enum log_level level, const char *who);

/* Control characters in the text are written as '?', so that input cannot forge lines. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
