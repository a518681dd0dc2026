/* A model folder ready to answer: tokenizer, model, and the tasks it can do.
 * Opened once by a worker or `inferd run`; read-only while it runs. */
#pragma once

#include "tasks/late.h"
#include "tasks/task.h"
#include "tokenizers/table_tokenizer.h"

typedef struct pipeline {
    char *id;     /* "owner/name", or the folder's name */
    char *commit; /* of the snapshot the folder belongs to, "" when unknown */
    tokenizer *tokenizer;
    tokenizer *query_tokenizer; /* where info->query_folder has one, else NULL */
    table_tokenizer *tables;    /* of a model that reads tables, else NULL */
    model *model;
    team *threads; /* the caller's */
    const model_info *info;
    late_texts late;  /* of a model with info->late */
    const task *task; /* what a request gets that names no task */
    int max_tokens;   /* longest input, special tokens included, as the reference truncates it */
    int64_t load_us;
} pipeline;

/* Opens a model folder. task_name: NULL takes the card's pipeline tag, else what the folder's
 * architecture can do. id: NULL takes the folder's name. */
bool pipeline_open(pipeline *p, const char *folder, const char *id, const char *task_name,
                   team *threads, error *e);

/* The same with options of the model. */
bool pipeline_open_as(pipeline *p, const char *folder, const char *id, const char *task_name,
                      const model_options *o, team *threads, error *e);
void pipeline_close(pipeline *p);

/* Whether this model can do a task; the same with ERR_INVALID, saying which it can. */
bool pipeline_supports(const pipeline *p, const task *t);

/* The same for lists of what it can do: without tasks that it is not made for. */
bool pipeline_offers(const pipeline *p, const task *t);
bool pipeline_check(const pipeline *p, const task *t, error *e);

/* The task a request names, checked; ERR_NOT_FOUND for an unknown one, ERR_INVALID for one that
 * this model cannot do, saying which it can. */
const task *pipeline_task(const pipeline *p, str name, error *e);
