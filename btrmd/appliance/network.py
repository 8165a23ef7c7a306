"""The network change: tried for 120 s, kept when confirmed from the new address, else undone.

The candidate is a profile in NetworkManager's memory; what was there before is not touched until
the confirmation. So a power cut, a reboot or the end of this process undo the change as well.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ..model.appliance import CONFIRM_S, NetworkWish
from . import checks, nmcli
from .files import read_json, uptime, write_json

log = logging.getLogger(__name__)

ANSWER_S: Final = 1.0  # the page that asked gets its answer before the address goes
Job = Callable[[], None]


class Network:
    """One change at a time; its state is in `path`, so another process can go on with it."""

    def __init__(self, path: Path, confirm_s: float = CONFIRM_S) -> None:
        self._path = path
        self._confirm_s = confirm_s
        self._state: dict[str, Any] = read_json(path)
        if self._state.get("state") == "applying":  # a helper died while it was at work
            self._undo("reverted", "The network change was interrupted and has been undone.")

    @property
    def is_open(self) -> bool:
        return self._state.get("state") in ("applying", "pending")

    @property
    def left_s(self) -> float | None:
        """s until the change is undone; None when nothing waits."""
        if not self.is_open:
            return None
        return max(0.0, float(self._state.get("until", 0.0)) - uptime())

    def apply(self, request: Mapping[str, object]) -> tuple[str, Job]:
        """Check all that can be checked; the job does it once the answer is on its way."""
        wish, prefix = checks.network_wish(request)
        keep = checks.flag(request, "keep")
        if self.is_open and not keep:
            raise checks.HelperRequestError(
                "A network change waits to be confirmed or reverted first."
            )
        device = nmcli.wired_device()
        previous = nmcli.active_profile(device)
        if self.is_open:  # PB1 overrules it
            previous = str(self._state.get("previous", ""))
        old_name = nmcli.host_name()  # asked before anything is made: a refusal leaves nothing
        name = nmcli.OURS + secrets.token_hex(4)
        nmcli.add_profile(name, device, wish, prefix, keep)
        self._move(
            "applying", "", profile=name, device=device, address=wish.address, previous=previous,
            host_name=wish.host_name, old_name=old_name,
            until=uptime() + self._confirm_s + ANSWER_S,
        )  # fmt: skip
        where = wish.address or "the address that DHCP gives"
        if keep:
            return f"The network is set to {where}.", lambda: self._set(wish)
        text = (
            f"The network changes to {where} now; open the Network page there within "
            f"{self._confirm_s:g} s and confirm, or the change is undone."
        )
        return text, lambda: self._try(wish)

    def confirm(self, address: str) -> str:
        """Keep the change. `address`: where the confirmation arrived; "" = the unit's console."""
        state = self._state
        if state.get("state") != "pending":
            raise checks.HelperRequestError("No network change waits to be confirmed.")
        device, name = state["device"], state["profile"]
        if address and address not in nmcli.addresses(device):
            raise checks.HelperRequestError(
                f"The confirmation came by {address}, which is not the new address: open the "
                "Network page at the new address and confirm there."
            )
        nmcli.keep_profile(name)
        text = "The network change was confirmed and is kept."
        self._forget_others(name)
        self._move("kept", text)
        return text

    def revert(self) -> str:
        """Undo at once."""
        if not self.is_open:
            raise checks.HelperRequestError("No network change waits; there is nothing to revert.")
        self._undo("reverted", "The network change was taken back.")
        return str(self._state["text"])

    def look(self) -> None:
        """Undo what nobody confirmed in time."""
        if self.left_s == 0.0:
            text = f"Nobody confirmed the network change within {self._confirm_s:g} s: undone."
            self._undo("reverted", text)

    def give_up(self) -> None:
        """The helper is told to stop: nobody else would undo the change in time."""
        if self.is_open:
            self._undo("reverted", "The helper was stopped, so the network change is undone.")

    def show(self) -> dict[str, object]:
        """State, device and its addresses."""
        device = nmcli.wired_device()
        return {
            "device": device,
            "addresses": list(nmcli.addresses(device)),
            "host_name": nmcli.host_name(),
            "state": self._state.get("state", "none"),
            "text": self._state.get("text", ""),
            "left_s": self.left_s,
        }

    # --- the work ------------------------------------------------------------------------------

    def _try(self, wish: NetworkWish) -> None:
        time.sleep(ANSWER_S)
        try:
            nmcli.set_host_name(wish.host_name)
            nmcli.bring_up("id", self._state["profile"])
        except nmcli.NetworkError as error:
            self._undo("failed", f"The network change failed and is undone: {error}")
            return
        where = wish.address or ", ".join(nmcli.addresses(self._state["device"])) or "DHCP"
        self._move(
            "pending", f"The network is {where}, waiting to be confirmed.",
            until=uptime() + self._confirm_s,
        )  # fmt: skip

    def _set(self, wish: NetworkWish) -> None:
        """PB1: for good, whether or not a cable is in."""
        name = self._state["profile"]
        text = f"The network is set to {wish.address or 'DHCP'}."
        try:
            nmcli.set_host_name(wish.host_name)
            nmcli.bring_up("id", name)
        except nmcli.NetworkError as error:
            text = f"The network is set to {wish.address or 'DHCP'} but not up yet: {error}"
            log.warning("%s", text)
        self._forget_others(name)
        self._move("kept", text)

    def _undo(self, state: str, text: str) -> None:
        name, previous = self._state.get("profile", ""), self._state.get("previous", "")
        steps: list[Job] = []
        old_name = str(self._state.get("old_name", ""))
        if old_name and old_name != self._state.get("host_name"):
            steps.append(lambda: nmcli.set_host_name(old_name, is_back=True))
        if previous:
            steps.append(lambda: nmcli.bring_up("uuid", previous))
        if name:
            steps.append(lambda: nmcli.delete_profile(name))
        failed = []
        for step in steps:
            try:
                step()
            except nmcli.NetworkError as error:
                failed.append(str(error))
                log.error("undoing the network change: %s", error)
        self._move(state, " ".join((text, *failed)))

    def _forget_others(self, kept: str) -> None:
        """Earlier profiles of ours; what the image or a person made stays, below in priority."""
        try:
            for name in nmcli.our_profiles():
                if name != kept:
                    nmcli.delete_profile(name)
        except nmcli.NetworkError as error:
            log.warning("an earlier profile stays: %s", error)

    def _move(self, state: str, text: str, **facts: object) -> None:
        self._state = {**self._state, **facts, "state": state, "text": text, "at": time.time()}
        log.info("network change %s: %s", state, text or self._state.get("address") or "dhcp")
        write_json(self._path, self._state)
