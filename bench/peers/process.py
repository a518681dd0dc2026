"""A peer in a process of its own, measured on request (run.py --turns). Python's standard library
only."""

import json
import pathlib
import subprocess
import time

RUN = pathlib.Path(__file__).resolve().parent / "run.py"


class Peer:
    def __init__(self, python, name, model, threads, precision="f32"):
        self.name, self.precision = name, precision
        self.command = [python, RUN, "--peer", name, "--model", model, "--threads", str(threads),
                        "--precision", precision]
        self.process = subprocess.Popen([*self.command, "--turns"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def ready(self):
        """Waits until the model is loaded; the version of the peer, None when it could not start."""
        line = self.process.stdout.readline()
        self.version = json.loads(line)["version"] if line else None
        return self.version

    def measure(self, workload, seconds):
        self.process.stdin.write("%s %g\n" % (workload, seconds))
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def cold_start_s(self):
        start = time.perf_counter()
        with subprocess.Popen([*self.command, "--cold-child"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) as child:
            child.stdout.readline()
            return time.perf_counter() - start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
