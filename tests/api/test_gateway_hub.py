"""The hub's routes over the local store, by hand and with its own client."""

import hashlib
import os
import subprocess
import sys

from conftest import MINILM, give_minilm

CARD = """---
language: [en, "no"]
license: mit
library_name: sentence-transformers
tags: [tiny]
widget:
- source_sentence: one
  sentences: [two]
---
# Title <script>alert(1)</script>
[bad](javascript:alert(1)) ![far](https://img.example/x.png) ![near](a.png)
<img src=x onerror=alert(1)>
"""


def test_info(server):
    info = server.get(f"/api/models/{MINILM}").json()
    assert info["id"] == info["modelId"] == MINILM
    assert info["author"] == "sentence-transformers"
    assert len(info["sha"]) == 40
    assert info["pipeline_tag"] == "sentence-similarity"
    assert info["library_name"] == "sentence-transformers"
    assert info["safetensors"]["total"] == 22713728
    assert info["config"]["model_type"] == "bert"
    assert info["cardData"]["license"] == "apache-2.0"
    assert {"en", "license:apache-2.0", "safetensors", "bert"} <= set(info["tags"])
    assert {"rfilename": "config.json"} in info["siblings"]
    assert info["gated"] is False and info["private"] is False
    assert info["mask_token"] == "[MASK]"
    assert server.get(f"/api/models/{MINILM}/revision/{info['sha']}").json()["sha"] == info["sha"]
    assert server.get(f"/api/models/{MINILM}/revision/{info['sha'][:8]}").json()["sha"] == info["sha"]

    blobs = server.get(f"/api/models/{MINILM}?blobs=true").json()["siblings"]
    weights = next(file for file in blobs if file["rfilename"] == "model.safetensors")
    assert weights["lfs"]["sha256"] == weights["blobId"] and weights["lfs"]["size"] == weights["size"] == 90868376
    picked = server.get(f"/api/models/{MINILM}?expand=sha&expand[]=tags").json()
    assert set(picked) == {"_id", "id", "sha", "tags"}
    assert server.get(f"/api/models/{MINILM}?expand=nonsense").status == 400


def test_errors(server):
    for path, status, code in (("/api/models/no/such", 404, "RepoNotFound"),
                               ("/api/models/bad..name/x", 404, "RepoNotFound"),
                               (f"/api/models/{MINILM}/revision/no-branch", 404, "RevisionNotFound"),
                               (f"/api/models/{MINILM}/tree/main/no-folder", 404, "EntryNotFound"),
                               (f"/{MINILM}/resolve/main/no-file", 404, "EntryNotFound"),
                               (f"/{MINILM}/resolve/no-branch/config.json", 404, "RevisionNotFound"),
                               (f"/{MINILM}/resolve/refs%2Fpr%2F1/config.json", 404, "RevisionNotFound"),
                               ("/no/such/resolve/main/config.json", 404, "RepoNotFound")):
        got = server.get(path)
        assert got.status == status, path
        assert got.headers["X-Error-Code"] == code, path
        assert got.headers["X-Error-Message"] and got.json()["error"]
    assert server.get(f"/{MINILM}/resolve/main/no-file").headers["X-Repo-Commit"]
    for path in ("..%2F..%2Frefs%2Fmain", "../../../refs/main", "1_Pooling%2F..%2F..%2F..%2Frefs%2Fmain", "%00",
                 "config.json%00.txt", "1_Pooling"):
        assert server.get(f"/{MINILM}/resolve/main/{path}").status in (400, 404), path


def test_files(server):
    path = f"/{MINILM}/resolve/main/config.json"
    whole = server.get(path)
    content = whole.body
    head = server.request("HEAD", path)
    digest = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    etag = f'"{digest}"'
    for got in (whole, head):
        assert got.status == 200
        assert got.headers["ETag"] == etag
        assert int(got.headers["Content-Length"]) == len(content)
        assert got.headers["Accept-Ranges"] == "bytes"
        assert len(got.headers["X-Repo-Commit"]) == 40
        assert "sandbox" in got.headers["Content-Security-Policy"]
    part = server.get(path, headers={"Range": "bytes=5-9"})
    assert (part.status, part.body) == (206, content[5:10])
    assert part.headers["Content-Range"] == f"bytes 5-9/{len(content)}"
    rest = server.get(path, headers={"Range": f"bytes={len(content) - 3}-"})
    assert rest.body == content[-3:]
    assert server.get(path, headers={"Range": f"bytes={len(content)}-"}).status == 416
    assert server.get(path, headers={"If-None-Match": etag}).status == 304
    assert "attachment" in server.get(path + "?download=true").headers["Content-Disposition"]
    weights = server.request("HEAD", f"/{MINILM}/resolve/main/model.safetensors")
    assert weights.headers["X-Linked-ETag"] == weights.headers["ETag"]
    assert weights.headers["X-Linked-Size"] == weights.headers["Content-Length"] == "90868376"
    assert "X-Xet-Hash" not in weights.headers


def test_tree(server):
    flat = server.get(f"/api/models/{MINILM}/tree/main").json()
    deep = server.get(f"/api/models/{MINILM}/tree/main?recursive=True").json()
    below = server.get(f"/api/models/{MINILM}/tree/main/1_Pooling").json()
    assert {(entry["path"], entry["type"]) for entry in flat} >= {("1_Pooling", "directory"), ("config.json", "file")}
    assert "1_Pooling/config.json" not in {entry["path"] for entry in flat}
    assert "1_Pooling/config.json" in {entry["path"] for entry in deep}
    assert [entry["path"] for entry in below] == ["1_Pooling/config.json"]
    files = {entry["path"]: entry for entry in deep}
    assert files["model.safetensors"]["lfs"]["oid"] == files["model.safetensors"]["oid"]
    config = server.request("HEAD", f"/{MINILM}/resolve/main/config.json")
    assert config.headers["ETag"].strip('"') == files["config.json"]["oid"]


