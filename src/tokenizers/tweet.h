/* Tweets as BERTweet normalises them: entities of HTML are resolved, runs cut short, and the text
 * is divided into tokens, of which users and links lose their names and emojis get one; what is
 * left is English contractions apart, with one space between all. */
#pragma once

#include "tokenizers/moses.h"
#include "tokenizers/pattern.h"

/* What divides a text into tokens, an expression over a text in which each character is one of
 * ASCII that stands for its kind (tweet.c). */
extern const char tweet_tokens[];

/* Rewrites t->now. tokens: tweet_tokens, compiled. ERR_INVALID when that takes too many steps on
 * this text. */
bool tweet_run(moses_text *t, const pattern *tokens, error *e);
