"""Password hashes and the throttle, without a server."""

from __future__ import annotations

import pytest
from web_station import PASSWORD, PASSWORD_HASH, Clock

from btrmd.model import passwords
from btrmd.model.errors import SettingError
from btrmd.model.passwords import (
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
from btrmd.servers.web.throttle import (
    ACCOUNT_FREE_FAILURES,
    MAX_ENTRIES,
    Throttle,
    is_private,
    network_of,
)


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


def test_an_account_attacked_from_everywhere_waits_but_not_its_owner() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    throttle.succeeded("admin", "192.168.1.5")
    for n in range(ACCOUNT_FREE_FAILURES + 10):
        throttle.failed("admin", f"10.0.{n}.1")
    assert 0 < throttle.wait_s("admin", "10.9.9.9") <= 60
    assert throttle.wait_s("admin", "192.168.1.5") == 0
    assert throttle.wait_s("other", "10.9.9.9") == 0
    clock.now += 61
    assert throttle.wait_s("admin", "10.9.9.9") == 0


def test_failures_are_forgotten_after_an_hour() -> None:
    clock = Clock()
    throttle = Throttle(clock)
    for _ in range(4):
        throttle.failed("admin", "10.0.0.1")
    clock.now += 3601
    throttle.failed("admin", "10.0.0.1")
    assert throttle.wait_s("admin", "10.0.0.1") == 0


def test_an_attacker_with_many_addresses_does_not_fill_the_memory() -> None:
    throttle = Throttle(Clock())
    for n in range(MAX_ENTRIES + 50):
        throttle.failed(f"user{n}", f"10.{n // 250}.{n % 250}.1")
    assert len(throttle._addresses) == len(throttle._accounts) == MAX_ENTRIES


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
