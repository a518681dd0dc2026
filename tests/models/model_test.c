/* Options of published folders that change the result are honoured or refused by name, and what is
 * known of a model is told. Each case is a golden folder with one file changed. */
#include "unit.h"

#include "changed.h"
#include "kernels/kernels.h"
#include "models/model.h"

#define TINY          TEST_ROOT "/goldens/tiny/"
#define ARCHITECTURES TEST_ROOT "/goldens/architectures/"

static team *threads;

static int setup(void **state)
{
    (void)state;
    threads = team_new(1, NULL);
    return threads && kernels_init(NULL) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    team_free(threads);
    return 0;
}

static const char BERT[] = TINY "bert-cls-mean-dense-normalize", ROBERTA[] = TINY "roberta-plain",
                  MPNET[] = TINY "mpnet-plain", DISTILBERT[] = TINY "distilbert-plain",
                  LONGFORMER[] = ARCHITECTURES "longformer", BIG_BIRD[] = ARCHITECTURES "big-bird",
                  CANINE[] = ARCHITECTURES "canine", FUNNEL[] = ARCHITECTURES "funnel",
                  FUNNEL_PLAIN[] = ARCHITECTURES "funnel-plain";

static const char SPLADE[] = TEST_ROOT "/goldens/sparse/bert-max",
                  ENCODED[] = TEST_ROOT "/goldens/sparse/encoded-active",
                  ROUTED[] = TEST_ROOT "/goldens/sparse/routed-normalized",
                  LATE[] = TEST_ROOT "/goldens/late/bert-fixed",
                  PYLATE[] = TEST_ROOT "/goldens/late/pylate",
                  DEBERTA[] = ARCHITECTURES "deberta-plain";

static const char XMOD[] = ARCHITECTURES "xmod",
                  NYSTROM[] = ARCHITECTURES "nystromformer-landmarks",
                  MARKUPLM[] = ARCHITECTURES "markuplm", LILT[] = ARCHITECTURES "lilt",
                  TAPAS[] = ARCHITECTURES "tapas", CONVBERT[] = ARCHITECTURES "convbert-groups";

