/* One window: tokens -> (words ->) entities with a label each -> groups of neighbours. */
#include "tasks/entities.h"
#include "base/utf8.h"
#include "tasks/pipeline.h"
#include "tasks/scores.h"
#include "tokenizers/join.h"

const char *const aggregations[] = {"none", "simple", "first", "average", "max", NULL};

/* A token that is not special. */
struct piece {
    str word;
    const float *scores; /* [n_labels] */
    int index, start, end;
    bool continues; /* the word of the piece before */
};

struct window {
    task_call *call;
    const model_info *info;
    struct piece *pieces;
    int n_pieces;
    str *words;      /* scratch for joining */
    entity *found;   /* one for each piece or word */
    float *averages; /* [n_labels] */
    int n_found;
};

static bool out_of_memory(error *e)
{
    return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
}

/* Whether a token goes on with the word before it. Tokenizers without marks for that leave only
 * the spaces of the text to go by. */
static bool continues_word(const tokenizer_info *about, str text, str word, const int bytes[2])
{
    str shown = {text.p + bytes[0], (size_t)(bytes[1] - bytes[0])};
    if (about->subword_prefix)
        return utf8_length(word) != utf8_length(shown);
    if (bytes[0] == 0 || text.p[bytes[0] - 1] == ' ')
        return false;
    return (size_t)bytes[0] >= text.n || text.p[bytes[0]] != ' ';
}

static void gather(struct window *w, str text, const encoding *enc, const float *probabilities)
{
    const tokenizer *t = w->call->pipeline->tokenizer;
    const tokenizer_info *about = tokenizer_info_of(t);
    for (int i = 0; i < enc->n; i++) {
        if (enc->special[i])
            continue;
        const int *bytes = enc->byte_offsets[i];
        struct piece *p = &w->pieces[w->n_pieces++];
        *p = (struct piece){.word = tokenizer_id_token(t, enc->ids[i]),
                            .scores = probabilities + (size_t)i * (size_t)w->info->n_labels,
                            .index = i,
                            .start = enc->offsets[i][0],
                            .end = enc->offsets[i][1]};
        p->continues = continues_word(about, text, p->word, bytes);
        if (enc->ids[i] == about->unk_id && !about->no_backend) {
            p->word = (str){text.p + bytes[0], (size_t)(bytes[1] - bytes[0])};
            p->continues = false;
        }
    }
}

/* "B-PER" is of group "PER"; a label without a mark is its own. */
static str group_of(const char *label)
{
    const char *dash = strchr(label, '-');
    return str_of(dash ? dash + 1 : label);
}

static void find_tokens(struct window *w)
{
    for (int i = 0; i < w->n_pieces; i++) {
        const struct piece *p = &w->pieces[i];
        int best = scores_best(p->scores, w->info->n_labels);
        w->found[w->n_found++] = (entity){.label = w->info->labels[best],
                                          .group = group_of(w->info->labels[best]),
                                          .word = p->word,
                                          .score = p->scores[best],
                                          .index = p->index,
                                          .start = p->start,
                                          .end = p->end};
    }
}

/* The scores that stand for a word of n pieces. */
static const float *word_scores(struct window *w, const struct piece *p, int n,
                                enum aggregation how)
{
    int n_labels = w->info->n_labels;
    const float *scores = p->scores;
    if (how == AGGREGATE_MAX) {
        for (int i = 1; i < n; i++)
            if (p[i].scores[scores_best(p[i].scores, n_labels)] >
                scores[scores_best(scores, n_labels)])
                scores = p[i].scores;
    } else if (how == AGGREGATE_AVERAGE) {
        for (int k = 0; k < n_labels; k++) {
            float sum = 0;
            for (int i = 0; i < n; i++)
                sum += p[i].scores[k];
            w->averages[k] = sum / (float)n;
        }
        scores = w->averages;
    }
    return scores;
}

static bool find_words(struct window *w, enum aggregation how, error *e)
{
    const tokenizer *t = w->call->pipeline->tokenizer;
    for (int i = 0, n; i < w->n_pieces; i += n) {
        const struct piece *p = &w->pieces[i];
        for (n = 1; i + n < w->n_pieces && p[n].continues; n++)
            ;
        for (int k = 0; k < n; k++)
            w->words[k] = p[k].word;
        const float *scores = word_scores(w, p, n, how);
        int best = scores_best(scores, w->info->n_labels);
        entity *made = &w->found[w->n_found++];
        *made = (entity){.label = w->info->labels[best],
                         .group = group_of(w->info->labels[best]),
                         .score = scores[best],
                         .start = p[0].start,
                         .end = p[n - 1].end};
        if (!tokenizer_join(t, w->words, n, &made->word, w->call->memory, e))
            return false;
    }
    return true;
}

