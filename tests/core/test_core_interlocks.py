"""Each interlock of a test at its border, with the sentence of its refusal."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, phase, step_context

from btrmd.core.interlocks import checks, refusal
from btrmd.core.machines.alarms import RaisedAlarm
from btrmd.core.machines.plausible_state import Odd
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.relaywatch import Contact
from btrmd.core.machines.transfer import Transfer, Where
from btrmd.core.requests import prechecks
from btrmd.core.scan.context import StepContext
from btrmd.core.state import State, new_state
from btrmd.model.commands import StartTest, StopTest
from btrmd.model.readings import STALE
from btrmd.model.snapshot import Precheck

# --- Each interlock of a test at its border, with the sentence of its refusal --------------------

HERE, COMING = Source(0.0, None, 0.0, True, True), Source(995.0)
GONE = Source(None, 900.0, None, False, True)


def ready(**more: object) -> State:
    """A station on which nothing speaks against a test."""
    state = new_state(step_context().sp, 0.0)
    return state._replace(
        presence=Presence(HERE, HERE), selftest=state.selftest._replace(state="good"), **more
    )  # type: ignore[arg-type]


def against(state: State | None = None, **put: object) -> tuple[str, str]:
    """(code, sentence) of the refusal, ("", "") when a test may start."""
    found = refusal(state or ready(), step_context(**put))  # type: ignore[arg-type]
    return ("", "") if found is None else (found.code, found.text)


def test_nothing_speaks_against_it() -> None:
    assert against() == ("", "")


@pytest.mark.parametrize(
    ("put", "code", "text"),
    [
        ({"battery_v": 12.4}, "battery",
         "The battery is at 12.40 V; a test starts only above 12.40 V."),
        ({"load_a": 0.19, "supply_a": 0.49}, "load",
         "The load takes 0.19 A; a test needs at least 0.2 A."),
        ({"temperature": 45.1}, "temperature",
         "The temperature is 45.1 C; a test needs 0 to 45 C."),
        ({"temperature": -0.1}, "temperature",
         "The temperature is -0.1 C; a test needs 0 to 45 C."),
        ({"guard": None}, "sensor", "The BATT_PATH or GUARD line cannot be read."),
        ({"batt_path": None}, "sensor", "The BATT_PATH or GUARD line cannot be read."),
        ({"load_v": 0.0, "load_a": 0.0, "supply_a": 0.3}, "on_battery",
         "The load has no power."),
        ({"supply_a": 1.2, "battery_a": -1.0}, "on_battery",
         "The supply alone does not carry the load: the battery helps."),
        *(({name: None}, "sensor", f"The {word} has no good reading (bad).")
          for name, word in (
              ("battery_v", "battery voltage"), ("battery_a", "battery current"),
              ("load_v", "load voltage"), ("load_a", "load current"),
              ("supply_v", "supply voltage"), ("supply_a", "supply current"),
              ("charger_v", "charger voltage"), ("temperature", "temperature"),
              ("charger_a", "charger current"))),
    ],
)  # fmt: skip
def test_what_the_readings_say_against_it(put: dict[str, object], code: str, text: str) -> None:
    assert against(**put) == (code, text)


@pytest.mark.parametrize(
    "put",
    [
        {"battery_v": 12.41}, {"load_a": 0.2, "supply_a": 0.5}, {"temperature": 45.0},
        {"temperature": 0.0},
        {"charger_a": None, "changes": {"system.single_source": True}},
    ],
)  # fmt: skip
def test_what_they_do_not(put: dict[str, object]) -> None:
    assert against(**put) == ("", "")


def test_the_guard_must_be_idle() -> None:
    assert against(guard=True, supply_v=13.6)[0] in ("guard",)


@pytest.mark.parametrize(
    ("name", "needs", "now"), [("supply", "11.50", "13.60"), ("charger", "12.60", "13.55")]
)
def test_supply_and_charger_must_be_present(name: str, needs: str, now: str) -> None:
    def at(source: Source) -> tuple[str, str]:
        return against(ready()._replace(presence=Presence(HERE, HERE)._replace(**{name: source})))

    assert at(COMING) == (
        name,
        f"It is not known yet whether the {name} is present: that takes 10 s.",
    )
    assert at(GONE) == (
        name, f"The {name} is not present: it needs {needs} V for 10 s, now {now} V."
    )  # fmt: skip


def test_what_the_state_of_the_station_says_against_it() -> None:
    state = ready()
    testing = state._replace(selftest=state.selftest._replace(state="running"))
    assert against(testing) == ("selftest", "The self-test is still running.")
    faulty = state._replace(
        relays=state.relays._replace(k1=Contact(faulty=True), k3=Contact(faulty=True))
    )
    assert against(faulty) == (
        "relay", "A relay fault is latched (K1, K3); acknowledge it once mended."
    )  # fmt: skip
    opened = state._replace(lvd=state.lvd._replace(is_open=True))
    assert against(opened) == ("lvd", "The low-voltage disconnect is open.")
    doubt = Odd("x", doubted=True)
    doubtful = state._replace(plausible=state.plausible._replace(odd=(doubt, doubt, None, None)))
    assert against(doubtful) == ("sensor", "Two readings contradict each other.")
    for key, text in (("overcurrent", "The alarm overcurrent is active."), ("clock", ""),
                      ("relay.k1", "")):  # fmt: skip
        alarms = state.alarms._replace(raised={key: RaisedAlarm("", 0.0)})
        assert against(state._replace(alarms=alarms))[1] == text, key


def test_where_the_load_must_be() -> None:
    state = ready()

    def at(where: Where, *, use: bool = False, carried: bool = False, **put: object) -> str:
        moved = state._replace(
            transfer=Transfer(where, carried=carried),
            battery_use=state.battery_use._replace(on=use),
            outputs=state.outputs._replace(k1=where is Where.BATTERY),
        )
        return against(moved, **put)[1]

    assert at(Where.RETURNED) == ("The load has just returned to the supply and is being watched.")
    gone = {"supply_v": 11.49, "supply_a": 0.0, "battery_a": -2.3, "battery_v": 12.6,
            "load_v": 12.5}  # fmt: skip
    back = {**gone, "supply_v": 11.5, "supply_a": 0.0}
    assert at(Where.BATTERY, use=True, **gone) == "The load is on the battery."
    assert at(Where.BATTERY, use=True, **back) == (
        "The supply is back; the load stays on the battery until it has held."
    )
    assert at(Where.BATTERY, **back) == (
        "The load is on the battery while the supply is there, as in a test."
    )
    assert at(Where.SUPPLY, use=True) == (
        "The supply is back; the load stays on the battery until it has held."
    )
    assert at(Where.SUPPLY, **back) == (
        "The load is on the battery while the supply is there, as in a test."
    )
    assert at(Where.SUPPLY, carried=True) == "The load has not been seen on the supply yet."
    assert at(Where.SUPPLY) == ""


def test_the_list_shows_what_is_not_known_as_well() -> None:
    """A start is refused by the missing reading before; the list shows every line."""
    names = {"Supply": "supply_v", "Charger": "charger_v", "Battery voltage": "battery_v",
             "Load current": "load_a", "Temperature": "temperature"}  # fmt: skip
    for name, channel in names.items():
        ctx = step_context(**{channel: None})  # type: ignore[arg-type]
        listed = {check.name: check for check in checks(ready(), ctx)}
        assert listed[name].refusal is not None, name
        assert listed[name].text.startswith("not known; "), name
    listed = {check.name: check for check in checks(ready(), step_context())}
    assert all(check.refusal is None for check in listed.values())
    assert listed["Supply"].text == "13.60 V; needs 11.50 V for 10 s"
    assert listed["Temperature"].text == "25.0 C; needs 0 to 45 C"
    assert listed["Load current"].text == "2.00 A; needs at least 0.2 A"
    assert listed["Battery voltage"].text == "13.50 V; must be greater than 12.40 V"
    unknown = ready()._replace(presence=Presence(COMING, COMING))
    bad = step_context(supply_v=None, charger_v=None)
    told = {check.name: check.refusal.text for check in checks(unknown, bad) if check.refusal}
    assert told["Supply"].startswith("The supply is not present")
    assert told["Charger"].startswith("The charger is not present")


# --- Every reason against a test, in one sentence ------------------------------------------------

START = StartTest("1", source="test")

REASONS = [
    ("supply", {"supply_v": 11.4, "supply_a": 0.0}, "The supply is not present"),
    ("charger", {"charger_v": 12.5}, "The charger is not present"),
    ("battery", {"battery_v": 12.4, "charger_v": 12.7, "charger_a": 1.0}, "starts only above"),
    ("load", {"load_a": 0.1}, "a test needs at least 0.2 A"),
    ("temperature", {"temperature": 45.0625}, "a test needs 0 to 45 C"),
    ("temperature", {"temperature": -0.0625}, "a test needs 0 to 45 C"),
    ("sensor", {"battery_v": None}, "The battery voltage has no good reading (bad)."),
    ("sensor", {"charger_a": STALE}, "The charger current has no good reading (stale)."),
    ("sensor", {"temperature": None}, "The temperature has no good reading (bad)."),
    ("sensor", {"guard": None}, "The BATT_PATH or GUARD line cannot be read."),
    ("sensor", {"batt_path": None}, "The BATT_PATH or GUARD line cannot be read."),
    ("guard", {"guard": True}, "The bus guard is active."),
    ("alarm", {"storage_ok": False}, "The alarm storage is active."),
    ("alarm", {"load_a": 23.0, "supply_a": 23.3}, "The alarm overcurrent is active."),
]


def not_good(channels: dict[str, object]) -> Bench:
    bench = Bench(ups__enabled=False)
    bench.run(20.0)
    bench.put(**channels)
    bench.run(15.0)
    return bench


@pytest.mark.parametrize(("code", "channels", "words"), REASONS)
def test_each_reason_against_a_test_is_one_sentence(
    code: str, channels: dict[str, object], words: str
) -> None:
    bench = not_good(channels)
    refused = bench.ask(START)
    assert (refused.ok, refused.code) == (False, code)
    assert words in refused.text
    assert refused.text.endswith(".")
    assert "\n" not in refused.text
    assert refused.text.isascii()  # SNMP carries it as DisplayString
    assert bench.state.last_reason == refused.text
    assert refused.text in bench.reported("test.refused")[-1].text
    assert phase(bench) == "idle"
    assert not bench.records


@pytest.mark.parametrize("volts", VOLTS)
def test_the_battery_must_be_above_its_start_voltage(volts: int) -> None:
    bench = Bench(volts=volts)
    bench.run(20.0)
    bench.put(battery_v=12.40)
    assert f"{12.40 * volts / 12:.2f} V" in bench.ask(START).text
    bench.put(battery_v=12.41)
    assert bench.ask(START).ok


def test_a_test_without_charger_current_is_possible_on_a_single_source_only() -> None:
    for single in (False, True):
        bench = Bench(system__single_source=single)
        bench.run(20.0)
        bench.put(charger_a=None)
        assert bench.ask(START).ok is single


def test_a_load_that_is_being_watched_is_not_said_to_be_on_the_battery() -> None:
    bench = Bench(dt=0.1)
    bench.start()
    bench.ask(StopTest("x"))
    bench.until("idle", 20.0)
    bench.ask(StartTest("1", source="x"))
    bench.until("running", 60.0)
    bench.put(supply_v=0.0)
    bench.run(5.0)
    assert bench.ask(START).text == "The load is on the battery."
    bench.free("supply_v")
    while bench.state.outputs.k1:
        bench.step()
    refused = bench.ask(START)
    assert (refused.code, refused.text) == (
        "on_battery", "The load has just returned to the supply and is being watched.",
    )  # fmt: skip


# --- The list before a test: what a start would be asked, in the words of its refusal ------------


def listed(bench: Bench) -> tuple[Precheck, ...]:
    state = bench.state
    return prechecks(state, StepContext(bench.now, 0.0, state.boot, bench.scan(), state.setpoints))


@pytest.mark.parametrize("volts", VOLTS)
def test_all_is_well_and_a_test_starts(volts: int) -> None:
    bench = Bench(volts=volts)
    assert not all(check.ok for check in listed(bench))  # the self-test is still running
    bench.run(20.0)
    checks = listed(bench)
    assert [check.name for check in checks if not check.ok] == []
    texts = {check.name: check.text for check in checks}
    assert len(texts) == len(checks)
    assert f"must be greater than {12.40 * volts / 12:.2f} V" in texts["Battery voltage"]
    assert bench.ask(START).ok


@pytest.mark.parametrize(("code", "channels", "words"), REASONS)
def test_the_first_that_is_not_good_is_what_a_start_is_refused_with(
    code: str, channels: dict[str, object], words: str
) -> None:
    bench = not_good(channels)
    wrong = [check.text for check in listed(bench) if not check.ok]
    assert words in wrong[0]
    assert wrong[0] == bench.ask(START).text


def test_what_is_not_measured_is_not_shown_as_a_number() -> None:
    bench = Bench(ups__enabled=False)
    bench.run(20.0)
    bench.put(battery_v=None, supply_v=None, charger_v=None, load_a=None, temperature=None)
    bench.run(15.0)
    unknown = {check.name: check for check in listed(bench) if "not known" in check.text}
    assert set(unknown) == {"Supply", "Charger", "Battery voltage", "Load current", "Temperature"}
    assert not any(check.ok for check in unknown.values())


def test_a_test_is_not_taken_for_an_outage_that_is_over() -> None:
    """The supply has not been away: nothing waits for it to hold."""
    bench = Bench()
    bench.start()
    bench.run(5.0)
    texts = {check.name: check.text for check in listed(bench)}
    assert texts["Load"] == "The load is on the battery while the supply is there, as in a test."
    bench.put(supply_v=0.0)
    bench.run(15.0)
    assert {c.name: c.text for c in listed(bench)}["Load"] == "The load is on the battery."
    bench.free("supply_v")
    bench.run(1.0)
    texts = {check.name: check.text for check in listed(bench)}
    assert "The supply is back" in texts["Load"]
