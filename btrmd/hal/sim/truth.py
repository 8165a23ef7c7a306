"""What the plant really is: the answer of `btrmd sim`."""

from __future__ import annotations

from .bank import made_bank
from .battery import SimBattery
from .outlook import Outlook
from .plant import Plant
from .replay import CUTOFF_V

HAT_W, MEAN_V = 4.0, 11.95  # what the HAT takes of a battery, at the mean volts of a run


def ask_run_time(plant: Plant) -> Outlook | float | None:
    """The true run time if it is known, else the question for it."""
    replay = plant.replay
    if replay is not None:
        return replay.record.crossing(CUTOFF_V * plant.blocks)
    if plant.crossed_s is not None:
        return plant.crossed_s
    battery, load = plant.battery, plant.load
    extra = HAT_W / (MEAN_V * plant.blocks) if plant.circuit.hat_battery else 0.0
    key = (
        battery.rated_ah, battery.soh, battery.temperature_c, load.profile or load.amps,
        plant.moved_at, extra > 0.0, plant.blocks, tuple(sorted(plant.block_soh.items())),
        tuple(sorted(plant.shorted_cells.items())),
    )  # fmt: skip
    if plant.run_time.is_known(key, load.profile, plant.plant_s):
        return plant.run_time.last
    if plant.moved_at is None:
        full = SimBattery(battery.rated_ah, battery.soh, battery.temperature_c)
        twin = made_bank(full, plant.blocks, plant.block_soh, plant.shorted_cells)
        passed = 0.0
    else:
        twin = battery.copy()
        passed = plant.plant_s - plant.moved_at
    phase = plant.plant_s - load.started
    amps = 0.0 if load.profile is not None else load.amps
    return Outlook(twin, amps, load.profile, phase, extra, passed, key=key, asked_at=plant.plant_s)


def describe(plant: Plant, runtime_s: float | None) -> dict[str, object]:
    """DESIGN section 7's object, with `runtime_s` as the true run time."""
    circuit, relays = plant.circuit, plant.relays
    battery_soc = plant.battery.charge.soc
    replay = plant.replay
    if replay is not None:
        end = replay.record.crossing(CUTOFF_V * plant.blocks) or 0.0
        battery_soc = max(0.0, 1.0 - replay.played_s / end) if end > 0.0 else 0.0
    supply_a, charger_a = circuit.supply_a, circuit.charger_a
    stage = plant.charger.stage
    if not plant.is_charger_live:
        stage = "off"
    elif plant.single_source:
        stage = "bulk" if charger_a >= 0.995 * plant.charger.limit_a else "float"
    return {
        "plant_s": round(plant.plant_s, 6),
        "speed": plant.speed,
        "speed_actual": plant.speed_actual,
        "battery": {
            "volts": circuit.battery_v,
            "amps": circuit.battery_a,
            "soc": battery_soc,
            "soh": plant.battery.soh,
            "temp_c": plant.battery_c,
            "true_runtime_s": runtime_s,
        },
        "load": {
            "volts": plant.bus_v,
            "amps": plant.taken_a,
            "dropped_s": round(plant.unfed.dropped_s, 6),
            "dead_s": round(plant.unfed.dead_s, 6),
            "lowest_v_block": plant.lowest_v_block,
        },
        "supply": {"volts": circuit.supply_v, "amps": supply_a, "on": plant.supply.on},
        "charger": {
            "volts": circuit.charger_v,
            "amps": charger_a,
            "on": plant.is_charger_live,
            "stage": stage,
        },
        "relays": {
            name: {"coil": relays.coils[name], "contact": relays.contact(name)}
            for name in ("k1", "k2", "k3")
        },
        "guard": plant.guard.active,
    }


def truth(plant: Plant) -> dict[str, object]:
    """Everything as it really is, in the words of DESIGN section 7; for one thread."""
    plant.catch_up()
    plant.sense()  # a part may have been changed since the last step
    return describe(plant, plant.run_time.answer(ask_run_time(plant)))
