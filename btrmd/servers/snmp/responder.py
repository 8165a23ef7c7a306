"""The responder: what GET, GETNEXT, GETBULK and SET mean, whatever message they came in."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from ...model.snapshot import Snapshot
from ...snmp import ber
from ...snmp.message import EncodedVarBind, Oid
from .tree import Leaf, Tree
from .values import encode

MOST_BULK: Final = 500  # varbinds of one answer; its size is limited as well


class Status(IntEnum):
    """error-status (RFC 3416 section 3)."""

    NO_ERROR = 0
    TOO_BIG = 1
    NO_SUCH_NAME = 2
    BAD_VALUE = 3
    GEN_ERR = 5
    NO_ACCESS = 6
    WRONG_TYPE = 7
    WRONG_LENGTH = 8
    WRONG_VALUE = 10
    NO_CREATION = 11
    INCONSISTENT_VALUE = 12
    RESOURCE_UNAVAILABLE = 13
    COMMIT_FAILED = 14
    AUTHORIZATION_ERROR = 16
    NOT_WRITABLE = 17


# What SNMPv1 has no word for (RFC 3584 4.3).
IN_V1: Final[dict[Status, Status]] = {
    Status.NO_ACCESS: Status.NO_SUCH_NAME,
    Status.NO_CREATION: Status.NO_SUCH_NAME,
    Status.NOT_WRITABLE: Status.NO_SUCH_NAME,
    Status.WRONG_TYPE: Status.BAD_VALUE,
    Status.WRONG_LENGTH: Status.BAD_VALUE,
    Status.WRONG_VALUE: Status.BAD_VALUE,
    Status.INCONSISTENT_VALUE: Status.BAD_VALUE,
    Status.RESOURCE_UNAVAILABLE: Status.GEN_ERR,
    Status.COMMIT_FAILED: Status.GEN_ERR,
}


class Asker(NamedTuple):
    """Who asks. `is_v1`: exceptions become errors, errors become the old ones."""

    host: str
    may_write: bool
    is_v1: bool = False

    @property
    def source(self) -> str:
        """As the event log names it."""
        return f"snmp {self.host}"


class Outcome(NamedTuple):
    """An answer. `place`: error-index, from 1; `rows` None = the varbinds of the request."""

    status: Status
    place: int = 0
    rows: Sequence[EncodedVarBind] | None = None


def refusal(status: Status, index: int, asker: Asker) -> Outcome:
    """An error in the words of the asker's version."""
    return Outcome(IN_V1.get(status, status) if asker.is_v1 else status, index)


class Responder:
    """Reads answer wholly from one snapshot. Lives on the agent's thread."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def get(self, names: Sequence[Oid], asker: Asker, snapshot: Snapshot) -> Outcome:
        """GET: all values, or for SNMPv1 the first name there is nothing for."""
        found: list[EncodedVarBind] = []
        for index, name in enumerate(names, 1):
            leaf = self._tree.get(name)
            value = None if leaf is None else value_of(leaf, asker, snapshot)
            if value is None:
                if asker.is_v1:
                    return Outcome(Status.NO_SUCH_NAME, index)
                is_known = leaf is not None or self._tree.has_object(name)
                value = ber.NO_SUCH_INSTANCE if is_known else ber.NO_SUCH_OBJECT
            found.append((name, value))
        return Outcome(Status.NO_ERROR, 0, found)

    def get_next(self, names: Sequence[Oid], asker: Asker, snapshot: Snapshot) -> Outcome:
        """GETNEXT: what is not known now is passed over."""
        found: list[EncodedVarBind] = []
        for index, name in enumerate(names, 1):
            follower = self._next(name, asker, snapshot)
            if follower is None:
                if asker.is_v1:
                    return Outcome(Status.NO_SUCH_NAME, index)
                follower = (name, ber.END_OF_MIB_VIEW)
            found.append(follower)
        return Outcome(Status.NO_ERROR, 0, found)

    def get_bulk(
        self,
        names: Sequence[Oid],
        non_repeaters: int,
        repetitions: int,
        asker: Asker,
        snapshot: Snapshot,
    ) -> Outcome:
        """GETBULK (RFC 3416 4.2.3), at most MOST_BULK varbinds, whole rounds only."""
        singles = min(max(non_repeaters, 0), len(names))
        found: list[EncodedVarBind] = []
        for name in names[:singles]:
            found.append(self._next(name, asker, snapshot) or (name, ber.END_OF_MIB_VIEW))
        row = list(names[singles:])
        for _ in range(max(repetitions, 0)):
            if not row or len(found) + len(row) > MOST_BULK:
                break
            is_over = True
            for column, name in enumerate(row):
                follower = self._next(name, asker, snapshot)
                is_over = is_over and follower is None
                found.append(follower or (name, ber.END_OF_MIB_VIEW))
                row[column] = found[-1][0]
            if is_over:
                break
        return Outcome(Status.NO_ERROR, 0, found)

    def _next(self, name: Oid, asker: Asker, snapshot: Snapshot) -> EncodedVarBind | None:
        leaves = self._tree.leaves
        for k in range(self._tree.start(name), len(leaves)):
            value = value_of(leaves[k], asker, snapshot)
            if value is not None:
                return leaves[k].oid, value
        return None


def value_of(leaf: Leaf, asker: Asker, snapshot: Snapshot) -> bytes | None:
    """The value on the wire; None while it is not known."""
    if leaf.is_secret and not asker.may_write:
        return encode(leaf.syntax, "")
    value = leaf.read(snapshot)
    return None if value is None else encode(leaf.syntax, value)
