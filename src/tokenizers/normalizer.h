/* Normalizers: what happens to a text before it is cut into words. To add one: a file
 * normalize_<thing>.c with its row, and the row in the table of normalizer.c. */
#pragma once

#include "tokenizers/component.h"
#include "tokenizers/text.h"

/* Two writers that take turns, so that a step reads one and writes the other. Zero it to begin. */
typedef struct normal_memory {
    text_writer writers[2];
    int turn;
} normal_memory;

void normal_memory_release(normal_memory *m);

/* The writer to write the next version of a text to, begun. */
text_writer *normal_writer(normal_memory *m, bool plain);

struct normalizer_kind {
    struct component_kind load;
    /* Replaces *t by its normalised form, which lives in `m` until the next step but one. Texts
     * that stay as they are should be left alone. */
    bool (*run)(const void *state, text *t, normal_memory *m, error *e);
};

/* From the "normalizer" of a tokenizer.json. */
bool normalizers_load(loader *l, const json_t *json, component_list *out);

/* Runs all of them in order. */
bool normalizers_run(const component_list *list, text *t, normal_memory *m, error *e);

extern const struct normalizer_kind normalize_bert;
extern const struct normalizer_kind normalize_byte_level;
extern const struct normalizer_kind normalize_lowercase;
extern const struct normalizer_kind normalize_moses;
extern const struct normalizer_kind normalize_nfc, normalize_nfd, normalize_nfkc, normalize_nfkd;
extern const struct normalizer_kind normalize_nmt;
extern const struct normalizer_kind normalize_precompiled;
extern const struct normalizer_kind normalize_prepend;
extern const struct normalizer_kind normalize_replace;
extern const struct normalizer_kind normalize_strip, normalize_strip_accents;
extern const struct normalizer_kind normalize_tweet;

/* Canonical order as NFD and NFKD make it, one character after the other. Each comes out with the
 * change that text_edit_put takes. Zero it and set kind, emit and context; release it. */
struct decomposer {
    bool compatible;
    void (*emit)(void *context, uint32_t c, int change);
    void *context;
    struct waiting {
        uint32_t c;
        uint8_t combining_class, change;
    } * waiting; /* marks whose order is not settled */
    size_t n, capacity;
    bool failed; /* out of memory */
};
void decomposer_add(struct decomposer *d, uint32_t c);
void decomposer_end(struct decomposer *d); /* lets go of what waits */
void decomposer_release(struct decomposer *d);

/* Lower case into the next writer; ASCII needs no origins. */
bool normalize_lower(text *t, normal_memory *m, error *e);
