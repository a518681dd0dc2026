#!/usr/bin/env python3
"""tests/goldens/conv/: convolutions by torch, channels last as inferd has them.

conv.txt has a line for each case: its numbers in the order of FIELDS; conv.f32 has, case after
case, x [n][height][width][in], the published weights, the bias and the result
[n][out height][out width][out]. after - before is padded by hand: torch pads both sides alike.
"""

import pathlib

import torch
from torch.nn import functional as F

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "tests/goldens/conv"
FIELDS = ("n height width in out groups kernel_h kernel_w stride_h stride_w dilation_h dilation_w "
          "before_h before_w after_h after_w transposed more_h more_w padding").split()
PADDINGS = ("constant", "reflect", "replicate", "circular")
CASES = [
    #n  h  w  in out g  kernel  stride  dilation before  after transposed more padding
    (1, 5, 7, 3, 4, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0),
    (2, 7, 6, 3, 5, 1, 3, 2, 2, 1, 1, 2, 1, 0, 1, 0, 0, 0, 0, 0),
    (1, 9, 9, 4, 6, 2, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0),
    (1, 8, 7, 19, 19, 19, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0),
    (1, 9, 8, 5, 5, 5, 5, 3, 2, 1, 1, 2, 2, 2, 2, 2, 0, 0, 0, 0),
    (1, 6, 6, 3, 6, 3, 3, 3, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0),  # two outputs a channel
    (1, 5, 6, 3, 2, 1, 2, 2, 2, 2, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0),  # padded behind only
    (2, 1, 17, 4, 6, 1, 1, 5, 1, 3, 1, 2, 0, 4, 0, 4, 0, 0, 0, 0),
    (1, 1, 20, 6, 6, 3, 1, 8, 1, 1, 1, 1, 0, 4, 0, 4, 0, 0, 0, 0),
    (1, 8, 8, 3, 7, 1, 4, 4, 4, 4, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),  # patches
    (2, 3, 4, 5, 6, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    (2, 4, 3, 5, 3, 1, 1, 1, 2, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    (1, 4, 5, 3, 4, 1, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0),
    (2, 4, 5, 3, 4, 1, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0),
    (1, 3, 4, 4, 6, 2, 4, 3, 2, 3, 1, 1, 1, 0, 1, 0, 1, 0, 2, 0),
    (1, 4, 4, 5, 5, 5, 3, 4, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0),
    (1, 3, 5, 3, 2, 1, 3, 2, 2, 4, 3, 1, 0, 0, 0, 0, 1, 1, 3, 0),  # outputs that no tap reaches
    (1, 4, 4, 2, 3, 1, 3, 3, 2, 2, 2, 2, 2, 1, 2, 1, 1, 0, 1, 0),
    (1, 1, 9, 4, 3, 1, 1, 16, 1, 8, 1, 1, 0, 4, 0, 4, 1, 0, 0, 0),
    (1, 4, 5, 3, 2, 1, 3, 3, 1, 1, 1, 1, 1, 2, 2, 0, 0, 0, 0, 1),
    (2, 5, 4, 6, 6, 6, 3, 5, 1, 1, 1, 1, 2, 2, 1, 3, 0, 0, 0, 1),
    (1, 3, 4, 3, 4, 1, 4, 3, 1, 1, 1, 2, 3, 2, 1, 4, 0, 0, 0, 2),
    (1, 3, 4, 8, 8, 2, 3, 3, 2, 1, 1, 1, 5, 1, 1, 6, 0, 0, 0, 2),
    (1, 3, 4, 4, 3, 1, 3, 3, 1, 1, 1, 1, 3, 1, 1, 4, 0, 0, 0, 3),
    (2, 1, 7, 6, 6, 6, 1, 4, 1, 1, 1, 1, 0, 2, 0, 1, 0, 0, 0, 3),
    (1, 4, 4, 16, 16, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0),  # groups of 8
    (1, 3, 4, 12, 12, 3, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0),
]


def main():
    torch.manual_seed(4)
    FOLDER.mkdir(parents=True, exist_ok=True)
    data = []
    for row in CASES:
        c = dict(zip(FIELDS, row))
        pair = lambda name: (c[name + "_h"], c[name + "_w"])
        x = torch.randn(c["n"], c["in"], c["height"], c["width"])
        shape = (c["in"], c["out"]) if c["transposed"] else (c["out"], c["in"])
        w = torch.randn(shape[0], shape[1] // c["groups"], *pair("kernel"))
        bias = torch.randn(c["out"])
        options = {"stride": pair("stride"), "dilation": pair("dilation"), "groups": c["groups"]}
        if c["transposed"]:
            y = F.conv_transpose2d(x.double(), w.double(), bias.double(), padding=pair("before"),
                                   output_padding=pair("more"), **options)
        else:
            around = (c["before_w"], c["after_w"], c["before_h"], c["after_h"])
            y = F.conv2d(F.pad(x, around, PADDINGS[c["padding"]]).double(), w.double(), bias.double(),
                         **options)
        data += [x.permute(0, 2, 3, 1), w, bias, y.permute(0, 2, 3, 1).float()]
    (FOLDER / "conv.txt").write_text("".join(" ".join(map(str, c)) + "\n" for c in CASES))
    (FOLDER / "conv.f32").write_bytes(b"".join(t.contiguous().numpy().tobytes() for t in data))


if __name__ == "__main__":
    main()
