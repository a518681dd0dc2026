/* Rotary positions as config.json states them: rope_parameters, or rope_scaling and rope_theta of
 * older files. */
#pragma once

#include "base/fields.h"
#include "nn/rotary.h"

typedef struct rope_config {
    str type, old_type; /* "rope_type", "type" in older files */
    double theta;       /* 0: not given, as all numbers below */
    double factor, partial, attention_factor, beta_fast, beta_slow, mscale, mscale_all;
    double low_frequency, high_frequency;
    int original, truncate;
    numbers short_factors, long_factors;
    double mixed_b; /* below 0: not given */
} rope_config;

extern const field rope_config_rows[];

/* Whether an object was there at all. */
bool rope_config_given(const rope_config *c);

/* What a rope needs beside its own object. */
typedef struct rope_place {
    double theta;   /* where the object has none */
    double partial; /* turned share of a head, where the object does not say; 0: all */
    bool may_split; /* parts of a head may stay unturned */
    bool only_ntk;  /* "ntk" is the one kind beside "default"; else it is none */
    int head_dim, positions;
    int original; /* counts more than that of the object; 0: not given */
} rope_place;

/* Checks and fills *out, whose arrays point into c. ERR_INVALID for a kind that is not supported,
 * ERR_BAD_MODEL for what contradicts itself. */
bool rope_config_read(const rope_config *c, const rope_place *p, rope *out, error *e);
