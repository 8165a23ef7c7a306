"""Certificates: the one that HTTPS shows, made by the unit itself or brought by its owner."""

from __future__ import annotations

import json
import logging
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from btrmd.model.errors import BtrmError, ConfigError

from .network_live import read_network

log = logging.getLogger(__name__)

TOOL: Final = Path(__file__).with_name("certificate_tool.py")
TOOL_S: Final = 60.0  # a small board is slow, and a newly started one busy
MAX_PEM: Final = 32 * 1024  # bytes of certificate, chain and key together
FIXED_NAMES: Final = ("localhost",)
FIXED_ADDRESSES: Final = ("127.0.0.1", "::1", "192.168.1.214")  # the last one: PB1, R91
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2; 1.3 has only good ones
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
# A block ends at the next five hyphens, whatever follows: linear in time on any upload.
_TEXT: Final = r"[^-]*(?:-(?!----)[^-]*)*"
_BLOCK: Final = re.compile(rf"-----BEGIN ([A-Z0-9 ]{{3,40}})-----{_TEXT}-----END \1-----")


class CertificateStore(Protocol):
    """Where key and certificate are kept, as one PEM file; the daemon hands it in."""

    def load(self) -> bytes | None:
        """None when there is none, or none that can be read."""

    def save(self, pem: bytes) -> None:
        """All or nothing, readable by the service alone. Raises OSError."""


class Facts(NamedTuple):
    """What a certificate says. Times are s since 1970; `key` and `subject` are words."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: float
    not_after: float
    key: str
    fingerprint: str
    is_self_signed: bool


class Certificates:
    """Thread-safe. `on_change` gets the context that new connections are greeted with."""

    def __init__(self, store: CertificateStore, host_name: Callable[[], str]) -> None:
        self._store = store
        self._host_name = host_name
        self._lock = threading.Lock()
        self._facts: tuple[bytes, Facts] | None = None
        self.on_change: Callable[[ssl.SSLContext], None] = lambda context: None

    @property
    def is_stored(self) -> bool:
        """False before the first start with HTTPS: then one is made, which takes a moment."""
        return self._store.load() is not None

    def context(self) -> ssl.SSLContext:
        """The stored certificate; where there is none that serves, a new one.

        Raises BtrmError, OSError.
        """
        with self._lock:
            pem = self._store.load()
            if pem is not None:
                try:
                    return make_context(pem)
                except ConfigError as error:
                    log.error("https: %s A new certificate is made.", error)
            return self._make()

    def renew(self) -> None:
        """A new key, and a certificate of ours for the unit's present names and addresses.

        Raises BtrmError, OSError.
        """
        with self._lock:
            self.on_change(self._make())

    def install(self, certificate: str, key: str) -> Facts:
        """Take the owner's certificate (with its chain) and key. Raises BtrmError, OSError."""
        pem = _join(certificate, key)
        with self._lock:
            facts = _read_facts(pem)
            context = make_context(pem)
            self._store.save(pem)
            self._facts = (pem, facts)
            self.on_change(context)
        log.info("https: a certificate of %s was installed", facts.subject)
        return facts

    def facts(self) -> Facts | None:
        """What the stored certificate says; None when there is none or it cannot be read."""
        with self._lock:
            pem = self._store.load()
            if pem is None:
                return None
            if self._facts is None or self._facts[0] != pem:
                try:
                    self._facts = (pem, _read_facts(pem))
                except BtrmError as error:
                    log.warning("https: %s", error)
                    return None
            return self._facts[1]

    def public_pem(self) -> str:
        """The certificates without the key, to be installed where browsers shall trust them."""
        return _public((self._store.load() or b"").decode("ascii", "replace"))

    def _make(self) -> ssl.SSLContext:
        names, addresses = self._own_names()
        made = _run_tool({"do": "make", "names": names, "addresses": addresses})
        pem = str(made["pem"]).encode("ascii")
        context = make_context(pem)
        self._store.save(pem)
        log.info("https: a certificate was made for %s", ", ".join((*names, *addresses)))
        return context

    def _own_names(self) -> tuple[list[str], list[str]]:
        """How browsers may call this unit."""
        network = read_network()
        wanted = (self._host_name(), network.host_name, *FIXED_NAMES)
        names = [name for name in wanted if _NAME.fullmatch(name) and not _is_address(name)]
        addresses = list(FIXED_ADDRESSES)
        for interface in network.interfaces:
            addresses += [interface.address, *(text.split("/")[0] for text in interface.ipv6)]
        return list(dict.fromkeys(names)), [a for a in dict.fromkeys(addresses) if a]


