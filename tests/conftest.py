"""Fixtures for the API and browser tests: the built binary and servers on temporary data folders.

Environment:
  INFERD_BINARY     the program under test (default: build/release/inferd)
  INFERD_TEST_HUB   a hub cache folder that has sentence-transformers/all-MiniLM-L6-v2
                    (default: build/hub, where scripts/test puts it)
  INFERD_TEST_SLOW  factor for time limits (sanitizer builds)
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDENS = ROOT / "tests" / "goldens"
TINY = GOLDENS / "tiny"
MINILM = "sentence-transformers/all-MiniLM-L6-v2"
SLOW = float(os.environ.get("INFERD_TEST_SLOW", "1"))


def hub_folder_name(model_id):
    return "models--" + model_id.replace("/", "--")


class Reply:
    """An HTTP reply: status, headers (any case), body bytes."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Server:
    """A running `inferd serve` on a free port, with its own data folder."""

    def __init__(self, binary, data_dir, *options, env=None):
        self.binary, self.data_dir, self.options = str(binary), pathlib.Path(data_dir), options
        self.env = {**os.environ, "HF_HOME": str(self.data_dir / "no-hf-home"), "HF_HUB_OFFLINE": "0",
                    **(env or {})}
        self.env.pop("HF_TOKEN", None)
        self.process = None

    def start(self):
        read_end, write_end = os.pipe()
        self.log = open(self.data_dir / "server.log", "ab")
        self.process = subprocess.Popen(
            [self.binary, "serve", "--data", str(self.data_dir), "--listen", "127.0.0.1:0",
             "--ready-fd", str(write_end), *self.options],
            pass_fds=[write_end], env=self.env, stdout=self.log, stderr=self.log)
        os.close(write_end)
        with os.fdopen(read_end) as ready:
            line = ready.readline()
        if not line:
            raise RuntimeError("inferd serve did not start:\n" + self.log_text())
        self.url = json.loads(line)["url"].rstrip("/")
        return self

    def log_text(self):
        return (self.data_dir / "server.log").read_text(errors="replace")

    def stop(self, timeout=40):
        """SIGTERM; returns the exit status. One that does not end in time is killed, and that is an error."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.log.close()

    def cli(self, *arguments, check=True, **options):
        """Runs a subcommand on this server's data folder."""
        command = [self.binary, arguments[0], "--data", str(self.data_dir), *arguments[1:]]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=120 * SLOW,
                              **options)
        if check and done.returncode != 0:
            raise RuntimeError(f"{command} exited {done.returncode}: {done.stderr}")
        return done

    def request(self, method, path, body=None, headers=None, timeout=60):
        """One request; error statuses are replies, not exceptions. body: bytes, or JSON to be made."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            headers.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        opener = urllib.request.build_opener(NoRedirect)
        try:
            with opener.open(request, timeout=timeout * SLOW) as got:
                return Reply(got.status, got.headers, got.read())
        except urllib.error.HTTPError as got:
            return Reply(got.code, got.headers, got.read())

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body, **options):
        return self.request("POST", path, body, **options)

    def metric(self, name):
        """Sum of a metric over its labels, 0 when it is not there."""
        total = 0.0
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith(name) and line[len(name)] in " {":
                total += float(line.rsplit(" ", 1)[1])
        return total

    def worker_pids(self):
        """Process ids of the workers of this server."""
        listing = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True)
        return [int(pid) for pid in listing.stdout.split()]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def wait_until(condition, seconds=10, what="condition"):
    """Polls until condition() is true; returns its value."""
    end = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.02)


@pytest.fixture(scope="session")
def binary():
    path = pathlib.Path(os.environ.get("INFERD_BINARY", ROOT / "build" / "release" / "inferd"))
    if not path.exists():
        pytest.exit(f"{path} is missing: run scripts/build", returncode=2)
    return path


@pytest.fixture(scope="session")
def minilm():
    """The published all-MiniLM-L6-v2 as models--owner--name folder of a hub cache."""
    hub = pathlib.Path(os.environ.get("INFERD_TEST_HUB", ROOT / "build" / "hub"))
    folder = hub / hub_folder_name(MINILM)
    if not folder.exists():
        pytest.exit(f"{folder} is missing: run scripts/fetch-minilm {hub}", returncode=2)
    return folder


def give_minilm(data_dir, minilm, name=MINILM):
    """Puts the model into a data folder by hard links (copies on another file system)."""
    target = pathlib.Path(data_dir) / "hub" / hub_folder_name(name)

    def link(source, to):
        try:
            os.link(source, to)
        except OSError:
            shutil.copy2(source, to)

    shutil.copytree(minilm, target, symlinks=True, copy_function=link)


@pytest.fixture
def make_server(binary, minilm, tmp_path_factory):
    """make_server(*options, models=True, env=None) starts a server; all are stopped after the test."""
    servers = []

    def make(*options, models=True, env=None, start=True):
        data_dir = tmp_path_factory.mktemp("data")
        if models:
            give_minilm(data_dir, minilm)
        server = Server(binary, data_dir, *options, env=env)
        servers.append(server)
        return server.start() if start else server

    yield make
    for server in servers:
        if server.process:
            server.process.poll() is None and server.stop()
            report_crash(server)


@pytest.fixture(scope="module")
def server(binary, minilm, tmp_path_factory):
    """A server with the default options that the tests of one file share."""
    data_dir = tmp_path_factory.mktemp("data")
    give_minilm(data_dir, minilm)
    running = Server(binary, data_dir).start()
    yield running
    assert running.process.poll() is None, "the server died:\n" + running.log_text()
    assert running.stop() == 0, running.log_text()
    report_crash(running)


CRASHES = [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE]


def report_crash(server):
    """A crash of the server or a worker, or a sanitizer's report, is a failure, whatever the replies were."""
    log = server.log_text()
    assert -server.process.returncode not in CRASHES, log
    for sign in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                 "WARNING: ThreadSanitizer", *(f"was ended by signal {int(number)} " for number in CRASHES)):
        assert sign not in log, log
