#!/usr/bin/env python3
"""Everything that all-MiniLM-L6-v2 must show, measured beside its peers on this machine.

usage: bench/minilm.py --inferd BINARY --hub HUB [--python PYTHON] [--rounds 5] [--seconds 2]
                       [--dtype f32|bf16|int8] [--only NAME,...] [--peers NAME,...] [--out FILE]

BINARY   the release build of inferd
HUB      model cache folder (scripts/fetch-minilm HUB makes one)
PYTHON   an interpreter that has tools/goldens/requirements.txt; default: this one
--dtype  what inferd's products are made of; the peers compute in f32 too, or else in what they
         have below it: ONNX Runtime in int8, OpenVINO and torch in bf16

Throughput is in tokens too, special ones included, and given as a share of what the processor's
peak in products of that precision, measured in registers, would allow; in f32 the aim is two
thirds of it.

Absolute times differ from machine to machine and from hour to hour, so whatever is compared is
measured by turns: each round runs every subject once, in alternating order, and gives one ratio;
printed are the median ratio and its range. A difference smaller than that range says nothing.
Sections (--only): latency batches throughput cold gateway idle memory cycles
"""

import argparse
import contextlib
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from inferd import (EMBED_PATH, Server, build_load, connect, get, post, private_bytes, pss_bytes,
                    run_load)
from peers.process import Peer
from workloads import WORKLOADS

MB = 1 << 20
# What each peer computes in when inferd computes below f32; else all three compute in f32.
LOW_PRECISION = {"onnxruntime": "int8", "openvino": "bf16", "torch": "bf16"}
PEERS = tuple(LOW_PRECISION)
# Of kernels/list.h: the products of a precision.
FAMILIES = {"f32": "gemm_f32", "bf16": "gemm_bf16", "int8": "gemm_i8"}
GOAL_SHARE = 2 / 3  # of the peak, by 64 clients in f32: 14,000 tokens/s where that is 466 GFLOP/s


class Bench:
    """What the sections share: options, the load generator, request bodies, the figures."""

    def __init__(self, options, work):
        self.options = options
        self.rounds, self.seconds = options.rounds, options.seconds
        self.work = pathlib.Path(work)
        self.figures = []
        self.load_program = build_load(self.work)

    def server(self):
        return Server(self.options.inferd, self.options.hub,
                      ("--dtype", self.options.dtype, "--threads", str(self.options.threads)))

    def figure(self, section, name, value, unit, spread=None, target=None, met=None, note=""):
        row = {"section": section, "name": name, "value": value, "unit": unit, "spread": spread,
               "target": target, "met": met, "note": note}
        self.figures.append(row)
        spread_text = " [%.4g to %.4g]" % tuple(spread) if spread else ""
        verdict = "" if met is None else "   %s (%s)" % ("met" if met else "MISSED", target)
        print("%-11s %-58s %9.4g %s%s%s %s" % (section, name, value, unit, spread_text, verdict,
                                               note), flush=True)

    def spread_figure(self, section, name, values, unit, at_most=None, at_least=None, note=""):
        value = statistics.median(values)
        target = met = None
        if at_most is not None:
            target, met = "at most %g" % at_most, value <= at_most
        elif at_least is not None:
            target, met = "at least %g" % at_least, value >= at_least
        self.figure(section, name, value, unit, (min(values), max(values)), target, met, note)

    def bodies(self, inputs):
        """A file with one request body per element of inputs (a text or a list of texts)."""
        path = self.work / ("bodies-%d" % len(list(self.work.iterdir())))
        path.write_text("".join(json.dumps({"inputs": i, "truncate": True}) + "\n"
                                for i in inputs))
        return path

    def load(self, address, path, bodies, connections, seconds=None):
        """What bench/load.c reports of one run; stops the benchmark when a request failed."""
        return run_load(self.load_program, address, path, bodies, connections,
                        seconds or self.seconds)

    def by_turns(self, subjects):
        """subjects: name -> function giving a number; name -> [number per round]."""
        results = {name: [] for name in subjects}
        for turn in range(self.rounds):
            names = list(subjects)
            for name in names if turn % 2 == 0 else reversed(names):
                results[name].append(subjects[name]())
        return results


