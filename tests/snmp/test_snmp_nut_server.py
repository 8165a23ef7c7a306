"""The NUT server with NUT's own clients: upsc, upscmd, upsmon; and with clients that misbehave."""

from __future__ import annotations

import gc
import itertools
import random
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import DaemonProcess
from hostile import connect, crowd, is_open
from snmp_nut import LIB, Nut
from snmp_station import make_snapshot
from waiting import wait_until

from btrmd.bus import Bus
from btrmd.model.service import LIMITS
from btrmd.model.settings import Settings
from btrmd.net import split_address
from btrmd.servers.acceptor import AT_ONCE
from btrmd.servers.nut.client import NutClient
from btrmd.servers.nut.server import NutServer
from btrmd.servers.nut.session import WORD, NutRefusedError, NutSession, words_of


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[DaemonProcess]:
    made = DaemonProcess(tmp_path_factory.mktemp("nut") / "unit", speed=60).start()
    made.set(battery__rated_ah=40)
    made.set(
        nut__enabled=True, nut__port=port, nut__user="mon", nut__password='se"cret',
        nut__commands=True,
    )  # fmt: skip
    wait_until(lambda: made.status()["listeners"].get("nut"), 20.0)
    made.wait_selftest()
    yield made
    made.close()


class Talk:
    """A client by hand."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 20.0)
        self._lines = self.socket.makefile("r", encoding="utf-8")

    def ask(self, line: str) -> str:
        self.socket.sendall(line.encode() + b"\n")
        return self._lines.readline().strip()

    def read(self) -> str:
        return self._lines.readline().strip()

    def close(self) -> None:
        self._lines.close()
        self.socket.close()


@pytest.fixture
def talk(unit: DaemonProcess, port: int) -> Iterator[Talk]:
    made = Talk(port)
    yield made
    made.close()


def nut_tool(*words: str) -> str:
    """Output, then errors but for the remark that there is no TLS."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=20.0, check=False)
    except FileNotFoundError:
        pytest.skip(f"{words[0]} is not installed (package nut-client)")
    return done.stdout + done.stderr.removeprefix("Init SSL without certificate database\n")


def test_upsc_reads_everything(unit: DaemonProcess, port: int) -> None:
    assert nut_tool("upsc", "-l", f"127.0.0.1:{port}").splitlines()[-1] == "btrm"
    out = nut_tool("upsc", f"btrm@127.0.0.1:{port}")
    values = dict(line.split(": ", 1) for line in out.splitlines() if ": " in line)
    assert values["ups.status"].split()[0] == "OL"
    assert values["device.model"] == "BTRM300"
    assert 12.0 < float(values["battery.voltage"]) < 15.0
    assert values["ups.test.result"]
    assert values["device.serial"] == values["ups.serial"] == unit.value("system.serial")
    wait_until(lambda: unit.value("battery.charge") is not None)
    assert int(nut_tool("upsc", f"btrm@127.0.0.1:{port}", "battery.charge")) > 90
    assert "not supported" in nut_tool("upsc", f"btrm@127.0.0.1:{port}", "no.such")
    assert "Unknown UPS" in nut_tool("upsc", f"other@127.0.0.1:{port}")
    assert nut_tool("upsc", "-c", f"btrm@127.0.0.1:{port}") == "", "nobody is logged in"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Site #4", "Site #4"),
        ("#", "#"),
        ('Shed "north" #2', 'Shed "north" #2'),
        ("a\\b\\#\\", "a\\b\\#\\"),
        ("Zürich Süd", "Zurich Sud"),
        ("Ålesund \u2013 bygg 7", "Alesund - bygg 7"),
        ("Вокзал", "??????"),
        ("日本", "??"),
        ("40 °C", "40 degC"),
    ],
)
def test_every_text_reaches_nuts_clients_whole(
    unit: DaemonProcess, port: int, text: str, shown: str
) -> None:
    unit.set(site__location=text, site__name=text)
    ups = f"btrm@127.0.0.1:{port}"
    assert nut_tool("upsc", ups, "device.location") == f"{shown}\n", "and nothing on stderr"
    assert nut_tool("upsc", "-L", f"127.0.0.1:{port}") == f"btrm: {shown}\n"
    whole = nut_tool("upsc", ups)
    assert f"device.description: {shown}\n" in whole
    assert "ups.status: " in whole, "what follows is read too"
    unit.set(site__location="Shed", site__name="btrm")


