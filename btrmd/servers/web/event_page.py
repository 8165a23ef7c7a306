"""The Event Log page: what happened, newest first, with filter, export and acknowledgement."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Final, NamedTuple

from flask import Response, g, request

from btrmd.docgen.event_text import format_event_value, name_of
from btrmd.model.alarms import SEVERITIES
from btrmd.model.events import Event, Kind, event_severity
from btrmd.model.snapshot import AlarmView, Snapshot
from btrmd.model.value_text import local_time, plain_value

from .answers import answer_pieces, json_list
from .bodies import refuse_field
from .csv_times import CsvTimes
from .encode import encode_event, iso_time, number, plain
from .event_query import FORM, LARGEST_N, read_query
from .pages import Pages
from .roles import Role
from .routes import Route, RouteAccess, may_change
from .wording import NOTHING, site_zone

PER_PAGE: Final = 50
EXPORTED: Final = 10_000  # R135
BATCH: Final = 200  # of them read at a time
_SAME_S: Final = 1.0  # an alarm's since and its event's time belong together
KINDS: Final = {"raise": "Raised", "clear": "Cleared", "change": "Change", "command": "Command"}
SEVERITY_WORDS: Final = {
    name: f"{name.capitalize()}{' and graver' if name != SEVERITIES[-1] else ''}"
    for name in reversed(SEVERITIES)
}
FORMS: Final = {
    "severity": ", ".join(SEVERITIES),
    "from": FORM,
    "to": f"{FORM}, not before From",
    "before": f"0..{LARGEST_N}",
}
HEAD: Final = ("uptime_s", "key", "kind", "value", "threshold", "source", "text")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class EventLine(NamedTuple):
    """One event in words; `name` is its key as people read it. `utc`: the time `at` in UTC where
    that is the site's own. `alarm`: the key to acknowledge;
    "" = there is nothing to."""

    n: int
    at: str
    kind: str
    kind_word: str
    key: str
    text: str
    value: str
    source: str
    state: str
    alarm: str
    name: str
    severity: str
    utc: str


class EventPage:
    """The page and its exports."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    def show(self) -> Response:
        snapshot = self._services.bus.snapshot
        query = read_query(request.args)
        found: list[Event] = []
        if not query.errors:
            found = self._services.history.find_events(
                query.before, PER_PAGE + 1, query.key, query.kind, query.chosen
            )
        events = found[:PER_PAGE]
        body = self._pages.render(
            "events.html",
            "Event Log",
            lines=[format_event(event, snapshot) for event in events],
            kinds=KINDS,
            severities=SEVERITY_WORDS,
            time_head="Time (local)" if site_zone() else "Time (UTC)",
            chosen=query.typed,
            errors=query.errors,
            query=query.text,
            is_first=not query.before,
            older=events[-1].n if len(found) > PER_PAGE else 0,
            may_acknowledge=may_change(g.session, Role.OPERATOR, snapshot.settings),
        )
        return Response(body, 422 if query.errors else 200)

    def csv(self) -> Response:
        """The newest 10,000 that fit the filter (and `before`), by rising number."""
        headers = {"Content-Disposition": 'attachment; filename="events.csv"'}
        return answer_pieces(
            _csv_lines(self._exported(), CsvTimes.of_request()), "text/csv", headers
        )

    def json(self) -> Response:
        """As `csv`, in the form of /api/v1/events."""
        headers = {"Content-Disposition": 'attachment; filename="events.json"'}
        pieces = json_list("events", map(encode_event, self._exported()))
        return answer_pieces(pieces, headers=headers)

    def _exported(self) -> Iterator[Event]:
        """By rising number, a few at a time in memory: first where each batch begins is looked
        up, from the newest backwards."""
        query = read_query(request.args)
        for name in query.errors:
            refuse_field(name, request.args.get(name, ""), FORMS[name])
        history = self._services.history

        def find(place: int, most: int) -> list[Event]:
            return history.find_events(place, most, query.key, query.kind, query.chosen)

        def rising() -> Iterator[Event]:
            places, place, left = list[int](), query.before, EXPORTED
            while left > 0:
                found = find(place, min(left, BATCH))
                if not found:
                    break
                places.append(place)
                place, left = found[-1].n, left - len(found)
            left = EXPORTED - BATCH * (len(places) - 1)
            for place in reversed(places):
                yield from reversed(find(place, min(left, BATCH)))
                left = BATCH

        return rising()


def _csv_lines(events: Iterator[Event], times: CsvTimes) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\n")
    head = ("n", "at", *times.head("at"), *HEAD)
    for row in chain((head,), (_cells(event, times) for event in events)):
        writer.writerow(row)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def format_event(event: Event, snapshot: Snapshot) -> EventLine:
    """An event as the page shows it; of a raised alarm also how it stands now."""
    alarm = _alarm(event, snapshot)
    state = ""
    if event.kind is Kind.RAISE:
        state = "over" if alarm is None else "acknowledged" if alarm.acknowledged else "active"
    return EventLine(
        event.n,
        _format_moment(event.at),
        event.kind.value,
        KINDS[event.kind.value],
        event.key,
        event.text,
        _format_value(event),
        event.source,
        state,
        event.key if alarm is not None and not alarm.acknowledged else "",
        name_of(event.key),
        event_severity(event) or "",
        _format_utc(event.at),
    )


def _format_value(event: Event) -> str:
    """ "10.84 V (limit 11.00 V)"; "" where there is none."""
    if event.value is None:
        return ""
    text = format_event_value(event.value, event.key)
    if event.threshold is None:
        return text
    return f"{text} (limit {format_event_value(event.threshold, event.key)})"


def _alarm(event: Event, snapshot: Snapshot) -> AlarmView | None:
    """The alarm that `event` raised, while it stands."""
    if event.kind is not Kind.RAISE:
        return None
    for alarm in snapshot.alarms:
        if alarm.key == event.key and event.at >= alarm.since - _SAME_S:
            return alarm
    return None


def _format_moment(at: float) -> str:
    """To the second, in the site's time or UTC: the table's head or the line below says which."""
    return local_time(at, site_zone()).strftime("%Y-%m-%d %H:%M:%S") if at > 0 else NOTHING


def _format_utc(at: float) -> str:
    """What stands below the site's time; "" where that is UTC."""
    zone = site_zone()
    if at <= 0 or not zone:
        return ""
    utc = datetime.fromtimestamp(at, UTC)
    form = "%H:%M:%S UTC" if local_time(at, zone).date() == utc.date() else "%Y-%m-%d %H:%M:%S UTC"
    return utc.strftime(form)


def _cells(event: Event, times: CsvTimes) -> tuple[object, ...]:
    """A line of the CSV file; no text in it may pass for a spreadsheet's formula."""
    value = plain(event.value)
    shown = plain_value(event.value) if isinstance(value, bool | list) else value
    return (
        event.n,
        iso_time(event.at),
        *times.cell(event.at),
        number(event.uptime_s),
        event.key,
        event.kind.value,
        harmless(shown),
        "" if event.threshold is None else number(event.threshold),
        harmless(event.source),
        harmless(event.text),
    )


def harmless(value: object) -> object:
    """A cell that no spreadsheet takes for a formula; empty where there is nothing."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def event_routes(pages: Pages) -> list[Route]:
    """The page and its exports."""
    page = EventPage(pages)
    return [
        Route("GET", "/events", page.show, RouteAccess.PAGE),
        Route("GET", "/events/csv", page.csv, RouteAccess.PAGE),
        Route("GET", "/events/json", page.json, RouteAccess.PAGE),
    ]
