#!/usr/bin/env python3
"""Write tests/goldens/checkpoints/: files of torch.save in all forms, what the reference reads from
them, files that must be refused, and model folders with pytorch_model.bin instead of safetensors.

usage: tools/goldens/checkpoints.py

NAME.bin         a good file
NAME.json        what is in it. "tensors": name, dtype (as in safetensors), shape, and "at", the number
                 of its first value in NAME.f32 (real types), or "hex", its bytes (other types)
bad/NAME.bin     a file that must be refused; bad.json has the words of the message for each
bert-*/          folders of tests/goldens/tiny with the same weights in torch's files

Legacy files hold addresses of the process that wrote them, so they differ from run to run; all that
is read from them stays the same.
"""

import argparse
import collections
import io
import json
import pathlib
import pickle
import shutil
import struct
import tarfile
import warnings
import zipfile

from reference import GOLDENS, numpy, torch
from safetensors.torch import load_file

OUT = GOLDENS / "checkpoints"
NAMES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16",
         torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
         torch.uint8: "U8", torch.bool: "BOOL", torch.uint16: "U16", torch.uint32: "U32",
         torch.uint64: "U64", torch.complex64: "C64", torch.float8_e4m3fn: "F8_E4M3",
         torch.float8_e5m2: "F8_E5M2"}
LEGACY = {"_use_new_zipfile_serialization": False}


def values(*shape, seed=0):
    rng = numpy.random.Generator(numpy.random.PCG64(seed))
    return torch.from_numpy(rng.standard_normal(shape).astype("float32"))


def with_metadata(state):
    """As Module.state_dict() gives it."""
    state = collections.OrderedDict(state)
    state._metadata = collections.OrderedDict([("", {"version": 1}), ("layer", {"version": 2})])
    return state


def plain():
    return {"layer.weight": values(3, 4), "layer.bias": values(4, seed=1), "scalar": torch.tensor(7.5),
            "empty": torch.zeros(0, 3), "embeddings.position_ids": torch.arange(6)[None]}


def types():
    x = values(2, 3, seed=2) * 5
    whole = [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
             torch.int8]
    state = {str(t).removeprefix("torch."): x.to(t) for t in whole}
    state.update(byte=(x.abs() * 20).to(torch.uint8), bool=x > 0)
    return state


def new_types():
    x = values(2, 3, seed=3).abs() * 5
    return {str(t).removeprefix("torch."): x.to(t) for t in (
        torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2,
        torch.complex64)}


def views():
    base, cube = values(6, 8, seed=4), values(2, 3, 4, seed=5)
    return {"base": base, "transposed": base.T, "part": base[1:4], "columns": base[:, 2:5],
            "every_second": base[::2, ::3], "permuted": cube.permute(2, 0, 1),
            "expanded": values(1, 5, seed=6).expand(4, 5), "row": base[5], "half_transposed":
            values(5, 3, seed=7).half().T, "flags": (cube > 0).permute(1, 0, 2)}


def tied():
    table = values(5, 3, seed=8)
    return {"embed.weight": table, "head.weight": table, "alias.weight": table[1:]}


def parameters():
    p = torch.nn.Parameter(values(2, 2, seed=9))
    noted = torch.nn.Parameter(values(3, seed=10))
    noted.note = "kept"
    tensor = values(2, seed=11)
    tensor.note = "kept"
    return {"p": p, "frozen": torch.nn.Parameter(values(2, seed=12), requires_grad=False),
            "noted": noted, "tensor": tensor}


def training():
    model = torch.nn.Linear(3, 2)
    with torch.no_grad():
        model.weight.copy_(values(2, 3, seed=13))
        model.bias.copy_(values(2, seed=14))
    optimizer = torch.optim.Adam(model.parameters())
    model(values(1, 3)).sum().backward()
    optimizer.step()
    return {"epoch": 3, "args": argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("x")),
            "loss": numpy.float64(1.5), "best": float("nan"), "names": {"a", "b"}, "raw": b"bytes",
            "device": torch.device("cpu"), "size": torch.Size([1, 2]), "dtype": torch.float16,
            "scale": numpy.arange(3), "big": 1 << 100, "state_dict": model.state_dict(),
            "optimizer": optimizer.state_dict()}


