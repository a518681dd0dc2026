/* Passing a request on to the worker of a model: waits until it is loaded, proxies, and says what
 * went wrong when it did. */
#pragma once

#include "gateway/state.h"

/* Ends the request, now or later. target: path to ask the worker for, copied. body: the request's
 * body when it was read already (it must live as long as the request); NULL: it is still unread
 * and is streamed. */
void call_model(http_request *req, gateway *g, local_model *model, const char *target,
                const str *body);

/* 404 for a model that is not here, in the words that clients look for. */
void reply_no_model(http_request *req, gateway *g, str id, const error *e);

/* GET /status/{id} (api/status.c). */
void reply_status(http_request *req, gateway *g, str id);
