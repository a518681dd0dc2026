/* GET /api/models/{id}/tree/{revision}[/{folder}] and POST /api/models/{id}/paths-info/{revision}:
 * files and folders with their sizes and hashes. */
#pragma once

#include "gateway/hub/request.h"

/* What is in a folder ("" for all), page by page. */
void reply_tree(http_request *req, gateway *g, str id, str revision, str below);

/* The entries of the paths in the body (JSON or a form), later. */
void reply_paths(http_request *req, gateway *g, str id, str revision, str below);
