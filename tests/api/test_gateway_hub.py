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


def test_paths_refs_and_commits(make_server):
    """Two snapshots of one model, the second a branch and a pull request."""
    server = make_server()
    commits = {"main": "a" * 40, "v1": "b" * 40, "refs/pr/1": "b" * 40, "gone": "c" * 40}
    folder = server.data_dir / "hub" / "models--me--two"
    for name, commit in commits.items():
        ref = folder / "refs" / name
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(commit)
        if name == "gone":
            continue
        files = folder / "snapshots" / commit
        (files / "sub").mkdir(parents=True, exist_ok=True)
        (files / "config.json").write_text('{"model_type": "bert"}' + " " * (name == "main"))
        (files / "sub" / "x.txt").write_text("x")
    path = "/api/models/me/two"

    refs = server.get(f"{path}/refs").json()
    assert refs == {"branches": [{"name": "main", "ref": "refs/heads/main", "targetCommit": "a" * 40},
                                 {"name": "v1", "ref": "refs/heads/v1", "targetCommit": "b" * 40}],
                    "tags": [], "converts": []}
    requests = server.get(f"{path}/refs?include_prs=1").json()["pullRequests"]
    assert requests == [{"name": "1", "ref": "refs/pr/1", "targetCommit": "b" * 40}]
    for revision, commit in (("main", "a" * 40), ("v1", "b" * 40), ("refs%2Fpr%2F1", "b" * 40), ("bbbbbbbb", "b" * 40)):
        got = server.get(f"{path}/commits/{revision}?expand[]=formatted")
        assert got.headers["X-Total-Count"] == "1" and got.headers["Link"] is None
        (entry,) = got.json()
        assert entry["id"] == commit and entry["title"] and entry["date"].endswith("Z")
        assert entry["formatted"]["title"] == entry["title"]
    assert server.get(f"{path}/commits/main?p=1").json() == []
    assert server.get(f"{path}/commits/gone").headers["X-Error-Code"] == "RevisionNotFound"
    assert server.get("/api/models/no/such/refs").headers["X-Error-Code"] == "RepoNotFound"

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    asked = b"paths=config.json&paths=sub&paths=sub%2Fx.txt&paths=nope&paths=..%2F..%2Frefs%2Fmain&expand="
    entries = server.post(f"{path}/paths-info/v1", asked + b"True", headers=form).json()
    assert [(entry["path"], entry["type"]) for entry in entries] == \
        [("config.json", "file"), ("sub", "directory"), ("sub/x.txt", "file")]
    assert all(entry["lastCommit"]["id"] == "b" * 40 for entry in entries)
    assert [entry["size"] for entry in entries] == [22, 0, 1]
    plain = server.post(f"{path}/paths-info/main", {"paths": ["config.json", "nope"]}).json()
    assert [(entry["path"], entry["size"], "lastCommit" in entry) for entry in plain] == [("config.json", 23, False)]
    tree = {entry["path"]: entry for entry in server.get(f"{path}/tree/main").json()}
    assert plain[0]["oid"] == tree["config.json"]["oid"]
    assert server.post(f"{path}/paths-info/main", {"paths": [1]}).status == 400
    assert server.post(f"{path}/paths-info/main", {"paths": ["x"] * 10001}).status == 400
    assert server.post(f"{path}/paths-info/nope", asked, headers=form).headers["X-Error-Code"] == "RevisionNotFound"
    assert server.get(f"{path}/paths-info/main").status == 405
    assert server.post(f"{path}/refs", {}).status == 405
    assert server.post(path, {}).status == 404
    lfs = server.post(f"/api/models/{MINILM}/paths-info/main", {"paths": ["model.safetensors"]}).json()[0]["lfs"]
    pointer = server.get(f"/{MINILM}/raw/main/model.safetensors").body
    assert len(pointer) == lfs["pointerSize"] and f"sha256:{lfs['oid']}".encode() in pointer
    assert server.get("/me/two/raw/v1/sub/x.txt").body == b"x"

    pages, url = [], f"{path}/tree/main?recursive=1&limit=1"
    while url:
        page = server.get(url)
        pages.append([entry["path"] for entry in page.json()])
        link = page.headers["Link"]
        url = link and link[1 + len(server.url):link.index(">")]
    assert pages == [["config.json"], ["sub"], ["sub/x.txt"]]


