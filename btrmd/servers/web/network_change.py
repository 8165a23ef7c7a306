"""How a change of the host's network stands, for the Network page."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request

from btrmd.model.appliance import CONFIRM_S, NetworkState
from btrmd.model.commands import ShowAppliance
from btrmd.model.snapshot import Snapshot

from .services import Services
from .tasks import LOCAL_ADDRESS


def change_panel(services: Services, snapshot: Snapshot) -> Mapping[str, object]:
    """Whether the host's network can be changed from here, and how the last change stands."""
    answer = services.bus.perform(ShowAppliance())
    change = answer.data.get("network")
    if not isinstance(change, NetworkState):
        change = NetworkState()
    return {
        "has_helper": answer.data.get("has_helper") is True,
        "change": change,
        "is_there": change.address != "" and local_address() == change.address,
        "confirm_s": int(CONFIRM_S),
        "left_s": round(change.left_s),
        "is_dhcp": snapshot.settings["network.method"] == "dhcp",
    }


def local_address() -> str:
    """The address of this unit at which the request arrived, as the kernel says."""
    tell = request.environ.get(LOCAL_ADDRESS)
    return str(tell()) if callable(tell) else ""