def make_context(pem: bytes) -> ssl.SSLContext:
    """A server's context: TLS 1.2 and 1.3, the key and certificates of `pem`.

    Raises ConfigError when they do not go together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    # The library reads files only; this one is in memory and has no name.
    handle = os.memfd_create("btrmd-tls", os.MFD_CLOEXEC)
    try:
        os.write(handle, pem)
        context.load_cert_chain(f"/proc/self/fd/{handle}", password=_no_passphrase)
    except (ssl.SSLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", "") or str(error)
        words = {
            "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
            "KEY_TYPE_MISMATCH": "the key does not belong to the certificate",
            "EE_KEY_TOO_SMALL": "its key is too small",
            "CA_MD_TOO_WEAK": "its signature is too weak",
        }
        text = words.get(reason, "allowed is a PEM certificate with its PEM key")
        raise ConfigError(f"Certificate and key are refused: {text}.") from error
    finally:
        os.close(handle)
    return context


def _no_passphrase() -> str:
    raise ValueError("the key has a passphrase")


def _join(certificate: str, key: str) -> bytes:
    """One PEM of key, certificate and chain. Raises ConfigError."""
    if len(certificate) + len(key) > MAX_PEM:
        raise ConfigError(f"Certificate and key are refused: allowed are {MAX_PEM} bytes together.")
    chain = _public(certificate)
    if not chain:
        raise ConfigError("The certificate is refused: the file holds no PEM certificate.")
    keys = [m for m in _BLOCK.finditer(key) if m.group(1).endswith("PRIVATE KEY")]
    if len(keys) != 1:
        raise ConfigError("The key is refused: the file must hold exactly one PEM private key.")
    if "ENCRYPTED" in keys[0].group():
        raise ConfigError(
            "The key is refused: it has a passphrase, which nobody could type at a restart."
        )
    try:
        return f"{keys[0].group()}\n{chain}".encode("ascii")
    except UnicodeEncodeError as error:
        raise ConfigError("Certificate and key are refused: PEM is plain ASCII text.") from error


def _public(pem: str) -> str:
    """The certificates of a PEM text, without anything else that stands there."""
    blocks = [m.group() for m in _BLOCK.finditer(pem) if m.group(1) == "CERTIFICATE"]
    return "\n".join((*blocks, "")) if blocks else ""


def _read_facts(pem: bytes) -> Facts:
    """Raises ConfigError for a certificate that browsers would not take, BtrmError."""
    found = _run_tool({"do": "read", "pem": _public(pem.decode("ascii"))})
    if "error" in found:
        raise ConfigError(str(found["error"]))
    return Facts(**{**found, "names": tuple(found["names"])})


def _run_tool(question: Mapping[str, object]) -> dict[str, Any]:
    """Ask the program beside this file. Raises BtrmError."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", str(TOOL)],
            input=json.dumps(question).encode(),
            capture_output=True,
            timeout=TOOL_S,
            check=True,
        )
        answer = json.loads(done.stdout)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        output = getattr(error, "stderr", None) or b""
        last = output.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise BtrmError(f"The certificate program failed: {last or error}.") from error
    if not isinstance(answer, dict):
        raise BtrmError("The certificate program answered nonsense.")
    return answer


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
