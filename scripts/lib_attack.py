"""The attacks of scripts/attack: each is done to a running station, and says what it has found."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from attacked_station import AttackedStation, descriptors, memory_mb  # noqa: E402
from daemon_process import PASSWORD  # noqa: E402
from dnp3_wire import LINK_STATUS, Master, frame  # noqa: E402
from hostile import HOST, address, connect, crowd, is_open  # noqa: E402
from waiting import wait_until  # noqa: E402

from btrmd.owner.change_limit import DAY_BURST, DAY_RATE, RATE, ChangeLimit  # noqa: E402
from btrmd.snmp import ber, usm  # noqa: E402
from btrmd.snmp.message import encode_pdu, encode_varbinds  # noqa: E402
from btrmd.snmp.usm import Stamp, V3User, seal  # noqa: E402

CROWD = ROOT / "tests" / "support" / "hostile_crowd.py"
READ = bytes.fromhex("000100000006010400000001")
COIL_3 = bytes.fromhex("00010000000601050003ff00")
OWNER = address(240)  # where nobody has logged in from before
FRESH = address(241)
GET_NOTHING = encode_pdu(ber.GET, 7, encode_varbinds(()))


class Found(NamedTuple):
    """What an attack has shown; `is_bad` when a promise was broken."""

    text: str
    is_bad: bool = False


def post(
    station: AttackedStation, path: str, body: object, source: str = HOST, timeout: float = 40.0
) -> int:
    """The status of one POST on a connection of its own; 0 = the connection ended."""
    port = station.ports["http"]
    connection = http.client.HTTPConnection(HOST, port, timeout, source_address=(source, 0))
    with contextlib.closing(connection):
        try:
            head = {"Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body), head)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0


def guess(station: AttackedStation, source: str) -> int:
    word = {"username": "admin", "password": f"guess-{random.random()}"}
    return post(station, "/api/v1/login", word, source)


def fresh_poll(station: AttackedStation) -> float:
    """A master nobody knows: a connection and an answer; s. Raises OSError, AssertionError."""
    start = time.monotonic()
    with connect(station.ports["modbus"], FRESH) as master:
        master.sendall(READ)
        assert master.recv(300)[7:8] == b"\x04"
    return time.monotonic() - start


def fresh_page(station: AttackedStation) -> float:
    """A browser nobody knows: System Status; s. Raises OSError, HTTPException, AssertionError."""
    start = time.monotonic()
    port = station.ports["http"]
    connection = http.client.HTTPConnection(HOST, port, 10.0, source_address=(FRESH, 0))
    with contextlib.closing(connection):
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        assert b"</html>" in answer.read()
    return time.monotonic() - start


def timed(what: Callable[[], float], rounds: int, pause_s: float = 0.5) -> tuple[float, int]:
    """The longest of so many rounds, s, and how many failed."""
    longest, failed = 0.0, 0
    for _ in range(rounds):
        try:
            longest = max(longest, what())
        except (OSError, AssertionError, http.client.HTTPException):
            failed += 1
        time.sleep(pause_s)
    return longest, failed


# --- 1: memory -----------------------------------------------------------------------------------


def logins(station: AttackedStation) -> Found:
    """48 bad logins, 12 at once; then 36 more, two at once."""
    with ThreadPoolExecutor(12) as pool:
        twelve = list(pool.map(lambda n: guess(station, address(n % 4)), range(48)))
    with ThreadPoolExecutor(2) as pool:
        two = list(pool.map(lambda n: guess(station, address(n % 2)), range(36)))
    answers = {status: (twelve + two).count(status) for status in sorted({*twelve, *two})}
    return Found(f"answers {answers}; {memory_mb(station.unit.pid)[0]:.1f} MB afterwards")


def in_use(station: AttackedStation) -> Found:
    """60 Modbus clients, 8 streams, HTTPS, SNMPv3 and logins at once."""
    stream = b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    http_port, modbus = station.ports["http"], station.ports["modbus"]
    with crowd(modbus, 60, 60, READ) as masters, crowd(http_port, 8, 8, stream):
        for _ in range(10):
            snmp_v3(station)
            with ThreadPoolExecutor(12) as pool:
                list(pool.map(lambda n: guess(station, address(n)), range(12)))
                list(pool.map(lambda n: over_tls(station), range(12)))
            for sock in masters:
                if is_open(sock):
                    sock.setblocking(True)
                    sock.sendall(READ)
    now, highest = memory_mb(station.unit.pid)
    return Found(f"{now:.1f} MB afterwards, {highest:.1f} MB at its highest ever", now > 75)


def over_tls(station: AttackedStation) -> int:
    import ssl

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = station.ports["https"]
    connection = http.client.HTTPSConnection(HOST, port, timeout=20, context=context)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/")
        return connection.getresponse().status
    return 0


# --- 2: SNMPv3 -----------------------------------------------------------------------------------


def snmp_ask(station: AttackedStation, request: bytes, seconds: float = 2.0) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(seconds)
        sock.sendto(request, (HOST, station.ports["snmp"]))
        try:
            return sock.recv(65536)
        except TimeoutError:
            return b""


def snmp_v3(station: AttackedStation) -> Found:
    """The digest of zeros of the issue, by a known user and by nobody, at both levels."""
    ask = seal(GET_NOTHING, b"", 1, Stamp(), None, True)
    stamp = usm.parse(snmp_ask(station, ask)).stamp
    signed, shapes = 0, set()
    for name in ("reader", "nobody"):
        for password in ("a-wrong-guess", "another-guess"):
            user = V3User(name, "sha256", password, "none", "")
            raw = snmp_ask(station, seal(GET_NOTHING, stamp.engine_id, 9, stamp, user, True))
            found = usm.parse(raw)
            signed += any(raw[found.mac.start : found.mac.end])
            shapes.add((found.flags, found.mac.end - found.mac.start, len(raw) - len(name)))
    return Found(
        f"{signed} signed reports, {len(shapes)} kind of answer", signed or len(shapes) > 1
    )


# --- 3: connections ------------------------------------------------------------------------------


def deaf(station: AttackedStation) -> Found:
    """Four, then forty connections with 20 requests for the whole log each, never read."""
    request = b"GET /api/v1/events?limit=10000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 20
    port = station.ports["http"]
    with crowd(port, 4, 1, request):
        four, failed = timed(lambda: fresh_page(station), 10)
        with crowd(port, 40, 4, request):
            forty, failed_too = timed(lambda: fresh_page(station), 10)
    text = f"a page of somebody else: {four:.2f} s beside 4, {forty:.2f} s beside 44"
    return Found(f"{text}, {failed + failed_too} failed", failed + failed_too > 0 or forty > 2)


def idle(station: AttackedStation) -> Found:
    """200 connections that say nothing, from one address."""
    with crowd(station.ports["http"], 200, 1):
        longest, failed = timed(lambda: fresh_page(station), 10)
    return Found(f"a page of somebody else: {longest:.2f} s, {failed} failed", failed > 0)


# --- 4: the log ----------------------------------------------------------------------------------


@contextlib.contextmanager
def masters_writing(station: AttackedStation, count: int, request: bytes) -> Iterator[list[int]]:
    """`count` masters that write the same again and again; how many answers each got."""
    done = threading.Event()
    answers = [0] * count

    def write(n: int) -> None:
        while not done.is_set():
            with contextlib.suppress(OSError), connect(station.ports["modbus"], address(n)) as sock:
                while not done.is_set():
                    sock.sendall(request)
                    if not sock.recv(300):
                        break
                    answers[n] += 1

    threads = [threading.Thread(target=write, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        done.set()
        for thread in threads:
            thread.join()


def audit(station: AttackedStation) -> Found:
    """Coil 3 written in a test by 60 clients, while an operator makes six changes."""
    unit = station.unit
    before = last_event(station)
    with contextlib.suppress(AssertionError):
        unit.cli("test", "start")
        wait_until(lambda: unit.value("test.state") not in ("idle", "delayed"), 30.0)
    names = [f"Change {n}" for n in range(6)]
    with masters_writing(station, 60, COIL_3) as answers:
        for name in names:
            reply = unit.request("PATCH", "/api/v1/settings", {"site.name": name}, timeout=30.0)
            assert reply.status == 200, reply
            time.sleep(1.0)
        rate = sum(answers) / 6
    unit.cli("test", "stop")
    wait_until(lambda: unit.value("test.state") == "idle", 60.0)
    events = unit.events(before)
    kept = [name for name in names if any(name in event["text"] for event in events)]
    protocols = sum(event["source"].startswith("modbus") for event in events)
    return Found(
        f"{rate:.0f} writes/s gave {protocols} lines; {len(kept)} of 6 changes are in the log",
        len(kept) < 6,
    )


def last_event(station: AttackedStation) -> int:
    events = station.unit.events()
    return int(events[-1]["n"]) if events else 0


def registers(station: AttackedStation, seconds: float = 30.0) -> Found:
    """A register changed at 10 Hz."""
    file = station.unit.config_dir / "settings.json"
    before, written = last_event(station), disk_octets(station.unit.pid)
    end, n, stored = time.monotonic() + seconds, 0, set()
    with connect(station.ports["modbus"], address(1)) as sock:
        while time.monotonic() < end:
            value = 300 + n % 50
            sock.sendall(bytes.fromhex("000100000006010600") + b"\x01" + value.to_bytes(2, "big"))
            sock.recv(300)
            n += 1
            with contextlib.suppress(FileNotFoundError):
                stored.add(file.stat().st_mtime_ns)
            time.sleep(0.1)
    octets = disk_octets(station.unit.pid) - written
    lines = len(station.unit.events(before))
    a_day = octets / max(1, len(stored)) * stores_a_day() / 1e6
    return Found(
        f"{n} changes were stored {len(stored)} times and gave {lines} lines;"
        f" {octets / seconds * 86400 / 1e6:.0f} MB a day at this pace, which lasts for"
        f" {DAY_BURST / (RATE - DAY_RATE) / 60:.0f} minutes; {a_day:.0f} MB in a day of it",
        lines > 20,
    )


def stores_a_day() -> int:
    """How often settings are stored in a day in which protocols always want to change them."""
    limit, stored = ChangeLimit(0.0), 0
    for tenth in range(864_000):
        if limit.is_due(tenth / 10.0):
            limit.stored(tenth / 10.0)
            stored += 1
    return stored


def disk_octets(pid: int) -> int:
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("write_bytes"):
            return int(line.split()[1])
    return 0


def toggling(station: AttackedStation, seconds: float = 12.0) -> Found:
    """Start and stop by coil 3 without a pause."""
    before = len(station.unit.get("/api/v1/tests")["tests"])
    end, n = time.monotonic() + seconds, 0
    with connect(station.ports["modbus"], address(1)) as sock:
        while time.monotonic() < end:
            state = b"\x00\x00" if n % 2 else b"\xff\x00"
            sock.sendall(bytes.fromhex("00010000000601050003") + state)
            sock.recv(300)
            n += 1
            time.sleep(0.2)
    tests = len(station.unit.get("/api/v1/tests")["tests"]) - before
    return Found(f"{n} writes began {tests} tests in {seconds:g} s", tests > 1)


# --- 5: places -----------------------------------------------------------------------------------


def places(station: AttackedStation) -> Found:
    """The places of DNP3, Modbus, NUT and the stream taken by strangers."""
    words, bad = [], False
    with crowd(station.ports["dnp3"], 8, 4, frame(LINK_STATUS, 10, 1)):
        start = time.monotonic()
        with Master.over(connect(station.ports["dnp3"], FRESH)) as master:
            master.ask(1, "3c0106")
        took = time.monotonic() - start
        words.append(f"DNP3 master {took:.2f} s")
        bad |= took > 1
    with crowd(station.ports["modbus"], 64, 8, READ):
        took, failed = timed(lambda: fresh_poll(station), 5)
        words.append(f"Modbus master {took:.2f} s, {failed} failed")
        bad |= failed > 0 or took > 1
    with crowd(station.ports["nut"], 32, 4, b"NETVER\n"):
        start = time.monotonic()
        with connect(station.ports["nut"], FRESH) as sock:
            sock.sendall(b"LIST UPS\n")
            assert sock.recv(300)
        words.append(f"NUT monitor {time.monotonic() - start:.2f} s")
    stream = b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with crowd(station.ports["http"], 8, 4, stream):
        start = time.monotonic()
        with connect(station.ports["http"], FRESH) as sock:
            sock.sendall(stream)
            ok = b" 200 " in sock.recv(300)
        words.append(f"stream {time.monotonic() - start:.2f} s")
        bad |= not ok
    return Found(", ".join(words), bad)


# --- 6: the owner --------------------------------------------------------------------------------


def lockout(station: AttackedStation, seconds: float = 30.0) -> Found:
    """A thousand guesses a minute from 40 addresses; the owner logs in from a new one."""
    done = threading.Event()
    answers: list[int] = []

    def attack(n: int) -> None:
        while not done.is_set():
            start = time.monotonic()
            answers.append(guess(station, address(n % 40)))
            done.wait(max(0.0, 1.2 - (time.monotonic() - start)))  # 20 of them: 1000 a minute

    threads = [threading.Thread(target=attack, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    times, refused = [], 0
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            start = time.monotonic()
            owner = {"username": "admin", "password": PASSWORD}
            refused += post(station, "/api/v1/login", owner, OWNER) != 200
            times.append(time.monotonic() - start)
            time.sleep(2.0)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    rate = len(answers) / seconds * 60
    text = f"{rate:.0f} guesses/min; the owner waited {max(times):.2f} s at most, {refused} refused"
    return Found(text, refused > 0 or max(times) > 10)


# --- 9: requests ---------------------------------------------------------------------------------

MALFORMED = (
    b"POST /login HTTP/1.1\r\nHost: a\r\nOrigin: http://[::1\r\nContent-Length: 0\r\n\r\n",
    b"GET http://[::1/ HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\r\n b\r\n\r\n",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"\x16\x03\x01\r\n\r\n",
)


def malformed(station: AttackedStation) -> Found:
    """What could be read in two ways, each followed by an end of the connection."""
    statuses = []
    for request in MALFORMED:
        with connect(station.ports["http"], address(1)) as sock:
            sock.sendall(request)
            answer = sock.recv(65536)
            statuses.append(answer[9:12].decode("ascii", "replace"))
        with connect(station.ports["http"], address(1)) as sock:
            sock.sendall(request[:-3])
    return Found(f"answers {' '.join(statuses)}", "200" in statuses)


# --- all at once ---------------------------------------------------------------------------------


def thousands(
    station: AttackedStation, count: int = 4000, addresses: int = 40, seconds: float = 60.0
) -> Found:
    """`count` hostile connections from `addresses` addresses, each doing its worst."""
    ports = {name: port for name, port in station.ports.items()}
    wanted = {
        "ports": ports,
        "count": count,
        "addresses": addresses,
        "seconds": seconds,
        "kinds": [],
    }
    before, held = last_event(station), descriptors(station.unit.pid)
    pages, polls, failed = [], [], 0
    with subprocess.Popen(
        [sys.executable, str(CROWD), json.dumps(wanted)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            end = time.monotonic() + seconds - 5.0
            while time.monotonic() < end:
                page, a = timed(lambda: fresh_page(station), 1)
                poll, b = timed(lambda: fresh_poll(station), 1)
                pages.append(page)
                polls.append(poll)
                failed += a + b
            late = loop_lateness(station)
            said = json.loads(process.stdout.readline())
        finally:
            process.kill()
    lines = len(station.unit.events(before))
    held = descriptors(station.unit.pid) - held
    connected = sum(n for kind, n in said.items() if kind.endswith(" connected"))
    return Found(
        f"{connected} connections in {said['seconds']:.0f} s; a fresh page {max(pages):.2f} s, a"
        f" fresh poll {max(polls):.2f} s at most of {len(pages)}, {failed} failed; loop {late};"
        f" {lines} lines in the log; {held} descriptors more",
        failed > 0 or max(pages) > 2 or max(polls) > 1,
    )


def loop_lateness(station: AttackedStation) -> str:
    """What the station says of its own loop."""
    lines = station.unit.request("GET", "/metrics", timeout=30.0).body.decode().splitlines()
    found = {
        line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("btrm_tick")
    }
    return ", ".join(
        f"{1000 * v:.0f} ms {k.split('_')[3]}" for k, v in found.items() if "late" in k
    )


ATTACKS: dict[str, Callable[[AttackedStation], Found]] = {
    "logins": logins,
    "in-use": in_use,
    "snmp-v3": snmp_v3,
    "deaf": deaf,
    "idle": idle,
    "audit": audit,
    "registers": registers,
    "toggling": toggling,
    "places": places,
    "lockout": lockout,
    "malformed": malformed,
    "thousands": thousands,
}
