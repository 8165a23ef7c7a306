"""Loop answers: the owner's answers to what event loops have asked, given to a loop in one go.

An answer is given with the snapshot that shows what it is about. Those that come together wake
their loop once; a loop that looked for each of them by itself would wake many times.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from time import monotonic
from typing import Final

from .model.commands import Answer


class LoopAnswer:
    """One answer, made on the loop that is running and given there: `then(answer)`, once.

    It is given up after `timeout` s (`then(None)`), or, once it is there, given `seen_s` s later
    though nobody has shown it yet: so long `give` is waited for.
    """

    __slots__ = ("_answer_timer", "_answered_at", "_end", "_seen_s", "_then", "answer", "loop")

    def __init__(
        self, then: Callable[[Answer | None], object], timeout: float, seen_s: float
    ) -> None:
        self.loop = loop = asyncio.get_running_loop()
        self.answer: Answer | None = None
        self._then: Callable[[Answer | None], object] | None = then
        self._seen_s = seen_s
        self._answered_at = 0.0
        now = monotonic()
        self._end = now + timeout
        self._answer_timer = answer_timer = _timer_of(loop)
        # nearly always it is given before anybody has to look
        answer_timer.add(self, now + min(timeout, seen_s))

    def take(self, answer: Answer) -> None:
        """The answer is known, and not yet given. On any thread."""
        self._answered_at = monotonic()
        self.answer = answer

    def cancel(self) -> None:
        """Nobody waits for it any more. On its loop."""
        self._answer_timer.remove(self)
        self._then = None

    def go_on(self) -> None:
        """Give the answer, unless it was given up. On its loop."""
        then = self._then
        if then is None:
            return
        self.cancel()
        then(self.answer)

    def look(self, now: float) -> float:
        """Give what nobody shows, or give up; else the time of the next look, monotonic s."""
        answer = self.answer
        due = self._end if answer is None else self._answered_at + self._seen_s
        if now >= due:
            _go_on((self,))
        # an answer that comes meanwhile is given `seen_s` after it came: never before the next look
        return min(due, now + self._seen_s)


class _AnswerTimer:
    """The answers that a loop waits for, and one timer for all of them. On its loop."""

    __slots__ = ("_due", "_timer", "_waiting", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: dict[LoopAnswer, float] = {}  # when to look next, monotonic s

    def add(self, answer: LoopAnswer, due: float) -> None:
        self._waiting[answer] = due
        if self._timer is None or due < self._due:
            self._set(due)

    def remove(self, answer: LoopAnswer) -> None:
        self._waiting.pop(answer, None)
        if not self._waiting and self._timer is not None:  # a quiet loop is not woken for nothing
            self._timer.cancel()
            self._timer = None

    def _set(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = self.loop.call_later(max(due - monotonic(), 0.0), self._look)

    def _look(self) -> None:
        self._timer = None
        now = monotonic()
        for answer, due in list(self._waiting.items()):
            if now >= due and answer in self._waiting:
                due = answer.look(now)
                if answer in self._waiting:
                    self._waiting[answer] = due
        if self._waiting:
            self._set(min(self._waiting.values()))


class _Own(threading.local):
    """A thread runs one loop at a time."""

    answer_timer: _AnswerTimer | None = None


_own: Final = _Own()


def _timer_of(loop: asyncio.AbstractEventLoop) -> _AnswerTimer:
    answer_timer = _own.answer_timer
    if answer_timer is None or answer_timer.loop is not loop:
        answer_timer = _own.answer_timer = _AnswerTimer(loop)
    return answer_timer


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
