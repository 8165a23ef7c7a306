"""Loop answers: the owner's answers to what event loops have asked, given to a loop in one go.

An answer is given with the snapshot that shows what it is about. Those that come together wake
their loop once; a loop that looked for each of them by itself would wake many times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic

from .model.commands import Answer


class LoopAnswer:
    """One answer, made on the loop that is running and given there: `then(answer)`, once.

    It is given up after `timeout` s (`then(None)`), or, once it is there, given `seen_s` s later
    though nobody has shown it yet: so long `give` is waited for.
    """

    __slots__ = ("_answered_at", "_end", "_seen_s", "_then", "_timer", "answer", "loop")

    def __init__(
        self, then: Callable[[Answer | None], object], timeout: float, seen_s: float
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.answer: Answer | None = None
        self._then: Callable[[Answer | None], object] | None = then
        self._seen_s = seen_s
        self._answered_at = 0.0
        self._end = monotonic() + timeout
        # of a loop that waits in vain: nearly always it is cancelled
        self._timer = self.loop.call_later(min(timeout, seen_s), self._look)

    def take(self, answer: Answer) -> None:
        """The answer is known, and not yet given. On any thread."""
        self._answered_at = monotonic()
        self.answer = answer

    def cancel(self) -> None:
        """Nobody waits for it any more. On its loop."""
        self._timer.cancel()
        self._then = None

    def go_on(self) -> None:
        """Give the answer, unless it was given up. On its loop."""
        then = self._then
        if then is None:
            return
        self.cancel()
        then(self.answer)

    def _look(self) -> None:
        now, answer = monotonic(), self.answer
        due = self._end if answer is None else self._answered_at + self._seen_s
        if now >= due:
            self.go_on()
            return
        # an answer that comes meanwhile is given `seen_s` after it came: never before the next look
        self._timer = self.loop.call_later(min(due - now, self._seen_s), self._look)


def give(answers: Iterable[LoopAnswer]) -> None:
    """Have all these loops go on, each woken once. On any thread."""
    by_loop: dict[asyncio.AbstractEventLoop, list[LoopAnswer]] = {}
    for one in answers:
        by_loop.setdefault(one.loop, []).append(one)
    for loop, ones in by_loop.items():
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_go_on, ones)


def _go_on(answers: Iterable[LoopAnswer]) -> None:
    for one in answers:
        try:
            one.go_on()
        except Exception as error:  # the edge: the others are answered all the same
            context = {"message": "an answer was not taken", "exception": error}
            one.loop.call_exception_handler(context)
