#!/usr/bin/env python3
"""Text tasks on models of published sizes, beside transformers, ONNX Runtime and OpenVINO in one run.

usage: bench/text_tasks.py --inferd BINARY TABLE [--minutes 5] [--python PYTHON] [--peers NAME,...]
                           [--dtypes f32,bf16,int8] [--only WORKLOAD,...] [--markdown FILE]

TABLE    one of: classification, fill-mask, zero-shot, ranking, embedding-minilm, embedding-base,
         embedding-large
BINARY   the release build of inferd
PYTHON   an interpreter that has tools/goldens/requirements.txt; default: this one

The models have random weights (bench/models.py makes them, the first time in some minutes; so do
the exports for the peers). inferd answers over HTTP, the peers are called in their own processes;
all tokenise, all have the same number of threads. Each round runs every subject once, in
alternating order; rounds are repeated for about so many minutes. Printed are medians and, of the
ratios of the rounds, median and range: how many times as fast as the best peer of the round inferd
was, in f32 and in the best lower precision of each side.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from inferd import Worker, build_load, run_load
from peers.process import Peer
from workloads import body_of, inputs_of

EMBEDDING = ("one", "batch_32x30", "batch_16x256", "mixed_16")
SMALL_EMBEDDING = ("one", "batch_32x30", "batch_64x256", "mixed")
# table: [(model of models.py, task, workloads)]
TABLES = {
    "classification": [("bert-base-labels", "text-classification", ("one", "batch_32x30"))],
    "fill-mask": [("xlm-roberta-base-fill", "fill-mask", ("masked_one", "masked_32x30"))],
    "zero-shot": [("deberta-v3-base-nli", "zero-shot-classification",
                   ("zero_shot_one", "zero_shot_8"))],
    "ranking": [("minilm-l6-ranker", "text-ranking", ("rank_100",)),
                ("bert-base-ranker", "text-ranking", ("rank_100",))],
    "embedding-minilm": [("minilm-l6-embedding", "feature-extraction", SMALL_EMBEDDING)],
    "embedding-base": [("bert-base-embedding", "feature-extraction", EMBEDDING)],
    "embedding-large": [("bert-large-embedding", "feature-extraction", EMBEDDING)],
}
PEERS = {"onnxruntime": ("f32", "int8"), "openvino": ("f32", "bf16"), "torch": ("f32", "bf16")}
TITLES = {"one": "1 text of 10 words", "batch_32x30": "32 texts of 30 words",
          "batch_16x256": "16 texts of 260 words", "batch_64x256": "64 texts of 260 words",
          "mixed_16": "16 texts of 5 to 200 words", "mixed": "64 texts of 5 to 200 words", "masked_one": "1 text of 10 words",
          "masked_32x30": "32 texts of 30 words", "zero_shot_one": "1 text, 10 labels",
          "zero_shot_8": "8 texts, 10 labels", "rank_100": "100 passages of 20 to 120 words"}
MIN_ROUNDS = 2


class Subject:
    """Whoever is measured: name, precision, and a function from workload to milliseconds."""

    def __init__(self, name, precision, measure):
        self.name, self.precision, self.measure = name, precision, measure
        self.title = name if precision == "f32" else "%s %s" % (name, precision)


def by_turns(subjects, workload, seconds):
    """{title: [ms of each round]}, for about so many seconds."""
    results = {s.title: [] for s in subjects}
    end, rounds, longest = time.monotonic() + seconds, 0, 0
    while rounds < MIN_ROUNDS or time.monotonic() + longest < end:
        start = time.monotonic()
        for s in subjects if rounds % 2 == 0 else reversed(subjects):
            results[s.title].append(s.measure(workload))
        longest = max(longest, time.monotonic() - start)
        rounds += 1
    return results


def ratios_of(subjects, results, low):
    """For each round the best peer's time over ours, of one class of precisions."""
    def best(ours):
        chosen = [results[s.title] for s in subjects
                  if (s.name == "inferd") == ours and (s.precision != "f32") == low]
        return [min(times) for times in zip(*chosen)]
    return [peer / mine for mine, peer in zip(best(True), best(False))]


def inferd_subjects(options, stack, folder, task, work):
    program = build_load(work)
    for dtype in options.dtypes:
        arguments = [] if dtype == "f32" else ["--dtype", dtype]
        worker = stack.enter_context(Worker(options.inferd, folder, "--threads", str(options.threads),
                                            *arguments))

        def measure(workload, w=worker):
            bodies = work / (workload + ".json")
            if not bodies.exists():
                bodies.write_text(json.dumps(body_of(workload)) + "\n")
            done = run_load(program, w.address, "/pipeline/" + task, bodies, 1, options.seconds)
            return done["p50_us"] / 1e3

        yield Subject("inferd", dtype, measure)


