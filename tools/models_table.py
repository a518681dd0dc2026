#!/usr/bin/env python3
"""Write docs/models.md: which architectures compute what, with the largest error of the golden run.

usage: tools/models_table.py BUILD    runs models_golden_test, models_head_test and models_cells_test of a
                                      build folder
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
GOLDENS = ROOT / "tests" / "goldens"
LINE = re.compile(r"^(\S+) +largest error (\S+) \(bound (\S+)\)", re.M)
COLUMNS = {"vectors": "token vectors", "masked-lm": "fill-mask", "labels": "text labels",
           "token-labels": "token labels", "spans": "answers", "choices": "choices"}
HEAD = """# Models

Architectures by `model_type` of config.json, and what is computed from them. A cell is the largest difference
from the reference implementation (transformers on a CPU, f32) over all goldens of that architecture:
small random models of awkward sizes, every option that changes results. The reference's own error against 64-bit
floats is about as large; tests hold each model to four times that. `-`: not supported, or without a golden.

Options that change results and are not supported are refused by name when a model is opened. X-MOD reads texts in the
`language` of a request, else in the `default_language` of config.json; where that names none, a request must. MarkupLM reads nodes of documents with the `xpaths` of a
request, and the words of other texts as its reference does. TAPAS reads tables: with a head that selects cells it
does table-question-answering, without one its folders are refused, for all that the table has its figures; it reads no
more tokens than it has positions. "new" (GTE with `auto_map`) is in
no version of transformers: its reference is a model written anew from the published formulas (`tools/goldens/new_model.py`).

Tokenizers are read from tokenizer.json; where a folder has none, from the vocabulary files of its class, which
`tokenizer_class` of tokenizer_config.json or config.json names, else of its `model_type`: sentencepiece models (ALBERT,
BigBird, CamemBERT, DeBERTa-v2, Llama, mBART, mBART-50, RemBERT, T5, XLM-RoBERTa, XLNet), vocab.json with merges.txt
(DeBERTa, GPT-2, Qwen2, RoBERTa and relatives; XLM and FlauBERT, whose words are those of Moses' rules for English and for
French), vocab.txt with bpe.codes (PhoBERT; BERTweet, whose `normalization` names emojis as emoji 0.6.0 does), vocab.txt
(BERT and relatives, ESM, Funnel, MPNet, TAPAS; RoFormer, whose words are jieba's; BertJapanese with `word_tokenizer_type`
mecab, divided into word pieces or characters), or no file at all (CANINE). [Dictionaries of words](operating.md) are those
of the system.

Type ids that tell the texts of a pair apart are given to models as transformers 5 does it: where `model_input_names`
of tokenizer_config.json has `token_type_ids`; where it says nothing, not to those of ALBERT, BigBird, FlauBERT, Funnel,
RemBERT, XLM and XLNet, whatever the template of tokenizer.json has (transformers 4 gave them; question-answering, which only that
has, still does, but for BigBird). A classifier of pairs that was trained with them is as good here as in transformers 5;
adding the name to the folder's `model_input_names` brings them back, here and there.

Folders of sentence-transformers: of dense models Transformer, Pooling, Dense, LayerNorm and Normalize; of sparse encoders
SPLADE (`MLMTransformer` or a Transformer for `fill-mask`, then `SpladePooling`: max or sum, relu or log1p_relu) and
`SparseAutoEncoder` behind a dense model, with `max_active_dims`; behind a `Router` queries may have the fixed weights of
their tokens (`SparseStaticEmbedding`), which is the one difference of routes that is supported; of late interaction (ColBERT) those of
`MultiVectorEncoder` (Transformer, Dense, MultiVectorMask, Normalize; query_expansion `fixed` and `min`), of PyLate, and of
Stanford's ColBERT (`HF_ColBERT`, artifact.metadata). Queries that are filled up with tokens that others do not see
(`attend` false) need one of the plain attention engines: BERT's relatives, MPNet, ModernBERT and decoders have it, others
are refused by name. Goldens are in `tests/goldens/tiny/`, `sparse/` and `late/`. Other modules are refused by name.

Written by `tools/models_table.py BUILD` from the golden run; do not edit.

"""


def golden(name):
    """(model_type, column) of a folder of goldens, None for other models."""
    for group in ("tiny", "architectures", "heads"):
        folder = GOLDENS / group / name
        if not (folder / "expected.json").exists():
            continue
        config = next(iter(sorted(folder.rglob("config.json"), key=lambda p: "num_hidden_layers"
                                  not in p.read_text() and "n_layer" not in p.read_text())))
        expected = json.loads((folder / "expected.json").read_text())
        return (json.loads(config.read_text())["model_type"],
                expected["head"] if group == "heads" else "vectors")
    if (GOLDENS / "tables" / name / "cases.json").exists():
        return json.loads((GOLDENS / "tables" / name / "config.json").read_text())["model_type"], "spans"
    return None


def errors(build):
    table = {}
    for test in ("models_golden_test", "models_head_test", "models_cells_test"):
        done = subprocess.run([build / test], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{test} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        for name, error, _ in LINE.findall(done.stdout):
            place = golden(name)
            if place and place[1] in COLUMNS:
                row = table.setdefault(place[0], {})
                row[place[1]] = max(row.get(place[1], 0), float(error))
    return table


def main():
    table = errors(pathlib.Path(sys.argv[1]))
    lines = ["| model_type | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name in sorted(table):
        cells = ("%.1e" % table[name][c] if c in table[name] else "-" for c in COLUMNS)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    (ROOT / "docs" / "models.md").write_text(HEAD + "\n".join(lines) + "\n")
    print(f"{len(table)} architectures")


if __name__ == "__main__":
    main()
