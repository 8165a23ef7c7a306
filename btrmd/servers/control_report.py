"""The control socket's verb for the report of a discharge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .. import __version__
from ..bus import Bus
from ..docgen.report import format_moment, make_report
from ..model.history import History

Request = Mapping[str, Any]
Reply = dict[str, object]

CALIBRATION = "calibration"


def report_verbs(bus: Bus, history: History) -> dict[str, Callable[[Request, str], Reply]]:
    """Verb -> its handler."""

    def report(request: Request, source: str) -> Reply:
        n = request.get("n")
        if isinstance(n, bool) or not isinstance(n, int):
            return {"ok": False, "code": "syntax", "text": '"n" is the number of a discharge.'}
        snapshot = bus.snapshot
        zone = snapshot.settings.text("site.timezone")

        def write(at: float | None) -> str:
            return format_moment(at, zone)

        for record in (snapshot.test, snapshot.last_test, history.test(n)):
            if record is not None and record.n == n:
                found = history.find_events(0, 1, CALIBRATION)
                calibrated = f"last changed {write(found[0].at)}" if found else "as delivered"
                made = make_report(record, snapshot, __version__, calibrated, write)
                return {"ok": True, "report": made.encode()}
        return {"ok": False, "code": "unknown", "text": f"There is no discharge {n}."}

    return {"report": report}
