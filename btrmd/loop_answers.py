"""Loop answers: the owner's answers to what event loops have asked, given to a loop in one go.

An answer is given with the snapshot that shows what it is about. Those that come together wake
their loop once; a loop that looked for each of them by itself would wake many times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from time import monotonic

from .model.commands import Answer


class LoopAnswer:
    """One answer, made and waited for on the loop that is running.

    It is given up after `timeout` s, or, once it is there, given `seen_s` s later though nobody
    has shown it yet: so long `give` is waited for.
    """

    __slots__ = ("_answered_at", "_end", "_seen_s", "_timer", "answer", "future", "loop")

    def __init__(self, timeout: float, seen_s: float) -> None:
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Answer | None] = self.loop.create_future()
        self.answer: Answer | None = None
        self._seen_s = seen_s
        self._answered_at = 0.0
        self._end = monotonic() + timeout
        # of a loop that waits in vain: nearly always it is cancelled
        self._timer = self.loop.call_later(min(timeout, seen_s), self._look)

    def take(self, answer: Answer) -> None:
        """The answer is known, and not yet given. On any thread."""
        self._answered_at = monotonic()
        self.answer = answer

    async def wait(self) -> Answer | None:
        """The answer; None: there was none in time."""
        try:
            return await self.future
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        self._timer.cancel()

    def _look(self) -> None:
        now, answer = monotonic(), self.answer
        due = self._end if answer is None else self._answered_at + self._seen_s
        if now >= due:
            if not self.future.done():
                self.future.set_result(answer)
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
        if not one.future.done():  # given up meanwhile
            one.future.set_result(one.answer)
