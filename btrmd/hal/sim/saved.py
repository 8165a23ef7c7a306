"""The plant on disk: its state as JSON, and the file that is rewritten once a plant second."""

from __future__ import annotations

import json
import logging
import os
from contextlib import suppress
from dataclasses import fields
from math import inf, isfinite
from pathlib import Path
from typing import Any

from ...model.errors import BtrmError, DataError
from .bank import Bank
from .battery import Charge
from .keys import set_keys
from .load import read_profile
from .plant import Plant
from .replay import read_record

FORMAT = 1
PAGE = 4096  # one write within one page is never torn by a kill
CHARGE = tuple(field.name for field in fields(Charge))
STAGES = ("bulk", "absorption", "float", "off")

log = logging.getLogger(__name__)


def encode_plant(plant: Plant) -> dict[str, Any]:
    """All that a plant carries into its next life; coils, buttons and a hung owner are not."""
    battery, load, replay = plant.battery, plant.load, plant.replay
    return {
        "plant_s": plant.plant_s,
        "keys": {
            "battery.blocks": plant.blocks,
            "battery.rated_ah": battery.rated_ah,
            "battery.soh": battery.soh,
            "battery.fuse": int(plant.has_fuse),
            "temperature.c": plant.temperature_c,
            "supply.on": int(plant.supply.on),
            "supply.volts": plant.supply.volts,
            "supply.ohms": plant.supply.ohms,
            "supply.limit_a": "none" if plant.supply.limit_a == inf else plant.supply.limit_a,
            "charger.on": int(plant.charger.on),
            "load.amps": load.amps,
            "load.inrush": load.inrush,
            **{f"battery.block{n}.soh": soh for n, soh in plant.block_soh.items()},
            **{f"battery.block{n}.shorted_cells": c for n, c in plant.shorted_cells.items()},
            "wiring.load_bypass": plant.load_bypass,
            "noise": int(plant.noise),
            **{f"ch{n}.volts": volts for n, volts in enumerate(plant.io_v, 1)},
            **{f"fault.i2c.0x{at:02x}": fault for at, fault in plant.i2c_faults.items()},
            **{f"fault.relay.{name}": fault for name, fault in plant.relay_faults.items()},
            **{f"fault.reading.{at}": f.lie.text for at, f in plant.reading_faults.items()},
            **{
                f"fault.{line}": "high" if level else "low"
                for line, level in plant.line_faults.items()
            },
        },
        # what a drift and a hold have come to
        "lies": {at: [f.since, f.held] for at, f in plant.reading_faults.items()},
        "charge": _charge(battery.charge),
        "block_charges": [_charge(part.charge) for part in battery.parts]
        if isinstance(battery, Bank)
        else [],
        "stage": plant.charger.stage,
        "contacts": plant.relays.contacts,
        "guard": plant.guard.active,
        "bus_v": plant.bus_v,
        "dropped_s": plant.dropped_s,
        "dead_s": plant.dead_s,
        "lowest_v_block": plant.lowest_v_block,
        "lvd_justified": plant.unfed.is_lvd_justified,
        "lvd_open": plant.unfed.lvd_is_open,
        "profile": None if load.profile is None else [load.profile.path, load.started],
        "replay": None if replay is None else [replay.record.path, replay.played_s],
    }


