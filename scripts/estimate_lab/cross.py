"""Cross-validation: every family of curves estimated by trees that never saw a curve of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import lightgbm
import numpy as np

from btrmd.estimate import ending
from btrmd.estimate.run_time import share_at
from btrmd.estimate.trees import Reach, Stretch
from btrmd.estimate.view import FARTHEST, TRUST

from .batteries import Array
from .dataset import COUNT, Set
from .forest_table import answers_of
from .score import HEAD, score
from .train import Stage, Trees, train

# % of the left-out cases that may lie below the interval, and above it: measured batteries often
# hold more than their label says, and that must not surprise.
OUTSIDE: Mapping[Stage, tuple[float, float]] = {
    "first": (6.0, 4.0), "second": (6.0, 4.0), "ending": (5.0, 3.0)
}  # fmt: skip
LEAST, MOST = 0.6, 4.0  # what an end is stretched by: a class may be easy, or odd, by chance
EDGES: Mapping[Stage, Sequence[float]] = {  # parts of the run
    "first": (0.12, 0.25, 0.4), "second": (0.6, 0.75, 0.9), "ending": (0.75, 0.88, 0.95, 0.98)
}  # fmt: skip
SEEN = 10  # the number that is ln of the part of the rated charge seen
LOADS = ("steady", "bursts", "restless")


def trained(cases: Set, stage: Stage) -> Trees:
    return train(cases.x, cases.y, cases.weight, cases.sound, stage)


def train_groups(
    cases: Set, stage: Stage, groups: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Trees trained on all families but those of a group, as text, by the group's name."""
    with ProcessPoolExecutor() as processes:
        made = processes.map(_train, [(cases, stage, out) for out in groups.values()])
        return dict(zip(groups, made, strict=True))


def _train(job: tuple[Set, Stage, Sequence[str]]) -> list[str]:
    cases, stage, out = job
    made = trained(cases.pick(~np.isin(cases.family, out)), stage)
    return [forest.model_to_string() for forest in made]


def loaded(texts: Sequence[str]) -> Trees:
    return Trees(*(lightgbm.Booster(model_str=text) for text in texts))


def left_out(cases: Set, stage: Stage, folder: Path, name: str) -> Array:
    """ln of the s left and of the interval's ends, not stretched, for each case by the table `name`
    in the folder of its family, whose trees never saw one of that family."""
    answers = np.zeros((len(cases.y), 3))
    for family in np.unique(cases.family):
        inside = cases.family == family
        own = cases.pick(inside)
        answers[inside] = answer(answers_of(folder / str(family) / name, own.x), own, stage)
    return answers


def answer(said: Array, cases: Set, stage: Stage) -> Array:
    """As btrmd.estimate.view.placed: ln of the s left, of the interval's ends. `said` by a table:
    rows of centre, reach below, reach above."""
    trust, farthest = (ending.TRUST, ending.FARTHEST) if stage == "ending" else (TRUST, FARTHEST)
    centre, below, above = said.T
    centre = trust * np.clip(centre, -farthest, farthest) + np.log(cases.left)
    return np.column_stack([centre, centre - below, centre + above])


def both(cases: Set, rated: Array, plain: Array) -> Array:
    """What both views say together of `cases`, told the rating."""
    share = np.array([share_at(part) for part in np.exp(cases.x[:, SEEN])])[:, None]
    return np.asarray(share * rated + (1.0 - share) * plain)


def likely(cases: Set, count: float = 0.0, seed: int = 0) -> np.ndarray:
    """A choice of cases in which curves shaped as measured ones are as common as in life; others
    count `count`."""
    part = (count + (1.0 - count) * cases.w) / cases.chance
    return np.asarray(np.random.default_rng(seed).random(len(part)) < part)


def calibrate(cases: Set, answers: Array, stage: Stage) -> Stretch:
    """What the ends are stretched by, by load and part seen, so that OUTSIDE % lie beyond them."""
    chosen = likely(cases, 1.0 if stage == "ending" else COUNT)
    if stage == "first":
        chosen &= np.isin(cases.mode, ("policy", "part"))
    parts = _parts(cases, answers, EDGES[stage])
    off = np.log(np.maximum(cases.true - cases.seen, 1.0)) - answers[:, 0]
    below, above = answers[:, 0] - answers[:, 1], answers[:, 2] - answers[:, 0]
    reaches: dict[str, list[Reach]] = {}
    for load in LOADS:
        reaches[load] = []
        for part in range(len(EDGES[stage]) + 1):
            own = chosen & (cases.load == load) & (parts == part)
            if own.sum() < 200:
                own = chosen & (parts == part)
            ends = (-off[own] / below[own], off[own] / above[own])
            reach = [
                float(np.clip(np.percentile(end, 100.0 - outside), LEAST, MOST))
                for end, outside in zip(ends, OUTSIDE[stage], strict=True)
            ]
            reaches[load].append(Reach(*(round(value, 3) for value in reach)))
    return Stretch(EDGES[stage], reaches)


def stretched(cases: Set, answers: Array, stretch: Stretch) -> Array:
    """The answers with their interval as told."""
    parts = _parts(cases, answers, stretch.edges)
    by = np.array([stretch.reaches[str(load)] for load in cases.load])
    below, above = by[np.arange(len(parts)), parts].T
    centre, low, high = answers.T
    ends = centre - below * (centre - low), centre + above * (high - centre)
    return np.column_stack([centre, *ends])


def _parts(cases: Set, answers: Array, edges: Sequence[float]) -> np.ndarray:
    part = cases.seen / (cases.seen + np.exp(answers[:, 0]))
    return np.searchsorted(np.array(edges), part)


def table(cases: Set, answers: Array, by: Sequence[str] = ("kind", "family")) -> str:
    """Lines of scores: all, then by each column."""
    lines = [f"{'':16s}{HEAD}", f"{'all':16s}{score(cases, answers).text()}"]
    for column in by:
        names = getattr(cases, column)
        for name in np.unique(names):
            where = names == name
            lines.append(f"{name!s:16s}{score(cases.pick(where), answers[where]).text()}")
    return "\n".join(lines)
