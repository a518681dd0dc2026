/* Texts to measure with: built in, or of a file. */
#include "base/file.h"
#include "base/json.h"
#include "base/own.h"
#include "cli/bench.h"

#include <string.h>

enum { FILE_BYTES = 1 << 30 };

/* Statements, questions, reviews, names and numbers, and some other languages. */
static const char *const built_in[] = {
    "The museum closes at six on weekdays, but on Fridays visitors may stay until nine.",
    "I waited forty minutes for a cold pizza; I will not order from this place again.",
    "What is the difference between a virus and a bacterium?",
    "Maria Alvarez joined the board of Northwind Shipping in Rotterdam last March.",
    "The battery lasts two full days and the camera is excellent, even at night.",
    "Rain is expected over the southern valleys, with snow above two thousand metres.",
    "How do I reset the password of my account when I no longer have the old phone?",
    "The court dismissed the appeal because it had been filed after the deadline.",
    "She opened the window, listened to the sea for a while, and went back to her letters.",
    "Shares of the chip maker fell by eleven percent after it lowered its forecast for the year.",
    "To make the dough, mix flour, water, salt and yeast, and let it rest overnight in a cool "
    "place.",
    "The patient reports mild chest pain after exercise and no history of heart disease.",
    "Great value for money, friendly staff, and the breakfast was better than in most hotels.",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.",
    "The second edition corrects several errors in the chapter about prime numbers.",
    "Our flight to Nairobi was cancelled twice, and nobody at the desk could tell us why.",
    "The engineers replaced the bearing, balanced the rotor and ran the turbine for two hours.",
    "Please send the invoice to the accounting department before the end of the month.",
    "In 1931 the bridge was the longest of its kind; today it carries only pedestrians and "
    "bicycles.",
    "The film starts slowly, but its last half hour is among the best I have seen.",
    "Which river flows through Vienna, Bratislava, Budapest and Belgrade?",
    "A function that allocates memory must say who has to release it.",
    "The goalkeeper saved two penalties and became the hero of a match that nobody wanted to win.",
    "Researchers found traces of lead in the glaze of bowls from the fourteenth century.",
    "It broke after a week. The seller never answered my messages.",
    "The committee will meet again on Tuesday to discuss the budget for rural schools.",
    "Turn left at the bakery, follow the canal for about a mile, and you will see the old mill.",
    "The treaty obliges both countries to share data about fishing in the northern waters.",
    "He was a quiet man who repaired clocks and knew the name of every bird in the valley.",
    "Interest rates were left unchanged, although inflation was a little higher than expected.",
    "Install the package, restart the service, and check the log for warnings.",
    "The soup was wonderful, the service slow, the bill a surprise.",
    "Earthquakes cannot be predicted, but buildings can be made to withstand them.",
    "The orchestra played the symphony without a conductor, and it was astonishingly precise.",
    "Lucas moved from Lyon to Montreal to work for a company that makes hearing aids.",
    "My daughter loves this book and asks for it every evening.",
    "The algorithm sorts the records by date and then removes those that occur twice.",
    "Coffee exports rose in spring, while the harvest of cocoa was the poorest in ten years.",
    "Le train de nuit pour Lisbonne part du quai numéro trois à vingt-deux heures.",
    "Die Bibliothek bleibt wegen der Renovierung bis Ende September geschlossen.",
    "El precio del aceite de oliva ha subido por tercer año consecutivo.",
    "Il museo espone una collezione di strumenti musicali del Settecento.",
    "Поезд прибывает на станцию с опозданием в двадцать минут.",
    "この本は、海の生き物について子ども向けに書かれている。",
    "新的图书馆将于明年春天在市中心开放。",
    "이 식당은 점심시간에 항상 사람이 많습니다.",
    "تفتح المكتبة أبوابها في الساعة الثامنة صباحا.",
    "यह पुस्तक बच्चों के लिए सरल भाषा में लिखी गई है।",
};

enum { N_BUILT_IN = sizeof built_in / sizeof *built_in };

/* The text of a line; a JSON string is decoded into the arena. */
static bool read_line(str line, bool is_json, str *out, arena *a, error *e)
{
    *out = line;
    if (!is_json)
        return true;
    own_json json_t *value = json_loadb(line.p, line.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!json_is_string(value))
        return fail(e, ERR_BAD_REQUEST, "not a JSON string");
    str text = json_str(value);
    char *copy = arena_copy(a, text.p, text.n);
    *out = (str){copy, text.n};
    return copy || fail(e, ERR_TOO_LARGE, "the texts are too large");
}

