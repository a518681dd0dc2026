#!/usr/bin/env python3
"""Write tests/goldens/architectures/: for each architecture and each option that changes its
results, a small random model as published, and its token vectors for random ids.

usage: tools/goldens/architectures.py [CASE...]     default: all

Every parameter is random (norms, biases and tables included), sizes are odd, weights are stored as
f16 to keep the files small; computing is in f32, one sequence at a time. expected.json and
expected.f32 are those of tiny.py, without texts; "types" are token type ids, "boxes" places on a page,
"tags" and "subscripts" places in a document,
"table_types" what tokens are in a table.
"""

import shutil
import sys

from reference import GOLDENS, numpy, torch, transformers, versions, write_f32, write_rows
from tiny_folders import random_tensor, write_json
from transformers import AutoConfig, AutoModel

OUT = GOLDENS / "architectures"
# Heads of 8 (three of them), a vocabulary and positions just large enough.
SIZES = {"vocab_size": 61, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
         "intermediate_size": 36, "max_position_embeddings": 40}
LENGTHS = (1, 2, 3, 5, 17, 31, 40)
DEBERTA = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"]}
DEBERTA_V3 = {**DEBERTA, "position_buckets": 8, "norm_rel_ebd": "layer_norm",
              "share_att_key": True, "position_biased_input": False}
SPECIALS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1,
            "sep_token_id": 2}
# Padding is id 1 and positions start behind it.
AFTER_PADDING = {"pad_token_id": 1, "max_position_embeddings": 42}
XMOD = {"languages": ["en_XX", "de_DE", "fr_XX"], "default_language": "de_DE",
        "adapter_reduction_factor": 3}
LONG = {"pad_token_id": 1, "max_position_embeddings": 302}
CANINE = {"num_hash_functions": 3, "num_hash_buckets": 151, "local_transformer_stride": 7,
          "bos_token_id": 1, "eos_token_id": 2}
FUNNEL = {"block_sizes": [1, 1, 1], "d_head": 6, "type_vocab_size": 3}
FUNNEL_CASE = {"class": "FunnelModel", "max_tokens": 1 << 14,
               "names": {"hidden_size": "d_model", "num_attention_heads": "n_head",
                         "intermediate_size": "d_inner", "num_hidden_layers": "unused"}}
XLNET = {"max_tokens": 1 << 14, "n_types": 3,  # XLNet's types have no table
         "names": {"hidden_size": "d_model", "num_attention_heads": "n_head",
                   "intermediate_size": "d_inner", "num_hidden_layers": "n_layer",
                   "max_position_embeddings": "unused"}}
XLM = {"names": {"hidden_size": "emb_dim", "num_attention_heads": "n_heads",
                 "intermediate_size": "unused", "num_hidden_layers": "n_layers"}}
BLOCKS = {"block_size": 4, "num_random_blocks": 1, "bos_token_id": 1, "eos_token_id": 2,
          "sep_token_id": 2}
PATHS = {"max_depth": 3, "xpath_unit_hidden_size": 5, "max_xpath_tag_unit_embeddings": 11,
         "max_xpath_subs_unit_embeddings": 13, "tag_pad_id": 9, "subs_pad_id": 12}

TABLES = {"type_vocab_sizes": [3, 6, 7, 2, 9, 8, 5]}


# Layers of Llama's kind: two keys for four queries.
DECODER = {"num_attention_heads": 4, "num_key_value_heads": 2, "pad_token_id": None,
           "bos_token_id": 1, "eos_token_id": 2}
GEMMA = {**DECODER, "pad_token_id": 0, "head_dim": 10}
WINDOW = {"sliding_window": 5, "num_hidden_layers": 3}
# A model of 16 positions, stretched.
YARN = {"rope_type": "yarn", "factor": 2.5, "original_max_position_embeddings": 16}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16, "rope_theta": 30.0}
LONGROPE = {"rope_type": "longrope", "short_factor": [1.0, 1.1, 1.4], "rope_theta": 50.0,
            "long_factor": [1.2, 2.5, 6.0], "original_max_position_embeddings": 16}
