"""The coils and contacts of K1, K2 and K3 with their timing, faults and the heartbeat cut-out."""

from __future__ import annotations

from math import inf
from random import Random

NAMES = ("k1", "k2", "k3")
OPERATE_S = 0.005
OVERLAP_S = 0.010  # K1 makes before it breaks
HEARTBEAT_S = 2.0  # without an edge for this long all coils lose their power
CHATTER_S = (0.03, 0.2)  # between two moves of a chattering relay, from .. to

NOT_DRIVEN = ("welded", "chatter")  # faults by which contacts do not follow their coil

# contact -> its relay; a contact is named by what is true in the energised position
OWNER = {"s1_open": "k1", "s2_closed": "k1", "k2_open": "k2", "k3_open": "k3"}


class Relays:
    """Events are due at plant second `due`; `fire` carries them out.

    `faults` maps k1..k3 to off|welded|open|chatter and may be changed from outside;
    `follow_faults` notices. Welded contacts stay as they are, an open coil is dead and its
    contacts at rest, chattering ones go from one position to the other whatever the coil says.
    """

    __slots__ = (
        "_alive_until",
        "_beats",
        "_commands",
        "_faults_seen",
        "_is_freed",
        "_random",
        "_timers",
        "coils",
        "due",
        "faults",
        "is_powered",
        "k2_open",
        "k3_open",
        "s1_open",
        "s2_closed",
    )  # fmt: skip

    def __init__(self) -> None:
        self._commands = dict.fromkeys(NAMES, False)
        self.coils = dict.fromkeys(NAMES, False)  # energised in fact
        self.faults = dict.fromkeys(NAMES, "off")
        self._faults_seen = dict(self.faults)
        self._is_freed = False  # K3's contacts are on their way from where they were stuck
        self.is_powered = True
        self._alive_until = -inf
        self._timers: list[tuple[float, str, bool]] = []
        self._random = Random(1)
        self._beats = {name: (inf, False) for name in NAMES}  # next move of chattering contacts
        self.due = inf
        self.s1_open = False
        self.s2_closed = False
        self.k2_open = False
        self.k3_open = False

    @property
    def is_alive(self) -> bool:
        """Whether the heartbeat keeps the coils' power on."""
        return self._alive_until > -inf

    def command(self, name: str, energised: bool, now: float) -> bool:
        """The pin of coil `name`; whether the coil's current has changed by it."""
        if self._commands[name] is energised:
            return False
        self._commands[name] = energised
        return self._drive(name, now)

    def heartbeat(self, now: float) -> bool:
        """One edge; whether it gave the coils their power back."""
        was_alive = self._alive_until > -inf
        self._alive_until = now + HEARTBEAT_S
        if was_alive:
            self._plan()
            return False
        return self._drive_all(now)

    def set_power(self, is_powered: bool, now: float) -> None:
        """The HAT's own supply comes or goes."""
        if is_powered is not self.is_powered:
            self.is_powered = is_powered
            self._drive_all(now)

    def follow_faults(self, now: float) -> bool:
        """Whether `faults` was changed; the contacts then move as the coils tell."""
        if self.faults == self._faults_seen:
            return False
        changed = [name for name in NAMES if self._fault(name) != self._faults_seen.get(name)]
        if "k3" in changed:
            self._is_freed = self.k3_open and self._faults_seen.get("k3") in NOT_DRIVEN
        self._faults_seen = dict(self.faults)
        for name in changed:
            if self._fault(name) == "welded":
                self._forget(name)
            self._beats[name] = (now if self._fault(name) == "chatter" else inf, False)
            self._drive(name, now, again=True)
        return True

    def fire(self, now: float) -> bool:
        """Carry out what is due at `now`; whether a contact or a coil changed."""
        if now < self.due:
            return False
        changed = False
        if now >= self._alive_until > -inf:
            self._alive_until = -inf
            changed = self._drive_all(now)
        for name, (beat_at, position) in self._beats.items():
            if beat_at <= now:
                self._move(name, not position, now)
                self._beats[name] = (now + self._random.uniform(*CHATTER_S), not position)
                changed = True
        while self._timers and self._timers[0][0] <= now:
            _, contact, position = self._timers.pop(0)
            setattr(self, contact, position)
            changed = True
        self._plan()
        return changed

    def contact(self, name: str) -> bool:
        """Whether the contacts of `name` are wholly in the energised position."""
        if name == "k1":
            return self.s1_open
        return self.k2_open if name == "k2" else self.k3_open

    def is_stuck_open(self) -> bool:
        """K3's path is open though its coil is off: nothing can close it, or not sooner."""
        is_stuck = self._is_freed or self._fault("k3") in NOT_DRIVEN
        return self.k3_open and is_stuck and not self.coils["k3"]

    @property
    def contacts(self) -> dict[str, bool]:
        """Every contact: whether it is where an energised coil puts it."""
        return {contact: getattr(self, contact) for contact in OWNER}

    def place(self, contacts: dict[str, bool], now: float) -> None:
        """Put contacts where a saved plant had them; the coils then move them as they do."""
        for contact, position in contacts.items():
            if contact in OWNER:
                setattr(self, contact, position)
        self._faults_seen = {}
        self.follow_faults(now)
        for name in NAMES:
            self._drive(name, now, again=True)

    def _fault(self, name: str) -> str:
        return self.faults.get(name, "off")

    def _drive_all(self, now: float) -> bool:
        changed = [self._drive(name, now) for name in NAMES]
        self._plan()
        return any(changed)

    def _drive(self, name: str, now: float, again: bool = False) -> bool:
        fault = self._fault(name)
        energised = (
            self._commands[name]
            and self.is_powered
            and self._alive_until > -inf
            and fault != "open"
        )
        if energised is self.coils[name] and not again:
            return False
        self.coils[name] = energised
        if name == "k3" and energised:
            self._is_freed = False
        if fault not in NOT_DRIVEN:
            self._move(name, energised, now)
        self._plan()
        return True

    def _move(self, name: str, energised: bool, now: float) -> None:
        """The contacts set out for the energised position, or for the one at rest."""
        self._forget(name)
        first, second = now + OPERATE_S, now + OPERATE_S + OVERLAP_S
        if name != "k1":
            self._timers.append((first, f"{name}_open", energised))
        elif energised:
            self._timers += [(first, "s2_closed", True), (second, "s1_open", True)]
        else:
            self._timers += [(first, "s1_open", False), (second, "s2_closed", False)]
        self._timers.sort()

    def _forget(self, name: str) -> None:
        self._timers = [timer for timer in self._timers if OWNER[timer[1]] != name]

    def _plan(self) -> None:
        alive_until = self._alive_until
        self.due = alive_until if alive_until > -inf else inf
        if self._timers and self._timers[0][0] < self.due:
            self.due = self._timers[0][0]
        for beat_at, _ in self._beats.values():
            if beat_at < self.due:
                self.due = beat_at
