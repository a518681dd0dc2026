"""The Inference API of a server with the real all-MiniLM-L6-v2: every route, form and refusal."""

import base64
import json
import struct
import threading

import pytest
from conftest import GOLDENS, MINILM

ROUTES = [f"/models/{MINILM}", f"/hf-inference/models/{MINILM}", f"/pipeline/sentence-similarity/{MINILM}",
          f"/models/{MINILM}/pipeline/sentence-similarity",
          f"/hf-inference/models/{MINILM}/pipeline/sentence-similarity", f"/models/{MINILM}/similarity"]
EXTRACT = f"/pipeline/feature-extraction/{MINILM}"
SIMILAR = {"inputs": {"source_sentence": "That is a happy person",
                      "sentences": ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]}}


@pytest.fixture(scope="module")
def texts():
    return [t["text"] for t in json.loads((GOLDENS / "texts.json").read_text())]


@pytest.fixture(scope="module")
def embeddings():
    data = (GOLDENS / "minilm" / "embeddings.f32").read_bytes()
    width = 384
    return [struct.unpack_from(f"<{width}f", data, i * width * 4) for i in range(len(data) // (width * 4))]


def largest_difference(a, b):
    assert len(a) == len(b)
    return max(abs(x - y) for x, y in zip(a, b))


@pytest.mark.parametrize("route", ROUTES)
def test_similarity_on_every_route(server, route):
    reply = server.post(route, SIMILAR)
    assert reply.status == 200, reply.body
    scores = reply.json()
    assert len(scores) == 3
    # Figures of the model's page and of sentence-transformers.
    assert largest_difference(scores, [0.69457, 0.94293, 0.25687]) < 1e-4
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["x-compute-type"] == "cpu"
    assert float(reply.headers["x-compute-time"]) >= 0
    assert int(reply.headers["x-compute-tokens"]) == int(reply.headers["x-input-tokens"]) > 20
    assert reply.headers["x-truncated-inputs"] is None
    assert len(reply.headers["x-sha"]) == 40


def test_similarity_at_the_root_of_the_body(server):
    assert server.post(f"/models/{MINILM}", SIMILAR["inputs"]).json() == \
        server.post(f"/models/{MINILM}", SIMILAR).json()


def test_texts_without_a_task_are_embedded(server):
    """huggingface_hub posts feature_extraction() to the model's URL itself."""
    one = server.post(EXTRACT, {"inputs": "hello"}).json()
    assert server.post(f"/models/{MINILM}", {"inputs": "hello"}).json() == one
    assert server.post(f"/models/{MINILM}", {"inputs": ["hello"]}).json() == [one]
    named = server.post(f"/pipeline/sentence-similarity/{MINILM}", {"inputs": "hello"})
    assert named.status == 400 and "'inputs' must be an object" in named.json()["error"]


def test_curl_content_type(server):
    """curl -d sends no JSON content type."""
    body = json.dumps(SIMILAR).encode()
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-8"):
        assert server.post(f"/models/{MINILM}", body, headers={"Content-Type": kind}).status == 200


@pytest.mark.thread
def test_embeddings_equal_the_reference(server, texts, embeddings):
    """All 200 texts in one request, and each alone: the same bytes, within 2e-6 of the reference."""
    together = server.post(EXTRACT, {"inputs": texts}).json()
    assert max(largest_difference(a, b) for a, b in zip(together, embeddings)) < 2e-6
    alone = [server.post(EXTRACT, {"inputs": t}).json() for t in texts]
    assert alone == together


@pytest.mark.thread
def test_batch_mates_do_not_change_a_bit(server, texts):
    alone = server.post(EXTRACT, {"inputs": texts[20]}).json()
    replies = []

    def load():
        replies.extend(server.post(EXTRACT, {"inputs": texts[20]}).json() for _ in range(5))

    threads = [threading.Thread(target=load) for _ in range(8)]
    noise = [threading.Thread(target=lambda: server.post(EXTRACT, {"inputs": texts[:60]})) for _ in range(4)]
    for t in threads + noise:
        t.start()
    for t in threads + noise:
        t.join()
    assert len(replies) == 40 and all(r == alone for r in replies)


@pytest.mark.thread
def test_parameters_of_feature_extraction(server):
    one = server.post(EXTRACT, {"inputs": "hello"}).json()
    assert len(one) == 384
    assert server.post(EXTRACT, {"inputs": ["hello"]}).json() == [one]
    assert server.post(EXTRACT, {"inputs": "hello", "parameters": {"normalize": True}}).json() == one
    short = server.post(EXTRACT, {"inputs": "hello", "dimensions": 16, "normalize": True}).json()
    assert len(short) == 16 and abs(sum(x * x for x in short) - 1) < 1e-5
    coded = server.post(EXTRACT, {"inputs": "hello", "encoding_format": "base64"}).json()
    assert list(struct.unpack("<384f", base64.b64decode(coded))) == pytest.approx(one, abs=1e-9)


def test_truncation_is_reported(server):
    long = "word " * 3000
    reply = server.post(EXTRACT, {"inputs": [long, "short"]})
    assert reply.status == 200
    assert reply.headers["x-truncated-inputs"] == "1"
    assert int(reply.headers["x-input-tokens"]) == 3002 + 3
    assert int(reply.headers["x-compute-tokens"]) == 256 + 3
    refused = server.post(EXTRACT, {"inputs": [long, "short"], "truncate": False})
    assert refused.status == 422
    assert "'inputs[0]'" in refused.json()["error"] and "3002" in refused.json()["error"]
    tail = server.post(EXTRACT, {"inputs": "start " + long + "end", "truncation_direction": "left"}).json()
    head = server.post(EXTRACT, {"inputs": "start " + long + "end", "truncation_direction": "Right"}).json()
    assert tail != head


def test_text_embeddings_inference_routes(server):
    base = f"/models/{MINILM}"
    embedded = server.post(base + "/embed", {"inputs": "hello"})
    assert embedded.json() == [server.post(EXTRACT, {"inputs": "hello"}).json()]
    assert embedded.headers["x-compute-time"].isdigit()
    tokens = server.post(base + "/tokenize", {"inputs": "Hello wörld [MASK]"}).json()
    assert [t["text"] for t in tokens[0]][:3] == ["[CLS]", "Hello", "wörld"]
    assert tokens[0][2]["start"] == 6 and tokens[0][2]["stop"] == 11
    assert tokens[0][0]["special"] is True and tokens[0][0]["start"] is None
    ids = [t["id"] for t in tokens[0]]
    assert server.post(base + "/decode", {"ids": ids}).json() == ["hello world"]
    assert "[CLS]" in server.post(base + "/decode", {"ids": [ids], "skip_special_tokens": False}).json()[0]
    every = server.post(base + "/embed_all", {"inputs": ["hello"]}).json()
    assert len(every) == 1 and len(every[0]) == 3 and len(every[0][0]) == 384
    by_ids = server.post(base + "/embed", {"inputs": [[101, 7592, 102]]}).json()
    assert by_ids == embedded.json()
    info = server.get(base + "/info").json()
    assert info["model_id"] == MINILM and info["max_input_length"] == 256
    assert server.get(base + "/health").status == 200
    empty = server.post(base + "/embed", {"inputs": []})
    assert empty.status == 400 and empty.json()["error_type"] == "Empty"
    malformed = server.post(base + "/embed", {"inputs": 7})
    assert malformed.status == 400 and malformed.json()["error_type"] == "Validation"


def test_openai_embeddings(server):
    body = {"input": ["hello", "world"], "model": MINILM, "encoding_format": "float"}
    for route in ("/v1/embeddings", f"/models/{MINILM}/v1/embeddings"):
        got = server.post(route, body).json()
        assert got["object"] == "list" and [d["index"] for d in got["data"]] == [0, 1]
        assert got["usage"] == {"prompt_tokens": 6, "total_tokens": 6}
        assert got["data"][0]["embedding"] == server.post(EXTRACT, {"inputs": "hello"}).json()
    suffix = server.post("/v1/embeddings", {"input": "a", "model": MINILM + ":fastest"})
    assert suffix.status == 200
    unknown = server.post("/v1/embeddings", {"input": "a", "model": "no/model"})
    assert unknown.status == 404 and unknown.json()["error"]["code"]
    wrong = server.post("/v1/embeddings", {"input": {"a": 1}, "model": MINILM})
    assert wrong.status == 400 and "'input'" in wrong.json()["error"]["message"]


@pytest.mark.parametrize("body, status, words", [
    (b"", 400, "empty"),
    (b"{", 400, "not valid JSON"),
    (b"[]", 400, "must be a JSON object"),
    (b"{}", 400, "'inputs' is required"),
    (b'{"inputs": 3}', 400, "'inputs' must be"),
    (b'{"inputs": ["a", 3]}', 400, "'inputs[1]'"),
    (b'{"inputs": "\xff\xfe"}', 400, "not valid JSON"),
    (b'{"inputs": "\\ud800"}', 400, "not valid JSON"),
    (b'{"inputs": ' + b"[" * 5000 + b"]" * 5000 + b"}", 400, "deeper than"),
    (b'{"inputs": "a", "normalize": "yes"}', 400, "'normalize' must be true or false"),
    (b'{"inputs": "a", "parameters": {"truncation_direction": "up"}}', 400, "'parameters.truncation_direction'"),
    (b'{"inputs": "a", "prompt_name": "nope"}', 422, "'prompt_name' is 'nope'"),
    (b'{"inputs": "a", "dimensions": 100000}', 422, "'dimensions' is 100000"),
    (b'{"inputs": [[5, 99999999]]}', 422, "99999999"),
])
def test_bad_bodies(server, body, status, words):
    reply = server.post(EXTRACT, body)
    assert reply.status == status, reply.body
    assert words in reply.json()["error"]
    assert reply.headers["Content-Type"] == "application/json"


def test_refusals(server):
    wrong_type = server.post(EXTRACT, b"\x89PNG", headers={"Content-Type": "image/png"})
    assert wrong_type.status == 415 and "image/png" in wrong_type.json()["error"]
    other_task = server.post(f"/pipeline/text-to-video/{MINILM}", SIMILAR)
    assert other_task.status == 404 and "text-to-video" in other_task.json()["error"]
    missing = server.post("/models/no/such-model", SIMILAR)
    assert missing.status == 404 and missing.json()["error"].startswith("Model no/such-model does not exist")


def test_empty_and_control_texts_have_embeddings(server):
    got = server.post(EXTRACT, {"inputs": ["", "\u0000", "\u200b", " "]}).json()
    assert [len(v) for v in got] == [384] * 4
