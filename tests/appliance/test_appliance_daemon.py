"""Page, CLI and PB1 through a whole daemon to a helper beside it."""

from __future__ import annotations

import http.client
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from appliance_fixtures import Bench
from daemon_process import DaemonProcess, Reply
from waiting import wait_until

PIECE = 256 * 1024


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short name: the helper's socket lies below it (unix(7): 107 octets)."""
    with tempfile.TemporaryDirectory(prefix="btrmd-") as folder:
        yield Path(folder)


@pytest.fixture
def daemon(place: Path) -> Iterator[DaemonProcess]:
    made = DaemonProcess(place / "station", speed=10)
    yield made
    made.close()


@pytest.fixture
def bench(place: Path, daemon: DaemonProcess) -> Iterator[Bench]:
    """A helper where the daemon looks for it; its nmcli is played."""
    made = Bench(place / "bench")
    made.run, made.lib = daemon.state_dir / "run" / "helper", daemon.state_dir / "helper"
    made.incoming = daemon.state_dir / "update" / "bundle"
    made.socket = made.run / "helper.sock"
    for folder in (made.run, made.lib):
        folder.mkdir(parents=True)
    made.play_nmcli()
    yield made
    made.close()


def form(daemon: DaemonProcess, path: str, **fields: str) -> Reply:
    """Press a button of a page, logged in."""
    connection = http.client.HTTPConnection(daemon.address, timeout=30)
    body = urlencode({"csrf_token": daemon.csrf, **fields})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": daemon.cookie}
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(), answer.headers)
    finally:
        connection.close()


def page(daemon: DaemonProcess, path: str) -> str:
    reply = daemon.request("GET", path)
    assert reply.status == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", reply.body.decode()))


def texts(daemon: DaemonProcess, key: str) -> list[str]:
    return [event["text"] for event in daemon.events() if event["key"] == key]


def test_the_page_applies_and_confirms(daemon: DaemonProcess, bench: Bench) -> None:
    daemon.start("--fresh")
    daemon.login()
    assert "does not apply them to the host" in page(daemon, "/network")
    assert form(daemon, "/network/apply").status == 409
    bench.start()
    assert "Apply to the host" in page(daemon, "/network")
    wanted = {"network.address": "192.168.7.9", "network.gateway": "0.0.0.0",
              "network.dns1": "0.0.0.0", "network.host_name": "Cabinet-9"}  # fmt: skip
    daemon.ask("set", changes=wanted)
    assert form(daemon, "/network/apply").status == 303
    bench.until_state("pending")
    shown = page(daemon, "/network")
    assert "A network change waits for its confirmation" in shown
    assert "http://192.168.7.9/network" in shown
    assert "Apply to the host" not in shown
    refused = form(daemon, "/network/confirm")
    assert refused.status == 409
    assert b"The confirmation came by 127.0.0.1, which is not the new address" in refused.body
    bench.nmcli = {  # as if that were what the page had been reached at
        **bench.nmcli,
        "profiles": [{**p, "address": "127.0.0.1/8"} for p in bench.nmcli["profiles"]],
    }
    assert form(daemon, "/network/confirm").status == 303
    assert bench.state()["state"] == "kept"
    assert bench.nmcli["host_name"] == "Cabinet-9"
    assert "confirmed and is kept" in page(daemon, "/network")
    wait_until(lambda: len(texts(daemon, "system.network")) == 4, 20.0)
    assert texts(daemon, "system.network")[-1] == "The network change was confirmed and is kept."
    sources = [e["source"] for e in daemon.events() if e["key"] == "system.network"]
    assert all(source.startswith("web admin ") for source in sources)


def test_the_cli_applies_and_takes_back(daemon: DaemonProcess, bench: Bench) -> None:
    daemon.start("--fresh")
    bench.start()
    assert "No network change has been made" in daemon.good("network")
    assert "within 120 s and confirm" in daemon.good("network", "apply")
    bench.until_state("pending")
    assert "waiting to be confirmed. 1" in daemon.good("network", "show")
    state = json.loads(daemon.good("network", "--json"))
    assert (state["state"], state["address"]) == ("pending", "192.168.1.214")
    assert "taken back" in daemon.good("network", "revert")
    refused = daemon.cli("network", "confirm")
    assert refused.code == 1
    assert "No network change waits to be confirmed." in refused.err


