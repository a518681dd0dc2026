#!/usr/bin/env python3
"""Write tests/goldens/minilm/: token ids, offsets and embeddings of the 200 texts by
sentence-transformers/all-MiniLM-L6-v2.

usage: tools/goldens/minilm.py FOLDER     the published model (scripts/fetch-minilm prints it)

tokens.json      per text: "ids" and "offsets" (code points, start and end alternating) by
                 `tokenizers` from tokenizer.json, not truncated; where that is more than
                 max_tokens, "truncated" holds the ids that sentence-transformers feeds
embeddings.f32   [200][384], each text encoded alone by sentence-transformers on a CPU
"""

import sys

from reference import GOLDENS, numpy, texts, torch, versions, write_f32, write_rows
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer


def token_rows(folder, model):
    tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    rows = []
    for text in texts():
        whole = tokenizer.encode(text)
        fed = model.preprocess([text])["input_ids"][0].tolist()
        row = {"ids": whole.ids, "offsets": [n for pair in whole.offsets for n in pair]}
        if fed != whole.ids:
            assert len(whole.ids) > model.max_seq_length and len(fed) == model.max_seq_length, text
            row["truncated"] = fed
        rows.append(row)
    return rows


def main(folder):
    out = GOLDENS / "minilm"
    out.mkdir(parents=True, exist_ok=True)
    model = SentenceTransformer(folder, device="cpu")
    found = numpy.stack([model.encode(text) for text in texts()])
    exact = numpy.stack([model.double().encode(text) for text in texts()])
    head = {"model": "sentence-transformers/all-MiniLM-L6-v2", "versions": versions(),
            "max_tokens": model.max_seq_length, "shape": list(found.shape),
            "max_error_of_reference": float("%.1e" % abs(found - exact).max())}
    write_f32(out / "embeddings.f32", found)
    write_rows(out / "tokens.json", head, "texts", token_rows(folder, model.float()))
    print(head)


if __name__ == "__main__":
    with torch.inference_mode():
        main(sys.argv[1])
