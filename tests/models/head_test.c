/* Every model of tests/goldens/heads/ against the logits of the reference: the kind of head, its
 * labels, all sequences in one batch, each alone (the same bits), with other numbers of threads.
 * Then what folders may say of heads and labels. */
#include "unit.h"

#include "base/json.h"
#include "changed.h"
#include "kernels/kernels.h"
#include "models/model.h"

#include <dirent.h>
#include <math.h>

#define HEADS TEST_ROOT "/goldens/heads"

enum { WORK_BYTES = 64 << 20, MAX_CALLS = 32, MAX_MANY = 1024, MAX_TOKENS = 4000 };

/* See golden_test.c. */
static const double TIMES_REFERENCE = 4;

struct golden {
    json_t *document;
    buf floats;
    int ids[MAX_TOKENS], types[MAX_TOKENS], rows[MAX_TOKENS];
    int start[MAX_MANY + 1], first_row[MAX_MANY + 1];
    int n, n_rows, width;
    bool of_tokens;
};

static int number(const json_t *object, const char *key)
{
    return (int)json_integer_value(json_object_get(object, key));
}

static void add_call(struct golden *g, const json_t *call)
{
    const json_t *ids = json_object_get(call, "ids"), *types = json_object_get(call, "types");
    const json_t *positions = json_object_get(call, "positions"), *value;
    size_t i;
    int at = g->start[g->n];
    assert_true(g->n < MAX_CALLS && at + (int)json_array_size(ids) <= MAX_TOKENS);
    assert_int_equal(number(call, "row"), g->n_rows);
    json_array_foreach (ids, i, value) {
        g->ids[at + (int)i] = (int)json_integer_value(value);
        g->types[at + (int)i] = (int)json_integer_value(json_array_get(types, i));
    }
    json_array_foreach (positions, i, value)
        g->rows[g->n_rows + (int)i] = at + (int)json_integer_value(value);
    g->of_tokens = positions != NULL;
    g->n_rows += number(call, "rows");
    g->start[++g->n] = at + (int)json_array_size(ids);
    g->first_row[g->n] = g->n_rows;
}

static struct golden *load(const char *folder)
{
    error e = {0};
    struct golden *g = xcalloc(1, sizeof *g);
    own_mem char *json_path = path_join(folder, "expected.json");
    own_mem char *floats_path = path_join(folder, "expected.f32");
    g->floats = buf_new(1 << 20);
    g->document = json_parse_file(json_path, 1 << 20, &e);
    if (!g->document || !file_read(floats_path, 1 << 20, &g->floats, &e))
        fail_msg("%s", e.message);
    g->width = (int)json_integer_value(json_array_get(json_object_get(g->document, "shape"), 1));
    const json_t *call;
    size_t i;
    json_array_foreach (json_object_get(g->document, "calls"), i, call)
        add_call(g, call);
    assert_true(g->n > 0);
    assert_int_equal(g->floats.n, (size_t)g->n_rows * (size_t)g->width * sizeof(float));
    return g;
}

static void release(struct golden *g)
{
    json_decref(g->document);
    buf_release(&g->floats);
    free(g);
}

/* The logits of sequences first .. end - 1; of the golden's rows, or of all. */
static float *run(model *m, const struct golden *g, int first, int end, bool all)
{
    error e = {0};
    int start[MAX_MANY + 1], rows[MAX_TOKENS], longest = 0, at = g->start[first];
    int n_rows = g->first_row[end] - g->first_row[first];
    for (int i = first; i <= end; i++)
        start[i - first] = g->start[i] - at;
    for (int i = first; i < end; i++)
        longest = g->start[i + 1] - g->start[i] > longest ? g->start[i + 1] - g->start[i] : longest;
    for (int i = 0; i < n_rows; i++)
        rows[i] = g->rows[g->first_row[first] + i] - at;
    token_batch b = {.ids = g->ids + at, .type_ids = g->types + at, .start = start};
    b.n_seq = end - first;
    int n_tokens = start[b.n_seq], n_out = all && g->of_tokens ? n_tokens : n_rows;
    float *out = xcalloc((size_t)n_out * (size_t)g->width, sizeof *out);
    arena *a = arena_new(WORK_BYTES);
    if (!model_logits(m, &b, all || !g->of_tokens ? NULL : rows, all ? 0 : n_rows, out, a, &e))
        fail_msg("%s", e.message);
    assert_true(arena_used(a) <= model_logits_work_bytes(m, n_tokens, longest));
    arena_free(a);
    return out;
}

