/* sentence_open reads the files in the order of modules.json, sentence_bind opens what weights the
 * modules have, sentence_run applies them. */
#include "models/sentence.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "kernels/rows.h"
#include "models/config.h"

#include <limits.h>
#include <math.h>

static const double LAYER_NORM_EPS = 1e-5; /* torch.nn.LayerNorm's own */

/* Modules. */

static bool copy_text(const char **out, str text, arena *memory, error *e)
{
    if (memchr(text.p ? text.p : "", 0, text.n))
        return fail(e, ERR_BAD_MODEL, "a name has a NUL character");
    *out = arena_copy(memory, text.p, text.n);
    return *out || fail(e, ERR_BAD_MODEL, "texts of the configuration are too long");
}

struct transformer_file {
    int max_tokens, lower_case;
    str task, output;
};

/* of_scores: what is computed when the file does not say it. */
static bool read_transformer(sentence *s, const repo *r, const char *path, bool of_scores,
                             arena *memory, error *e)
{
    static const field rows[] = {
        FIELD_INT(struct transformer_file, max_tokens, "max_seq_length", 0, 1, INT_MAX, "tokens"),
        FIELD_BOOL(struct transformer_file, lower_case, "do_lower_case", 0, "lower case"),
        FIELD_STRING(struct transformer_file, task, "transformer_task", NULL, 0,
                     "what is computed"),
        FIELD_STRING(struct transformer_file, output, "module_output_name", "token_embeddings", 0,
                     "what is passed on"),
        FIELD_END,
    };
    static const char *const names[] = {
        "sentence_bert_config.json",       "sentence_roberta_config.json",
        "sentence_distilbert_config.json", "sentence_camembert_config.json",
        "sentence_albert_config.json",     "sentence_xlm-roberta_config.json",
    };
    struct transformer_file file = {0};
    s->transformer = path;
    size_t which = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        own_mem char *candidate = xprintf("%s%s%s", path, *path ? "/" : "", names[i]);
        if (repo_has(r, candidate)) {
            which = i;
            break;
        }
    }
    if (!config_read(rows, r, path, names[which], false, &file, memory, e))
        return false;
    if (!file.task.p)
        file.task = of_scores ? STR("fill-mask") : STR("feature-extraction");
    s->scores = str_is(file.task, "sequence-classification") && str_is(file.output, "scores");
    s->of_scores = str_is(file.task, "fill-mask");
    if (!s->scores && ((!s->of_scores && !str_is(file.task, "feature-extraction")) ||
                       !str_is(file.output, "token_embeddings")))
        return fail(e, ERR_INVALID,
                    "'%s' asks for task '%.*s' and output '%.*s', only 'feature-extraction' or "
                    "'fill-mask' and 'token_embeddings' are supported",
                    names[which], (int)file.task.n, file.task.p, (int)file.output.n, file.output.p);
    s->max_tokens = file.max_tokens;
    s->lower_case = file.lower_case;
    if (!s->late.is)
        return true;
    if (s->scores || s->of_scores)
        return fail(e, ERR_INVALID,
                    "'%s' asks for task '%.*s', but a multi-vector model has the "
                    "task 'feature-extraction'",
                    names[which], (int)file.task.n, file.task.p);
    return late_read_transformer(&s->late, r, path, names[which], memory, e);
}

static bool add_mode(sentence *s, str name, error *e)
{
    int mode = 0;
    while (mode < N_POOLINGS && !str_is(name, pooling_name((enum pooling)mode)))
        mode++;
    if (mode == N_POOLINGS)
        return fail(e, ERR_INVALID, "pooling mode '%.*s' is not supported",
                    (int)(name.n < 100 ? name.n : 100), name.p);
    if (s->n_modes == SENTENCE_MODES)
        return fail(e, ERR_INVALID, "more than %d pooling modes", SENTENCE_MODES);
    s->modes[s->n_modes++] = (enum pooling)mode;
    return true;
}

struct pooling_file {
    int switches[N_POOLINGS]; /* versions below 5.5 */
    strs modes;               /* later: one name or a list */
    int include_prompt;
};

#define SWITCH(mode, key) FIELD_BOOL(struct pooling_file, switches[mode], key, 0, "pooling mode")

