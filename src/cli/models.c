/* `inferd models`: the models on this machine, and their settings. */
#include "base/cache_dir.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"
#include "cli/command.h"
#include "cli/dtype.h"
#include "cli/paths.h"
#include "cli/progress.h"
#include "gateway/hub/info.h"
#include "gateway/store.h"
#include "kernels/kernels.h"
#include "models/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct models_args {
    const char *data;
    bool json, removes;
    int precision;
};

static const option rows[] = {
    OPTION_TEXT(struct models_args, data, "data", "DIR", NULL,
                "data folder of the server (default: ~/.local/share/inferd)"),
    OPTION_FLAG(struct models_args, json, "json", "print JSON"),
    OPTION_DTYPE(struct models_args, precision),
    OPTION_FLAG(struct models_args, removes, "remove", "prepare: remove what was prepared"),
    OPTION_END,
};

/* Settings that `inferd models set` knows; the store keeps milliseconds. */
static const char dtype_key[] = "dtype";
static const char idle_name[] = "idle-timeout", idle_key[] = "idle-timeout-ms";

static const char *text_of(const json_t *info, const char *key)
{
    const char *text = json_string_value(json_object_get(info, key));
    return text ? text : "-";
}

static void print_line(local_model *m)
{
    char size[32];
    progress_bytes(size, sizeof size, (double)m->hub.size_bytes);
    printf("%-48s %-24s %10s  %.7s  %s\n", m->hub.id, text_of(local_model_info(m), "pipeline_tag"),
           size, m->hub.commit, m->hub.folder);
}

static json_t *describe(local_model *m, store *s)
{
    const json_t *info = local_model_info(m);
    json_t *out =
        json_pack("{s:s,s:O?,s:O?,s:I,s:s,s:s}", "id", m->hub.id, "task",
                  json_object_get(info, "pipeline_tag"), "library",
                  json_object_get(info, "library_name"), "size_bytes",
                  (json_int_t)m->hub.size_bytes, "commit", m->hub.commit, "folder", m->hub.folder);
    int64_t idle_ms = store_setting_number(s, str_of(m->hub.id), idle_key, -1);
    if (idle_ms >= 0)
        json_object_set_new(out, "idle_timeout_s", json_real((double)idle_ms / 1e3));
    int64_t dtype = store_setting_number(s, str_of(m->hub.id), dtype_key, -1);
    if (dtype >= 0 && dtype < N_PRECISIONS)
        json_object_set_new(out, "dtype", json_string(precision_names[dtype]));
    return out;
}

