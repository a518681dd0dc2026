/* Command line options as rows: parsing, defaults, ranges, error texts and --help follow from them.
 *
 *     struct serve_args { const char *data; int64_t idle_ms; bool no_auth; };
 *     static const option serve_options[] = {
 *         OPTION_TEXT(struct serve_args, data, "data", "DIR", NULL, "where the state is kept"),
 *         OPTION_DURATION(struct serve_args, idle_ms, "idle-timeout", "15m", "unload after"),
 *         OPTION_FLAG(struct serve_args, no_auth, "no-auth", "ask nobody for a token"),
 *         OPTION_END};
 *
 * "--name value" and "--name=value" are the same; options and arguments may be mixed; "--" ends the
 * options. An unknown option is an error that names the nearest known one. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTION_LIST_MAX = 64 };

/* Values of an option that may be repeated, in their order; views into argv. */
typedef struct option_list {
    const char *items[OPTION_LIST_MAX];
    int n;
} option_list;

enum option_kind {
    OPTION_KIND_END,
    OPTION_KIND_FLAG,     /* bool, false until given; takes no value */
    OPTION_KIND_INT,      /* int64_t in low .. high */
    OPTION_KIND_TEXT,     /* const char *, a view into argv or the preset; NULL without both */
    OPTION_KIND_LIST,     /* option_list */
    OPTION_KIND_BYTES,    /* int64_t from "512M", "1.5GiB" ...; -1 when not given without preset */
    OPTION_KIND_DURATION, /* int64_t milliseconds from "60s", "15m" ...; -1 likewise */
    OPTION_KIND_CHOICE,   /* int: index into choices; -1 likewise */
};

typedef struct option {
    const char *name; /* without the dashes */
    enum option_kind kind;
    size_t offset;              /* in the struct that options_parse() fills */
    const char *value;          /* what stands for the value in --help: "DIR" */
    const char *preset;         /* as it would be typed; NULL: none */
    long long low, high;        /* INT */
    const char *const *choices; /* CHOICE: NULL-terminated */
    const char *help;           /* one sentence, lower case */
} option;

#define OPTION_FLAG(owner, member, key, text)                                                      \
    {                                                                                              \
        .name = key, .kind = OPTION_KIND_FLAG, .offset = offsetof(owner, member), .help = text     \
    }
#define OPTION_INT(owner, member, key, stands, preset_text, lowest, highest, text)                 \
    {                                                                                              \
        .name = key, .kind = OPTION_KIND_INT, .offset = offsetof(owner, member), .value = stands,  \
        .preset = preset_text, .low = lowest, .high = highest, .help = text                        \
    }
#define OPTION_TEXT(owner, member, key, stands, preset_text, text)                                 \
    {                                                                                              \
        .name = key, .kind = OPTION_KIND_TEXT, .offset = offsetof(owner, member), .value = stands, \
        .preset = preset_text, .help = text                                                        \
    }
#define OPTION_LIST(owner, member, key, stands, text)                                              \
    {                                                                                              \
        .name = key, .kind = OPTION_KIND_LIST, .offset = offsetof(owner, member), .value = stands, \
        .help = text                                                                               \
    }
#define OPTION_BYTES(owner, member, key, preset_text, text)                                        \
    {                                                                                              \
        .name = key, .kind = OPTION_KIND_BYTES, .offset = offsetof(owner, member),                 \
        .value = "BYTES", .preset = preset_text, .help = text                                      \
    }
#define OPTION_DURATION(owner, member, key, preset_text, text)                                     \
    {                                                                                              \
        .name = key, .kind = OPTION_KIND_DURATION, .offset = offsetof(owner, member),              \
        .value = "TIME", .preset = preset_text, .help = text                                       \
    }
#define OPTION_CHOICE(owner, member, key, names, preset_text, text)                                \
    {                                                                                              \
        .name = key, .kind = OPTION_KIND_CHOICE, .offset = offsetof(owner, member),                \
        .choices = names, .preset = preset_text, .help = text                                      \
    }
#define OPTION_END                                                                                 \
    {                                                                                              \
        .kind = OPTION_KIND_END                                                                    \
    }

/* Fills `out` (presets first) from argv[1 ...] and moves the arguments that are not options to
 * argv[1 .. *n_arguments], in their order. ERR_BAD_REQUEST; argv may then be reordered. */
bool options_parse(const option *rows, int argc, char **argv, void *out, int *n_arguments,
                   error *e);

/* Appends the list of options for --help, one or more lines each, at most 90 columns. */
void options_help(const option *rows, buf *out);

/* "65536", "512k", "512 MB", "1.5GiB": K, M, G, T count in 1024 (with or without i and B). */
bool options_bytes(const char *text, int64_t *bytes, error *e);

/* "250ms", "60s", "15m", "2h", "1d"; a plain number is seconds. */
bool options_duration(const char *text, int64_t *ms, error *e);
