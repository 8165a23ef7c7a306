"""The charger of the plant: bulk, absorption and float with a current limit."""

from __future__ import annotations

ABSORPTION_V = 14.4  # per block
FLOAT_V = 13.55  # per block
OHMS = 0.004  # output and wiring
LIMIT_SHARE = 0.15  # current limit: 0.15 A per Ah of the battery ...
LIMIT_LOW, LIMIT_HIGH = 1.0, 20.0  # ... within these amps
TAIL_SHARE = 0.02  # absorption ends below this many amps per Ah ...
TAIL_S = 60.0  # ... for this long,
ABSORPTION_S = 10 * 3600.0  # or after this long
REBULK_S = 30.0  # float at the current limit for this long means: the battery was used


class Charger:
    """`on` is the switch, `stage` bulk|absorption|float|off. Volts are whole-bank."""

    __slots__ = ("_held_s", "_stage_s", "blocks", "limit_a", "on", "rated_ah", "stage")

    def __init__(self, blocks: int, rated_ah: float) -> None:
        self.on = True
        self.stage = "float"
        self.limit_a = 0.0
        self._held_s = 0.0
        self._stage_s = 0.0
        self.set_up(blocks, rated_ah)

    def set_up(self, blocks: int, rated_ah: float) -> None:
        """The bank it is made for: 1..4 blocks of `rated_ah`."""
        self.blocks = blocks
        self.rated_ah = rated_ah
        self.limit_a = min(LIMIT_HIGH, max(LIMIT_LOW, LIMIT_SHARE * rated_ah))

    @property
    def volts(self) -> float:
        """What it regulates to at its terminals, whole bank."""
        return self.blocks * (FLOAT_V if self.stage == "float" else ABSORPTION_V)

    def switch(self, is_on: bool) -> None:
        """On begins in bulk, whatever the battery needs: its first volts decide the rest."""
        if is_on != self.on:
            self._enter("bulk" if is_on else "off")
        self.on = is_on

    def advance(self, dt: float, amps: float) -> None:
        """`amps` flowed for `dt` s: move on to the next stage when it is time."""
        stage = self.stage
        if stage == "float":
            if amps < self.limit_a * 0.995:
                self._held_s = 0.0
            else:
                self._held_s += dt
                if self._held_s >= REBULK_S:
                    self._enter("bulk")
        elif stage == "bulk":
            if amps < self.limit_a * 0.995:
                self._enter("absorption")
        elif stage == "absorption":
            self._stage_s += dt
            self._held_s = self._held_s + dt if amps < self._tail_a() else 0.0
            if self._held_s >= TAIL_S or self._stage_s >= ABSORPTION_S:
                self._enter("float")
            elif amps >= self.limit_a * 0.995:
                self._enter("bulk")

    def _tail_a(self) -> float:
        """Absorption is over below this; a charger too small for its battery goes by its limit."""
        return min(TAIL_SHARE * self.rated_ah, 0.5 * self.limit_a)

    def _enter(self, stage: str) -> None:
        self.stage = stage
        self._held_s = 0.0
        self._stage_s = 0.0
