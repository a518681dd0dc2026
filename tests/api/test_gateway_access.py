"""Who may ask: tokens, Host and Origin headers, rates, sizes, methods; and what operations see."""

import http.client
import json
import subprocess
import threading

import pytest

from conftest import MINILM, SLOW, wait_until

SIMILARITY = {"inputs": {"source_sentence": "a cat", "sentences": ["a dog", "a car"]}}


def exchange(server, request):
    """Raw bytes over a new connection; the whole answer until the server closes it."""
    import socket
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20 * SLOW) as connection:
        connection.sendall(request)
        got = b""
        while chunk := connection.recv(65536):
            got += chunk
    return got


def test_tokens_are_asked_for_when_wanted(make_server):
    server = make_server("--require-token", start=False)
    refused = subprocess.run([server.binary, "serve", "--data", str(server.data_dir), "--require-token"],
                             capture_output=True, text=True, timeout=20 * SLOW)
    assert refused.returncode == 1
    assert "inferd token create" in refused.stderr
    token = server.cli("token", "create", "--name", "laptop").stdout.strip()
    assert token.startswith("hf_") and len(token) == 37
    server.start()

    got = server.post(f"/models/{MINILM}", SIMILARITY)
    assert got.status == 401
    assert got.headers["WWW-Authenticate"] == "Bearer"
    assert "inferd token create" in got.json()["error"]
    for path in ("/api/models", "/metrics", f"/status/{MINILM}", "/api/tasks", f"/{MINILM}/resolve/main/config.json"):
        assert server.get(path).status == 401, path
    for path in ("/", f"/{MINILM}", "/livez", "/readyz", "/assets/base.css"):
        assert server.get(path).status == 200, path
    bearer = {"Authorization": f"Bearer {token}"}
    assert server.post(f"/models/{MINILM}", SIMILARITY, headers=bearer).status == 200
    who = server.get("/api/whoami-v2", headers=bearer).json()
    assert who["type"] == "user" and who["auth"]["accessToken"]["displayName"] == "laptop"

    got = server.post("/v1/embeddings", {"model": MINILM, "input": "x"}, headers={"Authorization": "Bearer hf_wrong"})
    assert got.status == 401
    assert got.json()["error"]["code"] == "invalid_api_key"

    assert "laptop" in server.cli("token", "list").stdout
    assert token not in server.cli("token", "list").stdout
    server.cli("token", "revoke", "laptop")
    assert server.get("/api/models", headers=bearer).status == 401  # seen at once


def test_an_open_address_needs_tokens(make_server):
    server = make_server(start=False)
    command = [server.binary, "serve", "--data", str(server.data_dir), "--listen", "0.0.0.0:0"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=20 * SLOW)
    assert refused.returncode == 1
    assert "--no-auth" in refused.stderr and "token create" in refused.stderr


def test_another_name_needs_tokens(make_server):
    """Who is called by it comes through a proxy, from an address that is loopback's all the same."""
    server = make_server("--allow-host", "models.example.org", start=False)
    refused = subprocess.run([server.binary, "serve", "--data", str(server.data_dir), *server.options],
                             capture_output=True, text=True, timeout=20 * SLOW)
    assert refused.returncode == 1 and "token create" in refused.stderr
    token = server.cli("token", "create").stdout.split()[0]
    server.start()
    for host in ("models.example.org", "127.0.0.1"):  # a proxy may pass on whatever a client calls it
        assert server.get("/api/models", headers={"Host": host}).status == 401
        allowed = {"Host": host, "Authorization": "Bearer " + token}
        assert server.get("/api/models", headers=allowed).status == 200


def test_tokens_of_others_change_nothing_on_loopback(server):
    """Clients send the HF_TOKEN of the environment, which this server need not know."""
    foreign = {"Authorization": "Bearer hf_wrong"}
    assert server.get("/api/models", headers=foreign).status == 200
    assert server.get("/api/whoami-v2", headers=foreign).status == 401
    assert server.get("/api/models", headers={**foreign, "Origin": "https://a.example"}).status == 401


