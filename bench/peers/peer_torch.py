"""PyTorch in f32 or bf16, as the documentation of its libraries shows it: sentence-transformers for
embeddings, the pipelines of transformers for heads."""

import os
import pathlib

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch  # noqa: E402
import transformers  # noqa: E402

VERSION = "transformers %s, torch %s" % (transformers.__version__, torch.__version__)
PRECISIONS = {"f32": torch.float32, "bf16": torch.bfloat16}
BATCH = 32


class Peer:
    def __init__(self, folder, threads, precision):
        torch.set_num_threads(threads)
        dtype = PRECISIONS[precision]
        self.embedder = self.pipeline = None
        if (pathlib.Path(folder) / "modules.json").exists():
            import sentence_transformers
            self.embedder = sentence_transformers.SentenceTransformer(
                folder, device="cpu", model_kwargs={"dtype": dtype})
            return
        config = transformers.AutoConfig.from_pretrained(folder)
        masked = config.architectures[0].endswith("ForMaskedLM")
        self.pipeline = transformers.pipeline(
            "fill-mask" if masked else "text-classification", folder, device="cpu", dtype=dtype)

    def compute(self, inputs):
        if self.embedder:
            return self.embedder.encode(inputs, batch_size=BATCH, show_progress_bar=False)
        pairs = [{"text": i[0], "text_pair": i[1]} if isinstance(i, tuple) else i for i in inputs]
        return self.pipeline(pairs, batch_size=BATCH)
