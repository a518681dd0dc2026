/* What the hub's routes share: their errors, the parts of their paths, repeated query values, and
 * which model at which revision is meant. */
#pragma once

#include "gateway/hub/info.h"
#include "gateway/state.h"

/* Errors as the hub's clients tell them apart: X-Error-Code and X-Error-Message beside the body. */
void hub_error(http_request *req, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The next name=value pair of the query, decoded, in the request's arena; "name[]" is "name". *at
 * starts with 0. Malformed pairs are passed over. */
bool hub_query_next(http_request *req, size_t *at, str *name, str *value);

/* The same over another text of pairs: the body of a form. */
bool hub_pairs_next(http_request *req, str pairs, size_t *at, str *name, str *value);

/* "1", "true", "True"; false when it is absent. */
bool hub_is_true(str value);
bool hub_query_is_true(http_request *req, const char *name);

/* A number that is not negative, at most `most`; `absent` when it is not there or is none. */
long hub_query_number(http_request *req, const char *name, long absent, long most);

/* Sets the Link header to this request again with cursor=next. */
void hub_link_next(http_request *req, long next);

/* A model at a revision. */
typedef struct hub_target {
    local_model *model;
    local_model other; /* `model` points here when it is not the current commit */
} hub_target;

/* Finds it, or ends the request with RepoNotFound or RevisionNotFound. revision: "main", "HEAD" or
 * empty for the current commit; branch, tag or commit. Valid until this call returns to the loop;
 * hub_target_release() when it is true. */
bool hub_find(http_request *req, gateway *g, str id, str revision, hub_target *out);
void hub_target_release(hub_target *t);
