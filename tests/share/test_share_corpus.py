"""The kept corpora of scripts/fuzz-wire, replayed: every input that once showed something new."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fuzz_corpus import any_octets
from wire_targets import TARGETS, Bench, run

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("name", TARGETS)
def test_what_once_was_new_still_holds(name: str) -> None:
    paths = sorted((CORPUS / name).glob("*.bin"))
    assert len(paths) >= 4

    async def all_of_them() -> None:
        bench = Bench()
        for path in paths:
            try:
                await run(name, path.read_bytes(), bench)
            except AssertionError as error:
                raise AssertionError(f"{path.name}: {error}") from error

    asyncio.run(all_of_them())


@pytest.mark.parametrize("name", ["http", "nut", "control", "update", "manifest"])
def test_any_octets_do_no_harm(name: str) -> None:
    any_octets(name, run)
