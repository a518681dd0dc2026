"""Tokenising and padding for peers that compute on rectangular batches."""

import json
import pathlib

import numpy
from tokenizers import Tokenizer

BATCH = 32


def max_tokens(folder):
    """The longest input of a model folder, as sentence-transformers or transformers cut it."""
    for name, key in (("sentence_bert_config.json", "max_seq_length"),
                      ("tokenizer_config.json", "model_max_length")):
        path = pathlib.Path(folder) / name
        if path.exists() and json.loads(path.read_text()).get(key):
            return json.loads(path.read_text())[key]
    return 512


class Batches:
    """Gives a peer its best: sorted by length, so that little is padding, 32 texts or pairs a
    batch."""

    def __init__(self, folder):
        self.tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
        self.tokenizer.enable_truncation(max_tokens(folder))
        self.tokenizer.no_padding()
        config = json.loads((pathlib.Path(folder) / "config.json").read_text())
        self.pad_id = config.get("pad_token_id") or 0
        self.mask_id = self.tokenizer.token_to_id("<mask>")

    def compute(self, inputs, run):
        """Results of the inputs in their order. run: (ids, mask, types, at), each [batch][longest]
        int64 and `at` [batch] with the place of the mask token, to [batch][width]."""
        encodings = self.tokenizer.encode_batch_fast(inputs) if len(inputs) > 1 else \
            [self.tokenizer.encode(*(inputs[0] if isinstance(inputs[0], tuple) else inputs))]
        order = sorted(range(len(encodings)), key=lambda i: -len(encodings[i].ids))
        out = [None] * len(encodings)
        for start in range(0, len(order), BATCH):
            batch = order[start:start + BATCH]
            shape = len(batch), len(encodings[batch[0]].ids)
            ids = numpy.full(shape, self.pad_id, dtype=numpy.int64)
            mask, types = numpy.zeros_like(ids), numpy.zeros_like(ids)
            at = numpy.zeros(len(batch), dtype=numpy.int64)
            for row, i in enumerate(batch):
                e = encodings[i]
                ids[row, :len(e.ids)], types[row, :len(e.ids)] = e.ids, e.type_ids
                mask[row, :len(e.ids)] = 1
                if self.mask_id in e.ids:
                    at[row] = e.ids.index(self.mask_id)
            for i, result in zip(batch, run(ids, mask, types, at)):
                out[i] = result
        return numpy.stack(out)
