"""HTTPS: the listener, what it refuses, who it waits for, its certificate, and HTTP beside it."""

from __future__ import annotations

import datetime
import errno
import hashlib
import http.client
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from waiting import wait_until
from web_station import PASSWORD, Client, MemoryCertificates, Station

from btrmd.daemon.tls_file import TlsFile
from btrmd.model.commands import ChangeSettings, Note
from btrmd.servers.web import listener, tls_channel
from btrmd.servers.web.certificates import _BLOCK, Certificates

SECONDS = 20.0


class Site(NamedTuple):
    """A station with HTTPS and what a client needs to trust it."""

    station: Station
    certificates: MemoryCertificates
    host: str
    port: int

    def trusting(self) -> ssl.SSLContext:
        assert self.certificates.pem is not None
        return ssl.create_default_context(cadata=public_part(self.certificates.pem))

    def connect(self) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            self.host, self.port, timeout=SECONDS, context=self.trusting()
        )

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        connection = self.connect()
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.body = answer.read()  # type: ignore[attr-defined]
            return answer
        finally:
            connection.close()

    def raw(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), SECONDS)


def public_part(pem: bytes) -> str:
    text = pem.decode()
    return text[text.index("-----BEGIN CERTIFICATE") :]


def make_pem(
    name: str = "btrm.example", key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None
) -> tuple[bytes, bytes]:
    """A certificate and its key as an owner would bring them."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=20000))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return made.public_bytes(pem), key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="module")
def made() -> bytes:
    """The unit's own certificate, made once: it takes a process of its own."""
    store = MemoryCertificates()
    Certificates(store, lambda: "btrm-test").context()
    assert store.pem is not None
    return store.pem


@pytest.fixture
def open_site(start_station: Callable[..., Station], made: bytes) -> Callable[..., Site]:
    def start(pem: bytes | None = made, **fields: object) -> Site:
        kept = MemoryCertificates(pem)
        station = start_station(https="127.0.0.1:0", certificates=kept, **fields)
        wait_until(lambda: bool(address_of(station)), SECONDS)
        host, _, port = address_of(station).rpartition(":")
        return Site(station, kept, host, int(port))

    return start


def address_of(station: Station) -> str:
    listener = station.bus.listeners.get("https")
    return listener.address if listener is not None else ""


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    return open_site()


# --- the listener --------------------------------------------------------------------------------


def test_a_client_that_knows_the_certificate_gets_the_pages(site: Site) -> None:
    answer = site.get("/")
    assert answer.status == 200
    assert b"System Status" in answer.body  # type: ignore[attr-defined]
    assert answer.headers["Strict-Transport-Security"] is None  # off by default


def test_the_first_start_makes_a_certificate_for_the_units_names(
    open_site: Callable[..., Site],
) -> None:
    site = open_site(None)
    assert site.get("/healthz").status == 200
    found = x509.load_pem_x509_certificate(public_part(site.certificates.pem or b"").encode())
    key = found.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "BTRM"} <= set(names.get_values_for_type(x509.DNSName))
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert {"127.0.0.1", "192.168.1.214"} <= addresses
    assert found.not_valid_before_utc.year < 2026  # a unit whose clock is behind works too


