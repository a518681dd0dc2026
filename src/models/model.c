/* Puts together what a folder has: the encoder of its architecture and the modules around it. */
#include "models/model.h"
#include "base/cache_dir.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/own.h"
#include "kernels/kernels.h"
#include "models/architecture.h"
#include "models/config.h"
#include "models/labels.h"
#include "models/sentence.h"
#include "models/steps.h"

#include <assert.h>
#include <stdlib.h>

enum { TEXT_BYTES = 4 << 20 }; /* of names and prompts */

struct model {
    repo repo;
    arena *memory;
    team *team;
    weight_set *weights;
    encoder encoder;
    sentence sentence;
    int table_sizes[TABLE_TYPES];
    model_info info;
};

static bool find_architecture(const architecture **found, const json_t *config, error *e)
{
    const json_t *type = json_object_get(config, "model_type");
    char supported[800];
    if (!json_is_string(type))
        return fail(e, ERR_BAD_MODEL, "'config.json' has no 'model_type'");
    *found = architecture_find(json_str(type));
    if (*found)
        return true;
    if (json_object_size(json_object_get(config, "auto_map")))
        return fail(e, ERR_INVALID,
                    "'config.json': model_type '%.100s' needs code of its own ('auto_map'), which "
                    "is never run, and is none of those known here",
                    json_string_value(type));
    architecture_names(supported, sizeof supported);
    return fail(e, ERR_INVALID, "'config.json': model_type '%.100s' is not supported, only %s are",
                json_string_value(type), supported);
}

/* Of the heads that have any. */
static bool read_labels(model *m, labels *l, enum model_head kind, const architecture *a,
                        const json_t *config, error *e)
{
    if (kind == HEAD_CELLS)
        return labels_read_aggregations(l, config, m->memory, e);
    if (kind != HEAD_LABELS && kind != HEAD_TOKEN_LABELS)
        return true;
    return labels_read(l, config, a->encoder->unsaid_labels ? a->encoder->unsaid_labels : 2,
                       m->memory, e) &&
           (!m->sentence.scores || !m->sentence.activation.p ||
            labels_ranking(&l->ranking, m->sentence.activation, e));
}

static void describe_head(model_info *info, enum model_head kind, const labels *l)
{
    info->head = kind;
    info->no_label = kind == HEAD_CELLS ? l->none : -1;
    if (kind != HEAD_LABELS && kind != HEAD_TOKEN_LABELS && kind != HEAD_CELLS)
        return;
    info->labels = l->names;
    info->n_labels = l->n;
    info->problem = l->problem;
    info->ranking = l->ranking;
}

static bool open_weights(model *m, const char *place, const model_options *o, error *e)
{
    own_mem char *cache = o->keeps ? cache_dir_of(m->repo.folder) : NULL;
    m->weights = weight_set_open(&m->repo, place, e);
    if (!m->weights)
        return false;
    weight_set_plan(m->weights, &(weight_plan){.precision = o->precision,
                                               .folder = cache,
                                               .level = kernels_variant("gemm_f32"),
                                               .at_once = o->at_once});
    m->info.precision = precision_names[o->precision];
    return true;
}

/* What the folder says, else what the caller knows, as from the model's card. */
static enum model_head head_kind(const model *m, const encoder_spec *spec, const encoder_config *c,
                                 const json_t *config, enum model_head unsaid)
{
    const head_spec *heads = spec->heads_for ? spec->heads_for(c) : spec->heads;
    if (m->sentence.of_scores)
        return HEAD_MASKED_LM;
    if (m->sentence.stated)
        return HEAD_NONE;
    if (json_array_size(json_object_get(config, "architectures")))
        return head_of_config(config, spec->heads);
    return head_is_there(heads, unsaid, weights_root(m->weights, NULL)) ? unsaid : HEAD_NONE;
}

