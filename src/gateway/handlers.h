/* Prototypes of all handlers in routes.h. */
#pragma once

#include "gateway/state.h"

#define X(method, pattern, handler, access) route_handler handler;
#include "gateway/routes.h"
#undef X