def saved(value, **options):
    out = io.BytesIO()
    torch.save(value, out, **options)
    return out.getvalue()


def repack(data, change=lambda name, content: content, **options):
    """The same archive by Python's zipfile: other local headers, no alignment."""
    out, source = io.BytesIO(), zipfile.ZipFile(io.BytesIO(data))
    with zipfile.ZipFile(out, "w", **options) as archive:
        for info in source.infolist():
            archive.writestr(zipfile.ZipInfo(info.filename), change(info.filename, source.read(info)),
                             options.get("compression"))
    return out.getvalue()


def big_endian(data, widths):
    """What a big-endian machine writes. widths: storage key -> bytes of an element."""
    def change(name, content):
        if name.endswith("/byteorder"):
            return b"big"
        if "/data/" in name:
            width = widths[name.rsplit("/", 1)[1]]
            return numpy.frombuffer(content, "V%d" % width).view("u%d" % width).byteswap().tobytes()
        return content
    return repack(data, change)


def zip64(data):
    """Sizes and places in 64-bit fields, as files of more than 4 GB have them."""
    out, source = io.BytesIO(), zipfile.ZipFile(io.BytesIO(data))
    with zipfile.ZipFile(out, "w") as archive:
        for info in source.infolist():
            with archive.open(zipfile.ZipInfo(info.filename), "w", force_zip64=True) as entry:
                entry.write(source.read(info))
    data, at = bytearray(out.getvalue()), 0
    end = data.rindex(b"PK\5\6")
    first = at = struct.unpack_from("<I", data, end + 16)[0]
    directory = bytearray()
    while at < end:
        n, extra, comment = struct.unpack_from("<HHH", data, at + 28)
        head = bytearray(data[at:at + 46 + n])
        stored, size = struct.unpack_from("<II", head, 20)
        begin, = struct.unpack_from("<I", head, 42)
        field = struct.pack("<HHQQQ", 1, 24, size, stored, begin)
        struct.pack_into("<II", head, 20, 0xffffffff, 0xffffffff)
        struct.pack_into("<I", head, 42, 0xffffffff)
        struct.pack_into("<HH", head, 30, len(field), 0)
        directory += head + field
        at += 46 + n + extra + comment
    count, = struct.unpack_from("<H", data, end + 10)
    tail = (struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), first)
            + struct.pack("<4sIQI", b"PK\6\7", 0, first + len(directory), 1)
            + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 0xffff, 0xffff, 0xffffffff, 0xffffffff, 0))
    return bytes(data[:first] + directory + tail)


# Pickles by hand.

PROTO, STOP = b"\x80\x02", b"."


def g(module, name):
    return b"c%s\n%s\n" % (module.encode(), name.encode())


def text(s):
    return b"X" + struct.pack("<I", len(s)) + s.encode()


def number(n):
    return b"J" + struct.pack("<i", n) if -2**31 <= n < 2**31 else b"\x8a\x09" + n.to_bytes(
        9, "little", signed=True) if n >= 2**63 else b"\x8a\x08" + struct.pack("<q", n)


def numbers(*all):
    return b"(" + b"".join(map(number, all)) + b"t"


def storage(key="0", n=6, kind=("torch", "FloatStorage"), view=b""):
    return b"(" + text("storage") + g(*kind) + text(key) + text("cpu") + number(n) + view + b"tQ"


def tensor(shape=(2, 3), strides=(3, 1), offset=0, of=None):
    return (g("torch._utils", "_rebuild_tensor_v2") + b"(" + (of or storage()) + number(offset)
            + numbers(*shape) + numbers(*strides) + b"\x89" + g("collections", "OrderedDict") + b")Rt"
            + b"R")


def entry(name, value):
    return text(name) + value + b"s"


def state(*entries):
    return PROTO + b"}" + b"".join(entries) + STOP


def archive(pickled, content=bytes(24), prefix="x/", compression=zipfile.ZIP_STORED, more=()):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in [("data.pkl", pickled), ("data/0", content), ("version", b"3\n"), *more]:
            z.writestr(zipfile.ZipInfo(prefix + name), data, compression)
    return out.getvalue()


