"""The core rests while nothing moves, and is back within the scan that shows something new."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from owner_rig import Rig

from btrmd.bus import INBOX
from btrmd.core.idle import BAND, BAND_C, is_same
from btrmd.core.requests import answer_writes
from btrmd.core.step import step
from btrmd.model.board import Inputs
from btrmd.model.commands import ChangeSettings, Command, NextTestIn, StartTest
from btrmd.model.errors import BusyError
from btrmd.model.readings import BAD, GOOD, STALE, Measurement

CHIPS = (("40", True),)
MEASURED = Inputs._fields[:13]


def idle(make_rig: Callable[..., Rig]) -> Rig:
    """A station at speed 1 whose sources have been there for a while."""
    rig = make_rig(speed=1)
    rig.tick(300)
    assert wants_no_scan(rig)
    return rig


def wants_no_scan(rig: Rig) -> bool:
    """No machine times anything."""
    return rig.owner.state.next_due(rig.clock.now()) > rig.clock.now()


def looks(rig: Rig, ticks: int) -> int:
    """How many of the next `ticks` scans the core looks at."""
    seen = 0
    for _ in range(ticks):
        rig.tick()
        seen += rig.owner.state.last_now == rig.board.reads[-1]
    return seen


def test_one_scan_a_second_is_enough_for_an_idle_core(make_rig: Callable[..., Rig]) -> None:
    rig = idle(make_rig)
    beats, scans = rig.alive, len(rig.board.reads)
    assert looks(rig, 100) == 10
    assert rig.alive == beats + 100
    assert len(rig.board.reads) == scans + 100
    assert rig.world.plant.relays.is_alive
    assert rig.world.plant.dropped_s == 0.0


def test_a_lost_supply_is_seen_in_the_same_scan(make_rig: Callable[..., Rig]) -> None:
    rig = idle(make_rig)
    assert rig.ask(ChangeSettings({"ups.enabled": True}, "test")).ok
    rig.tick(60)
    rig.world.change({"supply.on": "0", "charger.on": "0"})
    rig.tick()
    assert rig.owner.state.last_now == rig.board.reads[-1]
    rig.tick()
    assert rig.coils() == ["k1"]
    rig.writer.flush()  # an outage is shown once it is on the disk
    rig.tick()
    assert rig.value("supply.voltage") < 1.0
    assert rig.world.plant.dropped_s == 0.0


def test_a_step_of_the_load_is_shown_in_the_same_scan(make_rig: Callable[..., Rig]) -> None:
    rig = idle(make_rig)
    rig.world.change({"load.amps": "3.5"})
    rig.tick()
    assert rig.value("load.current") == pytest.approx(3.5, abs=0.1)


def test_what_a_start_would_be_asked_is_a_second_old_at_most(make_rig: Callable[..., Rig]) -> None:
    rig = idle(make_rig)
    for _ in range(30):
        before = rig.bus.snapshot.prechecks
        rig.tick(10)
        assert rig.bus.snapshot.prechecks is not before


@pytest.mark.parametrize(
    ("change", "back", "key", "delay_s"),
    [
        ({"load.amps": "23"}, {"load.amps": "2"}, "overcurrent", 5.0),
        ({"charger.on": "0"}, {"charger.on": "1"}, "charger.lost", 60.0),
    ],
)
def test_a_delay_of_seconds_is_as_long_as_it_says(
    make_rig: Callable[..., Rig], change: dict[str, str], back: dict[str, str], key: str,
    delay_s: float,
) -> None:  # fmt: skip
    rig = idle(make_rig)
    rig.world.change(change)
    began = rig.clock.now()
    rig.until(lambda: key in rig.owner.state.alarms.keys)
    assert rig.clock.now() - began == pytest.approx(delay_s, abs=0.35)
    rig.world.change(back)
    rig.until(lambda: key not in rig.owner.state.alarms.keys)
    assert looks(rig, 300) >= 30
    assert wants_no_scan(rig)


def test_a_source_is_present_after_ten_seconds(make_rig: Callable[..., Rig]) -> None:
    rig = idle(make_rig)
    rig.world.change({"charger.on": "0"})
    rig.tick(30)
    rig.world.change({"charger.on": "1"})
    began = rig.clock.now()
    rig.until(lambda: rig.owner.state.presence.charger.present)
    assert rig.clock.now() - began == pytest.approx(10.0, abs=0.35)


def test_a_scheduled_test_starts_in_the_scan_in_which_it_is_due(
    make_rig: Callable[..., Rig],
) -> None:
    rig = idle(make_rig)
    assert rig.ask(ChangeSettings({"test.enabled": True, "test.type": "1"}, "test")).ok
    assert rig.ask(NextTestIn(10.4 / 3600.0, "test")).ok
    due = rig.owner.state.schedule.due
    assert due is not None
    rig.tick(50)
    assert looks(rig, 20) == 2
    rig.until(lambda: rig.owner.state.last_now >= due - 1e-6)
    assert rig.owner.state.last_now == pytest.approx(due, abs=0.1)


def test_a_command_is_taken_in_the_next_scan(make_rig: Callable[..., Rig]) -> None:
    rig = idle(make_rig)
    future = rig.bus.post(StartTest("1", source="test"))
    rig.tick()
    assert rig.owner.state.test.is_on
    assert looks(rig, 20) == 20
    assert future.result(10.0).ok


def test_every_speed_above_one_looks_at_every_step(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(speed=2)
    rig.tick(200)
    assert looks(rig, 50) == 50


def scan(**changed: object) -> Inputs:
    good = {name: Measurement(12.0, GOOD, 1.0) for name in MEASURED}
    made = Inputs(**good, batt_path=True, guard=False, chips=CHIPS)
    return made._replace(**changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MEASURED)
def test_any_channel_beyond_its_band_is_news(name: str) -> None:
    band = BAND_C if name == "temperature" else BAND
    seen = scan()
    for sign in (1.0, -1.0):
        near = Measurement(12.0 + sign * band * 0.9, GOOD, 2.0)
        far = Measurement(12.0 + sign * band * 1.1, GOOD, 2.0)
        assert is_same(seen, scan(**{name: near}))
        assert not is_same(seen, scan(**{name: far}))
    for quality in (STALE, BAD):
        assert not is_same(seen, scan(**{name: Measurement(12.0, quality, 1.0)}))
    assert not is_same(seen, scan(**{name: Measurement(float("nan"), GOOD, 2.0)}))


@pytest.mark.parametrize(
    "changed",
    [
        {"guard": True}, {"guard": None}, {"batt_path": False}, {"pb1": True}, {"pb2": True},
        {"chips": (("40", False),)}, {"storage_ok": False}, {"clock_ok": False},
    ],
)  # fmt: skip
def test_any_line_is_news(changed: dict[str, object]) -> None:
    assert is_same(scan(), scan(wall=5.0))
    assert not is_same(scan(), scan(**changed))


@pytest.mark.parametrize("address", ["0x40", "0x41", "0x44", "0x45", "0x48", "0x4a"])
@pytest.mark.parametrize("fault", ["stuck", "nack"])
def test_a_chip_that_dies_while_the_core_rests_is_bad_within_two_seconds(
    make_rig: Callable[..., Rig], address: str, fault: str
) -> None:
    rig = idle(make_rig)
    looks(rig, 5)
    rig.world.change({f"fault.i2c.{address}": fault})
    began = rig.clock.now()
    rig.until(lambda: (address, False) in rig.owner._inputs.chips)
    assert rig.clock.now() - began < 2.0
    assert rig.owner.state.last_now == rig.board.reads[-1]


@pytest.mark.parametrize("address", ["0x40", "0x48", "0x49"])
def test_a_chip_that_stays_dead_lets_the_core_rest_again(
    make_rig: Callable[..., Rig], address: str
) -> None:
    rig = idle(make_rig)
    rig.world.change({f"fault.i2c.{address}": "nack"})
    rig.tick(300)
    scans = len(rig.board.reads)
    assert looks(rig, 100) <= 20
    assert len(rig.board.reads) == scans + 100
    rig.world.change({f"fault.i2c.{address}": "off"})
    began = rig.clock.now()
    rig.until(lambda: (address, False) not in rig.owner._inputs.chips)
    assert rig.clock.now() - began < 1.5


def test_who_asks_for_the_truth_does_not_hold_the_plant_up(make_rig: Callable[..., Rig]) -> None:
    rig = idle(make_rig)
    seen = set()
    for _ in range(100):
        rig.tick()
        seen.add(rig.world.plant.sense().battery_v)
        rig.world.truth()
    assert len(seen) >= 10  # the circuit was solved, and its noise drawn, once a second


def written(key: str, value: object) -> ChangeSettings:
    """As a master writes a setting."""
    return ChangeSettings({key: value}, "snmp 10.0.0.9", from_wire=True)


def test_what_a_master_writes_as_it_is_already_does_not_wake_the_core(
    make_rig: Callable[..., Rig],
) -> None:
    rig = idle(make_rig)
    rig.until(lambda: rig.owner.state.last_now == rig.board.reads[-1])  # the next look is 1 s away
    before, seq = rig.owner.state, rig.bus.snapshot.seq
    futures = [rig.bus.post(written("site.name", "BTRM")) for _ in range(3)]
    rig.tick()
    assert [future.result(0.0).ok for future in futures] == [True] * 3
    assert rig.owner.state is before
    assert rig.bus.snapshot.seq == seq
    assert futures[0].result().seen_after < seq  # who waits for a snapshot that shows it has one
    assert rig.texts().count("Setting site.name was written unchanged: BTRM.") == 1  # then counted
    assert looks(rig, 100) == 10  # nor is it any news afterwards


def test_what_was_so_is_judged_anew_once_it_has_changed(make_rig: Callable[..., Rig]) -> None:
    """What a master writes again is remembered, for as long as the settings are the same ones."""
    rig = idle(make_rig)
    for name in ("BTRM", "BTRM", "other", "other", "BTRM"):
        rig.tick(30)
        assert rig.ask(written("site.name", name)).ok
        rig.tick()
        assert rig.bus.snapshot.settings["site.name"] == name
    assert "Setting site.name changed from BTRM to other." in rig.texts()


@pytest.mark.parametrize(
    ("key", "right", "others"),
    [
        ("lvd.enabled", True, [(1, True), ("1", True), ("on", True), (1.0, False), (2, False)]),
        ("modbus.unit", 1, [(1.0, True), ("1", True), (True, False), ("on", False)]),
    ],
)
def test_equal_values_of_another_type_are_not_taken_for_each_other(
    make_rig: Callable[..., Rig], key: str, right: object, others: list[tuple[object, bool]]
) -> None:
    """1, 1.0 and True are equal, and not every setting takes every one of them."""
    rig = idle(make_rig)
    assert rig.ask(ChangeSettings({key: right}, "test")).ok
    rig.tick(30)
    assert rig.ask(written(key, right)).ok  # this is remembered
    for value, is_taken in others:
        rig.tick(30)
        assert rig.ask(written(key, value)).ok is is_taken, repr(value)


def test_a_value_of_no_kind_that_a_setting_takes_is_refused(
    make_rig: Callable[..., Rig],
) -> None:
    rig = idle(make_rig)
    for _ in range(2):
        assert rig.ask(written("site.name", ["BTRM"])).code == "range"


@pytest.mark.parametrize(
    "command",
    [
        written("site.name", "other"),
        written("test.next_h", 5.0),
        written("no.such", 1),
        written("system.voltage", 13),
        written("site.name", "BTRM")._replace(from_wire=False, source="web admin"),
        StartTest(source="snmp 10.0.0.9"),
    ],
)
def test_anything_else_is_taken_by_a_whole_step(
    make_rig: Callable[..., Rig], command: Command
) -> None:
    rig = idle(make_rig)
    rig.until(lambda: rig.owner.state.last_now == rig.board.reads[-1])
    future = rig.bus.post(command)
    together = rig.bus.post(written("site.name", "BTRM"))
    rig.tick()
    assert rig.owner.state.last_now == rig.board.reads[-1]
    rig.answer(future)
    assert rig.answer(together).ok


def test_a_write_that_comes_with_news_is_taken_by_a_whole_step(
    make_rig: Callable[..., Rig],
) -> None:
    rig = idle(make_rig)
    rig.world.change({"load.amps": "3.5"})
    future = rig.bus.post(written("site.name", "BTRM"))
    rig.tick()
    assert future.result(0.0).ok
    assert rig.owner.state.last_now == rig.board.reads[-1]
    assert rig.value("load.current") == pytest.approx(3.5, abs=0.1)


def test_what_is_refused_at_rest_is_published(
    make_rig: Callable[..., Rig],
) -> None:
    rig = idle(make_rig)
    rig.until(lambda: rig.owner.state.last_now == rig.board.reads[-1])
    seq = rig.bus.snapshot.seq
    # a restart is due, but not within the next scans
    rig.owner.state = rig.owner.state._replace(restart_at=rig.clock.now() + 60.0)
    future = rig.bus.post(written("site.name", "BTRM"))
    rig.tick()
    assert future.result(0.0).code == "restart"
    assert rig.bus.snapshot.seq == seq + 1
    assert rig.value("test.reason") == future.result().text
    assert rig.texts()[-1] == future.result().text


def test_the_core_answers_such_writes_as_a_whole_step_does(make_rig: Callable[..., Rig]) -> None:
    rig = idle(make_rig)
    state, settings = rig.owner.state, rig.owner.settings
    now, wall = rig.clock.now() + 0.1, rig.clock.wall()
    scan = rig.board.read(now, wall)
    commands = (written("site.name", "BTRM"), written("dnp3.address", settings["dnp3.address"]))
    whole, actions = step(state, scan, settings, commands, now)
    same, found = answer_writes(state, scan, commands, now)
    assert same is state
    assert found == actions
    assert len(found) == 4  # a line and a forward of each
    assert whole.outputs == state.outputs


def test_the_old_value_written_while_another_is_stored_waits_for_its_turn(
    make_rig: Callable[..., Rig],
) -> None:
    rig = idle(make_rig)
    gate = rig.hold_writer()
    first = rig.bus.post(written("site.name", "other"))
    rig.tick(40)  # the core rests again, the disk is slow
    assert looks(rig, 20) == 2
    second = rig.bus.post(written("site.name", "BTRM"))
    rig.tick(3)
    assert not second.done()
    gate.set()
    assert rig.answer(first).ok
    assert rig.answer(second).ok
    rig.tick()
    assert rig.bus.snapshot.settings["site.name"] == "BTRM"


def test_while_every_scan_fails_no_more_commands_wait_than_the_inbox_holds(
    make_rig: Callable[..., Rig],
) -> None:
    """What a tick has taken in before its scan failed counts as what waits; who is left when the
    daemon stops is told so."""
    rig = idle(make_rig)
    rig.board.fault = ZeroDivisionError("thought of by nobody")
    taken = []
    for _ in range(INBOX + 1):  # one is taken in by the first tick
        taken.append(rig.bus.post(StartTest("1", 0.0, "web")))
        rig.tick()
    with pytest.raises(BusyError):
        rig.bus.post(StartTest("1", 0.0, "web"))
    assert not any(future.done() for future in taken)
    rig.owner.finish()
    rig.bus.close()
    assert {future.result(0.0).code for future in taken} == {"busy"}


def test_what_is_new_is_watched_for_two_seconds_though_no_machine_times_anything(
    make_rig: Callable[..., Rig],
) -> None:
    rig = idle(make_rig)
    rig.world.change({"temperature.c": "31"})
    rig.tick(2)
    assert wants_no_scan(rig)
    assert looks(rig, 17) == 17
    rig.tick(20)
    assert looks(rig, 20) == 2