static bool open_encoder(model *m, const model_options *o, error *e)
{
    const char *folder = m->sentence.transformer;
    own_mem char *name = xprintf("%s%sconfig.json", folder, *folder ? "/" : "");
    own_json json_t *config = repo_json(&m->repo, name, e);
    const architecture *a;
    if (!config || !find_architecture(&a, config, e))
        return false;
    if (json_is_object(json_object_get(config, "quantization_config")))
        return fail(e, ERR_INVALID, "'config.json': quantization_config is not supported");
    encoder_config *c = arena_alloc(m->memory, a->config_bytes ? a->config_bytes : sizeof *c);
    if (!config_parse(a->config, config, name, c, m->memory, e))
        return false;
    labels l = {0};
    if (!open_weights(m, folder, o, e))
        return false;
    weight_set_unwrap(m->weights, a->encoder->prefix);
    enum model_head kind = head_kind(m, a->encoder, c, config, o->head);
    if (!read_labels(m, &l, kind, a, config, e))
        return false;
    sentence_claim(&m->sentence, weights_root(m->weights, NULL), c->hidden);
    if (!encoder_init(&m->encoder, a->encoder, c, kind, l.n, m->weights, e) ||
        !weight_set_prepare(m->weights, m->team, e))
        return false;
    if (m->sentence.of_scores && m->encoder.head.kind != HEAD_MASKED_LM)
        return fail(e, ERR_BAD_MODEL,
                    "modules.json pools scores of the vocabulary, but '%s' has no weights that "
                    "make them",
                    a->model_type);
    m->info.model_type = a->model_type;
    describe_head(&m->info, m->encoder.head.kind, &l);
    return true;
}

/* Whether queries can be filled up as the folder has it. */
static bool check_late(const model *m, error *e)
{
    const late *l = &m->sentence.late;
    int most = encoder_max_tokens(&m->encoder);
    if (!l->is || !l->about.filled)
        return true;
    if (l->about.filled > most)
        return fail(e, ERR_BAD_MODEL, "queries are filled up to %d tokens, but the model takes %d",
                    l->about.filled, most);
    return l->about.attended || encoder_cuts(&m->encoder) ||
           fail(e, ERR_INVALID,
                "query_expansion with 'attend' false is not supported for model_type '%s'",
                m->info.model_type);
}

static int truncated_to(const model *m)
{
    int most = encoder_max_tokens(&m->encoder), asked = m->sentence.max_tokens;
    return asked && asked < most ? asked : most;
}

static void count_bytes(model_info *info, const weight_set *set)
{
    weight_counts counts;
    weight_set_count(set, &counts);
    info->parameters += counts.parameters;
    info->mapped_bytes += counts.mapped_bytes;
    info->converted_bytes += counts.converted_bytes;
    if (!info->dtype)
        info->dtype = dtype_name(counts.most);
}

static void describe(model *m)
{
    const sentence *s = &m->sentence;
    const encoder_config *c = &m->encoder.config;
    model_info *info = &m->info;
    info->similarity = s->similarity;
    info->similarity_name = s->similarity_name;
    info->pooling = sentence_pooling_name(s, m->memory);
    info->hidden = c->hidden;
    info->width = s->width;
    info->layers = c->layers;
    info->vocab = c->vocab;
    info->types = m->encoder.types.rows;
    info->places = m->encoder.layout.places;
    info->path_depth = m->encoder.paths.depth;
    info->path_tags = m->encoder.paths.n_tags;
    info->path_numbers = m->encoder.paths.n_numbers;
    info->table_types = m->encoder.table_types.tables[0].rows ? TABLE_TYPES : 0;
    for (int i = 0; i < info->table_types; i++)
        m->table_sizes[i] = m->encoder.table_types.tables[i].rows;
    info->table_sizes = m->table_sizes;
    info->languages = m->encoder.languages.items;
    info->n_languages = m->encoder.languages.n;
    info->language = m->encoder.language;
    info->max_tokens = truncated_to(m);
    info->max_position = encoder_max_tokens(&m->encoder);
    info->pooled = s->stated;
    info->sparse = s->sparse;
    info->folder = s->transformer;
    info->query_folder = s->query_folder;
    info->late = s->late.is ? &s->late.about : NULL;
    info->normalized = s->n_modules > 0 && s->modules[s->n_modules - 1].kind == SENTENCE_NORMALIZE;
    info->lower_case = s->lower_case;
    info->include_prompt = s->include_prompt;
    info->prompts = s->prompts;
    info->n_prompts = s->n_prompts;
    info->by_default = s->by_default;
    count_bytes(info, m->weights);
    for (int i = 0; i < s->n_modules; i++)
        if (s->modules[i].weights)
            count_bytes(info, s->modules[i].weights);
    if (s->query_weights)
        count_bytes(info, s->query_weights);
}

