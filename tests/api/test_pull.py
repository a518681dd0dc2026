"""`inferd pull` against a hub that redirects, breaks, lies and refuses (fake_hub.py), and the cache
it leaves against the real client."""

import fcntl
import hashlib
import os
import pathlib
import pty
import random
import select
import signal
import socket
import subprocess
import sys
import time

import huggingface_hub
import pytest

import fake_hub
from conftest import SLOW

MODEL = "acme/tiny-model"
FOLDER = "models--acme--tiny-model"
WEIGHTS = random.Random(1).randbytes(600_000)
FILES = {
    "config.json": b'{"model_type": "bert"}',
    "README.md": b"# Tiny\n" * 200,
    "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
    "empty.txt": b"",
}


@pytest.fixture
def hub():
    hub = fake_hub.FakeHub()
    hub.add(MODEL, FILES, lfs={"model.safetensors": WEIGHTS})
    yield hub
    hub.close()


class Puller:
    """Runs the command with a data folder and home of its own."""

    def __init__(self, binary, hub, tmp_path):
        self.binary, self.hub = str(binary), hub
        self.data = tmp_path / "data"
        self.repo = self.data / "hub" / FOLDER
        self.env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "HF_ENDPOINT": hub.url}
        for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LD_PRELOAD"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def command(self, *arguments, model=MODEL):
        return [self.binary, "pull", model, "--data", str(self.data), *arguments]

    def __call__(self, *arguments, model=MODEL, **env):
        return subprocess.run(self.command(*arguments, model=model), env={**self.env, **env},
                              capture_output=True, text=True, timeout=60 * SLOW)

    def ok(self, *arguments, **options):
        done = self(*arguments, **options)
        assert done.returncode == 0, done.stderr
        return pathlib.Path(done.stdout.rstrip("\n"))

    def fails(self, *arguments, status=1, **options):
        done = self(*arguments, **options)
        assert done.returncode == status, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("inferd pull: ")
        return done.stderr

    def start(self, *arguments):
        return subprocess.Popen(self.command(*arguments), env=self.env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def blob(self, path):
        return self.repo / "blobs" / self.hub.repos[MODEL].etag(path)

    def partial(self, path):
        return self.repo / "blobs" / (self.hub.repos[MODEL].etag(path) + ".incomplete")

    def nothing_published(self):
        return not list((self.repo / "snapshots").glob("*")) and \
            not list((self.repo / "refs").glob("*"))


@pytest.fixture
def pull(binary, hub, tmp_path):
    return Puller(binary, hub, tmp_path)


def until(condition, seconds=20):
    end = time.monotonic() + seconds * SLOW
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# What it leaves behind.


def test_layout_of_the_cache(pull, hub):
    folder = pull.ok()
    repo = hub.repos[MODEL]
    assert folder == (pull.repo / "snapshots" / repo.commit).resolve()
    assert (pull.repo / "refs" / "main").read_text() == repo.commit
    assert contents(folder) == repo.files
    for path in repo.files:
        link = folder / path
        assert not os.path.isabs(os.readlink(link))
        assert link.resolve() == pull.blob(path).resolve()
    assert {p.name for p in (pull.repo / "blobs").iterdir()} == {repo.etag(p) for p in repo.files}
    assert {p.name for p in pull.repo.iterdir()} == {"blobs", "refs", "snapshots"}


def test_the_real_client_reads_it_offline(pull, hub):
    folder = pull.ok()
    found = huggingface_hub.snapshot_download(MODEL, cache_dir=pull.data / "hub",
                                              local_files_only=True)
    assert pathlib.Path(found).resolve() == folder
    path = huggingface_hub.hf_hub_download(MODEL, "model.safetensors", local_files_only=True,
                                           cache_dir=pull.data / "hub")
    assert pathlib.Path(path).read_bytes() == WEIGHTS
    cache = huggingface_hub.scan_cache_dir(pull.data / "hub")
    assert not cache.warnings
    (repo,) = cache.repos
    assert repo.repo_id == MODEL and repo.nb_files == len(FILES) + 1


def test_what_the_real_client_left_is_accepted(pull, hub):
    code = ("import huggingface_hub, sys; "
            "print(huggingface_hub.snapshot_download(sys.argv[1], cache_dir=sys.argv[2]))")
    subprocess.run([sys.executable, "-c", code, MODEL, str(pull.data / "hub")], check=True,
                   env={**pull.env, "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_XET": "1"},
                   capture_output=True, timeout=120 * SLOW)
    hub.log.clear()
    done = pull()
    assert done.returncode == 0 and "all of it was here already" in done.stderr
    assert not hub.requests("/resolve/")


def test_a_second_pull_downloads_nothing(pull, hub):
    first = pull.ok()
    hub.log.clear()
    done = pull()
    assert done.returncode == 0
    assert pathlib.Path(done.stdout.strip()) == first
    assert "all of it was here already" in done.stderr
    assert not hub.requests("/resolve/")


def test_a_damaged_blob_is_replaced(pull, hub):
    folder = pull.ok()
    damaged = bytearray(WEIGHTS)
    damaged[1000] ^= 1
    pull.blob("model.safetensors").write_bytes(damaged)
    pull.ok()
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    assert len(hub.content_requests("model.safetensors")) == 2


def test_a_new_commit_reuses_what_did_not_change(pull, hub):
    old = pull.ok()
    hub.add(MODEL, {**FILES, "config.json": b"{}"}, lfs={"model.safetensors": WEIGHTS})
    hub.log.clear()
    new = pull.ok()
    assert new != old
    assert contents(new)["config.json"] == b"{}"
    assert contents(old)["config.json"] == FILES["config.json"]
    assert [r.path.rpartition("/")[2] for r in hub.requests("/resolve/")] == ["config.json"]


def test_revisions(pull, hub):
    repo = hub.repos[MODEL]
    repo.refs.update({"v1.0": repo.commit, "refs/pr/1": repo.commit})
    for revision in ("v1.0", "refs/pr/1", repo.commit):
        pull.ok(model=f"{MODEL}@{revision}")
    refs = pull.repo / "refs"
    assert {str(p.relative_to(refs)) for p in refs.rglob("*") if p.is_file()} == \
        {"v1.0", "refs/pr/1"}
    assert hub.requests("/revision/refs%2Fpr%2F1")


def test_data_folder_by_default(pull, tmp_path):
    share = tmp_path / "share"
    done = subprocess.run([pull.binary, "pull", MODEL], capture_output=True, text=True,
                          env={**pull.env, "XDG_DATA_HOME": str(share)}, timeout=60 * SLOW)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(share / "inferd" / "hub" / FOLDER / "snapshots"))


