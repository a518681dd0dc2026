#!/usr/bin/env python3
"""Write tests/goldens/late/: folders of late interaction (ColBERT) in every published form, random
weights, each with what MultiVectorEncoder makes of texts. One row of CASES is one folder.

usage: tools/goldens/late.py [CASE...]     default: all

expected.json    "calls": text, whether it is a query, the ids fed, "seen" (how many of them the
                 others see, where that is not all), its rows in expected.f32
                 "scores": of each query with each document, in their order
expected.f32     [rows][width]: a vector for each token that counts
"""

import functools
import json
import shutil
import string
import sys

from reference import GOLDENS, numpy, torch, transformers, versions, write_f32, write_rows
from safetensors.torch import load_file
from sentence_transformers import MultiVectorEncoder
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
from sparse import MODERNBERT, ROBERTA, save
from tiny import BERT, DISTILBERT, MPNET, QWEN3
from tiny_folders import random_tensor, save_file, write_json, write_transformer
from tiny_tokenizers import bert_tokenizer, mpnet_tokenizer, qwen_tokenizer, roberta_tokenizer
from tokenizers import AddedToken
from torch import nn

OUT = GOLDENS / "late"
QUERIES = ["happy person", "Is this question, number 3, UNANSWERABLE?", "",
           "one two three people may go back to the state " * 4, "a [MASK] of [D] it's [unused1]"]
DOCUMENTS = ["That is a happy person!", "The quick, brown fox; jumps over (the) lazy dog.", "",
             "...", "one two three people, may go back to the state. " * 9,
             "caf\u00e9 [Q] \u4e2d\u6587 [MASK] it's - [unused0] #"]
PUNCTUATION = list(string.punctuation)


def marked(made, *markers, **how):
    """A tokenizer that has markers as added tokens."""
    def make():
        tokenizer, config = made()
        tokenizer.add_tokens([AddedToken(m, **how) for m in markers])
        return tokenizer, config
    return make


def unused(**options):
    """BERT's vocabulary has [unused0] and so on, which are no added tokens."""
    tokenizer, config = bert_tokenizer(**options)
    document = json.loads(tokenizer.to_str())
    vocabulary = document["model"]["vocab"]
    for i in range(3):
        vocabulary[f"[unused{i}]"] = len(vocabulary)
    return type(tokenizer).from_str(json.dumps(document)), config


def fixed(length, attend=False, **more):
    return {"strategy": "fixed", "length": length, "attend": attend, **more}


def minimum(length, attend=False, **more):
    return {"strategy": "min", "length": length, "attend": attend, **more}


def bert(**row):
    return {"config": BERT, "tokenizer": bert_tokenizer, "dense": [12],
            "prompts": {"query": "query: ", "document": "the passage: "}, **row}