def test_host_header(make_server):
    server = make_server("--allow-host", "models.lan", "--no-auth", models=False)
    for host, status in (("localhost", 200), ("127.0.0.1:99", 200), ("models.lan:1", 200),
                         ("evil.example", 421), ("localhost.evil.example", 421), ("10.0.0.1", 421)):
        got = server.get("/api/models", headers={"Host": host})
        assert got.status == status, host
    assert "--allow-host evil.example" in server.get("/livez", headers={"Host": "evil.example"}).json()["error"]


def test_cors(server):
    got = server.request("OPTIONS", f"/models/{MINILM}", headers={
        "Origin": "https://a.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type"})
    assert got.status == 204
    assert got.headers["Access-Control-Allow-Origin"] == "*"
    assert got.headers["Access-Control-Allow-Headers"] == "authorization,content-type"
    assert "POST" in got.headers["Access-Control-Allow-Methods"]

    got = server.get("/api/models", headers={"Origin": "https://a.example"})
    assert got.status == 401  # a page of another site, without a token
    assert got.headers["Access-Control-Allow-Origin"] == "*"
    assert "x-compute-time" in got.headers["Access-Control-Expose-Headers"]
    assert server.get("/api/models", headers={"Origin": server.url}).status == 200
    token = server.cli("token", "create", "--name", "cors").stdout.strip()
    assert server.get("/api/models", headers={"Origin": "https://a.example",
                                              "Authorization": f"Bearer {token}"}).status == 200


def test_rate_limit(make_server):
    server = make_server("--rate-limit", "3/min")
    token = server.cli("token", "create", "--name", "other").stdout.strip()
    replies = [server.get("/api/models") for _ in range(4)]
    assert [got.status for got in replies] == [200, 200, 200, 429]
    assert replies[0].headers["ratelimit"] == '"api";r=2;t=20'
    assert replies[3].headers["ratelimit-policy"] == '"fixed window";"api";q=3;w=60'
    assert 1 <= int(replies[3].headers["Retry-After"]) <= 20
    assert "too many requests" in replies[3].json()["error"]
    assert server.get("/api/models", headers={"Authorization": f"Bearer {token}"}).status == 200
    assert server.get("/livez").status == 200
    assert server.get("/").status == 200


def test_unknown_and_unfitting(server):
    got = server.post("/models/no/such", SIMILARITY)
    assert (got.status, got.json()) == (404, {"error": "Model no/such does not exist"})
    got = server.post("/v1/embeddings", {"model": "no/such", "input": "x"})
    assert got.status == 404
    assert got.json()["error"]["code"] == "model_not_found"
    assert server.post("/models/../etc/passwd", SIMILARITY).status == 400
    assert server.post(f"/models/{MINILM}/pipeline/no-task", SIMILARITY).status == 404
    assert server.post(f"/models/{MINILM}/no/path", SIMILARITY).status == 404

    for method, path, allow in (("DELETE", f"/models/{MINILM}", "POST"), ("PUT", "/v1/embeddings", "POST"),
                                ("GET", f"/models/{MINILM}/embed", "POST"), ("POST", "/livez", "GET"),
                                ("POST", f"/models/{MINILM}/info", "GET")):
        got = server.request(method, path)
        assert got.status == 405, path
        assert allow in got.headers["Allow"]
        assert got.json()["error"]

    page = server.get("/no/such", headers={"Accept": "text/html"})
    assert page.status == 404 and b"<html" in page.body
    assert server.get("/no/such").json() == {"error": "Model no/such does not exist"}
    assert server.get("/assets/..%2Finferd.db").status in (400, 404)
    assert server.get("/assets/no.js").status == 404


def test_bad_bodies(server):
    for body in (b"", b"{", b"[]", b"\xff\xfe", b'{"model": 3}', b"[" * 1000):
        got = server.request("POST", "/v1/embeddings", body, headers={"Content-Type": "application/json"})
        assert got.status == 400, body
        assert got.json()["error"]["type"] == "invalid_request_error"
    got = server.request("POST", f"/models/{MINILM}", b"{", headers={"Content-Type": "application/json"})
    assert got.status == 400
    assert isinstance(got.json()["error"], str)


