/* GET /api/models/{id}/refs and .../commits/{revision}. The cache keeps snapshots, no history: the
 * commits of a revision are the one it stands for. */
#pragma once

#include "gateway/hub/request.h"

void reply_refs(http_request *req, gateway *g, str id, str revision, str below);
void reply_commits(http_request *req, gateway *g, str id, str revision, str below);

/* {"id", "title", "date"} of a model's commit; new reference. */
json_t *commit_entry(const local_model *m);
