"""Relay watch: do current and BATT_PATH agree with what the coils were told (DESIGN section 3)?

What is seen is counted, not only what lasts: contacts that chatter contradict their coil for half
of the time only.
"""

from __future__ import annotations

from typing import NamedTuple

from ...model.board import Inputs, Outputs
from ..scan.context import StepContext
from ..scan.due import due_if
from .beside import Beside, step_beside
from .evidence import k1_odd, k2_odd, k3_odd
from .recharge import Recharge, step_recharge
from .toggle import Toggle, step_toggle

SETTLE_S = 0.3  # contacts move within 15 ms; sensors need two scans
CONFIRM_S = 3.0  # SETTLE + CONFIRM stays within the 5 s of DESIGN
FORGIVE = 0.2  # s of evidence that a second without any takes back; a latched relay is owed none
FORGIVE_VOLTS = 0.8  # the same of K2 released, told by volts: noise makes gaps that do not last


class Contact(NamedTuple):
    """One relay. `odd_s`: seconds of evidence against it, since `odd_since`. `faulty`: latched."""

    energised: bool = False
    changed_at: float = float("-inf")
    odd_since: float | None = None
    faulty: bool = False
    odd_s: float = 0.0

    @property
    def is_suspected(self) -> bool:
        """There is evidence against it, and not yet enough."""
        return self.odd_since is not None and not self.faulty


class RelayWatch(NamedTuple):
    """`recharge`: what the charger owes the battery, by which K2 is watched; `beside`: since when
    the load of a joined source has been at the battery's volts, by which K1 is; so it is by
    `toggle`, how such a load goes to and fro between the two."""

    k1: Contact = Contact()
    k2: Contact = Contact()
    k3: Contact = Contact()
    recharge: Recharge = Recharge()
    beside: Beside | None = None
    toggle: Toggle | None = None

    @property
    def contacts(self) -> tuple[Contact, Contact, Contact]:
        return self.k1, self.k2, self.k3

    @property
    def faulty(self) -> tuple[str, ...]:
        """The names of latched relays, "k1".."k3"."""
        contacts = self.contacts
        if not (contacts[0].faulty or contacts[1].faulty or contacts[2].faulty):
            return ()  # nearly always, and asked several times a scan
        return tuple(name for name, contact in zip(NAMES, contacts, strict=True) if contact.faulty)

    def next_due(self, now: float) -> float:
        """Every scan while evidence against a relay, or for a debt of the charger, is counted."""
        is_odd = any(one.odd_since is not None and not one.faulty for one in self.contacts)
        return due_if(is_odd or self.recharge.waited_s > 0.0)

    def put(self, name: str, contact: Contact) -> RelayWatch:
        """The same with another contact "k1".."k3"."""
        k1, k2, k3 = (
            contact if name == own else old for own, old in zip(NAMES, self.contacts, strict=True)
        )
        return RelayWatch(k1, k2, k3, self.recharge, self.beside, self.toggle)

    def settled_s(self, outputs: Outputs, now: float) -> float:
        """For how long all coils have been as they are; 0.0 in the first scan after a change."""
        k1, k2, k3 = self.contacts
        if outputs.k1 is not k1.energised or outputs.k2 is not k2.energised:
            return 0.0
        if outputs.k3 is not k3.energised:
            return 0.0
        return now - max(k1.changed_at, k2.changed_at, k3.changed_at)


NAMES = ("k1", "k2", "k3")


def _watch(
    contact: Contact, coil: bool, odd: bool | None, ctx: StepContext, forgive: float = FORGIVE
) -> Contact:
    now = ctx.now
    if coil is not contact.energised:
        return contact._replace(energised=coil, changed_at=now, odd_since=None, odd_s=0.0)
    if not odd or now - contact.changed_at < SETTLE_S:
        if contact.odd_since is None:
            return contact
        left = contact.odd_s - (1.0 if contact.faulty else forgive) * ctx.dt
        if left <= 0.0:
            return contact._replace(odd_since=None, odd_s=0.0)
        return contact._replace(odd_s=left)
    seconds = min(contact.odd_s + ctx.dt, CONFIRM_S)
    if seconds == contact.odd_s:
        return contact
    since = now if contact.odd_since is None else contact.odd_since
    faulty = contact.faulty or seconds >= CONFIRM_S - 1e-6
    return contact._replace(odd_since=since, odd_s=seconds, faulty=faulty)


def step_relays(watch: RelayWatch, outputs: Outputs, ctx: StepContext) -> RelayWatch:
    """Compare the coils in force with this scan's evidence and latch what contradicts for 3 s."""
    recharge = step_recharge(watch.recharge, outputs, ctx)
    k2_now = k2_odd(outputs.k2, recharge, ctx)
    beside, follows = step_beside(watch.beside, outputs.k1, ctx)
    toggle, toggles = step_toggle(watch.toggle, ctx)
    k1_now = follows or toggles or k1_odd(outputs.k1, outputs.k2, k2_now, ctx)
    k1 = _watch(watch.k1, outputs.k1, k1_now, ctx)
    forgive = FORGIVE if outputs.k2 else FORGIVE_VOLTS
    k2 = _watch(watch.k2, outputs.k2, k2_now, ctx, forgive)
    k3 = _watch(watch.k3, outputs.k3, k3_odd(outputs.k3, ctx), ctx)
    is_same = k1 is watch.k1 and k2 is watch.k2 and k3 is watch.k3 and recharge is watch.recharge
    if is_same and beside is watch.beside and toggle is watch.toggle:
        return watch
    return RelayWatch(k1, k2, k3, recharge, beside, toggle)


def latch(watch: RelayWatch, name: str) -> RelayWatch:
    """Latch a relay that a proving step found at fault: its coil is released before 3 s are up."""
    contact: Contact = getattr(watch, name)
    return watch if contact.faulty else watch.put(name, contact._replace(faulty=True))


def acknowledge(watch: RelayWatch, name: str) -> RelayWatch:
    """Unlatch a relay whose evidence no longer stands against it."""
    contact: Contact = getattr(watch, name)
    if contact.odd_since is not None:
        return watch
    return watch.put(name, contact._replace(faulty=False))


class Joined(NamedTuple):
    """On a joined source, before K1: V from the source to the load, and A of the battery; None =
    not known."""

    drop: float | None = None
    battery_a: float | None = None


def look_at_source(inputs: Inputs) -> Joined:
    """What of this scan tells afterwards whether K1 has moved."""
    supply, load, battery = inputs.supply_v, inputs.load_v, inputs.battery_a
    known = supply.good and load.good
    return Joined(
        supply.value - load.value if known else None, battery.value if battery.good else None
    )


def single_source_suspect(before: Joined, now: Joined) -> str:
    """On a joined source that goes on feeding the load after K1 on: "k1" or "k2"?

    If K1 has moved, the load now comes by way of K2 and the battery's node: one diode more, and
    the battery feels the load. If nothing has changed at all, K1 has not moved.
    """
    drop = amps = 0.0
    if before.drop is not None and now.drop is not None:
        drop = now.drop - before.drop
    if before.battery_a is not None and now.battery_a is not None:
        amps = before.battery_a - now.battery_a
    return "k2" if drop > MOVED_V or amps > MOVED_A else "k1"


MOVED_V = 0.018  # of a diode's 30 mV; the ADCs step in 2.5 mV
MOVED_A = 0.1
