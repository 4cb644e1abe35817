"""storefleet-closed: answer for a shop that is closed for a while, to everybody and at once."""

from __future__ import annotations

import argparse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

READY = "/-/ready"
"""Where the kubelet asks whether this server answers; a shop never does."""
PAGE = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Back soon</title>
<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<style>body{font:18px/1.5 system-ui,sans-serif;display:grid;place-items:center;height:100vh;margin:0;color:#222}
main{max-width:32rem;padding:1rem;text-align:center}</style></head>
<body><main><h1>We will be right back</h1><p>This shop is being updated. Nothing that you ordered is lost.
Please try again in a few minutes.</p></main></body></html>
"""


def handler(retry_after: int) -> type[BaseHTTPRequestHandler]:
    """Return what answers requests: 503 with the seconds after which it is worth to come back."""

    class Closed(BaseHTTPRequestHandler):
        server_version, sys_version = "closed", ""

        def answer(self) -> None:
            if self.path == READY:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(503)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(PAGE)))
            self.send_header("Retry-After", str(retry_after))
            self.send_header("Cache-Control", "no-store")
            # What a request carried was not read, so the connection cannot be used again.
            self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(PAGE)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            """Write nothing: the ingress controller has the request in its log."""

    return Closed


def main() -> None:
    """Answer until the pod is stopped."""
    parser = argparse.ArgumentParser(prog="storefleet-closed", allow_abbrev=False)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--retry-after", type=int, required=True)
    given = parser.parse_args()
    ThreadingHTTPServer(("", given.port), handler(given.retry_after)).serve_forever()  # the pod's own network