static bool read_pooling(sentence *s, const repo *r, const char *path, arena *memory, error *e)
{
    static const field rows[] = {
        SWITCH(POOL_CLS, "pooling_mode_cls_token"),
        SWITCH(POOL_MAX, "pooling_mode_max_tokens"),
        SWITCH(POOL_MEAN, "pooling_mode_mean_tokens"),
        SWITCH(POOL_MEAN_SQRT_LEN, "pooling_mode_mean_sqrt_len_tokens"),
        SWITCH(POOL_WEIGHTED_MEAN, "pooling_mode_weightedmean_tokens"),
        SWITCH(POOL_LAST, "pooling_mode_lasttoken"),
        FIELD_STRINGS(struct pooling_file, modes, "pooling_mode", SENTENCE_MODES, FIELD_ONE_OR_MANY,
                      "pooling modes"),
        FIELD_BOOL(struct pooling_file, include_prompt, "include_prompt", 1, "prompts count"),
        FIELD_END,
    };
    struct pooling_file file = {0};
    if (!config_read(rows, r, path, "config.json", true, &file, memory, e))
        return false;
    s->include_prompt = file.include_prompt;
    for (int i = 0; i < file.modes.n; i++)
        if (!add_mode(s, file.modes.items[i], e))
            return false;
    for (int mode = 0; mode < N_POOLINGS && !file.modes.n; mode++)
        if (file.switches[mode])
            s->modes[s->n_modes++] = (enum pooling)mode;
    if (!s->n_modes)
        s->modes[s->n_modes++] = POOL_MEAN;
    return true;
}

struct splade_file {
    int sum, twice;
};

static bool read_splade(sentence *s, const repo *r, const char *path, arena *memory, error *e)
{
    static const char *const strategies[] = {"max", "sum", NULL};
    static const char *const activations[] = {"relu", "log1p_relu", NULL};
    static const field rows[] = {
        FIELD_CHOICE(struct splade_file, sum, "pooling_strategy", 0, strategies,
                     "what is kept of the tokens"),
        FIELD_CHOICE(struct splade_file, twice, "activation_function", 0, activations,
                     "what weights are made of scores"),
        FIELD_END,
    };
    struct splade_file file = {0};
    if (!config_read(rows, r, path, "config.json", false, &file, memory, e))
        return false;
    s->splade = (splade){.sum = file.sum, .twice = file.twice};
    s->sparse = true;
    return true;
}

struct module_file {
    int in, out, dimension, biased, residual;
    int narrow, wide, most, standardized; /* of the auto-encoder */
    str act, input, output;
};

static bool find_act(enum activation *act, str name, error *e)
{
    static const struct {
        const char *name;
        enum activation act;
    } acts[] = {{"torch.nn.modules.activation.Tanh", ACT_TANH},
                {"torch.nn.modules.linear.Identity", ACT_NONE},
                {"torch.nn.modules.activation.ReLU", ACT_RELU},
                {"torch.nn.modules.activation.GELU", ACT_GELU_ERF},
                {"torch.nn.modules.activation.SiLU", ACT_SILU}};
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (str_is(name, acts[i].name)) {
            *act = acts[i].act;
            return true;
        }
    return fail(e, ERR_INVALID,
                "activation_function '%.*s' is not supported, only Identity, Tanh, ReLU, GELU and "
                "SiLU of torch.nn.modules are",
                (int)(name.n < 100 ? name.n : 100), name.p);
}

static const field module_rows[] = {
    FIELD_INT(struct module_file, in, "in_features", 0, 1, 1 << 20, "width of the input"),
    FIELD_INT(struct module_file, out, "out_features", 0, 1, 1 << 20, "width of the output"),
    FIELD_INT(struct module_file, dimension, "dimension", 0, 1, 1 << 20, "width of both"),
    FIELD_BOOL(struct module_file, biased, "bias", 1, "has a bias"),
    FIELD_BOOL(struct module_file, residual, "use_residual", 0, "adds its input"),
    FIELD_INT(struct module_file, narrow, "input_dim", 0, 1, 1 << 20, "width of the input"),
    FIELD_INT(struct module_file, wide, "hidden_dim", 512, 1, 1 << 20, "width of the output"),
    FIELD_INT(struct module_file, most, "k", 8, 1, 1 << 20, "values that stay"),
    FIELD_BOOL(struct module_file, standardized, "normalize", 0, "the input is standardized"),
    FIELD_STRING(struct module_file, act, "activation_function", "torch.nn.modules.activation.Tanh",
                 0, "activation"),
    FIELD_STRING(struct module_file, input, "module_input_name", NULL, 0, "input"),
    FIELD_STRING(struct module_file, output, "module_output_name", NULL, 0, "output"),
    FIELD_END,
};