/* Of what is pooled. */
static int rows_width(const model *m)
{
    return m->sentence.of_scores ? head_width(&m->encoder.head) : m->encoder.config.hidden;
}

model *model_open(const char *folder, team *threads, error *e)
{
    return model_open_as(folder, &(model_options){0}, threads, e);
}

model *model_open_as(const char *folder, const model_options *o, team *threads, error *e)
{
    model *m = xcalloc(1, sizeof *m);
    m->team = threads;
    m->memory = arena_new(TEXT_BYTES);
    if (repo_open(&m->repo, folder, e) && sentence_open(&m->sentence, &m->repo, m->memory, e) &&
        open_encoder(m, o, e) && check_late(m, e) &&
        sentence_bind(&m->sentence, &m->repo, rows_width(m), e)) {
        describe(m);
        weight_set_read_ahead(m->weights);
        return m;
    }
    model_close(m);
    return NULL;
}

void model_close(model *m)
{
    if (!m)
        return;
    encoder_release(&m->encoder);
    sentence_release(&m->sentence);
    weight_set_close(m->weights);
    arena_free(m->memory);
    repo_release(&m->repo);
    free(m);
}

bool model_is_prepared(const model *m)
{
    return weight_set_is_prepared(m->weights);
}

const model_info *model_describe(const model *m)
{
    return &m->info;
}

/* Tokens whose scores are held at once. Each part of a batch reads all of the head's weights, so it
 * should be some tens of tokens. */
static int score_rows(const model *m, int n_tokens)
{
    enum { SCORES = 2 << 20, LEAST = 8 };
    int most = SCORES / (head_width(&m->encoder.head) + 1);
    most = most < LEAST ? LEAST : most;
    return n_tokens < most ? n_tokens : most;
}

/* Of pool_scores, but for the encoder's and the token vectors. */
static size_t scores_bytes(const model *m, int n_tokens)
{
    size_t rows = (size_t)score_rows(m, n_tokens), width = (size_t)head_width(&m->encoder.head);
    return (rows * width + head_work_floats(&m->encoder.head, (int)rows)) * sizeof(float) +
           width * sizeof(double);
}

enum { ALIGNMENT = 16 * 64 }; /* of the parts */

/* What steps make of their token vectors for a call on a model. */
typedef struct call {
    const model *model;
    const token_batch *batch;
    const splade *splade;
    const int *rows; /* [n_rows], NULL: all */
    int n_rows;
    float *gathered; /* [n_rows][hidden]: of a head that is run on all rows at once */
    float *out;
} call;

/* The place of a step's first row among the wanted ones, which rise. */
static int rows_before(const call *c, int token)
{
    int low = 0, high = c->n_rows;
    while (c->rows && low < high) {
        int middle = low + (high - low) / 2;
        if (c->rows[middle] < token)
            low = middle + 1;
        else
            high = middle;
    }
    return c->rows ? low : token;
}

/* Copies the wanted rows of a step, which `first` precede; `to` may be the step's own vectors.
 * Returns their number. */
static int gather(const call *c, const step *s, int first, float *to)
{
    const int *start = c->batch->start;
    size_t hidden = (size_t)c->model->info.hidden;
    int n = rows_before(c, start[s->end]) - first;
    for (int i = 0; c->rows && i < n; i++)
        memmove(to + (size_t)i * hidden,
                s->tokens + (size_t)(c->rows[first + i] - start[s->first]) * hidden,
                hidden * sizeof *to);
    return n;
}

