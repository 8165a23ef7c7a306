"""The audit: floods become numbers, and what people and the station do is told whatever comes."""

from __future__ import annotations

from concurrent.futures import Future
from random import Random

import pytest

from btrmd.bus import INBOX, INBOX_PROTOCOLS, INBOX_SOURCE, INBOX_STRANGERS, Bus, PendingCommand
from btrmd.model.commands import AckAlarm, ChangeSettings, Command, Note, StartTest, StopTest
from btrmd.model.errors import BusyError
from btrmd.model.events import Event, EventClass, Kind
from btrmd.owner.audit import BURST, CLASS_BURST, MOST, REPEATED, WINDOW_S, Audit
from btrmd.owner.change_limit import BURST as CHANGES
from btrmd.owner.change_limit import DAY_BURST, ChangeLimit
from btrmd.owner.turns import MOST_WAITING, Turns

PLC = "modbus 10.0.0.5"
ADMIN = "web admin 10.0.0.9"
WALL = 1_790_000_000.0


def line(
    key: str = "test.refused", source: str = PLC, text: str = "Refused.", value: object = None
) -> Event:
    return Event(0, WALL, 1.0, key, Kind.COMMAND, value, None, source, text, False)  # type: ignore[arg-type]


class Log:
    """An audit on a clock of the test's own, and what it has told."""

    def __init__(self) -> None:
        self.audit = Audit()
        self.now = 100.0
        self.reported: list[Event] = []

    def say(self, *events: Event) -> None:
        self.reported += self.audit.filter(events, self.now)

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 1.0)
            self.reported += self.audit.due(self.now, WALL)

    def number_of(self, source: str) -> int:
        """How many lines of `source` the told ones stand for."""
        found = [e for e in self.reported if e.source == source]
        return sum(e.value if isinstance(e.value, int) and "more" in e.text else 1 for e in found)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (line(), EventClass.PROTOCOLS),
        (line(source="dnp3 10.0.0.1"), EventClass.PROTOCOLS),
        (line(source="snmp ::1"), EventClass.PROTOCOLS),
        (line(source="nut mon 10.0.0.1"), EventClass.PROTOCOLS),
        (line(source=ADMIN), EventClass.PEOPLE),
        (line(source="cli root"), EventClass.PEOPLE),
        (line(source="web nobody 10.0.0.1"), EventClass.ACCESS),
        (line("web.login_refused", "web admin 10.0.0.1"), EventClass.ACCESS),
        (line("web.lockout", "web 10.0.0.1"), EventClass.ACCESS),
        (line("web.login", ADMIN), EventClass.PEOPLE),
        (line("supply.lost", "core")._replace(kind=Kind.RAISE), EventClass.ALARMS),
        (line("test.result", PLC, value="low")._replace(kind=Kind.CHANGE), EventClass.ALARMS),
        (
            line("test.result", PLC, value="aborted")._replace(kind=Kind.CHANGE),
            EventClass.PROTOCOLS,
        ),
        (line("system.button", "PB1"), EventClass.ALARMS),
    ],
)
def test_whose_room_a_line_takes(event: Event, kind: EventClass) -> None:
    assert event.event_class is kind


def test_the_same_refusal_is_a_line_and_then_a_number_a_minute() -> None:
    log = Log()
    for _ in range(300):
        log.say(*(line() for _ in range(50)))
        log.wait(1.0)
    assert [e.text for e in log.reported[:2]] == ["Refused.", "2999 more within 60 s: Refused."]
    assert len(log.reported) == 1 + 300 / WINDOW_S
    log.wait(WINDOW_S)
    assert log.number_of(PLC) == 300 * 50
    log.wait(WINDOW_S)
    before = len(log.reported)
    log.say(line())
    assert len(log.reported) == before + 1, "after a quiet minute it is news again"


def test_a_setting_that_keeps_on_changing_is_one_line_too() -> None:
    log = Log()
    for n in range(600):
        log.say(line("test.interval_h", text=f"Setting changed to {n}.", value=n))
        log.wait(0.1)
    log.wait(WINDOW_S)
    assert [e.text for e in log.reported] == [
        "Setting changed to 0.",
        "599 more within 61 s: Setting changed to 599.",
    ]


def test_people_and_alarms_pass_as_they_are_whatever_floods() -> None:
    log = Log()
    for n in range(6):
        log.say(*(line(text=f"{n} {k}") for k in range(500)))
        log.say(line("io1.config", ADMIN, f"Setting changed to {n}.", n))
        log.say(line("supply.lost", "core")._replace(kind=Kind.RAISE))
    assert [e.value for e in log.reported if e.source == ADMIN] == [0, 1, 2, 3, 4, 5]
    assert sum(e.key == "supply.lost" for e in log.reported) == 6


