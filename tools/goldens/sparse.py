#!/usr/bin/env python3
"""Write tests/goldens/sparse/: folders of sparse encoders as sentence-transformers publishes them,
random weights, each with the vectors that SparseEncoder makes of texts. One row of CASES is one folder.

usage: tools/goldens/sparse.py [CASE...]     default: all

expected.json and expected.f32 have the form of tiny/ (see tiny.py). "similarity" of expected.json is
what the folder's function gives for the first text of PAIRS and each of the others.
"""

import functools
import json
import shutil
import sys

from reference import GOLDENS, numpy, torch, transformers, versions, write_f32, write_rows
from sentence_transformers import SentenceTransformer, SparseEncoder
from sentence_transformers.base.modules import Normalize, Router, Transformer
from sentence_transformers.sparse_encoder.modules import (SparseAutoEncoder,
                                                          SparseStaticEmbedding, SpladePooling)
from tiny import BERT, CASES as TINY, DISTILBERT, PROMPT_CALLS, TEXTS, check_ids
from tiny_folders import random_tensor, write_folder, write_json, write_transformer
from tiny_tokenizers import bert_tokenizer, roberta_tokenizer
from transformers import (BertForMaskedLM, DistilBertForMaskedLM, ModernBertConfig,
                          ModernBertForMaskedLM, RobertaConfig, RobertaForMaskedLM)

OUT = GOLDENS / "sparse"
OLD = "sentence_transformers.sparse_encoder.models."
MODERNBERT = functools.partial(
    ModernBertConfig, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
    intermediate_size=20, max_position_embeddings=64, pad_token_id=0, bos_token_id=2,
    eos_token_id=3, cls_token_id=2, sep_token_id=3, local_attention=6,
    global_attn_every_n_layers=2)
ROBERTA = functools.partial(RobertaConfig, hidden_size=20, num_hidden_layers=1,
                            num_attention_heads=2, intermediate_size=36,
                            max_position_embeddings=66, pad_token_id=1, bos_token_id=0,
                            eos_token_id=2, type_vocab_size=1)
CALLS = [{"text": text} for text in TEXTS]
PAIRS = ["That is a happy person", "a happy dog", "The quick brown fox, and 2 dogs!", ""]


def bert(**row):
    return {"config": BERT, "tokenizer": bert_tokenizer, "model": BertForMaskedLM,
            "dtype": torch.float16, **row}


CASES = {
    "bert-max": bert(),
    "bert-sum": bert(splade={"pooling_strategy": "sum"}, similarity="cosine"),
    "bert-max-twice": bert(splade={"activation_function": "log1p_relu"}),
    "bert-sum-twice-active": bert(splade={"pooling_strategy": "sum",
                                          "activation_function": "log1p_relu"}, active=11),
    "bert-prompts": bert(prompts={"query": "query: ", "passage": "the passage: ", "none": ""},
                         default_prompt_name="query", calls=PROMPT_CALLS,
                         similarity="euclidean"),
    "bert-old-files": bert(old=True, similarity="manhattan", dtype=torch.float32),
    "distilbert-sum": {"config": DISTILBERT, "tokenizer": bert_tokenizer,
                       "model": DistilBertForMaskedLM, "dtype": torch.float16,
                       "splade": {"pooling_strategy": "sum"}},
    "roberta-max": {"config": ROBERTA, "tokenizer": roberta_tokenizer,
                    "model": RobertaForMaskedLM, "dtype": torch.bfloat16},
    "modernbert-max": {"config": MODERNBERT, "model": ModernBertForMaskedLM,
                       "tokenizer": bert_tokenizer, "active": 40},
    "routed": bert(splade={"activation_function": "log1p_relu"}, routed=True),
    "routed-normalized": bert(routed=True, active=30, normalize=True, old_router=True,
                              prompts={"query": "query: ", "document": "the passage: "}),
    "encoded-normalized": {"dense": "bert-mean-normalize", "hidden": 90, "k": 7,
                           "normalize": True},
    "encoded-active": {"dense": "bert-cls-mean-dense-normalize", "hidden": 50, "k": 20,
                       "active": 4},
}


def random_splade(root, name, c):
    """A folder of SparseEncoder.save, around a masked LM of random weights."""
    plain = root.with_name(name + "-plain")
    write_transformer(plain, name, c)
    modules = [Transformer(str(plain), transformer_task="fill-mask",
                           model_kwargs={"dtype": c.get("dtype", torch.float32)}),
               SpladePooling(**c.get("splade", {}))]
    if c.get("routed"):
        modules = routed(name, modules)
    if c.get("normalize"):
        modules.append(Normalize())
    save(SparseEncoder(modules=modules, device="cpu", **settings(c)), root)
    shutil.rmtree(plain)


def routed(name, modules):
    """Queries have the fixed weights of their tokens."""
    tokenizer = modules[0].tokenizer
    weight = random_tensor(name, "weight", (len(tokenizer),)).abs()
    return [Router.for_query_document([SparseStaticEmbedding(tokenizer, weight)], modules)]