/* The label without a "B-" or "I-" in front. */
static str tag_of(const char *label)
{
    bool marked = (label[0] == 'B' || label[0] == 'I') && label[1] == '-';
    return str_of(marked ? label + 2 : label);
}

static bool joins(const entity *before, const entity *e)
{
    return str_eq(tag_of(before->label), tag_of(e->label)) && strncmp(e->label, "B-", 2) != 0;
}

/* Neighbours of one tag become one entity, in place. */
static bool group(struct window *w, error *e)
{
    int kept = 0;
    for (int i = 0, n; i < w->n_found; i += n) {
        entity *first = &w->found[i];
        float sum = 0;
        for (n = 1; i + n < w->n_found && joins(&first[n - 1], &first[n]); n++)
            ;
        for (int k = 0; k < n; k++) {
            w->words[k] = first[k].word;
            sum += first[k].score;
        }
        entity made = *first;
        made.score = sum / (float)n;
        made.end = first[n - 1].end;
        if (!tokenizer_join(w->call->pipeline->tokenizer, w->words, n, &made.word, w->call->memory,
                            e))
            return false;
        w->found[kept++] = made;
    }
    w->n_found = kept;
    return true;
}

static bool append(task_call *c, entity_list *list, const entity *made, error *e)
{
    if (list->n == list->capacity) {
        int capacity = list->capacity ? 2 * list->capacity : 64;
        entity *items = arena_raw(c->memory, (size_t)capacity, sizeof *items);
        if (!items)
            return out_of_memory(e);
        if (list->n)
            memcpy(items, list->items, (size_t)list->n * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->n++] = *made;
    return true;
}

static bool is_ignored(const strs *ignored, str name)
{
    for (int i = 0; i < ignored->n; i++)
        if (str_eq(ignored->items[i], name))
            return true;
    return false;
}

bool entities_add(task_call *c, str text, const encoding *enc, const float *probabilities,
                  enum aggregation how, const strs *ignored, entity_list *out, error *e)
{
    size_t n = (size_t)enc->n + 1;
    struct window w = {.call = c, .info = c->pipeline->info};
    w.pieces = arena_try(c->memory, n, sizeof *w.pieces);
    w.words = arena_try(c->memory, n, sizeof *w.words);
    w.found = arena_try(c->memory, n, sizeof *w.found);
    w.averages = arena_try(c->memory, (size_t)w.info->n_labels, sizeof *w.averages);
    if (!w.pieces || !w.words || !w.found || !w.averages)
        return out_of_memory(e);
    gather(&w, text, enc, probabilities);
    if (how <= AGGREGATE_SIMPLE)
        find_tokens(&w);
    else if (!find_words(&w, how, e))
        return false;
    if (how != AGGREGATE_NONE && !group(&w, e))
        return false;
    for (int i = 0; i < w.n_found; i++) {
        const entity *made = &w.found[i];
        if (!is_ignored(ignored, how == AGGREGATE_NONE ? str_of(made->label) : made->group) &&
            !append(c, out, made, e))
            return false;
    }
    return true;
}

/* Stable, by start; entities come nearly sorted, window by window. */
static void sort_by_start(entity_list *list)
{
    for (int i = 1; i < list->n; i++) {
        entity moved = list->items[i];
        int at = i;
        for (; at > 0 && list->items[at - 1].start > moved.start; at--)
            list->items[at] = list->items[at - 1];
        list->items[at] = moved;
    }
}

bool entities_merge(task_call *c, entity_list *list, error *e)
{
    if (list->n == 0)
        return true;
    entity_list merged = {0};
    sort_by_start(list);
    entity before = list->items[0];
    for (int i = 0; i < list->n; i++) {
        const entity *now = &list->items[i];
        int length = now->end - now->start, old_length = before.end - before.start;
        if (before.start <= now->start && now->start < before.end) {
            if (length > old_length || (length == old_length && now->score > before.score))
                before = *now;
            continue;
        }
        if (!append(c, &merged, &before, e))
            return false;
        before = *now;
    }
    *list = merged;
    return append(c, list, &before, e);
}
