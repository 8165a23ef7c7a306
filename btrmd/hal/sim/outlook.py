"""The outlook: how long the battery would really carry the load, worked out ahead."""

from __future__ import annotations

from dataclasses import dataclass

from .bank import Bank
from .battery import SimBattery
from .load import Profile
from .replay import CUTOFF_V

DIP_V, DIP_S = 10.5, 600.0  # a dip of the first minutes is no end of the run
STEP_SHARE = 0.003  # of the charge in one step of the look ahead
FIRST_STEPS_S = 30.0  # short steps while the first minutes' dip lasts
MOST_STEPS = 3000
REFRESH_S = 30.0  # with a profile the answer moves with its phase


@dataclass(slots=True)
class Outlook:
    """A question about the future that needs no plant to be answered."""

    battery: SimBattery | Bank
    amps: float  # a constant load's, with the HAT's draw
    profile: Profile | None
    phase_s: float
    extra_a: float  # the HAT's draw, on top of a profile
    passed_s: float  # since the run began
    key: object  # what the answer depends on
    asked_at: float  # plant second

    def work_out(self) -> float | None:
        """Seconds from the start of the run to 11.0 V per block; None: not at this load."""
        battery, spent = self.battery, self.passed_s
        profile = self.profile
        rows = profile is not None and profile.period_s > 600.0 * len(profile.times)
        mean, peak = (self.amps, self.amps) if profile is None else profile.mean_and_peak()
        phase = self.phase_s
        left = 0.0
        volts = before_v = 99.0
        for _ in range(MOST_STEPS):
            if rows and profile is not None:
                if left <= 0.0:
                    mean, left = profile.at(phase + 5e-7)
                peak = mean
            flow, top = mean + self.extra_a, peak + self.extra_a
            if flow <= 0.0 and not rows:
                return None
            dt = STEP_SHARE * battery.whole_as / max(flow, 1e-3)
            if spent < 2.0 * DIP_S or volts - CUTOFF_V < 0.1:
                dt = min(dt, FIRST_STEPS_S)
            if rows:
                dt = min(dt, max(left, 1e-3))
                left -= dt
                phase += dt
            battery.advance(dt, -flow)
            spent += dt
            before_v = volts
            emf, ohms = battery.thevenin()
            # A burst is short: it meets the ohmic and half of the fast resistance on top.
            volts = emf - ohms * top - (top - flow) * 0.5 * battery.r_fast
            if volts <= CUTOFF_V and (spent > DIP_S or volts < DIP_V):
                if before_v > CUTOFF_V:
                    spent -= dt * (CUTOFF_V - volts) / (before_v - volts)
                return spent
            if battery.charge.soc <= 0.0:
                return spent
        return None


class RunTime:
    """Keeps the last answer while nothing that matters has changed."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: tuple[object, float, float | None] = (None, 0.0, None)

    def is_known(self, key: object, profile: Profile | None, plant_s: float) -> bool:
        """True while the last answer is the one to a question with this `key`."""
        known, asked_at, _ = self._kept
        is_old = profile is not None and abs(plant_s - asked_at) > REFRESH_S
        return key == known and not is_old

    @property
    def last(self) -> float | None:
        """The last answer, s."""
        return self._kept[2]

    def answer(self, question: Outlook | float | None) -> float | None:
        """The run time in seconds; takes some milliseconds at most and touches no plant."""
        if not isinstance(question, Outlook):
            return question
        found = question.work_out()
        self._kept = (question.key, question.asked_at, found)
        return found