# Which files.


def formats(hub):
    hub.add(MODEL, {"config.json": b"{}", "onnx/config.json": b"{}"}, lfs={
        name: name.encode() for name in (
            "model.safetensors", "pytorch_model.bin", "pytorch_model-00001-of-00002.bin",
            "tf_model.h5", "flax_model.msgpack", "rust_model.ot", "onnx/model.onnx",
            "openvino/model.xml", "v1.ckpt", "2_Dense/pytorch_model.bin", "other.bin")})


def test_repeated_weights_are_skipped(pull, hub):
    formats(hub)
    done = pull()
    assert done.returncode == 0
    assert "9 files are skipped" in done.stderr and "--all" in done.stderr
    assert set(contents(pathlib.Path(done.stdout.strip()))) == {
        "config.json", "model.safetensors", "2_Dense/pytorch_model.bin", "other.bin"}
    everything = pull.ok("--all")  # into the same snapshot
    assert contents(everything) == hub.repos[MODEL].files


def test_weights_without_safetensors_are_taken(pull, hub):
    hub.add(MODEL, {"config.json": b"{}"}, lfs={"pytorch_model.bin": b"x", "onnx/model.onnx": b"y"})
    assert set(contents(pull.ok())) == {"config.json", "pytorch_model.bin", "onnx/model.onnx"}


@pytest.mark.parametrize("arguments, expected", [
    (["--include", "*.json"], {"config.json", "onnx/config.json"}),
    (["--include", "onnx/"], {"onnx/config.json", "onnx/model.onnx"}),
    (["--include", "*.json", "--include", "v1.ckpt"],
     {"config.json", "onnx/config.json", "v1.ckpt"}),
    (["--include", "*.json", "--exclude", "onnx/*"], {"config.json"}),
    (["--exclude", "*.bin", "--exclude", "*.json"], {"model.safetensors"}),
])
def test_patterns(pull, hub, arguments, expected):
    formats(hub)
    assert set(contents(pull.ok(*arguments))) == expected


def test_patterns_that_leave_nothing(pull):
    assert "none of the 5 files" in pull.fails("--include", "*.gguf")


