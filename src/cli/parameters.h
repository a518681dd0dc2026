/* Parameters of a task on the command line. */
#pragma once

#include "cli/options.h"
#include "tasks/task.h"

#include <jansson.h>

/* Adds NAME=VALUE words to an object. VALUE is JSON, or else a string. A name that the task does
 * not have, which a server leaves alone, is a mistake of whoever typed it. */
bool parameters_add(json_t *object, const task *t, const option_list *words, error *e);

/* A word of the command line as a JSON string, which it need not be fit for: NULL then. */
json_t *parameter_text(const char *word, error *e);
