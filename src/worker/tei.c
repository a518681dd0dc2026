/* The routes of text-embeddings-inference (docs/openapi.json of its release 1.9). */
#include "base/json.h"
#include "tasks/embeddings.h"
#include "tasks/pipeline.h"
#include "tasks/texts.h"
#include "worker/views.h"

enum { MAX_TEXTS = 10000 };

/* --- /embed and /embed_all --- */

static const field embed_inputs[] = {
    FIELD_TEXTS(embed_request, inputs, "inputs", MAX_TEXTS, FIELD_REQUIRED | FIELD_TOKEN_IDS,
                "the text, texts or token ids to turn into vectors"),
    FIELD_END};

static const field embed_parameters[] = {EMBED_FIELDS(1), FIELD_END};

static bool check_not_empty(const texts *list, error *e)
{
    return list->n > 0 ||
           fail(e, ERR_EMPTY, "'inputs' is an empty list, expected at least one text");
}

static bool prepare_embed(task_call *c, error *e)
{
    const embed_request *r = c->request;
    return check_not_empty(&r->inputs, e) && embeddings_prepare(c, "inputs", e);
}

static bool finish_embed(task_call *c, buf *reply, error *e)
{
    (void)e;
    const embed_request *r = c->request;
    int width = embeddings_shape(c);
    buf_byte(reply, '[');
    for (int i = 0; i < c->n_sequences; i++) {
        if (i)
            buf_byte(reply, ',');
        embeddings_put(reply, c->sequences[i].out, width, r->format);
    }
    buf_byte(reply, ']');
    return true;
}

const task tei_embed = {
    .name = "/embed",
    .title = "Embed",
    .summary = "One vector for each text.",
    .inputs = embed_inputs,
    .parameters = embed_parameters,
    .request_size = sizeof(embed_request),
    .example = "{\"inputs\": \"text\"}",
    .prepare = prepare_embed,
    .finish = finish_embed,
};

static bool prepare_embed_all(task_call *c, error *e)
{
    c->computes = CALL_HIDDEN;
    return prepare_embed(c, e);
}

static bool finish_embed_all(task_call *c, buf *reply, error *e)
{
    (void)e;
    buf_byte(reply, '[');
    for (int i = 0; i < c->n_sequences; i++) {
        if (i)
            buf_byte(reply, ',');
        embeddings_put_tokens(reply, c, i);
    }
    buf_byte(reply, ']');
    return true;
}

const task tei_embed_all = {
    .name = "/embed_all",
    .title = "Embed all tokens",
    .summary = "One vector for each token, without pooling.",
    .inputs = embed_inputs,
    .parameters = embed_parameters,
    .request_size = sizeof(embed_request),
    .example = "{\"inputs\": \"text\"}",
    .prepare = prepare_embed_all,
    .finish = finish_embed_all,
};

/* --- /tokenize --- */

struct tokenize_request {
    texts inputs;
    int add_special_tokens;
    str prompt_name;
    encoding *encodings; /* [inputs.n] */
    str *dressed;        /* [inputs.n] the texts with their prompt */
};

static const field tokenize_inputs[] = {FIELD_TEXTS(struct tokenize_request, inputs, "inputs",
                                                    MAX_TEXTS, FIELD_REQUIRED,
                                                    "the text or texts to cut into tokens"),
                                        FIELD_END};

static const field tokenize_parameters[] = {
    FIELD_BOOL(struct tokenize_request, add_special_tokens, "add_special_tokens", 1,
               "put the model's special tokens around each text"),
    FIELD_STRING(struct tokenize_request, prompt_name, "prompt_name", NULL, 0,
                 "which of the model's prompts is put in front of the texts"),
    FIELD_END};

static bool prepare_tokenize(task_call *c, error *e)
{
    struct tokenize_request *r = c->request;
    if (!check_not_empty(&r->inputs, e))
        return false;
    r->encodings = arena_try(c->memory, (size_t)r->inputs.n, sizeof *r->encodings);
    r->dressed = arena_try(c->memory, (size_t)r->inputs.n, sizeof *r->dressed);
    if (!r->encodings || !r->dressed)
        return fail(e, ERR_TOO_LARGE, "'inputs' is larger than the memory allowed for one request");
    encode_options o = {.add_special = r->add_special_tokens};
    str prompt = {0};
    if (r->prompt_name.p && !texts_prompt(c->pipeline, r->prompt_name, &prompt, e))
        return false;
    for (int i = 0; i < r->inputs.n; i++) {
        if (!texts_join(c, prompt, r->inputs.items[i].text, &r->dressed[i], e) ||
            !tokenizer_encode(c->pipeline->tokenizer, r->dressed[i], NULL, &o, &r->encodings[i],
                              c->memory, e))
            return fail_in(e, "'inputs[%d]'", i);
        c->usage.tokens += r->encodings[i].n;
        c->usage.tokens_given += r->encodings[i].n_total;
    }
    return true;
}

