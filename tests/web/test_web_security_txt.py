"""The contact for who has found a hole: RFC 9116's file, and the papers it leads to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from web_station import AT, Client, Station

from btrmd.model.errors import ConfigError
from btrmd.model.settings import Settings
from btrmd.model.site import decode_site
from btrmd.servers.web.security_txt import CONTACT, security_text

ROOT = Path(__file__).resolve().parents[2]
DAY_S = 86400.0


def fields(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return dict(line.split(": ", 1) for line in lines)


def test_anybody_is_told_whom_to_write_to(client: Client) -> None:
    reply = client.get("/.well-known/security.txt")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert fields(reply.text)["Contact"] == CONTACT


def test_it_says_that_the_contact_is_a_placeholder_until_the_operator_sets_one(
    client: Client, start_station: Callable[..., Station]
) -> None:
    unset = client.get("/.well-known/security.txt").text
    assert "placeholder" in unset
    assert " /etc/btrm/btrmd.toml." in unset
    assert "`/etc/btrm/btrmd.toml`" in (ROOT / "SECURITY.md").read_text()
    site = decode_site({"security": {"contact": "mailto:security@plant.example"}})
    station = start_station(settings=Settings.defaults(site))
    text = station.client().get("/.well-known/security.txt").text
    assert fields(text)["Contact"] == "mailto:security@plant.example"
    assert "placeholder" not in text
    assert "example.org" not in text


@pytest.mark.parametrize(
    "contact",
    ["mailto:a@b.example", "https://plant.example", "https://plant.example/report?x=1", "tel:+49-1",
     ""],
)  # fmt: skip
def test_a_contact_is_a_uri(contact: str) -> None:
    assert decode_site({"security.contact": contact}).security_contact == contact


@pytest.mark.parametrize(
    "contact",
    ["security@plant.example", "http://plant.example", "mailto:", "mailto:a", "https://", "tel:",
     "tel:x", "ftp://a", "mailto:a@b.example\nContact: mailto:evil@c.example",
     "mailto:a b@c.example", "mailto:ü@c.example",
     "https://" + "x" * 200, 7, True, ["mailto:a@b.example"]],
)  # fmt: skip
def test_what_is_no_contact_is_refused(contact: object) -> None:
    with pytest.raises(
        ConfigError, match=r"btrmd.toml: .*security\.contact.*mailto:, https: or tel:"
    ):
        decode_site({"security.contact": contact})


@pytest.mark.parametrize("at", [AT + 37.0 * DAY_S * n for n in range(12)])
def test_it_is_always_valid_for_less_than_a_year(at: float) -> None:
    expires = datetime.strptime(fields(security_text(at))["Expires"], "%Y-%m-%dT%H:%M:%SZ")
    ahead = expires.replace(tzinfo=UTC).timestamp() - at
    assert 140 * DAY_S < ahead < 365 * DAY_S


def test_the_papers_name_the_same_contact_and_tests_that_exist() -> None:
    assert CONTACT.removeprefix("mailto:") in (ROOT / "SECURITY.md").read_text("utf-8")
    tests = "\n".join(p.read_text("utf-8") for p in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(
        r"`(test_\w+|tests/[\w/.]+|scripts/[\w-]+)", (ROOT / "docs/security.md").read_text("utf-8")
    )
    assert len(named) > 40
    for name in named:
        exists = (ROOT / name).exists() if "/" in name else f"def {name}(" in tests
        assert exists, name
