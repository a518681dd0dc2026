/* JSON files of a model folder, read by rows of fields. */
#pragma once

#include "base/fields.h"
#include "tensor/repo.h"

/* Fills `out` from an object of the file `name`. What is no object is ERR_BAD_MODEL, a value that
 * the rows do not allow is ERR_INVALID: newer versions of a format may, and then the model is not
 * broken. Messages begin with the file's name. */
bool config_parse(const field *rows, const json_t *object, const char *name, void *out,
                  arena *memory, error *e);

/* The same from a file; `required` false: without the file, everything takes its preset. */
bool config_read(const field *rows, const repo *r, const char *folder, const char *name,
                 bool required, void *out, arena *memory, error *e);
