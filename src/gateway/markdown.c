#include "gateway/markdown.h"

#include "base/memory.h"
#include "base/own.h"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct page {
    const char *repo_id;
    const char *files;
};

/* Autolinks of the library look, for every "www." and "@", at all of the word around it: time grows
 * with the square of a word's length (100 s for 360 kB). Text has no words like that. */
enum { MAX_URL = 4096, MAX_AUTOLINK_WORD = 1024 };

void markdown_start(void)
{
    cmark_gfm_core_extensions_ensure_registered();
}

/* Length of the scheme with its colon, 0 for relative addresses. Browsers drop blanks and control
 * characters, so everything in front of a colon counts: none of it may hide "javascript:". */
static size_t scheme_length(const char *url)
{
    size_t n = strcspn(url, ":/?#\\");
    return url[n] == ':' ? n + 1 : 0;
}

static bool scheme_is(const char *url, size_t n, const char *name)
{
    return strlen(name) == n && strncasecmp(url, name, n) == 0;
}

static bool is_web(const char *url)
{
    size_t n = scheme_length(url);
    return (scheme_is(url, n, "http:") || scheme_is(url, n, "https:")) && url[n] == '/' &&
           url[n + 1] == '/';
}

/* The path inside the repository that an absolute address of it names, NULL for others:
 * https://host/<id>/{resolve,raw,blob}/<revision>/<path>. */
static const char *path_in_repo(const struct page *page, const char *url)
{
    static const char *const verbs[] = {"/resolve/", "/raw/", "/blob/"};
    const char *path = strchr(url + scheme_length(url) + 2, '/');
    size_t n = strlen(page->repo_id);
    if (!path || strncmp(path + 1, page->repo_id, n) != 0)
        return NULL;
    path += 1 + n;
    for (size_t i = 0; i < 3; i++)
        if (strncmp(path, verbs[i], strlen(verbs[i])) == 0) {
            const char *slash = strchr(path + strlen(verbs[i]), '/');
            return slash ? slash + 1 : NULL;
        }
    return NULL;
}

/* Whether a path stays below its root in the eyes of a browser, which takes "%2e" for a dot and a
 * backslash for a slash. */
static bool stays_below(const char *path)
{
    size_t end = strcspn(path, "?#");
    for (size_t i = 0; i < end; i++) {
        if ((unsigned char)path[i] <= 0x20 || path[i] == '\\' || path[i] == 0x7f)
            return false;
        if (strncasecmp(path + i, "%2e", 3) == 0)
            return false;
        if (path[i] == '.' && path[i + 1] == '.' && (i == 0 || path[i - 1] == '/'))
            return false;
    }
    return end > 0 && path[0] != '/';
}

/* Address of a file of the repository in new memory, NULL when the path leaves it. */
static char *file_url(const struct page *page, const char *path)
{
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    return stays_below(path) ? xprintf("%s%s", page->files, path) : NULL;
}

/* What a link becomes, in new memory; NULL: it loses its address. */
static char *link_url(const struct page *page, const char *url)
{
    if (strlen(url) > MAX_URL)
        return NULL;
    size_t scheme = scheme_length(url);
    if (scheme) {
        bool ok = is_web(url) || scheme_is(url, scheme, "mailto:");
        return ok ? xstrdup(url) : NULL;
    }
    if (url[0] == '#')
        return xstrdup(url);
    if (url[0] == '/') /* a page of this server; not "//host" */
        return url[1] != '/' && stays_below(url + 1) ? xstrdup(url) : NULL;
    return file_url(page, url);
}

static char *image_url(const struct page *page, const char *url)
{
    if (strlen(url) > MAX_URL)
        return NULL;
    if (is_web(url))
        url = path_in_repo(page, url);
    return url && !scheme_length(url) ? file_url(page, url) : NULL;
}

/* Puts the children of a node in its place. */
static void dissolve(cmark_node *node)
{
    for (cmark_node *child; (child = cmark_node_first_child(node));)
        if (!cmark_node_insert_before(node, child))
            break;
    cmark_node_unlink(node);
    cmark_node_free(node);
}

static void make_safe(const struct page *page, cmark_node *node)
{
    cmark_node_type type = cmark_node_get_type(node);
    if (type == CMARK_NODE_HTML_BLOCK || type == CMARK_NODE_HTML_INLINE) {
        cmark_node_unlink(node);
        cmark_node_free(node);
        return;
    }
    if (type != CMARK_NODE_LINK && type != CMARK_NODE_IMAGE)
        return;
    const char *url = cmark_node_get_url(node);
    own_mem char *safe =
        type == CMARK_NODE_LINK ? link_url(page, url ? url : "") : image_url(page, url ? url : "");
    if (safe)
        cmark_node_set_url(node, safe);
    else
        dissolve(node);
}

/* Nodes are changed on the way out of them, when the iterator stands behind their children. */
static void make_tree_safe(const struct page *page, cmark_node *root)
{
    cmark_iter *walk = cmark_iter_new(root);
    for (cmark_event_type event; (event = cmark_iter_next(walk)) != CMARK_EVENT_DONE;) {
        cmark_node *node = cmark_iter_get_node(walk);
        cmark_node_type type = cmark_node_get_type(node);
        bool leaf = type == CMARK_NODE_HTML_BLOCK || type == CMARK_NODE_HTML_INLINE;
        if (event == CMARK_EVENT_EXIT || leaf)
            make_safe(page, node);
    }
    cmark_iter_free(walk);
}

static bool has_long_word(str text)
{
    size_t start = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == ' ' || text.p[i] == '\n' || text.p[i] == '\t')
            start = i + 1;
        else if (i - start >= MAX_AUTOLINK_WORD)
            return true;
    }
    return false;
}

static void attach_extensions(cmark_parser *parser, bool autolinks)
{
    static const char *const names[] = {"table", "strikethrough", "tasklist", "tagfilter",
                                        "autolink"};
    int n = autolinks ? 5 : 4;
    for (int i = 0; i < n; i++) {
        cmark_syntax_extension *found = cmark_find_syntax_extension(names[i]);
        if (found)
            cmark_parser_attach_syntax_extension(parser, found);
    }
}

void markdown_render(str text, const char *repo_id, const char *files, buf *out)
{
    struct page page = {repo_id, files};
    if (text.n > MARKDOWN_MAX_BYTES)
        text.n = MARKDOWN_MAX_BYTES;
    cmark_parser *parser = cmark_parser_new(CMARK_OPT_VALIDATE_UTF8);
    attach_extensions(parser, !has_long_word(text));
    cmark_parser_feed(parser, text.p ? text.p : "", text.n);
    cmark_node *root = cmark_parser_finish(parser);
    make_tree_safe(&page, root);
    char *html =
        cmark_render_html(root, CMARK_OPT_DEFAULT, cmark_parser_get_syntax_extensions(parser));
    buf_puts(out, html);
    free(html);
    cmark_node_free(root);
    cmark_parser_free(parser);
}
