#include "gateway/markdown.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

static buf render(const char *text)
{
    buf out = buf_new(1 << 24);
    markdown_render(str_of(text), "me/m", "/me/m/resolve/main/", &out);
    return out;
}

static void becomes(const char *text, const char *html)
{
    buf out = render(text);
    assert_string_equal(buf_text(&out), html);
    buf_release(&out);
}

static void flavour(void **state)
{
    (void)state;
    becomes("# A ~~b~~ `c`", "<h1>A <del>b</del> <code>c</code></h1>\n");
    becomes("|a|\n|-|\n|1|\n", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n"
                               "<tr>\n<td>1</td>\n</tr>\n</tbody>\n</table>\n");
    becomes("see https://a.example/x", "<p>see <a href=\"https://a.example/x\">"
                                       "https://a.example/x</a></p>\n");
    becomes("```python\na < b\n```", "<pre><code class=\"language-python\">a &lt; b\n"
                                     "</code></pre>\n");
}

static void links(void **state)
{
    (void)state;
    becomes("[x](https://a.example)", "<p><a href=\"https://a.example\">x</a></p>\n");
    becomes("[x](mailto:a@b.c)", "<p><a href=\"mailto:a@b.c\">x</a></p>\n");
    becomes("[x](#part)", "<p><a href=\"#part\">x</a></p>\n");
    becomes("[x](/other/model)", "<p><a href=\"/other/model\">x</a></p>\n");
    becomes("[x](./LICENSE)", "<p><a href=\"/me/m/resolve/main/LICENSE\">x</a></p>\n");
    becomes("[x](../../api)", "<p>x</p>\n");
    becomes("[x](a/%2e%2E/b)", "<p>x</p>\n");
    becomes("[x](//evil.example/y)", "<p>x</p>\n");
    becomes("[x](/\\evil.example/y)", "<p>x</p>\n");
}

static void images(void **state)
{
    (void)state;
    becomes("![alt *b*](img/a.png)",
            "<p><img src=\"/me/m/resolve/main/img/a.png\" alt=\"alt b\" /></p>\n");
    becomes("![a](https://h.example/me/m/resolve/v2/i.png)",
            "<p><img src=\"/me/m/resolve/main/i.png\" alt=\"a\" /></p>\n");
    becomes("![badge](https://img.example/x.svg)", "<p>badge</p>\n");
    becomes("[![badge](https://img.example/x.svg)](https://a.example)",
            "<p><a href=\"https://a.example\">badge</a></p>\n");
    becomes("![a](data:image/png;base64,AAAA)", "<p>a</p>\n");
    becomes("![a](/etc/x.png)", "<p>a</p>\n");
}

/* Whatever a card holds, no element or attribute of these kinds may come out. */
static void hostile_cards(void **state)
{
    (void)state;
    static const char *const cards[] = {
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "<svg/onload=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java&#10;script:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "[x](&#1;javascript:alert(1))",
        "[x](&#x6A;avascript:alert(1))",
        "[x](vbscript:x)",
        "[x](data:text/html,<script>alert(1)</script>)",
        "<javascript:alert(1)>",
        "![x](javascript:alert(1))",
        "[x](\"onmouseover=alert(1) \"x)",
        "![\"onerror=\"alert(1)](a.png)",
        "[a]: javascript:alert(1)\n\n[a]",
        "```\"><script>alert(1)</script>\nx\n```",
        "<iframe src=javascript:alert(1)>",
        "<style>@import 'https://evil.example'</style>",
        "<a href='javascript:alert(1)'>x</a>",
        "|<script>|\n|-|\n|<img src=x onerror=1>|",
    };
    static const char *const forbidden[] = {
        "<script",   "<svg",     "<iframe",       "<style",   "javascript:alert(1)\"",
        " onerror=", " onload=", " onmouseover=", "=\"data:", "=\"vbscript"};
    for (size_t i = 0; i < sizeof cards / sizeof *cards; i++) {
        buf out = render(cards[i]);
        const char *html = buf_text(&out);
        for (size_t j = 0; j < sizeof forbidden / sizeof *forbidden; j++)
            if (strcasestr(html, forbidden[j]))
                fail_msg("card %zu gives %s", i, html);
        buf_release(&out);
    }
}

static void deep_nesting_is_survived(void **state)
{
    (void)state;
    enum { N = 20000 };
    char *text = malloc(N + 1);
    static const char kinds[] = ">[*_`";
    for (size_t i = 0; i < sizeof kinds - 1; i++) {
        memset(text, kinds[i], N);
        text[N] = '\0';
        buf out = render(text);
        assert_false(out.full);
        buf_release(&out);
    }
    free(text);
}

/* What took the library minutes. */
static void long_words_are_survived(void **state)
{
    (void)state;
    static const char *const units[] = {"www.a_", "a@b.c_", "http://a_"};
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        size_t n = strlen(units[u]), total = 300000 / n * n;
        char *text = malloc(total + 1);
        for (size_t i = 0; i < total; i += n)
            memcpy(text + i, units[u], n);
        text[total] = '\0';
        int64_t before = clock_ms();
        buf out = render(text);
        assert_true(clock_ms() - before < 5000);
        buf_release(&out);
        free(text);
    }
}

static int start(void **state)
{
    (void)state;
    markdown_start();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flavour),
        cmocka_unit_test(links),
        cmocka_unit_test(images),
        cmocka_unit_test(hostile_cards),
        cmocka_unit_test(deep_nesting_is_survived),
        cmocka_unit_test(long_words_are_survived),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
