"""Processors that can less than this one: lowered by CPU_MASK, and one without AVX, emulated."""

import json
import os
import platform
import shutil
import subprocess

import pytest

from conftest import MINILM, SLOW

SENTENCES = ["That is a happy person", "That is a happy dog", "Today is a sunny day"]
SCORES = pytest.approx([0.69457, 0.25687], abs=1e-4)
LEVELS = {"x86_64": ["scalar", "avx2", "avx512"], "aarch64": ["scalar", "neon"]}.get(platform.machine(), ["scalar"])


def run(minilm, *command, **env):
    folder = next((minilm / "snapshots").iterdir())
    done = subprocess.run([*map(str, command), "run", str(folder), *SENTENCES, "--verbose"], capture_output=True,
                          text=True, timeout=120 * SLOW, env={**os.environ, **env})
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
