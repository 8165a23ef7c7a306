"""The kept corpora of scripts/fuzz-*, replayed: every input that once showed something new."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

FEWEST = 20  # of every target

# name of the target, one input, the bench of the replay (None: one of its own) -> what was seen
Run = Callable[..., Awaitable[object]]


def replay(folder: Path, name: str, run: Run, make_bench: Callable[[], Any]) -> None:
    """All inputs of one target, on one bench; AssertionError with the name of one that fails."""

    async def all_of_them() -> int:
        bench = make_bench()  # on the loop
        paths = sorted((folder / name).glob("*.bin"))
        for path in paths:
            try:
                await run(name, path.read_bytes(), bench)
            except AssertionError as error:
                raise AssertionError(f"{path.name}: {error}") from error
        return len(paths)

    assert asyncio.run(all_of_them()) >= FEWEST


def any_octets(name: str, run: Run) -> None:
    """Whatever hypothesis thinks of, for a moment."""

    @given(st.binary(max_size=300))
    def check(data: bytes) -> None:
        asyncio.run(run(name, data))

    check()
