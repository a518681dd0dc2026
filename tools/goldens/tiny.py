#!/usr/bin/env python3
"""Write tests/goldens/tiny/: model folders in published formats with random weights, each with
what the reference makes of it. One row of CASES is one folder.

usage: tools/goldens/tiny.py [CASE...]     default: all

expected.json    "calls": per call the text, what was asked for (prompt, prompt_name, normalize,
                 dimensions), the token ids fed to the model (prompt included, truncated as the
                 reference truncates), and its rows in expected.f32
expected.f32     [rows][width]: one row a call for folders with modules.json (the embedding), one
                 row a token for the others (last_hidden_state)

All computing is in f32, one text at a time, whatever type the weights are stored in.
"max_error_of_reference" is what the same in f64 differs by: no implementation in f32 can be held
to less.
"""

import functools
import shutil
import sys

from reference import GOLDENS, numpy, torch, transformers, versions, write_f32, write_rows
from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer
from tiny_folders import write_folder
from tiny_tokenizers import (bert_tokenizer, mpnet_tokenizer, qwen_tokenizer,
                             roberta_tokenizer, t5_tokenizer, xlm_roberta_tokenizer)
from tokenizers import Tokenizer
from transformers import (AlbertConfig, AutoModel, AutoTokenizer, BertConfig, BertForMaskedLM,
                          BertForPreTraining, CamembertConfig, DistilBertConfig, ElectraConfig,
                          Gemma3TextConfig, MPNetConfig, Qwen3Config, RobertaConfig, T5Config,
                          T5EncoderModel, XLMRobertaConfig)

OUT = GOLDENS / "tiny"
SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
                "intermediate_size": 64, "max_position_embeddings": 64}
