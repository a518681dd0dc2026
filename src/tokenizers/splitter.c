/* Cutting a text at delimiters, with the five behaviours of the reference. */
#include "tokenizers/pretokenizer.h"

const char *const split_behaviors[] = {"Removed",        "Isolated",   "MergedWithPrevious",
                                       "MergedWithNext", "Contiguous", NULL};

static bool emit(splitter *s, size_t begin, size_t end, error *e)
{
    text piece = text_slice(s->t, begin, end);
    return sink_put(s->next, &piece, e);
}

static bool emit_pending(splitter *s, error *e)
{
    bool had = s->has_pending;
    s->has_pending = false;
    return !had || emit(s, s->pending_begin, s->pending_end, e);
}

static bool keep_pending(splitter *s, size_t begin, size_t end, bool is_match)
{
    s->has_pending = true;
    s->pending_begin = begin;
    s->pending_end = end;
    s->pending_is_match = is_match;
    return true;
}

/* Whether the new range belongs to the one that waits. */
static bool joins(const splitter *s, bool is_match)
{
    switch (s->behavior) {
    case SPLIT_CONTIGUOUS:
        return is_match == s->last_is_match;
    case SPLIT_MERGED_WITH_PREVIOUS:
        return is_match && !s->last_is_match;
    case SPLIT_MERGED_WITH_NEXT:
        return !is_match && s->pending_is_match;
    case SPLIT_REMOVED:
    case SPLIT_ISOLATED:
        break;
    }
    return false;
}

bool splitter_add(splitter *s, size_t begin, size_t end, bool is_match, error *e)
{
    if (s->behavior == SPLIT_REMOVED)
        return is_match || emit(s, begin, end, e);
    if (s->behavior == SPLIT_ISOLATED)
        return emit(s, begin, end, e);
    bool joined = s->has_pending && joins(s, is_match);
    s->last_is_match = is_match;
    if (joined) {
        s->pending_end = end;
        if (s->behavior == SPLIT_MERGED_WITH_NEXT)
            s->pending_is_match = false;
        return true;
    }
    return emit_pending(s, e) && keep_pending(s, begin, end, is_match);
}

bool splitter_end(splitter *s, error *e)
{
    return emit_pending(s, e);
}

bool split_at_chars(const text *t, bool (*is_delimiter)(uint32_t c, const void *arg),
                    const void *arg, enum split_behavior behavior, sink *next, error *e)
{
    splitter s = {.t = t, .next = next, .behavior = behavior};
    size_t done = 0;
    for (size_t at = 0, begin; at < t->n;) {
        begin = at;
        if (!is_delimiter(unicode_next(t->p, &at), arg))
            continue;
        if ((done < begin && !splitter_add(&s, done, begin, false, e)) ||
            !splitter_add(&s, begin, at, true, e))
            return false;
        done = at;
    }
    return (done == t->n || splitter_add(&s, done, t->n, false, e)) && splitter_end(&s, e);
}

bool split_at_pattern(const text *t, const pattern *p, bool invert, enum split_behavior behavior,
                      sink *next, error *e)
{
    __attribute__((cleanup(pattern_walk_release))) pattern_walk walk =
        pattern_begin(p, text_bytes(t));
    splitter s = {.t = t, .next = next, .behavior = behavior};
    size_t done = 0, begin, end;
    int found;
    while ((found = pattern_next(&walk, &begin, &end, e)) > 0) {
        if ((done < begin && !splitter_add(&s, done, begin, invert, e)) ||
            !splitter_add(&s, begin, end, !invert, e))
            return false;
        done = end;
    }
    return found == 0 && (done == t->n || splitter_add(&s, done, t->n, invert, e)) &&
           splitter_end(&s, e);
}
