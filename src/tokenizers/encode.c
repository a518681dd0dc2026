/* Encoding: the text is cut at added tokens, what lies between is normalised, cut into words and
 * given to the model; the tokens are truncated and put into the template.
 *
 * Working memory is per call and freed at its end; only the result is the arena's. */
#include "tokenizers/model.h"
#include "tokenizers/normalizer.h"
#include "tokenizers/pipeline.h"
#include "tokenizers/pretokenizer.h"

#include "base/own.h"
#include "base/profile.h"
#include "base/utf8.h"

/* Gives words to the model. */
struct collector {
    sink base;
    const tokenizer *t;
    tokens *out;
};

static bool collect(sink *self, const text *word, error *e)
{
    struct collector *c = (struct collector *)self;
    bool ok = model_run(&c->t->model, &c->t->vocab, word, c->out, e);
    c->out->n_words++;
    return ok;
}

static void add_added(tokens *out, const text *t, const added_match *m)
{
    tokens_add_own(out, t, m->begin, m->end, m->token->id);
    out->n_words++;
}

/* What lies between the added tokens of the text as it came. */
static bool encode_between(const tokenizer *t, text piece, bool special_as_text, normal_memory *m,
                           pretokenizer_chain *chain, tokens *out, error *e)
{
    if (!normalizers_run(&t->normalizers, &piece, m, e))
        return false;
    added_walk walk = {.matcher = &t->added.normalized,
                       .in = text_bytes(&piece),
                       .special_as_text = special_as_text};
    added_match match;
    while (added_next(&walk, &match)) {
        if (match.token) {
            add_added(out, &piece, &match);
            continue;
        }
        text words = text_slice(&piece, match.begin, match.end);
        if (!pretokenizer_chain_run(chain, &words, e))
            return false;
    }
    return true;
}

/* Everything between and at the added tokens of a piece of the text as it came. */
static bool encode_piece(const tokenizer *t, const text *piece, bool special_as_text,
                         normal_memory *m, pretokenizer_chain *chain, tokens *out, error *e)
{
    added_walk walk = {
        .matcher = &t->added.raw, .in = text_bytes(piece), .special_as_text = special_as_text};
    added_match match;
    while (added_next(&walk, &match)) {
        if (match.token)
            add_added(out, piece, &match);
        else if (!encode_between(t, text_slice(piece, match.begin, match.end), special_as_text, m,
                                 chain, out, e))
            return false;
    }
    return true;
}

static bool encode_each_node(const tokenizer *t, const text *whole, bool special_as_text,
                             bool lines, normal_memory *m, pretokenizer_chain *chain, tokens *out,
                             error *e)
{
    size_t at = 0, begin = 0, end = 0, first = 0;
    for (uint32_t node = 0; node_next(text_bytes(whole), lines, &at, &begin, &end); node++) {
        text piece = text_slice(whole, begin, end);
        if (!encode_piece(t, &piece, special_as_text, m, chain, out, e))
            return false;
        for (; first < out->n; first++)
            out->items[first].word = node;
    }
    return true;
}

enum text_nodes encode_nodes(const tokenizer *t, bool is_last, bool lines)
{
    return !t->info.reads_nodes || !is_last ? NODES_NONE : lines ? NODES_LINES : NODES_WORDS;
}

bool encode_text(const tokenizer *t, str input, bool special_as_text, enum text_nodes nodes,
                 tokens *out, error *e)
{
    if (input.n > TEXT_MAX)
        return fail(e, ERR_TOO_LARGE, "a text has %zu bytes, expected at most %d", input.n,
                    TEXT_MAX);
    if (!unicode_all_ascii(input) && utf8_valid_prefix(input) != input.n)
        return fail(e, ERR_BAD_REQUEST, "a text is not valid UTF-8 at byte %zu",
                    utf8_valid_prefix(input));
    text original = text_of(input);
    struct collector collector = {{collect}, t, out};
    OWN(normal_memory_release) normal_memory memory = {0};
    pretokenizer_chain *chain = pretokenizer_chain_new(&t->pretokenizers, &collector.base);
    bool ok = nodes == NODES_NONE
                  ? encode_piece(t, &original, special_as_text, &memory, chain, out, e)
                  : encode_each_node(t, &original, special_as_text, nodes == NODES_LINES, &memory,
                                     chain, out, e);
    pretokenizer_chain_free(chain);
    if (ok && out->failed)
        return fail(e, ERR_TOO_LARGE, "a text has too many tokens");
    return ok;
}

