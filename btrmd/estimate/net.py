"""The net: what the development curves taught, as weights in a table; a few thousand products."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from functools import cache
from math import exp, tanh
from operator import mul
from pathlib import Path
from typing import Any, NamedTuple

TABLES = Path(__file__).parent / "tables"
RATED, UNRATED = "rated.json", "unrated.json"  # told the rated Ah, and not
FAR = 3.0  # a feature further from the development data than this, in sd, counts as this far


class Answer(NamedTuple):
    """ln of (charge left / what the slope method says); how far below and above it the 90 %
    interval reaches, both positive."""

    centre: float
    below: float
    above: float


class _Layer(NamedTuple):
    columns: tuple[array[float], ...]  # one a unit; four bytes a number are enough
    offsets: array[float]


class _Net(NamedTuple):
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    layers: tuple[_Layer, ...]


class Table(NamedTuple):
    """Several nets of one kind; their mean answers. `stretch`: by load kind, what the interval is
    stretched by so that 90 % of the curves that the nets had not seen lay inside; `together`: the
    same once more where it answers together with the other table."""

    nets: tuple[_Net, ...]
    stretch: Mapping[str, float]
    together: Mapping[str, float]


@cache
def load_table(path: Path) -> Table:
    """The table in the file; read once, on first use."""
    stored = json.loads(path.read_text(encoding="utf-8"), object_hook=_shrink)
    nets = tuple(
        _Net(
            tuple(net["mean"]),
            tuple(net["sd"]),
            tuple(net["layers"]),
        )
        for net in stored["nets"]
    )
    return Table(nets, stored["stretch"], stored["together"])


def _shrink(found: dict[str, Any]) -> object:
    """A layer as soon as it is read, so that a table never stands in memory as Python floats."""
    if "columns" not in found:
        return found
    return _Layer(
        tuple(array("f", column) for column in found["columns"]), array("f", found["offsets"])
    )


def ask(table: Table, features: Sequence[float], load_kind: str) -> Answer:
    """What the table says to `features`; `load_kind` as curve.Load.kind."""
    answers = [_run(net, features) for net in table.nets]
    share = table.stretch[load_kind] / len(answers)
    return Answer(
        sum(answer[0] for answer in answers) / len(answers),
        sum(exp(answer[1]) for answer in answers) * share,
        sum(exp(answer[2]) for answer in answers) * share,
    )


def _run(net: _Net, features: Sequence[float]) -> list[float]:
    values = [
        max(-FAR, min(FAR, (value - mean) / sd))
        for value, mean, sd in zip(features, net.mean, net.sd, strict=True)
    ]
    last = len(net.layers) - 1
    for number, layer in enumerate(net.layers):
        values = [
            sum(map(mul, column, values)) + offset
            for column, offset in zip(layer.columns, layer.offsets, strict=True)
        ]
        if number < last:
            values = [tanh(value) for value in values]
    return values