def test_large_bodies_are_refused_unread(make_server):
    server = make_server("--max-body", "1M")
    for path in (f"/models/{MINILM}", "/v1/embeddings"):
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n".encode()
        assert exchange(server, head).startswith(b"HTTP/1.1 413 ")
    assert server.metric("inferd_worker_starts_total") == 0


def test_request_ids(server):
    assert server.get("/livez", headers={"X-Request-Id": "abc-1.2"}).headers["X-Request-Id"] == "abc-1.2"
    assert server.get("/livez", headers={"X-Amzn-Trace-Id": "t1"}).headers["X-Request-Id"] == "t1"
    made = {server.get("/livez", headers={"X-Request-Id": 'a"b<c>'}).headers["X-Request-Id"] for _ in range(2)}
    assert len(made) == 2 and all(len(text) == 16 for text in made)
    assert server.get("/api/models/no/such").headers["X-Request-Id"]


def test_pages_forbid_foreign_code(server):
    for path in ("/", f"/{MINILM}", "/assets/base.css"):
        policy = server.get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy
        assert "script-src 'self'" in policy
    etag = server.get("/assets/base.css").headers["ETag"]
    assert server.get("/assets/base.css", headers={"If-None-Match": etag}).status == 304


def test_operations_wake_nothing(make_server):
    server = make_server()
    for path in ("/livez", "/readyz", "/metrics", f"/status/{MINILM}", f"/models/{MINILM}", "/v1/models", "/api/models",
                 f"/api/models/{MINILM}", f"/models/{MINILM}/health", "/", f"/{MINILM}", "/api/server",
                 "/framework/sentence-transformers", "/api/tasks"):
        assert server.get(path).status == 200, path
    assert server.metric("inferd_models_loaded") == 0
    assert server.metric("inferd_worker_starts_total") == 0
    assert server.get(f"/status/{MINILM}").json() == {
        "loaded": False, "state": "Loadable", "compute_type": "cpu", "framework": "sentence-transformers"}
    assert server.get("/framework/sentence-transformers").json() == [
        {"model_id": MINILM, "task": "sentence-similarity"}]
    lines = server.get("/metrics").body.decode().splitlines()
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    for line in lines:
        assert line.startswith("#") or float(line.rsplit(" ", 1)[1]) >= 0


def test_mistakes_on_the_command_line(binary, tmp_path):
    def run(*words):
        return subprocess.run([str(binary), *words], capture_output=True, text=True, timeout=20 * SLOW)

    for words, text in ((["serve", "--lisen", "x"], "did you mean '--listen'?"),
                        (["serve", "--rate-limit", "fast"], "--rate-limit: 'fast' is not a rate"),
                        (["serve", "extra"], "takes no arguments"),
                        (["token", "make"], "expected 'create'"),
                        (["models", "set", "a"], "expected nothing, 'set"),
                        (["add", "x"], "expected FOLDER and OWNER/NAME"),
                        (["remove", "../x"], "is not the id of a model")):
        got = run(words[0], "--data", str(tmp_path), *words[1:])
        assert got.returncode == 2, words
        assert text in got.stderr
    for command in ("serve", "models", "add", "remove", "token"):
        got = run(command, "--help")
        assert got.returncode == 0 and "--data DIR" in got.stdout


def test_two_servers_cannot_share_a_data_folder(server):
    second = subprocess.run([server.binary, "serve", "--data", str(server.data_dir), "--listen", "127.0.0.1:0"],
                            capture_output=True, text=True, timeout=20 * SLOW)
    assert second.returncode == 1
    assert "another server is using the data folder" in second.stderr


def test_pages_have_a_content_policy(server):
    for path in ("/", f"/{MINILM}", "/no/such-model"):
        reply = server.get(path, headers={"Accept": "text/html"})
        assert "<html" in reply.body.decode()
        assert "script-src 'self'" in reply.headers["Content-Security-Policy"], path
