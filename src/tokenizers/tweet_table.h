/* Layout of the generated table tweet_table.c (tools/tweet_tables.py). Read it through tweet.c. */
#pragma once

#include <stdint.h>

enum tweet_flag {
    TWEET_LETTER = 1, /* one of a to z, whatever the case */
    TWEET_WORD = 2,
    TWEET_DIGIT = 4,
    TWEET_SPACE = 8,
};

struct tweet_range {
    uint32_t first, last;
    uint32_t flags; /* enum tweet_flag */
};
extern const struct tweet_range tweet_ranges[]; /* rising, without those of no flags */
extern const int n_tweet_ranges;

struct tweet_emoji {
    uint32_t c;
    const char *name; /* with colons around; "" for what is left out */
};
extern const struct tweet_emoji tweet_emojis[]; /* rising */
extern const int n_tweet_emojis;

struct tweet_entity {
    const char *name;
    uint32_t c;
};
extern const struct tweet_entity tweet_entities[]; /* in the order of their bytes */
extern const int n_tweet_entities;
