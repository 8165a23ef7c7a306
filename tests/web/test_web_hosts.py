"""Names: a page that gives its own name the station's address changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from web_station import Client, Station

from btrmd.model.errors import ConfigError
from btrmd.model.settings import Settings
from btrmd.model.site import Site, decode_site
from btrmd.passwords import FACTORY_PASSWORD, FACTORY_USER
from btrmd.servers.web.hosts import is_own_host

OWN = (
    "192.168.1.214", "192.168.1.214:8080", "127.0.0.1", "[fe80::1]", "[::1]:80", "localhost:8080",
    "btrm", "BTRM:80", "btrm.local", "btrm.local.", "Plant.Example.com:80",
)  # fmt: skip
FOREIGN = (
    "evil.example", "192.168.1.214.evil.example", "evil.example:80", "local.evil.example",
    "plant.example.com.evil.example", "evillocal.example", "", ".", "1.2.3.4.5", "0x7f.1.evil",
)  # fmt: skip


@pytest.mark.parametrize("host", OWN)
def test_addresses_plain_names_and_listed_names_are_our_own(host: str) -> None:
    for listed in ("plant.example.com", "Plant.example.com."):
        assert is_own_host(host, (listed,))


@pytest.mark.parametrize("host", FOREIGN)
def test_public_names_are_not(host: str) -> None:
    assert not is_own_host(host, ("plant.example.com",))


def test_a_change_without_login_needs_a_name_of_ours(
    start_station: Callable[..., Station],
) -> None:
    site = Site(authorization_off=True, web_names=("btrm7.plant.example",))
    station = start_station(settings=Settings.defaults(site))
    client = station.client()
    refused = client.ask("POST", "/api/v1/tests", {"type": 1}, headers={"Host": "evil.example"})
    assert (refused.status, refused.json["error"]) == (403, "host")
    assert "evil.example" in str(refused.json["reason"])
    assert "web.names" in str(refused.json["reason"])
    assert station.owner.commands == []
    assert client.ask("GET", "/", headers={"Host": "evil.example"}).status == 403  # nor read
    for host in ("btrm7.plant.example:8080", "btrm.local"):
        client.ask("POST", "/api/v1/tests", {"type": 1}, headers={"Host": host})
    assert len(station.owner.commands) == 2


def test_with_a_login_any_name_will_do(station: Station, user: Client) -> None:
    found = user.ask("POST", "/api/v1/tests", {"type": 1}, headers={"Host": "btrm7.plant.example"})
    assert found.status == 201


def test_the_first_password_is_set_by_a_name_of_ours_only(
    start_station: Callable[..., Station],
) -> None:
    client = start_station(accounts={}).client()
    assert client.log_in(FACTORY_USER, FACTORY_PASSWORD).status == 200
    wanted = {"password": "long enough"}
    refused = client.ask("POST", "/api/v1/password", wanted, headers={"Host": "evil.example"})
    assert (refused.status, refused.json["error"]) == (403, "host")
    assert client.ask("POST", "/api/v1/password", wanted).status == 200


def test_the_site_file_lists_names() -> None:
    assert decode_site({"web": {"names": ["a.example", "b"]}}).web_names == ("a.example", "b")
    for wrong in ("a.example", ["a b"], [1], ["-a"], [""], {"a": 1}):
        with pytest.raises(ConfigError, match=r"web\.names"):
            decode_site({"web": {"names": wrong}})