static double difference(const struct golden *g, const float *got)
{
    const float *expected = (const float *)(const void *)g->floats.p;
    double worst = 0;
    for (size_t i = 0; i < (size_t)g->n_rows * (size_t)g->width; i++) {
        double d = fabs((double)got[i] - expected[i]);
        worst = d > worst || isnan(d) ? d : worst;
    }
    return worst;
}

/* The wanted rows of a sequence alone, computed with all its rows, have the bits of the batch. */
static void compare_alone(model *m, const struct golden *g, const float *in_batch)
{
    size_t row_bytes = (size_t)g->width * sizeof(float);
    for (int i = 0; i < g->n; i++) {
        float *one = run(m, g, i, i + 1, true);
        for (int k = g->first_row[i]; k < g->first_row[i + 1]; k++) {
            int at = g->of_tokens ? g->rows[k] - g->start[i] : 0;
            assert_memory_equal(one + at * g->width, in_batch + k * g->width, row_bytes);
        }
        free(one);
    }
}

/* Three threads and so many copies of the batch that each thread has steps of its own. */
static void compare_threads(const char *folder, const struct golden *g, const float *expected)
{
    enum { TIMES = MAX_MANY / MAX_CALLS };
    error e = {0};
    struct golden *many = xcalloc(1, sizeof *many);
    int n = g->start[g->n], times = MAX_TOKENS / n < TIMES ? MAX_TOKENS / n : TIMES;
    team *t = team_new(3, &e);
    model *m = model_open(folder, t, &e);
    assert_non_null(m);
    many->width = g->width;
    many->of_tokens = g->of_tokens;
    for (int i = 0; i < times; i++) {
        memcpy(many->ids + i * n, g->ids, (size_t)n * sizeof *g->ids);
        memcpy(many->types + i * n, g->types, (size_t)n * sizeof *g->types);
        for (int k = 0; g->of_tokens && k < g->n_rows; k++)
            many->rows[i * g->n_rows + k] = i * n + g->rows[k];
        for (int k = 0; k <= g->n; k++) {
            many->start[i * g->n + k] = i * n + g->start[k];
            many->first_row[i * g->n + k] = i * g->n_rows + g->first_row[k];
        }
    }
    float *got = run(m, many, 0, times * g->n, false);
    for (int i = 0; i < times; i++)
        assert_memory_equal(got + (size_t)(i * g->n_rows) * (size_t)g->width, expected,
                            g->floats.n);
    free(got);
    free(many);
    model_close(m);
    team_free(t);
}

static void check_info(const struct golden *g, const model_info *info)
{
    static const char *const heads[] = {"none",         "masked-lm", "labels",
                                        "token-labels", "spans",     "choices"};
    static const char *const problems[] = {"single", "multi", "regression"};
    const json_t *labels = json_object_get(g->document, "labels"), *label;
    const json_t *problem = json_object_get(g->document, "problem");
    size_t i;
    assert_string_equal(heads[info->head], json_string_value(json_object_get(g->document, "head")));
    assert_int_equal(info->n_labels, json_array_size(labels));
    json_array_foreach (labels, i, label)
        assert_string_equal(info->labels[i], json_string_value(label));
    if (problem)
        assert_string_equal(problems[info->problem], json_string_value(problem));
}

static void check_folder(const char *folder, const char *name)
{
    error e = {0};
    struct golden *g = load(folder);
    team *t = team_new(1, &e);
    model *m = model_open(folder, t, &e);
    if (!m)
        fail_msg("%s: %s", name, e.message);
    double bound =
        TIMES_REFERENCE * json_number_value(json_object_get(g->document, "max_error_of_reference"));
    assert_int_equal(model_logits_width(m), g->width);
    check_info(g, model_describe(m));
    float *got = run(m, g, 0, g->n, false);
    double worst = difference(g, got);
    print_message("%-36s largest error %.2g (bound %.2g)\n", name, worst, bound);
    assert_true(worst <= bound);
    compare_alone(m, g, got);
    compare_threads(folder, g, got);
    free(got);
    model_close(m);
    team_free(t);
    release(g);
}

