"""Commands: typed requests to the owner, each with one answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .discharge import Estimate


class StartTest(NamedTuple):
    """Start a test after `delay_h` h (0..500, 0 = now). `type` "1", "2" or None = the setting."""

    type: str | None = None
    delay_h: float = 0.0
    source: str = ""


class StopTest(NamedTuple):
    """Stop the test (or cancel the delayed start)."""

    source: str = ""


class ChangeSettings(NamedTuple):
    """Change settings, all or none. Values are raw (text or typed); the owner validates them.

    `from_wire`: a protocol asks; the event log tells what it wrote unchanged too (R196).
    """

    changes: Mapping[str, object]
    source: str = ""
    from_wire: bool = False


class AckAlarm(NamedTuple):
    """Acknowledge an alarm by key; a latched one whose cause is gone is cleared by it."""

    key: str
    source: str = ""


class CapacityCheck(NamedTuple):
    """Capacity IO Check (manual 8.1): force capacity low, or back to nominal."""

    low: bool
    source: str = ""


class ResetData(NamedTuple):
    """Clear the battery test data; `settings` True: restore the battery-test settings too (C21)."""

    settings: bool = False
    source: str = ""


class BatteryReplaced(NamedTuple):
    """Another battery was put in: earlier discharges stay in the history and count no more;
    capacity is not known, its alarm is cleared. Refused in a test and on battery. `at` wall time s
    of the day it was put in; None = now."""

    source: str = ""
    at: float | None = None


class RestartUnit(NamedTuple):
    """Restart the daemon (PB1, DNP3 function 13); refused in a test."""

    source: str = ""


class RunSelfTest(NamedTuple):
    """Run the self-test again; refused in a test."""

    source: str = ""


class Calibrate(NamedTuple):
    """Record a calibration point: the true V or A of `channel` now. `point` low|high|clear."""

    channel: str
    point: str
    actual: float | None = None
    source: str = ""


class NextTestIn(NamedTuple):
    """Set the time to the next test, h (0..500): the live part of a settings change."""

    hours: float
    source: str = ""


class NoteWrite(NamedTuple):
    """A protocol has written what asks for nothing; it stands in the event log too (R196)."""

    key: str
    text: str
    source: str = ""


class NoteLoss(NamedTuple):
    """The shell has found something lost on the disk: the alarm `key` says so in `text`, one
    sentence or more, until somebody acknowledges it."""

    key: str
    text: str
    source: str = "core"


class SwitchUnsolicited(NamedTuple):
    """A DNP3 master has switched unsolicited responses on (function 20) or off (21): so until the
    next start, or until `dnp3.unsolicited` is set."""

    is_on: bool
    source: str = ""


class Note(NamedTuple):
    """What a person did beside the core (a user added, secrets exported), for the event log.

    `key` names the matter; `text` is one sentence without secrets.
    """

    key: str
    text: str
    source: str = ""


class EstimateReady(NamedTuple):
    """The answer to a WantEstimate action; `estimate` None with a `reason` when there is none."""

    test_n: int
    estimate: Estimate | None
    reason: str = ""


class HealthReady(NamedTuple):
    """What all discharges so far say of the battery: state of health in % of a new battery's charge
    (None: not known) with the ends of its 90 % interval and, when a discharge has just ended,
    sentences for the event log. `confirm`: the last discharge differs from those before it, so
    that another test should follow soon. `replace_at` wall time s by which the battery must be
    replaced, not before now; None = later than two years, not known, or to be confirmed first.
    `resistance_growth_pct` % of the newest tests' resistance over the first ones'; None = not known
    (estimate/resistance.py)."""

    soh_pct: float | None
    text: str = ""
    soh_low_pct: float | None = None
    soh_high_pct: float | None = None
    confirm: bool = False
    replace_at: float | None = None
    resistance_growth_pct: float | None = None


Command = (
    StartTest
    | StopTest
    | ChangeSettings
    | AckAlarm
    | CapacityCheck
    | ResetData
    | BatteryReplaced
    | RestartUnit
    | RunSelfTest
    | Calibrate
    | NextTestIn
    | NoteWrite
    | NoteLoss
    | SwitchUnsolicited
    | Note
    | EstimateReady
    | HealthReady
)


class SendTestTrap(NamedTuple):
    """Send a test notification to every SNMP receiver that is enabled.

    Not the owner's to do: `Bus.perform` has it done on the caller's thread, at most 5 s (the wait
    for what confirms). `ok`: each receiver was sent one and confirmed it if it does confirm. `text`
    holds a sentence for each receiver, `data["lines"]` the same as a list. Codes: `no_receiver`,
    `unreached`, `unconfirmed`.
    """

    source: str = ""


class SendTestWebhook(NamedTuple):
    """Post a test to the webhook of the settings in force.

    Not the owner's to do: `Bus.perform` has it done on the caller's thread, at most 20 s. Codes:
    `off`, `unreached`.
    """

    source: str = ""


class ApplyNetwork(NamedTuple):
    """Give the host the network of the settings, to be confirmed within 120 s; not the owner's."""

    source: str = ""


class ConfirmNetwork(NamedTuple):
    """Keep the network change. `address`: where this confirmation reached the unit, which must be
    the new address; "" = from the unit's own console."""

    address: str
    source: str = ""


class RevertNetwork(NamedTuple):
    """Take the network change back at once."""

    source: str = ""


class PutUpdate(NamedTuple):
    """A piece of an update: the bytes at `offset` of `total`; offset 0 begins a new upload.
    `data["whole"]` of the answer is true with the last one."""

    offset: int
    total: int
    piece: bytes
    source: str = ""


class InstallUpdate(NamedTuple):
    """Verify the uploaded update and install it; refused in a test and on battery.
    `downgrade` True: an older version than the installed one is meant."""

    downgrade: bool = False
    source: str = ""


class UpdateEnded(NamedTuple):
    """The installer is through: tell the end of the update that stands in its file."""

    source: str = ""


class ShowAppliance(NamedTuple):
    """How the host stands. `data` of the answer: `network` and `update`, both of model.appliance,
    `uploaded` bytes of an update that waits, `has_helper`. Cheap."""


HostCommand = (
    SendTestTrap
    | SendTestWebhook
    | ApplyNetwork
    | ConfirmNetwork
    | RevertNetwork
    | PutUpdate
    | InstallUpdate
    | UpdateEnded
    | ShowAppliance
)


class Answer(NamedTuple):
    """What became of a command.

    `code`: "ok" or a short refusal code (running, not_running, interlock, range, unknown, busy,
    storage, hardware, ...); `text` one sentence; `data` extra facts (`n` of a started test; key,
    value, allowed of a refused setting). `seen_after`: snapshots numbered above it show what the
    command changed; None = the next one does.
    """

    ok: bool
    code: str = "ok"
    text: str = ""
    data: Mapping[str, object] = {}
    seen_after: int | None = None


ACCEPTED = Answer(True)


class MailStep(NamedTuple):
    """One step (look-up, connect, TLS, login, sender, recipient, message) in one sentence.

    The last step of a mail that was accepted is `ok`; the first that is not ends the test (R188).
    """

    ok: bool
    text: str
