/* `inferd pull`: downloads a model from the hub into the cache folder of the data directory. */
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "tensor/hub_cache.h"
#include "tensor/hub_client.h"
#include "tensor/hub_fetch.h"
#include "tensor/hub_filter.h"
#include "tensor/snapshot.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

struct pull_args {
    const char *data;
    option_list include, exclude;
    bool all, quiet;
    int64_t n_jobs;
};

static const option rows[] = {
    OPTION_TEXT(struct pull_args, data, "data", "DIR", NULL,
                "where models are kept (in DIR/hub); else ~/.local/share/inferd"),
    OPTION_LIST(struct pull_args, include, "include", "GLOB", "only files whose path matches"),
    OPTION_LIST(struct pull_args, exclude, "exclude", "GLOB", "no files whose path matches"),
    OPTION_FLAG(struct pull_args, all, "all",
                "also weights in formats of no use here (PyTorch, TensorFlow, Flax, ONNX, ...)"),
    OPTION_INT(struct pull_args, n_jobs, "jobs", "N", "4", 1, HUB_FETCH_MAX_JOBS,
               "files that are downloaded at a time"),
    OPTION_FLAG(struct pull_args, quiet, "quiet", "print the folder and errors only"),
    OPTION_END};

/* What one pull works with. */
struct pull {
    const struct pull_args *args;
    char *id, *revision; /* owned */
    char *hub;           /* owned; DIR/hub */
    hub_client client;
    hub_revision files;
    snapshot *to;
    progress progress;
};

static void pull_release(struct pull *p)
{
    snapshot_close(p->to);
    hub_revision_release(&p->files);
    hub_client_release(&p->client);
    free(p->id);
    free(p->revision);
    free(p->hub);
}

/* Ctrl-C: the transfers end and leave their partial files. A second one ends the program. */
static atomic_bool cancelled;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&cancelled, true);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* OWNER/NAME[@REVISION] */
static bool read_name(struct pull *p, const char *text, error *e)
{
    const char *at = strchr(text, '@');
    p->id = at ? xprintf("%.*s", (int)(at - text), text) : xstrdup(text);
    p->revision = xstrdup(at ? at + 1 : "main");
    if (!hub_id_valid(str_of(p->id)))
        return fail(e, ERR_BAD_REQUEST,
                    "'%.200s' is not the id of a model, expected OWNER/NAME[@REVISION]", text);
    return revision_check(str_of(p->revision), e);
}

static bool list_files(struct pull *p, error *e)
{
    download *d = download_new(&cancelled, e);
    bool good = d && hub_client_list(&p->client, d, p->id, p->revision, &p->files, e);
    download_free(d);
    return good;
}

static bool choose_files(struct pull *p, error *e)
{
    const struct pull_args *a = p->args;
    hub_filter filter = {a->include.items, a->include.n, a->exclude.items, a->exclude.n, a->all};
    int n_listed = p->files.n_files;
    int n_skipped = hub_filter_apply(&filter, &p->files);
    if (p->files.n_files == 0)
        return fail(e, ERR_NOT_FOUND, "none of the %d files of '%s' is wanted", n_listed, p->id);
    if (n_skipped > 0 && !a->quiet)
        fprintf(stderr,
                "%d file%s skipped: the same weights in formats of no use here (--all takes %s)\n",
                n_skipped, n_skipped == 1 ? " is" : "s are", n_skipped == 1 ? "it" : "them");
    return true;
}

static void show(void *arg, const hub_fetch_status *status)
{
    struct pull *p = arg;
    if (!p->args->quiet)
        progress_show(&p->progress, status);
}

static void summarize(const struct pull *p, const hub_fetch_status *end)
{
    char all[32], received[32], speed[32], took[32];
    double seconds = (double)(clock_ms() - p->progress.start_ms) / 1e3;
    progress_bytes(all, sizeof all, (double)end->bytes);
    progress_bytes(received, sizeof received, (double)end->bytes_received);
    progress_bytes(speed, sizeof speed, seconds > 0 ? (double)end->bytes_received / seconds : 0);
    progress_time(took, sizeof took, seconds);
    fprintf(stderr, "%s@%s: %d files, %s", p->id, p->revision, p->files.n_files, all);
    if (end->n_present == end->n_files)
        fprintf(stderr, "; all of it was here already\n");
    else
        fprintf(stderr, "; %s received in %s (%s/s)\n", received, took, speed);
}

static bool fetch(struct pull *p, error *e)
{
    hub_fetch job = {.client = &p->client,
                     .id = p->id,
                     .revision = p->revision,
                     .files = &p->files,
                     .to = p->to,
                     .n_jobs = (int)p->args->n_jobs,
                     .cancelled = &cancelled,
                     .on_status = show,
                     .arg = p};
    hub_fetch_status end;
    progress_init(&p->progress);
    bool good = hub_fetch_run(&job, &end, e);
    progress_end(&p->progress);
    if (!good || !snapshot_publish(p->to, p->files.commit, p->revision, e))
        return false;
    if (!p->args->quiet)
        summarize(p, &end);
    return true;
}

static bool pull(struct pull *p, error *e)
{
    if (!hub_client_init(&p->client, e) || !list_files(p, e) || !choose_files(p, e))
        return false;
    p->to = snapshot_open(p->hub, p->id, e);
    if (!p->to || !fetch(p, e))
        return false;
    own_mem char *folder = snapshot_path(p->to, p->files.commit);
    own_mem char *whole = realpath(folder, NULL);
    printf("%s\n", whole ? whole : folder);
    return fflush(stdout) == 0 || fail_errno(e, ERR_IO, "cannot write to standard output");
}

static int run(int argc, char **argv)
{
    struct pull_args args;
    struct pull p = {.args = &args};
    error e = {0};
    int n = 0;
    if (!options_parse(rows, argc, argv, &args, &n, &e))
        return command_misused("pull", &e);
    if (n != 1)
        fail(&e, ERR_BAD_REQUEST, "expected one model, OWNER/NAME[@REVISION], found %d", n);
    if (e.kind || !read_name(&p, argv[1], &e)) {
        pull_release(&p);
        return command_misused("pull", &e);
    }
    own_mem char *data = data_dir(args.data);
    p.hub = path_join(data, "hub");
    catch_signals();
    bool good = pull(&p, &e);
    pull_release(&p);
    if (good)
        return 0;
    if (e.kind != ERR_CANCELLED)
        return command_fail("pull", &e);
    fprintf(stderr, "inferd pull: interrupted; what was downloaded is kept, and the same command "
                    "goes on from there\n");
    return 130;
}

extern const struct command command_pull;
const struct command command_pull = {
    .name = "pull",
    .summary = "download a model from the hub",
    .usage =
        "usage: inferd pull OWNER/NAME[@REVISION] [OPTIONS]\n\n"
        "Downloads a model into the data directory, in the layout of the Hugging Face cache, and\n"
        "prints its folder. An interrupted download is resumed; what is there already is checked\n"
        "and kept; size and hash of every file are verified. REVISION is a branch, tag or commit,\n"
        "else 'main'.\n\n"
        "HF_ENDPOINT names another hub than https://huggingface.co; HF_TOKEN, or the file\n"
        "'token' in HF_HOME, gives access to private and gated models.\n",
    .options = rows,
    .run = run,
};
