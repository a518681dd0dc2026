/* CANINE (Clark et al. 2021), model_type "canine": characters are the tokens, their code points the
 * ids. A layer over the characters near each other, a convolution that makes one "molecule" of some
 * of them, the layers of BERT over the molecules, and back: each character with its molecule, a
 * convolution, a last layer over all characters.
 *
 * In front of the molecules stands the first character by itself; the last molecule is left out.
 * Texts of fewer characters than a molecule has, which the reference cannot compute, have the first
 * character alone. */
#include "base/memory.h"
#include "models/architecture.h"
#include "models/bert.h"
#include "nn/conv.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_HASHES = 16, CODE_POINTS = 0x110000 };

static const int primes[MOST_HASHES] = {31,  43,  59,  61,  73,  97,  103, 113,
                                        137, 149, 157, 173, 181, 193, 211, 223};

typedef struct canine_config {
    encoder_config base;
    int rate;   /* characters of a molecule */
    int kernel; /* characters that the convolution on the way back sees */
    int hashes, buckets;
    int reach; /* characters that see each other in the first layer */
} canine_config;

static const field config[] = {
    ENCODER_SIZES(768, 12, 12, 3072),
    FIELD_INT(encoder_config, positions, "max_position_embeddings", 16384, 1, 1 << 20, "positions"),
    ENCODER_TYPES(16),
    ENCODER_ACT("hidden_act", ENCODER_GELU),
    ENCODER_EPS(1e-12),
    FIELD_INT(canine_config, rate, "downsampling_rate", 4, 1, 1 << 10, "characters of a molecule"),
    FIELD_INT(canine_config, kernel, "upsampling_kernel_size", 4, 1, 1 << 10, "characters seen"),
    FIELD_INT(canine_config, hashes, "num_hash_functions", 8, 1, MOST_HASHES, "hash functions"),
    FIELD_INT(canine_config, buckets, "num_hash_buckets", 16384, 1, 1 << 24, "rows of each table"),
    FIELD_INT(canine_config, reach, "local_transformer_stride", 128, 1, 1 << 20, "near characters"),
    ENCODER_ONLY,
    FIELD_END,
};

typedef struct canine {
    canine_config config;
    embedding hashed[MOST_HASHES]; /* a part of the width each */
    encoder_layer first, last;
    encoder_layer *layers;
    conv down, up;
    norm down_norm, up_norm;
} canine;

static void bind_embeddings(encoder *m, canine *s, weights w)
{
    const canine_config *c = &s->config;
    int hidden = c->base.hidden;
    weights in = weights_in(w, "char_embeddings");
    for (int i = 0; i < c->hashes; i++)
        embedding_bind(&s->hashed[i], weights_in(in, "HashBucketCodepointEmbedder_%d", i),
                       c->buckets, hidden / c->hashes);
    embedding_bind(&m->positions, weights_in(in, "char_position_embeddings"), c->buckets, hidden);
    if (c->base.types)
        embedding_bind(&m->types, weights_in(in, "token_type_embeddings"), c->base.types, hidden);
    norm_bind(&m->embedding_norm, weights_in(in, "LayerNorm"), hidden, c->base.eps);
}

static void bind_layer(encoder_layer *l, weights w, const encoder_config *c)
{
    l->attention.heads = c->heads;
    l->ffn.act = encoder_activation(c->act);
    bert_bind_blocks(l, w, c);
}

static bool init(encoder *m, const encoder_config *base, weights w, error *e)
{
    const canine_config *c = (const canine_config *)base;
    int hidden = base->hidden;
    if (!encoder_check_heads(base, e))
        return false;
    if (hidden % c->hashes)
        return fail(e, ERR_BAD_MODEL, "a hidden size of %d cannot be cut into %d hash functions",
                    hidden, c->hashes);
    canine *s = m->state = xcalloc(1, sizeof *s);
    s->config = *c;
    m->config.vocab = CODE_POINTS;
    if (m->config.positions > c->buckets) /* the table of positions is as long as those of hashes */
        m->config.positions = c->buckets;
    bind_embeddings(m, s, w);
    bind_layer(&s->first, weights_in(w, "initial_char_encoder.layer.0"), base);
    conv_bind(&s->down, weights_in(w, "chars_to_molecules.conv"), hidden, hidden, c->rate, 1);
    norm_bind(&s->down_norm, weights_in(w, "chars_to_molecules.LayerNorm"), hidden, base->eps);
    s->layers = xcalloc((size_t)base->layers + 1, sizeof *s->layers);
    for (int i = 0; i < base->layers; i++)
        bind_layer(&s->layers[i], weights_in(w, "encoder.layer.%d", i), base);
    conv_bind(&s->up, weights_in(w, "projection.conv"), hidden, 2 * hidden, c->kernel, 1);
    norm_bind(&s->up_norm, weights_in(w, "projection.LayerNorm"), hidden, base->eps);
    bind_layer(&s->last, weights_in(w, "final_char_encoder.layer.0"), base);
    return true;
}

