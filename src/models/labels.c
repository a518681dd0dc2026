#include "models/labels.h"
#include "base/json.h"
#include "models/config.h"

#include <stdlib.h>

enum { MAX_LABELS = 1 << 17 };

enum problem_type { SINGLE, MULTI, REGRESSION, NOT_GIVEN = -1 };

struct labels_file {
    int n, problem;
    str activation, old_activation;
    struct {
        str activation;
    } sentence;
};

static const char *const problem_types[] = {"single_label_classification",
                                            "multi_label_classification", "regression", NULL};

static const field sentence_rows[] = {
    {.name = "activation_fn", .type = FIELD_TYPE_STRING, .offset = 0, .help = "of scores"},
    FIELD_END,
};

static const field rows[] = {
    FIELD_INT(struct labels_file, n, "num_labels", 0, 1, MAX_LABELS, "labels"),
    FIELD_CHOICE(struct labels_file, problem, "problem_type", NOT_GIVEN, problem_types,
                 "how scores are read"),
    FIELD_STRING(struct labels_file, old_activation, "sbert_ce_default_activation_function", NULL,
                 0, "of scores, in cross-encoders"),
    FIELD_OBJECT(struct labels_file, sentence, "sentence_transformers", sentence_rows, 0,
                 "cross-encoders"),
    FIELD_END,
};

bool labels_ranking(enum model_problem *out, str activation, error *e)
{
    bool sigmoid = str_is(activation, "torch.nn.modules.activation.Sigmoid");
    if (!sigmoid && !str_is(activation, "torch.nn.modules.linear.Identity"))
        return fail(e, ERR_INVALID,
                    "activation '%.*s' of scores is not supported, only "
                    "torch.nn.modules.activation.Sigmoid and torch.nn.modules.linear.Identity are",
                    (int)(activation.n < 100 ? activation.n : 100), activation.p);
    *out = sigmoid ? PROBLEM_MULTI_LABEL : PROBLEM_REGRESSION;
    return true;
}

/* Names may be numbers in hand-written files. */
static const char *label_name(const json_t *value, arena *memory)
{
    if (json_is_string(value) && !memchr(json_string_value(value), 0, json_string_length(value)))
        return arena_copy(memory, json_string_value(value), json_string_length(value));
    if (json_is_integer(value))
        return arena_printf(memory, "%lld", (long long)json_integer_value(value));
    return NULL;
}

static bool read_names(const char **names, int n, const json_t *ids, arena *memory, error *e)
{
    const char *id;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)ids, id, value) {
        char *end;
        long at = strtol(id, &end, 10);
        if (end == id || *end || at < 0 || at >= n)
            return fail(e, ERR_BAD_MODEL, "'id2label' has the id '%.40s', expected 0 to %d", id,
                        n - 1);
        if (!(names[at] = label_name(value, memory)))
            return fail(e, ERR_BAD_MODEL, "'id2label' gives %ld %s, expected a name", at,
                        json_is_string(value) ? "a string with a NUL" : json_kind(value));
    }
    for (int i = 0; i < n; i++)
        if (!names[i] && !(names[i] = arena_printf(memory, "LABEL_%d", i)))
            return fail(e, ERR_BAD_MODEL, "the names of %d labels are too long", n);
    return true;
}

/* As transformers' text-classification pipeline decides. */
static enum model_problem problem_of(int type, int n)
{
    return type == REGRESSION        ? PROBLEM_REGRESSION
           : type == MULTI || n == 1 ? PROBLEM_MULTI_LABEL
                                     : PROBLEM_SINGLE_LABEL;
}

bool labels_read(labels *l, const json_t *config, int unsaid, arena *memory, error *e)
{
    struct labels_file file = {0};
    const json_t *ids = json_object_get(config, "id2label");
    if (!config_parse(rows, config, "config.json", &file, memory, e))
        return false;
    if (ids && !json_is_null(ids) && !json_is_object(ids))
        return fail(e, ERR_BAD_MODEL, "'config.json': 'id2label' is %s, expected an object",
                    json_kind(ids));
    size_t n = json_is_object(ids) ? json_object_size(ids) : (size_t)(file.n ? file.n : unsaid);
    if (n < 1 || n > MAX_LABELS)
        return fail(e, ERR_BAD_MODEL, "'config.json' has %zu labels, expected 1 to %d", n,
                    MAX_LABELS);
    const char **names = arena_try(memory, n, sizeof *names);
    if (!names)
        return fail(e, ERR_BAD_MODEL, "'config.json' has too many labels: %zu", n);
    if (!read_names(names, (int)n, ids, memory, e))
        return fail_in(e, "'config.json'");
    labels made = {.names = names, .n = (int)n, .problem = problem_of(file.problem, (int)n)};
    made.ranking = n == 1 ? PROBLEM_MULTI_LABEL : PROBLEM_REGRESSION;
    str activation = file.sentence.activation.p ? file.sentence.activation : file.old_activation;
    if (activation.p && !labels_ranking(&made.ranking, activation, e))
        return fail_in(e, "'config.json'");
    *l = made;
    return true;
}

struct aggregations_file {
    int n, none;
};

static const field aggregation_rows[] = {
    FIELD_INT(struct aggregations_file, n, "num_aggregation_labels", 0, 0, MAX_LABELS,
              "what can be done with cells"),
    FIELD_INT_OR_NONE(struct aggregations_file, none, "no_aggregation_label_index", -1, 0,
                      MAX_LABELS, "the one that does nothing"),
    FIELD_END,
};

/* Names of a model that has no scores for them, and scores without names, count for nothing. */
bool labels_read_aggregations(labels *l, const json_t *config, arena *memory, error *e)
{
    struct aggregations_file file = {0};
    const json_t *ids = json_object_get(config, "aggregation_labels");
    if (!config_parse(aggregation_rows, config, "config.json", &file, memory, e))
        return false;
    if (ids && !json_is_null(ids) && !json_is_object(ids))
        return fail(e, ERR_BAD_MODEL,
                    "'config.json': 'aggregation_labels' is %s, expected an object",
                    json_kind(ids));
    labels made = {.n = json_object_size(ids) ? file.n : 0, .none = file.none};
    made.names = arena_try(memory, (size_t)made.n + 1, sizeof *made.names);
    if (!made.names)
        return fail(e, ERR_BAD_MODEL, "'config.json' has too many labels: %d", made.n);
    for (int i = 0; i < made.n; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        const char *name = label_name(json_object_get(ids, id), memory);
        if (!name)
            return fail(e, ERR_BAD_MODEL,
                        "'config.json': 'aggregation_labels' has no name for %d, expected one for "
                        "each of %d 'num_aggregation_labels'",
                        i, made.n);
        ((const char **)(uintptr_t)made.names)[i] = name;
    }
    *l = made;
    return true;
}
