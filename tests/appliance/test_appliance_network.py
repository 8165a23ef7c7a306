"""The network change over the helper's real socket: tried, confirmed, or undone by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from appliance_fixtures import WISH, Bench, wait_until

from btrmd.appliance.checks import HelperRequestError, network_wish


@pytest.fixture
def net(bench: Bench) -> Bench:
    bench.play_nmcli()
    return bench


def profiles(bench: Bench) -> dict[str, str]:
    """name -> yes|no: is it on disk?"""
    return {profile["name"]: profile["save"] for profile in bench.nmcli["profiles"]}


def test_a_change_is_tried_and_kept_when_confirmed_from_the_new_address(net: Bench) -> None:
    net.start()
    answer = net.ask("network.apply", **WISH)
    assert answer["ok"], answer
    assert "192.168.1.50" in answer["text"]
    assert "120 s" in answer["text"]
    net.until_state("pending")
    ours = next(name for name in profiles(net) if name.startswith("btrm-"))
    assert profiles(net)[ours] == "no", "in memory only: a power cut undoes it"
    assert net.nmcli["active"] == f"uuid-{ours}"
    assert net.nmcli["host_name"] == "cabinet-7"
    added = next(call for call in net.calls if call[:2] == ["connection", "add"])
    assert added[added.index("ipv4.addresses") + 1] == "192.168.1.50/24"
    assert added[added.index("ifname") + 1] == "eth0"
    refused = net.ask("network.confirm", address="10.0.0.5")
    assert not refused["ok"]
    assert "not the new address" in refused["text"]
    assert net.state()["state"] == "pending"
    assert net.ask("network.confirm", address="192.168.1.50")["ok"]
    assert profiles(net) == {"Wired connection 1": "yes", ours: "yes"}
    assert net.state()["state"] == "kept"
    # The next change replaces ours, and never what the image came with.
    assert net.ask("network.apply", **{**WISH, "method": "dhcp", "host_name": "cabinet-7"})["ok"]
    net.until_state("pending")
    assert net.ask("network.confirm", address="")["ok"]  # somebody at the console
    assert ours not in profiles(net)
    assert len(profiles(net)) == 2


def test_what_nobody_confirms_is_undone(net: Bench) -> None:
    net.start("--confirm-s", "1")
    assert net.ask("network.apply", **WISH)["ok"]
    state = net.until_state("reverted")
    assert "Nobody confirmed" in state["text"]
    assert profiles(net) == {"Wired connection 1": "yes"}
    assert net.nmcli["active"] == "old"
    assert net.nmcli["host_name"] == "raspberrypi"
    late = net.ask("network.confirm", address="192.168.1.50")
    assert not late["ok"]


def test_a_helper_that_died_is_no_reason_to_keep_it(net: Bench) -> None:
    net.start("--confirm-s", "2")
    assert net.ask("network.apply", **WISH)["ok"]
    net.until_state("pending")
    net.kill()
    assert net.nmcli["active"] != "old"
    net.start("--confirm-s", "2")  # as systemd does
    net.until_state("reverted")
    assert net.nmcli["active"] == "old"


def test_a_helper_that_died_at_work_undoes_it_at_once(net: Bench) -> None:
    net.start()
    assert net.ask("network.apply", **WISH)["ok"]
    state = net.until_state("pending")
    net.kill()
    (net.run / "network.json").write_text(json.dumps({**state, "state": "applying"}))
    net.start()
    assert "interrupted" in net.until_state("reverted")["text"]
    assert net.nmcli["active"] == "old"


def test_a_helper_that_is_stopped_undoes_it_first(net: Bench) -> None:
    net.start()
    assert net.ask("network.apply", **WISH)["ok"]
    net.until_state("pending")
    assert net.stop() == 0
    assert net.state()["state"] == "reverted"
    assert net.nmcli["active"] == "old"


def test_taking_it_back_and_asking_twice(net: Bench) -> None:
    net.start()
    assert not net.ask("network.revert")["ok"]
    assert net.ask("network.apply", **WISH)["ok"]
    net.until_state("pending")
    again = net.ask("network.apply", **WISH)
    assert "waits to be confirmed" in again["text"]
    assert net.ask("network.revert")["ok"]
    assert net.nmcli["active"] == "old"


def test_a_change_that_networkmanager_cannot_do_is_undone_and_told(net: Bench) -> None:
    net.nmcli = {**net.nmcli, "refuses": True}
    net.start()
    assert net.ask("network.apply", **WISH)["ok"]
    text = net.until_state("failed")["text"]
    assert "no carrier" in text
    assert profiles(net) == {"Wired connection 1": "yes"}
    assert net.nmcli["active"] == "old"


def test_pb1_sets_it_for_good_with_nobody_to_confirm(net: Bench) -> None:
    net.start()
    assert net.ask("network.apply", **{**WISH, "address": "192.168.1.77"})["ok"]
    net.until_state("pending")
    assert net.ask("network.apply", **{**WISH, "address": "192.168.1.214"}, keep=True)["ok"]
    net.until_state("kept")
    kept = [profile for profile in net.nmcli["profiles"] if profile["name"].startswith("btrm-")]
    assert [profile["address"] for profile in kept] == ["192.168.1.214/24"]
    assert kept[0]["save"] == "yes"
    assert kept[0]["words"]["autoconnect"] == "yes"
    # Without a cable it cannot come up; it stays set and comes up with the cable.
    net.nmcli = {**net.nmcli, "refuses": True}
    assert net.ask("network.apply", **{**WISH, "address": "192.168.1.214"}, keep=True)["ok"]
    wait_until(lambda: "not up yet" in net.state()["text"])
    assert net.state()["state"] == "kept"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"address": "192.168.1.256"}, "an IPv4 address"),
        ({"address": "127.0.0.1"}, "that a machine may have"),
        ({"address": "224.0.0.1"}, "that a machine may have"),
        ({"address": "192.168.1.0"}, "a machine's address in 192.168.1.0/24"),
        ({"address": "192.168.1.255"}, "a machine's address"),
        ({"address": "10.0.0.1; reboot"}, "an IPv4 address"),
        ({"mask": "255.0.255.0"}, "leading ones"),
        ({"mask": "255.255.255.255"}, "leading ones"),
        ({"gateway": "10.0.0.1"}, "another machine's address in"),
        ({"gateway": "192.168.1.50"}, "another machine's address in"),
        ({"dns": ["8.8.8.8", "nine"]}, "an IPv4 address"),
        ({"dns": "8.8.8.8"}, "a list"),
        ({"host_name": "-rf"}, "letters, digits"),
        ({"host_name": "a b"}, "letters, digits"),
        ({"host_name": "a\n"}, "printable"),
        ({"mac": "01:00:00:00:00:00"}, "MAC"),
        ({"method": "bootp"}, "static or dhcp"),
        ({"ifname": "eth1"}, "no field"),
    ],
)
def test_nothing_but_a_sane_wish_gets_through(change: dict[str, object], says: str) -> None:
    with pytest.raises(HelperRequestError, match=says):
        network_wish({**WISH, **change})


def test_the_helper_refuses_what_it_does_not_know(net: Bench) -> None:
    net.start()
    for line in (b"\n", b"[]\n", b"{\n", b'{"verb": 7}\n', b'{"verb": "shell"}\n', b"\xff\n"):
        assert net.send(line)["ok"] is False, line
    assert net.send(b'{"verb": "' + b"x" * 9000 + b'"}\n')["ok"] is False
    assert net.ask("network.apply", **{**WISH, "host_name": "$(id)"})["ok"] is False
    assert "true or false" in net.ask("network.apply", **WISH, keep="yes")["text"]
    assert net.ask("hostname.set", host_name="kiosk-3")["text"] == "The host name is kiosk-3."
    assert net.nmcli["host_name"] == "kiosk-3"
    shown = net.ask("network.show")
    assert shown["device"] == "eth0"
    assert "10.0.0.5" in shown["addresses"]
    assert [call for call in net.calls if call[:2] == ["connection", "add"]] == []


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_the_kernel_says_who_asks(net: Bench) -> None:
    net.start()
    net.socket.chmod(0o666)
    for folder in (net.socket, *net.socket.parents):
        if folder != net.socket and folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    code = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        's.sendall(b\'{"verb": "ping"}\\n\'); print(s.recv(999).decode())\n'
    )
    words = ["/usr/bin/python3", "-c", code, str(net.socket)]
    done = subprocess.run(
        words, capture_output=True, text=True, user=65534, group=65534, timeout=20, check=True,
        extra_groups=[],
    )  # fmt: skip
    assert "may not ask" in json.loads(done.stdout)["text"]


def test_without_networkmanager_it_is_one_clear_sentence(bench: Bench) -> None:
    bench.path = str(bench.tools)
    bench.start()
    answer = bench.ask("network.apply", **WISH)
    assert answer["text"].startswith("This machine has no NetworkManager, so btrmd cannot")
    bench.stop()
    bench.play_nmcli()
    bench.nmcli = {**bench.nmcli, "down": True}
    bench.path = f"{bench.tools}:{os.path.dirname(sys.executable)}"
    bench.start()
    assert "not running" in bench.ask("network.apply", **WISH)["text"]
    bench.nmcli = {**bench.nmcli, "down": False, "devices": ["wlan0:wifi:connected"]}
    assert "no wired interface" in bench.ask("network.apply", **WISH)["text"]


def test_it_ends_itself_when_nobody_asks_but_not_while_a_change_is_open(net: Bench) -> None:
    net.start("--idle-s", "0.5", "--confirm-s", "3")
    assert net.ask("network.apply", **WISH)["ok"]
    net.until_state("reverted")  # it was there to undo it
    assert net.process is not None
    assert net.process.wait(20) == 0
    net.process = None
