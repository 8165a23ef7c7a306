"""The appliance in words: the network a box should have, and how a change or an update stands."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from .settings import Settings

CONFIRM_S: Final = 120.0  # R152: a change nobody confirms from the new address goes back
MAX_BUNDLE: Final = 128 * 1024 * 1024  # bytes of an update
NO_ADDRESS: Final = "0.0.0.0"  # the settings' word for none


class NetworkWish(NamedTuple):
    """What the host's wired interface should get. `method` static|dhcp; texts "" = none.

    `mac` "" = the board's own. With dhcp the address, mask, gateway and name servers are not used.
    """

    method: str
    address: str
    mask: str
    gateway: str
    dns: tuple[str, ...]
    host_name: str
    mac: str = ""


class NetworkState(NamedTuple):
    """The last network change. `state` none|applying|pending|kept|reverted|failed.

    `address` asked for ("" = by DHCP); `left_s` s until it reverts; `text` one sentence;
    `at` wall time of the last move, s since 1970.
    """

    state: str = "none"
    address: str = ""
    left_s: float = 0.0
    text: str = ""
    at: float = 0.0

    @property
    def is_open(self) -> bool:
        """True while the change still waits to be kept or reverted."""
        return self.state in ("applying", "pending")


class UpdateState(NamedTuple):
    """The last update. `state` none|installing|good|rolled_back|refused|failed; `n` rises by one
    with each update; `at` wall time of the last move, s since 1970; `text` one sentence; `is_busy`
    it began lately and has not ended."""

    state: str = "none"
    version: str = ""
    previous: str = ""
    text: str = ""
    at: float = 0.0
    n: int = 0
    is_busy: bool = False


class Appliance(Protocol):
    """What the daemon may ask of the privileged helper. Every method may take seconds and raises
    BtrmError with one sentence when it is refused or when there is no helper."""

    def apply_network(self, wish: NetworkWish, keep: bool) -> str:
        """Begin the change; `keep` True: for good, with nobody to confirm it (PB1)."""

    def confirm_network(self, address: str) -> str:
        """Keep the change; `address` is where the confirmation reached this unit, "" = console."""

    def revert_network(self) -> str:
        """Go back at once."""

    def network_state(self) -> NetworkState:
        """Cheap; never raises."""

    def install_update(self, downgrade: bool) -> str:
        """Verify what was uploaded and begin to install it."""

    def update_state(self) -> UpdateState:
        """Cheap; never raises."""


def wish_of(settings: Settings) -> NetworkWish:
    """The network the settings ask for."""

    def text(name: str) -> str:
        value = settings.text(f"network.{name}")
        return "" if value == NO_ADDRESS else value

    return NetworkWish(
        text("method"),
        text("address"),
        text("mask"),
        text("gateway"),
        tuple(filter(None, (text("dns1"), text("dns2")))),
        text("host_name"),
        text("mac"),
    )
