"""A stand-in for the Hugging Face Hub on loopback: as much of it as publishing a data set asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Hub:
    """What the Hub holds: one repository. ``commits`` are the trees, by path, in their order."""

    url: str = ""
    private: bool | None = None
    commits: list[dict[str, bytes]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1] if self.commits else {}

    @property
    def head(self) -> str:
        return hashlib.sha1(str(len(self.commits)).encode()).hexdigest()

    def commit(self, lines: list[dict[str, Any]]) -> None:
        tree = dict(self.files)
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                tree[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                tree[value["path"]] = self.objects[value["oid"]]
            elif line["key"] == "deletedFile":
                tree.pop(value["path"], None)
        self.commits.append(tree)


@contextmanager
def stand_in() -> Iterator[Hub]:
    hub = Hub()
    handler = type("Bound", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if "/refs" in path:
            tags = [
                {"name": name, "ref": f"refs/tags/{name}", "targetCommit": at}
                for name, at in self.hub.tags.items()
            ]
            self._answer({"branches": [], "converts": [], "tags": tags})
        elif "/tree/" in path:
            self._answer(
                [
                    {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                    for name, data in self.hub.files.items()
                ]
            )
        else:
            siblings = [{"rfilename": name} for name in self.hub.files]
            self._answer(
                {
                    "_id": "1",
                    "id": "me/set",
                    "private": self.hub.private,
                    "sha": self.hub.head,
                    "siblings": siblings,
                }
            )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.tokens.add(str(self.headers.get("Authorization")))
        path = self.path.partition("?")[0]
        if path == "/api/repos/create":
            if self.hub.private is None:
                given = json.loads(body)
                self.hub.private = bool(given.get("private") or given.get("visibility") == "private")
            self._answer({"url": f"{self.hub.url}/datasets/me/set", "name": "me/set", "id": "1"})
        elif path == "/api/validate-yaml":
            self._answer({"errors": [], "warnings": []})
        elif "/preupload/" in path:
            self._answer({"files": [self._mode(file) for file in json.loads(body)["files"]]})
        elif path.endswith("/info/lfs/objects/batch"):
            self._answer(
                {"transfer": "basic", "objects": [self._upload(each) for each in json.loads(body)["objects"]]}
            )
        elif "/commit/" in path:
            self.hub.commit([json.loads(line) for line in body.splitlines()])
            where = f"{self.hub.url}/datasets/me/set/commit/{self.hub.head}"
            self._answer({"success": True, "commitUrl": where, "commitOid": self.hub.head, "hookOutput": ""})
        elif match := re.search(r"/tag/([^/]+)$", path):
            self.hub.tags[json.loads(body)["tag"]] = match[1]
            self._answer({})
        else:
            self._answer({}, 404)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.hub.objects[hashlib.sha256(body).hexdigest()] = body
        self._answer({})

    def _mode(self, file: dict[str, Any]) -> dict[str, Any]:
        mode = "lfs" if file["path"].endswith(".parquet") else "regular"
        held = self.hub.files.get(file["path"])
        oid = None
        if held is not None:
            git = hashlib.sha1(f"blob {len(held)}\0".encode() + held).hexdigest()
            oid = hashlib.sha256(held).hexdigest() if mode == "lfs" else git
        return {"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}

    def _upload(self, each: dict[str, Any]) -> dict[str, Any]:
        here = {"oid": each["oid"], "size": each["size"]}
        if each["oid"] in self.hub.objects:
            return here
        return here | {"actions": {"upload": {"href": f"{self.hub.url}/put/{each['oid']}"}}}

    def _answer(self, content: Any, status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
