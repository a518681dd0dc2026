#!/usr/bin/env python3
"""Write tests/goldens/heads/: for each architecture and each of its heads a small random model as
published, and its logits. One row of CASES is one folder.

usage: tools/goldens/heads.py [CASE...]     default: all

Every parameter is random, sizes are odd, weights are stored as f16 unless a case says otherwise;
computing is in f32, one sequence at a time. expected.json "calls": "ids" and "types" of a
sequence, the "positions" in it that were kept of heads that score tokens, and its "row" and
"rows" in expected.f32. "head", "problem" and "labels" are what a reader of config.json makes of it.
"""

import shutil
import sys

from reference import GOLDENS, numpy, torch, transformers, versions, write_f32, write_rows
from safetensors.torch import load_file
from tiny_folders import old_norm_names, random_state, random_tensor, save_file, write_json
from tiny_tokenizers import bert_tokenizer, mpnet_tokenizer

OUT = GOLDENS / "heads"
SIZES = {"hidden_size": 28, "num_hidden_layers": 2, "num_attention_heads": 4,
         "intermediate_size": 44, "max_position_embeddings": 40, "layer_norm_eps": 1e-3}
ONE = {"num_hidden_layers": 1}
ONE_LAYER = {**SIZES, **ONE}
AFTER_PADDING = {**SIZES, "max_position_embeddings": 42, "pad_token_id": 1, "type_vocab_size": 1,
                 "bos_token_id": 0, "eos_token_id": 2}
DISTILBERT = {"dim": 28, "n_layers": 1, "n_heads": 4, "hidden_dim": 44,
              "max_position_embeddings": 40}
DEBERTA = {"relative_attention": True, "pos_att_type": ["c2p", "p2c"],
           "position_biased_input": False}
ROTARY = {**ONE_LAYER, "num_attention_heads": 2}
MODERN = {**{k: v for k, v in SIZES.items() if k != "layer_norm_eps"}, "num_hidden_layers": 3,
          "num_attention_heads": 2, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
          "cls_token_id": 2, "sep_token_id": 3}
MOBILE = {"embedding_size": 28, "intra_bottleneck_size": 16, "num_feedforward_networks": 2,
          "normalization_type": "layer_norm"}
DECODER = {**{k: v for k, v in ONE_LAYER.items() if k != "layer_norm_eps"},
           "num_attention_heads": 2, "num_key_value_heads": 1, "pad_token_id": 3,
           "bos_token_id": 1, "eos_token_id": 2}
BART = {"d_model": 28, "encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 2,
        "decoder_attention_heads": 4, "encoder_ffn_dim": 20, "decoder_ffn_dim": 44,
        "max_position_embeddings": 40, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
        "decoder_start_token_id": 2}
T5 = {"d_model": 28, "d_kv": 6, "d_ff": 44, "num_layers": 1, "num_decoder_layers": 2,
      "num_heads": 3, "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20,
      "pad_token_id": 0, "eos_token_id": 3, "decoder_start_token_id": 1}
