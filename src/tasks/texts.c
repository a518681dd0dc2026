/* Follows sentence_transformers/base/modules/transformer.py (6.2.0): the prompt is put in front of
 * the text, the length of a prompt is that of the prompt encoded alone without its trailing special
 * token. */
#include "tasks/texts.h"
#include "base/utf8.h"
#include "tasks/pipeline.h"
#include "tasks/places.h"

struct dress { /* what is the same for all queries of a call, and for all other texts */
    bool is_query;
    const tokenizer *tokenizer;
    encode_options encode;
    str prompt;
    int skip; /* tokens of the prompt that pooling leaves out */
};

struct job { /* what is the same for all texts of a call */
    task_call *call;
    const text_options *options;
    struct dress query, document;
    bool single;
};

static const struct dress *dress_of(const struct job *j, int i)
{
    return i < j->options->n_queries ? &j->query : &j->document;
}

static bool out_of_memory(error *e, const char *path)
{
    return fail(e, ERR_TOO_LARGE, "'%s' is larger than the memory allowed for one request", path);
}

bool texts_join(task_call *c, str prompt, str text, str *out, error *e)
{
    *out = text;
    if (prompt.n == 0)
        return true;
    char *joined = arena_raw(c->memory, prompt.n + text.n, 1);
    if (!joined)
        return out_of_memory(e, "inputs");
    memcpy(joined, prompt.p, prompt.n);
    if (text.n)
        memcpy(joined + prompt.n, text.p, text.n);
    *out = (str){joined, prompt.n + text.n};
    return true;
}

bool texts_prompt(const pipeline *p, str name, str *prompt, error *e)
{
    const model_info *info = p->info;
    char known[300] = "";
    size_t n = 0;
    for (int i = 0; i < info->n_prompts; i++) {
        if (str_is(name, info->prompts[i].name)) {
            *prompt = info->prompts[i].text;
            return true;
        }
        if (n < sizeof known)
            n += (size_t)snprintf(known + n, sizeof known - n, "%s'%s'", n ? ", " : "",
                                  info->prompts[i].name);
    }
    return fail(e, ERR_INVALID, "'prompt_name' is '%.60s', expected %s%s", name.p,
                n ? "one of " : "none: this model has no prompts", known);
}

static bool find_prompt(const struct job *j, struct dress *d, error *e)
{
    const pipeline *p = j->call->pipeline;
    if (j->options->prompt_name.p)
        return texts_prompt(p, j->options->prompt_name, &d->prompt, e);
    if (p->info->late || p->info->query_folder)
        return texts_prompt(p, d->is_query ? STR("query") : STR("document"), &d->prompt, e);
    if (p->info->by_default)
        d->prompt = p->info->by_default->text;
    return true;
}

/* Tokens of the prompt alone, without a special token at its end. */
static bool measure_prompt(const struct job *j, struct dress *d, error *e)
{
    const pipeline *p = j->call->pipeline;
    encoding alone;
    if (d->prompt.n == 0 || p->info->include_prompt)
        return true;
    if (!tokenizer_encode(p->tokenizer, d->prompt, NULL, &d->encode, &alone, j->call->memory, e))
        return false;
    d->skip = alone.n;
    if (alone.n > 0 && tokenizer_id_is_special(p->tokenizer, alone.ids[alone.n - 1]))
        d->skip--;
    return true;
}

static bool open_dress(const struct job *j, bool is_query, struct dress *d, error *e)
{
    const pipeline *p = j->call->pipeline;
    int side = j->options->side;
    bool left = side < 0 ? tokenizer_info_of(p->tokenizer)->truncate_left : side == TRUNCATE_LEFT;
    *d = (struct dress){.is_query = is_query, .tokenizer = p->tokenizer};
    d->encode = (encode_options){.add_special = true,
                                 .ids_only = true,
                                 .node_lines = j->options->xpaths && j->options->xpaths->items,
                                 .max_tokens = late_most(p, is_query),
                                 .side = left ? TRUNCATE_LEFT : TRUNCATE_RIGHT};
    if (is_query && p->info->query_folder) {
        d->tokenizer = p->query_tokenizer;
        d->encode.add_special = false;
        d->encode.max_tokens = tokenizer_info_of(d->tokenizer)->max_tokens;
    }
    return find_prompt(j, d, e) && measure_prompt(j, d, e);
}

