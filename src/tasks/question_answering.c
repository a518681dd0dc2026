/* question-answering: the place in a context that answers a question. Follows
 * pipelines/question_answering.py of transformers (4.57, the last that has it) with the tokenizers
 * of the Rust package: a context that is too long is read in windows. */
#include "base/json.h"
#include "base/utf8.h"
#include "tasks/paths.h"
#include "tasks/pipeline.h"
#include "tasks/places.h"
#include "tasks/spans.h"
#include "tasks/texts.h"
#include "tokenizers/windows.h"

enum { MAX_QUESTIONS = 1000, MAX_TOP_K = 1000, MAX_LENGTH = 1 << 20, USUAL_SEQ_LEN = 384 };

struct question {
    str question, context;
    box_lists boxes; /* of the context's words */
    strs xpaths;     /* of its lines */
    windows windows;
};

struct question_request {
    objects inputs; /* of struct question */
    int top_k, doc_stride, max_answer_len, max_seq_len, max_question_len;
    int handle_impossible_answer, align_to_words;
    str language;
};

static const field question_rows[] = {
    FIELD_STRING(struct question, question, "question", NULL, FIELD_REQUIRED, "what to find out"),
    FIELD_STRING(struct question, context, "context", NULL, FIELD_REQUIRED,
                 "the text that has the answer"),
    PLACES_FIELD(struct question, boxes, 0), PATHS_FIELD(struct question, xpaths), FIELD_END};

static const field inputs[] = {FIELD_OBJECTS(struct question_request, inputs, "inputs",
                                             struct question, question_rows, MAX_QUESTIONS,
                                             FIELD_REQUIRED | FIELD_ONE_OR_MANY,
                                             "a question and the context to look in"),
                               FIELD_END};

static const field parameters[] = {
    FIELD_INT(struct question_request, top_k, "top_k", 1, 1, MAX_TOP_K,
              "how many answers to return"),
    FIELD_INT(struct question_request, doc_stride, "doc_stride", -1, 0, MAX_LENGTH,
              "tokens that the windows over a long context share; when not given 128, or half a "
              "window"),
    FIELD_INT(struct question_request, max_answer_len, "max_answer_len", 15, 1, MAX_LENGTH,
              "most tokens of an answer"),
    FIELD_INT(struct question_request, max_seq_len, "max_seq_len", 0, 1, MAX_LENGTH,
              "most tokens of a window, question included; when not given 384, or what the model "
              "can read"),
    FIELD_INT(struct question_request, max_question_len, "max_question_len", 0, 1, MAX_LENGTH,
              "cut the question to so many tokens; when not given, it is not cut"),
    FIELD_BOOL(struct question_request, handle_impossible_answer, "handle_impossible_answer", 0,
               "the context may have no answer"),
    FIELD_BOOL(struct question_request, align_to_words, "align_to_words", 1,
               "answers are whole words"),
    LANGUAGE_FIELD(struct question_request),
    FIELD_END};

static const field output_keys[] = {
    FIELD_OUT_KEY("score", FIELD_TYPE_NUMBER, 0, FIELD_REQUIRED, "probability of the answer"),
    FIELD_OUT_KEY("start", FIELD_TYPE_INT, 0, FIELD_REQUIRED, "first character in the context"),
    FIELD_OUT_KEY("end", FIELD_TYPE_INT, 0, FIELD_REQUIRED, "character behind the last"),
    FIELD_OUT_KEY("answer", FIELD_TYPE_STRING, 0, FIELD_REQUIRED, "the answer"), FIELD_END};

static const field output[] = {
    FIELD_OUT_OBJECTS(0, 2, output_keys,
                      "the answer; a list, best first, if top_k is more than 1; one for each "
                      "question of a list"),
    FIELD_END};

static bool supports(const model_info *m)
{
    return m->head == HEAD_SPANS;
}

static bool plan(const task_call *c, window_options *o, error *e)
{
    const struct question_request *r = c->request;
    const pipeline *p = c->pipeline;
    int usual = p->max_tokens < USUAL_SEQ_LEN ? p->max_tokens : USUAL_SEQ_LEN;
    int most = p->info->max_position;
    int window = r->max_seq_len == 0 ? usual : r->max_seq_len < most ? r->max_seq_len : most;
    int half = window / 2 < 128 ? window / 2 : 128;
    const tokenizer_info *about = tokenizer_info_of(p->tokenizer);
    *o = (window_options){.of_pair = !about->pad_left,
                          .side = about->truncate_left ? TRUNCATE_LEFT : TRUNCATE_RIGHT,
                          .window = window,
                          .stride = r->doc_stride < 0 ? half : r->doc_stride,
                          .max_other = r->max_question_len};
    return o->stride <= window ||
           fail(e, ERR_INVALID, "'doc_stride' is %d, expected at most 'max_seq_len', which is %d",
                o->stride, window);
}

/* As the pipeline does where padding would stand in front. */
static bool context_first(const task_call *c)
{
    return tokenizer_info_of(c->pipeline->tokenizer)->pad_left;
}

