#!/usr/bin/env python3
"""Compare inferd's tokenizers with the `tokenizers` package: equal ids and offsets, and speed.

usage: bench/tokenizers/compare.py --inferd BINARY [--work FOLDER] [--lines 20000] [--only NAME,...]
                                   [--rounds 5] [--seconds 0.3] [--markdown FILE]

Needs tools/goldens/requirements.txt. WORK keeps the tokenizers that are learnt (default:
~/.cache/inferd-bench/tokenizers). Both sides use one thread, and take turns; the package encodes a
list of texts without offsets (encode_batch_fast), which is the fastest that it offers. Exits with 1
when any id or offset differs.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"

import folders  # noqa: E402
import lines as texts  # noqa: E402
import tokenizers  # noqa: E402

LONG_BYTES = 1 << 20
SHOWN = 5


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="ascii")


def ours(options, folder, rows_path, *more):
    done = subprocess.run([options.inferd, "bench", "tokenizer", folder, "--texts", rows_path, *more],
                          capture_output=True, text=True, env={**os.environ, "INFERD_CACHE": options.cache})
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout


def differences(options, name, folder, tokenizer, rows):
    """Number of lines whose ids or offsets differ; the first of them are shown."""
    rows_path, ids_path = options.work / "lines.jsonl", options.work / "ids.jsonl"
    write_lines(rows_path, rows)
    ours(options, folder, rows_path, "--out", ids_path)
    wrong = 0
    with open(ids_path) as got:
        for row, line in zip(rows, got, strict=True):
            found, e = json.loads(line), tokenizer.encode(row)
            offsets = [list(o) for o in e.offsets]
            if found["ids"] == e.ids and found["offsets"] == offsets:
                continue
            wrong += 1
            if wrong <= SHOWN:
                what = "ids" if found["ids"] != e.ids else "offsets"
                a, b = found[what], e.ids if what == "ids" else offsets
                at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
                print("%s: %s differ at token %d of %r\n  got      %s\n  expected %s" % (
                    name, what, at, row[:120], a[max(0, at - 2):at + 4], b[max(0, at - 2):at + 4]))
    return wrong


def package_seconds(tokenizer, rows, seconds):
    best, end = 1e9, time.perf_counter() + seconds
    while time.perf_counter() < end or best == 1e9:
        start = time.perf_counter()
        tokenizer.encode_batch_fast(rows)
        best = min(best, time.perf_counter() - start)
    return best


def speed(options, folder, tokenizer, rows):
    """(our MB/s, theirs, [ratio of each round])."""
    rows_path = options.work / "speed.jsonl"
    write_lines(rows_path, rows)
    megabytes = sum(len(r.encode()) for r in rows) / 1e6
    mine, theirs = [], []
    for _ in range(options.rounds):
        report = json.loads(ours(options, folder, rows_path, "--json", "--seconds",
                                 "%dms" % (1000 * options.seconds)))
        mine.append(report["least_ms"] / 1e3)
        theirs.append(package_seconds(tokenizer, rows, options.seconds))
    ratios = [b / a for a, b in zip(mine, theirs)]
    return megabytes / statistics.median(mine), megabytes / statistics.median(theirs), ratios


def opening_ms(options, folder, rows_path):
    """Milliseconds to open: without the prepared file, and with it (median)."""
    for path in pathlib.Path(options.cache).rglob("*"):
        if path.is_file():
            path.unlink()
    times = [json.loads(ours(options, folder, rows_path, "--json", "--seconds", "1ms"))["open_ms"]
             for _ in range(1 + options.rounds)]
    return times[0], statistics.median(times[1:])


def measure(options, name, rows, english, mixed):
    folder = options.work / name
    path = folders.make(name, folder, english + mixed)
    tokenizer = tokenizers.Tokenizer.from_file(str(path))
    wrong = differences(options, name, folder, tokenizer, rows)
    small = options.work / "one.jsonl"
    write_lines(small, ["a"])
    first, second = opening_ms(options, folder, small)
    row = {"name": name, "size": tokenizer.get_vocab_size(), "lines": len(rows), "wrong": wrong,
           "open_first_ms": first, "open_ms": second}
    for kind, chosen in (("english", english[:4000]), ("mixed", mixed[:4000])):
        row[kind] = speed(options, folder, tokenizer, chosen)
    return row


def markdown(results):
    out = ["| tokenizer | entries | lines that differ | English, MB/s: inferd, package | ratio | mixed "
           "scripts, MB/s: inferd, package | ratio | opens in ms: first, then |",
           "|---|--:|--:|--:|--:|--:|--:|--:|"]
    for r in results:
        cells = [r["name"], f"{r['size']:,}", "%d of %d" % (r["wrong"], r["lines"])]
        for kind in ("english", "mixed"):
            mine, theirs, ratios = r[kind]
            cells += ["%.1f, %.1f" % (mine, theirs), "%.2f (%.2f to %.2f)" % (
                statistics.median(ratios), min(ratios), max(ratios))]
        cells.append("%.1f, %.1f" % (r["open_first_ms"], r["open_ms"]))
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inferd", required=True)
    parser.add_argument("--work", type=pathlib.Path,
                        default=pathlib.Path.home() / ".cache" / "inferd-bench" / "tokenizers")
    parser.add_argument("--lines", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0, help="other lines, other generated texts")
    parser.add_argument("--only", default=",".join(folders.FAMILIES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="per side and round")
    parser.add_argument("--no-long-lines", action="store_true", help="leave out the lines of 1 MB")
    parser.add_argument("--markdown", type=pathlib.Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    options.cache = str(options.work / "cache")
    return options


def main():
    options = parse_options()
    english, mixed = texts.english(20000), texts.of_catalogues(40000, texts.random.Random(1))
    rows = texts.generated(options.lines // 2, options.seed)
    rows += texts.natural(options.lines - len(rows), options.seed)
    if not options.no_long_lines:
        rows += list(texts.long_lines(LONG_BYTES, options.seed))
    print("%d lines, %.1f MB, tokenizers %s" % (len(rows), sum(len(r.encode()) for r in rows) / 1e6,
                                                tokenizers.__version__), flush=True)
    results = []
    for name in options.only.split(","):
        results.append(measure(options, name, rows, english, mixed))
        print(markdown(results[-1:]).split("\n")[2], flush=True)
    if options.markdown:
        options.markdown.write_text(markdown(results))
    sys.exit(1 if any(r["wrong"] for r in results) else 0)


if __name__ == "__main__":
    main()
