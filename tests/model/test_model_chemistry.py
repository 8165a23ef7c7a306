"""The chemistry: each number once, and the place where a second one would stand."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from btrmd.core.scan.setpoints import Setpoints
from btrmd.model.chemistry import LEAD_ACID, Chemistry
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.model.thresholds import Thresholds, better_system_voltage, fits_system_voltage

ROOT = Path(__file__).resolve().parents[2]
MADE_UP = Chemistry(
    **{
        **LEAD_ACID._asdict(),
        "name": "made-up",
        "cells": 4,
        "cutoff_v": 10.0,
        "lvd_close_v": {1: 13.0, 2: 26.0, 3: 39.0, 4: 52.0},
        "fits_low_v": 9.0,
        "middle_v": 14.0,
    }
)


def test_another_chemistry_moves_every_limit_of_the_core() -> None:
    """A second one needs its numbers and nothing else: thresholds are made of a chemistry."""
    settings = Settings.defaults(Site(model="400")).with_changes({"system.voltage": 48})
    made = Thresholds.of(settings, MADE_UP)
    lead = Thresholds.of(settings)
    assert (made.cutoff_v, made.lvd_close_v) == (40.0, 52.0)
    assert (lead.cutoff_v, lead.lvd_close_v) == (44.0, 49.0)
    assert made.start_v == lead.start_v == 49.6
    assert fits_system_voltage(38.0, 48, MADE_UP)
    assert not fits_system_voltage(38.0, 48)
    assert better_system_voltage(40.5, 48, MADE_UP) == 36
    assert Setpoints.of(settings).th == lead


def test_limits_that_belong_together() -> None:
    """What one machine leaves, another one must not enter at once."""
    c = LEAD_ACID
    assert c.lvd_open_v == c.early_cutoff_v == c.supply_absent_v
    assert c.lvd_open_v < c.cutoff_v <= c.low_battery_v < c.low_battery_clear_v < c.lvd_close_v[1]
    assert c.cutoff_v < c.safety_floor_v < c.start_v < c.charger_present_v < c.float_v
    assert c.ups_transfer_v < c.supply_present_v < c.guard_release_v
    assert c.mismatch_low_v < c.fits_low_v < c.middle_v < c.fits_high_v < c.mismatch_high_v
    assert [c.lvd_close_v[blocks] for blocks in (1, 2, 3, 4)] == [12.5, 24.5, 36.75, 49.0]


# Numbers that only a block's volts are; 9.0, 12.0, 13.0 and the like are other things too.
BLOCK_VOLTS = re.compile(
    r"(?<![\w.])(10\.5|11\.0|11\.1|11\.5|11\.6|11\.7|11\.9|12\.40?|12\.6)(?![\w.])"
)


def test_no_other_module_knows_a_block_s_volts() -> None:
    """The simulator has its own copy, since it is the judge; comments and texts explain."""
    found = []
    for path in sorted((ROOT / "btrmd").rglob("*.py")):
        name = str(path.relative_to(ROOT / "btrmd"))
        if name == "model/chemistry.py" or name.startswith("hal/sim/"):
            continue
        code = re.sub(r'"""(?s:.*?)"""|f?"[^"\n]*"|#[^\n]*', "", path.read_text())
        found += [f"{name}: {match.group()}" for match in BLOCK_VOLTS.finditer(code)]
    # 11.0 A: over-current of a BTRM400
    assert found == ["model/thresholds.py: 11.0"]


LEAST_V = 5.0  # a literal times the number of blocks that is more is a block's volts, less a span


def volts_of_a_block(source: str) -> list[float]:
    """Literals, or constants of the module, that are multiplied by a number of blocks."""
    tree = ast.parse(source)
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
            continue
        for one, other in ((node.left, node.right), (node.right, node.left)):
            value = one.value if isinstance(one, ast.Constant) else None
            if isinstance(one, ast.Name):
                value = constants.get(one.id)
            is_blocks = ast.unparse(other).split(".")[-1] == "blocks"
            if is_blocks and isinstance(value, int | float) and value >= LEAST_V:
                found.append(float(value))
    return found


def test_nobody_multiplies_a_number_of_his_own_by_the_blocks() -> None:
    found = {
        name: volts
        for path in sorted((ROOT / "btrmd").rglob("*.py"))
        if not (name := str(path.relative_to(ROOT / "btrmd"))).startswith("hal/sim/")
        and (volts := volts_of_a_block(path.read_text(encoding="utf-8")))
    }
    assert found == {}
    source = (
        "DEAD_V = 9.0\nf(DEAD_V * ctx.sp.blocks, 10 * blocks, 0.3 * sp.blocks, NEAR_V * blocks)"
    )
    assert volts_of_a_block(source) == [9.0, 10.0]
