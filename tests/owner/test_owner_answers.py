"""Answers: whoever asks the owner goes on when the change can be read, and not a tick later."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fieldbus_snapshot import make_snapshot

from btrmd import bus as module
from btrmd.bus import Bus, PendingCommand
from btrmd.model.commands import ACCEPTED, Answer, Command, StopTest

WAIT_S = 10.0
FOR_EVER_S = 600.0
ME = StopTest("web admin 10.0.0.1")

Submit = Callable[[Bus, Command, float], Answer]


def on_a_thread(bus: Bus, command: Command, timeout: float) -> Answer:
    return bus.submit(command, timeout)


def on_a_loop(bus: Bus, command: Command, timeout: float) -> Answer:
    return asyncio.run(bus.submit_async(command, timeout))


@pytest.fixture(params=[on_a_thread, on_a_loop])
def submit(request: pytest.FixtureRequest) -> Submit:
    found: Submit = request.param
    return found


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bus]:
    monkeypatch.setattr(module, "SEEN_S", FOR_EVER_S)
    monkeypatch.setattr(module, "LOOP_SEEN_S", FOR_EVER_S)
    made = Bus(make_snapshot()._replace(seq=7))
    yield made
    made.close()


class Asker:
    """Somebody who asks on a thread of his own; `take` is what the owner sees of it."""

    def __init__(self, bus: Bus, submit: Submit) -> None:
        self._bus = bus
        self.answer: Answer | None = None
        self.seen = 0

        def ask() -> None:
            self.answer = submit(bus, ME, WAIT_S)
            self.seen = bus.snapshot.seq

        self.thread = threading.Thread(target=ask, daemon=True)
        self.thread.start()

    def take(self) -> PendingCommand:
        end = threading.Event()
        for _ in range(int(WAIT_S / 0.001)):
            if found := self._bus.take():
                return found[0]
            end.wait(0.001)
        raise AssertionError("nothing was asked")

    @property
    def has_gone_on(self) -> bool:
        self.thread.join(WAIT_S)
        return not self.thread.is_alive()

    @property
    def waits(self) -> bool:
        self.thread.join(0.05)
        return self.thread.is_alive()


@pytest.mark.parametrize("answer", [ACCEPTED, Answer(False, "running", "A test is running.")])
def test_the_next_snapshot_shows_what_was_done_or_why_not(
    bus: Bus, submit: Submit, answer: Answer
) -> None:
    asker = Asker(bus, submit)
    asker.take().answer.set_result(answer)
    assert asker.waits
    bus.publish(make_snapshot()._replace(seq=8))
    assert asker.has_gone_on
    assert (asker.answer, asker.seen) == (answer, 8)


def test_a_change_that_is_published_already_is_not_waited_for(bus: Bus, submit: Submit) -> None:
    asker = Asker(bus, submit)
    asker.take().answer.set_result(ACCEPTED._replace(seen_after=6))
    assert asker.has_gone_on
    assert asker.seen == 7


def test_a_change_that_is_to_come_is_waited_for(bus: Bus, submit: Submit) -> None:
    asker = Asker(bus, submit)
    asker.take().answer.set_result(ACCEPTED._replace(seen_after=8))
    bus.publish(make_snapshot()._replace(seq=8))
    assert asker.waits
    bus.publish(make_snapshot()._replace(seq=9))
    assert asker.has_gone_on
    assert asker.seen == 9


def test_nobody_waits_for_a_daemon_that_stops(bus: Bus, submit: Submit) -> None:
    asker = Asker(bus, submit)
    asker.take().answer.set_result(ACCEPTED)
    bus.close()
    assert asker.has_gone_on
    assert submit(bus, ME, WAIT_S) == Answer(False, "busy", "The daemon is stopping.")


def test_an_owner_that_is_silent_is_busy_and_may_answer_late(bus: Bus, submit: Submit) -> None:
    busy = Answer(False, "busy", "The owner did not answer within 0.01 s.")
    assert submit(bus, ME, 0.01) == busy
    bus.take()[0].answer.set_result(ACCEPTED)  # nobody listens any more, and nothing is raised


def test_what_is_answered_together_wakes_a_loop_once(bus: Bus) -> None:
    async def ask() -> tuple[list[Answer], int]:
        loop = asyncio.get_running_loop()
        asked = [asyncio.ensure_future(bus.submit_async(ME, WAIT_S)) for _ in range(5)]
        while len(taken) < 5:
            taken.extend(bus.take())
            await asyncio.sleep(0)
        woken, wake = [], loop.call_soon_threadsafe

        def count(*args: object) -> object:
            woken.append(args)
            return wake(*args)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = count  # type: ignore[method-assign, assignment]
        with bus.together():
            for pending in taken:
                pending.answer.set_result(ACCEPTED._replace(seen_after=6))
            assert not woken
        return await asyncio.gather(*asked), len(woken)

    taken: list[PendingCommand] = []
    answers, wakes = asyncio.run(ask())
    assert [answer.ok for answer in answers] == [True] * 5
    assert wakes == 1


@pytest.mark.parametrize("seen_s", [0.01, 0.2])
def test_an_answer_that_nobody_shows_is_given_all_the_same(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, seen_s: float
) -> None:
    monkeypatch.setattr(module, "LOOP_SEEN_S", seen_s)
    asker = Asker(bus, on_a_loop)
    asker.take().answer.set_result(ACCEPTED)
    assert asker.has_gone_on
    assert (asker.answer, asker.seen) == (ACCEPTED, 7)


def test_a_loop_that_is_gone_holds_nobody_up(bus: Bus) -> None:
    async def give_up() -> None:
        asked = asyncio.ensure_future(bus.submit_async(ME, WAIT_S))
        await asyncio.sleep(0)
        asked.cancel()

    asyncio.run(give_up())
    bus.take()[0].answer.set_result(ACCEPTED)
    asker = Asker(bus, on_a_loop)
    asker.take().answer.set_result(ACCEPTED)
    bus.publish(make_snapshot()._replace(seq=8))
    assert asker.has_gone_on
    assert asker.answer == ACCEPTED


def test_an_answer_that_cannot_be_taken_keeps_no_other_from_its_own(bus: Bus) -> None:
    async def ask() -> tuple[Answer, list[BaseException]]:
        loop = asyncio.get_running_loop()
        told: list[BaseException] = []
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        bus.submit_then(ME, refuse, WAIT_S)
        asked = asyncio.ensure_future(bus.submit_async(ME, WAIT_S))
        await asyncio.sleep(0)
        with bus.together():
            for pending in bus.take():
                pending.answer.set_result(ACCEPTED._replace(seen_after=6))
        return await asked, told

    def refuse(answer: Answer) -> None:
        raise ValueError("no octets")

    answer, told = asyncio.run(ask())
    assert answer.ok
    assert [str(error) for error in told] == ["no octets"]


def test_each_that_waits_has_its_own_time_and_a_quiet_loop_no_timer(bus: Bus) -> None:
    """One timer serves all of a loop, and is set anew for one that gives up sooner."""

    async def ask() -> tuple[list[str], int]:
        loop = asyncio.get_running_loop()
        given: list[str] = []
        timers: list[asyncio.TimerHandle] = []
        call_later = loop.call_later

        def count(*args: Any) -> asyncio.TimerHandle:
            timers.append(call_later(*args))
            return timers[-1]

        loop.call_later = count  # type: ignore[method-assign]
        done, first_done = asyncio.Event(), asyncio.Event()
        bus.submit_then(
            ME, lambda answer: (given.append(f"first {answer.code}"), first_done.set()), WAIT_S
        )
        bus.submit_then(ME, lambda answer: given.append(f"second {answer.code}"), 0.02)
        bus.submit_then(ME, lambda answer: (given.append("third"), done.set()), 0.04)
        first = bus.take()[0]
        await done.wait()
        assert given == ["second busy", "third"]
        first.answer.set_result(ACCEPTED._replace(seen_after=6))
        await first_done.wait()
        return given, sum(not timer.cancelled() and timer.when() > loop.time() for timer in timers)

    given, left = asyncio.run(ask())
    assert given == ["second busy", "third", "first ok"]
    assert left == 0


def test_a_full_inbox_is_told_at_once(bus: Bus) -> None:
    async def ask() -> list[Answer]:
        found: list[Answer] = []
        for _ in range(module.INBOX_SOURCE + 1):
            bus.submit_then(StopTest("snmp 10.0.0.1"), found.append, WAIT_S)
        return found

    assert [answer.code for answer in asyncio.run(ask())] == ["busy"]
    assert len(bus.take()) == module.INBOX_SOURCE
    bus.post(StopTest("snmp 10.0.0.1"))  # what was taken counts no more
