"""CH1 and CH2: alarm inputs with hysteresis and debounce, and the output of R172."""

from __future__ import annotations

import pytest
from core_scenes import Bench, step_context

from btrmd.core.machines.digital import Digital, DigitalInput, limit_v, step_digital
from btrmd.model.commands import CapacityCheck
from btrmd.model.events import Kind
from btrmd.model.site import Site

# --- CH1 and CH2: alarm inputs with hysteresis and debounce, and the output of R172 --------------

BELOW, ABOVE, NC, NO = 1, 2, 3, 4


@pytest.mark.parametrize("name", ["io1", "io2"])
@pytest.mark.parametrize(
    ("config", "rest", "trip", "limits"), [(1, 5.0, 0.42, (1.0, 1.2)), (2, 0.3, 12.34, (2.0, 1.8))]
)
def test_an_input_is_told_with_its_volts_and_its_limit(
    name: str, config: int, rest: float, trip: float, limits: tuple[float, float]
) -> None:
    bench = Bench(**{f"{name}__config": config}, at=1000.0)
    bench.put(**{f"{name}_v": rest})
    bench.run(30.0)
    for volts, limit, kind in ((trip, limits[0], "raise"), (rest, limits[1], "clear")):
        bench.put(**{f"{name}_v": volts})
        bench.run(5.0)
        event = [event for event in bench.events if event.key == name][-1]
        assert event.kind.value == kind
        assert (event.value, event.threshold) == (volts, limit)
        assert f"{name.upper()} digital input tripped. {volts:.2f} V, limit {limit:g} V." in (
            event.text
        )


@pytest.mark.parametrize("name", ["io1", "io2"])
@pytest.mark.parametrize(
    ("config", "rest", "on", "just_not_on", "just_not_off", "off"),
    [(BELOW, 5.0, 0.99, 1.0, 1.19, 1.2), (ABOVE, 0.0, 2.01, 2.0, 1.81, 1.8)],
)
def test_hysteresis_and_1_s_of_debounce(
    name: str, config: int, rest: float, on: float, just_not_on: float, just_not_off: float,
    off: float,
) -> None:  # fmt: skip
    bench = Bench(dt=0.1, **{f"{name}__config": config})
    bench.put(**{f"{name}_v": rest})
    bench.run(20.0)

    def tripped() -> bool | None:
        answer: bool | None = getattr(bench.state.digital, name).tripped
        return answer

    assert tripped() is False
    bench.put(**{f"{name}_v": just_not_on})
    bench.run(5.0)
    assert tripped() is False
    bench.put(**{f"{name}_v": on})
    bench.run(0.9)
    bench.put(**{f"{name}_v": rest})  # bounces
    bench.run(0.3)
    bench.put(**{f"{name}_v": on})
    bench.run(0.9)
    assert tripped() is False
    bench.run(0.4)
    assert tripped() is True
    assert name in bench.alarms
    bench.put(**{f"{name}_v": just_not_off})
    bench.run(5.0)
    assert tripped() is True
    bench.put(**{f"{name}_v": off})
    bench.run(1.3)
    assert tripped() is False
    assert name not in bench.alarms
    assert [event.kind for event in bench.reported(name)] == [Kind.RAISE, Kind.CLEAR]


@pytest.mark.parametrize("config", [0, NC, NO])
def test_in_analog_and_output_modes_there_is_no_digital_input(config: int) -> None:
    bench = Bench(io1__config=config)
    for volts in (0.0, 1.5, 30.0):
        bench.put(io1_v=volts)
        bench.run(20.0)
        assert bench.state.digital.io1.tripped is None
        assert bench.alarms == ()


def test_a_bad_reading_keeps_the_last_level() -> None:
    bench = Bench(io1__config=ABOVE)
    bench.put(io1_v=5.0)
    bench.run(20.0)
    bench.put(io1_v=None)
    bench.run(60.0)
    assert bench.state.digital.io1.tripped is True
    assert "io1" in bench.alarms


def test_another_mode_forgets_the_level_and_clears_the_alarm() -> None:
    bench = Bench(io1__config=ABOVE)
    bench.put(io1_v=5.0)
    bench.run(20.0)
    bench.change(io1__config=0)
    bench.step()
    assert bench.state.digital.io1.tripped is None
    assert "io1" not in bench.alarms


def test_in_the_first_10_s_a_digital_change_is_logged_but_nobody_is_called() -> None:
    for wait, notify in ((0.0, False), (9.0, True)):
        for name in ("io1", "io2"):
            bench = Bench(dt=0.1, **{f"{name}__config": ABOVE})
            bench.put(**{f"{name}_v": 0.0})
            bench.run(wait + 0.1)
            bench.put(**{f"{name}_v": 5.0})
            bench.run(1.5)
            (event,) = bench.reported(name)
            assert event.notify is notify
            assert name in bench.alarms, "state and log follow at once"


def test_other_alarms_call_at_once() -> None:
    bench = Bench()
    bench.put(storage_ok=False)
    bench.step()
    assert bench.reported("storage")[0].notify


