"""Modbus writes: which command each becomes, and which exception each refusal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fieldbus_station import Station, Wire

from btrmd.bus import Bus
from btrmd.model.commands import (
    Answer,
    ChangeSettings,
    Command,
    NoteWrite,
    ResetData,
    StartTest,
    StopTest,
)
from btrmd.servers.fieldbus.context import NO_RESET

ME = "modbus 127.0.0.1"


def settings(**changes: object) -> ChangeSettings:
    named = {key.replace("__", "."): value for key, value in changes.items()}
    return ChangeSettings(named, ME, from_wire=True)


WRITES: list[tuple[str, list[Command]]] = [
    ("05 0000 ff00", [ResetData(False, ME)]),
    ("05 0000 0000", [NoteWrite(*NO_RESET, ME)]),
    ("05 0001 ff00", [settings(lvd__enabled=True)]),
    ("05 0001 0000", [settings(lvd__enabled=False)]),
    ("05 0002 ff00", [settings(test__enabled=True)]),
    ("05 0003 ff00", [StartTest(None, 0.0, ME)]),
    ("05 0003 0000", [StopTest(ME)]),
    ("06 0000 0c80", [settings(test__minimum_runtime_min=3200)]),
    ("06 0001 01f4", [settings(test__interval_h=500)]),
    ("06 0002 0000", [settings(test__next_h=0)]),
    ("06 0003 0004", [settings(io1__config=4)]),
    ("06 0004 0002", [settings(io2__config=2)]),
    ("06 0005 0002", [settings(system__voltage=24)]),
    (
        "10 0000 0003 06 0001 0002 0003",
        [settings(test__minimum_runtime_min=1, test__interval_h=2, test__next_h=3)],
    ),
    # Lowest coil first: reset, both settings at once, stop.
    (
        "0f 0000 0004 01 05",
        [ResetData(False, ME), settings(lvd__enabled=False, test__enabled=True), StopTest(ME)],
    ),
    ("0f 0003 0001 01 01", [StartTest(None, 0.0, ME)]),
    ("16 0000 ff00 0007", [settings(test__minimum_runtime_min=7)]),
    ("17 0000 0001 0001 0001 02 0009", [settings(test__interval_h=9)]),
]


@pytest.mark.parametrize(("request_", "commands"), WRITES)
def test_commands(station: Station, wire: Wire, request_: str, commands: list[Command]) -> None:
    assert int(wire.pdu(request_)[:2], 16) == int(request_[:2], 16)
    assert station.owner.commands == commands


@pytest.mark.parametrize(
    ("code", "state", "exception"),
    [
        ("interlock", "idle", "04"),
        ("interlock", "delayed", "04"),
        ("running", "delayed", "04"),
        ("running", "proving", "06"),
        ("running", "running", "06"),
        ("running", "returning", "06"),
        ("running", "idle", "04"),  # refused on battery
        ("storage", "running", "06"),
        ("storage", "idle", "04"),
        ("range", "idle", "03"),
        ("range", "running", "03"),
        ("busy", "idle", "06"),
        ("hardware", "idle", "04"),
    ],
)
def test_refusals(station: Station, wire: Wire, code: str, state: str, exception: str) -> None:
    station.owner.show(test__state=state)
    station.owner.answer = lambda command: Answer(False, code, "No.")
    assert wire.pdu("05 0003 ff00") == f"85 {exception}"
    assert wire.pdu("06 0000 0001") == f"86 {exception}"
    assert wire.pdu("0f 0001 0002 01 03") == f"8f {exception}"
    assert wire.pdu("10 0000 0001 02 0001") == f"90 {exception}"
    assert wire.pdu("16 0000 0000 0001") == f"96 {exception}"
    assert wire.pdu("17 0000 0001 0000 0001 02 0001") == f"97 {exception}"


def test_stopping_what_does_not_run_is_no_failure(station: Station, wire: Wire) -> None:
    station.owner.answer = lambda command: Answer(False, "not_running", "No test is running.")
    assert wire.pdu("05 0003 0000") == "05 00 03 00 00"
    assert wire.pdu("05 0003 ff00") == "85 04"


def test_a_refusal_ends_a_multiple_write(station: Station, wire: Wire) -> None:
    station.owner.answer = lambda command: (
        Answer(False, "interlock", "No.") if isinstance(command, ChangeSettings) else None
    )
    assert wire.pdu("0f 0000 0004 01 0f") == "8f 04"
    assert [type(command) for command in station.owner.commands] == [ResetData, ChangeSettings]


def test_an_address_outside_lets_nothing_happen(station: Station, wire: Wire) -> None:
    assert wire.pdu("10 0004 0003 06 0001 0001 0001") == "90 02"
    assert wire.pdu("0f 0003 0002 01 03") == "8f 02"
    assert wire.pdu("17 0009 0001 0000 0001 02 0001") == "97 02"
    assert station.owner.commands == []


def test_the_new_value_is_there_when_the_answer_is(wire: Wire) -> None:
    for minutes in range(1, 60):
        wire.send(
            bytes.fromhex(f"0001 0000 0006 01 06 0000 {minutes:04x} 0002 0000 0006 01 03 0000 0001")
        )
        wire.take()
        assert wire.take()[-1] == minutes


def test_writes_may_be_forbidden(start_station: Callable[..., Station]) -> None:
    station = start_station(modbus__writes=False)
    with station.connect() as wire:
        for pdu in ("05 0001 ff00", "06 0000 0001", "0f 0001 0001 01 01", "10 0000 0001 02 0001",
                    "16 0000 0000 0001", "17 0000 0001 0000 0001 02 0001"):  # fmt: skip
            assert wire.pdu(pdu) == f"{int(pdu[:2], 16) | 0x80:02x} 01"
        assert wire.pdu("03 0000 0001") == "03 02 00 f0"
        assert station.owner.commands == []
        station.owner.change(modbus__writes=True)
        assert wire.pdu("06 0000 0001") == "06 00 00 00 01"


def test_an_owner_that_does_not_answer_is_busy(
    station: Station, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bus.submit_async, "__defaults__", (0.05,))
    station.owner.is_deaf.set()
    with station.connect() as other:
        wire.send("0001 0000 0006 01 05 0001 ff00")
        assert other.pdu("04 0000 0001") == "04 02 34 4f"  # nobody waits for the writer
        assert wire.take()[7:] == b"\x85\x06"
    station.owner.is_deaf.clear()
    assert wire.pdu("05 0001 ff00") == "05 00 01 ff 00"


def test_a_full_inbox_is_busy(station: Station, wire: Wire) -> None:
    station.owner.is_deaf.set()
    others = [station.bus.post(StopTest("test")) for _ in range(64)]
    assert wire.pdu("05 0001 ff00") == "85 06"
    station.owner.is_deaf.clear()
    for other in others:
        other.result(5.0)
    assert wire.pdu("05 0001 ff00") == "05 00 01 ff 00"