FAMILIES = {  # model_type: class name, sizes, tokenizer (None: of code points, without a file)
    "bert": ("Bert", SIZES, bert_tokenizer),
    "roberta": ("Roberta", AFTER_PADDING, mpnet_tokenizer),
    "xlm-roberta": ("XLMRoberta", {**AFTER_PADDING, **ONE}, mpnet_tokenizer),
    "camembert": ("Camembert", {**AFTER_PADDING, **ONE}, mpnet_tokenizer),
    "distilbert": ("DistilBert", DISTILBERT, bert_tokenizer),
    "electra": ("Electra", {**ONE_LAYER, "embedding_size": 12}, bert_tokenizer),
    "albert": ("Albert", {**SIZES, "embedding_size": 12}, bert_tokenizer),
    "mpnet": ("MPNet", {**AFTER_PADDING, **ONE, "bos_token_id": 2, "eos_token_id": 3},
              mpnet_tokenizer),
    "deberta": ("Deberta", {**ONE_LAYER, **DEBERTA}, bert_tokenizer),
    "deberta-v2": ("DebertaV2", {**ONE_LAYER, **DEBERTA, "share_att_key": True,
                                 "position_buckets": 8, "norm_rel_ebd": "layer_norm",
                                 "pooler_hidden_act": "tanh"}, bert_tokenizer),
    "modernbert": ("ModernBert", {**MODERN, "local_attention": 6, "classifier_activation": "silu"},
                   bert_tokenizer),
    "eurobert": ("EuroBert", {**MODERN, "rms_norm_eps": 1e-3}, bert_tokenizer),
    "nomic-bert": ("NomicBert", ROTARY, bert_tokenizer),
    "gte": ("Gte", ROTARY, bert_tokenizer),
    "jina-embeddings-v3": ("JinaEmbeddingsV3", ROTARY, bert_tokenizer),
    "data2vec-text": ("Data2VecText", {**AFTER_PADDING, **ONE}, mpnet_tokenizer),
    "ernie": ("Ernie", {**ONE_LAYER, "use_task_id": True}, bert_tokenizer),
    "esm": ("Esm", {**AFTER_PADDING, **ONE}, mpnet_tokenizer),
    "fnet": ("FNet", ONE_LAYER, bert_tokenizer),
    "ibert": ("IBert", {**AFTER_PADDING, **ONE}, mpnet_tokenizer),
    "layoutlm": ("LayoutLM", {**ONE_LAYER, "max_2d_position_embeddings": 9}, bert_tokenizer),
    "luke": ("Luke", {**AFTER_PADDING, **ONE, "entity_vocab_size": 9, "entity_emb_size": 8},
             mpnet_tokenizer),
    "megatron-bert": ("MegatronBert", ONE_LAYER, bert_tokenizer),
    "mobilebert": ("MobileBert", {**ONE_LAYER, **MOBILE}, bert_tokenizer),
    "rembert": ("RemBert", {**ONE_LAYER, "input_embedding_size": 12}, bert_tokenizer),
    "roberta-prelayernorm": ("RobertaPreLayerNorm", {**AFTER_PADDING, **ONE}, mpnet_tokenizer),
    "roformer": ("RoFormer", ROTARY, bert_tokenizer),
    "squeezebert": ("SqueezeBert", {**ONE_LAYER, "embedding_size": 28}, bert_tokenizer),
    "canine": ("Canine", {**ONE_LAYER, "num_hash_functions": 2, "num_hash_buckets": 61,
                          "local_transformer_stride": 11, "type_vocab_size": 2,
                          "bos_token_id": 2, "eos_token_id": 3}, None),
    "funnel": ("Funnel", {"block_sizes": [1, 1], "num_decoder_layers": 1, "d_model": 28,
                          "n_head": 4, "d_head": 6, "d_inner": 44, "layer_norm_eps": 1e-3,
                          "type_vocab_size": 3}, bert_tokenizer),
    "longformer": ("Longformer", {**AFTER_PADDING, **ONE, "attention_window": 6,
                                  "sep_token_id": 2}, mpnet_tokenizer),
    "big-bird": ("BigBird", {**ONE_LAYER, "max_position_embeddings": 42, "block_size": 3,
                             "num_random_blocks": 1, "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3,
                             "sep_token_id": 3}, bert_tokenizer),
    "llama": ("Llama", DECODER, bert_tokenizer),
    "gpt2": ("GPT2", {"n_embd": 28, "n_layer": 1, "n_head": 2, "n_positions": 40,
                      "pad_token_id": 3}, bert_tokenizer),
    "gpt-neox": ("GPTNeoX", {**ONE_LAYER, "num_attention_heads": 2, "pad_token_id": None,
                             "rotary_pct": 0.43}, bert_tokenizer),
    "opt": ("OPT", {**ONE_LAYER, "ffn_dim": 44, "word_embed_proj_dim": 28}, bert_tokenizer),
    "bart": ("Bart", BART, mpnet_tokenizer),
    "mbart": ("MBart", BART, mpnet_tokenizer),
    "t5": ("T5", T5, bert_tokenizer),
    "mt5": ("MT5", T5, bert_tokenizer),
    "umt5": ("UMT5", T5, bert_tokenizer),
    "mistral": ("Mistral", {**DECODER, "sliding_window": 6}, bert_tokenizer),
    "qwen2": ("Qwen2", DECODER, bert_tokenizer),
    "qwen3": ("Qwen3", {**DECODER, "head_dim": 8}, bert_tokenizer),
    "phi3": ("Phi3", DECODER, bert_tokenizer),
    "gemma": ("Gemma", {**DECODER, "head_dim": 8}, bert_tokenizer),
    "gemma2": ("Gemma2", {**DECODER, "head_dim": 8}, bert_tokenizer),
    "gemma3-text": ("Gemma3Text", {**DECODER, "head_dim": 8}, bert_tokenizer),
    "xlm-roberta-xl": ("XLMRobertaXL", {**AFTER_PADDING, **ONE}, mpnet_tokenizer),
    "convbert": ("ConvBert", {**ONE_LAYER, "embedding_size": 12, "conv_kernel_size": 3},
                 bert_tokenizer),
    "lilt": ("Lilt", {**AFTER_PADDING, **ONE, "hidden_size": 24, "channel_shrink_ratio": 2,
                      "max_2d_position_embeddings": 9}, mpnet_tokenizer),
    "markuplm": ("MarkupLM", {
        **AFTER_PADDING, **ONE, "max_depth": 3, "xpath_unit_hidden_size": 5, "tag_pad_id": 9,
        "max_xpath_tag_unit_embeddings": 11, "max_xpath_subs_unit_embeddings": 13,
        "subs_pad_id": 12}, mpnet_tokenizer),
    "tapas": ("Tapas", {**ONE_LAYER, "type_vocab_sizes": [3, 6, 7, 2, 9, 8, 5]}, bert_tokenizer),
    "nystromformer": ("Nystromformer", {**ONE_LAYER, "conv_kernel_size": 3}, bert_tokenizer),
    "xlnet": ("XLNet", {"d_model": 28, "n_layer": 1, "n_head": 4, "d_inner": 44,
                        "layer_norm_eps": 1e-3}, bert_tokenizer),
    "xlm": ("XLM", {"emb_dim": 28, "n_layers": 1, "n_heads": 4, "max_position_embeddings": 40,
                    "layer_norm_eps": 1e-3}, bert_tokenizer),
    "flaubert": ("Flaubert", {"emb_dim": 28, "n_layers": 1, "n_heads": 2,
                              "max_position_embeddings": 40}, bert_tokenizer),
    "xmod": ("Xmod", {**AFTER_PADDING, **ONE, "languages": ["en_XX", "de_DE"],
                      "default_language": "de_DE"}, mpnet_tokenizer),
}
# Heads that are not supported.
MISSING = {"tapas-spans"}
# Published under other names than the reference computes with. It writes the published ones, but
# for the prefix of the base model: this one in place of that one.
RENAMED = {"nomic-bert": ("nomic_bert.", "nomic_bert."), "gte": ("gte.", "new."), "jina-embeddings-v3": ("roberta.", "roberta.")}
# (family, kind): how many separators the reference wants to see; it decides by them which tokens
# see all, or which belong to the question.
SEPARATORS = {("longformer", "spans"): 3, ("longformer", "choices"): 3, ("big-bird", "spans"): 2}
TYPES = {"xlnet": 3}  # where config.json does not say how many
# They take ids of padding for the end of a text unless there is a mask, as pipelines make one.
LENGTH_BY_PADDING = {"xlm", "flaubert"}
# The reference cannot compute shorter sequences.
SHORTEST = {"canine": 4, "funnel": 3}
KINDS = {"masked-lm": "ForMaskedLM", "labels": "ForSequenceClassification",
         "token-labels": "ForTokenClassification", "spans": "ForQuestionAnswering",
         "choices": "ForMultipleChoice"}
