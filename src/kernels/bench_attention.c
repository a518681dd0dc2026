/* The benchmark of attention: lengths and head sizes of encoders, and the masks. Only the scores
 * that a mask leaves are counted. */
#include "kernels/attention.h"
#include "kernels/bench_job.h"

#include <stdio.h>

typedef struct attention_shape {
    int n_seq, length, heads, head_dim;
    int kv_heads; /* 0: heads */
    enum attention_mask mask;
    int window;
    bool biased, may_round;
} attention_shape;

static const attention_shape shapes[] = {
    {1, 12, 12, 32, 0, ATTENTION_FULL, 0, false, false},
    {32, 40, 12, 32, 0, ATTENTION_FULL, 0, false, false},
    {8, 256, 12, 32, 0, ATTENTION_FULL, 0, false, false},
    {8, 256, 12, 64, 0, ATTENTION_FULL, 0, false, false},
    {4, 512, 12, 64, 0, ATTENTION_FULL, 0, false, false},
    {4, 512, 8, 128, 0, ATTENTION_FULL, 0, false, false},
    {1, 2048, 12, 64, 0, ATTENTION_FULL, 0, false, false},
    {4, 512, 12, 64, 0, ATTENTION_CAUSAL, 0, false, false},
    {1, 2048, 12, 64, 0, ATTENTION_CAUSAL, 0, false, false},
    {1, 2048, 12, 64, 0, ATTENTION_WINDOW, 128, false, false},
    {1, 2048, 12, 64, 0, ATTENTION_CAUSAL_WINDOW, 512, false, false},
    {4, 512, 12, 64, 0, ATTENTION_FULL, 0, true, false},
    {1, 1024, 16, 128, 2, ATTENTION_CAUSAL, 0, false, false},
    {1, 16384, 1, 64, 0, ATTENTION_CAUSAL, 0, false, false},
};

static attention_args args_of(const bench *b, const attention_shape *s, const int *start)
{
    long width = (long)s->heads * s->head_dim;
    long kv_width = s->kv_heads ? (long)s->kv_heads * s->head_dim : width;
    long row = width + 2 * kv_width;
    return (attention_args){.q = b->in,
                            .k = b->in + width,
                            .v = b->in + width + kv_width,
                            .ldq = row,
                            .ldk = row,
                            .ldv = row,
                            .out = b->out,
                            .ldo = width,
                            .start = start,
                            .n_seq = s->n_seq,
                            .heads = s->heads,
                            .kv_heads = s->kv_heads,
                            .head_dim = s->head_dim,
                            .scale = 0.125f,
                            .may_round = s->may_round,
                            .mask = s->mask,
                            .window = s->window,
                            .bias = s->biased ? b->weights : NULL,
                            .bias_head_stride = (long)s->length * s->length,
                            .bias_row_stride = s->length};
}

static void run_attention(bench *b, const void *shape)
{
    const attention_shape *s = shape;
    int start[64 + 1];
    for (int i = 0; i <= s->n_seq; i++)
        start[i] = i * s->length;
    attention_args a = args_of(b, s, start);
    attention_f32(b->team, &a);
}

/* Keys that all queries of a sequence see. */
static double scores_of(const attention_shape *s)
{
    double scores = 0;
    for (int i = 0; i < s->length; i++) {
        bool causal = s->mask == ATTENTION_CAUSAL || s->mask == ATTENTION_CAUSAL_WINDOW;
        int begin = 0, end = causal ? i + 1 : s->length;
        if (s->mask == ATTENTION_WINDOW) {
            begin = i > s->window ? i - s->window : 0;
            end = i + s->window + 1 < s->length ? i + s->window + 1 : s->length;
        } else if (s->mask == ATTENTION_CAUSAL_WINDOW) {
            begin = i >= s->window ? i - s->window + 1 : 0;
        }
        scores += end - begin;
    }
    return scores;
}

static void name_shape(const attention_shape *s, char *name, size_t size)
{
    static const char *const masks[] = {[ATTENTION_FULL] = "",
                                        [ATTENTION_CAUSAL] = ", causal",
                                        [ATTENTION_WINDOW] = ", window of ",
                                        [ATTENTION_CAUSAL_WINDOW] = ", causal window of "};
    char window[16] = "", groups[32] = "";
    if (s->window)
        snprintf(window, sizeof window, "%d", s->window);
    if (s->kv_heads)
        snprintf(groups, sizeof groups, " to %d", s->kv_heads);
    snprintf(name, size, "%d x %d tokens, %d%s heads of %d%s%s%s", s->n_seq, s->length, s->heads,
             groups, s->head_dim, masks[s->mask], window, s->biased ? ", bias" : "");
}

static void measure_attention(bench *b, bool may_round)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        attention_shape s = shapes[i];
        s.may_round = may_round;
        double heads = (double)s.n_seq * s.heads, values = heads * s.length * s.head_dim;
        double bias = s.biased ? 4.0 * s.heads * s.length * s.length : 0;
        double keys = s.kv_heads ? values * s.kv_heads / s.heads : values;
        char name[96];
        name_shape(&s, name, sizeof name);
        bench_products(b, run_attention, &s, name, 4 * heads * scores_of(&s) * s.head_dim,
                       8 * (values + keys) + bias);
    }
}

void bench_attention(bench *b)
{
    measure_attention(b, false);
}

/* The portable variant is used beside its like only. */
void bench_attention_bf16(bench *b)
{
    const attention_f32_kernels *before = kernels.attention_f32;
    kernels.attention_f32 = &attention_f32_scalar;
    measure_attention(b, true);
    kernels.attention_f32 = before;
}
