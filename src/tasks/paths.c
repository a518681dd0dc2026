#include "tasks/paths.h"
#include "tasks/pipeline.h"

#include <string.h>

bool paths_check(const task_call *c, const strs *given, int n_texts, str text, error *e)
{
    const pipeline *p = c->pipeline;
    if (!given->items)
        return true;
    if (!p->info->path_depth || !tokenizer_info_of(p->tokenizer)->reads_nodes)
        return fail(e, ERR_INVALID,
                    "'xpaths' are given, but this %s model does not read where nodes stand",
                    p->info->model_type);
    if (n_texts != 1)
        return fail(e, ERR_BAD_REQUEST, "'xpaths' are for one text, but there are %d", n_texts);
    int n = tokenizer_nodes(text, true);
    return given->n == n ||
           fail(e, ERR_BAD_REQUEST, "'xpaths' has %d paths for a text of %d lines", given->n, n);
}

/* The tables of the model have rows for these steps. */
static bool check_steps(const model_info *info, const int *path, error *e)
{
    for (int i = 0; i < info->path_depth; i++)
        if (path[i] >= info->path_tags || path[info->path_depth + i] >= info->path_numbers)
            return fail(e, ERR_INVALID,
                        "step %d has tag %d and subscript %d, but this model knows %d and %d", i,
                        path[i], path[info->path_depth + i], info->path_tags, info->path_numbers);
    return true;
}

static bool make_path(const task_call *c, const strs *given, int node, int *path, error *e)
{
    const pipeline *p = c->pipeline;
    bool is_given = given && node >= 0 && node < given->n;
    str xpath = is_given ? given->items[node] : (str){0};
    if (node < 0)
        tokenizer_no_path(p->tokenizer, p->info->path_depth, path);
    else if (!tokenizer_node_path(p->tokenizer, xpath, p->info->path_depth, path, e))
        return fail_in(e, "'xpaths[%d]'", node);
    return check_steps(p->info, path, e) || fail_in(e, "'xpaths'");
}

static bool fill(task_call *c, sequence *s, error *e)
{
    size_t each = 2 * (size_t)c->pipeline->info->path_depth;
    int last = 0, before = -2;
    int *paths = arena_try(c->memory, (size_t)s->n, each * sizeof *paths);
    if (!paths)
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    for (int i = 0; i < s->n; i++)
        last = s->sequence_ids[i] > last ? s->sequence_ids[i] : last;
    for (int i = 0; i < s->n; i++) {
        int node = s->sequence_ids[i] == last ? s->word_ids[i] : -1;
        int *path = paths + (size_t)i * each;
        if (node == before)
            memcpy(path, path - each, each * sizeof *path);
        else if (!make_path(c, s->xpaths, node, path, e))
            return false;
        before = node;
    }
    s->paths = paths;
    return true;
}

bool paths_fill(task_call *c, int first, error *e)
{
    const pipeline *p = c->pipeline;
    if (!p->info->path_depth || !tokenizer_info_of(p->tokenizer)->reads_nodes)
        return true;
    for (int i = first; i < c->n_sequences; i++)
        if (c->sequences[i].word_ids && !fill(c, &c->sequences[i], e))
            return false;
    return true;
}
