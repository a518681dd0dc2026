/* A task is one file with a `const task`, and one row in tasks/list.h.
 *
 * The life of a call: parse (field rows -> request struct), prepare (texts -> token sequences), the
 * runner computes all sequences of all waiting calls in shared batches (run.h), finish (vectors ->
 * reply). Parsing, defaults, ranges, error paths, schema, pages and command line flags come from
 * the rows; a task reads no JSON. The compatibility routes of the worker are `task`s too: other
 * rows and another finish over the same request struct. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/fields.h"
#include "models/model.h"
#include "tokenizers/tokenizer.h"

#include <stdatomic.h>

typedef struct task_call task_call;

/* What the model computes for the sequences of a call. */
enum call_output {
    CALL_EMBEDDING, /* one pooled vector a sequence: info.width floats */
    CALL_SPARSE,    /* one sparse vector a sequence, written out: model_sparse_width floats */
    CALL_HIDDEN,    /* one vector a token: n * info.hidden floats */
    CALL_TOKENS,    /* one vector, of model_tokens, for each of the sequence's `rows`: info.width
                       floats each */
    CALL_LOGITS,    /* what the head makes (see model_logits): one row a sequence for HEAD_LABELS,
                       else one for each of the sequence's `rows`; behind them what the head gives
                       a sequence besides */
};

/* Who asks, for the replies whose shape depends on it. */
enum task_client {
    CLIENT_ANY,
    CLIENT_OLD_PYTHON, /* huggingface_hub before 1.0 */
    CLIENT_JAVASCRIPT, /* @huggingface/inference */
};

typedef struct task {
    const char *name;    /* the hub's pipeline tag, or the path of a compatibility route */
    const char *alias;   /* another name that requests may use; NULL: none */
    const char *title;   /* "Sentence Similarity" */
    const char *summary; /* one sentence for pages and --help */
    /* The row of "inputs" (offset in the request struct), then FIELD_END; further rows of the same
     * key are other forms of it. An object may also stand at the root of the body, without "inputs"
     * around it. NULL: all keys are parameters. */
    const field *inputs;
    /* Rows that are read from "parameters" or from the root of the body. NULL: none. */
    const field *parameters;
    const field *output; /* shape of the reply, for validation and documentation */
    size_t request_size; /* of the struct that the rows fill */
    const char *example; /* a whole request body */
    /* Answers in place of this task when nobody named one and "inputs" is a text or a list of
     * texts; NULL: none. */
    const struct task *twin;

    bool of_tables; /* takes tables: for the models that read them, and these do nothing else */
    /* Whether a model with these properties can do it; NULL: every model that reads text. */
    bool (*supports)(const model_info *m);
    /* Whether it is made for it: lists of what a model can do leave out others, which do it when
     * they are asked to; NULL: whoever can. */
    bool (*suits)(const model_info *m);
    /* Makes the sequences of the call and says in c->computes what is needed of them. May leave
     * none: then nothing is computed. */
    bool (*prepare)(task_call *c, error *e);
    /* Called when all sequences are computed; may add more that depend on them, with room that
     * `prepare` made. NULL: there never are any. */
    bool (*go_on)(task_call *c, error *e);
    /* Writes the JSON reply. */
    bool (*finish)(task_call *c, buf *reply, error *e);
} task;

/* The tasks in the order of list.h, NULL at the end; and one by name or alias, NULL when there is
 * none. */
extern const task *const tasks[];
const task *task_find(str name);

/* Fills `request` (t->request_size bytes) from a JSON body. */
bool task_parse(const task *t, str body, void *request, arena *a, error *e);

/* The same for a request that named no task: *t may become its twin, `request` is allocated. */
bool task_parse_fitting(const task **t, str body, void **request, arena *a, error *e);

/* {"type":"object","properties":{"inputs":...,"parameters":...}}, and the schema of the reply: new
 * references. */
json_t *task_input_schema(const task *t);
json_t *task_output_schema(const task *t);

/* One text as token ids, and where its result goes. */
typedef struct sequence {
    const int *ids;
    const int *type_ids;                /* NULL: all 0 */
    const box *boxes;                   /* where the tokens stand on a page; NULL: nowhere */
    const int *word_ids, *sequence_ids; /* of the encoding; NULL: not known */
    const strs *xpaths;     /* of the nodes that word_ids number; NULL: they are in no document */
    const int *paths;       /* [n][2][info.path_depth] made of them (paths.h); NULL: none */
    const int *table_types; /* [n][TABLE_TYPES] what they are in a table; NULL: they are in none */
    int n;
    int n_given;     /* tokens before truncation */
    int skip;        /* leading tokens that pooling leaves out */
    const int *rows; /* [n_rows] rising positions in the sequence, of the tokens that a head is to
                        score; NULL: all. CALL_LOGITS of heads that score tokens, CALL_TOKENS */
    int n_rows;
    bool weighed; /* see token_batch.weighed */
    int n_seen;   /* leading tokens that are seen by all; 0: all are. See token_batch.seen */
    float *out;   /* filled by the runner; in the call's memory */
} sequence;

/* Counted over all sequences of a call, reported in the reply's headers and in `usage`. */
typedef struct call_usage {
    int64_t characters;
    int64_t tokens;       /* computed */
    int64_t tokens_given; /* before truncation */
    int n_truncated;      /* sequences that lost tokens */
    const char *warning;  /* what to know of the reply, one line of ASCII, static; NULL: nothing */
} call_usage;

struct pipeline;

struct task_call {
    const task *task;
    const struct pipeline *pipeline;
    arena *memory; /* of this call: request, sequences, results */
    void *request;
    enum task_client client;
    enum call_output computes;
    int language; /* of its texts, in info.languages; -1: the model's default, or it has none */
    sequence *sequences;
    int n_sequences, n_done; /* the runner's progress */
    call_usage usage;
    int64_t tokenize_us, compute_us;
    atomic_bool cancelled; /* set by any thread: nobody waits for the reply */
};
