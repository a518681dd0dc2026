"""Models on demand: loading, holding, unloading, eviction, crashes, draining; and the store."""

import concurrent.futures
import json
import os
import shutil
import signal
import socket
import threading
import time

import pytest

from conftest import MINILM, SLOW, TINY, give_minilm, wait_until

SIMILARITY = {"inputs": {"source_sentence": "a cat", "sentences": ["a dog", "a car"]}}
OTHER = "other/copy"
# What the pool counts for one MiniLM: its weights and the fixed share of a worker.
ONE = 90868376 + (32 << 20)
# Some seconds of computing, below the drain timeout also where sanitizers slow it down.
LONG = {"inputs": ["word " * 250] * max(6, int(60 / SLOW))}


def ask(server, model=MINILM, body=SIMILARITY, path="", **options):
    return server.post(f"/models/{model}{path}", body, **options)


def status(server, model=MINILM):
    return server.get(f"/status/{model}").json()


def start_long(server, model=MINILM):
    """A request that computes for a while, on a socket of its own; returns when it is being computed."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=120 * SLOW)
    body = json.dumps(LONG).encode()
    connection.sendall(f"POST /models/{model}/pipeline/feature-extraction HTTP/1.1\r\nHost: localhost\r\n"
                       f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    wait_until(lambda: status(server, model).get("requests_active") == 1, what="the long request")
    return connection


def read_all(connection):
    got = b""
    while chunk := connection.recv(1 << 20):
        got += chunk
    return got


def test_a_request_that_does_not_load(make_server):
    server = make_server()
    for wish in ("0", "false"):
        refused = ask(server, headers={"X-Load-Model": wish})
        assert refused.status == 503 and "not loaded" in refused.json()["error"]
    assert server.worker_pids() == []
    assert ask(server, headers={"X-Load-Model": "1"}).status == 200
    assert ask(server, headers={"X-Load-Model": "0"}).status == 200


@pytest.mark.thread
def test_single_flight(make_server):
    server = make_server()
    with concurrent.futures.ThreadPoolExecutor(24) as threads:
        replies = list(threads.map(lambda _: ask(server), range(48)))
    assert {got.status for got in replies} == {200}
    assert len({got.body for got in replies}) == 1
    assert server.metric("inferd_worker_starts_total") == 1
    assert len(server.worker_pids()) == 1
    assert replies[0].headers["x-sha"] and replies[0].headers["x-compute-type"] == "cpu"
    state = status(server)
    assert state["loaded"] and state["state"] == "Loaded" and state["memory_bytes"] >= ONE
    assert 0 < state["unload_in_s"] <= 900


def test_every_route_to_a_model(server):
    expected = ask(server).json()
    for path in (f"/pipeline/sentence-similarity/{MINILM}", f"/models/{MINILM}/pipeline/sentence-similarity",
                 f"/hf-inference/models/{MINILM}", f"/hf-inference/models/{MINILM}/pipeline/sentence-similarity",
                 f"/models/{MINILM}/similarity", f"/models/{MINILM.replace('/', '%2F')}"):
        got = server.post(path, SIMILARITY)
        assert got.status == 200, path
        assert got.json() == pytest.approx(expected), path
    for path in (f"/models/{MINILM}/v1/embeddings", f"/models/{MINILM}/embeddings", "/v1/embeddings"):
        got = server.post(path, {"model": MINILM + ":fastest", "input": ["x", "y"]}).json()
        assert len(got["data"]) == 2 and len(got["data"][0]["embedding"]) == 384
    assert len(ask(server, path="/embed", body={"inputs": "x"}).json()[0]) == 384
    assert server.get(f"/models/{MINILM}/info").json()["model_id"] == MINILM
    listed = server.get("/v1/models").json()["data"]
    assert [model["id"] for model in listed] == [MINILM]
    for path in (f"/v1/models/{MINILM}", f"/v1/models/{MINILM.replace('/', '%2F')}"):
        assert server.get(path).json() == listed[0]


@pytest.mark.thread
def test_idle_models_are_unloaded(make_server):
    server = make_server("--idle-timeout", "300ms")
    assert ask(server).status == 200
    pid = server.worker_pids()[0]
    wait_until(lambda: not server.worker_pids(), what="the end of the worker")
    assert status(server)["state"] == "Loadable"
    assert server.metric("inferd_memory_used_bytes") == 0
    assert not os.path.exists(f"/proc/{pid}")
    assert not list((server.data_dir / "run").iterdir())
    assert ask(server).status == 200
    assert server.metric("inferd_worker_starts_total") == 2


def test_idle_timeout_of_one_model(make_server):
    server = make_server()
    assert ask(server).status == 200
    server.cli("models", "set", MINILM, "idle-timeout=200ms")
    wait_until(lambda: not server.worker_pids(), what="the end of the worker")
    server.cli("models", "set", MINILM, "idle-timeout=")
    assert ask(server).status == 200
    assert status(server)["unload_in_s"] > 800
    assert server.cli("models", "set", "no/such", "idle-timeout=1s", check=False).returncode == 1
    assert server.cli("models", "set", MINILM, "colour=red", check=False).returncode == 1


def test_budget_evicts_the_least_recently_used(make_server, minilm):
    server = make_server("--memory-budget", str(ONE + (8 << 20)))
    give_minilm(server.data_dir, minilm, OTHER)
    assert ask(server).status == 200
    first = server.worker_pids()
    assert ask(server, OTHER).status == 200
    assert server.worker_pids() != first and len(server.worker_pids()) == 1
    assert not status(server)["loaded"] and status(server, OTHER)["loaded"]
    assert server.metric('inferd_worker_ends_total') == 1
    assert server.metric("inferd_memory_used_bytes") <= server.metric("inferd_memory_budget_bytes")


def test_a_busy_model_is_drained_before_it_is_evicted(make_server, minilm):
    server = make_server("--memory-budget", str(ONE + (8 << 20)))
    give_minilm(server.data_dir, minilm, OTHER)
    assert ask(server).status == 200
    long = start_long(server)
    assert ask(server, OTHER, timeout=120).status == 200  # waited for the other's request
    assert b"200 OK" in read_all(long)[:20]
    assert ask(server).status == 200
    assert server.metric("inferd_worker_starts_total") == 3


def test_what_never_fits_is_refused(make_server):
    server = make_server("--memory-budget", "50M")
    got = ask(server)
    assert got.status == 507
    assert str(50 << 20) in got.json()["error"] and str(ONE) in got.json()["error"]
    assert status(server)["state"] == "TooBig"
    assert server.metric("inferd_worker_starts_total") == 0


@pytest.mark.thread
def test_a_killed_worker(make_server, minilm):
    server = make_server()
    give_minilm(server.data_dir, minilm, OTHER)
    assert ask(server, OTHER).status == 200
    other_pid = server.worker_pids()[0]
    assert ask(server).status == 200
    pid = next(pid for pid in server.worker_pids() if pid != other_pid)
    long = start_long(server)
    os.kill(pid, signal.SIGKILL)
    got = read_all(long)
    assert got.startswith(b"HTTP/1.1 502 ")
    assert MINILM in json.loads(got.split(b"\r\n\r\n", 1)[1])["error"]
    assert ask(server).status == 200  # a new one
    assert other_pid in server.worker_pids()
    assert server.metric("inferd_worker_starts_total") == 3


def test_crashes_in_a_row_are_rested(make_server):
    server = make_server()
    for _ in range(3):
        assert ask(server).status == 200
        os.kill(server.worker_pids()[0], signal.SIGKILL)
        wait_until(lambda: not server.worker_pids(), what="the end of the worker")
    got = ask(server)
    assert got.status == 503
    assert "signal 9" in got.json()["error"]
    assert 1 <= int(got.headers["Retry-After"]) <= 5
    assert status(server)["state"] == "error"
    wait_until(lambda: ask(server).status == 200, 15, "another try")


@pytest.mark.thread
def test_a_client_that_leaves_ends_the_work(make_server):
    server = make_server()
    assert ask(server).status == 200
    long = start_long(server)
    long.close()
    started = time.monotonic()
    wait_until(lambda: status(server)["requests_active"] == 0, 5, "the end of the request")
    assert time.monotonic() - started < 2 * SLOW
    assert ask(server).status == 200


def test_a_broken_model_says_why(make_server, tmp_path):
    server = make_server()
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    server.cli("add", str(folder), "me/broken")
    got = ask(server, "me/broken")
    assert got.status == 500  # not 404: the model is there, a file of it is not
    assert got.json()["error"] == ("cannot load model 'me/broken': "
                                   "neither 'model.safetensors' nor 'pytorch_model.bin' is in the model folder")
    state = status(server, "me/broken")
    assert state["state"] == "error" and "me/broken" in state["error"]
    assert ask(server).status == 200


def test_files_of_a_broken_model_are_named_without_their_place(make_server, tmp_path):
    server = make_server(models=False)
    shutil.copytree(TINY / "bert-plain", tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    server.cli("add", str(tmp_path / "cut"), "me/cut")
    got = ask(server, "me/cut")
    assert got.status == 500
    assert got.json()["error"].startswith("cannot load model 'me/cut': 'model.safetensors': tensor '")
    assert str(server.data_dir) not in status(server, "me/cut")["error"]
    assert str(server.data_dir) in server.log_text()  # the operator's
    weights.unlink()
    weights.symlink_to("../../blobs/gone")
    done = server.cli("add", str(tmp_path / "cut"), "me/gone", check=False)
    assert done.returncode == 1 and "model.safetensors' is a link to a file that is not there" in done.stderr


def test_load_timeout(make_server):
    server = make_server("--load-timeout", "0")
    got = ask(server)
    if got.status != 200:  # a load may win the race against a timeout of nothing
        assert got.status == 503
        assert got.json()["error"] == f"Model {MINILM} is currently loading"
        assert got.json()["estimated_time"] > 0
        assert int(got.headers["Retry-After"]) >= 1
    wait_until(lambda: ask(server).status == 200, 10, "the end of the load")


@pytest.mark.thread
def test_queue_limit(make_server):
    server = make_server("--queue-limit", "1")
    assert ask(server).status == 200
    long = start_long(server)
    got = ask(server)
    assert got.status == 429
    assert got.headers["Retry-After"] == "1"
    assert "overloaded" in got.json()["error"]
    long.close()
    wait_until(lambda: ask(server).status == 200, 10, "room")


@pytest.mark.thread
def test_sigterm_drains(make_server):
    server = make_server()
    assert ask(server).status == 200
    long = start_long(server)
    server.process.send_signal(signal.SIGTERM)
    assert b"200 OK" in read_all(long)[:20]
    assert server.process.wait(30 * SLOW) == 0
    assert not (server.data_dir / "run").exists()


def test_sigterm_with_a_held_request(make_server):
    server = make_server()
    got = []
    thread = threading.Thread(target=lambda: got.append(ask(server)))
    thread.start()
    time.sleep(0.005)
    assert server.stop() == 0
    thread.join()
    assert got[0].status in (200, 503) if got else True  # answered, or never accepted


def test_store(make_server, minilm):
    server = make_server(models=False)
    assert server.get("/api/models").json() == []
    snapshot = next((minilm / "snapshots").iterdir())
    server.cli("add", str(snapshot), "me/mine")
    assert [model["id"] for model in server.get("/api/models").json()] == ["me/mine"]  # at once
    assert ask(server, "me/mine").status == 200
    pids = server.worker_pids()
    listed = json.loads(server.cli("models", "--json").stdout)
    assert [(model["id"], model["task"]) for model in listed] == [("me/mine", "sentence-similarity")]
    assert listed[0]["size_bytes"] > 90e6
    assert "me/mine" in server.cli("models").stdout

    # another content is another commit: new requests get a new worker, the old one ends
    changed = server.data_dir / "changed"
    import shutil
    shutil.copytree(snapshot, changed)
    (changed / "README.md").write_text("---\nlicense: mit\n---\n# changed\n")
    server.cli("add", str(changed), "me/mine")
    assert "license:mit" in server.get("/api/models/me/mine").json()["tags"]
    assert ask(server, "me/mine").status == 200
    wait_until(lambda: not set(pids) & set(server.worker_pids()), what="the end of the old worker")

    server.cli("remove", "me/mine", "--yes")
    assert ask(server, "me/mine").status == 404
    assert server.get("/api/models").json() == []
    wait_until(lambda: not server.worker_pids(), what="the end of the worker")
    assert not (server.data_dir / "hub" / "models--me--mine").exists()
    assert server.cli("remove", "me/mine", "--yes", check=False).returncode == 1
    assert server.cli("add", str(server.data_dir), "me/bad", check=False).returncode == 1
    assert server.cli("add", str(snapshot), "a/../b", check=False).returncode == 1


def test_add_follows_no_link_out_of_the_folder(make_server, tmp_path):
    server = make_server(models=False)
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("of this user")
    (folder / "config.json").write_text("{}")
    (folder / "same.json").symlink_to("config.json")
    server.cli("add", str(folder), "me/links")
    (folder / "notes.txt").symlink_to("../secret.txt")
    refused = server.cli("add", str(folder), "me/links", check=False)
    assert refused.returncode == 1 and "'notes.txt'" in refused.stderr.replace(str(folder) + "/", "")
    assert server.get("/me/links/resolve/main/notes.txt").status == 404
