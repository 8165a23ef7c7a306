"""The verbs of the control socket: what each request means to the bus, the history and the daemon.

Times are ISO 8601 (UTC), units those of the point table, keys those of the point table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeGuard

from .. import __version__
from ..bus import Bus
from ..docgen.settings_export import difference
from ..model.commands import (
    AckAlarm,
    Calibrate,
    CapacityCheck,
    ChangeSettings,
    Command,
    ResetData,
    RunSelfTest,
    SendTestTrap,
    SendTestWebhook,
    StartTest,
    StopTest,
)
from ..model.discharge import TestRecord
from ..model.history import History
from ..model.points import POINT
from ..model.readings import BAD, MISSING, Reading
from ..model.setting_table import notes
from ..model.settings import SETTINGS
from ..model.snapshot import AlarmView, Snapshot
from .control_access import Passwords, Tokens, access_verbs
from .control_appliance import appliance_verbs
from .control_battery import battery_verbs
from .control_report import report_verbs
from .health import LoopHealth

Request = Mapping[str, Any]
Reply = dict[str, object]

DELAY_H = 500.0  # R53
LARGEST = 100.0  # V or A; no channel of the HAT measures more
SELFTEST = "system.self_test"  # key of the event that ends a self-test
TEST_FIELDS = TestRecord._fields
LIVE_POINTS = {"test.next_h": "test.next"}  # live setting (h) -> its point (s)
OUTAGE = "outage"  # the type of a record that is no test


@dataclass(frozen=True, slots=True)
class ControlExtras:
    """What the daemon hands in, because control itself sees model and bus only.

    `sim` changes the simulated plant (empty = nothing) and returns the truth; None: no simulation.
    `check` returns one sentence for each finding. `set_password` stores a web login, `tokens` those
    of machines. `calibration` tells the stored points: channel -> facts; `pages_fault` what is
    wrong with the pages, "" = nothing. All are called from client
    threads and raise BtrmError to refuse.
    """

    sim: Callable[[Mapping[str, object]], Mapping[str, object]] | None = None
    check: Callable[[], list[str]] | None = None
    set_password: Passwords | None = None
    tokens: Tokens | None = None
    calibration: Callable[[], Mapping[str, object]] | None = None
    pages_fault: Callable[[], str] | None = None
    config_dir: str = ""
    state_dir: str = ""


NO_EXTRAS = ControlExtras()


class ControlVerbs:
    """One answer for each request; thread-safe, as it keeps nothing of its own."""

    def __init__(self, bus: Bus, history: History, extras: ControlExtras) -> None:
        self._bus = bus
        self._history = history
        self._extras = extras
        self._health = LoopHealth(bus)
        self._verbs: dict[str, Callable[[Request, str], Reply]] = {
            "where": self._where,
            "health": self._judge,
            "get": self._get,
            "set": self._set,
            "status": self._status,
            "test_start": self._test_start,
            "test_stop": self._test_stop,
            "test_status": self._test_status,
            "alarms": self._alarms,
            "ack": self._ack,
            "sim": self._sim,
            "check": self._check,
            "selftest": self._selftest,
            "selftest_result": self._selftest_result,
            "calibrate": self._calibrate,
            "calibration": self._calibration,
            "capacity_check": self._capacity_check,
            "reset": self._reset,
            "import": self._import,
            "trap_test": self._trap_test,
            "webhook_test": self._webhook_test,
            **access_verbs(bus, extras.set_password, extras.tokens),
            **appliance_verbs(bus),
            **battery_verbs(bus),
            **report_verbs(bus, history),
        }

    def answer(self, request: Request, source: str) -> Reply:
        """The reply to `request` from `source`. Raises BtrmError for what a callable refused."""
        verb = self._verbs.get(request["verb"])
        if verb is None:
            return refusal("verb", f"{request['verb']!r} is no verb of the control socket.")
        return plain_object(verb(request, source))

    # --- reading -----------------------------------------------------------------------------

    def _where(self, request: Request, source: str) -> Reply:
        return {
            "ok": True,
            "version": __version__,
            "config_dir": self._extras.config_dir,
            "state_dir": self._extras.state_dir,
            "is_simulated": self._extras.sim is not None,
        }

    def _judge(self, request: Request, source: str) -> Reply:
        """Whether the station is well, for who has installed it: "fault" is "" or a sentence."""
        fault = "" if self._health.is_ticking() else "The owner loop does not tick."
        if not fault and self._extras.pages_fault is not None:
            fault = self._extras.pages_fault()
        return {"ok": True, "version": __version__, "fault": fault}

    def _get(self, request: Request, source: str) -> Reply:
        keys = request.get("keys") or list(SETTINGS)
        if not is_texts(keys):
            return refusal("syntax", '"keys" is a list of texts.')
        snapshot = self._bus.snapshot
        values: dict[str, object] = {}
        for key in keys:
            if key in SETTINGS:
                values[key] = setting_view(key, snapshot)
            elif key in snapshot.points:
                values[key] = snapshot.points[key].value
            else:
                text = f"{key!r} is neither a setting nor a point; `btrmd get` lists the settings."
                return refusal("unknown", text)
        return {"ok": True, "values": values}

    def _status(self, request: Request, source: str) -> Reply:
        snapshot = self._bus.snapshot
        listeners = self._bus.listeners
        return {
            "ok": True,
            "at": iso(snapshot.at),
            "version": __version__,
            "is_ticking": snapshot.is_ticking,
            "points": {key: point_view(key, point) for key, point in snapshot.points.items()},
            "listeners": {name: listener.address or None for name, listener in listeners.items()},
            "listener_faults": {
                name: listener.fault for name, listener in listeners.items() if listener.fault
            },
            "alarms": [alarm_view(alarm) for alarm in snapshot.alarms],
            "test": self._test(snapshot),
            "faults": list(snapshot.faults),
        }

    def _alarms(self, request: Request, source: str) -> Reply:
        return {"ok": True, "alarms": [alarm_view(alarm) for alarm in self._bus.snapshot.alarms]}

    def _test_status(self, request: Request, source: str) -> Reply:
        snapshot = self._bus.snapshot
        n = request.get("n")
        if n is None:
            running = snapshot.test
            is_test = running is not None and running.type != OUTAGE
            number = running.n if running is not None and is_test else None
            return {"ok": True, "test": self._test(snapshot), "running": number}
        if not is_whole(n):
            return refusal("syntax", '"n" is the number of a test.')
        for record in (snapshot.test, snapshot.last_test, self._history.test(n)):
            if record is not None and record.n == n:
                return {"ok": True, "test": test_view(record)}
        return refusal("unknown", f"There is no test {n}.", {"state": test_state(snapshot)})

    def _test(self, snapshot: Snapshot) -> Reply:
        """The test that runs, else the last finished one; `state` is always `test.state`."""
        record = snapshot.test or snapshot.last_test
        view = dict.fromkeys(TEST_FIELDS) if record is None else test_view(record)
        if record is None:
            view |= {"result": "none", "reason": "", "source": "", "marks": []}
        view["state"] = test_state(snapshot)
        return view

    # --- changing ----------------------------------------------------------------------------

    def _submit(self, command: Command) -> Reply:
        """The owner's answer as a reply; the snapshot shows what the command did."""
        answer = self._bus.submit(command)
        if not answer.ok:
            return refusal(answer.code, answer.text, answer.data)
        return {**answer.data, "ok": True, "text": answer.text}

    def _set(self, request: Request, source: str) -> Reply:
        changes = request.get("changes")
        if not is_object(changes) or not changes:
            return refusal("syntax", '"changes" is an object of keys and values.')
        before = self._bus.snapshot
        reply = self._submit(ChangeSettings(changes, source))
        if reply["ok"]:
            after = self._bus.snapshot
            keys = [key for key in changes if key in SETTINGS]
            # what has moved with them: a parity, mail that is possible now
            keys += before.settings.followers(changes)
            new = {key: setting_view(key, after) for key in keys}
            old = {key: setting_view(key, before) for key in keys}
            secret = before.settings.differing(after.settings)  # the views of secrets are null
            changed = [key for key in keys if key in secret or new[key] != old[key]]
            found_notes = notes(after.settings)
            reply |= {"values": new, "before": old, "changed": changed}
            reply["notes"] = {key: found_notes[key] for key in keys if key in found_notes}
        return reply

    def _test_start(self, request: Request, source: str) -> Reply:
        kind = request.get("type")
        if kind is not None and str(kind) not in ("1", "2"):
            return out_of_range("type", kind, "1 or 2")
        delay = request.get("delay_h", 0.0)
        if not is_number(delay) or not 0.0 <= delay <= DELAY_H:
            return out_of_range("delay_h", delay, f"0..{DELAY_H:g} h")
        return self._submit(StartTest(None if kind is None else str(kind), float(delay), source))

    def _test_stop(self, request: Request, source: str) -> Reply:
        return self._submit(StopTest(source))

    def _ack(self, request: Request, source: str) -> Reply:
        key = request.get("key")
        if not isinstance(key, str):
            return refusal("syntax", '"key" is the key of an alarm.')
        return self._submit(AckAlarm(key, source))

    def _capacity_check(self, request: Request, source: str) -> Reply:
        return self._submit(CapacityCheck(request.get("low") is True, source))

    def _reset(self, request: Request, source: str) -> Reply:
        return self._submit(ResetData(request.get("settings") is True, source))

    def _selftest(self, request: Request, source: str) -> Reply:
        after = self._history.last_event()
        return {"after": after, **self._submit(RunSelfTest(source))}

    def _selftest_result(self, request: Request, source: str) -> Reply:
        """The verdict of the first self-test that ended after event `after`; null while it runs."""
        after = request.get("after")
        if not is_whole(after):
            return refusal("syntax", '"after" is the number of an event.')
        ends = self._history.events(after, limit=1, key=SELFTEST)
        if not ends:
            return {"ok": True, "result": None}
        return {"ok": True, "result": ends[0].value, "finding": ends[0].text}

    def _calibrate(self, request: Request, source: str) -> Reply:
        channel, point, actual = (request.get(name) for name in ("channel", "point", "actual"))
        if not isinstance(channel, str):
            return refusal("syntax", '"channel" is the key of a measured point.')
        if point not in ("low", "high", "clear"):
            return out_of_range("point", point, "low, high or clear")
        if point == "clear":
            return self._submit(Calibrate(channel, "clear", None, source))
        if not is_number(actual) or not -LARGEST <= actual <= LARGEST:
            return out_of_range("actual", actual, f"a number of V or A, at most {LARGEST:g}")
        return self._submit(Calibrate(channel, point, float(actual), source))

    def _import(self, request: Request, source: str) -> Reply:
        changes = request.get("changes")
        if not is_object(changes):
            return refusal("syntax", '"changes" is an object of keys and values.')
        settings = self._bus.snapshot.settings
        wanted = settings.with_changes(changes)
        differing = settings.differing(wanted)
        found_notes = notes(wanted)
        reply: Reply = {"ok": True, "changes": difference(settings, wanted)}
        reply["notes"] = {key: found_notes[key] for key in differing if key in found_notes}
        if request.get("dry_run") is True or not differing:
            return reply
        # also what is so already: named, it does not move along with others
        keys = [key for key in wanted if key in differing or key in changes]
        done = self._submit(ChangeSettings({key: wanted[key] for key in keys}, source))
        return reply if done["ok"] else done

    def _trap_test(self, request: Request, source: str) -> Reply:
        """`lines`: a sentence for each receiver, also when one of them failed."""
        answer = self._bus.perform(SendTestTrap(source))
        facts = {"lines": [answer.text], **answer.data}
        if not answer.ok:
            return refusal(answer.code, answer.text, facts)
        return {**facts, "ok": True, "text": answer.text}

    def _webhook_test(self, request: Request, source: str) -> Reply:
        answer = self._bus.perform(SendTestWebhook(source))
        if not answer.ok:
            return refusal(answer.code, answer.text)
        return {"ok": True, "text": answer.text}

    # --- by the daemon's callables -----------------------------------------------------------

    def _sim(self, request: Request, source: str) -> Reply:
        if self._extras.sim is None:
            return refusal("not_simulated", "The daemon was not started with --simulate.")
        changes = request.get("changes") or {}
        if not is_object(changes):
            return refusal("syntax", '"changes" is an object of keys and values.')
        return {"ok": True, "truth": self._extras.sim(changes)}

    def _check(self, request: Request, source: str) -> Reply:
        if self._extras.check is None:
            return {"ok": True, "findings": list(self._bus.snapshot.faults)}
        return {"ok": True, "findings": self._extras.check()}

    def _calibration(self, request: Request, source: str) -> Reply:
        channels = {} if self._extras.calibration is None else self._extras.calibration()
        return {"ok": True, "calibration": channels}


