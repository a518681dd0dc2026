/* A model card of any bytes: cutting, front matter, and the HTML of its text. Whatever comes out of
 * the text must hold no script, no handler and no address that runs something. */
#include "base/buf.h"
#include "gateway/markdown.h"
#include "tensor/card.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Tags and attributes that cmark writes are in lower case, and text is escaped: what stands behind
 * a '<' or in href and src is real. */
static void check_html(const buf *html)
{
    static const char *const forbidden[] = {"<script",      "<style",     "<svg",
                                            "<iframe",      "<object",    "<embed",
                                            "<form",        "<math",      "href=\"javascript:",
                                            "href=\"data:", "src=\"http", "src=\"//",
                                            "src=\"data:"};
    for (size_t i = 0; html->n && i < sizeof forbidden / sizeof *forbidden; i++)
        require(!memmem(html->p, html->n, forbidden[i], strlen(forbidden[i])));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    markdown_start();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str text = {(const char *)data, size}, front, body;
    card_split(text, &front, &body);
    require(front.n + body.n <= size);
    error e = {0};
    json_t *meta = card_meta(front, &e);
    require(meta ? json_is_object(meta) : e.kind == ERR_BAD_MODEL && e.message[0]);
    json_decref(meta);
    buf html = buf_new(16 << 20);
    markdown_render(body, "a/b", "/a/b/resolve/main/", &html);
    check_html(&html);
    buf_release(&html);
    return 0;
}