def test_a_long_list_comes_in_pages(pull, hub):
    repo = hub.add(MODEL, {f"part-{i:03}/file.txt": b"%d" % i for i in range(40)})
    repo.page_items = 7
    assert contents(pull.ok("--jobs", "8")) == repo.files
    assert len(hub.requests("/tree/")) == 12  # 80 items with the folders


# Who sees the token.


def test_the_token_never_reaches_the_cdn(pull, hub):
    hub.repos[MODEL].private_to = "hf_secret"
    pull.ok(HF_TOKEN="hf_secret")
    at_cdn = [r for r in hub.log if r.server == "cdn"]
    assert at_cdn and all("authorization" not in r.headers for r in at_cdn)
    assert all(r.headers["authorization"] == "Bearer hf_secret"
               for r in hub.log if r.server == "hub")


def test_the_token_never_reaches_the_next_page_of_another_server(pull, hub):
    repo = hub.repos[MODEL]
    repo.page_items = 2
    repo.next_link_origin = hub.cdn_url
    assert "another server" in pull.fails(HF_TOKEN="hf_secret")
    assert not hub.requests("", server="cdn")


def test_the_token_file(pull, hub, tmp_path):
    hub.repos[MODEL].private_to = "hf_in_file"
    (tmp_path / "token").write_text("hf_in_file\n")
    pull.ok(HF_HOME=str(tmp_path))


def test_a_token_cannot_smuggle_headers(pull, hub):
    assert "HF_TOKEN" in pull.fails(HF_TOKEN="a\r\nX-Evil: 1")
    assert not hub.log


def test_no_token_no_header(pull, hub):
    pull.ok()
    assert all("authorization" not in r.headers for r in hub.log)


# Transfers that break.


@pytest.mark.parametrize("path", ["model.safetensors", "README.md"])
def test_a_cut_connection_is_resumed(pull, hub, path):
    hub.faults[path] = [fake_hub.cut(700), fake_hub.cut(300)]
    assert contents(pull.ok()) == hub.repos[MODEL].files
    assert [r.headers.get("range") for r in hub.content_requests(path)] == \
        [None, "bytes=700-", "bytes=1000-"]


def test_a_server_without_ranges_starts_over(pull, hub):
    hub.faults["model.safetensors"] = [fake_hub.cut(5000), fake_hub.ignore_range()]
    assert contents(pull.ok())["model.safetensors"] == WEIGHTS


def test_range_not_satisfiable_starts_over(pull, hub):
    hub.faults["model.safetensors"] = [fake_hub.cut(5000), fake_hub.status(416, retry_after=0)]
    assert contents(pull.ok())["model.safetensors"] == WEIGHTS
    assert [r.headers.get("range") for r in hub.content_requests("model.safetensors")] == \
        [None, "bytes=5000-", None]


def test_busy_servers_are_waited_for(pull, hub):
    hub.api_faults = [fake_hub.status(429, retry_after=1), fake_hub.status(503, retry_after=0)]
    hub.faults["model.safetensors"] = [fake_hub.status(503, retry_after=0),
                                       fake_hub.status(429, retry_after=1)]
    start = time.monotonic()
    assert contents(pull.ok())["model.safetensors"] == WEIGHTS
    assert time.monotonic() - start >= 2


def test_a_server_that_stays_busy_is_an_error(pull, hub):
    hub.faults["model.safetensors"] = [fake_hub.status(503, retry_after=0)] * 20
    message = pull.fails()
    assert "503" in message and "'model.safetensors'" in message and "not now" in message
    assert len(hub.content_requests("model.safetensors")) == 6
    assert pull.nothing_published()


def test_a_wait_that_is_too_long_is_an_error(pull, hub):
    hub.api_faults = [fake_hub.status(429, retry_after=86400)]
    assert "429" in pull.fails()


def test_interrupted_and_resumed(pull, hub):
    hub.faults["model.safetensors"] = [fake_hub.slow(200_000)]
    running = pull.start()
    partial = pull.partial("model.safetensors")
    until(lambda: partial.exists() and partial.stat().st_size > 20_000)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20 * SLOW)
    assert running.returncode == 130
    assert out == "" and "interrupted" in err and "kept" in err
    begun = partial.stat().st_size
    assert 0 < begun < len(WEIGHTS)
    assert pull.nothing_published()
    hub.log.clear()
    assert contents(pull.ok()) == hub.repos[MODEL].files
    (request,) = hub.content_requests("model.safetensors")
    assert request.headers["range"] == f"bytes={begun}-"
    assert not partial.exists()


