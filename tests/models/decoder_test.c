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
#define GEMMA3 TEST_ROOT "/goldens/architectures/gemma3-text"

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
    {PHI, ROPE("\"default\",\"partial_rotary_factor\":0.1"), ERR_BAD_MODEL, "0 of 6 values"},
    {QWEN, "{\"layer_types\":[\"full_attention\",\"sliding_attention\"]}", ERR_BAD_MODEL,
     "no 'sliding_window' in use"},
    {QWEN, "{\"layer_types\":[\"full_attention\"]}", ERR_BAD_MODEL, "1 layer_types for 2 layers"},
    {QWEN, "{\"layer_types\":[\"full_attention\",\"chunked_attention\"]}", ERR_INVALID,
     "layer_types 'chunked_attention'"},
    {GEMMA, "{\"use_bidirectional_attention\":true}", ERR_INVALID, "'use_bidirectional_attention'"},
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

static int setup(void **state)
{
    (void)state;
    return kernels_init(NULL) ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_by_name),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