def against_peers(bench, section, workload, ours, key, unit, higher_is_better, goal):
    """Measures ours (a function giving a number) and every peer's result[key] by turns and adds
    a figure for each and for each ratio. goal: (peer name or "best", limit of the ratio)."""
    subjects = {"inferd": ours}
    for peer in bench.peers:
        subjects[peer.name] = lambda p=peer: p.measure(workload, bench.seconds)[key]
    results = bench.by_turns(subjects)
    measured = dict(results)
    for name, values in results.items():
        bench.spread_figure(section, "%s: %s" % (workload, name), values, unit)
    pick = max if higher_is_better else min
    others = [results[p.name] for p in bench.peers]
    if len(others) > 1:
        results["best"] = [pick(values) for values in zip(*others)]
    for name, values in results.items():
        if name == "inferd":
            continue
        ratios = [a / b for a, b in zip(results["inferd"], values)]
        limit = goal[1] if goal and goal[0] == name else None
        bench.spread_figure(section, "%s: inferd / %s" % (workload, name), ratios, "x",
                            at_least=limit if higher_is_better else None,
                            at_most=None if higher_is_better else limit)
    return measured


def latency(bench):
    bodies = bench.bodies(WORKLOADS["one"]())
    with bench.server() as server:
        server.embed("load the model")
        against_peers(bench, "latency", "one",
                      lambda: bench.load(server.address, EMBED_PATH, bodies, 1)["p50_us"] / 1e3,
                      "p50_ms", "ms", False, ("onnxruntime", 1.0))


def batches(bench):
    with bench.server() as server:
        server.embed("load the model")
        for workload in ("batch_32x30", "batch_64x256"):
            bodies = bench.bodies([WORKLOADS[workload]()])
            against_peers(bench, "batches", workload,
                          lambda b=bodies: bench.load(server.address, EMBED_PATH, b, 1)["p50_us"]
                          / 1e3, "p50_ms", "ms", False, None)


def token_counts(server, texts):
    """Tokens of each text as the model takes them: special ones included, cut to its length."""
    connection = connect(server.worker_address())
    status, reply = post(connection, "/tokenize", {"inputs": texts})
    status_info, info = get(connection, "/info")
    connection.close()
    if status != 200 or status_info != 200:
        raise RuntimeError("the worker does not tell tokens: %s %s" % (reply, info))
    return [min(len(tokens), info["max_input_length"]) for tokens in reply]


def operations(model, lengths):
    """Multiplications and additions of a BERT of texts of these lengths: products and attention."""
    config = json.loads((pathlib.Path(model) / "config.json").read_text())
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    weights = layers * (4 * hidden * hidden + 2 * hidden * config["intermediate_size"])
    return sum(2 * n * weights + 4 * n * n * hidden * layers for n in lengths)


def peak_gflops(options):
    """What the threads together reach in registers with the products of a precision: the best
    variant's; JSON of `inferd bench kernels`."""
    done = subprocess.run([options.inferd, "bench", "kernels", "--json", "--seconds", "0.001",
                           "--threads", str(options.threads), "--family",
                           FAMILIES[options.dtype]], capture_output=True, text=True, check=True)
    report = json.loads(done.stdout)
    if options.dtype == "f32":
        return report["peaks"]["f32_gflops"]
    return max(k["peak"] for k in report["kernels"] if k["bound"] == "compute")


