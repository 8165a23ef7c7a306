"""Flows: what the currents alone tell, supply + charger = load + battery + HAT (4 W)."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.scan.flows import Flows, hat_amps, measure_flows

HAT = 0.25  # A at 16 V, a round number to work with
ON_SUPPLY = {"supply_v": 16.0, "supply_a": 2.25, "load_a": 2.0, "battery_a": 0.0, "charger_a": 0.0}
ON_BATTERY = {
    "battery_v": 16.0, "supply_v": 0.0, "supply_a": 0.0, "load_a": 2.0, "battery_a": -2.25,
    "charger_a": 0.0,
}  # fmt: skip


def flows(single: bool = False, **channels: object) -> Flows:
    return measure_flows(step_context(**channels).inputs, single)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("supply", "battery", "amps"),
    [
        (16.0, 12.0, 0.25), (12.0, 16.0, 0.25), (None, 16.0, 0.25), (16.0, None, 0.25),
        (8.0, 10.0, 0.4), (0.0, 0.0, 4.0 / 9.0), (None, None, 4.0 / 9.0),
    ],
)  # fmt: skip
def test_the_hat_takes_4_w_of_the_higher_one(supply: object, battery: object, amps: float) -> None:
    inputs = step_context(supply_v=supply, battery_v=battery).inputs
    assert hat_amps(inputs) == pytest.approx(amps)


def test_the_supply_alone_feeds_the_load() -> None:
    made = flows(**ON_SUPPLY)
    # what two sensors may be off by is taken off: 0.2 A and 5 % of the load
    assert made.supply == pytest.approx(2.0 - 0.3)
    assert made.path == pytest.approx(-0.25 - 0.3)
    assert made.discharge == pytest.approx(-HAT - 0.1 - 0.02)
    assert made.charge == pytest.approx(-0.12)
    assert (made.load, made.hat, made.balanced) == (2.0, HAT, True)
    assert (made.supplies, made.carries, made.alone) == (True, False, True)
    assert (made.discharges, made.uses_battery) == (False, False)


def test_the_battery_feeds_the_load() -> None:
    made = flows(**ON_BATTERY)
    assert made.path == pytest.approx(2.0 - 0.3)
    assert made.supply == pytest.approx(-0.25 - 0.3)
    assert made.discharge == pytest.approx(2.25 - HAT - 0.1 - 0.02)
    assert (made.supplies, made.carries, made.alone) == (False, True, False)
    assert (made.discharges, made.uses_battery) == (True, True)


def test_supply_and_battery_share_the_load() -> None:
    made = flows(**{**ON_SUPPLY, "supply_a": 1.25, "battery_a": -1.0})
    assert made.path == pytest.approx(0.75 - 0.3)
    assert made.supply == pytest.approx(1.0 - 0.3)
    assert (made.supplies, made.carries, made.alone) == (True, True, False)


def test_the_charger_feeds_the_load_by_way_of_the_path() -> None:
    made = flows(**{**ON_BATTERY, "battery_a": 1.0, "charger_a": 3.25})
    assert made.path == pytest.approx(2.0 - 0.3)
    assert made.charge == pytest.approx(1.0 - 0.12)
    assert (made.carries, made.discharges, made.uses_battery) == (True, False, True)


@pytest.mark.parametrize("name", ["supply_a", "load_a", "battery_a", "charger_a"])
@pytest.mark.parametrize("site", [ON_SUPPLY, ON_BATTERY])
def test_one_current_that_is_missing_is_worked_out_from_the_others(
    name: str, site: dict[str, object]
) -> None:
    known, made = flows(**site), flows(**{**site, name: None})
    assert made.balanced is None
    assert (made.supplies, made.carries) == (known.supplies, known.carries)
    if name != "charger_a":
        assert made.load == pytest.approx(2.0)


def test_what_is_missing_is_what_the_sum_lacks() -> None:
    """3.25 A from the supply, 2 A to the load, 2 A into the battery: the charger gives 1 A."""
    full = {**ON_SUPPLY, "supply_a": 3.25, "battery_a": 2.0, "charger_a": 1.0}
    known = flows(**full)
    for name in ("supply_a", "load_a", "battery_a", "charger_a"):
        made = flows(**{**full, name: None})
        assert made._replace(balanced=True) == pytest.approx(known), name


def test_two_that_are_missing_leave_nothing_known() -> None:
    made = flows(**{**ON_SUPPLY, "load_a": None, "battery_a": None})
    assert made == Flows(hat=HAT)
    assert not any((made.carries, made.supplies, made.discharges, made.uses_battery))


def test_a_load_or_a_charger_that_is_worked_out_is_never_negative() -> None:
    assert flows(**{**ON_SUPPLY, "supply_a": 0.0, "load_a": None}).load == 0.0
    # the charger would be negative: it gives nothing, and the path is what the supply lacks
    made = flows(**{**ON_SUPPLY, "supply_a": 3.0, "charger_a": None})
    assert made.supply == pytest.approx(2.0 - 0.3)


@pytest.mark.parametrize(
    ("rest", "balanced"),
    [(0.25 + 0.3 + 0.1, True), (0.25 + 0.3 + 0.11, False), (-0.39, True), (-0.41, False)],
)
def test_the_sum_may_be_off_by_0_3_a_and_5_percent(rest: float, balanced: bool) -> None:
    # the greatest current is 2.0 A: 0.3 + 0.1 A, and what the HAT takes
    made = flows(**{**ON_SUPPLY, "supply_a": 1.0 + rest, "charger_a": 1.0})
    assert made.balanced is balanced
    assert made.supplies is (balanced and made.supply is not None and made.supply > 0.0)


@pytest.mark.parametrize(
    ("first", "second"),
    [("supply_a", "load_a"), ("charger_a", "battery_a"), ("supply_a", "battery_a")],
)
def test_the_greatest_current_decides_what_the_sum_may_be_off_by(first: str, second: str) -> None:
    nothing = {**ON_SUPPLY, "supply_a": 0.0, "load_a": 0.0}
    # 20 A: 0.3 + 1.0 A, and the HAT's 0.25 on the one side
    for out, balanced in ((18.75, True), (18.4, False), (21.25, True), (21.45, False)):
        assert flows(**{**nothing, first: 20.0, second: out}).balanced is balanced, out


def test_of_a_single_source_only_the_batterys_own_part_is_sure() -> None:
    charging = {"supply_v": 16.0, "supply_a": 5.25, "load_a": 2.0, "battery_a": 3.0,
                "charger_a": None}  # fmt: skip
    made = flows(True, **charging)
    assert made.balanced is True
    assert made.path == pytest.approx(-3.0 - HAT - 0.3)
    assert made.supply == pytest.approx(2.0 - 0.3)
    shared = {**charging, "supply_a": 1.25, "battery_a": -1.0}
    made = flows(True, **shared)
    assert made.path == pytest.approx(1.0 - HAT - 0.3)
    assert made.supply == pytest.approx(1.0 - 0.3)
    # of three, one may be missing
    assert flows(True, **{**charging, "battery_a": None}).balanced is None
    assert flows(True, **{**charging, "battery_a": None, "load_a": None}) == Flows(hat=HAT)
    # what the charger's own sensor says does not count
    assert flows(True, **{**charging, "charger_a": 9.0}).supply == pytest.approx(1.7)


def test_an_unbalanced_sum_feeds_nobody() -> None:
    made = Flows(path=1.0, supply=1.0, discharge=1.0, charge=1.0, balanced=False)
    assert not any((made.carries, made.supplies, made.discharges, made.alone))
    assert made.uses_battery
    nothing = Flows(path=0.0, supply=0.0, discharge=0.0, charge=0.0, balanced=True)
    assert not any((nothing.carries, nothing.supplies, nothing.discharges, nothing.uses_battery))
    assert Flows(charge=0.1).uses_battery
    assert Flows(discharge=0.1).uses_battery
    assert Flows(path=0.1).carries
    assert Flows(path=0.1, discharge=0.1).discharges
    assert not Flows(path=0.1, discharge=0.0).discharges
    assert not Flows(path=0.1).discharges
    assert not Flows(discharge=0.1).discharges
