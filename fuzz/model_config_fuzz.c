/* config.json: the name of a model of tests/goldens/ on a line of its own, then what stands in the
 * place of its config.json. What opens must compute. */
#include "base/file.h"
#include "base/own.h"
#include "models/model.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORK_BYTES = 64 << 20, MAX_SCORES = 1 << 16 };

static char folder[] = "/tmp/model_config_fuzz_XXXXXX", config[64], weights[64];
static team *threads;

static void clean_up(void)
{
    error e = {0};
    team_free(threads);
    (void)file_remove_tree(folder, &e);
}

static bool make_folder(void)
{
    if (threads)
        return true;
    if (!mkdtemp(folder))
        return false;
    snprintf(config, sizeof config, "%s/config.json", folder);
    snprintf(weights, sizeof weights, "%s/model.safetensors", folder);
    threads = team_new(1, NULL);
    return threads && atexit(clean_up) == 0;
}

static bool put(const char *path, str bytes)
{
    own_file FILE *file = fopen(path, "wb");
    return file && fwrite(bytes.p, 1, bytes.n, file) == bytes.n;
}

/* Of a folder below tests/goldens/. */
static bool link_weights(str name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-/";
    char path[400];
    if (name.n == 0 || name.n > 60)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!memchr(letters, name.p[i], sizeof letters - 1))
            return false;
    snprintf(path, sizeof path, "%s/goldens/%.*s/model.safetensors", TEST_ROOT, (int)name.n,
             name.p);
    (void)unlink(weights);
    return file_exists(path) && symlink(path, weights) == 0;
}

static void compute(model *m)
{
    static float out[MAX_SCORES];
    error e = {0};
    const model_info *info = model_describe(m);
    arena *a = arena_new(WORK_BYTES);
    const token_batch b = {.ids = (int[]){2, 5, 0, 3, 2}, .start = (int[]){0, 4, 5}, .n_seq = 2};
    size_t row = (size_t)model_logits_width(m), more = (size_t)model_logits_sequence_width(m);
    if ((size_t)info->hidden <= MAX_SCORES / 5 && !model_hidden(m, &b, out, a, &e) &&
        e.message[0] == '\0')
        __builtin_trap();
    e = (error){0};
    arena_reset(a);
    if (info->head != HEAD_NONE && row + more <= MAX_SCORES / 5 &&
        !model_logits(m, &b, NULL, 0, out, a, &e) && e.message[0] == '\0')
        __builtin_trap();
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str all = {(const char *)data, size};
    const char *end = size ? memchr(data, '\n', size) : NULL;
    if (!end || !make_folder())
        return 0;
    str name = {all.p, (size_t)(end - all.p)};
    if (!link_weights(name) || !put(config, str_skip(all, name.n + 1)))
        return 0;
    error e = {0};
    model *m = model_open(folder, threads, &e);
    if (m)
        compute(m);
    else if (e.kind == ERR_NONE || e.message[0] == '\0')
        __builtin_trap(); /* a failure without a reason */
    model_close(m);
    return 0;
}