def test_list(make_server, minilm, tmp_path):
    server = make_server()
    for i in range(3):
        folder = tmp_path / f"m{i}"
        folder.mkdir()
        (folder / "config.json").write_text('{"model_type": "bert", "architectures": ["BertForMaskedLM"]}')
        (folder / "README.md").write_text(CARD if i == 0 else "# plain\n")
        server.cli("add", str(folder), f"me/m{i}")

    def ids(query=""):
        return [model["id"] for model in server.get("/api/models" + query).json()]

    assert sorted(ids()) == ["me/m0", "me/m1", "me/m2", MINILM]
    assert ids("?author=me&sort=id") == ["me/m0", "me/m1", "me/m2"]
    assert ids("?search=minilm") == ids("?search=MINI") == [MINILM]
    assert ids("?filter=license:mit") == ["me/m0"]
    assert ids("?filter=license:mit&filter=no") == ["me/m0"]
    assert ids("?filter=license:mit,bert,xx") == []
    assert ids("?pipeline_tag=fill-mask&sort=id") == ["me/m1", "me/m2"]
    assert ids("?library=sentence-transformers&sort=id") == ["me/m0", MINILM]
    server.get(f"/{MINILM}/resolve/main/config.json")
    assert ids("?sort=downloads&limit=1") == [MINILM]
    assert server.get(f"/api/models/{MINILM}").json()["downloads"] == 1

    seen, url = [], "/api/models?sort=id&limit=2&author=me"
    while url:
        page = server.get(url)
        seen += [model["id"] for model in page.json()]
        link = page.headers["Link"]
        assert link is None or link.startswith(f"<{server.url}/api/models?")
        url = link and link[1 + len(server.url):link.index(">")]
    assert seen == ["me/m0", "me/m1", "me/m2"]

    light = server.get("/api/models?search=mini").json()[0]
    assert {"_id", "id", "private", "pipeline_tag", "downloads", "gated", "likes", "lastModified", "tags"} <= set(light)
    assert "siblings" not in light and "cardData" not in light
    full = server.get("/api/models?search=mini&full=True&cardData=True").json()[0]
    assert full["siblings"] and full["cardData"] and full["safetensors"]["total"]
    assert server.get("/api/models-tags-by-type").json()["license"]
    assert server.get("/api/models/me/m0").json()["widgetData"] == [{"source_sentence": "one", "sentences": ["two"]}]


def test_a_hostile_card_cannot_run(make_server, tmp_path):
    server = make_server(models=False)
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "README.md").write_text(CARD)
    (folder / "page.html").write_text("<script>alert(1)</script>")
    (folder / "deep.md").write_text(">" * 100000)
    server.cli("add", str(folder), "me/m")
    html = server.get("/api/models/me/m/card").json()["html"]
    assert "<h1>Title" in html
    for bad in ("<script", "javascript:", "onerror", "img.example"):
        assert bad not in html
    assert '<img src="/me/m/resolve/main/a.png" alt="near" />' in html
    page = server.get("/me/m/resolve/main/page.html")
    assert page.headers["Content-Type"].startswith("text/plain")
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_a_slow_card_stops_nobody(make_server, tmp_path):
    server = make_server(models=False)
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "README.md").write_text("[" * 60000 + "a" + "](" * 60000 + "\n|a" * 20000)
    server.cli("add", str(folder), "me/m")
    import threading
    import time
    thread = threading.Thread(target=lambda: server.get("/api/models/me/m/card"))
    thread.start()
    slowest = 0
    for _ in range(20):
        start = time.monotonic()
        assert server.get("/livez").status == 200
        slowest = max(slowest, time.monotonic() - start)
    assert slowest < 1
    thread.join()


def test_tasks(server):
    tasks = server.get("/api/tasks").json()
    assert {"feature-extraction", "sentence-similarity"} <= set(tasks)
    task = tasks["sentence-similarity"]
    assert task["label"] == "Sentence Similarity" and task["summary"]
    assert MINILM in task["widgetModels"]
    assert task["spec"]["inputs"]["properties"]["sentences"]
    assert task["spec"]["output"]
    assert server.post(f"/models/{MINILM}", task["example"]).status == 200


CLIENT = """
import sys
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError
M = sys.argv[1]
api = HfApi()
assert open(hf_hub_download(M, "config.json")).read()
folder = snapshot_download(M)
assert open(folder + "/1_Pooling/config.json").read()
assert [m.id for m in api.list_models(search="minilm", filter="en", sort="downloads")] == [M]
info = api.model_info(M, files_metadata=True)
assert info.pipeline_tag == "sentence-similarity" and info.safetensors.total == 22713728
assert "model.safetensors" in [f.path for f in api.list_repo_tree(M, recursive=True)]
assert api.repo_exists(M) and not api.repo_exists("no/such") and not api.file_exists(M, "nope")
assert not api.revision_exists(M, "nope")
for error, arguments in ((EntryNotFoundError, (M, "nope")), (RepositoryNotFoundError, ("no/such", "x"))):
    try:
        hf_hub_download(*arguments)
        sys.exit("no error")
    except error:
        pass
try:
    hf_hub_download(M, "config.json", revision="nope")
    sys.exit("no error")
except RevisionNotFoundError:
    pass
"""


def test_with_the_hubs_own_client(server, tmp_path):
    env = {**os.environ, "HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"}
    env.pop("HF_TOKEN", None)
    done = subprocess.run([sys.executable, "-c", CLIENT, MINILM], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
