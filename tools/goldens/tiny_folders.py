"""Writes a model folder as it would be published: config.json, safetensors, tokenizer files and
the sentence-transformers modules. All weights are random, norms, biases and tables included, so
that nothing forgotten or swapped can go unnoticed."""

import json
import shutil
import zlib

from reference import numpy, torch, transformers
from safetensors import torch as safetensors_torch

TYPES = "sentence_transformers.models."
POOLING_KEYS = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens",
                "weightedmean_tokens", "lasttoken")


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def random_tensor(case, name, shape):
    """f32 values that depend on the case, the tensor's name and its shape only."""
    rng = numpy.random.Generator(numpy.random.PCG64(zlib.crc32(f"{case}:{name}".encode())))
    values = rng.standard_normal(shape)
    if "norm" in name.lower() and name.endswith(("weight", "gamma")):
        values = 1 + 0.3 * values
    elif name.endswith(("bias", "beta")) and len(shape) == 1:
        values = 0.3 * values
    elif "embedding" in name or "relative_attention_bias" in name:
        values = 0.8 * values
    elif name.endswith("Attention.q.weight"):  # of T5, which does not scale its scores
        values = values * 0.6 / numpy.sqrt(shape[-1])
    else:
        values = values * 1.5 / numpy.sqrt(shape[-1])
    return torch.from_numpy(values.astype("float32"))


def random_state(case, model):
    """The model's tensors, random; tied ones and buffers once, as published files have them, angles
    of positions not at all."""
    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    return {name: random_tensor(case, name, tuple(t.shape))
            for name, t in model.state_dict().items()
            if name not in tied and t.is_floating_point() and not name.endswith("inv_freq")}


def old_norm_names(name):
    return (name.replace("LayerNorm.weight", "LayerNorm.gamma")
            .replace("LayerNorm.bias", "LayerNorm.beta"))


def save_file(state, path):
    path.write_bytes(safetensors_torch.save(state, metadata={"format": "pt"}))


def write_weights(folder, state, shards):
    if shards == 1:
        save_file(state, folder / "model.safetensors")
        return
    where = {}
    for i in range(shards):
        part = {n: state[n] for n in sorted(state)[i::shards]}
        file = "model-%05d-of-%05d.safetensors" % (i + 1, shards)
        save_file(part, folder / file)
        where.update(dict.fromkeys(part, file))
    size = sum(t.numel() * t.element_size() for t in state.values())
    write_json(folder / "model.safetensors.index.json",
               {"metadata": {"total_size": size}, "weight_map": where})


def write_transformer(folder, case, c):
    """config.json, weights and tokenizer of case c (a row of tiny.CASES) into folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer, tokenizer_config = c["tokenizer"]()
    sizes = {"vocab_size": tokenizer.get_vocab_size()} if tokenizer else {}
    config = c["config"](**sizes, **c.get("settings", {}))
    model = c.get("model", transformers.AutoModel.from_config)(config)
    state = random_state(case, model)
    if c.get("old_norm_names"):
        state = {old_norm_names(n): t for n, t in state.items()}
    dtype = c.get("dtype", torch.float32)
    state = {n: t.to(dtype) for n, t in state.items()}
    if c.get("position_ids"):
        state["embeddings.position_ids"] = torch.arange(config.max_position_embeddings)[None]
    if c.get("saved"):  # under the names of published files, which are not those of the class
        model.load_state_dict(state, strict=False)
        model.to(dtype).save_pretrained(folder)
        (folder / "model.safetensors").chmod(0o644)
    else:
        write_weights(folder, state, c.get("shards", 1))
    published = config.to_diff_dict()
    published.update(architectures=[type(model).__name__],
                     torch_dtype=str(dtype).removeprefix("torch."))
    published.pop("dtype", None)
    write_json(folder / "config.json", published)
    write_json(folder / "tokenizer_config.json", tokenizer_config)
    if not tokenizer:
        return config.hidden_size
    if c.get("vocab_txt"):
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        (folder / "vocab.txt").write_text("".join(t + "\n" for t, _ in vocabulary))
    else:
        tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    return config.hidden_size if hasattr(config, "hidden_size") else config.dim


def write_pooling(folder, width, pooling, include_prompt):
    folder.mkdir()
    settings = {"word_embedding_dimension": width}
    settings.update({"pooling_mode_" + key: key in pooling for key in POOLING_KEYS})
    if not include_prompt:
        settings["include_prompt"] = False
    write_json(folder / "config.json", settings)


def write_dense(folder, case, width, out, bias, activation):
    folder.mkdir()
    write_json(folder / "config.json", {"in_features": width, "out_features": out, "bias": bias,
                                        "activation_function": activation})
    state = {"linear.weight": random_tensor(case, folder.name + ".weight", (out, width))}
    if bias:
        state["linear.bias"] = random_tensor(case, folder.name + ".bias", (out,))
    save_file(state, folder / "model.safetensors")


def write_modules(root, case, c, width):
    """modules.json and the folders it names."""
    transformer_path = c.get("subfolder", "")
    modules = [(transformer_path, TYPES + "Transformer")]
    write_pooling(root / "1_Pooling", width, c["pooling"], c.get("include_prompt", True))
    modules.append(("1_Pooling", TYPES + "Pooling"))
    width *= len(c["pooling"])
    if "dense" in c:
        out, bias, activation = c["dense"]
        write_dense(root / "2_Dense", case, width, out, bias, activation)
        modules.append(("2_Dense", TYPES + "Dense"))
    if c.get("normalize"):
        modules.append(("%d_Normalize" % len(modules), TYPES + "Normalize"))
    write_json(root / "modules.json", [{"idx": i, "name": str(i), "path": path, "type": kind}
                                       for i, (path, kind) in enumerate(modules)])
    write_json(root / transformer_path / "sentence_bert_config.json",
               {"max_seq_length": c.get("max_seq_length", 64),
                "do_lower_case": c.get("do_lower_case", False)})
    about = {"__version__": {"sentence_transformers": "2.0.0", "transformers": "4.6.1",
                             "pytorch": "1.8.1"}}
    for key in ("prompts", "default_prompt_name"):
        if key in c:
            about[key] = c[key]
    write_json(root / "config_sentence_transformers.json", about)


def write_folder(root, case, c):
    shutil.rmtree(root, ignore_errors=True)
    width = write_transformer(root / c.get("subfolder", ""), case, c)
    if "pooling" in c:
        write_modules(root, case, c, width)
