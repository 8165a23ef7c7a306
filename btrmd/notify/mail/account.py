"""The account: everything the settings say about how mail leaves the unit, and its time."""

from __future__ import annotations

from base64 import b64encode
from typing import Final, NamedTuple

from ...model.setting_format import split_list
from ...model.settings import Settings
from ...net import host_and_port

PATIENCE_S: Final = 20.0  # for any single answer
LIMIT_S: Final = 50.0  # for all of it: R68 wants a failure told within 60 s


WORDS_MOST: Final = 200  # of what a server says


class Account(NamedTuple):
    """`security` none, starttls or tls; `ca_file` "" = the system's; `user` "" = no login."""

    host: str
    port: int
    security: str
    ca_file: str
    user: str
    password: str
    sender: str
    recipients: tuple[str, ...]

    @classmethod
    def of(cls, settings: Settings) -> Account:
        """What is saved, whether sending is enabled or not."""
        recipients = tuple(dict.fromkeys(split_list(settings.text("email.to"))))
        return cls(
            settings.text("email.server"),
            settings.integer("email.port"),
            settings.text("email.security"),
            settings.text("email.ca_file"),
            settings.text("email.user"),
            settings.text("email.password"),
            settings.text("email.from") or (recipients[0] if recipients else ""),
            recipients,
        )

    def __repr__(self) -> str:
        """Without the password: this may end up in a log."""
        return f"Account({self.where}, {self.security}, {self.sender} -> {self.recipients})"

    @property
    def where(self) -> str:
        return host_and_port(self.host, self.port)

    def format_reply(self, code: int, raw: bytes | str) -> str:
        """A server's answer for people: one line, bounded, without the password in any form."""
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
        if self.password:
            for secret in (
                _b64(f"\0{self.user}\0{self.password}"),  # the longest first
                _b64(self.password),
                self.password,
            ):
                text = text.replace(secret, "***")
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return f"{code} {text[:WORDS_MOST]}".strip()


def _b64(text: str) -> str:
    return b64encode(text.encode()).decode()
