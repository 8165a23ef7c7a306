"""Templates of the pages compiled once a process, however many web servers it starts.

Each server compiles all of them when it starts: a quarter of a second of computing, a thousand
times in the tests. The code depends on the source alone, since all environments are made alike.
"""

from __future__ import annotations

from types import CodeType
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from btrmd.bus import Bus
from btrmd.model.settings import Settings
from btrmd.model.snapshot import Snapshot
from btrmd.servers.web import WebServer


class TemplateCache(BytecodeCache):
    """The compiled code in memory, by the template's name and the checksum of its source."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._codes[bucket.key, bucket.checksum] = bucket.code


def keep_templates() -> None:
    """Every web server that this process makes from now on uses one cache."""
    Flask.jinja_options = {"bytecode_cache": TemplateCache()}


def compile_templates() -> None:
    """Fill the cache, as a web server does."""
    bus = Bus(Snapshot(0, 0.0, 0.0, {}, (), Settings.defaults(), None, None))
    history: Any = _NoHistory()
    environment = WebServer(bus, history, _NoAccounts(), "none").app.jinja_env
    for name in environment.list_templates():
        environment.get_template(name)


class _NoHistory:
    """What nobody asks for while templates are compiled."""

    def last_event(self) -> int:
        return 0


class _NoAccounts:
    """Where accounts are kept: nowhere."""

    def load(self) -> dict[str, object]:
        return {}

    def save(self, accounts: dict[str, object]) -> None:
        raise AssertionError("no account is changed here")