static void set_widths(sentence_module *m, const struct module_file *file)
{
    m->in = m->kind == SENTENCE_DENSE          ? file->in
            : m->kind == SENTENCE_AUTO_ENCODER ? file->narrow
                                               : file->dimension;
    m->out = m->kind == SENTENCE_DENSE          ? file->out
             : m->kind == SENTENCE_AUTO_ENCODER ? file->wide
                                                : file->dimension;
}

/* Dense, LayerNorm, Normalize and SparseAutoEncoder. */
static bool read_vector_module(sentence *s, enum sentence_module_kind kind, const repo *r,
                               const char *path, arena *memory, error *e)
{
    struct module_file file = {0};
    if (s->n_modules == SENTENCE_MODULES)
        return fail(e, ERR_INVALID, "more than %d modules", SENTENCE_MODULES);
    if (!config_read(module_rows, r, path, "config.json", kind != SENTENCE_NORMALIZE, &file, memory,
                     e))
        return false;
    const char *passed = s->late.is ? "token_embeddings" : "sentence_embedding";
    if (!file.input.p)
        file.input = kind == SENTENCE_DENSE ? str_of(passed) : STR("sentence_embedding");
    if (s->late.is && kind == SENTENCE_NORMALIZE && str_is(file.input, "sentence_embedding"))
        return true; /* which there is none of */
    if (!str_is(file.input, passed) || (file.output.p && !str_is(file.output, passed)))
        return fail(e, ERR_INVALID, "'%s' does not read and write the %s", path, passed);
    sentence_module *m = &s->modules[s->n_modules];
    *m = (sentence_module){.kind = kind,
                           .path = path,
                           .biased = file.biased,
                           .residual = file.residual,
                           .most = file.most,
                           .standardized = file.standardized};
    set_widths(m, &file);
    if (kind == SENTENCE_DENSE && !find_act(&m->act, file.act, e))
        return fail_in(e, "'%s/config.json'", path);
    if (kind != SENTENCE_NORMALIZE && (!m->in || !m->out))
        return fail(e, ERR_BAD_MODEL, "'%s/config.json' does not say how wide the module is", path);
    if (kind == SENTENCE_AUTO_ENCODER && m->most > m->out)
        return fail(e, ERR_BAD_MODEL, "'%s/config.json' has 'k' %d of %d values", path, m->most,
                    m->out);
    s->sparse |= kind == SENTENCE_AUTO_ENCODER;
    s->n_modules++;
    return true;
}

static bool refuse_module(const sentence *s, int at, str type, error *e)
{
    return fail(e, ERR_INVALID,
                "modules.json: module %d of type '%.*s' is not supported; expected %s", at,
                (int)(type.n < 200 ? type.n : 200), type.p,
                s->late.is ? "Transformer, then any of Dense, MultiVectorMask, Normalize"
                           : "Transformer and Pooling, or Transformer with task 'fill-mask' and "
                             "SpladePooling, then any of Dense, LayerNorm, Normalize, "
                             "SparseAutoEncoder, Dropout");
}

