"""A table of trees as the daemon reads it (btrmd/estimate/trees.py), from trained ones."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from btrmd.estimate.trees import (
    LEAF,
    LEAST_REACH,
    NODE,
    ZERO,
    Forest,
    Reach,
    Stretch,
    ask,
    load_table,
    rank,
)

from .batteries import Array
from .train import Trees, run

WIDEST = 32000  # counts: the leaf that says most
PLAIN = Stretch((), {kind: (Reach(1.0, 1.0),) for kind in ("steady", "bursts", "restless")})
NEAR = 2e-3  # ln: what whole counts and rounded bounds may change


def write(path: Path, trees: Trees, x: Array, strange: lightgbm.Booster | None = None) -> None:
    """The table as JSON: bounds rounded to seven digits, nodes as bytes in base64, its intervals
    not stretched yet.

    Raises ValueError when what was written does not say of `x` what the trees say.
    """
    forests = dict(zip(Trees._fields, trees, strict=True))
    if strange is not None:
        forests["strange"] = strange
    models = {name: forest.dump_model()["tree_info"] for name, forest in forests.items()}
    bounds = _bounds(list(models.values()), x.shape[1])
    table = {
        "about": "Written by scripts/make-estimate-tables; do not edit.",
        "alone": _stretch(PLAIN),
        "together": _stretch(PLAIN),
        "bounds": [[_short(bound) for bound in own] for own in bounds],
        **{name: _forest(model, bounds) for name, model in models.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    _store(path, table)
    read = load_table(path)
    ranks = [rank(read, [float(v) for v in row]) for row in x]
    said = np.array([ask(read, own) for own in ranks])
    if np.quantile(np.abs(said - run(trees, x)), 0.99) > NEAR:
        raise ValueError(f"{path} does not say what the trees say.")


def stretch(path: Path, alone: Stretch, together: Stretch) -> None:
    """Write into the table what its intervals are stretched by."""
    table = json.loads(path.read_text(encoding="utf-8"))
    _store(path, {**table, "alone": _stretch(alone), "together": _stretch(together)})


def answers_of(path: Path, x: Array) -> Array:
    """What the table says of each row of `x`, as btrmd.estimate.trees.ask does of one: centre,
    reach below, reach above."""
    table = load_table(path)
    ranks = np.column_stack(
        [np.searchsorted(np.asarray(own), x[:, k]) for k, own in enumerate(table.bounds)]
    )
    centre, low, high = (_sums(forest, ranks) for forest in (table.centre, table.low, table.high))
    return np.column_stack(
        [centre, np.maximum(centre - low, LEAST_REACH), np.maximum(high - centre, LEAST_REACH)]
    )


def _sums(forest: Forest, ranks: np.ndarray) -> Array:
    """What the forest's trees add up to for each row of `ranks`."""
    columns = (forest.indices, forest.bounds, forest.jumps)
    nodes = np.column_stack([np.frombuffer(c, np.uint8) for c in columns]).astype(np.int64)
    rows = np.arange(len(ranks))
    counts = np.zeros(len(ranks), dtype=np.int64)
    for tree in forest.trees:
        at = np.full(len(ranks), tree)
        while True:
            index, bound, jump = nodes[at].T
            is_leaf = index == LEAF
            if is_leaf.all():
                break
            is_below = ranks[rows, np.where(is_leaf, 0, index)] <= bound
            at = at + np.where(is_leaf, 0, np.where(is_below, 1, jump))
        counts += (bound << 8 | jump) - ZERO
    return np.asarray(counts * forest.scale)


def _store(path: Path, table: dict[str, Any]) -> None:
    path.write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="utf-8")
    load_table.cache_clear()


def _short(bound: float) -> float:
    return float(f"{bound:.7g}")


def _stretch(stretch: Stretch) -> dict[str, Any]:
    return {"edges": list(stretch.edges), "reaches": stretch.reaches}


def _bounds(models: list[list[dict[str, Any]]], numbers: int) -> list[list[float]]:
    """All bounds of each number, rising."""
    found: list[set[float]] = [set() for _ in range(numbers)]

    def look(node: dict[str, Any]) -> None:
        if "split_feature" in node:
            found[node["split_feature"]].add(node["threshold"])
            look(node["left_child"])
            look(node["right_child"])

    for model in models:
        for tree in model:
            look(tree["tree_structure"])
    return [sorted(own) for own in found]


def _forest(model: list[dict[str, Any]], bounds: list[list[float]]) -> dict[str, Any]:
    places = [{bound: place for place, bound in enumerate(own)} for own in bounds]
    most = max(abs(leaf) for tree in model for leaf in _leaves(tree["tree_structure"]))
    scale = float(f"{most / WIDEST:.9g}")
    nodes = bytearray()
    trees = []
    for tree in model:
        trees.append(len(nodes) // NODE)
        nodes += _encode(tree["tree_structure"], places, scale)
    return {"scale": scale, "trees": trees, "nodes": b64encode(bytes(nodes)).decode()}


def _leaves(node: dict[str, Any]) -> list[float]:
    if "split_feature" not in node:
        return [float(node["leaf_value"])]
    return _leaves(node["left_child"]) + _leaves(node["right_child"])


def _encode(node: dict[str, Any], places: list[dict[float, int]], scale: float) -> bytes:
    """The node, then what follows at or below its bound, then what follows above it."""
    if "split_feature" not in node:
        count = round(node["leaf_value"] / scale) + ZERO
        return bytes((LEAF, count >> 8, count & 0xFF))
    left = _encode(node["left_child"], places, scale)
    right = _encode(node["right_child"], places, scale)
    number = node["split_feature"]
    jump = len(left) // NODE + 1
    return bytes((number, places[number][node["threshold"]], jump)) + left + right
