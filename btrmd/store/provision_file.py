"""The provision file: STATE_DIR/provision.json, what became of the last btrm.json or btrm.csv."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from .json_file import JsonFile

NAME = "provision.json"


class Provision(NamedTuple):
    """`text`: one sentence; `is_fault`: nothing was taken over. `is_reported`: it is in the log.

    `digest`: of the files that were applied and could not be renamed, so that they are not applied
    again; separated by commas.
    """

    text: str = ""
    is_fault: bool = False
    is_reported: bool = True
    digest: str = ""


class ProvisionFile:
    """Written by `btrmd provision`, read by the daemon's start."""

    def __init__(self, state_dir: Path) -> None:
        self._file = JsonFile(state_dir / NAME)

    def load(self) -> Provision:
        """What is not understood counts as nothing: it is a report only."""
        data = self._file.load(aside=False).data or {}
        text, digest = data.get("text", ""), data.get("digest", "")
        return Provision(
            text if isinstance(text, str) else "",
            data.get("is_fault") is True,
            data.get("is_reported") is not False,
            digest if isinstance(digest, str) else "",
        )

    def save(self, report: Provision) -> None:
        """Durable when it returns. Raises StorageError."""
        self._file.save(report._asdict())
