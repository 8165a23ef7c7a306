"""The kept corpora of scripts/fuzz-dnp3, replayed; and any octets at all, for a moment."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from dnp3_targets import TARGETS, Bench, run
from hypothesis import given
from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus" / "dnp3"


@pytest.mark.parametrize("name", TARGETS)
def test_the_corpus(name: str) -> None:
    async def replay() -> int:
        bench = Bench()
        paths = sorted((CORPUS / name).glob("*.bin"))
        for path in paths:
            try:
                await run(name, path.read_bytes(), bench)
            except AssertionError as error:
                raise AssertionError(f"{path.name}: {error}") from error
        return len(paths)

    assert asyncio.run(replay()) >= 20


@pytest.mark.parametrize("name", TARGETS)
def test_any_octets(name: str) -> None:
    @given(st.binary(max_size=300))
    def check(data: bytes) -> None:
        asyncio.run(run(name, data))

    check()
