/* table-question-answering: the cells of a table that answer a question, and what is to be done
 * with them. Follows pipelines/table_question_answering.py of transformers for TAPAS; the reply
 * always names an aggregator, "NONE" where the model has none, as the clients of the hub expect. */
#include "tasks/cells.h"
#include "tasks/pipeline.h"
#include "tasks/texts.h"

#include "base/json.h"
#include "base/utf8.h"

enum { MAX_TABLES = 1000, MAX_QUERIES = 1000 };

/* A table with its questions, which `sequential` takes as a conversation. */
struct table_question {
    strs query, question; /* the second is another name for the first */
    cell_table table;
    strs asked;        /* whichever was given */
    cells_asked *each; /* [asked.n] */
    int n_computed;    /* questions whose sequences are in the call */
};

struct table_request {
    objects inputs; /* of struct table_question */
    int sequential, padding, truncation;
};

static const char *const paddings[] = {"do_not_pad", "longest", "max_length", NULL};
static const char *const truncations[] = {"do_not_truncate", "drop_rows_to_fit", NULL};

static const field question_rows[] = {
    FIELD_STRINGS(struct table_question, query, "query", MAX_QUERIES, FIELD_ONE_OR_MANY,
                  "what to find out, one question or several"),
    FIELD_TABLE(struct table_question, table, "table", FIELD_REQUIRED,
                "the table: for each column its cells, or a list of rows"),
    FIELD_STRINGS(struct table_question, question, "question", MAX_QUERIES, FIELD_ONE_OR_MANY,
                  "another name for the query"),
    FIELD_END};

static const field inputs[] = {FIELD_OBJECTS(struct table_request, inputs, "inputs",
                                             struct table_question, question_rows, MAX_TABLES,
                                             FIELD_REQUIRED | FIELD_ONE_OR_MANY,
                                             "a question and the table to look in"),
                               FIELD_END};

static const field parameters[] = {
    FIELD_BOOL(struct table_request, sequential, "sequential", 0,
               "the questions are a conversation: each is read with the answer before it"),
    FIELD_CHOICE_OR_BOOL(struct table_request, padding, "padding", 0, paddings,
                         "accepted for compatibility: nothing is padded, which changes no answer"),
    FIELD_CHOICE_OR_BOOL(struct table_request, truncation, "truncation", 1, truncations,
                         "drop the last rows of a table that is too long for the model"),
    FIELD_END};

static const field output_keys[] = {
    FIELD_OUT_KEY("answer", FIELD_TYPE_STRING, 0, FIELD_REQUIRED,
                  "the cells, behind the aggregator if there is one: \"SUM > 1, 2\""),
    FIELD_OUT_KEY("coordinates", FIELD_TYPE_INT, 2, FIELD_REQUIRED,
                  "row and column of each cell, from 0"),
    FIELD_OUT_KEY("cells", FIELD_TYPE_STRING, 1, FIELD_REQUIRED, "their texts"),
    FIELD_OUT_KEY("aggregator", FIELD_TYPE_STRING, 0, FIELD_REQUIRED,
                  "what is to be done with the cells"),
    FIELD_END};

static const field output[] = {
    FIELD_OUT_OBJECTS(0, 2, output_keys,
                      "the answer; a list for several questions, one for each table of a list"),
    FIELD_END};

static bool supports(const model_info *m)
{
    return m->head == HEAD_CELLS;
}

static const char *path_of(const struct table_request *r, int i, char out[32])
{
    if (r->inputs.single)
        snprintf(out, 32, "inputs");
    else
        snprintf(out, 32, "inputs[%d]", i);
    return out;
}

static bool check(struct table_question *q, const char *path, error *e)
{
    q->asked = q->query.items ? q->query : q->question;
    if (!q->asked.items)
        return fail(e, ERR_BAD_REQUEST, "'%s.query' is required but missing", path);
    if (q->asked.n == 0)
        return fail(e, ERR_EMPTY, "'%s.query' is an empty list, expected at least a question",
                    path);
    for (int i = 0; i < q->asked.n; i++)
        if (q->asked.items[i].n == 0)
            return fail(e, ERR_EMPTY, "'%s.query' is empty, expected a question", path);
    if (q->table.n_rows == 0 || q->table.n_columns == 0)
        return fail(e, ERR_EMPTY,
                    "'%s.table' is empty, expected at least a column with a cell, such as "
                    "{\"Name\": [\"Ada\"]}",
                    path);
    return true;
}

/* Encodes all questions of a table; the sequences of those that depend on none go to the call. */
static bool encode(task_call *c, struct table_question *q, const char *path, error *e)
{
    const struct table_request *r = c->request;
    q->each = arena_try(c->memory, (size_t)q->asked.n, sizeof *q->each);
    if (!q->each)
        return fail(e, ERR_TOO_LARGE, "'%s' is larger than the memory allowed for one request",
                    path);
    if (!cells_encode(c, &q->table, &q->asked, r->truncation != 0, q->each, e))
        return fail_in(e, "'%s'", path);
    q->n_computed = r->sequential ? 1 : q->asked.n;
    for (int i = 0; i < q->n_computed; i++)
        cells_add(c, &q->each[i]);
    return true;
}