static const char *name_of(const struct job *j, int i, char out[64])
{
    if (j->options->name)
        j->options->name(i, out);
    else if (j->single)
        snprintf(out, 64, "%s", j->options->path);
    else
        snprintf(out, 64, "%s[%d]", j->options->path, i);
    return out;
}

static bool too_long(const struct job *j, int i, int given, error *e)
{
    char name[64];
    return fail(e, ERR_INVALID,
                "'%s' must have at most %d tokens, found %d: shorten it, or let it be cut with "
                "\"truncate\": true",
                name_of(j, i, name), dress_of(j, i)->encode.max_tokens, given);
}

/* Token ids given by the client: cut to the limit, otherwise as they are. What the model does not
 * know is found here: in the batch it would fail the requests of others. */
static bool take_ids(const struct job *j, int i, const text_input *input, sequence *s, error *e)
{
    char name[64];
    const encode_options *o = &dress_of(j, i)->encode;
    int most = o->max_tokens;
    if (input->n_ids == 0)
        return fail(e, ERR_EMPTY, "'%s' is an empty list of token ids", name_of(j, i, name));
    if (input->n_ids > most && j->options->truncate == 0)
        return too_long(j, i, input->n_ids, e);
    bool cut = most > 0 && input->n_ids > most;
    s->ids = cut && o->side == TRUNCATE_LEFT ? input->ids + input->n_ids - most : input->ids;
    s->n = cut ? most : input->n_ids;
    s->n_given = input->n_ids;
    for (int k = 0, vocab = j->call->pipeline->info->vocab; k < s->n; k++)
        if (s->ids[k] >= vocab)
            return fail(e, ERR_INVALID, "'%s' has the token id %d, expected one below %d",
                        name_of(j, i, name), s->ids[k], vocab);
    return true;
}

static bool add_places(const struct job *j, int i, str text, const encoding *enc, sequence *s,
                       error *e)
{
    const box_lists *given = j->options->boxes;
    char path[40] = "boxes";
    if (!given || !given->lists)
        return true;
    if (!given->single)
        snprintf(path, sizeof path, "boxes[%d]", i);
    return places_add(j->call, s, enc, text, 0, &given->lists[i], path, e);
}

static bool encode_one(const struct job *j, int i, const text_input *input, sequence *s, error *e)
{
    char name[64];
    task_call *c = j->call;
    const struct dress *d = dress_of(j, i);
    if (input->ids)
        return take_ids(j, i, input, s, e);
    str text;
    encoding got;
    if (!texts_join(c, d->prompt, input->text, &text, e))
        return false;
    encode_options o = d->encode;
    o.ids_only = !input->pair.p && !(j->options->boxes && j->options->boxes->lists) &&
                 !tokenizer_info_of(c->pipeline->tokenizer)->reads_nodes;
    bool weighed = d->is_query && c->pipeline->info->query_folder;
    if (!tokenizer_encode(d->tokenizer, text, input->pair.p ? &input->pair : NULL, &o, &got,
                          c->memory, e))
        return fail_in(e, "'%s'", name_of(j, i, name));
    if (got.truncated && j->options->truncate == 0)
        return too_long(j, i, got.n_total, e);
    if (got.n == 0 && !weighed)
        return fail(e, ERR_INVALID, "'%s' has no tokens", name_of(j, i, name));
    *s = (sequence){.ids = got.ids,
                    .type_ids = texts_type_ids(c, &got),
                    .word_ids = got.word_ids,
                    .sequence_ids = got.sequence_ids,
                    .xpaths = j->options->xpaths,
                    .n = got.n,
                    .n_given = got.n_total,
                    .weighed = weighed,
                    .skip = d->skip < got.n ? d->skip : got.n};
    c->usage.characters += (int64_t)(utf8_length(input->text) + utf8_length(input->pair));
    return add_places(j, i, text, &got, s, e);
}

