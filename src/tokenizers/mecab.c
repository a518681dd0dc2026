/* The library is loaded at run time, its functions and the head of its node are declared here: they
 * have not changed since its version 0.99. */
#include "tokenizers/mecab.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/own.h"
#include "tokenizers/unicode.h"

#include <dlfcn.h>
#include <pthread.h>

typedef struct mecab_model mecab_model;
typedef struct mecab_tagger mecab_tagger;
typedef struct mecab_lattice mecab_lattice;

typedef struct mecab_node {
    struct mecab_node *previous, *next, *same_end, *same_begin;
    void *right_path, *left_path;
    const char *surface, *feature;
    unsigned id;
    unsigned short length;        /* bytes of the word */
    unsigned short length_spaced; /* with the white space in front */
    unsigned short right, left, part;
    unsigned char kind, status; /* of characters; MECAB_BEGIN and others */
} mecab_node;

enum { MECAB_BEGIN = 2, MECAB_END = 3, LONGEST_RUN = 512 /* characters */ };

typedef struct mecab_dictionary {
    const char *file, *charset;
} mecab_dictionary;

#define MECAB_FUNCTIONS                                                                            \
    X(mecab_model *, mecab_model_new, int, char **)                                                \
    X(void, mecab_model_destroy, mecab_model *)                                                    \
    X(mecab_tagger *, mecab_model_new_tagger, mecab_model *)                                       \
    X(mecab_lattice *, mecab_model_new_lattice, mecab_model *)                                     \
    X(const mecab_dictionary *, mecab_model_dictionary_info, mecab_model *)                        \
    X(int, mecab_parse_lattice, mecab_tagger *, mecab_lattice *)                                   \
    X(void, mecab_lattice_set_sentence2, mecab_lattice *, const char *, size_t)                    \
    X(const char *, mecab_lattice_get_sentence, mecab_lattice *)                                   \
    X(mecab_node *, mecab_lattice_get_bos_node, mecab_lattice *)                                   \
    X(void, mecab_lattice_destroy, mecab_lattice *)

static struct {
#define X(type, name, ...) type (*name)(__VA_ARGS__);
    MECAB_FUNCTIONS
#undef X
    error failed; /* why it could not be loaded */
} lib;

static pthread_once_t lib_once = PTHREAD_ONCE_INIT;

static void lib_load(void)
{
    void *handle = dlopen("libmecab.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        fail(&lib.failed, ERR_UNAVAILABLE,
             "Japanese words need the library 'libmecab.so.2' (Debian package 'libmecab2'): %s",
             dlerror());
        return;
    }
