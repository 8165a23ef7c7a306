"""Changes: a SET as one command to the owner, all of its varbinds or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from ...model.commands import Answer, ChangeSettings, Command, StartTest, StopTest
from ...model.encoding import decode_write
from ...model.errors import SettingError
from ...model.point import Write
from ...model.setting_table import SETTINGS
from ...model.settings import Settings, parse_value
from .pdu import VarBind
from .responder import Asker, Outcome, Status, refusal
from .tree import Leaf, Tree
from .values import SentVarBind, decode, has_type

Ask = Callable[[Command, Callable[[Answer], object]], None]
MOST_PLANS: Final = 64  # remembered,
MOST_VARBINDS: Final = 16  # of SETs of so many varbinds at most
DONE: Final = Outcome(Status.NO_ERROR)

# Refusal code of the owner -> error-status (DESIGN section 3); others are inconsistentValue.
STATUS: Final[Mapping[str, Status]] = {
    "range": Status.WRONG_VALUE,
    "unknown": Status.WRONG_VALUE,
    "busy": Status.RESOURCE_UNAVAILABLE,
    "storage": Status.COMMIT_FAILED,
    "hardware": Status.COMMIT_FAILED,
}


class SetPlan(NamedTuple):
    """What a SET comes to. `places`: setting key -> index of its varbind, from 1."""

    command: Command | None
    places: Mapping[str, int]


class SetRefusedError(Exception):
    """The varbind at `index` (from 1) cannot be set."""

    def __init__(self, status: Status, index: int) -> None:
        super().__init__(f"{status.name} at varbind {index}")
        self.status = status
        self.index = index


class SetChanges:
    """Checks every varbind first, then asks the owner once.

    Masters write the same again and again: what such a write comes to is remembered for as long as
    the settings are the same object, since it depends on nothing else.
    """

    def __init__(self, tree: Tree, ask: Ask) -> None:
        self._tree = tree
        self._ask = ask
        self._planned: dict[tuple[Asker, tuple[VarBind, ...]], SetPlan] = {}
        self._planned_for: Settings | None = None

    def set(
        self,
        varbinds: tuple[VarBind, ...],
        asker: Asker,
        settings: Settings,
        then: Callable[[Outcome], object],
    ) -> None:
        """Give `then` the outcome once it is durable, or refused: at once where it is no change."""
        try:
            plan = self._known_plan(varbinds, asker, settings)
        except SetRefusedError as error:
            then(refusal(error.status, error.index, asker))
            return

        def answered(answer: Answer) -> None:
            if answer.ok:
                then(DONE)
                return
            status = STATUS.get(answer.code, Status.INCONSISTENT_VALUE)
            index = plan.places.get(str(answer.data.get("key")), 1)
            then(refusal(status, index, asker))

        if plan.command is None:
            then(DONE)
        else:
            self._ask(plan.command, answered)

    def _known_plan(
        self, varbinds: tuple[VarBind, ...], asker: Asker, settings: Settings
    ) -> SetPlan:
        planned = self._planned
        if settings is not self._planned_for or len(planned) >= MOST_PLANS:
            planned.clear()
            self._planned_for = settings
        key = (asker, varbinds)
        plan = planned.get(key)
        if plan is None:
            plan = self.plan(varbinds, asker, settings)
            if len(varbinds) <= MOST_VARBINDS:
                planned[key] = plan
        return plan

    def plan(self, varbinds: Sequence[VarBind], asker: Asker, settings: Settings) -> SetPlan:
        """The command for all varbinds. Raises RefusedError for the first that is wrong."""
        if not asker.may_write:
            raise SetRefusedError(Status.NO_ACCESS, 1)
        changes: dict[str, object] = {}
        places: dict[str, int] = {}
        command: Command | None = None
        for index, (oid, value) in enumerate(varbinds, 1):
            leaf = self._leaf(oid, index)
            write = leaf.write
            assert write is not None
            raw = _raw(leaf, write, value, index)
            if write.setting:
                parsed = _parsed(write.setting, raw, settings, index)
                if changes.get(write.setting, parsed) != parsed:
                    raise SetRefusedError(Status.INCONSISTENT_VALUE, index)
                changes[write.setting] = parsed
                places.setdefault(write.setting, index)
            else:
                asked = StartTest(source=asker.source) if raw else StopTest(asker.source)
                if command not in (None, asked):
                    raise SetRefusedError(Status.INCONSISTENT_VALUE, index)
                command = asked
                place = index
        if command is not None and changes:
            # A start may be refused when the settings are changed already: no taking back then.
            raise SetRefusedError(Status.INCONSISTENT_VALUE, place)
        if changes:
            command = ChangeSettings(changes, asker.source, from_wire=True)
        return SetPlan(command, places)

    def _leaf(self, oid: tuple[int, ...], index: int) -> Leaf:
        leaf = self._tree.get(oid)
        if leaf is None:
            sibling = self._tree.sibling(oid)
            can_create = sibling is not None and sibling.write is not None
            raise SetRefusedError(Status.NO_CREATION if can_create else Status.NOT_WRITABLE, index)
        if leaf.write is None:
            raise SetRefusedError(Status.NOT_WRITABLE, index)
        return leaf


def _raw(leaf: Leaf, write: Write, value: SentVarBind, index: int) -> object:
    """The manager's value as the setting's (or command's) one, not yet checked by the setting."""
    if not has_type(leaf.syntax, value):
        raise SetRefusedError(Status.WRONG_TYPE, index)
    plain = decode(leaf.syntax, value)
    if plain is None:
        raise SetRefusedError(Status.WRONG_VALUE, index)
    if isinstance(plain, int):
        try:
            is_number = write.command or SETTINGS[write.setting].kind != "bool"
            return decode_write(write, plain) if is_number else _flag(plain)
        except ValueError:
            raise SetRefusedError(Status.WRONG_VALUE, index) from None
    return plain


def _flag(number: int) -> bool:
    if number not in (0, 1):
        raise ValueError(f"{number} is neither 0 nor 1.")
    return number == 1


def _parsed(key: str, raw: object, settings: Settings, index: int) -> object:
    longest = SETTINGS[key].max_length
    if isinstance(raw, str) and longest and len(raw) > longest:
        raise SetRefusedError(Status.WRONG_LENGTH, index)
    try:
        return parse_value(key, raw, settings)
    except SettingError:
        raise SetRefusedError(Status.WRONG_VALUE, index) from None
