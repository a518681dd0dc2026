/* Reader of the JSON header of a safetensors file: one pass, no tree, memory bound by the number of
 * tensors. Used by safetensors.c only. */
#pragma once

#include "base/error.h"
#include "tensor/safetensors.h"

/* Fills s->tensors (names, types, shapes and offsets as written, unchecked against the data),
 * s->names and s->metadata. text: valid UTF-8, outlives s. Fails with ERR_BAD_MODEL and the byte
 * where it happened; s may then be half filled, safetensors_release empties it. */
bool safetensors_read_header(safetensors *s, str text, error *e);
