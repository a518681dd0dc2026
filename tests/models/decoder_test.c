/* Options of decoders that are refused by name, and what is told of one that is open. */
#include "unit.h"

#include "base/json.h"
#include "changed.h"
#include "kernels/kernels.h"
#include "models/model.h"

#define LLAMA  TEST_ROOT "/goldens/architectures/llama"
#define PHI    TEST_ROOT "/goldens/architectures/phi3"
#define QWEN   TEST_ROOT "/goldens/architectures/qwen2"
#define GEMMA  TEST_ROOT "/goldens/architectures/gemma"
#define NEW    TEST_ROOT "/goldens/architectures/new-ntk"
#define GEMMA3 TEST_ROOT "/goldens/architectures/gemma3-text"

#define OPT  TEST_ROOT "/goldens/architectures/opt"
#define BART TEST_ROOT "/goldens/heads/bart-labels"
#define T5   TEST_ROOT "/goldens/heads/t5-labels"

#define ROPE(text) "{\"rope_parameters\":{\"rope_theta\":10000,\"rope_type\":" text "}}"

static const struct {
    const char *golden, *patch; /* of config.json */
    enum error_kind kind;
    const char *message;
} refused[] = {
    {LLAMA, ROPE("\"mrope\""), ERR_INVALID, "rope_type 'mrope' is not supported, only 'default',"},
    {LLAMA, ROPE("\"linear\""), ERR_BAD_MODEL, "rope_type 'linear' has no 'factor'"},
    {LLAMA, ROPE("\"linear\",\"factor\":0"), ERR_INVALID, "'rope_parameters.factor' is 0"},
    {LLAMA, ROPE("\"dynamic\",\"factor\":0.5"), ERR_INVALID, "'dynamic' with 6 values"},
    {LLAMA, ROPE("\"llama3\",\"factor\":8"), ERR_BAD_MODEL, "0 < low < high"},
    {LLAMA, ROPE("\"longrope\",\"short_factor\":[1,2]"), ERR_BAD_MODEL,
     "'short_factor' has 2 numbers, expected one for each of 3 pairs"},
    {LLAMA, ROPE("\"longrope\",\"short_factor\":[1,2,0]"), ERR_BAD_MODEL, "'short_factor' has 0"},
    {LLAMA, ROPE("\"longrope\",\"short_factor\":[1,2,3]"), ERR_BAD_MODEL, "'long_factor' has 0 n"},
    {LLAMA, ROPE("\"longrope\",\"short_factor\":[1,\"2\"]"), ERR_INVALID,
     "'rope_parameters.short_factor[1]' must be a number"},
    {LLAMA, ROPE("\"default\",\"partial_rotary_factor\":0.5"), ERR_INVALID,
     "'partial_rotary_factor' is 0.5"},
    {LLAMA, "{\"rope_scaling\":{\"rope_type\":\"made up\"}}", ERR_INVALID, "rope_type 'made up'"},
    {LLAMA, "{\"num_key_value_heads\":3}", ERR_BAD_MODEL, "4 heads cannot share 3 keys"},
    {LLAMA, "{\"head_dim\":5}", ERR_BAD_MODEL, "5 of 5 values of a head cannot be turned"},
    {LLAMA, "{\"head_dim\":513}", ERR_INVALID, "'head_dim' is 513"},
    {LLAMA, "{\"attention_bias\":true}", ERR_BAD_MODEL, "missing 'layers.0.self_attn.q_proj.bias'"},
    {LLAMA, "{\"quantization_config\":{}}", ERR_INVALID, "quantization_config"},
    {LLAMA, ROPE("\"ntk\",\"factor\":2"), ERR_INVALID, "rope_type 'ntk' is not supported"},
    {NEW, "{\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}", ERR_INVALID,
     "rope_type 'linear' is not supported, only 'default' and 'ntk' are"},
    {NEW, "{\"rope_scaling\":{\"type\":\"su\",\"factor\":2}}", ERR_INVALID, "rope_type 'su'"},
    {NEW, "{\"rope_scaling\":{\"type\":\"ntk\",\"factor\":1}}", ERR_INVALID, "a factor of 1"},
    {NEW, "{\"logn_attention_scale\":true,\"position_embedding_type\":\"absolute\"}", ERR_INVALID,
     "'logn_attention_scale' is supported with"},
    {NEW, "{\"position_embedding_type\":\"alibi\"}", ERR_INVALID, "'position_embedding_type'"},
    {NEW, "{\"layer_norm_type\":\"batch\"}", ERR_INVALID, "'layer_norm_type'"},
    {PHI, ROPE("\"default\",\"partial_rotary_factor\":0.1"), ERR_BAD_MODEL, "0 of 6 values"},
    {QWEN, "{\"layer_types\":[\"full_attention\",\"sliding_attention\"]}", ERR_BAD_MODEL,
     "no 'sliding_window' in use"},
    {QWEN, "{\"layer_types\":[\"full_attention\"]}", ERR_BAD_MODEL, "1 layer_types for 2 layers"},
    {QWEN, "{\"layer_types\":[\"full_attention\",\"chunked_attention\"]}", ERR_INVALID,
     "layer_types 'chunked_attention'"},
    {GEMMA, "{\"use_bidirectional_attention\":true}", ERR_INVALID, "'use_bidirectional_attention'"},
    {OPT, "{\"word_embed_proj_dim\":12}", ERR_BAD_MODEL,
     "missing 'decoder.project_in.weight' [24, 12]"},
    {OPT, "{\"layer_norm_elementwise_affine\":false}", ERR_INVALID, "elementwise_affine' is false"},
    {BART, "{\"decoder_start_token_id\":1000}", ERR_BAD_MODEL, "is 1000 in a vocabulary of"},
    {BART, "{\"encoder_attention_heads\":3}", ERR_BAD_MODEL, "cannot be cut into 3 heads"},
    {BART, "{\"decoder_layers\":3}", ERR_BAD_MODEL, "missing 'model.decoder.layers.2.self_attn."},
    {BART, "{\"is_decoder\":true}", ERR_INVALID, "'is_decoder' is true"},
    {T5, "{\"feed_forward_proj\":\"gated-made_up\"}", ERR_INVALID,
     "feed_forward_proj 'gated-made_up' is not supported"},
    {T5, "{\"decoder_start_token_id\":null}", ERR_BAD_MODEL, "'decoder_start_token_id' is not"},
    {T5, "{\"relative_attention_max_distance\":3}", ERR_INVALID, "8 buckets of distances up to 3"},
    {T5, "{\"d_kv\":5}", ERR_BAD_MODEL, "misshapen 'transformer."},
    {GEMMA3, "{\"sliding_window\":null}", ERR_BAD_MODEL,
     "layer 0 sees near tokens, but there is no"},
    {GEMMA3, "{\"query_pre_attn_scalar\":0}", ERR_INVALID, "'query_pre_attn_scalar' is 0"},
};

