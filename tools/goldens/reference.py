"""What the golden generators share: the reference libraries set up to give the same bytes on every
run of one machine, and the file formats of tests/goldens (see README.md)."""

import json
import os
import pathlib

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

transformers.utils.logging.disable_progress_bar()
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

GOLDENS = pathlib.Path(__file__).resolve().parents[2] / "tests" / "goldens"


def texts():
    """The 200 texts, in the order of every golden file."""
    return [row["text"] for row in json.loads((GOLDENS / "texts.json").read_text())]


def versions():
    import sentence_transformers
    import tokenizers
    return {"torch": torch.__version__, "transformers": transformers.__version__,
            "sentence-transformers": sentence_transformers.__version__,
            "tokenizers": tokenizers.__version__}


def write_f32(path, array):
    """Little-endian float32, C order, no header: the JSON beside it gives the shape."""
    numpy.ascontiguousarray(array, dtype="<f4").tofile(path)


def write_rows(path, head, key, rows):
    """JSON object with head's members, then key: an array with one row per line."""
    body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    start = json.dumps(head, indent=1)[:-2]
    path.write_text("%s,\n \"%s\": [\n%s\n]}\n" % (start, key, body), encoding="ascii")


class FloatLimits:
    """torch, but the limits of float32 for every type. CANINE multiplies a float32 mask of zeros by
    the lowest value of the model's type: with that of float64 they become NaN."""

    def __getattr__(self, name):
        return getattr(torch, name)

    @staticmethod
    def finfo(_=None):
        return torch.finfo(torch.float32)


transformers.models.canine.modeling_canine.torch = FloatLimits()
