#!/usr/bin/env python3
"""Write goldens of model_type "new", the GTE models whose code is not in transformers, below
tests/goldens/architectures/ and tests/goldens/heads/.

usage: tools/goldens/new_model.py [CASE...]     default: all

There is no reference to ask: models of this type come with code of their own, which is not run
here. The model below is written anew from the formulas: post-norm layers with rotary positions and
a gated feed-forward (Zhang et al. 2024, "mGTE"), frequencies stretched as https://kexue.fm/archives/9706
has it (formulas 6, and 10 to 13 with "mixed_b"), queries scaled by the logarithm of the length
(https://kexue.fm/archives/8823). Weights have the published names.
"""

import math
import shutil
import sys
from types import SimpleNamespace

import architectures
import heads
from reference import numpy, torch
from tiny_folders import random_tensor, save_file, write_json
from tiny_tokenizers import bert_tokenizer
from torch import nn
from torch.nn import functional

SIZES = {"model_type": "new", "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
         "intermediate_size": 36, "max_position_embeddings": 40, "type_vocab_size": 2,
         "hidden_act": "gelu", "layer_norm_type": "layer_norm", "layer_norm_eps": 1e-12,
         "position_embedding_type": "rope", "rope_theta": 10000.0, "rope_scaling": None,
         "pack_qkv": True, "logn_attention_scale": False, "logn_attention_clip1": False}
ACTIVATIONS = {"gelu": functional.gelu, "relu": functional.relu, "silu": functional.silu}


class RmsNorm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.empty(width)), eps

    def forward(self, x):
        return self.weight * x / (x.square().mean(-1, keepdim=True) + self.eps).sqrt()


def frequencies(config, dim):
    pairs = torch.arange(dim // 2, dtype=torch.float64)
    scaling = config.rope_scaling
    if not scaling:
        return config.rope_theta ** (-2 * pairs / dim)
    assert scaling["type"] == "ntk" and scaling["factor"] > 1
    factor = scaling["factor"]
    if scaling.get("mixed_b") is None:
        return (config.rope_theta * factor) ** (-2 * pairs / dim) / factor ** (2 / dim)
    a = math.log(factor) / (dim / 2) ** scaling["mixed_b"]
    slower = torch.exp(a * (pairs + 1) ** scaling["mixed_b"])
    return config.rope_theta ** (-2 * pairs / dim) / slower


def turned(x, angles):
    """x: [heads][n][dim], angles: [n][dim / 2]."""
    a, b = x.chunk(2, -1)
    sines, cosines = angles.sin().to(x.dtype), angles.cos().to(x.dtype)
    return torch.cat([a * cosines - b * sines, b * cosines + a * sines], -1)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config.hidden_size
        self.config = config
        if config.pack_qkv:
            self.qkv_proj = nn.Linear(width, 3 * width)
        else:
            self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
        self.o_proj = nn.Linear(width, width)

    def forward(self, x):
        c, n = self.config, len(x)
        products = (self.qkv_proj(x).chunk(3, -1) if c.pack_qkv
                    else (self.q_proj(x), self.k_proj(x), self.v_proj(x)))
        q, k, v = (p.view(n, c.num_attention_heads, -1).transpose(0, 1) for p in products)
        if c.position_embedding_type == "rope":
            places = torch.arange(n, dtype=torch.float64)
            angles = places[:, None] * frequencies(c, q.shape[-1])
            q, k = turned(q, angles), turned(k, angles)
        if c.logn_attention_scale:
            scale = math.log(n) / math.log(c.max_position_embeddings)
            q = q * (max(scale, 1) if c.logn_attention_clip1 else scale)
        scores = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), -1)
        return self.o_proj((scores @ v).transpose(0, 1).reshape(n, -1))


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up_gate_proj = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size)
        self.act = ACTIVATIONS[config.hidden_act]

    def forward(self, x):
        up, gate = self.up_gate_proj(x).chunk(2, -1)
        return self.down_proj(up * self.act(gate))


class Layer(nn.Module):
    def __init__(self, config):
        super().__init__()
        norm = {"layer_norm": nn.LayerNorm, "rms_norm": RmsNorm}[config.layer_norm_type]
        self.attention, self.mlp = Attention(config), Mlp(config)
        self.attn_ln = norm(config.hidden_size, config.layer_norm_eps)
        self.mlp_ln = norm(config.hidden_size, config.layer_norm_eps)

    def forward(self, x):
        x = self.attn_ln(x + self.attention(x))
        return self.mlp_ln(x + self.mlp(x))


class Dense(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)


class NewModel(nn.Module):
    def __init__(self, config, pools=False):
        super().__init__()
        width = config.hidden_size
        self.config = config
        self.embeddings = nn.Module()
        self.embeddings.word_embeddings = nn.Embedding(config.vocab_size, width)
        if config.position_embedding_type == "absolute":
            self.embeddings.position_embeddings = nn.Embedding(config.max_position_embeddings, width)
        if config.type_vocab_size:
            self.embeddings.token_type_embeddings = nn.Embedding(config.type_vocab_size, width)
        self.embeddings.LayerNorm = nn.LayerNorm(width, config.layer_norm_eps)
        self.encoder = nn.Module()
        self.encoder.layer = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.pooler = Dense(config) if pools else None

    def forward(self, call):
        ids, tables = torch.tensor(call["ids"]), self.embeddings
        x = tables.word_embeddings(ids)
        if self.config.type_vocab_size:
            x = x + tables.token_type_embeddings(torch.tensor(call.get("types", [0] * len(ids))))
        if self.config.position_embedding_type == "absolute":
            x = x + tables.position_embeddings(torch.arange(len(ids)))
        x = tables.LayerNorm(x)
        for layer in self.encoder.layer:
            x = layer(x)
        return x