static void goldens(void **state)
{
    (void)state;
    int n_folders = 0;
    DIR *dir = opendir(HEADS);
    assert_non_null(dir);
    for (struct dirent *item; (item = readdir(dir));) {
        own_mem char *folder = path_join(HEADS, item->d_name);
        own_mem char *expected = path_join(folder, "expected.json");
        if (!file_exists(expected))
            continue;
        check_folder(folder, item->d_name);
        n_folders++;
    }
    closedir(dir);
    assert_true(n_folders >= 50);
}

/* Rows of some sequences, in a batch of several steps, have the bits of all rows of one. */
static void rows_across_steps(void **state)
{
    (void)state;
    enum { COPIES = 40, LENGTH = 40, LONGEST = 5 };
    error e = {0};
    struct golden *g = load(HEADS "/bert-masked-lm");
    team *t = team_new(1, &e);
    model *m = model_open(HEADS "/bert-masked-lm", t, &e);
    int ids[COPIES * LENGTH], start[COPIES + 1], rows[COPIES * 2], n_rows = 0;
    assert_non_null(m);
    assert_int_equal(g->start[LONGEST + 1] - g->start[LONGEST], LENGTH);
    memset(g->types, 0, sizeof g->types);
    for (int i = 0; i < COPIES; i++) {
        memcpy(ids + i * LENGTH, g->ids + g->start[LONGEST], LENGTH * sizeof *ids);
        start[i] = i * LENGTH;
        for (int k = 0; k < i % 3; k++) /* none, one or two of a sequence */
            rows[n_rows++] = i * LENGTH + (i + k * 17) % (LENGTH - 17 * (1 - k));
    }
    start[COPIES] = COPIES * LENGTH;
    token_batch b = {.ids = ids, .start = start, .n_seq = COPIES};
    arena *a = arena_new(WORK_BYTES);
    float *got = xcalloc((size_t)n_rows * (size_t)g->width, sizeof *got);
    float *one = run(m, g, LONGEST, LONGEST + 1, true);
    assert_true(model_logits(m, &b, rows, n_rows, got, a, &e));
    assert_true(arena_used(a) <= model_logits_work_bytes(m, start[COPIES], LENGTH));
    for (int i = 0; i < n_rows; i++)
        assert_memory_equal(got + i * g->width, one + rows[i] % LENGTH * g->width,
                            (size_t)g->width * sizeof *got);
    arena_free(a);
    free(got);
    free(one);
    model_close(m);
    team_free(t);
    release(g);
}

static float *opened(const char *folder, const struct golden *g, const model_options *o)
{
    error e = {0};
    team *t = team_new(2, &e);
    model *m = model_open_as(folder, o, t, &e);
    if (!m)
        fail_msg("%s", e.message);
    float *got = run(m, g, 0, g->n, false);
    model_close(m);
    team_free(t);
    return got;
}

/* Root of the mean square of what two rows differ by, NULL: of the one. */
static double root_mean(const float *x, const float *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (x[i] - (y ? (double)y[i] : 0)) * (x[i] - (y ? (double)y[i] : 0));
    return sqrt(sum / n);
}