static struct kept keep(size_t n, size_t most, enum truncation_side side)
{
    if (most >= n)
        return (struct kept){0, n};
    return side == TRUNCATE_LEFT ? (struct kept){n - most, n} : (struct kept){0, most};
}

/* How many tokens of each text stay when the longer one is cut first. odd_first: see tokenizer.h.
 */
static void share(size_t *n1, size_t *n2, size_t most, bool odd_first)
{
    size_t shorter = *n1 < *n2 ? *n1 : *n2;
    size_t longer = shorter > most ? shorter : most - shorter > shorter ? most - shorter : shorter;
    bool both = shorter + longer > most;
    if (both) {
        shorter = most / 2;
        longer = shorter + most % 2;
    }
    bool swap = *n1 > *n2 || (odd_first && both);
    *n1 = swap ? longer : shorter;
    *n2 = swap ? shorter : longer;
}

static bool truncate_texts(const tokenizer *t, const tokens lists[2], bool is_pair, int n_special,
                           const encode_options *o, struct kept out[2], error *e)
{
    size_t n1 = lists[0].n, n2 = lists[1].n;
    if (o->max_tokens && o->max_tokens < n_special)
        return fail(e, ERR_INVALID, "max_tokens is %d, but %d special tokens are added",
                    o->max_tokens, n_special);
    size_t most = (size_t)(o->max_tokens - n_special);
    if (o->max_tokens && n1 + n2 > most) {
        size_t remove = n1 + n2 - most;
        if (most == 0) {
            n1 = n2 = 0;
        } else if (!is_pair) {
            n1 = most;
        } else if (o->strategy == TRUNCATE_LONGEST_FIRST) {
            share(&n1, &n2, most, t->info.no_backend);
        } else {
            size_t *cut = o->strategy == TRUNCATE_ONLY_FIRST ? &n1 : &n2;
            if (*cut <= remove)
                return fail(e, ERR_INVALID,
                            "the text to truncate has %zu tokens, but %zu must be removed", *cut,
                            remove);
            *cut -= remove;
        }
    }
    out[0] = keep(lists[0].n, n1, o->side);
    out[1] = keep(lists[1].n, n2, o->side);
    return true;
}

/* Bytes to code points, for positions that seldom go back. */
struct char_counter {
    str text;
    bool is_ascii;
    size_t byte, chars;
};

static int chars_before(struct char_counter *c, uint32_t byte)
{
    if (c->is_ascii)
        return (int)byte;
    for (; c->byte < byte && c->byte < c->text.n; c->byte++)
        c->chars += ((unsigned char)c->text.p[c->byte] & 0xC0) != 0x80;
    for (; c->byte > byte; c->byte--)
        c->chars -= ((unsigned char)c->text.p[c->byte - 1] & 0xC0) != 0x80;
    return (int)c->chars;
}

/* Leaves the white space out that a byte-level token carries. is_first: of its text. */
static void trim(int range[2], const tokenizer *t, const token *k, bool is_first)
{
    uint32_t before = k->spaces_before, after = k->spaces_after;
    if (!k->is_own)
        token_spaces(vocab_token(&t->vocab, k->id), &before, &after);
    if ((is_first || range[0] == 0) && t->postprocessor.add_prefix_space && before == 1)
        before = 0;
    range[0] = range[0] + (int)before < range[1] ? range[0] + (int)before : range[1];
    if (after && range[1] >= (int)after)
        range[1] = range[1] - (int)after > range[0] ? range[1] - (int)after : range[0];
}

static bool make_arrays(encoding *out, size_t n, bool ids_only, arena *a, error *e)
{
    *out = (encoding){.ids = arena_try(a, n + 1, sizeof *out->ids)};
    bool ok = out->ids != NULL && n < INT32_MAX;
    if (ok && !ids_only) {
        out->type_ids = arena_try(a, n + 1, sizeof *out->type_ids);
        out->offsets = arena_try(a, n + 1, sizeof *out->offsets);
        out->byte_offsets = arena_try(a, n + 1, sizeof *out->byte_offsets);
        out->word_ids = arena_try(a, n + 1, sizeof *out->word_ids);
        out->sequence_ids = arena_try(a, n + 1, sizeof *out->sequence_ids);
        out->special = arena_try(a, n + 1, sizeof *out->special);
        ok = out->type_ids && out->offsets && out->byte_offsets && out->word_ids &&
             out->sequence_ids && out->special;
    }
    return ok || fail(e, ERR_TOO_LARGE, "no memory for %zu tokens", n);
}