# --- shapes ----------------------------------------------------------------------------------


def refusal(code: str, text: str, facts: Mapping[str, object] | None = None) -> Reply:
    """An answer that says no: a short code and one sentence."""
    return {**plain_object(facts or {}), "ok": False, "code": code, "text": text}


def out_of_range(key: str, value: object, allowed: str) -> Reply:
    text = f"{key} = {value!r} is refused: allowed is {allowed}."
    return refusal("range", text, {"key": key, "value": value, "allowed": allowed})


def iso(at: float | None) -> str | None:
    """Wall time in seconds since 1970 as ISO 8601 in UTC."""
    if not at:  # 0: never
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def point_view(key: str, reading: Reading) -> Reply:
    """A point as every protocol shows it."""
    point = POINT.get(key)
    is_known = reading.quality not in (BAD, MISSING)
    return {
        "value": reading.value if is_known else None,
        "unit": "" if point is None else point.unit,
        "quality": reading.quality.value,
        "at": iso(reading.at),
    }


def alarm_view(alarm: AlarmView) -> Reply:
    return {**alarm._asdict(), "since": iso(alarm.since)}


def test_view(record: TestRecord) -> Reply:
    """A test as every protocol shows it."""
    view: Reply = record._asdict()
    view["started_at"] = iso(record.started_at)
    view["ended_at"] = iso(record.ended_at)
    return view


def test_state(snapshot: Snapshot) -> str:
    reading = snapshot.points.get("test.state")
    if reading is not None and isinstance(reading.value, str):
        return reading.value
    return "idle" if snapshot.test is None else snapshot.test.state


def setting_view(key: str, snapshot: Snapshot) -> object:
    """A setting's value; null for a secret; a live one comes from its point."""
    setting = SETTINGS[key]
    if setting.secret:
        return None
    if setting.live:
        reading = snapshot.points.get(LIVE_POINTS[key])
        if reading is None or not is_number(reading.value):
            return None
        return math.ceil(reading.value / 3600.0)  # rounded up, as in every protocol
    return snapshot.settings[key]


def plain(value: object) -> object:
    """`value` in the types JSON knows; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return plain_object(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    if value is None or isinstance(value, str | int | bool):
        return value
    return str(value)


def plain_object(value: Mapping[str, object]) -> Reply:
    return {str(key): plain(item) for key, item in value.items()}


# --- checks ----------------------------------------------------------------------------------


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def is_number(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 62