def test_ids_of_one_part(make_server):
    """A model without an owner has the same routes, unless its path is a model of two parts."""
    server = make_server(models=False)
    for name, text in (("models--plain", "# one part"), ("models--plain--refs", "# two parts")):
        files = server.data_dir / "hub" / name / "snapshots" / ("a" * 40)
        files.mkdir(parents=True)
        (files / "config.json").write_text("{}")
        (files / "README.md").write_text(text)
    assert "one part" in server.get("/api/models/plain/card").json()["html"]
    assert server.get("/api/models/plain/commits/main").json()[0]["id"] == "a" * 40
    assert server.get("/api/models/plain/refs").json()["id"] == "plain/refs"
    assert "two parts" in server.get("/api/models/plain/refs/card").json()["html"]
    assert server.get("/api/models/plain/refs/refs").json()["branches"][0]["name"] == "main"


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

    assert ids("?num_parameters=min:22M,max:23M") == ids("?num_parameters=max:1B") == [MINILM]
    assert ids("?num_parameters=min:0.1B") == ids("?num_parameters=max:x") == []
    assert len(ids("?inference_provider=all")) == len(ids("?inference_provider=together&inference_provider=hf-inference")) == 4
    assert ids("?inference_provider=together") == []
    assert server.get("/api/datasets").json() == server.get("/api/spaces?limit=3").json() == []
    assert server.get("/api/datasets/a/b").headers["X-Error-Code"] == "RepoNotFound"
    assert server.get("/datasets/a/b/resolve/main/x").headers["X-Error-Code"] == "RepoNotFound"

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


MORE_CLIENT = """
import sys
from huggingface_hub import HfApi, get_hf_file_metadata, hf_hub_download, hf_hub_url, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError
M, token = sys.argv[1:]
api = HfApi()
sha = api.model_info(M).sha
assert api.list_repo_refs(M, include_pull_requests=True).branches[0].target_commit == sha
assert [commit.commit_id for commit in api.list_repo_commits(M, formatted=True)] == [sha]
file, folder = api.get_paths_info(M, ["config.json", "nope", "1_Pooling"], expand=True)
assert (file.path, file.last_commit.oid, folder.path) == ("config.json", sha, "1_Pooling")
assert get_hf_file_metadata(hf_hub_url(M, "config.json")).etag == file.blob_id
assert [api.file_exists(M, name) for name in ("config.json", "nope")] == [True, False]
assert [api.repo_exists(name) for name in (M, "no/such")] == [True, False]
assert not api.repo_exists("no/such", repo_type="dataset") and not api.repo_exists("no/such", repo_type="space")
assert [api.revision_exists(M, name) for name in ("main", sha, "nope")] == [True, True, False]
assert hf_hub_download(M, "config.json", subfolder="1_Pooling").endswith("1_Pooling/config.json")
snapshot_download(M, allow_patterns=["*.json"], revision=sha)
assert api.model_info(M, securityStatus=True).security_repo_status["scansDone"] is False
assert list(api.list_repo_likers(M)) == [] and list(api.get_repo_discussions(M)) == []
assert api.get_safetensors_metadata(M).parameter_count["F32"] == 22713216
assert api.whoami(token=token)["auth"]["accessToken"]["displayName"] == "clients"
api.auth_check(M)
for error, call in ((HfHubHTTPError, lambda: api.auth_check(M, write=True)),
                    (RepositoryNotFoundError, lambda: api.auth_check("no/such")),
                    (HfHubHTTPError, lambda: api.whoami(token="hf_wrong"))):
    try:
        call()
        sys.exit("no error")
    except error:
        pass
"""


def test_more_of_the_hubs_own_client(server, tmp_path):
    token = server.cli("token", "create", "--name", "clients").stdout.split()[0]
    env = {**os.environ, "HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"}
    env.pop("HF_TOKEN", None)
    try:
        done = subprocess.run([sys.executable, "-c", MORE_CLIENT, MINILM, token], env=env, capture_output=True,
                              text=True, timeout=120)
        hf = os.path.join(os.path.dirname(sys.executable), "hf")
        said = [subprocess.run([hf, *arguments], env={**env, **extra}, capture_output=True, text=True, timeout=60)
                for arguments, extra in ((["models", "ls", MINILM], {}), (["auth", "whoami"], {}),
                                         (["auth", "whoami"], {"HF_TOKEN": token}))]
    finally:
        server.cli("token", "revoke", "clients")
    assert done.returncode == 0, done.stderr
    assert "model.safetensors" in said[0].stdout, said[0].stderr
    assert said[1].returncode != 0 and "Not logged in" in said[1].stderr
    assert said[2].returncode == 0 and server.url in said[2].stdout, said[2].stderr


def test_with_the_hubs_own_client(server, tmp_path):
    env = {**os.environ, "HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"}
    env.pop("HF_TOKEN", None)
    done = subprocess.run([sys.executable, "-c", CLIENT, MINILM], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
