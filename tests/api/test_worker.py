"""`inferd worker` and `inferd run` by themselves, without a gateway."""

import json
import os
import signal
import socket
import subprocess
import urllib.request

import pytest
from conftest import MINILM, SLOW, TINY, wait_until


def snapshot(minilm):
    return next((minilm / "snapshots").iterdir())


def start_worker(binary, folder, *options, env=None):
    """A worker on a unix socket's TCP twin: a free port; returns (process, port, ready line)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    read_end, write_end = os.pipe()
    process = subprocess.Popen([str(binary), "worker", "--model", str(folder), "--listen", f"127.0.0.1:{port}",
                                "--ready-fd", str(write_end), *options], pass_fds=[write_end],
                               env={**os.environ, **(env or {})}, stderr=subprocess.PIPE)
    os.close(write_end)
    with os.fdopen(read_end) as ready:
        line = json.loads(ready.readline())
    return process, port, line


def post(port, path, body, headers=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(),
                                     {"Content-Type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=60 * SLOW) as got:
        return json.loads(got.read())


def test_worker_alone(binary, minilm):
    process, port, line = start_worker(binary, snapshot(minilm), "--id", MINILM)
    assert line["ready"] is True and line["task"] == "sentence-similarity"
    assert set(line["tasks"]) >= {"sentence-similarity", "feature-extraction"}
    scores = post(port, "/", {"inputs": {"source_sentence": "a", "sentences": ["a", "b"]}})
    assert scores[0] == pytest.approx(1, abs=1e-5)
    assert len(post(port, "/pipeline/feature-extraction", {"inputs": "a"})) == 384
    assert len(post(port, "/v1/embeddings", {"input": "a", "model": "dummy"})["data"]) == 1
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as got:
        assert b"inferd_worker_requests_total 3" in got.read()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30 * SLOW) == 0, process.stderr.read()


def test_worker_is_sandboxed(binary, minilm):
    process, _, _ = start_worker(binary, snapshot(minilm))
    status = open(f"/proc/{process.pid}/status").read()
    assert "NoNewPrivs:\t1" in status
    assert SLOW > 1 or "Seccomp:\t2" in status  # sanitizers trace their own process
    process.terminate()
    assert process.wait(30 * SLOW) == 0
    process, _, _ = start_worker(binary, snapshot(minilm), "--no-sandbox")
    assert "NoNewPrivs:\t0" in open(f"/proc/{process.pid}/status").read()
    process.terminate()
    process.wait(30 * SLOW)


def test_worker_needs_its_key(binary, minilm):
    process, port, _ = start_worker(binary, snapshot(minilm), "--api-key-env", "KEY", env={"KEY": "secret"})
    with pytest.raises(urllib.error.HTTPError, match="401"):
        post(port, "/", {"inputs": "a"})
    with pytest.raises(urllib.error.HTTPError, match="401"):
        post(port, "/", {"inputs": "a"}, {"Authorization": "Bearer secreT"})
    assert len(post(port, "/pipeline/feature-extraction", {"inputs": "a"}, {"Authorization": "Bearer secret"})) == 384
    process.terminate()
    process.wait(30 * SLOW)


def test_worker_ends_when_nobody_waits_for_it(binary, minilm):
    """A gateway that was killed while it started a worker leaves none behind."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with subprocess.Popen([str(binary), "worker", "--model", str(snapshot(minilm)), "--listen", "127.0.0.1:0",
                           "--ready-fd", str(write_end)], pass_fds=[write_end]) as process:
        os.close(write_end)
        try:
            assert process.wait(10 * SLOW) == -signal.SIGTERM
        finally:
            process.kill()


def test_worker_ends_with_its_parent(binary, minilm, tmp_path):
    script = (f"import subprocess,sys,os; r,w=os.pipe(); p=subprocess.Popen([{str(binary)!r},'worker','--model',"
              f"{str(snapshot(minilm))!r},'--listen','unix:{tmp_path}/s','--ready-fd',str(w)],pass_fds=[w]);"
              "os.close(w); os.fdopen(r).readline(); print(p.pid,flush=True)")
    done = subprocess.run(["python3", "-c", script], capture_output=True, text=True, timeout=60 * SLOW)
    pid = int(done.stdout)
    wait_until(lambda: not os.path.exists(f"/proc/{pid}") or "Z" in open(f"/proc/{pid}/stat").read().split()[2],
               10, "the orphaned worker to end")


def test_broken_folder_is_one_clear_line(binary, tmp_path):
    process, _, line = start_worker(binary, tmp_path)
    assert line["ready"] is False and line["error"]
    assert process.wait(30) == 1


def test_other_addresses_need_a_key(binary, minilm):
    done = subprocess.run([str(binary), "worker", "--model", str(snapshot(minilm)), "--listen", "0.0.0.0:0"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "--api-key-env" in done.stderr


def run(binary, *arguments, **options):
    return subprocess.run([str(binary), "run", *map(str, arguments)], capture_output=True, text=True,
                          timeout=60 * SLOW, **options)


def test_run(binary, minilm):
    folder = snapshot(minilm)
    done = run(binary, folder, "That is a happy person", "That is a happy dog", "Today is a sunny day", "--verbose")
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores == pytest.approx([0.69457, 0.25687], abs=1e-4)
    assert "tokens" in done.stderr
    done = run(binary, folder, "text", "--task", "feature-extraction", "--parameter", "dimensions=4")
    assert len(json.loads(done.stdout)) == 4
    done = run(binary, folder, "--body", "-", "--task", "feature-extraction", input='{"inputs": ["a", "b"]}')
    assert len(json.loads(done.stdout)) == 2
    done = run(binary, TINY / "bert-plain", "text")
    assert done.returncode == 0 and len(json.loads(done.stdout)) == 1


def test_run_refusals(binary, minilm, tmp_path):
    done = run(binary)
    assert done.returncode == 2 and "MODEL" in done.stderr
    done = run(binary, "no/such-model", "text", "--data", tmp_path)
    assert done.returncode == 1 and "no/such-model" in done.stderr
    done = run(binary, tmp_path / "no-such-folder", "text")
    assert done.returncode == 1 and "no-such-folder' is neither a folder nor a model id" in done.stderr
    done = run(binary, snapshot(minilm), "text", "--task", "translation")
    assert done.returncode == 1 and "translation" in done.stderr
    done = run(binary, snapshot(minilm), "a", "b", "--parameter", "promptname=x")
    assert done.returncode == 1
    assert "no parameter 'promptname', expected one of '" in done.stderr
    done = run(binary, snapshot(minilm), "only a source")
    assert done.returncode == 1 and "'inputs.sentences' is required" in done.stderr
