/* Questions to tables: the first byte chooses options, the second columns and limits; then texts
 * between '|' bytes, the question and the cells. What is encoded fits the model, or it is said why
 * not. */
#include "tokenizers/table_tokenizer.h"

#include "base/file.h"
#include "base/own.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPTIONS = 4, MOST_CELLS = 256 };

static const char *const options[OPTIONS] = {
    "{}", "{\"do_lower_case\": false, \"cell_trim_length\": 2, \"max_row_id\": 5}",
    "{\"do_basic_tokenize\": false, \"strip_column_names\": true, \"max_question_length\": 9}",
    ("{\"strip_accents\": false, \"never_split\": [\"a-b\"], \"added_tokens_decoder\": {\"38\": "
     "{\"content\": \"[NEW]\", \"special\": true}}}")};
static const char vocabulary[] =
    "[PAD]\n[EMPTY]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\n##a\n##b\n##c\n0\n1\n2\n3\n4\n5\n##0\n##"
    "1\n"
    "##2\n##3\n##4\n##5\n.\n,\n-\n/"
    "\nmay\njune\none\nof\nkm\n\xc3\xa9\n\xe4\xb8\xad\nfirst\n19\n##99\n";

static char folder[] = "/tmp/table_fuzz_XXXXXX";
static tokenizer *tokenizers[OPTIONS];
static table_tokenizer *readers[OPTIONS];

static void clean_up(void)
{
    error e = {0};
    for (int i = 0; i < OPTIONS; i++) {
        table_tokenizer_close(readers[i]);
        tokenizer_close(tokenizers[i]);
    }
    (void)file_remove_tree(folder, &e);
}

static void put(const char *name, const char *text)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    own_file FILE *file = fopen(path, "wb");
    if (!file || fwrite(text, 1, strlen(text), file) != strlen(text))
        abort();
}

static void set_up(void)
{
    if (readers[0])
        return;
    if (!mkdtemp(folder) || atexit(clean_up) != 0)
        abort();
    put("vocab.txt", vocabulary);
    put("config.json", "{\"model_type\": \"tapas\"}");
    for (int i = 0; i < OPTIONS; i++) {
        error e = {0};
        put("tokenizer_config.json", options[i]);
        tokenizers[i] = tokenizer_open(folder, &e);
        readers[i] = tokenizers[i] ? table_tokenizer_open(folder, tokenizers[i], &e) : NULL;
        if (!readers[i]) {
            fprintf(stderr, "%s\n", e.message);
            abort();
        }
    }
}

static void check(const table_encoding *got, const table_limits *limits, int n_rows)
{
    if (got->n > limits->max_tokens || got->n > got->n_total || got->n_rows > n_rows)
        __builtin_trap();
    for (int i = 0; i < got->n; i++)
        for (int k = 0; k < N_TABLE_KINDS; k++)
            if (got->kinds[i][k] < 0 || got->kinds[i][k] >= limits->kinds[k])
                __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static str texts[MOST_CELLS + 1];
    int n = 0;
    if (size < 2)
        return 0;
    set_up();
    for (str rest = {(const char *)data + 2, size - 2}; n <= MOST_CELLS;) {
        const char *end = rest.n ? memchr(rest.p, '|', rest.n) : NULL;
        texts[n++] = (str){rest.p ? rest.p : "", end ? (size_t)(end - rest.p) : rest.n};
        if (!end)
            break;
        rest = str_skip(rest, texts[n - 1].n + 1);
    }
    cell_table table = {.cells = texts + 1, .n_columns = 1 + data[1] % 5};
    table.n_rows = (n - 1) / table.n_columns - 1;
    table_limits limits = {10 + data[1], {2, 5, 9, 2, 8, 7, 8}};
    if (table.n_rows < 1)
        return 0;
    error e = {0};
    table_encoding got;
    const table_tokenizer *m = readers[data[0] % OPTIONS];
    arena *a = arena_new(64 << 20);
    table_text *text = table_text_make(m, &table, &limits, a, &e);
    if (text && table_encode(m, text, texts[0], data[0] < 200, &got, a, &e))
        check(&got, &limits, table.n_rows);
    else if (e.kind == ERR_NONE || e.message[0] == '\0')
        __builtin_trap(); /* a failure without a reason */
    arena_free(a);
    return 0;
}
