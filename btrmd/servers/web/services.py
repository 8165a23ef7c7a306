"""Services: what the views of the web work with, handed to each of them once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from flask import g, request

from btrmd.bus import Bus
from btrmd.model.commands import MailStep, Note
from btrmd.model.errors import BusyError
from btrmd.model.history import History

from ..health import LoopHealth
from ..share import Share
from .accounts import Accounts
from .bearers import Bearers
from .certificates import Certificates
from .encode import PointsDocument
from .forms import FormTokens
from .kept_form import KeptForms
from .sessions import Sessions
from .stream import Feed

log = logging.getLogger(__name__)

USERS_KEY: Final = "web.users"  # of events about logins


@dataclass(frozen=True, slots=True)
class Services:
    """`version` is the version of btrmd, `hardware` the version of the board. `mail_tester` sends a
    test mail by the settings in force and tells each step as it is made; None: no mail is sent.
    `certificates` None: nobody can keep one, so there is no HTTPS. `provisioned`: what became of
    the last file on the boot partition or a memory stick, "" where there was none."""

    bus: Bus
    history: History
    sessions: Sessions
    accounts: Accounts
    tokens: FormTokens
    feed: Feed
    points: PointsDocument
    health: LoopHealth
    version: str
    hardware: str = ""
    mail_tester: Callable[[], Iterable[MailStep]] | None = None
    certificates: Certificates | None = None
    bearers: Bearers = field(default_factory=lambda: Bearers(None))
    shares: Mapping[str, Share] = field(default_factory=dict)
    provisioned: Callable[[], str] = str
    kept: KeptForms = field(default_factory=KeptForms)

    def counts(self) -> dict[str, Mapping[str, int]]:
        """What the servers count, those of the web among them."""
        return self.bus.counts | {name: share.counts for name, share in self.shares.items()}

    def note(self, key: str, text: str) -> None:
        """Have the event log tell what this request did."""
        self.tell(key, text, source())

    def tell(self, key: str, text: str, who: str) -> None:
        """Have the event log tell `text` of `who`; a full inbox leaves it to the journal."""
        tell(self.bus, key, text, who)


def tell(bus: Bus, key: str, text: str, who: str) -> None:
    """As Services.tell, before there are services."""
    try:
        bus.post(Note(key, text, who))
    except BusyError as error:
        log.warning("%s (%s) is not in the event log: %s", text, who, error)


def source() -> str:
    """Who sends this request's command, for the event log: "web admin 192.168.1.5"."""
    session = g.session
    user = session.user if session is not None else "nobody"
    return f"web {user} {request.remote_addr}"