static const struct {
    const char *golden, *file, *patch;
    enum error_kind kind;
    const char *message;
} refused[] = {
    {BERT, "config.json", "{\"model_type\":\"made-up\"}", ERR_INVALID,
     "model_type 'made-up' is not supported, only albert, bart, "},
    {BERT, "config.json", "{\"model_type\":\"made-up\",\"auto_map\":{\"AutoModel\":\"a.B\"}}",
     ERR_INVALID, "'config.json': model_type 'made-up' needs code of its own"},
    {BERT, "config.json", "{\"model_type\":7}", ERR_BAD_MODEL, "has no 'model_type'"},
    {BERT, "config.json", "[1]", ERR_BAD_MODEL, "has no 'model_type'"},
    {BERT, "config.json", "{", ERR_BAD_MODEL, "not valid JSON"},
    {BERT, "config.json", "{\"hidden_act\":\"xielu\"}", ERR_INVALID, "'hidden_act'"},
    {BERT, "config.json", "{\"position_embedding_type\":\"relative_key\"}", ERR_INVALID,
     "'position_embedding_type'"},
    {BERT, "config.json", "{\"is_decoder\":true}", ERR_INVALID, "'is_decoder' is true"},
    {BERT, "config.json", "{\"add_cross_attention\":true}", ERR_INVALID, "'add_cross_attention'"},
    {BERT, "config.json", "{\"quantization_config\":{}}", ERR_INVALID, "quantization_config"},
    {BERT, "config.json", "{\"num_attention_heads\":5}", ERR_BAD_MODEL, "cut into 5 heads"},
    {BERT, "config.json", "{\"num_attention_heads\":0}", ERR_INVALID, "'num_attention_heads' is 0"},
    {BERT, "config.json", "{\"hidden_size\":\"32\"}", ERR_INVALID, "'hidden_size' must be"},
    {BERT, "config.json", "{\"hidden_size\":1e12}", ERR_INVALID, "'hidden_size' is"},
    {BERT, "config.json", "{\"intermediate_size\":65}", ERR_BAD_MODEL,
     "misshapen 'encoder.layer.0.intermediate.dense.weight' is [64, 32], expected [65, 32]"},
    {BERT, "config.json", "{\"num_hidden_layers\":3}", ERR_BAD_MODEL,
     "missing 'encoder.layer.2.attention.self.query.weight' [32, 32]"},
    {BERT, "config.json", "{\"num_hidden_layers\":1}", ERR_BAD_MODEL,
     "unclaimed 'encoder.layer.1."},
    {BERT, "config.json", "{\"type_vocab_size\":0}", ERR_BAD_MODEL,
     "unclaimed 'embeddings.token_type_embeddings.weight'"},
    {ROBERTA, "config.json", "{\"pad_token_id\":65}", ERR_BAD_MODEL, "none behind padding id 65"},
    {MPNET, "config.json", "{\"relative_attention_num_buckets\":64}", ERR_INVALID,
     "'relative_attention_num_buckets' is 64"},
    {DISTILBERT, "config.json", "{\"activation\":\"xielu\"}", ERR_INVALID, "'activation'"},
    {XMOD, "config.json", "{\"languages\":[]}", ERR_BAD_MODEL, "'languages' is empty"},
    {XMOD, "config.json", "{\"languages\":[\"de_DE\", \"it_IT\"]}", ERR_BAD_MODEL,
     "missing 'encoder.layer.0.output.adapter_modules.it_IT.dense1.weight'"},
    {XMOD, "config.json", "{\"default_language\":\"en\"}", ERR_INVALID,
     "'default_language' is 'en', expected one of 'languages'"},
    {XMOD, "config.json", "{\"adapter_reduction_factor\":25}", ERR_BAD_MODEL,
     "'adapter_reduction_factor' is 25"},
    {CONVBERT, "config.json", "{\"conv_kernel_size\":4}", ERR_INVALID, "'conv_kernel_size' is 4"},
    {CONVBERT, "config.json", "{\"num_groups\":7}", ERR_BAD_MODEL, "7 groups do not divide"},
    {CONVBERT, "config.json", "{\"head_ratio\":0}", ERR_INVALID, "'head_ratio' is 0"},
    {LILT, "config.json", "{\"channel_shrink_ratio\":3}", ERR_BAD_MODEL,
     "'channel_shrink_ratio' is 3 for heads of 8 values"},
    {LILT, "config.json", "{\"max_2d_position_embeddings\":12}", ERR_BAD_MODEL,
     "'layout_embeddings.x_position_embeddings.weight' is [11, 4], expected [12, 4]"},
    {TAPAS, "config.json", "{\"type_vocab_sizes\":[3,6,7]}", ERR_INVALID,
     "'type_vocab_sizes' has 3 sizes, only 7 are supported"},
    {TAPAS, "config.json", "{\"type_vocab_sizes\":[3,6,7,2,9,8,4]}", ERR_BAD_MODEL,
     "'embeddings.token_type_embeddings_6.weight' is [5, 24], expected [4, 24]"},
    {TAPAS, "config.json", "{\"type_vocab_sizes\":[3,6,7,2,9,8,0]}", ERR_INVALID,
     "'type_vocab_sizes[6]' is 0"},
    {LONGFORMER, "config.json", "{\"attention_window\":5}", ERR_BAD_MODEL,
     "'attention_window' is 5, expected an even number"},
    {LONGFORMER, "config.json", "{\"attention_window\":[4]}", ERR_BAD_MODEL,
     "'attention_window' has 1 items for 2 layers"},
    {LONGFORMER, "config.json", "{\"attention_window\":[4,0]}", ERR_INVALID,
     "'attention_window[1]' is 0"},
    {BIG_BIRD, "config.json", "{\"attention_type\":\"sliding\"}", ERR_INVALID,
     "'attention_type' is 'sliding', expected one of 'original_full', 'block_sparse'"},
    {BIG_BIRD, "config.json", "{\"block_size\":0}", ERR_INVALID, "'block_size' is 0"},
    {MARKUPLM, "config.json", "{\"tag_pad_id\":11}", ERR_BAD_MODEL,
     "tag_pad_id 11 and subs_pad_id 12"},
    {MARKUPLM, "config.json", "{\"max_depth\":4}", ERR_BAD_MODEL,
     "missing 'embeddings.xpath_embeddings.xpath_tag_sub_embeddings.3.weight' [11, 5]"},
    {NYSTROM, "config.json", "{\"inv_coeff_init_option\":true}", ERR_INVALID,
     "'inv_coeff_init_option' is true"},
    {NYSTROM, "config.json", "{\"conv_kernel_size\":4}", ERR_INVALID, "'conv_kernel_size' is 4"},
    {NYSTROM, "config.json", "{\"num_landmarks\":20}", ERR_BAD_MODEL,
     "20 landmarks for a segment_means_seq_len of 19"},
    {NYSTROM, "config.json", "{\"segment_means_seq_len\":44}", ERR_BAD_MODEL,
     "a segment_means_seq_len of 44 for 40 positions"},
    {NYSTROM, "config.json", "{\"pad_token_id\":61}", ERR_BAD_MODEL, "the padding id 61"},
    {NYSTROM, "config.json", "{\"conv_kernel_size\":5}", ERR_BAD_MODEL,
     "attention.self.conv.weight' is [3, 1, 3, 1], expected [3, 1, 5, 1]"},
    {CANINE, "config.json", "{\"num_hash_functions\":5}", ERR_BAD_MODEL,
     "a hidden size of 24 cannot be cut into 5 hash functions"},
    {CANINE, "config.json", "{\"num_hash_functions\":17}", ERR_INVALID,
     "'num_hash_functions' is 17"},
    {CANINE, "config.json", "{\"downsampling_rate\":3}", ERR_BAD_MODEL,
     "'chars_to_molecules.conv.weight' is [24, 24, 4], expected [24, 24, 3]"},
    {FUNNEL, "config.json", "{\"block_sizes\":[]}", ERR_BAD_MODEL, "'block_sizes' is empty"},
    {FUNNEL, "config.json", "{\"block_repeats\":[1]}", ERR_BAD_MODEL,
     "'block_repeats' has 1 items for 3 blocks"},
    {FUNNEL, "config.json", "{\"pooling_type\":\"min\"}", ERR_INVALID, "'pooling_type' is 'min'"},
    {FUNNEL, "config.json", "{\"attention_type\":\"full\"}", ERR_INVALID,
     "'attention_type' is 'full', expected one of 'relative_shift', 'factorized'"},
    {FUNNEL, "config.json", "{\"num_decoder_layers\":2}", ERR_BAD_MODEL,
     "missing 'decoder.layers.1.attention.r_w_bias'"},
    {FUNNEL_PLAIN, "config.json", "{\"num_decoder_layers\":1}", ERR_INVALID,
     "the model has no decoder (FunnelBaseModel)"},
    {BERT, "model.safetensors", "nothing", ERR_BAD_MODEL, "model.safetensors': 7 bytes"},
    {BERT, "modules.json", "{}", ERR_BAD_MODEL, "no list of modules"},
    {BERT, "modules.json", "[]", ERR_BAD_MODEL, "no list of modules"},
    {BERT, "modules.json", "[{\"path\":\"\"}]", ERR_INVALID, "'type'"},
    {BERT, "modules.json", "[{\"type\":\"evil.Transformer\",\"path\":\"\"}]", ERR_INVALID,
     "module 0 of type 'evil.Transformer' is not supported"},
    {BERT, "modules.json",
     "[{\"type\":\"sentence_transformers.models.Transformer\",\"path\":\"../x\"}]", ERR_BAD_MODEL,
     "not a path inside the model folder"},
    {BERT, "modules.json",
     "[{\"type\":\"sentence_transformers.models.Transformer\",\"path\":\"\"},"
     "{\"type\":\"sentence_transformers.models.WordWeights\",\"path\":\"1\"}]",
     ERR_INVALID, "module 1 of type 'sentence_transformers.models.WordWeights'"},
    {BERT, "sentence_bert_config.json", "{\"transformer_task\":\"fill-mask\"}", ERR_INVALID,
     "module 1 of type 'sentence_transformers.models.Pooling'"},
    {BERT, "sentence_bert_config.json", "{\"transformer_task\":\"text-generation\"}", ERR_INVALID,
     "task 'text-generation'"},
    {BERT, "modules.json",
     "[{\"type\":\"sentence_transformers.models.MLMTransformer\",\"path\":\"\"}]", ERR_INVALID,
     "a SpladePooling is expected"},
    {BERT, "modules.json",
     "[{\"type\":\"sentence_transformers.models.MLMTransformer\",\"path\":\"\"},"
     "{\"type\":\"sentence_transformers.models.SpladePooling\",\"path\":\"1\"}]",
     ERR_BAD_MODEL, "'bert' has no weights that make them"},
    {SPLADE, "1_SpladePooling/config.json", "{\"pooling_strategy\":\"mean\"}", ERR_INVALID,
     "'pooling_strategy' is 'mean', expected one of 'max', 'sum'"},
    {SPLADE, "1_SpladePooling/config.json", "{\"activation_function\":\"gelu\"}", ERR_INVALID,
     "'activation_function' is 'gelu'"},
    {SPLADE, "config_sentence_transformers.json", "{\"max_active_dims\":0}", ERR_INVALID,
     "'max_active_dims' is 0"},
    {SPLADE, "sentence_bert_config.json", "{\"transformer_task\":\"feature-extraction\"}",
     ERR_INVALID, "SpladePooling' is not supported"},
    {ROUTED, "router_config.json", "{\"structure\":{\"query\":[\"\"]}}", ERR_INVALID,
     "no route for the task 'document'"},
    {ROUTED, "router_config.json", "{\"types\":{}}", ERR_BAD_MODEL,
     "module 0 of the task 'query' has no type"},
    {ROUTED, "router_config.json",
     "{\"structure\":{\"query\":[\"document_1_SpladePooling\"],\"document\":[\"\","
     "\"document_1_SpladePooling\"]}}",
     ERR_INVALID, "only the modules of documents or one SparseStaticEmbedding are supported"},
    {ROUTED, "router_config.json",
     "{\"types\":{\"\":\"sentence_transformers.models.MLMTransformer\","
     "\"document_1_SpladePooling\":\"sentence_transformers.models.SpladePooling\","
     "\"norm\":\"sentence_transformers.models.Normalize\","
     "\"query_0_SparseStaticEmbedding\":\"sentence_transformers.models.SparseStaticEmbedding\"},"
     "\"structure\":{\"query\":[\"query_0_SparseStaticEmbedding\"],\"document\":[\"\","
     "\"document_1_SpladePooling\",\"norm\"]}}",
     ERR_INVALID, "through a Transformer with task 'fill-mask' and SpladePooling alone"},
    {ROUTED, "query_0_SparseStaticEmbedding/config.json", "{\"path\":\"some/idf.json\"}",
     ERR_INVALID, "'path' is not supported"},
    {LATE, "sentence_bert_config.json", "{\"query_expansion\":{\"strategy\":\"most\"}}",
     ERR_INVALID, "'query_expansion.strategy' is 'most', expected one of 'fixed', 'min'"},
    {LATE, "sentence_bert_config.json", "{\"query_expansion\":{\"strategy\":\"min\"}}",
     ERR_BAD_MODEL, "'query_expansion.length' is required"},
    {LATE, "sentence_bert_config.json", "{\"query_length\":5}", ERR_BAD_MODEL,
     "'query_length' is 5, but 'query_expansion' fills queries up to 20"},
    {LATE, "sentence_bert_config.json",
     "{\"query_expansion\":{\"strategy\":\"min\",\"length\":65}}", ERR_BAD_MODEL,
     "filled up to 65 tokens, but the model takes 64"},
    {LATE, "sentence_bert_config.json", "{\"transformer_task\":\"fill-mask\"}", ERR_INVALID,
     "a multi-vector model has the task 'feature-extraction'"},
    {LATE, "tokenizer_config.json", "{\"padding_side\":\"left\"}", ERR_INVALID,
     "'padding_side' 'left' is not supported"},
    {LATE, "1_Dense/config.json", "{\"module_input_name\":\"sentence_embedding\"}", ERR_INVALID,
     "'1_Dense' does not read and write the token_embeddings"},
    {LATE, "2_MultiVectorMask/config.json", "{\"keep_only_token_ids\":[-1]}", ERR_INVALID,
     "'keep_only_token_ids[0]'"},
    {LATE, "modules.json",
     "[{\"type\":\"sentence_transformers.base.modules.transformer.Transformer\",\"path\":\"\"},"
     "{\"type\":\"sentence_transformers.multi_vector_encoder.modules.HierarchicalTokenPooling\","
     "\"path\":\"1\"}]",
     ERR_INVALID, "HierarchicalTokenPooling' is not supported; expected Transformer, then any of "},
    {PYLATE, "config_sentence_transformers.json", "{\"query_length\":0}", ERR_INVALID,
     "'query_length' is 0"},
    {PYLATE, "config_sentence_transformers.json", "{\"model_type\":\"SentenceTransformer\"}",
     ERR_INVALID, "module 1 of type 'pylate.models.Dense.Dense' is not supported"},
    {ENCODED, "4_SparseAutoEncoder/config.json", "{\"k\":51}", ERR_BAD_MODEL,
     "has 'k' 51 of 50 values"},
    {BERT, "sentence_bert_config.json", "{\"max_seq_length\":0}", ERR_INVALID, "'max_seq_length'"},
    {BERT, "1_Pooling/config.json", "{\"pooling_mode\":\"attention\"}", ERR_INVALID,
     "pooling mode 'attention'"},
    {BERT, "2_Dense/config.json", "{\"activation_function\":\"torch.nn.modules.activation.Mish\"}",
     ERR_INVALID, "activation_function 'torch.nn.modules.activation.Mish'"},
    {BERT, "2_Dense/config.json", "{\"in_features\":32}", ERR_BAD_MODEL,
     "takes vectors of 32, but gets 64"},
    {BERT, "2_Dense/config.json", "{\"module_input_name\":\"token_embeddings\"}", ERR_INVALID,
     "sentence_embedding"},
    {BERT, "2_Dense/config.json", "{\"in_features\":null}", ERR_BAD_MODEL, "how wide"},
    {BERT, "config_sentence_transformers.json", "{\"similarity_fn_name\":\"hamming\"}", ERR_INVALID,
     "'similarity_fn_name'"},
    {BERT, "config_sentence_transformers.json", "{\"default_prompt_name\":\"q\"}", ERR_BAD_MODEL,
     "'q' is not among the prompts"},
    {BERT, "config_sentence_transformers.json", "{\"prompts\":{\"q\":1}}", ERR_BAD_MODEL,
     "prompt 'q' is"},
};