static bool read_module(sentence *s, int at, const json_t *entry, const repo *r, arena *memory,
                        error *e)
{
    static const struct {
        const char *name;
        enum sentence_module_kind kind;
    } kinds[] = {{"Dense", SENTENCE_DENSE},
                 {"LayerNorm", SENTENCE_LAYER_NORM},
                 {"Normalize", SENTENCE_NORMALIZE},
                 {"SparseAutoEncoder", SENTENCE_AUTO_ENCODER}};
    struct {
        str type, path;
    } file = {0};
    const field rows[] = {
        {.name = "type", .type = FIELD_TYPE_STRING, .flags = FIELD_REQUIRED, .offset = 0},
        {.name = "path", .type = FIELD_TYPE_STRING, .offset = sizeof(str), .preset_text = ""},
        FIELD_END,
    };
    const char *path;
    if (!config_parse(rows, entry, "modules.json", &file, memory, e) ||
        !copy_text(&path, file.path, memory, e))
        return false;
    const char *dot = memrchr(file.type.p, '.', file.type.n);
    str last = dot ? str_skip(file.type, (size_t)(dot - file.type.p) + 1) : file.type;
    bool known = str_starts(file.type, STR("sentence_transformers.")) ||
                 str_is(file.type, "pylate.models.Dense.Dense");
    bool of_scores = str_is(last, "MLMTransformer");
    if (known && at == 0 && (of_scores || str_is(last, "Transformer")))
        return read_transformer(s, r, path, of_scores, memory, e);
    if (known && at == 1 && !s->late.is && !s->of_scores && str_is(last, "Pooling"))
        return read_pooling(s, r, path, memory, e);
    if (known && at == 1 && s->of_scores && str_is(last, "SpladePooling"))
        return read_splade(s, r, path, memory, e);
    if (known && at > 0 && s->late.is && str_is(last, "MultiVectorMask"))
        return late_read_mask(&s->late, r, path, memory, e);
    bool behind = known && at > (s->late.is ? 0 : 1);
    if (behind && str_is(last, "Dropout")) /* does nothing outside of training */
        return true;
    for (size_t i = 0; behind && i < sizeof kinds / sizeof *kinds; i++)
        if (str_is(last, kinds[i].name))
            return read_vector_module(s, kinds[i].kind, r, path, memory, e);
    return refuse_module(s, at, file.type, e);
}

/* Prompts and similarity. */

static const char about_name[] = "config_sentence_transformers.json";

struct sentence_file {
    int similarity, max_active;
    str model_type, default_prompt, activation;
};

static bool read_prompts(sentence *s, const json_t *prompts, str by_default, arena *memory,
                         error *e)
{
    const char *name;
    json_t *text;
    s->prompts = arena_try(memory, json_object_size(prompts), sizeof *s->prompts);
    if (!s->prompts)
        return fail(e, ERR_BAD_MODEL, "too many prompts");
    json_object_foreach ((json_t *)(uintptr_t)prompts, name, text) {
        if (!json_is_string(text) && !json_is_null(text))
            return fail(e, ERR_BAD_MODEL, "prompt '%.100s' is %s, expected a string", name,
                        json_kind(text));
        model_prompt *p = &s->prompts[s->n_prompts];
        str words = json_is_string(text) ? json_str(text) : STR("");
        if (!copy_text(&p->name, str_of(name), memory, e))
            return false;
        p->text = (str){arena_copy(memory, words.p, words.n), words.n};
        if (!p->text.p)
            return fail(e, ERR_BAD_MODEL, "prompt '%.100s' is too long", name);
        if (by_default.p && str_is(by_default, name))
            s->by_default = p;
        s->n_prompts++;
    }
    return true;
}

/* The functions for one vector a text are for models that make such, the others for others. */
static void set_similarity(sentence *s, int given, const char *const *names)
{
    bool of_tokens = given == SIMILARITY_MAXSIM || given == SIMILARITY_MEAN_MAXSIM;
    if (given >= 0 && of_tokens == s->late.is)
        s->similarity = (enum model_similarity)given;
    else
        s->similarity = s->late.is  ? SIMILARITY_MAXSIM
                        : s->sparse ? SIMILARITY_DOT
                                    : SIMILARITY_COSINE;
    s->similarity_name = names[s->similarity];
}

static bool read_sentence_file(sentence *s, const json_t *document, arena *memory, error *e)
{
    static const char *const names[] = {"cosine", "dot",        "euclidean", "manhattan",
                                        "maxsim", "meanmaxsim", NULL};
    static const field rows[] = {
        FIELD_CHOICE_OR_NONE(struct sentence_file, similarity, "similarity_fn_name", -1, names,
                             "how embeddings are compared"),
        FIELD_INT(struct sentence_file, max_active, "max_active_dims", 0, 1, INT_MAX,
                  "values that stay"),
        FIELD_STRING(struct sentence_file, model_type, "model_type", NULL, 0, "what it makes"),
        FIELD_STRING(struct sentence_file, default_prompt, "default_prompt_name", NULL, 0,
                     "prompt for inputs that name none"),
        FIELD_STRING(struct sentence_file, activation, "activation_fn", NULL, 0,
                     "what a cross-encoder does to its scores"),
        FIELD_END,
    };
    const char *name = about_name;
    struct sentence_file file = {0};
    if (!config_parse(rows, document, name, &file, memory, e))
        return false;
    s->activation = file.activation;
    s->sparse |= str_is(file.model_type, "SparseEncoder");
    s->max_active = s->sparse ? file.max_active : 0;
    set_similarity(s, file.similarity, names);
    const json_t *prompts = json_object_get(document, "prompts");
    if (json_object_size(prompts) && !read_prompts(s, prompts, file.default_prompt, memory, e))
        return fail_in(e, "'%s'", name);
    if (file.default_prompt.p && !s->by_default)
        return fail(e, ERR_BAD_MODEL, "'%s': default_prompt_name '%.*s' is not among the prompts",
                    name, (int)(file.default_prompt.n < 100 ? file.default_prompt.n : 100),
                    file.default_prompt.p);
    return true;
}

