"""Self-test at start, 5 to 15 s: chips answer and read plausibly, storage writes, clock sane."""

from __future__ import annotations

from typing import NamedTuple

from ...model.events import Kind
from ..scan.context import StepContext, named_readings
from ..scan.due import due_if

SHORTEST_S = 5.0
LONGEST_S = 15.0


class SelfTest(NamedTuple):
    """`state` running | good | failed; `findings` one sentence each (shown on About, R182)."""

    state: str = "running"
    started: float = 0.0
    findings: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.state != "running"

    def next_due(self, now: float) -> float:
        """Every scan while it runs."""
        return due_if(not self.is_over)


def _findings(ctx: StepContext) -> tuple[str, ...]:
    inputs = ctx.inputs
    found = [f"Chip {address} does not answer." for address, ok in inputs.chips if not ok]
    if not inputs.chips:
        found.append("No chip of the HAT answers.")
    found += [
        f"The {name} has no good reading." for name, m in named_readings(inputs) if not m.good
    ]
    if inputs.guard is None or inputs.batt_path is None:
        found.append("The GUARD or BATT_PATH line cannot be read.")
    if not inputs.storage_ok:
        found.append("The history cannot be written.")
    if not inputs.clock_ok:
        found.append("The clock is not set.")
    return tuple(found)


def step_selftest(test: SelfTest, ctx: StepContext) -> SelfTest:
    """Pass as soon as all is well after 5 s; fail at 15 s, until what was found is mended."""
    if test.is_over:
        return _mended(test, ctx) if test.findings else test
    elapsed = ctx.now - test.started
    if elapsed < SHORTEST_S:
        return test
    findings = _findings(ctx)
    if findings and elapsed < LONGEST_S:
        return test
    state = "failed" if findings else "good"
    text = "Self-test passed." if not findings else "Self-test failed: " + " ".join(findings)
    ctx.tell("system.self_test", Kind.CHANGE, text, value=state, notify=False)
    return SelfTest(state, test.started, findings)


def _mended(test: SelfTest, ctx: StepContext) -> SelfTest:
    """A finding that no longer holds is told no longer; with the last of them all is well."""
    found = _findings(ctx)
    left = tuple(finding for finding in test.findings if finding in found)
    if left:
        return test if left == test.findings else test._replace(findings=left)
    text = "What the self-test had found is well again."
    ctx.tell("system.self_test", Kind.CHANGE, text, value="good", notify=False)
    return test._replace(state="good", findings=())
