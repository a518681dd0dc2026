#include "tasks/embeddings.h"
#include "base/json.h"
#include "tasks/pipeline.h"
#include "tasks/texts.h"

#include <math.h>
#include <openssl/evp.h>

const char *const truncation_sides[] = {"right", "left", NULL};
const char *const embedding_formats[] = {"float", "base64", NULL};

bool embeddings_prepare(task_call *c, const char *path, error *e)
{
    const embed_request *r = c->request;
    bool late = c->pipeline->info->late != NULL;
    if (late && c->computes == CALL_EMBEDDING)
        return fail(e, ERR_INVALID,
                    "the model '%s' makes a vector for each token of a text, and no one vector: "
                    "feature-extraction and /embed_all give them",
                    c->pipeline->id);
    if (late)
        c->computes = CALL_TOKENS;
    int width = c->computes == CALL_HIDDEN ? c->pipeline->info->hidden : c->pipeline->info->width;
    if (r->dimensions > width)
        return fail(e, ERR_INVALID, "'dimensions' is %d, but the vectors of this model have %d",
                    r->dimensions, width);
    text_options o = {.truncate = r->truncate,
                      .side = r->side,
                      .prompt_name = r->prompt_name,
                      .language = r->language,
                      .path = path};
    if (r->prompt_name.p && str_is(r->prompt_name, "query"))
        o.n_queries = r->inputs.n;
    return texts_encode(c, &r->inputs, &o, e);
}

static void scale_to_one(float *v, int width)
{
    double sum = 0;
    for (int i = 0; i < width; i++)
        sum += (double)v[i] * v[i];
    float length = (float)sqrt(sum);
    if (length < 1e-12f)
        length = 1e-12f;
    for (int i = 0; i < width; i++)
        v[i] /= length;
}

/* A shortened vector of a model that normalises is brought to length 1 again. A vector that the
 * model has normalised already is left alone: its bits are the reference's. */
int embeddings_shape(task_call *c)
{
    const embed_request *r = c->request;
    const model_info *info = c->pipeline->info;
    int width = r->dimensions > 0 ? r->dimensions : info->width;
    bool unit = width == info->width && info->normalized;
    bool wanted = r->normalize < 0 ? info->normalized : r->normalize;
    for (int i = 0; wanted && !unit && i < c->n_sequences; i++)
        for (int row = 0; row < (c->computes == CALL_TOKENS ? c->sequences[i].n_rows : 1); row++)
            scale_to_one(c->sequences[i].out + (size_t)row * (size_t)info->width, width);
    return width;
}

void embeddings_put_tokens(buf *out, const task_call *c, int i)
{
    const embed_request *r = c->request;
    const sequence *s = &c->sequences[i];
    bool late = c->computes == CALL_TOKENS;
    int all = late ? c->pipeline->info->width : c->pipeline->info->hidden;
    int width = r->dimensions > 0 ? r->dimensions : all;
    buf_byte(out, '[');
    for (int row = 0; row < (late ? s->n_rows : s->n); row++) {
        if (row)
            buf_byte(out, ',');
        embeddings_put(out, s->out + (size_t)row * (size_t)all, width, r->format);
    }
    buf_byte(out, ']');
}

void embeddings_put(buf *out, const float *vector, int width, int format)
{
    if (format == EMBEDDING_FLOAT) {
        json_put_floats(out, vector, (size_t)width);
        return;
    }
    size_t n = (size_t)width * sizeof *vector;
    buf_byte(out, '"');
    char *to = buf_room(out, (n + 2) / 3 * 4 + 1);
    if (to)
        out->n +=
            (size_t)EVP_EncodeBlock((unsigned char *)to, (const unsigned char *)vector, (int)n);
    buf_byte(out, '"');
}

float cosine(const float *a, const float *b, int width)
{
    double dot = 0, aa = 0, bb = 0;
    for (int i = 0; i < width; i++) {
        dot += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    double lengths = fmax(sqrt(aa), 1e-12) * fmax(sqrt(bb), 1e-12);
    return (float)(dot / lengths);
}

float similarity(enum model_similarity kind, const float *a, const float *b, int width)
{
    double sum = 0;
    if (kind == SIMILARITY_COSINE)
        return cosine(a, b, width);
    for (int i = 0; i < width; i++) {
        double apart = (double)a[i] - b[i];
        sum += kind == SIMILARITY_DOT         ? (double)a[i] * b[i]
               : kind == SIMILARITY_EUCLIDEAN ? apart * apart
                                              : fabs(apart);
    }
    return (float)(kind == SIMILARITY_DOT ? sum : kind == SIMILARITY_EUCLIDEAN ? -sqrt(sum) : -sum);
}