static bool pool_vectors(void *arg, const step *s, error *e)
{
    (void)e;
    const call *c = arg;
    const model *m = c->model;
    const sentence *how = &m->sentence;
    const int *skip = m->info.include_prompt ? NULL : c->batch->skip;
    int hidden = m->info.hidden;
    pool_run(s->team, how->modes, how->n_modes, s->tokens, &s->r, skip ? skip + s->first : NULL,
             hidden, c->out + (size_t)s->first * (size_t)sentence_pooled_width(how, hidden));
    return true;
}

static size_t scores_work(const void *arg, int n_tokens)
{
    return scores_bytes(((const call *)arg)->model, n_tokens);
}

/* The scores of a step's tokens, part by part, into the vectors of its sequences. */
static bool pool_scores(void *arg, const step *s, error *e)
{
    (void)e;
    const call *c = arg;
    const head *h = &c->model->encoder.head;
    const int *ids = c->batch->ids + c->batch->start[s->first];
    int n = ragged_rows(&s->r), part = score_rows(c->model, n), width = head_width(h);
    double *sums = s->work;
    float *scores = (float *)(void *)(sums + width);
    float *out = c->out + (size_t)s->first * (size_t)width;
    memset(sums, 0, (size_t)width * sizeof *sums);
    for (int i = 0; i < n; i += part) {
        int some = n - i < part ? n - i : part;
        head_run(h, s->team, s->tokens + (size_t)i * (size_t)c->model->info.hidden, some, NULL,
                 ids + i, scores, scores + (size_t)some * (size_t)width);
        splade_add(c->splade, s->team, scores, i, some, &s->r, width, sums, out);
    }
    return true;
}

/* Every step's token vectors are pooled at once: only one step's are ever kept. */
static step_use pooling(call *c)
{
    return c->splade ? (step_use){.use = pool_scores,
                                  .work_bytes = scores_work,
                                  .arg = c,
                                  .for_head = true}
                     : (step_use){.use = pool_vectors, .arg = c};
}

static const splade plain_splade; /* of a folder that does not say how */

size_t model_work_bytes(const model *m, int n_tokens, int n_seq, int longest)
{
    const sentence *s = &m->sentence;
    call c = {.model = m, .splade = s->of_scores ? &s->splade : NULL};
    step_use use = pooling(&c);
    size_t pooled = (size_t)n_seq * (size_t)sentence_pooled_width(s, rows_width(m));
    size_t weighed = s->query_folder ? (2 * (size_t)n_tokens + (size_t)n_seq + 3) * sizeof(int) : 0;
    return steps_work_bytes(&m->encoder, m->team, &use, n_tokens, longest) +
           pooled * sizeof(float) + weighed + sentence_work_bytes(s, n_seq) + ALIGNMENT;
}

size_t model_sparse_work_bytes(const model *m, int n_tokens, int n_seq, int longest)
{
    call c = {.model = m, .splade = &plain_splade};
    step_use use = pooling(&c);
    size_t bytes = model_work_bytes(m, n_tokens, n_seq, longest);
    size_t plain = steps_work_bytes(&m->encoder, m->team, &use, n_tokens, longest);
    return model_sparse_width(m) && plain > bytes ? plain : bytes;
}

bool model_hidden(model *m, const token_batch *b, float *out, arena *a, error *e)
{
    step_use use = {.out = out};
    return steps_run(&m->encoder, m->team, b, &use, a, e);
}

static bool pool_as(model *m, const splade *s, const token_batch *b, float *pooled, arena *a,
                    error *e)
{
    call c = {.model = m, .batch = b, .splade = s, .out = pooled};
    step_use use = pooling(&c);
    return steps_run(&m->encoder, m->team, b, &use, a, e);
}

static bool pool(model *m, const token_batch *b, float *pooled, arena *a, error *e)
{
    const sentence *s = &m->sentence;
    return pool_as(m, s->of_scores ? &s->splade : NULL, b, pooled, a, e);
}

