"""The session: one client's conversation by the NUT protocol (RFC 9271), line by line."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Protocol

from ... import __version__
from ...bus import Bus
from ...model.snapshot import Snapshot
from ..plain_ascii import plain_ascii
from .variables import COMMANDS, VARIABLES

UPS: Final = "btrm"
PROTOCOL: Final = "1.3"
# As NUT's own parser: a quote inside a word is a letter, a backslash takes the next one literally.
WORD: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.)(?:[^\s\\]|\\.)*))(?=\s|$)')
_MARKS: Final = re.compile(r'["\\]')  # what a word may be quoted by: other lines have words only
ANSWER_S: Final = 5.0
HELP: Final = (
    "Commands: HELP VER GET LIST SET INSTCMD LOGIN LOGOUT USERNAME PASSWORD STARTTLS PRIMARY FSD"
)


class LoginGuard(Protocol):
    """What all sessions share: who is logged in, and who guessed a password just now."""

    def logins(self) -> list[str]:
        """The hosts that are logged in."""

    def may_try(self, host: str) -> bool:
        """False while a host pays for a wrong password."""

    def failed(self, host: str) -> None:
        """A wrong password."""


class NutRefusedError(Exception):
    """The text is the error's name in the protocol."""


class NutSession:
    """Used by the server's thread. `is_over` after LOGOUT."""

    def __init__(self, host: str, bus: Bus, guard: LoginGuard) -> None:
        self.host = host
        self.is_over = False
        self.is_logged_in = False
        self._bus = bus
        self._guard = guard
        self._user: str | None = None
        self._password: str | None = None

    def answer(self, line: str) -> str:
        """What `line` is answered with, with its end of line."""
        try:
            return self._answer(words_of(line))
        except NutRefusedError as error:
            return f"ERR {error}\n"
        except TypeError:
            return "ERR INVALID-ARGUMENT\n"  # another number of words

    def _answer(self, words: list[str]) -> str:
        if not words:
            raise NutRefusedError("UNKNOWN-COMMAND")
        verb = words[0].upper()
        if verb in _VERBS:
            return _VERBS[verb](self, *words[1:])
        if verb == "LOGOUT":
            self.is_over = True
            return "OK Goodbye\n"
        if verb == "VER":
            return f"Network UPS Tools upsd of btrmd {__version__}\n"
        if verb in ("NETVER", "PROTVER"):
            return f"{PROTOCOL}\n"
        if verb == "HELP":
            return f"{HELP}\n"
        if verb == "STARTTLS":
            raise NutRefusedError("FEATURE-NOT-CONFIGURED")
        if verb == "SET":
            raise NutRefusedError("READONLY")
        if verb in ("PRIMARY", "MASTER", "FSD"):  # nobody may shut all others down
            raise NutRefusedError("ACCESS-DENIED")
        raise NutRefusedError("UNKNOWN-COMMAND")

    # --- reading -------------------------------------------------------------------------------

    def _get(self, what: str, *rest: str) -> str:
        kind = what.upper()
        if kind == "TRACKING":
            return "OFF\n"
        if not rest:
            raise NutRefusedError("INVALID-ARGUMENT")
        snapshot = self._ups(rest[0])
        if kind == "NUMLOGINS":
            return f"NUMLOGINS {UPS} {len(self._guard.logins())}\n"
        if kind == "UPSDESC":
            return f"UPSDESC {UPS} {_quoted(snapshot.settings.text('site.location'))}\n"
        if len(rest) != 2:
            raise NutRefusedError("INVALID-ARGUMENT")
        name = rest[1]
        if kind == "CMDDESC":
            known = COMMANDS.get(name)
            return f"CMDDESC {UPS} {name} {_quoted(known[0] if known else 'Unavailable')}\n"
        if kind == "DESC":
            found = VARIABLES.get(name)
            return f"DESC {UPS} {name} {_quoted(found[0] if found else 'Unavailable')}\n"
        if kind not in ("VAR", "TYPE"):
            raise NutRefusedError("INVALID-ARGUMENT")
        value = self._value(name, snapshot)
        if kind == "TYPE":
            is_number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) is not None
            length = len(plain_ascii(value))
            return f"TYPE {UPS} {name} {'NUMBER' if is_number else f'STRING:{length}'}\n"
        return f"VAR {UPS} {name} {_quoted(value)}\n"

    def _list(self, what: str, *rest: str) -> str:
        kind = what.upper()
        if kind == "UPS" and not rest:
            text = _quoted(self._bus.snapshot.settings.text("site.location"))
            return _listed("UPS", [f"UPS {UPS} {text}"])
        if not rest:
            raise NutRefusedError("INVALID-ARGUMENT")
        snapshot = self._ups(rest[0])
        title = f"{kind} {' '.join((UPS, *rest[1:]))}"
        if kind == "VAR" and len(rest) == 1:
            return _listed(title, list(_values(snapshot)))
        if kind == "CMD" and len(rest) == 1:
            return _listed(title, [f"CMD {UPS} {name}" for name in COMMANDS])
        if kind == "CLIENT" and len(rest) == 1:
            return _listed(title, [f"CLIENT {UPS} {host}" for host in self._guard.logins()])
        if kind == "RW" and len(rest) == 1:
            return _listed(title, [])
        if kind in ("ENUM", "RANGE") and len(rest) == 2:
            self._value(rest[1], snapshot)
            return _listed(title, [])
        raise NutRefusedError("INVALID-ARGUMENT")

    def _ups(self, name: str) -> Snapshot:
        if name != UPS:
            raise NutRefusedError("UNKNOWN-UPS")
        snapshot = self._bus.snapshot
        if not snapshot.is_ticking:
            raise NutRefusedError("DATA-STALE")
        return snapshot

    def _value(self, name: str, snapshot: Snapshot) -> str:
        found = VARIABLES.get(name)
        value = found[1](snapshot) if found else None
        if value is None:
            raise NutRefusedError("VAR-NOT-SUPPORTED")
        return value

    # --- who it is, and what he may do ---------------------------------------------------------

    def _username(self, name: str) -> str:
        if self._user is not None:
            raise NutRefusedError("ALREADY-SET-USERNAME")
        self._user = name
        return "OK\n"

    def _set_password(self, password: str) -> str:
        if self._password is not None:
            raise NutRefusedError("ALREADY-SET-PASSWORD")
        self._password = password
        return "OK\n"

    def _login(self, ups: str) -> str:
        self._check_user()
        if self.is_logged_in:
            raise NutRefusedError("ALREADY-LOGGED-IN")
        self._ups(ups)
        self.is_logged_in = True
        return "OK\n"

    def _command(self, ups: str, name: str, value: str = "") -> str:
        self._check_user()
        settings = self._ups(ups).settings
        known = COMMANDS.get(name)
        if known is None:
            raise NutRefusedError("CMD-NOT-SUPPORTED")
        if not settings.flag("nut.commands"):
            raise NutRefusedError("ACCESS-DENIED")
        if value:
            raise NutRefusedError("INVALID-ARGUMENT")
        answer = self._bus.submit(known[1](f"nut {self._user} {self.host}"), ANSWER_S)
        if not answer.ok:
            raise NutRefusedError("INSTCMD-FAILED")
        return "OK\n"

    def _check_user(self) -> None:
        """Raises RefusedError unless name and password are those of the settings."""
        if self._user is None:
            raise NutRefusedError("USERNAME-REQUIRED")
        if self._password is None:
            raise NutRefusedError("PASSWORD-REQUIRED")
        settings = self._bus.snapshot.settings
        user, password = settings.text("nut.user"), settings.text("nut.password")
        is_right = hmac.compare_digest(
            f"{self._user}\0{self._password}".encode(), f"{user}\0{password}".encode()
        )
        if not user or not password or not self._guard.may_try(self.host):
            raise NutRefusedError("ACCESS-DENIED")
        if not is_right:
            self._guard.failed(self.host)
            raise NutRefusedError("ACCESS-DENIED")