static void refuses_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        error e = {0};
        char *folder = changed(refused[i].golden, refused[i].file, refused[i].patch);
        if (model_open(folder, threads, &e))
            fail_msg("%s with %s was opened", refused[i].file, refused[i].patch);
        if (e.kind != refused[i].kind || !strstr(e.message, refused[i].message))
            fail_msg("%s with %s gives %d: %s", refused[i].file, refused[i].patch, e.kind,
                     e.message);
        file_remove_tree(folder, NULL);
        free(folder);
    }
}

static void refuses_what_is_not_there(void **state)
{
    (void)state;
    error e = {0};
    assert_null(model_open(TINY "no-such-folder", threads, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    char *empty = made_folder();
    e = (error){0};
    assert_null(model_open(empty, threads, &e));
    assert_int_equal(e.kind, ERR_NOT_FOUND);
    assert_non_null(strstr(e.message, "config.json"));
    file_remove_tree(empty, NULL);
    free(empty);
}

static model *open_changed(const char *golden, const char *file, const char *patch)
{
    error e = {0};
    char *folder = changed(golden, file, patch);
    model *m = model_open(folder, threads, &e);
    if (!m)
        fail_msg("%s", e.message);
    file_remove_tree(folder, NULL); /* what is mapped stays */
    free(folder);
    return m;
}

/* Of an architecture whose attention has no room for tokens that others do not see. */
static void refuses_unseen_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *expansion;
        bool opens;
    } cases[] = {
        {"{\"strategy\":\"min\",\"length\":9}", false},
        {"{\"strategy\":\"min\",\"length\":9,\"attend\":true}", true},
        {"null", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        error e = {0};
        own_mem char *about = xprintf(
            "{\"model_type\":\"MultiVectorEncoder\",\"query_expansion\":%s}", cases[i].expansion);
        char *folder = changed(DEBERTA, "config_sentence_transformers.json", about);
        made_file(folder, "modules.json",
                  STR("[{\"type\":\"sentence_transformers.models.Transformer\",\"path\":\"\"}]"));
        model *m = model_open(folder, threads, &e);
        assert_true((m != NULL) == cases[i].opens);
        if (!m)
            assert_string_equal(e.message, "query_expansion with 'attend' false is not supported "
                                           "for model_type 'deberta'");
        model_close(m);
        file_remove_tree(folder, NULL);
        free(folder);
    }
}

static void describes(void **state)
{
    (void)state;
    model *m = open_changed(BERT, "config_sentence_transformers.json",
                            "{\"similarity_fn_name\":\"dot\",\"default_prompt_name\":\"b\","
                            "\"prompts\":{\"z\":\"zz: \",\"b\":null}}");
    const model_info *info = model_describe(m);
    assert_string_equal(info->model_type, "bert");
    assert_string_equal(info->pooling, "cls+mean");
    assert_string_equal(info->dtype, "F32");
    assert_string_equal(info->similarity_name, "dot");
    assert_int_equal(info->similarity, SIMILARITY_DOT);
    assert_int_equal(info->hidden, 32);
    assert_int_equal(info->width, 24);
    assert_int_equal(info->layers, 2);
    assert_int_equal(info->max_tokens, 64);
    assert_int_equal(info->max_position, 64);
    assert_int_equal(info->types, 2);
    assert_true(info->pooled && info->normalized && info->include_prompt && !info->lower_case);
    assert_int_equal(info->n_prompts, 2);
    assert_string_equal(info->prompts[0].name, "z");
    assert_true(str_is(info->prompts[0].text, "zz: "));
    assert_ptr_equal(info->by_default, &info->prompts[1]);
    assert_int_equal(info->by_default->text.n, 0);
    assert_int_equal(info->converted_bytes, 0);
    assert_true(info->mapped_bytes > 4 * info->parameters);
    model_close(m);
}

static void limits(void **state)
{
    (void)state;
    static const struct {
        const char *golden, *file, *patch;
        int max_tokens, max_position;
    } cases[] = {
        {BERT, "sentence_bert_config.json", "{\"max_seq_length\":17}", 17, 64},
        {BERT, "sentence_bert_config.json", "{\"max_seq_length\":900}", 64, 64},
        {ROBERTA, "tokenizer_config.json", "{\"model_max_length\":1e30}", 64, 64},
        {ROBERTA, "tokenizer_config.json", "{\"model_max_length\":33}", 33, 64},
        {ROBERTA, "config.json", "{\"pad_token_id\":null}", 64, 64},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model *m = open_changed(cases[i].golden, cases[i].file, cases[i].patch);
        assert_int_equal(model_describe(m)->max_tokens, cases[i].max_tokens);
        assert_int_equal(model_describe(m)->max_position, cases[i].max_position);
        model_close(m);
    }
}

static bool after_some(void *arg)
{
    int *left = arg;
    return --*left < 0;
}

static void checks_batches(void **state)
{
    (void)state;
    model *m = open_changed(BERT, "config.json", "{}");
    arena *a = arena_new(16 << 20), *small = arena_new(100);
    float out[65 * 32];
    int ids[65] = {2, 3}, types[65] = {0, 1}, start[2] = {0, 65}, left = 1;
    token_batch b = {.ids = ids, .start = start, .n_seq = 1};
    error e = {0};
    assert_false(model_embed(m, &b, out, a, &e));
    assert_string_equal(e.message, "sequence 0 has 65 tokens, expected 1 to 64");
    start[1] = 2;
    ids[1] = model_describe(m)->vocab;
    e = (error){0};
    assert_false(model_hidden(m, &b, out, a, &e));
    assert_int_equal(e.kind, ERR_INVALID);
    assert_non_null(strstr(e.message, "token id"));
    ids[1] = 3;
    types[1] = 2;
    b.type_ids = types;
    e = (error){0};
    assert_false(model_hidden(m, &b, out, a, &e));
    assert_string_equal(e.message, "token type 2, expected 0 to 1");
    types[1] = 1;
    e = (error){0};
    assert_false(model_embed(m, &b, out, small, &e));
    assert_int_equal(e.kind, ERR_NO_SPACE);
    b.cancelled = after_some;
    b.cancelled_arg = &left;
    e = (error){0};
    assert_false(model_embed(m, &b, out, a, &e));
    assert_int_equal(e.kind, ERR_CANCELLED);
    left = 2; /* asked once before each of the two layers */
    e = (error){0};
    assert_true(model_embed(m, &b, out, a, &e));
    b.n_seq = 0;
    assert_true(model_embed(m, &b, out, a, &e) && model_hidden(m, &b, out, a, &e));
    arena_free(a);
    arena_free(small);
    model_close(m);
}

/* Shorter texts than the reference can compute: CANINE's of fewer characters than a molecule,
 * Funnel's of too few tokens to pool. They
 * have a result, the same in any batch. */
static void short_texts(void **state)
{
    (void)state;
    static const char *const goldens[] = {ARCHITECTURES "canine", ARCHITECTURES "funnel",
                                          ARCHITECTURES "funnel-plain"};
    enum { WIDTH = 24, LONGEST = 8 };
    int ids[LONGEST * (LONGEST + 1) / 2], start[LONGEST + 1] = {0};
    for (int i = 0; i < LONGEST * (LONGEST + 1) / 2; i++)
        ids[i] = 3 + i % 50;
    for (int i = 0; i < LONGEST; i++)
        start[i + 1] = start[i] + i + 1;
    for (size_t g = 0; g < sizeof goldens / sizeof *goldens; g++) {
        model *m = open_changed(goldens[g], "config.json", "{}");
        arena *a = arena_new(16 << 20);
        float all[LONGEST * (LONGEST + 1) / 2 * WIDTH], one[LONGEST * WIDTH];
        error e = {0};
        token_batch b = {.ids = ids, .start = start, .n_seq = LONGEST};
        assert_true(model_hidden(m, &b, all, a, &e));
        for (int i = 0; i < LONGEST; i++) {
            token_batch alone = {.ids = ids + start[i], .start = (int[]){0, i + 1}, .n_seq = 1};
            if (!model_hidden(m, &alone, one, a, &e))
                fail_msg("%s", e.message);
            assert_memory_equal(one, all + (size_t)start[i] * WIDTH,
                                (size_t)(i + 1) * WIDTH * sizeof *one);
            for (int j = 0; j < (i + 1) * WIDTH; j++)
                assert_true(one[j] > -100 && one[j] < 100);
        }
        arena_free(a);
        model_close(m);
    }
}

/* Token types reach the sum of embeddings, and absent ones are type 0. */
static void uses_types(void **state)
{
    (void)state;
    model *m = open_changed(BERT, "config.json", "{}");
    arena *a = arena_new(16 << 20);
    const int ids[] = {2, 40, 3}, start[] = {0, 3}, zeros[3] = {0}, ones[] = {0, 1, 1};
    const int *const types[] = {NULL, zeros, ones};
    float out[3][24];
    for (int i = 0; i < 3; i++) {
        error e = {0};
        token_batch b = {.ids = ids, .type_ids = types[i], .start = start, .n_seq = 1};
        assert_true(model_embed(m, &b, out[i], a, &e));
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    assert_memory_not_equal(out[0], out[2], sizeof out[0]);
    arena_free(a);
    model_close(m);
}

/* Boxes likewise: without any, all tokens are in the corner. */
static void uses_boxes(void **state)
{
    (void)state;
    static const char LAYOUTLM[] = ARCHITECTURES "layoutlm";
    const char *const folders[] = {LILT, LAYOUTLM};
    const int ids[] = {2, 40, 3}, start[] = {0, 3};
    const box corner[3] = {{0}}, placed[3] = {{0}, {3, 1, 5, 10}, {0}};
    const box *const boxes[] = {NULL, corner, placed};
    static const box wrong[][3] = {
        {{0, 0, 11, 0}}, {{0}, {0, 0, 0, 11}}, {{0}, {0}, {4, 0, 3, 0}}, {{0, -1, 0, 0}}};
    for (size_t k = 0; k < 2; k++) {
        model *m = open_changed(folders[k], "config.json", "{}");
        arena *a = arena_new(16 << 20);
        float out[3][3 * 24];
        token_batch b = {.ids = ids, .start = start, .n_seq = 1};
        assert_int_equal(model_describe(m)->places, 11);
        for (int i = 0; i < 3; i++) {
            error e = {0};
            b.boxes = boxes[i];
            assert_true(model_hidden(m, &b, out[i], a, &e));
        }
        assert_memory_equal(out[0], out[1], sizeof out[0]);
        assert_memory_not_equal(out[0], out[2], sizeof out[0]);
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            error e = {0};
            b.boxes = wrong[i];
            assert_false(model_hidden(m, &b, out[0], a, &e));
            assert_int_equal(e.kind, ERR_INVALID);
            assert_non_null(strstr(e.message, "expected left <= right and top <= bottom"));
        }
        arena_free(a);
        model_close(m);
    }
}

/* Paths likewise. */
static void uses_paths(void **state)
{
    (void)state;
    model *m = open_changed(MARKUPLM, "config.json", "{}");
    arena *a = arena_new(16 << 20);
    enum { DEPTH = 3, N = 3, VALUES = N * 2 * DEPTH };
    const int ids[] = {2, 40, 3}, start[] = {0, N};
    int none[VALUES], placed[VALUES];
    float out[3][N * 24];
    token_batch b = {.ids = ids, .start = start, .n_seq = 1};
    memset(none, -1, sizeof none);
    memcpy(placed, none, sizeof none);
    placed[2 * DEPTH] = 10;
    const int *const paths[] = {NULL, none, placed};
    assert_int_equal(model_describe(m)->path_depth, DEPTH);
    for (int i = 0; i < 3; i++) {
        error e = {0};
        b.paths = paths[i];
        assert_true(model_hidden(m, &b, out[i], a, &e));
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    assert_memory_not_equal(out[0], out[2], sizeof out[0]);
    for (int i = 0; i < 2; i++) {
        error e = {0};
        memcpy(placed, none, sizeof none);
        placed[i * DEPTH + 1] = i ? 13 : 11;
        assert_false(model_hidden(m, &b, out[0], a, &e));
        assert_int_equal(e.kind, ERR_INVALID);
        assert_non_null(strstr(e.message, i ? "the subscript 13, expected -1 to 12"
                                            : "the tag 11, expected -1 to 10"));
    }
    arena_free(a);
    model_close(m);
}

/* Table types likewise, with positions that start anew in cells and without. */
static void uses_table_types(void **state)
{
    (void)state;
    enum { N = 4, KINDS = 7 };
    static const char *const patches[] = {"{}", "{\"reset_position_index_per_cell\":false}"};
    static const int sizes[KINDS] = {3, 6, 7, 2, 9, 8, 5};
    const int ids[N] = {40, 40, 40, 40}, start[] = {0, N};
    for (int whole = 0; whole < 2; whole++) {
        model *m = open_changed(TAPAS, "config.json", patches[whole]);
        arena *a = arena_new(16 << 20);
        int none[N * KINDS] = {0}, placed[N * KINDS] = {0};
        const int *const types[] = {NULL, none, placed};
        float out[3][N * 24];
        token_batch b = {.ids = ids, .start = start, .n_seq = 1};
        placed[KINDS + 2] = 6; /* the second token's row */
        assert_int_equal(model_describe(m)->table_types, KINDS);
        for (int i = 0; i < 3; i++) {
            error e = {0};
            b.table_types = types[i];
            assert_true(model_hidden(m, &b, out[i], a, &e));
        }
        assert_memory_equal(out[0], out[1], sizeof out[0]);
        assert_memory_not_equal(out[0], out[2], sizeof out[0]);
        for (int k = 0; k < 2 * KINDS; k++) {
            error e = {0};
            memset(placed, 0, sizeof placed);
            placed[2 * KINDS + k / 2] = k % 2 ? -1 : sizes[k / 2];
            assert_false(model_hidden(m, &b, out[0], a, &e));
            assert_int_equal(e.kind, ERR_INVALID);
            assert_non_null(strstr(e.message, "in a table, expected 0 to "));
        }
        arena_free(a);
        model_close(m);
    }
}

static void refuses_boxes(void **state)
{
    (void)state;
    model *m = open_changed(BERT, "config.json", "{}");
    arena *a = arena_new(16 << 20);
    const box corner[2] = {{0}};
    float out[2 * 32];
    error e = {0};
    token_batch b = {.ids = (int[]){2, 3}, .boxes = corner, .start = (int[]){0, 2}, .n_seq = 1};
    assert_int_equal(model_describe(m)->places, 0);
    assert_false(model_hidden(m, &b, out, a, &e));
    assert_string_equal(e.message, "this model reads no boxes");
    e = (error){0};
    b.boxes = NULL;
    b.paths = (int[]){0};
    assert_false(model_hidden(m, &b, out, a, &e));
    assert_string_equal(e.message, "this model reads no paths");
    e = (error){0};
    b.paths = NULL;
    b.table_types = (int[14]){0};
    assert_false(model_hidden(m, &b, out, a, &e));
    assert_string_equal(e.message, "this model reads no tables");
    arena_free(a);
    model_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_by_name),
        cmocka_unit_test(refuses_unseen_tokens),
        cmocka_unit_test(refuses_what_is_not_there),
        cmocka_unit_test(describes),
        cmocka_unit_test(limits),
        cmocka_unit_test(checks_batches),
        cmocka_unit_test(uses_types),
        cmocka_unit_test(uses_boxes),
        cmocka_unit_test(uses_paths),
        cmocka_unit_test(uses_table_types),
        cmocka_unit_test(short_texts),
        cmocka_unit_test(refuses_boxes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