static int best_of(const float *x, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

/* A row of scores in low precision: the products of IN values each, rounded independently, are off
 * by the root of their sum, so a score by about the rounding times its own size. */
static void check_low(const float *got, const float *exact, int n, double rounding)
{
    double off = root_mean(got, exact, n) / root_mean(exact, NULL, n);
    if (!(off > rounding / 8 && off < rounding))
        fail_msg("relative error %g, expected below %g, and above an eighth of that", off,
                 rounding);
    assert_int_equal(best_of(got, n), best_of(exact, n));
}

/* A vocabulary follows the precision of the model, here as its only product, tied to the table of
 * words: near f32, and the same bits without a prepared file, with the one just made, and with the
 * one found. */
static void vocabularies_in_low_precision(void **state)
{
    (void)state;
    static const double rounding[] = {[PRECISION_BF16] = 1.0 / 256, [PRECISION_INT8] = 1.0 / 64};
    const char *folder = HEADS "/albert-masked-lm-wide";
    struct golden *g = load(folder);
    char cache[] = "/tmp/head_test_XXXXXX";
    assert_non_null(mkdtemp(cache));
    setenv("INFERD_CACHE", cache, 1);
    float *exact = opened(folder, g, &(model_options){.precision = PRECISION_F32});
    for (enum precision p = PRECISION_BF16; p < N_PRECISIONS; p++) {
        float *plain = opened(folder, g, &(model_options){.precision = p});
        for (int i = 0; i < g->n_rows; i++)
            check_low(plain + i * g->width, exact + i * g->width, g->width, rounding[p]);
        for (int i = 0; i < 2; i++) {
            float *kept = opened(folder, g, &(model_options){.precision = p, .keeps = true});
            assert_memory_equal(kept, plain, g->floats.n);
            free(kept);
        }
        free(plain);
    }
    free(exact);
    unsetenv("INFERD_CACHE");
    assert_true(file_remove_tree(cache, NULL));
    release(g);
}

#define LABELS   HEADS "/bert-labels"
#define ONE      HEADS "/bert-labels-one"
#define BART     HEADS "/bart-labels"
#define MASKED   HEADS "/bert-masked-lm"
#define ELECTRA  HEADS "/electra-choices"
#define CONVBERT HEADS "/convbert-choices-product"
#define XLNET    HEADS "/xlnet-labels"
#define XLM      HEADS "/xlm-labels"

static const struct {
    const char *golden, *patch; /* of config.json */
    enum error_kind kind;
    const char *message;
} refused[] = {
    {LABELS, "{\"id2label\":{\"0\":\"a\",\"1\":\"b\"}}", ERR_BAD_MODEL,
     "'config.json' has 2 labels, but 'classifier.weight' has scores for 3"},
    {LABELS, "{\"id2label\":null,\"num_labels\":4}", ERR_BAD_MODEL,
     "'config.json' has 4 labels, but 'classifier.weight' has scores for 3"},
    {LABELS, "{\"id2label\":{\"0\":\"a\",\"1\":\"b\",\"3\":\"c\"}}", ERR_BAD_MODEL,
     "'id2label' has the id '3', expected 0 to 2"},
    {LABELS, "{\"id2label\":{\"zero\":\"a\"}}", ERR_BAD_MODEL, "has the id 'zero'"},
    {LABELS, "{\"id2label\":{\"0\":[]}}", ERR_BAD_MODEL, "gives 0 an array, expected a name"},
    {LABELS, "{\"id2label\":{\"0\":\"a\\u0000b\"}}", ERR_BAD_MODEL,
     "gives 0 a string with a NUL, expected a name"},
    {LABELS, "{\"id2label\":[\"a\"]}", ERR_BAD_MODEL, "'id2label' is an array"},
    {LABELS, "{\"id2label\":{}}", ERR_BAD_MODEL, "has 0 labels"},
    {LABELS, "{\"id2label\":null,\"num_labels\":1e9}", ERR_INVALID, "'num_labels' is"},
    {LABELS, "{\"problem_type\":\"ranking\"}", ERR_INVALID, "'problem_type'"},
    {LABELS, "{\"sbert_ce_default_activation_function\":\"torch.nn.modules.activation.Tanh\"}",
     ERR_INVALID, "activation 'torch.nn.modules.activation.Tanh' of scores"},
    {LABELS, "{\"architectures\":[\"BertForQuestionAnswering\"]}", ERR_BAD_MODEL,
     "missing 'qa_outputs.weight' [2, 28], 'qa_outputs.bias' [2]"},
    {MASKED, "{\"tie_word_embeddings\":false}", ERR_BAD_MODEL,
     "missing 'cls.predictions.decoder.weight' [260, 28]"},
    {MASKED, "{\"architectures\":[\"BertForSequenceClassification\"]}", ERR_BAD_MODEL,
     "missing 'bert.pooler.dense.weight' [28, 28]"},
    {CONVBERT, "{\"summary_proj_to_labels\":true}", ERR_INVALID,
     "'summary_proj_to_labels' is true"},
    {CONVBERT, "{\"summary_type\":\"bos\"}", ERR_INVALID, "summary_type 'bos' is not supported"},
    {XLNET, "{\"summary_proj_to_labels\":true}", ERR_INVALID, "'summary_proj_to_labels' is true"},
    {XLNET, "{\"summary_type\":\"attn\"}", ERR_INVALID, "'summary_type'"},
    {XLM, "{\"summary_proj_to_labels\":false}", ERR_INVALID, "'summary_proj_to_labels' is false"},
    {XLM, "{\"summary_use_proj\":false}", ERR_INVALID, "'summary_use_proj' is false"},
    {XLM, "{\"is_encoder\":false}", ERR_INVALID, "'is_encoder' is false"},
    {HEADS "/xlm-masked-lm", "{\"asm\":true}", ERR_INVALID, "'asm' is true"},
    {XLNET, "{\"bi_data\":true}", ERR_INVALID, "'bi_data' is true"},
    {XLNET, "{\"attn_type\":\"both\"}", ERR_INVALID, "'attn_type'"},
    {XLNET, "{\"d_head\":6}", ERR_BAD_MODEL, "'d_head' is 6, expected 7"},
    {ELECTRA, "{\"summary_type\":\"attn\"}", ERR_INVALID, "'summary_type'"},
};

static void refuses_by_name(void **state)
{
    (void)state;
    team *t = team_new(1, NULL);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        error e = {0};
        char *folder = changed(refused[i].golden, "config.json", refused[i].patch);
        if (model_open(folder, t, &e))
            fail_msg("%s was opened", refused[i].patch);
        if (e.kind != refused[i].kind || !strstr(e.message, refused[i].message))
            fail_msg("%s gives %d: %s", refused[i].patch, e.kind, e.message);
        file_remove_tree(folder, NULL);
        free(folder);
    }
    team_free(t);
}

