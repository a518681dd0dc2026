#!/usr/bin/env python3
"""The rules of the source tree that a program can check.

- layers: a file of src/ includes its own folder and lower ranks only (docs/CONTRIBUTING.md)
- sizes: files up to 800 lines, functions up to 60 (files named *_table.* are generated and exempt)
- format: clang-format agrees, where it is installed
- names: no type of ours ends in _t
Prints one line for each violation and exits with 1 when there is any.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RANKS = {"base": 0, "kernels": 1, "http": 1, "tensor": 2, "tokenizers": 2, "media": 2, "nn": 3, "models": 4,
         "tasks": 5, "worker": 6, "gateway": 7, "cli": 8}
MAX_FILE, MAX_FUNCTION = 800, 60
FORMAT_VERSION = 14  # Debian 12's
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
TYPEDEF_T = re.compile(r"^typedef .*\b(\w+_t);", re.M)


def layers(path: pathlib.Path, text: str):
    """Includes that are neither of the own folder nor of a lower rank."""
    folder = path.relative_to(ROOT / "src").parts[0]
    for target in INCLUDE.findall(text):
        other = target.split("/")[0]
        if "/" not in target or other not in RANKS:
            yield f'includes "{target}", expected "<folder>/<file>.h" of src/'
        elif other != folder and RANKS[other] >= RANKS[folder]:
            yield f'includes "{target}": {other} (rank {RANKS[other]}) is not below {folder} ({RANKS[folder]})'


def sizes(path: pathlib.Path, text: str):
    """Files and functions that are too long. A function starts at a line with '{' alone in column 0."""
    if "_table." in path.name:
        return
    lines = text.split("\n")
    if len(lines) > MAX_FILE:
        yield f"has {len(lines)} lines, expected at most {MAX_FILE}"
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            if number - start > MAX_FUNCTION:
                yield f"line {start}: a function of {number - start} lines, expected at most {MAX_FUNCTION}"
            start = None


def names(text: str):
    for name in TYPEDEF_T.findall(text):
        yield f"typedef {name}: names of types do not end in _t"


def formatted(paths):
    """Files that clang-format would change."""
    tool = shutil.which(f"clang-format-{FORMAT_VERSION}") or shutil.which("clang-format")
    if not tool or f"version {FORMAT_VERSION}." not in subprocess.run(
            [tool, "--version"], capture_output=True, text=True).stdout:
        return  # other versions format a little differently
    for at in range(0, len(paths), 50):
        done = subprocess.run([tool, "--dry-run", "-Werror", *map(str, paths[at:at + 50])], cwd=ROOT,
                              capture_output=True, text=True)
        for line in sorted(set(re.findall(r"^(\S+):\d+:\d+: error", done.stderr, re.M))):
            yield f"{line}: clang-format would change it"


def main() -> int:
    problems = []
    sources = sorted(p for folder in ("src", "tests", "fuzz", "bench") for p in (ROOT / folder).rglob("*.[ch]"))
    for path in sources:
        text = path.read_text()
        found = list(sizes(path, text)) + list(names(text))
        if path.is_relative_to(ROOT / "src"):
            found += layers(path, text)
        problems += [f"{path.relative_to(ROOT)}: {problem}" for problem in found]
    problems += formatted(sources)
    for problem in problems:
        print(problem)
    print(f"check: {len(sources)} files, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