static int list(const struct models_args *a, const char *data, store *s)
{
    library *l = library_new(data);
    hub_models all;
    library_list(l, &all);
    own_json json_t *out = json_array();
    for (int i = 0; i < all.n; i++) {
        local_model *m = library_find(l, str_of(all.items[i].id), NULL);
        if (m && a->json)
            json_array_append_new(out, describe(m, s));
        else if (m)
            print_line(m);
    }
    if (a->json) {
        json_dumpf(out, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
        printf("\n");
    } else if (all.n == 0) {
        printf("no models: `inferd pull OWNER/NAME` or `inferd add FOLDER OWNER/NAME` gets one\n");
    }
    hub_models_release(&all);
    library_free(l);
    return 0;
}

static bool set_dtype(store *s, const char *id, const char *value, error *e)
{
    for (int i = 0; precision_names[i]; i++) {
        char number[2] = {(char)('0' + i), 0};
        if (strcmp(value, precision_names[i]) == 0)
            return store_setting_set(s, str_of(id), dtype_key, number, e);
    }
    return fail(e, ERR_BAD_REQUEST, "dtype is '%s', expected f32, bf16 or int8", value);
}

/* "idle-timeout=60s", "dtype=int8"; without a value the setting is removed. */
static bool set_one(store *s, const char *id, const char *word, error *e)
{
    const char *equals = strchr(word, '=');
    str name = {word, equals ? (size_t)(equals - word) : 0};
    bool dtype = str_is(name, dtype_key);
    if (!dtype && !str_is(name, idle_name))
        return fail(e, ERR_BAD_REQUEST, "there is no setting '%s'; known: %s=TIME, %s=NAME", word,
                    idle_name, dtype_key);
    if (!equals[1])
        return store_setting_set(s, str_of(id), dtype ? dtype_key : idle_key, NULL, e);
    if (dtype)
        return set_dtype(s, id, equals + 1, e);
    int64_t ms;
    if (!options_duration(equals + 1, &ms, e))
        return fail_in(e, "%s", idle_name);
    own_mem char *text = xprintf("%" PRId64, ms);
    return store_setting_set(s, str_of(id), idle_key, text, e);
}

static int set(const char *data, store *s, int n, char **words)
{
    error e = {0};
    hub_cache cache;
    hub_model found;
    hub_cache_init(&cache, data);
    bool ok = hub_cache_find(&cache, str_of(words[0]), NULL, &found, &e);
    if (ok)
        hub_model_release(&found);
    hub_cache_release(&cache);
    for (int i = 1; ok && i < n; i++)
        ok = set_one(s, words[0], words[i], &e);
    return ok ? 0 : command_fail("models", &e);
}

/* Makes the prepared weights of a model ahead of its first load. */
static bool make_prepared(const struct models_args *a, const char *folder, error *e)
{
    model_options o = {.precision = (enum precision)a->precision, .keeps = true, .at_once = true};
    own_mem char *place = cache_dir_of(folder);
    if (!place)
        return fail(e, ERR_IO,
                    "there is no cache folder that can be written: INFERD_CACHE, "
                    "XDG_CACHE_HOME or HOME names one");
    team *threads = kernels_init(e) ? team_new(0, e) : NULL;
    model *m = threads ? model_open_as(folder, &o, threads, e) : NULL;
    bool ok = m != NULL;
    if (ok && !model_is_prepared(m)) { /* made just now, or found damaged: then anew */
        model_close(m);
        m = model_open_as(folder, &o, threads, e);
        if (m && !model_is_prepared(m)) {
            cache_dir_remove(folder);
            model_close(m);
            m = model_open_as(folder, &o, threads, e);
        }
        ok = m != NULL;
    }
    model_close(m);
    team_free(threads);
    return ok;
}

static int prepare(const struct models_args *a, const char *name)
{
    error e = {0};
    own_mem char *folder = NULL;
    bool ok = model_folder(a->data, name, &folder, &e);
    if (ok && a->removes)
        cache_dir_remove(folder);
    else if (ok)
        ok = make_prepared(a, folder, &e);
    if (!ok)
        return command_fail("models", &e);
    printf("'%s' is %s\n", name, a->removes ? "no longer prepared" : "prepared");
    return 0;
}

static int run(int argc, char **argv)
{
    struct models_args a;
    error e = {0};
    int n;
    if (!options_parse(rows, argc, argv, &a, &n, &e))
        return command_misused("models", &e);
    bool sets = n >= 3 && strcmp(argv[1], "set") == 0;
    bool prepares = n == 2 && strcmp(argv[1], "prepare") == 0;
    if ((n > 0 && !sets && !prepares) || (a.removes && !prepares)) {
        fail(&e, ERR_BAD_REQUEST,
             "expected nothing, 'set OWNER/NAME SETTING=VALUE' or 'prepare OWNER/NAME'");
        return command_misused("models", &e);
    }
    if (prepares)
        return prepare(&a, argv[2]);
    own_mem char *data = data_dir(a.data);
    own_mem char *path = path_join(data, "inferd.db");
    store *s = file_make_dirs(data, &e) ? store_open(path, &e) : NULL;
    if (!s)
        return command_fail("models", &e);
    int status = sets ? set(data, s, n - 1, argv + 2) : list(&a, data, s);
    store_close(s);
    return status;
}

extern const struct command command_models;
const struct command command_models = {
    .name = "models",
    .summary = "list the models of this machine, change their settings",
    .usage =
        "usage: inferd models [--json]\n"
        "       inferd models set OWNER/NAME [idle-timeout=TIME] [dtype=NAME]\n"
        "       inferd models prepare OWNER/NAME [--dtype NAME | --remove]\n\n"
        "Lists id, task, size, commit and folder of every model. 'set' keeps a setting of one; "
        "a running\nserver follows it at once; without a value the server's counts again. "
        "'prepare' makes the\nweights that products in a precision read, ahead of the first load, "
        "and checks those that are\nthere.\n",
    .options = rows,
    .run = run,
};
