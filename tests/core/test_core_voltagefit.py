"""System Voltage is refused where battery and supply, or what is known of them, say otherwise."""

from __future__ import annotations

import pytest
from core_scenes import rested, supply
from station import Station

from btrmd.core.machines.bank_fit import BankFit
from btrmd.model.commands import ChangeSettings


def site(bank: int, supply_each_v: float, **settings: object) -> Station:
    """A bank of its setting, beside a supply of so much a block, for a minute."""
    station = rested(bank, load_a=3.0, rated_ah=40.0, **settings)  # type: ignore[arg-type]
    station.plant.supply.volts = supply_each_v * bank // 12
    station.plant.touch()
    station.run(60.0)
    return station


def forget(station: Station) -> None:
    """As after a start: battery and supply have not shown themselves for 10 s."""
    fresh = BankFit(station.state.bank_fit.system_v)
    station.state = station.state._replace(bank_fit=fresh)


def ask(station: Station, value: int) -> tuple[bool, str]:
    answer = station.ask(ChangeSettings({"system.voltage": value}, "test"))
    return answer.ok, answer.text


@pytest.mark.parametrize("supply_v", [45.3, 46.2, 46.5])
@pytest.mark.parametrize("is_known", [True, False])
def test_48_v_is_refused_at_a_full_36_v_bank_beside_a_high_supply(
    supply_v: float, is_known: bool
) -> None:
    """It was taken, the LVD opened on the full bank 10 s later, and dropped the load after that."""
    station = site(36, supply_v / 3.0, lvd__enabled=True)
    if not is_known:
        forget(station)
    ok, text = ask(station, 48)
    assert not ok
    assert text.startswith("system.voltage = 48 is refused: allowed is 36, which a battery of 4")
    station.run(60.0)
    assert not station.state.lvd.is_open
    supply(station, False)
    station.run(100.0)
    assert station.plant.dropped_s == 0.0


def test_a_flat_48_v_bank_that_is_known_is_not_taken_for_36_v_beside_a_weak_supply() -> None:
    """By themselves 44 V and 46.2 V are as near to the one as to the other."""
    station = site(48, 13.6)
    station.plant.charger.switch(False)
    station.plant.battery.set_soc(0.03)  # type: ignore[union-attr]
    station.plant.supply.volts = 46.2
    station.plant.touch()
    station.run(10.0)
    assert 43.0 < station.inputs.battery_v.value < 45.0
    assert station.state.bank_fit == BankFit(48, True, None, 48)
    ok, text = ask(station, 36)
    assert not ok
    assert "allowed is 48, which battery and supply have shown to be right; now there is" in text
    forget(station)
    assert ask(station, 36) == (True, "")


def test_a_flat_48_v_bank_beside_its_supply_is_allowed_48_v() -> None:
    """41 V alone look like 36 V; what the supply says outweighs it."""
    station = site(48, 13.6)
    station.plant.charger.switch(False)
    station.plant.battery.set_soc(0.012)  # type: ignore[union-attr]
    station.run(5.0)
    assert 40.2 < station.inputs.battery_v.value < 42.5
    station.settings = station.settings.with_changes({"system.voltage": 36})
    station.crash(1.0)
    station.run(15.0)  # the supply is present
    assert ask(station, 48) == (True, "")


def test_another_bank_that_was_put_in_is_allowed_at_once() -> None:
    """Battery and supply both show it, whatever the setting was right for before."""
    station = site(36, 13.6)
    assert station.state.bank_fit.fits
    station.plant.set_blocks(4)
    station.plant.supply.volts = 54.4
    station.plant.touch()
    station.run(3.0)
    assert station.state.bank_fit.fits
    assert ask(station, 48) == (True, "")
