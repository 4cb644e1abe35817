"""What a store answers is believed only as far as it can be read."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from minio.credentials.providers import StaticProvider

from recovery.store.objects import Patience, Store
from recovery.trouble import StoreTrouble

DAMAGED = b'<?xml version="1.0"?><ListBucketResult><Name>backups</Nbme></ListBucketResult>'


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(DAMAGED)))
        self.end_headers()
        self.wfile.write(DAMAGED)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def store():
    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Store(
            f"http://127.0.0.1:{server.server_port}",
            "backups",
            credentials=StaticProvider("key", "secret"),
            patience=Patience(connect_seconds=2, read_seconds=2, tries=1, wait_seconds=0.01),
        )
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("look", [Store.keys, Store.folders])
def test_a_listing_that_was_damaged_on_its_way_is_a_failed_backup_and_no_crash(store, look):
    with pytest.raises(StoreTrouble, match="damaged on its way"):
        look(store, "tenants/")
