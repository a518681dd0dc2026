/* The order in which the reference takes values: those of a module's own file, then those of the
 * whole folder, then presets. late_open reads the folder's, the others overwrite them. */
#include "models/late.h"
#include "base/json.h"
#include "base/own.h"
#include "models/config.h"

#include <limits.h>
#include <string.h>

enum { MOST_WORDS = 1 << 16, QUERY_TOKENS = 32 };

/* ASCII punctuation: what Stanford's ColBERT and PyLate leave out of documents unless told
 * otherwise. */
static const char punctuation[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

static const char *const strategies[] = {"fixed", "min", NULL};

struct expansion {
    int strategy, attended, length; /* strategy -1: there is none */
    str filler;
};

static const field expansion_rows[] = {
    FIELD_CHOICE(struct expansion, strategy, "strategy", -1, strategies, "how queries are filled"),
    FIELD_BOOL(struct expansion, attended, "attend", 0, "what fills is seen"),
    FIELD_INT(struct expansion, length, "length", 0, 1, 1 << 20, "tokens to fill up to"),
    FIELD_STRING(struct expansion, filler, "token", NULL, 0, "what fills"),
    FIELD_END,
};

/* Queries of "fixed" length are cut too; of "min" they may be longer. */
static bool set_expansion(model_late *m, const struct expansion *x, error *e)
{
    if (!x->length)
        return fail(e, ERR_BAD_MODEL, "'query_expansion.length' is required but missing");
    m->filled = x->length;
    m->attended = x->attended;
    if (m->query_tokens && m->query_tokens < m->filled)
        return fail(e, ERR_BAD_MODEL,
                    "'query_length' is %d, but 'query_expansion' fills queries up to %d tokens",
                    m->query_tokens, m->filled);
    if (x->strategy == 0)
        m->query_tokens = m->filled;
    m->filler = x->filler;
    return true;
}

static void set_words(model_late *m, strs words)
{
    m->skipped = words.items;
    m->n_skipped = words.n;
    m->skips_documents = true;
}

static bool skip_punctuation(model_late *m, arena *memory, error *e)
{
    int n = sizeof punctuation - 1;
    strs words = {arena_try(memory, (size_t)n, sizeof *words.items), n};
    if (!words.items)
        return fail(e, ERR_BAD_MODEL, "texts of the configuration are too long");
    for (int i = 0; i < n; i++)
        words.items[i] = (str){punctuation + i, 1};
    set_words(m, words);
    return true;
}

/* Prompts. */

static bool set_prompt(json_t *about, const char *name, str text, error *e)
{
    json_t *prompts = json_object_get(about, "prompts");
    if (!json_is_object(prompts))
        json_object_set_new(about, "prompts", prompts = json_object());
    return json_object_set_new(prompts, name, json_stringn(text.p, text.n)) == 0 ||
           fail(e, ERR_BAD_MODEL, "prompt '%s' is no text", name);
}

/* PyLate puts the marker in front of the prompt, if that does not begin with it. */
static bool add_marker(late *l, json_t *about, int which, str marker, arena *memory, error *e)
{
    static const char *const names[] = {"query", "document"};
    const json_t *given = json_object_get(json_object_get(about, "prompts"), names[which]);
    str prompt = json_is_string(given) ? json_str(given) : STR("");
    if (str_starts(prompt, marker))
        prompt = str_skip(prompt, marker.n);
    char *text = arena_try(memory, marker.n + prompt.n + 1, 1);
    if (!text)
        return fail(e, ERR_BAD_MODEL, "prompt '%s' is too long", names[which]);
    memcpy(text, marker.p, marker.n);
    memcpy(text + marker.n, prompt.p, prompt.n);
    l->about.markers[which] = (str){text, marker.n};
    return set_prompt(about, names[which], (str){text, marker.n + prompt.n}, e);
}

bool late_preset_prompts(json_t *about, error *e)
{
    const json_t *prompts = json_object_get(about, "prompts");
    return (json_object_get(prompts, "query") || set_prompt(about, "query", STR(""), e)) &&
           (json_object_get(prompts, "document") || set_prompt(about, "document", STR(""), e));
}

/* PyLate. */

struct pylate_file {
    str model_type, query_prefix, document_prefix;
    int query_tokens, document_tokens, expands, attended, attended_masks;
    struct expansion expansion;
    strs skipped;
};

/* The prefixes first. */
static const char *const pylate_keys[] = {"query_prefix",          "document_prefix",
                                          "query_length",          "document_length",
                                          "do_query_expansion",    "attend_to_expansion_tokens",
                                          "attend_to_mask_tokens", "query_expansion",
                                          "skiplist_words",        NULL};

static bool has_any(const json_t *object, const char *const *keys, int n)
{
    for (int i = 0; keys[i] && i < n; i++)
        if (json_object_get(object, keys[i]))
            return true;
    return false;
}

/* Queries are filled up unless the file says otherwise; then query_length is how far. */
static bool set_pylate_expansion(model_late *m, const json_t *about, const struct pylate_file *f,
                                 error *e)
{
    struct expansion x = f->expansion;
    m->query_tokens = f->query_tokens;
    if (json_object_get(about, "query_expansion"))
        return x.strategy < 0 || set_expansion(m, &x, e);
    if (!has_any(about, pylate_keys, INT_MAX) || !f->expands)
        return true;
    m->query_tokens = 0;
    x = (struct expansion){.attended = f->attended >= 0 ? f->attended : f->attended_masks,
                           .length = f->query_tokens ? f->query_tokens : QUERY_TOKENS};
    return set_expansion(m, &x, e);
}

static bool read_folder(late *l, json_t *about, arena *memory, error *e)
{
    static const field rows[] = {
        FIELD_STRING(struct pylate_file, model_type, "model_type", NULL, 0, "what it makes"),
        FIELD_STRING(struct pylate_file, query_prefix, "query_prefix", NULL, 0, "marks queries"),
        FIELD_STRING(struct pylate_file, document_prefix, "document_prefix", NULL, 0,
                     "marks documents"),
        FIELD_INT(struct pylate_file, query_tokens, "query_length", 0, 1, 1 << 20, "tokens"),
        FIELD_INT(struct pylate_file, document_tokens, "document_length", 0, 1, 1 << 20, "tokens"),
        FIELD_BOOL(struct pylate_file, expands, "do_query_expansion", 1, "queries are filled up"),
        FIELD_BOOL(struct pylate_file, attended, "attend_to_expansion_tokens", -1,
                   "what fills is seen"),
        FIELD_BOOL(struct pylate_file, attended_masks, "attend_to_mask_tokens", 0, "the same"),
        FIELD_OBJECT(struct pylate_file, expansion, "query_expansion", expansion_rows, 0,
                     "how queries are filled"),
        FIELD_STRINGS(struct pylate_file, skipped, "skiplist_words", MOST_WORDS, 0,
                      "tokens that do not count"),
        FIELD_END,
    };
    struct pylate_file f = {.expansion = {.strategy = -1}};
    if (!config_parse(rows, about, "config_sentence_transformers.json", &f, memory, e))
        return false;
    bool marked = has_any(about, pylate_keys, 2), named = f.model_type.p != NULL;
    bool pylate = str_is(f.model_type, "ColBERT");
    l->is = pylate || str_is(f.model_type, "MultiVectorEncoder") || (!named && (l->is || marked));
    l->implied = pylate || (l->is && !named && marked);
    if (!l->is)
        return true;
    l->about.document_tokens = f.document_tokens;
    if (json_object_get(about, "query_prefix") &&
        !add_marker(l, about, 0, f.query_prefix.p ? f.query_prefix : STR(""), memory, e))
        return false;
    if (json_object_get(about, "document_prefix") &&
        !add_marker(l, about, 1, f.document_prefix.p ? f.document_prefix : STR(""), memory, e))
        return false;
    if (!set_pylate_expansion(&l->about, about, &f, e) || !late_preset_prompts(about, e))
        return fail_in(e, "'config_sentence_transformers.json'");
    if (!l->implied)
        return true;
    if (!f.skipped.items)
        return skip_punctuation(&l->about, memory, e);
    set_words(&l->about, f.skipped);
    return true;
}

/* Stanford's. */

struct metadata {
    str query_marker, document_marker;
    int query_tokens, document_tokens, attended, punctuation;
};

static bool read_metadata(late *l, const repo *r, json_t *about, arena *memory, error *e)
{
    static const field rows[] = {
        FIELD_STRING(struct metadata, query_marker, "query_token_id", "[unused0]", 0,
                     "marks queries"),
        FIELD_STRING(struct metadata, document_marker, "doc_token_id", "[unused1]", 0,
                     "marks documents"),
        FIELD_INT(struct metadata, query_tokens, "query_maxlen", QUERY_TOKENS, 1, 1 << 20,
                  "tokens"),
        FIELD_INT(struct metadata, document_tokens, "doc_maxlen", 0, 1, 1 << 20, "tokens"),
        FIELD_BOOL(struct metadata, attended, "attend_to_mask_tokens", 0, "what fills is seen"),
        FIELD_BOOL(struct metadata, punctuation, "mask_punctuation", 1,
                   "punctuation does not count"),
        FIELD_END,
    };
    struct metadata f = {0};
    if (!config_read(rows, r, "", "artifact.metadata", false, &f, memory, e))
        return false;
    const str markers[] = {f.query_marker, f.document_marker};
    for (int i = 0; i < 2; i++) {
        enum { LONGEST = 1000 };
        int n = markers[i].n < LONGEST ? (int)markers[i].n : LONGEST;
        char *text = arena_printf(memory, "%.*s ", n, markers[i].p);
        if (!text)
            return fail(e, ERR_BAD_MODEL, "'artifact.metadata': texts are too long");
        if (!add_marker(l, about, i, str_of(text), memory, e))
            return false;
    }
    l->about.document_tokens = f.document_tokens;
    struct expansion x = {.attended = f.attended, .length = f.query_tokens};
    return set_expansion(&l->about, &x, e) &&
           (!f.punctuation || skip_punctuation(&l->about, memory, e));
}

/* "architectures" of config.json has HF_ColBERT. */
static bool is_stanford(const repo *r)
{
    error ignored = {0};
    if (!repo_has(r, "config.json"))
        return false;
    own_json json_t *config = repo_json(r, "config.json", &ignored);
    const json_t *names = json_object_get(config, "architectures"), *name;
    size_t i;
    json_array_foreach (names, i, name)
        if (json_is_string(name) && str_is(json_str(name), "HF_ColBERT"))
            return true;
    return false;
}

bool late_open(late *l, const repo *r, json_t *about, arena *memory, error *e)
{
    *l = (late){0};
    l->is = is_stanford(r);
    l->stanford = l->is && !repo_has(r, "modules.json");
    if (l->stanford)
        return read_metadata(l, r, about, memory, e);
    return !repo_has(r, "modules.json") || read_folder(l, about, memory, e);
}

/* Modules. */

struct transformer_lengths {
    int query_tokens, document_tokens;
    struct expansion expansion;
};

bool late_read_transformer(late *l, const repo *r, const char *folder, const char *name,
                           arena *memory, error *e)
{
    static const field rows[] = {
        FIELD_INT(struct transformer_lengths, query_tokens, "query_length", 0, 1, 1 << 20,
                  "tokens"),
        FIELD_INT(struct transformer_lengths, document_tokens, "document_length", 0, 1, 1 << 20,
                  "tokens"),
        FIELD_OBJECT(struct transformer_lengths, expansion, "query_expansion", expansion_rows, 0,
                     "how queries are filled"),
        FIELD_END,
    };
    struct transformer_lengths f = {.expansion = {.strategy = -1}};
    if (!config_read(rows, r, folder, name, false, &f, memory, e))
        return false;
    if (f.document_tokens)
        l->about.document_tokens = f.document_tokens;
    if (f.query_tokens && !l->about.filled)
        l->about.query_tokens = f.query_tokens;
    if (f.expansion.strategy >=
        0) /* the folder's own counts no more, nor how long it makes queries */
        l->about.query_tokens = f.query_tokens;
    return f.expansion.strategy < 0 || set_expansion(&l->about, &f.expansion, e) ||
           fail_in(e, "'%s'", name);
}

struct mask_file {
    strs words, tasks;
    ints kept;
};

bool late_read_mask(late *l, const repo *r, const char *folder, arena *memory, error *e)
{
    static const field rows[] = {
        FIELD_STRINGS(struct mask_file, words, "skiplist_words", MOST_WORDS, 0,
                      "tokens that do not count"),
        FIELD_STRINGS(struct mask_file, tasks, "skiplist_tasks", 16, FIELD_ONE_OR_MANY,
                      "where they do not"),
        FIELD_INTS(struct mask_file, kept, "keep_only_token_ids", 0, INT_MAX, MOST_WORDS, 0,
                   "ids that count alone"),
        FIELD_END,
    };
    struct mask_file f = {0};
    model_late *m = &l->about;
    if (!config_read(rows, r, folder, "config.json", false, &f, memory, e))
        return false;
    set_words(m, f.words);
    m->skips_documents = !f.tasks.items;
    m->skips_queries = false;
    for (int i = 0; i < f.tasks.n; i++) {
        m->skips_documents |= str_is(f.tasks.items[i], "document");
        m->skips_queries |= str_is(f.tasks.items[i], "query");
    }
    m->kept = f.kept.items;
    m->n_kept = f.kept.n;
    return true;
}

/* The reference fills up where its tokenizer pads. */
bool late_check(const late *l, const repo *r, const char *folder, arena *memory, error *e)
{
    struct {
        str side;
    } file = {0};
    static const field rows[] = {
        {.name = "padding_side", .type = FIELD_TYPE_STRING, .offset = 0, .preset_text = "right"},
        FIELD_END,
    };
    if (!l->is || !l->about.filled)
        return true;
    return config_read(rows, r, folder, "tokenizer_config.json", false, &file, memory, e) &&
           (!str_is(file.side, "left") ||
            fail(e, ERR_INVALID,
                 "query_expansion with a tokenizer of 'padding_side' 'left' is not supported"));
}