/* Heads that search for answers, which no pipeline uses. */
static const struct {
    const char *golden, *tensor;
} searching[] = {
    {HEADS "/xlnet-spans", "start_logits.dense.weight"},
    {HEADS "/xlm-spans", "qa_outputs.start_logits.dense.weight"},
    {HEADS "/flaubert-spans", "qa_outputs.start_logits.dense.weight"},
};

static void refuses_searches(void **state)
{
    (void)state;
    team *t = team_new(1, NULL);
    for (size_t i = 0; i < sizeof searching / sizeof *searching; i++) {
        error e = {0};
        char *folder = changed(searching[i].golden, "config.json", "{}");
        own_mem char *weights = path_join(folder, "model.safetensors");
        assert_int_equal(unlink(weights), 0);
        made_safetensors(folder, "model.safetensors",
                         &(struct made_tensor){searching[i].tensor, DTYPE_F32, 1, 28, NULL}, 1, 0);
        assert_null(model_open(folder, t, &e));
        assert_int_equal(e.kind, ERR_INVALID);
        assert_non_null(strstr(e.message, "ForQuestionAnsweringSimple are"));
        file_remove_tree(folder, NULL);
        free(folder);
    }
    team_free(t);
}

#define IDENTITY "\"torch.nn.modules.linear.Identity\""
#define SIGMOID  "\"torch.nn.modules.activation.Sigmoid\""
#define FIRST    "[{\"type\":\"sentence_transformers.models.Transformer\",\"path\":\"\"}]"