static void put_special(encoding *out, const template_part *part)
{
    int i = out->n++;
    out->ids[i] = part->id;
    if (!out->type_ids)
        return;
    out->type_ids[i] = part->type_id;
    out->word_ids[i] = out->sequence_ids[i] = -1;
    out->special[i] = 1;
}

static void put_text(encoding *out, const tokenizer *t, str input, const tokens *list,
                     struct kept kept, const template_part *part)
{
    /* One for each end: tokens that share a long range would send a single one to and fro. */
    struct char_counter begins = {.text = input, .is_ascii = unicode_all_ascii(input)};
    struct char_counter ends = begins;
    for (size_t k = kept.begin; k < kept.end; k++) {
        const token *found = &list->items[k];
        int i = out->n++;
        out->ids[i] = found->id;
        if (!out->type_ids)
            continue;
        out->type_ids[i] = part->type_id;
        out->word_ids[i] = (int)found->word;
        out->sequence_ids[i] = part->kind == PART_SECOND;
        out->byte_offsets[i][0] = (int)found->from.begin;
        out->byte_offsets[i][1] = (int)found->from.end;
        out->offsets[i][0] = chars_before(&begins, found->from.begin);
        out->offsets[i][1] = chars_before(&ends, found->from.end);
        if (t->postprocessor.trim_offsets) {
            trim(out->offsets[i], t, found, k == kept.begin);
            trim(out->byte_offsets[i], t, found, k == kept.begin);
        }
    }
}

/* Tokens that a template makes of this many tokens of each text. */
static size_t template_size(const template_list *parts, bool add_special, size_t n1, size_t n2)
{
    size_t n = 0;
    for (int i = 0; i < parts->n; i++)
        n += parts->parts[i].kind == PART_FIRST    ? n1
             : parts->parts[i].kind == PART_SECOND ? n2
                                                   : add_special;
    return n;
}

const template_list *encode_template(const tokenizer *t, bool is_pair)
{
    return is_pair ? &t->postprocessor.pair : &t->postprocessor.single;
}

bool encode_assemble(const tokenizer *t, const str inputs[2], const tokens lists[2], bool is_pair,
                     const struct kept kept[2], const encode_options *o, encoding *out, arena *a,
                     error *e)
{
    const template_list *parts = encode_template(t, is_pair);
    size_t n = template_size(parts, o->add_special, kept[0].end - kept[0].begin,
                             kept[1].end - kept[1].begin);
    size_t n_total = template_size(parts, o->add_special, lists[0].n, lists[1].n);
    encoding made;
    if (!make_arrays(&made, n, o->ids_only, a, e))
        return false;
    for (int i = 0; i < parts->n; i++) {
        const template_part *part = &parts->parts[i];
        int which = part->kind == PART_SECOND;
        if (part->kind != PART_SPECIAL)
            put_text(&made, t, inputs[which], &lists[which], kept[which], part);
        else if (o->add_special)
            put_special(&made, part);
    }
    made.n_total = (int)n_total;
    made.truncated = n < n_total;
    *out = made;
    return true;
}

static bool encode_texts(const tokenizer *t, const str inputs[2], tokens lists[2], bool is_pair,
                         const encode_options *o, encoding *out, arena *a, error *e)
{
    struct kept kept[2] = {0};
    for (int i = 0; i <= is_pair; i++)
        if (!encode_text(t, inputs[i], o->special_as_text,
                         encode_nodes(t, i == is_pair, o->node_lines), &lists[i], e))
            return false;
    int n_special = o->add_special ? encode_template(t, is_pair)->n_special : 0;
    return truncate_texts(t, lists, is_pair, n_special, o, kept, e) &&
           encode_assemble(t, inputs, lists, is_pair, kept, o, out, a, e);
}

bool tokenizer_encode(const tokenizer *t, str input, const str *pair, const encode_options *o,
                      encoding *out, arena *a, error *e)
{
    PROFILE(PROFILE_TOKENIZER);
    const str inputs[2] = {input, pair ? *pair : (str){0}};
    tokens lists[2] = {0};
    bool ok = encode_texts(t, inputs, lists, pair != NULL, o, out, a, e);
    tokens_release(&lists[0]);
    tokens_release(&lists[1]);
    return ok;
}
