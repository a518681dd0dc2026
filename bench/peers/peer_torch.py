"""sentence-transformers on PyTorch in f32, as its documentation shows it."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import sentence_transformers  # noqa: E402
import torch  # noqa: E402

VERSION = "sentence-transformers %s, torch %s" % (sentence_transformers.__version__,
                                                  torch.__version__)


class Peer:
    def __init__(self, folder, threads):
        torch.set_num_threads(threads)
        self.model = sentence_transformers.SentenceTransformer(folder, device="cpu")

    def embed(self, texts):
        return self.model.encode(texts, batch_size=32, show_progress_bar=False)
