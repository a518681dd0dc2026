#include "nn/relative_bias.h"

#include <math.h>
#include <stdlib.h>

/* Buckets of one side, and those of them that have one distance each. */
static int side_of(const relative_bias *m)
{
    return m->causal ? m->buckets : m->buckets / 2;
}

bool relative_bias_good(const relative_bias *m)
{
    int exact = side_of(m) / 2;
    return exact > 0 && m->farthest > exact;
}

static int bucket(const relative_bias *m, int distance)
{
    int side = side_of(m), exact = side / 2, first = 0;
    int n = m->causal ? (distance < 0 ? -distance : 0) : abs(distance);
    if (!m->causal && distance > 0)
        first = side;
    if (n < exact)
        return first + n;
    float place = logf((float)n / (float)exact) / (float)log((double)m->farthest / exact) *
                  (float)(side - exact);
    int large = exact + (int)fminf(place, (float)side);
    return first + (large < side ? large : side - 1);
}

void relative_bias_spread(const relative_bias *m, int longest, float *out)
{
    int n = 2 * longest - 1;
    for (int i = 0; i < n; i++) {
        const float *from = m->table + (long)bucket(m, i - (longest - 1)) * m->heads;
        for (int h = 0; h < m->heads; h++)
            out[(long)h * n + i] = from[h];
    }
}
