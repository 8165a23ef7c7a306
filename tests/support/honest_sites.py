"""Honest sites: what a station sees for weeks where nothing is at fault, to find false alarms.

Every sensor is off by what the hardware allows (+-1 % and 20 mV or 30 mA, DESIGN section 2) and
noisy, another way with each seed.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi, sin
from random import Random

from station import Station

from btrmd.hal.sim.keys import set_keys
from btrmd.hal.sim.plant import Plant
from btrmd.model.events import Kind
from btrmd.model.site import Site

DAY_S = 86400.0
HOUR_S = 3600.0
VOLTS, AMPS = ("battery_v", "load_v", "charger_v", "supply_v"), (
    "battery_a", "load_a", "charger_a", "supply_a",
)  # fmt: skip
TURN = ("supply.lost", "charger.lost", "ups.on_battery")  # what a supply that goes may raise


class HonestSite:
    """`move` is called before each step with the hours since the start; `run` gives what was raised
    without a cause, one line each. `caused`: the keys that this site may raise."""

    def __init__(
        self,
        seed: int,
        volts: int,
        move: Callable[[HonestSite, float], None],
        caused: tuple[str, ...] = (),
        **settings: object,
    ) -> None:
        self.random = random = Random(seed)
        plant = Plant(blocks=volts // 12, rated_ah=100.0, seed=seed)
        chosen = {
            "system.voltage": volts, "battery.rated_ah": 100.0, "lvd.enabled": True,
            "test.minimum_runtime_min": 240, **settings,
        }  # fmt: skip
        self.station = Station(chosen, site=Site(model="400"), plant=plant, dt=1.0)
        plant.noise = True
        plant.load.hold(2.0)
        for names, offset in ((VOLTS, 0.02), (AMPS, 0.03)):
            for name in names:
                self.station.errors[name] = (
                    1.0 + random.uniform(-0.01, 0.01), random.uniform(-offset, offset)
                )  # fmt: skip
        plant.touch()
        self._move, self.caused = move, caused
        self._began = self.station.now
        self._reported = 0

    @property
    def hours(self) -> float:
        return (self.station.now - self._began) / HOUR_S

    def put(self, **keys: object) -> None:
        set_keys(self.station.plant, {key.replace("__", "."): value for key, value in keys.items()})

    def run(self, days: float) -> list[str]:
        """What was told of an alarm that has no cause here."""
        station = self.station
        end = station.now + days * DAY_S
        while station.now < end:
            self._move(self, self.hours)
            state = station.state
            station.plant.unfed.hear(state.may_discharge, state.lvd.is_open)
            station.tick()
        fresh = station.events[self._reported :]
        self._reported = len(station.events)
        found = [
            f"{event.key} after {(event.uptime_s - 0.0) / HOUR_S:.2f} h: {event.text}"
            for event in fresh
            if event.kind is Kind.RAISE and event.key not in self.caused
        ]
        found += [f"record {n}: {r.reason}" for n, r in station.records.items() if self._is_odd(r)]
        if station.plant.dropped_s > 0.0:
            found.append(f"the load was dropped for {station.plant.dropped_s:.3f} s")
        return found

    def _is_odd(self, record: object) -> bool:
        """An aborted or low test on a battery that is good, or an outage that nobody made."""
        kind, result = getattr(record, "type", ""), getattr(record, "result", "")
        return (kind == "outage" and not self.caused) or result in ("aborted", "low")


def _weather(site: HonestSite, hours: float) -> None:
    """The cabinet is warm by day."""
    if int(hours * HOUR_S) % 60 == 0:
        site.put(temperature__c=25.0 + 12.0 * sin(2.0 * pi * hours / 24.0))


def quiet_move(site: HonestSite, hours: float) -> None:
    """Nothing happens but the load's own ups and downs."""
    _weather(site, hours)
    if int(hours * HOUR_S) % 600 == 0:
        site.put(load__amps=site.random.choice((0.05, 0.5, 2.0, 5.0, 9.0)))


def generator_move(site: HonestSite, hours: float) -> None:
    """Supply and charger run from 6 to 10 and from 18 to 22 o'clock; the battery does the rest."""
    _weather(site, hours)
    on = int(hours % 24.0 // 2.0) in (0, 1, 6, 7)
    if on is not site.station.plant.supply.on:
        site.put(supply__on=int(on), charger__on=int(on), load__amps=2.0)


def noisy_move(site: HonestSite, hours: float) -> None:
    """A supply between 12.2 and 14.4 V a block, never still, with dips to 11.8 V."""
    _weather(site, hours)
    random, plant = site.random, site.station.plant
    volts = 11.8 if random.random() < 0.002 else random.uniform(12.2, 14.4)
    plant.supply.volts = volts * plant.blocks
    plant.touch()
    if int(hours * HOUR_S) % 60 == 0:
        site.put(load__amps=random.choice((0.05, 1.0, 4.0, 9.0)))


def quiet(seed: int = 1, volts: int = 12) -> HonestSite:
    """A quiet site with a scheduled test a fortnight."""
    return HonestSite(
        seed, volts, quiet_move,
        **{"test.enabled": True, "test.interval_h": 336, "test.next_h": 60},
    )  # fmt: skip


def generator(seed: int = 1, volts: int = 24) -> HonestSite:
    """A site whose supply comes twice a day."""
    return HonestSite(seed, volts, generator_move, TURN)


def noisy(seed: int = 1, volts: int = 48) -> HonestSite:
    """A site whose supply is never still."""
    return HonestSite(seed, volts, noisy_move)


SITES = {"quiet": quiet, "generator": generator, "noisy": noisy}
