"""Block taps: which IO channel is wired between which blocks of the bank (block.tap1..3).

Tap n lies above block n, counted from Battery-; the channels measure against ground, so block n is
what lies between tap n-1 and tap n. Battery- is tap 0, Battery+ the tap above the last block.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Final, NoReturn

from .errors import SettingError

TAPS: Final = ("block.tap1", "block.tap2", "block.tap3")
NONE: Final = "none"
CHANNELS: Final = ("ch2", "ch3", "ch4")
IO2: Final = "io2.config"
MOST_BLOCKS: Final = 4
ORDER_V: Final = 2.0  # a block that holds less is no block: a cell alone has 2 V


def tap_choices(key: str, blocks: int) -> tuple[str, ...]:
    """What a tap's setting may be with `blocks` blocks: there are blocks - 1 taps."""
    return (NONE, *CHANNELS) if TAPS.index(key) + 1 < blocks else (NONE,)


def wired_taps(values: Mapping[str, object], blocks: int) -> tuple[str, ...]:
    """The channel of each tap below Battery+, "none" where there is no wire; blocks - 1 long."""
    return tuple(str(values[key]) for key in TAPS[: blocks - 1])


def check_taps(values: Mapping[str, object], changed: Mapping[str, object]) -> None:
    """Refuse taps that cannot be. `values` all settings as they would be, `changed` what was asked.

    Raises SettingError: one channel at two taps; CH2 both tap and digital channel.
    """
    seen: dict[str, str] = {}
    for key in TAPS:
        channel = str(values[key])
        if channel == NONE:
            continue
        other = seen.setdefault(channel, key)
        if other != key:
            wrong = key if key in changed or other not in changed else other
            right = other if wrong == key else key
            _refuse(wrong, channel, f"none or a channel other than {right}, which is {channel}")
    if "ch2" in seen and values[IO2] != 0:
        key = seen["ch2"]
        if IO2 in changed and key not in changed:
            _refuse(IO2, values[IO2], f"0 while {key} is ch2")
        _refuse(key, "ch2", f"none, ch3 or ch4 while {IO2} is {values[IO2]}")


def check_tap_order(values: Mapping[str, object], changed: Collection[str]) -> None:
    """Refuse a gap: with a tap missing below another one, a block is not where it is said to be.
    Asked of what somebody changes. `values` all settings as they would be, `changed` the keys.

    Raises SettingError: a tap without a channel below one that has one.
    """
    for below, above in pairwise(TAPS):
        if values[below] != NONE or values[above] == NONE:
            continue
        if below in changed:
            _refuse(below, NONE, f"a channel while {above} is {values[above]}: taps have no gap")
        _refuse(above, values[above], f"none while {below} is none: taps have no gap")


def _refuse(key: str, value: object, allowed: str) -> NoReturn:
    raise SettingError(key, value, allowed, f"{key} = {value} is refused: allowed is {allowed}.")


def check_tap_volts(
    taps: Sequence[str], volts: Mapping[str, float | None], bank_v: float | None
) -> tuple[str, str] | None:
    """(key, what is allowed there) of the first tap whose voltage cannot be that of its place.

    `taps` channel of each tap from the lowest, `volts` of each channel in V (None = no good
    reading), `bank_v` of the whole bank. None where nothing speaks against the wiring: a channel
    without voltage is one whose wire is still to come.
    """
    below, name = 0.0, "Battery-"
    for key, channel in zip(TAPS, taps, strict=False):
        now = volts.get(channel)
        if channel == NONE or now is None or now < ORDER_V:
            continue
        if bank_v is not None and now > bank_v - ORDER_V:
            return key, (
                f"a channel between blocks: {channel.upper()} reads {now:.2f} V and the whole bank "
                f"{bank_v:.2f} V"
            )
        if now < below + ORDER_V:
            return key, (
                f"a channel above {name}, which reads {below:.2f} V, counted from Battery-: "
                f"{channel.upper()} reads {now:.2f} V"
            )
        below, name = now, f"{key} ({channel.upper()})"
    return None


def block_volts(
    taps: Sequence[str], volts: Mapping[str, float | None], bank_v: float | None
) -> tuple[float | None, ...]:
    """Volts of each block from the lowest; None where one of its ends is not wired or not known."""
    ends: list[float | None] = [0.0]
    ends += [volts.get(channel) if channel != NONE else None for channel in taps]
    ends.append(bank_v)
    return tuple(
        None if low is None or high is None else high - low for low, high in pairwise(ends)
    )
