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
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

TABLES = Path(__file__).parent / "tables"
RATED, UNRATED = "rated.json", "unrated.json"  # told the rated Ah, and not
LATE_RATED, LATE_UNRATED = "late-rated.json", "late-unrated.json"  # for the second half of a run
ENDING = "ending.json"  # for the last percents of a run; never told the rated Ah
LEAF = 255  # in place of a number's index: a leaf
NODE = 3  # bytes: index, bound, nodes to jump over; of a leaf: LEAF, value (two bytes)
ZERO = 0x8000  # a leaf's value counts from here
LEAST_REACH = 0.05  # of either end of the interval, before it is stretched


class TreeAnswer(NamedTuple):
    """ln of (charge left / what the slope method says); how far below and above it the 90 %
    interval reaches, both positive, before it is stretched."""

    centre: float
    below: float
    above: float


class Forest(NamedTuple):
    """Tree after tree, node by node: the `indices` of the numbers, or LEAF; their `bounds`; the
    `jumps`. A node at or below its bound goes on with the next node, else jumps. `trees`: where
    each begins, in nodes; `scale`: what one count of a leaf is worth."""

    indices: bytes
    bounds: bytes
    jumps: bytes
    trees: tuple[int, ...]
    scale: float


class Reach(NamedTuple):
    """What the two ends of the interval are stretched by."""

    below: float
    above: float


class Stretch(NamedTuple):
    """By load kind and by the part of the run that is seen, what the interval is stretched by so
    that 90 % of the curves that the trees had not seen lay inside. `edges`: where the next part
    begins, rising; one Reach more than edges for each kind."""

    edges: Sequence[float]
    reaches: Mapping[str, Sequence[Reach]]

    def at(self, load_kind: str, part: float) -> Reach:
        """`load_kind` as curve.Load.kind, `part` 0..1 of the run."""
        return self.reaches[load_kind][bisect_left(self.edges, part)]


class TreeTable(NamedTuple):
    """`bounds` by number; forests for the median, the 5 and the 95 % quantile. `alone`, `together`:
    stretch of its intervals where it answers by itself and where both tables do. `strange`: ln odds
    that this is no lead-acid battery; None in a table that is not asked."""

    bounds: tuple[Sequence[float], ...]
    centre: Forest
    low: Forest
    high: Forest
    alone: Stretch
    together: Stretch
    strange: Forest | None


def forest_of(nodes: bytes, trees: Sequence[int], scale: float) -> Forest:
    """`nodes` as a table holds them: NODE bytes each, one node behind the other."""
    indices, bounds, jumps = (nodes[place::NODE] for place in range(NODE))
    return Forest(indices, bounds, jumps, tuple(trees), scale)


@cache
def load_table(path: Path) -> TreeTable:
    """The table in the file; read once, on first use."""
    stored = json.loads(path.read_text(encoding="utf-8"))

    def forest(name: str) -> Forest:
        made = stored[name]
        return forest_of(b64decode(made["nodes"]), made["trees"], made["scale"])

    def stretch(name: str) -> Stretch:
        made = stored[name]
        return Stretch(
            array("d", made["edges"]),
            {kind: [Reach(*pair) for pair in pairs] for kind, pairs in made["reaches"].items()},
        )

    return TreeTable(
        tuple(array("d", own) for own in stored["bounds"]),
        forest("centre"),
        forest("low"),
        forest("high"),
        stretch("alone"),
        stretch("together"),
        forest("strange") if "strange" in stored else None,
    )


def rank(table: TreeTable, features: Sequence[float]) -> list[int]:
    """The place of each number among the table's bounds."""
    return [bisect_left(own, value) for own, value in zip(table.bounds, features, strict=True)]


def ask(table: TreeTable, ranks: Sequence[int]) -> TreeAnswer:
    """What the table says to numbers at `ranks`."""
    at = tuple(ranks)
    centre, low, high = (_sum(forest, at) for forest in (table.centre, table.low, table.high))
    return TreeAnswer(centre, max(centre - low, LEAST_REACH), max(high - centre, LEAST_REACH))


def ask_strange(table: TreeTable, ranks: Sequence[int]) -> float:
    """ln odds that numbers at `ranks` come from another chemistry; 0 where the table knows none."""
    return 0.0 if table.strange is None else _sum(table.strange, tuple(ranks))


@lru_cache(maxsize=64)  # one estimate asks the same up to three times
def _sum(forest: Forest, ranks: tuple[int, ...]) -> float:
    indices, bounds, jumps, trees, scale = forest
    counts = 0
    for at in trees:
        while (index := indices[at]) != LEAF:
            at += 1 if ranks[index] <= bounds[at] else jumps[at]
        counts += (bounds[at] << 8 | jumps[at]) - ZERO
    return counts * scale
