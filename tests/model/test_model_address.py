"""Addresses: one form of each, whoever wrote it and however it came."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.net import host_and_port, is_same_host, plain_network, plain_peer, split_address
from btrmd.servers.fieldbus.access import AllowList

TEN = ["10.0.0.1", "::ffff:10.0.0.1", "::FFFF:10.0.0.1", "::ffff:a00:1", "0:0:0:0:0:ffff:a00:1"]


@pytest.mark.parametrize("listed", TEN)
@pytest.mark.parametrize("peer", TEN)
def test_an_address_is_one_however_it_is_written(listed: str, peer: str) -> None:
    assert plain_peer(peer) == "10.0.0.1"
    assert is_same_host(peer, listed)
    access = AllowList(f"192.168.7.0/24, {listed}")
    assert access.allows(peer)
    assert access.names(peer)
    assert not access.allows("10.0.0.2")
    assert not access.allows("::ffff:10.0.0.2")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:192.168.1.4/126", "192.168.1.4/30"),
        ("::/0", "::/0"),
        ("::fffe:0:0/95", "::fffe:0:0/95"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_a_network_of_ipv4_is_one_too(text: str, plain: str) -> None:
    assert plain_network(text) == ip_network(plain)


def test_the_settings_take_every_form() -> None:
    for key in ("modbus.allow", "dnp3.allow", "nut.allow"):
        for text in (*TEN, "::ffff:10.0.0.0/104"):
            assert Settings.defaults(Site()).with_changes({key: text}).text(key) == text


@pytest.mark.parametrize(
    ("peer", "plain"),
    [("fe80::1%eth0", "fe80::1%eth0"), ("", ""), ("2001:DB8::1", "2001:db8::1"), ("x", "x")],
)
def test_other_peers_stay_as_they_are(peer: str, plain: str) -> None:
    assert plain_peer(peer) == plain


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("10.0.0.1:502", ("10.0.0.1", 502)),
        ("[::1]:0", ("::1", 0)),
        ("cabinet-7.plant.example:65535", ("cabinet-7.plant.example", 65535)),
    ],
)
def test_host_and_port_are_read_as_they_are_written(text: str, parts: tuple[str, int]) -> None:
    assert split_address(text) == parts
    assert host_and_port(*parts) == text


@pytest.mark.parametrize(
    "text", ["", "h", "h:", "h:65536", "h:+1", "h: 1", "h:1_0", "h:" + "1" * 5000]
)
def test_what_is_no_host_and_port_is_refused_by_name(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"refused: allowed is HOST:PORT, port 0\.\.65535"
    ) as error:
        split_address(text)
    assert repr(text) in str(error.value)