BART = {"encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 3,
        "decoder_attention_heads": 4, "encoder_ffn_dim": 36, "decoder_ffn_dim": 28,
        "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}
T5 = {"d_kv": 6, "d_ff": 36, "relative_attention_num_buckets": 10, "eos_token_id": 1,
      "relative_attention_max_distance": 13, "decoder_start_token_id": 0}
OLD_LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 61,
             "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "intermediate_size": 36, "max_position_embeddings": 40,
             "rms_norm_eps": 1e-6, "rope_theta": 500.0}


class NoCache:
    """FlaubertModel with pre_norm asks for a cache by layer, which that of transformers 5 does not give."""

    def get_seq_length(self):
        return 0

    def __getitem__(self, layer):
        return None


def llama(rope=None, settings=None, **row):
    rope = {"rope_parameters": {"rope_theta": 10000.0, **rope}} if rope else {}
    return case("llama", {**DECODER, **rope, **(settings or {})}, **row)


def case(model_type, settings=None, **row):
    """scale: of matrices, where no norms keep values small."""
    return {"model_type": model_type, "settings": settings or {}, **row}


CASES = {
    "deberta-plain": case("deberta"),
    "deberta-relative": case("deberta", {**DEBERTA, "position_biased_input": False,
                                         "hidden_act": "gelu_new"}),
    "deberta-c2p-types": case("deberta", {**DEBERTA, "pos_att_type": "c2p", "type_vocab_size": 3,
                                          "max_relative_positions": 9}),
    "deberta-v2-plain": case("deberta-v2"),
    "deberta-v2-xlarge": case("deberta-v2", {**DEBERTA_V3, "conv_kernel_size": 3,
                                             "conv_act": "gelu"}),
    "deberta-v3": case("deberta-v2", {**DEBERTA_V3, "pos_att_type": "p2c|c2p"}),
    "deberta-v2-p2c-own-keys": case("deberta-v2", {
        **DEBERTA, "pos_att_type": ["p2c"], "embedding_size": 20, "type_vocab_size": 2,
        "max_relative_positions": 12, "conv_kernel_size": 5, "conv_groups": 2}),
    "deberta-v2-c2p": case("deberta-v2", {**DEBERTA_V3, "share_att_key": False,
                                          "pos_att_type": ["c2p"]}),
    "modernbert": case("modernbert", {"num_hidden_layers": 4, "local_attention": 9,
                                      **SPECIALS}),
    "modernbert-options": case("modernbert", {
        "num_hidden_layers": 4, "local_attention": 8, "norm_bias": True, "attention_bias": True,
        "mlp_bias": True, "hidden_activation": "silu", "norm_eps": 1e-3, **SPECIALS,
        "layer_types": ["sliding_attention", "full_attention", "full_attention",
                        "sliding_attention"],
        "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 777.0},
                            "sliding_attention": {"rope_type": "default", "rope_theta": 55.0}}}),
    "nomic-bert": case("nomic_bert"),
    "nomic-bert-wide-heads": case("nomic_bert", {"head_dim": 10, "hidden_act": "gelu"}),
    "nomic-bert-published": case("nomic_bert", {"vocab_size": 64}, config={
        "model_type": "nomic_bert", "architectures": ["NomicBertModel"], "n_embd": 24, "n_head": 3,
        "n_inner": 36, "n_layer": 2, "n_positions": 40, "vocab_size": 64, "rotary_emb_base": 1000,
        "rotary_emb_fraction": 1.0, "rotary_scaling_factor": None, "prenorm": False,
        "activation_function": "swiglu", "layer_norm_epsilon": 1e-12, "qkv_proj_bias": False,
        "type_vocab_size": 2}),
    "gte": case("gte"),
    "gte-no-types": case("gte", {"type_vocab_size": 0, "rope_parameters": {
        "rope_type": "default", "rope_theta": 333.0}}),
    "jina-embeddings-v3": case("jina_embeddings_v3"),
    "eurobert": case("eurobert", {"num_attention_heads": 4, "num_key_value_heads": 2,
                                  "head_dim": 6, **SPECIALS}),
    "eurobert-options": case("eurobert", {"attention_bias": True, "mlp_bias": True, "head_dim": 10,
                                          "hidden_act": "gelu_new", **SPECIALS}),
    "xlm-roberta-xl": case("xlm-roberta-xl", AFTER_PADDING),
    "roberta-prelayernorm": case("roberta-prelayernorm", AFTER_PADDING),
    "megatron-bert": case("megatron-bert", {"hidden_act": "relu"}),
    "roformer": case("roformer"),
    "roformer-values": case("roformer", {"embedding_size": 20, "rotary_value": True}),
    "esm-absolute": case("esm", {**AFTER_PADDING, "emb_layer_norm_before": True}),
    "esm-absolute-dropout": case("esm", {**AFTER_PADDING, "token_dropout": True,
                                         "mask_token_id": 0}),
    "esm-rotary": case("esm", {**AFTER_PADDING, "position_embedding_type": "rotary",
                               "token_dropout": True, "mask_token_id": 60},
                       lengths=(2, 3, 5, 17, 31, 40)),
    "layoutlm": case("layoutlm", {"max_2d_position_embeddings": 11}),
    "mpnet-padding": case("mpnet", {**AFTER_PADDING, "pad_token_id": 3}),  # counts for nothing
    "ernie": case("ernie"),
    "ernie-tasks": case("ernie", {"use_task_id": True}),
    "data2vec-text": case("data2vec-text", AFTER_PADDING),
    "rembert": case("rembert", {"input_embedding_size": 20}),
    "ibert": case("ibert", AFTER_PADDING),
    "squeezebert": case("squeezebert", {
        "embedding_size": 24, "q_groups": 2, "k_groups": 3, "v_groups": 4,
        "post_attention_groups": 1, "intermediate_groups": 6, "output_groups": 12,
        "layer_norm_eps": 1e-3}),
    "fnet": case("fnet"),
    "luke": case("luke", {**AFTER_PADDING, "entity_vocab_size": 9, "entity_emb_size": 8}),
    "llama": llama(),
    "llama-options": llama(settings={
        "attention_bias": True, "mlp_bias": True, "head_dim": 10, "hidden_act": "gelu",
        "num_key_value_heads": None, "rms_norm_eps": 1e-3, "rope_parameters": {
            "rope_type": "default", "rope_theta": 77.0}}),
    "llama-bidirectional": llama(settings={"is_causal": False}),
    "llama-linear": llama({"rope_type": "linear", "factor": 3.0}),
    "llama-dynamic": llama({"rope_type": "dynamic", "factor": 2.0}, lengths=(3, 39, 40, 41, 63, 80),
                           max_tokens=80),
    "llama-yarn": llama(YARN),
    "llama-yarn-options": llama({**YARN, "rope_theta": 20.0, "beta_fast": 3.0, "beta_slow": 0.5,
                                 "truncate": False, "mscale": 1.3, "mscale_all_dim": 0.4}),
    "llama-yarn-scaled": llama({**YARN, "attention_factor": 1.2, "beta_fast": 2.0}),
    "llama-llama3": llama(LLAMA3),
    "llama-longrope": llama(LONGROPE),
    "llama-longrope-scaled": llama({**LONGROPE, "attention_factor": 0.9}),
    "llama-rope-scaling": llama({"rope_type": "linear", "factor": 4.0, "rope_theta": 500.0}, config={
        **OLD_LLAMA, "rope_scaling": {"type": "linear", "factor": 4.0}}),
    "llama-rope-scaling-yarn": llama({**YARN, "rope_theta": 500.0}, config={
        **OLD_LLAMA, "rope_scaling": YARN, "torch_dtype": "bfloat16"}),
    "gpt2": case("gpt2"),
    "gpt2-options": case("gpt2", {
        "n_inner": 36, "activation_function": "relu", "layer_norm_epsilon": 1e-3,
        "scale_attn_by_inverse_layer_idx": True, "num_hidden_layers": 3}),
    "gpt2-unscaled": case("gpt2", {"scale_attn_weights": False, "is_causal": False}),
    "gpt-neox": case("gpt_neox", {"num_attention_heads": 2, "rotary_pct": 0.34,
                                  "attention_bias": True}),
    "gpt-neox-options": case("gpt_neox", {
        "use_parallel_residual": False, "attention_bias": False, "hidden_act": "gelu_new",
        "layer_norm_eps": 1e-3, "rope_parameters": {
            "rope_type": "linear", "factor": 2.0, "rope_theta": 90.0,
            "partial_rotary_factor": 0.5}}),
    "opt": case("opt", {"ffn_dim": 36, "word_embed_proj_dim": 24}),
    "opt-options": case("opt", {"ffn_dim": 36, "word_embed_proj_dim": 24, "enable_bias": False,
                                "do_layer_norm_before": False, "activation_function": "gelu"}),
    "albert-groups": case("albert", {"embedding_size": 12, "num_hidden_groups": 2,
                                     "inner_group_num": 2, "num_hidden_layers": 3}),
    "opt-narrow-words": case("opt", {"ffn_dim": 36, "word_embed_proj_dim": 20,
                                     "do_layer_norm_before": False}),
    "opt-no-final": case("opt", {"ffn_dim": 36, "word_embed_proj_dim": 24,
                                 "_remove_final_layer_norm": True}),
    "bart": case("bart", BART),
    "bart-options": case("bart", {**BART, "scale_embedding": True, "activation_function": "relu",
                                  "decoder_start_token_id": 5, "decoder_layers": 3}),
    "bart-untied": case("bart", {**BART, "tie_word_embeddings": False}),
    "mbart": case("mbart", {**BART, "scale_embedding": True}),
    "t5": case("t5", T5, **{"class": "T5EncoderModel", "max_tokens": 32768}),
    "t5-gated": case("t5", {**T5, "feed_forward_proj": "gated-gelu", "layer_norm_epsilon": 1e-3},
                     **{"class": "T5EncoderModel", "max_tokens": 32768}),
    "mt5": case("mt5", {**T5, "feed_forward_proj": "gated-silu"}, **{"class": "MT5EncoderModel", "max_tokens": 32768}),
    "umt5": case("umt5", T5, **{"class": "UMT5EncoderModel", "max_tokens": 32768}),
    "mistral": case("mistral", {**DECODER, **WINDOW}),
    "mistral-plain": case("mistral", {**DECODER, "sliding_window": None, "head_dim": 10}),
    "mistral-bidirectional": case("mistral", {**DECODER, **WINDOW, "is_causal": False}),
    "qwen2": case("qwen2", DECODER),
    "qwen2-window": case("qwen2", {**DECODER, **WINDOW, "use_sliding_window": True,
                                   "max_window_layers": 1}),
    "qwen3": case("qwen3", {**DECODER, "head_dim": 10}),
    "qwen3-options": case("qwen3", {
        **DECODER, **WINDOW, "head_dim": 6, "attention_bias": True, "use_sliding_window": True,
        "layer_types": ["full_attention", "sliding_attention", "full_attention"],
        "rope_parameters": {"rope_theta": 300.0, **YARN}}),
    "phi3": case("phi3", DECODER),
    "phi3-options": case("phi3", {
        **DECODER, "num_attention_heads": 2, "num_key_value_heads": 1, "sliding_window": 9,
        "original_max_position_embeddings": 16,
        "rope_parameters": {**LONGROPE, "partial_rotary_factor": 0.5}}),
    "gemma": case("gemma", GEMMA),
    "gemma-options": case("gemma", {**GEMMA, "attention_bias": True, "hidden_act": "gelu",
                                    "head_dim": 6, "rms_norm_eps": 1e-3}),
    "gemma2": case("gemma2", {**GEMMA, **WINDOW, "attn_logit_softcapping": 1.5,
                              "query_pre_attn_scalar": 7}),
    "gemma2-options": case("gemma2", {
        **GEMMA, **WINDOW, "attn_logit_softcapping": None, "attention_bias": True,
        "layer_types": ["full_attention", "sliding_attention", "full_attention"]}),
    "gemma3-text": case("gemma3_text", {**GEMMA, **WINDOW, "num_hidden_layers": 7}),
    "gemma3-text-bidirectional": case("gemma3_text", {
        **GEMMA, **WINDOW, "use_bidirectional_attention": True, "query_pre_attn_scalar": 9,
        "attention_bias": True, "hidden_activation": "silu", "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 900.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 33.0}},
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}),
    "gemma3-text-published": case("gemma3_text", {**GEMMA, **WINDOW, "rope_parameters": {
        "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 700.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 44.0}},
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}, config={
        **{k: v for k, v in OLD_LLAMA.items() if k != "rope_theta"}, "model_type": "gemma3_text",
        "architectures": ["Gemma3ForCausalLM"], "head_dim": 10, "num_hidden_layers": 3,
        "sliding_window": 5, "sliding_window_pattern": 2, "rope_theta": 700.0,
        "rope_local_base_freq": 44.0, "rope_scaling": {"rope_type": "linear", "factor": 4.0}}),
    "mobilebert": case("mobilebert", {"embedding_size": 10, "intra_bottleneck_size": 18,
                                      "num_feedforward_networks": 3}, scale=0.4),
    "mobilebert-layer-norm": case("mobilebert", {
        "embedding_size": 10, "intra_bottleneck_size": 12, "num_feedforward_networks": 1,
        "use_bottleneck_attention": True, "normalization_type": "layer_norm",
        "trigram_input": False, "hidden_act": "gelu", "layer_norm_eps": 1e-3}),
    "convbert": case("convbert", {"embedding_size": 24, "num_attention_heads": 6,
                                  "conv_kernel_size": 5}),
    "convbert-groups": case("convbert", {
        "embedding_size": 10, "num_groups": 3, "num_attention_heads": 4, "head_ratio": 3,
        "hidden_size": 18, "hidden_act": "relu", "layer_norm_eps": 1e-3}),
    "convbert-one-head": case("convbert", {"embedding_size": 24, "num_attention_heads": 3,
                                           "head_ratio": 4, "conv_kernel_size": 1}),
    "lilt": case("lilt", {"max_2d_position_embeddings": 11, "channel_shrink_ratio": 4,
                          "pad_token_id": 1, "max_position_embeddings": 42}),
    "lilt-no-shrink": case("lilt", {"max_2d_position_embeddings": 7, "channel_shrink_ratio": 1,
                                    "num_attention_heads": 4, "hidden_act": "relu",
                                    "max_position_embeddings": 41, "layer_norm_eps": 1e-3}),
    "markuplm": case("markuplm", {**AFTER_PADDING, **PATHS}),
    "markuplm-plain": case("markuplm", {**AFTER_PADDING, **PATHS, "pad_token_id": 0,
                                        "max_position_embeddings": 41,
                                        "hidden_act": "silu", "layer_norm_eps": 1e-3},
                           paths=False),
    "tapas": case("tapas", TABLES),
    "tapas-positions": case("tapas", {**TABLES, "reset_position_index_per_cell": False,
                                      "hidden_act": "relu", "layer_norm_eps": 1e-3}),
    "nystromformer": case("nystromformer", {"conv_kernel_size": 5, "num_landmarks": 7,
                                            "segment_means_seq_len": 7}),
    "nystromformer-landmarks": case("nystromformer", {
        "num_landmarks": 4, "segment_means_seq_len": 19, "conv_kernel_size": 3,
        "layer_norm_eps": 1e-3, "hidden_act": "relu"}, padded=16, scale=0.7,
        lengths=(1, 2, 3, 5, 11, 15, 16), max_tokens=16),
    "nystromformer-one-landmark": case("nystromformer", {
        "num_landmarks": 1, "segment_means_seq_len": 12, "conv_kernel_size": 13},
        padded=12, lengths=(1, 7, 12), max_tokens=12),
    "xmod": case("xmod", {**AFTER_PADDING, **XMOD}),
    "xmod-pre-norm": case("xmod", {
        **AFTER_PADDING, **XMOD, "pre_norm": True, "adapter_reuse_layer_norm": False,
        "ln_before_adapter": False, "adapter_reduction_factor": 5, "hidden_act": "silu"}),
    "xmod-own-norm": case("xmod", {
        **AFTER_PADDING, **XMOD, "adapter_layer_norm": True, "ln_before_adapter": False,
        "layer_norm_eps": 1e-3}),
    "xmod-shared-norm-pre": case("xmod", {
        **AFTER_PADDING, "languages": ["en_XX"], "default_language": "en_XX", "pre_norm": True}),
    "mobilebert-wide": case("mobilebert", {
        "embedding_size": 24, "trigram_input": False, "use_bottleneck": False,
        "num_feedforward_networks": 2}, scale=0.4),
    # 150 characters: 22 chunks of the first layer.
    "canine": case("canine", {**CANINE, "max_position_embeddings": 150},
                   lengths=(4, 5, 7, 8, 31, 150), max_tokens=150),
    "canine-options": case("canine", {
        **CANINE, "downsampling_rate": 3, "upsampling_kernel_size": 5, "num_hash_functions": 6,
        "local_transformer_stride": 40, "type_vocab_size": 2, "hidden_act": "relu",
        "layer_norm_eps": 1e-3}, lengths=(3, 5, 17, 31, 40)),
    # Tokens of type 2 are of the same type as all. Where attention is by "relative_shift" the
    # reference fails on texts that are not pooled in each block.
    "funnel": case("funnel", {**FUNNEL, "num_decoder_layers": 1}, **FUNNEL_CASE,
                   lengths=(5, 6, 7, 17, 40, 150)),
    "funnel-max": case("funnel", {**FUNNEL, "pooling_type": "max", "truncate_seq": False,
                                  "attention_type": "factorized", "num_decoder_layers": 2,
                                  "pool_q_only": False, "hidden_act": "relu"},
                       **FUNNEL_CASE),
    "funnel-plain": case("funnel", {**FUNNEL, "separate_cls": False, "block_sizes": [2, 1],
                                    "block_repeats": [2, 2], "num_decoder_layers": 0,
                                    "layer_norm_eps": 1e-3},
                         **FUNNEL_CASE, lengths=(3, 5, 17, 31, 40)),
    "funnel-factorized": case("funnel", {**FUNNEL, "attention_type": "factorized",
                                         "block_sizes": [1, 2], "num_decoder_layers": 1},
                              **FUNNEL_CASE),
    "xlnet": case("xlnet", {}, **XLNET, lengths=(1, 2, 3, 5, 17, 40, 150)),
    "xlnet-clamped": case("xlnet", {"clamp_len": 7, "ff_activation": "relu", "same_length": True,
                                    "layer_norm_eps": 1e-3}, **XLNET),
    "xlnet-uni": case("xlnet", {"attn_type": "uni", "ff_activation": "gelu_new"}, **XLNET),
    "xlnet-uni-same-length": case("xlnet", {"attn_type": "uni", "same_length": True}, **XLNET),
    "xlm": case("xlm", {"n_langs": 3}, **XLM),
    "xlm-options": case("xlm", {"gelu_activation": False, "sinusoidal_embeddings": True,
                                "use_lang_emb": False, "layer_norm_eps": 1e-3}, **XLM),
    "xlm-causal": case("xlm", {"causal": True, "num_hidden_layers": 3}, **XLM),
    "xlm-published": case("xlm", {}, **XLM, config={
        "model_type": "xlm", "architectures": ["XLMModel"], "n_words": 61, "vocab_size": 50,
        "emb_dim": 24, "n_layers": 2, "n_heads": 3, "max_position_embeddings": 40, "asm": True}),
    "flaubert": case("flaubert", {"layerdrop": 0.4}, **XLM),
    "flaubert-pre-norm": case("flaubert", {"pre_norm": True, "causal": True}, **XLM,
                              inputs={"cache": NoCache()}),
    "longformer": case("longformer", {**LONG, "attention_window": 4}, lengths=(1, 5, 17, 300),
                       max_tokens=300),
    "longformer-windows": case("longformer", {
        **AFTER_PADDING, "attention_window": [4, 12], "hidden_act": "relu"}),
    # Whole up to 7 blocks; 28 tokens are whole, 29 are cut, the last block is of any length.
    "big-bird": case("big_bird", {**BLOCKS, "max_position_embeddings": 300},
                     lengths=(1, 5, 28, 29, 31, 32, 300), max_tokens=300),
    "big-bird-options": case("big_bird", {
        **BLOCKS, "num_random_blocks": 2, "block_size": 3, "use_bias": False,
        "rescale_embeddings": True, "hidden_act": "gelu_fast", "max_position_embeddings": 42},
                             max_tokens=42),
    "big-bird-full": case("big_bird", {**BLOCKS, "attention_type": "original_full",
                                       "hidden_act": "relu"}),
}