LENGTHS = (1, 2, 3, 9, 17, 40)
MORE_LENGTHS = (*LENGTHS, 4, 5, 7, 12, 21, 28, 33, 38)  # where a sequence gives one row only
NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
# Options that only one of the heads above has a use for.
SETTINGS = {"labels": {"id2label": dict(enumerate(["negative", "neutral", "po\u017fitiv"]))},
            "token-labels": {"id2label": dict(enumerate(NAMES))}}


def suffix(family, kind):
    """Of the class, None where there is none. A head "Simple" is there beside one that searches."""
    name, usual = FAMILIES[family][0], KINDS[kind]
    others = [usual + "Simple"] + ["WithLMHeadModel"] * (kind == "masked-lm")
    return next((s for s in (*others, usual) if hasattr(transformers, name + s)), None)


def case(family, kind, settings=None, **row):
    return {"family": family, "kind": kind, "suffix": suffix(family, kind),
            "settings": {**SETTINGS.get(kind, {}), **(settings or {})}, **row}


CASES = {f"{family}-{kind}": case(family, kind) for family in FAMILIES for kind in KINDS
         if suffix(family, kind) and f"{family}-{kind}" not in MISSING}
CASES.update({
    "mobilebert-labels-plain": case("mobilebert", "labels", {"classifier_activation": False}),
    "bert-pretraining": case("bert", "masked-lm", {"hidden_act": "relu"}, suffix="ForPreTraining"),
    "albert-pretraining": case("albert", "masked-lm", suffix="ForPreTraining"),
    "bert-masked-lm-untied": case("bert", "masked-lm", {"tie_word_embeddings": False}),
    # The one product that is large enough for low precision.
    "albert-masked-lm-wide": case("albert", "masked-lm", {"embedding_size": 72}),
    "roberta-masked-lm-untied": case("roberta", "masked-lm", {"tie_word_embeddings": False}),
    # Weights of its own although config.json says tied; the bias under its other name.
    "bert-masked-lm-own-decoder": case("bert", "masked-lm", dropped=["cls.predictions.bias"], own=[
        "cls.predictions.decoder.weight", "cls.predictions.decoder.bias"]),
    # The same table twice, as files of torch.save have it.
    "roberta-masked-lm-copy": case("roberta", "masked-lm", copies={
        "lm_head.decoder.weight": "roberta.embeddings.word_embeddings.weight",
        "lm_head.decoder.bias": "lm_head.bias"}),
    "bert-labels-old-names": case("bert", "labels", old_names=True, dtype=torch.float32),
    # The whole model where its base model should be.
    "bert-labels-below-prefix": case("bert", "labels", below="bert."),
    "modernbert-masked-lm-below-prefix": case("modernbert", "masked-lm", below="model."),
    "bert-masked-lm-old-names": case("bert", "masked-lm", old_names=True, dtype=torch.float32),
    "bert-labels-multi": case("bert", "labels", {"problem_type": "multi_label_classification",
                                                 "hidden_act": "gelu_new"}),
    "roberta-labels-regression": case("roberta", "labels", {"problem_type": "regression",
                                                            "id2label": {0: "score"}}),
    "bert-labels-one": case("bert", "labels", {"id2label": {0: "LABEL_0"}}, dtype=torch.bfloat16),
    "bert-labels-unnamed": case("bert", "labels", {"id2label": {0: "LABEL_0", 1: "LABEL_1"}},
                                unpublished=["id2label", "label2id"]),
    "distilbert-masked-lm-relu": case("distilbert", "masked-lm", {"activation": "relu"}),
    "electra-masked-lm-silu": case("electra", "masked-lm", {"embedding_size": 28,
                                                            "hidden_act": "silu"}),
    "electra-choices-mean": case("electra", "choices", {"summary_type": "mean",
                                                        "summary_activation": "relu"}),
    "electra-choices-last": case("electra", "choices", {"summary_type": "last",
                                                        "summary_activation": "tanh"}),
    "convbert-choices-product": case("convbert", "choices", {
        "summary_use_proj": True, "summary_activation": "relu", "summary_type": "cls_index"}),
    "convbert-masked-lm-untied": case("convbert", "masked-lm", {"tie_word_embeddings": False}),
    # The last token of every sequence is padding; without an id of padding nothing is.
    "llama-labels-padding": case("llama", "labels", {"pad_token_id": 259}),
    "qwen2-labels-no-padding": case("qwen2", "labels", {"pad_token_id": None}),
    "qwen3-labels-one": case("qwen3", "labels", {"id2label": {0: "LABEL_0"}}, dtype=torch.bfloat16),
    "xlnet-labels-mean": case("xlnet", "labels", {"summary_type": "mean",
                                                  "summary_activation": "gelu"}),
    "xlnet-labels-first": case("xlnet", "labels", {"summary_type": "first",
                                                   "summary_use_proj": False}),
    # An activation without a product.
    "convbert-choices-activation": case("convbert", "choices", {"summary_activation": "tanh"}),
    "xlnet-choices-no-product": case("xlnet", "choices", {"summary_use_proj": False,
                                                          "summary_type": "cls_index"}),
    "xlm-labels-activation": case("xlm", "labels", {"summary_type": "last",
                                                    "summary_activation": "tanh"}),
    "xlm-choices-activation": case("xlm", "choices", {
        "summary_type": "mean", "summary_activation": "silu",
        "id2label": dict(enumerate(NAMES))}),
    "xlm-masked-lm-untied": case("xlm", "masked-lm", {"tie_word_embeddings": False}),
    # As the authors publish it: another prefix, no biases in the head.
    "nomic-bert-pretraining": case("nomic-bert", "masked-lm", {"hidden_act": "gelu"}, prefix="bert.", unbiased=[
        "cls.predictions.transform.dense.bias", "cls.predictions.bias"],
        architecture="NomicBertForPreTraining"),
    "roberta-labels-relu": case("roberta", "labels", {"hidden_act": "relu"}),
    "bart-masked-lm": case("bart", "masked-lm", suffix="ForConditionalGeneration"),
    "bart-masked-lm-untied": case("bart", "masked-lm", {"tie_word_embeddings": False},
                                  suffix="ForConditionalGeneration"),
    "mbart-masked-lm": case("mbart", "masked-lm", suffix="ForConditionalGeneration"),
    "gpt2-choices": case("gpt2", "choices", {"summary_activation": "tanh"},
                         suffix="DoubleHeadsModel"),
    "opt-labels-narrow-words": case("opt", "labels", {"word_embed_proj_dim": 20}),
    "opt-spans-narrow-words": case("opt", "spans", {"word_embed_proj_dim": 20,
                                                    "do_layer_norm_before": False}),
    "deberta-masked-lm-own-names": case("deberta", "masked-lm", {"legacy": False}),
    "deberta-v2-masked-lm-own-names": case("deberta-v2", "masked-lm", {"legacy": False}),
    "eurobert-masked-lm-tied": case("eurobert", "masked-lm", {"tie_word_embeddings": True}),
    "rembert-masked-lm": case("rembert", "masked-lm", {"output_embedding_size": 36,
                                                       "hidden_act": "relu"}),
    "mobilebert-masked-lm-narrow": case("mobilebert", "masked-lm", {"embedding_size": 12}),
    # With the prefix that transformers saves.
    "gte-labels-own-prefix": case("gte", "labels", prefix="gte.", unbiased=[]),
})