#define X(type, name, ...)                                                                         \
    *(void **)&lib.name = dlsym(handle, #name);                                                    \
    if (!lib.name)                                                                                 \
        fail(&lib.failed, ERR_UNAVAILABLE, "the library 'libmecab.so.2' has no '%s'", #name);
    MECAB_FUNCTIONS
#undef X
}

struct mecab {
    mecab_model *model;
    mecab_tagger *tagger;
};

/* Where packages, and people, put dictionaries. */
static const char *const places[] = {"/var/lib/mecab/dic", "/usr/local/lib/mecab/dic",
                                     "/usr/lib/mecab/dic", "/usr/share/mecab/dic", NULL};

static const struct dictionary {
    const char *name;
    const char *folders[3]; /* below a place */
    const char *where;      /* it comes from */
} dictionaries[] = {
    {"ipadic", {"ipadic-utf8", "ipadic"}, "Debian package 'mecab-ipadic-utf8'"},
    {"unidic", {"unidic"}, "Debian package 'unidic-mecab'"},
    {"unidic_lite",
     {"unidic_lite", "unidic-lite"},
     "no Debian package: copy 'dicdir' of the Python package 'unidic-lite' to "
     "'/usr/local/lib/mecab/dic/unidic_lite'"},
    {"", {"debian"}, "Debian package 'mecab-ipadic-utf8'"},
};

enum { N_DICTIONARIES = sizeof dictionaries / sizeof *dictionaries };

static struct mecab opened[N_DICTIONARIES];
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;

static bool is_utf8(mecab_model *model)
{
    const mecab_dictionary *about = lib.mecab_model_dictionary_info(model);
    const char *charset = about ? about->charset : NULL;
    return charset && (strcasecmp(charset, "utf8") == 0 || strcasecmp(charset, "utf-8") == 0);
}

/* NULL when the folder has no dictionary in UTF-8. */
static mecab_model *open_folder(const char *folder)
{
    own_mem char *table = path_join(folder, "sys.dic"), *copy = xstrdup(folder);
    char program[] = "mecab", rc[] = "-r", none[] = "/dev/null", at[] = "-d";
    char *options[] = {program, rc, none, at, copy};
    if (!file_exists(table))
        return NULL;
    mecab_model *model = lib.mecab_model_new(sizeof options / sizeof *options, options);
    if (model && is_utf8(model))
        return model;
    if (model)
        lib.mecab_model_destroy(model);
    return NULL;
}

static bool open_dictionary(const struct dictionary *d, struct mecab *out, error *e)
{
    mecab_model *model = NULL;
    for (int i = 0; places[i] && !model; i++)
        for (int k = 0; d->folders[k] && !model; k++) {
            own_mem char *folder = path_join(places[i], d->folders[k]);
            model = open_folder(folder);
        }
    if (!model)
        return fail(e, ERR_UNAVAILABLE,
                    "MeCab has no dictionary '%s' in UTF-8, looked for in '%s' and '%s' (%s)",
                    d->folders[0], places[0], places[1], d->where);
    *out = (struct mecab){model, lib.mecab_model_new_tagger(model)};
    return out->tagger || fail(e, ERR_UNAVAILABLE, "MeCab cannot use its dictionary '%s'", d->name);
}

const mecab *mecab_open(const char *name, error *e)
{
    for (int i = 0; i < N_DICTIONARIES; i++) {
        if (strcmp(dictionaries[i].name, name) != 0)
            continue;
        pthread_once(&lib_once, lib_load);
        if (lib.failed.kind) {
            fail(e, lib.failed.kind, "%s", lib.failed.message);
            return NULL;
        }
        pthread_mutex_lock(&opening);
        bool ok = opened[i].tagger || open_dictionary(&dictionaries[i], &opened[i], e);
        pthread_mutex_unlock(&opening);
        return ok ? &opened[i] : NULL;
    }
    fail(e, ERR_BAD_MODEL,
         "MeCab's dictionary '%.60s' is not known, expected ipadic, unidic or unidic_lite", name);
    return NULL;
}

static bool give_words(mecab_lattice *lattice, size_t at, range_sink *out, error *e)
{
    const char *start = lib.mecab_lattice_get_sentence(lattice);
    for (const mecab_node *n = lib.mecab_lattice_get_bos_node(lattice); n; n = n->next) {
        if (n->status == MECAB_BEGIN || n->status == MECAB_END)
            continue;
        size_t from = at + (size_t)(n->surface - start);
        if (!out->put(out, from, from + n->length, e))
            return false;
    }
    return true;
}

/* The words of the bytes from .. to - 1. */
static bool run_piece(const mecab *m, str text, size_t from, size_t to, range_sink *out, error *e)
{
    /* Behind a last space MeCab looks for words up to a NUL. */
    own_mem char *copy = strndup(text.p + from, to - from);
    mecab_lattice *lattice = copy ? lib.mecab_model_new_lattice(m->model) : NULL;
    if (!lattice)
        return fail(e, ERR_TOO_LARGE, "out of memory for the words of a text");
    lib.mecab_lattice_set_sentence2(lattice, copy, to - from);
    bool ok = lib.mecab_parse_lattice(m->tagger, lattice)
                  ? give_words(lattice, from, out, e)
                  : fail(e, ERR_INTERNAL, "MeCab finds no words in a text");
    lib.mecab_lattice_destroy(lattice);
    return ok;
}

/* At each character MeCab looks how far others of its kind go: a text is cut where nothing but
 * words, or nothing but marks and spaces, goes on for too long. */
static size_t piece_end(str text, size_t from)
{
    size_t at = from;
    int run = 0;
    bool in_marks = false;
    while (at < text.n && run < LONGEST_RUN) {
        uint32_t c = unicode_next(text.p, &at);
        bool is_mark = unicode_flags_of(c) & (UNICODE_PUNCTUATION | UNICODE_SPACE);
        run = is_mark == in_marks ? run + 1 : 1;
        in_marks = is_mark;
    }
    return at;
}

bool mecab_words(const mecab *m, str text, range_sink *out, error *e)
{
    str whole = {text.p, text.n ? strnlen(text.p, text.n) : 0};
    if (whole.n > MECAB_MOST_BYTES)
        return fail(e, ERR_TOO_LARGE, "a text has %zu bytes, of which MeCab is given at most %d",
                    whole.n, MECAB_MOST_BYTES);
    for (size_t from = 0, to; from < whole.n; from = to) {
        to = piece_end(whole, from);
        if (!run_piece(m, whole, from, to, out, e))
            return false;
    }
    return true;
}