def as_older_routers_are(root):
    """Files of the documents' Transformer in the model folder itself, under a module without a name."""
    place = next(root.glob("document_0_*"))
    config = json.loads((root / "router_config.json").read_text())
    config["types"][""] = config["types"].pop(place.name)
    config["structure"]["document"][0] = ""
    (root / "router_config.json").unlink()
    for path in place.iterdir():
        path.rename(root / path.name)
    place.rmdir()
    write_json(root / "router_config.json", config)


def random_auto_encoder(root, name, c):
    """The same of a dense model and an auto-encoder behind it."""
    plain = root.with_name(name + "-plain")
    write_folder(plain, name, {**TINY[c["dense"]], "dtype": torch.float16})
    modules = list(SentenceTransformer(
        str(plain), device="cpu", model_kwargs={"dtype": torch.float16}).children())
    width = next(m.get_embedding_dimension() for m in reversed(modules)
                 if hasattr(m, "get_embedding_dimension"))
    encoder = SparseAutoEncoder(width, c["hidden"], k=c["k"], k_aux=3,
                                normalize=c.get("normalize", False))
    with torch.no_grad():
        for key, parameter in encoder.named_parameters():
            parameter.copy_(random_tensor(name, key, tuple(parameter.shape)))
    save(SparseEncoder(modules=modules + [encoder], device="cpu", **settings(c)), root)
    shutil.rmtree(plain)


def settings(c):
    about = {key: c[key] for key in ("prompts", "default_prompt_name") if key in c}
    if "active" in c:
        about["max_active_dims"] = c["active"]
    return {**about, "similarity_fn_name": c.get("similarity")}


def save(model, root):
    model.save(str(root), create_model_card=False)
    for path in root.rglob("*"):
        if path.is_file():
            path.chmod(0o644)


def as_of_version_5(root):
    """The same folder as sentence-transformers 5.0 wrote it."""
    write_json(root / "modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": OLD + "MLMTransformer.MLMTransformer"},
        {"idx": 1, "name": "1", "path": "1_SpladePooling",
         "type": OLD + "SpladePooling.SpladePooling"}])
    write_json(root / "sentence_bert_config.json", {"max_seq_length": 40, "do_lower_case": False})
    pooling = json.loads((root / "1_SpladePooling/config.json").read_text())
    pooling["word_embedding_dimension"] = pooling.pop("embedding_dimension")
    write_json(root / "1_SpladePooling/config.json", pooling)


def encode(model, call, task=None):
    options = {key: call[key] for key in ("prompt", "prompt_name") if key in call}
    ask = {"query": model.encode_query, "document": model.encode_document,
           None: model.encode}[task]
    return ask(call["text"], **options).to_dense().numpy()


def make(name):
    root, c = OUT / name, CASES[name]
    shutil.rmtree(root, ignore_errors=True)
    (random_auto_encoder if "dense" in c else random_splade)(root, name, c)
    if c.get("old_router"):
        as_older_routers_are(root)
    if c.get("old"):
        as_of_version_5(root)
    model = SparseEncoder(str(root), device="cpu", model_kwargs={"dtype": torch.float32})
    asked = c.get("calls", CALLS)
    rows, calls = [encode(model, call) for call in asked], []
    for call, row in zip(asked, rows):
        prompt = call.get("prompt")
        if prompt is None:
            prompt = model.prompts.get(call.get("prompt_name", model.default_prompt_name), "")
        fed = model.preprocess([prompt + call["text"]])["input_ids"][0].tolist()
        place = next(root.glob("document_0_*"), root)
        check_ids(place, prompt + call["text"], fed, model.max_seq_length)
        calls.append({**call, "ids": fed, "row": len(calls), "rows": 1, "width": len(row)})
    tasks = ["query"] + ["document"] * len(PAIRS) if c.get("routed") else [None] * len(PAIRS)
    pairs = [torch.from_numpy(encode(model, {"text": text}, task))
             for text, task in zip(PAIRS, tasks)]
    near = model.similarity(torch.stack(pairs[:1]), torch.stack(pairs[1:]))[0].tolist()
    exact = [encode(model.double(), call) for call in asked]
    error = abs(numpy.stack(rows) - numpy.stack(exact)).max()
    assert numpy.isfinite(rows).all() and error < 1e-4, (name, error)
    head = {"case": name, "kind": "embedding", "shape": [len(rows), len(rows[0])],
            "max_tokens": model.max_seq_length,
            "max_error_of_reference": float("%.1e" % error),
            "max_abs": float("%.1e" % abs(numpy.stack(rows)).max()),
            "pairs": PAIRS, **({"query": pairs[0].tolist()} if c.get("routed") else {}), "similarity": near, "function": model.similarity_fn_name,
            "versions": versions()}
    write_f32(root / "expected.f32", numpy.stack(rows))
    write_rows(root / "expected.json", head, "calls", calls)
    size = sum(f.stat().st_size for f in root.rglob("*") if f.is_file())
    print("%-24s %4d KB, max %.1f, %d of %d not 0, reference error %.1e"
          % (name, size >> 10, numpy.stack(rows).max(), (rows[3] != 0).sum(), len(rows[3]), error))


if __name__ == "__main__":
    transformers.set_seed(0)
    with torch.inference_mode():
        for case in sys.argv[1:] or CASES:
            make(case)
