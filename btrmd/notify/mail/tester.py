"""The E-mail Test: one mail by the saved settings, with every step in words (manual 9.4, R68)."""

from __future__ import annotations

from collections.abc import Iterator

from ...bus import Bus
from ...model.commands import MailStep
from ...model.setting_table import placeholder_of
from ..unit_link import unit_link
from .account import LIMIT_S, PATIENCE_S, Account


class MailTester:
    """Called for each test, on any thread; ends within `limit_s`, raises nothing."""

    def __init__(self, bus: Bus, patience_s: float = PATIENCE_S, limit_s: float = LIMIT_S) -> None:
        self._bus = bus
        self._patience_s = patience_s
        self._limit_s = limit_s

    def __call__(self) -> Iterator[MailStep]:
        """The steps: look-up, connection, TLS, login, sender, recipients, message."""
        from .delivery import Delivery  # a megabyte of libraries: see MailSender
        from .message import test_mail

        snapshot = self._bus.snapshot
        account = Account.of(snapshot.settings)
        if not account.recipients:
            yield MailStep(False, "No destination address is set.")
            return
        key = placeholder_of(snapshot.settings)
        if key:
            value = snapshot.settings.text(key)
            yield MailStep(False, f"{key} is still the placeholder ({value}): nothing is sent.")
            return
        mail = test_mail(snapshot, account, unit_link(self._bus))
        delivery = Delivery(account, self._patience_s, self._limit_s)
        yield from delivery.steps(mail, account.recipients, all_or_none=True)
        if delivery.accepted and not snapshot.settings.flag("email.enabled"):
            yield MailStep(True, "Mind that e-mail is not enabled: no alarm will be sent.")
