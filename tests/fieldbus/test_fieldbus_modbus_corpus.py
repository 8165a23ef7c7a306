"""The kept corpora of scripts/fuzz-modbus, replayed; and any octets at all, for a moment."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz_corpus import any_octets, replay
from modbus_targets import TARGETS, Bench, run

CORPUS = Path(__file__).parent / "corpus" / "modbus"


@pytest.mark.parametrize("name", TARGETS)
def test_the_modbus_corpus(name: str) -> None:
    replay(CORPUS, name, run, Bench)


@pytest.mark.parametrize("name", TARGETS)
def test_any_octets_as_modbus(name: str) -> None:
    any_octets(name, run)
