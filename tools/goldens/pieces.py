#!/usr/bin/env python3
"""Write tests/goldens/pieces/CASE/: folders without a tokenizer.json, and what the reference makes
of texts with them (expected.json).

usage: tools/goldens/pieces.py          needs transformers==5.23.0, sentencepiece==0.2.3

Small sentencepiece models are trained on the texts of texts.py; one has the character map nmt_nfkc
that the published multilingual models have, the others none, to stay small. RemBERT's class of this
transformers forgets its special tokens, and takes [CLS] for the unknown token; both are set here as
its converter sets them.
"""

import io
import json
import os
import pathlib
import shutil
import types

import sentencepiece
import texts
from tokenizers import Tokenizer, processors
from transformers import AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens"
OUT = ROOT / "pieces"
ALBERT = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1,
          "control_symbols": "[CLS],[SEP]", "user_defined_symbols": "[MASK],(,)"}
DEBERTA = {"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "bos_piece": "[CLS]",
           "eos_piece": "[SEP]", "unk_piece": "[UNK]", "pad_piece": "[PAD]"}
XLNET = {"unk_id": 0, "bos_id": 1, "eos_id": 2, "user_defined_symbols": "<eop>,.,(,)",
         "control_symbols": "<cls>,<sep>,<pad>,<mask>,<eod>"}
T5 = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
LLAMA = {"model_type": "bpe", "byte_fallback": True, "split_digits": True,
         "remove_extra_whitespaces": False}
# name: file, model_type, tokenizer_config.json, training
CASES = {
    "xlm-roberta": ("sentencepiece.bpe.model", "xlm-roberta", {},
                    {"normalization_rule_name": "nmt_nfkc"}),
    "camembert": ("sentencepiece.bpe.model", "camembert",
                  {"tokenizer_class": "CamembertTokenizer"}, {}),
    "mbart": ("sentencepiece.bpe.model", "mbart", {"src_lang": "de_DE"}, {}),
    "t5": ("spiece.model", "t5", {"tokenizer_class": "T5Tokenizer", "extra_ids": 7}, T5),
    "albert": ("spiece.model", "albert", {}, ALBERT),
    "albert-cased": ("spiece.model", "albert", {"do_lower_case": False, "keep_accents": True},
                     ALBERT),
    "big-bird": ("spiece.model", "big_bird", {}, ALBERT),
    "rembert": ("sentencepiece.model", "rembert", {},
                {**ALBERT, "control_symbols": "[CLS],[SEP],[MASK]", "user_defined_symbols": ""}),
    "xlnet": ("spiece.model", "xlnet", {"tokenizer_class": "XLNetTokenizerFast"}, XLNET),
    "deberta-v2": ("spm.model", "deberta-v2", {}, DEBERTA),
    "deberta-v2-punct": ("spm.model", "deberta-v2",
                         {"do_lower_case": True, "split_by_punct": True}, DEBERTA),
    "llama": ("tokenizer.model", "llama",
              {"tokenizer_class": "LlamaTokenizer", "legacy": True, "add_bos_token": True}, LLAMA),
    "llama-new": ("tokenizer.model", "llama",
                  {"tokenizer_class": "LlamaTokenizer", "add_eos_token": True}, LLAMA),
}
BYTES = {
    "roberta": ("roberta", {}, {}),
    "longformer": ("longformer", {"add_prefix_space": True, "mask_token": {
        "__type": "AddedToken", "content": "<mask>", "lstrip": True, "rstrip": False,
        "single_word": False, "normalized": True}}, {}),
    "gpt2": ("gpt2", {}, {"<s>": "<|endoftext|>"}),
    "opt": ("opt", {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True,
                    "bos_token": "</s>", "eos_token": "</s>", "unk_token": "</s>"}, {}),
    "deberta": ("deberta", {}, {"<s>": "[CLS]", "</s>": "[SEP]"}),
}
WORDPIECE = {
    "funnel": {"[CLS]": "<cls>", "[SEP]": "<sep>", "[UNK]": "<unk>", "[PAD]": "<pad>",
               "[MASK]": "<mask>"},
    "mpnet": {"[CLS]": "<s>", "[SEP]": "</s>", "[PAD]": "<pad>", "[MASK]": "<mask>"},
}
RESIDUES = ["<cls>", "<pad>", "<eos>", "<unk>", *"LAGVSERTIDPKQNFYMHWCXBUZO.-", "<null_1>", "<mask>"]
PROTEINS = [("MKTAYIAK<mask>RQISF VKSHFSRQ<null_1>LEERLGLIEVQ", None),
            ("MKT aYIAx-K.", "<cls>LAGV  ab<mask>\tZ")]
