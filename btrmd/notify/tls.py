"""TLS towards a server that the settings name: its authority, and this unit's own certificate."""

from __future__ import annotations

import socket
import ssl

from ..model.errors import BtrmError


class TlsFileError(BtrmError):
    """A PEM file cannot be used; the text says which and why, for a sentence to end with."""


def client_context(ca_file: str, cert_file: str, key_file: str) -> ssl.SSLContext:
    """A context with these files, see `use_files`. Raises TlsFileError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    use_files(context, ca_file, cert_file, key_file)
    return context


def use_files(context: ssl.SSLContext, ca_file: str, cert_file: str, key_file: str) -> None:
    """TLS 1.2 or newer, by `ca_file` (empty = the system's authorities), with the certificate of
    `cert_file` and `key_file` when there is one. Raises TlsFileError."""
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if ca_file:
            context.load_verify_locations(ca_file)
        else:
            context.load_default_certs()
    except (OSError, ssl.SSLError) as error:
        raise TlsFileError(_file_words("CA file", ca_file, error)) from error
    if cert_file:
        try:
            context.load_cert_chain(cert_file, key_file or None, _no_passphrase)
        except (OSError, ssl.SSLError) as error:
            names = " or ".join(filter(None, (cert_file, key_file)))
            raise TlsFileError(_file_words("certificate", names, error)) from error


def wrap(context: ssl.SSLContext, plain: socket.socket, host: str) -> ssl.SSLSocket:
    """`plain` under TLS to `host`, the handshake still to be done. Raises OSError.

    A connection that is gone already is told by `getpeername` here: `wrap_socket` leaves the socket
    it makes of one to the garbage collector.
    """
    plain.getpeername()
    return context.wrap_socket(
        plain, server_hostname=host.partition("%")[0], do_handshake_on_connect=False
    )


def certificate_words(error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate is refused, without a full stop."""
    return (error.verify_message or str(error)).rstrip(".")


def ssl_words(error: ssl.SSLError) -> str:
    """OpenSSL's reason as words."""
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else str(error)


def _no_passphrase() -> str:
    return ""


def _file_words(what: str, name: str, error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"the {what} {name} is no PEM file that can be used: {ssl_words(error)}."
    return f"the {what} {name} cannot be read: {error.strerror or error}."
