"""Processors that can less than this one: lowered by CPU_MASK, and one without AVX, emulated."""

import json
import os
import platform
import random
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from conftest import MINILM, SLOW
from test_worker import post, snapshot, start_worker

SENTENCES = ["That is a happy person", "That is a happy dog", "Today is a sunny day"]
SCORES = pytest.approx([0.69457, 0.25687], abs=1e-4)
LEVELS = {"x86_64": ["scalar", "avx2", "avx512", "vnni", "bf16", "amx"],
          "aarch64": ["scalar", "neon", "dotprod", "i8mm", "bf16"]}.get(platform.machine(), ["scalar"])


def run(minilm, *command, options=(), **env):
    done = subprocess.run([*map(str, command), "run", str(snapshot(minilm)), *SENTENCES, "--verbose", *options],
                          capture_output=True, text=True, timeout=120 * SLOW, env={**os.environ, **env})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize("level", LEVELS)
def test_lowered(binary, minilm, level):
    scores, log = run(minilm, binary, CPU_MASK=level)
    assert scores == SCORES
    strongest = run(minilm, binary)[1].rsplit("kernels ", 1)[1].strip()
    # A level above the machine's changes nothing.
    assert log.rsplit("kernels ", 1)[1].strip() in (level, strongest)
    assert level != "scalar" or "kernels scalar" in log


@contextmanager
def embedder(binary, minilm, *options, **env):
    """A worker of its own: a function from texts to their vectors."""
    process, port, _ = start_worker(binary, snapshot(minilm), *options, env=env)
    yield lambda texts: post(port, "/embed", {"inputs": texts})
    process.terminate()
    assert process.wait(30 * SLOW) == 0


@pytest.mark.release  # minutes with a sanitizer; the unit tests of the kernels and of the batcher run there
@pytest.mark.parametrize("dtype", ["f32", "bf16", "int8"])
@pytest.mark.parametrize("level", LEVELS)
def test_vectors_do_not_depend_on_what_is_beside_them(binary, minilm, tmp_path, level, dtype):
    """Texts one by one on one thread, then shuffled, in requests of any size, many at a time, on more threads
    than there are CPUs and on as many: the same numbers, bit for bit."""
    env = {"CPU_MASK": level, "INFERD_CACHE": str(tmp_path)}
    rng = random.Random(f"{level} {dtype}")
    words = " ".join(SENTENCES).lower().split()
    n, longest = (8, 12) if level == "scalar" else (24, 90)
    texts = [" ".join(rng.choices(words, k=rng.randint(1, longest))) for _ in range(n)]
    with embedder(binary, minilm, "--dtype", dtype, "--threads", "1", **env) as embed:
        expected = {text: embed([text])[0] for text in texts}
    for threads in ("3", "2"):
        requests = []
        for _ in range(2):
            rest = rng.sample(texts, len(texts))
            while rest:
                size = rng.choice([1, 1, 2, 3, 9, 20])
                requests.append(rest[:size])
                rest = rest[size:]
        with embedder(binary, minilm, "--dtype", dtype, "--threads", threads, **env) as embed, \
                ThreadPoolExecutor(8) as pool:
            for given, found in zip(requests, pool.map(embed, requests)):
                assert found == [expected[text] for text in given]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="names of x86-64")
@pytest.mark.parametrize("dtype, lacks", [("bf16", "AVX512-BF16 and AMX"), ("int8", "AVX2, VNNI and AMX")])
def test_what_a_dtype_lacks_is_said(binary, minilm, dtype, lacks):
    log = run(minilm, binary, options=["--dtype", dtype], CPU_MASK="scalar")[1]
    assert f"dtype {dtype}: this processor has no kernels for {lacks}" in log and "'scalar' kernels compute" in log
    assert "dtype" not in run(minilm, binary, CPU_MASK="scalar")[1]


def test_a_lowered_server_lowers_its_workers(make_server):
    server = make_server(env={"CPU_MASK": "scalar"})
    got = server.post(f"/models/{MINILM}", {"inputs": {"source_sentence": SENTENCES[0], "sentences": SENTENCES[1:]}})
    assert got.status == 200 and got.json() == SCORES
    assert "kernels 'scalar'" in server.log_text()


def test_unknown_level_is_refused(binary):
    done = subprocess.run([str(binary), "run", "x", "y"], capture_output=True, text=True,
                          env={**os.environ, "CPU_MASK": "fastest"})
    assert done.returncode != 0 and "CPU_MASK" in done.stderr and "scalar" in done.stderr


@pytest.mark.release  # sanitizers do not run under the emulator
@pytest.mark.skipif(platform.machine() != "x86_64", reason="of x86-64")
def test_processor_without_avx(binary, minilm):
    """The emulated processor ends a program at the first AVX instruction: there must be none outside the kernels."""
    qemu = shutil.which("qemu-x86_64")
    assert qemu, "scripts/packages test installs qemu-user"
    scores, log = run(minilm, qemu, "-cpu", "Nehalem", binary)
    assert scores == SCORES
    assert "kernels scalar" in log