CHARACTERS = [("a \ue003b\ue001 \ue000c\x00", "\ue004\U0010ffff\U0001f600 \ue002")]


def all_texts():
    for row in json.loads((ROOT / "texts.json").read_text()):
        if len(row["text"]) < 300:
            yield row["text"], None
    yield "``quoted'' text", "a pair  with   spaces"
    yield " <mask> and [MASK]</s>[SEP] (x) <extra_id_3>.", "\u24e9\ufb01 \u0301e \r\n\t\u2581"


def train(options):
    model = io.BytesIO()
    corpus = texts.SENTENCES * 5 + [" ".join(texts.WORDS[i:i + 9]) for i in range(len(texts.WORDS))]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=model, hard_vocab_limit=False, minloglevel=2,
        **{"vocab_size": 560 if "byte_fallback" in options else 260, "num_threads": 1,
           "normalization_rule_name": "identity", **options})
    return model.getvalue()


def reference(folder, model_type):
    tokenizer = AutoTokenizer.from_pretrained(folder).backend_tokenizer
    if model_type == "rembert":
        document = json.loads(tokenizer.to_str())
        document["model"]["unk_id"] = 1
        tokenizer = Tokenizer.from_str(json.dumps(document))
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


class Characters:
    """CANINE's tokenizer, which has no backend: its ids, and the offsets that characters have."""

    def __init__(self, folder):
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def encode(self, text, pair):
        out = self.tokenizer(text, pair)
        offsets = [(0, 0)]
        for each in (text, pair):
            if each is not None:
                offsets += [(i, i + 1) for i in range(len(each))] + [(0, 0)]
        assert len(offsets) == len(out["input_ids"])
        return types.SimpleNamespace(ids=out["input_ids"], offsets=offsets,
                                     type_ids=out["token_type_ids"])


class Residues(Characters):
    """ESM's, which has none either: offsets by looking for the tokens one after the other."""

    def encode(self, text, pair):
        out = self.tokenizer(text, pair)
        offsets = [(0, 0)]
        for each in (text, pair):
            at = 0
            for token in self.tokenizer.tokenize(each) if each is not None else ():
                at = each.index(token, at) + len(token)
                offsets.append((at - len(token), at))
            if each is not None:
                offsets.append((0, 0))
        assert len(offsets) == len(out["input_ids"])
        return types.SimpleNamespace(ids=out["input_ids"], offsets=offsets,
                                     type_ids=[0] * len(offsets))


def write(name, model_type, config, files, more=()):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, content in {**files, "config.json": json.dumps({"model_type": model_type}),
                          "tokenizer_config.json": json.dumps(config)}.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / file).write_bytes(data)
    characters = model_type == "canine"
    make = {"canine": Characters, "esm": Residues}.get(model_type)
    tokenizer = make(folder) if make else reference(folder, model_type)
    cases = []
    for text, pair in [*all_texts(), *more]:
        if characters and len(text) > 60 or model_type == "esm" and "\x1c" in text:
            continue  # Python divides words at separators that Unicode calls no white space
        e = tokenizer.encode(text, pair)
        cases.append({"text": text, **({"pair": pair} if pair is not None else {}), "ids": e.ids,
                      "offsets": [list(o) for o in e.offsets], "type_ids": e.type_ids})
    (folder / "expected.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")


def main():
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    for name, (file, model_type, config, options) in CASES.items():
        write(name, model_type, config, {file: train(options)})
    model = json.loads((ROOT / "tiny" / "roberta-plain" / "tokenizer.json").read_text())["model"]
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    for name, (model_type, config, renamed) in BYTES.items():
        vocabulary = {renamed.get(token, token): i for token, i in model["vocab"].items()}
        write(name, model_type, config, {
            "vocab.json": json.dumps(vocabulary),
            "merges.txt": "#version: 0.2\n" + "\n".join(merges) + "\n"})
    bert = (ROOT / "tiny" / "bert-vocab-txt" / "vocab.txt").read_text()
    for name, renamed in WORDPIECE.items():
        lines = "".join(renamed.get(line.strip(), line.strip()) + "\n" for line in bert.splitlines())
        write(name, name, {}, {"vocab.txt": lines})
    write("esm", "esm", {"tokenizer_class": "EsmTokenizer"}, {"vocab.txt": "\n".join(RESIDUES)},
          PROTEINS)
    write("canine", "canine", {"tokenizer_class": "CanineTokenizer"}, {}, CHARACTERS)


if __name__ == "__main__":
    main()
