"""Exports a model folder to ONNX, once: sentence-transformers with mean pooling, or a transformers
model with a head for labels or for masks.

Pooling and normalisation are part of the graph, a masked model scores the vocabulary for the mask
only, and ONNX Runtime's own transformer optimiser fuses attention, layer norms and GELU: what
somebody would deploy who cares for speed. The int8 graph is ONNX Runtime's dynamic quantisation of
the fused one.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from models import cache_folder  # noqa: E402


def exported(model_folder, kind):
    """The .onnx path of a kind: "plain", "fused" or "int8"; exports in a child process when it is
    not there, so that torch is never loaded into the process that is measured."""
    name = pathlib.Path(model_folder).resolve().name
    paths = {"plain": cache_folder() / (name + ".onnx"), "fused": cache_folder() / (name + ".fused.onnx"),
             "int8": cache_folder() / (name + ".int8.onnx")}
    if not all(p.exists() for p in paths.values()):
        subprocess.run([sys.executable, __file__, model_folder, *paths.values()], check=True,
                       stdout=sys.stderr)
    return paths[kind]


def build(model_folder):
    """(module, names of its inputs)."""
    import torch
    import transformers

    config = json.loads((pathlib.Path(model_folder) / "config.json").read_text())
    pooled = (pathlib.Path(model_folder) / "modules.json").exists()
    name = "AutoModel" if pooled else config["architectures"][0]
    model = getattr(transformers, name).from_pretrained(
        model_folder, dtype=torch.float32, attn_implementation="eager").eval()
    names = ["input_ids", "attention_mask"]
    typed = config.get("type_vocab_size", 0) > 1
    masked = name.endswith("ForMaskedLM")
    names += ["token_type_ids"] if typed else []
    names += ["mask_at"] if masked else []

    class Exported(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids, attention_mask, *more):
            types = {"token_type_ids": more[0]} if typed else {}
            if masked:
                body = self.model.base_model(input_ids, attention_mask, **types).last_hidden_state
                rows = body[torch.arange(body.shape[0]), more[-1]]
                return self.model.lm_head(rows)
            out = self.model(input_ids, attention_mask, **types)
            if not pooled:
                return out.logits
            tokens = out.last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(tokens.dtype)
            mean = (tokens * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=1)

    return Exported(), names


def export(model_folder, plain, fused, int8):
    import torch
    from onnx import TensorProto
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from onnxruntime.transformers.optimizer import optimize_model

    module, names = build(model_folder)
    ids = torch.full((2, 7), 5, dtype=torch.long)
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids),
             "token_type_ids": torch.zeros_like(ids), "mask_at": ids[:, 0] - 4}
    axes = {n: {0: "batch", **({} if n == "mask_at" else {1: "length"})} for n in names}
    config = module.model.config
    with tempfile.TemporaryDirectory(dir=plain.parent) as work, torch.inference_mode():
        fresh = pathlib.Path(work) / "model.onnx"
        torch.onnx.export(module, tuple(given[n] for n in names), fresh, input_names=names,
                          output_names=["result"], dynamic_axes={**axes, "result": {0: "batch"}},
                          opset_version=17, dynamo=False)
        optimised = optimize_model(str(fresh), model_type="bert", opt_level=1,
                                   num_heads=config.num_attention_heads,
                                   hidden_size=config.hidden_size)
        print("fused:", optimised.get_fused_operator_statistics())
        optimised.save_model_to_file(str(fresh) + ".fused")
        quantize_dynamic(str(fresh) + ".fused", str(fresh) + ".int8", weight_type=QuantType.QInt8,
                         per_channel=True, extra_options={"DefaultTensorType": TensorProto.FLOAT})
        os.replace(str(fresh) + ".int8", int8)
        os.replace(str(fresh) + ".fused", fused)
        os.replace(fresh, plain)


if __name__ == "__main__":
    export(sys.argv[1], *map(pathlib.Path, sys.argv[2:5]))
