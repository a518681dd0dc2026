/* Main path: reply_card -> render (thread) -> on_rendered (loop). The request may be lost
 * meanwhile: the job then ends without it. */
#include "gateway/hub/card.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"
#include "gateway/markdown.h"
#include "tensor/card.h"

#include <pthread.h>
#include <stdlib.h>

enum { MAX_HTML = 32 << 20, MAX_RUNNING = 2, STACK_BYTES = 8 << 20 };

struct job {
    http_request *req; /* NULL: lost */
    loop *loop;
    char *id, *files; /* prefix of relative addresses */
    buf text, html;
};

static int n_running; /* on the loop's thread only */

static void job_free(struct job *j)
{
    buf_release(&j->text);
    buf_release(&j->html);
    free(j->id);
    free(j->files);
    free(j);
}

static void on_lost(void *arg)
{
    struct job *j = arg;
    j->req = NULL;
}

static void on_rendered(void *arg)
{
    struct job *j = arg;
    n_running--;
    if (j->req && j->html.full) {
        http_error(j->req, 500, "the model card gives more than %d bytes of HTML", MAX_HTML);
    } else if (j->req) {
        json_t *html = json_stringn(j->html.n ? j->html.p : "", j->html.n);
        reply_json(j->req, 200, json_pack("{s:o}", "html", html ? html : json_string("")));
    }
    job_free(j);
}

static void *render(void *arg)
{
    struct job *j = arg;
    str front, body;
    card_split(buf_view(&j->text), &front, &body);
    markdown_render(body, j->id, j->files, &j->html);
    loop_post(j->loop, on_rendered, j);
    return NULL;
}

static bool start(struct job *j)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    bool ok = pthread_create(&thread, &attributes, render, j) == 0;
    pthread_attr_destroy(&attributes);
    return ok;
}

void reply_card(http_request *req, gateway *g, str id)
{
    hub_target target;
    if (!hub_find(req, g, id, (str){0}, &target))
        return;
    if (n_running == MAX_RUNNING) {
        http_header(req, "Retry-After", "1");
        http_error(req, 503, "%d model cards are being rendered already", MAX_RUNNING);
        return;
    }
    struct job *j = xcalloc(1, sizeof *j);
    *j = (struct job){.req = req, .loop = http_request_loop(req)};
    j->text = buf_new(CARD_MAX_BYTES);
    j->html = buf_new(MAX_HTML);
    j->id = xstrdup(target.model->hub.id);
    j->files = xprintf("/%s/resolve/main/", j->id);
    own_mem char *path = path_join(target.model->hub.folder, "README.md");
    error e = {0};
    if (!file_read(path, CARD_MAX_BYTES, &j->text, &e) && e.kind != ERR_NOT_FOUND) {
        http_fail(req, &e);
        job_free(j);
        return;
    }
    http_on_gone(req, on_lost, j);
    n_running++;
    if (!start(j)) {
        j->req = NULL;
        http_on_gone(req, NULL, NULL);
        http_error(req, 503, "no thread for rendering the model card");
        on_rendered(j);
    }
}