/* What the tokenizer truncates to counts when nothing else is said; tokenizers without a limit
 * write a number far beyond any model. */
static bool read_tokenizer_limit(sentence *s, const repo *r, arena *memory, error *e)
{
    struct {
        double max_tokens;
    } file = {0};
    static const field rows[] = {
        {.name = "model_max_length", .type = FIELD_TYPE_NUMBER, .offset = 0},
        FIELD_END,
    };
    if (!config_read(rows, r, s->transformer, "tokenizer_config.json", false, &file, memory, e))
        return false;
    if (file.max_tokens >= 1 && file.max_tokens <= INT_MAX)
        s->max_tokens = (int)file.max_tokens;
    return true;
}

/* The file, which only counts beside modules.json; an empty object without it. */
static json_t *read_about(const sentence *s, const repo *r, error *e)
{
    return s->stated && repo_has(r, about_name) ? repo_json(r, about_name, e) : json_object();
}

/* The norm, and the projection, that folders of late interaction do not list. */
static bool add_implied(sentence *s, error *e)
{
    if (s->n_modules > SENTENCE_MODULES - 2)
        return fail(e, ERR_INVALID, "more than %d modules", SENTENCE_MODULES - 2);
    if (s->late.stanford)
        s->modules[s->n_modules++] =
            (sentence_module){.kind = SENTENCE_DENSE, .path = "", .bound = true};
    if (s->late.stanford || s->late.implied)
        s->modules[s->n_modules++] = (sentence_module){.kind = SENTENCE_NORMALIZE, .path = ""};
    return true;
}

static bool read_modules(sentence *s, const repo *r, arena *memory, error *e)
{
    own_json json_t *modules = s->stated ? repo_json(r, "modules.json", e) : NULL;
    if (s->stated && !modules)
        return false;
    if (s->stated && (!json_is_array(modules) || !json_array_size(modules)))
        return fail(e, ERR_BAD_MODEL, "'modules.json' is no list of modules");
    int n_routed = 0;
    if (router_is_first(modules)) {
        json_t *routed = router_modules(r, modules, memory, &s->query_folder, &n_routed, e);
        if (!routed)
            return false;
        json_decref(modules);
        modules = routed;
    }
    for (size_t i = 0; i < json_array_size(modules); i++)
        if (!read_module(s, (int)i, json_array_get(modules, i), r, memory, e))
            return false;
    if (!s->n_modes)
        s->modes[s->n_modes++] = POOL_MEAN;
    if (s->query_folder && (!s->of_scores || n_routed != 2))
        return fail(
            e, ERR_INVALID,
            "modules.json: queries with fixed weights are supported beside documents that go "
            "through a Transformer with task 'fill-mask' and SpladePooling alone");
    if (s->of_scores && json_array_size(modules) < 2)
        return fail(e, ERR_INVALID,
                    "modules.json: behind a Transformer with task 'fill-mask' a SpladePooling is "
                    "expected, found nothing");
    if (s->scores && json_array_size(modules) > 1)
        return fail(e, ERR_INVALID,
                    "modules.json: a module behind the scores of a cross-encoder is not supported");
    return add_implied(s, e);
}

bool sentence_open(sentence *s, const repo *r, arena *memory, error *e)
{
    *s = (sentence){.transformer = "", .include_prompt = true};
    s->stated = repo_has(r, "modules.json");
    own_json json_t *about = read_about(s, r, e);
    bool good = about && late_open(&s->late, r, about, memory, e) &&
                read_modules(s, r, memory, e) &&
                late_check(&s->late, r, s->transformer, memory, e) &&
                (!s->query_folder || late_preset_prompts(about, e)) &&
                (s->max_tokens || read_tokenizer_limit(s, r, memory, e)) &&
                read_sentence_file(s, about, memory, e);
    s->stated = (s->stated && !s->scores) || s->late.is;
    return good;
}

