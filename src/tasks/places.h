/* Where the words of a text stand on a page, for models that read it (LayoutLM and its relatives):
 * what the document-question-answering pipeline of transformers makes of `word_boxes`. */
#pragma once

#include "tasks/task.h"

enum { PLACES_MOST = 1000, MAX_PLACES = 100000 }; /* the far edge of a page; boxes of a text */

/* The row of a request: one box for each word of a text. */
#define PLACES_FIELD(owner, member, flag_bits)                                                     \
    FIELD_BOXES(owner, member, "boxes", PLACES_MOST, MAX_PLACES, flag_bits,                        \
                "for each word of the text [left, top, right, bottom] on its page in thousandths " \
                "of its size, for models that read them")

/* Whether there is a list for each of n texts, or none at all. */
bool places_check_lists(const task_call *c, const box_lists *given, int n, bool single, error *e);

/* Gives the tokens of `which` (0: the text, 1: its pair) the boxes of their words, which are what
 * white space divides `text` into, and all others those of tokenizer_config.json (cls_token_box,
 * sep_token_box, pad_token_box), else separators the far corner of the page and the rest the near
 * one. enc: of the sequence, with all arrays. path: of the boxes in the request. ERR_BAD_REQUEST
 * unless there are as many boxes as words, and their edges in order. */
bool places_add(task_call *c, sequence *s, const encoding *enc, str text, int which,
                const box_list *given, const char *path, error *e);
