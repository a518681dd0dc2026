"""bf16 and int8 of the real model: what they cost, and a setting that a running server follows."""

import json
import math
import shutil
import subprocess

import numpy
from conftest import GOLDENS, MINILM, SLOW, wait_until

SENTENCES = ["The cat sleeps on the sofa.", "A kitten is napping on the couch.", "Stocks fell sharply today."]
DTYPES = {"f32": "float32", "bf16": "bfloat16", "int8": "int8"}  # as GET /info names them


def vectors(server):
    got = server.post(f"/models/{MINILM}/v1/embeddings", {"input": SENTENCES})
    assert got.status == 200, got.body
    return [row["embedding"] for row in got.json()["data"]]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def workers(server):
    """The running workers' dtypes by the server's metrics."""
    lines = [line for line in server.get("/metrics").body.decode().splitlines()
             if line.startswith("inferd_workers{")]
    return {line.split('dtype="')[1].split('"')[0] for line in lines
            if f'model="{MINILM}"' in line and float(line.rsplit(" ", 1)[1]) > 0}


def test_the_dtype_of_one_model_is_followed(make_server):
    server = make_server()
    exact = vectors(server)
    assert server.get(f"/models/{MINILM}/info").json()["model_dtype"] == "float32"
    assert workers(server) == {"f32"}
    for dtype, least in (("int8", 0.98), ("bf16", 0.999), ("f32", 1 - 1e-9)):
        before = server.worker_pids()
        server.cli("models", "set", MINILM, f"dtype={dtype}")
        wait_until(lambda: server.worker_pids() != before, what="the end of the old worker")
        found = vectors(server)
        assert server.get(f"/models/{MINILM}/info").json()["model_dtype"] == DTYPES[dtype]
        assert workers(server) == {dtype}
        assert min(map(cosine, found, exact)) > least
        assert (found == exact) == (dtype == "f32")
    assert server.cli("models", "set", MINILM, "dtype=f16", check=False).returncode == 1
    assert vectors(server) == exact


# What bench accuracy found with its own texts, with room for other processors' roundings.
LIMITS = {"bf16": {"cosine_mean": 0.9999, "cosine_least": 0.9998, "rank_correlation": 0.9995},
          "int8": {"cosine_mean": 0.995, "cosine_least": 0.98, "rank_correlation": 0.99}}


def test_what_low_precision_costs(make_server, minilm):
    server = make_server(start=False)
    folder = next((minilm / "snapshots").iterdir())
    done = subprocess.run([server.binary, "bench", "accuracy", str(folder), "--json"], env=server.env,
                          capture_output=True, text=True, timeout=300 * SLOW)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [row["dtype"] for row in report["precisions"]] == list(LIMITS)
    for row in report["precisions"]:
        for name, least in LIMITS[row["dtype"]].items():
            assert least <= row[name] <= 1, (row, name)
    bf16, int8 = report["precisions"]
    assert 0 < bf16["largest_difference"] < int8["largest_difference"] < 0.05


def tensors_of(path):
    """The tensors of a safetensors file by name."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {name: numpy.frombuffer(data, "<f4", math.prod(about["shape"]),
                                   start + about["data_offsets"][0]).reshape(about["shape"])
            for name, about in header.items() if about.get("dtype") == "F32"}


def write_tensors(path, tensors):
    header, at = {}, 0
    for name, values in tensors.items():
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [at, at + values.nbytes]}
        at += values.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(b"".join([len(text).to_bytes(8, "little"), text,
                               *(values.astype("<f4").tobytes() for values in tensors.values())]))


def write_sparse(source, folder):
    """A SPLADE model of MiniLM's layers: a head near the identity gives a word the score of its own
    vector, and a bias leaves some thousand words of a text above zero."""
    random = numpy.random.Generator(numpy.random.PCG64(7))
    tensors = {"bert." + name: values for name, values in tensors_of(source / "model.safetensors").items()
               if not name.startswith("pooler.")}
    words, width = tensors["bert.embeddings.word_embeddings.weight"].shape
    head = "cls.predictions.transform."
    tensors |= {
        head + "dense.weight": numpy.eye(width) + 0.3 / width ** 0.5 * random.standard_normal((width, width)),
        head + "dense.bias": numpy.zeros(width), head + "LayerNorm.weight": numpy.full(width, 1.5),
        head + "LayerNorm.bias": numpy.zeros(width), "cls.predictions.bias": numpy.full(words, -4.4)}
    write_tensors(folder / "model.safetensors", {name: v.astype("f4") for name, v in tensors.items()})
    config = json.loads((source / "config.json").read_text()) | {"architectures": ["BertForMaskedLM"]}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, folder / name)
    for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json",
                 "1_SpladePooling"):
        copy = shutil.copytree if name.startswith("1") else shutil.copy
        copy(GOLDENS / "sparse" / "bert-max" / name, folder / name)


SPARSE_LIMITS = {"bf16": {"cosine_mean": 0.9998, "cosine_least": 0.9996, "rank_correlation": 0.9995},
                 "int8": {"cosine_mean": 0.98, "cosine_least": 0.96, "rank_correlation": 0.985}}


def test_what_low_precision_costs_sparse_vectors(make_server, minilm, tmp_path):
    server = make_server(start=False)
    write_sparse(next((minilm / "snapshots").iterdir()), tmp_path)
    done = subprocess.run([server.binary, "bench", "accuracy", str(tmp_path), "--json"], env=server.env,
                          capture_output=True, text=True, timeout=300 * SLOW)
    assert done.returncode == 0, done.stderr
    rows = {row["dtype"]: row for row in json.loads(done.stdout)["precisions"]}
    assert rows.keys() == SPARSE_LIMITS.keys()
    for dtype, limits in SPARSE_LIMITS.items():
        for name, least in limits.items():
            assert least <= rows[dtype][name] < 1, (dtype, rows[dtype])
