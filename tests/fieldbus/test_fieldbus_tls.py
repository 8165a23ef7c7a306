"""Modbus and DNP3 over TLS with stunnel before the unit, as docs/security.md describes it."""

from __future__ import annotations

import datetime
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from dnp3_bench import Bench
from dnp3_wire import Master
from fieldbus_station import Station
from waiting import wait_until

STUNNEL = shutil.which("stunnel4") or shutil.which("stunnel")
READ = bytes.fromhex("0001 0000 0006 01 04 0000 0001")

pytestmark = pytest.mark.skipif(STUNNEL is None, reason="needs the package stunnel4")


class Authority:
    """Signs certificates and keeps them as PEM files with their keys in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        made = self._certificate(self._name, self._key, True)
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> Path:
        """A file with a key and its certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._certificate(subject, key, False)
        pem = serialization.Encoding.PEM
        form = serialization.PrivateFormat.PKCS8
        file = self._folder / f"{name}.pem"
        file.write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
        with file.open("ab") as out:
            out.write(made.public_bytes(pem))
        file.chmod(0o600)
        return file

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, is_ca: bool
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(is_ca, None), True)
            # Python 3.13 takes no chain without the next three
            .add_extension(
                x509.KeyUsage(
                    digital_signature=not is_ca,
                    key_cert_sign=is_ca,
                    crl_sign=is_ca,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False
            )
            .sign(self._key, hashes.SHA256())
        )


class Tunnel:
    """stunnel with the lines of docs/security.md, on a free port."""

    def __init__(self, folder: Path, inside: str) -> None:
        self.masters = Authority(folder, "masters")
        own = Authority(folder, "own")
        self.own = own.file
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        conf = folder / "stunnel.conf"
        conf.write_text(
            f"foreground = yes\npid =\nsslVersionMin = TLSv1.2\nverifyChain = yes\n"
            f"CAfile = {self.masters.file}\ncert = {own.issue('unit')}\n"
            f"[inside]\naccept = 127.0.0.1:{self.port}\nconnect = {inside}\n"
        )
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen([str(STUNNEL), str(conf)], stderr=self._log)
        wait_until(self._is_up, 10.0)

    def _is_up(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def connect(self, certificate: Path | None) -> ssl.SSLSocket:
        """A connection of a master. Raises OSError."""
        context = ssl.create_default_context(cafile=str(self.own))
        context.check_hostname = False
        if certificate is not None:
            context.load_cert_chain(certificate)
        plain = socket.create_connection(("127.0.0.1", self.port), 5.0)
        return context.wrap_socket(plain)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


@pytest.fixture
def tunnel(station: Station, tmp_path: Path) -> Iterator[Tunnel]:
    made = Tunnel(tmp_path, station.address())
    yield made
    made.close()


def test_a_modbus_master_with_a_certificate_reads_over_tls(tunnel: Tunnel) -> None:
    with tunnel.connect(tunnel.masters.issue("scada")) as master:
        assert (master.version() or "") >= "TLSv1.2"
        for _ in range(3):
            master.sendall(READ)
            assert master.recv(300)[7] == 4


def test_without_one_or_with_somebody_elses_nothing_is_read(tunnel: Tunnel, tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    foreign = Authority(tmp_path / "else", "foreign").issue("stranger")
    for certificate in (None, foreign):
        assert answer_to(tunnel, certificate) == b""


def answer_to(tunnel: Tunnel, certificate: Path | None) -> bytes:
    """b"" where the tunnel ends the connection, in or after the handshake."""
    try:
        with tunnel.connect(certificate) as master:
            master.sendall(READ)
            return master.recv(300)
    except OSError:
        return b""


def test_a_dnp3_master_polls_over_tls(tmp_path: Path) -> None:
    with Bench() as bench:
        tunnel = Tunnel(tmp_path, bench.place)
        try:
            with Master.over(tunnel.connect(tunnel.masters.issue("scada"))) as master:
                assert master.exchange("CA 0F") == "CA 81 80 00"
        finally:
            tunnel.close()
