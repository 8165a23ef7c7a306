"""The pages about what has been: battery status, trends, discharge curves and the event log."""

from __future__ import annotations

from .battery_status_page import battery_status_routes
from .curve_points import Curves
from .discharge_page import discharge_routes
from .event_page import event_routes
from .pages import Pages
from .report_page import report_routes
from .routes import Route
from .trend_page import trend_routes


def history_routes(pages: Pages) -> list[Route]:
    """Their routes; the curves that one of them has prepared serve the other too."""
    curves = Curves(pages.services.history)
    return [
        *battery_status_routes(pages, curves),
        *trend_routes(pages),
        *discharge_routes(pages, curves),
        *report_routes(pages, curves),
        *event_routes(pages),
    ]