static void release(encoder *m)
{
    canine *s = m->state;
    if (!s)
        return;
    free(s->layers);
    free(s);
}

/* Row starts: those of near characters, at most one for each character, those of the convolution's
 * rows and those of the molecules. */
static size_t starts_floats(int n_tokens)
{
    return 4 * ((size_t)n_tokens + 1);
}

/* Molecules, characters with their molecules, what a layer adds, and what blocks need. */
static size_t work_floats(const encoder *m, int n_tokens)
{
    const canine *s = m->state;
    size_t part = (size_t)n_tokens * (size_t)m->config.hidden;
    size_t layer = larger(self_attention_work(&s->first.attention, n_tokens),
                          ffn_work(&s->first.ffn, n_tokens));
    size_t convs = larger(conv_work(&s->down, n_tokens), conv_work(&s->up, n_tokens));
    return starts_floats(n_tokens) + 4 * part + larger(layer, convs);
}

struct hash_job {
    const canine *s;
    const int *ids;
    float *out;
};

static void hash_rows(void *arg, long begin, long end, int thread)
{
    (void)thread;
    const struct hash_job *job = arg;
    const canine_config *c = &job->s->config;
    int width = c->base.hidden / c->hashes;
    for (long i = begin; i < end; i++)
        for (int k = 0; k < c->hashes; k++) {
            long long row = ((long long)job->ids[i] + 1) * primes[k] % c->buckets;
            memcpy(job->out + i * c->base.hidden + (long)k * width,
                   job->s->hashed[k].table + row * width, (size_t)width * sizeof(float));
        }
}

static void embed(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                  float *out, float *added, encoder_work *w)
{
    const canine *s = m->state;
    int n = ragged_rows(r);
    enum { GRAIN = 64 };
    encoder_number(m, b->ids + at, r, w->positions);
    team_for(t, n, GRAIN, hash_rows, &(struct hash_job){s, b->ids + at, out});
    embedding_sum(
        (const embedding *const[EMBEDDINGS]){&m->types, &m->positions},
        (const int *const[EMBEDDINGS]){b->type_ids ? b->type_ids + at : NULL, w->positions}, t,
        added, n);
    norm_run(&m->embedding_norm, t, out, added, out, n);
}

static void run_layer(const encoder_layer *l, team *t, const ragged *r, float *x, float *added,
                      float *rest, size_t rest_floats)
{
    int n = ragged_rows(r);
    self_attention_run(&l->attention, t, r, &(score_positions){0}, x, added, rest);
    norm_run(&l->attention_norm, t, added, x, x, n);
    ffn_run(&l->ffn, t, x, added, n, rest, rest_floats);
    norm_run(&l->ffn_norm, t, added, x, x, n);
}

/* The characters that see each other in the first layer, as sequences of their own. */
static ragged cut(const ragged *r, int reach, int *start)
{
    int n = 0;
    start[0] = 0;
    for (int s = 0; s < r->n_seq; s++)
        for (int at = r->start[s]; at < r->start[s + 1];) {
            at = r->start[s + 1] - at > reach ? at + reach : r->start[s + 1];
            start[++n] = at;
        }
    return (ragged){.start = start, .n_seq = n};
}

/* Molecules of each sequence, and how many of them the convolution makes: all but the first. */
static void count_molecules(const ragged *r, int rate, int *start, int *made)
{
    start[0] = made[0] = 0;
    for (int s = 0; s < r->n_seq; s++) {
        int n = (r->start[s + 1] - r->start[s]) / rate;
        start[s + 1] = start[s] + (n ? n : 1);
        made[s + 1] = made[s] + (n ? n - 1 : 0);
    }
}

