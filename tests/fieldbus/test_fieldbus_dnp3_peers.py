"""DNP3 as others see it: opendnp3 and dnp3py as masters, over TCP and RS-232; tshark judges."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import queue
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dnp3_judge
import pytest
from daemon_process import DaemonProcess
from dnp3_bench import Bench
from dnp3_proxy import LossyLine
from dnp3_wire import CLASS_0, CLASS_2, LINK_STATUS, RESET, Master, Response, frame
from fieldbus_station import SerialPair
from waiting import wait_until

from btrmd.model.readings import GOOD, Reading
from btrmd.servers.fieldbus.listener_config import SerialLine

ROOT = Path(__file__).resolve().parents[2]
needs_opendnp3 = pytest.mark.skipif(
    importlib.util.find_spec("opendnp3") is None, reason="yadnp3 has no wheel for this machine"
)
needs_dnp3py = pytest.mark.skipif(
    importlib.util.find_spec("dnp3") is None, reason="dnp3py is not installed"
)
needs_tshark = pytest.mark.skipif(dnp3_judge.TSHARK is None, reason="needs the program tshark")

ALARMED = {"io1.config": 2, "dnp3.unsolicited": True, "dnp3.retry_s": 1}


class OpenDnp3:
    """The master process of tests/support/opendnp3_master.py."""

    def __init__(self, place: str) -> None:
        script = ROOT / "tests" / "support" / "opendnp3_master.py"
        self._process = subprocess.Popen(
            [sys.executable, str(script), place],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._lines: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put({**json.loads(line), "at": time.monotonic()})

    def __enter__(self) -> OpenDnp3:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join(5.0)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def order(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def until(self, what: Callable[[dict[str, Any]], object], seconds: float = 15.0) -> Any:
        """The next line that fits."""
        end = time.monotonic() + seconds
        seen = []
        while True:
            try:
                line = self._lines.get(timeout=max(end - time.monotonic(), 0.001))
            except queue.Empty:
                raise AssertionError(f"not seen: {seen[-10:]}") from None
            seen.append(line)
            if what(line):
                return line

    def started(self) -> dict[str, Any]:
        """Its own start-up is over; what it has read: kind -> index -> [value, flags, time]."""
        found: dict[str, Any] = {}

        def note(line: dict[str, Any]) -> bool:
            if line["what"] == "points":
                found[line["kind"]] = {int(i): v for i, v in line["points"].items()}
            return "ENABLE_UNSOL" in line.get("task", "") and "DISABLE" not in line["task"]

        self.until(note)
        return found

    def command(self, text: str) -> dict[str, Any]:
        self.order(text)
        answer: dict[str, Any] = self.until(lambda line: line["what"] == "command")
        return answer


def _event(line: dict[str, Any], index: str) -> bool:
    return bool(line["what"] == "points" and line["event"] and index in line["points"])


@needs_opendnp3
def test_opendnp3_reads_every_row() -> None:
    with Bench({"dnp3.unsolicited": True}) as bench:
        for key, value in {"battery.voltage": 13.5, "battery.current": -7.0}.items():
            bench.overlay[key] = Reading(value, GOOD, 0.0)
        bench.wait_value("battery.voltage", 13.5)
        with OpenDnp3(bench.place) as master:
            found = master.started()
            master.order("scan")
            again = master.until(lambda line: line.get("kind") == "Group1Var2")
    assert {kind: len(points) for kind, points in found.items()} == {
        "Group1Var2": 6, "Group10Var2": 4, "Group30Var4": 12, "Group40Var2": 6,
    }  # fmt: skip
    assert found["Group1Var2"][2][:2] == [False, 0x01], "opendnp3 first switches it off,"
    assert again["points"]["2"][:2] == [True, 0x81], "then on"
    assert found["Group30Var4"][0][0] == 13500
    assert found["Group30Var4"][2][0] == -7000
    assert found["Group30Var4"][5][0] == -32768, "not known before the first test"
    assert found["Group40Var2"][5][:2] == [1, 0x01]


@needs_opendnp3
def test_opendnp3_commands() -> None:
    with Bench() as bench, OpenDnp3(bench.place) as master:
        master.until(lambda line: line["what"] == "points")
        good = {"what": "command", "summary": "SUCCESS", "points": [[0, "SUCCESS", 0]]}
        assert good.items() <= master.command("setpoint 0 300").items()
        assert bench.bus.snapshot.settings["test.minimum_runtime_min"] == 300
        assert good.items() <= master.command("select 0 301").items()
        assert bench.bus.snapshot.settings["test.minimum_runtime_min"] == 301
        assert master.command("setpoint 1 501")["points"][0][2] == 3
        assert master.command("select 5 2")["points"][0][2] == 4
        assert master.command("latch 1 1")["points"] == [[1, "SUCCESS", 0]]
        assert bench.bus.snapshot.settings["lvd.enabled"] is True
        master.order("restart")
        assert master.until(lambda line: line["what"] == "restart")["summary"] == "SUCCESS"


@needs_opendnp3
def test_an_alarm_reaches_opendnp3_in_under_a_second() -> None:
    with Bench(ALARMED) as bench, OpenDnp3(bench.place) as master:
        master.started()
        took = []
        for volts, flags in ((5.0, 0x81), (0.0, 0x01), (5.0, 0x81)):
            before = bench.bus.last_event
            start = time.monotonic()
            bench.io1(volts)
            line = master.until(lambda line: _event(line, "3"))
            took.append(line["at"] - start)
            assert line["kind"] == "Group2Var2"
            value, seen, at = line["points"]["3"]
            assert (value, seen) == (volts == 5.0, flags)
            (event,) = [e for e in bench.bus.events_after(before) if e.key == "io1"]
            assert at == round(1000 * event.at)
        assert min(took) < 1.0  # a machine that stalls does so once
        with Master(bench.place) as other:
            bench.wait(lambda: other.ask(1, CLASS_2).body == b"")  # it has confirmed them all


@needs_opendnp3
def test_an_alarm_is_repeated_until_opendnp3_has_confirmed_it() -> None:
    with (
        Bench({**ALARMED, "dnp3.retries": 5}) as bench,
        LossyLine(bench.place, 2) as line,
        OpenDnp3(line.place) as master,
        Master(bench.place) as other,
    ):
        master.started()
        bench.io1(5.0)
        seen = master.until(lambda reported: _event(reported, "3"))
        first, second = line.lost
        assert min(second - first, seen["at"] - second) > 0.8, "dnp3.retry_s is 1"
        bench.wait(lambda: other.ask(1, CLASS_2).body == b"")  # confirmed


@needs_opendnp3
def test_the_daemon_with_opendnp3_from_alarm_to_restart(tmp_path: Path) -> None:
    """The whole product: an alarm raised in the simulator, a capacity test, a cold restart."""
    daemon = DaemonProcess(tmp_path, speed=20.0)
    (daemon.config_dir / "btrmd.toml").write_text(
        "[defaults]\ndnp3.enabled = true\ndnp3.unsolicited = true\nio1.config = 2\n"
        "battery.rated_ah = 17.0\n"
    )
    try:
        daemon.start("--dnp3", "127.0.0.1:0")
        daemon.wait_selftest()
        listeners = json.loads((daemon.state_dir / "run" / "listeners.json").read_text())
        with OpenDnp3(listeners["dnp3"]) as master:
            found = master.started()
            mv = 1000 * daemon.value("battery.voltage")
            assert abs(found["Group30Var4"][0][0] - mv) < 300
            took = []
            for volts, alarmed in ((5.0, True), (0.0, False), (5.0, True)):
                daemon.sim(ch1__volts=volts)
                daemon.wait_value("io1.alarm", alarmed)  # a digital input is debounced first
                start = time.monotonic()
                took.append(master.until(lambda line: _event(line, "3"))["at"] - start)
            assert min(took) < 1.0
            daemon.wait_value("alarm.any", True)
            daemon.sim(ch1__volts=0.0, supply__on=0)
            daemon.wait_value("supply.present", False)
            assert master.command("latch 3 1")["points"][0][2] == 4, "no test without a supply"
            daemon.sim(supply__on=1)
            daemon.wait_value("supply.present", True, 20.0)
            wait_until(
                lambda: master.command("latch 3 1")["points"][0][2] == 0,
                20.0,
                lambda: daemon.value("test.reason"),
            )
            wait_until(lambda: daemon.value("test.state") in ("proving", "running"))
            tests = daemon.tests()
            assert tests[max(tests)]["source"] == "dnp3 127.0.0.1"  # the first is the outage
            master.order("restart")
            refused = master.until(lambda line: line["what"] == "restart")
            assert refused["summary"] != "SUCCESS", "not in a test"
            assert master.command("latch 3 0")["points"][0][2] == 0
            daemon.wait_value("test.state", "idle")
            master.order("restart")
            assert master.until(lambda line: line["what"] == "restart")["summary"] == "SUCCESS"
            daemon.wait_ready()
            master.until(lambda line: line["what"] == "open")
            master.order("scan")
            master.until(lambda line: "DEVICE_RESTART" in line.get("iin", ""))
    finally:
        daemon.close()


@needs_opendnp3
def test_opendnp3_over_a_serial_line(cable: SerialPair) -> None:
    line = SerialLine(str(cable.here), "dnp3", 9600, "none")
    with Bench(ALARMED, dnp3="none", serial=line) as bench, OpenDnp3(str(cable.there)) as master:
        assert len(master.started()["Group30Var4"]) == 12
        assert master.command("setpoint 0 123")["points"] == [[0, "SUCCESS", 0]]
        bench.io1(5.0)
        assert master.until(lambda line: _event(line, "3"))["points"]["3"][1] == 0x81
        sources = {e.source for e in bench.bus.events_after(0)} | {
            str(getattr(command, "source", "")) for command in bench.asked
        }
        assert f"dnp3 {cable.here}" in sources


def test_both_listeners_at_once_share_the_events(cable: SerialPair) -> None:
    """TCP and RS-232 are two conversations; what one has confirmed the other does not get again."""
    line = SerialLine(str(cable.here), "dnp3", 9600, "none")
    with Bench({"io1.config": 2}, serial=line) as bench, Master(bench.place) as master:
        bench.wait(
            lambda: "serial" in bench.bus.listeners and bench.bus.listeners["serial"].address
        )
        bench.io1(5.0)
        bench.wait(lambda: master.ask(0x17).iin[0] & 0x04)
        fd = cable.open_there()
        try:
            assert _ask_serial(fd, "C1 01 3C 03 06")[4:10] == b"\x02\x02\x17\x01\x03\x81"
            response = master.ask(1, CLASS_2)
            assert response.body[:6] == b"\x02\x02\x17\x01\x03\x81"
            master.confirm(response)
            bench.wait(lambda: not master.ask(0x17).iin[0] & 0x04)
            assert _ask_serial(fd, "C2 01 3C 03 06")[4:] == b""
        finally:
            os.close(fd)


def _ask_serial(fd: int, fragment: str) -> bytes:
    """One short request over the line; the fragment that answers it."""
    octets = bytes.fromhex(fragment)
    os.write(fd, frame(0xC4, 10, 1, b"\xc0" + octets))
    got, end = b"", time.monotonic() + 5.0
    while len(got) < 10 or len(got) < 10 + got[2] - 5 + 2 * -(-(got[2] - 5) // 16):
        assert select.select([fd], [], [], max(end - time.monotonic(), 0.0))[0], got
        got += os.read(fd, 512)
    blocks = got[10:]
    return b"".join(blocks[at : at + 18][:-2] for at in range(0, len(blocks), 18))[1:]


# --- dnp3py --------------------------------------------------------------------------------------


@needs_dnp3py
def test_dnp3py_polls_and_hears() -> None:
    from dnp3.master import DefaultSOEHandler, MasterConfig, MasterTcpRunner
    from dnp3.master import Master as Dnp3PyMaster

    with Bench(ALARMED) as bench:
        bench.overlay["battery.voltage"] = Reading(13.5, GOOD, 0.0)
        bench.wait_value("battery.voltage", 13.5)
        host, port = bench.place.split(":")

        async def talk() -> DefaultSOEHandler:
            seen = DefaultSOEHandler()
            master = Dnp3PyMaster(
                handler=seen, config=MasterConfig(address=1, outstation_address=10)
            )
            async with MasterTcpRunner(master=master, host=host, port=int(port)) as runner:
                await runner.integrity_poll()
                assert seen.analog_inputs[0].value == 13500
                assert not seen.binary_inputs[3].value
                assert len(seen.analog_outputs) == 6
                await runner.enable_unsolicited()
                await asyncio.to_thread(bench.io1, 5.0)
                assert await runner.listen_unsolicited(timeout=5.0) is not None
            return seen

        assert asyncio.run(talk()).binary_inputs[3].value


# --- tshark --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A long talk: reads, writes, refusals, events, unsolicited responses, fragments."""
    path = tmp_path_factory.mktemp("dnp3") / "talk.pcap"
    with Bench(ALARMED) as bench, Master(bench.place) as master:
        master.send_raw(frame(RESET, 10, 1))
        master.receive_frame()
        master.send_raw(frame(LINK_STATUS, 10, 1))
        master.receive_frame()
        master.ask(2, "50 01 00 07 07 00")
        for body in (
            CLASS_0,
            "1E 01 06",
            "1E 02 06",
            "1E 03 06",
            "28 01 06",
            "01 02 17 02 00 05",
            "1E 04 28 02 00 03 00 01 00",
            "32 01 07 01",
            "14 00 06",
            "01 02 00 00 09",
        ):
            master.ask(1, body)
        master.ask(2, "0A 01 00 00 00 01")
        for index, value in ((0, 60), (1, 501), (9, 1)):
            master.ask(5, struct.pack("<BBBBBhB", 41, 2, 0x17, 1, index, value, 0))
        master.ask(0x0F)
        master.ask(0x17)
        master.ask(0x63)
        bench.io1(5.0)
        bench.wait(lambda: master.ask(0x17).iin[0] & 0x04)
        master.ask(1, CLASS_2)
        master.ask(1, "02 03 06")
        master.ask(0x14, CLASS_2)
        got = master.receive()
        while got is not None and not Response(got).is_unsolicited:
            got = master.receive()  # on a slow machine an answer may still be on its way
        assert got is not None
        master.confirm(Response(got))
        response = master.ask(1, "3C 01 06" * 30)
        while not response.octets[0] & 0x40:
            master.confirm(response)
            response = master.response()
        master.confirm(response)
        dnp3_judge.write_capture(path, master.journal)
    return path


