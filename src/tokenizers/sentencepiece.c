/* Protocol buffers: a message is a row of fields, each a key (number * 8 + wire type) and a value:
 * a variable-length integer, 8 or 4 bytes, or a length and as many bytes. Unknown fields are
 * skipped, of repeated scalars the last counts.
 * https://protobuf.dev/programming-guides/encoding, and sentencepiece_model.proto. */
#include "tokenizers/sentencepiece.h"

#include "base/utf8.h"
#include "tokenizers/vocab.h"

#include <endian.h>
#include <math.h>

enum wire { WIRE_INTEGER, WIRE_8_BYTES, WIRE_BYTES, WIRE_4_BYTES = 5 };

/* Field numbers of ModelProto, SentencePiece, TrainerSpec, NormalizerSpec. */
enum { MODEL_PIECES = 1, MODEL_TRAINER = 2, MODEL_NORMALIZER = 3 };
enum { PIECE_TEXT = 1, PIECE_SCORE = 2, PIECE_TYPE = 3 };
enum { TRAINER_MODEL_TYPE = 3, TRAINER_UNK_ID = 40 };
enum { NORMALIZER_CHARSMAP = 2 };

struct value {
    uint64_t field;
    enum wire wire;
    uint64_t integer;
    float real;
    str bytes;
};

static bool read_integer(str *in, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < in->n && i < 10; i++) {
        uint64_t byte = (unsigned char)in->p[i];
        *out |= (byte & 0x7F) << (7 * i);
        if (byte < 0x80) {
            *in = str_skip(*in, i + 1);
            return true;
        }
    }
    return false;
}

static bool read_fixed(str *in, size_t n, struct value *v)
{
    if (in->n < n)
        return false;
    if (n == sizeof(uint32_t)) {
        uint32_t bits;
        memcpy(&bits, in->p, sizeof bits);
        bits = le32toh(bits);
        memcpy(&v->real, &bits, sizeof bits);
    }
    *in = str_skip(*in, n);
    return true;
}

/* The next field of a message; false when it is cut off or of an unknown kind. */
static bool next_field(str *in, struct value *v)
{
    uint64_t key, length;
    if (!read_integer(in, &key))
        return false;
    *v = (struct value){.field = key >> 3, .wire = (enum wire)(key & 7)};
    switch (v->wire) {
    case WIRE_INTEGER:
        return read_integer(in, &v->integer);
    case WIRE_8_BYTES:
        return read_fixed(in, sizeof(uint64_t), v);
    case WIRE_4_BYTES:
        return read_fixed(in, sizeof(uint32_t), v);
    case WIRE_BYTES:
        if (!read_integer(in, &length) || length > in->n)
            return false;
        v->bytes = (str){in->p, (size_t)length};
        *in = str_skip(*in, (size_t)length);
        return true;
    default:
        return false;
    }
}

/* What is read, and where. */
struct reading {
    const char *name, *begin;
    error *e;
};

static bool broken(const struct reading *r, str at, const char *what)
{
    return fail(r->e, ERR_BAD_MODEL, "'%s' is no sentencepiece model: byte %zu: %s", r->name,
                (size_t)(at.p - r->begin), what);
}

static bool is_field(const struct value *v, uint64_t field, enum wire wire)
{
    return v->field == field && v->wire == wire;
}

static bool read_piece(const struct reading *r, str in, struct piece *out)
{
    struct value v;
    *out = (struct piece){.text = STR(""), .type = PIECE_NORMAL};
    while (in.n) {
        if (!next_field(&in, &v))
            return broken(r, in, "a piece is cut off");
        if (is_field(&v, PIECE_TEXT, WIRE_BYTES))
            out->text = v.bytes;
        else if (is_field(&v, PIECE_SCORE, WIRE_4_BYTES))
            out->score = v.real;
        else if (is_field(&v, PIECE_TYPE, WIRE_INTEGER) && v.integer <= PIECE_BYTE)
            out->type = (enum piece_type)v.integer;
    }
    if (utf8_valid_prefix(out->text) != out->text.n)
        return broken(r, out->text, "a piece is not valid UTF-8");
    return isfinite(out->score) || broken(r, out->text, "a piece has no finite score");
}

static bool read_trainer(const struct reading *r, str in, sentencepiece *out)
{
    struct value v;
    while (in.n) {
        if (!next_field(&in, &v))
            return broken(r, in, "the trainer's settings are cut off");
        if (is_field(&v, TRAINER_MODEL_TYPE, WIRE_INTEGER))
            out->model_type = v.integer < 100 ? (int)v.integer : 0;
        else if (is_field(&v, TRAINER_UNK_ID, WIRE_INTEGER))
            out->unk_id = v.integer < VOCAB_MAX_TOKENS ? (int)v.integer : -1;
    }
    return true;
}

static bool read_normalizer(const struct reading *r, str in, sentencepiece *out)
{
    struct value v;
    while (in.n) {
        if (!next_field(&in, &v))
            return broken(r, in, "the normalizer's settings are cut off");
        if (is_field(&v, NORMALIZER_CHARSMAP, WIRE_BYTES))
            out->charsmap = v.bytes;
    }
    return true;
}

static bool read_model(const struct reading *r, str in, sentencepiece *out)
{
    struct value v;
    while (in.n) {
        if (!next_field(&in, &v))
            return broken(r, in, "a field is cut off or of an unknown kind");
        bool ok = is_field(&v, MODEL_PIECES, WIRE_BYTES)
                      ? read_piece(r, v.bytes, &out->pieces[out->n++])
                  : is_field(&v, MODEL_TRAINER, WIRE_BYTES)    ? read_trainer(r, v.bytes, out)
                  : is_field(&v, MODEL_NORMALIZER, WIRE_BYTES) ? read_normalizer(r, v.bytes, out)
                                                               : true;
        if (!ok)
            return false;
    }
    return true;
}

/* How many pieces there are, up to where the message breaks. */
static size_t count_pieces(str in)
{
    struct value v;
    size_t n = 0;
    while (in.n && next_field(&in, &v))
        n += is_field(&v, MODEL_PIECES, WIRE_BYTES);
    return n;
}

bool sentencepiece_parse(sentencepiece *model, str bytes, const char *name, arena *a, error *e)
{
    struct reading r = {name, bytes.p, e};
    size_t n = count_pieces(bytes);
    if (n == 0 || n > VOCAB_MAX_TOKENS)
        return fail(e, ERR_BAD_MODEL,
                    "'%s' is no sentencepiece model: it has %zu pieces, expected 1 to %d", name, n,
                    VOCAB_MAX_TOKENS);
    sentencepiece made = {.pieces = arena_raw(a, n, sizeof *made.pieces),
                          .model_type = SENTENCEPIECE_UNIGRAM};
    if (!made.pieces)
        return fail(e, ERR_BAD_MODEL, "'%s' has too many pieces: %zu", name, n);
    if (!read_model(&r, bytes, &made))
        return false;
    if (made.model_type != SENTENCEPIECE_UNIGRAM && made.model_type != SENTENCEPIECE_BPE)
        return fail(e, ERR_BAD_MODEL,
                    "'%s' is a sentencepiece model of type %d, expected 1 (unigram) or 2 (bpe)",
                    name, made.model_type);
    if (made.unk_id >= made.n)
        made.unk_id = -1;
    *model = made;
    return true;
}