def legacy(pickled, keys=("0",), content=struct.pack("<q", 6) + bytes(24)):
    head = [pickle.dumps(v, 2) for v in (0x1950a86a20f9469cfc6c, 1001, {"little_endian": True})]
    return b"".join(head) + pickled + pickle.dumps(list(keys), 2) + content


def one(**options):
    return archive(state(entry("w", tensor(**options))))


def patched(data, signature, offset, fmt, value, last=False):
    """data with a field of the (first or last) record of this signature changed."""
    data = bytearray(data)
    at = data.rindex(signature) if last else data.index(signature)
    struct.pack_into(fmt, data, at + offset, value)
    return bytes(data)


def python2():
    """What Python 2 and torch 0.4 wrote: byte strings, an OrderedDict from pairs, views."""
    def short(s):
        return b"U" + bytes([len(s)]) + s.encode()
    view = b"(" + text("v") + number(2) + number(3) + b"t"
    pairs = b"](]" + short("a") + b"a" + tensor(of=storage(view=b"N")) + b"a" \
        + b"]" + short("view") + b"a" + tensor((3,), (1,), of=storage(view=view)) + b"ae"
    old = (g("torch._utils", "_rebuild_tensor") + b"(" + storage(view=b"N") + number(1)
           + numbers(2) + numbers(2) + b"tR")
    pickled = PROTO + g("collections", "OrderedDict") + b"(" + pairs + b"tR" + entry("old", old) + STOP
    content = values(6, seed=15)
    made = {"a": content.reshape(2, 3), "view": content[2:5], "old": content[1:5:2]}
    return legacy(pickled, content=struct.pack("<q", 6) + content.numpy().tobytes()), made


def good():
    """Rows: name, bytes, what is in it."""
    rows = [(name + suffix, saved(make(), **options), make())
            for name, make in (("plain", plain), ("types", types), ("views", views), ("tied", tied),
                               ("parameters", parameters))
            for suffix, options in (("", {}), ("-legacy", LEGACY))]
    rows.append(("new-types", saved(new_types()), new_types()))
    rows.append(("metadata", saved(with_metadata(plain())), plain()))
    for suffix, options in (("", {}), ("-legacy", LEGACY)):
        value = training()
        rows.append(("training" + suffix, saved(value, **options), value["state_dict"]))
    for protocol in (3, 4, 5):
        rows.append(("protocol-%d" % protocol, saved(plain(), pickle_protocol=protocol), plain()))
    rows.append(("protocol-4-legacy", saved(plain(), pickle_protocol=4, **LEGACY), plain()))
    rows.append(("nested-model", saved({"model": plain(), "step": 1}), plain()))
    rows.append(("unaligned", repack(saved(plain())), plain()))
    rows.append(("zip64", zip64(saved(plain())), plain()))
    wide = {"f64": types()["float64"], "f16": types()["float16"], "c64": new_types()["complex64"],
            "view": values(2, 3, seed=16).T, "i8": types()["int8"]}
    rows.append(("big-endian", big_endian(saved(wide), {"0": 8, "1": 2, "2": 4, "3": 4, "4": 1}),
                 wide))
    rows.append(("python2-legacy", *python2()))
    twice = state(entry("w", tensor((2,), (1,))), entry("w", tensor((3,), (1,), 3)))
    six = values(6, seed=17)
    rows.append(("same-key-twice", archive(twice, six.numpy().tobytes()), {"w": six[3:]}))
    return rows


