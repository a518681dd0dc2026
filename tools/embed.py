#!/usr/bin/env python3
"""Turns a folder of files into one C source with a table of them.

usage: embed.py FOLDER OUTPUT.c DEPFILE
The table is `struct web_file web_files[]` (see src/gateway/web.h), sorted by path.
"""
import hashlib
import pathlib
import sys


def literal(data: bytes) -> str:
    """The bytes as C array elements, 24 a line."""
    rows = (data[i:i + 24] for i in range(0, len(data), 24))
    return "\n".join("".join(f"{b}," for b in row) for row in rows)


def main() -> None:
    folder, output, depfile = (pathlib.Path(p) for p in sys.argv[1:4])
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    parts = ['#include "gateway/web.h"\n']
    rows = []
    for i, path in enumerate(files):
        data = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        tag = hashlib.sha256(data).hexdigest()[:16]
        parts.append(f"static const unsigned char file_{i}[] = {{\n{literal(data)}0}};\n")
        rows.append(f'    {{"{name}", (const char *)file_{i}, {len(data)}, "{tag}"}},\n')
    parts.append("const struct web_file web_files[] = {\n" + "".join(rows) + "    {0}};\n")
    output.write_text("".join(parts))
    # The folders too, so that an added file rebuilds the table.
    watched = files + [folder] + sorted(p for p in folder.rglob("*") if p.is_dir())
    depfile.write_text(f"{output}: " + " ".join(str(p) for p in watched) + "\n")


main()