def model_class(c, suffix):
    return getattr(transformers, FAMILIES[c["family"]][0] + suffix)


def published_config(c, config):
    published = config.to_diff_dict()
    named = c.get("architecture", FAMILIES[c["family"]][0] + c["suffix"])
    published.update(architectures=[named],
                     tie_word_embeddings=getattr(config, "tie_word_embeddings", True))
    for name in ("dtype", *c.get("unpublished", ())):
        published.pop(name, None)
    return published


def published_state(name, c, model):
    state = random_state(name, model)
    for key in c.get("own", ()):
        state[key] = random_tensor(name, key, tuple(model.state_dict()[key].shape))
    for key, source in c.get("copies", {}).items():
        state[key] = state[source].clone()
    for key in c.get("unbiased", ()):
        state[key].zero_()
    for key in c.get("dropped", ()):
        del state[key]
    if c.get("old_names"):
        state = {old_norm_names(key): tensor for key, tensor in state.items()}
    return {c.get("below", "") + key: tensor.to(c.get("dtype", torch.float16))
            for key, tensor in state.items()}


def write_folder(root, name, c):
    _, sizes, make_tokenizer = FAMILIES[c["family"]]
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    if make_tokenizer:
        tokenizer, tokenizer_config = make_tokenizer(max_length=40)
        n_ids = tokenizer.get_vocab_size()
    else:
        n_ids, tokenizer_config = 0x110000, {"tokenizer_class": "CanineTokenizer"}
    config = model_class(c, "Config")(vocab_size=n_ids, **{**sizes, **c["settings"]})
    model = model_class(c, c["suffix"])(config)
    state = published_state(name, c, model)
    if c["family"] in RENAMED:
        model.load_state_dict(state, strict=False)
        model.half().save_pretrained(root)
        old, new = RENAMED[c["family"]]
        state = {new + key[len(old):] if key.startswith(old) else key: tensor
                 for key, tensor in load_file(root / "model.safetensors").items()}
    save_file(state, root / "model.safetensors")
    write_json(root / "config.json", published_config(c, config))
    write_json(root / "tokenizer_config.json", tokenizer_config)
    if make_tokenizer:
        tokenizer.save(str(root / "tokenizer.json"), pretty=False)


