"""Exports a sentence-transformers folder (BERT, mean pooling, normalised) to ONNX, once.

Pooling and normalisation are part of the graph, and ONNX Runtime's own transformer optimiser
fuses attention, layer norms and GELU: what somebody would deploy who cares for speed.
"""

import os
import pathlib
import sys
import tempfile


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = pathlib.Path(base) / "inferd-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def exported(model_folder):
    """(plain, optimised) .onnx paths; exports in a child process when they are not there, so that
    torch is never loaded into the process that is measured."""
    name = pathlib.Path(model_folder).resolve().name
    plain = cache_folder() / (name + ".onnx")
    fused = cache_folder() / (name + ".fused.onnx")
    if not (plain.exists() and fused.exists()):
        import subprocess
        subprocess.run([sys.executable, __file__, model_folder, plain, fused], check=True,
                       stdout=sys.stderr)
    return plain, fused


def export(model_folder, plain, fused):
    import torch
    from onnxruntime.transformers.optimizer import optimize_model
    from transformers import AutoModel

    class Embedder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = AutoModel.from_pretrained(model_folder, dtype=torch.float32,
                                                   attn_implementation="eager").eval()

        def forward(self, input_ids, attention_mask, token_type_ids):
            tokens = self.model(input_ids=input_ids, attention_mask=attention_mask,
                                token_type_ids=token_type_ids).last_hidden_state
            weights = attention_mask.unsqueeze(-1).to(tokens.dtype)
            mean = (tokens * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=1)

    model = Embedder()
    ids = torch.ones(2, 7, dtype=torch.long)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    dynamic = {0: "batch", 1: "length"}
    with tempfile.TemporaryDirectory(dir=plain.parent) as work, torch.inference_mode():
        fresh = pathlib.Path(work) / "model.onnx"
        torch.onnx.export(model, (ids, ids, torch.zeros_like(ids)), fresh, input_names=names,
                          output_names=["embedding"], dynamic_axes=dict.fromkeys(names, dynamic),
                          opset_version=17, dynamo=False)
        config = model.model.config
        optimised = optimize_model(str(fresh), model_type="bert", opt_level=1,
                                   num_heads=config.num_attention_heads,
                                   hidden_size=config.hidden_size)
        print("fused:", optimised.get_fused_operator_statistics())
        optimised.save_model_to_file(str(fresh) + ".fused")
        os.replace(str(fresh) + ".fused", fused)
        os.replace(fresh, plain)


if __name__ == "__main__":
    export(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
