/* `inferd worker`: the server of one model. */
#include "worker/worker.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/dtype.h"
#include "cli/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct worker_args {
    const char *model, *listen, *id, *task, *api_key_env, *log_level;
    bool no_auth, no_sandbox;
    int precision;
    int64_t threads, ready_fd, max_queue, max_body, drain_ms;
};

static const option rows[] = {
    OPTION_TEXT(struct worker_args, model, "model", "DIR", NULL, "the folder of the model"),
    OPTION_TEXT(struct worker_args, listen, "listen", "ADDRESS", "127.0.0.1:9000",
                "ADDR:PORT or unix:PATH"),
    OPTION_TEXT(struct worker_args, id, "id", "OWNER/NAME", NULL,
                "what the model is called; else the folder's name"),
    OPTION_TEXT(struct worker_args, task, "task", "TASK", NULL,
                "the task of POST /; else the one of the model's card"),
    OPTION_DTYPE(struct worker_args, precision),
    OPTION_INT(struct worker_args, threads, "threads", "N", "0", 0, 1024,
               "threads that compute; 0: all CPUs the process may use"),
    OPTION_TEXT(struct worker_args, api_key_env, "api-key-env", "NAME", NULL,
                "environment variable with the token that clients must send"),
    OPTION_FLAG(struct worker_args, no_auth, "no-auth",
                "allow an address other machines can reach without a token"),
    OPTION_FLAG(struct worker_args, no_sandbox, "no-sandbox",
                "keep all rights while the model runs, for debuggers and profilers"),
    OPTION_INT(struct worker_args, max_queue, "max-queue", "N", "2048", 1, 1000000,
               "requests that may wait or run; further ones get 429"),
    OPTION_BYTES(struct worker_args, max_body, "max-body", "64M", "largest request body"),
    OPTION_DURATION(struct worker_args, drain_ms, "drain-timeout", "30s",
                    "time for running requests after SIGTERM"),
    OPTION_INT(struct worker_args, ready_fd, "ready-fd", "N", "-1", -1, 1 << 20,
               "file descriptor that gets one line of JSON when the model is loaded"),
    OPTION_TEXT(struct worker_args, log_level, "log-level", "LEVEL", "info",
                "debug, info, warn or error"),
    OPTION_END};

static bool log_level_of(const char *name, enum log_level *level, error *e)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++) {
        if (strcmp(name, names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return fail(e, ERR_BAD_REQUEST, "'--log-level' is '%s', expected debug, info, warn or error",
                name);
}

static bool is_local(const char *address)
{
    return strncmp(address, "unix:", 5) == 0 || strncmp(address, "127.", 4) == 0 ||
           strncmp(address, "[::1]:", 6) == 0 || strncmp(address, "localhost:", 10) == 0;
}

static bool check(const struct worker_args *a, const char **key, error *e)
{
    *key = a->api_key_env ? getenv(a->api_key_env) : NULL;
    if (a->api_key_env && (!*key || !**key))
        return fail(e, ERR_BAD_REQUEST, "the environment variable '%s' is empty or not set",
                    a->api_key_env);
    if (!a->model)
        return fail(e, ERR_BAD_REQUEST, "'--model DIR' is required");
    if (!is_local(a->listen) && !*key && !a->no_auth)
        return fail(
            e, ERR_BAD_REQUEST,
            "other machines can reach '%s': name a token with '--api-key-env', or say '--no-auth'",
            a->listen);
    return true;
}

static int run(int argc, char **argv)
{
    struct worker_args a;
    error e = {0};
    int n_arguments = 0;
    enum log_level level = LOG_INFO;
    const char *key = NULL;
    bool ok =
        options_parse(rows, argc, argv, &a, &n_arguments, &e) &&
        (n_arguments == 0 || fail(&e, ERR_BAD_REQUEST, "'%s' is not expected here", argv[1])) &&
        log_level_of(a.log_level, &level, &e) && check(&a, &key, &e);
    if (!ok)
        return command_misused("worker", &e);
    log_setup(level, "worker");
    worker_options o = {.folder = a.model,
                        .listen = a.listen,
                        .id = a.id,
                        .task = a.task,
                        .api_key = key,
                        .precision = (enum precision)a.precision,
                        .no_sandbox = a.no_sandbox,
                        .n_threads = (int)a.threads,
                        .ready_fd = (int)a.ready_fd,
                        .max_waiting = (int)a.max_queue,
                        .max_body = a.max_body,
                        .drain_ms = a.drain_ms};
    if (!worker_run(&o, &e)) {
        log_error("%s", e.message);
        return 1;
    }
    return 0;
}

extern const struct command command_worker;
const struct command command_worker = {
    .name = "worker",
    .summary = "serve one model folder over HTTP",
    .usage = "usage: inferd worker --model DIR [--listen ADDRESS] [OPTIONS]\n\n"
             "Loads one model and answers requests for it: POST / and /pipeline/{task} (Inference "
             "API),\n"
             "/embed, /similarity, /tokenize ... (text-embeddings-inference), /v1/embeddings "
             "(OpenAI).\n",
    .options = rows,
    .run = run,
};