static const struct {
    const char *golden, *file, *patch;
    enum model_head head;
    enum model_problem problem, ranking;
} described[] = {
    {LABELS, "config.json", "{}", HEAD_LABELS, PROBLEM_SINGLE_LABEL, PROBLEM_REGRESSION},
    {LABELS, "config.json", "{\"problem_type\":\"multi_label_classification\"}", HEAD_LABELS,
     PROBLEM_MULTI_LABEL, PROBLEM_REGRESSION},
    {LABELS, "config.json", "{\"sbert_ce_default_activation_function\":" SIGMOID "}", HEAD_LABELS,
     PROBLEM_SINGLE_LABEL, PROBLEM_MULTI_LABEL},
    {ONE, "config.json", "{}", HEAD_LABELS, PROBLEM_MULTI_LABEL, PROBLEM_MULTI_LABEL},
    {BART, "config.json", "{\"id2label\":null}", HEAD_LABELS, PROBLEM_SINGLE_LABEL,
     PROBLEM_REGRESSION},
    {ONE, "config.json", "{\"problem_type\":\"regression\"}", HEAD_LABELS, PROBLEM_REGRESSION,
     PROBLEM_MULTI_LABEL},
    {ONE, "config.json", "{\"sentence_transformers\":{\"activation_fn\":" IDENTITY "}}",
     HEAD_LABELS, PROBLEM_MULTI_LABEL, PROBLEM_REGRESSION},
    {LABELS, "config.json", "{\"architectures\":[\"BertModel\"]}", HEAD_NONE, 0, 0},
    {LABELS, "config.json", "{\"architectures\":null}", HEAD_NONE, 0, 0},
    {LABELS, "config.json", "{\"architectures\":[\"BertForNextSentencePrediction\"]}", HEAD_NONE, 0,
     0},
    {LABELS, "config.json",
     "{\"architectures\":[7,\"MyModel\",\"BertForSequenceClassification\",\"BertForMaskedLM\"]}",
     HEAD_LABELS, PROBLEM_SINGLE_LABEL, PROBLEM_REGRESSION},
    /* Weights of another head do not harm, and base models call themselves masked LM. */
    {LABELS, "config.json", "{\"architectures\":[\"BertForMaskedLM\"]}", HEAD_NONE, 0, 0},
    {ELECTRA, "config.json", "{\"architectures\":[\"ElectraForPreTraining\"]}", HEAD_NONE, 0, 0},
    {LABELS, "config.json", "{\"architectures\":[\"BertForTokenClassification\"]}",
     HEAD_TOKEN_LABELS, PROBLEM_SINGLE_LABEL, PROBLEM_REGRESSION},
    /* modules.json makes embeddings of any model. */
    {LABELS, "modules.json", FIRST, HEAD_NONE, 0, 0},
};

static void tells_heads(void **state)
{
    (void)state;
    team *t = team_new(1, NULL);
    arena *a = arena_new(WORK_BYTES);
    const token_batch b = {.ids = (int[]){2, 3}, .start = (int[]){0, 2}, .n_seq = 1};
    for (size_t i = 0; i < sizeof described / sizeof *described; i++) {
        error e = {0};
        char *folder = changed(described[i].golden, described[i].file, described[i].patch);
        model *m = model_open(folder, t, &e);
        if (!m)
            fail_msg("%s: %s", described[i].patch, e.message);
        const model_info *info = model_describe(m);
        assert_int_equal(info->head, described[i].head);
        assert_int_equal(info->problem, described[i].problem);
        assert_int_equal(info->ranking, described[i].ranking);
        assert_int_equal(info->n_labels != 0, info->head != HEAD_NONE);
        if (info->head == HEAD_NONE) {
            float out;
            assert_int_equal(model_logits_width(m), 0);
            assert_false(model_logits(m, &b, NULL, 0, &out, a, &e));
            assert_string_equal(strchr(e.message, 'm'), "model has no head");
        }
        model_close(m);
        file_remove_tree(folder, NULL);
        free(folder);
    }
    arena_free(a);
    team_free(t);
}

/* Of a folder that does not say what its head is, what the caller knows of it counts; unless the
 * weights are not there. */
