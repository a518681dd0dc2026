/* Tokens are found in words by their last byte: the first may be the space in front of a word. */
#include "tasks/places.h"
#include "base/utf8.h"
#include "tasks/pipeline.h"

bool places_check_lists(const task_call *c, const box_lists *given, int n, bool single, error *e)
{
    if (!given->lists)
        return true;
    if (!c->pipeline->info->places)
        return fail(e, ERR_INVALID,
                    "'boxes' are given, but this %s model does not read where words stand",
                    c->pipeline->info->model_type);
    if (single != given->single || n != given->n)
        return fail(e, ERR_BAD_REQUEST, "'boxes' must be %s, one for each text of 'inputs'",
                    single ? "one list of boxes" : "a list of lists of boxes");
    return true;
}

/* What Python's str.split() divides words by. */
static bool is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

/* Where the words end, in bytes, into `ends` (NULL: they are only counted). Returns how many. */
static int find_words(str text, size_t *ends)
{
    int n = 0;
    bool inside = false;
    for (size_t at = 0; at < text.n;) {
        bool space = is_space(utf8_next(text, &at));
        if (!space && !inside)
            n++;
        if (!space && ends)
            ends[n - 1] = at;
        inside = !space;
    }
    return n;
}

static bool check(const box_list *given, int n_words, const char *path, error *e)
{
    if (given->n != n_words)
        return fail(e, ERR_BAD_REQUEST, "'%s' has %d boxes for a text of %d words", path, given->n,
                    n_words);
    for (int i = 0; i < given->n; i++) {
        const int *b = given->items[i];
        if (b[0] > b[2] || b[1] > b[3])
            return fail(e, ERR_BAD_REQUEST,
                        "'%s[%d]' is [%d, %d, %d, %d], expected left <= right and top <= bottom",
                        path, i, b[0], b[1], b[2], b[3]);
    }
    return true;
}

/* The first word that ends behind this byte, or the last of all. */
static int word_at(const size_t *ends, int n, size_t byte)
{
    int low = 0, high = n - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (ends[middle] > byte)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Of a token that is not in a word; `most` is the last edge that the model knows. */
static box place_of_other(const tokenizer_info *about, const encoding *enc, int i, int most)
{
    bool added = enc->sequence_ids[i] < 0;
    const int *edges = added && enc->ids[i] == about->cls_id ? about->cls_box
                       : enc->ids[i] == about->sep_id        ? about->sep_box
                                                             : about->pad_box;
    int at[4];
    for (int k = 0; k < 4; k++)
        at[k] = edges[k] < most ? edges[k] : most;
    return (box){at[0], at[1], at[2], at[3]};
}

bool places_add(task_call *c, sequence *s, const encoding *enc, str text, int which,
                const box_list *given, const char *path, error *e)
{
    int n_words = find_words(text, NULL), most = c->pipeline->info->places - 1;
    int far = most < PLACES_MOST ? most : PLACES_MOST;
    if (!check(given, n_words, path, e))
        return false;
    size_t *ends = arena_try(c->memory, (size_t)n_words + 1, sizeof *ends);
    box *out = arena_try(c->memory, (size_t)enc->n, sizeof *out);
    if (!ends || !out)
        return fail(e, ERR_TOO_LARGE, "'%s' is larger than the memory allowed for one request",
                    path);
    find_words(text, ends);
    for (int i = 0; i < enc->n; i++) {
        if (enc->sequence_ids[i] == which && n_words) {
            int begin = enc->byte_offsets[i][0], end = enc->byte_offsets[i][1];
            const int *b =
                given->items[word_at(ends, n_words, (size_t)(end > begin ? end - 1 : begin))];
            out[i] = (box){b[0], b[1], b[2], b[3]};
            if (b[2] > far || b[3] > far)
                return fail(e, ERR_INVALID, "'%s' has an edge at %d, but this model knows 0 to %d",
                            path, b[2] > b[3] ? b[2] : b[3], far);
        } else {
            out[i] = place_of_other(tokenizer_info_of(c->pipeline->tokenizer), enc, i, most);
        }
    }
    s->boxes = out;
    return true;
}