/* A token counts once, however often it stands in the query. */
static bool weigh(const model *m, const int *ids, int n, float *out, error *e)
{
    int width = m->sentence.width;
    memset(out, 0, (size_t)width * sizeof *out);
    for (int i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= width)
            return fail(e, ERR_INVALID, "token id %d is not in the vocabulary of %d", ids[i],
                        width);
        out[ids[i]] = m->sentence.token_weights[ids[i]];
    }
    return true;
}

/* What is in the batch of the sequences that the encoder sees. */
static bool leave_out_weighed(const token_batch *b, token_batch *seen, arena *a)
{
    int *ids = arena_raw(a, (size_t)b->start[b->n_seq] + 1, sizeof *ids);
    int *types = arena_raw(a, (size_t)b->start[b->n_seq] + 1, sizeof *types);
    int *start = arena_raw(a, (size_t)b->n_seq + 1, sizeof *start);
    int *languages = arena_raw(a, (size_t)b->n_seq, sizeof *languages);
    if (!ids || !types || !start || !languages)
        return false;
    *seen = (token_batch){.ids = ids,
                          .type_ids = b->type_ids ? types : NULL,
                          .start = start,
                          .languages = b->languages ? languages : NULL,
                          .cancelled = b->cancelled,
                          .cancelled_arg = b->cancelled_arg};
    start[0] = 0;
    for (int i = 0; i < b->n_seq; i++) {
        int n = b->start[i + 1] - b->start[i], at = start[seen->n_seq];
        if (b->weighed[i])
            continue;
        memcpy(ids + at, b->ids + b->start[i], (size_t)n * sizeof *ids);
        if (b->type_ids)
            memcpy(types + at, b->type_ids + b->start[i], (size_t)n * sizeof *types);
        if (b->languages)
            languages[seen->n_seq] = b->languages[i];
        start[++seen->n_seq] = at + n;
    }
    return true;
}

/* Those that the encoder sees are pooled together, then moved to their places from the last on. */
static bool pool_or_weigh(model *m, const token_batch *b, float *pooled, arena *a, error *e)
{
    token_batch seen;
    size_t width = (size_t)m->sentence.width;
    if (!b->weighed)
        return pool(m, b, pooled, a, e);
    if (!m->sentence.token_weights)
        return fail(e, ERR_INVALID, "this model has no weights of tokens for queries");
    if (!leave_out_weighed(b, &seen, a))
        return fail(e, ERR_NO_SPACE, "no room for %d sequences", b->n_seq);
    if (!pool(m, &seen, pooled, a, e))
        return false;
    for (int i = b->n_seq - 1; i >= 0; i--) {
        float *to = pooled + (size_t)i * width;
        if (!b->weighed[i])
            memmove(to, pooled + (size_t)--seen.n_seq * width, width * sizeof *to);
        else if (!weigh(m, b->ids + b->start[i], b->start[i + 1] - b->start[i], to, e))
            return false;
    }
    return true;
}

bool model_embed(model *m, const token_batch *b, float *out, arena *a, error *e)
{
    const sentence *s = &m->sentence;
    size_t width = (size_t)sentence_pooled_width(s, rows_width(m));
    assert(b->n_seq == 0 || b->start[0] == 0);
    if (m->info.late)
        return fail(e, ERR_INVALID, "this model makes no one vector of a text, but one a token");
    if (b->n_seq == 0)
        return true;
    size_t work_bytes = sentence_work_bytes(s, b->n_seq);
    float *work = work_bytes ? arena_raw(a, work_bytes, 1) : NULL;
    float *pooled = work ? arena_raw(a, (size_t)b->n_seq * width, sizeof *out) : out;
    if (!pooled || (work_bytes && !work))
        return fail(e, ERR_NO_SPACE, "no room for %d pooled vectors", b->n_seq);
    if (!pool_or_weigh(m, b, pooled, a, e))
        return false;
    sentence_run(s, m->team, pooled, out, b->n_seq, work);
    return true;
}

