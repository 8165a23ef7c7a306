"""The appliance service: what pages, CLI and PB1 ask of the host, put to the privileged helper."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..appliance.client import HelperClient
from ..appliance.slot import Slot
from ..bus import Bus
from ..model.appliance import CONFIRM_S, NetworkWish, wish_of
from ..model.commands import (
    Answer,
    ApplyNetwork,
    ConfirmNetwork,
    HostCommand,
    InstallUpdate,
    Note,
    PutUpdate,
    RevertNetwork,
    ShowAppliance,
    UpdateEnded,
)
from ..model.errors import BtrmError
from ..model.service import Service
from ..model.settings import Settings
from .cursors import Cursors

log = logging.getLogger(__name__)

UPDATE_REPORTED = "update.told"  # cursor: the last update whose end stands in the event log
PB1_S = 10.0  # longest wait of a restart for the helper's word
LATE_S = 15.0  # after its time the helper has undone what nobody confirmed
NETWORK, UPDATE = "system.network", "system.update"


class ApplianceService(Service, name="appliance"):
    """Offers its commands on the bus. Nothing here runs on the owner's thread but `restore`, which
    only starts a thread."""

    def __init__(
        self, bus: Bus, client: HelperClient, slot: Slot, cursors: Cursors, is_played: bool = False
    ) -> None:
        """`is_played`: the board is a simulation, and its PB1 must not move a real host."""
        self._bus = bus
        self._client = client
        self._slot = slot
        self._cursors = cursors
        self._is_played = is_played
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._pb1: threading.Thread | None = None

    def start(self) -> None:
        """Open for commands; take up what an earlier run of the daemon began."""
        bus = self._bus
        doers: dict[type[HostCommand], Callable[..., Answer]] = {
            ApplyNetwork: self._apply,
            ConfirmNetwork: self._confirm,
            RevertNetwork: self._revert,
            PutUpdate: self._put,
            InstallUpdate: self._install,
            UpdateEnded: self._ended,
            ShowAppliance: self._show,
        }
        for kind, doer in doers.items():
            bus.offer(kind, doer)
        if self._client.network_state().is_open:
            self._watch()
        self._tell_update()

    def stop(self) -> None:
        """Look no more; let PB1's request get to the helper before a restart ends its thread."""
        self._forget()
        if self._pb1 is not None:
            self._pb1.join(PB1_S)

    def _forget(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    # --- what is asked --------------------------------------------------------------------------

    def restore(self, settings: Settings) -> None:
        """PB1: the host gets the address of `settings`, for good. Returns at once."""
        wish = wish_of(settings)
        self._pb1 = threading.Thread(target=self._restore, args=(wish,), name="pb1", daemon=True)
        self._pb1.start()

    def _ended(self, host_command: UpdateEnded) -> Answer:
        self._tell_update()
        return Answer(True)

    def _tell_update(self) -> None:
        """Tell the end of an update, once: when the installer says so, or at the next start."""
        state = self._client.update_state()
        reported = self._cursors.load(UPDATE_REPORTED) or 0
        if state.n <= reported or state.state in ("none", "installing"):
            return
        try:
            self._cursors.save(UPDATE_REPORTED, state.n)
        except BtrmError as error:
            log.warning("%s", error)
        self._slot.clear()
        self._note(UPDATE, state.text, "update")

    def _restore(self, wish: NetworkWish) -> None:
        try:
            if self._is_played:
                raise BtrmError("The board is simulated, so PB1 leaves this machine's network.")
            text = self._client.apply_network(wish, keep=True)
        except BtrmError as error:
            text = str(error)
            log.error("PB1: %s", text)
        self._note(NETWORK, text, "PB1")

    def _apply(self, host_command: ApplyNetwork) -> Answer:
        wish = wish_of(self._bus.snapshot.settings)
        answer = self._ask(
            NETWORK, host_command.source, lambda: self._client.apply_network(wish, False)
        )
        if answer.ok:
            self._watch()
        return answer

    def _confirm(self, host_command: ConfirmNetwork) -> Answer:
        client, address = self._client, host_command.address
        answer = self._ask(NETWORK, host_command.source, lambda: client.confirm_network(address))
        return self._settled(answer)

    def _revert(self, host_command: RevertNetwork) -> Answer:
        return self._settled(self._ask(NETWORK, host_command.source, self._client.revert_network))

    def _settled(self, answer: Answer) -> Answer:
        """The change is kept or undone, and told: nobody need look later."""
        if answer.ok:
            self._forget()
        return answer

    def _put(self, host_command: PutUpdate) -> Answer:
        try:
            whole = self._slot.put(host_command.offset, host_command.total, host_command.piece)
        except BtrmError as error:
            return Answer(False, "upload", str(error))
        return Answer(True, data={"whole": whole})

    def _install(self, host_command: InstallUpdate) -> Answer:
        against = self._against_update()
        if against is not None:
            self._note(UPDATE, against.text, host_command.source)
            return against
        client, downgrade = self._client, host_command.downgrade
        return self._ask(UPDATE, host_command.source, lambda: client.install_update(downgrade))

    def _against_update(self) -> Answer | None:
        """The load comes first: no update in a test or in an outage."""
        points = self._bus.snapshot.points
        if points["test.state"].value in ("proving", "running", "returning"):
            return Answer(False, "running", "The update is refused: a test is running.")
        if points["ups.on_battery"].value is not False:
            return Answer(False, "interlock", "The update is refused: the load is on the battery.")
        return None

    def _show(self, host_command: ShowAppliance) -> Answer:
        client = self._client
        return Answer(
            True,
            data={
                "network": client.network_state(),
                "update": client.update_state(),
                "uploaded": self._slot.size,
                "has_helper": client.is_there,
            },
        )

    # --- how ------------------------------------------------------------------------------------

    def _ask(self, key: str, source: str, ask: Callable[[], str]) -> Answer:
        """The helper's word as an answer and an event."""
        try:
            answer = Answer(True, "ok", ask())
        except BtrmError as error:
            log.warning("%s: %s", key, error)
            answer = Answer(False, "refused", str(error))
        self._note(key, answer.text, source)
        return answer

    def _watch(self) -> None:
        """Look once after the time has run out, so that the log tells what became of it."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(CONFIRM_S + LATE_S, self._looked)
            self._timer.daemon = True
            self._timer.start()

    def _looked(self) -> None:
        state = self._client.network_state()
        if state.state in ("reverted", "failed"):
            self._note(NETWORK, state.text, "helper")

    def _note(self, key: str, text: str, source: str) -> None:
        try:
            self._bus.post(Note(key, text, source))
        except BtrmError as error:
            log.warning("%s (%s) is not in the event log: %s", text, source, error)