def test_killed_and_resumed(pull, hub):
    hub.faults["model.safetensors"] = [fake_hub.slow(200_000)]
    running = pull.start()
    partial = pull.partial("model.safetensors")
    until(lambda: partial.exists() and partial.stat().st_size > 20_000)
    running.kill()
    running.communicate()
    assert pull.nothing_published()
    assert contents(pull.ok()) == hub.repos[MODEL].files
    assert "range" in hub.content_requests("model.safetensors")[-1].headers


# Content that is not what the list promises.


@pytest.mark.parametrize("path, hash_name", [("model.safetensors", "SHA-256"),
                                             ("README.md", "git SHA-1")])
def test_wrong_content_is_detected_and_removed(pull, hub, path, hash_name):
    hub.faults[path] = [fake_hub.wrong_bytes()]
    message = pull.fails()
    assert f"'{path}'" in message and hash_name in message
    assert hub.repos[MODEL].etag(path) in message
    assert not pull.blob(path).exists() and not pull.partial(path).exists()
    assert pull.nothing_published()
    pull.ok()


def test_too_much_content_is_detected_and_removed(pull, hub):
    hub.faults["model.safetensors"] = [fake_hub.too_long()]
    assert "more than the expected 600000 bytes" in pull.fails()
    assert not pull.partial("model.safetensors").exists()


def test_too_little_content_is_detected(pull, hub):
    hub.repos[MODEL].claimed_sizes["config.json"] = len(FILES["config.json"]) + 1
    assert "'config.json'" in pull.fails()
    assert not pull.blob("config.json").exists()


@pytest.mark.parametrize("begun", [b"rubbish" * 100, b"x" * 600_000, b"y" * 700_000])
def test_a_wrong_beginning_is_thrown_away(pull, hub, begun):
    (pull.repo / "blobs").mkdir(parents=True)
    pull.partial("model.safetensors").write_bytes(begun)
    assert contents(pull.ok())["model.safetensors"] == WEIGHTS


def test_a_partial_file_that_is_a_link_is_not_followed(pull, hub, tmp_path):
    (pull.repo / "blobs").mkdir(parents=True)
    victim = tmp_path / "victim"
    victim.write_text("keep")
    pull.partial("model.safetensors").symlink_to(victim)
    pull.fails()
    assert victim.read_text() == "keep"


# Refusals.


def test_no_such_model(pull, hub):
    message = pull.fails(model="acme/nothing")
    assert "there is no model 'acme/nothing'" in message and hub.url in message
    assert "HF_TOKEN" in message
    assert not (pull.data / "hub").exists()


def test_no_such_revision(pull):
    assert "has no revision 'v9'" in pull.fails(model=MODEL + "@v9")


def test_private_without_access(pull, hub):
    hub.repos[MODEL].private_to = "hf_right"
    assert "private" in pull.fails()
    assert "the token may not read it" in pull.fails(HF_TOKEN="hf_wrong")


def test_gated(pull, hub):
    hub.repos[MODEL].gated = True
    message = pull.fails()
    assert "gated" in message and f"{hub.url}/{MODEL}" in message and "HF_TOKEN" in message


def test_no_network(pull):
    with socket.socket() as s:  # a port where nobody listens
        s.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{s.getsockname()[1]}"
        message = pull.fails(HF_ENDPOINT=endpoint)
    assert endpoint in message and "HF_ENDPOINT" in message


def test_no_such_host(pull):
    message = pull.fails(HF_ENDPOINT="https://no-such-host.invalid")
    assert "https://no-such-host.invalid" in message


def test_offline_is_respected(pull, hub):
    assert "HF_HUB_OFFLINE" in pull.fails(HF_HUB_OFFLINE="1")
    assert not hub.log


@pytest.mark.parametrize("endpoint", ["ftp://host", "file:///etc", "huggingface.co", "http://"])
def test_bad_endpoint(pull, endpoint):
    assert "HF_ENDPOINT" in pull.fails(HF_ENDPOINT=endpoint)


@pytest.mark.parametrize("model", ["", "a/b/c", "../x", "a//b", "a/..", "-a/b", "a/b@", "a/b@../c",
                                   "a/b@x y", "a/b@/x"])
def test_bad_names(pull, hub, model):
    pull.fails(model=model, status=2)
    assert not hub.log