bool model_sparse(model *m, const token_batch *b, float *out, arena *a, error *e)
{
    assert(b->n_seq == 0 || b->start[0] == 0);
    if (!model_sparse_width(m))
        return fail(e, ERR_INVALID, "this %s model makes no sparse vectors", m->info.model_type);
    if (m->sentence.stated)
        return model_embed(m, b, out, a, e);
    return pool_as(m, &plain_splade, b, out, a, e);
}

int model_sparse_width(const model *m)
{
    return m->sentence.sparse                       ? m->sentence.width
           : m->encoder.head.kind == HEAD_MASKED_LM ? head_width(&m->encoder.head)
                                                    : 0;
}

int model_logits_width(const model *m)
{
    return head_width(&m->encoder.head);
}

int model_logits_sequence_width(const model *m)
{
    return head_sequence_width(&m->encoder.head);
}

/* A head whose rows are longer than its input reads its weights once for all rows of a batch. */
static bool gathers(const model *m)
{
    const head *h = &m->encoder.head;
    return head_scores_tokens(h) && h->kind != HEAD_CELLS && head_width(h) > m->info.hidden;
}

enum { HEAD_ROWS = 512 }; /* of a head that are run together, as many as its work is made for */

static size_t head_work(const void *arg, int n_tokens)
{
    const model *m = ((const call *)arg)->model;
    return head_work_floats(&m->encoder.head, n_tokens) * sizeof(float);
}

size_t model_logits_work_bytes(const model *m, int n_tokens, int longest)
{
    call c = {.model = m};
    step_use use = {.work_bytes = head_work, .arg = &c};
    size_t gathered = 0;
    if (gathers(m))
        gathered =
            (size_t)n_tokens * (size_t)m->info.hidden * sizeof(float) + head_work(&c, HEAD_ROWS);
    return steps_work_bytes(&m->encoder, m->team, &use, n_tokens, longest) + gathered + ALIGNMENT;
}

/* Sequence by sequence of a step: the scores of its tokens, then its own row, if it has any. */
static void score_cells(const call *c, const step *s)
{
    const token_batch *b = c->batch;
    const head *h = &c->model->encoder.head;
    float *out = c->out + b->start[s->first] + s->first * head_sequence_width(h);
    for (int i = 0; i < s->r.n_seq; i++) {
        int at = b->start[s->first + i], n = s->r.start[i + 1] - s->r.start[i];
        const float *rows = s->tokens + (size_t)s->r.start[i] * (size_t)c->model->info.hidden;
        const int *types = b->table_types ? b->table_types + (size_t)at * TABLE_TYPES : NULL;
        ragged one = {.start = (const int[]){0, n}, .n_seq = 1};
        cell_scores_run(&h->cells, rows, types, n, out, s->work);
        if (head_sequence_width(h))
            head_run(h, s->team, rows, n, &one, b->ids + at, out + n, s->work);
        out += n + head_sequence_width(h);
    }
}

static bool score(void *arg, const step *s, error *e)
{
    (void)e;
    const call *c = arg;
    const head *h = &c->model->encoder.head;
    const int *ids = c->batch->ids + c->batch->start[s->first];
    if (h->kind == HEAD_CELLS) {
        score_cells(c, s);
        return true;
    }
    if (!head_scores_tokens(h)) {
        float *out = c->out + (size_t)s->first * (size_t)h->out.out;
        head_run(h, s->team, s->tokens, ragged_rows(&s->r), &s->r, ids, out, s->work);
        return true;
    }
    int before = rows_before(c, c->batch->start[s->first]);
    int n = gather(c, s, before, s->tokens);
    float *out = c->out + (size_t)before * (size_t)h->out.out;
    head_run(h, s->team, s->tokens, n, NULL, ids, out, s->work);
    return true;
}

static bool keep_rows(void *arg, const step *s, error *e)
{
    (void)e;
    const call *c = arg;
    size_t hidden = (size_t)c->model->info.hidden;
    int before = rows_before(c, c->batch->start[s->first]);
    gather(c, s, before, c->gathered + (size_t)before * hidden);
    return true;
}

