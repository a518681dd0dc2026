/* From the last character to the first, each gets the likeliest way on from there. The dictionary
 * is a vocabulary whose scores are logarithms of frequencies. */
#include "tokenizers/jieba.h"

#include "base/file.h"
#include "base/own.h"
#include "base/utf8.h"
#include "tokenizers/unicode.h"
#include "tokenizers/vocab.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

/* Where packages, and people, put the dictionary: a word, its frequency and its kind a line. */
static const char *const places[] = {"/usr/lib/python3/dist-packages/jieba/dict.txt",
                                     "/usr/local/share/jieba/dict.txt"};

enum { N_PLACES = sizeof places / sizeof *places };

struct jieba {
    vocab words;
    double log_total;
};

static struct jieba opened;
static bool is_open;
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static str take_part(str *line)
{
    const char *space = line->n ? memchr(line->p, ' ', line->n) : NULL;
    str part = {line->p, space ? (size_t)(space - line->p) : line->n};
    *line = str_skip(*line, part.n + 1);
    return part;
}

static double frequency_of(str digits)
{
    double value = 0;
    for (size_t i = 0; i < digits.n && digits.p[i] >= '0' && digits.p[i] <= '9'; i++)
        value = value * 10 + (digits.p[i] - '0');
    return value;
}

/* Words are looked for among these only. */
static bool is_sought(str word)
{
    for (size_t at = 0; at < word.n;) {
        uint32_t c = unicode_next(word.p, &at);
        if (c >= 0x80 && !unicode_is_chinese(c))
            return false;
    }
    return word.n > 0;
}

static bool read_dictionary(str lines, struct jieba *out, error *e)
{
    double total = 0;
    size_t bad = utf8_valid_prefix(lines);
    if (bad != lines.n)
        return fail(e, ERR_UNAVAILABLE, "it is not valid UTF-8 at byte %zu", bad);
    while (lines.n) {
        const char *newline = memchr(lines.p, '\n', lines.n);
        str line = {lines.p, newline ? (size_t)(newline - lines.p) : lines.n};
        lines = str_skip(lines, line.n + 1);
        str word = take_part(&line);
        double frequency = frequency_of(take_part(&line));
        total += frequency;
        if (is_sought(word) && frequency > 0 &&
            !vocab_add_scored(&out->words, word, out->words.n, log(frequency), e))
            return false;
    }
    out->log_total = log(total);
    if (!(total > 0))
        return fail(e, ERR_UNAVAILABLE, "it has no words");
    return vocab_finish(&out->words, e);
}

static bool open_dictionary(struct jieba *out, error *e)
{
    own_file_map file_map map = {0};
    int i = 0;
    while (i < N_PLACES && !file_exists(places[i]))
        i++;
    if (i == N_PLACES)
        return fail(e, ERR_UNAVAILABLE,
                    "Chinese words need jieba's dictionary, looked for in '%s' (Debian package "
                    "'python3-jieba') and '%s'",
                    places[0], places[1]);
    struct jieba made = {0};
    if (file_map_open(&map, places[i], e) && read_dictionary((str){map.p, map.n}, &made, e)) {
        *out = made;
        return true;
    }
    vocab_release(&made.words);
    return fail_in(e, "jieba's dictionary '%s'", places[i]);
}

const jieba *jieba_open(error *e)
{
    pthread_mutex_lock(&opening);
    is_open = is_open || open_dictionary(&opened, e);
    bool ok = is_open;
    pthread_mutex_unlock(&opening);
    return ok ? &opened : NULL;
}

/* The best way from a character on. */
struct way {
    double score;
    size_t end; /* of its first word */
};

static struct way best_way(const jieba *j, str text, size_t from, const struct way *ways)
{
    const vocab *v = &j->words;
    struct way best = {0, 0};
    uint64_t hash = VOCAB_HASH_START;
    for (size_t end = from; end < text.n && end - from < v->longest;) {
        size_t next = end + (size_t)unicode_length(text.p[end]);
        for (; end < next; end++)
            hash = vocab_hash_add(hash, (unsigned char)text.p[end]);
        int32_t id = vocab_find(v, vocab_hash_end(hash), STR(""), (str){text.p + from, end - from});
        if (id == VOCAB_ABSENT)
            continue;
        double score = v->scores[id] - j->log_total + ways[end].score;
        if (!best.end || score >= best.score)
            best = (struct way){score, end};
    }
    if (best.end)
        return best;
    size_t end = from + (size_t)unicode_length(text.p[from]);
    return (struct way){0 - j->log_total + ways[end].score, end};
}

static bool is_alphanumeric(str word)
{
    unsigned char c = word.n == 1 ? (unsigned char)*word.p : 0;
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool give_words(str text, const struct way *ways, range_sink *out, error *e)
{
    size_t waits = 0; /* letters and figures from here on */
    bool waiting = false;
    for (size_t at = 0; at < text.n; at = ways[at].end) {
        if (is_alphanumeric((str){text.p + at, ways[at].end - at})) {
            waits = waiting ? waits : at;
            waiting = true;
            continue;
        }
        if ((waiting && !out->put(out, waits, at, e)) || !out->put(out, at, ways[at].end, e))
            return false;
        waiting = false;
    }
    return !waiting || out->put(out, waits, text.n, e);
}

bool jieba_words(const jieba *j, str text, range_sink *out, error *e)
{
    own_mem struct way *ways = malloc((text.n + 1) * sizeof *ways);
    if (!ways)
        return fail(e, ERR_TOO_LARGE, "out of memory for the words of %zu bytes", text.n);
    ways[text.n] = (struct way){0, text.n};
    for (size_t at = text.n; at > 0;) {
        unicode_previous(text.p, &at);
        ways[at] = best_way(j, text, at, ways);
    }
    return give_words(text, ways, out, e);
}