def test_upscmd_starts_and_stops_a_test(unit: DaemonProcess, port: int) -> None:
    ups = f"btrm@127.0.0.1:{port}"
    assert "test.battery.start.quick" in nut_tool("upscmd", "-l", ups)
    user = ["upscmd", "-u", "mon", "-p", 'se"cret', ups]
    # refused while supply and charger are not yet back for long enough
    start = (*user, "test.battery.start.quick")
    wait_until(lambda: nut_tool(*start).splitlines()[-1] == "OK", 20.0)
    unit.wait_value("test.state", "running", 20.0)
    wait_until(lambda: nut_tool("upsc", ups, "ups.status").split()[-1] == "TEST", 20.0)
    assert nut_tool("upsc", ups, "ups.test.result").splitlines()[-1] == "In progress"
    assert nut_tool(*user, "test.battery.stop").splitlines()[-1] == "OK"
    unit.wait_value("test.state", "idle", 20.0)
    assert any(e["source"].startswith("nut mon 127.0.0.1") for e in unit.events())
    assert "failed" in nut_tool(*user, "test.battery.stop").lower()
    unit.set(nut__commands=False)
    assert "denied" in nut_tool(*user, "test.battery.start").lower()
    unit.set(nut__commands=True)


def test_a_wrong_password_is_refused_and_slowed_down(talk: Talk, port: int) -> None:
    assert talk.ask("LOGIN btrm") == "ERR USERNAME-REQUIRED"
    assert talk.ask("USERNAME mon") == "OK"
    assert talk.ask("LOGIN btrm") == "ERR PASSWORD-REQUIRED"
    assert talk.ask("PASSWORD guess") == "OK"
    assert talk.ask("INSTCMD btrm test.battery.start") == "ERR ACCESS-DENIED"
    other = Talk(port)
    assert other.ask("USERNAME mon") == "OK"
    assert other.ask('PASSWORD "se\\"cret"') == "OK"
    assert other.ask("LOGIN btrm") == "ERR ACCESS-DENIED", "the host pays for the guess"
    wait_until(lambda: other.ask("LOGIN btrm") == "OK", 20.0)
    assert talk.ask("GET NUMLOGINS btrm") == "NUMLOGINS btrm 1"
    assert other.ask("PRIMARY btrm") == "ERR ACCESS-DENIED"
    assert other.ask("FSD btrm") == "ERR ACCESS-DENIED"
    assert other.ask("LOGOUT") == "OK Goodbye"
    assert other.read() == ""
    other.close()


def test_what_is_not_understood_is_refused(talk: Talk) -> None:
    for line, answer in (
        ("", "ERR UNKNOWN-COMMAND"),
        ("MUMBLE", "ERR UNKNOWN-COMMAND"),
        ("GET", "ERR INVALID-ARGUMENT"),
        ("GET VAR btrm", "ERR INVALID-ARGUMENT"),
        ("GET VAR other ups.status", "ERR UNKNOWN-UPS"),
        ("GET VAR btrm ups.nothing", "ERR VAR-NOT-SUPPORTED"),
        ("LIST", "ERR INVALID-ARGUMENT"),
        ("LIST VAR", "ERR INVALID-ARGUMENT"),
        ("LIST MUMBLE btrm", "ERR INVALID-ARGUMENT"),
        ('GET VAR btrm "ups.status', "ERR INVALID-ARGUMENT"),
        ("SET VAR btrm ups.status OL", "ERR READONLY"),
        ("STARTTLS", "ERR FEATURE-NOT-CONFIGURED"),
        ("GET TYPE btrm ups.status", "TYPE btrm ups.status STRING:2"),
        ("GET DESC btrm ups.status", 'DESC btrm ups.status "UPS status"'),
        ("NETVER", "1.3"),
    ):
        assert talk.ask(line) == answer, line
    assert talk.ask("LIST RW btrm") == "BEGIN LIST RW btrm"
    assert talk.read() == "END LIST RW btrm"
    assert words_of('a "b c" "d\\"e\\\\"') == ["a", "b c", 'd"e\\']
    with pytest.raises(NutRefusedError):
        words_of('a "b')


