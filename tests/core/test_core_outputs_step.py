"""Outputs: when the load is proven on the supply, when K3 may be pulled, what CH1 and CH2 say."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.capacity_test.state import IDLE
from btrmd.core.machines.buttons import Buttons
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.transfer import Transfer, Where
from btrmd.core.outputs import battery_fault, combine, keep_path_open, on_supply
from btrmd.model.board import Outputs
from btrmd.model.discharge import TestState

AT_SUPPLY, CLOSED = Transfer(), Lvd()
ABOVE = Presence(Source(0.0, None, 0.0, True, True))


@pytest.mark.parametrize("volts", [12, 48])
def test_the_load_is_proven_by_volts_current_and_an_idle_guard(volts: int) -> None:
    def proven(where: Where = Where.SUPPLY, k1: bool = False, presence: Presence = ABOVE,
               **put: object) -> bool:  # fmt: skip
        ctx = step_context(volts=volts, **put)  # type: ignore[arg-type]
        return on_supply(Transfer(where), Outputs(k1=k1), presence, ctx, False)

    blocks = volts // 12
    assert proven()
    assert not proven(Where.RETURNED)
    assert not proven(Where.BATTERY)
    assert not proven(k1=True)
    assert not proven(guard=True)
    assert not proven(guard=None)
    assert not proven(presence=Presence())
    assert proven(load_v=11.0 * blocks)
    assert not proven(load_v=11.0 * blocks - 0.01)
    assert not proven(load_v=None)
    # the supply gives at least 0.8 of what the load takes; below 0.2 A nothing can be told
    assert proven(load_a=2.0, supply_a=1.6)
    assert not proven(load_a=2.0, supply_a=1.59)
    assert not proven(load_a=None)
    assert not proven(supply_a=None)
    assert proven(load_a=0.19, supply_a=0.0)
    assert not proven(load_a=0.2, supply_a=0.0)


def test_k3_is_kept_only_with_ups_mode_off_and_the_load_on_the_supply() -> None:
    def kept(ups: bool = False, test: TestState = TestState.IDLE, where: Where = Where.SUPPLY,
             carried: bool = False, k3: bool = False, proven: bool = True) -> bool:  # fmt: skip
        ctx = step_context(changes={"ups.enabled": ups})
        transfer = Transfer(where, carried=carried)
        return keep_path_open(IDLE._replace(state=test), transfer, Outputs(k3=k3), proven, ctx)

    assert kept()
    assert not kept(ups=True)
    assert not kept(test=TestState.RUNNING)
    assert not kept(where=Where.BATTERY)
    assert not kept(where=Where.RETURNED)
    assert not kept(carried=True)
    # once it is energised, its state no longer needs the proof; without it nothing is energised
    assert not kept(proven=False)
    assert kept(proven=False, k3=True)


@pytest.mark.parametrize(
    ("config", "quiet", "fault"), [(0, False, False), (3, True, False), (4, False, True)]
)
def test_an_output_opens_or_closes_on_a_battery_fault(
    config: int, quiet: bool, fault: bool
) -> None:
    """R172: normally low opens on a fault, normally open closes on it."""
    for alarms, pulls in (
        ((), quiet),
        (("battery.low_voltage",), fault),
        (("supply.lost",), quiet),
    ):
        ctx = step_context(changes={"io1.config": config})
        made = combine(IDLE, Transfer(), Lvd(), False, alarms, Buttons(), False, ctx)
        assert made.ch1 is pulls, alarms
        assert made.ch2 is False


def test_only_a_fault_of_the_battery_is_one() -> None:
    assert not battery_fault(())
    assert battery_fault(("supply.lost", "battery.low_voltage"))
    assert not battery_fault(("supply.lost",))


def test_each_relay_is_driven_by_whom_it_belongs_to() -> None:
    ctx = step_context()

    def made(test: object = IDLE, transfer: Transfer = AT_SUPPLY, path_open: bool = False,
             lvd: Lvd = CLOSED) -> Outputs:  # fmt: skip
        return combine(test, transfer, lvd, path_open, (), Buttons(), False, ctx)  # type: ignore[arg-type]

    assert made()[:3] == (False, False, False)
    assert made(IDLE._replace(k1=True))[:3] == (True, False, False)
    assert made(IDLE._replace(k2=True))[:3] == (False, True, False)
    assert made(transfer=Transfer(Where.BATTERY))[:3] == (True, False, False)
    assert made(transfer=Transfer(Where.RETURNED))[:3] == (False, False, False)
    assert made(path_open=True)[:3] == (False, False, True)
