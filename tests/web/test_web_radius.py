"""Logins by RADIUS: a real FreeRADIUS, and a server that answers what it should not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from radius_server import SECRET, FreeRadius, OddServer, answer
from waiting import wait_until
from web_station import PASSWORD, Client, Reply, Station

from btrmd.model.settings import Settings
from btrmd.servers import radius
from btrmd.servers.radius import RadiusError, RadiusServer, ask


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeRadius]:
    made = FreeRadius(tmp_path_factory.mktemp("radius") / "raddb")
    yield made
    made.close()


def use(station: Station, port: int, **changes: object) -> None:
    named = {"radius.enabled": True, "radius.server": "127.0.0.1", "radius.port": port,
             "radius.secret": SECRET, **changes}  # fmt: skip
    station.owner.show(settings=Settings.defaults().with_changes(named))


def log_in(station: Station, user: str, password: str) -> tuple[Client, Reply]:
    client = station.client()
    return client, client.log_in(user, password)


def fault(station: Station) -> str:
    found = station.bus.listeners.get("radius")
    return found.fault if found is not None else ""


# --- the real server --------------------------------------------------------------------------


def test_a_user_of_the_server_gets_the_role_of_its_filter_id(
    station: Station, server: FreeRadius
) -> None:
    use(station, server.port)
    client, reply = log_in(station, "ann", "open sesame, zoë")
    assert reply.status == 200, reply.text
    assert client.get("/api/v1/settings").status == 200
    changed = client.ask("PATCH", "/api/v1/settings", {"site.name": "x"})
    assert changed.status == 403, "an operator changes no settings"
    carl, _ = log_in(station, "carl", "carl")
    assert carl.ask("PATCH", "/api/v1/settings", {"site.name": "x"}).status == 200
    wanted = ["ann has logged in (operator, by RADIUS).", "carl has logged in (admin, by RADIUS)."]
    wait_until(lambda: [note.text for note in station.owner.logins] == wanted)
    assert station.bus.listeners["radius"].address == f"127.0.0.1:{server.port}"


def test_a_wrong_password_and_an_unknown_name_are_refused_and_counted(
    station: Station, server: FreeRadius
) -> None:
    use(station, server.port)
    for user in ("ann", "nobody"):
        _, reply = log_in(station, user, "wrong")
        assert (reply.status, reply.json["error"]) == (401, "credentials")
    for _ in range(6):
        _, reply = log_in(station, "ann", "wrong")
    assert reply.status == 429
    asked = server.log.count("Received Access-Request")
    log_in(station, "ann", "open sesame, zoë")
    assert server.log.count("Received Access-Request") == asked, "who must wait is not asked about"


def test_without_a_filter_id_the_setting_decides(station: Station, server: FreeRadius) -> None:
    use(station, server.port)
    _, reply = log_in(station, "bob", "builder")
    assert (reply.status, reply.json["error"]) == (403, "no_role")
    use(station, server.port, **{"radius.role": "viewer"})
    _, reply = log_in(station, "bob", "builder")
    assert reply.status == 200
    wanted = "bob has logged in (viewer, by RADIUS)."
    wait_until(lambda: [note.text for note in station.owner.logins][-1:] == [wanted])


def test_the_units_own_users_are_never_asked_about(station: Station, server: FreeRadius) -> None:
    use(station, server.port)
    before = server.log.count("Received Access-Request")
    assert log_in(station, "admin", "from radius")[1].status == 401
    assert log_in(station, "admin", PASSWORD)[1].status == 200
    assert server.log.count("Received Access-Request") == before


def test_other_settings_end_its_sessions_and_its_password_is_not_kept_here(
    station: Station, server: FreeRadius
) -> None:
    use(station, server.port, **{"web.authorization": "all"})
    client, _ = log_in(station, "carl", "carl")
    reply = client.post("/api/v1/password", {"current": "carl", "password": "another long one"})
    assert reply.status == 422
    assert "kept by the RADIUS server" in reply.text
    assert client.get("/api/v1/settings").status == 200
    use(station, server.port, **{"web.authorization": "all", "radius.enabled": False})
    assert client.get("/api/v1/settings").status == 401


def test_another_shared_secret_is_told(
    station: Station, server: FreeRadius, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radius, "WAIT_S", 0.2)
    use(station, server.port, **{"radius.secret": "another secret"})
    _, reply = log_in(station, "ann", "open sesame, zoë")
    assert (reply.status, reply.json["error"]) == (503, "unreached")
    assert "did not answer within 0.6 s" in reply.json["reason"]
    assert "own users can log in" in reply.json["reason"]
    assert "another shared secret" in fault(station)
    assert log_in(station, "admin", PASSWORD)[1].status == 200
    use(station, server.port)
    assert log_in(station, "ann", "open sesame, zoë")[1].status == 200
    assert fault(station) == ""


# --- answers that are none ----------------------------------------------------------------------


def target(port: int, **changes: object) -> RadiusServer:
    made = RadiusServer("127.0.0.1", port, SECRET, "viewer", True)
    return made._replace(**changes)  # type: ignore[arg-type]


FILTER = bytes((11, 7)) + b"admin"
BAD: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("unsigned", lambda r: answer(r, 2, FILTER, is_signed=False), "no Message-Authenticator"),
    ("secret", lambda r: answer(r, 2, FILTER, b"other"), "with another shared secret"),
    ("turned", lambda r: b"\x02" + answer(r, 3)[1:], "with another shared secret"),
    ("short", lambda r: answer(r, 2)[:19], "damaged"),
    ("length", lambda r: answer(r, 2)[:2] + b"\xff\xff" + answer(r, 2)[4:], "damaged"),
    ("other", lambda r: answer(r[:1] + bytes([r[1] ^ 1]) + r[2:], 2), "another question"),
    ("attribute", lambda r: answer(r, 2, b"\x0b\x01"), "damaged"),
    ("challenge", lambda r: answer(r, 11), "asks for more than a password"),
]


@pytest.mark.parametrize(("name", "say", "words"), BAD, ids=[name for name, _, _ in BAD])
def test_an_answer_that_is_none_lets_nobody_in(
    monkeypatch: pytest.MonkeyPatch, name: str, say: Callable[[bytes], bytes], words: str
) -> None:
    monkeypatch.setattr(radius, "WAIT_S", 0.1)
    odd = OddServer(lambda request: [say(request)])
    try:
        with pytest.raises(RadiusError, match=words):
            ask(target(odd.port), "eve", "x", "17", "10.0.0.1")
    finally:
        odd.close()


def test_a_forged_answer_before_the_true_one_changes_nothing() -> None:
    odd = OddServer(lambda request: [b"x", answer(request, 2, FILTER, b"other"),
                                     answer(request, 3)])  # fmt: skip
    try:
        assert ask(target(odd.port), "eve", "x", "17", "10.0.0.1") is None
    finally:
        odd.close()


def test_unsigned_answers_where_the_settings_allow_them() -> None:
    odd = OddServer(lambda request: [answer(request, 2, FILTER, is_signed=False)])
    try:
        assert ask(target(odd.port, is_signed=False), "eve", "x", "17", "::1") == "admin"
    finally:
        odd.close()


def test_a_lost_request_is_repeated_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(radius, "WAIT_S", 0.2)
    seen: list[bytes] = []

    def say(request: bytes) -> list[bytes]:
        seen.append(request)
        return [answer(request, 2, FILTER)] if len(seen) == 3 else []

    odd = OddServer(say)
    try:
        assert ask(target(odd.port), "eve", "x" * 128, "17", "10.0.0.1") == "admin"
        assert len(seen) == 3
        assert len(set(seen)) == 1
        assert ask(target(odd.port), "eve", "x" * 129, "17", "10.0.0.1") is None, "RFC 2865 5.2"
        assert len(seen) == 3
    finally:
        odd.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": ""}, "No server is set"),
        ({"secret": ""}, "No shared secret is set"),
        ({"host": "nowhere.invalid"}, "The name nowhere.invalid is not found"),
    ],
)
def test_what_cannot_be_asked_is_told(changes: dict[str, object], words: str) -> None:
    with pytest.raises(RadiusError, match=words):
        ask(target(1, **changes), "eve", "x", "17", "10.0.0.1")


def test_a_silent_server_holds_up_nobody_else(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(radius, "WAIT_S", 0.5)
    odd = OddServer(lambda request: [])
    try:
        use(station, odd.port)
        thread = threading.Thread(target=log_in, args=(station, "ann", "x"))
        thread.start()
        assert station.client().get("/healthz").status == 200
        assert station.client().get("/api/v1/points").status == 200
        thread.join(10.0)
        assert not thread.is_alive()
        assert "did not answer" in fault(station)
        assert SECRET not in fault(station) + repr(target(1))
    finally:
        odd.close()


@pytest.mark.parametrize(
    "user",
    [
        "a\nINFO forged", "a\x1b[31m", "a\u202eb", " admin", "admin ", "Admin", "ADMIN",
        "token prometheus", "cli root", "nobody", "u" * 65, "a\u3000b", "a\0",
    ],
)  # fmt: skip
def test_no_name_of_elsewhere_forges_a_log_or_looks_like_an_own_user(
    station: Station, user: str
) -> None:
    odd = OddServer(lambda request: [answer(request, 2, FILTER)])
    try:
        use(station, odd.port)
        assert log_in(station, user, "x")[1].status == 401
        assert not odd.requests, "it is not even asked about"
        assert log_in(station, r"CORP\joe@example.com", "x")[1].status == 200
    finally:
        odd.close()


def test_a_fault_of_former_settings_goes_with_them(station: Station) -> None:
    """Nobody logs in meanwhile."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unread:
        unread.bind(("127.0.0.1", 0))
        port = unread.getsockname()[1]
    use(station, port)
    log_in(station, "eve", "x")
    assert "cannot be reached" in fault(station)
    station.owner.show()
    station.owner.show(settings=Settings.defaults())
    wait_until(lambda: not fault(station))


