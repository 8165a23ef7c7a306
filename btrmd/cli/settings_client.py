"""The listener to the settings: the daemon when one runs, else the files of the config folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..model.errors import BtrmError
from .client import ControlClient, NoDaemonError
from .output import warn
from .place import Folders

if TYPE_CHECKING:
    from ..model.settings import Settings

LOCK_S = 2.0  # how long to wait for another command that writes the same files


class SetResult(NamedTuple):
    """The named settings, and those that move along with them, as they are now, secrets None; the
    keys of those that were different; what is to be said of some: key -> sentence."""

    values: dict[str, Any]
    changed: frozenset[str]
    notes: Mapping[str, str]


class SettingsClient(Protocol):
    """What the verbs need. Every method raises BtrmError to refuse."""

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        """Values by key, secrets None; no keys = all settings."""

    def set(self, changes: Mapping[str, object]) -> SetResult:
        """Change all or none."""

    def export(self, secrets: bool, for_another: bool) -> dict[str, Any]:
        """The exported file."""

    def import_(self, changes: Mapping[str, object], dry_run: bool) -> dict[str, Any]:
        """Change all or none; key -> (before, after) of what differs."""


@contextmanager
def open_settings(place: Folders) -> Iterator[SettingsClient]:
    """The listener for `place`. Raises BtrmError when it leads nowhere."""
    client = daemon_of(place)
    if client is None:
        yield FileSettings(place)
        return
    with client:
        yield DaemonSettings(client)


def daemon_of(place: Folders) -> ControlClient | None:
    """A client of the daemon that uses these files; None when no such daemon runs.

    Raises NoDaemonError when the caller named a state folder only: then the files of no config
    folder can be meant. Raises BtrmError when the named daemon uses another config folder.
    """
    client = ControlClient(place)
    try:
        answer = client.ask("where")
    except NoDaemonError:
        client.close()
        if place.state_given and not place.config_given:
            raise
        return None
    except BaseException:
        client.close()
        raise
    theirs = str(answer["config_dir"])
    if not place.config_given or not theirs or is_same(Path(theirs), place.config_dir):
        return client
    client.close()
    if place.state_given:
        raise BtrmError(f"btrmd on {place.state_dir} uses {theirs}, not {place.config_dir}.")
    return None


def is_same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


class DaemonSettings:
    """Through the control socket: checked, stored and told to everyone by the owner."""

    def __init__(self, client: ControlClient) -> None:
        self._client = client

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        return dict(self._client.ask("get", keys=list(keys))["values"])

    def set(self, changes: Mapping[str, object]) -> SetResult:
        reply = self._client.ask("set", changes=dict(changes))
        return SetResult(dict(reply["values"]), frozenset(reply["changed"]), dict(reply["notes"]))

    def export(self, secrets: bool, for_another: bool) -> dict[str, Any]:
        return dict(self._client.ask("export", secrets=secrets, for_another=for_another)["export"])

    def import_(self, changes: Mapping[str, object], dry_run: bool) -> dict[str, Any]:
        reply = self._client.ask("import", changes=dict(changes), dry_run=dry_run)
        for text in reply["notes"].values():
            warn(text)
        return dict(reply["changes"])


class FileSettings:
    """In the files: for a station that is being prepared, or whose daemon is stopped."""

    def __init__(self, place: Folders) -> None:
        self._place = place

    def get(self, keys: Sequence[str]) -> dict[str, Any]:
        from ..model.settings import SETTINGS

        values: dict[str, Any] = dict(self._load().public())
        for key in keys:
            if key not in SETTINGS:
                raise _unknown(key)
        return {key: values.get(key) for key in keys or SETTINGS}

    def set(self, changes: Mapping[str, object]) -> SetResult:
        before, after = self._change(changes, dry_run=False)
        from ..model.setting_table import notes

        keys = (*changes, *before.followers(changes))
        values = {key: after.public()[key] for key in keys}
        words = {key: text for key, text in notes(after).items() if key in keys}
        return SetResult(values, frozenset(before.differing(after)), words)

    def export(self, secrets: bool, for_another: bool) -> dict[str, Any]:
        from ..docgen.settings_export import export_settings

        return export_settings(self._load(), secrets, for_another)

    def import_(self, changes: Mapping[str, object], dry_run: bool) -> dict[str, Any]:
        from ..docgen.settings_export import difference
        from ..model.setting_table import notes

        before, after = self._change(changes, dry_run)
        differing = before.differing(after)
        for key, text in notes(after).items():
            if key in differing:
                warn(text)
        return dict(difference(before, after))

    def _load(self) -> Settings:
        from ..store.settings_file import load_settings

        loaded = load_settings(self._folder(), aside=False)
        for fault in loaded.faults:
            warn(fault)
        return loaded.settings

    def _change(self, changes: Mapping[str, object], dry_run: bool) -> tuple[Settings, Settings]:
        from ..store.settings_file import SettingsFile

        with lock_files(self._place):
            file = SettingsFile(self._folder())
            loaded = file.load(aside=not dry_run)
            for fault in loaded.faults:
                warn(fault)
            before = loaded.settings
            after = before.with_changes(changes)
            if live := before.live_changes(changes):
                raise NoDaemonError(f"{next(iter(live))} counts down in a running btrmd only.")
            if not dry_run and before.differing(after):
                file.save(after)
        return before, after

    def _folder(self) -> Path:
        folder = self._place.config_dir
        if not folder.is_dir():
            raise NoDaemonError(
                f"No btrmd is running on {self._place.state_dir}, and there is no folder {folder}."
            )
        return folder


def _unknown(key: str) -> BtrmError:
    """Why the files know no value of `key`."""
    from ..model.points import POINT  # costs more than all the rest of a get

    if key in POINT:
        return NoDaemonError(f"{key} is a point: its value needs a running btrmd.")
    return BtrmError(f"{key!r} is neither a setting nor a point; `btrmd get` lists the settings.")


@contextmanager
def lock_files(place: Folders) -> Iterator[None]:
    """Keep every other btrmd off the files of `place` meanwhile. Raises BtrmError.

    The lock on the state folder keeps its daemon from starting; the one on the config folder
    keeps two commands apart that know of no common state folder.
    """
    from ..store.lock import DirLock

    with ExitStack() as stack:
        if place.state_dir.is_dir() and (place.state_given or not place.config_given):
            lock = DirLock(place.state_dir)
            lock.acquire(LOCK_S)
            stack.callback(lock.release)
        with config_lock(place.config_dir):
            yield


@contextmanager
def config_lock(folder: Path) -> Iterator[None]:
    """One command at a time writes the files of `folder`; waits for the other one."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise BtrmError(f"{folder} cannot be opened: {error.strerror}.") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # held for milliseconds by whoever has it
        yield
    finally:
        os.close(handle)


def store_password(place: Folders, user: str, password: str, role: str | None = None) -> None:
    """Write the login into CONFIG_DIR/auth.json. Raises BtrmError."""
    from ..passwords import factory_accounts, with_password
    from ..store.json_file import JsonFile

    with lock_files(place):
        file = JsonFile(place.config_dir / "auth.json")
        loaded = file.load()
        if loaded.fault:
            warn(loaded.fault)
        accounts = factory_accounts() if loaded.data is None else loaded.data
        file.save(with_password(accounts, user, password, role))