static bool encode(task_call *c, struct question *q, const window_options *o, const char *path,
                   error *e)
{
    if (q->question.n == 0 || q->context.n == 0)
        return fail(e, ERR_EMPTY, "'%s.%s' is empty, expected some words", path,
                    q->question.n ? "context" : "question");
    window_options own = *o;
    bool turned = context_first(c);
    str first = turned ? q->context : q->question, second = turned ? q->question : q->context;
    own.node_lines = q->xpaths.items != NULL;
    if (!paths_check(c, &q->xpaths, 1, q->context, e) ||
        !tokenizer_windows(c->pipeline->tokenizer, first, &second, &own, &q->windows, c->memory, e))
        return fail_in(e, "'%s'", path);
    for (int i = 0; i < q->windows.n; i++) /* only the question loses tokens */
        q->windows.items[i].n_total = q->windows.items[i].n + q->windows.n_lost;
    c->usage.characters += (int64_t)(utf8_length(q->question) + utf8_length(q->context));
    return true;
}

/* The windows of a question as sequences. */
static bool add_windows(task_call *c, const struct question *q, const char *path, error *e)
{
    char boxes_path[48];
    snprintf(boxes_path, sizeof boxes_path, "%s.boxes", path);
    if (!places_check_lists(c, &q->boxes, 1, true, e))
        return false;
    for (int k = 0; k < q->windows.n; k++) {
        sequence *s = texts_add(c, &q->windows.items[k]);
        s->xpaths = &q->xpaths;
        if (q->boxes.lists && !places_add(c, s, &q->windows.items[k], q->context, !context_first(c),
                                          q->boxes.lists, boxes_path, e))
            return false;
    }
    return true;
}

static const char *path_of(const struct question_request *r, int i, char out[32])
{
    if (r->inputs.single)
        snprintf(out, 32, "inputs");
    else
        snprintf(out, 32, "inputs[%d]", i);
    return out;
}

static bool prepare(task_call *c, error *e)
{
    struct question_request *r = c->request;
    struct question *questions = r->inputs.items;
    window_options o;
    int n = 0;
    if (r->inputs.n == 0)
        return fail(e, ERR_EMPTY, "'inputs' is an empty list, expected at least a question");
    if (!plan(c, &o, e) || !texts_language(c, r->language, e))
        return false;
    for (int i = 0; i < r->inputs.n; i++) {
        char path[32];
        if (!encode(c, &questions[i], &o, path_of(r, i, path), e))
            return false;
        n += questions[i].windows.n;
    }
    if (!texts_reserve(c, n, "inputs", e))
        return false;
    c->computes = CALL_LOGITS;
    for (int i = 0; i < r->inputs.n; i++) {
        char path[32];
        if (!add_windows(c, &questions[i], path_of(r, i, path), e))
            return false;
    }
    return true;
}

static void put_answer(const answer *a, buf *reply)
{
    buf_puts(reply, "{\"score\":");
    json_put_float(reply, a->score);
    buf_printf(reply, ",\"start\":%d,\"end\":%d,\"answer\":", a->start, a->end);
    json_put_string(reply, a->text);
    buf_byte(reply, '}');
}

/* The answers to a question whose windows are the sequences from `first` on. */
static bool put_answers(task_call *c, const struct question *q, const sequence *first, buf *reply,
                        error *e)
{
    const struct question_request *r = c->request;
    span_options o = {.top_k = r->top_k,
                      .max_answer_len = r->max_answer_len,
                      .align_to_words = r->align_to_words,
                      .handle_impossible = r->handle_impossible_answer,
                      .context_first = context_first(c)};
    float **logits = arena_try(c->memory, (size_t)q->windows.n, sizeof *logits);
    answer *answers;
    int n;
    if (!logits)
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    for (int i = 0; i < q->windows.n; i++)
        logits[i] = first[i].out;
    if (!spans_find(c, q->context, q->windows.items, logits, q->windows.n, &o, &answers, &n, e))
        return false;
    if (r->top_k > 1)
        buf_byte(reply, '[');
    for (int i = 0; i < n; i++) {
        if (i)
            buf_byte(reply, ',');
        put_answer(&answers[i], reply);
    }
    if (r->top_k > 1)
        buf_byte(reply, ']');
    return true;
}

static bool finish(task_call *c, buf *reply, error *e)
{
    const struct question_request *r = c->request;
    const struct question *questions = r->inputs.items;
    const sequence *next = c->sequences;
    if (!r->inputs.single)
        buf_byte(reply, '[');
    for (int i = 0; i < r->inputs.n; i++) {
        if (i)
            buf_byte(reply, ',');
        if (!put_answers(c, &questions[i], next, reply, e))
            return false;
        next += questions[i].windows.n;
    }
    if (!r->inputs.single)
        buf_byte(reply, ']');
    return true;
}

extern const task task_question_answering;
const task task_question_answering = {
    .name = "question-answering",
    .title = "Question Answering",
    .summary = "Finds the answer to a question in a text.",
    .inputs = inputs,
    .parameters = parameters,
    .output = output,
    .request_size = sizeof(struct question_request),
    .example = "{\"inputs\": {\"question\": \"Where do I live?\", \"context\": \"My name is "
               "Wolfgang and I live in Berlin.\"}}",
    .supports = supports,
    .prepare = prepare,
    .finish = finish,
};
