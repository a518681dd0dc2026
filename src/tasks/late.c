/* Follows sentence_transformers 6.2: multi_vector_encoder/model.py (markers), its MultiVectorMask,
 * and query_expansion of base/modules/transformer.py. */
#include "tasks/late.h"
#include "base/memory.h"
#include "nn/maxsim.h"
#include "tasks/pipeline.h"

#include <stdlib.h>
#include <string.h>

enum { MARKER_BYTES = 1 << 20 };

/* Whether a text is one token by itself, the one with its name. */
static bool is_one_token(const tokenizer *t, str text)
{
    error ignored = {0};
    encoding got;
    arena *memory = arena_new(MARKER_BYTES);
    bool one = tokenizer_encode(t, text, NULL, &(encode_options){.ids_only = true}, &got, memory,
                                &ignored) &&
               got.n == 1 && got.ids[0] == tokenizer_token_id(t, text);
    arena_free(memory);
    return one;
}

static str first_word(str text)
{
    size_t begin = 0, end;
    while (begin < text.n && (unsigned char)text.p[begin] <= ' ')
        begin++;
    for (end = begin; end < text.n && (unsigned char)text.p[end] > ' ';)
        end++;
    return (str){text.p + begin, end - begin};
}

/* A marker, or its first word, that the tokenizer knows but would cut to pieces becomes a token of
 * its own. One that it does not know stays ordinary text. */
static bool add_marker(tokenizer *t, str marker, error *e)
{
    str word = marker.p ? first_word(marker) : (str){0};
    if (word.n == 0)
        return true;
    str known = tokenizer_token_id(t, marker) >= 0 ? marker : word;
    if (tokenizer_token_id(t, known) < 0 || is_one_token(t, known))
        return true;
    return tokenizer_make_special(t, known, e);
}

static bool find_filler(late_texts *l, const tokenizer *t, const model_late *m, error *e)
{
    const tokenizer_info *about = tokenizer_info_of(t);
    l->filler = m->filler.p           ? tokenizer_token_id(t, m->filler)
                : about->mask_id >= 0 ? about->mask_id
                                      : about->eos_id;
    if (l->filler >= 0 || !m->filled)
        return true;
    return m->filler.p
               ? fail(e, ERR_BAD_MODEL,
                      "the token '%.*s', which queries are filled up with, is not in the "
                      "vocabulary",
                      (int)(m->filler.n < 60 ? m->filler.n : 60), m->filler.p)
               : fail(e, ERR_BAD_MODEL,
                      "queries are filled up, but the tokenizer has no mask and no end token "
                      "for that");
}

/* Words that are no token of their own do not count: the unknown token is none of them unless it is
 * named. */
static void mark_skipped(late_texts *l, const tokenizer *t, const model_info *info)
{
    for (int i = 0; i < info->late->n_skipped; i++) {
        int id = tokenizer_token_id(t, info->late->skipped[i]);
        if (id >= 0 && id < info->vocab)
            l->skipped[id] = 1;
    }
}

bool late_texts_open(late_texts *l, tokenizer *t, const model_info *info, error *e)
{
    *l = (late_texts){.filler = -1};
    const model_late *m = info->late;
    if (!m)
        return true;
    for (int i = 0; i < 2; i++)
        if (!add_marker(t, m->markers[i], e))
            return false;
    l->skipped = xcalloc((size_t)info->vocab, 1);
    l->kept = m->n_kept ? xcalloc((size_t)info->vocab, 1) : NULL;
    for (int i = 0; i < m->n_kept; i++)
        if (m->kept[i] < info->vocab)
            l->kept[m->kept[i]] = 1;
    mark_skipped(l, t, info);
    return find_filler(l, t, m, e);
}

void late_texts_close(late_texts *l)
{
    free(l->skipped);
    free(l->kept);
    *l = (late_texts){0};
}

int late_most(const pipeline *p, bool is_query)
{
    const model_late *m = p->info->late;
    int most = p->info->max_position;
    int asked = !m ? 0 : is_query ? m->query_tokens : m->document_tokens;
    if (!asked)
        asked = p->max_tokens;
    return asked < most ? asked : most;
}

static bool fill(task_call *c, sequence *s, error *e)
{
    const model_late *m = c->pipeline->info->late;
    int *ids = arena_raw(c->memory, (size_t)m->filled, sizeof *ids), *types = NULL;
    if (s->type_ids)
        types = arena_try(c->memory, (size_t)m->filled, sizeof *types);
    if (!ids || (s->type_ids && !types))
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    memcpy(ids, s->ids, (size_t)s->n * sizeof *ids);
    if (types)
        memcpy(types, s->type_ids, (size_t)s->n * sizeof *types);
    for (int i = s->n; i < m->filled; i++)
        ids[i] = c->pipeline->late.filler;
    if (!m->attended)
        s->n_seen = s->n;
    s->ids = ids;
    s->type_ids = types;
    s->word_ids = s->sequence_ids = NULL; /* which are those of the text alone */
    s->n = m->filled;
    return true;
}

static bool counts(const pipeline *p, bool is_query, int id)
{
    const model_late *m = p->info->late;
    bool skips = is_query ? m->skips_queries : m->skips_documents;
    return !(skips && p->late.skipped[id]) && (is_query || !p->late.kept || p->late.kept[id]);
}

bool late_dress(task_call *c, bool is_query, sequence *s, error *e)
{
    const pipeline *p = c->pipeline;
    if (is_query && s->n < p->info->late->filled && !fill(c, s, e))
        return false;
    int *rows = arena_raw(c->memory, (size_t)s->n, sizeof *rows), n = 0;
    if (!rows)
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    for (int i = 0; i < s->n; i++)
        if (counts(p, is_query, s->ids[i]))
            rows[n++] = i;
    s->rows = rows;
    s->n_rows = n;
    return true;
}

bool late_compare(task_call *c, const sequence *query, const sequence *documents, int n_documents,
                  float *scores, error *e)
{
    const model_info *info = c->pipeline->info;
    int n = query->n_rows, width = info->width;
    float *turned = arena_raw(c->memory, (size_t)(width + 2) * (size_t)n + 1, sizeof *turned);
    if (!turned)
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    maxsim_turn(query->out, n, width, turned);
    double parts = info->similarity == SIMILARITY_MEAN_MAXSIM && n > 0 ? n : 1;
    for (int i = 0; i < n_documents; i++)
        scores[i] = (float)(maxsim(turned, n, documents[i].out, documents[i].n_rows, width,
                                   turned + (size_t)width * (size_t)n) /
                            parts);
    return true;
}
