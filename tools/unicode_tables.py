#!/usr/bin/env python3
"""Write src/tokenizers/unicode_table.c: what the `tokenizers` package does with every code point.

usage: tools/unicode_tables.py > src/tokenizers/unicode_table.c      needs tokenizers==0.23.3

The package mixes several Unicode versions (its categories, its normalisation and its regular
expressions are of different years), and the system's Unicode library changes with the
distribution. The same model must give the same ids everywhere, so the package itself is asked,
one code point at a time. Python's unicodedata only names candidates (combining classes and
pairs, which Unicode never changes once assigned); each is checked with the package.
"""

import sys
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

SPACE, OTHER, PUNCTUATION, NONSPACING, MARK, NUMERIC, WORD, LETTER, NUMBER = (
    1 << i for i in range(9))
BLOCK = 128
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
HANGUL = range(0xAC00, 0xAC00 + 11172)

nfd, nfkd, nfc = normalizers.NFD(), normalizers.NFKD(), normalizers.NFC()
lowercase, strip_accents = normalizers.Lowercase(), normalizers.StripAccents()
clean = normalizers.BertNormalizer(True, False, False, False)
bert_accents = normalizers.BertNormalizer(False, False, True, False)
space_split, punctuation = pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()
digits, words = pre_tokenizers.Digits(True), pre_tokenizers.Whitespace()
letters = pre_tokenizers.Split(Regex(r"\p{L}"), "removed", invert=True)
numbers = pre_tokenizers.Split(Regex(r"\p{N}"), "removed", invert=True)


def flags_of(char):
    around = "a" + char + "b"
    flags = 0
    if len(space_split.pre_tokenize_str(around)) == 2:
        flags |= SPACE
    if char not in "\t\n\r\0\ufffd" and clean.normalize_str(around) == "ab":
        flags |= OTHER
    if len(punctuation.pre_tokenize_str(around)) == 3:
        flags |= PUNCTUATION
    if nfd.normalize_str(char) == char and bert_accents.normalize_str(around) == "ab":
        flags |= NONSPACING
    if strip_accents.normalize_str(around) == "ab":
        flags |= MARK
    if len(digits.pre_tokenize_str(around)) == 3:
        flags |= NUMERIC
    if len(words.pre_tokenize_str(around)) == 1:
        flags |= WORD
    if letters.pre_tokenize_str(char):
        flags |= LETTER
    if numbers.pre_tokenize_str(char):
        flags |= NUMBER
    return flags


def class_of(char):
    """Combining class, 0 where the package does not know the character as combining."""
    known = (nfd.normalize_str("a" + char + "\u0334") == "a\u0334" + char
             or nfd.normalize_str("a\u0323" + char) == "a" + char + "\u0323")
    if not known:
        return 0
    combining = unicodedata.combining(char)
    assert combining, f"unicodedata is too old for U+{ord(char):04X}"
    return combining


def pairs():
    """(first, second, composed) of every canonical pair that the package composes."""
    for c in CODE_POINTS:
        parts = unicodedata.decomposition(chr(c)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            first, second = (int(part, 16) for part in parts)
            if nfc.normalize_str(chr(first) + chr(second)) == chr(c):
                yield first, second, c


class Pool:
    def __init__(self):
        self.items, self.at = [], {}

    def add(self, chars):
        if chars not in self.at:
            self.at[chars] = len(self.items)
            self.items.extend(ord(char) for char in chars)
        return self.at[chars]


def two_stages(values):
    blocks, index, at = [], [], {}
    for start in range(0, len(values), BLOCK):
        block = tuple(values[start:start + BLOCK])
        if block not in at:
            at[block] = len(blocks)
            blocks.append(block)
        index.append(at[block])
    return index, [value for block in blocks for value in block]


def print_array(declaration, values, per_line=16, form=str):
    print(f"{declaration} = {{")
    for i in range(0, len(values), per_line):
        print("    " + ", ".join(form(value) for value in values[i:i + per_line]) + ",")
    print("};\n")


def main():
    assert tokenizers.__version__ == "0.23.3", tokenizers.__version__
    flags, details = [0] * 0x110000, [0] * 0x110000
    rows, pool = [(0, 0, 0, 0, 0, 0)], Pool()
    pool.add("\0")
    for c in CODE_POINTS:
        char = chr(c)
        flags[c] = flags_of(char)
        lower, canonical, compatible = (n.normalize_str(char) for n in (lowercase, nfd, nfkd))
        assert len(lower) == 1 or (c == 0x130 and lower == "i\u0307"), hex(c)
        row = (ord(lower[0]) if lower != char else 0,
               pool.add(canonical) if canonical != char and c not in HANGUL else 0,
               len(canonical) if canonical != char and c not in HANGUL else 0,
               pool.add(compatible) if compatible != char and c not in HANGUL else 0,
               len(compatible) if compatible != char and c not in HANGUL else 0,
               class_of(char))
        if any(row):
            details[c] = len(rows)
            rows.append(row)
    print("/* Generated by tools/unicode_tables.py from tokenizers 0.23.3: do not edit. */")
    print("/* clang-format off */")
    print('#include "tokenizers/unicode_table.h"\n')
    for name, kind, values in (("flag", "uint16_t", flags), ("detail", "uint16_t", details)):
        index, blocks = two_stages(values)
        print_array(f"const uint16_t unicode_{name}_index[]", index)
        print_array(f"const {kind} unicode_{name}s[]", blocks)
    print_array("const struct unicode_detail unicode_rows[]", rows, 4,
                lambda row: "{" + ", ".join(map(str, row)) + "}")
    print_array("const uint32_t unicode_decompositions[]", pool.items, 12)
    found = sorted(pairs())
    print_array("const struct unicode_pair unicode_pairs[]", found, 5,
                lambda row: "{" + ", ".join(map(str, row)) + "}")
    print(f"const int n_unicode_pairs = {len(found)};")


if __name__ == "__main__":
    sys.exit(main())