static void put_token(const task_call *c, const struct tokenize_request *r, int i, int at,
                      buf *reply)
{
    const encoding *enc = &r->encodings[i];
    str text = tokenizer_id_token(c->pipeline->tokenizer, enc->ids[at]);
    if (!enc->special[at]) {
        int from = enc->byte_offsets[at][0], to = enc->byte_offsets[at][1];
        text = (str){r->dressed[i].p + from, (size_t)(to - from)};
    }
    buf_printf(reply, "{\"id\":%d,\"text\":", enc->ids[at]);
    json_put_string(reply, text);
    if (enc->special[at])
        buf_puts(reply, ",\"special\":true,\"start\":null,\"stop\":null}");
    else
        buf_printf(reply, ",\"special\":false,\"start\":%d,\"stop\":%d}", enc->offsets[at][0],
                   enc->offsets[at][1]);
}

static bool finish_tokenize(task_call *c, buf *reply, error *e)
{
    (void)e;
    const struct tokenize_request *r = c->request;
    buf_byte(reply, '[');
    for (int i = 0; i < r->inputs.n; i++) {
        buf_puts(reply, i ? ",[" : "[");
        for (int at = 0; at < r->encodings[i].n; at++) {
            if (at)
                buf_byte(reply, ',');
            put_token(c, r, i, at, reply);
        }
        buf_byte(reply, ']');
    }
    buf_byte(reply, ']');
    return true;
}

const task tei_tokenize = {
    .name = "/tokenize",
    .title = "Tokenize",
    .summary = "Texts as the model's tokens.",
    .inputs = tokenize_inputs,
    .parameters = tokenize_parameters,
    .request_size = sizeof(struct tokenize_request),
    .example = "{\"inputs\": \"text\"}",
    .prepare = prepare_tokenize,
    .finish = finish_tokenize,
};

/* --- /decode --- */

struct decode_request {
    texts ids;
    int skip_special_tokens;
};

static const field decode_inputs[] = {
    FIELD_TEXTS(struct decode_request, ids, "ids", MAX_TEXTS, FIELD_REQUIRED | FIELD_TOKEN_IDS,
                "the token ids, or lists of them, to turn into text"),
    FIELD_END};

static const field decode_parameters[] = {FIELD_BOOL(struct decode_request, skip_special_tokens,
                                                     "skip_special_tokens", 1,
                                                     "leave special tokens out"),
                                          FIELD_END};

static bool prepare_decode(task_call *c, error *e)
{
    const struct decode_request *r = c->request;
    for (int i = 0; i < r->ids.n; i++) {
        if (!r->ids.items[i].ids)
            return fail(e, ERR_BAD_REQUEST,
                        "'ids' must be token ids or lists of them, found a string");
        c->usage.tokens += r->ids.items[i].n_ids;
        c->usage.tokens_given += r->ids.items[i].n_ids;
    }
    return true;
}

static bool finish_decode(task_call *c, buf *reply, error *e)
{
    const struct decode_request *r = c->request;
    buf_byte(reply, '[');
    for (int i = 0; i < r->ids.n; i++) {
        str text;
        if (!tokenizer_decode(c->pipeline->tokenizer, r->ids.items[i].ids, r->ids.items[i].n_ids,
                              r->skip_special_tokens, &text, c->memory, e))
            return false;
        if (i)
            buf_byte(reply, ',');
        json_put_string(reply, text);
    }
    buf_byte(reply, ']');
    return true;
}

const task tei_decode = {
    .name = "/decode",
    .title = "Decode",
    .summary = "Token ids as text.",
    .inputs = decode_inputs,
    .parameters = decode_parameters,
    .request_size = sizeof(struct decode_request),
    .example = "{\"ids\": [101, 102]}",
    .prepare = prepare_decode,
    .finish = finish_decode,
};