static bool read_lines(bench_texts *t, str content, bool is_json, error *e)
{
    size_t n_lines = 1;
    for (size_t i = 0; i < content.n; i++)
        n_lines += content.p[i] == '\n';
    t->items = arena_raw(t->memory, n_lines, sizeof *t->items);
    if (!t->items)
        return fail(e, ERR_TOO_LARGE, "too many lines");
    while (content.n) {
        const char *end = memchr(content.p, '\n', content.n);
        size_t n = end ? (size_t)(end - content.p) : content.n;
        str line = {content.p, n && content.p[n - 1] == '\r' && !is_json ? n - 1 : n};
        if ((line.n || is_json) && !read_line(line, is_json, &t->items[t->n++], t->memory, e))
            return fail_in(e, "line %d", t->n);
        content = str_skip(content, n + 1);
    }
    return t->n > 0 || fail(e, ERR_BAD_REQUEST, "there are no texts");
}

static bool read_file(bench_texts *t, const char *path, error *e)
{
    own_buf buf content = buf_new(0);
    if (!file_read(path, FILE_BYTES, &content, e))
        return false;
    char *copy = arena_copy(t->memory, content.p, content.n);
    if (!copy)
        return fail(e, ERR_TOO_LARGE, "'%s' is too large", path);
    return read_lines(t, (str){copy, content.n}, str_ends(str_of(path), STR(".jsonl")), e) ||
           fail_in(e, "'%s'", path);
}

bool bench_texts_read(bench_texts *t, const char *path, error *e)
{
    *t = (bench_texts){.memory = arena_new((size_t)4 * FILE_BYTES)};
    if (path) {
        if (read_file(t, path, e))
            return true;
        bench_texts_release(t);
        return false;
    }
    t->n = N_BUILT_IN;
    t->items = arena_alloc(t->memory, N_BUILT_IN * sizeof *t->items);
    for (int i = 0; i < N_BUILT_IN; i++)
        t->items[i] = str_of(built_in[i]);
    return true;
}

void bench_texts_release(bench_texts *t)
{
    arena_free(t->memory);
    *t = (bench_texts){0};
}

/* The bytes of the text up to a number of tokens, special ones included. */
static bool cut(const pipeline *p, str text, int n_tokens, size_t *n_bytes, arena *a, error *e)
{
    encode_options o = {.add_special = true, .max_tokens = n_tokens};
    encoding enc;
    const int least = tokenizer_info_of(p->tokenizer)->n_added_single + 1;
    if (o.max_tokens < least)
        o.max_tokens = least;
    if (!tokenizer_encode(p->tokenizer, text, NULL, &o, &enc, a, e))
        return false;
    *n_bytes = 0;
    for (int i = 0; i < enc.n; i++)
        if (!enc.special[i] && (size_t)enc.byte_offsets[i][1] > *n_bytes)
            *n_bytes = (size_t)enc.byte_offsets[i][1];
    return true;
}

/* Puts the mask token in front of a word in the middle. */
static bool put_mask(const pipeline *p, str text, str *out, arena *a, error *e)
{
    str mask = tokenizer_id_token(p->tokenizer, tokenizer_info_of(p->tokenizer)->mask_id);
    size_t at = text.n / 2;
    while (at > 0 && text.p[at - 1] != ' ')
        at--;
    char *copy = arena_printf(a, "%.*s%.*s %.*s", (int)at, text.p, (int)mask.n, mask.p,
                              (int)(text.n - at), text.p + at);
    *out = str_of(copy);
    return (copy && mask.n) || fail(e, ERR_INVALID, "the tokenizer has no mask token");
}

bool bench_text_make(const pipeline *p, int first, int n_tokens, str *out, arena *a, error *e)
{
    enum { TOKEN_BYTES = 24, SPARE_BYTES = 256 }; /* a token of text is not longer than this */
    own_buf buf text = buf_new(256 << 20);
    size_t wanted = (size_t)n_tokens * TOKEN_BYTES + SPARE_BYTES;
    for (int i = first; text.n < wanted && !text.full; i++) {
        buf_puts(&text, built_in[i % N_BUILT_IN]);
        buf_byte(&text, ' ');
    }
    size_t n = 0;
    bool masked = p->info->head == HEAD_MASKED_LM;
    if (!cut(p, buf_view(&text), n_tokens - masked, &n, a, e))
        return false;
    const char *copy = arena_copy(a, text.p, n);
    if (!copy)
        return fail(e, ERR_TOO_LARGE, "the texts are too large");
    *out = (str){copy, n};
    return !masked || put_mask(p, *out, out, a, e);
}

bool bench_text_fit(const pipeline *p, str text, str *out, arena *a, error *e)
{
    str mask = tokenizer_id_token(p->tokenizer, tokenizer_info_of(p->tokenizer)->mask_id);
    *out = text;
    if (p->info->head != HEAD_MASKED_LM || (mask.n && memmem(text.p, text.n, mask.p, mask.n)))
        return true;
    return put_mask(p, text, out, a, e);
}