CASES = {
    "bert-fixed": bert(transformer={"query_expansion": fixed(20), "document_length": 40},
                       skip=PUNCTUATION),
    "bert-fixed-attended": bert(transformer={"query_expansion": fixed(20, True)}),
    "bert-min": bert(transformer={"query_expansion": minimum(20, token="[UNK]"),
                                  "query_length": 27}, skip=[",", ".", "dog", "no token"],
                     tasks=["query", "document"], similarity="meanmaxsim"),
    "bert-min-attended": bert(transformer={"query_expansion": minimum(17, True)}, dense=[24, 8],
                              normalize=False),
    "bert-lengths": bert(transformer={"query_length": 9, "document_length": 12}, skip=["."],
                         tasks="query", prompts={"query": "query: "}, dense=[]),
    "bert-kept": bert(keep=[2, 30, 31, 40, 41, 42, 43, 44, 45, 200, 201, 202]),
    "distilbert-fixed": {"config": DISTILBERT, "tokenizer": bert_tokenizer, "dense": [10],
                         "transformer": {"query_expansion": fixed(18)}, "skip": PUNCTUATION},
    "roberta-min": {"config": ROBERTA, "tokenizer": roberta_tokenizer, "dense": [14],
                    "transformer": {"query_expansion": minimum(22)},
                    "prompts": {"query": "Q: ", "document": ""}},
    "mpnet-fixed": {"config": MPNET, "tokenizer": mpnet_tokenizer, "dense": [10],
                    "transformer": {"query_expansion": fixed(24)}},
    "modernbert-fixed": {"config": MODERNBERT, "dense": [16],
                         "tokenizer": marked(bert_tokenizer, "[Q] ", "[D] ", normalized=True),
                         "transformer": {"query_expansion": fixed(12)}, "skip": PUNCTUATION,
                         "prompts": {"query": "[Q] ", "document": "[D] "}},
    "qwen3-attended": {"config": QWEN3, "tokenizer": qwen_tokenizer, "dense": [12],
                       "transformer": {"query_expansion": fixed(20, True,
                                                                token="<|endoftext|>")}},
    # As PyLate writes them: what is in no module stands in config_sentence_transformers.json.
    "pylate": bert(pylate={"query_prefix": "[Q] ", "document_prefix": "[D] ", "query_length": 19,
                           "document_length": 40, "attend_to_expansion_tokens": False,
                           "skiplist_words": PUNCTUATION, "model_type": "ColBERT"},
                   tokenizer=marked(bert_tokenizer, "[Q] ", "[D] ", normalized=True)),
    "pylate-unused": bert(pylate={"query_prefix": "[unused0]", "document_prefix": "[unused1]",
                                  "query_length": 21, "document_length": 30,
                                  "attend_to_expansion_tokens": True, "model_type": "ColBERT",
                                  "prompts": {"query": "query: ", "document": "[unused1]a "}},
                          tokenizer=unused),
    "pylate-unknown": bert(pylate={"query_prefix": "[Q] ", "document_prefix": "[D] ",
                                   "do_query_expansion": False, "query_length": 11,
                                   "skiplist_words": ["of"], "model_type": "ColBERT",
                                   "similarity_fn_name": "cosine"}),
    "pylate-modernbert": {"config": MODERNBERT, "dense": [16], "pylate": {
        "query_prefix": "[Q] ", "document_prefix": "[D] ", "query_length": 16,
        "document_length": 48, "model_type": "ColBERT"},
        "tokenizer": marked(roberta_tokenizer, "[Q] ", "[D] ", normalized=False)},
    # As Stanford's ColBERT writes them.
    "stanford": bert(stanford={"query_maxlen": 18, "doc_maxlen": 44, "mask_punctuation": True,
                               "attend_to_mask_tokens": False, "query_token_id": "[unused0]",
                               "doc_token_id": "[unused1]"}, tokenizer=unused),
    "stanford-options": bert(stanford={"query_maxlen": 25, "mask_punctuation": False,
                                       "attend_to_mask_tokens": True,
                                       "query_token_id": "[unused2]"}, tokenizer=unused),
    # Wide enough for products in low precision.
    "stanford-wide": bert(stanford={"query_maxlen": 12, "query_token_id": "[unused0]"},
                          config=functools.partial(BERT, hidden_size=64, num_hidden_layers=1),
                          dense=[16], tokenizer=unused),
    "stanford-bare": bert(stanford=None, tokenizer=unused),
}


def made_dense(name, i, width, out):
    dense = Dense(width, out, bias=i > 0, activation_function=nn.Tanh() if i > 0 else nn.Identity(),
                  module_input_name="token_embeddings")
    with torch.no_grad():
        for key, parameter in dense.named_parameters():
            parameter.copy_(random_tensor(name, f"{i}.{key}", tuple(parameter.shape)))
    return dense


def write_native(root, plain, name, c, width):
    modules = [Transformer(str(plain), model_kwargs={"dtype": torch.float16},
                           **c.get("transformer", {}))]
    for i, out in enumerate(c["dense"]):
        modules.append(made_dense(name, i, width, out))
        width = out
    modules.append(MultiVectorMask(c.get("skip"), skiplist_tasks=c.get("tasks"),
                                   keep_only_token_ids=c.get("keep")))
    if c.get("normalize", True):
        modules.append(Normalize(module_input_name="token_embeddings"))
    save(MultiVectorEncoder(modules=modules, device="cpu", prompts=c.get("prompts"),
                            similarity_fn_name=c.get("similarity")), root)


