/* Opening order: model and tokenizer first (they name what is broken), then the task. */
#include "tasks/pipeline.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"
#include "tensor/card.h"

bool pipeline_supports(const pipeline *p, const task *t)
{
    return t->of_tables == (p->info->table_types > 0) && (!t->supports || t->supports(p->info));
}

bool pipeline_offers(const pipeline *p, const task *t)
{
    return pipeline_supports(p, t) && (t == p->task || !t->suits || t->suits(p->info));
}

/* Says what this model can do. */
static bool refuse(const pipeline *p, str name, enum error_kind kind, error *e)
{
    char can[400] = "";
    size_t n = 0;
    for (int i = 0; tasks[i]; i++)
        if (pipeline_offers(p, tasks[i]) && n < sizeof can)
            n += (size_t)snprintf(can + n, sizeof can - n, "%s'%s'", n ? ", " : "", tasks[i]->name);
    return fail(e, kind, "the model '%s' cannot do the task '%.*s'; it can do %s", p->id,
                (int)(name.n < 60 ? name.n : 60), name.p, can);
}

bool pipeline_check(const pipeline *p, const task *t, error *e)
{
    return pipeline_supports(p, t) || refuse(p, str_of(t->name), ERR_INVALID, e);
}

const task *pipeline_task(const pipeline *p, str name, error *e)
{
    const task *t = task_find(name);
    if (!t)
        refuse(p, name, ERR_NOT_FOUND, e);
    return t && pipeline_check(p, t, e) ? t : NULL;
}

static char *last_part(const char *folder)
{
    size_t n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/')
        n--;
    size_t start = n;
    while (start > 0 && folder[start - 1] != '/')
        start--;
    return xprintf("%.*s", (int)(n - start), folder + start);
}

/* A snapshot folder of the hub cache is named by its commit. */
static char *commit_of(const char *folder)
{
    char *name = last_part(folder);
    if (!str_is_hex(str_of(name), 40))
        name[0] = '\0';
    return name;
}

static int smaller_limit(int a, int b)
{
    return a <= 0 ? b : b <= 0 ? a : a < b ? a : b;
}

/* The front matter of README.md; NULL without one, and for a broken one: a card is no reason not to
 * answer. */
static json_t *read_card(const char *folder)
{
    own_mem char *path = path_join(folder, "README.md");
    own_buf buf text = buf_new(0);
    error ignored = {0};
    str front, body;
    if (!file_exists(path) || !file_read(path, CARD_MAX_BYTES, &text, &ignored))
        return NULL;
    card_split(buf_view(&text), &front, &body);
    return front.n ? card_meta(front, &ignored) : NULL;
}

/* What heads are for: the first task of a head is what the hub infers from the name of an
 * architecture. */
static const struct purpose {
    enum model_head head;
    const char *task;
} purposes[] = {
    {HEAD_MASKED_LM, "fill-mask"},
    {HEAD_LABELS, "text-classification"},
    {HEAD_LABELS, "zero-shot-classification"},
    {HEAD_LABELS, "text-ranking"},
    {HEAD_TOKEN_LABELS, "token-classification"},
    {HEAD_SPANS, "question-answering"},
    {HEAD_CELLS, "table-question-answering"},
};
enum { N_PURPOSES = sizeof purposes / sizeof *purposes };

static const char *task_of_head(const model_info *m)
{
    for (int i = 0; i < N_PURPOSES; i++)
        if (purposes[i].head == m->head)
            return purposes[i].task;
    return "feature-extraction";
}

/* That of the task which the caller names, else of the one that the card does. */
static enum model_head head_of_task(const char *folder, const char *task_name)
{
    own_json json_t *card = task_name ? NULL : read_card(folder);
    str name = task_name ? str_of(task_name)
                         : str_of(json_string_value(json_object_get(card, "pipeline_tag")));
    for (int i = 0; i < N_PURPOSES; i++)
        if (str_is(name, purposes[i].task))
            return purposes[i].head;
    return HEAD_NONE;
}

/* The card's pipeline tag if this model can do it; else similarity for a folder with its pooling
 * stated, and what its head is for, for any other. */
