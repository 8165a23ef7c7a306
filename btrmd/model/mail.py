"""The steps of a test mail, told one by one as they are made."""

from __future__ import annotations

from typing import NamedTuple


class MailStep(NamedTuple):
    """One step (look-up, connect, TLS, login, sender, recipient, message) in one sentence.

    The last step of a mail that was accepted is `ok`; the first that is not ends the test (R188).
    """

    ok: bool
    text: str
