"""The verdict: is the load safe, how long does it last, when was it tested, what must be done.

It stands on every page. Nothing in it is surer than what it rests on: what is not known is said so.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

from btrmd.docgen.advice import advise
from btrmd.model.alarms import advice_of, count_severities, worst_first
from btrmd.model.discharge import TestRecord
from btrmd.model.readings import GOOD
from btrmd.model.result_words import format_action, format_hours, format_need
from btrmd.model.snapshot import Snapshot

from .known import known, known_number
from .weak_supply import is_weak
from .wording import format_age, format_clock, format_time

GOOD_TONE: Final = "good"
WARN: Final = "warn"
BAD_TONE: Final = "bad"
UNKNOWN: Final = "unknown"
SAFE: Final = "Load safe, on supply"
WEAK: Final = "Load on a weak supply, no backup"
NO_POWER: Final = "LOAD DISCONNECTED"
TOO_WEAK: Final = "the supply is too weak for the load"
WEAK_TODO: Final = "Shed load, or check the supply: it does not hold the load alone."
CLOCK_S: Final = 60.0
ORDER_S: Final = 183 * 86400.0  # half a year: budget, delivery and a visit
FULL_PCT: Final = 95.0  # the last of the charge takes hours and gives minutes
HALF_PCT: Final = 50.0  # less is too little where no run time is known or needed
_RELAY_FAULTS: Final = (
    ("relay.k1", "the transfer relay or its fuse has a fault"),
    ("relay.k3", "the battery relay or its fuse has a fault"),
)
_TEST_ON: Final = ("proving", "running", "returning")


class Verdict(NamedTuple):
    """`tone` good|warn|bad|unknown; `headline` a few words; `facts` what it rests on; `todo` what a
    person does now, "" = nothing; `alarms` "2 alarms: 1 major, 1 minor",
    `alarm_count` how many; `at` the
    time of it all."""

    tone: str
    headline: str
    facts: str
    todo: str
    alarms: str
    alarm_count: int
    at: str

    def encode(self) -> dict[str, object]:
        """For the stream."""
        return self._asdict()


def make_verdict(snapshot: Snapshot) -> Verdict:
    """The verdict of `snapshot`."""
    keys = [alarm.key for alarm in snapshot.alarms]
    tone, headline, reasons = _headline(snapshot)
    facts = "; ".join([*reasons, *_facts(snapshot)])
    if not snapshot.is_ticking:
        keys = []  # those of the last look; what is active now is not known
    return Verdict(
        tone,
        headline,
        facts,
        _todo(snapshot, keys),
        format_alarms(keys) if snapshot.is_ticking else "Alarms not known",
        len(keys),
        format_clock(snapshot.at),
    )


def format_alarms(keys: list[str]) -> str:
    """ "2 alarms: 1 major, 1 minor"."""
    if not keys:
        return "No alarm"
    counts = ", ".join(f"{count} {name}" for name, count in count_severities(keys).items())
    return f"{len(keys)} {'alarm' if len(keys) == 1 else 'alarms'}: {counts}"


def _headline(snapshot: Snapshot) -> tuple[str, str, list[str]]:
    """Tone, headline and what it rests on."""
    if not snapshot.is_ticking:
        return UNKNOWN, f"Unknown since {format_time(snapshot.at)}", ["the unit does not measure"]
    source = known(snapshot, "load.source")
    is_cut = known(snapshot, "lvd.open") is True
    if source == "none" or (is_cut and source not in ("supply", "shared", "charger")):
        return BAD_TONE, NO_POWER, [_why_dark(snapshot, is_cut)]
    if source is None:
        return UNKNOWN, "Unknown", ["what feeds the load is not known"]
    if source == "shared":
        return WARN, "On battery in part", ["the supply alone does not carry the load"]
    if source == "charger":
        return WARN, "On battery, carried by the charger", []
    if source == "battery":
        return _on_battery(snapshot)
    return _on_supply(snapshot)


def _why_dark(snapshot: Snapshot, is_cut: bool) -> str:
    if is_cut:
        return "the low-voltage disconnect is open"
    if known(snapshot, "ups.enabled") is False:
        is_lost = known(snapshot, "supply.present") is False
        return f"{'the supply is lost' if is_lost else 'the load has no power'}, UPS Mode is off"
    keys = {alarm.key for alarm in snapshot.alarms if alarm.active or alarm.latched}
    found = next((text for key, text in _RELAY_FAULTS if key in keys), "")
    return f"the load has no power: {found}" if found else "the load has no power"


def _on_battery(snapshot: Snapshot) -> tuple[str, str, list[str]]:
    left = time_left(snapshot)
    left_words = "" if left is None else f", about {_clock(left)} left"
    weak = [TOO_WEAK] if is_weak(snapshot) else []
    test = snapshot.test
    if is_testing(snapshot) and test is not None:
        return GOOD_TONE, f"On battery{left_words}", [f"test {test.n} is running"]
    if left is None:
        return WARN, "On battery", [*weak, "the time left is not known"]
    estimated = [record for record in (test, snapshot.last_test)
                 if record is not None and record.estimate_s is not None]  # fmt: skip
    is_rough = left > 0.0 and not estimated
    reasons = ["by rating and load alone: half as long is possible"] if is_rough else []
    return WARN, f"On battery{left_words}", [*weak, *reasons]


def is_testing(snapshot: Snapshot) -> bool:
    """Whether a capacity test goes on, an outage apart."""
    test = snapshot.test
    return known(snapshot, "test.state") in _TEST_ON and test is not None and test.type != "outage"


def time_left(snapshot: Snapshot) -> float | None:
    """Seconds until the battery is at its cutoff under the load that it carries; None: not known.

    In a test it is what the running estimate leaves.
    """
    left = known_number(snapshot, "runtime.remaining")
    if left is not None:
        return left
    test, elapsed = snapshot.test, known_number(snapshot, "test.elapsed")
    if test is None or test.type == "outage" or test.estimate_s is None or elapsed is None:
        return None
    return max(test.estimate_s - elapsed, 0.0)


def _on_supply(snapshot: Snapshot) -> tuple[str, str, list[str]]:
    gone = _why_no_backup(snapshot)
    last = snapshot.last_test
    is_low = known(snapshot, "capacity.state") == "low"
    if gone and is_weak(snapshot):
        return BAD_TONE, WEAK, ["guard or battery had to help", gone]
    if is_low and not (last is not None and "unconfirmed" in last.marks):
        is_near = last is not None and "marginal" in last.marks
        reasons = ["load on supply", f"the capacity is {'probably ' if is_near else ''}low"]
        headline = f"Replace battery{', probably' if is_near else ''}"
        return BAD_TONE, headline, [*reasons, gone] if gone else reasons
    if gone:
        return BAD_TONE, f"{SAFE}, but no backup", [gone]
    if is_low:
        return WARN, SAFE, ["the battery may be too weak, not confirmed"]
    if _is_due(snapshot):
        return WARN, f"{SAFE}. Replace battery {format_replace(snapshot)}", []
    if snapshot.is_change_suspected:
        return WARN, SAFE, ["the battery may have changed, not confirmed"]
    if _lacks_charge(snapshot):
        return WARN, f"{SAFE}. Battery not charged yet", []
    keys = [alarm.key for alarm in snapshot.alarms]
    worst = max((("major", "critical").index(s) for s in count_severities(keys)
                 if s in ("major", "critical")), default=-1)  # fmt: skip
    return (WARN if worst >= 0 else GOOD_TONE), SAFE, []


def _why_no_backup(snapshot: Snapshot) -> str:
    """Why the battery would not take over now; "" where nothing speaks against it."""
    keys = {alarm.key for alarm in snapshot.alarms if alarm.active or alarm.latched}
    if known(snapshot, "lvd.open") is True:
        return "the low-voltage disconnect is open"
    if known(snapshot, "ups.enabled") is False:
        return "UPS Mode is off"
    for key, text in (*_RELAY_FAULTS, ("battery.low_voltage", "the battery's voltage is low")):
        if key in keys:
            return text
    reading = snapshot.points.get("battery.voltage")
    if reading is None or reading.quality is not GOOD:
        return "the battery's voltage is not known"
    return ""


def _charge(snapshot: Snapshot) -> float | None:
    """Charge in the battery, %, where it is known not to be full; else None."""
    charge = known_number(snapshot, "battery.charge")
    return charge if charge is not None and charge < FULL_PCT else None


def _lacks_charge(snapshot: Snapshot) -> bool:
    """Whether the battery, sound or not, would not last now as long as it must."""
    charge = _charge(snapshot)
    if charge is None:
        return False
    estimate = known_number(snapshot, "runtime.estimate")
    minimum = known_number(snapshot, "runtime.minimum")
    if estimate is None or not minimum:
        return charge < HALF_PCT
    return estimate * charge / 100.0 < minimum


def _facts(snapshot: Snapshot) -> list[str]:
    """How long the battery lasts, what is needed, and when it was tested."""
    facts = []
    estimate = known_number(snapshot, "runtime.estimate")
    minimum, charge = known_number(snapshot, "runtime.minimum"), _charge(snapshot)
    if charge is not None and known(snapshot, "load.source") == "supply":
        facts.append(f"charged to {int(charge)} %")
    if estimate is not None:
        # beside a time left it would pass for another one
        is_drawn = known(snapshot, "load.source") in ("battery", "shared", "charger")
        is_full = not is_drawn and charge is None
        facts.append(f"lasts {format_hours(estimate)}{'' if is_full else ' when full'}")
    if minimum:
        facts.append(f"needs {format_need(minimum)}")
    if snapshot.last_test is not None or not is_testing(snapshot):
        facts.append(_format_tested(snapshot.last_test, snapshot.at))
    by = format_replace(snapshot)
    if by and not _is_due(snapshot):
        facts.append(f"replace battery {by}")
    return facts


def format_replace(snapshot: Snapshot) -> str:
    """ "by March 2027", or "now" where the forecast says that the time has come; "" = not soon."""
    at = snapshot.replace_at
    if at is None:
        return ""
    month = datetime.fromtimestamp(at, UTC)
    return "now" if at <= snapshot.at else f"by {month:%B %Y}"


def _is_due(snapshot: Snapshot) -> bool:
    """Whether the battery must be replaced within the time that it takes to get another one."""
    return snapshot.replace_at is not None and snapshot.replace_at - snapshot.at < ORDER_S


def _format_tested(last: TestRecord | None, at: float) -> str:
    if last is None:
        return "never tested"
    if "clock_not_set" in last.marks:  # 1970 or whatever the clock began with
        aborted = "last test aborted" if last.result == "aborted" else "tested"
        return f"{aborted}, when is not known"
    when = last.ended_at or last.started_at
    if when > at + CLOCK_S:  # the clock has been set back since
        return f"tested {format_time(when)}"
    age = format_age(at - when)
    if last.result == "aborted":
        return f"last test aborted {age} ago"
    return f"tested {age} ago"


def _todo(snapshot: Snapshot, keys: list[str]) -> str:
    if not snapshot.is_ticking:
        return "Restart the unit; if that does not help have it looked at."
    source = known(snapshot, "load.source")
    if known(snapshot, "ups.on_battery") is True and source in ("battery", "charger"):
        return WEAK_TODO if is_weak(snapshot) else "Restore the supply or shed load."
    if source == "none" and known(snapshot, "lvd.open") is not True:
        return " ".join(filter(None, (_restore(snapshot), _relay_advice(keys))))
    for key in worst_first(keys, str):
        advice = advise(key, snapshot)
        if advice:
            return advice
    if known(snapshot, "ups.enabled") is False:
        return "Enable UPS Mode on Port Options: nothing takes over when the supply fails."
    last = snapshot.last_test
    if is_testing(snapshot) or known(snapshot, "test.state") == "delayed":
        return ""
    if last is None:
        return "Run a first test: nothing is known of this battery."
    if known_number(snapshot, "runtime.estimate") is None and last.result == "aborted":
        return "Repeat the test: it was aborted, and nothing else is known of this battery."
    if snapshot.is_change_suspected:
        return "Check the connections, then test again once the battery is rested."
    return format_action(last) or ("Plan another battery." if _is_due(snapshot) else "")


def _restore(snapshot: Snapshot) -> str:
    """What brings power to a load that has none, the low-voltage disconnect apart."""
    if known(snapshot, "ups.enabled") is False:
        return "Restore the supply, or enable UPS Mode: the battery does not carry the load."
    return "Restore the supply, and check the load's fuse and wiring."


def _relay_advice(keys: list[str]) -> str:
    """Where a relay is known to have a fault, the battery could not take over for it."""
    return next((advice_of(key) for key in keys if key.startswith("relay.")), "")


def _clock(seconds: float) -> str:
    """ "1:43"."""
    minutes = int(max(seconds, 0.0)) // 60
    return f"{minutes // 60}:{minutes % 60:02}"