def load(root, c):
    """The reference must find every parameter in the folder: it fills in others silently."""
    model, found = model_class(c, c["suffix"]).from_pretrained(
        root, dtype=torch.float32, output_loading_info=True)
    assert not found["missing_keys"] and not found["mismatched_keys"], (root, found)
    return model.eval()


def strip(root, c):
    """What the reference must have and published files do not."""
    if "prefix" not in c:
        return
    old = RENAMED[c["family"]][1]
    state = {c["prefix"] + key[len(old):] if key.startswith(old) else key: tensor
             for key, tensor in load_file(root / "model.safetensors").items()
             if key not in c["unbiased"]}
    save_file(state, root / "model.safetensors")


def separated(ids, n_separators, separator):
    """The ids of a question or choice (a third of them), separators, the rest, a separator."""
    ids = [separator + 1 if i == separator else i for i in ids]
    at = len(ids) // 3
    ids[at:at + n_separators - 1] = [separator] * (n_separators - 1)
    ids[-1] = separator
    return ids


def calls(name, c, config):
    """Random ids with the first and the last of the vocabulary among them."""
    rng = numpy.random.Generator(numpy.random.PCG64(len(name)))
    types = TYPES.get(c["family"], getattr(config, "type_vocab_size", 0) or 0)
    kind, n_separators = c["kind"], SEPARATORS.get((c["family"], c["kind"]), 0)
    for n in MORE_LENGTHS if kind in ("labels", "choices") else LENGTHS:
        if n < SHORTEST.get(c["family"], 1):
            continue
        call = {"ids": rng.integers(0, config.vocab_size, n).tolist()}
        call["ids"][-1] = config.vocab_size - 1
        if kind == "labels" and getattr(config, "is_encoder_decoder", False):
            call["ids"][-1 if n < 9 else -3] = config.eos_token_id
        if n_separators:
            if n < 2 * n_separators:
                continue
            call["ids"] = separated(call["ids"], n_separators, config.sep_token_id)
        elif types > 1:
            call["types"] = [int(2 * i >= n) for i in range(n)]
        yield call


