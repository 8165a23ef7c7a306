"""Guarded: work that only tells something, and must not stop what controls."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

_log = logging.getLogger(__name__)

_Result = TypeVar("_Result")


def guarded(what: str, work: Callable[[], _Result], instead: _Result) -> _Result:
    """`work()`; `instead`, and an error in the log with its trace, where it fails.

    An error in a step of the control loop releases every relay. That is right where nobody knows
    what to drive; an estimate that fails says nothing about that.
    """
    try:
        return work()
    except Exception:
        _log.exception("%s: an error of its own", what)
        return instead
