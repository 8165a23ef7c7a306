"""A table of trees as the daemon reads it (btrmd/estimate/trees.py), from trained ones."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from btrmd.estimate.trees import LEAF, NODE, ZERO, Stretch, ask, load_table, rank

from .batteries import Array
from .train import Trees, run

WIDEST = 32000  # counts: the leaf that says most
NEAR = 2e-3  # ln: what whole counts and rounded bounds may change


def write(
    path: Path,
    trees: Trees,
    x: Array,
    alone: Stretch,
    together: Stretch,
    strange: lightgbm.Booster | None = None,
) -> None:
    """The table as JSON: bounds rounded to seven digits, nodes as bytes in base64.

    Raises ValueError when what was written does not say of `x` what the trees say.
    """
    forests = dict(zip(Trees._fields, trees, strict=True))
    if strange is not None:
        forests["strange"] = strange
    models = {name: forest.dump_model()["tree_info"] for name, forest in forests.items()}
    bounds = _bounds(list(models.values()), x.shape[1])
    table = {
        "about": "Written by scripts/make-estimate-tables; do not edit.",
        "alone": _stretch(alone),
        "together": _stretch(together),
        "bounds": [[_short(bound) for bound in own] for own in bounds],
        **{name: _forest(model, bounds) for name, model in models.items()},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="utf-8")
    load_table.cache_clear()
    read = load_table(path)
    ranks = [rank(read, [float(v) for v in row]) for row in x]
    said = np.array([ask(read, own) for own in ranks])
    if np.quantile(np.abs(said - run(trees, x)), 0.99) > NEAR:
        raise ValueError(f"{path} does not say what the trees say.")


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