const int *texts_type_ids(const task_call *c, const encoding *enc)
{
    const tokenizer_info *about = tokenizer_info_of(c->pipeline->tokenizer);
    bool given =
        c->pipeline->info->head == HEAD_SPANS ? !about->no_answer_type_ids : !about->no_type_ids;
    return given && c->pipeline->info->types > 1 ? enc->type_ids : NULL;
}

static void count(task_call *c, const sequence *s)
{
    c->usage.tokens += s->n;
    c->usage.tokens_given += s->n_given;
    c->usage.n_truncated += s->n_given > s->n;
}

bool texts_reserve(task_call *c, int n, const char *path, error *e)
{
    c->sequences = arena_try(c->memory, (size_t)(n ? n : 1), sizeof *c->sequences);
    return c->sequences != NULL || out_of_memory(e, path);
}

sequence *texts_add(task_call *c, const encoding *enc)
{
    sequence *s = &c->sequences[c->n_sequences++];
    *s = (sequence){.ids = enc->ids,
                    .type_ids = texts_type_ids(c, enc),
                    .word_ids = enc->word_ids,
                    .sequence_ids = enc->sequence_ids,
                    .n = enc->n,
                    .n_given = enc->n_total};
    count(c, s);
    return s;
}

/* ", "-separated, as many as fit, then how many there are besides. */
static void list_languages(const model_info *info, char *out, size_t size)
{
    enum { REST = 24 };
    size_t used = 0;
    int i = 0;
    *out = 0;
    for (; i < info->n_languages; i++) {
        str name = info->languages[i];
        if (used + name.n + REST > size)
            break;
        used +=
            (size_t)snprintf(out + used, size - used, "%s%.*s", i ? ", " : "", (int)name.n, name.p);
    }
    if (i < info->n_languages)
        snprintf(out + used, size - used, " and %d more", info->n_languages - i);
}

bool texts_language(task_call *c, str name, error *e)
{
    const model_info *info = c->pipeline->info;
    char known[800];
    c->language = -1;
    if (!name.p && (!info->n_languages || info->language >= 0))
        return true;
    if (!info->n_languages)
        return fail(e, ERR_INVALID,
                    "'language' is '%.*s', but this %s model reads all languages alike",
                    (int)(name.n < 40 ? name.n : 40), name.p, info->model_type);
    for (int i = 0; i < info->n_languages && name.p; i++)
        if (str_eq(info->languages[i], name)) {
            c->language = i;
            return true;
        }
    list_languages(info, known, sizeof known);
    if (!name.p)
        return fail(e, ERR_INVALID,
                    "'language' is missing, and this model has no default one, expected one of %s",
                    known);
    return fail(e, ERR_INVALID, "'language' is '%.*s', expected one of %s",
                (int)(name.n < 40 ? name.n : 40), name.p, known);
}

bool texts_encode(task_call *c, const texts *list, const text_options *o, error *e)
{
    struct job j = {.call = c, .options = o, .single = list->single};
    if (o->boxes && !places_check_lists(c, o->boxes, list->n, list->single, e))
        return false;
    if (!texts_language(c, o->language, e))
        return false;
    if (!open_dress(&j, false, &j.document, e) ||
        (o->n_queries && !open_dress(&j, true, &j.query, e)))
        return false;
    if (!texts_reserve(c, list->n, o->path, e))
        return false;
    for (int i = 0; i < list->n; i++) {
        sequence *s = &c->sequences[i];
        if (atomic_load(&c->cancelled))
            return fail(e, ERR_CANCELLED, "the client has left");
        if (!encode_one(&j, i, &list->items[i], s, e) ||
            (c->computes == CALL_TOKENS && !late_dress(c, i < o->n_queries, s, e)))
            return false;
        count(c, s);
    }
    c->n_sequences = list->n;
    return true;
}