def test_the_file_is_for_the_service_alone(tmp_path: Path, made: bytes) -> None:
    store = TlsFile(tmp_path)
    assert store.load() is None
    store.save(made)
    assert store.load() == made
    assert (tmp_path / "tls/server.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "tls").stat().st_mode & 0o777 == 0o700


def test_a_certificate_file_that_cannot_be_read_is_kept_aside(tmp_path: Path) -> None:
    """It may be the owner's, copied there with the wrong permissions."""
    path = tmp_path / "tls" / "server.pem"
    path.mkdir(parents=True)  # unreadable for root too
    store = TlsFile(tmp_path)
    assert store.load() is None
    store.save(b"of our own")
    assert store.load() == b"of our own"
    assert path.with_name("server.pem.corrupt-1").exists()
    store.save(b"another")  # what could be read is replaced
    assert {p.name for p in path.parent.iterdir()} == {"server.pem", "server.pem.corrupt-1"}


def test_a_hostile_pem_takes_no_time() -> None:
    """Nothing else runs in the daemon while a pattern is looked for."""
    begun = time.process_time()
    assert _BLOCK.findall("-----BEGIN AAA-----" * 20_000) == []
    assert time.process_time() - begun < 5.0  # ms; a pattern that looks on to the end: 30 s


def test_the_session_cookie_is_secure(site: Site) -> None:
    connection = site.connect()
    body = json.dumps({"username": "admin", "password": PASSWORD})
    connection.request("POST", "/api/v1/login", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    cookie = answer.headers["Set-Cookie"]
    csrf = json.loads(answer.read())["csrf"]
    assert answer.status == 200
    assert "; Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    headers = {
        "Cookie": cookie.split(";")[0],
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"https://{site.host}:{site.port}",
        "Sec-Fetch-Site": "same-origin",
    }
    form = urlencode({"csrf_token": csrf, "delay_h": "0"})
    connection.request("POST", "/manual-test", form, headers)  # the connection is kept
    again = connection.getresponse()
    again.read()
    connection.close()
    assert again.status == 303


@pytest.mark.parametrize(
    ("version", "is_good"),
    [
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_2_is_the_least(site: Site, version: ssl.TLSVersion, is_good: bool) -> None:
    context = site.trusting()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with site.raw() as plain:
        if not is_good:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(plain, server_hostname=site.host)
            return
        with context.wrap_socket(plain, server_hostname=site.host) as open_listener:
            cipher = open_listener.cipher()
            assert cipher is not None
            assert "GCM" in cipher[0] or "POLY1305" in cipher[0]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_gets_a_page_over_tls(site: Site, tmp_path: Path) -> None:
    trusted = tmp_path / "unit.pem"
    trusted.write_text(public_part(site.certificates.pem or b""))
    url = f"https://127.0.0.1:{site.port}/api/v1/points"
    done = subprocess.run(
        ["curl", "-sS", "--fail", "--compressed", "--cacert", str(trusted), url],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "battery.voltage" in json.loads(done.stdout)["points"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_finds_nothing_to_complain_of(site: Site, tmp_path: Path) -> None:
    trusted = tmp_path / "unit.pem"
    trusted.write_text(public_part(site.certificates.pem or b""))
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{site.port}", "-CAfile", str(trusted),
         "-verify_return_error", "-ign_eof"],
        input=b"GET /healthz HTTP/1.0\r\n\r\n", capture_output=True, timeout=60,
    )  # fmt: skip
    assert b"Verify return code: 0 (ok)" in done.stdout
    assert b'{"status":"ok"}' in done.stdout
    assert b"unexpected eof" not in done.stderr  # it says goodbye


def test_large_answers_and_requests_pass_whole(site: Site) -> None:
    """Larger than a TLS record and than the socket's buffers, both ways."""
    connection = site.connect()
    connection.request("GET", "/static/style.css")
    answer = connection.getresponse()
    over_tls = answer.read()
    plain = site.station.client().get("/static/style.css").body
    assert hashlib.sha256(over_tls).digest() == hashlib.sha256(plain).digest()
    body = b" " * 60_000 + b'{"username": "x", "password": "y"}'
    connection.request("POST", "/api/v1/login", body, {"Content-Type": "application/json"})
    refused = connection.getresponse()
    assert refused.status == 401
    assert b"credentials" in refused.read()
    connection.close()


def test_several_requests_in_one_record_are_all_answered(site: Site) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with (
        site.raw() as plain,
        site.trusting().wrap_socket(plain, server_hostname=site.host) as open_listener,
    ):
        open_listener.sendall(request * 5 + last)
        answer = b"".join(iter(lambda: open_listener.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200 OK") == 6


def test_the_stream_comes_over_tls_and_leaves_its_place(site: Site) -> None:
    connection = site.connect()
    connection.request("GET", "/api/v1/stream")
    answer = connection.getresponse()
    assert answer.status == 200
    lines = iter(answer.readline, b"")
    assert any(line.startswith(b"event: state") for line in lines)
    site.station.owner.show_point("battery.voltage", 12.34)
    assert any(b"12.34" in line for line in lines)
    assert site.station.server.feed.clients == 1
    answer.close()
    connection.close()
    wait_until(lambda: site.station.server.feed.clients == 0, SECONDS)


# --- what is no client -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\xff\xff" + b"\x00" * 200,
        b"\x00" * 4096,
        bytes(range(256)) * 20,
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
    ],
)
def test_garbage_is_hung_up_on_and_nobody_else_notices(site: Site, garbage: bytes) -> None:
    with site.raw() as plain:
        seen = b""
        try:
            plain.sendall(garbage)
            plain.shutdown(socket.SHUT_WR)
            while data := plain.recv(4096):
                seen += data
        except ConnectionError:  # hung up on before all was said
            pass
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                raise
        assert b"HTTP/1" not in seen
    assert site.get("/healthz").status == 200


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop looks around more often than anybody needs."""
    for name, seconds in (("LOOP_S", 0.2), ("CLEANUP_S", 0), ("UNWANTED_S", 0.2)):
        monkeypatch.setattr(listener, name, seconds)


@pytest.mark.usefixtures("quick")
def test_idle_connections_hold_up_nobody_and_are_closed(
    open_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = open_site()
    idle = [site.raw() for _ in range(50)]
    try:
        half = site.raw()
        half.sendall(b"\x16\x03\x01\x02")  # a handshake that never goes on
        idle.append(half)
        for _ in range(5):
            assert site.get("/healthz").status == 200
        monkeypatch.setattr(tls_channel, "HANDSHAKE_S", 0.0)
        for open_listener in idle:
            open_listener.settimeout(60.0)
            try:
                seen = open_listener.recv(10)
            except ConnectionError:
                seen = b""
            assert seen == b""
    finally:
        for open_listener in idle:
            open_listener.close()
    monkeypatch.setattr(tls_channel, "HANDSHAKE_S", 10.0)
    assert site.get("/healthz").status == 200


def test_a_slow_request_holds_no_worker(site: Site) -> None:
    """More slow clients than workers, each with a handshake done and half a request sent."""
    open_listeners = []
    try:
        for _ in range(8):
            open_listener = site.trusting().wrap_socket(site.raw(), server_hostname=site.host)
            open_listener.sendall(
                b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"
            )
            open_listeners.append(open_listener)
        assert site.get("/").status == 200
    finally:
        for open_listener in open_listeners:
            open_listener.close()


def test_clients_that_hang_up_in_the_middle_do_no_harm(site: Site) -> None:
    for _ in range(10):
        open_listener = site.trusting().wrap_socket(site.raw(), server_hostname=site.host)
        open_listener.sendall(b"GET /help HTTP/1.1\r\nHost: x\r\n\r\n")
        open_listener.close()
    assert site.get("/help").status == 200


def test_many_at_once_all_get_their_own_answer(site: Site) -> None:
    paths = ["/healthz", "/api/v1/points", "/", "/static/style.css"] * 4
    found: dict[int, tuple[int, bytes]] = {}

    def ask(i: int, path: str) -> None:
        answer = site.get(path)
        found[i] = (answer.status, answer.body[:15])  # type: ignore[attr-defined]

    threads = [threading.Thread(target=ask, args=(i, path)) for i, path in enumerate(paths)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert [found[i][0] for i in range(len(paths))] == [200] * len(paths)
    for i, path in enumerate(paths):
        first = {"/healthz": b'{"status":"ok"}', "/": b"<!DOCTYPE html>"}.get(path)
        assert first is None or found[i][1] == first


# --- HTTP beside it --------------------------------------------------------------------------


def set_to(site: Site, **settings: object) -> None:
    changes = {f"web.{key}": value for key, value in settings.items()}
    assert site.station.bus.submit(ChangeSettings(changes)).ok
    wait_until(
        lambda: all(site.station.bus.snapshot.settings[k] == v for k, v in changes.items()), SECONDS
    )


def test_http_leads_to_https_where_the_settings_say_so(site: Site) -> None:
    client = site.station.client()
    assert client.get("/").status == 200
    set_to(site, http="redirect")
    reply = client.get("/trends?range=1d&x=a%20b")
    assert reply.status == 307
    place = f"https://127.0.0.1:{site.port}/trends?range=1d&x=a%20b"
    assert reply.headers["Location"] == place
    assert client.get("//evil.example/").headers["Location"].startswith("https://127.0.0.1:")
    assert client.ask("GET", "/", headers={"Host": "evil.example/x?"}).status == 400
    refused = client.post("/api/v1/login", {"username": "admin", "password": PASSWORD})
    assert (refused.status, refused.json["error"]) == (403, "https")
    assert client.get("/healthz").status == 200
    assert site.get("/").status == 200


@pytest.mark.usefixtures("quick")
def test_http_closes_where_the_settings_say_so_and_opens_again(
    open_site: Callable[..., Site],
) -> None:
    site = open_site()
    host, _, port = site.station.address.rpartition(":")
    set_to(site, http="off")
    wait_until(lambda: not site.station.address, SECONDS)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), SECONDS).close()
    assert site.get("/").status == 200
    set_to(site, http="on")
    wait_until(lambda: bool(site.station.address), SECONDS)
    assert site.station.address == f"{host}:{port}"
    assert Client(site.station.address).get("/").status == 200


def test_without_https_http_stays_whatever_the_settings_say(
    start_station: Callable[..., Station],
) -> None:
    station = start_station()
    assert station.bus.submit(ChangeSettings({"web.http": "off"})).ok
    wait_until(lambda: station.bus.snapshot.settings["web.http"] == "off", SECONDS)
    assert station.client().get("/").status == 200


def test_hsts_is_told_when_asked_for_and_only_over_https(site: Site) -> None:
    set_to(site, hsts_days=30)
    assert site.get("/").headers["Strict-Transport-Security"] == "max-age=2592000"
    assert site.station.client().get("/").headers["Strict-Transport-Security"] is None


# --- one's own certificate -------------------------------------------------------------------


def upload(client: Client, path: str, fields: dict[str, str], **files: bytes) -> tuple[int, str]:
    """Post a form with files as a browser would."""
    edge = "btrmd-test-edge"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in {"csrf_token": client.csrf, **fields}.items()
    ]
    parts += [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.pem"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in files.items()
    ]
    kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    data = b"".join(parts) + f"--{edge}--\r\n".encode()
    reply = client.ask("POST", path, data=data, headers=kind)
    return reply.status, reply.text


def presented(site: Site) -> bytes:
    """The certificate that a new connection is shown, DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with site.raw() as plain, context.wrap_socket(plain) as open_listener:
        return open_listener.getpeercert(binary_form=True) or b""


@pytest.fixture
def admin(site: Site) -> tuple[Site, Client]:
    client = site.station.client()
    client.log_in()
    return site, client


def test_an_own_certificate_is_installed_and_shown_at_once(admin: tuple[Site, Client]) -> None:
    site, client = admin
    certificate, key = make_pem("roof.example")
    status, _ = upload(client, "/https/certificate", {}, certificate=certificate, key=key)
    assert status == 303
    expected = x509.load_pem_x509_certificate(certificate)
    assert presented(site) == expected.public_bytes(serialization.Encoding.DER)
    page = client.get("/https").text
    assert "roof.example" in page
    assert expected.fingerprint(hashes.SHA256()).hex(":").upper() in page

    def notes() -> list[Note]:
        found = [c for c in site.station.owner.commands if isinstance(c, Note)]
        return [note for note in found if note.key == "web.certificate"]

    wait_until(notes, SECONDS)
    note = notes()[0]
    assert note.source == "web admin 127.0.0.1"
    assert "roof.example" in note.text
    public = client.get("/https/btrmd.crt").text
    assert "BEGIN CERTIFICATE" in public
    assert "PRIVATE" not in public


def test_a_new_one_is_made_when_asked_for(admin: tuple[Site, Client]) -> None:
    site, client = admin
    before = presented(site)
    assert client.form("/https/renew", csrf_token=client.csrf).status == 303
    assert presented(site) != before


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("nothing", "holds no PEM certificate"),
        ("garbage", "holds no PEM certificate"),
        ("other key", "does not belong to the certificate"),
        ("no key", "exactly one PEM private key"),
        ("passphrase", "passphrase"),
        ("damaged", "certificate is refused"),
        ("weak", "1024 bits"),
        ("huge", "bytes together"),
    ],
)
def test_what_would_not_serve_is_refused_and_the_old_one_stays(
    admin: tuple[Site, Client], what: str, sentence: str
) -> None:
    site, client = admin
    certificate, key = make_pem()
    secret = ec.generate_private_key(ec.SECP256R1())
    if what == "nothing":
        certificate = key = b""
    elif what == "garbage":
        certificate = bytes(range(256)) * 4
    elif what == "other key":
        key = make_pem()[1]
    elif what == "no key":
        key = certificate
    elif what == "passphrase":
        key = secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hush"),
        )
    elif what == "damaged":
        certificate = certificate[:80] + b"AAAA" + certificate[84:]
    elif what == "weak":
        certificate, key = make_pem(key=rsa.generate_private_key(65537, 1024))
    elif what == "huge":
        certificate += b"\n" + b"x" * 33_000
    kept = site.certificates.pem
    status, text = upload(client, "/https/certificate", {}, certificate=certificate, key=key)
    assert status == 422
    assert 'role="alert"' in text
    assert sentence in text
    assert site.certificates.pem == kept
    assert site.get("/healthz").status == 200


def test_a_stored_certificate_that_is_damaged_is_replaced(open_site: Callable[..., Site]) -> None:
    site = open_site(b"-----BEGIN nonsense")
    assert site.get("/healthz").status == 200
