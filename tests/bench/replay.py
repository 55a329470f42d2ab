"""A tracking server that answers a full pull from files: `python -m tests.bench.replay FOLDER PORT COPIES`.

Each recorded experiment is there several times; copies differ by a prefix of their ids. Until `POST /go` it answers
503, as a server that is down does.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import sys
from pathlib import Path
from typing import Any

from mantik_tui.backends.tracking.query import offset_of

_IDS = (b'"run_id": "', b'"run_uuid": "', b'"experiment_id": "')


def prefixed(page: bytes, copy: int) -> bytes:
    """A recorded answer as that of its `copy`-th twin."""
    mark = chr(ord("g") + copy).encode()
    for name in _IDS:
        page = page.replace(name, name + mark)
    return page


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Clients come and go."""


def make_handler(folder: Path, copies: int) -> type[http.server.BaseHTTPRequestHandler]:
    listing = json.loads((folder / "experiments.json").read_text())["experiments"]
    experiments = [
        {
            **item,
            "experiment_id": chr(ord("g") + copy) + item["experiment_id"],
            "name": f"{item['name']} {copy}",
            "tags": [],
        }
        for copy in range(copies)
        for item in listing
    ]

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        awake = False

        def do_GET(self) -> None:
            if self.path == "/health":
                self.answer(b"OK", kind="text/plain")
            elif not type(self).awake:
                self.answer(b"down", 503, "text/plain")
            else:
                self.answer(b'{"error_code": "ENDPOINT_NOT_FOUND", "message": "not here"}', 404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            if self.path == "/go":
                type(self).awake = True
                self.answer(b"{}")
            elif not type(self).awake:
                self.answer(b"down", 503, "text/plain")
            elif self.path.endswith("/experiments/search"):
                self.answer(json.dumps({"experiments": experiments}).encode())
            elif self.path.endswith("/runs/search"):
                self.answer(page_for(json.loads(body)))
            else:
                self.answer(b"{}")

        def answer(self, content: bytes, status: int = 200, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            with contextlib.suppress(OSError):  # the client has gone
                self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            return

    def page_for(body: dict[str, Any]) -> bytes:
        ids = body.get("experiment_ids", [])
        if len(ids) != 1 or body.get("filter"):
            return b"{}"
        copy, experiment = ord(ids[0][0]) - ord("g"), ids[0][1:]
        file = folder / f"{experiment}-{offset_of(body.get('page_token')) or 0}.json"
        return prefixed(file.read_bytes(), copy) if file.exists() else b"{}"

    return Handler


if __name__ == "__main__":
    handler = make_handler(Path(sys.argv[1]), int(sys.argv[3]))
    Server(("127.0.0.1", int(sys.argv[2])), handler).serve_forever()
