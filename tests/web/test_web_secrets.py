"""Password hashes and the throttle, without a server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from web_station import PASSWORD, PASSWORD_HASH, Clock

from btrmd import passwords
from btrmd.model.errors import SettingError
from btrmd.net import is_private, network_of
from btrmd.passwords import (
    COST,
    DECOY,
    FACTORY_PASSWORD,
    Cost,
    check_new_password,
    factory_accounts,
    hash_password,
    is_outdated,
    verify_password,
    with_password,
)
from btrmd.servers.web.throttle import MAX_ENTRIES, Throttle


def test_a_hash_fits_its_password_only_and_has_salt() -> None:
    assert verify_password(PASSWORD, PASSWORD_HASH)
    assert not verify_password(PASSWORD + " ", PASSWORD_HASH)
    assert hash_password(PASSWORD) != PASSWORD_HASH
    assert PASSWORD not in PASSWORD_HASH


def test_the_same_word_typed_on_two_keyboards_is_one_password() -> None:
    assert verify_password("gru\u0308\u00dfe aus", hash_password("gr\u00fc\u00dfe aus"))


@pytest.mark.parametrize(
    "stored", ["", "plain", "scrypt$2$1$1$AAAA$AAAA", "scrypt$16384$8$1$A$%", DECOY]
)
def test_a_text_that_is_no_hash_of_ours_fits_nothing(stored: str) -> None:
    assert not verify_password("", stored)


def test_a_hash_costs_what_owasp_asks_for_and_8_megabytes() -> None:
    assert (COST.n, COST.r, COST.p) == (2**13, 8, 10)
    assert 128 * COST.n * COST.r == 8 * 2**20


def test_a_hash_of_the_first_version_fits_and_takes_as_much_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that nobody can tell by the time who has logged in since the update."""
    old = hash_password("long enough", cost=Cost(2**14, 8, 1))
    assert old.startswith("scrypt$16384$8$1$")
    assert is_outdated(old)
    assert not is_outdated(PASSWORD_HASH)
    work: list[int] = []
    derive = passwords._derive

    def counted(password: str, salt: bytes, cost: Cost) -> bytes:
        work.append(cost.n * cost.r * cost.p)
        return derive(password, salt, cost)

    monkeypatch.setattr(passwords, "_derive", counted)
    amounts = set()
    for stored, word, fits in (
        (old, "long enough", True), (old, "another", False), (PASSWORD_HASH, PASSWORD, True),
        (DECOY, "anything", False),
    ):  # fmt: skip
        work.clear()
        assert verify_password(word, stored) is fits
        amounts.add(sum(work))
    assert len(amounts) == 1


def test_limits_of_a_new_password() -> None:
    assert check_new_password("12345678") == "12345678"
    assert check_new_password("x" * 128) == "x" * 128
    for wrong in ("1234567", "x" * 129, None, 12345678, "1234567\0", "1234567\ud800"):
        with pytest.raises(SettingError, match=r"8\.\.128") as caught:
            check_new_password(wrong)
        assert str(wrong) not in str(caught.value)  # never repeated in a log


def test_the_factory_login_is_marked_and_setting_a_password_ends_it() -> None:
    accounts = factory_accounts()
    admin = accounts["users"]["admin"]  # type: ignore[index]
    assert admin["factory"] is True
    assert verify_password(FACTORY_PASSWORD, admin["hash"])
    changed = with_password(accounts, "admin", "long enough")
    assert changed["users"]["admin"]["factory"] is False  # type: ignore[index]
    assert admin["factory"] is True  # the old one is not touched


def fail(throttle: Throttle, count: int, address: str, token: str | None = None) -> None:
    for _ in range(count):
        throttle.failed("admin", address, token)


def test_an_account_attacked_from_everywhere_makes_its_owner_wait_nowhere() -> None:
    throttle = Throttle(Clock())
    for n in range(500):
        fail(throttle, 6, f"10.{n // 250}.{n % 250}.1")
    assert throttle.wait_s("admin", "10.0.7.1") > 0
    assert throttle.wait_s("admin", "192.168.1.5") == 0, "an address that never guessed"
    assert throttle.rank("192.168.1.5") < throttle.rank("10.0.7.1")