/* chars [rows of r], made [rows of it]: molecules with the first character in front. */
static void put_together(const ragged *r, const ragged *molecules, const ragged *made,
                         const float *chars, const float *rows, int width, float *out)
{
    size_t size = (size_t)width * sizeof *out;
    for (int s = 0; s < r->n_seq; s++) {
        float *at = out + (long)molecules->start[s] * width;
        memcpy(at, chars + (long)r->start[s] * width, size);
        memcpy(at + width, rows + (long)made->start[s] * width,
               (size_t)(made->start[s + 1] - made->start[s]) * size);
    }
}

/* out [rows of r][2 * width]: each character, and its molecule behind it; the last molecule stands
 * for what was left out too. */
static void spread(const ragged *r, const ragged *molecules, int rate, const float *chars,
                   const float *rows, int width, float *out)
{
    size_t size = (size_t)width * sizeof *out;
    for (int s = 0; s < r->n_seq; s++) {
        int last = molecules->start[s + 1] - 1;
        for (int i = r->start[s]; i < r->start[s + 1]; i++, out += 2L * width) {
            int own = molecules->start[s] + 1 + (i - r->start[s]) / rate;
            memcpy(out, chars + (long)i * width, size);
            memcpy(out + width, rows + (long)(own < last ? own : last) * width, size);
        }
    }
}

static bool pools_molecules(const encoder *m, const encoder_work *w)
{
    return w->for_head && !head_scores_tokens(&m->head);
}

static bool run(const encoder *m, team *t, const token_batch *b, const ragged *r, int at,
                float *out, encoder_work *w, error *e)
{
    const canine *s = m->state;
    int n = ragged_rows(r), width = m->config.hidden, rate = s->config.rate;
    size_t part = (size_t)n * (size_t)width;
    int *near = (int *)(void *)w->floats, *molecule = near + 2 * (n + 1), *make = molecule + n + 1;
    float *rows = w->floats + starts_floats(n), *wide = rows + part, *added = wide + 2 * part;
    float *rest = added + part;
    size_t left = w->n_floats - (size_t)(rest - w->floats);
    ragged chunks = cut(r, s->config.reach, near);
    ragged molecules = {molecule, r->n_seq}, made = {make, r->n_seq};
    embed(m, t, b, r, at, out, added, w);
    run_layer(&s->first, t, &chunks, out, added, rest, left);
    count_molecules(r, rate, molecule, make);
    conv_run_strided(&s->down, t, r, &made, out, encoder_activation(m->config.act), wide, rest);
    put_together(r, &molecules, &made, out, wide, width, rows);
    norm_run(&s->down_norm, t, rows, NULL, rows, ragged_rows(&molecules));
    for (int i = 0; i < m->config.layers; i++) {
        if (encoder_cancelled(b, e))
            return false;
        run_layer(&s->layers[i], t, &molecules, rows, added, rest, left);
    }
    if (pools_molecules(m, w)) {
        for (int i = 0; i < r->n_seq; i++)
            memcpy(out + (long)r->start[i] * width, rows + (long)molecule[i] * width,
                   (size_t)width * sizeof *out);
        return true;
    }
    spread(r, &molecules, rate, out, rows, width, wide);
    conv_run(&s->up, t, r, wide, encoder_activation(m->config.act), out, rest);
    norm_run(&s->up_norm, t, out, NULL, out, n);
    run_layer(&s->last, t, r, out, added, rest, left);
    return true;
}

static const char *const ignored[] = {
    "pooler.*", "char_embeddings.position_ids", "cls.*", "classifier.*", "qa_outputs.*", NULL};

static const encoder_engine engine = {
    .init = init, .release = release, .work_floats = work_floats, .run = run};

static const head_spec heads[MODEL_HEADS] = {
    [HEAD_LABELS] = BERT_POOLED("pooler.dense", "classifier"),
    [HEAD_CHOICES] = BERT_POOLED("pooler.dense", "classifier"),
    HEADS_OF_TOKENS,
};

const architecture architecture_canine = {
    .model_type = "canine",
    .config = config,
    .config_bytes = sizeof(canine_config),
    .encoder = &(const encoder_spec){.engine = &engine,
                                     .prefix = "canine.",
                                     .positions = POSITIONS_FROM_ZERO,
                                     .ignored = ignored,
                                     .heads = heads},
};
