"""The real clients, unchanged: huggingface_hub, openai, @huggingface/inference, curl."""

import json
import os
import subprocess

import pytest
from conftest import MINILM, SLOW

SENTENCES = ["That is a happy dog", "That is a very happy person", "Today is a sunny day"]
SCORES = [0.69457, 0.94293, 0.25687]


def test_huggingface_hub(server):
    from huggingface_hub import InferenceClient
    client = InferenceClient(model=f"{server.url}/models/{MINILM}", token="hf_" + "x" * 34, timeout=60 * SLOW)
    scores = client.sentence_similarity("That is a happy person", other_sentences=SENTENCES)
    assert scores == pytest.approx(SCORES, abs=1e-4)
    extract = InferenceClient(model=f"{server.url}/pipeline/feature-extraction/{MINILM}", timeout=60 * SLOW)
    vector = extract.feature_extraction("hello", normalize=True)
    assert vector.shape == (384,) and vector.dtype == "float32"
    assert extract.feature_extraction(["a", "b"]).shape == (2, 384)


def test_huggingface_hub_errors(server):
    from huggingface_hub import InferenceClient
    from huggingface_hub.errors import BadRequestError, HfHubHTTPError
    client = InferenceClient(model=f"{server.url}/models/{MINILM}")
    with pytest.raises(BadRequestError, match="source_sentence"):
        client.post(json={"inputs": {}}) if hasattr(client, "post") else \
            client.sentence_similarity(None, other_sentences=["a"])
    with pytest.raises(HfHubHTTPError, match="does not exist"):
        InferenceClient(model=f"{server.url}/models/a/b").feature_extraction("x")


def test_openai(server):
    from openai import BadRequestError, NotFoundError, OpenAI
    client = OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0, timeout=60 * SLOW)
    got = client.embeddings.create(model=MINILM, input=["hello", "world"])  # base64 by default
    assert len(got.data) == 2 and len(got.data[0].embedding) == 384
    floats = client.embeddings.create(model=MINILM, input="hello", encoding_format="float", dimensions=8)
    assert len(floats.data[0].embedding) == 8
    assert [m.id for m in client.models.list()] == [MINILM]
    assert client.models.retrieve(MINILM).id == MINILM
    with pytest.raises(NotFoundError, match="does not exist"):
        client.embeddings.create(model="no/model", input="a")
    with pytest.raises(BadRequestError, match="'input'"):
        client.embeddings.create(model=MINILM, input=[])


JAVASCRIPT = """
import { createRequire } from "module";
const require = createRequire(process.env.NODE_PATH + "/");
const { InferenceClient } = await import(require.resolve("@huggingface/inference"));
const OpenAI = (await import(require.resolve("openai"))).default;
const url = process.env.URL_UNDER_TEST, id = process.env.MODEL;
const client = new InferenceClient("hf_" + "x".repeat(34));
const scores = await client.sentenceSimilarity({ endpointUrl: `${url}/models/${id}`, inputs: {
  source_sentence: "That is a happy person", sentences: JSON.parse(process.env.SENTENCES) } });
const vector = await client.featureExtraction({
  endpointUrl: `${url}/pipeline/feature-extraction/${id}`, inputs: "hello" });
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: "x" });
const embedded = await openai.embeddings.create({ model: id, input: "hello" });
console.log(JSON.stringify({ scores, width: vector.length, openai: embedded.data[0].embedding.length }));
"""


def test_javascript_clients(server, tmp_path):
    script = tmp_path / "client.mjs"
    script.write_text(JAVASCRIPT)
    done = subprocess.run(["node", str(script)], capture_output=True, text=True, timeout=60 * SLOW, env={
        **os.environ, "URL_UNDER_TEST": server.url, "MODEL": MINILM, "SENTENCES": json.dumps(SENTENCES)})
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got["scores"] == pytest.approx(SCORES, abs=1e-4)
    assert got["width"] == 384 and got["openai"] == 384


JAVASCRIPT_HUB = """
import { createRequire } from "module";
const require = createRequire(process.env.NODE_PATH + "/");
const hub = await import(require.resolve("@huggingface/hub"));
const hubUrl = process.env.URL_UNDER_TEST, repo = process.env.MODEL;
const all = async items => { const list = []; for await (const item of items) list.push(item); return list; };
const exists = [];
for (const path of ["config.json", "model.safetensors", "nope"]) exists.push(await hub.fileExists({ hubUrl, repo, path }));
exists.push(await hub.repoExists({ hubUrl, repo }), await hub.repoExists({ hubUrl, repo: "no/such" }));
const file = await hub.downloadFile({ hubUrl, repo, path: "config.json" });
console.log(JSON.stringify({ exists,
  models: (await all(hub.listModels({ hubUrl, search: { query: "mini" }, additionalFields: ["sha"] }))).map(m => m.name),
  info: await hub.modelInfo({ hubUrl, name: repo, additionalFields: ["sha"] }),
  files: (await all(hub.listFiles({ hubUrl, repo, recursive: true }))).map(f => f.path),
  paths: await hub.pathsInfo({ hubUrl, repo, paths: ["config.json", "nope"], expand: true }),
  commits: await all(hub.listCommits({ hubUrl, repo })),
  config: JSON.parse(await file.text()), none: await hub.downloadFile({ hubUrl, repo, path: "nope" }),
  weights: (await hub.parseSafetensorsMetadata({ hubUrl, repo, computeParametersCount: true })).parameterCount }));
"""


def test_the_hubs_javascript_client(server, tmp_path):
    script = tmp_path / "hub.mjs"
    script.write_text(JAVASCRIPT_HUB)
    done = subprocess.run(["node", str(script)], capture_output=True, text=True, timeout=60 * SLOW,
                          env={**os.environ, "URL_UNDER_TEST": server.url, "MODEL": MINILM})
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got["exists"] == [True, True, False, True, False]
    assert got["models"] == [MINILM] and got["info"]["name"] == MINILM
    assert {"1_Pooling", "1_Pooling/config.json", "model.safetensors"} <= set(got["files"])
    sha = got["info"]["sha"]
    assert [(path["path"], path["lastCommit"]["id"]) for path in got["paths"]] == [("config.json", sha)]
    assert [commit["oid"] for commit in got["commits"]] == [sha]
    assert got["config"]["model_type"] == "bert" and got["none"] is None
    assert got["weights"] == {"I64": 512, "F32": 22713216}


def test_curl(server):
    body = json.dumps({"inputs": {"source_sentence": "That is a happy person", "sentences": SENTENCES}})
    done = subprocess.run(["curl", "-sS", f"{server.url}/models/{MINILM}", "-d", body, "-H",
                           "Authorization: Bearer hf_anything"], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == pytest.approx(SCORES, abs=1e-4)
