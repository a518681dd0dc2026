"""Starts an inferd for a benchmark, talks to it, looks at its processes.

Python's standard library only.
"""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
EMBED_PATH = "/pipeline/feature-extraction/" + MODEL
READY_WITHIN_S = 10


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def connect(address):
    """A kept-alive connection to "host:port" or "unix:/path"."""
    if address.startswith("unix:"):
        return UnixConnection(address[5:])
    return http.client.HTTPConnection(address)


def post(connection, path, body):
    """(status, decoded reply) of one request."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("POST", path, data, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    data = reply.read()
    return reply.status, json.loads(data) if data else None


def get(connection, path):
    """(status, decoded reply) of one request."""
    connection.request("GET", path)
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def private_bytes(pid):
    """Memory that ends with the process: dirty and swapped pages. Clean pages of mapped files are
    page cache, which the kernel counts as private while only one process maps them."""
    text = pathlib.Path("/proc/%d/smaps_rollup" % pid).read_text()
    rows = dict(re.findall(r"^(\w+):\s+(\d+) kB$", text, re.M))
    return 1024 * (int(rows["Private_Dirty"]) + int(rows.get("Swap", 0)))


def pss_bytes(pid):
    text = pathlib.Path("/proc/%d/smaps_rollup" % pid).read_text()
    return 1024 * int(re.search(r"^Pss:\s+(\d+) kB$", text, re.M).group(1))


def descendants(pid):
    found = []
    for task in pathlib.Path("/proc/%d/task" % pid).glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                found += [int(child), *descendants(int(child))]
    return found


def runs(pid):
    """False once the process has ended, whether or not its parent has noticed."""
    try:
        stat = pathlib.Path("/proc/%d/stat" % pid).read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] != "Z"


def listening_unix_path(pid):
    """The path of a unix socket that process pid listens on, or None."""
    inodes = set()
    for fd in pathlib.Path("/proc/%d/fd" % pid).iterdir():
        with contextlib.suppress(OSError):
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(fd))
            if match:
                inodes.add(match.group(1))
    for line in pathlib.Path("/proc/net/unix").read_text().splitlines()[1:]:
        # Num RefCount Protocol Flags Type St Inode Path; flag 0x10000: it accepts connections
        fields = line.split()
        if len(fields) == 8 and int(fields[3], 16) & 0x10000 and fields[6] in inodes:
            return fields[7]
    return None


def build_load(folder):
    """The load generator, built into a folder."""
    program = pathlib.Path(folder) / "load"
    subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-O2", "-std=c17", "-D_GNU_SOURCE", "-o", program,
                    ROOT / "bench" / "load.c"], check=True)
    return program


def run_load(program, address, path, bodies, connections, seconds):
    """What the load generator reports of one run; RuntimeError when a request failed."""
    done = subprocess.run([program, "-t", address, "-p", path, "-b", bodies, "-c", str(connections),
                           "-s", str(seconds)], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError("load on %s%s failed:\n%s%s" % (address, path, done.stderr, done.stdout))
    return json.loads(done.stdout)


class Worker:
    """`inferd worker` on a model folder. Use as a context manager."""

    def __init__(self, binary, folder, *arguments):
        self.address = "127.0.0.1:%d" % free_port()
        read_end, write_end = os.pipe()
        self.process = subprocess.Popen(
            [binary, "worker", "--model", folder, "--listen", self.address, "--ready-fd",
             str(write_end), "--log-level", "error", *arguments], pass_fds=[write_end])
        os.close(write_end)
        self.ready_end = os.fdopen(read_end)

    def __enter__(self):
        with self.ready_end:
            if not self.ready_end.readline():
                raise RuntimeError("the worker did not start")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Server:
    """`inferd serve` on a data folder of its own whose hub/ holds the benchmark's model.
    Use as a context manager."""

    def __init__(self, binary, hub, arguments=(), environment=None):
        self.data = tempfile.mkdtemp(prefix="inferd-bench-")
        os.symlink(os.path.abspath(hub), os.path.join(self.data, "hub"))
        self.address = "127.0.0.1:%d" % free_port()
        self.log = open(os.path.join(self.data, "log"), "wb")
        self.process = subprocess.Popen(
            [binary, "serve", "--data", self.data, "--listen", self.address, *arguments],
            stdout=self.log, stderr=self.log, env={**os.environ, **(environment or {})})

    def __enter__(self):
        end = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                connection = connect(self.address)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return self
            time.sleep(0.005)
        log = pathlib.Path(self.log.name).read_text(errors="replace")
        self.__exit__()
        raise RuntimeError("inferd is not ready after %d s:\n%s" % (READY_WITHIN_S, log))

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.data, ignore_errors=True)

    def worker_pid(self):
        """The process id of the loaded model's worker, None if no model is loaded. A sandbox may
        put processes between: the worker is the one with a listening unix socket."""
        for pid in descendants(self.process.pid):
            with contextlib.suppress(OSError):
                if listening_unix_path(pid):
                    return pid
        return None

    def worker_address(self):
        pid = self.worker_pid()
        if pid is None:
            raise RuntimeError("no worker is running")
        return "unix:" + listening_unix_path(pid)

    def unload(self):
        """Ends the worker as the machine would, and waits until it is gone."""
        pid = self.worker_pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + READY_WITHIN_S
        while runs(pid):
            if time.monotonic() > end:
                raise RuntimeError("worker %d does not end" % pid)
            time.sleep(0.001)

    def embed(self, text):
        """Embeds one text over a new connection; the seconds it took."""
        start = time.perf_counter()
        connection = connect(self.address)
        status, reply = post(connection, EMBED_PATH, {"inputs": text})
        took = time.perf_counter() - start
        connection.close()
        if status != 200:
            raise RuntimeError("status %d: %s" % (status, reply))
        return took
