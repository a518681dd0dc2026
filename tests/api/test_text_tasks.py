"""The tasks of text through the server: replies of the goldens, the routes of other servers, and the
clients of the hub. The numbers themselves are tested in tests/tasks/golden_tasks_test.c."""

import json
import os
import subprocess

import numpy
import pytest
from conftest import GOLDENS, SLOW, Server, report_crash
from huggingface_hub import InferenceClient

MODELS = ["bert-masked-lm", "bert-nli", "roberta-entities", "bert-entities", "bert-answers", "bert-one",
          "bert-multi", "xmod-masked-lm", "xmod-nli", "xmod-entities"]
LANGUAGES = ["en_XX", "de_DE", "zh_CN"]  # of xmod-*
TABLES = ["wtq", "sqa"]  # of goldens/tables
SPARSE = ["bert-sum", "encoded-active"]
ROUTED = ["routed", "routed-normalized"]  # of goldens/sparse, as SPARSE
LATE = ["stanford", "modernbert-fixed"]
OLD_PYTHON = {"User-Agent": "unknown/None; hf_hub/0.25.2; python/3.11.2"}


@pytest.fixture(scope="module")
def server(binary, tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("data")
    running = Server(binary, data_dir)
    for name in MODELS:
        running.cli("add", str(GOLDENS / "tasks" / name), f"t/{name}")
    for name in TABLES:
        running.cli("add", str(GOLDENS / "tables" / name), f"t/{name}")
    for name in SPARSE + ROUTED:
        running.cli("add", str(GOLDENS / "sparse" / name), f"t/{name}")
    for name in LATE:
        running.cli("add", str(GOLDENS / "late" / name), f"t/{name}")
    running.start()
    yield running
    assert running.stop() == 0, running.log_text()
    report_crash(running)


def ask(server, name, inputs, **parameters):
    reply = server.post(f"/models/t/{name}", {"inputs": inputs, "parameters": parameters})
    assert reply.status == 200, reply.body
    return reply.json()


def close(got, wanted):
    """Equal, numbers within 1e-4."""
    if isinstance(wanted, (int, float)) and isinstance(got, (int, float)):
        return abs(got - wanted) <= 1e-4
    if isinstance(wanted, list) and isinstance(got, list):
        return len(got) == len(wanted) and all(map(close, got, wanted))
    if isinstance(wanted, dict) and isinstance(got, dict):
        return got.keys() == wanted.keys() and all(close(got[k], wanted[k]) for k in wanted)
    return got == wanted


@pytest.mark.parametrize("task", ["fill-mask", "text-classification", "token-classification",
                                  "question-answering", "zero-shot-classification",
                                  "text-ranking", "table-question-answering"])
def test_replies_equal_the_reference(server, task):
    rows = json.loads((GOLDENS / "tasks" / f"{task}.json").read_text())["cases"]
    rows = [row for row in rows if row["model"].split("/")[1] in MODELS + TABLES]
    rows = rows[:12] + [row for row in rows[12:] if "/xmod-" in row["model"]]
    assert rows
    for row in rows:
        name = row["model"].split("/")[1]
        reply = server.post(f"/pipeline/{task}/t/{name}", row["body"])
        assert reply.status == 200 and close(reply.json(), row["reply"]), (row, reply.body)


TABLE = {"Name": ["a", "b c", "data", ""], "Stars": ["3", "12", "-7 km", "3"]}


def test_tables_in_several_forms(server):
    plain = ask(server, "wtq", {"query": "total?", "table": TABLE})
    assert list(plain) == ["answer", "coordinates", "cells", "aggregator"]
    rows = [dict(zip(TABLE, row)) for row in zip(*TABLE.values())]
    del rows[3]["Name"]  # what is missing is empty
    assert ask(server, "wtq", {"query": "total?", "table": rows}) == plain
    assert ask(server, "wtq", {"question": "total?", "table": TABLE}) == plain
    at_root = {"query": "total?", "table": TABLE}
    assert server.post("/models/t/wtq", at_root).json() == plain
    numbers = {"n": [1, 1.5, True, None, 1e22], "m": ["1", "1.5", "True", "", "1e+22"]}
    for inputs in ({"query": "x", "table": {"n": numbers["n"]}},
                   {"query": "x", "table": {"n": numbers["m"]}}):
        assert ask(server, "sqa", inputs)["aggregator"] == "NONE"
    same = [ask(server, "wtq", {"query": "1 or 1.5", "table": {"n": numbers[key]}})
            for key in ("n", "m")]
    assert same[0] == same[1]


def test_the_page_of_a_model_for_tables(server):
    about = server.get("/api/models/t/wtq").json()
    assert about["pipeline_tag"] == "table-question-answering"
    assert about["transformersInfo"]["auto_model"] == "AutoModelForTableQuestionAnswering"
    refused = server.post("/pipeline/feature-extraction/t/wtq", {"inputs": "a"})
    assert refused.status == 422 and "'table-question-answering'" in refused.json()["error"]
    for route, body in (("/embed", {"inputs": "a"}), ("/tokenize", {"inputs": "a"})):
        reply = server.post("/models/t/wtq" + route, body)
        assert reply.status == 422 and "'table-question-answering'" in reply.json()["error"], reply.body


def test_conversations_about_a_table(server):
    queries = ["what is the name of 36542", "How many stars?", "total"]
    rows = json.loads((GOLDENS / "tasks" / "table-question-answering.json").read_text())["cases"]
    talks = [row for row in rows if row["body"].get("parameters") == {"sequential": True}
             and row["model"].split("/")[1] in TABLES]
    assert len(talks) > 3
    for row in talks:
        name = row["model"].split("/")[1]
        assert server.post(f"/models/t/{name}", row["body"]).json() == row["reply"]
    together = ask(server, "sqa", [{"query": queries, "table": TABLE}] * 3, sequential=True)
    assert together == [ask(server, "sqa", {"query": queries, "table": TABLE}, sequential=True)] * 3


def test_truncated_tables_are_reported(server):
    table = {"Name": [f"row {i}" for i in range(40)], "Number": list(range(40))}
    reply = server.post("/models/t/wtq", {"inputs": {"query": "total", "table": table}})
    assert reply.headers["x-truncated-inputs"] == "1"
    assert int(reply.headers["x-input-tokens"]) > int(reply.headers["x-compute-tokens"]) <= 80
    small = {"inputs": {"query": "total", "table": {"a": ["1"]}}}
    assert server.post("/models/t/wtq", small).headers["x-truncated-inputs"] is None


def test_own_task_of_a_folder_without_card(server):
    assert "token_str" in ask(server, "bert-masked-lm", "a [MASK]")[0]
    assert "label" in ask(server, "bert-nli", "a")[0][0]
    assert ask(server, "bert-answers", {"question": "a", "context": "b"})["answer"] == "b"
    assert isinstance(ask(server, "bert-entities", "a person"), list)


def test_other_names_of_tasks(server):
    for other, name in (("sentiment-analysis", "bert-nli"), ("ner", "bert-entities")):
        body = {"inputs": "a happy person"}
        assert server.post(f"/pipeline/{other}/t/{name}", body).json() == \
            server.post(f"/models/t/{name}", body).json()


def test_zero_shot_has_the_form_that_the_client_reads(server):
    body = {"inputs": "a person", "parameters": {"candidate_labels": "one, two"}}
    path = "/pipeline/zero-shot-classification/t/bert-nli"
    new = server.post(path, body).json()
    old = server.post(path, body, headers=OLD_PYTHON).json()
    assert old == {"sequence": "a person", "labels": [x["label"] for x in new],
                   "scores": [x["score"] for x in new]}
    assert sorted(old["labels"]) == ["one", "two"] and abs(sum(old["scores"]) - 1) < 1e-5


def test_zero_shot_without_entailment_warns(server):
    body = {"inputs": "a person", "parameters": {"candidate_labels": "one, two"}}
    warned = {name: server.post(f"/pipeline/zero-shot-classification/t/{name}", body).headers["x-hf-warning"]
              for name in ("bert-nli", "bert-one")}
    assert warned["bert-nli"] is None and "its last label is taken" in warned["bert-one"]
    tasks = server.get("/models/t/bert-one/info").json()["tasks"]
    assert "text-ranking" in tasks and "zero-shot-classification" not in tasks
    assert "zero-shot-classification" in server.get("/models/t/bert-nli/info").json()["tasks"]


def test_questions_at_the_root_of_the_body(server):
    body = {"question": "who", "context": "a happy person"}
    assert server.post("/models/t/bert-answers", body).json() == ask(server, "bert-answers", body)


def test_ranking_in_three_shapes(server):
    base, texts = "/models/t/bert-one", ["a person", "the night", "the state of the night"]
    plain = server.post(base + "/rerank", {"query": "who", "texts": texts}).json()
    assert [set(x) for x in plain] == [{"index", "score"}] * 3
    assert [x["score"] for x in plain] == sorted((x["score"] for x in plain), reverse=True)
    assert all(0 < x["score"] < 1 for x in plain)
    task = {"inputs": {"query": "who", "sentences": texts}}
    assert server.post("/pipeline/text-ranking/t/bert-one", task).json() == plain
    pairs = {"inputs": [["who", text] for text in texts]}
    assert server.post("/pipeline/text-ranking/t/bert-one", pairs).json() == plain
    raw = server.post(base + "/rerank", {"query": "who", "texts": texts, "raw_scores": True,
                                         "return_text": True}).json()
    assert [x["index"] for x in raw] == [x["index"] for x in plain]
    assert all(x["text"] == texts[x["index"]] for x in raw)
    for route in ("/rerank", "/v1/rerank", "/v2/rerank"):
        got = server.post(base + route, {"query": "who", "model": "any", "top_n": 2,
                                         "documents": [texts[0], {"text": texts[1]}, texts[2]],
                                         "return_documents": True}).json()
        assert [(x["index"], x["relevance_score"]) for x in got["results"]] == \
            [(x["index"], x["score"]) for x in plain[:2]]
        assert got["results"][0]["document"]["text"] == texts[plain[0]["index"]]
        assert got["usage"]["total_tokens"] > 10 and got["model"] == "t/bert-one"
    shared = server.post("/v1/rerank", {"query": "who", "model": "t/bert-one",
                                        "documents": texts}).json()
    assert [x["index"] for x in shared["results"]] == [x["index"] for x in plain]
    unknown = server.post("/v1/rerank", {"query": "who", "model": "t/none", "documents": texts})
    assert unknown.status == 404 and unknown.json()["error"]["code"] == "model_not_found"


def test_predict_and_sparse_vectors(server):
    base = "/models/t/bert-nli"
    one = server.post(base + "/predict", {"inputs": "a person"}).json()
    assert one == ask(server, "bert-nli", "a person")[0]
    pair = server.post(base + "/predict", {"inputs": ["a person", "the night"]}).json()
    assert pair == ask(server, "bert-nli", {"text": "a person", "text_pair": "the night"})[0]
    batch = server.post(base + "/predict", {"inputs": [["a person", "the night"], ["a person"]]})
    assert batch.json() == [pair, one]
    raw = server.post(base + "/predict", {"inputs": "a person", "raw_scores": True}).json()
    assert abs(sum(x["score"] for x in raw) - 1) > 1e-3
    multi = server.post("/models/t/bert-multi/predict", {"inputs": "a"}).json()
    assert multi == ask(server, "bert-multi", "a")[0]
    sparse = server.post("/models/t/bert-masked-lm/embed_sparse", {"inputs": ["a person", "b"]})
    assert len(sparse.json()) == 2
    assert all(x["value"] > 0 and isinstance(x["index"], int) for x in sparse.json()[0])


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_encoders(server, name):
    expected = json.loads((GOLDENS / "sparse" / name / "expected.json").read_text())
    base, pairs = f"/models/t/{name}", expected["pairs"]
    info = server.get(base + "/info").json()
    pooling = "splade" if name == "bert-sum" else "cls+mean"
    assert info["model_type"] == {"embedding": {"pooling": pooling}}
    assert info["model_pipeline_tag"] == "sentence-similarity"
    assert {"feature-extraction", "sentence-similarity"} <= set(info["tasks"])
    assert ("fill-mask" in info["tasks"]) == (name == "bert-sum")
    client = InferenceClient(model=server.url + base)
    dense = client.feature_extraction(pairs[0])
    assert dense.shape == (expected["shape"][1],) and 0 < (dense != 0).sum() < len(dense)
    sparse = server.post(base + "/embed_sparse", {"inputs": pairs}).json()
    assert len(sparse) == len(pairs)
    assert {x["index"]: x["value"] for x in sparse[0]} == \
        pytest.approx({i: v for i, v in enumerate(dense.tolist()) if v}, rel=1e-6)
    near = client.sentence_similarity(pairs[0], other_sentences=pairs[1:])
    assert near == pytest.approx(expected["similarity"], rel=1e-5)
    length = sum(x * x for x in server.post(base + "/embed", {"inputs": pairs[0]}).json()[0])
    assert abs(length - 1) < 1e-5
    refused = server.post("/pipeline/text-ranking/t/" + name,
                          {"inputs": {"query": "a", "texts": ["b"]}})
    assert refused.status == 422 and "'sentence-similarity'" in refused.json()["error"]


@pytest.mark.parametrize("name", ROUTED)
def test_routers_of_queries_and_documents(server, name):
    """Queries have the fixed weights of their tokens, documents go through the encoder."""
    expected = json.loads((GOLDENS / "sparse" / name / "expected.json").read_text())
    base, pairs = f"/models/t/{name}", expected["pairs"]
    client = InferenceClient(model=server.url + base)
    query = client.feature_extraction(pairs[0], prompt_name="query")
    document = client.feature_extraction(pairs[0], prompt_name="document")
    assert abs(query - numpy.array(expected["query"])).max() < 1e-6
    assert (document == client.feature_extraction(pairs[0])).all()
    assert 0 < (query != 0).sum() < (document != 0).sum()
    near = client.sentence_similarity(pairs[0], other_sentences=pairs[1:])
    assert near == pytest.approx(expected["similarity"], rel=1e-5)
    for prompt, dense in (("query", query), ("document", document)):
        sparse = server.post(base + "/embed_sparse", {"inputs": pairs[0], "prompt_name": prompt})
        assert {x["index"]: x["value"] for x in sparse.json()[0]} == \
            pytest.approx({i: v for i, v in enumerate(dense.tolist()) if v}, rel=1e-6)
    for route, body in (("", {"inputs": "a", "prompt_name": "passage"}),
                        ("/embed_sparse", {"inputs": "a", "prompt_name": "passage"})):
        reply = server.post("/pipeline/feature-extraction/t/" + name if not route else base + route,
                            body)
        assert reply.status == 422 and "'prompt_name' is 'passage'" in reply.json()["error"], reply.body
    reply = server.post(base, {"inputs": {"source_sentence": "a", "sentences": ["b"]},
                               "parameters": {"prompt_name": "query"}})
    assert reply.status == 422 and "'document' for the sentences" in reply.json()["error"]


def test_languages(server):
    listed = ", ".join(LANGUAGES)
    fill, nli = "/models/t/xmod-masked-lm", "/models/t/xmod-nli"
    bodies = ((fill, {"inputs": "a <mask>"}), (fill + "/embed_sparse", {"inputs": "a"}),
              ("/pipeline/feature-extraction/t/xmod-masked-lm", {"inputs": "a"}),
              ("/pipeline/sentence-similarity/t/xmod-masked-lm",
               {"inputs": {"source_sentence": "a", "sentences": ["b"]}}),
              (fill + "/embed", {"inputs": "a"}), (fill + "/v1/embeddings", {"input": "a"}),
              (nli, {"inputs": "a"}), (nli + "/predict", {"inputs": "a"}),
              ("/pipeline/zero-shot-classification/t/xmod-nli",
               {"inputs": "a", "parameters": {"candidate_labels": ["b", "c"]}}))
    for path, body in bodies:
        replies = [server.post(path, {**body, "language": language}) for language in LANGUAGES]
        assert [reply.status for reply in replies] == [200] * 3, (path, replies[0].body)
        assert len({str(reply.json().get("data") if "v1" in path else reply.json())
                    for reply in replies}) == 3, path
        bad = server.post(path, {**body, "language": "de"})
        assert bad.status == 422 and f"'de', expected one of {listed}" in str(bad.json()["error"])
        usual = server.post(path, body)
        if path.startswith(nli) or "xmod-nli" in path:
            assert usual.json() == replies[1].json()
        else:
            assert usual.status == 422, usual.body
            message = str(usual.json()["error"])
            assert "'language' is missing" in message and listed in message
    other = server.post("/models/t/bert-nli", {"inputs": "a", "language": "de_DE"})
    assert other.status == 422 and "reads all languages alike" in other.json()["error"]


def expected_vectors(name):
    """The calls of a golden, each with its vectors."""
    folder = GOLDENS / "late" / name
    expected = json.loads((folder / "expected.json").read_text())
    rows = numpy.fromfile(folder / "expected.f32", "<f4").reshape(expected["shape"])
    return expected, [(call, rows[call["row"]:call["row"] + call["rows"]])
                      for call in expected["calls"]]


@pytest.mark.parametrize("name", LATE)
def test_late_interaction(server, name):
    base, (expected, calls) = f"/models/t/{name}", expected_vectors(name)
    info = server.get(base + "/info").json()
    assert info["model_type"] == {"embedding": {"pooling": "none"}}
    assert set(info["tasks"]) == {"feature-extraction", "sentence-similarity", "text-ranking"}
    tag = server.get(f"/api/models/t/{name}").json()["pipeline_tag"]  # the page's widget is for it
    assert tag == info["model_pipeline_tag"] == "sentence-similarity"
    client = InferenceClient(model=server.url + base)
    for call, vectors in calls:
        prompt = {"prompt_name": "query"} if call["query"] else {}
        got = client.feature_extraction(call["text"], **prompt)
        assert got.shape == vectors.shape and abs(got - vectors).max() < 1e-5
        all_tokens = server.post(base + "/embed_all", {"inputs": call["text"], **prompt}).json()
        assert (numpy.array(all_tokens, "f4") == got).all()
    queries = [call["text"] for call, _ in calls if call["query"]]
    documents = [call["text"] for call, _ in calls if not call["query"]]
    for query, scores in zip(queries, expected["scores"]):
        near = client.sentence_similarity(query, other_sentences=documents)
        assert near == pytest.approx(scores, abs=1e-4)
        best = sorted(range(len(scores)), key=lambda i: -near[i])
        for raw in (False, True):
            ranked = server.post(base + "/rerank", {"query": query, "texts": documents,
                                                    "raw_scores": raw, "return_text": True}).json()
            assert [x["index"] for x in ranked] == best
            assert [x["score"] for x in ranked] == [near[i] for i in best]
            assert [x["text"] for x in ranked] == [documents[i] for i in best]
        shared = server.post("/v1/rerank", {"query": query, "model": f"t/{name}", "top_n": 2,
                                            "documents": documents}).json()["results"]
        assert [(x["index"], x["relevance_score"]) for x in shared] == \
            [(i, near[i]) for i in best[:2]]
    for route, body in (("/embed", {"inputs": "a"}), ("/embed_sparse", {"inputs": "a"}),
                        ("/v1/embeddings", {"input": "a", "model": "m"}),
                        ("/predict", {"inputs": "a"})):
        reply = server.post(base + route, body)
        assert reply.status == 422 and "feature-extraction" in str(reply.body), reply.body


def test_routes_that_a_model_cannot_do(server):
    for route, body in (("/predict", {"inputs": "a"}), ("/rerank", {"query": "a", "texts": ["b"]}),
                        ("/embed_sparse", {"inputs": "a"})):
        reply = server.post("/models/t/bert-answers" + route, body)
        assert reply.status == 422 and "'question-answering'" in reply.json()["error"], reply.body
        assert reply.json()["error_type"] == "Validation"
    reply = server.post("/pipeline/fill-mask/t/bert-nli", {"inputs": "a [MASK]"})
    assert reply.status == 422 and "'text-classification'" in reply.json()["error"]


@pytest.mark.parametrize("name, body, status, words", [
    ("bert-masked-lm", {"inputs": "none"}, 422, "[MASK]"),
    ("bert-masked-lm", {"inputs": {"a": 1}}, 400, "'inputs' must be"),
    ("bert-nli", {"inputs": [{"text": 1}]}, 400, "'inputs[0].text' must be a string"),
    ("bert-entities", {"inputs": "a", "stride": 900}, 422, "'stride' is 900"),
    ("wtq", {"inputs": {"query": "a", "table": {"a": ["1"], "b": []}}}, 400,
     "'inputs.table.b' has 0 cells, but 'a' has 1"),
    ("wtq", {"inputs": {"query": "a", "table": {}}}, 400, "'inputs.table' is empty"),
    ("wtq", {"inputs": {"query": "", "table": {"a": ["1"]}}}, 400, "'inputs.query' is empty"),
    ("wtq", {"inputs": {"query": "a", "table": {"a": [["1"]]}}}, 400, "must be a string or a number"),
    ("wtq", {"inputs": {"query": "a " * 90, "table": {"a": ["1"]}}}, 422, "the question has 90 tokens"),
    ("wtq", {"inputs": "a"}, 400, "'inputs' must be"),
    ("bert-answers", {"inputs": {"question": "a"}}, 400, "'inputs.context' is required"),
    ("bert-answers", {"inputs": {"question": "a", "context": "b"}, "parameters": {"top_k": -1}},
     422, "'parameters.top_k' is -1"),
])
def test_refusals(server, name, body, status, words):
    reply = server.post(f"/models/t/{name}", body)
    assert reply.status == status and words in reply.json()["error"], reply.body


def test_truncation_is_reported(server):
    long = "the night " * 100
    for name, inputs in (("bert-nli", long), ("bert-masked-lm", "[MASK] " + long),
                         ("bert-entities", long)):
        reply = server.post(f"/models/t/{name}", {"inputs": inputs})
        assert reply.headers["x-truncated-inputs"] == "1"
        assert int(reply.headers["x-input-tokens"]) > 200
        assert int(reply.headers["x-compute-tokens"]) == 64
    whole = server.post("/models/t/bert-entities", {"inputs": long, "stride": 4})
    assert whole.headers["x-truncated-inputs"] is None
    refused = server.post("/models/t/bert-nli", {"inputs": long, "truncate": False})
    assert refused.status == 422 and "602" in refused.json()["error"]


def test_the_client_of_the_hub(server):
    def at(name, task=None):
        path = f"/pipeline/{task}/t/{name}" if task else f"/models/t/{name}"
        return InferenceClient(model=server.url + path, token="hf_x")

    filled = at("bert-masked-lm").fill_mask("the [MASK] of night", top_k=3)
    assert len(filled) == 3 and filled[0].token_str and filled[0].score >= filled[1].score
    assert len(at("bert-nli").text_classification("a person", top_k=2)) == 2
    found = at("bert-entities").token_classification("That is a happy person",
                                                     aggregation_strategy="max", ignore_labels=[])
    assert found and found[0].start == 0 and found[-1].end == 22 and found[0].entity_group
    answer = at("bert-answers").question_answering(question="who", context="a happy person")
    assert answer.answer in "a happy person"
    several = at("bert-answers").question_answering(question="who", context="a happy person",
                                                    top_k=2)
    assert len(several) == 2
    chosen = at("bert-nli", "zero-shot-classification").zero_shot_classification(
        "a person", ["one", "two", "three"], multi_label=True)
    assert len(chosen) == 3 and chosen[0].score >= chosen[1].score
    cells = at("wtq").table_question_answering(TABLE, "total?", sequential=False, truncation=True,
                                               padding="do_not_pad")
    plain = ask(server, "wtq", {"query": "total?", "table": TABLE})
    assert (cells.answer, cells.coordinates, cells.cells, cells.aggregator) == tuple(plain.values())


def test_schemas_of_the_tasks(server):
    tasks = server.get("/api/tasks").json()
    for name in ("fill-mask", "text-classification", "token-classification", "question-answering",
                 "zero-shot-classification", "text-ranking", "table-question-answering"):
        spec = tasks[name]["spec"]
        assert spec["inputs"] and spec["output"] and tasks[name]["example"]["inputs"]
    labels = tasks["zero-shot-classification"]["spec"]["parameters"]
    assert labels["required"] == ["candidate_labels"]
    assert len(tasks["text-ranking"]["spec"]["inputs"]["anyOf"]) == 2


def test_run_without_a_server(server):
    def run(name, *texts):
        done = server.cli("run", f"t/{name}", *texts)
        return json.loads(done.stdout)

    assert run("bert-answers", "who", "a happy person") == \
        ask(server, "bert-answers", {"question": "who", "context": "a happy person"})
    assert run("bert-nli", "a", "--task", "zero-shot-classification", "--parameter",
               "candidate_labels=one,two")[0]["label"] in ("one", "two")
    assert len(run("bert-one", "--task", "text-ranking", "who", "one", "two")) == 2
    assert run("wtq", "total?", json.dumps(TABLE)) == \
        ask(server, "wtq", {"query": "total?", "table": TABLE})
    both = run("wtq", "total?", "x", json.dumps(TABLE), "--parameter", "sequential=true")
    assert both == ask(server, "wtq", {"query": ["total?", "x"], "table": TABLE}, sequential=True)


JAVASCRIPT = """
import { createRequire } from "module";
const require = createRequire(process.env.NODE_PATH + "/");
const { InferenceClient } = await import(require.resolve("@huggingface/inference"));
const at = (name, task) => `${process.env.URL_UNDER_TEST}/pipeline/${task}/t/${name}`;
const client = new InferenceClient("hf_" + "x".repeat(34));
const filled = await client.fillMask({ endpointUrl: at("bert-masked-lm", "fill-mask"), inputs: "a [MASK]" });
const labels = await client.textClassification({ endpointUrl: at("bert-nli", "text-classification"), inputs: "a" });
const found = {};
for (const aggregation_strategy of ["none", "simple", "max"])
  found[aggregation_strategy] = (await client.tokenClassification({
    endpointUrl: at("bert-entities", "token-classification"), inputs: "That is a happy person",
    parameters: { aggregation_strategy, ignore_labels: [] } })).length;
const answer = await client.questionAnswering({ endpointUrl: at("bert-answers", "question-answering"),
  inputs: { question: "who", context: "a happy person" } });
const chosen = await client.zeroShotClassification({
  endpointUrl: at("bert-nli", "zero-shot-classification"), inputs: "a person",
  parameters: { candidate_labels: ["one", "two"] } });
const cells = await client.tableQuestionAnswering({ endpointUrl: at("wtq", "table-question-answering"),
  inputs: { query: "total?", table: { Name: ["a", "b c"], Stars: ["3", "12"] } } });
console.log(JSON.stringify({ filled, labels, found, answer, chosen, cells }));
"""


def test_the_javascript_client(server, tmp_path):
    script = tmp_path / "client.mjs"
    script.write_text(JAVASCRIPT)
    done = subprocess.run(["node", str(script)], capture_output=True, text=True, timeout=60 * SLOW,
                          env={**os.environ, "URL_UNDER_TEST": server.url})
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert len(got["filled"]) == 5 and len(got["labels"]) == 3
    assert got["found"]["none"] >= got["found"]["max"] >= 1
    assert got["answer"]["answer"] in "a happy person"
    assert "one" in json.dumps(got["chosen"])
    assert got["cells"] == ask(server, "wtq", {"query": "total?", "table": {
        "Name": ["a", "b c"], "Stars": ["3", "12"]}})