def bombs():
    doubling = PROTO + b"]q\x00" + b"".join(
        b"(h" + bytes([i]) + b"h" + bytes([i]) + b"lq" + bytes([i + 1]) + b"0" for i in range(200))
    call = g("os", "system") + b"(" + text("echo executed >&2; exit 1") + b"tR"
    return [
        ("os-system", archive(PROTO + call + STOP), "'os.system'"),
        ("os-system-legacy", legacy(PROTO + call + STOP, (), b""), "'os.system'"),
        ("os-system-tensor", archive(state(entry("w", call))), "'w' 'os.system'"),
        ("os-system-storage", one(of=call), "'w' no storage"),
        ("os-system-shape", archive(state(entry("w", tensor().replace(numbers(2, 3), call)))),
         "'w' shape no tuple"),
        ("eval-key", archive(state(g("builtins", "eval") + b"(" + text("1") + b"tR" + tensor() + b"s")),
         "no tensor"),
        ("wrapped-unknown", archive(state(entry("w", g("torch._utils", "_rebuild_parameter") + b"("
                                                + call + b"\x88)tR"))), "'w' 'os.system'"),
        ("subclass", archive(state(entry("w", g("torch._tensor", "_rebuild_from_type_v2") + b"("
                                         + g("torch._utils", "_rebuild_tensor_v2")
                                         + g("evil", "Tensor") + b"(" + storage() + b"t}tR"))),
         "'w' 'evil.Tensor'"),
        ("from-type-of-itself", archive(state(entry(
            "w", g("torch._tensor", "_rebuild_from_type_v2") + b"q\x01(h\x01" + g("torch", "Tensor")
            + b"(h\x01h\x01)t}tR"))), "without its function"),
        ("doubling", archive(doubling + STOP), "a list dictionary"),
        ("memo-index", archive(PROTO + b"Nr\xff\xff\xff\xff."), "memo index 4294967295"),
        ("memo-hole", archive(PROTO + b"h\x07."), "memo"),
        ("huge-string", archive(PROTO + b"X\xff\xff\xff\xffabc."), "cut off"),
        ("huge-string8", archive(PROTO + b"\x8d" + b"\xff" * 8 + b"."), "cut off"),
        ("list-in-itself", archive(PROTO + b"]q\x00h\x00a."), "a list dictionary"),
        ("dict-in-itself", archive(PROTO + b"}q\x00" + entry("model", b"h\x00") + STOP), "no tensor"),
        ("text-opcode", archive(PROTO + b"I1\n."), "0x49 INT not supported"),
        ("no-opcode", archive(PROTO + b"\xff."), "0xff not supported"),
        ("extension", archive(PROTO + b"\x82\x01."), "EXT1"),
        ("later-protocol", archive(b"\x80\x09N."), "protocol"),
        ("no-stop", archive(PROTO + b"}"), "cut off"),
        ("stack-empty", archive(PROTO + b"."), "missing on the stack"),
        ("odd-items", archive(PROTO + b"}(NNNu."), "no value"),
        ("calls-a-string", archive(PROTO + text("x") + b")R."), "calls a string"),
        ("not-pairs", archive(PROTO + g("collections", "OrderedDict") + b"(](NNetR."), "no pairs"),
    ]


def shapes():
    far = 2**62
    return [
        ("negative-stride", one(strides=(-3, 1)), "'w' strides -3"),
        ("negative-dimension", one(shape=(-2, 3)), "'w' shape -2"),
        ("negative-offset", one(offset=-1), "'w' offset"),
        ("wide-int", one(shape=(2**64, 3)), "'w' shape no 64-bit int"),
        ("shape-overflow", one(shape=(far, far)), "'w' overflow"),
        ("bytes-overflow", one(shape=(far,), strides=(0,)), "'w' overflow"),
        ("stride-overflow", one(shape=(far, 2), strides=(far, far)), "'w' overflow"),
        ("offset-overflow", one(offset=2**63 - 1), "'w' beyond its storage of 24 bytes"),
        ("beyond-storage", one(shape=(2, 4), strides=(4, 1)), "'w' beyond its storage of 24 bytes"),
        ("beyond-by-stride", one(strides=(4, 1)), "'w' beyond"),
        ("beyond-by-offset", one(offset=1), "'w' beyond"),
        ("expanded-bomb", one(shape=(1000000, 1000000), strides=(0, 0)), "'w' 4000000000000 bytes"),
        ("strides-missing", one(strides=(1,)), "'w' 1 strides for 2 dimensions"),
        ("nine-dimensions", one(shape=(1,) * 9, strides=(1,) * 9), "'w' shape 9 numbers"),
        ("storage-too-large", one(of=storage(n=7)), "'w' 24 bytes 7 elements"),
        ("storage-huge", one(of=storage(n=2**63 - 1)), "'w' storage"),
        ("storage-negative", one(of=storage(n=-1)), "persistent id"),
        ("storage-missing", one(of=storage(key="9")), "'w' not in the file"),
        ("storage-outside", one(of=storage(key="../version")), "'w' not in the file"),
        ("storage-unknown", one(of=storage(kind=("torch", "QInt8Storage"))), "'w' 'torch.QInt8Storage'"),
        ("storage-of-dtype", one(of=storage(kind=("torch", "float32"))), "persistent id"),
        ("name-not-utf8", archive(PROTO + b"}U\x01\xff" + tensor() + b"s."), "UTF-8"),
        ("no-tensors", archive(state(entry("a", number(1)))), "no tensor"),
        ("not-a-dict", archive(PROTO + tensor() + STOP), "a tensor dictionary"),
    ]


