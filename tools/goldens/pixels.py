#!/usr/bin/env python3
"""tests/goldens/pixels/: pooling and resizing by torch, channels last.

pool.txt and resize.txt have a line of numbers for each case (POOL, RESIZE); pool.f32 and resize.f32
have, case after case, x [n][height][width][channels] and the result.
"""

import itertools
import pathlib

import torch
from torch.nn import functional as F

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests/goldens/pixels"
POOL = ("kind n height width channels kernel_h kernel_w stride_h stride_w pad_h pad_w dilation_h "
        "dilation_w ceil count_padding divisor out_h out_w").split()
# kind: 0 largest, 1 average, 2 largest to a size, 3 average to a size
POOLS = [
    (0, 2, 7, 6, 3, 3, 3, 2, 2, 1, 1, 1, 1, 0, 0, 0, 4, 3),
    (0, 1, 8, 9, 5, 3, 2, 2, 3, 1, 0, 2, 1, 1, 0, 0, 0, 0),
    (0, 1, 5, 7, 17, 2, 2, 2, 2, 0, 0, 1, 1, 1, 0, 0, 0, 0),
    (1, 2, 7, 6, 3, 3, 3, 2, 2, 1, 1, 1, 1, 0, 1, 0, 0, 0),
    (1, 1, 7, 6, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 0, 0, 0),
    (1, 1, 7, 6, 4, 3, 2, 2, 2, 1, 1, 1, 1, 1, 0, 0, 0, 0),
    (1, 1, 6, 6, 4, 3, 3, 1, 2, 0, 1, 1, 1, 0, 1, 5, 0, 0),
    (1, 1, 1, 20, 9, 1, 5, 1, 3, 0, 2, 1, 1, 1, 1, 0, 0, 0),
    (2, 1, 7, 10, 3, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 3, 4),
    (3, 2, 7, 10, 3, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 3, 4),
    (3, 1, 5, 4, 18, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1),
    (3, 1, 3, 4, 2, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 7, 6),
]
RESIZE = "filter n height width channels out_h out_w align_corners antialias given".split()
FILTERS = ["nearest", "nearest-exact", "bilinear", "bicubic"]
SIZES = [(7, 5, 11, 13), (13, 11, 5, 4), (6, 9, 6, 3), (1, 4, 3, 1), (5, 5, 10, 10), (17, 3, 2, 7)]
FACTORS = [(1.7, 2.3), (0.6, 0.37)]


def pool(c, x):
    shape = ((c["kernel_h"], c["kernel_w"]), (c["stride_h"], c["stride_w"]), (c["pad_h"], c["pad_w"]))
    if c["kind"] == 0:
        return F.max_pool2d(x, *shape, (c["dilation_h"], c["dilation_w"]), bool(c["ceil"]))
    if c["kind"] == 1:
        return F.avg_pool2d(x, *shape, bool(c["ceil"]), bool(c["count_padding"]), c["divisor"] or None)
    size = (c["out_h"], c["out_w"])
    return F.adaptive_max_pool2d(x, size) if c["kind"] == 2 else F.adaptive_avg_pool2d(x, size)


def resizes():
    for filter, size in itertools.product(range(4), SIZES):
        for corners, antialias in itertools.product((0, 1), (0, 1)) if filter > 1 else [(0, 0)]:
            yield (filter, 1, *size[:2], 3, *size[2:], corners, antialias, -1)
    for filter, given in itertools.product(range(4), range(2)):
        for antialias in (0, 1) if filter > 1 else (0,):
            size = [int(n * f) for n, f in zip((9, 7), FACTORS[given])]
            yield (filter, 2, 9, 7, 2, *size, 0, antialias, given)


def resize(c, x):
    options = {"mode": FILTERS[c["filter"]]}
    if c["filter"] > 1:
        options.update(align_corners=bool(c["align_corners"]), antialias=bool(c["antialias"]))
    if c["given"] >= 0:
        y = F.interpolate(x, scale_factor=FACTORS[c["given"]], recompute_scale_factor=False, **options)
        assert y.shape[2:] == (c["out_h"], c["out_w"])
        return y
    return F.interpolate(x, size=(c["out_h"], c["out_w"]), **options)


def write(name, fields, rows, function):
    data, lines = [], []
    for row in rows:
        c = dict(zip(fields, row))
        x = torch.randn(c["n"], c["channels"], c["height"], c["width"])
        data += [x.permute(0, 2, 3, 1), function(c, x).permute(0, 2, 3, 1)]
        lines.append(" ".join(map(str, row)) + "\n")
    (FOLDER / f"{name}.txt").write_text("".join(lines))
    (FOLDER / f"{name}.f32").write_bytes(b"".join(t.contiguous().numpy().tobytes() for t in data))


def main():
    torch.manual_seed(5)
    FOLDER.mkdir(parents=True, exist_ok=True)
    write("pool", POOL, POOLS, pool)
    write("resize", RESIZE, resizes(), resize)


if __name__ == "__main__":
    main()
