"""Flask without what a daemon never uses: its command line and its development server."""

from __future__ import annotations

import os

from btrmd.part_imports import import_without_init, stand_in


class CommandGroup:
    """Where Flask would collect the commands of its command line: none here."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.commands: dict[str, object] = {}


def is_reloaded() -> bool:
    """As `werkzeug.serving.is_running_from_reloader`, which Flask alone asks, when run by hand."""
    return os.environ.get("WERKZEUG_RUN_MAIN") == "true"


def import_flask() -> None:
    """Import Flask; 2 MB less than all of it (docs/performance.md). Whoever asks for the rest
    later, as its test client does, gets it."""
    import_without_init("werkzeug")  # whose __init__ is the server, and a client for tests
    import_without_init("click")  # named by the module of the application, used by `flask run`
    with (
        stand_in("flask.cli", AppGroup=CommandGroup),
        stand_in("werkzeug.serving", is_running_from_reloader=is_reloaded),
    ):
        import flask  # noqa: F401