def settings_of(c):
    sizes = {c.get("names", {}).get(k, k): v for k, v in SIZES.items()}
    return {**sizes, **c["settings"]}


def write_model(root, name, c):
    """The folder as the reference saves it, names of published files included."""
    shutil.rmtree(root, ignore_errors=True)
    config = AutoConfig.for_model(c["model_type"], **settings_of(c))
    make = getattr(transformers, c["class"]) if "class" in c else AutoModel.from_config
    model = make(config)
    angles = {key: buffer.clone() for key, buffer in model.named_buffers() if "inv_freq" in key}
    with torch.no_grad():
        for key, tensor in model.state_dict().items():
            if tensor.is_floating_point() and key not in angles:
                tensor.copy_(random_tensor(name, key, tuple(tensor.shape)))
                if tensor.dim() > 1:
                    tensor *= c.get("scale", 1)
    model.half()
    for key, buffer in model.named_buffers():
        if key in angles:
            buffer.data = angles[key]
    model.save_pretrained(root)
    if "config" in c:
        write_json(root / "config.json", c["config"])
    for path in root.iterdir():
        path.chmod(0o644)
        if path.name not in ("config.json", "model.safetensors"):
            path.unlink()


def sequences(name, c, config):
    """Random ids, the padding id and the first and last of the vocabulary among them."""
    rng = numpy.random.Generator(numpy.random.PCG64(len(name)))
    types = c.get("n_types", getattr(config, "type_vocab_size", 0) or 0)
    for n in c.get("lengths", LENGTHS):
        ids = rng.integers(3, config.vocab_size, n)
        ids[-1:] = config.vocab_size - 1
        call = {"ids": ids.tolist()}
        if n > 4 and types > 1 and c.get("types", True):
            call["types"] = numpy.sort(rng.integers(0, types, n)).tolist()
        if n > 2 and hasattr(config, "max_2d_position_embeddings"):
            edges = rng.integers(0, config.max_2d_position_embeddings, (2, n, 2))
            call["boxes"] = numpy.concatenate(numpy.sort(edges, 0), -1).tolist()
        if n > 2 and hasattr(config, "max_depth") and c.get("paths", True):
            nodes = numpy.sort(rng.integers(0, n // 2 + 1, n))
            for key, rows in (("tags", config.max_xpath_tag_unit_embeddings),
                              ("subscripts", config.max_xpath_subs_unit_embeddings)):
                call[key] = rng.integers(0, rows, (n, config.max_depth))[nodes].tolist()
        if n > 2 and hasattr(config, "type_vocab_sizes"):  # rows of cells, which may come back
            cells = numpy.sort(rng.integers(0, n // 2 + 1, n))
            rows = [rng.integers(0, size, n) for size in config.type_vocab_sizes]
            for kind in (1, 2):
                rows[kind] = rows[kind][cells]
            call["table_types"] = numpy.stack(rows, -1).tolist()
        if n > 16 and c.get("padding", True):
            call["ids"][7] = config.pad_token_id or 0
        yield call


def hidden_states(model, call, c):
    if hasattr(model, "set_attention_type"):  # one short text turns it to full attention for good
        model.set_attention_type(model.config.attention_type)
    """Of a model that takes inputs of one length only those of the tokens in front of its padding."""
    n = len(call["ids"])
    padding = [model.config.pad_token_id] * (c.get("padded", n) - n)
    features = {"input_ids": torch.tensor([call["ids"] + padding])}
    features["attention_mask"] = torch.tensor([[1] * n + [0] * len(padding)])
    if "padded" in c:  # as transformers 4 makes it: that of 5 has a row for each token, not landmark
        dtype = next(model.parameters()).dtype
        hidden = 1 - features["attention_mask"].to(dtype)
        features["attention_mask"] = hidden[:, None, None] * torch.finfo(dtype).min
    if "types" in call:
        features["token_type_ids"] = torch.tensor([call["types"] + [0] * len(padding)])
    if "table_types" in call:
        features["token_type_ids"] = torch.tensor([call["table_types"]])
    if "tags" in call:
        features["xpath_tags_seq"] = torch.tensor([call["tags"]])
        features["xpath_subs_seq"] = torch.tensor([call["subscripts"]])
    if "boxes" in call:
        features["bbox"] = torch.tensor([call["boxes"]])
    features.update(c.get("inputs", {}))
    return model(**features).last_hidden_state[0, :n].numpy()


def make(name):
    root, c = OUT / name, CASES[name]
    write_model(root, name, c)
    config = AutoConfig.for_model(c["model_type"], **settings_of(c))
    load = getattr(transformers, c.get("class", "AutoModel")).from_pretrained
    model = load(root, config=config, dtype=torch.float32,
                                      attn_implementation="eager").eval()
    record(root, name, c, model, lambda m, call: hidden_states(m, call, c))


def record(root, name, c, model, run):
    """What the model makes of random sequences."""
    rows, exact, calls = [], [], []
    for call in sequences(name, c, model.config):
        calls.append({**call, "row": len(rows), "rows": len(call["ids"])})
        rows.extend(run(model.float(), call))
        exact.extend(run(model.double(), call))
    rows, exact = numpy.stack(rows), numpy.stack(exact)
    error = abs(rows - exact).max()
    assert numpy.isfinite(rows).all() and 0 < error < 1e-4, (name, error)
    max_tokens = c.get("max_tokens", SIZES["max_position_embeddings"])
    head = {"case": name, "kind": "token vectors", "shape": list(rows.shape),
            "max_tokens": max_tokens, "max_error_of_reference": float("%.1e" % error),
            "max_abs": float("%.1e" % abs(rows).max()), "versions": versions()}
    write_f32(root / "expected.f32", rows)
    write_rows(root / "expected.json", head, "calls", calls)
    size = sum(f.stat().st_size for f in root.rglob("*") if f.is_file())
    assert size < 100 << 10, (name, size)
    print("%-30s %4d KB %-10s max %.1f, reference error %.1e"
          % (name, size >> 10, rows.shape, abs(rows).max(), error))


if __name__ == "__main__":
    transformers.set_seed(0)
    with torch.inference_mode():
        for chosen in sys.argv[1:] or CASES:
            make(chosen)
