/* Model cards as HTML that is safe to put into our pages, whoever wrote them: raw HTML is dropped,
 * links go to http, https, mailto or this server, pictures come from the same repository only (the
 * page may not fetch from other hosts), others leave their alternative text. */
#pragma once

#include "base/buf.h"
#include "base/str.h"

enum { MARKDOWN_MAX_BYTES = 1 << 20 };

/* Renders at most MARKDOWN_MAX_BYTES of GitHub flavoured Markdown. Relative addresses are taken
 * below files ("/owner/name/resolve/main/"); addresses of this repository on any host ("https://
 * host/owner/name/resolve/...") as well. May take long for hostile texts: not for the loop's
 * thread. Can be called from several threads. */
void markdown_render(str text, const char *repo_id, const char *files, buf *out);

/* Starts the Markdown library; once, before the first rendering and before other threads. */
void markdown_start(void);
