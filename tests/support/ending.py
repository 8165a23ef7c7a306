"""Ending a program that others wrote, in the way it means to end."""

from __future__ import annotations

import subprocess

from waiting import wait_until


def end_process(process: subprocess.Popen[bytes], seconds: float = 10.0) -> int:
    """Its exit code after SIGTERM, sent until it ends; AssertionError after `seconds`.

    One SIGTERM may be lost: mosquitto 2.0.11 has a handler for it before it says to itself that it
    runs, so one that comes between, when the port is open already, ends nothing."""

    def has_ended() -> bool:
        process.terminate()
        return process.poll() is not None

    wait_until(has_ended, seconds, f"{process.args!r} does not end")
    return process.wait()
