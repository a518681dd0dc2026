#!/usr/bin/env python3
"""Compare tokenizers of random parts with the `tokenizers` package: equal ids and offsets.

usage: bench/tokenizers/random_parts.py --inferd BINARY [--first 0] [--count 500] [--work FOLDER]

Needs tools/goldens/requirements.txt. A number makes one tokenizer.json: any model, trained on random
lines, with any normaliser, pre-tokeniser, post-processor and added tokens, and some sixty lines for
it. Left out is what nobody can rely on: added tokens that a normaliser makes equal (which of them is
found changes from run to run) or empty (they cut every text into characters), and bytes in place of
unknown characters together with prefixes or suffixes of subwords (these are taken for text).
Definitions that differ stay in WORK (default: a temporary folder). Exits with 1 if any does.
"""

import argparse
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import lines  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, trainers  # noqa: E402

CONTENTS = [" ", "a", "e", "\u2581", "_", "''", "\u0301", "  ", "\n", "-", ".", "#", "the", "\u00e9"]
EXPRESSIONS = [
    r"\s+", r"\s{2,}", r" ?\p{L}+", r"[0-9]{1,3}", r"\d", r"[^\p{L}\p{N}\s]+", r"(?i:'s|'t)|\w+", r"\p{Han}",
    r"\p{Katakana}+", r"[aeiou]", r"\p{M}+", r"$", r"\b", r"(?<=a)b?", r".", r"\r?\n|\s+(?!\S)|\s+",
    r"[A-Z]?[a-z]+|[^a-zA-Z]",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"]
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
ADDED = ["foo", "[NEW]", " sp ", "\u00e9", "the", "<mask2>", "\u2581x", "ing", "\u0130", "\U0001f642", "</s>x"]


class Maker:
    """What is random, from one number."""

    def __init__(self, number):
        self.rng = random.Random(number)
        self.choice = self.rng.choice

    def maybe(self, p=0.5):
        return self.rng.random() < p

    def line(self):
        kind = self.rng.random()
        if kind < 0.3:
            text = lines.scripts_text(self.rng, self.rng.randint(1, 6))
        elif kind < 0.75:
            space = self.choice((" ", " ", " ", "  ", "\t", ""))
            text = space.join(self.choice(lines.WORDS) for _ in range(self.rng.randint(1, 14)))
        else:
            pool = lines.SPACES + lines.EMOJI + lines.MARKS + lines.TRICKY + lines.MARKUP + lines.WORDS
            text = "".join(self.choice(pool) for _ in range(self.rng.randint(1, 16)))
        if self.maybe(0.3):
            pool = lines.MARKS + lines.SPACES + lines.EMOJI + lines.TRICKY
            text = "".join(c + (self.choice(pool) if self.maybe(0.15) else "") for c in text)
        return text

    def pattern(self):
        return {"String": self.choice(CONTENTS)} if self.maybe() else {"Regex": self.choice(EXPRESSIONS)}

    def sequence(self, make, key):
        return {"type": "Sequence", key: [make(False) for _ in range(self.rng.randint(0, 4))]}

    def normalizer(self, may_nest=True):
        if may_nest and self.maybe(0.25):
            return self.sequence(self.normalizer, "normalizers")
        return self.choice([
            {"type": "BertNormalizer", "clean_text": self.maybe(), "handle_chinese_chars": self.maybe(),
             "strip_accents": self.choice([None, True, False]), "lowercase": self.maybe()},
            {"type": "Strip", "strip_left": self.maybe(), "strip_right": self.maybe()},
            {"type": "Replace", "pattern": self.pattern(), "content": self.choice(["", "\u2581", "x", " ", "--", "\u00df"])},
            {"type": "Prepend", "prepend": self.choice(["\u2581", "a", " ", "##"])},
            *({"type": name} for name in ("NFC NFD NFKC NFKD Lowercase StripAccents Nmt ByteLevel").split())])

    def byte_level(self):
        return {"type": "ByteLevel", "add_prefix_space": self.maybe(), "trim_offsets": self.maybe(), "use_regex": self.maybe()}

    def pre_tokenizer(self, may_nest=True):
        if may_nest and self.maybe(0.3):
            return self.sequence(self.pre_tokenizer, "pretokenizers")
        return self.choice([
            self.byte_level(),
            {"type": "Metaspace", "replacement": self.choice(["\u2581", "\u2581", "_"]),
             "prepend_scheme": self.choice(["always", "never", "first"]), "split": self.maybe()},
            {"type": "Punctuation", "behavior": self.choice(BEHAVIORS)},
            {"type": "Digits", "individual_digits": self.maybe()},
            {"type": "Split", "pattern": self.pattern(), "behavior": self.choice(BEHAVIORS), "invert": self.maybe(0.3)},
            {"type": "CharDelimiterSplit", "delimiter": self.choice(["-", " ", "a", "\u2581"])},
            {"type": "FixedLength", "length": self.rng.randint(1, 6)},
            *({"type": name} for name in "BertPreTokenizer Whitespace WhitespaceSplit UnicodeScripts".split())])

    def post_processor(self, ids):
        def special(name):
            return {"SpecialToken": {"id": name, "type_id": 0}}
        first = {"Sequence": {"id": "A", "type_id": self.rng.randint(0, 1)}}
        template = {"type": "TemplateProcessing", "single": [special("[CLS]"), first, special("[SEP]")][:self.choice([2, 3])],
                    "pair": [special("[CLS]"), first, special("[SEP]"), {"Sequence": {"id": "B", "type_id": 1}}],
                    "special_tokens": {s: {"id": s, "ids": [ids[s]], "tokens": [s]} for s in ("[CLS]", "[SEP]")}}
        return self.choice([
            None, template, self.byte_level(), {"type": "Sequence", "processors": [self.byte_level(), template]},
            {"type": "BertProcessing", "sep": ["[SEP]", ids["[SEP]"]], "cls": ["[CLS]", ids["[CLS]"]]},
            {"type": "RobertaProcessing", "sep": ["</s>", ids["</s>"]], "cls": ["<s>", ids["<s>"]],
             "trim_offsets": self.maybe(), "add_prefix_space": self.maybe()}])

    def model_and_trainer(self, unknown):
        usual = {"special_tokens": [unknown, "<s>", "</s>", "[CLS]", "[SEP]", "<mask>"], "show_progress": False}
        size = self.rng.randint(150, 700)
        kind = self.choice(["WordPiece", "BPE", "BPE", "Unigram", "WordLevel"])
        if kind == "WordPiece":
            return (models.WordPiece(unk_token=unknown, max_input_chars_per_word=self.choice([5, 20, 100]),
                                     continuing_subword_prefix=self.choice(["##", "", "_"])),
                    trainers.WordPieceTrainer(vocab_size=size, limit_alphabet=self.choice([40, 200]), **usual))
        if kind == "WordLevel":
            return models.WordLevel(unk_token=unknown), trainers.WordLevelTrainer(vocab_size=size, **usual)
        if kind == "Unigram":
            return models.Unigram(), trainers.UnigramTrainer(
                vocab_size=self.choice([1500, 3000]), unk_token=unknown, max_piece_length=self.choice([4, 16]), **usual)
        parts = {}
        if self.maybe(0.3):
            parts["continuing_subword_prefix"] = self.choice(["##", "@@"])
        if self.maybe(0.3):
            parts["end_of_word_suffix"] = "</w>"
        return (models.BPE(unk_token=unknown if self.maybe(0.7) else None, fuse_unk=self.maybe(),
                           byte_fallback=not parts and self.maybe(0.4), ignore_merges=self.maybe(0.3), **parts),
                trainers.BpeTrainer(vocab_size=size, limit_alphabet=self.choice([40, 100, 1000]),
                                    initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if self.maybe(0.4) else [],
                                    **usual, **parts))

    def add_bytes(self, model):
        names = ["<0x%02X>" % i for i in range(256) if self.maybe(0.95)]
        if model["type"] == "BPE" and model["byte_fallback"]:
            for name in names:
                model["vocab"].setdefault(name, len(model["vocab"]))
        elif model["type"] == "Unigram" and self.maybe(0.4):
            known = {piece for piece, _ in model["vocab"]}
            model["byte_fallback"] = True
            model["vocab"] += [[name, -20.0] for name in names if name not in known]

    def token(self, number, content, special):
        return {"id": number, "content": content, "lstrip": self.maybe(0.25), "rstrip": self.maybe(0.25),
                "single_word": self.maybe(0.25), "normalized": self.maybe(0.3), "special": self.maybe(special)}

    def definition(self):
        made = Tokenizer.from_str(json.dumps({
            "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "decoder": None,
            "normalizer": self.normalizer() if self.maybe(0.7) else None, "post_processor": None,
            "pre_tokenizer": self.pre_tokenizer() if self.maybe(0.85) else None,
            "model": {"type": "BPE", "vocab": {}, "merges": []}}))
        normal_form = made.normalizer.normalize_str if made.normalizer else str
        made.model, trainer = self.model_and_trainer(self.choice(["[UNK]", "<unk>"]))
        made.train_from_iterator([self.line() for _ in range(120)], trainer)
        made = json.loads(made.to_str())
        self.add_bytes(made["model"])
        added = [self.token(t["id"], t["content"], 0.8) for t in made["added_tokens"]]
        for content in self.rng.sample(ADDED, self.rng.randint(0, 5)):
            added.append(self.token(len(made["model"]["vocab"]) + len(added), content, 0.3))
        seen = {""}
        for token in added:
            form = normal_form(token["content"])
            token["normalized"] &= form not in seen
            seen.add(form)
        made["added_tokens"] = added
        made["post_processor"] = self.post_processor({t["content"]: t["id"] for t in added})
        return made


def expected(tokenizer, rows):
    """The rows that the package encodes (it stops at a few with a mistake of its own), and what it makes of them."""
    for row in rows:
        try:
            e = tokenizer.encode(row)
        except BaseException:  # a panic is no Exception
            continue
        yield row, e.ids, [list(o) for o in e.offsets]


def compare(options, number):
    """(lines, lines that differ)."""
    maker = Maker(number)
    try:
        definition = maker.definition()
    except BaseException:  # no Exception, and no mistake of ours
        return 0, 0
    wanted = list(expected(Tokenizer.from_str(json.dumps(definition)),
                           [maker.line() for _ in range(60)] + ["", " ", "\n", "a", "  a", "a  "]))
    folder = options.work / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(definition))
    (folder / "config.json").write_text("{}")
    (folder / "lines.jsonl").write_text("".join(json.dumps(row) + "\n" for row, _, _ in wanted))
    done = subprocess.run([options.inferd, "bench", "tokenizer", folder, "--texts", folder / "lines.jsonl", "--out",
                           folder / "ids.jsonl"], capture_output=True, text=True,
                          env={**os.environ, "INFERD_CACHE": str(options.work / "cache")})
    if done.returncode != 0:
        print("%d: %s" % (number, done.stderr.strip() or "ended with %d" % done.returncode))
        return len(wanted), len(wanted)
    wrong = 0
    with open(folder / "ids.jsonl") as got:
        for (row, ids, offsets), found in zip(wanted, map(json.loads, got), strict=True):
            if found["ids"] != ids or found["offsets"] != offsets:
                wrong += 1
                if wrong == 1:
                    print("%d: %a\n  got      %s %s\n  expected %s %s" % (
                        number, row, found["ids"], found["offsets"], ids, offsets))
    if not wrong:
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    return len(wanted), wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--inferd", required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--work", type=pathlib.Path)
    options = parser.parse_args()
    options.work = options.work or pathlib.Path(tempfile.mkdtemp(prefix="random-parts-"))
    n_lines = n_wrong = 0
    for number in range(options.first, options.first + options.count):
        n, wrong = compare(options, number)
        n_lines += n
        n_wrong += wrong
    print("%d tokenizers, %d lines, %d differ%s" % (
        options.count, n_lines, n_wrong, "; see %s" % options.work if n_wrong else ""))
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
