"""Loaded with the server (`server_wide_modules`), never installed in a database."""

import functools
import os

from .store import client, store_class


def install() -> None:
    """Put the store in the place of Odoo's own, which keeps sessions as files of one pod."""
    from odoo import http

    def session_store(_application: object) -> object:
        kind = store_class(http.FilesystemSessionStore)
        return kind(client(os.environ), os.environ["STOREFLEET_SESSIONS_PREFIX"], http.Session)

    # Made when the first request comes, and so in the worker that uses it: a connection is not shared by a fork.
    store = functools.cached_property(session_store)
    store.__set_name__(http.Application, "session_store")
    http.Application.session_store = store
