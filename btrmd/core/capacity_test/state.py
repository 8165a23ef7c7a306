"""The capacity test's state, and the words shared by its phases."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from ...model.discharge import Estimate, TestRecord, TestState
from ..machines.relaywatch import Joined
from ..machines.transfer import Handover
from ..scan.context import StepContext
from ..scan.due import due_if
from ..scan.relations import POINTS
from .collapse import Level
from .progress import Progress
from .type1 import Policy


class CheckPhase(Enum):
    """The steps of DESIGN section 3, start of a test."""

    PATH = "path"  # K3 off, BATT_PATH up within 1 s
    CHARGER = "charger"  # K2 on, charger current below 0.1 A within 2 s
    REST = "rest"  # 30 s without charger, battery still above `start_v`
    TAKEOVER = "takeover"  # K1 on, within 1 s the battery carries the load


class End(Enum):
    """How the discharge ended."""

    NONE = "none"
    PLANNED = "planned"
    EARLY = "early"  # Type 1: the policy knows enough, or safety
    CUTOFF = "cutoff"  # 5 s mean below the limit
    ABORT = "abort"


class Watch(NamedTuple):
    """Since when each reason to abort holds (process clock); None = it does not."""

    sensor: float | None = None
    supply: float | None = None
    over_temp: float | None = None
    out_of_range: float | None = None
    overcurrent: float | None = None
    early_low: float | None = None
    doubt: float | None = None
    balance: float | None = None


class CapacityTest(NamedTuple):
    """The one capacity test. `since` state entered, `phase_since`/`phase_ticks` proving step.

    `due` process clock of a delayed start. `k1`, `k2`: what the test holds energised. `is_used`:
    the battery had been discharged within the 48 h before the start. `level`: what the volts of a
    Type 1 test are compared with; `collapse`: why its curve tells of no run time any more.
    """

    state: TestState = TestState.IDLE
    record: TestRecord | None = None
    scheduled: bool = False
    since: float = 0.0
    phase: CheckPhase = CheckPhase.PATH
    phase_since: float = 0.0
    phase_ticks: int = 0
    due: float = 0.0
    k1: bool = False
    k2: bool = False
    progress: Progress = Progress()
    policy: Policy = Policy()
    top_load_a: float = 0.0
    estimate: Estimate | None = None
    no_estimate: str = ""
    asked_at: float | None = None  # WantEstimate sent, answer outstanding
    watch: Watch = Watch()
    end: End = End.NONE
    reason: str = ""
    judged: bool = False
    before: Joined | None = None  # of the last scan before K1
    is_used: bool = False
    level: Level | None = None
    collapse: str = ""

    @property
    def is_on(self) -> bool:
        """Proving, running or returning: coil 3 and BO3 read 1."""
        return self.state in (TestState.PROVING, TestState.RUNNING, TestState.RETURNING)

    def next_due(self, now: float) -> float:
        """Every scan while it is asked for or under way."""
        return due_if(self.state is not TestState.IDLE)


IDLE = CapacityTest()


class Moved(NamedTuple):
    """What one step of the test did: the new state, its wish about K1, and what to conclude."""

    test: CapacityTest
    handover: Handover = Handover.NONE
    closed: TestRecord | None = None  # the record that became final in this step
    proved: bool = False  # time 0 was reached in this step
    failed_start: bool = False
    suspect: str = ""  # the relay a proving step found at fault: "k1".."k3"


def held(since: float | None, holds: bool, now: float) -> float | None:
    """Timer: the time a condition began to hold, None while it does not."""
    if not holds:
        return None
    return now if since is None else since


def lasted(since: float | None, seconds: float, now: float) -> bool:
    """True once a timer has run for `seconds` (float steps add up to a hair less)."""
    return since is not None and now - since >= seconds - 1e-6


BALANCE_S = 60.0  # as long as wiring.current_balance takes (DESIGN section 2)


def _lacking(ctx: StepContext) -> str | None:
    """The first reading that a test needs and that is not good; None = all are there."""
    inputs = ctx.inputs
    for key, reading in (
        ("battery.voltage", inputs.battery_v),
        ("battery.current", inputs.battery_a),
        ("load.voltage", inputs.load_v),
        ("load.current", inputs.load_a),
        ("supply.voltage", inputs.supply_v),
        ("system.temperature", inputs.temperature),
    ):
        if not reading.good:
            return key
    return None if inputs.guard is not None else "guard.active"


def abort_reason(test: CapacityTest, ctx: StepContext) -> tuple[Watch, str]:
    """Timers of what aborts proving and running alike, and the sentence once one has run out."""
    inputs, sp, now, old = ctx.inputs, ctx.sp, ctx.now, test.watch
    temp = inputs.temperature
    lacking = _lacking(ctx)
    watch = Watch(
        sensor=held(old.sensor, lacking is not None, now),
        supply=held(
            old.supply,
            inputs.supply_v.good and inputs.supply_v.value < sp.th.supply_present_v,
            now,
        ),
        over_temp=held(old.over_temp, temp.good and temp.value > 60.0, now),
        out_of_range=held(old.out_of_range, temp.good and not 0.0 <= temp.value <= 45.0, now),
        overcurrent=held(
            old.overcurrent, inputs.load_a.good and inputs.load_a.value > sp.th.overcurrent_a, now
        ),
        early_low=old.early_low,
        doubt=held(old.doubt, ctx.is_doubtful, now),
        balance=held(old.balance, ctx.flows.balanced is False, now),
    )
    reason = ""
    if lasted(watch.supply, 2.0, now):
        reason = f"The supply was lost ({max(inputs.supply_v.value, 0.0):.2f} V)."
    elif lasted(watch.sensor, 2.0, now):
        reason = ctx.doubts.get(lacking or "", "A needed sensor has no good reading.")
    elif watch.doubt is not None:
        pair = (ctx.doubts[key] for key in POINTS if key in ctx.doubts)
        reason = next(pair, "Two readings contradict each other.")
    elif lasted(watch.balance, BALANCE_S, now):
        reason = "The currents contradict each other, so that nothing can be concluded from them."
    elif lasted(watch.overcurrent, 5.0, now):
        reason = f"Over-current: the load takes {inputs.load_a.value:.1f} A."
    elif lasted(watch.over_temp, 60.0, now):
        reason = f"Over-temperature: the enclosure is at {temp.value:.1f} C."
    elif lasted(watch.out_of_range, 60.0, now):
        reason = f"The temperature of {temp.value:.1f} C is outside 0 to 45 C."
    return (old if watch == old else watch), reason