def test_pb1_restores_the_label_address_of_the_host(daemon: DaemonProcess, bench: Bench) -> None:
    daemon.start("--fresh")
    daemon.wait_selftest()
    bench.start()
    daemon.set(network__address="10.1.2.3", network__gateway="10.1.2.1", web__authorization="all")
    daemon.sim(button__pb1=16)
    bench.until_state("kept")
    daemon.wait_ready()  # it restarts itself
    kept = [profile for profile in bench.nmcli["profiles"] if profile["name"].startswith("btrm-")]
    assert [profile["address"] for profile in kept] == ["192.168.1.214/24"]
    assert kept[0]["words"]["ipv4.gateway"] == "192.168.1.1"
    assert daemon.value("network.address") == "192.168.1.214"
    assert daemon.value("web.authorization") == "writes"


def test_without_a_helper_pb1_leaves_one_line(daemon: DaemonProcess) -> None:
    daemon.start("--fresh")
    daemon.wait_selftest()
    daemon.sim(button__pb1=16)
    daemon.wait_ready()
    lines = [line for line in daemon.log.splitlines() if "PB1: btrmd-helper does not run" in line]
    assert len(lines) == 1, daemon.log


def piece(daemon: DaemonProcess, offset: int, total: int, data: bytes) -> Reply:
    connection = http.client.HTTPConnection(daemon.address, timeout=30)
    headers = {"Content-Type": "application/octet-stream", "Cookie": daemon.cookie,
               "X-CSRF-Token": daemon.csrf}  # fmt: skip
    try:
        path = f"/api/v1/update?offset={offset}&total={total}"
        connection.request("POST", path, data, headers)
        answer = connection.getresponse()
        return Reply(answer.status, answer.read(), answer.headers)
    finally:
        connection.close()


def test_an_upload_in_pieces_and_what_is_refused(daemon: DaemonProcess, bench: Bench) -> None:
    daemon.start("--fresh")
    bench.start()
    assert piece(daemon, 0, 9, b"x").status == 401
    daemon.login()
    data = bytes(range(256)) * 2500  # 640 kB
    assert piece(daemon, 100, len(data), data[:100]).status == 422, "begin at the beginning"
    for offset in range(0, len(data), PIECE):
        reply = piece(daemon, offset, len(data), data[offset : offset + PIECE])
        assert reply.status == 200, reply
    assert reply.json == {"received": len(data), "whole": True}
    assert bench.incoming.read_bytes() == data
    assert bench.incoming.stat().st_mode & 0o007 == 0
    assert "An upload of 0.6 MB waits" in page(daemon, "/update")

    assert piece(daemon, 0, (128 << 20) + 1, b"x").status == 422
    assert piece(daemon, 0, 0, b"").status == 422
    assert piece(daemon, 0, 5, b"123456").status == 422
    assert piece(daemon, 0, 1 << 20, bytes(PIECE + 1)).status == 413
    assert bench.incoming.read_bytes() == data, "a refused piece replaces nothing"

    refused = form(daemon, "/update")
    assert refused.status == 422
    assert b"No update key is installed in " in refused.body
    done = daemon.cli("update", str(bench.incoming))
    assert done.code == 1
    assert "No update key is installed" in done.err
    wait_until(lambda: len(texts(daemon, "system.update")) == 2, 20.0)


def test_no_update_in_a_test(daemon: DaemonProcess, bench: Bench) -> None:
    daemon.speed = 60
    daemon.start("--fresh")
    bench.start()
    daemon.wait_selftest()
    daemon.wait_value("charger.present", True, 20.0)
    daemon.good("test", "start", "--type", "1")
    daemon.wait_value("test.state", "running", 30.0)
    path = daemon.folder / "any"
    path.write_bytes(b"x")
    done = daemon.cli("update", str(path))
    assert (done.code, done.err.strip()) == (1, "btrmd: The update is refused: a test is running.")


def test_the_end_of_an_update_is_told_once(daemon: DaemonProcess, bench: Bench) -> None:
    """The new version finds the file at its start, or hears of it from the installer later."""
    path = bench.lib / "update.json"
    end = {"state": "good", "version": "9.9", "text": "btrmd 9.9 is installed and well.", "n": 1}
    path.write_text(json.dumps({**end, "state": "installing"}))
    daemon.start("--fresh")
    assert texts(daemon, "system.update") == []
    path.write_text(json.dumps(end))
    daemon.ask("update_ended")
    wait_until(lambda: texts(daemon, "system.update") == [end["text"]], 20.0)
    daemon.ask("update_ended")
    assert daemon.good("update").strip() == end["text"]
    daemon.stop()
    path.write_text(json.dumps({**end, "n": 2, "state": "rolled_back", "text": "Back again."}))
    daemon.start()
    wait_until(lambda: texts(daemon, "system.update")[-1] == "Back again.", 20.0)
    assert len(texts(daemon, "system.update")) == 2
