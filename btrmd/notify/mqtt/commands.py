"""Commands from the broker: read strictly, done through the same interlocks, each answered."""

from __future__ import annotations

import json
from collections import OrderedDict
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

from ...bus import Bus
from ...docgen.json_text import dumps
from ...model.commands import AckAlarm, Answer, Command, StartTest, StopTest
from ...model.errors import BusyError

MOST_OCTETS: Final = 4096
MOST_PENDING: Final = 8
REMEMBERED: Final = 64  # ids: a command that comes twice is done once
LONGEST_ID: Final = 64
DELAY_H: Final = 500.0  # R53
_FIELDS: Final = {
    "test.start": ("type", "delay_h"),
    "test.stop": (),
    "alarm.ack": ("key",),
}  # fmt: skip


class RefusalError(Exception):
    """Why a command is not even asked: code and one sentence."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


class UnansweredCommand(NamedTuple):
    """A command that the owner has, and whose it is."""

    id: str
    name: str
    future: Future[Answer]


class Commands:
    """One thread's. `take` what came, then `answers` what is done."""

    def __init__(self, bus: Bus, source: str) -> None:
        self._bus = bus
        self._source = source
        self._pending: list[UnansweredCommand] = []
        self._ready: list[bytes] = []
        self._done: OrderedDict[str, bytes | None] = OrderedDict()

    @property
    def is_busy(self) -> bool:
        return bool(self._pending)

    def take(self, payload: bytes) -> None:
        """One message of the command topic."""
        id_ = name = ""
        try:
            request = _decode(payload)
            id_, name = _text(request, "id", LONGEST_ID), _text(request, "command", LONGEST_ID)
            if id_ and id_ in self._done:
                answer = self._done[id_]
                if answer is not None:
                    self._ready.append(answer)
                return
            command = _command(name, request, self._source)
            if len(self._pending) >= MOST_PENDING:
                raise RefusalError(
                    "busy", f"{MOST_PENDING} commands wait for their answers already."
                )
            pending = UnansweredCommand(id_, name, self._bus.post(command))
        except RefusalError as refusal:
            self._answer(id_, name, Answer(False, refusal.code, refusal.text))
        except BusyError as error:
            self._answer(id_, name, Answer(False, "busy", str(error)))
        else:
            self._pending.append(pending)
            self._remember(id_, None)

    def answers(self) -> list[bytes]:
        """Payloads for the answer topic, in the order in which the owner gave them."""
        for pending in [one for one in self._pending if one.future.done()]:
            self._pending.remove(pending)
            self._answer(pending.id, pending.name, pending.future.result())
        ready, self._ready = self._ready, []
        return ready

    def _answer(self, id_: str, name: str, answer: Answer) -> None:
        document: dict[str, object] = {"id": id_, "command": name, "ok": answer.ok}
        document |= {"code": answer.code, "text": answer.text}
        if "n" in answer.data:
            document["n"] = answer.data["n"]
        payload = dumps(document)
        self._ready.append(payload)
        if answer.code != "busy":  # whoever asks again is to be asked again
            self._remember(id_, payload)

    def _remember(self, id_: str, payload: bytes | None) -> None:
        if id_:
            self._done[id_] = payload
            while len(self._done) > REMEMBERED:
                self._done.popitem(last=False)


def _decode(payload: bytes) -> dict[str, Any]:
    if len(payload) > MOST_OCTETS:
        raise RefusalError(
            "range", f"A command has at most {MOST_OCTETS} octets; this one has more."
        )
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RefusalError("json", 'A command is a JSON object such as {"command": "test.start"}.')
    return found


def _text(request: dict[str, Any], name: str, most: int) -> str:
    value = request.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise RefusalError("range", f"{name} is a text of at most {most} characters.")
    return value


def _command(name: str, request: dict[str, Any], source: str) -> Command:
    if name not in _FIELDS:
        known = ", ".join(_FIELDS)
        raise RefusalError("unknown", f"{name!r} is no command; allowed are {known}.")
    for field in request:
        if field not in ("id", "command", *_FIELDS[name]):
            raise RefusalError("unknown", f"{field[:40]!r} is no field of {name}.")
    if name == "test.stop":
        return StopTest(source)
    if name == "alarm.ack":
        key = _text(request, "key", LONGEST_ID)
        if not key:
            raise RefusalError("range", "alarm.ack needs the key of an alarm.")
        return AckAlarm(key, source)
    type_ = request.get("type")
    if type_ not in (None, 1, 2, "1", "2") or isinstance(type_, bool | float):
        raise RefusalError("range", f"type = {type_!r} is refused: allowed is 1 or 2.")
    delay = request.get("delay_h", 0)
    is_number = isinstance(delay, int | float) and not isinstance(delay, bool)
    if not is_number or not 0 <= delay <= DELAY_H:  # neither is NaN, nor too long for a float
        raise RefusalError("range", f"delay_h = {delay!r} is refused: allowed is 0..{DELAY_H:g} h.")
    return StartTest(None if type_ is None else str(type_), float(delay), source)
