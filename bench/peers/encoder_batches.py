"""Tokenising and padding for peers that compute on rectangular batches."""

import numpy
from tokenizers import Tokenizer

MAX_TOKENS = 256
BATCH = 32


class Batches:
    """Gives a peer its best: sorted by length, so that little is padding, 32 texts a batch."""

    def __init__(self, folder):
        self.tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.tokenizer.no_padding()

    def embed(self, texts, run):
        """Embeddings of texts in their order. run: (ids, mask, types), each [batch][longest]
        int64, to [batch][width]."""
        encodings = self.tokenizer.encode_batch_fast(texts) if len(texts) > 1 else \
            [self.tokenizer.encode(texts[0])]
        ids = [e.ids for e in encodings]
        order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
        out = [None] * len(ids)
        for start in range(0, len(order), BATCH):
            batch = order[start:start + BATCH]
            padded = numpy.zeros((len(batch), len(ids[batch[0]])), dtype=numpy.int64)
            mask = numpy.zeros_like(padded)
            for row, i in enumerate(batch):
                padded[row, :len(ids[i])] = ids[i]
                mask[row, :len(ids[i])] = 1
            for i, vector in zip(batch, run(padded, mask, numpy.zeros_like(padded))):
                out[i] = vector
        return numpy.stack(out)
