"""The trees: what the development curves taught, as boosted regression trees in a table.

A forest adds up what its trees say. A tree asks one number at a time whether it is below a bound;
where it ends stands what to add. All bounds of a number lie in one rising list, so each number is
looked up once and the trees compare small whole numbers.
"""

from __future__ import annotations

import json
from array import array
from base64 import b64decode
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

TABLES = Path(__file__).parent / "tables"
RATED, UNRATED = "rated.json", "unrated.json"  # told the rated Ah, and not
LEAF = 255  # in place of a number's index: a leaf
NODE = 3  # bytes: index, bound, nodes to jump over; of a leaf: LEAF, value (two bytes)
ZERO = 0x8000  # a leaf's value counts from here
LEAST_REACH = 0.02  # of either end of the interval, before it is stretched


class Answer(NamedTuple):
    """ln of (charge left / what the slope method says); how far below and above it the 90 %
    interval reaches, both positive."""

    centre: float
    below: float
    above: float


class Forest(NamedTuple):
    """`nodes`: tree after tree; a node at or below its bound goes on with the next node, else
    jumps. `trees`: where each begins, in nodes; `scale`: what one count of a leaf is worth."""

    nodes: bytes
    trees: tuple[int, ...]
    scale: float


class Table(NamedTuple):
    """`bounds` by number; forests for the median, the 5 and the 95 % quantile. `stretch`: by load
    kind, what the interval is stretched by so that 90 % of the curves that the trees had not seen
    lay inside; `together`: the same once more where it answers together with the other table."""

    bounds: tuple[Sequence[float], ...]
    centre: Forest
    low: Forest
    high: Forest
    stretch: Mapping[str, float]
    together: Mapping[str, float]


@cache
def load_table(path: Path) -> Table:
    """The table in the file; read once, on first use."""
    stored = json.loads(path.read_text(encoding="utf-8"))

    def forest(name: str) -> Forest:
        made = stored[name]
        return Forest(b64decode(made["nodes"]), tuple(made["trees"]), made["scale"])

    return Table(
        tuple(array("d", own) for own in stored["bounds"]),
        forest("centre"),
        forest("low"),
        forest("high"),
        stored["stretch"],
        stored["together"],
    )


def ask(table: Table, features: Sequence[float], load_kind: str) -> Answer:
    """What the table says to `features`; `load_kind` as curve.Load.kind."""
    ranks = [
        bisect_left(bounds, value) for bounds, value in zip(table.bounds, features, strict=True)
    ]
    centre, low, high = (_sum(forest, ranks) for forest in (table.centre, table.low, table.high))
    stretch = table.stretch[load_kind]
    return Answer(
        centre,
        stretch * max(centre - low, LEAST_REACH),
        stretch * max(high - centre, LEAST_REACH),
    )


def _sum(forest: Forest, ranks: Sequence[int]) -> float:
    nodes, counts = forest.nodes, 0
    for tree in forest.trees:
        at = tree * NODE
        while (index := nodes[at]) != LEAF:
            at += NODE if ranks[index] <= nodes[at + 1] else NODE * nodes[at + 2]
        counts += (nodes[at + 1] << 8 | nodes[at + 2]) - ZERO
    return counts * forest.scale