class NewHead(nn.Module):
    """[rows][width] of one sequence."""

    def __init__(self, config, kind):
        super().__init__()
        width = config.hidden_size
        self.config, self.kind = config, kind
        self.new = NewModel(config, pools=kind in ("labels", "choices"))
        if kind == "masked-lm":
            self.lm_head = Dense(config)
            self.lm_head.norm = nn.LayerNorm(width, config.layer_norm_eps)
            self.lm_head.decoder = nn.Linear(width, config.vocab_size)
            self.lm_head.decoder.weight = self.new.embeddings.word_embeddings.weight
        elif kind == "spans":
            self.qa_outputs = nn.Linear(width, 2)
        else:
            self.classifier = nn.Linear(width, 1 if kind == "choices" else config.num_labels)

    def forward(self, call):
        x = self.new(call)
        if self.kind == "masked-lm":
            head = self.lm_head
            return head.decoder(head.norm(ACTIVATIONS[self.config.hidden_act](head.dense(x))))
        if self.kind == "spans":
            return self.qa_outputs(x)
        return self.classifier(self.new.pooler.dense(x[:1]).tanh() if self.new.pooler else x)


def base(**settings):
    return {"kind": None, "settings": {"vocab_size": 61, **settings}}


def head(kind, **settings):
    return {"kind": kind, "settings": {"hidden_size": 28, "num_attention_heads": 2,
                                       "num_hidden_layers": 1, "intermediate_size": 44,
                                       "problem_type": None, **heads.SETTINGS.get(kind, {}), **settings}}


NTK = {"type": "ntk", "factor": 2.5}
CASES = {
    "new": base(),
    "new-ntk": base(rope_theta=160.0, rope_scaling=NTK, type_vocab_size=1),
    "new-ntk-mixed": base(rope_theta=500.0, rope_scaling={**NTK, "mixed_b": 0.625},
                          layer_norm_type="rms_norm", layer_norm_eps=1e-3),
    "new-products": base(pack_qkv=False, hidden_act="silu", type_vocab_size=0),
    "new-absolute": base(position_embedding_type="absolute", hidden_act="relu"),
    "new-length-scale": base(logn_attention_scale=True, max_position_embeddings=200),
    "new-length-scale-least": base(logn_attention_scale=True, logn_attention_clip1=True,
                                   max_position_embeddings=40, rope_scaling=NTK),
    **{f"new-{kind}": head(kind) for kind in heads.KINDS},
    "new-masked-lm-ntk": head("masked-lm", hidden_act="silu", rope_scaling=NTK),
    "new-labels-one": head("labels", id2label={0: "LABEL_0"}),
}


def write_folder(root, name, c, config, model):
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    state = {key: random_tensor(name, key, tuple(tensor.shape)).half()
             for key, tensor in model.state_dict().items() if key != "lm_head.decoder.weight"}
    save_file(state, root / "model.safetensors")
    suffix = heads.KINDS[c["kind"]] if c["kind"] else "Model"
    fields = {key: value for key, value in vars(config).items() if key not in ("num_labels", "pad_token_id")}
    write_json(root / "config.json", {
        "architectures": ["New" + suffix],
        "auto_map": {"AutoConfig": "configuration.NewConfig", "AutoModel": "modeling.NewModel"}, **fields})
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and missing in ([], ["lm_head.decoder.weight"]), (missing, unexpected)


def make(name):
    c = CASES[name]
    config = SimpleNamespace(**{**SIZES, **c["settings"], "pad_token_id": 0})
    root = (heads.OUT if c["kind"] else architectures.OUT) / name
    if not c["kind"]:
        model = NewModel(config)
        write_folder(root, name, c, config, model)
        limits = {**c, "max_tokens": config.max_position_embeddings, **(
            {"lengths": (1, 2, 3, 17, 40, 199)} if config.max_position_embeddings > 40 else {})}
        architectures.record(root, name, limits, model, lambda m, call: m(call).numpy())
        return
    tokenizer, tokenizer_config = bert_tokenizer(max_length=40)
    config.vocab_size = tokenizer.get_vocab_size()
    config.num_labels = len(getattr(config, "id2label", ()))
    model = NewHead(config, c["kind"])
    write_folder(root, name, c, config, model)
    write_json(root / "tokenizer_config.json", tokenizer_config)
    tokenizer.save(str(root / "tokenizer.json"), pretty=False)
    heads.record(root, name, {**c, "family": "new"}, model, lambda m, call: m(call))


if __name__ == "__main__":
    numpy.random.seed(0)
    with torch.inference_mode():
        for chosen in sys.argv[1:] or CASES:
            make(chosen)
