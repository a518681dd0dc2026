/* `inferd bench tokenizer`: texts to ids on one thread. */
#include "base/clock.h"
#include "base/json.h"
#include "base/own.h"
#include "cli/bench.h"
#include "cli/paths.h"

#include <stdio.h>

enum { CALL_BYTES = 1 << 30, TURNS = 5 };

struct speed {
    double opened, least;  /* seconds: to open, and the best turn over all texts */
    int64_t bytes, tokens; /* of all texts */
    int turns;
};

/* Encodes every text once; ids only, as a request to a model without offsets does. */
static bool turn(const tokenizer *t, const bench_texts *all, arena *a, struct speed *s, error *e)
{
    static const encode_options o = {.add_special = true, .ids_only = true};
    s->bytes = s->tokens = 0;
    for (int i = 0; i < all->n; i++) {
        encoding enc;
        arena_reset(a);
        if (!tokenizer_encode(t, all->items[i], NULL, &o, &enc, a, e))
            return fail_in(e, "text %d", i + 1);
        s->bytes += (int64_t)all->items[i].n;
        s->tokens += enc.n;
    }
    return true;
}

static bool measure(const struct bench_args *a, const tokenizer *t, const bench_texts *all,
                    struct speed *s, error *e)
{
    arena *memory = arena_new(CALL_BYTES);
    double total = 0;
    bool ok = true;
    for (; ok && (s->turns < TURNS || 1e3 * total < (double)a->per_row_ms); s->turns++) {
        int64_t start = clock_ns();
        ok = turn(t, all, memory, s, e);
        double took = 1e-9 * (double)(clock_ns() - start);
        s->least = s->turns == 0 || took < s->least ? took : s->least;
        total += took;
    }
    arena_free(memory);
    return ok;
}

static void put_encoding(buf *out, const encoding *enc)
{
    buf_puts(out, "{\"ids\":[");
    for (int i = 0; i < enc->n; i++)
        buf_printf(out, "%s%d", i ? "," : "", enc->ids[i]);
    buf_puts(out, "],\"offsets\":[");
    for (int i = 0; i < enc->n; i++)
        buf_printf(out, "%s[%d,%d]", i ? "," : "", enc->offsets[i][0], enc->offsets[i][1]);
    buf_puts(out, "]}\n");
}

static bool write_all(const tokenizer *t, const bench_texts *all, const char *path, error *e)
{
    static const encode_options o = {.add_special = true};
    own_file FILE *f = fopen(path, "we");
    if (!f)
        return fail_errno(e, ERR_IO, "cannot write '%s'", path);
    arena *memory = arena_new(CALL_BYTES);
    own_buf buf line = buf_new(CALL_BYTES);
    bool ok = true;
    for (int i = 0; ok && i < all->n; i++) {
        encoding enc;
        arena_reset(memory);
        buf_clear(&line);
        ok = tokenizer_encode(t, all->items[i], NULL, &o, &enc, memory, e);
        if (!ok)
            break;
        put_encoding(&line, &enc);
        ok = fwrite(line.p, 1, line.n, f) == line.n ||
             fail_errno(e, ERR_IO, "cannot write '%s'", path);
    }
    arena_free(memory);
    return ok && (fflush(f) == 0 || fail_errno(e, ERR_IO, "cannot write '%s'", path));
}

static bool report(const struct bench_args *a, const char *name, int n_texts, const struct speed *s,
                   error *e)
{
    double mb = 1e-6 * (double)s->bytes;
    if (!a->json) {
        printf("%s: opened in %.2f ms; %d texts, %.2f MB, %lld tokens in %.2f ms: %.1f MB/s, %.0f "
               "tokens/s\n",
               name, 1e3 * s->opened, n_texts, mb, (long long)s->tokens, 1e3 * s->least,
               mb / s->least, (double)s->tokens / s->least);
        return true;
    }
    own_json json_t *document =
        json_pack("{s:s, s:f, s:i, s:I, s:I, s:i, s:f, s:f, s:f}", "model", name, "open_ms",
                  1e3 * s->opened, "texts", n_texts, "bytes", (json_int_t)s->bytes, "tokens",
                  (json_int_t)s->tokens, "turns", s->turns, "least_ms", 1e3 * s->least,
                  "megabytes_per_s", mb / s->least, "tokens_per_s", (double)s->tokens / s->least);
    return bench_print(document, e);
}

bool bench_tokenizer(const struct bench_args *a, const char *name, error *e)
{
    own_mem char *folder = NULL;
    bench_texts all = {0};
    struct speed s = {0};
    if (!model_folder(a->data, name, &folder, e) || !bench_texts_read(&all, a->texts, e))
        return false;
    int64_t start = clock_ns();
    tokenizer *t = tokenizer_open(folder, e);
    s.opened = 1e-9 * (double)(clock_ns() - start);
    bool ok = t && (a->out ? write_all(t, &all, a->out, e)
                           : measure(a, t, &all, &s, e) && report(a, name, all.n, &s, e));
    tokenizer_close(t);
    bench_texts_release(&all);
    return ok;
}
