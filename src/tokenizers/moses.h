/* The rules of the Moses toolkit that XLM and FlauBERT cut texts into words by: punctuation is
 * made uniform, everything that is no letter and no number gets spaces around, but for the dot of
 * an abbreviation and what is inside of a number.
 *
 * As the Python port of Moses has them, which differs from Moses itself in places. */
#pragma once

#include "tokenizers/moses_table.h"
#include "tokenizers/normalizer.h"

enum moses_flag {
    MOSES_ALNUM = 1,
    MOSES_ALPHA = 2,
    MOSES_NUMBER = 4,
    MOSES_LOWER = 8,
    MOSES_SPACE = 16,
    MOSES_DIGIT = 32,
    MOSES_OTHER = 64, /* controls, formats, private and unassigned */
    MOSES_MARK = 128, /* nonspacing */
    MOSES_CASED = 256,
    MOSES_IGNORABLE = 512, /* of case */
};

unsigned moses_flags(uint32_t c);

/* A text as characters, each with the part of the original it stands for. Beyond MOSES_CHARS_MAX,
 * and out of memory, characters are dropped and `failed` is set. */
enum { MOSES_CHARS_MAX = 1 << 26 };
typedef struct moses_char {
    uint32_t c;
    span from;
} moses_char;
typedef struct moses_chars {
    moses_char *items;
    size_t n, capacity;
    bool failed;
} moses_chars;
void moses_add(moses_chars *out, moses_char c);
void moses_release(moses_chars *m);

/* Two of them that take turns: rules read one and write the other. */
typedef struct moses_text {
    moses_chars now, next;
} moses_text;
void moses_turn(moses_text *t); /* what was written is read from now on */
void moses_text_release(moses_text *t);

/* From a text, and in its place. */
void moses_read(moses_text *out, const text *t);
bool moses_write(const moses_text *words, text *t, normal_memory *m, error *e);

/* A rewriting rule: a pattern of a few characters, of which the leftmost, longest match gives way
 * to the replacement, again and again behind it. In patterns, + and * repeat what is before them,
 * and % begins a class (moses_rules.c); in replacements, a figure is the part of the pattern with
 * that number. */
struct moses_rule {
    const char *pattern, *replacement;
};
void moses_apply(moses_text *t, const struct moses_rule *rule);

enum moses_language { MOSES_EN, MOSES_FR };

/* All rules in their order. The result is words with one space between. */
void moses_run(moses_text *t, enum moses_language language);

/* Lower case as Python's str.lower has it: the last sigma of a word is another one. */
void moses_lower(moses_text *t);

/* The canonical decomposition without its nonspacing marks. */
void moses_strip_marks(moses_text *t);
