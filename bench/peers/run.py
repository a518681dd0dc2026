#!/usr/bin/env python3
"""Measure one peer of inferd in-process, tokenisation included.

usage: bench/peers/run.py --peer onnxruntime|openvino|torch --model FOLDER [--threads 2]
                          [--precision f32|bf16|int8] [--out FILE] [--seconds 5]
                          [--turns | --cold-child]

Output: one JSON object with the figures of every workload (bench/workloads.py) and the process's
start-to-first-embedding time and peak memory. With --turns it stays, reads lines "WORKLOAD
SECONDS" from standard input and answers each with one line of JSON: so that a benchmark can
measure it and inferd by turns.
"""

import argparse
import importlib
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

PEERS = ("onnxruntime", "openvino", "torch")
MIN_REPEATS = 3
LONG_S = 1  # whoever takes so long once is measured once

def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def count_tokens(folder, texts):
    from encoder_batches import max_tokens
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
    tokenizer.enable_truncation(max_tokens(folder))
    tokenizer.no_padding()
    return sum(len(e.ids) for e in tokenizer.encode_batch(texts))


warm = set()  # workloads that were computed once


def measure(peer, folder, workload, seconds):
    from workloads import inputs_of
    texts = inputs_of(workload)
    if workload not in warm:
        peer.compute(texts)
        warm.add(workload)
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or (len(times) < MIN_REPEATS and sum(times) < LONG_S):
        start = time.perf_counter()
        peer.compute(texts)
        times.append(time.perf_counter() - start)
    tokens = count_tokens(folder, texts)
    median = statistics.median(times)
    return {"workload": workload, "n": len(times), "texts": len(texts), "tokens": tokens,
            "p50_ms": 1e3 * median, "p95_ms": 1e3 * percentile(times, 0.95),
            "min_ms": 1e3 * min(times), "max_ms": 1e3 * max(times),
            "texts_per_s": len(texts) / median, "tokens_per_s": tokens / median}


def peak_rss_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def load(options):
    module = importlib.import_module("peer_" + options.peer)
    return module.Peer(options.model, options.threads, options.precision), module.VERSION


def take_turns(peer, options):
    for line in sys.stdin:
        workload, seconds = line.split()
        print(json.dumps(measure(peer, options.model, workload, float(seconds))), flush=True)


def cold_start_s(options):
    """Seconds from starting a process to its first embedding, files in the page cache."""
    command = [sys.executable, __file__, "--peer", options.peer, "--model", options.model,
               "--threads", str(options.threads), "--precision", options.precision, "--cold-child"]
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    child.stdout.readline()
    took = time.perf_counter() - start
    if child.wait() != 0:
        sys.exit("peer '%s' failed to start" % options.peer)
    return took


def warm_up(peer, options):
    """The first result of a model, whatever it is for."""
    masked = "ForMaskedLM" in (pathlib.Path(options.model) / "config.json").read_text()
    from workloads import MASK
    peer.compute(["a sentence that takes the machine from cold to " + (MASK if masked else "warm")])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=PEERS, required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", default="f32")
    parser.add_argument("--seconds", type=float, default=5, help="per workload")
    parser.add_argument("--out")
    parser.add_argument("--turns", action="store_true")
    parser.add_argument("--cold-child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.cold_child or options.turns:
        peer, version = load(options)
        warm_up(peer, options)
        print(json.dumps({"ready": options.peer, "version": version}), flush=True)
        if options.turns:
            take_turns(peer, options)
        return
    peer, version = load(options)
    from workloads import WORKLOADS
    results = {w: measure(peer, options.model, w, options.seconds) for w in WORKLOADS}
    report = {"peer": options.peer, "version": version, "threads": options.threads,
              "peak_rss_mb": peak_rss_mb(), "workloads": results,
              "cold_start_s": [cold_start_s(options) for _ in range(3)]}
    text = json.dumps(report, indent=1)
    if options.out:
        pathlib.Path(options.out).write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