def test_a_source_with_ever_new_lines_is_told_as_a_number() -> None:
    log = Log()
    for n in range(2000):
        log.say(line(text=f"Refused: {n}."))
    assert len(log.reported) == BURST
    log.wait(WINDOW_S)
    last = log.reported[-1]
    assert (last.key, last.value) == (REPEATED, 2000 - int(BURST))
    assert last.text.endswith("The last: Refused: 1999..".replace("..", "."))
    assert log.number_of(PLC) == 2000
    log.say(line(text="news"))
    assert log.reported[-1].text == "news", "a minute gives it some lines again"


def test_many_sources_together_are_bounded_and_all_counted() -> None:
    log, rng = Log(), Random(4)
    count = 0
    for n in range(3000):
        source = f"web x{rng.randrange(10**6)} 10.{n >> 8}.{n & 255}.1"
        log.say(line("web.login_refused", source, f"Login refused {n}."))
        count += 1
    assert len(log.reported) <= CLASS_BURST + 1
    log.wait(2 * WINDOW_S)
    numbers = [e.value for e in log.reported if e.key == REPEATED]
    assert len(numbers) <= 9, "a line for each of some sources, one for all others"
    assert len(log.reported) - len(numbers) + sum(map(int, map(str, numbers))) == count
    assert len(log.audit._sources) <= MOST + 1
    assert len(log.audit._repeats) <= MOST


def test_a_stop_tells_what_was_only_counted() -> None:
    log = Log()
    log.say(line(), line(), line())
    assert [e.value for e in log.audit.due(log.now, WALL, is_last=True)] == [2]


# --- the owner's inbox -------------------------------------------------------------------------


def fill(bus: Bus, *commands: Command) -> int:
    """How many of these found room."""
    taken = 0
    for command in commands:
        try:
            bus.post(command)
            taken += 1
        except BusyError:
            continue
    return taken


def test_protocols_leave_room_for_people_in_the_inbox(snapshot_bus: Bus) -> None:
    bus = snapshot_bus
    assert fill(bus, *(StopTest(PLC) for _ in range(100))) == INBOX_SOURCE
    others = [StartTest(source=f"modbus 10.0.1.{n}") for n in range(100)]
    assert fill(bus, *others) == INBOX_PROTOCOLS - INBOX_SOURCE
    notes = [Note("web.login_refused", "x", f"web a 10.0.0.{n}") for n in range(50)]
    assert fill(bus, *notes) == INBOX_STRANGERS
    mine = [AckAlarm("io1", ADMIN) for _ in range(INBOX)]
    assert fill(bus, *mine) == INBOX - INBOX_PROTOCOLS - INBOX_STRANGERS


# --- whose settings change is dealt with -------------------------------------------------------


def change(source: str, from_wire: bool, **settings: object) -> PendingCommand:
    return PendingCommand(ChangeSettings(settings, source, from_wire), Future())


def test_people_change_settings_before_protocols_one_at_a_time() -> None:
    turns = Turns()
    wire = [change(PLC, True, a=n) for n in range(3)]
    mine = [change(ADMIN, False, b=n) for n in range(2)]
    other = PendingCommand(StopTest(PLC), Future())
    assert turns.take([*wire, *mine, other], False, True) == [mine[0], other]
    assert turns.take([], True, True) == []
    assert turns.take([], False, True) == [mine[1]]
    assert turns.take([], False, False) == [], "protocols have to wait for their second"
    assert turns.is_waiting
    assert turns.take([], False, True) == wire, "and then all of them are stored in one go"
    assert not turns.is_waiting


def test_what_is_too_much_to_wait_is_answered() -> None:
    turns = Turns()
    many = [change(PLC, True, a=n) for n in range(MOST_WAITING + 7)]
    assert turns.take(many, False, False) == []
    refused = [p.answer.result() for p in many if p.answer.done()]
    assert len(refused) == 7
    assert {answer.code for answer in refused} == {"busy"}
    assert len(turns.take([], False, True)) == MOST_WAITING


def test_protocols_store_settings_once_a_second_and_less_when_it_goes_on() -> None:
    sim_speed, now = ChangeLimit(0.0), 0.0
    stored = 0
    for _ in range(10 * 600):  # ten minutes, ten times a second
        now += 0.1
        if sim_speed.is_due(now):
            sim_speed.stored(now)
            stored += 1
    assert 600 <= stored <= 600 + CHANGES
    for _ in range(86_400):
        now += 1.0
        if sim_speed.is_due(now):
            sim_speed.stored(now)
            stored += 1
    assert stored <= 600 + CHANGES + DAY_BURST + 8640