@needs_tshark
def test_tshark_finds_nothing_wrong(capture: Path) -> None:
    assert dnp3_judge.complaints(capture) == []


@needs_tshark
def test_tshark_would_find_something_wrong(tmp_path: Path) -> None:
    broken = bytearray(frame(0x44, 1, 10, bytes.fromhex("C0 C1 81 00 00")))
    broken[-1] ^= 1
    dnp3_judge.write_capture(tmp_path / "broken.pcap", [(False, bytes(broken))])
    assert dnp3_judge.complaints(tmp_path / "broken.pcap")


@needs_tshark
def test_tshark_reads_what_we_meant(capture: Path) -> None:
    rows = dnp3_judge.judge(capture, "dnp3.src", "dnp3.al.func", "dnp3.al.iin", "dnp3.al.obj")
    ours = [row for row in rows if set(row[0].split(",")) == {"10"}]  # one packet, many frames
    functions = [function for row in ours for function in row[1].split(",") if function]
    assert set(functions) == {"129", "130"}
    objects = {name for row in ours for name in row[3].split(",") if name}
    wanted = {(1, 2), (2, 2), (2, 3), (10, 2), (30, 1), (30, 2), (30, 3), (30, 4), (40, 1), (40, 2),
              (41, 2), (50, 1), (51, 1), (52, 2)}  # fmt: skip
    assert {divmod(int(name, 0), 256) for name in objects} == wanted