def write_pylate(root, plain, name, c, width):
    shutil.copytree(plain, root)
    write_json(root / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"}])
    write_json(root / "sentence_bert_config.json", {"max_seq_length": 60, "do_lower_case": False})
    write_json(root / "config_sentence_transformers.json", {
        "__version__": {"sentence_transformers": "4.0.2"}, "prompts": {},
        "default_prompt_name": None, **c["pylate"]})
    (root / "1_Dense").mkdir()
    write_json(root / "1_Dense/config.json", {
        "in_features": width, "out_features": c["dense"][0], "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity", "use_residual": False})
    save_file({"linear.weight": random_tensor(name, "dense", (c["dense"][0], width))},
              root / "1_Dense/model.safetensors")


def write_stanford(root, plain, name, c, width):
    shutil.copytree(plain, root)
    weights = {"bert." + key: value for key, value in
               load_file(root / "model.safetensors").items()}
    weights["linear.weight"] = random_tensor(name, "linear", (c["dense"][0], width)).half()
    save_file(weights, root / "model.safetensors")
    config = json.loads((root / "config.json").read_text())
    write_json(root / "config.json", {**config, "architectures": ["HF_ColBERT"]})
    if c["stanford"] is not None:
        write_json(root / "artifact.metadata", c["stanford"])


def encode(model, text, task):
    ask = model.encode_query if task == "query" else model.encode_document
    return ask(text).float().numpy()


def fed(model, text, task):
    """The ids that a text becomes, and how many of them are seen."""
    prompt = model.prompts.get(task) or ""
    features = model.preprocess([text], prompt=prompt, task=task)
    return (features["input_ids"][0].tolist(), int(features["attention_mask"][0].sum()))


def make(name):
    root, c = OUT / name, CASES[name]
    plain = root.with_name(name + "-plain")
    shutil.rmtree(root, ignore_errors=True)
    width = write_transformer(plain, name, {"dtype": torch.float16, **c})
    write = (write_stanford if "stanford" in c else write_pylate if "pylate" in c
             else write_native)
    write(root, plain, name, c, width)
    shutil.rmtree(plain)
    model = MultiVectorEncoder(str(root), device="cpu", model_kwargs={"dtype": torch.float32})
    asked = [(t, "query") for t in QUERIES] + [(t, "document") for t in DOCUMENTS]
    vectors = [encode(model, *call) for call in asked]
    calls, at = [], 0
    for (text, task), rows in zip(asked, vectors):
        ids, seen = fed(model, text, task)
        calls.append({"text": text, "query": task == "query", "ids": ids, "row": at,
                      "rows": len(rows), **({"seen": seen} if seen < len(ids) else {})})
        at += len(rows)
    scores = model.similarity([torch.from_numpy(v) for v in vectors[:len(QUERIES)]],
                              [torch.from_numpy(v) for v in vectors[len(QUERIES):]])
    model.double()
    rows = numpy.concatenate(vectors)
    error = abs(rows - numpy.concatenate([encode(model, *call) for call in asked])).max()
    assert numpy.isfinite(rows).all() and error < 1e-4, (name, error)
    head = {"case": name, "kind": "late vectors", "shape": list(rows.shape),
            "max_error_of_reference": float("%.1e" % error),
            "function": model.similarity_fn_name, "scores": scores.tolist(),
            "prompts": model.prompts, "versions": versions()}
    write_f32(root / "expected.f32", rows)
    write_rows(root / "expected.json", head, "calls", calls)
    size = sum(f.stat().st_size for f in root.rglob("*") if f.is_file())
    print("%-20s %4d KB, rows of calls %s, reference error %.1e"
          % (name, size >> 10, [call["rows"] for call in calls], error))


if __name__ == "__main__":
    transformers.set_seed(0)
    with torch.inference_mode():
        for case in sys.argv[1:] or CASES:
            make(case)