# Not bound to a session: one that has ended would stay until the collector of cycles comes.
_VERBS: Final[Mapping[str, Callable[..., str]]] = {
    "GET": NutSession._get, "LIST": NutSession._list, "USERNAME": NutSession._username,
    "PASSWORD": NutSession._set_password, "LOGIN": NutSession._login,
    "INSTCMD": NutSession._command,
}  # fmt: skip


def words_of(line: str) -> list[str]:
    """The words of a line; quotes hold spaces, a backslash the next character.

    Raises RefusedError.
    """
    if not _MARKS.search(line):
        return line.split()
    words, at = [], 0
    line = line.strip()
    while at < len(line):
        found = WORD.match(line, at)
        if found is None:
            raise NutRefusedError("INVALID-ARGUMENT")
        words.append(re.sub(r"\\(.)", r"\1", found[2] if found[1] is None else found[1]))
        at = found.end()
    return words


def _values(snapshot: Snapshot) -> Iterator[str]:
    for name, (_, read) in VARIABLES.items():
        value = read(snapshot)
        if value is not None:
            yield f"VAR {UPS} {name} {_quoted(value)}"


def _listed(title: str, lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in (f"BEGIN LIST {title}", *lines, f"END LIST {title}"))


def _quoted(text: str) -> str:
    """One word as NUT's clients read it (parseconf.c): they take a bare # for a comment even in
    quotes, and write a line into their log for each octet beyond ASCII."""
    plain = plain_ascii(text)
    for mark in ("\\", "#", '"'):  # the backslash first
        plain = plain.replace(mark, f"\\{mark}")
    return f'"{plain}"'
