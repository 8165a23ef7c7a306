"""LVD: the low-voltage disconnect opens the battery path before the battery is ruined."""

from __future__ import annotations

from typing import NamedTuple

from ..model.events import Kind
from .desk import Desk

OPEN_S = 10.0
CLOSE_S = 60.0


class Lvd(NamedTuple):
    """`low_since`: battery below the limit since then; `high_since`: above the reconnect level."""

    is_open: bool = False
    low_since: float | None = None
    high_since: float | None = None

    def is_due(self, now: float) -> bool:
        """The battery has been low for 10 s: whoever uses it must let go."""
        return self.low_since is not None and now - self.low_since >= OPEN_S


def step_lvd(lvd: Lvd, may_open: bool, on_battery: bool, desk: Desk) -> Lvd:
    """Open below 10.5 V for 10 s, close above 12.5 V for 60 s (per block; C15).

    `may_open`: no test has the battery, and the load is proven on the supply or the supply is
    absent. `on_battery`: K1 holds the load on the battery, so that the bus must agree with the
    battery reading. A bad battery reading decides nothing either way.
    """
    sp, now, battery = desk.sp, desk.now, desk.inputs.battery_v
    if not sp.lvd_enabled:
        if lvd.is_open:
            desk.tell(
                "lvd.open", Kind.CHANGE, "LVD was disabled: battery path closed.", value=False
            )
        return lvd if lvd == Lvd() else Lvd()
    if not battery.good:
        return lvd if lvd.low_since is lvd.high_since is None else Lvd(lvd.is_open)
    if not lvd.is_open:
        load = desk.inputs.load_v
        # a bus well above "the battery" says that the sensor lies, not that the battery is flat
        doubted = on_battery and load.good and load.value > battery.value + 0.5 * sp.blocks
        if battery.value >= sp.th.lvd_open_v or doubted:
            return lvd if lvd.low_since is None else Lvd()
        if lvd.low_since is None:
            return Lvd(False, now)
        if may_open and lvd.is_due(now):
            desk.tell(
                "lvd.open", Kind.CHANGE,
                f"LVD opened: the battery is at {battery.value:.2f} V.",
                value=True, threshold=sp.th.lvd_open_v,
            )  # fmt: skip
            return Lvd(True)
        return lvd
    if battery.value <= sp.th.lvd_close_v:
        return lvd if lvd.high_since is None else Lvd(True)
    if lvd.high_since is None:
        return Lvd(True, None, now)
    if now - lvd.high_since >= CLOSE_S:
        desk.tell(
            "lvd.open", Kind.CHANGE, f"LVD closed: the battery is at {battery.value:.2f} V.",
            value=False, threshold=sp.th.lvd_close_v,
        )  # fmt: skip
        return Lvd()
    return lvd