/* Weights. */

/* The two halves share their weights, which a file has once, under either name. */
static void bind_auto_encoder(sentence_module *m, weights w)
{
    const char *place = weights_have(w, "encoder.weight") ? "encoder" : "decoder.linear";
    linear_bind_unbiased(&m->dense, weights_in(w, "%s", place), m->out, m->in);
    m->subtracted = weights_vector(w, "pre_bias", m->in);
    linear_bind_named_bias(&m->dense, w, "latent_bias");
}

static bool bind_module(sentence_module *m, const repo *r, error *e)
{
    static const char *const ignored[] = {"decoder.linear.weight", "stats_last_nonzero",
                                          NULL}; /* used as above; for training */
    if (m->kind == SENTENCE_NORMALIZE || m->bound)
        return true;
    m->weights = weight_set_open(r, m->path, e);
    if (!m->weights)
        return false;
    weights w = weights_root(m->weights, NULL);
    if (m->kind == SENTENCE_LAYER_NORM)
        norm_bind(&m->norm, weights_in(w, "norm"), m->in, LAYER_NORM_EPS);
    else if (m->kind == SENTENCE_AUTO_ENCODER)
        bind_auto_encoder(m, w);
    else if (m->biased)
        linear_bind(&m->dense, weights_in(w, "linear"), m->out, m->in);
    else
        linear_bind_unbiased(&m->dense, weights_in(w, "linear"), m->out, m->in);
    if (m->kind == SENTENCE_DENSE && m->residual && m->in != m->out)
        linear_bind_unbiased(&m->residual_dense, weights_in(w, "residual"), m->out, m->in);
    return weights_done(m->weights, m->kind == SENTENCE_AUTO_ENCODER ? ignored : NULL, e) ||
           fail_in(e, "module '%s'", m->path);
}

int sentence_pooled_width(const sentence *s, int width)
{
    return s->of_scores || s->late.is ? width : width * s->n_modes;
}

void sentence_claim(sentence *s, weights w, int hidden)
{
    for (int i = 0; i < s->n_modules; i++) {
        sentence_module *m = &s->modules[i];
        if (!m->bound)
            continue;
        enum { WIDEST = 1 << 20 };
        weights place = weights_in(w, "linear");
        int64_t out = weights_rows(place, "weight");
        m->in = hidden;
        m->out = out > 0 && out <= WIDEST ? (int)out : hidden;
        linear_bind_unbiased(&m->dense, place, m->out, m->in);
    }
}

static bool bind_queries(sentence *s, const repo *r, error *e)
{
    if (!s->query_folder)
        return true;
    own_mem char *name = xprintf("%s/config.json", s->query_folder);
    own_json json_t *config = repo_json_optional(r, name, e);
    if (json_is_string(json_object_get(config, "path")))
        return fail(e, ERR_INVALID,
                    "'%s': 'path' is not supported, the weights must be in the folder", name);
    s->query_weights = weight_set_open(r, s->query_folder, e);
    if (!s->query_weights)
        return false;
    s->token_weights = weights_vector(weights_root(s->query_weights, NULL), "weight", s->width);
    return weights_done(s->query_weights, NULL, e) || fail_in(e, "module '%s'", s->query_folder);
}

bool sentence_bind(sentence *s, const repo *r, int width, error *e)
{
    s->width = sentence_pooled_width(s, width);
    if (!bind_queries(s, r, e))
        return false;
    for (int i = 0; i < s->n_modules; i++) {
        sentence_module *m = &s->modules[i];
        if (m->kind == SENTENCE_NORMALIZE)
            m->in = m->out = s->width;
        if (m->in != s->width)
            return fail(e, ERR_BAD_MODEL, "module '%s' takes vectors of %d, but gets %d", m->path,
                        m->in, s->width);
        if (!bind_module(m, r, e))
            return false;
        s->width = m->out;
    }
    return true;
}

void sentence_release(sentence *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->n_modules; i++)
        weight_set_close(s->modules[i].weights);
    weight_set_close(s->query_weights);
    *s = (sentence){0};
}

/* The run. */

static bool widens(const sentence_module *m)
{
    return m->kind == SENTENCE_DENSE || m->kind == SENTENCE_AUTO_ENCODER;
}

