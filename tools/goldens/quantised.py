#!/usr/bin/env python3
"""tests/goldens/quantised/: blocks of random bits of each type of GGUF, and their values by the gguf package.

TYPE.blocks holds blocks back to back, TYPE.f32 their values. Halves are finite, and scales of
every size are among them, so that a value that is rounded twice shows.
"""

import pathlib

import gguf
import numpy as np

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests/goldens/quantised"
# where a block has halves
HALVES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
          "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208]}
VALUES = 1024


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, halves in HALVES.items():
        kind = gguf.GGMLQuantizationType[name]
        values, size = gguf.GGML_QUANT_SIZES[kind]
        random = np.random.default_rng(len(name) + size)
        blocks = random.integers(0, 256, (VALUES // values, size), dtype=np.uint8)
        for at in halves:
            half = random.normal(0, 1, len(blocks)).astype(np.float16)
            half[0] = np.float16(3e-7)  # denormal
            blocks[:, at:at + 2] = half.view(np.uint8).reshape(-1, 2)
        expected = gguf.dequantize(blocks, kind).astype("<f4")
        (FOLDER / f"{name}.blocks").write_bytes(blocks.tobytes())
        (FOLDER / f"{name}.f32").write_bytes(expected.tobytes())


if __name__ == "__main__":
    main()
