"""An edge of the GUARD line between two ticks, from the wire to the core."""

from __future__ import annotations

from owner_rig import Rig

from btrmd.core.machines.transfer import Where
from btrmd.model.commands import ChangeSettings

GUARD = 26


def test_an_edge_between_two_ticks_moves_k1_and_the_core_takes_it_up(rig: Rig) -> None:
    rig.tick(3)
    plant, line = rig.world.plant, rig.world.pins.factory.pin(GUARD)
    assert rig.owner.state.k1_on_guard
    assert not plant.relays.coils["k1"]
    line.drive(False)  # the line is active low
    assert plant.relays.coils["k1"], "without a tick"
    line.drive(True)  # K1 has lifted the bus
    rig.tick()
    state = rig.owner.state
    assert state.transfer.where is Where.BATTERY
    assert state.outputs.k1
    assert plant.relays.coils["k1"]
    assert not state.k1_on_guard


def test_with_ups_mode_off_an_edge_moves_nothing(rig: Rig) -> None:
    assert rig.ask(ChangeSettings({"ups.enabled": False}, "test")).ok
    rig.tick(3)
    assert not rig.owner.state.k1_on_guard
    rig.world.pins.factory.pin(GUARD).drive(False)
    assert not rig.world.plant.relays.coils["k1"]


def test_a_step_that_fails_disarms(rig: Rig) -> None:
    rig.tick(3)
    rig.board.fault = RuntimeError("the scan fails")
    rig.tick()
    assert not rig.owner.state.k1_on_guard
    rig.world.pins.factory.pin(GUARD).drive(False)
    assert not rig.world.plant.relays.coils["k1"]
