/* GET /api/models/{id}/card: the model card as safe HTML. */
#pragma once

#include "gateway/hub/request.h"

/* Ends the request, later: the card is rendered by a thread of its own, because a hostile one may
 * keep the Markdown library busy for long. */
void reply_card(http_request *req, gateway *g, str id);