def restore_plant(plant: Plant, saved: dict[str, Any]) -> list[str]:
    """Put `saved` into a new `plant`; returns findings (a CSV file that has gone).

    Raises DataError when `saved` is not what `encode_plant` writes.
    """
    findings: list[str] = []
    try:
        set_keys(plant, saved["keys"])
        plant.plant_s = _number(saved, "plant_s", 0.0, 1e12)
        _restore_charge(plant, saved)
        for point, (since, held) in saved.get("lies", {}).items():
            if (fault := plant.reading_faults.get(point)) is not None:
                fault.since, fault.held = float(since), float(held)
        if saved["stage"] not in STAGES:
            raise DataError("stage is none of " + ", ".join(STAGES))
        plant.charger.stage = saved["stage"]
        plant.guard.active = bool(saved["guard"])
        plant.bus_v = _number(saved, "bus_v", 0.0, 100.0)
        plant.unfed.dropped_s = _number(saved, "dropped_s", 0.0, 1e12)
        plant.unfed.dead_s = _number(saved, "dead_s", 0.0, 1e12)
        if saved.get("lvd_justified") is True:
            plant.unfed.justify(saved.get("lvd_open") is True)
        plant.lowest_v_block = _number(saved, "lowest_v_block", 0.0, 100.0)
        contacts = {name: bool(position) for name, position in saved["contacts"].items()}
        plant.relays.place(contacts, plant.plant_s)
        profile, replay = saved["profile"], saved["replay"]
        try:
            if profile is not None:
                plant.load.play(read_profile(Path(profile[0])), float(profile[1]))
            if replay is not None:
                plant.play(read_record(Path(replay[0])), float(replay[1]))
        except DataError as error:
            findings.append(f"The simulation goes on without a file it used: {error}")
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise DataError(f"the saved plant is incomplete or wrong ({error})") from error
    plant.touch()
    return findings


def _charge(charge: Charge) -> dict[str, float]:
    return {name: getattr(charge, name) for name in CHARGE}


def _restore_charge(plant: Plant, saved: dict[str, Any]) -> None:
    def made(table: dict[str, Any]) -> Charge:
        return Charge(**{name: _number(table, name, -50.0, 50.0) for name in CHARGE})

    battery = plant.battery
    if not isinstance(battery, Bank):
        battery.charge = made(saved["charge"])
        return
    for part, table in zip(battery.parts, saved["block_charges"], strict=True):
        part.charge = made(table)


def _number(table: dict[str, Any], key: str, low: float, high: float) -> float:
    value = float(table[key])
    if not isfinite(value) or not low <= value <= high:
        raise DataError(f"{key} = {value!r} is outside {low:g}..{high:g}")
    return value


class SimFile:
    """STATE_DIR/sim.json, overwritten in place in one write, so that a kill leaves it whole.

    A rename would cost the owner loop milliseconds now and then; the price is that another
    process that reads in the very moment of a write may see half of each. The next start does not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1
        self._size = 0

    def read(self) -> dict[str, Any] | None:
        """What it holds; None when there is none. Raises DataError when it is unreadable."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(f"{self.path} cannot be read: {error.strerror or error}.") from error
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{self.path} is no JSON: {error}.") from error
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise DataError(f"{self.path} is not of format {FORMAT}.")
        return document

    def set_aside(self) -> None:
        """Keep a corrupt file for a look, out of the way."""
        with suppress(OSError):
            os.replace(self.path, self.path.with_name(self.path.name + ".corrupt"))

    def write(self, document: dict[str, Any]) -> None:
        """Make `document` the content. Raises OSError."""
        content = json.dumps(document, separators=(",", ":")).encode()
        if self._fd >= 0 and len(content) < PAGE:
            # Never shorter than before: what is left over is white space.
            self._size = max(self._size, len(content) + 1)
            os.pwrite(self._fd, content.ljust(self._size - 1) + b"\n", 0)
            return
        self.close()
        beside = self.path.with_name(self.path.name + ".new")
        beside.write_bytes(content + b"\n")
        os.replace(beside, self.path)
        self._fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        self._size = len(content) + 1

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def resume(file: SimFile, plant: Plant) -> tuple[dict[str, Any] | None, list[str]]:
    """Read `file` into the new `plant`: (its document or None, findings).

    A corrupt file is set aside and reported; the plant may then be half filled: take a new one.
    """
    try:
        document = file.read()
        if document is None:
            return None, []
        return document, restore_plant(plant, document.get("plant", {}))
    except BtrmError as error:
        file.set_aside()
        finding = f"The simulation starts anew, its saved state was unusable: {error}"
        log.warning(finding)
        return None, [finding]
