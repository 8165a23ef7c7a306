"""Relay watch: do current and BATT_PATH agree with what the coils were told (DESIGN section 3)?"""

from __future__ import annotations

from typing import NamedTuple

from ..model.board import Outputs
from .desk import Desk

SETTLE_S = 0.3  # contacts move within 15 ms; sensors need two scans
CONFIRM_S = 3.0  # SETTLE + CONFIRM stays within the 5 s of DESIGN
LOAD_MIN_A = 0.3  # below it current tells nothing
HAT_W = 4.0


class Contact(NamedTuple):
    """One relay. `odd_since`: evidence against it since then. `faulty` is latched."""

    energised: bool = False
    changed_at: float = float("-inf")
    odd_since: float | None = None
    faulty: bool = False


class RelayWatch(NamedTuple):
    k1: Contact = Contact()
    k2: Contact = Contact()
    k3: Contact = Contact()

    @property
    def faulty(self) -> tuple[str, ...]:
        """The names of latched relays, "k1".."k3"."""
        return tuple(n for n, c in zip(("k1", "k2", "k3"), self, strict=True) if c.faulty)


FAULT_TEXT = {
    "k1": "Relay K1 does not move the load as told; check K1 and its wiring.",
    "k2": "Relay K2 does not switch the charger as told; check K2 and fuses F2 and F3.",
    "k3": "The battery path does not follow relay K3; check fuse F2 and K3.",
}


def _k1_odd(energised: bool, k2_energised: bool, desk: Desk) -> bool | None:
    """True: evidence against K1; False: for it; None: nothing can be told."""
    inputs, sp = desk.inputs, desk.sp
    if inputs.guard is not False or not (
        inputs.load_a.good
        and inputs.supply_a.good
        and inputs.battery_a.good
        and inputs.supply_v.good
    ):
        return None
    load = inputs.load_a.value
    if load < LOAD_MIN_A or inputs.supply_v.value < sp.th.supply_present_v:
        return None
    hat = HAT_W / inputs.supply_v.value
    supply, path = inputs.supply_a.value, -inputs.battery_a.value
    if inputs.charger_a.good and not sp.single_source:
        path += inputs.charger_a.value  # what battery and charger give beyond each other
    # the HAT may live on either source: the larger current tells where the load is
    doubt = 0.2 * load + 0.1
    if energised:
        if sp.single_source and not k2_energised:
            return None  # the one source may feed the load by way of the charger path
        return supply > max(0.8 * load, hat + 0.1) and supply - path > doubt
    return path >= 0.6 * load and supply <= 0.4 * load + hat and path - supply > doubt


def _k2_odd(energised: bool, desk: Desk) -> bool | None:
    inputs, sp = desk.inputs, desk.sp
    amps = inputs.battery_a if sp.single_source else inputs.charger_a
    if not amps.good:
        return None
    if energised:
        return amps.value > 0.15
    if not (inputs.charger_v.good and inputs.battery_v.good):
        return None
    charger = inputs.charger_v.value
    if charger < sp.th.charger_present_v:
        return None
    return charger - inputs.battery_v.value > 0.5 * sp.blocks and amps.value < 0.05


def _k3_odd(energised: bool, desk: Desk) -> bool | None:
    inputs = desk.inputs
    if inputs.batt_path is None:
        return None
    if energised:
        return inputs.batt_path
    if not inputs.battery_v.good or inputs.battery_v.value < 9.0 * desk.sp.blocks:
        return None
    return not inputs.batt_path


def _watch(name: str, contact: Contact, coil: bool, odd: bool | None, desk: Desk) -> Contact:
    now = desk.now
    if coil is not contact.energised:
        return contact._replace(energised=coil, changed_at=now, odd_since=None)
    if not odd or now - contact.changed_at < SETTLE_S:
        return contact if contact.odd_since is None else contact._replace(odd_since=None)
    if contact.odd_since is None:
        return contact._replace(odd_since=now)
    if not contact.faulty and now - contact.odd_since >= CONFIRM_S:
        return contact._replace(faulty=True)
    return contact


def step_relays(watch: RelayWatch, outputs: Outputs, desk: Desk) -> RelayWatch:
    """Compare the coils in force with this scan's evidence and latch what contradicts for 3 s."""
    k1 = _watch("k1", watch.k1, outputs.k1, _k1_odd(outputs.k1, outputs.k2, desk), desk)
    k2 = _watch("k2", watch.k2, outputs.k2, _k2_odd(outputs.k2, desk), desk)
    k3 = _watch("k3", watch.k3, outputs.k3, _k3_odd(outputs.k3, desk), desk)
    if k1 is watch.k1 and k2 is watch.k2 and k3 is watch.k3:
        return watch
    return RelayWatch(k1, k2, k3)


def latch(watch: RelayWatch, name: str) -> RelayWatch:
    """Latch a relay that a proving step found at fault: its coil is released before 3 s are up."""
    contact: Contact = getattr(watch, name)
    if contact.faulty:
        return watch
    return watch._replace(**{name: contact._replace(faulty=True)})


def acknowledge(watch: RelayWatch, name: str) -> RelayWatch:
    """Unlatch a relay whose evidence no longer stands against it."""
    contact: Contact = getattr(watch, name)
    if contact.odd_since is not None:
        return watch
    return watch._replace(**{name: contact._replace(faulty=False)})