/* Rows of all steps, then the head. */
static bool score_together(model *m, call *c, arena *a, error *e)
{
    const head *h = &m->encoder.head;
    size_t hidden = (size_t)m->info.hidden;
    step_use use = {.use = keep_rows, .arg = c, .for_head = true};
    c->gathered = arena_raw(a, (size_t)c->n_rows * hidden, sizeof *c->gathered);
    float *work = arena_raw(a, head_work(c, HEAD_ROWS) + 1, 1);
    if (!c->gathered || !work)
        return fail(e, ERR_NO_SPACE, "no room for the vectors of %d tokens", c->n_rows);
    if (!c->rows) {
        use.use = NULL;
        use.out = c->gathered;
    }
    if (!steps_run(&m->encoder, m->team, c->batch, &use, a, e))
        return false;
    for (int i = 0; i < c->n_rows; i += HEAD_ROWS) {
        int n = c->n_rows - i < HEAD_ROWS ? c->n_rows - i : HEAD_ROWS;
        head_run(h, m->team, c->gathered + (size_t)i * hidden, n, NULL, c->batch->ids,
                 c->out + (size_t)i * (size_t)h->out.out, work);
    }
    return true;
}

bool model_check_ids(const model *m, const int *ids, int n, error *e)
{
    return head_check_ids(&m->encoder.head, ids, n, e);
}

static bool check_ids(const head *h, const token_batch *b, error *e)
{
    for (int s = 0; s < b->n_seq; s++)
        if (!head_check_ids(h, b->ids + b->start[s], b->start[s + 1] - b->start[s], e))
            return fail_in(e, "sequence %d", s);
    return true;
}

bool model_logits(model *m, const token_batch *b, const int *rows, int n_rows, float *out, arena *a,
                  error *e)
{
    const head *h = &m->encoder.head;
    assert(b->n_seq == 0 || b->start[0] == 0);
    if (h->kind == HEAD_NONE)
        return fail(e, ERR_INVALID, "this %s model has no head", m->info.model_type);
    assert(!rows || (head_scores_tokens(h) && h->kind != HEAD_CELLS));
    if (!check_ids(h, b, e))
        return false;
    call c = {.model = m, .batch = b, .rows = rows, .out = out};
    c.n_rows = rows ? n_rows : b->n_seq ? b->start[b->n_seq] : 0;
    step_use use = {.use = score, .work_bytes = head_work, .arg = &c, .for_head = true};
    return gathers(m) ? score_together(m, &c, a, e)
                      : steps_run(&m->encoder, m->team, b, &use, a, e);
}

static size_t modules_work(const void *arg, int n_tokens)
{
    return sentence_work_bytes(&((const call *)arg)->model->sentence, n_tokens);
}

size_t model_tokens_work_bytes(const model *m, int n_tokens, int longest)
{
    call c = {.model = m};
    step_use use = {.work_bytes = modules_work, .arg = &c};
    return steps_work_bytes(&m->encoder, m->team, &use, n_tokens, longest);
}

static bool run_modules(void *arg, const step *s, error *e)
{
    (void)e;
    const call *c = arg;
    int before = rows_before(c, c->batch->start[s->first]);
    int n = gather(c, s, before, s->tokens);
    sentence_run(&c->model->sentence, s->team, s->tokens,
                 c->out + (size_t)before * (size_t)c->model->info.width, n, s->work);
    return true;
}

bool model_tokens(model *m, const token_batch *b, const int *rows, int n_rows, float *out, arena *a,
                  error *e)
{
    call c = {.model = m, .batch = b, .rows = rows, .n_rows = n_rows, .out = out};
    step_use use = {.use = run_modules, .work_bytes = modules_work, .arg = &c};
    if (!m->info.late)
        return fail(e, ERR_INVALID, "this model makes one vector of a text");
    return steps_run(&m->encoder, m->team, b, &use, a, e);
}
