"""The message: which events are mailed, and one or many of them as a mail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from socket import gethostname
from typing import Final
from zlib import crc32

from ...docgen.event_text import format_event_value
from ...model.alarms import SEVERITIES
from ...model.events import Event, Kind, event_severity, raised_severity
from ...model.settings import Settings
from ...model.snapshot import Snapshot
from ...model.value_text import format_beside, local_time
from .account import Account

LISTED: Final = 60  # events a digest names one by one, the newest
SUBJECT_MOST: Final = 160
WIDTH: Final = 12
CLOCK: Final = "%H:%M:%S"
_RANK: Final = {Kind.RAISE: 0, Kind.CHANGE: 1, Kind.CLEAR: 2}
_STATE: Final = {Kind.RAISE: "raised", Kind.CLEAR: "cleared"}


def event_mail(
    events: Sequence[Event], snapshot: Snapshot, account: Account, link: str
) -> EmailMessage:
    """One mail about `events` (at least one, by rising number)."""
    settings, zone = snapshot.settings, _zone(snapshot.settings)
    first, last = events[0], events[-1]
    chief = min(reversed(events), key=lambda event: _RANK[event.kind])
    subject = f"{settings.text('site.location')}: {chief.text}"
    if len(events) == 1:
        lines = [chief.text, "", *_facts(last, zone)]
    else:
        subject += f" (and {len(events) - 1} more)"
        lines = _digest(events, zone)
    lines += ["", *_site(snapshot), *_uptime(snapshot), *_link(link)]
    # A repeated mail has the same ID, by which most mail programs know it as one.
    name = f"{first.n}-{last.n}-{int(first.at)}"
    message = _mail(snapshot, account, subject, lines, name)
    severity = _severity(events)
    if severity:
        message["X-Severity"] = severity  # for rules of a mail program; the words stay the same
    return message


def _severity(events: Sequence[Event]) -> str:
    """The gravest of what comes, "cleared" where alarms and outages only go, else ""."""
    coming = [severity for event in events if (severity := raised_severity(event))]
    if coming:
        return max(coming, key=SEVERITIES.index)
    return "cleared" if any(map(event_severity, events)) else ""


def test_mail(snapshot: Snapshot, account: Account, link: str) -> EmailMessage:
    """What the E-mail Test sends (manual 9.4)."""
    settings = snapshot.settings
    subject = f"{settings.text('site.location')}: Test e-mail"
    lines = ["This is a test e-mail. Alarms will reach you the same way.", ""]
    lines += [
        _row("Time", moment(snapshot.at, _zone(settings))),
        *_uptime(snapshot),
        *_site(snapshot),
    ]
    lines += _link(link)
    return _mail(snapshot, account, subject, lines, f"test-{snapshot.seq}-{int(snapshot.at)}")


def moment(at: float, zone: str) -> str:
    """To the second, as the pages say it (site.timezone): "2026-05-17 08:30:05 UTC" or "2026-05-17
    10:30:05 local (08:30:05 UTC)"."""
    return format_beside(at, zone, f"%Y-%m-%d {CLOCK}", CLOCK)


def duration(seconds: float) -> str:
    """Days, hours, minutes and seconds."""
    whole = max(0, int(seconds))
    days, rest = divmod(whole, 86_400)
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days} d {clock}" if days else clock


def _facts(event: Event, zone: str) -> list[str]:
    state = _STATE.get(event.kind, "")
    return [
        _row("Event", f"{event.key} {state}".strip()),
        _row("Value", format_event_value(event.value, event.key)),
        _row("Threshold", format_event_value(event.threshold, event.key)),
        _row("Time", moment(event.at, zone)),
        _row("At uptime", duration(event.uptime_s)),
        _row("Number", str(event.n)),
    ]


def _digest(events: Sequence[Event], zone: str) -> list[str]:
    """First how things stand, then what happened."""
    lines = [f"{len(events)} events.", ""]
    last = {event.key: event for event in events}
    raised = Counter(event.key for event in events if event.kind is Kind.RAISE)
    cleared = Counter(event.key for event in events if event.kind is Kind.CLEAR)
    for key, event in last.items():
        now = _STATE.get(event.kind) or format_event_value(event.value, key)
        times = raised[key] + cleared[key]
        count = f" (raised {raised[key]}, cleared {cleared[key]} times)" if times > 1 else ""
        lines.append(f"{key}: now {now}{count}")
    lines.append("")
    left_out = len(events) - LISTED
    if left_out > 0:
        lines += [f"The newest {LISTED}; the event log has the {left_out} before them.", ""]
    for event in events[-LISTED:]:
        value = format_event_value(event.value, event.key)
        limit = format_event_value(event.threshold, event.key)
        lines += [
            f"{moment(event.at, zone)}  {event.text}",
            f"    {event.key} {_STATE.get(event.kind, '')}".rstrip()
            + f", value {value}, threshold {limit}, uptime {duration(event.uptime_s)},"
            f" number {event.n}",
        ]
    return lines


def _site(snapshot: Snapshot) -> list[str]:
    settings = snapshot.settings
    serial = snapshot.points["system.serial"].value
    return [
        _row("Unit", settings.text("site.name")),
        _row("Location", settings.text("site.location")),
        _row("Contact", settings.text("site.contact")),
        *([_row("Serial", serial)] if isinstance(serial, str) else []),
    ]


def _uptime(snapshot: Snapshot) -> list[str]:
    value = snapshot.points["system.uptime"].value
    return [_row("Uptime", duration(value))] if isinstance(value, int | float) else []


def _link(link: str) -> list[str]:
    return [_row("Link", link)] if link else []


def _row(name: str, text: str) -> str:
    return f"{name + ':':<{WIDTH}}{text}"


def _mail(
    snapshot: Snapshot, account: Account, subject: str, lines: Sequence[str], name: str
) -> EmailMessage:
    message = EmailMessage()
    message["From"] = account.sender
    message["To"] = ", ".join(account.recipients)
    message["Subject"] = _plain(subject)[:SUBJECT_MOST]
    message["Date"] = format_datetime(local_time(snapshot.at, _zone(snapshot.settings)))
    message["Message-ID"] = f"<{name}.{_unit(snapshot.settings)}.{account.sender}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    text = "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)
    message.set_content(text + "\n", cte="7bit" if text.isascii() else "quoted-printable")
    return message


def _zone(settings: Settings) -> str:
    return settings.text("site.timezone")


def _unit(settings: Settings) -> str:
    """What tells this unit's mails from another's that has the same sender."""
    keys = ("site.name", "site.location", "network.host_name", "network.address")
    names = "|".join([gethostname(), *(settings.text(key) for key in keys)])
    return f"{crc32(names.encode()):08x}"


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