def logits(model, kind, call):
    """[rows][width] of one sequence."""
    base = model.base_model
    if hasattr(base, "set_attention_type"):  # one short text turns it to full attention for good
        base.set_attention_type(model.config.attention_type)
    fed = {"input_ids": torch.tensor([call["ids"]])}
    if "types" in call:
        fed["token_type_ids"] = torch.tensor([call["types"]])
    if model.config.model_type in LENGTH_BY_PADDING:
        fed["attention_mask"] = torch.ones_like(fed["input_ids"])
    if kind == "choices":
        fed = {key: value[None] for key, value in fed.items()}
    out = model(**fed)
    if kind == "spans":
        return torch.stack([out.start_logits[0], out.end_logits[0]], -1)
    if kind == "masked-lm":
        return (out.prediction_logits if "prediction_logits" in out else out.logits)[0]
    if "mc_logits" in out:
        return out.mc_logits
    return out.logits if kind in ("labels", "choices") else out.logits[0]


def kept_positions(kind, rows):
    """A vocabulary is wide: few rows of it say as much as all. BigBird lowers the scores of a
    question by a million."""
    if kind == "masked-lm":
        return list(range(0, len(rows), 7))
    return [i for i, row in enumerate(rows) if row.min() > -1e5]


def problem(config):
    """As transformers' text-classification pipeline decides."""
    if config.problem_type == "regression":
        return "regression"
    one = config.num_labels == 1
    return "multi" if config.problem_type == "multi_label_classification" or one else "single"