static void takes_heads_that_callers_know(void **state)
{
    static const struct {
        const char *golden, *patch;
        enum model_head known, head;
    } rows[] = {
        {LABELS, "{\"architectures\":null}", HEAD_LABELS, HEAD_LABELS},
        {LABELS, "{\"architectures\":[]}", HEAD_LABELS, HEAD_LABELS},
        {LABELS, "{\"architectures\":null}", HEAD_SPANS, HEAD_NONE},
        {LABELS, "{\"architectures\":null}", HEAD_MASKED_LM, HEAD_NONE},
        {LABELS, "{\"architectures\":[\"BertModel\"]}", HEAD_LABELS, HEAD_NONE},
        {MASKED, "{\"architectures\":null}", HEAD_MASKED_LM, HEAD_MASKED_LM},
        {MASKED, "{\"architectures\":null}", HEAD_LABELS, HEAD_NONE},
    };
    (void)state;
    team *t = team_new(1, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        error e = {0};
        char *folder = changed(rows[i].golden, "config.json", rows[i].patch);
        model *m = model_open_as(folder, &(model_options){.head = rows[i].known}, t, &e);
        if (!m)
            fail_msg("%s: %s", rows[i].patch, e.message);
        assert_int_equal(model_describe(m)->head, rows[i].head);
        model_close(m);
        file_remove_tree(folder, NULL);
        free(folder);
    }
    team_free(t);
}

static void names_labels(void **state)
{
    (void)state;
    error e = {0};
    team *t = team_new(1, NULL);
    char *folder =
        changed(LABELS, "config.json", "{\"id2label\":{\"2\":\"c\",\"0\":5,\"01\":\"b\"}}");
    model *m = model_open(folder, t, &e);
    assert_non_null(m);
    const model_info *info = model_describe(m);
    assert_int_equal(info->n_labels, 3);
    assert_string_equal(info->labels[0], "5");
    assert_string_equal(info->labels[1], "b");
    assert_string_equal(info->labels[2], "c");
    arena *small = arena_new(100);
    float out[3];
    token_batch b = {.ids = (int[]){2, 3}, .start = (int[]){0, 2}, .n_seq = 1};
    assert_false(model_logits(m, &b, NULL, 0, out, small, &e));
    assert_int_equal(e.kind, ERR_NO_SPACE);
    b.n_seq = 0;
    assert_true(model_logits(m, &b, NULL, 0, out, small, &e));
    arena_free(small);
    model_close(m);
    file_remove_tree(folder, NULL);
    free(folder);
    team_free(t);
}

/* What sentence-transformers 6 writes for a CrossEncoder. */
static void opens_cross_encoders(void **state)
{
    (void)state;
    error e = {0};
    team *t = team_new(1, NULL);
    char *folder = changed(ONE, "modules.json", FIRST);
    made_file(folder, "sentence_bert_config.json",
              STR("{\"transformer_task\":\"sequence-classification\","
                  "\"module_output_name\":\"scores\",\"max_seq_length\":17}"));
    made_file(
        folder, "config_sentence_transformers.json",
        STR("{\"model_type\":\"CrossEncoder\",\"prompts\":{},\"activation_fn\":" IDENTITY "}"));
    model *m = model_open(folder, t, &e);
    if (!m)
        fail_msg("%s", e.message);
    const model_info *info = model_describe(m);
    assert_int_equal(info->head, HEAD_LABELS);
    assert_int_equal(info->ranking, PROBLEM_REGRESSION);
    assert_int_equal(info->max_tokens, 17);
    assert_false(info->pooled);
    model_close(m);
    made_file(folder, "modules.json",
              STR("[{\"type\":\"sentence_transformers.models.Transformer\",\"path\":\"\"},"
                  "{\"type\":\"sentence_transformers.models.Dropout\",\"path\":\"1\"}]"));
    assert_null(model_open(folder, t, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    file_remove_tree(folder, NULL);
    free(folder);
    team_free(t);
}

static int setup(void **state)
{
    (void)state;
    return kernels_init(NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goldens),
        cmocka_unit_test(rows_across_steps),
        cmocka_unit_test(vocabularies_in_low_precision),
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(refuses_searches),
        cmocka_unit_test(tells_heads),
        cmocka_unit_test(takes_heads_that_callers_know),
        cmocka_unit_test(names_labels),
        cmocka_unit_test(opens_cross_encoders),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
