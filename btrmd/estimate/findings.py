"""Findings: what a discharge shows that makes any verdict on it doubtful, as mark and sentence."""

from __future__ import annotations

from typing import NamedTuple

from ..model.chemistry import LEAD_ACID
from .curve import Curve
from .shape import Shape

NOT_LEAD_ACID = "not_lead_acid"
SHORTED_CELL = "shorted_cell"
NOT_FULL = "not_full"
LOAD_CHANGED = "load_changed"

# A lead-acid cell, full and rested, stands at 2.10 V to `full_v` of the block. Float charge
# adds to it for the first few parts in a hundred of the charge.
FLOAT_PART = 0.06  # of the rated charge, after which no float charge is left ...
FLOAT_H = 3.0  # ... or hours, where no rating is told
# From full to empty its rest voltage falls by 0.9 V a block at least; whoever holds twice what the
# label says still shows half of that over the rated charge.
FLAT_V = 0.4  # V a block over the rated charge
FLAT_PART = 0.12  # of the rated charge must have been seen past the start to say so
LEVEL_V = 0.1  # ... and what falls by less than this does not fall: a reading that hangs, say,
LEVEL_PART = 0.05  # which needs less to be seen
# The trees' ln odds from which it is another kind of battery. Whoever told its type has said that
# it is lead-acid: then the curve must speak clearly. Else the doubt counts: a kind that the trees
# were never shown looks less strange to them than it is.
STRANGE_KNOWN, STRANGE, STRANGE_UNRATED = 0.7, -1.0, -1.4


class Finding(NamedTuple):
    """`mark` as in model/result_words.py, `text` a sentence for the person at the site."""

    mark: str
    text: str


def findings(
    curve: Curve, shape: Shape, rated_ah: float | None, odds: float, is_type_known: bool = False
) -> tuple[Finding, ...]:
    """All that is found; `odds` ln odds of another chemistry by the trees, `rated_ah` or None,
    `is_type_known`: somebody has told its type or its maker's table."""
    start = _start(curve, shape)
    least = STRANGE_KNOWN if is_type_known else STRANGE_UNRATED if rated_ah is None else STRANGE
    # the trees know other chemistries by curves that begin full
    strange = _strange(curve, shape, rated_ah, start is None and odds > least, is_type_known)
    found = [strange, start if strange is None else None, _load(curve)]
    return tuple(one for one in found if one is not None)


def _strange(
    curve: Curve, shape: Shape, rated_ah: float | None, is_odd: bool, is_type_known: bool
) -> Finding | None:
    text = "This does not look like a lead-acid battery"
    is_past = curve.seen_ah > (
        FLOAT_H * curve.load.amps if rated_ah is None else FLOAT_PART * rated_ah
    )
    if is_past and shape.now_v > LEAD_ACID.full_v:
        return Finding(
            NOT_LEAD_ACID,
            f"{text}: {shape.now_v:.2f} V a block after {curve.seen_ah:.1f} Ah under load is more"
            f" than a full one's {LEAD_ACID.full_v:.1f} V.",
        )
    if rated_ah is not None:
        span = shape.q[-1] - shape.q[0]
        fall = (shape.y[0] - shape.y[-1]) / max(span, 1e-6) * rated_ah
        fall = max(fall, shape.slope * rated_ah)
        is_level = fall < LEVEL_V and span > LEVEL_PART * rated_ah
        if is_level or (fall < FLAT_V and span > FLAT_PART * rated_ah):
            return Finding(
                NOT_LEAD_ACID,
                f"{text}: the voltage falls by less than {FLAT_V:g} V a block over the rated"
                " charge; either that, or the rated Ah is far too low.",
            )
    if is_odd:
        known = "" if is_type_known else " If it is one, tell its type in the settings."
        return Finding(NOT_LEAD_ACID, f"{text}: the curve runs like that of another kind.{known}")
    return None


def _start(curve: Curve, shape: Shape) -> Finding | None:
    """Volts at rest at the start, as far as the load's drop can be told, against a full one's."""
    rest = shape.y[0] + curve.resistance * curve.load.level
    if curve.blocks == 1 and rest < LEAD_ACID.shorted_v:
        return Finding(
            SHORTED_CELL,
            f"The battery began at {shape.y[0]:.2f} V under load: a cell seems to be shorted, or it"
            " was nearly empty.",
        )
    if rest < LEAD_ACID.uncharged_v:
        return Finding(
            NOT_FULL,
            f"The battery began at {shape.y[0]:.2f} V a block under load: it was not full, or a"
            " cell is shorted.",
        )
    return None


def _load(curve: Curve) -> Finding | None:
    load = curve.load
    if load.lately > 0.0:
        return Finding(
            LOAD_CHANGED,
            f"The load changed to {load.lately:.2f} A in the last minutes; the estimate is for"
            f" {load.ahead:.2f} A.",
        )
    if load.since <= 0.0:
        return None
    return Finding(
        LOAD_CHANGED,
        f"The load changed to {load.ahead:.2f} A in the discharge; the estimate is for"
        f" {load.ahead:.2f} A.",
    )