def make(name):
    root, c = OUT / name, CASES[name]
    write_folder(root, name, c)
    model, kind = load(root, c), c["kind"]
    strip(root, c)
    record(root, name, c, model, lambda m, call: logits(m, kind, call))


def record(root, name, c, model, run):
    """What the model makes of random sequences."""
    kind = c["kind"]
    rows, exact, done = [], [], []
    for call in calls(name, c, model.config):
        got = run(model.float(), call)
        kept = [0] if kind in ("labels", "choices") else kept_positions(kind, got)
        if kind not in ("labels", "choices"):
            call["positions"] = kept
        done.append({**call, "row": len(rows), "rows": len(kept)})
        rows.extend(got[kept].numpy())
        exact.extend(run(model.double(), call)[kept].numpy())
    rows, exact = numpy.stack(rows), numpy.stack(exact)
    error = abs(rows - exact).max()
    assert numpy.isfinite(rows).all() and error < 1e-4, (name, error)
    head = {"case": name, "kind": "logits", "head": kind, "shape": list(rows.shape),
            "max_error_of_reference": float("%.1e" % error),
            "max_abs": float("%.1e" % abs(rows).max()), "versions": versions()}
    if kind in ("labels", "token-labels"):
        head["labels"] = [model.config.id2label[i] for i in range(model.config.num_labels)]
    if kind == "labels":
        head["problem"] = problem(model.config)
    write_f32(root / "expected.f32", rows)
    write_rows(root / "expected.json", head, "calls", done)
    size = sum(f.stat().st_size for f in root.rglob("*") if f.is_file())
    print("%-30s %4d KB %-10s max %.1f, reference error %.1e"
          % (name, size >> 10, rows.shape, abs(rows).max(), error))


if __name__ == "__main__":
    transformers.set_seed(0)
    with torch.inference_mode():
        for each in sys.argv[1:] or CASES:
            make(each)