def test_who_is_no_longer_asked_is_no_longer_shown(station: Station) -> None:
    odd = OddServer(lambda request: [answer(request, 2, FILTER)])
    try:
        use(station, odd.port)
        assert log_in(station, "eve", "x")[1].status == 200
        assert station.bus.listeners["radius"].address == f"127.0.0.1:{odd.port}"
        station.owner.show(settings=Settings.defaults())
        station.client().get("/")
        log_in(station, "eve", "x")
        assert station.bus.listeners["radius"].address == ""
    finally:
        odd.close()


def test_a_password_that_is_no_text_is_refused_as_a_wrong_one(station: Station) -> None:
    """A lone surrogate, as JSON may carry it."""
    odd = OddServer(lambda request: [answer(request, 3)])
    try:
        use(station, odd.port)
        assert log_in(station, "eve", "\ud800")[1].status == 401
    finally:
        odd.close()


def test_an_answer_that_is_none_to_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed by the server, and an accounting response: no refusal of the person."""
    monkeypatch.setattr(radius, "WAIT_S", 0.1)
    odd = OddServer(lambda request: [answer(request, 5)])
    try:
        with pytest.raises(RadiusError, match=r"is refused: it is none to a login \(code 5\)"):
            ask(target(odd.port), "eve", "x", "17", "10.0.0.1")
    finally:
        odd.close()


def test_a_name_with_several_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one is silent or refuses: the next is asked."""
    monkeypatch.setattr(radius, "WAIT_S", 0.1)
    odd, mute = OddServer(lambda request: [answer(request, 2, FILTER)]), OddServer(lambda r: [])
    real = socket.getaddrinfo
    places = [("127.0.0.1", 1), ("127.0.0.1", mute.port), ("127.0.0.1", odd.port)]

    def resolve(host: str, port: int, **words: object) -> list[object]:
        """What a resolver with three records says."""
        found = [one for place in places for one in real(*place, type=socket.SOCK_DGRAM)]
        # the last is of a family that the kernel was told to do without
        return [*found[1:], (9999, socket.SOCK_DGRAM, 17, "", ("127.0.0.1", 1)), found[0]]

    monkeypatch.setattr(radius.socket, "getaddrinfo", resolve)
    try:
        assert ask(target(1), "eve", "x", "17", "10.0.0.1") == "admin"
    finally:
        odd.close()
        mute.close()
