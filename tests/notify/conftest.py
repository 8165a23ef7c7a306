"""What the tests of the notifiers share: mail servers, certificates, a station with a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "support")]

from mail_fixtures import Bench  # noqa: E402
from mail_server import MailServer, Serve  # noqa: E402
from mail_tls import Authority  # noqa: E402
from webhook_fixtures import WebhookBench  # noqa: E402

from btrmd.notify.webhook import sender as sending  # noqa: E402


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(**options)`: a mail server on a free port."""
    servers: list[MailServer] = []

    def make(**options: object) -> MailServer:
        servers.append(MailServer(**options))  # type: ignore[arg-type]
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "state")
    yield made
    made.close()


@pytest.fixture
def hook(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WebhookBench]:
    monkeypatch.setattr(sending, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(sending, "LONGEST_PAUSE_S", 0.2)
    monkeypatch.setattr(sending, "FOLLOW_S", 0.02)
    made = WebhookBench(tmp_path / "state", authority)
    yield made
    made.close()