def test_renamed_model(pull, hub):
    hub.add("acme/old-name", {}).renamed_to = MODEL
    folder = pull.ok(model="acme/old-name")
    assert contents(folder) == hub.repos[MODEL].files
    assert "models--acme--old-name" in str(folder)


def test_endless_redirects(pull, hub):
    hub.repos[MODEL].renamed_to = MODEL
    assert "redirects" in pull.fails()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"sha": 1}', b'{"sha": "main"}', b"", b"{",
                                  b'{"sha": "' + b"Z" * 40 + b'"}', b"[" * 100_000,
                                  b" " * (33 << 20)])
def test_replies_that_are_none(pull, hub, body):
    hub.api_faults = [{"kind": "body", "body": body}]
    pull.fails()
    assert not (pull.data / "hub").exists()


# Hostile lists.


@pytest.mark.parametrize("path", ["../evil", "/tmp/evil", "a/../../evil", "a//b", "./a", "a/.",
                                  "a\x1b[2Jb", "a\nb", "a\0b", "", "x" * 300, "a/" * 600 + "b"])
def test_hostile_names(pull, hub, path):
    hub.add(MODEL, {"config.json": b"{}", path: b"evil"})
    message = pull.fails()
    assert "\x1b" not in message and message.count("\n") == 1
    assert pull.nothing_published()
    assert not hub.requests("/resolve/")
    assert not list(pull.data.rglob("*evil*"))


def test_a_file_that_is_also_a_folder(pull, hub):
    hub.add(MODEL, {"a": b"1", "a/b": b"2"})
    assert "'a'" in pull.fails()
    assert not hub.requests("/resolve/")


def test_a_hash_that_is_a_path(pull, hub, monkeypatch):
    monkeypatch.setattr(fake_hub, "git_sha1", lambda content: "../../../evil")
    pull.fails()
    assert not hub.requests("/resolve/")


def test_more_than_the_disk_holds(pull, hub):
    hub.repos[MODEL].claimed_sizes["model.safetensors"] = 1 << 52
    message = pull.fails()
    assert "disk" in message and "4503599627 MB" in message
    assert not hub.requests("/resolve/")


# Others at work on the same cache.


def test_two_pulls_of_one_model(pull, hub):
    hub.faults["model.safetensors"] = [fake_hub.slow(200_000)]
    first = pull.start()
    until(lambda: pull.partial("model.safetensors").exists())
    assert "another process is writing the model" in pull.fails()
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=20 * SLOW)
    pull.ok()


def test_a_file_that_another_program_downloads(pull, hub):
    locks = pull.data / "hub" / ".locks" / FOLDER
    locks.mkdir(parents=True)
    with open(locks / (hub.repos[MODEL].etag("model.safetensors") + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "another program" in pull.fails()
    pull.ok()


# What it shows.


def read_terminal(fd, process):
    shown = b""
    while True:
        ready, _, _ = select.select([fd], [], [], 0.2)
        if ready:
            try:
                piece = os.read(fd, 65536)
            except OSError:
                return shown
            shown += piece
        elif process.poll() is not None:
            return shown


def test_progress_on_a_terminal(pull, hub):
    hub.faults["model.safetensors"] = [fake_hub.slow(400_000)]
    ours, theirs = pty.openpty()
    running = subprocess.Popen(pull.command(), env=pull.env, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = read_terminal(ours, running).decode()
    os.close(ours)
    assert running.wait() == 0
    running.stdout.close()
    drawn = [line for line in shown.split("\r") if "files [" in line]
    assert len(drawn) > 5
    assert any("=" in line and "/s" in line and "left" in line and "%" in line for line in drawn)
    assert f"{MODEL}@main: 5 files" in shown


def test_plain_lines_elsewhere(pull):
    done = pull()
    assert "\r" not in done.stderr and "\x1b" not in done.stderr
    assert done.stderr.startswith(f"{MODEL}@main: 5 files, ") and done.stderr.count("\n") == 1


def test_quiet(pull):
    done = pull("--quiet")
    assert done.returncode == 0 and done.stderr == "" and done.stdout.count("\n") == 1


def test_help(pull):
    done = subprocess.run([pull.binary, "pull", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for word in ("OWNER/NAME[@REVISION]", "--include", "--exclude", "--all", "--jobs", "--quiet",
                 "--data", "HF_ENDPOINT", "HF_TOKEN"):
        assert word in done.stdout
