"""The kept corpora of scripts/fuzz-dnp3, replayed; and any octets at all, for a moment."""

from __future__ import annotations

from pathlib import Path

import pytest
from dnp3_targets import TARGETS, Bench, run
from fuzz_corpus import any_octets, replay

CORPUS = Path(__file__).parent / "corpus" / "dnp3"


@pytest.mark.parametrize("name", TARGETS)
def test_the_dnp3_corpus(name: str) -> None:
    replay(CORPUS, name, run, Bench)


@pytest.mark.parametrize("name", TARGETS)
def test_any_octets_as_dnp3(name: str) -> None:
    any_octets(name, run)