static void refuses_by_name(void **state)
{
    (void)state;
    team *t = team_new(1, NULL);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        error e = {0};
        char *folder = changed(refused[i].golden, "config.json", refused[i].patch);
        if (model_open(folder, t, &e))
            fail_msg("%s was opened", refused[i].patch);
        if (e.kind != refused[i].kind || !strstr(e.message, refused[i].message))
            fail_msg("%s gives %d: %s", refused[i].patch, e.kind, e.message);
        file_remove_tree(folder, NULL);
        free(folder);
    }
    team_free(t);
}

/* Scores that are read at a token which the text does not have. */
static void needs_the_end_of_a_text(void **state)
{
    (void)state;
    error e = {0};
    team *t = team_new(1, NULL);
    arena *a = arena_new(1 << 20);
    model *m = model_open(BART, t, &e);
    assert_non_null(m);
    float out[2 * 3];
    token_batch b = {.ids = (int[]){5, 2, 7, 8}, .start = (int[]){0, 2, 4}, .n_seq = 2};
    assert_false(model_logits(m, &b, NULL, 0, out, a, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_string_equal(e.message, "sequence 1: it does not have the token 2, at which this model "
                                   "reads its scores");
    b.n_seq = 1;
    assert_true(model_logits(m, &b, NULL, 0, out, a, &e));
    arena_free(a);
    model_close(m);
    team_free(t);
}

/* A stretched model reads as far as it is stretched. */
static void tells_how_far_it_reads(void **state)
{
    (void)state;
    error e = {0};
    team *t = team_new(1, NULL);
    model *m = model_open(TEST_ROOT "/goldens/architectures/llama-dynamic", t, &e);
    assert_non_null(m);
    assert_int_equal(model_describe(m)->max_position, 80);
    model_close(m);
    team_free(t);
}

static int setup(void **state)
{
    (void)state;
    return kernels_init(NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(needs_the_end_of_a_text),
        cmocka_unit_test(tells_how_far_it_reads),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
