"""The desk: what one step has before it, and the tray its actions go into."""

from __future__ import annotations

from ..model.board import Inputs
from ..model.events import Event, Kind
from ..model.readings import Value
from .actions import Action, Tell
from .setpoints import Setpoints


class Desk:
    """Lives for one step only, so that the machines stay functions of plain values.

    `now` is the process clock in s, `dt` the seconds since the step before (0 at the first).
    """

    __slots__ = ("actions", "boot", "dt", "inputs", "now", "sp")

    def __init__(self, now: float, dt: float, boot: float, inputs: Inputs, sp: Setpoints) -> None:
        self.now = now
        self.dt = dt
        self.boot = boot
        self.inputs = inputs
        self.sp = sp
        self.actions: list[Action] = []

    def do(self, action: Action) -> None:
        """Put one action into the tray."""
        self.actions.append(action)

    def tell(
        self,
        key: str,
        kind: Kind,
        text: str,
        *,
        value: Value = None,
        threshold: float | None = None,
        source: str = "core",
        notify: bool = True,
    ) -> None:
        """Write one line of the event log."""
        self.actions.append(
            Tell(
                Event(
                    n=0,
                    at=self.inputs.wall,
                    uptime_s=self.now - self.boot,
                    key=key,
                    kind=kind,
                    value=value,
                    threshold=threshold,
                    source=source,
                    text=text,
                    notify=notify,
                )
            )
        )