static const task *own_task(const pipeline *p, const char *folder, error *e)
{
    own_json json_t *card = read_card(folder);
    const task *t = task_find(str_of(json_string_value(json_object_get(card, "pipeline_tag"))));
    if (t && pipeline_supports(p, t))
        return t;
    if (t && t->of_tables) {
        fail(e, ERR_INVALID,
             "the card of '%s' says '%s', but a model of type '%s' would have to write the answer: "
             "text generation is not supported, only models that select cells are (tapas)",
             p->id, t->name, p->info->model_type);
        return NULL;
    }
    return task_find(str_of(p->info->pooled ? "sentence-similarity" : task_of_head(p->info)));
}

/* In the model folder, or where the files of its Transformer are. */
static tokenizer *open_below(const char *folder, const char *place, error *e)
{
    own_mem char *below = path_join(folder, place);
    return tokenizer_open(*place ? below : folder, e);
}

/* That of queries must have the documents' ids. */
static bool open_tokenizers(pipeline *p, const char *folder, error *e)
{
    p->tokenizer = open_below(folder, p->info->folder, e);
    if (!p->tokenizer || !p->info->query_folder)
        return p->tokenizer != NULL;
    p->query_tokenizer = open_below(folder, p->info->query_folder, e);
    if (!p->query_tokenizer)
        return false;
    int n = tokenizer_info_of(p->query_tokenizer)->n_ids;
    return n <= p->info->vocab ||
           fail(e, ERR_BAD_MODEL,
                "the tokenizer of queries has ids up to %d, but the model's vocabulary has %d",
                n - 1, p->info->vocab);
}

static bool open_parts(pipeline *p, const char *folder, const char *task_name,
                       const model_options *o, team *threads, error *e)
{
    model_options options = *o;
    options.head = head_of_task(folder, task_name);
    p->model = model_open_as(folder, &options, threads, e);
    if (!p->model)
        return false;
    p->info = model_describe(p->model);
    if (!open_tokenizers(p, folder, e))
        return false;
    if (p->info->table_types && p->info->head != HEAD_CELLS)
        return fail(e, ERR_INVALID,
                    "model_type '%s' reads tables, which only table-question-answering takes: it "
                    "needs a model that selects cells ('TapasForQuestionAnswering')",
                    p->info->model_type);
    if (p->info->table_types && !(p->tables = table_tokenizer_open(folder, p->tokenizer, e)))
        return false;
    const tokenizer_info *about = tokenizer_info_of(p->tokenizer);
    if (about->n_ids > p->info->vocab)
        return fail(e, ERR_BAD_MODEL,
                    "the tokenizer has ids up to %d, but the model's vocabulary has %d",
                    about->n_ids - 1, p->info->vocab);
    if (!late_texts_open(&p->late, p->tokenizer, p->info, e))
        return false;
    p->max_tokens = smaller_limit(p->info->max_tokens, about->max_tokens);
    if (about->n_added_single >= late_most(p, true) || about->n_added_single >= late_most(p, false))
        return fail(e, ERR_BAD_MODEL, "the model takes %d tokens, which leaves none for a text",
                    smaller_limit(late_most(p, true), late_most(p, false)));
    p->task = task_name ? pipeline_task(p, str_of(task_name), e) : own_task(p, folder, e);
    return p->task != NULL;
}

bool pipeline_open(pipeline *p, const char *folder, const char *id, const char *task_name,
                   team *threads, error *e)
{
    return pipeline_open_as(p, folder, id, task_name, &(model_options){0}, threads, e);
}

bool pipeline_open_as(pipeline *p, const char *folder, const char *id, const char *task_name,
                      const model_options *o, team *threads, error *e)
{
    int64_t start = clock_us();
    *p = (pipeline){.threads = threads,
                    .id = id ? xstrdup(id) : last_part(folder),
                    .commit = commit_of(folder)};
    if (!open_parts(p, folder, task_name, o, threads, e)) {
        pipeline_close(p);
        return false;
    }
    p->load_us = clock_us() - start;
    return true;
}

void pipeline_close(pipeline *p)
{
    if (!p)
        return;
    late_texts_close(&p->late);
    model_close(p->model);
    table_tokenizer_close(p->tables);
    tokenizer_close(p->query_tokenizer);
    tokenizer_close(p->tokenizer);
    free(p->id);
    free(p->commit);
    *p = (pipeline){0};
}
