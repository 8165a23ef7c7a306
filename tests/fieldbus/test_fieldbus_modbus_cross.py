"""Our Modbus parser beside pymodbus's: scripts/cross-check does a million of these."""

from __future__ import annotations

import itertools
import random

from codec_cross import check_modbus, modbus_inputs


def test_both_parsers_find_the_same_in_every_request() -> None:
    inputs = itertools.islice(modbus_inputs(random.Random(17)), 5_000)
    read = sum(map(check_modbus, inputs))
    assert 1_500 < read < 4_500  # right and wrong ones are among them