def peer_subjects(options, stack, folder):
    started = [stack.enter_context(Peer(options.python, name, folder, options.threads, precision))
               for name in options.peers for precision in PEERS[name]]
    for peer in started:
        if peer.ready() is None:
            print("%s %s could not start and is left out" % (peer.name, peer.precision), file=sys.stderr)
            continue
        print("%s, %s" % (peer.version, peer.precision), flush=True)
        yield Subject(peer.name, peer.precision,
                      lambda w, p=peer: p.measure(w, options.seconds)["p50_ms"])


def measure_model(options, model, task, workloads, seconds):
    """[(model, workload, tokens, subjects, results)]"""
    folder = subprocess.run([options.python, pathlib.Path(__file__).parent / "models.py", model],
                            check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    prepare_exports(options, folder)
    with contextlib.ExitStack() as stack:
        work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        subjects = list(inferd_subjects(options, stack, folder, task, work))
        subjects += peer_subjects(options, stack, folder)
        end = time.monotonic() + seconds
        for i, workload in enumerate(workloads):
            for s in subjects:
                s.measure(workload)  # the first time of each is slower
            share = (end - time.monotonic()) / (len(workloads) - i)
            yield model, workload, subjects, by_turns(subjects, workload, share)


def prepare_exports(options, folder):
    """Makes the graphs of all peers at once, before their processes ask for them."""
    script = pathlib.Path(__file__).parent / "peers"
    subprocess.run([options.python, "-c", "import sys; sys.path.insert(0, sys.argv[1]); "
                    "import onnx_export; onnx_export.exported(sys.argv[2], 'plain')",
                    script, folder], check=True, stdout=sys.stderr)


def spread(values):
    return "%.2f (%.2f to %.2f)" % (statistics.median(values), min(values), max(values))


def milliseconds(value):
    return "%.2f" % value if value < 100 else f"{value:,.0f}"


def markdown(options, rows):
    """rows: as measure_model gives them; titles of the columns are those of the first row."""
    titles = [s.title for s in rows[0][2]]
    out = ["Milliseconds a request, medians; how many times as fast as the best peer, median and "
           "range.", "", "| model | input | rounds | " + " | ".join(titles) +
           " | f32 | lower precision |", "|---|---|" + "--:|" * (len(titles) + 3)]
    for model, workload, subjects, results in rows:
        cells = [model, TITLES[workload], str(len(results[titles[0]]))]
        cells += [milliseconds(statistics.median(results[t])) if t in results else "" for t in titles]
        for low in (False, True):
            ratios = ratios_of(subjects, results, low)
            cells.append(spread(ratios) if ratios else "")
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out) + "\n"


def names(text, known, parser):
    chosen = [n for n in text.split(",") if n]
    for name in chosen:
        if name not in known:
            parser.error("unknown name '%s', expected some of: %s" % (name, ", ".join(known)))
    return chosen


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("--inferd", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--minutes", type=float, default=5, help="of the whole table, models loaded")
    parser.add_argument("--seconds", type=float, default=0.5, help="per subject and round")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--dtypes", default="f32,bf16,int8")
    parser.add_argument("--only", default=",".join(TITLES), help="workloads")
    parser.add_argument("--markdown", help="write the table to a file")
    options = parser.parse_args()
    options.peers = names(options.peers, PEERS, parser)
    options.only = names(options.only, TITLES, parser)
    options.dtypes = names(options.dtypes, ("f32", "bf16", "int8"), parser)
    usage = subprocess.run([options.inferd, "worker", "--help"], capture_output=True, text=True).stdout
    if "--dtype" not in usage:
        options.dtypes = ["f32"]
    return options


def main():
    options = parse_options()
    table, rows = TABLES[options.table], []
    for model, task, workloads in table:
        chosen = [w for w in workloads if w in options.only]
        for row in measure_model(options, model, task, chosen, 60 * options.minutes / len(table)):
            rows.append(row)
            print("%s: %s" % (TITLES[row[1]], {t: "%.4g ms" % statistics.median(v)
                                               for t, v in row[3].items()}), flush=True)
    text = markdown(options, rows)
    print("\n" + text)
    if options.markdown:
        pathlib.Path(options.markdown).write_text(text)


if __name__ == "__main__":
    main()
