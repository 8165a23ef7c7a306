"""Cross-validation: every family of curves estimated by trees that never saw a curve of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from btrmd.estimate.run_time import RATED_SHARE, TRUST

from .batteries import Array
from .dataset import Set
from .score import HEAD, score
from .train import Trees, run, train

COVER = 90.0  # the interval is stretched until this part of the left-out cases lies inside


def left_out(cases: Set) -> tuple[Array, dict[str, Trees]]:
    """Answers to each case from trees trained on the other families; these trees, by family."""
    answers = np.zeros((len(cases.y), 3))
    found = {}
    for family in np.unique(cases.family):
        inside = cases.family == family
        rest = cases.pick(~inside)
        trained = train(rest.x, rest.y, rest.weight)
        answers[inside] = run(trained, cases.x[inside])
        answers[inside, 0] *= TRUST
        found[str(family)] = trained
    return answers, found


def both(rated: Set, answers: Array, plain: Set, others: Array) -> Array:
    """What both tables say together of the same discharges, as answers to `rated`."""
    apart = np.log(plain.left / rated.left)[:, None]
    ends = []
    for found, shift in ((answers, 0.0), (others, apart)):
        centre, below, above = found.T
        ends.append(np.column_stack([centre - below, centre, centre + above]) + shift)
    low, centre, high = (RATED_SHARE * ends[0] + (1.0 - RATED_SHARE) * ends[1]).T
    return np.column_stack([centre, centre - low, high - centre])


def likely(cases: Set, seed: int = 0) -> np.ndarray:
    """A choice of cases in which curves shaped as measured ones are as common as in life."""
    part = cases.w / cases.chance
    return np.asarray(np.random.default_rng(seed).random(len(part)) < part)


def stretch(cases: Set, answers: Array) -> float:
    """By how much the reaches must grow for COVER % of the cases to lie inside."""
    centre, below, above = answers.T
    off = cases.y - centre
    needed = np.where(off < 0.0, -off / below, off / above)
    return float(np.percentile(needed, COVER))


def table(cases: Set, answers: Array, by: Sequence[str] = ("kind", "family")) -> str:
    """Lines of scores: all, then by each column."""
    lines = [f"{'':16s}{HEAD}", f"{'all':16s}{score(cases, answers).text()}"]
    for column in by:
        names = getattr(cases, column)
        for name in np.unique(names):
            where = names == name
            lines.append(f"{name!s:16s}{score(cases.pick(where), answers[where]).text()}")
    return "\n".join(lines)
