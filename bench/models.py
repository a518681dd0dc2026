"""Model folders of published sizes with random weights, for benchmarks: what a model computes takes
the same time whatever its weights say, and nothing needs to be downloaded.

usage: bench/models.py NAME...      prints the folder of each; made once, in ~/.cache/inferd-bench

Needs tools/goldens/requirements.txt. The tokenizers are real ones of the right kind and size, learnt
from this machine's documentation (see tokenizers/folders.py).
"""

import functools
import json
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "intermediate_size": 3072, "max_position_embeddings": 512}
LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16,
         "intermediate_size": 4096, "max_position_embeddings": 512}
MINILM = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12,
          "intermediate_size": 1536, "max_position_embeddings": 512}
DEBERTA = {**BASE, "type_vocab_size": 0, "relative_attention": True, "position_biased_input": False,
           "pos_att_type": ["p2c", "c2p"], "share_att_key": True, "position_buckets": 256,
           "max_relative_positions": -1, "norm_rel_ebd": "layer_norm", "layer_norm_eps": 1e-7,
           "pad_token_id": 0}
XLM_ROBERTA = {**BASE, "max_position_embeddings": 514, "type_vocab_size": 1, "pad_token_id": 1,
               "bos_token_id": 0, "eos_token_id": 2, "layer_norm_eps": 1e-5}
BERT_TOKENIZER = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512,
                  "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]",
                  "sep_token": "[SEP]", "mask_token": "[MASK]"}
DEBERTA_TOKENIZER = {**BERT_TOKENIZER, "tokenizer_class": "PreTrainedTokenizerFast",
                     "model_input_names": ["input_ids", "attention_mask"]}
XLM_ROBERTA_TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, "bos_token": "<s>",
    "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>",
    "pad_token": "<pad>", "mask_token": "<mask>",
    "model_input_names": ["input_ids", "attention_mask"]}
NLI = ("contradiction", "neutral", "entailment")

# name: class of transformers, config, labels, tokenizer family and its tokenizer_config.json
MODELS = {
    "minilm-l6-embedding": ("BertModel", MINILM, (), "wordpiece-uncased", BERT_TOKENIZER),
    "bert-base-embedding": ("BertModel", BASE, (), "wordpiece-uncased", BERT_TOKENIZER),
    "bert-large-embedding": ("BertModel", LARGE, (), "wordpiece-uncased", BERT_TOKENIZER),
    "bert-base-labels": ("BertForSequenceClassification", BASE, ("negative", "positive"),
                         "wordpiece-uncased", BERT_TOKENIZER),
    "bert-base-ranker": ("BertForSequenceClassification", BASE, ("LABEL_0",), "wordpiece-uncased",
                         BERT_TOKENIZER),
    "minilm-l6-ranker": ("BertForSequenceClassification", MINILM, ("LABEL_0",), "wordpiece-uncased",
                         BERT_TOKENIZER),
    "xlm-roberta-base-fill": ("XLMRobertaForMaskedLM", XLM_ROBERTA, (), "unigram-250k",
                              XLM_ROBERTA_TOKENIZER),
    "deberta-v3-base-nli": ("DebertaV2ForSequenceClassification", DEBERTA, NLI, "unigram-bytes",
                            DEBERTA_TOKENIZER),
}
POOLING = {"word_embedding_dimension": None, "pooling_mode_mean_tokens": True}
MODULES = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
           {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
           {"idx": 2, "name": "2", "path": "2_Normalize",
            "type": "sentence_transformers.models.Normalize"}]


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = pathlib.Path(base) / "inferd-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_json(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")


@functools.cache
def corpus():
    import lines
    import random
    return lines.english(20000) + lines.of_catalogues(40000, random.Random(1))


def tokenizer_file(family):
    sys.path.insert(0, str(HERE / "tokenizers"))
    import folders
    path = cache_folder() / "tokenizers" / family / "tokenizer.json"
    return path if path.exists() else folders.make(family, path.parent, corpus())


def random_weights(model):
    """Of a size that keeps activations in the range of trained models."""
    import torch
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.dim() > 1:
                value.normal_(0, 0.02 if "embeddings" in name else value.shape[-1] ** -0.5,
                              generator=generator)
            elif name.endswith("weight"):
                value.fill_(1)
            else:
                value.normal_(0, 0.02, generator=generator)


def write(name, folder):
    os.environ["HF_HUB_OFFLINE"] = "1"
    import tokenizers
    import transformers
    kind, sizes, labels, family, tokenizer_config = MODELS[name]
    tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_file(family)))
    model_class = getattr(transformers, kind)
    named = {"id2label": dict(enumerate(labels)), "label2id": {n: i for i, n in enumerate(labels)}}
    config = model_class.config_class(vocab_size=tokenizer.get_vocab_size(), **sizes,
                                      **(named if labels else {}))
    model = model_class(config)
    random_weights(model)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", tokenizer_config)
    if kind.endswith("Model"):
        write_json(folder / "modules.json", MODULES)
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False})
        write_json(folder / "1_Pooling" / "config.json",
                   {**POOLING, "word_embedding_dimension": config.hidden_size})


def folder_of(name):
    """The folder of a model; made when it is not there."""
    import tempfile
    folder = cache_folder() / "models" / name
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as work:
            made = pathlib.Path(work) / name
            made.mkdir()
            write(name, made)
            made.rename(folder)
    return folder


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        if wanted not in MODELS:
            sys.exit("there is no model '%s', only: %s" % (wanted, ", ".join(MODELS)))
        print(folder_of(wanted))
