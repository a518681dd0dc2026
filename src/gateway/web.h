/* The files of web/, embedded at build (tools/embed.py writes the table). */
#pragma once

#include <stddef.h>

struct web_file {
    const char *path; /* relative to web/; NULL ends the table */
    const char *data;
    size_t size;
    const char *tag; /* content hash, for ETag */
};

extern const struct web_file web_files[];