# Padding is id 1 in the RoBERTa family and positions start behind it.
OFFSET_POSITIONS = {**SMALL, "max_position_embeddings": 66, "pad_token_id": 1,
                    "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
BERT = functools.partial(BertConfig, **SMALL)
DISTILBERT = functools.partial(DistilBertConfig, dim=32, n_layers=2, n_heads=4, hidden_dim=64,
                               max_position_embeddings=64)
ROBERTA = functools.partial(RobertaConfig, **OFFSET_POSITIONS)
XLM_ROBERTA = functools.partial(XLMRobertaConfig, **OFFSET_POSITIONS)
CAMEMBERT = functools.partial(CamembertConfig, **OFFSET_POSITIONS)
ELECTRA = functools.partial(ElectraConfig, embedding_size=16, **SMALL)
ALBERT = functools.partial(AlbertConfig, embedding_size=16, **SMALL)
MPNET = functools.partial(MPNetConfig, **{**OFFSET_POSITIONS, "bos_token_id": 2,
                                          "pad_token_id": 1, "eos_token_id": 3})

DECODER = {**SMALL, "num_key_value_heads": 2, "head_dim": 10}
QWEN3 = functools.partial(Qwen3Config, **DECODER)
GEMMA3 = functools.partial(Gemma3TextConfig, **DECODER, sliding_window=8, pad_token_id=1,
                           bos_token_id=0, eos_token_id=2, use_bidirectional_attention=True,
                           layer_types=["sliding_attention", "full_attention"])
T5 = functools.partial(T5Config, d_model=32, d_kv=6, d_ff=44, num_layers=2, num_heads=4,
                       relative_attention_num_buckets=8, relative_attention_max_distance=20,
                       feed_forward_proj="gated-gelu", decoder_start_token_id=1, pad_token_id=1,
                       eos_token_id=2)

TANH = "torch.nn.modules.activation.Tanh"
IDENTITY = "torch.nn.modules.linear.Identity"
PROMPTS = {"prompts": {"query": "query: ", "passage": "the passage: ", "none": ""},
           "default_prompt_name": "query"}
INSTRUCTIONS = {"prompts": {"query": "Instruct: Given a question, find passages that answer it\n"
                                     "Query:", "document": ""}}

TEXTS = [
    "",
    "a",
    "That is a happy person",
    "The quick brown fox jumps over the lazy dog.",
    "Is this question, number 3, counterintuitively UNANSWERABLE?",
    "caf\u00e9 cafe\u0301 \u00c9t\u00e9 stra\u00dfe"
    " \u4e2d\u6587\u65e5\u672c \U0001f600 \u03c3\u03c2",
    "[CLS] the [MASK] of [UNK]ed [mask] <mask> </s>",
    "tab\tnul\x00zero\u200bwidth   spaces\u00a0here",
    "time " * 40 + "internationalization of the state",
    " ".join(["one two three people may go back to the state"] * 9),
]
PLAIN_CALLS = [{"text": t} for t in TEXTS]
OPTION_CALLS = PLAIN_CALLS + [
    {"text": TEXTS[3], "normalize": True},
    {"text": TEXTS[3], "dimensions": 10},
    {"text": TEXTS[3], "dimensions": 10, "normalize": True}]
PROMPT_CALLS = PLAIN_CALLS + [
    {"text": TEXTS[3], "prompt_name": "query"},
    {"text": TEXTS[3], "prompt_name": "passage"},
    {"text": TEXTS[9], "prompt_name": "passage"},
    {"text": TEXTS[3], "prompt_name": "none"},
    {"text": TEXTS[3], "prompt": "free words about it "},
    {"text": "", "prompt_name": "passage"}]
INSTRUCTION_CALLS = PLAIN_CALLS + [{"text": TEXTS[i], "prompt_name": name}
                                   for i in (3, 9) for name in ("query", "document")]


def bert(**row):
    return {"config": BERT, "tokenizer": bert_tokenizer, "pooling": ["mean_tokens"], **row}


CASES = {
    "bert-mean-normalize": bert(normalize=True, position_ids=True),
    "bert-cls": bert(pooling=["cls_token"], calls=OPTION_CALLS),
    "bert-max": bert(pooling=["max_tokens"], normalize=True),
    "bert-mean-sqrt-len-subfolder": bert(pooling=["mean_sqrt_len_tokens"], subfolder="0_BERT"),
    "bert-weightedmean": bert(pooling=["weightedmean_tokens"]),
    "bert-lasttoken": bert(pooling=["lasttoken"]),
    "bert-cls-mean-dense-normalize": bert(pooling=["cls_token", "mean_tokens"], normalize=True,
                                          dense=(24, True, TANH)),
    "bert-all-poolings": bert(pooling=["cls_token", "max_tokens", "mean_tokens",
                                       "mean_sqrt_len_tokens", "weightedmean_tokens",
                                       "lasttoken"]),
    "bert-dense-identity": bert(dense=(20, False, IDENTITY)),
    "bert-prompts": bert(normalize=True, calls=PROMPT_CALLS, **PROMPTS),
    "bert-prompts-excluded": bert(pooling=["cls_token", "mean_tokens", "weightedmean_tokens"],
                                  include_prompt=False, calls=PROMPT_CALLS, **PROMPTS),
    "bert-cased-sharded": bert(tokenizer=functools.partial(bert_tokenizer, cased=True), shards=3),
    "bert-cased-strip-accents": bert(tokenizer=functools.partial(
        bert_tokenizer, cased=True, strip_accents=True)),
    "bert-uncased-keep-accents": bert(tokenizer=functools.partial(
        bert_tokenizer, strip_accents=False)),
    "bert-f16": bert(dtype=torch.float16, normalize=True),
    "bert-bf16": bert(dtype=torch.bfloat16, normalize=True),
    "bert-gelu-new": bert(settings={"hidden_act": "gelu_new", "type_vocab_size": 1,
                                    "layer_norm_eps": 1e-5}),
    "bert-relu": bert(settings={"hidden_act": "relu", "type_vocab_size": 1}),
    "bert-odd-sizes": bert(settings={"hidden_size": 36, "num_attention_heads": 3,
                                     "intermediate_size": 52}),
    "bert-short": bert(max_seq_length=12, do_lower_case=True, tokenizer=functools.partial(
        bert_tokenizer, cased=True)),
    "bert-vocab-txt": bert(vocab_txt=True),
    "bert-saved-by-v6": bert(normalize=True, resave=True, dense=(24, True, TANH)),
    "bert-plain": {"config": BERT, "tokenizer": bert_tokenizer},
    "bert-masked-lm": {"config": BERT, "tokenizer": bert_tokenizer, "model": BertForMaskedLM},
    "bert-old-names": {"config": BERT, "tokenizer": bert_tokenizer, "model": BertForPreTraining,
                       "old_norm_names": True},
    "distilbert-plain": {"config": DISTILBERT, "tokenizer": bert_tokenizer},
    "roberta-plain": {"config": ROBERTA, "tokenizer": roberta_tokenizer},
    "xlm-roberta-plain": {"config": XLM_ROBERTA, "tokenizer": xlm_roberta_tokenizer},
    "camembert-plain": {"config": CAMEMBERT, "tokenizer": xlm_roberta_tokenizer},
    "electra-plain": {"config": ELECTRA, "tokenizer": bert_tokenizer},
    "albert-plain": {"config": ALBERT, "tokenizer": bert_tokenizer},
    "mpnet-plain": {"config": MPNET, "tokenizer": mpnet_tokenizer},
    "mpnet-mean-normalize": {"config": MPNET, "tokenizer": mpnet_tokenizer, "normalize": True,
                             "pooling": ["mean_tokens"]},
    # As Qwen3-Embedding, EmbeddingGemma and sentence-t5 are published.
    "qwen3-lasttoken": {"config": QWEN3, "tokenizer": qwen_tokenizer, "normalize": True,
                        "pooling": ["lasttoken"], "calls": INSTRUCTION_CALLS,
                        "dtype": torch.bfloat16, "shards": 2, **INSTRUCTIONS},
    "gemma3-mean-dense": {"config": GEMMA3, "tokenizer": xlm_roberta_tokenizer, "normalize": True,
                          "pooling": ["mean_tokens"], "dense": (48, False, IDENTITY),
                          "dtype": torch.float16},
    "t5-mean-dense": {"config": T5, "tokenizer": t5_tokenizer, "model": T5EncoderModel,
                      "pooling": ["mean_tokens"], "normalize": True,
                      "dense": (24, False, IDENTITY), "dtype": torch.float16},
}


def check_ids(folder, text, fed, max_tokens):
    """The reference must feed what tokenizer.json says: else the folder contradicts itself."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    ids = tokenizer.encode(text).ids
    assert ids == fed, (folder, text, ids, fed)


def check_loaded(model, folder):
    """Every parameter must come from the folder's files: the reference fills in what it does not
    find, silently."""
    files = {}
    for path in folder.glob("*.safetensors"):
        files.update(load_file(path))
    for name, parameter in model.named_parameters():
        old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta")
        stored = [files[p + n] for p in ("", "bert.") for n in (name, old) if p + n in files]
        if not stored and name.startswith("pooler."):
            continue
        assert stored and torch.equal(stored[0].float(), parameter), (folder, name)


def encode(model, call):
    options = {k: call[k] for k in ("prompt", "prompt_name") if k in call}
    return model.encode(call["text"], normalize_embeddings=call.get("normalize", False),
                        truncate_dim=call.get("dimensions"), **options)


def embeddings(root, c):
    """A folder with modules.json: rows of expected.f32, the same computed in f64, rows of
    "calls", most tokens of a sequence."""
    model = SentenceTransformer(str(root), device="cpu", model_kwargs={"dtype": torch.float32})
    check_loaded(model[0].auto_model, root / c.get("subfolder", ""))
    asked = c.get("calls", PLAIN_CALLS)
    rows = [encode(model, call) for call in asked]
    width = max(map(len, rows))
    calls = []
    for call, row in zip(asked, rows):
        prompt = call.get("prompt")
        if prompt is None:
            prompt = model.prompts.get(call.get("prompt_name", model.default_prompt_name), "")
        fed = model.preprocess([prompt + call["text"]])["input_ids"][0].tolist()
        if not (c.get("vocab_txt") or c.get("do_lower_case")):
            check_ids(root / c.get("subfolder", ""), prompt + call["text"], fed,
                      model.max_seq_length)
        calls.append({**call, "ids": fed, "row": len(calls), "rows": 1, "width": len(row)})
    exact = [encode(model.double(), call) for call in asked]
    return (numpy.stack([numpy.pad(row, (0, width - len(row))) for row in rows]),
            numpy.stack([numpy.pad(row, (0, width - len(row))) for row in exact]),
            calls, model.max_seq_length)


def hidden_states(root, c):
    """The same for a plain transformers folder: one row a token."""
    model = AutoModel.from_pretrained(root, dtype=torch.float32).eval()
    check_loaded(model, root)
    tokenizer = AutoTokenizer.from_pretrained(root)
    rows, exact, calls = [], [], []
    for call in c.get("calls", PLAIN_CALLS):
        features = tokenizer(call["text"], truncation=True, return_tensors="pt")
        fed = features["input_ids"][0].tolist()
        check_ids(root, call["text"], fed, tokenizer.model_max_length)
        hidden = model.float()(**features).last_hidden_state[0].numpy()
        calls.append({**call, "ids": fed, "row": len(rows), "rows": len(fed),
                      "width": hidden.shape[1]})
        rows.extend(hidden)
        exact.extend(model.double()(**features).last_hidden_state[0].numpy())
    return numpy.stack(rows), numpy.stack(exact), calls, tokenizer.model_max_length


def resave(root):
    """The folder as this version of sentence-transformers would publish it."""
    model = SentenceTransformer(str(root), device="cpu")
    shutil.rmtree(root)
    model.save(str(root), create_model_card=False)
    for path in root.rglob("*.safetensors"):
        path.chmod(0o644)


def make(name):
    root, c = OUT / name, CASES[name]
    write_folder(root, name, c)
    if c.get("resave"):
        resave(root)
    rows, exact, calls, max_tokens = (embeddings if "pooling" in c else hidden_states)(root, c)
    error = abs(rows - exact).max()
    assert numpy.isfinite(rows).all() and error < 1e-4, (name, error)
    head = {"case": name, "kind": "embedding" if "pooling" in c else "token vectors",
            "shape": list(rows.shape), "max_tokens": max_tokens,
            "max_error_of_reference": float("%.1e" % error),
            "max_abs": float("%.1e" % abs(rows).max()), "versions": versions()}
    write_f32(root / "expected.f32", rows)
    write_rows(root / "expected.json", head, "calls", calls)
    size = sum(f.stat().st_size for f in root.rglob("*") if f.is_file())
    print("%-30s %4d KB %-10s max %.1f, reference error %.1e"
          % (name, size >> 10, rows.shape, abs(rows).max(), error))


if __name__ == "__main__":
    transformers.set_seed(0)
    with torch.inference_mode():
        for case in sys.argv[1:] or CASES:
            make(case)