static bool prepare(task_call *c, error *e)
{
    struct table_request *r = c->request;
    struct table_question *questions = r->inputs.items;
    char path[32];
    int n = 0;
    if (r->inputs.n == 0)
        return fail(e, ERR_EMPTY, "'inputs' is an empty list, expected at least a question");
    for (int i = 0; i < r->inputs.n; i++) {
        if (!check(&questions[i], path_of(r, i, path), e))
            return false;
        n += questions[i].asked.n;
    }
    if (!texts_reserve(c, n, "inputs", e))
        return false;
    c->computes = CALL_LOGITS;
    for (int i = 0; i < r->inputs.n; i++)
        if (!encode(c, &questions[i], path_of(r, i, path), e))
            return false;
    return true;
}

/* The next question of each conversation, told which cells answered the one before. */
static bool go_on(task_call *c, error *e)
{
    struct table_request *r = c->request;
    struct table_question *questions = r->inputs.items;
    (void)e;
    for (int i = 0; i < r->inputs.n; i++) {
        struct table_question *q = &questions[i];
        if (q->n_computed == q->asked.n)
            continue;
        cells_tell(c, &q->each[q->n_computed - 1], &q->each[q->n_computed]);
        cells_add(c, &q->each[q->n_computed++]);
    }
    return true;
}

static void put_list(const struct table_question *q, const cells_answer *a, buf *reply)
{
    buf_puts(reply, ",\"coordinates\":[");
    for (int i = 0; i < a->n; i++)
        buf_printf(reply, "%s[%d,%d]", i ? "," : "", a->places[i].row, a->places[i].column);
    buf_puts(reply, "],\"cells\":[");
    for (int i = 0; i < a->n; i++) {
        if (i)
            buf_byte(reply, ',');
        json_put_string(reply, cells_text(&q->table, a->places[i]));
    }
    buf_puts(reply, "],\"aggregator\":");
}

/* {"answer": "SUM > 1, 2", ...} */
static bool put_answer(const task_call *c, const struct table_question *q, const cells_asked *asked,
                       buf *reply, error *e)
{
    const model_info *info = c->pipeline->info;
    cells_answer a;
    if (!cells_find(c, asked, &a, e))
        return false;
    bool does = a.aggregator >= 0 && a.aggregator != info->no_label;
    const char *name = a.aggregator >= 0 ? info->labels[a.aggregator] : "NONE";
    own_buf buf answer = buf_new(reply->max);
    if (does)
        buf_printf(&answer, "%s > ", name);
    for (int i = 0; i < a.n; i++) {
        if (i)
            buf_puts(&answer, ", ");
        buf_str(&answer, cells_text(&q->table, a.places[i]));
    }
    if (answer.full)
        return fail(e, ERR_TOO_LARGE, "the answer is larger than %zu bytes", answer.max);
    buf_puts(reply, "{\"answer\":");
    json_put_string(reply, answer.n ? buf_view(&answer) : STR(""));
    put_list(q, &a, reply);
    json_put_string(reply, str_of(name));
    buf_byte(reply, '}');
    return true;
}

/* One question is answered by an object, several by a list. */
static bool put_answers(const task_call *c, const struct table_question *q, buf *reply, error *e)
{
    if (q->asked.n > 1)
        buf_byte(reply, '[');
    for (int i = 0; i < q->asked.n; i++) {
        if (i)
            buf_byte(reply, ',');
        if (!put_answer(c, q, &q->each[i], reply, e))
            return false;
    }
    if (q->asked.n > 1)
        buf_byte(reply, ']');
    return true;
}

static bool finish(task_call *c, buf *reply, error *e)
{
    const struct table_request *r = c->request;
    const struct table_question *questions = r->inputs.items;
    if (r->inputs.n > 1)
        buf_byte(reply, '[');
    for (int i = 0; i < r->inputs.n; i++) {
        if (i)
            buf_byte(reply, ',');
        if (!put_answers(c, &questions[i], reply, e))
            return false;
    }
    if (r->inputs.n > 1)
        buf_byte(reply, ']');
    return true;
}

extern const task task_table_question_answering;
const task task_table_question_answering = {
    .name = "table-question-answering",
    .title = "Table Question Answering",
    .summary = "Finds the cells of a table that answer a question.",
    .inputs = inputs,
    .parameters = parameters,
    .output = output,
    .request_size = sizeof(struct table_request),
    .example =
        "{\"inputs\": {\"query\": \"How many stars does the transformers repository have?\", "
        "\"table\": {\"Repository\": [\"Transformers\", \"Datasets\", \"Tokenizers\"], "
        "\"Stars\": [\"36542\", \"4512\", \"3934\"]}}}",
    .of_tables = true,
    .supports = supports,
    .prepare = prepare,
    .go_on = go_on,
    .finish = finish,
};
