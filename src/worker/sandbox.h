/* What a worker gives up, so that a hostile model that finds a hole in a loader finds nothing
 * behind it.
 *
 * Two steps, for good: sandbox_enter before the model's files are read, sandbox_seal once the
 * socket listens. Kernels that lack a mechanism go without it (a line in the log says so). */
#pragma once

#include <stdbool.h>

typedef struct sandbox_paths {
    const char *cache;  /* folder that may be written: prepared tables; NULL: none */
    const char *socket; /* path of the unix socket that will be made; NULL: none */
} sandbox_paths;

/* From here on: no other program, no new process, no tracing, no privileges, and no file is
 * written, made or removed but those named. Threads can be started. */
void sandbox_enter(const sandbox_paths *paths);

/* From here on: no socket is made or connected. */
void sandbox_seal(void);

/* What holds now, for the log: "landlock+seccomp", "seccomp", "none". */
const char *sandbox_state(void);