def test_a_browser_that_has_logged_in_does_not_pay_for_its_address() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    token = throttle.succeeded("admin", "10.0.0.1")
    fail(throttle, 10, "10.0.0.1")
    assert throttle.wait_s("admin", "10.0.0.1") == 900
    assert throttle.wait_s("admin", "10.0.0.1", token) == 0
    assert throttle.wait_s("other", "10.0.0.1", token) == 900, "it is known for one user"
    fail(throttle, 5, "10.0.0.1", token)
    assert throttle.wait_s("admin", "10.0.0.1", token) == 30, "it pays for its own guesses"
    assert throttle.wait_s("admin", "10.0.0.2") == 0
    clock.now += 31
    assert throttle.succeeded("admin", "10.0.0.1", token) == token
    assert throttle.wait_s("admin", "10.0.0.1") == 0


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "0", lambda t: "x" + t,
                                    lambda t: "", lambda t: None, lambda t: "a.b.c",
                                    lambda t: t.replace(".", "..", 1), lambda t: "\u00e9" + t,
                                    lambda t: t * 9, lambda t: "a.\u00ff.c"])  # fmt: skip
def test_a_token_that_was_not_made_here_is_nobodys(change: Callable[[str], str | None]) -> None:
    throttle = Throttle(Clock())
    token = throttle.succeeded("admin", "10.0.0.1")
    assert throttle.device_of(token) is not None
    assert throttle.device_of(change(token)) is None
    assert Throttle(Clock()).device_of(token) is None, "of another unit"


def test_who_has_logged_in_from_where_is_known_after_a_restart() -> None:
    class Store:
        data: dict[str, object] = {}
        saves = 0

        def load(self) -> dict[str, object]:
            return self.data

        def save(self, data: dict[str, object]) -> None:
            self.data, self.saves = data, self.saves + 1

    store = Store()
    token = Throttle(Clock(), store).succeeded("admin", "10.0.0.1")
    later = Throttle(Clock(), store)
    assert later.device_of(token) is not None
    assert later.rank("10.0.0.1") < later.rank("10.0.0.2") == 0.0
    later.succeeded("admin", "10.0.0.1", token)
    assert store.saves == 1, "the disk is written for what is new only"
    fail(later, 5, "10.0.0.1")
    assert later.rank("10.0.0.1") > 0, "known, and guessing all the same"


def test_a_neighbour_of_guessers_is_looked_at_after_who_is_not() -> None:
    throttle = Throttle(Clock())
    fail(throttle, 3, "10.0.0.1")
    fail(throttle, 3, "2001:db8:1:5::1")
    assert 0.0 < throttle.rank("10.0.0.2") < 1.0
    assert 0.0 < throttle.rank("2001:db8:1:7::/64") < 1.0
    assert throttle.rank("10.0.1.2") == 0.0
    assert throttle.rank("10.0.0.1") > 3.0


def test_failures_are_forgotten_after_an_hour() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    fail(throttle, 4, "10.0.0.1")
    clock.now += 3601
    fail(throttle, 1, "10.0.0.1")
    assert throttle.wait_s("admin", "10.0.0.1") == 0


def test_an_attacker_with_many_addresses_does_not_fill_the_memory() -> None:
    throttle = Throttle(Clock())
    for n in range(MAX_ENTRIES + 50):
        throttle.failed(f"user{n}", f"10.{n // 250}.{n % 250}.1")
    assert len(throttle._tallies) == len(throttle._networks) == MAX_ENTRIES


def test_one_ipv6_host_is_one_place_whatever_address_it_takes() -> None:
    assert network_of("2001:db8:1:2::5") == network_of("2001:db8:1:2:ffff::6")
    assert network_of("2001:db8:1:2::5") != network_of("2001:db8:1:3::5")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.16.0.1", True),
        ("192.168.1.1", True),
        ("169.254.1.1", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("8.8.8.8", False),
        ("172.32.0.1", False),
        ("::ffff:8.8.8.8", False),
        ("2a00::1", False),
        ("", False),
    ],
)
def test_what_a_private_address_is(address: str, expected: bool) -> None:
    assert is_private(address) is expected
