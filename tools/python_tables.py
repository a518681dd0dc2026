#!/usr/bin/env python3
"""Write src/tokenizers/python_table.c: what Python says of every code point.

usage: tools/python_tables.py > src/tokenizers/python_table.c

Tokenizers that exist in Python only follow its str methods and its unicodedata. Python 3.11 was
used, whose Unicode is 14.
"""

import unicodedata

OTHER, WORD, PUNCTUATION, NONSPACING, DIGIT, SPACE, CASED, IGNORED = (1 << i for i in range(8))
N_CODE_POINTS = 0x110000
PER_LINE = 7


def flags_of(c):
    char, category = chr(c), unicodedata.category(chr(c))
    flags = 0
    if category[0] == "C":
        flags |= OTHER
    if char.isalnum():
        flags |= WORD
    if category[0] == "P":
        flags |= PUNCTUATION
    if category == "Mn":
        flags |= NONSPACING
    if category == "Nd":
        flags |= DIGIT
    if char.isspace():
        flags |= SPACE
    # A capital sigma at the end of a word has a lower case of its own: it shows what Python takes
    # for letters and what it looks past.
    if (char + "\u03a3").lower()[-1] == "\u03c2":
        flags |= CASED
    elif ("a" + char + "\u03a3").lower()[-1] == "\u03c2":
        flags |= IGNORED
    return flags


def main():
    ranges, before = [], None
    for c in range(N_CODE_POINTS):
        flags = flags_of(c)
        # A run of digits begins with a zero.
        if flags != before or (flags & DIGIT and unicodedata.decimal(chr(c)) == 0):
            ranges.append(f"0x{c << 8 | flags:08X}")
            before = flags
    print("/* Written by tools/python_tables.py; do not edit. */")
    print('#include "tokenizers/python.h"\n')
    print("/* clang-format off */")
    print("const uint32_t python_ranges[] = {")
    for i in range(0, len(ranges), PER_LINE):
        print("    " + ", ".join(ranges[i:i + PER_LINE]) + ",")
    print("};")
    print(f"const int n_python_ranges = {len(ranges)};\n")
    print("const unsigned char python_ascii[128] = {")
    for i in range(0, 128, 16):
        print("    " + ", ".join(str(flags_of(c)) for c in range(i, i + 16)) + ",")
    print("};")


main()
