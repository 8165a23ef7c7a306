"""The C library's memory: what a password's hash has taken goes back at once."""

from __future__ import annotations

import subprocess
import sys
from typing import ForwardRef, NamedTuple, get_type_hints

from btrmd.daemon.memory_trim import drop_references

PROGRAM = """
import threading
from pathlib import Path
from btrmd.daemon import memory_trim
from btrmd.passwords import hash_password

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

memory_trim.set_up()
hash_password("first")
before = resident()
for _ in range(2):
    threads = [threading.Thread(target=hash_password, args=("x",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(resident() - before)
"""


def test_hashing_on_many_threads_keeps_no_memory() -> None:
    """Without the setting each thread's arena keeps the 8 MB of its hash: 33 MB here."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 2_000_000


def test_annotations_are_text_again_and_still_resolve() -> None:
    class Pair(NamedTuple):
        volts: float | None
        name: str

    assert isinstance(Pair.__annotations__["volts"], ForwardRef), "or there is nothing to drop"
    assert drop_references() >= 2
    assert Pair.__annotations__ == {"volts": "float | None", "name": "str"}
    assert get_type_hints(Pair) == {"volts": float | None, "name": str}
    assert Pair(1.0, "a")._replace(volts=None) == (None, "a")
    assert drop_references() == 0