def test_a_line_without_marks_has_the_words_of_the_whole_grammar() -> None:
    rng = random.Random(11)
    for _ in range(3000):
        line = "".join(rng.choices("ab.#=é \t\r\v\x1c\u2003", k=rng.randrange(16)))
        assert words_of(line) == [found[2] for found in WORD.finditer(line.strip())], repr(line)


def test_who_is_silent_for_too_long_is_closed() -> None:
    bus = Bus(make_snapshot())
    server = NutServer(bus, "127.0.0.1:0")
    server.share.limit = server.share.limit._replace(idle_s=0.01)
    server.start()
    try:
        wait_until(lambda: bus.listeners.get("nut"), 20.0)
        with socket.create_connection(split_address(bus.listeners["nut"].address), 20.0) as silent:
            assert silent.recv(10) == b""
        assert server.share.counts["idle_closed"] == 1
    finally:
        server.stop()


def test_noise_and_crowds_do_not_end_it(unit: DaemonProcess, port: int) -> None:
    rng = random.Random(3)
    for _ in range(60):
        with socket.create_connection(("127.0.0.1", port), 20.0) as noise:
            noise.sendall(rng.randbytes(rng.randrange(1, 3000)) + b"\n")
    crowd = [socket.create_connection(("127.0.0.1", port), 20.0) for _ in range(40)]
    for sock in crowd:
        sock.close()
    assert nut_tool("upsc", f"btrm@127.0.0.1:{port}", "device.mfr").splitlines()[-1] == "btrmd"
    assert "Traceback" not in unit.log


def test_a_silent_crowd_does_not_keep_the_monitors_out(
    unit: DaemonProcess, talk: Talk, port: int
) -> None:
    """32 places; whoever is silent without having logged in makes room for the next one."""
    assert talk.ask("USERNAME mon") == "OK"
    assert talk.ask('PASSWORD "se\\"cret"') == "OK"
    wait_until(lambda: talk.ask("LOGIN btrm") == "OK", 20.0)
    crowd = [socket.create_connection(("127.0.0.1", port), 20.0) for _ in range(40)]

    def answers() -> bool:
        with socket.create_connection(("127.0.0.1", port), 20.0) as sock:
            try:
                sock.sendall(b"NETVER\n")
                return sock.recv(10) == b"1.3\n"
            except ConnectionError:
                return False

    try:
        wait_until(answers, 30.0)
        assert talk.ask("GET NUMLOGINS btrm") == "NUMLOGINS btrm 1", "who logged in stays"
    finally:
        for sock in crowd:
            sock.close()


def test_more_than_a_look_makes_are_all_looked_at() -> None:
    """The socket is not readable any more when the others have their turn."""
    bus = Bus(make_snapshot())
    server = NutServer(bus, "127.0.0.1:0")  # not started: the test turns its loop
    server._follow()
    where = int(bus.listeners["nut"].address.rpartition(":")[2])
    with crowd(where, AT_ONCE + 6, AT_ONCE + 6) as held:
        for _ in range(3):
            server._serve()
        assert sum(map(is_open, held)) == LIMITS["nut"].most
    server._close()
    server._selector.close()


