"""`btrmd token` and who comes in with what it prints, by a daemon and by the files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import ROOT, DaemonProcess

from btrmd.tokens import (
    MAX_TOKENS,
    Token,
    decode_tokens,
    expiry,
    find_token,
    hash_token,
    with_token,
)


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[DaemonProcess]:
    made = DaemonProcess(tmp_path / "unit")
    yield made
    made.close()


def ask(unit: DaemonProcess, path: str, token: str) -> int:
    import http.client

    connection = http.client.HTTPConnection(unit.address, timeout=15.0)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_token_reads_until_it_is_revoked(unit: DaemonProcess) -> None:
    unit.start()
    unit.set(web__authorization="all")
    token = unit.good("token", "add", "prometheus").strip()
    assert ask(unit, "/metrics", token) == 200
    assert ask(unit, "/metrics", f"{token}x") == 401
    assert unit.request("GET", "/metrics").status == 401
    listed = json.loads(unit.good("token", "list", "--json"))["tokens"]
    assert [(t["name"], t["role"]) for t in listed] == [("prometheus", "viewer")]
    assert token not in unit.good("token", "list")
    assert token not in (unit.config_dir / "tokens.json").read_text()
    taken = unit.cli("token", "add", "prometheus")
    assert (taken.code, "already" in taken.err) == (1, True)
    unit.good("token", "revoke", "prometheus")
    assert ask(unit, "/metrics", token) == 401
    gone = unit.cli("token", "revoke", "prometheus")
    assert (gone.code, "no token prometheus" in gone.err) == (1, True)
    unit.set(web__authorization="writes")
    reported = [event["text"] for event in unit.events() if event["key"] == "web.tokens"]
    assert reported == ["Token prometheus was made as viewer.", "Token prometheus was revoked."]


def test_without_a_daemon_the_file_is_written(unit: DaemonProcess) -> None:
    words = [sys.executable, "-m", "btrmd", "token", "add", "scada"]
    place = ["--config-dir", str(unit.config_dir)]
    done = subprocess.run(
        [*words, *place], capture_output=True, text=True, check=True, cwd=unit.folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    unit.start()
    assert ask(unit, "/api/v1/points", done.stdout.strip()) == 200


def test_names_roles_and_numbers_are_checked() -> None:
    data: dict[str, object] = {}
    for n in range(MAX_TOKENS):
        data, text = with_token(data, f"t{n}", "viewer", "")
    assert find_token(decode_tokens(data), text) is not None
    assert text not in json.dumps(data)
    assert hash_token(text) in json.dumps(data)
    for name, role, words in (
        ("one-more", "viewer", "50 tokens"),
        ("a b", "viewer", "letters"),
        ("", "viewer", "letters"),
        ("x", "root", "viewer"),
        ("t3", "viewer", "already"),
    ):
        with pytest.raises(ValueError, match=words):
            with_token(data, name, role, "")


NOW = 1_780_000_000.0  # 2026-05-28T20:26:40Z


def test_when_a_token_ends() -> None:
    assert expiry("", NOW) == ""
    assert expiry("90", NOW) == expiry("90d", NOW) == "2026-08-26T20:26:40+00:00"
    assert expiry("2026-05-28", NOW) == "2026-05-28T23:59:59+00:00"
    for wrong in ("0", "-1", "3651", "soon", "2026-05-27", "2026-02-30", "2126-01-01", "9" * 40,
                  "2027-W01-1", "20270101", "2027-1-1", "\u0661"):  # fmt: skip
        with pytest.raises(ValueError, match="expires"):
            expiry(wrong, NOW)
    token = Token("x", "viewer", "", "", "2026-05-28T20:26:40+00:00")
    assert token.is_expired(NOW)
    assert not token.is_expired(NOW - 1.0)
    assert token._replace(expires_at="rubbish").is_expired(NOW)
    assert not token._replace(expires_at="").is_expired(NOW)


def test_an_operators_token_starts_a_test_until_a_day(unit: DaemonProcess) -> None:
    unit.start()
    refused = unit.cli("token", "add", "x", "--expires", "yesterday")
    assert (refused.code, "a date to come" in refused.err) == (1, True)
    unit.good("token", "add", "node-red", "--role", "operator", "--expires", "30")
    (listed,) = json.loads(unit.good("token", "list", "--json"))["tokens"]
    assert listed["role"] == "operator"
    assert listed["expires_at"] is not None
    assert "until" in unit.good("token", "list")


@pytest.mark.parametrize("data", [{}, {"tokens": 3}, {"tokens": {"a": 1, "b": {"hash": 2}}}])
def test_a_file_of_another_shape_has_no_tokens(data: dict[str, object]) -> None:
    assert decode_tokens(data) == {}
