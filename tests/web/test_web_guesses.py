"""Guessing passwords: slowed down, in the event log, and never in the owner's way."""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from hostile import address, connect
from waiting import wait_until
from web_station import PASSWORD, Client, Station

from btrmd import passwords
from btrmd.servers.web.dispatcher import MOST_LOGINS, MOST_LOGINS_EACH
from btrmd.servers.web.throttle import FREE_FAILURES


class Turnstile:
    """Holds every hash until it is let through, and keeps the order they came in."""

    def __init__(self, derive: Callable[..., bytes]) -> None:
        self._derive = derive
        self._passes = threading.Semaphore(0)
        self.words: list[str] = []

    def __call__(self, password: str, salt: bytes, cost: passwords.Cost) -> bytes:
        self.words.append(password)
        assert self._passes.acquire(timeout=30.0)
        return self._derive(password, salt, cost)

    def let(self, count: int) -> None:
        self._passes.release(count)


@pytest.fixture
def turnstile(monkeypatch: pytest.MonkeyPatch, station: Station) -> Iterator[Turnstile]:
    made = Turnstile(passwords._derive)
    monkeypatch.setattr(passwords, "_derive", made)
    yield made
    made.let(1000)


def guess(client: Client, source: str, word: str, cookies: str = "") -> socket.socket:
    """A login that is under way from `source`."""
    body = json.dumps({"username": "admin", "password": word}).encode()
    sock = connect(client.port, source)
    sock.settimeout(30.0)
    sock.sendall(
        b"POST /api/v1/login HTTP/1.1\r\nHost: btrm\r\nContent-Type: application/json\r\n"
        b"Connection: close\r\nCookie: %b\r\nContent-Length: %d\r\n\r\n%b"
        % (cookies.encode(), len(body), body)
    )
    return sock


def answer(sock: socket.socket) -> int:
    """The status of its answer."""
    with sock:
        reported = b""
        while piece := sock.recv(65536):
            reported += piece
    return int(reported.split(b" ", 2)[1])


def test_the_owner_comes_before_those_who_guess(station: Station, turnstile: Turnstile) -> None:
    """Everybody who has guessed wrong waits behind an address that has not."""
    client = station.client()
    held = [guess(client, address(n), "first") for n in range(4)]
    turnstile.let(4)
    assert [answer(sock) for sock in held] == [401] * 4
    held = [guess(client, address(0), "guess")]
    wait_until(lambda: len(turnstile.words) == 5)
    held += [guess(client, address(n), "guess") for n in range(1, 4)]
    wait_until(lambda: waiting(station) == 3)
    mine = guess(client, address(99), PASSWORD)
    wait_until(lambda: waiting(station) == 4)
    turnstile.let(2)
    assert answer(mine) == 200
    assert turnstile.words[5] == PASSWORD
    turnstile.let(3)
    assert [answer(sock) for sock in held] == [401] * 4


def test_a_browser_that_has_logged_in_comes_before_everybody(
    station: Station, turnstile: Turnstile
) -> None:
    client = station.client()
    turnstile.let(1)
    client.log_in()
    known = f"btrm_device={client.cookies['btrm_device']}"
    held = [guess(client, address(0), "guess")]
    wait_until(lambda: len(turnstile.words) == 2)
    held += [guess(client, address(n), "guess") for n in range(1, 6)]
    wait_until(lambda: waiting(station) == 5)
    mine = guess(client, address(3), PASSWORD, known)
    wait_until(lambda: waiting(station) == 6)
    turnstile.let(2)
    assert answer(mine) == 200
    turnstile.let(5)
    assert [answer(sock) for sock in held] == [401] * 6


def test_pages_do_not_wait_for_logins(station: Station, turnstile: Turnstile) -> None:
    client = station.client()
    held = [guess(client, address(0), "guess")]
    wait_until(lambda: len(turnstile.words) == 1)
    held += [guess(client, address(n), "guess") for n in range(1, 12)]
    wait_until(lambda: waiting(station) == 11)
    for _ in range(5):
        assert client.get("/").status == 200
    turnstile.let(12)
    assert [answer(sock) for sock in held] == [401] * 12


