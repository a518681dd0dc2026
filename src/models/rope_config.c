#include "models/rope_config.h"

const field rope_config_rows[] = {
    FIELD_STRING(rope_config, type, "rope_type", NULL, 0, "kind of rotation"),
    FIELD_STRING(rope_config, old_type, "type", NULL, 0, "kind of rotation"),
    FIELD_NUMBER(rope_config, theta, "rope_theta", 0, 0, 1e12, "base of the angles"),
    FIELD_NUMBER(rope_config, factor, "factor", 0, 1e-3, 1e6, "how far it is stretched"),
    FIELD_NUMBER(rope_config, partial, "partial_rotary_factor", 0, 0, 1, "turned share of a head"),
    FIELD_INT(rope_config, original, "original_max_position_embeddings", 0, 1, 1 << 24,
              "positions before it was stretched"),
    FIELD_NUMBER(rope_config, attention_factor, "attention_factor", 0, 0, 1e6, "scale of scores"),
    FIELD_NUMBER(rope_config, beta_fast, "beta_fast", 0, 0, 1e6, "bound of fast pairs"),
    FIELD_NUMBER(rope_config, beta_slow, "beta_slow", 0, 0, 1e6, "bound of slow pairs"),
    FIELD_NUMBER(rope_config, mscale, "mscale", 0, 0, 1e6, "scale of scores"),
    FIELD_NUMBER(rope_config, mscale_all, "mscale_all_dim", 0, 0, 1e6, "scale of scores"),
    FIELD_BOOL(rope_config, truncate, "truncate", 1, "bounds are whole pairs"),
    FIELD_NUMBER(rope_config, low_frequency, "low_freq_factor", 0, 0, 1e6, "bound of slow pairs"),
    FIELD_NUMBER(rope_config, high_frequency, "high_freq_factor", 0, 0, 1e6, "bound of fast pairs"),
    FIELD_NUMBERS(rope_config, short_factors, "short_factor", ROTARY_DIM / 2, "for each pair"),
    FIELD_NUMBERS(rope_config, long_factors, "long_factor", ROTARY_DIM / 2, "for each pair"),
    FIELD_NUMBER_OR_NONE(rope_config, mixed_b, "mixed_b", -1, 0, 100, "exponent of pairs"),
    FIELD_END,
};

bool rope_config_given(const rope_config *c)
{
    return c->type.p || c->old_type.p || c->factor > 0 || c->theta > 0;
}

static bool find_kind(const rope_config *c, bool only_ntk, enum rope_kind *kind, error *e)
{
    str type = c->type.p ? c->type : c->old_type;
    *kind = ROPE_DEFAULT;
    if (!type.p)
        return true;
    for (int i = 0; i < N_ROPE_KINDS; i++)
        if (str_is(type, rope_names[i]) && (i == ROPE_DEFAULT || (i == ROPE_NTK) == only_ntk)) {
            *kind = (enum rope_kind)i;
            return true;
        }
    if (str_is(type, "su") && !only_ntk) { /* as the first files called it */
        *kind = ROPE_LONGROPE;
        return true;
    }
    return fail(e, ERR_INVALID, "rope_type '%.*s' is not supported, only 'default'%s are",
                (int)(type.n < 100 ? type.n : 100), type.p,
                only_ntk ? " and 'ntk'" : ", 'linear', 'dynamic', 'yarn', 'llama3' and 'longrope'");
}

static bool check_factors(const numbers *n, const char *name, const rope *r, error *e)
{
    if (n->n != r->dim / 2)
        return fail(e, ERR_BAD_MODEL, "'%s' has %d numbers, expected one for each of %d pairs",
                    name, n->n, r->dim / 2);
    for (int i = 0; i < n->n; i++)
        if (!(n->items[i] > 0))
            return fail(e, ERR_BAD_MODEL, "'%s' has %g, expected numbers above 0", name,
                        n->items[i]);
    return true;
}

static bool check(const rope_config *c, const rope *r, error *e)
{
    const char *name = rope_names[r->kind];
    bool needs_factor = r->kind == ROPE_LINEAR || r->kind == ROPE_DYNAMIC || r->kind == ROPE_LLAMA3;
    if (needs_factor && !(r->factor > 0))
        return fail(e, ERR_BAD_MODEL, "rope_type '%s' has no 'factor'", name);
    if (r->kind == ROPE_DYNAMIC && (r->dim < 4 || r->factor < 1))
        return fail(e, ERR_INVALID,
                    "rope_type 'dynamic' with %d values and factor %g, expected at least 4 and 1",
                    r->dim, r->factor);
    if (r->kind == ROPE_NTK && !(r->factor > 1))
        return fail(e, ERR_INVALID, "rope_type 'ntk' has a factor of %g, expected more than 1",
                    r->factor);
    if (r->kind == ROPE_YARN && !(r->base > 1))
        return fail(e, ERR_INVALID, "rope_type 'yarn' has a rope_theta of %g, expected more than 1",
                    r->base);
    if (r->kind == ROPE_LLAMA3 && !(r->low_frequency > 0 && r->high_frequency > r->low_frequency))
        return fail(e, ERR_BAD_MODEL,
                    "rope_type 'llama3' has a 'low_freq_factor' of %g and a 'high_freq_factor' of "
                    "%g, expected 0 < low < high",
                    r->low_frequency, r->high_frequency);
    return r->kind != ROPE_LONGROPE || (check_factors(&c->short_factors, "short_factor", r, e) &&
                                        check_factors(&c->long_factors, "long_factor", r, e));
}

bool rope_config_read(const rope_config *c, const rope_place *p, rope *out, error *e)
{
    double partial = c->partial > 0 ? c->partial : p->partial > 0 ? p->partial : 1;
    int dim = (int)(p->head_dim * partial);
    rope r = {.dim = dim,
              .base = c->theta > 0 ? c->theta : p->theta,
              .factor = c->factor,
              .positions = p->positions,
              .original = p->original   ? p->original
                          : c->original ? c->original
                                        : p->positions,
              .attention_factor = c->attention_factor,
              .beta_fast = c->beta_fast > 0 ? c->beta_fast : 32,
              .beta_slow = c->beta_slow > 0 ? c->beta_slow : 1,
              .mscale = c->mscale,
              .mscale_all = c->mscale_all,
              .truncate = c->truncate,
              .low_frequency = c->low_frequency,
              .high_frequency = c->high_frequency,
              .short_factors = c->short_factors.items,
              .long_factors = c->long_factors.items,
              .mixed_b = c->mixed_b};
    if (!find_kind(c, p->only_ntk, &r.kind, e))
        return false;
    if (partial < 1 && !p->may_split)
        return fail(e, ERR_INVALID, "'partial_rotary_factor' is %g, only 1 is supported", partial);
    if (dim < 2 || dim % 2)
        return fail(e, ERR_BAD_MODEL, "%d of %d values of a head cannot be turned in pairs", dim,
                    p->head_dim);
    if (dim > ROTARY_DIM)
        return fail(e, ERR_INVALID, "%d values of a head are turned, at most %d are supported", dim,
                    ROTARY_DIM);
    if (!check(c, &r, e))
        return false;
    *out = r;
    return true;
}