def archives():
    fine = one()
    listing = archive(state(entry("w", tensor())), more=[("data/1", bytes(24))])
    begin = zipfile.ZipFile(io.BytesIO(listing)).getinfo("x/data/0").header_offset
    overlap = bytearray(listing)
    struct.pack_into("<II", overlap, begin + 18, 80, 80)  # data/0 claims bytes of what follows
    at = overlap.index(b"x/data/0", overlap.index(b"PK\1\2")) - 46
    struct.pack_into("<II", overlap, at + 20, 80, 80)
    return [
        ("compressed", archive(state(entry("w", tensor())), compression=zipfile.ZIP_DEFLATED),
         "'x/data.pkl' compressed"),
        ("compressed-storage", repack(fine, compression=zipfile.ZIP_DEFLATED), "compressed"),
        ("overlap", bytes(overlap), "overlap"),
        ("not-a-header", patched(fine, b"PK\1\2", 42, "<I", 2, last=True), "is not at byte"),
        ("twice", archive(state(entry("w", tensor())), more=[("data/0", bytes(24))]), "there twice"),
        ("truncated", fine[:-40], "no end record"),
        ("half", fine[:len(fine) // 2], "no end record"),
        ("size-beyond", patched(patched(fine, b"PK\1\2", 20, "<I", 1 << 30), b"PK\1\2", 24, "<I", 1 << 30),
         "does not fit"),
        ("sizes-differ", patched(fine, b"PK\1\2", 24, "<I", 5), "not compressed"),
        ("local-differs", patched(fine, b"PK\3\4", 18, "<I", 5), "contradicts"),
        ("local-name-differs", patched(fine, b"PK\3\4", 30, "<B", 89), "contradicts"),
        ("encrypted", patched(fine, b"PK\1\2", 8, "<H", 1), "encrypted"),
        ("many-entries", patched(patched(fine, b"PK\5\6", 8, "<H", 60000), b"PK\5\6", 10, "<H", 60000),
         "60000 entries"),
        ("directory-beyond", patched(fine, b"PK\5\6", 12, "<I", 1 << 31), "does not fit"),
        ("two-disks", patched(fine, b"PK\5\6", 4, "<H", 1), "disks"),
        ("zip64-end-lost", patched(zip64(fine), b"PK\6\7", 8, "<Q", 1 << 60), "zip64 end record"),
        ("zip64-directory", patched(zip64(fine), b"PK\6\6", 48, "<Q", 2**64 - 8), "does not fit"),
        ("zip64-entries", patched(patched(zip64(fine), b"PK\6\6", 24, "<Q", 1 << 62), b"PK\6\6", 32, "<Q",
                                  1 << 62), "entries"),
        ("zip64-begin", patched(zip64(fine), b"\1\0\x18\0", 20, "<Q", 2**64 - 31), "is not at byte"),
        ("no-pickle", archive(b"", prefix="x/y"), "no 'data.pkl'"),
        ("torchscript", archive(state(entry("w", tensor())), more=[("constants.pkl", b"")]),
         "TorchScript"),
        ("byte-order", archive(state(entry("w", tensor())), more=[("byteorder", b"middle")]),
         "byte order"),
    ]


def others():
    w = state(entry("w", tensor()))
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as t:
        t.addfile(tarfile.TarInfo("sys_info"))
    return [
        ("legacy-cut-storage", legacy(w)[:-1], "'0' of 6 elements 23 bytes left"),
        ("legacy-cut-count", legacy(w)[:-27], "cut off in front of storage '0'"),
        ("legacy-cut-pickle", legacy(w)[:80], "broken no end"),
        ("legacy-count-differs", legacy(w, content=struct.pack("<q", 7) + bytes(28)),
         "7 elements, expected 6"),
        ("legacy-count-huge", legacy(state(entry("w", tensor(of=storage(n=2**62)))),
                                     content=struct.pack("<q", 2**62)), "does not fit"),
        ("legacy-key-missing", legacy(w, ()), "'w' not in the file"),
        ("legacy-key-unknown", legacy(w, ("0", "1")), "keys"),
        ("legacy-key-twice", legacy(w, ("0", "0")), "keys"),
        ("legacy-class-unknown", legacy(state(entry("w", tensor(of=storage(
            kind=("torch", "QInt8Storage")))))), "'torch.QInt8Storage'"),
        ("legacy-disagree", legacy(state(entry("w", tensor()), entry("v", tensor(of=storage(n=3))))),
         "disagree"),
        ("legacy-view-beyond", legacy(state(entry("w", tensor((3,), (1,), of=storage(
            view=b"(" + text("v") + number(5) + number(3) + b"t"))))), "persistent id"),
        ("legacy-version", legacy(w).replace(b"M\xe9\x03", b"M\xea\x03", 1), "version"),
        ("a-pickle", pickle.dumps({"a": 1}, 2), "not one that torch.save wrote"),
        ("tar", tar.getvalue(), "tar form"),
        ("lfs-pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git-lfs"),
        ("text", b"hello", "neither"),
        ("empty", b"", "neither"),
        ("empty-zip", b"PK\5\6" + bytes(18), "data.pkl"),
    ]


def write_good():
    for name, data, tensors in good():
        rows, reals = [], []
        (OUT / (name + ".bin")).write_bytes(data)
        for key, t in tensors.items():
            t = t.detach()
            row = {"name": key, "dtype": NAMES[t.dtype], "shape": list(t.shape)}
            if t.dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16):
                row["at"] = sum(len(r) for r in reals)
                reals.append(t.float().contiguous().flatten().numpy())
            else:
                row["hex"] = t.contiguous().flatten().view(torch.uint8).numpy().tobytes().hex()
            rows.append(row)
        numpy.concatenate(reals or [numpy.zeros(0)]).astype("<f4").tofile(OUT / (name + ".f32"))
        (OUT / (name + ".json")).write_text(json.dumps({"tensors": rows}, indent=1) + "\n")


def write_bad():
    (OUT / "bad").mkdir()
    rows = []
    for name, data, words in bombs() + shapes() + archives() + others():
        (OUT / "bad" / (name + ".bin")).write_bytes(data)
        rows.append({"name": name, "words": words.split()})
    (OUT / "bad.json").write_text(
        "{\"files\": [\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]}\n")


def write_folder(name, source, shards=0, **options):
    """A folder of tests/goldens/tiny with torch's files in the place of safetensors."""
    folder = OUT / name
    shutil.copytree(GOLDENS / "tiny" / source, folder)
    for path in sorted(folder.rglob("model.safetensors")):
        tensors = load_file(path)
        path.unlink()
        if not shards or path.parent != folder:
            torch.save(with_metadata(tensors), path.with_name("pytorch_model.bin"), **options)
            continue
        where = {}
        for i in range(shards):
            file = "pytorch_model-%05d-of-%05d.bin" % (i + 1, shards)
            part = {n: tensors[n] for n in sorted(tensors)[i::shards]}
            torch.save(part, folder / file, **options)
            where.update(dict.fromkeys(part, file))
        (folder / "pytorch_model.bin.index.json").write_text(
            json.dumps({"metadata": {}, "weight_map": where}, indent=1, sort_keys=True) + "\n")


def main():
    warnings.simplefilter("ignore")  # zipfile warns of names that are there twice
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    write_good()
    write_bad()
    write_folder("bert-zip", "bert-cls-mean-dense-normalize")
    write_folder("bert-legacy", "bert-cls-mean-dense-normalize", **LEGACY)
    write_folder("bert-half-shards", "bert-f16", shards=2)


if __name__ == "__main__":
    main()
