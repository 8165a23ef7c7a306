"""Writes from the wire that change nothing: each is told with its source, a flood as a number."""

from __future__ import annotations

from core_scenes import Bench

from btrmd.core.actions import Forward
from btrmd.core.writes import BURST, EVERY_S, OTHERS, SOURCES, SUM_S
from btrmd.model.commands import ChangeSettings, NoteWrite
from btrmd.model.events import Kind

ME = "modbus 10.0.0.5"


def write(bench: Bench, source: str = ME, from_wire: bool = True, **settings: object) -> None:
    changes = {key.replace("__", "."): value for key, value in settings.items()}
    bench.step(ChangeSettings(changes, source, from_wire))


def test_what_is_written_unchanged_is_told_with_its_source() -> None:
    bench = Bench(test__interval_h=48)
    write(bench, test__interval_h=48, lvd__enabled=True)
    (event,) = bench.told("test.interval_h")
    assert (event.kind, event.source, event.notify) == (Kind.COMMAND, ME, False)
    assert event.text == "Setting test.interval_h was written unchanged: 48."
    assert not bench.told("lvd.enabled"), "this one changes: it is told once it is on the disk"
    assert len([a for a in bench.actions if isinstance(a, Forward)]) == 1


def test_forms_and_the_command_line_tell_only_what_changes() -> None:
    bench = Bench()
    write(bench, "web admin", from_wire=False, lvd__enabled=False)
    assert not bench.told("lvd.enabled")


def test_a_secret_is_not_told_and_a_refused_write_is_no_unchanged_one() -> None:
    bench = Bench(snmp__write1="s3cret")
    write(bench, snmp__write1="s3cret")
    assert bench.told("snmp.write1")[0].text.endswith("(secret).")
    write(bench, system__voltage=24, lvd__enabled=False)  # no such battery
    assert bench.told("command.refused")
    assert not bench.told("lvd.enabled")


def test_a_note_is_told_also_in_a_test() -> None:
    bench = Bench()
    (answer,) = bench.step(NoteWrite("dnp3.time", "A time.", "dnp3 10.0.0.1"))
    assert answer.ok
    (event,) = bench.told("dnp3.time")
    assert (event.text, event.source) == ("A time.", "dnp3 10.0.0.1")


def test_a_flood_is_told_as_a_number_and_none_is_lost() -> None:
    bench = Bench(dt=0.1)
    for _ in range(1000):
        write(bench, lvd__enabled=False)
    singly = len(bench.told("lvd.enabled"))
    assert BURST <= singly <= BURST + 100.0 / EVERY_S
    bench.run(SUM_S + 1.0)
    sums = bench.told("command.repeated")
    assert {event.source for event in sums} == {ME}
    assert singly + sum(int(str(event.value)) for event in sums) == 1000
    assert sums[0].text.endswith("Setting lvd.enabled was written unchanged: off.")
    bench.run(BURST * EVERY_S)
    write(bench, lvd__enabled=False)
    assert len(bench.told("lvd.enabled")) == singly + 1


def test_sources_share_a_line_when_they_are_many() -> None:
    bench = Bench(dt=0.1)
    for n in range(BURST + SOURCES + 5):
        write(bench, f"modbus 10.0.0.{n}", lvd__enabled=False)
    bench.run(SUM_S + 1.0)
    sums = {event.source: event.value for event in bench.told("command.repeated")}
    assert len(sums) == SOURCES + 1
    assert sums[OTHERS] == 5