def test_more_than_can_wait_are_told_to_come_again(station: Station, turnstile: Turnstile) -> None:
    client = station.client()
    held = [guess(client, address(1), "first")]
    wait_until(lambda: len(turnstile.words) == 1)
    held += [guess(client, address(1), f"{n}") for n in range(MOST_LOGINS_EACH + 2)]
    wait_until(lambda: waiting(station) == MOST_LOGINS_EACH)
    more = [guess(client, address(2 + n), "x") for n in range(MOST_LOGINS + 5)]
    wait_until(lambda: waiting(station) == MOST_LOGINS)
    refused = len(held) + len(more) - MOST_LOGINS - 1
    wait_until(lambda: len(select.select([*held, *more], [], [], 0.0)[0]) == refused, 20.0)
    turnstile.let(1000)
    found = sorted(answer(sock) for sock in (*held, *more))
    assert found.count(503) == refused
    assert found.count(401) == MOST_LOGINS + 1


def test_a_thousand_guesses_a_minute_do_not_keep_the_owner_out(station: Station) -> None:
    """Forty addresses, each again as soon as it is answered; the owner comes from a new one."""
    client = station.client()
    is_over = threading.Event()
    statuses: list[int] = []

    def attack(n: int) -> None:
        while not is_over.wait(0.02):
            try:
                statuses.append(answer(guess(client, address(n), f"guess {len(statuses)}")))
            except OSError:  # so many connections are not even looked at
                statuses.append(0)

    attackers = [threading.Thread(target=attack, args=(n,)) for n in range(40)]
    for attacker in attackers:
        attacker.start()
    try:
        wait_until(lambda: statuses.count(401) >= 5, 60.0)
        assert answer(guess(client, address(200), PASSWORD)) == 200
        assert client.get("/healthz").status == 200
        wait_until(lambda: len(statuses) > 100, 60.0)
    finally:
        is_over.set()
        for attacker in attackers:
            attacker.join()
    assert statuses.count(401) <= 40 * FREE_FAILURES


def test_logins_failures_and_lockouts_are_told(station: Station) -> None:
    client = station.client()
    for _ in range(FREE_FAILURES):
        client.log_in("root\n\x1b[2J", "wrong")
    other = station.client()
    other.cookies = {}
    station.clock.now += 31
    assert other.log_in().status == 200
    wait_until(lambda: len(station.owner.logins) == FREE_FAILURES + 2)
    reported = [(note.key, note.text, note.source) for note in station.owner.logins]
    assert set(reported[:FREE_FAILURES]) == {
        (
            "web.login_refused",
            "Login as 'root??[2J' refused: wrong name or password.",
            "web root??[2J 127.0.0.1",
        )
    }
    assert reported[FREE_FAILURES][0] == "web.lockout"
    assert "127.0.0.1 has to wait after 5 wrong logins, 30 s now." in reported[FREE_FAILURES][1]
    assert reported[-1] == ("web.login", "admin has logged in (admin).", "web admin 127.0.0.1")


def test_a_hash_of_an_earlier_version_is_renewed_at_the_login_and_ends_no_session(
    start_station: Callable[..., Station],
) -> None:
    old = passwords.hash_password(PASSWORD, cost=passwords.Cost(2**14, 8, 1))
    station = start_station(accounts={"users": {"admin": {"hash": old, "factory": False}}})
    before = station.client()
    assert before.log_in().status == 200
    after = station.client()
    assert after.log_in().status == 200
    stored = station.store.accounts["users"]["admin"]["hash"]  # type: ignore[index]
    assert not passwords.is_outdated(stored)
    assert before.post("/api/v1/tests", {}).status == after.post("/api/v1/tests", {}).status == 201


def waiting(station: Station) -> int:
    """Logins that wait to be checked."""
    return len(station.server._workers._logins)
