"""Writes from the wire that change nothing: each is told with its source, a flood as a number."""

from __future__ import annotations

from core_scenes import Bench

from btrmd.core.scan.actions import Forward
from btrmd.model.commands import ChangeSettings, NoteWrite
from btrmd.model.events import Kind

ME = "modbus 10.0.0.5"


def write(bench: Bench, source: str = ME, from_wire: bool = True, **settings: object) -> None:
    changes = {key.replace("__", "."): value for key, value in settings.items()}
    bench.step(ChangeSettings(changes, source, from_wire))


def test_what_is_written_unchanged_is_told_with_its_source() -> None:
    bench = Bench(test__interval_h=48)
    write(bench, test__interval_h=48, lvd__enabled=True)
    (event,) = bench.reported("test.interval_h")
    assert (event.kind, event.source, event.notify) == (Kind.COMMAND, ME, False)
    assert event.text == "Setting test.interval_h was written unchanged: 48."
    assert not bench.reported("lvd.enabled"), "this one changes: it is told once it is on the disk"
    assert len([a for a in bench.actions if isinstance(a, Forward)]) == 1


def test_forms_and_the_command_line_tell_only_what_changes() -> None:
    bench = Bench()
    write(bench, "web admin", from_wire=False, lvd__enabled=False)
    assert not bench.reported("lvd.enabled")


def test_a_secret_is_not_told_and_a_refused_write_is_no_unchanged_one() -> None:
    bench = Bench(snmp__write1="s3cret")
    write(bench, snmp__write1="s3cret")
    assert bench.reported("snmp.write1")[0].text.endswith("(secret).")
    write(bench, system__voltage=24, lvd__enabled=False)  # no such battery
    assert bench.reported("command.refused")
    assert not bench.reported("lvd.enabled")


def test_a_note_is_told_also_in_a_test() -> None:
    bench = Bench()
    (answer,) = bench.step(NoteWrite("dnp3.time", "A time.", "dnp3 10.0.0.1"))
    assert answer.ok
    (event,) = bench.reported("dnp3.time")
    assert (event.text, event.source) == ("A time.", "dnp3 10.0.0.1")


def test_every_one_is_told_here() -> None:
    """The shell merges those that repeat themselves (tests/owner/test_owner_audit.py)."""
    bench = Bench(dt=0.1)
    for _ in range(200):
        write(bench, lvd__enabled=False)
    assert len(bench.reported("lvd.enabled")) == 200
