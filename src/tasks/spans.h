/* Answers as places in a text, by scores of each token as first and as last of an answer: the
 * postprocessing of pipelines/question_answering.py of transformers (4.57). */
#pragma once

#include "tasks/task.h"

typedef struct span_options {
    int top_k;
    int max_answer_len; /* tokens */
    bool align_to_words;
    bool handle_impossible; /* no answer is one, too */
    bool context_first;     /* it stands in front of the question. Then every token may be in an
                               answer, as the pipeline masks none */
} span_options;

typedef struct answer {
    float score;
    int start, end; /* code points of the context */
    str text;
} answer;

/* The best answers of all windows over one context, best first: equal texts (but for case) are one,
 * with the sum of their scores; a span without any is none. logits[i]: [windows[i].n][2], used up.
 * answers: [top_k] in the memory of the call; there may be fewer, but never none. */
bool spans_find(task_call *c, str context, const encoding *windows, float *const *logits,
                int n_windows, const span_options *o, answer **answers, int *n_answers, error *e);