/* Of the modules that write elsewhere than they read. */
static size_t dense_floats(const sentence *s, int n_seq)
{
    size_t floats = 0;
    for (int i = 0; i < s->n_modules; i++)
        if (widens(&s->modules[i]))
            floats += (size_t)n_seq * (size_t)s->modules[i].out *
                      (s->modules[i].residual_dense.in ? 2 : 1);
    return floats;
}

/* Of one vector, where only some of its values stay. */
static size_t keep_floats(const sentence *s)
{
    int most = s->max_active ? s->width : 0;
    for (int i = 0; i < s->n_modules; i++)
        if (s->modules[i].kind == SENTENCE_AUTO_ENCODER && s->modules[i].out > most)
            most = s->modules[i].out;
    return (size_t)most;
}

size_t sentence_work_bytes(const sentence *s, int n_seq)
{
    return (dense_floats(s, n_seq) + keep_floats(s)) * sizeof(float);
}

/* Reads `from`, writes behind *free and moves it; returns the result. */
static float *run_dense(const sentence_module *m, team *t, const float *from, int n_seq,
                        float **free_floats)
{
    size_t n = (size_t)n_seq * (size_t)m->out;
    float *out = *free_floats;
    *free_floats += n;
    linear_run(&m->dense, t, from, m->act, out, n_seq);
    if (!m->residual)
        return out;
    const float *residual = from;
    if (m->residual_dense.in) {
        linear_run(&m->residual_dense, t, from, ACT_NONE, *free_floats, n_seq);
        residual = *free_floats;
        *free_floats += n;
    }
    add_f32(t, out, residual, out, (long)n);
    return out;
}

/* Mean 0 and deviation 1; as the reference, with n - 1 and something added to the deviation. */
static void standardize(float *v, int width)
{
    double sum = 0, squares = 0;
    for (int j = 0; j < width; j++)
        sum += v[j];
    double mean = sum / width;
    for (int j = 0; j < width; j++)
        squares += (v[j] - mean) * (v[j] - mean);
    double deviation = sqrt(squares / (width - 1)) + LAYER_NORM_EPS;
    for (int j = 0; j < width; j++)
        v[j] = (float)((v[j] - mean) / deviation);
}

/* The largest `most` values stay, and of them those above 0: so of all that are above 0 the largest
 * `most`. */
static float *run_auto_encoder(const sentence_module *m, team *t, float *from, int n_seq, int most,
                               float **free_floats, float *work)
{
    float *out = *free_floats;
    *free_floats += (size_t)n_seq * (size_t)m->out;
    for (int i = 0; i < n_seq; i++) {
        float *v = from + (size_t)i * (size_t)m->in;
        if (m->standardized)
            standardize(v, m->in);
        for (int j = 0; j < m->in; j++)
            v[j] -= m->subtracted[j];
    }
    linear_run(&m->dense, t, from, ACT_RELU, out, n_seq);
    sparse_keep(out, n_seq, m->out, most, work);
    return out;
}

void sentence_run(const sentence *s, team *t, float *pooled, float *out, int n_seq, float *work)
{
    float *at = pooled, *free_floats = work, *kept = work ? work + dense_floats(s, n_seq) : NULL;
    if (n_seq == 0)
        return;
    for (int i = 0; i < s->n_modules; i++) {
        const sentence_module *m = &s->modules[i];
        if (m->kind == SENTENCE_DENSE)
            at = run_dense(m, t, at, n_seq, &free_floats);
        else if (m->kind == SENTENCE_AUTO_ENCODER)
            at = run_auto_encoder(m, t, at, n_seq, s->max_active ? s->max_active : m->most,
                                  &free_floats, kept);
        else if (m->kind == SENTENCE_LAYER_NORM)
            norm_run(&m->norm, t, at, NULL, at, n_seq);
        else
            normalize_run(t, at, n_seq, m->out);
    }
    if (s->max_active)
        sparse_keep(at, n_seq, s->width, s->max_active, kept);
    if (at != out)
        memcpy(out, at, (size_t)n_seq * (size_t)s->width * sizeof *out);
}

const char *sentence_pooling_name(const sentence *s, arena *memory)
{
    if (s->of_scores || s->late.is)
        return s->late.is ? "none" : "splade";
    const char *name = pooling_name(s->modes[0]);
    for (int i = 1; i < s->n_modes; i++) {
        name = arena_printf(memory, "%s+%s", name, pooling_name(s->modes[i]));
        if (!name)
            return "";
    }
    return name;
}