def test_a_client_that_has_ended_is_gone_at_once() -> None:
    """Not when the collector of cycles comes, which is after hundreds of them."""
    kinds = (NutClient, NutSession)

    def alive() -> list[object]:
        return [one for one in gc.get_objects() if isinstance(one, kinds)]

    def left() -> list[object]:
        return [one for one in alive() if all(one is not other for other in known)]

    bus = Bus(make_snapshot())
    server = NutServer(bus, "127.0.0.1:0")  # not started: the test turns its loop
    server._follow()
    where = int(bus.listeners["nut"].address.rpartition(":")[2])
    gc.collect()
    known = alive()  # of a test before this one, whose threads have not ended
    gc.disable()
    try:
        with connect(where, "127.0.0.1") as monitor:
            monitor.sendall(b"NETVER\n")
            for _ in range(2):
                server._serve()
            assert monitor.recv(10) == b"1.3\n"
            assert len(left()) == len(kinds)
        server._serve()
        assert left() == []
    finally:
        gc.enable()
    server._close()
    server._selector.close()


def test_who_may_connect_and_when(unit: DaemonProcess, port: int) -> None:
    unit.set(nut__allow="10.9.0.0/16")
    with socket.create_connection(("127.0.0.1", port), 20.0) as sock:
        assert sock.recv(1) == b""
    unit.set(nut__allow="", nut__enabled=False)
    wait_until(lambda: not unit.status()["listeners"].get("nut"), 20.0)
    unit.set(nut__enabled=True)
    wait_until(lambda: unit.status()["listeners"].get("nut"), 20.0)


def test_upsmon_shuts_down_in_an_outage(tmp_path: Path, unit: DaemonProcess, port: int) -> None:
    if not (LIB / "upsmon").exists():
        pytest.skip("needs NUT (package nut-client)")
    nut = Nut(tmp_path / "nut", "")
    config = nut.folder / "upsmon.conf"
    text = config.read_text().replace(f"127.0.0.1:{nut.port}", f"127.0.0.1:{port}")
    config.write_text(text.replace("mon secret primary", 'mon "se\\"cret" secondary'))
    shutdown = nut.folder / "shutdown"
    try:
        nut.monitor()
        wait_until(lambda: "Logged into" in nut.log(), 20.0, nut.log)
        unit.sim(battery__soc=0.12, supply__on=0, charger__on=0, load__amps=12)
        wait_until(shutdown.exists, 60.0, nut.log)
    finally:
        nut.close()
        unit.sim(battery__soc=1, supply__on=1, charger__on=1, load__amps=2)
        wait_until(lambda: unit.value("ups.on_battery") is False, 20.0)


def test_upsmon_that_has_seen_an_outage_shuts_down_when_the_load_goes_dark(tmp_path: Path) -> None:
    """The LVD opened between two of its looks: OFF LB is no way out of the outage."""
    if not (LIB / "upsmon").exists():
        pytest.skip("needs NUT (package nut-client)")
    settings = Settings.defaults(overrides={"nut.user": "mon", "nut.password": "secret"})
    bus = Bus(make_snapshot(settings, 1, ups__on_battery=True))
    server = NutServer(bus, "127.0.0.1:0")
    server.start()
    nut = Nut(tmp_path / "nut", "")
    try:
        wait_until(lambda: bus.listeners.get("nut"), 20.0)
        config = nut.folder / "upsmon.conf"
        address = bus.listeners["nut"].address
        text = config.read_text().replace(f"127.0.0.1:{nut.port}", address)
        config.write_text(text.replace("mon secret primary", "mon secret secondary"))
        nut.monitor()
        wait_until(lambda: "on battery" in nut.log(), 30.0, nut.log)
        assert not (nut.folder / "shutdown").exists()
        numbers = itertools.count(2)

        def is_shut_down() -> bool:
            """The station goes on measuring: a UPS without news of it would be critical, too."""
            bus.publish(make_snapshot(settings, next(numbers), load__source="none", lvd__open=True))
            return (nut.folder / "shutdown").exists()

        wait_until(is_shut_down, 60.0, nut.log)
        assert "stale" not in nut.log()
    finally:
        nut.close()
        server.stop()
