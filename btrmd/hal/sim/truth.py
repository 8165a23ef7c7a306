"""What the plant really is: the answer of `btrmd sim`, with the true run time worked out ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .bank import Bank, made_bank
from .battery import SimBattery
from .load import Profile
from .replay import CUTOFF_V

if TYPE_CHECKING:
    from btrmd.hal.sim.plant import Plant

HAT_W, MEAN_V = 4.0, 11.95  # what the HAT takes of a battery, at the mean volts of a run
DIP_V, DIP_S = 10.5, 600.0  # a dip of the first minutes is no end of the run
STEP_SHARE = 0.003  # of the charge in one step of the look ahead
FIRST_STEPS_S = 30.0  # short steps while the first minutes' dip lasts
MOST_STEPS = 3000
REFRESH_S = 30.0  # with a profile the answer moves with its phase


@dataclass(slots=True)
class Outlook:
    """A question about the future that needs no plant to be answered."""

    battery: SimBattery | Bank
    amps: float  # a constant load's, with the HAT's draw
    profile: Profile | None
    phase_s: float
    extra_a: float  # the HAT's draw, on top of a profile
    passed_s: float  # since the run began
    key: object  # what the answer depends on
    asked_at: float  # plant second

    def work_out(self) -> float | None:
        """Seconds from the start of the run to 11.0 V per block; None: not at this load."""
        battery, spent = self.battery, self.passed_s
        profile = self.profile
        rows = profile is not None and profile.period_s > 600.0 * len(profile.times)
        mean, peak = (self.amps, self.amps) if profile is None else profile.mean_and_peak()
        phase = self.phase_s
        left = 0.0
        volts = before_v = 99.0
        for _ in range(MOST_STEPS):
            if rows and profile is not None:
                if left <= 0.0:
                    mean, left = profile.at(phase + 5e-7)
                peak = mean
            flow, top = mean + self.extra_a, peak + self.extra_a
            if flow <= 0.0 and not rows:
                return None
            dt = STEP_SHARE * battery.whole_as / max(flow, 1e-3)
            if spent < 2.0 * DIP_S or volts - CUTOFF_V < 0.1:
                dt = min(dt, FIRST_STEPS_S)
            if rows:
                dt = min(dt, max(left, 1e-3))
                left -= dt
                phase += dt
            battery.advance(dt, -flow)
            spent += dt
            before_v = volts
            emf, ohms = battery.thevenin()
            # A burst is short: it meets the ohmic and half of the fast resistance on top.
            volts = emf - ohms * top - (top - flow) * 0.5 * battery.r_fast
            if volts <= CUTOFF_V and (spent > DIP_S or volts < DIP_V):
                if before_v > CUTOFF_V:
                    spent -= dt * (CUTOFF_V - volts) / (before_v - volts)
                return spent
            if battery.charge.soc <= 0.0:
                return spent
        return None


class RunTime:
    """Keeps the last answer while nothing that matters has changed."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: tuple[object, float, float | None] = (None, 0.0, None)

    def ask(self, plant: Plant) -> Outlook | float | None:
        """The answer if it is known, else the question."""
        replay = plant.replay
        if replay is not None:
            return replay.record.crossing(CUTOFF_V * plant.blocks)
        if plant.crossed_s is not None:
            return plant.crossed_s
        battery, load = plant.battery, plant.load
        extra = 0.0 if plant.circuit.hat_on_supply else HAT_W / (MEAN_V * plant.blocks)
        key = (
            battery.rated_ah, battery.soh, battery.temperature_c, load.profile or load.amps,
            plant.moved_at, extra > 0.0, plant.blocks, tuple(sorted(plant.block_soh.items())),
            tuple(sorted(plant.shorted_cells.items())),
        )  # fmt: skip
        known, asked_at, kept = self._kept
        is_old = load.profile is not None and abs(plant.plant_s - asked_at) > REFRESH_S
        if key == known and not is_old:
            return kept
        if plant.moved_at is None:
            full = SimBattery(battery.rated_ah, battery.soh, battery.temperature_c)
            twin = made_bank(full, plant.blocks, plant.block_soh, plant.shorted_cells)
            passed = 0.0
        else:
            twin = battery.copy()
            passed = plant.plant_s - plant.moved_at
        phase = plant.plant_s - load.started
        amps = 0.0 if load.profile is not None else load.amps
        return Outlook(
            twin, amps, load.profile, phase, extra, passed, key=key, asked_at=plant.plant_s
        )

    def answer(self, question: Outlook | float | None) -> float | None:
        """The run time in seconds; takes some milliseconds at most and touches no plant."""
        if not isinstance(question, Outlook):
            return question
        found = question.work_out()
        self._kept = (question.key, question.asked_at, found)
        return found


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
    """The whole object at once, for one thread."""
    plant.sense()  # a part may have been changed since the last step
    return describe(plant, plant.run_time.answer(plant.run_time.ask(plant)))