def in_tokens(bench, results, lengths):
    """Figures in tokens of results in texts/s, and their shares of the processor's limit."""
    mean = statistics.mean(lengths)
    peak = peak_gflops(bench.options)
    limit = 1e9 * peak / operations(bench.options.model, lengths) * sum(lengths)
    bench.figure("throughput", "tokens/s at the peak of %.0f %s" % (
        peak, "GOP/s in int8" if bench.options.dtype == "int8" else
        "GFLOP/s in " + bench.options.dtype), limit, "tokens/s",
        note="(%.1f tokens a text)" % mean)
    for name, values in results.items():
        bench.spread_figure("throughput", "mixed: %s" % name, [v * mean for v in values],
                            "tokens/s")
    goal = GOAL_SHARE if bench.options.dtype == "f32" else None
    precisions = {"inferd": bench.options.dtype, **{p.name: p.precision for p in bench.peers}}
    for name, values in results.items():
        if precisions[name] != bench.options.dtype:
            continue
        bench.spread_figure("throughput", "mixed: %s, of that peak" % name,
                            [v * mean / limit for v in values], "x",
                            at_least=goal if name == "inferd" else None)


def throughput(bench):
    """64 clients that each wait for their answer, lengths mixed, against batches in-process."""
    bodies = bench.bodies(WORKLOADS["mixed"]())
    shares = []

    def ours():
        # Long enough that starting up and draining 64 connections do not count.
        done = bench.load(server.address, EMBED_PATH, bodies, 64, max(bench.seconds, 4))
        shares.append(done["cpu_s"] / done["seconds"])
        return done["requests_per_s"]

    with bench.server() as server:
        server.embed("load the model")
        goal = ("best" if len(bench.peers) > 1 else bench.peers[0].name, 1.3) if bench.peers else None
        results = against_peers(bench, "throughput", "mixed", ours, "texts_per_s", "texts/s", True,
                                goal)
        lengths = token_counts(server, WORKLOADS["mixed"]())
    in_tokens(bench, results, lengths)
    bench.spread_figure("throughput", "cores used by the load generator", shares, "cores")


def cold(bench):
    repeats = 5 * bench.rounds
    with bench.server() as server:
        server.embed("make the prepared files, fill the page cache")
        times = []
        for _ in range(repeats):
            server.unload()
            times.append(1e3 * server.embed("one sentence for a model that is not loaded"))
    bench.spread_figure("cold", "request for an unloaded model to its reply", times, "ms",
                        at_most=30, note="(aim 15, %d times)" % repeats)
    for peer in bench.peers:
        starts = [1e3 * peer.cold_start_s() for _ in range(bench.rounds)]
        bench.spread_figure("cold", "process start to first embedding: " + peer.name, starts, "ms")


def gateway(bench):
    bodies = bench.bodies(WORKLOADS["one"]())
    with bench.server() as server:
        server.embed("load the model")
        worker = server.worker_address()
        results = bench.by_turns({
            "gateway": lambda: bench.load(server.address, EMBED_PATH, bodies, 1)["p50_us"] / 1e3,
            "worker": lambda: bench.load(worker, "/embed", bodies, 1)["p50_us"] / 1e3})
    for name, values in results.items():
        bench.spread_figure("gateway", "one sentence through the " + name, values, "ms")
    bench.spread_figure("gateway", "the gateway adds (median of medians)",
                        [a - b for a, b in zip(results["gateway"], results["worker"])], "ms",
                        at_most=0.15)


