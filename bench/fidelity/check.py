#!/usr/bin/env python3
"""Compare inferd with the goldens of all-MiniLM-L6-v2 (tests/goldens, tools/goldens/README.md).

usage: bench/fidelity/check.py --inferd BINARY --hub HUB       starts its own server
       bench/fidelity/check.py --url HOST:PORT [--worker HOST:PORT|unix:PATH]

Checks, for each of the 200 texts:
  1. token ids and offsets of POST /tokenize on the worker equal those of `tokenizers`
  2. the embedding is within 2e-6 of sentence-transformers' (largest absolute difference)
  3. the embedding has the same bits alone, in batches of any company and under concurrency
Prints the figures and each failure, exits 1 if there is any. Python's standard library only.
"""

import argparse
import array
import concurrent.futures
import contextlib
import json
import pathlib
import random
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests" / "goldens"
sys.path.insert(0, str(ROOT / "bench"))

from inferd import EMBED_PATH, Server, connect, post  # noqa: E402

TOLERANCE = 2e-6
BATCH_SIZES = (2, 3, 7, 16, 32)
CONCURRENCY = 8


class Report:
    def __init__(self):
        self.failures = 0

    def fail(self, what, index, text, detail):
        self.failures += 1
        if self.failures <= 20:
            print("FAILED %s: text %d %s: %s" % (what, index, ascii(text[:60]), detail))


def load_goldens():
    texts = [row["text"] for row in json.loads((GOLDENS / "texts.json").read_text())]
    tokens = json.loads((GOLDENS / "minilm" / "tokens.json").read_text())
    flat = array.array("f")
    flat.frombytes((GOLDENS / "minilm" / "embeddings.f32").read_bytes())
    if sys.byteorder == "big":
        flat.byteswap()
    width = tokens["shape"][1]
    rows = [flat[i * width:(i + 1) * width] for i in range(len(texts))]
    return texts, tokens["texts"], rows


def embed(connection, texts):
    """The embeddings of texts as float32 rows; the server's decimals must round-trip."""
    inputs = texts if len(texts) > 1 else texts[0]
    status, reply = post(connection, EMBED_PATH, {"inputs": inputs, "truncate": True})
    if status != 200:
        raise RuntimeError("status %d: %s" % (status, reply))
    if len(texts) == 1 and not isinstance(reply[0], list):
        reply = [reply]
    return [array.array("f", row) for row in reply]


def check_tokens(report, worker, texts, goldens):
    connection = connect(worker)
    offsets_differ = 0
    for i, (text, golden) in enumerate(zip(texts, goldens)):
        status, reply = post(connection, "/tokenize", {"inputs": text, "add_special_tokens": True})
        if status != 200:
            report.fail("tokenize", i, text, "status %d: %s" % (status, reply))
            continue
        found = [t["id"] for t in reply[0]]
        if found != golden["ids"]:
            at = next((k for k, (a, b) in enumerate(zip(found, golden["ids"])) if a != b),
                      min(len(found), len(golden["ids"])))
            report.fail("token ids", i, text, "%d tokens, expected %d; first difference at %d: "
                        "%s, expected %s" % (len(found), len(golden["ids"]), at,
                                             found[at:at + 3], golden["ids"][at:at + 3]))
            continue
        for k, t in enumerate(reply[0]):
            expected = golden["offsets"][2 * k:2 * k + 2]
            if t.get("start") is not None and [t["start"], t["stop"]] != expected:
                offsets_differ += 1
                report.fail("offsets", i, text, "token %d at %s, expected %s"
                            % (k, [t["start"], t["stop"]], expected))
                break
    print("token ids: %d texts compared, offsets differ in %d" % (len(texts), offsets_differ))


def check_embeddings(report, address, texts, goldens):
    """The embedding of each text alone; row i is None where the request failed."""
    connection = connect(address)
    rows, worst = [], 0.0
    for i, (text, golden) in enumerate(zip(texts, goldens)):
        try:
            (row,) = embed(connection, [text])
        except (RuntimeError, ValueError) as e:
            report.fail("embedding", i, text, e)
            rows.append(None)
            continue
        error = max(abs(a - b) for a, b in zip(row, golden)) if len(row) == len(golden) else None
        if error is None or not error <= TOLERANCE:
            report.fail("embedding", i, text, "differs by %s, at most %g allowed"
                        % (error, TOLERANCE))
        worst = max(worst, error or 0.0)
        rows.append(row)
    print("embeddings: largest difference %.2e (allowed %g)" % (worst, TOLERANCE))
    return rows


def batches(rng, count):
    order = list(range(count))
    rng.shuffle(order)
    while order:
        size = rng.choice(BATCH_SIZES)
        yield order[:size]
        order = order[size:]


def check_bits(report, address, texts, alone, rounds):
    """Each text again in random company, several requests at a time."""
    rng = random.Random(7)
    jobs = [b for _ in range(rounds) for b in batches(rng, len(texts))]

    def run(indexes):
        with contextlib.closing(connect(address)) as connection:
            return indexes, embed(connection, [texts[i] for i in indexes])

    compared = 0
    with concurrent.futures.ThreadPoolExecutor(CONCURRENCY) as pool:
        for indexes, rows in pool.map(run, jobs):
            for i, row in zip(indexes, rows):
                compared += 1
                if alone[i] is not None and row.tobytes() != alone[i].tobytes():
                    report.fail("bits", i, texts[i], "differ in a batch of %d by %.2e" % (
                        len(indexes), max(abs(a - b) for a, b in zip(row, alone[i]))))
    print("bit identity: %d embeddings in %d batches compared" % (compared, len(jobs)))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inferd", help="the binary")
    parser.add_argument("--hub", help="model cache folder")
    parser.add_argument("--url", help="address of a running inferd")
    parser.add_argument("--worker", help="address of its worker, for the token ids")
    parser.add_argument("--rounds", type=int, default=3, help="times each text is batched")
    options = parser.parse_args()
    if not options.url and not (options.inferd and options.hub):
        parser.error("expected --url, or --inferd and --hub")
    texts, tokens, goldens = load_goldens()
    report = Report()
    with contextlib.ExitStack() as stack:
        address, worker = options.url, options.worker
        if not address:
            server = stack.enter_context(Server(options.inferd, options.hub))
            server.embed("load the model")
            address, worker = server.address, server.worker_address()
        if worker:
            check_tokens(report, worker, texts, tokens)
        else:
            print("token ids: not compared, no --worker given")
        alone = check_embeddings(report, address, texts, goldens)
        check_bits(report, address, texts, alone, options.rounds)
    print("fidelity: %s" % ("%d failures" % report.failures if report.failures else "passed"))
    sys.exit(1 if report.failures else 0)


if __name__ == "__main__":
    main()