@pytest.mark.parametrize(("config", "normal", "fault"), [(NO, False, True), (NC, True, False)])
def test_the_output_follows_battery_faults_only(config: int, normal: bool, fault: bool) -> None:
    bench = Bench(io1__config=config, ups__enabled=False)
    bench.step()
    assert bench.state.outputs.ch1 is normal, "polarity is right while starting (R173)"
    bench.run(20.0)
    bench.put(storage_ok=False, charger_v=0.0, charger_a=0.0, temperature=70.0)
    bench.run(70.0)
    assert len(bench.alarms) == 3
    assert bench.state.outputs.ch1 is normal
    bench.free("storage_ok", "charger_v", "charger_a", "temperature")
    bench.ask(CapacityCheck(True, "web"))
    assert bench.state.outputs.ch1 is fault
    bench.ask(CapacityCheck(False, "web"))
    assert bench.state.outputs.ch1 is normal
    bench.put(battery_v=10.9, charger_v=10.93, charger_a=2.5, battery_a=2.5)
    bench.run(12.0)
    assert bench.alarms == ("battery.low_voltage",)
    assert bench.state.outputs.ch1 is fault


@pytest.mark.parametrize("config", [0, BELOW, ABOVE])
def test_an_input_never_pulls(config: int) -> None:
    bench = Bench(io1__config=config)
    bench.run(20.0)
    bench.ask(CapacityCheck(True, "web"))
    bench.run(2.0)
    assert not bench.state.outputs.ch1


def test_a_latched_fault_sets_the_output_in_the_very_first_step_after_a_restart() -> None:
    bench = Bench(io1__config=NO)
    bench.state = bench.state._replace(health=bench.state.health._replace(low_alarm=True))
    bench.step()
    assert bench.state.outputs.ch1


def test_ch2_is_an_output_where_the_site_says_so() -> None:
    bench = Bench(site=Site(ch2_output=True), io2__config=NO)
    bench.run(20.0)
    assert not bench.state.outputs.ch2
    bench.ask(CapacityCheck(True, "web"))
    assert bench.state.outputs.ch2
    assert not bench.state.outputs.ch1


# --- Digital inputs (manual, IO channels): levels with hysteresis, held for 1 s ------------------


def looked(digital: Digital, now: float, config: int, volts: object) -> Digital:
    """Both channels, configured and wired alike."""
    changes: dict[str, object] = {"io1.config": config, "io2.config": config}
    return step_digital(digital, step_context(now, changes=changes, io1_v=volts, io2_v=volts))


@pytest.mark.parametrize(
    ("config", "volts", "was", "level"),
    [
        (BELOW, 0.99, False, True), (BELOW, 1.0, False, False),
        (BELOW, 1.19, True, True), (BELOW, 1.2, True, False),
        (ABOVE, 2.01, False, True), (ABOVE, 2.0, False, False),
        (ABOVE, 1.81, True, True), (ABOVE, 1.8, True, False),
        # what is not known yet is taken as not tripped
        (BELOW, 1.1, None, False), (ABOVE, 1.9, None, False),
    ],
)  # fmt: skip
def test_levels(config: int, volts: float, was: bool | None, level: bool) -> None:
    channel = DigitalInput(config, was, 0.0)
    made = looked(Digital(channel, channel), 100.0, config, volts)
    expected = DigitalInput(config, level)
    assert made == Digital(expected, expected)


def test_another_level_counts_after_1_s() -> None:
    digital = Digital(DigitalInput(BELOW, False), DigitalInput(BELOW, False))
    digital = looked(digital, 100.0, BELOW, 0.0)
    assert digital.io1 == digital.io2 == DigitalInput(BELOW, False, 100.0)
    digital = looked(digital, 100.9, BELOW, 0.0)
    assert digital.io1 == DigitalInput(BELOW, False, 100.0)
    assert looked(digital, 100.95, BELOW, 5.0).io1 == DigitalInput(BELOW, False, None)
    digital = looked(digital, 101.0, BELOW, 0.0)
    assert digital.io1 == digital.io2 == DigitalInput(BELOW, True, None)
    assert looked(digital, 102.0, BELOW, 0.0) is digital


def test_a_bad_reading_keeps_the_last_known_level() -> None:
    tripped = DigitalInput(BELOW, True, 100.0)
    made = looked(Digital(tripped, tripped), 105.0, BELOW, None)
    assert made.io1 == made.io2 == DigitalInput(BELOW, True, None)


@pytest.mark.parametrize("config", [0, 3, 4])
def test_a_channel_that_is_no_input_has_no_level(config: int) -> None:
    tripped = DigitalInput(BELOW, True, 100.0)
    ctx = step_context(105.0, changes={"io1.config": config, "io2.config": 0}, io1_v=0.0)
    made = step_digital(Digital(tripped, tripped), ctx)
    assert made == Digital(DigitalInput(config), DigitalInput())
    assert limit_v(DigitalInput(config, True)) is None


def test_another_configuration_begins_anew() -> None:
    tripped = DigitalInput(BELOW, True)
    made = looked(Digital(tripped, tripped), 105.0, ABOVE, 0.0)
    assert made.io1 == DigitalInput(ABOVE, None, 105.0)


def test_one_channel_moves_alone() -> None:
    changes: dict[str, object] = {"io1.config": 0, "io2.config": BELOW}
    ctx = step_context(100.0, changes=changes, io2_v=0.0)
    assert step_digital(Digital(), ctx) == Digital(DigitalInput(), DigitalInput(BELOW, None, 100.0))
    changes = {"io1.config": BELOW, "io2.config": 0}
    ctx = step_context(100.0, changes=changes, io1_v=0.0)
    assert step_digital(Digital(), ctx) == Digital(DigitalInput(BELOW, None, 100.0), DigitalInput())


def test_the_limit_that_is_shown_is_the_one_that_was_passed() -> None:
    assert limit_v(DigitalInput(BELOW, True)) == 1.0
    assert limit_v(DigitalInput(BELOW, False)) == 1.2
    assert limit_v(DigitalInput(ABOVE, True)) == 2.0
    assert limit_v(DigitalInput(ABOVE, False)) == 1.8