def idle(bench):
    count = bench.options.connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with bench.server() as server:
            before = private_bytes(server.process.pid)
            client = subprocess.Popen([bench.load_program, "-t", server.address, "-p", "/livez",
                                       "-c", str(count), "-i"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
            opened = json.loads(client.stdout.readline())["idle"]
            time.sleep(1)
            after = private_bytes(server.process.pid)
            report = json.loads(client.communicate()[0])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    alive = opened - report["failed"]
    bench.figure("idle", "%d idle connections, %d answered after it" % (opened, alive),
                 (after - before) / MB, "MB", target="at most 64 MB, all alive",
                 met=after - before <= 64 * MB and alive == count)


def memory(bench):
    bodies = bench.bodies(WORKLOADS["mixed"]())
    with bench.server() as server:
        server.embed("load the model")
        bench.load(server.address, EMBED_PATH, bodies, 64)
        gateway_pid, worker_pid = server.process.pid, server.worker_pid()
        bench.figure("memory", "worker after 64 clients, private", private_bytes(worker_pid) / MB,
                     "MB", target="at most 32 MB + weights it had to convert",
                     met=private_bytes(worker_pid) <= 32 * MB or None,
                     note="(Pss %d MB)" % (pss_bytes(worker_pid) // MB))
        bench.figure("memory", "gateway after 64 clients, private",
                     private_bytes(gateway_pid) / MB, "MB", target="at most 32 MB",
                     met=private_bytes(gateway_pid) <= 32 * MB,
                     note="(Pss %d MB)" % (pss_bytes(gateway_pid) // MB))


def cycles(bench):
    """Load, one request, unload; compares the sizes of the first and the last tenth."""
    count = bench.options.cycles
    gateway_sizes, worker_sizes = [], []
    with bench.server() as server:
        for _ in range(count):
            server.embed("one sentence")
            gateway_sizes.append(private_bytes(server.process.pid))
            worker_sizes.append(private_bytes(server.worker_pid()))
            server.unload()
    tenth = max(1, count // 10)
    for name, sizes in (("gateway", gateway_sizes), ("worker", worker_sizes)):
        first = statistics.median(sizes[tenth:2 * tenth] or sizes[:tenth])
        growth = (statistics.median(sizes[-tenth:]) - first) / 1024
        bench.figure("cycles", "%s grows over %d load/unload cycles by" % (name, count), growth,
                     "KB", target="at most 1 MB", met=growth <= 1024,
                     note="(%.1f MB at last)" % (sizes[-1] / MB))


SECTIONS = {f.__name__: f for f in (latency, batches, throughput, cold, gateway, idle, memory,
                                    cycles)}
NEED_PEERS = {"latency", "batches", "throughput", "cold"}


def snapshot_folder(hub):
    repo = pathlib.Path(hub) / "models--sentence-transformers--all-MiniLM-L6-v2"
    return str(repo / "snapshots" / (repo / "refs" / "main").read_text().strip())


def precision_of(options, peer):
    return "f32" if options.dtype == "f32" else LOW_PRECISION[peer]


def names(text, known, parser):
    chosen = [n for n in text.split(",") if n]
    for name in chosen:
        if name not in known:
            parser.error("unknown name '%s', expected some of: %s" % (name, ", ".join(known)))
    return chosen


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inferd", required=True)
    parser.add_argument("--hub", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--dtype", default="f32", choices=FAMILIES)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--only", default=",".join(SECTIONS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="per subject and round")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--out", help="write all figures as JSON")
    options = parser.parse_args()
    options.only = names(options.only, SECTIONS, parser)
    options.peers = names(options.peers, PEERS, parser)
    options.model = snapshot_folder(options.hub)
    return options


def main():
    options = parse_options()
    with contextlib.ExitStack() as stack:
        bench = Bench(options, stack.enter_context(tempfile.TemporaryDirectory()))
        bench.peers = []
        if NEED_PEERS & set(options.only):
            bench.peers = [stack.enter_context(Peer(options.python, name, options.model,
                                                    options.threads, precision_of(options, name)))
                           for name in options.peers]
        for peer in list(bench.peers):
            print("peer %s: %s, %s, %d threads" % (peer.name, peer.ready(), peer.precision,
                                                   options.threads), flush=True)
            if peer.version is None:
                bench.peers.remove(peer)  # it said why
        for name in options.only:
            try:
                SECTIONS[name](bench)
            except RuntimeError as e:
                bench.figure(name, "could not be measured", 0, "", met=False, target="a result",
                             note=str(e))
    if options.out:
        pathlib.Path(options.out).write_text(json.dumps(bench.figures, indent=1) + "\n")
    missed = [f for f in bench.figures if f["met"] is False]
    print("%d figures, %d targets missed" % (len(bench.figures), len(missed)))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
