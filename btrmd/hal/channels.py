"""An analogue channel of the board: its last samples, and how far its value can be trusted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ..model.readings import BAD, GOOD, STALE, Measurement

# in the order of the fields of model.board.Inputs; the keys are the points' keys
KEYS = (
    "battery.voltage",
    "battery.current",
    "load.voltage",
    "load.current",
    "charger.voltage",
    "charger.current",
    "supply.voltage",
    "supply.current",
    "system.temperature",
    "io1.voltage",
    "io2.voltage",
    "io3.voltage",
    "io4.voltage",
)

STALE_AFTER = 2.0  # s without a fresh sample (DESIGN section 3)
BAD_AFTER = 10.0  # s
FAILS = 3  # failed reads in a row
RAW_SPAN = 2.0  # s of samples behind `raw`
JUMP = 0.12  # of the last sample: twice the +-5 % of a noisy channel, and a margin
CLOCK_GRACE = 1e-6  # s: the clock is a sum of steps


class SensorChannel:
    """One channel. Owned by the board; `measurement` is what the core sees."""

    __slots__ = (
        "_gain",
        "_jump",
        "_last",
        "_offset",
        "_samples",
        "_seen",
        "at",
        "drop",
        "fails",
        "key",
        "measurement",
        "value",
    )

    def __init__(self, key: str, jump: float) -> None:
        """`jump`: a step of this much (V, A, degC) and 12 % of the value is looked at twice."""
        self.key = key
        self.value = 0.0
        self.at = 0.0
        self.drop = 0.0  # in `value`
        self.fails = 0
        self.measurement = Measurement(0.0, BAD, 0.0)  # never read yet: not to be believed
        self._seen = False
        self._jump = jump
        self._gain = 1.0
        self._offset = 0.0
        self._last = 0.0
        self._samples: deque[tuple[float, float]] = deque(maxlen=20)

    def calibrate(self, gain: float, offset: float) -> None:
        """From now on value = nominal x gain + offset (+ drop)."""
        self._gain = gain
        self._offset = offset

    def screen(self, nominal: float, again: Callable[[], float]) -> float:
        """Reject a spike: a sample that jumps is read once more and the median is taken.

        A real step is confirmed in the same scan, so this costs no latency at any step width; a
        median over three scans would delay every transfer by a scan. `again` may raise BusError.
        """
        last = self._last
        step = nominal - last
        limit = self._jump + JUMP * abs(last)
        if self._seen and not self.fails and not -limit <= step <= limit:
            second = again()
            nominal = max(min(last, nominal), min(max(last, nominal), second))
        self._last = nominal
        return nominal

    def take(self, nominal: float, drop: float, now: float) -> None:
        """A fresh sample: `nominal` in V, A or degC, uncalibrated; `drop` is added afterwards."""
        self.value = value = nominal * self._gain + self._offset + drop
        self.drop = drop
        self.at = now
        self.fails = 0
        self._seen = True
        self.measurement = Measurement(value, GOOD, now)
        self._samples.append((now, nominal + drop))

    def fail(self, now: float, final: bool = False) -> None:
        """A failed read; `final` when it is proven that the chip cannot be believed."""
        self.fails = FAILS if final else min(self.fails + 1, FAILS)
        self.judge(now)

    def judge(self, now: float) -> None:
        """Without a fresh sample: good turns stale, stale turns bad."""
        age = now - self.at + CLOCK_GRACE
        if self.fails >= FAILS or not self._seen or age >= BAD_AFTER:
            quality = BAD
        elif age >= STALE_AFTER:
            quality = STALE
        else:
            return  # still what it was
        if self.measurement.quality is not quality:
            self.measurement = Measurement(self.value, quality, self.at)

    def raw(self, now: float, more: Iterable[tuple[float, float]] = ()) -> float | None:
        """The mean uncalibrated value of the last 2 s, corrected for the drop; None without one.

        `more`: further samples, as (time, value).
        """
        samples = (*self._samples, *more)
        recent = [value for at, value in samples if now - RAW_SPAN <= at <= now]
        return sum(recent) / len(recent) if recent else None
