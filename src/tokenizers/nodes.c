#include "tokenizers/nodes.h"
#include "base/json.h"
#include "tokenizers/pipeline.h"
#include "tokenizers/unicode.h"

#include <string.h>

static const str NOWHERE = {"/document/node", 14}; /* of a node without a path */
enum { MAX_TAGS = 1 << 16, MOST_WIDTH = 1000, NO_WIDTH = 1001, MAX_WIDTH = 1 << 20 };

static bool is_markup(const side_files *f)
{
    const json_t *class = json_object_get(f->config, "tokenizer_class");
    return json_is_string(class) && (str_is(json_str(class), "MarkupLMTokenizer") ||
                                     str_is(json_str(class), "MarkupLMTokenizerFast"));
}

static bool read_width(int *out, const side_files *f, const char *key, int preset, error *e)
{
    const json_t *given = json_object_get(f->config, key);
    double value = json_is_number(given) ? json_number_value(given) : preset;
    if ((given && !json_is_number(given)) || !(value >= 0 && value <= MAX_WIDTH))
        return fail(e, ERR_BAD_MODEL, "tokenizer_config.json: '%s' must be a number from 0 to %d",
                    key, MAX_WIDTH);
    *out = (int)value;
    return true;
}

bool node_tags_read(node_tags *m, const side_files *f, arena *memory, error *e)
{
    json_t *tags = json_object_get(f->config, "tags_dict"), *id;
    const char *name;
    if (!is_markup(f) || !json_is_object(tags))
        return true;
    size_t n = json_object_size(tags);
    if (n > MAX_TAGS)
        return fail(e, ERR_BAD_MODEL,
                    "tokenizer_config.json: 'tags_dict' has %zu tags, expected at most %d", n,
                    MAX_TAGS);
    map_init(&m->ids, n);
    m->known = true;
    json_object_foreach (tags, name, id) {
        double value = json_is_number(id) ? json_number_value(id) : -1;
        const char *kept = arena_copy(memory, name, strlen(name));
        if (!(value >= 0 && value <= MAX_TAGS) || !kept)
            return fail(e, ERR_BAD_MODEL,
                        "tokenizer_config.json: 'tags_dict' gives '%.40s' no number from 0 to %d",
                        name, MAX_TAGS);
        map_add(&m->ids, str_of(kept))->value.number = (int64_t)value;
    }
    m->unknown_tag = (int)n;
    m->no_tag = (int)n + 1;
    return read_width(&m->most, f, "max_width", MOST_WIDTH, e) &&
           read_width(&m->no_number, f, "pad_width", NO_WIDTH, e);
}

void node_tags_release(node_tags *m)
{
    map_release(&m->ids);
}

bool node_next(str whole, bool lines, size_t *at, size_t *begin, size_t *end)
{
    bool inside = false;
    while (*at < whole.n) {
        size_t from = *at;
        uint32_t c = unicode_next(whole.p, at);
        bool space = unicode_is(c, UNICODE_SPACE);
        if (inside && (lines ? c == '\n' : space))
            return true;
        if (space)
            continue;
        *begin = inside ? *begin : from;
        *end = *at;
        inside = true;
    }
    return inside;
}

int tokenizer_nodes(str whole, bool lines)
{
    int n = 0;
    size_t at = 0, begin, end;
    while (node_next(whole, lines, &at, &begin, &end))
        n++;
    return n;
}

static str trimmed(str s)
{
    size_t at = 0, begin = 0, end = 0;
    return node_next(s, true, &at, &begin, &end) ? (str){s.p + begin, end - begin} : (str){0};
}

/* "div[2]" -> the tag and 2; a tag alone has 0. */
static bool read_step(const node_tags *m, str step, int *tag, int *number, error *e)
{
    const char *bracket = memchr(step.p, '[', step.n);
    str name = {step.p, bracket ? (size_t)(bracket - step.p) : step.n};
    long value = 0;
    size_t at = name.n + 1;
    for (; bracket && at < step.n && step.p[at] >= '0' && step.p[at] <= '9'; at++)
        value = value < MAX_WIDTH ? 10 * value + step.p[at] - '0' : value;
    if (bracket && (at == name.n + 1 || at + 1 != step.n || step.p[at] != ']'))
        return fail(e, ERR_BAD_REQUEST, "the step '%.*s' is not a tag, or a tag and a number '[2]'",
                    (int)(step.n < 60 ? step.n : 60), step.p);
    *tag = (int)map_number(&m->ids, name, m->unknown_tag);
    *number = value < m->most ? (int)value : m->most;
    return true;
}

bool tokenizer_node_path(const tokenizer *t, str xpath, int depth, int *path, error *e)
{
    const node_tags *m = &t->node_tags;
    int n = 0;
    tokenizer_no_path(t, depth, path);
    for (str rest = xpath.p ? xpath : NOWHERE; rest.n && n < depth;) {
        const char *slash = memchr(rest.p, '/', rest.n);
        str step = trimmed((str){rest.p, slash ? (size_t)(slash - rest.p) : rest.n});
        rest = str_skip(rest, slash ? (size_t)(slash - rest.p) + 1 : rest.n);
        if (step.n && !read_step(m, step, &path[n], &path[depth + n], e))
            return false;
        n += step.n > 0;
    }
    return true;
}

void tokenizer_no_path(const tokenizer *t, int depth, int *path)
{
    for (int i = 0; i < depth; i++) {
        path[i] = t->node_tags.no_tag;
        path[depth + i] = t->node_tags.no_number;
    }
}
