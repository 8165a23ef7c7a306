"""A delivery: one mail handed to the server, step by step and in words (R188)."""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from typing import Any, Final

from ...model.commands import MailStep
from ..tls import wrap
from .account import LIMIT_S, PATIENCE_S, Account
from .smtp_client import Found, LookUp, SmtpClient

_POLICY: Final = SMTP_POLICY.clone(cte_type="7bit")


class _EndError(Exception):
    """The delivery is over; the text is the sentence for people."""


class Delivery:
    """For one mail. `steps` on one thread; `cancel` on any.

    Afterwards `accepted` holds who gets the mail, `refused` why others do not (by address).
    """

    def __init__(
        self, account: Account, patience_s: float = PATIENCE_S, limit_s: float = LIMIT_S
    ) -> None:
        self.accepted: tuple[str, ...] = ()
        self.refused: dict[str, str] = {}
        self._account = account
        self._patience_s = patience_s
        self._limit_s = limit_s
        self._ended = ""  # why it was cut off
        self._look_up = LookUp(account.host, account.port)
        self._socket: socket.socket | None = None
        self._open: SmtpClient | None = None

    def steps(
        self, message: EmailMessage, recipients: Sequence[str], all_or_none: bool = False
    ) -> Iterator[MailStep]:
        """Every step as it is made; the first that is not ok is the last, but for a recipient that
        is refused while others are not (with `all_or_none` that ends it too)."""
        timer = threading.Timer(self._limit_s, self._cut_off)
        timer.daemon = True
        timer.start()
        try:
            yield from self._connected()
            yield from self._handed_over(message, recipients, all_or_none)
        except _EndError as error:
            yield MailStep(False, self._ended or str(error))
        finally:
            timer.cancel()
            self._close()

    def cancel(self, why: str = "It was cancelled.") -> None:
        """Cut it off; `steps` ends soon."""
        self._ended = self._ended or why
        self._look_up.cancel()
        sock = self._socket
        if sock is not None:
            with suppress(OSError):  # not that of TLS, which another thread is using
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _cut_off(self) -> None:
        self.cancel(f"{self._account.where} took longer than {self._limit_s:g} s in all.")

    def _close(self) -> None:
        smtp, sock = self._open, self._socket
        self._open = self._socket = None
        if smtp is not None:
            with suppress(OSError):
                smtp.close()
        if sock is not None:
            sock.close()

    @property
    def _smtp(self) -> SmtpClient:
        assert self._open is not None
        return self._open

    # --- to the greeting and the login -----------------------------------------------------------

    def _connected(self) -> Iterator[MailStep]:
        account = self._account
        with self._trouble("look-up"):
            try:
                found = self._look_up.wait(self._patience_s)
            except TimeoutError:
                text = f"No name server answered for {account.host} in {self._patience_s:g} s."
                raise _EndError(text) from None
            except OSError as error:
                why = error.strerror or error
                raise _EndError(f"{account.host} cannot be found: {why}.") from None
        yield MailStep(True, f"{account.host} has the address {found[0][4][0]}.")
        self._connect(found)
        yield MailStep(True, f"Connected to {account.where}.")
        if account.security == "tls":
            yield self._secured()
        assert self._socket is not None
        with self._trouble("greeting"):
            self._open = smtp = SmtpClient(
                self._socket, account.host, account.port, self._patience_s
            )
            smtp.ehlo_or_helo_if_needed()
        yield MailStep(True, "The server has greeted.")
        if account.security == "starttls":
            yield self._starttls()
        if account.user:
            yield self._logged_in()

    def _connect(self, found: list[Found]) -> None:
        """To the first address that takes it."""
        end = time.monotonic() + self._patience_s
        why: OSError = OSError("no address")
        for family, kind, protocol, _, address in found:
            left = end - time.monotonic()
            if left <= 0.0 or self._ended:
                break
            sock = socket.socket(family, kind, protocol)
            sock.settimeout(left)
            try:
                sock.connect(address)
            except OSError as error:
                sock.close()
                why = error
                continue
            sock.settimeout(self._patience_s)
            self._socket = sock
            return
        where = self._account.where
        if isinstance(why, TimeoutError):
            raise _EndError(f"{where} did not answer within {self._patience_s:g} s.")
        raise _EndError(f"{where} cannot be reached: {why.strerror or why}.")

    def _starttls(self) -> MailStep:
        account, smtp = self._account, self._smtp
        if not smtp.has_extn("starttls"):
            raise _EndError(f"{account.where} does not offer STARTTLS; choose TLS or none.")
        with self._trouble("STARTTLS"):
            code, reply = smtp.docmd("STARTTLS")
            if code != 220:
                text = account.format_reply(code, reply)
                raise _EndError(f"{account.where} refuses STARTTLS: {text}.")
        step = self._secured()
        assert self._socket is not None
        smtp.use(self._socket)
        with self._trouble("greeting"):
            smtp.ehlo_or_helo_if_needed()
        return step

    def _secured(self) -> MailStep:
        account, plain = self._account, self._socket
        assert plain is not None
        try:
            context = ssl.create_default_context(cafile=account.ca_file or None)
        except OSError as error:  # of ssl too
            why = "it holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
            name = account.ca_file or "of the system"
            raise _EndError(f"The CA file {name} cannot be used: {why}.") from None
        with self._trouble("TLS handshake"):
            # The handshake is apart, so that `cancel` finds the socket that is in use.
            self._socket = sock = wrap(context, plain, account.host)
            sock.do_handshake()
        return MailStep(True, f"{sock.version()} is in use and the certificate is good.")

    def _logged_in(self) -> MailStep:
        account, smtp = self._account, self._smtp
        with self._trouble("login"):
            if not smtp.has_extn("auth"):
                raise _EndError(f"{account.where} offers no login; leave User name empty.")
            try:
                if (account.user + account.password).isascii():
                    smtp.login(account.user, account.password)
                else:  # smtplib knows ASCII only
                    token = b64encode(f"\0{account.user}\0{account.password}".encode()).decode()
                    code, reply = smtp.docmd("AUTH", f"PLAIN {token}")
                    if code != 235:
                        raise smtplib.SMTPAuthenticationError(code, reply)
            except smtplib.SMTPAuthenticationError as error:
                text = account.format_reply(error.smtp_code, error.smtp_error)
                raise _EndError(f"{account.where} refuses user name or password: {text}.") from None
        return MailStep(True, f"Logged in as {account.user}.")

    # --- the mail itself -------------------------------------------------------------------------

    def _handed_over(
        self, message: EmailMessage, recipients: Sequence[str], all_or_none: bool
    ) -> Iterator[MailStep]:
        account, smtp = self._account, self._smtp
        with self._trouble("sender"):
            code, reply = smtp.mail(account.sender)
            if code != 250:
                raise _EndError(
                    f"The sender {account.sender} is refused: {_reported(account, code, reply)}"
                )
        yield MailStep(True, f"The sender {account.sender} is accepted.")
        accepted = []
        for address in recipients:
            with self._trouble("recipient"):
                code, reply = smtp.rcpt(address)
            if code in (250, 251):
                accepted.append(address)
                yield MailStep(True, f"The recipient {address} is accepted.")
                continue
            self.refused[address] = f"{address} is refused: {_reported(account, code, reply)}"
            if all_or_none or code == 421:
                raise _EndError(f"The recipient {self.refused[address]}")
            yield MailStep(False, f"The recipient {self.refused[address]}")
        if not accepted:
            return
        with self._trouble("message"):
            try:
                code, reply = smtp.data(message.as_bytes(policy=_POLICY))
            except smtplib.SMTPDataError as error:
                code, reply = error.smtp_code, _octets(error.smtp_error)
            if code != 250:
                raise _EndError(f"The message is refused: {_reported(account, code, reply)}")
        self.accepted = tuple(accepted)
        with suppress(OSError):  # it is accepted, whatever comes now
            smtp.putcmd("QUIT")
        yield MailStep(
            True, f"The server has accepted the message: {_reported(account, code, reply)}"
        )

    @contextmanager
    def _trouble(self, what: str) -> Iterator[None]:
        """Whatever the network or the server does, as a sentence."""
        where = self._account.where
        try:
            yield
        except (ssl.SSLError, smtplib.SMTPException, OSError, ValueError) as error:
            raise _EndError(self._words(error, where, what)) from None

    def _words(self, error: Exception, where: str, what: str) -> str:
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            hint = ""
            if what == "greeting" and self._account.security == "none":
                hint = " A server that wants TLS from the start is silent like this."
            return f"{where} did not answer within {self._patience_s:g} s ({what}).{hint}"
        if isinstance(error, ssl.SSLCertVerificationError):
            why = error.verify_message.rstrip(".")
            return f"The certificate of {where} is not accepted: {why}."
        if isinstance(error, ssl.SSLError):
            why = (error.reason or "no reason given").replace("_", " ").lower()
            return f"{where} does not agree on TLS: {why}."
        if isinstance(error, smtplib.SMTPResponseException):
            reported = _reported(self._account, error.smtp_code, error.smtp_error)
            return f"{where} refuses ({what}): {reported}"
        if isinstance(error, smtplib.SMTPServerDisconnected | ConnectionError | EOFError):
            return f"{where} closed the connection ({what})."
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return f"{where} offers no login that is known here."
        if isinstance(error, OSError) and error.strerror:
            return f"{where}: {error.strerror} ({what})."
        return f"{where} answers what is not SMTP ({what})."


def _reported(account: Account, code: int, reply: Any) -> str:
    """The server's words as the end of a sentence."""
    return account.format_reply(code, _octets(reply)).rstrip(".") + "."


def _octets(reply: Any) -> bytes:
    return reply if isinstance(reply, bytes) else str(reply).encode()
