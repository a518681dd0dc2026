"""A hub on this machine: the download part of the hub's API, with a second server as its CDN.

    hub = FakeHub()
    repo = hub.add("acme/m", {"config.json": b"{}"}, lfs={"model.safetensors": b"..."})
    hub.faults["model.safetensors"] = [cut(5000), status(503, retry_after=0)]
    ... HF_ENDPOINT=hub.url ...
    hub.log            every request: Request(server, method, path, headers)
    hub.close()

Large files are answered with a redirect to the CDN, as in production. `faults` lists, per file,
what goes wrong with its next content requests, one each; after the last all is well again.
Python's standard library only.
"""

import hashlib
import json
import threading
import time
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

Request = namedtuple("Request", "server method path headers")


def git_sha1(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def cut(after):
    """Close the connection after so many bytes of the body."""
    return {"kind": "cut", "after": after}


def status(code, retry_after=None):
    return {"kind": "status", "code": code, "retry_after": retry_after}


def wrong_bytes():
    """The right length, other content."""
    return {"kind": "wrong"}


def too_long():
    return {"kind": "long"}


def ignore_range():
    """200 and the whole content, whatever was asked."""
    return {"kind": "ignore_range"}


def slow(bytes_per_s):
    return {"kind": "slow", "rate": bytes_per_s}


class Repo:
    def __init__(self, name, files, lfs):
        self.name = name
        self.files = dict(files)
        self.files.update(lfs)
        self.lfs = set(lfs)
        self.gated = False
        self.private_to = None  # the token that may read it
        self.renamed_to = None
        digest = hashlib.sha1()
        for path, content in sorted(self.files.items()):
            digest.update(path.encode("utf-8", "surrogateescape") + b"\0" + content)
        self.commit = digest.hexdigest()
        self.refs = {"main": self.commit}
        self.page_items = 1000  # of the tree
        self.claimed_sizes = {}  # path -> what the tree says instead of the truth
        self.next_link_origin = None  # of the tree's Link header

    def etag(self, path):
        content = self.files[path]
        return hashlib.sha256(content).hexdigest() if path in self.lfs else git_sha1(content)

    def tree(self):
        items = []
        folders = set()
        for path in sorted(self.files):
            content = self.files[path]
            folder = path.rpartition("/")[0]
            if folder and folder not in folders:
                folders.add(folder)
                items.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": folder})
            size = self.claimed_sizes.get(path, len(content))
            item = {"type": "file", "oid": git_sha1(content), "size": size, "path": path}
            if path in self.lfs:
                item["lfs"] = {"oid": self.etag(path), "size": size, "pointerSize": 134}
            items.append(item)
        return items


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    @property
    def hub(self):
        return self.server.hub

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        with self.hub.lock:
            self.hub.log.append(Request(self.server.name, self.command, self.path,
                                        {k.lower(): v for k, v in self.headers.items()}))
        try:
            if self.server.name == "cdn":
                self.cdn()
            else:
                self.route()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def reply(self, code, body=b"", headers=()):
        self.send_response(code)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def json(self, value, headers=()):
        self.reply(200, json.dumps(value).encode(), [("Content-Type", "application/json"),
                                                     *headers])

    def refuse(self, code, error_code, message):
        self.reply(code, json.dumps({"error": message}).encode(),
                   [("X-Error-Code", error_code), ("X-Error-Message", message)])

    def api_fault(self):
        with self.hub.lock:
            fault = self.hub.api_faults.pop(0) if self.hub.api_faults else None
        if fault is None:
            return False
        if fault["kind"] == "body":
            self.reply(200, fault["body"])
        else:
            self.fail_with(fault)
        return True

    def fail_with(self, fault):
        headers = []
        if fault["retry_after"] is not None:
            headers = [("Retry-After", str(fault["retry_after"]))]
        self.reply(fault["code"], b'{"error":"not now"}', headers)

    def route(self):
        url = urlsplit(self.path)
        parts = [unquote(p) for p in url.path.strip("/").split("/")]
        if parts[:2] == ["api", "models"] and len(parts) >= 4:
            if not self.api_fault():
                self.api("/".join(parts[2:4]), parts[4:], parse_qs(url.query))
        elif len(parts) >= 5 and parts[2] == "resolve":
            self.resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))
        else:
            self.refuse(404, "RepoNotFound", "Repository not found")

    def find(self, name, revision):
        """The repo, or None when the request has been answered."""
        repo = self.hub.repos.get(name)
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if repo is not None and repo.renamed_to is not None:
            self.reply(307, b"", [("Location", self.path.replace(name, repo.renamed_to))])
        elif repo is None or (repo.private_to and token != repo.private_to):
            self.refuse(401 if not token else 404, "RepoNotFound", "Repository not found")
        elif repo.gated:
            self.refuse(403, "GatedRepo", "Access to this model is restricted")
        elif revision not in repo.refs and revision != repo.commit:
            self.refuse(404, "RevisionNotFound", "Invalid rev id: " + revision)
        else:
            return repo
        return None

    def api(self, name, rest, query):
        revision = rest[1] if len(rest) > 1 else "main"
        repo = self.find(name, revision)
        if repo is None:
            return
        if rest[:1] == ["tree"]:
            items = repo.tree()
            start = int(query.get("cursor", ["0"])[0])
            end = start + repo.page_items
            origin = repo.next_link_origin or self.hub.url
            link = f"<{origin}{urlsplit(self.path).path}?recursive=true&cursor={end}>; rel=\"next\""
            self.json(items[start:end], [("Link", link)] if end < len(items) else [])
        else:
            self.json({"_id": "1", "id": name, "modelId": name, "sha": repo.commit,
                       "private": False, "gated": False, "tags": [], "downloads": 0, "likes": 0,
                       "siblings": [{"rfilename": path} for path in repo.files]})

    def resolve(self, name, revision, path):
        repo = self.find(name, revision)
        if repo is None:
            return
        if path not in repo.files:
            self.refuse(404, "EntryNotFound", "Entry not found")
            return
        head = [("X-Repo-Commit", repo.commit), ("Accept-Ranges", "bytes")]
        if path in repo.lfs:
            head += [("X-Linked-ETag", f'"{repo.etag(path)}"'),
                     ("X-Linked-Size", str(len(repo.files[path]))),
                     ("Location", f"{self.hub.cdn_url}/{name}/{repo.etag(path)}?file={path}")]
            self.reply(302, b"", head)
        else:
            self.content(path, repo.files[path], [*head, ("ETag", f'"{repo.etag(path)}"')])

    def cdn(self):
        url = urlsplit(self.path)
        owner, name, _ = url.path.strip("/").split("/")
        path = parse_qs(url.query)["file"][0]
        self.content(path, self.hub.repos[f"{owner}/{name}"].files[path], [])

    def content(self, path, content, head):
        fault = {"kind": "none"}
        if self.command == "GET":
            with self.hub.lock:
                if self.hub.faults.get(path):
                    fault = self.hub.faults[path].pop(0)
        if fault["kind"] == "status":
            self.fail_with(fault)
            return
        if fault["kind"] == "wrong":
            content = bytes(b ^ 1 for b in content)
        elif fault["kind"] == "long":
            content += b"more"
        start = 0
        asked = self.headers.get("Range")
        if asked and fault["kind"] != "ignore_range":
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start and start >= len(content):
            self.reply(416, b"", [("Content-Range", f"bytes */{len(content)}")])
            return
        self.send_response(206 if start else 200)
        if start:
            head = [*head, ("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")]
        for name, value in head:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.command != "HEAD":
            self.send_body(content[start:], fault)

    def send_body(self, body, fault):
        if fault["kind"] == "cut":
            self.wfile.write(body[:fault["after"]])
            self.wfile.flush()
            self.close_connection = True
        elif fault["kind"] == "slow":
            step = max(1, fault["rate"] // 20)
            for at in range(0, len(body), step):
                self.wfile.write(body[at:at + step])
                self.wfile.flush()
                time.sleep(0.05)
        else:
            self.wfile.write(body)


class FakeHub:
    def __init__(self):
        self.lock = threading.Lock()
        self.repos = {}
        self.faults = {}  # path -> faults of its next content requests
        self.api_faults = []  # of the next API requests: status(...) or {"kind": "body", "body"}
        self.log = []
        self.servers = [self.start("hub"), self.start("cdn")]
        self.url, self.cdn_url = (f"http://127.0.0.1:{s.server_address[1]}" for s in self.servers)

    def start(self, name):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.block_on_close = False
        server.hub = self
        server.name = name
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02},
                         daemon=True).start()
        return server

    def add(self, name, files, lfs=None):
        repo = self.repos[name] = Repo(name, files, lfs or {})
        return repo

    def requests(self, part, server=None):
        """The requests whose path contains `part`."""
        with self.lock:
            return [r for r in self.log if part in r.path and server in (None, r.server)]

    def content_requests(self, path):
        """GETs of a file where its bytes come from."""
        return [r for r in self.requests(path) if r.method == "GET" and
                (r.server == "cdn" or not any(path in repo.lfs for repo in self.repos.values()))]

    def close(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()
