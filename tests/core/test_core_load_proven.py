"""When the load counts as proven on the supply: every condition by itself."""

from __future__ import annotations

import pytest
from core_scenes import WALL_0, measured, model_for

from btrmd.core.capacity_test.state import IDLE
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.transfer import Transfer, Where
from btrmd.core.outputs import keep_path_open, on_supply
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.setpoints import Setpoints
from btrmd.model.board import Inputs, Outputs
from btrmd.model.readings import BAD
from btrmd.model.settings import Settings

WELL = {
    "battery_v": 13.5, "battery_a": 0.02, "load_v": 13.5, "load_a": 2.0, "supply_v": 13.6,
    "supply_a": 2.3, "charger_v": 13.55, "charger_a": 0.02,
}  # fmt: skip


def context(guard: bool | None = False, ups: bool = False, **channels: object) -> StepContext:
    settings = Settings.defaults(model_for(12)).with_changes({"ups.enabled": ups})
    readings = {name: measured(value, 100.0) for name, value in {**WELL, **channels}.items()}
    inputs = Inputs(**readings, guard=guard, batt_path=True, wall=WALL_0)
    return StepContext(100.0, 0.1, 0.0, inputs, Setpoints.of(settings))


def proven(
    ctx: StepContext, *, where: Where = Where.SUPPLY, k1: bool = False, above: float | None = 50.0
) -> bool:
    presence = Presence()._replace(supply=Source(above_since=above))
    return on_supply(Transfer(where), Outputs(k1=k1), presence, ctx, False)


def test_a_load_that_draws_from_a_healthy_supply_is_proven() -> None:
    assert proven(context())


@pytest.mark.parametrize(
    "how", [{"where": Where.RETURNED}, {"where": Where.BATTERY}, {"k1": True}, {"above": None}]
)
def test_a_relay_or_a_source_that_says_otherwise_disproves_it(how: dict[str, object]) -> None:
    assert not proven(context(), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("guard", [True, None])
def test_an_active_or_unknown_guard_disproves_it(guard: bool | None) -> None:
    assert not proven(context(guard))


@pytest.mark.parametrize(
    ("channels", "answer"),
    [
        ({"load_v": None}, False),
        ({"load_a": None}, False),
        ({"supply_a": None}, False),
        ({"load_v": 10.99}, False),
        ({"load_v": 11.0}, True),
        # four fifths of the load's current come from the supply, or there is hardly any
        ({"load_a": 5.0, "supply_a": 3.99}, False),
        ({"load_a": 5.0, "supply_a": 4.0}, True),
        ({"load_a": 0.2, "supply_a": 0.15}, False),
        ({"load_a": 0.19, "supply_a": 0.0}, True),
    ],
)
def test_the_bus_and_the_currents_decide(channels: dict[str, object], answer: bool) -> None:
    assert proven(context(**channels)) is answer


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ({}, True),
        ({"ups": True}, False),
        ({"is_proven": False}, False),
        ({"is_proven": False, "k3": True}, True),
        ({"where": Where.BATTERY}, False),
        ({"where": Where.RETURNED}, False),
        ({"carried": True}, False),
    ],
)
def test_the_path_is_opened_for_ups_mode_off_on_a_proven_load_and_then_kept(
    how: dict[str, object], answer: bool
) -> None:
    transfer = Transfer(how.get("where", Where.SUPPLY), carried=how.get("carried") is True)  # type: ignore[arg-type]
    outputs = Outputs(k3=how.get("k3") is True)
    is_proven = how.get("is_proven") is not False
    ctx = context(ups=how.get("ups") is True)
    assert keep_path_open(IDLE, transfer, outputs, is_proven, ctx) is answer


@pytest.mark.parametrize("channel", ["load_v", "load_a", "supply_a"])
def test_a_bad_reading_proves_nothing_whatever_it_says(channel: str) -> None:
    ctx = context()
    believed = getattr(ctx.inputs, channel)
    ctx.inputs = ctx.inputs._replace(**{channel: believed._replace(quality=BAD)})
    assert not proven(ctx)
