"""Kept forms: what was typed into a form whose login had ended, until it is sent once again.

Nothing of it is acted on. It is shown in the form again, to the browser that sent it once it has
logged in; the form must be looked at and sent anew, with the token of the new login.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from werkzeug.datastructures import MultiDict

from .form_field import COMMUNITIES, DOTS
from .forms import FORM_FIELD

KEPT_S: Final = 900.0  # as long as a login without use
MAX_FORMS: Final = 16
MAX_OF_ADDRESS: Final = 4
MAX_TEXT: Final = 16 * 1024  # characters of one form, names included
ADD: Final = "add"  # what a form does that has a field for it
FORGET: Final = "forget"  # the query that drops it
# Confirmations are ticked again, and a button's word names no text that could be lost.
_NOT_TYPED: Final = frozenset({FORM_FIELD, "sure", "action"})


class KeptForm(NamedTuple):
    """`fields`: names and what was typed, no secrets among them. `is_partial`: something was typed
    that is not kept, a password or a file. `at`: s of the clock; `address`: who sent it."""

    fields: MultiDict[str, str]
    is_partial: bool
    at: float
    address: str


class KeptForms:
    """In memory only, by the browser's form cookie and the path it was sent to. Thread-safe.

    A few, small and not for long: whoever has no login can send forms too. An address that sends
    many loses its own first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._forms: OrderedDict[tuple[str, str], KeptForm] = OrderedDict()

    def keep(
        self,
        nonce: str,
        path: str,
        form: MultiDict[str, str],
        names: Collection[str],
        address: str = "",
        has_files: bool = False,
    ) -> bool:
        """Keep the fields `names` of a form that was sent to `path`; False where there is nothing
        to keep, or too much."""
        if form.get("action", ADD) != ADD:
            return False  # a button beside something there is: nothing was typed
        fields: MultiDict[str, str] = MultiDict()
        is_partial = has_files
        for name, text in form.items(multi=True):
            if name in names and (name not in COMMUNITIES or text in ("", DOTS)):
                fields.add(name, text)
            elif text and name not in _NOT_TYPED:
                is_partial = True
        length = sum(len(name) + len(text) for name, text in fields.items(multi=True))
        if not fields or length > MAX_TEXT:
            return False
        with self._lock:
            self._drop_old()
            self._forms.pop((nonce, path), None)
            self._make_place(address)
            self._forms[nonce, path] = KeptForm(fields, is_partial, self._clock(), address)
        return True

    def find(self, nonce: str, path: str) -> KeptForm | None:
        """What this browser sent to `path`."""
        with self._lock:
            self._drop_old()
            return self._forms.get((nonce, path))

    def drop(self, nonce: str, path: str = "") -> None:
        """It is not wanted any more; without a path all of this browser."""
        with self._lock:
            for key in [key for key in self._forms if key[0] == nonce and path in ("", key[1])]:
                del self._forms[key]

    def __len__(self) -> int:
        with self._lock:
            self._drop_old()
            return len(self._forms)

    def _make_place(self, address: str) -> None:
        mine = [key for key, form in self._forms.items() if form.address == address]
        if len(mine) >= MAX_OF_ADDRESS:
            del self._forms[mine[0]]
        elif len(self._forms) >= MAX_FORMS:
            self._forms.popitem(last=False)

    def _drop_old(self) -> None:
        oldest = self._clock() - KEPT_S
        for key in [key for key, form in self._forms.items() if form.at < oldest]:
            del self._forms[key]
