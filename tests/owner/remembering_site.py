"""A station that remembers its discharges: the core over the simulated plant, with the estimator
and the memory as the daemon has them. Years of tests in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from functools import lru_cache

from station import Station

from btrmd.core.machines.charge import ChargeBalance
from btrmd.core.machines.float_time import FloatTime
from btrmd.core.scan.actions import Action, ForgetBattery, SaveRecord
from btrmd.estimate.run_time import estimate
from btrmd.hal.sim.plant import Plant
from btrmd.hal.sim.truth import truth as describe_truth
from btrmd.model.commands import EstimateReady, NextTestIn, StartTest
from btrmd.model.discharge import CurveRow, Estimate, TestRecord
from btrmd.owner.battery_history import BatteryHistory

HOUR = 3600.0
BEAT_S = 1.5  # the hardware lets the relays go when no heartbeat comes for longer
RUNNING_DT = 5.0


def estimate_once(rows: Sequence[CurveRow], blocks: int, rated_ah: float | None) -> Estimate:
    """The estimate; tests of a battery in the same state are alike to the last row, and so is what
    is estimated from them."""
    return _estimated(tuple(rows), blocks, rated_ah)


_estimated = lru_cache(maxsize=2000)(estimate)


class Site(Station):
    """A station that remembers its discharges. `reported`: stands in for history's combination."""

    estimator = staticmethod(estimate_once)

    def __init__(self, volts: int, ah: float, load_a: float, minimum_min: int, soh: float) -> None:
        plant = Plant(blocks=volts // 12, rated_ah=ah)
        settings = {
            "system.voltage": volts,
            "battery.rated_ah": ah,
            "test.minimum_runtime_min": minimum_min,
        }
        super().__init__(settings, plant=plant)
        plant.supply.volts = 13.6 * plant.blocks
        plant.load.hold(load_a)
        self.before_time = self._permit
        self.memory = BatteryHistory(None, self.settings)
        self.reported: Estimate | None = None
        self.age(soh)
        self.run(30.0)

    def copy(self) -> Site:
        """One that goes on by itself from here. What nobody can change is shared."""
        shared = (self.settings, self.state)
        return deepcopy(self, {id(one): one for one in shared})

    def _permit(self) -> None:
        self.plant.unfed.is_permitted = not self.state.lvd.is_open

    def age(self, soh: float) -> None:
        """Another state of health, as `btrmd sim battery.soh=` sets it, on a full battery."""
        self.plant.set_battery(self.plant.battery.rated_ah, soh, 25.0)
        self.plant.battery.set_soc(1.0)
        self.plant.touch()

    def _carry_out(self, actions, asked, internal):  # type: ignore[no-untyped-def]
        answers = super()._carry_out(actions, asked, internal)
        for action in actions:
            self._remember(action)
        return answers

    def _remember(self, action: Action) -> None:
        if isinstance(action, ForgetBattery):
            self.memory.replaced(action.last_n)
        elif isinstance(action, SaveRecord) and action.finished:
            record = action.record
            rows = self.curves.get(record.n, [])
            self.memory.add(record, rows, self.settings)
            self.inbox.append(self.memory.news(rows, self.settings, self.wall))

    def _estimate(self, n: int) -> EstimateReady:
        ready = super()._estimate(n)
        made = ready.estimate
        if made is None:
            return ready
        if self.reported is not None:
            own = {"own_s": made.ert_s, "own_low_s": made.low_s, "own_high_s": made.high_s}
            return EstimateReady(n, self.reported._replace(**own))
        record = self.records.get(n)
        better = self.memory.improve(made, self.curves[n], self.settings, self.wall, record)
        return EstimateReady(n, better)

    def pass_time(self, seconds: float) -> None:
        left = seconds
        while left > 1e-9:
            self.plant.heartbeat()
            self.plant.step(min(BEAT_S, left))
            left -= BEAT_S
        self.now += seconds
        self.wall += seconds

    # --- what happens --------------------------------------------------------------------------

    def pass_hours(self, hours: float) -> None:
        self.dt = 10.0
        self.run(hours * HOUR)
        self.dt = 1.0
        self.run(20.0)

    def refill(self, seconds: float) -> None:
        """Full at once, as `btrmd sim battery.soc=1` has it, and `seconds` on float."""
        self.plant.battery.set_soc(1.0)
        self.plant.touch()
        self.dt = 2.0
        self.run(seconds)
        self.dt = 1.0

    def rest(self) -> None:
        """Full, and three days on float without stepping through them."""
        self.plant.charger.stage = "float"
        self.refill(300.0)
        self.now += 72 * HOUR
        self.wall += 72 * HOUR
        charge = ChargeBalance(0.0, 0.01, 40 * HOUR, 40 * HOUR)
        self.state = self.state._replace(
            last_now=self.now, float_time=FloatTime(60 * HOUR, 72 * HOUR), charge=charge
        )
        self.run(5.0)

    def outage(self, minutes: float) -> None:
        for on in (False, True):
            self.plant.supply.on = on
            self.plant.charger.switch(on)
            self.plant.touch()
            if not on:
                self.dt = 5.0
                self.run(minutes * 60.0)
                self.dt = 1.0
        self.run(60.0)

    def test(self) -> TestRecord:
        """A Type 1 test by hand."""
        answer = self.ask(StartTest("1", source="test"))
        assert answer.ok, answer.text
        return self._finish()

    def planned_test(self) -> TestRecord:
        """A Type 1 test that the schedule starts."""
        self.change(test__enabled=True)
        self.run(3.0)
        self.ask(NextTestIn(0.01, "test"))
        record = self._finish()
        self.change(test__enabled=False)
        return record

    def _finish(self) -> TestRecord:
        assert self.until(lambda s: s.state.test.state.value == "running", 120.0)
        self.dt = RUNNING_DT
        assert self.until(lambda s: s.state.test.state.value == "idle", 6 * HOUR)
        self.dt = 1.0
        self.run(10.0)
        return self.records[max(self.records)]

    def truth_s(self) -> float:
        """How long the full battery carries this load."""
        found = describe_truth(self.plant)["battery"]["true_runtime_s"]  # type: ignore[index]
        assert isinstance(found, float)
        return found


def is_firmly(record: TestRecord, word: str) -> bool:
    """The result is `word`, and nothing speaks against it."""
    return record.result == word and "marginal" not in record.marks
