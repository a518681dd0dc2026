/* Parts of a model's document, as a request asks for them. */
#pragma once

#include "gateway/hub/request.h"

/* The fields that `expand` asks for, or NULL without `expand`. False after a 400 for an unknown
 * name. New reference. */
bool view_expand(http_request *req, json_t **names);

/* What GET /api/models/{id} answers. names: of view_expand(), or NULL. blobs: sizes and hashes of
 * files. New reference. */
json_t *view_model(gateway *g, local_model *m, const json_t *names, bool blobs);

/* What a list of models holds of each. New reference. */
json_t *view_item(gateway *g, local_model *m, const json_t *names, bool full, bool config,
                  bool card);
